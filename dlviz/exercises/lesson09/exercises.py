"""Lesson 09, recurrent networks: its exercises."""

import math

import torch
from torch import nn

from dlviz.exercises.function import Function
from dlviz.exercises.lesson09.predictions import PREDICTIONS
from dlviz.exercises.usage import Usage, without_graph

# 09.cell: one step


def cell(x, h, w_ih, w_hh, b_ih, b_hh):
    """Return the next state (N, H) from inputs x (N, I) and states h (N, H).

    The weights have shapes w_ih (H, I) and w_hh (H, H), and both biases have shape (H,).
    """
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def _cell_inputs(i):
    n, inputs, hidden = 1 + i, 2 + i % 3, 3 + i % 2
    shapes = {
        "x": (n, inputs),
        "h": (n, hidden),
        "w_ih": (hidden, inputs),
        "w_hh": (hidden, hidden),
        "b_ih": (hidden,),
        "b_hh": (hidden,),
    }
    return {name: torch.randn(shape).requires_grad_() for name, shape in shapes.items()}


CELL = Function(
    id="09.cell",
    reference=cell,
    case=_cell_inputs,
    mistakes={
        "not_squashed": {"torch.tanh": ""},
        "squashed_by_sigmoid": {"tanh": "sigmoid"},
        "squashed_by_relu": {"tanh": "relu"},
        "squashed_apart": {"b_ih + h": "b_ih) + torch.tanh(h"},
        "state_forgotten": {" + h @ w_hh.T": ""},
        "input_forgotten": {"x @ w_ih.T + ": ""},
        "state_without_weights": {"h @ w_hh.T": "h"},
        "state_weights_turned": {"w_hh.T": "w_hh"},
        "one_bias": {" + b_hh": ""},
        "no_bias": {" + b_ih": "", " + b_hh": ""},
        "old_state_added": {"torch.tanh": "h + torch.tanh"},
    },
)

# 09.clip: shorter, in the same direction


def clip(a, b, limit):
    """Return the gradients a and b, scaled by one factor if their norm together is above limit."""
    length = (a.pow(2).sum() + b.pow(2).sum()).sqrt()
    factor = (limit / length).clamp(max=1)
    return factor * a, factor * b


def _gradients(i):
    a = torch.randn([(3, 2), (4,), (2, 2), (1, 5), (3, 3)][i]) + 0.5
    b = torch.randn([(3,), (2, 3), (1,), (5,), (2, 2)][i]) - 0.5
    # Every second pair is below the limit. Those above it need factors of their own.
    together = (a.square().sum() + b.square().sum()).sqrt().item()
    return {"a": a, "b": b, "limit": together * (0.4137, 1.3, 0.7263, 1.1, 0.1752)[i]}


CLIP = Function(
    id="09.clip",
    reference=clip,
    case=_gradients,
    mistakes={
        "every_number_alone": {"factor * a, factor * b": "a.clamp(-limit, limit), b.clamp(-limit, limit)"},
        "every_tensor_alone": lambda a, b, limit: tuple((limit / g.norm()).clamp(max=1) * g for g in (a, b)),
        "always_to_the_limit": {".clamp(max=1)": ""},
        "lengths_added": {"(a.pow(2).sum() + b.pow(2).sum()).sqrt()": "a.norm() + b.norm()"},
        "root_missing": {".sqrt()": ""},
        "largest_number": {"(a.pow(2).sum() + b.pow(2).sum()).sqrt()": "torch.maximum(a.abs().max(), b.abs().max())"},
        "larger_of_the_norms": {"(a.pow(2).sum() + b.pow(2).sum()).sqrt()": "torch.maximum(a.norm(), b.norm())"},
        "never_shorter": {"clamp(max=1)": "clamp(min=1)"},
        "unchanged": {"factor * a, factor * b": "a, b"},
        "thrown_away": {"(limit / length).clamp(max=1)": "length <= limit"},
        "turned_around": {"(limit / length).clamp(max=1)": "(length / limit).clamp(min=1)"},
    },
)

# 09.detach: a long series, a piece at a time


def one_pass(net, optimizer, x, y, size):
    """Train once along the series x, y (T, 1), in pieces of size steps; return the last state.

    Each piece begins with the state that the piece before it has reached.
    """
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, state)
        state = state.detach()
        loss = (guess - future).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return state


def one_step_at_the_end(net, optimizer, x, y, size):
    state, total = None, 0
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, state)
        total = total + (guess - future).pow(2).mean()
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return state


class _Forecast(nn.Module):
    """Network from a series (T, 1) and a state to predictions (T, 1) and the next state."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(1, 4)
        self.head = nn.Linear(4, 1)

    def forward(self, x, state=None):
        outputs, state = self.rnn(x, state)
        return self.head(outputs), state


def _use_one_pass(function, x, y, size):
    """Return the weights after one pass, and the last state."""
    torch.manual_seed(0)
    net = _Forecast()
    state = function(net, torch.optim.SGD(net.parameters(), lr=0.3), x, y, size)
    return [*(p.detach() for p in net.parameters()), without_graph(state)]


def _series(i):
    series = torch.randn(7 + i, 1)
    return {"x": series[:-1], "y": series[1:], "size": 3 + i % 2}


DETACH = Usage(
    id="09.detach",
    reference=one_pass,
    broken="state_attached",
    case=_series,
    use=_use_one_pass,
    mistakes={
        "state_attached": {
            "x, y, size):": "x, y, size):  # the code as it was found",
            "        state = state.detach()\n": "",
        },
        "graph_retained": {"state = state.detach()": "", "loss.backward()": "loss.backward(retain_graph=True)"},
        "detached_in_place": {"state = state.detach()": "state.detach_()"},
        "state_thrown_away": {"net(past, state)": "net(past, None)"},
        "state_reset": {"state.detach()": "None"},
        "state_of_zeros": {"state.detach()": "torch.zeros_like(state)"},
        "guess_detached": {"guess - future": "guess.detach() - future"},
        "gradients_pile_up": {"optimizer.zero_grad()": ""},
        "one_step_at_the_end": one_step_at_the_end,
    },
)

# 09.lstm: one step of the state and the memory cell


def lstm_step(a, c):
    """Return the new h and the new c, both (N, H), from the four sums a (N, 4H) and the old c (N, H).

    The columns of a are the sums of the input gate, forget gate, candidate and output gate, H columns each.
    """
    i, f, g, o = a.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _lstm_sums(i):
    n, hidden = 1 + i, 2 + i % 3
    return {"a": (2 * torch.randn(n, 4 * hidden)).requires_grad_(), "c": torch.randn(n, hidden).requires_grad_()}


LSTM = Function(
    id="09.lstm",
    reference=lstm_step,
    case=_lstm_sums,
    mistakes={
        "gates_swapped": {"sigmoid(f)": "sigmoid(i)", "sigmoid(i)": "sigmoid(f)"},
        "gates_not_squashed": {"sigmoid(f)": "clone(f)", "sigmoid(i)": "clone(i)", "sigmoid(o)": "clone(o)"},
        "candidate_by_sigmoid": {"tanh(g)": "sigmoid(g)"},
        "nothing_forgotten": {"torch.sigmoid(f) * c": "c"},
        "everything_forgotten": {"torch.sigmoid(f) * c + ": ""},
        "input_gate_missing": {"torch.sigmoid(i) * ": ""},
        "h_without_tanh": {"torch.tanh(c)": "c"},
        "h_from_the_old_c": {"    c = torch": "    new = torch", "tanh(c), c": "tanh(c), new"},
        "returned_in_reverse": {
            "return torch.sigmoid(o) * torch.tanh(c), c": "return c, torch.sigmoid(o) * torch.tanh(c)"
        },
        "other_order_of_gates": {"i, f, g, o": "i, f, o, g"},
        "changed_in_place": {"    c = torch.sigmoid(f) * c + ": "    c *= torch.sigmoid(f)\n    c = c + "},
        "gate_changed_in_place": {"    c = torch": "    i.sigmoid_()\n    c = torch"},
        "forget_by_the_rest": {"torch.sigmoid(f)": "(1 - torch.sigmoid(i))"},
    },
)

# 09.forget: remember by default


def remember(lstm, bias):
    """Set the sum of the two biases of every forget gate of an nn.LSTM to bias, in place."""
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if name.startswith("bias_ih"):
                values[hidden : 2 * hidden] = bias
            if name.startswith("bias_hh"):
                values[hidden : 2 * hidden] = 0


def _use_remember(function, inputs, hidden, layers, directions, bias):
    """Return the sum of both biases for each layer and direction, all weights, and what else may have changed."""
    torch.manual_seed(0)
    lstm = nn.LSTM(inputs, hidden, num_layers=layers, bidirectional=directions == 2)
    function(lstm, bias)
    state = [sum(p.requires_grad for p in lstm.parameters()), int(torch.is_grad_enabled()), int(lstm.training)]
    parameters = dict(lstm.named_parameters())
    sums = [
        parameters[name] + parameters[name.replace("_ih_", "_hh_")] for name in parameters if name.startswith("bias_ih")
    ]
    weights = [value for name, value in parameters.items() if name.startswith("weight")]
    return [*(value.detach() for value in (*sums, *weights)), *state]


def _lstm_settings(i):
    return {
        "inputs": 2 + i % 2,
        "hidden": 2 + int(torch.randint(3, ())),
        "layers": (2, 1, 2, 1, 1)[i],
        "directions": (1, 2, 2, 1, 2)[i],
        "bias": (2.0, 1.0, 3.0, 1.5, 2.0)[i],
    }


FORGET = Usage(
    id="09.forget",
    reference=remember,
    case=_lstm_settings,
    use=_use_remember,
    mistakes={
        "both_biases": {"= 0": "= bias"},
        "one_bias_left": {"values[hidden : 2 * hidden] = 0": "pass"},
        "other_bias_left": {"values[hidden : 2 * hidden] = bias": "pass", "= 0": "= bias"},
        "input_gate": {"hidden : 2 * hidden] = bias": ":hidden] = bias", "hidden : 2 * hidden] = 0": ":hidden] = 0"},
        "candidate": {
            "hidden : 2 * hidden] = bias": "2 * hidden : 3 * hidden] = bias",
            "hidden : 2 * hidden] = 0": "2 * hidden : 3 * hidden] = 0",
        },
        "output_gate": {
            "hidden : 2 * hidden] = bias": "3 * hidden :] = bias",
            "hidden : 2 * hidden] = 0": "3 * hidden :] = 0",
        },
        "every_gate": {"hidden : 2 * hidden] = bias": ":] = bias", "hidden : 2 * hidden] = 0": ":] = 0"},
        "other_gates_zeroed": {
            "values[hidden : 2 * hidden] = bias": "values[:] = bias * (torch.arange(4 * hidden) // hidden == 1)",
            "values[hidden : 2 * hidden] = 0": "values[:] = 0",
        },
        "first_layer_alone": {
            'name.startswith("bias_ih")': 'name == "bias_ih_l0"',
            'name.startswith("bias_hh")': 'name == "bias_hh_l0"',
        },
        "forward_alone": {
            '("bias_ih")': '("bias_ih") and not name.endswith("_reverse")',
            '("bias_hh")': '("bias_hh") and not name.endswith("_reverse")',
        },
        "added_to_what_was_there": {"= bias": "+= bias", "values[hidden : 2 * hidden] = 0": "pass"},
        "gradients_left_off": {
            "    with torch.no_grad():\n        for": "    torch.set_grad_enabled(False)\n    if True:\n        for",
        },
        "parameters_frozen": {
            "with torch.no_grad()": "with lstm.requires_grad_(False) and torch.no_grad()",
        },
    },
)

# 09.bits: how well a model predicts signs


def bits(logits, targets):
    """Return the mean of -log2 p over all signs, a tensor (), where p is the probability of the target.

    The shapes are logits (N, T, C) and targets (N, T); a target of -100 is padding.
    """
    real = targets != -100
    log_p = logits.log_softmax(dim=-1)[real]
    chosen = log_p.gather(1, targets[real].unsqueeze(1))
    return -chosen.mean() / math.log(2)


def padding_counted(logits, targets):
    real = targets != -100
    log_p = logits.log_softmax(dim=-1).gather(2, targets.clamp(min=0).unsqueeze(2)).squeeze(2)
    return -(log_p * real).mean() / math.log(2)


def padding_as_letter_0(logits, targets):
    return -logits.log_softmax(dim=-1).gather(2, targets.clamp(min=0).unsqueeze(2)).mean() / math.log(2)


def mean_of_the_names(logits, targets):
    return torch.stack([bits(one[None], wanted[None]) for one, wanted in zip(logits, targets, strict=True)]).mean()


def _letter_scores(i):
    n, steps, classes = 2 + i, 4 + i % 3, 3 + i
    targets = torch.randint(classes, (n, steps))
    for row in range(n):
        length = steps if row == 0 else int(torch.randint(1, steps, ()))  # one name is the longest
        targets[row, length:] = -100
    return {"logits": (2 * torch.randn(n, steps, classes)).requires_grad_(), "targets": targets}


BITS = Function(
    id="09.bits",
    reference=bits,
    case=_letter_scores,
    mistakes={
        "padding_counted": padding_counted,
        "padding_as_letter_0": padding_as_letter_0,
        "mean_of_the_names": mean_of_the_names,
        "natural_logarithm": {" / math.log(2)": ""},
        "perplexity": {"return -chosen.mean() / math.log(2)": "return (-chosen.mean()).exp()"},
        "multiplied_by_ln_2": {"/ math.log(2)": "* math.log(2)"},
        "sign_forgotten": {"return -chosen": "return chosen"},
        "all_letters": {".gather(1, targets[real].unsqueeze(1))": ""},
        "softmax_missing": {"logits.log_softmax(dim=-1)": "logits"},
        "softmax_over_steps": {"dim=-1": "dim=1"},
        "summed": {"chosen.mean()": "chosen.sum()"},
    },
)

ITEMS = (*PREDICTIONS, CELL, CLIP, DETACH, LSTM, FORGET, BITS)
