"""Queries, keys, scores, weights, heads and outputs of every call against torch itself."""

import copy
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.transformer import Edits, record, record_edited
from tests.transformer.by_hand import MaskedFill
from tests.transformer.zoo import any_by_hand, any_multihead, any_sdpa, weights_of_sdpa

CLOSE = 1e-12


def difference(a, b):
    assert a.shape == b.shape, (a.shape, b.shape)
    return float((a - b).abs().max()) if a.numel() else 0.0


def check_stages(call, close=CLOSE):
    """Assert that each stage follows from the one before, by another way than the call's own."""
    scores = torch.einsum("nhld,nhsd->nhls", call.query, call.grouped(call.key)) * call.scale
    assert difference(call.scores, scores) <= close
    if call.mask is not None and call.mask.dtype == torch.bool:
        scores = torch.where(call.mask, scores, call.fill)
    elif call.mask is not None:
        scores = scores + call.mask
    exps = (scores - scores.amax(-1, keepdim=True)).exp()
    assert difference(call.weights, exps / exps.sum(-1, keepdim=True)) <= close
    assert difference(torch.einsum("nhls,nhsd->nhld", call.weights, call.grouped(call.value)), call.heads) <= close
    assert call.max_error <= close
    assert call.shape == call.weights.shape


@pytest.mark.parametrize("seed", range(120))
def test_multihead_attention_equals_torch(seed):
    module, args, kwargs = any_multihead(seed)
    found = record(module, *args, **kwargs)
    with torch.no_grad():
        output, _ = module(*args, **kwargs)
        _, weights = module(*args, **kwargs | {"need_weights": True, "average_attn_weights": False})
    (call,) = found.calls
    check_stages(call)
    batched = args[0].dim() == 3
    assert difference(found.output[0], output) <= CLOSE
    first = output if not batched or module.batch_first else output.transpose(0, 1)
    assert difference(call.output, first if batched else first[None]) <= CLOSE
    assert difference(call.weights, weights if batched else weights[None]) <= CLOSE
    assert difference(F.linear(call.joined, *call.output_projection), call.output) <= CLOSE
    if kwargs["need_weights"]:
        given = call.weights.mean(1) if kwargs["average_attn_weights"] else call.weights
        assert difference(call.given_weights, given) <= CLOSE
    else:
        assert call.given_weights is None
    assert call.extra_keys == (module.bias_k is not None) + module.add_zero_attn


@pytest.mark.parametrize("seed", range(90))
def test_scaled_dot_product_attention_equals_torch(seed):
    args, kwargs = any_sdpa(seed)
    (call,) = record(F.scaled_dot_product_attention, *args, **kwargs).calls
    check_stages(call)
    heads = F.scaled_dot_product_attention(*args, **kwargs)
    assert difference(call.heads, heads.reshape(call.heads.shape)) <= CLOSE
    assert difference(call.weights, weights_of_sdpa(args, kwargs).reshape(call.shape)) <= CLOSE
    assert call.key.shape[1] == (args[1].shape[-3] if args[1].dim() > 3 else 1)


@pytest.mark.parametrize("seed", range(90))
def test_attention_written_by_hand_equals_what_it_computes(seed):
    module, x = any_by_hand(seed)
    found = record(module, x)
    (call,) = found.calls
    check_stages(call)
    with torch.no_grad():
        assert torch.equal(found.output, module(x))
        assert difference(call.weights, module.weights(x)) <= CLOSE
        assert difference(call.heads, module.weights(x) @ module.split(module.to_v(x))) <= CLOSE
        assert difference(call.query * call.scale, module.split(module.to_q(x)) * module.size**-0.5) <= CLOSE
    assert call.scale * call.prescale == pytest.approx(module.size**-0.5)
    assert difference(call.output, found.output) <= CLOSE
    assert call.output_projection is not None
    assert call.kind == "softmax"


@pytest.mark.parametrize("seed", range(0, 120, 6))
def test_in_float32_the_stages_lie_within_what_torchs_own_paths_differ(seed):
    module, args, kwargs = any_multihead(seed)
    with torch.no_grad():
        exact, _ = module(*args, **kwargs)
    args = tuple(x.float() for x in args)
    kwargs = {k: v.float() if torch.is_tensor(v) and v.is_floating_point() else v for k, v in kwargs.items()}
    found = record(module.float(), *args, **kwargs)
    bound = (
        16
        * torch.finfo(torch.float32).eps
        * max(1.0, float(exact.abs().max()), float(found.calls[0].heads.abs().max()))
    )
    bound *= module.embed_dim
    assert found.calls[0].max_error <= bound
    assert difference(found.output[0].double(), exact) <= bound


def test_the_calls_of_a_transformer_come_in_execution_order_with_their_paths():
    model = nn.Transformer(8, 2, 1, 2, 16, batch_first=True).double()
    x, y = torch.randn(2, 5, 8).double(), torch.randn(2, 3, 8).double()
    found = record(model, x, y, tgt_mask=nn.Transformer.generate_square_subsequent_mask(3, dtype=x.dtype))
    assert [call.name for call in found.calls] == [
        "encoder.layers.0.self_attn",
        "decoder.layers.0.self_attn",
        "decoder.layers.0.multihead_attn",
        "decoder.layers.1.self_attn",
        "decoder.layers.1.multihead_attn",
    ]
    assert [call.shape for call in found.calls[:3]] == [(2, 2, 5, 5), (2, 2, 3, 3), (2, 2, 3, 5)]
    assert [call.is_causal for call in found.calls] == [False, True, False, True, False]
    assert all(call.max_error <= CLOSE for call in found.calls)


@pytest.mark.parametrize("norm_first", [False, True])
def test_the_output_is_that_of_the_module_in_evaluation(norm_first):
    model = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first), 2, enable_nested_tensor=False
    )
    x = torch.randn(2, 5, 8).double()
    model = model.double().eval()
    with torch.no_grad():
        assert difference(record(model, x).output, model(x)) <= CLOSE


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attn(*(self.attn(x, x, x)[0],) * 3)[0]


def test_a_module_that_is_called_twice_has_two_calls_with_names_of_their_own():
    assert [call.name for call in record(Twice(), torch.randn(1, 3, 4)).calls] == ["attn", "attn (2)"]


def test_a_function_may_call_attention_too():
    x = torch.randn(1, 2, 3, 4)
    found = record(lambda q: F.scaled_dot_product_attention(q, q, q) + 1, x)
    assert [(call.name, call.kind) for call in found.calls] == [("", "sdpa")]
    assert difference(found.calls[0].heads + 1, found.output) == 0


class Classifier(nn.Module):
    """Softmax without attention: classes, and a mixture of experts, whose weights multiply parameters."""

    def __init__(self):
        super().__init__()
        self.gate, self.experts = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(3, 4))
        self.layer, self.attn = nn.Linear(4, 5), nn.MultiheadAttention(4, 1, batch_first=True)

    def forward(self, x):
        x = (x @ self.gate).softmax(-1) @ self.experts + self.attn(x, x, x)[0]
        probs = self.layer(x).softmax(-1)
        return probs @ torch.ones(5, 2)


def test_a_softmax_that_is_no_attention_is_not_recorded():
    assert [call.kind for call in record(Classifier(), torch.randn(1, 3, 4)).calls] == ["multihead"]


def test_a_module_without_attention_is_refused_with_what_is_recognized():
    with pytest.raises(DlvizError, match=r"Linear.*MultiheadAttention.*scaled_dot_product_attention.*softmax"):
        record(nn.Linear(2, 2), torch.zeros(1, 2))


class Raises(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        self.attn(x, x, x)
        raise KeyError("the learner's own")


def test_the_models_own_exception_passes_through_and_nothing_stays():
    model, hooks = Raises(), nn.modules.module
    state = torch.get_rng_state()
    with pytest.raises(KeyError, match="own"):
        record(model, torch.randn(1, 3, 4, requires_grad=True))
    torch.set_rng_state(state)
    assert model.count == 0
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks
    assert torch.overrides._get_current_function_mode_stack() == []
    assert torch.is_grad_enabled()


def test_the_module_its_gradients_and_the_random_generators_stay_as_they_were():
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5)
    x = torch.randn(4, 2, 8)
    model(x).sum().backward()
    before, grads = copy.deepcopy(model.state_dict()), [p.grad.clone() for p in model.parameters()]
    state = torch.get_rng_state()
    (call,) = record(model, x).calls
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert model.self_attn.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(p.grad, grad) for p, grad in zip(model.parameters(), grads, strict=True))
    with torch.no_grad():
        model.self_attn.out_proj.weight.zero_()
    assert call.output_projection[0].abs().max() > 0  # the record holds copies


def test_an_input_that_the_module_changes_in_place_stays_as_it_was():
    memory, x = [], torch.randn(1, 3, 4)
    before = x.clone()

    def model(x, memory):
        memory.append(x.add_(1))
        return (x @ x.mT).softmax(-1) @ x

    found = record(model, x, memory)
    assert torch.equal(x, before)
    assert memory == []
    assert torch.equal(found.calls[0].query[0], before + 1)


def test_in_training_the_weights_are_those_before_dropout_and_the_heads_those_after():
    torch.manual_seed(1)
    model = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True).double()
    x = torch.randn(2, 5, 8).double()
    for need_weights in (True, False):
        found = record(model, x, x, x, need_weights=need_weights, average_attn_weights=False)
        (call,) = found.calls
        assert call.dropout == 0.5
        assert difference(call.weights.sum(-1), torch.ones(2, 2, 5).double()) <= CLOSE
        assert difference(F.linear(call.joined, *call.output_projection), found.output[0]) <= CLOSE
        assert call.max_error <= CLOSE
    (call,) = record(model, x, x, x, average_attn_weights=False).calls
    kept = call.given_weights != 0
    assert 0 < kept.float().mean() < 1
    assert difference(call.given_weights[kept], 2 * call.weights[kept]) <= CLOSE
    (call,) = record(model.eval(), x, x, x).calls
    assert call.dropout == 0


def test_a_compiled_module_is_recorded_under_its_own_names():
    model = torch.compile(Twice(), backend="eager")
    assert [call.name for call in record(model, torch.randn(1, 3, 4)).calls] == ["attn", "attn (2)"]


class Heads(nn.Module):
    """A list of modules of one head each, joined by the module around them."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList(nn.MultiheadAttention(4, 1, batch_first=True) for _ in range(2))
        self.attn = nn.ModuleDict({"one": OneHead(), "two": OneHead()})

    def forward(self, x):
        return torch.cat([one(x) for one in self.attn.values()], dim=-1)


class OneHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 3) for _ in range(3))

    def forward(self, x):
        q, k, v = (layer(x) for layer in self.layers)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def test_modules_of_one_head_each_become_one_call_with_all_heads():
    x = torch.randn(2, 5, 4)
    found = record(nn.Sequential(Heads()), x)
    (call,) = found.calls
    assert call.name == "0"
    assert call.shape == (2, 2, 5, 5)
    assert difference(call.output, found.output) == 0
    assert call.is_causal


def test_a_scale_on_the_query_is_remembered():
    x = torch.randn(1, 2, 3, 4)
    scaled = record(lambda x: F.scaled_dot_product_attention(x * 0.5, x, x, scale=1.0), x).calls[0]
    assert (scaled.scale, scaled.prescale) == (1.0, 0.5)
    both = record(lambda x: (x * 0.5 @ (x / 4).mT).softmax(-1) @ x, x).calls[0]
    assert (both.scale, both.prescale) == (1.0, 0.125)


def test_queries_made_by_a_product_with_a_plain_tensor_are_followed():
    x, (w_q, w_k, w_v) = torch.randn(2, 5, 8), torch.randn(3, 8, 4)

    def attend(x):
        q, k, v = x @ w_q, x @ w_k, x @ w_v
        scores = q @ k.transpose(-2, -1) / 4**0.5
        return scores.masked_fill(torch.ones(5, 5).triu(1) == 1, -torch.inf).softmax(-1) @ v

    (call,) = record(attend, x).calls
    expected = F.scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v, is_causal=True)
    assert difference(call.heads[:, 0], expected) < 1e-6
    assert difference(call.query[:, 0], x @ w_q) == 0
    assert (call.scale, call.prescale, call.is_causal) == (0.5, 1.0, True)
    (call,) = record(lambda x: (x @ w_q * 0.5 @ (x @ w_k).mT).softmax(-1) @ x, x).calls
    assert (call.scale, call.prescale) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("weigh", "words"),
    [
        (lambda scores: scores.softmax(-2), r"softmax of a product of matrices over dimension -2.*dim=-1"),
        (lambda scores: scores.softmax(-1) * torch.ones(5, 5).tril(), "a softmax .* but then comes mul"),
        (lambda scores: (scores / 5).tanh().softmax(-1), "a product .* but then comes tanh"),
        (lambda scores: (1 - scores).softmax(-1), "a product .* but then comes sub"),
        (lambda scores: torch.rsub(scores, 1).softmax(-1), "a product .* but then comes sub"),
        (lambda scores: (scores + scores).softmax(-1), "a product .* but then comes add"),
        (lambda scores: scores.div(2, rounding_mode="floor").softmax(-1), "a product .* but then comes div"),
        (lambda scores: scores.exp() / scores.exp().sum(-2, keepdim=True), "a product .* but then comes sum"),
    ],
    ids=[
        "softmax over the queries",
        "mask after softmax",
        "soft cap",
        "sign turned",
        "sign turned by rsub",
        "scores added to themselves",
        "quotient rounded",
        "sum over the queries",
    ],
)
def test_where_attention_by_hand_was_lost_is_said(weigh, words):
    with pytest.raises(DlvizError, match=words):
        record(lambda x: weigh(x @ x.mT) @ x, torch.randn(1, 5, 4))


@pytest.mark.parametrize(
    ("weigh", "words"),
    [
        (lambda scores: scores.softmax(-2), "a softmax .* over dimension -2"),
        (lambda scores: scores.softmax(-1) * torch.ones(5, 5).tril(), "a softmax .* but then comes mul"),
        (lambda scores: ((scores / 5).tanh() * 5).softmax(-1), "a product .* but then comes tanh"),
        (lambda scores: F.linear(scores.flatten(), torch.eye(25)).view(1, 5, 5).softmax(-1), "but then comes flatten"),
        (lambda scores: scores.softmax(-1)[:, [1, 0, 2, 4, 3]].mean(1, keepdim=True), "but then comes mean"),
    ],
)
def test_attention_that_was_not_found_is_said_beside_what_was(weigh, words):
    found = record(lambda x: F.scaled_dot_product_attention(x, x, x) + weigh(x @ x.mT) @ x, torch.randn(1, 5, 4))
    assert [call.kind for call in found.calls] == ["sdpa"]
    assert re.search(words, found.unseen)


def test_scores_and_weights_that_are_read_beside_their_use_and_products_that_are_no_attention_are_not_said():
    def model(x):
        scores = x @ x.mT
        weights = scores.softmax(-1)
        entropy = -(weights * weights.log()).sum() + scores.logsumexp(-1).mean() + (scores.tanh() / 2).sum()
        return F.layer_norm(x @ x.mT @ x, (4,)) @ torch.randn(4, 3), weights @ x, entropy

    assert record(model, torch.randn(1, 5, 4)).unseen == ""


AFTER_A_PRODUCT = {
    "cross_entropy": lambda x: F.cross_entropy(x, torch.zeros(2, 5, dtype=torch.long)),
    "mean": lambda x: x.mean(1),
    "mean of all": torch.mean,
    "sum": lambda x: x.sum(-2),
    "amax": lambda x: x.amax(1),
    "var": lambda x: x.var(1),
    "argmax": lambda x: x.argmax(1),
    "diagonal": lambda x: x.diagonal(dim1=1, dim2=2),
    "pad": lambda x: F.pad(x, (0, 0, 1, 0)),
    "index_select": lambda x: x.index_select(1, torch.tensor([0, 1])),
    "gather": lambda x: x.gather(1, torch.zeros(2, 2, 5, dtype=torch.long)),
    "repeat": lambda x: x.repeat(1, 2, 1),
}


@pytest.mark.parametrize("name", AFTER_A_PRODUCT)
def test_a_product_that_is_no_attention_may_be_reduced_padded_or_indexed(name):
    x = torch.randn(2, 5, 4)

    def model(x):
        attended = (x @ x.mT).softmax(-1) @ x
        return AFTER_A_PRODUCT[name]((attended + x) @ x.mT)

    found = record(model, x)
    assert torch.equal(found.output, model(x))
    assert [call.shape for call in found.calls] == [(2, 1, 5, 5)]


@pytest.mark.parametrize(
    ("follower", "module", "words"),
    [
        ("follow.scores_after", lambda x: (x @ x.mT / 2).softmax(-1) @ x, "call of div .* ZeroDivisionError"),
        ("attention_call", lambda x: (x @ x.mT).softmax(-1) @ x, "call of matmul .* ZeroDivisionError"),
        ("sdpa_call", lambda x: F.scaled_dot_product_attention(x, x, x), "scaled_dot_product_attention that could not"),
        ("multihead_call", nn.MultiheadAttention(4, 2), "multi_head_attention_forward that could not"),
    ],
)
def test_what_fails_while_a_call_is_followed_is_not_taken_for_the_models_own_exception(
    monkeypatch, follower, module, words
):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(f"dlviz.transformer.recording.recorder.{follower}", fail)
    x = torch.randn(2, 5, 4)
    with pytest.raises(DlvizError, match=words):
        record(module, *[x] * (3 if isinstance(module, nn.Module) else 1))


@pytest.mark.parametrize(
    "transposed", [lambda w: w.permute(0, 2, 1), lambda w: w.mT.contiguous(), lambda w: w.transpose(1, 2)]
)
def test_values_multiplied_by_transposed_weights_are_attention_too(transposed):
    q, k, v = torch.randn(3, 2, 4, 9).double()

    def model(q, k, v):  # (N, C, pixels), as in networks that make images
        weights = torch.softmax(torch.bmm(q.mT, k) / 2, dim=2)
        return torch.bmm(v * 3, transposed(weights)).reshape(2, 4, 3, 3) + 1

    found = record(model, q, k, v)
    (call,) = found.calls
    check_stages(call)
    assert (call.shape, call.scale) == ((2, 1, 9, 9), 0.5)
    assert difference(call.heads[:, 0].mT.reshape(2, 4, 3, 3) + 1, found.output) == 0
    edited = record_edited({0: Edits(causal=True)}, model, q, k, v)
    expected = F.scaled_dot_product_attention(q.mT, k.mT, v.mT * 3, is_causal=True).mT
    assert difference(edited.output, expected.reshape(2, 4, 3, 3) + 1) <= CLOSE


def test_heads_that_are_joined_channels_first_are_heads():
    qkv, x = nn.Conv2d(16, 48, 1).double(), torch.randn(2, 16, 3, 3).double()

    def model(x):  # the bottleneck attention of BoTNet
        q, k, v = (part.reshape(8, 4, 9).mT for part in qkv(x).chunk(3, 1))
        return ((q @ k.mT * 0.5).softmax(-1) @ v).mT.reshape(2, 16, 3, 3)

    (call,) = record(model, x).calls
    check_stages(call)
    q, k, v = (part.reshape(2, 4, 4, 9).mT for part in qkv(x).detach().chunk(3, 1))
    heads = F.scaled_dot_product_attention(q, k, v)
    assert call.shape == (2, 4, 9, 9)
    assert difference(call.heads, heads) <= CLOSE
    heads[:, 1] = 0
    edited = record_edited({0: Edits(zeroed_heads=frozenset({1}))}, model, x)
    assert difference(edited.output, heads.mT.reshape(2, 16, 3, 3)) <= CLOSE


def test_edits_that_cannot_be_computed_are_said_and_not_left_out(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("dlviz.transformer.recording.recorder.edited_call", fail)
    with pytest.raises(DlvizError, match=r"edits of call 0 .* ZeroDivisionError"):
        record_edited({0: Edits(causal=True)}, lambda x: (x @ x.mT).softmax(-1) @ x, torch.randn(1, 5, 4))


class FeaturesFirst(MaskedFill):
    """Heads joined as (D, H): the heads' numbers are interleaved."""

    def forward(self, x):
        q, k, v = (self.split(layer(x)) for layer in (self.to_q, self.to_k, self.to_v))
        heads = (q @ k.mT / self.size**0.5).softmax(-1) @ v
        return self.to_out(heads.permute(0, 2, 3, 1).flatten(2))


def test_interleaved_heads_are_joined_by_a_projection_in_the_order_of_heads():
    module, x = FeaturesFirst(2, 3).double(), torch.randn(2, 4, 6).double()
    found = record(module, x)
    weight, bias = found.calls[0].output_projection
    assert torch.equal(weight[:, :3], module.to_out.weight[:, ::2])
    assert difference(F.linear(found.calls[0].joined, weight, bias), found.output) <= CLOSE


def test_dropout_by_hand_is_told_from_the_weights():
    torch.manual_seed(0)
    layer, x = nn.Dropout(0.4), torch.randn(1, 2, 6, 4)
    (call,) = record(lambda x: layer((x @ x.mT).softmax(-1)) @ x, x).calls
    assert call.dropout == pytest.approx(0.4)
    assert difference(call.weights.sum(-1), torch.ones(1, 2, 6)) < 1e-6
    assert difference(call.heads, call.weights @ x) > 0.1
    (call,) = record(lambda x: layer.eval()((x @ x.mT).softmax(-1)) @ x, x).calls
    assert call.dropout == 0


def test_tensors_without_numbers_are_refused():
    module = nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.randn(1, 3, 4)
    for broken, given in ((module, x.to("meta")), (nn.MultiheadAttention(4, 2, device="meta"), x)):
        with pytest.raises(DlvizError, match=r"without numbers \(meta\)"):
            record(broken, given, given, given)


@pytest.mark.parametrize(
    "module", [nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), MaskedFill(2, 3)], ids=["torch", "hand"]
)
def test_under_autocast_the_numbers_are_those_of_its_dtype(module):
    def run(x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return module(x)

    (call,) = record(run, torch.randn(2, 4, 6)).calls
    assert call.query.dtype == call.output.dtype == call.output_projection[0].dtype == torch.bfloat16
    assert call.max_error <= 0.05


def test_what_runs_inside_vmap_is_left_out():
    x = torch.randn(2, 3, 4)
    found = record(
        lambda x: F.scaled_dot_product_attention(x, x, x) + torch.vmap(lambda y: (y @ y.mT).softmax(-1) @ y)(x), x
    )
    assert [call.kind for call in found.calls] == ["sdpa"]
