"""Gradients of a pooling with respect to its input, from autograd: for every output separately and for the sum of all."""

from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.window_axis import WindowAxis

#: Gradients of single outputs are computed if they are at most so many numbers and need at most so many calls of autograd.
_MAX_NUMBERS, _MAX_CALLS = 2**18, 100


class PoolingGradient(NamedTuple):
    """Gradients for one sample.

    Attributes:
        total: gradient of the sum of all outputs, (C, *spatial).
        per_output: gradient of every output with respect to its own window, (C, *outputs, *kernel); ``None`` if it would be too large.
    """

    total: Tensor
    per_output: Tensor | None


def pooling_gradient(
    data: SlidingWindow, sample: int, starts: tuple[int, ...], sizes: tuple[int, ...], channels: int
) -> PoolingGradient | None:
    """Compute the gradients of the outputs in the window that begins at `starts` and has these `sizes`.

    Returns:
        The gradients; ``None`` for an integer input, and for a dilated window that lies entirely in the padding, where torch's backward
        writes out of bounds.

    Example:
        >>> from dlviz.convolution.operations import max_pool
        >>> pooling_gradient(max_pool(torch.tensor([[[3.0, 1, 2, 5]]]), 2, dims=1), 0, (0,), (2,), 1).total.tolist()
        [[1.0, 0.0, 0.0, 1.0]]
    """
    axes = data.window_axes
    if not data.x.is_floating_point() or (data.kind == "max_pool" and any(map(_has_empty_window, axes))):
        return None
    leaf = data.x[sample : sample + 1].detach().clone().requires_grad_()
    with torch.enable_grad():
        output = _pool(data, axes, leaf)
    (total,) = torch.autograd.grad(output, leaf, torch.ones_like(output), retain_graph=True)
    shape = (channels, *sizes, *(axis.kernel_size for axis in axes))
    # Windows this many positions apart share no input, so one call of autograd serves all of them.
    apart = [-(-axis.extent // axis.stride) for axis in axes]
    calls = list(product(*(range(min(step, axis.output_size)) for step, axis in zip(apart, axes, strict=True))))
    if torch.Size(shape).numel() > _MAX_NUMBERS or len(calls) > _MAX_CALLS:
        return PoolingGradient(total[0], None)
    per_output = leaf.new_zeros(shape)
    for firsts in calls:
        outputs = [range(first, axis.output_size, step) for first, step, axis in zip(firsts, apart, axes, strict=True)]
        seed = torch.zeros_like(output)
        index: tuple[Any, ...] = (..., *(slice(each.start, None, each.step) for each in outputs))
        seed[index] = 1
        (gradient,) = torch.autograd.grad(output, leaf, seed, retain_graph=True)
        drawn = [
            [o for o in each if start <= o < start + size]
            for each, start, size in zip(outputs, starts, sizes, strict=True)
        ]
        if all(drawn):
            shifted = [torch.tensor(each) - start for each, start in zip(drawn, starts, strict=True)]
            index = (slice(None), *torch.meshgrid(*shifted, indexing="ij"))
            per_output[index] = _extract_windows(gradient[0, :channels], axes, drawn)
    return PoolingGradient(total[0], per_output)


def _pool(data: SlidingWindow, axes: list[WindowAxis], x: Tensor) -> Tensor:
    kernel, stride, padding, dilation = (
        [getattr(axis, name) for axis in axes] for name in ("kernel_size", "stride", "pad_before", "dilation")
    )
    ceil_mode = axes[0].ceil_mode
    if data.kind == "max_pool":
        pool = F.max_pool1d if len(axes) == 1 else F.max_pool2d
        return pool(x, kernel, stride, padding, dilation, ceil_mode)
    if len(axes) == 1:
        return F.avg_pool1d(x, kernel, stride, padding, ceil_mode, data.count_include_pad)
    return F.avg_pool2d(x, kernel, stride, padding, ceil_mode, data.count_include_pad, data.divisor_override)


def _has_empty_window(axis: WindowAxis) -> bool:
    """Return whether some window along this axis contains no input."""
    return any(
        not any(0 <= padded - axis.pad_before < axis.input_size for _, padded in axis.window(output))
        for output in range(axis.output_size)
    )


def _extract_windows(gradient: Tensor, axes: list[WindowAxis], outputs: list[list[int]]) -> Tensor:
    """Gather from `gradient` (C, *spatial) the window of each output: (C, *outputs, *kernel), 0 outside the input."""
    for dim, (axis, positions) in enumerate(zip(axes, outputs, strict=True)):
        index = torch.tensor([[p - axis.pad_before for _, p in axis.window(o)] for o in positions])
        inside = (index >= 0) & (index < axis.input_size)
        index = index.clamp(0, axis.input_size - 1).to(gradient.device)
        gathered = gradient.index_select(2 * dim + 1, index.reshape(-1)).unflatten(2 * dim + 1, tuple(index.shape))
        mask = inside.reshape(*index.shape, *(1 for _ in gathered.shape[2 * dim + 3 :])).to(gradient.device)
        gradient = gathered * mask
    order = [0, *range(1, 2 * len(axes), 2), *range(2, 2 * len(axes) + 1, 2)]
    return gradient.permute(order)
