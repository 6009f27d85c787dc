"""What-if edits: the call is replaced, and all that follows changes as it would in a module that computes so."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.transformer import Edits, record, record_edited
from tests.transformer.by_hand import SPELLINGS
from tests.transformer.zoo import any_by_hand, any_multihead, any_sdpa

CLOSE = 1e-12


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max())


def made(module, args, kwargs, edits):
    return record(module, *args, **kwargs), record_edited({0: edits}, module, *args, **kwargs)


@pytest.mark.parametrize("seed", range(20))
def test_without_an_edit_nothing_changes(seed):
    module, args, kwargs = any_multihead(seed)
    plain, edited = made(module, args, kwargs, Edits())
    assert difference(plain.output[0], edited.output[0]) <= CLOSE
    if plain.output[1] is not None:
        assert difference(plain.output[1], edited.output[1]) <= CLOSE
    args, kwargs = any_sdpa(seed)
    plain, edited = made(F.scaled_dot_product_attention, args, kwargs, Edits())
    assert difference(plain.output, edited.output) <= CLOSE
    module, x = any_by_hand(seed)
    plain, edited = made(module, (x,), {}, Edits())
    assert difference(plain.output, edited.output) <= CLOSE


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_edit_of_attention_written_by_hand_equals_the_module_that_computes_so(name):
    torch.manual_seed(0)
    module, x = SPELLINGS[name](2, 3, causal=False).double(), torch.randn(2, 4, 6).double()
    causal = SPELLINGS[name](2, 3, causal=True).double()
    causal.load_state_dict(module.state_dict())
    assert difference(made(module, (x,), {}, Edits(causal=True))[1].output, causal(x)) <= CLOSE
    assert difference(made(causal, (x,), {}, Edits(causal=False))[1].output, module(x)) <= CLOSE
    zeroed = made(module, (x,), {}, Edits(zeroed_heads=frozenset({1})))[1]
    without = module.to_out.weight.detach().clone()
    without[:, 3:] = 0  # the second head
    joined = (module.weights(x) @ module.split(module.to_v(x))).transpose(1, 2).flatten(2)
    assert difference(zeroed.output, F.linear(joined, without, module.to_out.bias)) <= CLOSE
    unscaled = made(module, (x,), {}, Edits(scale=False))[1].calls[0]
    q, k = module.split(module.to_q(x)), module.split(module.to_k(x))
    assert difference(unscaled.weights, (q @ k.transpose(-2, -1)).softmax(-1)) <= CLOSE
    assert unscaled.scale == unscaled.prescale == 1


def test_an_edit_of_multihead_attention_equals_torch_with_that_mask():
    torch.manual_seed(0)
    module, x = nn.MultiheadAttention(6, 2, batch_first=True).double(), torch.randn(2, 4, 6).double()
    mask = torch.rand(4, 4) < 0.7
    mask.fill_diagonal_(True)
    edited = made(module, (x, x, x), {}, Edits(mask=mask))[1]
    output, weights = module(x, x, x, attn_mask=~mask)
    assert difference(edited.output[0], output) <= CLOSE
    assert difference(edited.output[1], weights) <= CLOSE
    both = made(module, (x, x, x), {}, Edits(mask=mask, causal=True))[1]
    assert difference(both.output[0], module(x, x, x, attn_mask=~mask.tril())[0]) <= CLOSE
    padding = torch.tensor([[False, False, False, True], [False] * 4])
    kwargs = {"key_padding_mask": padding, "attn_mask": torch.ones(4, 4, dtype=torch.bool).triu(1)}
    open_again = made(module, (x, x, x), kwargs, Edits(causal=False))[1]
    assert difference(open_again.output[0], module(x, x, x, key_padding_mask=padding)[0]) <= CLOSE


def test_an_edit_of_one_layer_moves_the_layers_after_it_and_the_output():
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 3).double().eval()
    x = torch.randn(1, 5, 8).double()
    plain = record(model, x)
    edited = record_edited({1: Edits(zeroed_heads=frozenset({0, 1}))}, model, x)
    same = [difference(a.weights, b.weights) <= CLOSE for a, b in zip(plain.calls, edited.calls, strict=True)]
    assert same == [True, True, False]
    assert difference(plain.output, edited.output) > 1e-3
    assert not edited.calls[1].heads.any()
    assert difference(edited.calls[1].output, model.layers[1].self_attn.out_proj.bias.expand(1, 5, 8)) <= CLOSE


def test_exchanged_keys_have_the_scores_of_others():
    torch.manual_seed(0)
    x = torch.randn(3, 1, 2, 6, 4).double()
    plain, edited = made(F.scaled_dot_product_attention, tuple(x), {}, Edits(key_seed=1))
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
    assert difference(edited.calls[0].scores, plain.calls[0].scores[..., order]) <= CLOSE
    assert difference(edited.output, plain.calls[0].weights[..., order] @ x[2]) <= CLOSE


def test_without_the_scale_the_weights_are_sharper():
    torch.manual_seed(0)
    x = torch.randn(3, 1, 1, 8, 64)
    plain, edited = made(F.scaled_dot_product_attention, tuple(x), {}, Edits(scale=False))
    assert difference(edited.calls[0].scores, 8 * plain.calls[0].scores) < 1e-4
    assert edited.calls[0].weights.amax(-1).mean() > 2 * plain.calls[0].weights.amax(-1).mean()


def test_a_row_left_without_keys_is_what_torch_makes_of_it():
    torch.manual_seed(0)
    nothing = torch.tensor([[False, False], [True, True]])
    x = torch.randn(1, 2, 4)
    module = nn.MultiheadAttention(4, 2, batch_first=True)
    assert made(module, (x, x, x), {}, Edits(mask=nothing))[1].output[0][0, 0].isnan().all()
    edited = made(module, (x, x, x), {"need_weights": False}, Edits(mask=nothing))[1]
    assert difference(edited.output[0][0, 0], module.out_proj.bias) < 1e-6


def test_what_does_not_fit_is_refused_by_name():
    module, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.randn(1, 3, 4)
    for edits, words in (
        ({1: Edits()}, "1 attention calls"),
        ({0: Edits(zeroed_heads=frozenset({2}))}, "2 heads"),
        ({0: Edits(mask=torch.ones(2, 3, dtype=torch.bool))}, r"\(3, 3\).*\(2, 3\)"),
        ({0: Edits(mask=torch.ones(3, 3))}, "float32"),
        ({0: Edits(mask=[[True, False]])}, r"\(1, 2\)"),
    ):
        with pytest.raises(DlvizError, match=words):
            record_edited(edits, module, x, x, x)


def test_an_edited_run_leaves_module_and_generators_as_they_were():
    module, x = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True), torch.randn(1, 5, 8)
    state, before = torch.get_rng_state(), math.fsum(float(p.detach().double().sum()) for p in module.parameters())
    record_edited({0: Edits(causal=True)}, module, x)
    assert torch.equal(torch.get_rng_state(), state)
    assert math.fsum(float(p.detach().double().sum()) for p in module.parameters()) == before
    assert module.training


def test_an_edit_in_training_drops_weights_too():
    torch.manual_seed(0)
    module, x = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True), torch.randn(1, 6, 8)
    (call,) = made(module, (x, x, x), {}, Edits(causal=True))[1].calls
    assert call.dropout == 0.5
    assert difference(call.heads, call.weights @ call.value) > 0.1
    (call,) = made(module.eval(), (x, x, x), {}, Edits(causal=True))[1].calls
    assert difference(call.heads, call.weights @ call.value) < 1e-6
