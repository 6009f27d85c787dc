"""The gradient of a call's output by the input, and of the stages by the queries, keys and values, against autograd."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.transformer import record
from dlviz.transformer.attention_call import masked
from dlviz.transformer.head_summaries import distance_back, entropy
from dlviz.transformer.input_gradient import input_gradient
from tests.transformer.by_hand import SPELLINGS
from tests.transformer.zoo import any_sdpa


def test_the_gradient_by_the_input_equals_autograd_through_torchs_module():
    torch.manual_seed(0)
    module, x = nn.MultiheadAttention(6, 2, batch_first=True).double(), torch.randn(2, 4, 6).double()
    mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
    found = input_gradient(module, (x, x, x), {"attn_mask": mask}, sequence=1, position=2)
    leaf = x.clone().requires_grad_()
    output = module(leaf, leaf, leaf, attn_mask=mask)[0]
    rows = [torch.autograd.grad(output[1, 2, unit], leaf, retain_graph=True)[0] for unit in range(6)]
    assert found.shape == (6, 2, 4, 6)
    assert float((found - torch.stack(rows)).abs().max()) <= 1e-12
    assert not found[:, :, 3].any()  # a causal mask: nothing of what follows
    assert not found[:, 0].any()
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize("name", ["MaskedFill", "ChunkedHeads", "Baddbmm"])
def test_the_gradient_goes_through_attention_written_by_hand(name):
    torch.manual_seed(0)
    module, x = SPELLINGS[name](2, 3, causal=True).double(), torch.randn(2, 4, 6).double()
    found = input_gradient(module, (x,), position=1, units=[0, 5])
    leaf = x.clone().requires_grad_()
    rows = [torch.autograd.grad(module(leaf)[0, 1, unit], leaf)[0] for unit in (0, 5)]
    assert float((found - torch.stack(rows)).abs().max()) <= 1e-12


def test_the_gradient_of_a_deeper_call_goes_through_the_layers_before_it():
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2).double().eval()
    x = torch.randn(1, 3, 4).double()
    found = input_gradient(model, (x,), call=1, position=0, units=[1])
    leaf = x.clone().requires_grad_()
    between = model.layers[0](leaf)
    expected = torch.autograd.grad(model.layers[1].self_attn(between, between, between)[0][0, 0, 1], leaf)[0]
    assert float((found[0] - expected).abs().max()) <= 1e-12


def test_what_has_no_gradient_is_refused():
    embed = nn.Sequential(nn.Embedding(5, 4), nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))
    with pytest.raises(DlvizError, match=r"floating-point.*int64"):
        input_gradient(embed, (torch.tensor([[1, 2]]),))
    with pytest.raises(DlvizError, match="position"):
        input_gradient(embed[1], (torch.randn(1, 2, 4),), position=2)


@pytest.mark.parametrize("seed", range(30))
def test_the_gradient_of_the_stages_equals_autograd_through_torch(seed):
    args, kwargs = any_sdpa(seed)
    (call,) = record(F.scaled_dot_product_attention, *args, **kwargs).calls
    leaves = [x.clone().requires_grad_() for x in args]
    heads = F.scaled_dot_product_attention(*leaves, **kwargs)
    upstream = torch.randn_like(heads)
    expected = torch.autograd.grad(heads, leaves, upstream)
    q, k, v = (x.clone().requires_grad_() for x in (call.query, call.key, call.value))
    scores = q @ call.grouped(k).transpose(-2, -1) * call.scale
    stages = masked(scores, call.mask).softmax(-1) @ call.grouped(v)
    found = torch.autograd.grad(stages, (q, k, v), upstream.reshape(call.heads.shape))
    for a, b in zip(found, expected, strict=True):
        assert float((a.reshape(b.shape) - b).abs().max()) <= 1e-12


def test_entropy_and_distance_are_those_of_their_formulas():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 4)
    (call,) = record(F.scaled_dot_product_attention, x, x, x, is_causal=True).calls
    w = call.weights
    assert torch.allclose(entropy(w), torch.distributions.Categorical(w).entropy(), atol=1e-6)
    expected = torch.stack([sum(w[..., i, j] * (i - j) for j in range(5)) for i in range(5)], -1)
    assert torch.allclose(distance_back(call), expected, atol=1e-6)
    (last,) = record(F.scaled_dot_product_attention, x[:, :, 4:], x, x).calls  # one query with a cache of keys
    assert torch.allclose(distance_back(last), 4 - (last.weights * torch.arange(5)).sum(-1), atol=1e-6)


def test_a_key_that_no_input_gave_has_no_position():
    module = nn.MultiheadAttention(4, 1, add_zero_attn=True, batch_first=True)
    x = torch.randn(1, 3, 4)
    (call,) = record(module, x, x, x).calls
    w = call.weights[..., :3] / call.weights[..., :3].sum(-1, keepdim=True)
    assert torch.allclose(distance_back(call), torch.arange(3.0) - (w * torch.arange(3)).sum(-1), atol=1e-6)
