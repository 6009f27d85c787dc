"""Convolution and pooling as computed by torch, with the terms of every output and the outputs of every input."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlviz.convolution.window_axis import NO_INPUT, TransposedAxis, WindowAxis

Index = tuple[int, ...]
#: Terms of up to so many products are added up to compare them with torch's output; more would delay the picture.
_MAX_TERMS = 2**15


class Term(NamedTuple):
    """Indices of one product: in the input (``None`` for padding), the weight (``None`` in pooling) and a sample of the padded input."""

    input: Index | None
    weight: Index | None
    padded: Index


@dataclass(frozen=True)
class SlidingWindow:
    """A convolution, transposed convolution or pooling of one batch.

    Attributes:
        kind: "conv", "conv_transpose", "max_pool" or "avg_pool".
        x: (N, C, *spatial).
        weight: (C_out, C // groups, *kernel) of a convolution, (C, C_out // groups, *kernel) of a transposed one, else ``None``.
        bias: (C_out,) or ``None``.
        axes: one for each spatial dimension.
        groups: number of groups of channels.
        output: what torch computed, (N, C_out, *spatial).
        indices: flat index of each maximum of a max pooling, else ``None``.
        count_include_pad, divisor_override: arguments of average pooling.
    """

    kind: str
    x: Tensor
    weight: Tensor | None
    bias: Tensor | None
    axes: tuple[WindowAxis | TransposedAxis, ...]
    groups: int
    output: Tensor
    indices: Tensor | None = None
    count_include_pad: bool = True
    divisor_override: int | None = None

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return int(self.output.shape[1])

    @property
    def window_axes(self) -> list[WindowAxis]:
        """The axes along which a window slides; none of a transposed convolution."""
        return [axis for axis in self.axes if isinstance(axis, WindowAxis)]

    def terms(self, index: Index) -> list[Term]:
        """Return the terms of ``output[index]``, ordered by channel and row.

        Max pooling takes their maximum, average pooling divides their sum by :meth:`divisor`, the others add them and the bias.
        """
        transposed = self.kind == "conv_transpose"
        return list(self._transposed_terms(*index) if transposed else self._window_terms(*index))

    def _window_terms(self, n: int, channel: int, *position: int) -> Iterator[Term]:
        axes = self.window_axes
        if self.weight is not None:
            width = self.weight.shape[1]
            first = channel // (self.channels // self.groups) * width
            inputs = [(first + c, c) for c in range(width)]
        else:
            inputs = [(channel, 0)]
        for source, c in inputs:
            for taps in product(*(axis.window(o) for axis, o in zip(axes, position, strict=True))):
                padded = tuple(p for _, p in taps)
                if any(p >= axis.padded_size for p, axis in zip(padded, axes, strict=True)):
                    continue  # with ceil_mode the window may extend beyond the padding
                position_in = tuple(axis.input_position(p) for p, axis in zip(padded, axes, strict=True))
                weight = None if self.weight is None else (channel, c, *(k for k, _ in taps))
                inside = None if NO_INPUT in position_in else (n, source, *position_in)
                yield Term(inside, weight, (source, *padded))

    def _transposed_terms(self, n: int, channel: int, *position: int) -> Iterator[Term]:
        assert self.weight is not None
        axes = [axis for axis in self.axes if isinstance(axis, TransposedAxis)]
        width = self.weight.shape[1]
        group, c = divmod(channel, width)
        inputs = self.x.shape[1] // self.groups
        for source in range(group * inputs, (group + 1) * inputs):
            for taps in product(*(axis.window(o) for axis, o in zip(axes, position, strict=True))):
                position_in = tuple(i for _, i in taps)
                yield Term((n, source, *position_in), (source, c, *(k for k, _ in taps)), (source, *position_in))

    def divisor(self, index: Index) -> int:
        """Return the number by which average pooling divides the sum of a window."""
        if self.divisor_override is not None:
            return self.divisor_override
        count = 1
        for axis, o in zip(self.window_axes, index[2:], strict=True):
            # Positions beyond the padding, which ceil_mode allows, never count.
            padded = [p for _, p in axis.window(o) if p < axis.padded_size]
            count *= sum(1 for p in padded if self.count_include_pad or axis.input_position(p) != NO_INPUT)
        return count

    def feeds(self, index: Index) -> list[tuple[Index, Index | None]]:
        """Return every (output index, weight index) for which the input element at `index` is a factor."""
        n, channel, *position = index
        reached = [axis.outputs(i) for axis, i in zip(self.axes, position, strict=True)]
        found: list[tuple[Index, Index | None]] = []
        for out, leading in self._output_channels(channel):
            for taps in product(*reached):
                weight = None if leading is None else (*leading, *(k for _, k in taps))
                found.append(((n, out, *(o for o, _ in taps)), weight))
        return found

    def _output_channels(self, channel: int) -> list[tuple[int, Index | None]]:
        """Return each output channel that an input channel contributes to, with the first two indices of its weight."""
        if self.weight is None:
            return [(channel, None)]
        width = self.weight.shape[1]
        if self.kind == "conv_transpose":
            group = channel // (self.x.shape[1] // self.groups)
            return [(group * width + c, (channel, c)) for c in range(width)]
        group, c = divmod(channel, width)
        outputs = self.channels // self.groups
        return [(out, (out, c)) for out in range(group * outputs, (group + 1) * outputs)]

    def recompute(self, index: Index) -> float:
        """Compute ``output[index]`` from its terms in float64."""
        terms = self.terms(index)
        if self.kind == "max_pool":
            # A dilated window may lie entirely in the padding; torch returns -inf for it.
            return max((float(self.x[term.input]) for term in terms if term.input is not None), default=-math.inf)
        total = 0.0 if self.bias is None else float(self.bias[index[1]])
        for term in terms:
            if term.input is not None:
                total += float(self.x[term.input]) * (1.0 if term.weight is None else float(self.weight[term.weight]))  # type: ignore[index]
        return total / self.divisor(index) if self.kind == "avg_pool" else total


def padded_part(x: Tensor, axes: Sequence[WindowAxis], starts: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Return a part of the padded input of one sample, (C, *sizes).

    Example:
        >>> import torch
        >>> padded_part(torch.tensor([[5.0, 6.0]]), [WindowAxis(2, 2, pad_before=1, pad_after=1)], [0], [4]).tolist()
        [[0.0, 5.0, 6.0, 0.0]]
    """
    for dim, (axis, start, size) in enumerate(zip(axes, starts, sizes, strict=True), 1):
        positions = torch.tensor([axis.input_position(p) for p in range(start, start + size)], device=x.device)
        x = x.index_select(dim, positions.clamp_min(0)).index_fill(dim, (positions == NO_INPUT).nonzero()[:, 0], 0)
    return x


def end_pads(axes: Sequence[WindowAxis]) -> list[int]:
    """Return the padding at both ends of every axis, the last axis first, as ``torch.nn.functional.pad`` takes it."""
    return [p for axis in reversed(axes) for p in (axis.pad_before, axis.pad_after)]


def is_input(axes: Sequence[WindowAxis], starts: Sequence[int], sizes: Sequence[int]) -> np.ndarray:
    """Return which positions of a part of the padded input are input and not padding, (*sizes)."""
    positions = [
        np.arange(start, start + size) - axis.pad_before for axis, start, size in zip(axes, starts, sizes, strict=True)
    ]
    along = [(each >= 0) & (each < axis.input_size) for each, axis in zip(positions, axes, strict=True)]
    return reduce(np.logical_and.outer, along)


def max_error(data: SlidingWindow, max_outputs: int = 4096) -> float | None:
    """Return the largest difference between torch's output and the terms; ``None`` for more than `max_outputs` outputs, or many terms."""
    inputs = 1 if data.weight is None else data.x.shape[1] // data.groups
    terms = inputs * math.prod(axis.kernel_size for axis in data.axes)
    if data.output.numel() > max_outputs or data.output.numel() * terms > _MAX_TERMS:
        return None
    pairs = ((data.recompute(index), float(data.output[index])) for index in product(*map(range, data.output.shape)))
    # inf - inf would be NaN.
    return max((0.0 if a == b or (math.isnan(a) and math.isnan(b)) else abs(a - b) for a, b in pairs), default=0.0)
