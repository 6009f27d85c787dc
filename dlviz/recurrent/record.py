"""A recurrent module on one sequence: every gate and every state of every layer, beside what the module itself returned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.recurrent.layer import GATES, Lane, Weights, walk
from dlviz.recurrent.validation import Sequences, called, kind_of, size_of, squash_of


@dataclass(frozen=True)
class Edits:
    """What is held otherwise than the module has it. Lanes are counted as in torch's ``h_n``: layer · directions + direction.

    Attributes:
        zeroed: lane, gate and unit of what is held at 0; unit −1 is every unit.
        start: the state before the first step, by "h" or "c", lane and unit.
        forget_bias: added to the bias of every forget gate of an LSTM.
    """

    zeroed: frozenset[tuple[int, str, int]] = frozenset()
    start: Mapping[tuple[str, int, int], float] = field(default_factory=dict)
    forget_bias: float = 0.0

    @property
    def inside(self) -> bool:
        """Whether the module itself, called from its other states, would not do the same."""
        return bool(self.zeroed) or self.forget_bias != 0


@dataclass(frozen=True, eq=False)
class Record:
    """One sequence through a recurrent module.

    Attributes:
        kind: "RNN", "LSTM" or "GRU".
        directions: 1 or 2.
        lanes: every layer in every direction, in the order of torch's ``h_n``.
        output: what the module gave at each step, (T, directions · outputs); with a gate held at 0 or another bias, what it would give.
        off: the largest difference between what was recorded and what the module itself returned; ``None`` where it cannot be asked.
    """

    kind: str
    directions: int
    lanes: tuple[Lane, ...]
    output: Tensor
    off: float | None


def record(module: nn.Module, x: Any, hx: Any = None, *, sequence: int = 0, edits: Edits | None = None) -> Record:
    """Call the module, and follow one sequence through it step by step.

    Args:
        module: ``nn.RNN``, ``nn.LSTM``, ``nn.GRU`` or one of their cells.
        x, hx: what the module takes. A cell takes one step or a sequence (T, N, inputs).
        sequence: which sequence of the batch.
        edits: what is held otherwise.

    Raises:
        DlvizError: torch refuses the call, or there is no such sequence.

    Example:
        >>> lstm = torch.nn.LSTM(3, 4, num_layers=2)
        >>> made = record(lstm, torch.randn(5, 3))
        >>> made.lanes[1].gates.shape, made.output.shape
        (torch.Size([5, 4, 4]), torch.Size([5, 4]))
    """
    return follow(module, called(module, x, hx), sequence, edits or Edits())


def follow(module: nn.Module, batch: Sequences, sequence: int, edits: Edits) -> Record:
    """One sequence of a call that has been made."""
    if not 0 <= sequence < len(batch.lengths):
        raise DlvizError(
            message("recurrent.refused.sequence", count=len(batch.lengths), last=len(batch.lengths) - 1, got=sequence)
        )
    kind, squash = kind_of(module), squash_of(module)
    layers, directions, *_ = size_of(module)
    length = batch.lengths[sequence]
    below = batch.x[sequence, :length].cpu()
    h0, c0 = _start(batch, sequence, edits)
    lanes: list[Lane] = []
    with torch.no_grad():
        for layer in range(layers):
            for direction in range(directions):
                lane = layer * directions + direction
                weights = weights_of(module, layer, direction, edits.forget_bias if kind == "LSTM" else 0.0)
                held = [(GATES[kind].index(gate), unit) for at, gate, unit in edits.zeroed if at == lane]
                start = None if c0 is None else c0[lane]
                lanes.append(walk(kind, squash, layer, direction, weights, below, h0[lane], start, held))
            below = torch.cat([lane.h for lane in lanes[-directions:]], dim=1)
    if edits.inside:
        return Record(kind, directions, tuple(lanes), below, None)
    if edits.start:
        batch, sequence = _again(module, batch, sequence, h0, c0), 0
    output = batch.output[sequence, :length].cpu()
    return Record(kind, directions, tuple(lanes), output, _off(lanes, below, output, batch, sequence))


def weights_of(module: nn.Module, layer: int, direction: int, forget_bias: float = 0.0) -> Weights:
    """Copies of the weights of one layer in one direction, with `forget_bias` added to the bias of the forget gate."""
    cell = not isinstance(module, nn.RNNBase)
    end = "" if cell else f"_l{layer}{'_reverse' if direction else ''}"

    def one(name: str) -> Tensor | None:
        found = getattr(module, name + end, None)
        return None if found is None else found.detach().cpu().clone()

    ih, hh, b_ih = one("weight_ih"), one("weight_hh"), one("bias_ih")
    assert ih is not None
    assert hh is not None
    if forget_bias:
        hidden = ih.shape[0] // 4
        b_ih = torch.zeros_like(ih[:, 0]) if b_ih is None else b_ih
        b_ih[hidden : 2 * hidden] += forget_bias
    return Weights(ih, hh, b_ih, one("bias_hh"), one("weight_hr"))


def _start(batch: Sequences, sequence: int, edits: Edits) -> tuple[Tensor, Tensor | None]:
    h0 = batch.h0[:, sequence].cpu().clone()
    c0 = None if batch.c0 is None else batch.c0[:, sequence].cpu().clone()
    for (name, lane, unit), value in edits.start.items():
        state = h0 if name == "h" else c0
        assert state is not None
        state[lane, unit] = value
    return h0, c0


def _again(module: nn.Module, batch: Sequences, sequence: int, h0: Tensor, c0: Tensor | None) -> Sequences:
    """The module itself on this one sequence, from other states."""
    x = batch.x[sequence : sequence + 1, : batch.lengths[sequence]]
    h = h0[:, None].to(x)
    if not isinstance(module, nn.RNNBase):
        state = h[0] if c0 is None else (h[0], c0.to(x))
        return called(module, x.transpose(0, 1), state)
    return called(module, x if module.batch_first else x.transpose(0, 1), h if c0 is None else (h, c0[:, None].to(x)))


def _off(lanes: list[Lane], drawn: Tensor, output: Tensor, batch: Sequences, sequence: int) -> float:
    pairs = [(drawn, output)]
    for k, lane in enumerate(lanes):
        last = lane.order[-1]
        pairs.append((lane.h[last], batch.h_n[k, sequence].cpu()))
        if lane.c is not None and batch.c_n is not None:
            pairs.append((lane.c[last], batch.c_n[k, sequence].cpu()))
    return max(float((a.double() - b.double()).nan_to_num().abs().max()) for a, b in pairs)
