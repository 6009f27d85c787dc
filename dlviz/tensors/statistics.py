"""A large tensor in a few figures, a histogram and a coarse map. Nothing of its size is copied."""

import math
from typing import Any

import torch
from torch import Tensor

from dlviz.torchkit.tensor_blocks import to_numpy

BINS = 32
#: Up to this many elements are counted one and all; of more, an even sample.
COUNTED = 2**24
#: The coarse map has up to this many rows and columns.
MAP = 64


def figures(x: Tensor) -> dict[str, Any]:
    """Count, extremes, mean and histogram of `x`, computed by torch on its own device.

    Returns:
        ``counted`` (how many elements the figures are of), and for numbers ``nonfinite``, ``min``, ``max``, ``mean`` and ``histogram``
        with ``counts``, ``low`` and ``high``. Complex tensors are measured by their absolute value (``complex`` says so).

    Example:
        >>> figures(torch.tensor([1.0, 2.0, float("nan")]))["nonfinite"]
        1
    """
    part, every = sampled(x.detach(), COUNTED)
    about: dict[str, Any] = {"counted": part.numel(), "every": every}
    if part.numel() == 0 or part.is_meta:
        return about
    if part.is_complex():
        about["complex"] = True
        part = part.to(torch.complex64).abs() if part.dtype is torch.complex32 else part.abs()
    part = _plain(part)
    least, most = torch.aminmax(part)
    about["nonfinite"] = 0
    if not (math.isfinite(least) and math.isfinite(most)):
        finite = part[torch.isfinite(part)]
        about["nonfinite"] = part.numel() - finite.numel()
        if finite.numel() == 0:
            return about
        part = finite
        least, most = torch.aminmax(part)
    low, high = least.item(), most.item()
    wide = part if part.is_floating_point() else part.to(torch.float64)
    about |= {"min": low, "max": high, "mean": _mean(wide)}
    if low < high and math.isfinite(high - low):
        bins, end = _bins(low, high, whole=not part.is_floating_point())
        counts = torch.histc(wide, bins, low, end).long().tolist()
        about["histogram"] = {"counts": counts, "low": low, "high": high}
    return about


def _bins(low: float, high: float, *, whole: bool) -> tuple[int, float]:
    """How many bins and where the last one ends; bins of integers all hold equally many of them."""
    if not whole:
        return BINS, high
    values = int(high) - int(low) + 1
    each = math.ceil(values / BINS)
    count = math.ceil(values / each)
    return count, low + count * each


def _plain(part: Tensor) -> Tensor:
    """`part` in a dtype whose extremes and histogram torch computes."""
    if part.is_quantized:
        part = part.dequantize()
    if part.dtype is torch.bool:
        return part.to(torch.uint8)
    if part.is_floating_point():
        return part if part.dtype in (torch.float32, torch.float64) else part.to(torch.float32)
    return part.to(torch.float64) if part.dtype in (torch.uint16, torch.uint32, torch.uint64) else part


def _mean(part: Tensor) -> float:
    """The mean, in float64 where the numbers are few enough for that to cost nothing."""
    return (part.to(torch.float64) if part.numel() <= 2**20 else part).mean().item()


def sampled(x: Tensor, most: int) -> tuple[Tensor, list[int]]:
    """A view of up to `most` elements, evenly taken, and every how many-th index it takes along each dimension.

    Example:
        >>> part, every = sampled(torch.zeros(1).expand(10**6, 10**6), 2**20)
        >>> part.numel() <= 2**20, every
        (True, [1024, 1024])
    """
    every = [1] * x.dim()
    count = x.numel()
    while count > most:
        dim = max(range(x.dim()), key=lambda d: math.ceil(x.shape[d] / every[d]))
        every[dim] *= 2
        count = math.prod(math.ceil(size / step) for size, step in zip(x.shape, every, strict=True))
    return x[tuple(slice(None, None, step) for step in every)], every


def coarse(x: Tensor, at: tuple[int, ...]) -> dict[str, Any] | None:
    """Every k-th row and column of the last two dimensions at `at`, for an overview; ``None`` where there is nothing to see.

    Returns:
        ``rows``, ``columns`` (how many of each), ``every`` (k for rows and columns) and ``kind`` and ``values`` as in ``Block``.
    """
    if x.dim() == 0 or x.numel() == 0 or x.is_meta:
        return None
    plane = x.detach()
    for index in at[:-2]:
        plane = plane[index]
    plane = plane.reshape(1, -1) if plane.dim() == 1 else plane
    steps = [max(1, math.ceil(size / MAP)) for size in plane.shape]
    part = plane[:: steps[0], :: steps[1]]
    if part.is_complex():
        part = part.to(torch.complex64).abs()
    kind, values = to_numpy(part)
    if kind == "text":
        return None
    return {"rows": part.shape[0], "columns": part.shape[1], "every": steps, "kind": kind, "values": values}
