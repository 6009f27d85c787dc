"""How much each number of the input moves a state: the chain rule, step by step, on the recorded numbers."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dlviz.recurrent.layer import Lane
from dlviz.recurrent.record import Record


def influence(record: Record, lane: int, t: int, unit: int) -> Tensor:
    """∂h_t[unit]/∂x_s for every place s of the input, (T, inputs).

    Args:
        record: the recorded run.
        lane: which layer and direction h is of, counted as in torch's ``h_n``.
        t: its place in the sequence.
        unit: which number of h.

    Source:
        Backpropagation through time: https://docs.pytorch.org/docs/stable/notes/autograd.html

    Example:
        >>> from dlviz.recurrent import record
        >>> x = torch.randn(6, 2, dtype=torch.double, requires_grad=True)
        >>> rnn = torch.nn.GRU(2, 3).double()
        >>> rnn(x)[0][5, 1].backward()
        >>> torch.allclose(influence(record(rnn, x), 0, 5, 1), x.grad)
        True
    """
    seeds = _seeds(record.lanes[lane], 1)
    seeds[t, 0, unit] = 1
    return pulled(record, lane, seeds)[:, 0]


def norms(record: Record, lane: int, units: Sequence[int]) -> Tensor:
    """‖∂h_t[u]/∂x_s‖ for every t, every u of `units` and every s, (T, units, T)."""
    of = record.lanes[lane]
    seeds = _seeds(of, of.steps * len(units))
    # What is read last comes first: see _back.
    places = torch.tensor(list(reversed(of.order)))
    for k, unit in enumerate(units):
        seeds[places, torch.arange(of.steps) * len(units) + k, unit] = 1
    found = pulled(record, lane, seeds).norm(dim=2).T.unflatten(0, (of.steps, len(units)))
    return found[places] if of.direction == 0 else found


def lags(record: Record, lane: int) -> Tensor:
    """‖∂h/∂x‖ of the last h that the lane reads and the x that it read k steps before, for every lag k from 0, (T,).

    The norm is that of the whole matrix (Frobenius), over all units and all inputs.
    """
    of = record.lanes[lane]
    seeds = _seeds(of, of.h.shape[1])
    seeds[of.order[-1]] = torch.eye(of.h.shape[1]).to(of.h)
    return pulled(record, lane, seeds).flatten(1).norm(dim=1)[list(reversed(of.order))]


def pulled(record: Record, lane: int, seeds: Tensor) -> Tensor:
    """The gradient of K numbers by the input of the whole module, (T, K, inputs).

    Args:
        record: the recorded run.
        lane: which layer and direction the numbers are made from.
        seeds: their gradient by every h of that lane, (T, K, outputs).
    """
    top = record.lanes[lane]
    waiting = {top.direction: seeds}
    for layer in range(top.layer, -1, -1):
        lanes = [one for one in record.lanes if one.layer == layer and one.direction in waiting]
        into = sum(
            (_back(one, waiting[one.direction]) for one in lanes[1:]), _back(lanes[0], waiting[lanes[0].direction])
        )
        if layer:
            # Both directions of the layer below stand side by side in this one's input.
            waiting = dict(enumerate(into.chunk(record.directions, dim=2)))
    return into


def _seeds(lane: Lane, count: int) -> Tensor:
    return lane.h.new_zeros(lane.steps, count, lane.h.shape[1])


def _back(lane: Lane, seeds: Tensor) -> Tensor:
    """The gradient by the lane's own input, (T, K, inputs). Rows at the end that nothing has reached yet cost nothing."""
    step = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[lane.kind](lane)
    g_h = torch.zeros_like(seeds[0])
    g_c = seeds.new_zeros(seeds.shape[1], lane.gates.shape[2])
    found = seeds.new_zeros(*seeds.shape[:2], lane.x.shape[1])
    reached = ((seeds != 0).any(2) * torch.arange(1, seeds.shape[1] + 1)).amax(1).tolist()
    rows = 0
    for t in reversed(lane.order):
        rows = max(rows, reached[t])
        at_x, g_h[:rows], g_c[:rows] = step(t, seeds[t, :rows] + g_h[:rows], g_c[:rows])
        torch.mm(at_x, lane.weights.ih, out=found[t, :rows])
    return found


#: From a place, and the gradient by h and by c after its step: that by the gates' sums as far as they come from x (K, gates · hidden), and
#: by h and by c before it. What depends on the numbers of the record alone is computed for all places at once.
Step = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def _rnn(lane: Lane) -> Step:
    def step(t: int, g: Tensor, g_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at = g * lane.slopes[t, 0]
        return at, at @ lane.weights.hh, g_c

    return step


def _lstm(lane: Lane) -> Step:
    i, f, cand, o = lane.gates.unbind(1)
    squashed, cell, w = lane.parts["squashed"], lane.cell, lane.weights
    assert cell is not None
    from_c = torch.stack((cand, cell, i), 1) * lane.slopes[:, :3]
    from_h = squashed * lane.slopes[:, 3]
    to_c = o * (1 - squashed**2)

    def step(t: int, g: Tensor, g_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g = g if w.hr is None else g @ w.hr
        g_c = g_c + g * to_c[t]
        at = torch.cat((g_c[:, None] * from_c[t], (g * from_h[t])[:, None]), 1).flatten(1)
        return at, at @ w.hh, g_c * f[t]

    return step


def _gru(lane: Lane) -> Step:
    r, z, n = lane.gates.unbind(1)
    slope_r, slope_z, slope_n = lane.slopes.unbind(1)
    to_n = (1 - z) * slope_n
    to_z = (lane.before - n) * slope_z
    to_r = to_n * lane.from_h[:, 2] * slope_r
    from_x = torch.stack((to_r, to_z, to_n), 1)
    # What comes from h to n has been multiplied by r.
    from_h = torch.stack((to_r, to_z, to_n * r), 1)

    def step(t: int, g: Tensor, g_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at_x, at_h = ((g[:, None] * part[t]).flatten(1) for part in (from_x, from_h))
        return at_x, g * z[t] + at_h @ lane.weights.hh, g_c

    return step
