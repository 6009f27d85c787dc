"""History of a run: every logged number, and a shorter series for drawing."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(eq=False)
class Series:
    """Logged values of one metric.

    Attributes:
        steps: the step of each value, counted from 1; 0 before the first.
        values: float64, including NaN and infinity.
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
        """Return copies of steps (int64) and values (float64) from index `first` on."""
        # A view would keep the growing array from being resized.
        return np.array(self.steps[first:], np.int64), np.array(self.values[first:], np.float64)


@dataclass(frozen=True)
class Mark:
    """Event at a step: a hyperparameter was changed, an epoch ended, a NaN or an infinity appeared.

    Attributes:
        step: the first step after the change, or the step of the event.
        kind: "hyperparameter", "epoch" or "nonfinite".
        name: name of the hyperparameter or layer, or number of the epoch.
        old, new: the hyperparameter's values before and after.
    """

    step: int
    kind: str
    name: str = ""
    old: Any = None
    new: Any = None


class History(Mapping[str, Series]):
    """Every metric of a run by its name, and its marks.

    Attributes:
        marks: events of the run, in order.

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
        """Append a value to a metric, which is created by its first value."""
        series = self._series.get(name)
        if series is None:
            series = self._series[name] = Series()
        series.add(step, value)


def subsample(steps: np.ndarray, values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a subset of the points for drawing: of every bin the first, last, least and largest value and the first that is not finite.

    Args:
        steps, values: (n,).
        most: about this many points are kept; a series of up to this length is returned unchanged.

    Returns:
        Steps and values of the kept points, which are a subset of the given points.

    Example:
        >>> steps, values = subsample(np.arange(10_000), np.r_[np.zeros(5_000), 9.0, np.zeros(4_999)], 100)
        >>> len(values) <= 100, float(values.max())
        (True, 9.0)
    """
    count = len(values)
    if count <= most:
        return steps, values
    bins = max(1, most // 5)
    edges = np.linspace(0, count, bins + 1).astype(np.int64)
    starts, sizes = edges[:-1], np.diff(edges)
    bin_index = np.repeat(np.arange(bins), sizes)
    finite = np.isfinite(values)
    kept = [starts, edges[1:] - 1]
    for sign in (1.0, -1.0):
        # Sorted by bin and then by value, the first of each bin is its least.
        order = np.lexsort((np.where(finite, sign * values, np.inf), bin_index))
        kept.append(order[starts])
    nonfinite = np.flatnonzero(~finite)
    if len(nonfinite):
        kept.append(nonfinite[np.unique(bin_index[nonfinite], return_index=True)[1]])
    chosen = np.unique(np.concatenate(kept))
    return steps[chosen], values[chosen]
