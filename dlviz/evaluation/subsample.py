"""Fewer of many: which ones to keep, and how many go together."""

from math import ceil


def spread(count: int, most: int) -> list[int]:
    """Up to `most` of `count` places, evenly spread, first and last among them.

    Example:
        >>> spread(10, 4), spread(3, 5), spread(9, 1)
        ([0, 3, 6, 9], [0, 1, 2], [8])
    """
    if count <= most:
        return list(range(count))
    if most < 2:
        return [count - 1]
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def pooled(count: int, most: int) -> int:
    """How many neighbors go together so that no more than `most` groups are left.

    Example:
        >>> pooled(1797, 600), pooled(100, 600)
        (3, 1)
    """
    return max(1, ceil(count / most))
