"""Statistics, histogram and minimap of a large tensor, without copying anything of its size."""

import math
from typing import Any

import torch
from torch import Tensor

from dlviz.torchkit.tensor_blocks import to_numpy

BINS = 32
#: Statistics are exact up to this many elements; above, they are of an evenly spaced subsample.
MAX_COUNTED = 2**24
#: The minimap has up to this many rows and columns.
MINIMAP_SIZE = 64


def statistics(x: Tensor) -> dict[str, Any]:
    """Compute count, extremes, mean and histogram of `x` on its own device. Complex numbers count by their absolute value.

    Returns:
        ``count`` (the number of elements looked at) and, if there are numbers, ``nonfinite``, ``min``, ``max``, ``mean`` and
        ``histogram`` with ``counts``, ``low`` and ``high``.

    Example:
        >>> statistics(torch.tensor([1.0, 2.0, float("nan")]))["nonfinite"]
        1
    """
    values = subsample(x.detach(), MAX_COUNTED)
    result: dict[str, Any] = {"count": values.numel()}
    if values.numel() == 0 or values.is_meta:
        return result
    values = _measurable(values)
    least, most = torch.aminmax(values)
    result["nonfinite"] = 0
    if not (math.isfinite(least) and math.isfinite(most)):
        finite = values[torch.isfinite(values)]
        result["nonfinite"] = values.numel() - finite.numel()
        if finite.numel() == 0:
            return result
        values = finite
        least, most = torch.aminmax(values)
    low, high = least.item(), most.item()
    floats = values if values.is_floating_point() else values.to(torch.float64)
    # In float64 where that costs nothing.
    mean = (floats.to(torch.float64) if floats.numel() <= 2**20 else floats).mean().item()
    result |= {"min": low, "max": high, "mean": mean}
    if low < high and math.isfinite(high - low):
        bins, end = _bins(low, high, integers=not values.is_floating_point())
        counts = torch.histc(floats, bins, low, end).long().tolist()
        result["histogram"] = {"counts": counts, "low": low, "high": high}
    return result


def _bins(low: float, high: float, *, integers: bool) -> tuple[int, float]:
    """Return the number of bins and the end of the last one; bins of integers all cover equally many integers."""
    if not integers:
        return BINS, high
    values = int(high) - int(low) + 1
    width = math.ceil(values / BINS)
    count = math.ceil(values / width)
    return count, low + count * width


def _measurable(values: Tensor) -> Tensor:
    """Convert to a dtype for which torch computes extremes and a histogram."""
    if values.is_complex():
        values = values.to(torch.complex64).abs() if values.dtype is torch.complex32 else values.abs()
    if values.is_quantized:
        values = values.dequantize()
    if values.dtype is torch.bool:
        return values.to(torch.uint8)
    if values.is_floating_point():
        return values if values.dtype in (torch.float32, torch.float64) else values.to(torch.float32)
    return values.to(torch.float64) if values.dtype in (torch.uint16, torch.uint32, torch.uint64) else values


def subsample(x: Tensor, max_elements: int) -> Tensor:
    """Return an evenly spaced view of up to `max_elements` elements of `x`.

    Example:
        >>> subsample(torch.zeros(1).expand(10**6, 10**6), 2**20).shape
        torch.Size([977, 977])
    """
    steps = [1] * x.dim()
    count = x.numel()
    while count > max_elements:
        longest = max(range(x.dim()), key=lambda d: math.ceil(x.shape[d] / steps[d]))
        steps[longest] *= 2
        count = math.prod(math.ceil(size / step) for size, step in zip(x.shape, steps, strict=True))
    return x[tuple(slice(None, None, step) for step in steps)]


def minimap(x: Tensor, index: tuple[int, ...]) -> dict[str, Any] | None:
    """Subsample the rows and columns of the matrix at `index`, its last two dimensions; ``None`` if there is nothing to see.

    Returns:
        ``rows``, ``columns`` (how many of each), and ``kind`` and ``values`` as in ``Block``.
    """
    if x.dim() == 0 or x.numel() == 0 or x.is_meta:
        return None
    matrix = x.detach()[tuple(index[:-2])]
    matrix = matrix.reshape(1, -1) if matrix.dim() == 1 else matrix
    row_step, column_step = (max(1, math.ceil(size / MINIMAP_SIZE)) for size in matrix.shape)
    values = matrix[::row_step, ::column_step]
    if values.is_complex():
        values = values.to(torch.complex64).abs()
    kind, numbers = to_numpy(values)
    return (
        None
        if kind == "text"
        else {"rows": values.shape[0], "columns": values.shape[1], "kind": kind, "values": numbers}
    )
