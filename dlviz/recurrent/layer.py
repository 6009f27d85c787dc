"""One layer in one direction, step after step: torch's own formulas with every number between them kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

#: Torch's order of the gates in its weights, and what squashes each; of a plain RNN the module says what does.
GATES: Mapping[str, tuple[str, ...]] = {"RNN": ("a",), "LSTM": ("i", "f", "g", "o"), "GRU": ("r", "z", "n")}
_TANH = {"LSTM": 2, "GRU": 2, "RNN": 0}


@dataclass(frozen=True, eq=False)
class Weights:
    """What one layer has learned in one direction.

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
class Lane:
    """One layer in one direction over one sequence; rows are places in the sequence, whichever way it was read.

    Attributes:
        kind: "RNN", "LSTM" or "GRU".
        squash: "tanh", or "relu" of a plain RNN that says so.
        layer, direction: which one; direction 1 reads from the end.
        weights: with which it was computed.
        x: its input, (T, inputs).
        h0, c0: the states before its first step, (outputs,) and (hidden,); c0 is ``None`` but of an LSTM.
        from_x: ``W_ih x + b_ih``, (T, gates, hidden).
        from_h: ``W_hh h + b_hh`` of the state before, (T, gates, hidden).
        sums: what each gate squashes, (T, gates, hidden).
        gates: each gate, (T, gates, hidden).
        slopes: the derivative of each gate by its sum, (T, gates, hidden).
        h: (T, outputs).
        c: (T, hidden), ``None`` but of an LSTM.
        before: h before each step, (T, outputs).
        cell: c before each step, (T, hidden), ``None`` but of an LSTM.
        parts: what lies between gates and state, each (T, hidden): see :func:`walk`.
    """

    kind: str
    squash: str
    layer: int
    direction: int
    weights: Weights
    x: Tensor
    h0: Tensor
    c0: Tensor | None
    from_x: Tensor
    from_h: Tensor
    sums: Tensor
    gates: Tensor
    slopes: Tensor
    h: Tensor
    c: Tensor | None
    before: Tensor
    cell: Tensor | None
    parts: Mapping[str, Tensor]

    @property
    def steps(self) -> int:
        """T, the length of the sequence."""
        return int(self.x.shape[0])

    @property
    def order(self) -> range:
        """The places in the order in which they were read."""
        return order(self.steps, self.direction)


def order(steps: int, direction: int) -> range:
    """Places as a direction reads them.

    Example:
        >>> list(order(3, 0)), list(order(3, 1))
        ([0, 1, 2], [2, 1, 0])
    """
    return range(steps) if direction == 0 else range(steps - 1, -1, -1)


def walk(
    kind: str,
    squash: str,
    layer: int,
    direction: int,
    weights: Weights,
    x: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    zeroed: Iterable[tuple[int, int]] = (),
) -> Lane:
    """Read the sequence `x` (T, inputs) from the states `h0` and `c0`.

    Between gates and state are, of an LSTM, ``keep = f·c``, ``add = i·g``, ``squashed = tanh(c)``, ``out = o·tanh(c)``; of a GRU
    ``inner = r·(W_hn h + b_hn)``, ``keep = z·h``, ``add = (1 − z)·n``. A GRU also has ``paper_inner``, ``paper_n`` and ``paper_h``: what
    the paper's formula, which multiplies h by the reset gate before W_hn, makes of the same state before; ``gap`` is the difference in h.

    Args:
        kind, squash, layer, direction: as in :class:`Lane`.
        weights: those of this layer and direction.
        x, h0, c0: one sequence and the states to start from.
        zeroed: gate and unit of what is held at 0; unit −1 is every unit.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html,
        https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html, Cho et al. 2014 (arXiv 1406.1078)

    Example:
        >>> cell = torch.nn.RNNCell(2, 3)
        >>> x = torch.randn(4, 2)
        >>> w = Weights(cell.weight_ih.detach(), cell.weight_hh.detach(), cell.bias_ih.detach(), cell.bias_hh.detach(), None)
        >>> lane = walk("RNN", "tanh", 0, 0, w, x, torch.zeros(3), None)
        >>> torch.allclose(lane.h[0], cell(x[0]))
        True
    """
    count = len(GATES[kind])
    from_x = F.linear(x, weights.ih, weights.b_ih).unflatten(1, (count, -1))
    open_ = torch.ones_like(from_x[0])
    for gate, unit in zeroed:
        open_[gate, slice(None) if unit < 0 else unit] = 0
    rows: dict[int, tuple[Tensor, ...]] = {}
    h, c = h0, c0
    for t in order(len(x), direction):
        from_h = F.linear(h, weights.hh, weights.b_hh).unflatten(0, (count, -1))
        sums, gates = _gates(kind, squash, from_x[t], from_h, open_)
        before, cell = h, c
        if kind == "LSTM":
            i, f, g, o = gates
            c = f * c + i * g
            h = o * torch.tanh(c)
            h = h if weights.hr is None else F.linear(h, weights.hr)
        elif kind == "GRU":
            h = (1 - gates[1]) * gates[2] + gates[1] * h
        else:
            h = gates[0]
        rows[t] = (from_h, sums, gates, before, h, *(state for state in (cell, c) if state is not None))
    columns = zip(*(rows[t] for t in range(len(x))), strict=True)
    from_h, sums, gates, before, h, *cells = (torch.stack(column) for column in columns)
    cell, c = cells or (None, None)
    slopes = _slopes(kind, squash, gates, sums) * open_
    parts = _parts(kind, weights, from_x, from_h, gates, before, cell, c)
    return Lane(
        kind,
        squash,
        layer,
        direction,
        weights,
        x,
        h0,
        c0,
        from_x,
        from_h,
        sums,
        gates,
        slopes,
        h,
        c,
        before,
        cell,
        parts,
    )


def _gates(kind: str, squash: str, from_x: Tensor, from_h: Tensor, open_: Tensor) -> tuple[Tensor, Tensor]:
    """What each gate squashes, and each gate."""
    if kind == "RNN":
        sums = from_x + from_h
        return sums, (torch.tanh(sums) if squash == "tanh" else torch.relu(sums)) * open_
    if kind == "LSTM":
        sums = from_x + from_h
        gates = torch.sigmoid(sums)
        gates[2] = torch.tanh(sums[2])
        return sums, gates * open_
    two = from_x[:2] + from_h[:2]
    opened = torch.sigmoid(two) * open_[:2]
    # Torch's GRU multiplies what comes out of W_hn, bias included, by the reset gate.
    last = from_x[2] + opened[0] * from_h[2]
    return torch.cat((two, last[None])), torch.cat((opened, torch.tanh(last)[None] * open_[2]))


def _slopes(kind: str, squash: str, gates: Tensor, sums: Tensor) -> Tensor:
    """The derivative of each gate by what it squashes."""
    if kind == "RNN" and squash == "relu":
        return (sums > 0).to(sums)
    slopes = gates * (1 - gates)
    tanh = _TANH[kind]
    slopes[:, tanh] = 1 - gates[:, tanh] ** 2
    return slopes


def _parts(
    kind: str,
    weights: Weights,
    from_x: Tensor,
    from_h: Tensor,
    gates: Tensor,
    before: Tensor,
    cell: Tensor | None,
    c: Tensor | None,
) -> dict[str, Tensor]:
    if kind == "LSTM" and cell is not None and c is not None:
        i, f, g, o = gates.unbind(1)
        squashed = torch.tanh(c)
        return {"keep": f * cell, "add": i * g, "squashed": squashed, "out": o * squashed}
    if kind == "GRU":
        r, z, n = gates.unbind(1)
        rows = slice(-weights.hh.shape[1], None)
        bias = None if weights.b_hh is None else weights.b_hh[rows]
        paper_inner = F.linear(r * before, weights.hh[rows], bias)
        paper_n = torch.tanh(from_x[:, 2] + paper_inner)
        paper_h = (1 - z) * paper_n + z * before
        return {
            "inner": r * from_h[:, 2],
            "keep": z * before,
            "add": (1 - z) * n,
            "paper_inner": paper_inner,
            "paper_n": paper_n,
            "paper_h": paper_h,
            "gap": (1 - z) * n + z * before - paper_h,
        }
    return {}
