"""Lesson 09, recurrent networks: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D103, PIE790 - a mistake's name says what it does, and what learners read stays short

from typing import Any

import torch
from torch import nn

from dlviz.exercises.function import Function
from dlviz.exercises.lesson09.predictions import PREDICTIONS
from dlviz.exercises.usage import Used

# 09.cell: one step


def cell(x, h, w_ih, w_hh, b_ih, b_hh):
    """The next state (N, H) from x (N, I) and the state h (N, H); w_ih (H, I), w_hh (H, H), both biases (H,)."""
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def not_squashed(x, h, w_ih, w_hh, b_ih, b_hh):
    return x @ w_ih.T + b_ih + h @ w_hh.T + b_hh


def squashed_by_sigmoid(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.sigmoid(not_squashed(x, h, w_ih, w_hh, b_ih, b_hh))


def squashed_apart(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih) + torch.tanh(h @ w_hh.T + b_hh)


def state_forgotten(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + b_hh)


def input_forgotten(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(h @ w_hh.T + b_ih + b_hh)


def state_without_weights(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h + b_hh)


def state_weights_turned(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh + b_hh)


def one_bias(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T)


def old_state_added(x, h, w_ih, w_hh, b_ih, b_hh):
    return h + cell(x, h, w_ih, w_hh, b_ih, b_hh)


def _step(generator: torch.Generator, i: int) -> dict[str, Any]:
    n, inputs, hidden = 1 + i, 2 + i % 3, 3 + i % 2
    shapes = {
        "x": (n, inputs),
        "h": (n, hidden),
        "w_ih": (hidden, inputs),
        "w_hh": (hidden, hidden),
        "b_ih": (hidden,),
        "b_hh": (hidden,),
    }
    return {name: torch.randn(shape, generator=generator).requires_grad_() for name, shape in shapes.items()}


# 09.clip: shorter, in the same direction


def clip(a, b, limit):
    """The gradients a and b, of any shape, made shorter by one factor if their length together is above limit."""
    length = (a.pow(2).sum() + b.pow(2).sum()).sqrt()
    factor = (limit / length).clamp(max=1)
    return factor * a, factor * b


def every_number_alone(a, b, limit):
    return a.clamp(-limit, limit), b.clamp(-limit, limit)


def every_tensor_alone(a, b, limit):
    return tuple((limit / g.norm()).clamp(max=1) * g for g in (a, b))


def always_to_the_limit(a, b, limit):
    factor = limit / (a.pow(2).sum() + b.pow(2).sum()).sqrt()
    return factor * a, factor * b


def lengths_added(a, b, limit):
    factor = (limit / (a.norm() + b.norm())).clamp(max=1)
    return factor * a, factor * b


def root_missing(a, b, limit):
    factor = (limit / (a.pow(2).sum() + b.pow(2).sum())).clamp(max=1)
    return factor * a, factor * b


def largest_number(a, b, limit):
    factor = (limit / torch.maximum(a.abs().max(), b.abs().max())).clamp(max=1)
    return factor * a, factor * b


def thrown_away(a, b, limit):
    keep = (a.pow(2).sum() + b.pow(2).sum()).sqrt() <= limit
    return a * keep, b * keep


def turned_around(a, b, limit):
    factor = ((a.pow(2).sum() + b.pow(2).sum()).sqrt() / limit).clamp(min=1)
    return factor * a, factor * b


def _gradients(generator: torch.Generator, i: int) -> dict[str, Any]:
    a = torch.randn([(3, 2), (4,), (2, 2), (1, 5), (3, 3)][i], generator=generator) + 0.5
    b = torch.randn([(3,), (2, 3), (1,), (5,), (2, 2)][i], generator=generator) - 0.5
    # Every second pair is short enough.
    together = (a.square().sum() + b.square().sum()).sqrt().item()
    return {"a": a, "b": b, "limit": together * (1.3 if i % 2 else 0.4)}


# 09.detach: a long series, a piece at a time


def one_pass(net, optimizer, x, y, size):
    """Train once along the series x, y (T, 1), size steps at a time; the state goes on. Gives the last state."""
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, state)
        state = state.detach()
        loss = (guess - future).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return state


def state_attached(net, optimizer, x, y, size):  # the code as it was found
    """Train once along the series x, y (T, 1), size steps at a time; the state goes on. Gives the last state."""
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, state)
        loss = (guess - future).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return state


def _along(net, optimizer, x, y, size, carried, *, zeroed=True, retained=False, guess_tracked=True):
    """The loop of `one_pass` with something else in it; `carried` is what becomes of the state."""
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, last = net(past, state)
        state = carried(last)
        loss = ((guess if guess_tracked else guess.detach()) - future).pow(2).mean()
        if zeroed:
            optimizer.zero_grad()
        loss.backward(retain_graph=retained)
        optimizer.step()
    return last


def graph_retained(net, optimizer, x, y, size):
    return _along(net, optimizer, x, y, size, lambda state: state, retained=True)


def state_thrown_away(net, optimizer, x, y, size):
    return _along(net, optimizer, x, y, size, lambda state: None)


def guess_detached(net, optimizer, x, y, size):
    return _along(net, optimizer, x, y, size, torch.Tensor.detach, guess_tracked=False)


def gradients_pile_up(net, optimizer, x, y, size):
    return _along(net, optimizer, x, y, size, torch.Tensor.detach, zeroed=False)


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
    """A series (T, 1) and a state to guesses (T, 1) and the next state."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(1, 4)
        self.head = nn.Linear(4, 1)

    def forward(self, x, state=None):
        outputs, state = self.rnn(x, state)
        return self.head(outputs), state


def _trained(function, x, y, size):
    """The weights after one pass, and the last state."""
    torch.manual_seed(0)
    net = _Forecast()
    state = function(net, torch.optim.SGD(net.parameters(), lr=0.3), x, y, size)
    return [*(p.detach() for p in net.parameters()), state.detach()]


def _series(generator: torch.Generator, i: int) -> dict[str, Any]:
    series = torch.randn(7 + i, 1, generator=generator)
    return {"x": series[:-1], "y": series[1:], "size": 3 + i % 2}


# 09.forget: remember by default


def remember(lstm, bias):
    """Set the bias of every forget gate of an nn.LSTM, both of its biases together, to bias; nothing else changes."""
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if name.startswith("bias_ih"):
                values[hidden : 2 * hidden] = bias
            if name.startswith("bias_hh"):
                values[hidden : 2 * hidden] = 0


def unset(lstm, bias):
    """Set the bias of every forget gate of an nn.LSTM, both of its biases together, to bias; nothing else changes."""
    ...


def _set(lstm, quarters, of=("bias_ih", "bias_hh"), values=(1.0, 0.0), only=""):
    """Put a value into some quarters of some biases."""
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, found in lstm.named_parameters():
            for start, value in zip(of, values, strict=True):
                if name.startswith(start) and name.endswith(only):
                    for quarter in quarters:
                        found[quarter * hidden : (quarter + 1) * hidden] = value


def both_biases(lstm, bias):
    _set(lstm, [1], values=(bias, bias))


def one_bias_left(lstm, bias):
    _set(lstm, [1], of=("bias_ih",), values=(bias,))


def other_bias_left(lstm, bias):
    _set(lstm, [1], of=("bias_hh",), values=(bias,))


def input_gate(lstm, bias):
    _set(lstm, [0], values=(bias, 0.0))


def candidate(lstm, bias):
    _set(lstm, [2], values=(bias, 0.0))


def output_gate(lstm, bias):
    _set(lstm, [3], values=(bias, 0.0))


def every_gate(lstm, bias):
    _set(lstm, [0, 1, 2, 3], values=(bias, 0.0))


def first_layer_alone(lstm, bias):
    _set(lstm, [1], values=(bias, 0.0), only="_l0")


def forward_alone(lstm, bias):
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if name.startswith("bias_") and not name.endswith("_reverse"):
                values[hidden : 2 * hidden] = bias if name.startswith("bias_ih") else 0


def added_to_what_was_there(lstm, bias):
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if name.startswith("bias_ih"):
                values[hidden : 2 * hidden] += bias


def _remembering(function, inputs, hidden, layers, directions, bias):
    """Of each layer and direction the two biases together; then all weights."""
    torch.manual_seed(0)
    lstm = nn.LSTM(inputs, hidden, num_layers=layers, bidirectional=directions == 2)
    function(lstm, bias)
    found = dict(lstm.named_parameters())
    sums = [found[name] + found[name.replace("_ih_", "_hh_")] for name in found if name.startswith("bias_ih")]
    weights = [value for name, value in found.items() if name.startswith("weight")]
    return [value.detach() for value in (*sums, *weights)]


def _lstms(generator: torch.Generator, i: int) -> dict[str, Any]:
    return {
        "inputs": 2 + i % 2,
        "hidden": 2 + int(torch.randint(3, (), generator=generator)),
        "layers": (2, 1, 2, 1, 1)[i],
        "directions": (1, 2, 2, 1, 2)[i],
        "bias": (2.0, 1.0, 3.0, 1.5, 2.0)[i],
    }


ITEMS = (
    *PREDICTIONS,
    Function(
        id="09.cell",
        reference=cell,
        case=_step,
        mistakes=(
            not_squashed,
            squashed_by_sigmoid,
            squashed_apart,
            state_forgotten,
            input_forgotten,
            state_without_weights,
            state_weights_turned,
            one_bias,
            old_state_added,
        ),
    ),
    Function(
        id="09.clip",
        reference=clip,
        case=_gradients,
        mistakes=(
            every_number_alone,
            every_tensor_alone,
            always_to_the_limit,
            lengths_added,
            root_missing,
            largest_number,
            thrown_away,
            turned_around,
        ),
    ),
    Used(
        id="09.detach",
        reference=one_pass,
        blank=state_attached,
        case=_series,
        use=_trained,
        mistakes=(
            state_attached,
            graph_retained,
            state_thrown_away,
            guess_detached,
            gradients_pile_up,
            one_step_at_the_end,
        ),
    ),
    Used(
        id="09.forget",
        reference=remember,
        blank=unset,
        case=_lstms,
        use=_remembering,
        mistakes=(
            both_biases,
            one_bias_left,
            other_bias_left,
            input_gate,
            candidate,
            output_gate,
            every_gate,
            first_layer_alone,
            forward_alone,
            added_to_what_was_there,
        ),
    ),
)
