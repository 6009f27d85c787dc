"""Where the blocks of a record are drawn: a lane for each rank, its communication below, and who waits for whom."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from dlviz.multiprocess.record import Rank, Record

#: Kinds of blocks, by the numbers that the view has for them.
KINDS = ("forward", "backward", "optimizer", "data", "other", "communication")
#: Concurrent communication of a rank is drawn in at most as many lines; what goes beyond is drawn over the last one.
MAX_LINES = 3

Interval = tuple[float, float]


def microseconds(seconds: float) -> float:
    """Return a time in the unit of the view's time axis."""
    return 1e6 * seconds


def zero(record: Record) -> float:
    """Return the time in seconds at which the picture begins."""
    return min((span.start for rank in record.ranks for span in rank.spans), default=0.0)


def ready_times(record: Record) -> list[list[float]]:
    """Return for each rank and block until when it waits: until the last rank has begun the same communication.

    What computes does not wait, and what ends before the last rank begins does not either, such as a send into a buffer.
    """
    ready = [[span.start for span in rank.spans] for rank in record.ranks]
    for collective in record.collectives:
        last = max(ready[rank][i] for rank, i in collective.spans)
        for rank, i in collective.spans:
            span = record.ranks[rank].spans[i]
            if last <= span.end + record.clock_error:
                ready[rank][i] = min(max(last, span.start), span.end)
    return ready


def last_ranks(record: Record) -> list[int]:
    """Return for each collective the rank that began it last."""
    starts = [[(record.ranks[rank].spans[i].start, rank) for rank, i in one.spans] for one in record.collectives]
    return [max(one)[1] for one in starts]


def step_intervals(record: Record) -> list[Interval]:
    """Return start and end of each step, in seconds: of the first rank that begins it, and of the last that ends it."""
    count = max((len(rank.steps) for rank in record.ranks), default=0)
    steps = [[rank.steps[k] for rank in record.ranks if k < len(rank.steps)] for k in range(count)]
    return [(min(start for start, _ in one), max(end for _, end in one)) for one in steps]


def covered(intervals: Iterable[Interval], low: float, high: float) -> float:
    """Return the length of the part of [low, high] that at least one of the intervals covers.

    Example:
        >>> covered([(0.0, 2.0), (1.0, 3.0), (5.0, 9.0)], 0.5, 6.0)
        3.5
    """
    total, reached = 0.0, low
    for start, end in sorted(intervals):
        start, end = max(start, reached), min(end, high)
        if end > start:
            total += end - start
            reached = end
    return total


def time_use(rank: Rank, ready: list[float], interval: Interval) -> tuple[float, float, float]:
    """Return what a rank does in an interval, in seconds.

    Returns:
        Time in which it computes; time in which it only communicates; and the part of the latter in which it waits for another rank.
    """
    low, high = interval
    inside = [(k, span) for k, span in enumerate(rank.spans) if span.start < high and span.end > low]
    compute = [(span.start, span.end) for _, span in inside if span.kind != "communication"]
    transfer = [(ready[k], span.end) for k, span in inside if span.kind == "communication"]
    waiting = [(span.start, ready[k]) for k, span in inside if span.kind == "communication"]
    computing = covered(compute, low, high)
    moving = covered([*compute, *transfer], low, high)
    busy = covered([*compute, *transfer, *waiting], low, high)
    return computing, busy - computing, busy - moving


def blocks(record: Record) -> dict[str, Any]:
    """Return all blocks as arrays, rank after rank, with times in microseconds from the beginning of the picture."""
    origin, ready = zero(record), ready_times(record)
    spans = [(r, k, span) for r, rank in enumerate(record.ranks) for k, span in enumerate(rank.spans)]
    names, name = numbered([span.name for _, _, span in spans])
    shapes, shape = numbered([span.shape for _, _, span in spans])
    lines = np.concatenate([_lines(rank) for rank in record.ranks]).astype(np.uint8)
    return {
        "names": names,
        "shapes": shapes,
        "rank": np.array([r for r, _, _ in spans], dtype=np.uint8),
        "kind": np.array([_kind(span.kind) for _, _, span in spans], dtype=np.uint8),
        "line": lines[:, 0],
        "lines": lines[:, 1],
        "start": np.array([microseconds(span.start - origin) for _, _, span in spans]),
        "end": np.array([microseconds(span.end - origin) for _, _, span in spans]),
        "ready": np.array([microseconds(ready[r][k] - origin) for r, k, _ in spans]),
        "bytes": np.array([span.bytes for _, _, span in spans], dtype=np.float64),
        "step": np.array([span.step for _, _, span in spans], dtype=np.int32),
        "name": name,
        "shape": shape,
        "group": np.array([span.group for _, _, span in spans], dtype=np.int32),
    }


def collectives(record: Record) -> dict[str, Any]:
    """Return for each collective its blocks, as places in the arrays of :func:`blocks`, and the rank that began it last."""
    first = np.cumsum([0, *(len(rank.spans) for rank in record.ranks)])
    members = [sorted(int(first[rank]) + i for rank, i in one.spans) for one in record.collectives]
    return {
        "ends": np.cumsum([len(one) for one in members], dtype=np.int32),
        "members": np.array([i for one in members for i in one], dtype=np.int32),
        "last": np.array(last_ranks(record), dtype=np.uint8),
    }


def numbered(texts: list[str]) -> tuple[list[str], np.ndarray]:
    """Return the different texts, and the number of each one."""
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), np.array(found, dtype=np.uint16)


def _kind(name: str) -> int:
    return KINDS.index(name) if name in KINDS else KINDS.index("other")


def _lines(rank: Rank) -> np.ndarray:
    """Return for each block its line and the number of lines beside it, (blocks, 2): several only where communication overlaps."""
    lines = np.tile([0, 1], (len(rank.spans), 1))
    together: list[int] = []
    ends: list[float] = []
    communication = [k for k, span in enumerate(rank.spans) if span.kind == "communication"]
    for k in sorted(communication, key=lambda k: rank.spans[k].start):
        span = rank.spans[k]
        if max(ends, default=span.start) <= span.start:
            together, ends = [], []
        free = next((i for i, end in enumerate(ends) if end <= span.start), len(ends))
        line = min(free, MAX_LINES - 1)
        ends[line : line + 1] = [span.end]
        together.append(k)
        lines[k, 0] = line
        lines[together, 1] = len(ends)
    return lines
