"""One recurrent layer in one direction, step by step: torch's formulas with every intermediate number recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

#: Gates in the order of torch's weights.
GATES: Mapping[str, tuple[str, ...]] = {"RNN": ("a",), "LSTM": ("i", "f", "g", "o"), "GRU": ("r", "z", "n")}
#: The gate with a tanh; the other gates have a sigmoid.
_TANH_GATE = {"LSTM": 2, "GRU": 2, "RNN": 0}


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters of one layer in one direction.

    Attributes:
        ih: (gates · hidden, inputs).
        hh: (gates · hidden, outputs).
        b_ih, b_hh: (gates · hidden,), ``None`` without bias.
        hr: an LSTM's projection (outputs, hidden), ``None`` without one.
    """

    ih: Tensor
    hh: Tensor
    b_ih: Tensor | None
    b_hh: Tensor | None
    hr: Tensor | None


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer in one direction over one sequence. Rows are positions in the sequence, whichever direction it is read in.

    Attributes:
        kind: "RNN", "LSTM" or "GRU".
        nonlinearity: "tanh", or "relu" for a plain RNN with that option.
        number, direction: the layer and its direction; direction 1 reads from the end.
        weights: its parameters.
        x: its input, (T, inputs).
        h0, c0: the initial states, (outputs,) and (hidden,); c0 is ``None`` except for an LSTM.
        from_x: ``W_ih x + b_ih``, (T, gates, hidden).
        from_h: ``W_hh h + b_hh`` of the previous state, (T, gates, hidden).
        preactivations: the sum that each gate's nonlinearity is applied to, (T, gates, hidden).
        gates: each gate, (T, gates, hidden).
        derivatives: derivative of each gate by its preactivation, (T, gates, hidden).
        h: (T, outputs).
        c: (T, hidden), ``None`` except for an LSTM.
        h_prev: h before each step, (T, outputs).
        c_prev: c before each step, (T, hidden), ``None`` except for an LSTM.
        intermediates: terms between gates and state, each (T, hidden): see :func:`trace_layer`.
    """

    kind: str
    nonlinearity: str
    number: int
    direction: int
    weights: Weights
    x: Tensor
    h0: Tensor
    c0: Tensor | None
    from_x: Tensor
    from_h: Tensor
    preactivations: Tensor
    gates: Tensor
    derivatives: Tensor
    h: Tensor
    c: Tensor | None
    h_prev: Tensor
    c_prev: Tensor | None
    intermediates: Mapping[str, Tensor]

    @property
    def steps(self) -> int:
        """T, the length of the sequence."""
        return int(self.x.shape[0])

    @property
    def order(self) -> range:
        """Positions in the order in which they are read."""
        return order(self.steps, self.direction)


def order(steps: int, direction: int) -> range:
    """Return the positions in the order in which a direction reads them.

    Example:
        >>> list(order(3, 0)), list(order(3, 1))
        ([0, 1, 2], [2, 1, 0])
    """
    return range(steps) if direction == 0 else range(steps - 1, -1, -1)


def trace_layer(
    kind: str,
    nonlinearity: str,
    number: int,
    direction: int,
    weights: Weights,
    x: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    zeroed: Iterable[tuple[int, int]] = (),
) -> LayerTrace:
    """Run one layer in one direction over the sequence `x`, (T, inputs).

    The intermediates of an LSTM are ``keep = f·c``, ``add = i·g``, ``tanh_c = tanh(c)``, ``out = o·tanh(c)``; those of a GRU
    ``inner = r·(W_hn h + b_hn)``, ``keep = z·h``, ``add = (1 − z)·n``. A GRU also has ``paper_inner``, ``paper_n`` and ``paper_h``: the
    result of the paper's formula, which multiplies h by the reset gate before W_hn, from the same previous state; ``paper_difference``
    is the difference in h.

    Args:
        kind, nonlinearity, number, direction: as in :class:`LayerTrace`.
        weights: the parameters of this layer and direction.
        x, h0, c0: one sequence and the initial states.
        zeroed: gate and unit to hold at 0; unit −1 is every unit.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html,
        https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html, Cho et al. 2014 (arXiv 1406.1078)

    Example:
        >>> cell = torch.nn.RNNCell(2, 3)
        >>> x = torch.randn(4, 2)
        >>> w = Weights(cell.weight_ih.detach(), cell.weight_hh.detach(), cell.bias_ih.detach(), cell.bias_hh.detach(), None)
        >>> trace = trace_layer("RNN", "tanh", 0, 0, w, x, torch.zeros(3), None)
        >>> torch.allclose(trace.h[0], cell(x[0]))
        True
    """
    count = len(GATES[kind])
    from_x = F.linear(x, weights.ih, weights.b_ih).unflatten(1, (count, -1))
    gate_mask = torch.ones_like(from_x[0])
    for gate, unit in zeroed:
        gate_mask[gate, slice(None) if unit < 0 else unit] = 0
    rows: dict[int, tuple[Tensor, ...]] = {}
    h, c = h0, c0
    for t in order(len(x), direction):
        from_h = F.linear(h, weights.hh, weights.b_hh).unflatten(0, (count, -1))
        preactivations, gates = _gates(kind, nonlinearity, from_x[t], from_h, gate_mask)
        previous = (h,) if c is None else (h, c)
        h, c = _next_state(kind, gates, h, c, weights.hr)
        rows[t] = (from_h, preactivations, gates, h, *previous, *(() if c is None else (c,)))
    columns = zip(*(rows[t] for t in range(len(x))), strict=True)
    from_h, preactivations, gates, h, h_prev, *cells = (torch.stack(column) for column in columns)
    c_prev, c = cells or (None, None)
    return LayerTrace(
        kind=kind,
        nonlinearity=nonlinearity,
        number=number,
        direction=direction,
        weights=weights,
        x=x,
        h0=h0,
        c0=c0,
        from_x=from_x,
        from_h=from_h,
        preactivations=preactivations,
        gates=gates,
        derivatives=_derivatives(kind, nonlinearity, gates, preactivations) * gate_mask,
        h=h,
        c=c,
        h_prev=h_prev,
        c_prev=c_prev,
        intermediates=_intermediates(kind, weights, from_x, from_h, gates, h_prev, c_prev, c),
    )


def _gates(kind: str, nonlinearity: str, from_x: Tensor, from_h: Tensor, gate_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the preactivations and gates of one step, (gates, hidden) each."""
    if kind == "RNN":
        sums = from_x + from_h
        return sums, (torch.tanh(sums) if nonlinearity == "tanh" else torch.relu(sums)) * gate_mask
    if kind == "LSTM":
        sums = from_x + from_h
        gates = torch.sigmoid(sums)
        gates[2] = torch.tanh(sums[2])
        return sums, gates * gate_mask
    r_z = from_x[:2] + from_h[:2]
    gates = torch.sigmoid(r_z) * gate_mask[:2]
    # Torch's GRU multiplies the output of W_hn, bias included, by the reset gate.
    n = from_x[2] + gates[0] * from_h[2]
    return torch.cat((r_z, n[None])), torch.cat((gates, torch.tanh(n)[None] * gate_mask[2]))


def _next_state(
    kind: str, gates: Tensor, h: Tensor, c: Tensor | None, projection: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    if kind == "LSTM" and c is not None:
        i, f, g, o = gates
        c = f * c + i * g
        h = o * torch.tanh(c)
        return (h if projection is None else F.linear(h, projection)), c
    if kind == "GRU":
        _, z, n = gates
        return (1 - z) * n + z * h, None
    return gates[0], None


def _derivatives(kind: str, nonlinearity: str, gates: Tensor, preactivations: Tensor) -> Tensor:
    """Return the derivative of each gate by its preactivation, (T, gates, hidden)."""
    if kind == "RNN" and nonlinearity == "relu":
        return (preactivations > 0).to(preactivations)
    derivatives = gates * (1 - gates)
    tanh = _TANH_GATE[kind]
    derivatives[:, tanh] = 1 - gates[:, tanh] ** 2
    return derivatives


def _intermediates(
    kind: str,
    weights: Weights,
    from_x: Tensor,
    from_h: Tensor,
    gates: Tensor,
    h_prev: Tensor,
    c_prev: Tensor | None,
    c: Tensor | None,
) -> dict[str, Tensor]:
    if kind == "LSTM" and c_prev is not None and c is not None:
        i, f, g, o = gates.unbind(1)
        tanh_c = torch.tanh(c)
        return {"keep": f * c_prev, "add": i * g, "tanh_c": tanh_c, "out": o * tanh_c}
    if kind == "GRU":
        r, z, n = gates.unbind(1)
        rows = slice(-weights.hh.shape[1], None)
        bias = None if weights.b_hh is None else weights.b_hh[rows]
        paper_inner = F.linear(r * h_prev, weights.hh[rows], bias)
        paper_n = torch.tanh(from_x[:, 2] + paper_inner)
        paper_h = (1 - z) * paper_n + z * h_prev
        return {
            "inner": r * from_h[:, 2],
            "keep": z * h_prev,
            "add": (1 - z) * n,
            "paper_inner": paper_inner,
            "paper_n": paper_n,
            "paper_h": paper_h,
            "paper_difference": (1 - z) * n + z * h_prev - paper_h,
        }
    return {}
