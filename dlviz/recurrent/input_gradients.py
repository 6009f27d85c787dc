"""Gradients of states by the input: backpropagation through time on the recorded numbers."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from dlviz.recurrent.layer_trace import LayerTrace
from dlviz.recurrent.record import Record


def input_gradient(record: Record, layer: int, t: int, unit: int) -> Tensor:
    """Compute ∂h_t[unit]/∂x_s for every position s of the input, (T, inputs).

    Args:
        record: the recorded sequence.
        layer: the layer and direction of h, an index into torch's ``h_n``.
        t: its position in the sequence.
        unit: the unit of h.

    Source:
        Backpropagation through time: https://docs.pytorch.org/docs/stable/notes/autograd.html

    Example:
        >>> from dlviz.recurrent import record
        >>> x = torch.randn(6, 2, dtype=torch.double, requires_grad=True)
        >>> rnn = torch.nn.GRU(2, 3).double()
        >>> rnn(x)[0][5, 1].backward()
        >>> torch.allclose(input_gradient(record(rnn, x), 0, 5, 1), x.grad)
        True
    """
    grad_h = _zeros(record.layers[layer], 1)
    grad_h[t, 0, unit] = 1
    return input_vjp(record, layer, grad_h)[:, 0]


def input_grad_norms(
    record: Record, layer: int, units: Sequence[int], positions: Sequence[int] | None = None
) -> Tensor:
    """Compute ‖∂h_t[u]/∂x_s‖ for every t of `positions` in ascending order, or for all, every u of `units` and every s, (…, units, T)."""
    trace = record.layers[layer]
    ascending = list(range(trace.steps)) if positions is None else list(positions)
    # The position that is read last comes first, which lets _backward skip rows.
    order = torch.tensor(ascending if trace.direction else ascending[::-1], dtype=torch.long)
    grad_h = _zeros(trace, len(order) * len(units))
    for k, unit in enumerate(units):
        grad_h[order, torch.arange(len(order)) * len(units) + k, unit] = 1
    norms = input_vjp(record, layer, grad_h).norm(dim=2).T.unflatten(0, (len(order), len(units)))
    return norms if trace.direction else norms.flip(0)


def grad_norm_by_lag(record: Record, layer: int, units: Sequence[int] | None = None) -> Tensor:
    """Compute ‖∂h/∂x‖ of the layer's last h and the x that it read k steps before, for every lag k from 0, (T,).

    The norm is the Frobenius norm of the Jacobian of all units by all inputs. With `units` it is estimated from these rows.
    """
    trace = record.layers[layer]
    rows = torch.eye(trace.h.shape[1]) if units is None else torch.eye(trace.h.shape[1])[list(units)]
    grad_h = _zeros(trace, len(rows))
    grad_h[trace.order[-1]] = rows.to(trace.h)
    norms = input_vjp(record, layer, grad_h).flatten(1).norm(dim=1)[list(reversed(trace.order))]
    return norms * (rows.shape[1] / len(rows)) ** 0.5


def work_per_row(record: Record, layer: int) -> int:
    """Return the number of multiplications of one vector-Jacobian product with the input of the whole module."""
    top = record.layers[layer].number
    weights = (one.weights for one in record.layers if one.number <= top)
    return record.layers[layer].steps * sum(w.ih.numel() + w.hh.numel() for w in weights)


def first_steps(record: Record, layer: int, steps: int) -> Record:
    """Return a record of the first `steps` positions in which every ∂h_t/∂x_s of the layer is as in the whole one, or the whole one.

    Gradients by h between stacked layers in two directions pass through all positions.
    """
    if steps >= record.layers[layer].steps or (record.directions > 1 and record.layers[layer].number > 0):
        return record
    return replace(record, layers=tuple(_first_steps(trace, steps) for trace in record.layers))


def _first_steps(trace: LayerTrace, steps: int) -> LayerTrace:
    fixed = ("h0", "c0", "weights")
    values = {field.name: getattr(trace, field.name) for field in fields(trace) if field.name not in fixed}
    cut: dict[str, Any] = {name: value[:steps] for name, value in values.items() if isinstance(value, Tensor)}
    return replace(trace, **cut, intermediates={name: value[:steps] for name, value in trace.intermediates.items()})


def input_vjp(record: Record, layer: int, grad_h: Tensor) -> Tensor:
    """Compute K vector-Jacobian products with the input of the whole module, (T, K, inputs).

    Args:
        record: the recorded sequence.
        layer: the layer and direction of h.
        grad_h: K gradients by every h of that layer, (T, K, outputs).
    """
    top = record.layers[layer]
    pending = {top.direction: grad_h}
    for number in range(top.number, -1, -1):
        traces = [trace for trace in record.layers if trace.number == number and trace.direction in pending]
        grad_x = _backward(traces[0], pending[traces[0].direction])
        for trace in traces[1:]:
            grad_x = grad_x + _backward(trace, pending[trace.direction])
        if number:
            # The input of this layer is the concatenated output of both directions of the layer below.
            pending = dict(enumerate(grad_x.chunk(record.directions, dim=2)))
    return grad_x


def _zeros(trace: LayerTrace, count: int) -> Tensor:
    return trace.h.new_zeros(trace.steps, count, trace.h.shape[1])


def _backward(trace: LayerTrace, grad_h: Tensor) -> Tensor:
    """Compute the gradient by the layer's own input, (T, K, inputs). Trailing rows that are still zero are skipped."""
    step = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[trace.kind](trace)
    g_h = torch.zeros_like(grad_h[0])
    g_c = grad_h.new_zeros(grad_h.shape[1], trace.gates.shape[2])
    grad_x = grad_h.new_zeros(*grad_h.shape[:2], trace.x.shape[1])
    rows_used = ((grad_h != 0).any(2) * torch.arange(1, grad_h.shape[1] + 1)).amax(1).tolist()
    rows = 0
    for t in reversed(trace.order):
        rows = max(rows, rows_used[t])
        if not rows:
            continue
        g_from_x, g_h[:rows], g_c[:rows] = step(t, grad_h[t, :rows] + g_h[:rows], g_c[:rows])
        torch.mm(g_from_x, trace.weights.ih, out=grad_x[t, :rows])
    return grad_x


#: Backward of one step: from a position and the gradients by h and c after the step to those by from_x (K, gates · hidden), and by h and
#: c before it. Factors that depend on the recorded numbers only are computed for all positions at once.
Step = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def _rnn(trace: LayerTrace) -> Step:
    def step(t: int, g: Tensor, g_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g_from_x = g * trace.derivatives[t, 0]
        return g_from_x, g_from_x @ trace.weights.hh, g_c

    return step


def _lstm(trace: LayerTrace) -> Step:
    i, f, g_gate, o = trace.gates.unbind(1)
    tanh_c, c_prev, w = trace.intermediates["tanh_c"], trace.c_prev, trace.weights
    assert c_prev is not None
    from_c = torch.stack((g_gate, c_prev, i), 1) * trace.derivatives[:, :3]
    from_h = tanh_c * trace.derivatives[:, 3]
    to_c = o * (1 - tanh_c**2)

    def step(t: int, g: Tensor, g_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g = g if w.hr is None else g @ w.hr
        g_c = torch.addcmul(g_c, g, to_c[t])
        g_gates = g.new_empty(len(g), 4, g.shape[1])
        torch.mul(g_c[:, None], from_c[t], out=g_gates[:, :3])
        torch.mul(g, from_h[t], out=g_gates[:, 3])
        flat = g_gates.flatten(1)
        return flat, flat @ w.hh, g_c * f[t]

    return step


def _gru(trace: LayerTrace) -> Step:
    r, z, n = trace.gates.unbind(1)
    d_r, d_z, d_n = trace.derivatives.unbind(1)
    to_n = (1 - z) * d_n
    to_z = (trace.h_prev - n) * d_z
    to_r = to_n * trace.from_h[:, 2] * d_r
    by_from_x = torch.stack((to_r, to_z, to_n), 1)
    # The part of n that comes from h has been multiplied by r.
    by_from_h = torch.stack((to_r, to_z, to_n * r), 1)

    def step(t: int, g: Tensor, g_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g_from_x, g_from_h = ((g[:, None] * factor[t]).flatten(1) for factor in (by_from_x, by_from_h))
        return g_from_x, g * z[t] + g_from_h @ trace.weights.hh, g_c

    return step
