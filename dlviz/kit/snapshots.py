"""Snapshots of a training: which ones to keep, and which ones an exported page has room for."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeVar

Snapshot = TypeVar("Snapshot")


def thin(
    snapshots: Sequence[Snapshot],
    most: int,
    *,
    index: Callable[[Snapshot], int] = attrgetter("index"),
    pinned: Callable[[Snapshot], bool] = lambda snapshot: False,
) -> list[Snapshot]:
    """Return at most `most` snapshots, evenly spaced: the first, the last, and every second, fourth, eighth, … between them.

    Called after every new snapshot, it keeps the spacing even although earlier calls have already dropped some.

    Args:
        snapshots: in the order in which they were taken.
        most: at least 2.
        index: function that returns how many snapshots were taken before this one, those included that are no longer kept.
        pinned: function that returns whether to keep a snapshot wherever it lies, unless there are too many of these too.

    Example:
        >>> thin(range(100), 6, index=int), thin(range(100), 6, index=int, pinned=lambda n: n == 7)
        ([0, 32, 64, 96, 99], [0, 7, 32, 64, 96, 99])
    """
    if len(snapshots) <= 2:
        return list(snapshots)
    first, last = index(snapshots[0]), index(snapshots[-1])
    count_pinned = sum(map(pinned, snapshots[1:-1]))
    stride = 1
    while (last - first) // stride + 2 + count_pinned > most and stride <= last - first:
        stride *= 2
    kept = [
        snapshot
        for snapshot in snapshots
        if pinned(snapshot) or (index(snapshot) - first) % stride == 0 or index(snapshot) == last
    ]
    return [kept[i] for i in evenly_spaced(len(kept), most)]


def evenly_spaced(count: int, most: int) -> list[int]:
    """Return up to `most` of the indices below `count`, evenly spaced, with the first and the last among them.

    Example:
        >>> evenly_spaced(10, 4), evenly_spaced(3, 5), evenly_spaced(9, 1)
        ([0, 3, 6, 9], [0, 1, 2], [8])
    """
    if count <= most:
        return list(range(count))
    if most < 2:
        return [count - 1]
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def page_indices(count: int, size: int, budget: float, current: int | None = None) -> list[int]:
    """Return the indices of the snapshots that an exported page has room for, evenly spaced and at least two.

    Args:
        count: how many snapshots there are.
        size: how much of the budget one of them takes.
        budget: how much all of them may take.
        current: a snapshot that is always among them.

    Example:
        >>> page_indices(100, 10, 55), page_indices(100, 10, 35, current=7)
        ([0, 25, 50, 74, 99], [0, 7, 50, 99])
    """
    indices = evenly_spaced(count, max(2, int(budget // max(1, size))))
    return indices if current is None else sorted({*indices, current})
