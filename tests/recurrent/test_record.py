"""Every gate and state against torch, and the input gradient against autograd through torch's own module."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_sequence

from dlviz.kit.errors import DlvizError
from dlviz.recurrent import GATES, Edits, grad_norm_by_lag, input_grad_norms, input_gradient, record
from tests.recurrent.zoo import any_module, run, single_sequence

CLOSE = 1e-12


def names(module, layer, direction):
    end = f"_l{layer}{'_reverse' if direction else ''}" if isinstance(module, nn.RNNBase) else ""
    parameters = {
        n: getattr(module, n + end, None) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    }
    return {n: None if w is None else w.detach() for n, w in parameters.items()}


def by_formula(module, trace):
    """Compute gates and states of a layer from the formulas of torch's documentation, independent of the recorder."""
    w = names(module, trace.number, trace.direction)
    hidden, zero = trace.gates.shape[2], torch.zeros(trace.gates.shape[1] * trace.gates.shape[2]).double()
    b_ih = zero if w["bias_ih"] is None else w["bias_ih"]
    b_hh = zero if w["bias_hh"] is None else w["bias_hh"]
    h, c, rows = trace.h0, trace.c0, {}
    for t in trace.order:
        a = (w["weight_ih"] @ trace.x[t] + b_ih).reshape(-1, hidden)
        b = (w["weight_hh"] @ h + b_hh).reshape(-1, hidden)
        if trace.kind == "LSTM":
            gates = [torch.sigmoid(a[k] + b[k]) if k != 2 else torch.tanh(a[k] + b[k]) for k in range(4)]
            c = gates[1] * c + gates[0] * gates[2]
            h = gates[3] * torch.tanh(c)
            h = h if w["weight_hr"] is None else w["weight_hr"] @ h
        elif trace.kind == "GRU":
            r, z = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
            n = torch.tanh(a[2] + r * b[2])
            gates, h = [r, z, n], (1 - z) * n + z * h
        else:
            gates = [torch.tanh(a[0] + b[0]) if trace.nonlinearity == "tanh" else (a[0] + b[0]).clamp(min=0)]
            h = gates[0]
        rows[t] = (torch.stack(gates), h, c)
    return [
        torch.stack([rows[t][k] for t in range(trace.steps)]) if trace.c is not None or k < 2 else None
        for k in range(3)
    ]


def check_intermediates(trace):
    """Assert that the intermediates lead from the gates to the state."""
    parts = trace.intermediates
    if trace.kind == "LSTM":
        assert max_difference(parts["keep"] + parts["add"], trace.c) <= CLOSE
        assert max_difference(parts["tanh_c"], trace.c.tanh()) <= CLOSE
        out = parts["out"] if trace.weights.hr is None else parts["out"] @ trace.weights.hr.T
        assert max_difference(out, trace.h) <= CLOSE
    elif trace.kind == "GRU":
        assert max_difference(parts["keep"] + parts["add"], trace.h) <= CLOSE
        assert max_difference(trace.from_x[:, 2] + parts["inner"], trace.preactivations[:, 2]) <= CLOSE
        assert max_difference(trace.from_x[:, 2] + parts["paper_inner"], torch.atanh(parts["paper_n"])) <= 1e-9
        assert max_difference(trace.h - parts["paper_h"], parts["paper_difference"]) <= CLOSE
    nonlinearity = torch.relu if trace.nonlinearity == "relu" else torch.tanh
    if trace.kind == "RNN":
        assert max_difference(nonlinearity(trace.from_x + trace.from_h), trace.gates) <= CLOSE


def max_difference(a, b):
    return float((a - b).detach().abs().max())


@pytest.mark.parametrize("seed", range(300))
def test_every_gate_state_and_output_equals_torch(seed):
    module, x, hx, sequence = any_module(seed)
    before, mode = copy.deepcopy(module.state_dict()), module.training
    recorded = record(module, x, hx, sequence=sequence)
    alone, start = single_sequence(module, x, hx, sequence)
    with torch.no_grad():
        expected = run(copy.deepcopy(module).eval(), alone, start)
    assert max_difference(recorded.output, expected) <= CLOSE
    assert recorded.max_error <= CLOSE
    layers = recorded.layers
    top = torch.cat([trace.h for trace in layers[-recorded.directions :]], 1)
    assert max_difference(top, expected) <= CLOSE
    for trace in layers:
        assert list(trace.gates.shape) == [len(alone), len(GATES[recorded.kind]), module.hidden_size]
        gates, h, c = by_formula(module, trace)
        assert max_difference(trace.gates, gates) <= CLOSE
        assert max_difference(trace.h, h) <= CLOSE
        assert trace.c is None or max_difference(trace.c, c) <= CLOSE
        check_intermediates(trace)
    assert module.training == mode
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


@pytest.mark.parametrize("seed", range(100))
def test_every_state_equals_the_last_state_of_the_sequence_cut_there(seed):
    module, x, hx, sequence = any_module(seed)
    if isinstance(module, nn.RNNBase) and not module.bidirectional:
        recorded = record(module, x, hx, sequence=sequence)
        alone, start = single_sequence(module, x, hx, sequence)
        module = copy.deepcopy(module).eval()
        for t in range(len(alone)):
            with torch.no_grad():
                states = module(alone[: t + 1], start)[1]
            h, c = states if isinstance(states, tuple) else (states, None)
            for k, trace in enumerate(recorded.layers):
                assert max_difference(trace.h[t], h[k]) <= CLOSE
                assert c is None or max_difference(trace.c[t], c[k]) <= CLOSE


@pytest.mark.parametrize("seed", range(120))
def test_input_gradient_equals_autograd_through_the_module_itself(seed):
    module, x, hx, sequence = any_module(seed)
    recorded = record(module, x, hx, sequence=sequence)
    alone, start = single_sequence(module, x, hx, sequence)
    alone = alone.clone().requires_grad_()
    out = run(copy.deepcopy(module).eval(), alone, start)
    outs = recorded.layers[0].h.shape[1]
    generator = torch.Generator().manual_seed(seed)
    t, k = (int(torch.randint(size, (1,), generator=generator)) for size in out.shape)
    expected = torch.autograd.grad(out[t, k], alone, retain_graph=True)[0]
    trace = len(recorded.layers) - recorded.directions + k // outs
    assert max_difference(input_gradient(recorded, trace, t, k % outs), expected) <= 1e-10
    table = input_grad_norms(recorded, trace, [k % outs])
    assert table.shape == (len(alone), 1, len(alone))
    assert max_difference(table[t, 0], expected.norm(dim=1)) <= 1e-10
    last = recorded.layers[trace].order[-1]
    columns = range(k // outs * outs, (k // outs + 1) * outs)
    every = torch.stack([torch.autograd.grad(out[last, j], alone, retain_graph=True)[0] for j in columns])
    by_place = every.square().sum((0, 2)).sqrt()
    assert max_difference(grad_norm_by_lag(recorded, trace), by_place.flip(0) if last else by_place) <= 1e-10


def test_input_gradient_of_a_lower_layer_equals_autograd():
    torch.manual_seed(0)
    module = nn.LSTM(2, 4, num_layers=2, bidirectional=True).double()
    x = torch.randn(5, 2).double()
    lower = nn.LSTM(2, 4, bidirectional=True).double()
    lower.load_state_dict({name: value for name, value in module.state_dict().items() if "_l0" in name})
    x.requires_grad_()
    expected = torch.autograd.grad(lower(x)[0][1, 6], x)[0]
    assert max_difference(input_gradient(record(module, x), 1, 1, 2), expected) <= 1e-10


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_packed_and_padded_agree_on_valid_steps(kind):
    torch.manual_seed(1)
    module = getattr(nn, kind)(3, 5, num_layers=2).double()
    parts = [torch.randn(n, 3).double() for n in (4, 7, 2)]
    packed, padded = pack_sequence(parts, enforce_sorted=False), pad_sequence(parts)
    sorted_ = pack_padded_sequence(padded[:, [1, 0, 2]], [7, 4, 2])
    for k, part in enumerate(parts):
        a, b = record(module, packed, sequence=k), record(module, padded, sequence=k)
        c = record(module, sorted_, sequence=[1, 0, 2][k])
        for one, other, third in zip(a.layers, b.layers, c.layers, strict=True):
            assert one.steps == len(part)
            assert max_difference(one.gates, other.gates[: len(part)]) <= CLOSE
            assert max_difference(one.h, other.h[: len(part)]) <= CLOSE
            assert max_difference(one.h, third.h) <= CLOSE


def test_a_packed_bidirectional_sequence_begins_at_its_own_end():
    torch.manual_seed(1)
    module = nn.GRU(3, 5, bidirectional=True).double()
    parts = [torch.randn(n, 3).double() for n in (4, 7)]
    recorded = record(module, pack_sequence(parts, enforce_sorted=False), sequence=0)
    assert max_difference(recorded.layers[1].h, module(parts[0])[0][:, 5:].detach()) <= CLOSE
    padded = record(module, pad_sequence(parts), sequence=0)  # torch reads the padding first
    assert max_difference(padded.layers[1].h[:4], recorded.layers[1].h) > 1e-3


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_cell_takes_one_step_or_a_sequence(kind):
    torch.manual_seed(0)
    cell = getattr(nn, f"{kind}Cell")(3, 4).double()
    x = torch.randn(6, 2, 3).double()
    recorded = record(cell, x, sequence=1)
    assert recorded.output.shape == (6, 4)
    assert recorded.max_error <= CLOSE
    for single, steps in ((x[0], 1), (x[0, 0], 1)):
        one = record(cell, single)
        assert one.layers[0].steps == steps
        assert max_difference(one.output[0], record(cell, x).output[0]) <= CLOSE


def test_the_papers_gru_equals_its_formula_from_the_same_state():
    torch.manual_seed(0)
    module = nn.GRU(3, 4).double()
    trace = record(module, torch.randn(5, 3).double()).layers[0]
    w_in, w_hn = module.weight_ih_l0[8:], module.weight_hh_l0[8:]
    b_in, b_hn = module.bias_ih_l0[8:], module.bias_hh_l0[8:]
    for t in range(5):
        r, z, n = trace.gates[t]
        h = trace.h_prev[t]
        paper = torch.tanh(w_in @ trace.x[t] + b_in + w_hn @ (r * h) + b_hn)
        torchs = torch.tanh(w_in @ trace.x[t] + b_in + r * (w_hn @ h + b_hn))
        assert max_difference(trace.intermediates["paper_n"][t], paper) <= CLOSE
        assert max_difference(n, torchs) <= CLOSE
        assert max_difference(trace.intermediates["paper_h"][t], (1 - z) * paper + z * h) <= CLOSE
    assert max_difference(trace.intermediates["paper_n"], trace.gates[:, 2]) > 1e-3


@pytest.mark.parametrize(("kind", "gate"), [("LSTM", "f"), ("LSTM", "g"), ("GRU", "r"), ("GRU", "z"), ("GRU", "n")])
def test_a_zeroed_gate_is_zero_in_states_and_in_gradients(kind, gate):
    torch.manual_seed(0)
    module = getattr(nn, kind)(3, 4).double()
    x = torch.randn(6, 3).double()
    recorded = record(module, x, edits=Edits(zeroed=frozenset({(0, gate, -1)})))
    trace = recorded.layers[0]
    assert (trace.gates[:, GATES[kind].index(gate)] == 0).all()
    assert recorded.max_error is None
    moved = x.clone()
    moved[2, 1] += 1e-6
    other = record(module, moved, edits=Edits(zeroed=frozenset({(0, gate, -1)})))
    slope = (other.layers[0].h[5, 3] - trace.h[5, 3]) / 1e-6
    assert abs(float(input_gradient(recorded, 0, 5, 3)[2, 1] - slope)) <= 1e-6


def test_a_zeroed_unit_leaves_the_others_alone_at_its_own_step():
    torch.manual_seed(0)
    module = nn.LSTM(3, 4).double()
    x = torch.randn(6, 3).double()
    plain = record(module, x).layers[0]
    trace = record(module, x, edits=Edits(zeroed=frozenset({(0, "i", 2)}))).layers[0]
    assert (trace.gates[:, 0, 2] == 0).all()
    assert max_difference(trace.gates[0, :, [0, 1, 3]], plain.gates[0, :, [0, 1, 3]]) == 0


def test_another_initial_state_gives_the_output_of_torch():
    torch.manual_seed(0)
    module = nn.LSTM(3, 4, num_layers=2, batch_first=True).double()
    x = torch.randn(2, 6, 3).double()
    recorded = record(module, x, sequence=1, edits=Edits(initial_state={("h", 1, 2): 0.75, ("c", 0, 0): -2.0}))
    h, c = torch.zeros(2, 4).double(), torch.zeros(2, 4).double()
    h[1, 2], c[0, 0] = 0.75, -2
    assert max_difference(recorded.output, module(x[1], (h, c))[0].detach()) <= CLOSE
    assert recorded.max_error <= CLOSE
    assert max_difference(recorded.layers[1].h, recorded.output) <= CLOSE


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_another_initial_state_of_a_cell_gives_the_output_of_torch(kind):
    torch.manual_seed(0)
    cell = getattr(nn, f"{kind}Cell")(3, 4).double()
    x = torch.randn(6, 2, 3).double()
    recorded = record(cell, x, sequence=1, edits=Edits(initial_state={("h", 0, 1): 0.5}))
    assert recorded.max_error <= CLOSE
    assert recorded.layers[0].h_prev[0, 1] == 0.5


@pytest.mark.parametrize("bias", [True, False])
def test_an_added_forget_bias_equals_a_module_with_that_bias(bias):
    torch.manual_seed(0)
    module = nn.LSTM(3, 4, num_layers=2, bias=bias).double()
    x = torch.randn(6, 3).double()
    recorded = record(module, x, edits=Edits(forget_bias=2.0))
    copied = nn.LSTM(3, 4, num_layers=2).double()
    with torch.no_grad():
        for name, value in copied.named_parameters():
            value.copy_(getattr(module, name)) if hasattr(module, name) else value.zero_()
        for layer in range(2):
            getattr(copied, f"bias_ih_l{layer}")[4:8] += 2
    assert max_difference(recorded.output, copied(x)[0].detach()) <= CLOSE


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_record_has_the_dtype_of_the_module(kind, dtype):
    torch.manual_seed(0)
    module = getattr(nn, kind)(3, 4).to(dtype)
    recorded = record(module, torch.randn(6, 3, dtype=dtype))
    assert recorded.layers[0].gates.dtype == dtype
    assert recorded.max_error <= (2e-6 if dtype == torch.float32 else 3e-2)


def test_the_module_and_the_global_state_stay_unchanged():
    torch.manual_seed(0)
    module = nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    x = torch.randn(5, 3, requires_grad=True)
    h = torch.zeros(2, 4)
    module(x, (h, h))[0].sum().backward()
    grads = {name: value.grad.clone() for name, value in module.named_parameters()}
    state = torch.get_rng_state()
    recorded = record(module, x, (h, h), edits=Edits(initial_state={("h", 0, 0): 1.0}))
    grad_norm_by_lag(recorded, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training
    assert (h == 0).all()
    assert all(torch.equal(value.grad, grads[name]) for name, value in module.named_parameters())


@pytest.mark.parametrize(
    ("module", "x", "hx", "words"),
    [
        (nn.Linear(2, 2), torch.zeros(1, 2), None, "nn.RNN, nn.LSTM, nn.GRU"),
        (nn.Sequential(nn.LSTM(2, 2)), torch.zeros(1, 2), None, r"it holds one: pass .*0"),
        (nn.RNN(2, 2), {1, 2}, None, "got set"),
        (nn.RNN(2, 2), [1, 2], None, "got torch.int64.*embedding"),
        (nn.RNN(2, 2), torch.zeros(3, dtype=torch.long), None, "got torch.int64.*embedding"),
        (nn.RNN(2, 2), torch.zeros(0, 2), None, "no step"),
        (nn.RNN(2, 2), torch.zeros(3, 5), None, r"\(3, 5\).*input.size\(-1\) must be equal to input_size"),
        (nn.LSTM(2, 2), torch.zeros(3, 2), torch.zeros(1, 2), "torch says"),
        (nn.GRUCell(2, 2), torch.zeros(3, 4, 5), None, "torch says"),
    ],
)
def test_errors_name_the_invalid_argument(module, x, hx, words):
    with pytest.raises(DlvizError, match=words):
        record(module, x, hx)


def test_an_error_names_a_missing_sequence():
    with pytest.raises(DlvizError, match=r"2 sequences.*from 0 to 1, but got 2"):
        record(nn.RNN(2, 2), torch.zeros(3, 2, 2), sequence=2)


def test_cells_are_among_the_random_modules():
    kinds = {type(any_module(seed)[0]).__name__ for seed in range(300)}
    assert kinds == {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}
