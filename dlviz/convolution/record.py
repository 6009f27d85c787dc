"""Convolution and pooling as torch computes them, beside the list of terms of every output and of every input's outputs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from dlviz.convolution.window_axis import NOWHERE, Axis, Stamp

Index = tuple[int, ...]


class Term(NamedTuple):
    """One product: the index into the input (``None`` where padding is read), the index into the weight, and the factor on the input."""

    input: Index | None
    weight: Index | None
    padded: Index


@dataclass(frozen=True)
class Sliding:
    """A convolution, transposed convolution or pooling of one batch.

    Attributes:
        kind: "conv", "conv_transpose", "max_pool" or "avg_pool".
        x: (N, C, *spatial).
        weight: (C_out, C // groups, *kernel) of a convolution, (C, C_out // groups, *kernel) of a transposed one, else ``None``.
        bias: (C_out,) or ``None``.
        axes: one for each spatial dimension.
        groups: how many groups the channels fall into.
        output: what torch computed, (N, C_out, *spatial).
        indices: of a maximum pooling the flat place of each maximum, else ``None``.
        include_pad: whether average pooling counts padding; ``divisor`` what it divides by instead, if given.
    """

    kind: str
    x: Tensor
    weight: Tensor | None
    bias: Tensor | None
    axes: tuple[Axis, ...] | tuple[Stamp, ...]
    groups: int
    output: Tensor
    indices: Tensor | None = None
    include_pad: bool = True
    divisor: int | None = None

    @property
    def channels(self) -> int:
        """Channels of the output."""
        return int(self.output.shape[1])

    def terms(self, index: Index) -> list[Term]:
        """Everything that ``output[index]`` is made of, channel after channel, row after row.

        A maximum is taken of the terms, an average divides their sum by :meth:`divides`, the others add them and the bias.
        """
        n, channel, *place = index
        return list(
            self._transposed(n, channel, place) if self.kind == "conv_transpose" else self._window(n, channel, place)
        )

    def _window(self, n: int, channel: int, place: Sequence[int]) -> Iterator[Term]:
        axes = [axis for axis in self.axes if isinstance(axis, Axis)]
        if self.weight is not None:
            width = self.weight.shape[1]
            first = channel // (self.channels // self.groups) * width
            inputs = [(first + c, c) for c in range(width)]
        else:
            inputs = [(channel, 0)]
        for source, c in inputs:
            for taps in product(*(axis.window(o) for axis, o in zip(axes, place, strict=True))):
                places = tuple(p for _, p in taps)
                if any(p >= axis.padded for p, axis in zip(places, axes, strict=True)):
                    continue  # ceil_mode lets the window stick out; nothing is there
                found = tuple(axis.source(p) for p, axis in zip(places, axes, strict=True))
                weight = None if self.weight is None else (channel, c, *(k for k, _ in taps))
                inside = None if NOWHERE in found else (n, source, *found)
                yield Term(inside, weight, (source, *places))

    def _transposed(self, n: int, channel: int, place: Sequence[int]) -> Iterator[Term]:
        assert self.weight is not None
        axes = [axis for axis in self.axes if isinstance(axis, Stamp)]
        width = self.weight.shape[1]
        group, own = divmod(channel, width)
        share = self.x.shape[1] // self.groups
        for source in range(group * share, (group + 1) * share):
            for taps in product(*(axis.window(o) for axis, o in zip(axes, place, strict=True))):
                found = tuple(i for _, i in taps)
                yield Term((n, source, *found), (source, own, *(k for k, _ in taps)), (source, *found))

    def divides(self, index: Index) -> int:
        """What an average pooling divides the sum of a window by."""
        if self.divisor is not None:
            return self.divisor
        count = 1
        for axis, o in zip(self.axes, index[2:], strict=True):
            assert isinstance(axis, Axis)
            # Padding counts where it is asked to, what ceil_mode lets stick out beyond it never does.
            places = [p for _, p in axis.window(o) if p < axis.padded]
            count *= sum(1 for p in places if self.include_pad or axis.source(p) != NOWHERE)
        return count

    def feeds(self, index: Index) -> list[tuple[Index, Index | None]]:
        """Every (index of an output, index of the weight between) that the input element at `index` goes into."""
        n, channel, *place = index
        if self.kind == "conv_transpose":
            reached = [axis.stamps(i) for axis, i in zip(self.axes, place, strict=True) if isinstance(axis, Stamp)]
        else:
            reached = [axis.feeds(i) for axis, i in zip(self.axes, place, strict=True) if isinstance(axis, Axis)]
        found: list[tuple[Index, Index | None]] = []
        for out, c, first in self._outputs_of(channel):
            for taps in product(*reached):
                ks = tuple(k for _, k in taps)
                weight = None if self.weight is None else ((channel, c, *ks) if first else (out, c, *ks))
                found.append(((n, out, *(o for o, _ in taps)), weight))
        return found

    def _outputs_of(self, channel: int) -> list[tuple[int, int, bool]]:
        """Every (output channel, second index of the weight, whether the input channel is the weight's first index)."""
        if self.weight is None:
            return [(channel, 0, False)]
        if self.kind == "conv_transpose":
            width = self.weight.shape[1]
            group = channel // (self.x.shape[1] // self.groups)
            return [(group * width + c, c, True) for c in range(width)]
        width = self.weight.shape[1]
        group, c = divmod(channel, width)
        share = self.channels // self.groups
        return [(out, c, False) for out in range(group * share, (group + 1) * share)]

    def recompute(self, index: Index) -> float:
        """``output[index]`` from its terms, in float64: what the picture adds up."""
        terms = self.terms(index)
        if self.kind == "max_pool":
            # A dilated window may lie in the padding altogether: torch's maximum of nothing is -inf.
            return max((float(self.x[term.input]) for term in terms if term.input is not None), default=-math.inf)
        total = 0.0 if self.bias is None else float(self.bias[index[1]])
        for term in terms:
            if term.input is not None:
                total += float(self.x[term.input]) * (1.0 if term.weight is None else float(self.weight[term.weight]))  # type: ignore[index]
        return total / self.divides(index) if self.kind == "avg_pool" else total


def padded(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """`x` with its padding, made by torch: (N, C, *padded)."""
    pads = [p for axis in reversed(axes) for p in (axis.before, axis.after)]
    mode = axes[0].mode
    return F.pad(x, pads) if mode == "zeros" else F.pad(x, pads, mode=mode)


def off(made: Sliding, most: int = 4096) -> float | None:
    """How far the terms lie from torch's output at most; ``None`` for very many outputs."""
    if made.output.numel() > most:
        return None
    pairs = ((made.recompute(index), float(made.output[index])) for index in product(*map(range, made.output.shape)))
    # Equal infinities differ by nothing, though subtraction does not know it.
    return max((0.0 if mine == theirs else abs(mine - theirs) for mine, theirs in pairs), default=0.0)
