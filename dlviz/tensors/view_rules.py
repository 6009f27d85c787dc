"""Why a ``view`` is possible or not: which neighboring dimensions do not lie one after the other in storage."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor


def broken_at(shape: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Every dimension d where a step along d is not a whole run along d + 1: ``stride[d] != shape[d + 1] * stride[d + 1]``.

    Between two such dimensions a ``view`` may not merge. Dimensions of size 1 are never in the way.

    Example:
        >>> broken_at((4, 3), (1, 4))
        [0]
    """
    kept = [d for d, size in enumerate(shape) if size != 1]
    return [a for a, b in pairwise(kept) if stride[a] != shape[b] * stride[b]]


def merges(shape: Sequence[int], stride: Sequence[int], new: Sequence[int]) -> list[int]:
    """The dimensions of :func:`broken_at` across which a view of shape `new` would have to read on; none means that torch allows it.

    `new` counts the same elements, without a -1. The rule: the sizes before a break must be the product of whole dimensions of `new`.

    Example:
        >>> merges((4, 3), (1, 4), (12,)), merges((4, 3), (1, 4), (2, 2, 3))
        ([0], [])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html
    """
    if 0 in shape:
        return []
    ends = set()
    count = 1
    for size in new:
        count *= size
        ends.add(count)
    faults = []
    for d in broken_at(shape, stride):
        before = 1
        for size in shape[: d + 1]:
            before *= size
        if before not in ends:
            faults.append(d)
    return faults


def asked_shape(x: Tensor, sizes: Sequence[int]) -> tuple[int, ...] | None:
    """`sizes` with a -1 worked out for `x`; ``None`` if they cannot count its elements."""
    known = 1
    for size in sizes:
        if size != -1:
            known *= size
    if list(sizes).count(-1) > 1 or any(size < -1 for size in sizes):
        return None
    if -1 not in sizes:
        return tuple(sizes) if known == x.numel() else None
    if known == 0 or x.numel() % known:
        return None
    return tuple(x.numel() // known if size == -1 else size for size in sizes)
