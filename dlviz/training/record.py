"""What a run has logged: plain numbers, every one of them kept, and a shorter list of them for a picture."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(eq=False)
class Series:
    """One metric: at which steps it was logged, and what.

    Attributes:
        steps: the step of each value, counted from 1; 0 before the first.
        values: float64, NaN and infinity included.
    """

    steps: array = field(default_factory=lambda: array("q"))
    values: array = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.values)

    def add(self, step: int, value: float) -> None:
        """Append one value."""
        self.steps.append(step)
        self.values.append(value)

    def arrays(self, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Steps (int64) and values (float64) from number `first` on, as copies."""
        # A view of an array that grows would forbid it to.
        return np.array(self.steps[first:], np.int64), np.array(self.values[first:], np.float64)


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step: a knob was turned, an epoch ended, a NaN was seen.

    Attributes:
        step: the first step that it holds for.
        kind: "knob", "epoch" or "wild".
        name: which knob, or which layer.
        old, new: the knob's values before and after.
    """

    step: int
    kind: str
    name: str = ""
    old: Any = None
    new: Any = None


class History(Mapping[str, Series]):
    """Every metric of a run by its name, and the marks on its way.

    Example:
        >>> history = History()
        >>> history.add("loss", 1, 0.5)
        >>> history.add("loss", 2, float("nan"))
        >>> list(history["loss"].values), list(history)
        ([0.5, nan], ['loss'])
    """

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}
        self.marks: list[Mark] = []

    def __getitem__(self, name: str) -> Series:
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        return f"History({', '.join(f'{name}: {len(series)}' for name, series in self._series.items())})"

    def add(self, name: str, step: int, value: float) -> None:
        """Append a value to a metric, which is made when it is first named."""
        series = self._series.get(name)
        if series is None:
            series = self._series[name] = Series()
        series.add(step, value)


def decimated(steps: np.ndarray, values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Fewer points for a picture: of every bucket the first, the last, the least, the largest and the first that is no number.

    Args:
        steps, values: (n,).
        most: about so many points are kept; up to so many are kept as they are.

    Returns:
        Steps and values of the kept points, each one of the points that were given.

    Example:
        >>> steps, values = decimated(np.arange(10_000), np.r_[np.zeros(5_000), 9.0, np.zeros(4_999)], 100)
        >>> len(values) <= 100, float(values.max())
        (True, 9.0)
    """
    count = len(values)
    if count <= most:
        return steps, values
    buckets = max(1, most // 5)
    edges = np.linspace(0, count, buckets + 1).astype(np.int64)
    starts, sizes = edges[:-1], np.diff(edges)
    bucket = np.repeat(np.arange(buckets), sizes)
    finite = np.isfinite(values)
    kept = [starts, edges[1:] - 1]
    for sign in (1.0, -1.0):
        # Sorted by bucket and then by value, the first of each bucket is its least.
        order = np.lexsort((np.where(finite, sign * values, np.inf), bucket))
        kept.append(order[starts])
    wild = np.flatnonzero(~finite)
    if len(wild):
        kept.append(wild[np.unique(bucket[wild], return_index=True)[1]])
    chosen = np.unique(np.concatenate(kept))
    return steps[chosen], values[chosen]
