"""Gradients of states by the input: backpropagation through time on the recorded numbers."""

from collections.abc import Callable, Sequence

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


def input_grad_norms(record: Record, layer: int, units: Sequence[int]) -> Tensor:
    """Compute ‖∂h_t[u]/∂x_s‖ for every t, every u of `units` and every s, (T, units, T)."""
    trace = record.layers[layer]
    grad_h = _zeros(trace, trace.steps * len(units))
    # The position that is read last comes first, which lets _backward skip rows.
    positions = torch.tensor(list(reversed(trace.order)))
    for k, unit in enumerate(units):
        grad_h[positions, torch.arange(trace.steps) * len(units) + k, unit] = 1
    norms = input_vjp(record, layer, grad_h).norm(dim=2).T.unflatten(0, (trace.steps, len(units)))
    return norms[positions] if trace.direction == 0 else norms


def grad_norm_by_lag(record: Record, layer: int) -> Tensor:
    """Compute ‖∂h/∂x‖ of the layer's last h and the x that it read k steps before, for every lag k from 0, (T,).

    The norm is the Frobenius norm of the Jacobian of all units by all inputs.
    """
    trace = record.layers[layer]
    grad_h = _zeros(trace, trace.h.shape[1])
    grad_h[trace.order[-1]] = torch.eye(trace.h.shape[1]).to(trace.h)
    return input_vjp(record, layer, grad_h).flatten(1).norm(dim=1)[list(reversed(trace.order))]


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
        g_c = g_c + g * to_c[t]
        g_gates = torch.cat((g_c[:, None] * from_c[t], (g * from_h[t])[:, None]), 1).flatten(1)
        return g_gates, g_gates @ w.hh, g_c * f[t]

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
