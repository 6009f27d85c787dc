"""Where autograd routes a pooling's gradient: back to the input, for every output by itself and for the sum of all."""

from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.convolution.record import Sliding
from dlviz.convolution.window_axis import Axis

#: So many numbers are held of all windows together, and so many calls of autograd made for them.
_HELD, _CALLS = 2**18, 100


class Routed(NamedTuple):
    """Gradients of one sample: `total` (C, *spatial) of the sum of all outputs; `each` (C, *places, *kernel) of every output with respect
    to its own window, ``None`` where that would be very many numbers.
    """

    total: Tensor
    each: Tensor | None


def routed(made: Sliding, sample: int, starts: tuple[int, ...], sizes: tuple[int, ...], channels: int) -> Routed | None:
    """What ``torch.autograd`` routes back; of the outputs from `starts`, `sizes` many. ``None``: whole numbers have no gradient, and of a
    dilated window that lies in the padding altogether torch's backward writes beside the tensor.

    Example:
        >>> from dlviz.convolution.operations import max_pool
        >>> routed(max_pool(torch.tensor([[[3.0, 1, 2, 5]]]), 2, dims=1), 0, (0,), (2,), 1).total.tolist()
        [[1.0, 0.0, 0.0, 1.0]]
    """
    axes = [axis for axis in made.axes if isinstance(axis, Axis)]
    if not made.x.is_floating_point() or (made.kind == "max_pool" and any(map(_empty, axes))):
        return None
    leaf = made.x[sample : sample + 1].detach().clone().requires_grad_()
    with torch.enable_grad():
        out = _pooled(made, axes, leaf)
    (total,) = torch.autograd.grad(out, leaf, torch.ones_like(out), retain_graph=True)
    shape = (channels, *sizes, *(axis.kernel for axis in axes))
    # Windows that lie this many places apart share no input, so one call of autograd serves them all.
    apart = [-(-axis.reach // axis.stride) for axis in axes]
    calls = list(product(*(range(min(step, axis.out)) for step, axis in zip(apart, axes, strict=True))))
    if torch.Size(shape).numel() > _HELD or len(calls) > _CALLS:
        return Routed(total[0], None)
    each = leaf.new_zeros(shape)
    for firsts in calls:
        chosen = [range(first, axis.out, step) for first, step, axis in zip(firsts, apart, axes, strict=True)]
        seed = torch.zeros_like(out)
        at: tuple[Any, ...] = (..., *(slice(places.start, None, places.step) for places in chosen))
        seed[at] = 1
        (slope,) = torch.autograd.grad(out, leaf, seed, retain_graph=True)
        drawn = [
            [o for o in places if start <= o < start + size]
            for places, start, size in zip(chosen, starts, sizes, strict=True)
        ]
        if all(drawn):
            held = [torch.tensor(places) - start for places, start in zip(drawn, starts, strict=True)]
            at = (slice(None), *torch.meshgrid(*held, indexing="ij"))
            each[at] = _windows(slope[0, :channels], axes, drawn)
    return Routed(total[0], each)


def _pooled(made: Sliding, axes: list[Axis], x: Tensor) -> Tensor:
    kernel, stride, pad, dilation = (
        [getattr(axis, name) for axis in axes] for name in ("kernel", "stride", "before", "dilation")
    )
    ceil = axes[0].ceil
    if made.kind == "max_pool":
        pool = F.max_pool1d if len(axes) == 1 else F.max_pool2d
        return pool(x, kernel, stride, pad, dilation, ceil)
    if len(axes) == 1:
        return F.avg_pool1d(x, kernel, stride, pad, ceil, made.include_pad)
    return F.avg_pool2d(x, kernel, stride, pad, ceil, made.include_pad, made.divisor)


def _empty(axis: Axis) -> bool:
    """Whether some window along this axis holds no input at all."""
    return any(
        not any(0 <= place - axis.before < axis.size for _, place in axis.window(out)) for out in range(axis.out)
    )


def _windows(slope: Tensor, axes: list[Axis], drawn: list[list[int]]) -> Tensor:
    """`slope` (C, *spatial) through the window of each drawn output: (C, *places, *kernel), 0 beside the input."""
    for dim, (axis, places) in enumerate(zip(axes, drawn, strict=True)):
        at = torch.tensor([[p - axis.before for _, p in axis.window(o)] for o in places])
        inside = (at >= 0) & (at < axis.size)
        picked = slope.index_select(2 * dim + 1, at.clamp(0, axis.size - 1).reshape(-1).to(slope.device))
        picked = picked.unflatten(2 * dim + 1, tuple(at.shape))
        beside = inside.reshape(*at.shape, *(1 for _ in picked.shape[2 * dim + 3 :])).to(slope.device)
        slope = picked * beside
    order = [0, *range(1, 2 * len(axes), 2), *range(2, 2 * len(axes) + 1, 2)]
    return slope.permute(order)
