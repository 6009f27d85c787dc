"""One sample's output as feature maps: its shape, its subsampled numbers, and the index of an element in it."""

import math

import torch
from torch import Tensor


def feature_maps(x: Tensor, one_dimensional: bool = False) -> Tensor:
    """Return a sample's output as maps, (K, rows, columns).

    Args:
        x: one sample's output, of any shape.
        one_dimensional: whether a two-dimensional output is (channels, positions), so that every channel is a map of one row.

    Example:
        >>> feature_maps(torch.zeros(6, 24, 24)).shape, feature_maps(torch.zeros(10)).shape, feature_maps(torch.zeros(7, 3)).shape
        (torch.Size([6, 24, 24]), torch.Size([1, 10, 1]), torch.Size([1, 7, 3]))
    """
    if x.dim() < 2:
        return x.reshape(1, -1, 1)
    if x.dim() == 2 and one_dimensional:
        return x.unsqueeze(1)
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])  # -1 would be ambiguous of an empty output


def layout(x: Tensor, one_dimensional: bool = False) -> str:
    """Return how an output is drawn: "maps", "plane", "vector" or "number"."""
    return {0: "number", 1: "vector", 2: "maps" if one_dimensional else "plane"}.get(x.dim(), "maps")


def map_shape(x: Tensor, one_dimensional: bool) -> tuple[int, ...]:
    """Return the shape of one map: (rows, columns), (positions,) of a one-dimensional network, () of a vector or number."""
    dims = 0 if x.dim() < 2 else 1 if x.dim() == 2 and one_dimensional else 2
    return tuple(x.shape[x.dim() - dims :])


def element_index(x: Tensor, channel: int, position: tuple[int, ...], one_dimensional: bool) -> tuple[int, ...] | None:
    """Return the index in `x` of an element of one map; ``None`` if `position` does not have the map's dimensions.

    Args:
        x: one sample's output.
        channel: the map; of a vector the unit.
        position: the place in the map, clipped to its shape.
        one_dimensional: as for :func:`feature_maps`.

    Example:
        >>> element_index(torch.zeros(6, 24, 24), 2, (3, 99), False)
        (2, 3, 23)
    """
    if x.dim() == 1:
        return (channel,)
    shape = map_shape(x, one_dimensional)
    if not shape or len(position) != len(shape):
        return None
    leading: list[int] = []
    for size in reversed(x.shape[: -len(shape)]):
        channel, i = divmod(channel, size)
        leading.insert(0, i)
    return (*leading, *(min(i, size - 1) for i, size in zip(position, shape, strict=True)))


def to_float(x: Tensor) -> Tensor:
    """Return `x` on the CPU as float32, or as float64 if float32 cannot hold it; of complex numbers the magnitude."""
    x = x.detach().cpu()
    if x.is_complex():
        x = x.abs()
    if x.dtype in (torch.float32, torch.float64):
        return x
    return x.to(torch.float64 if x.dtype is torch.int64 else torch.float32)


def subsample(x: Tensor, max_side: int) -> tuple[Tensor, int]:
    """Return every k-th row and column of `x`, at most `max_side` of each, and the stride k."""
    stride = max(1, math.ceil(max(x.shape[-2:]) / max_side))
    return x[..., ::stride, ::stride], stride
