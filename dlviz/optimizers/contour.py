"""Lines of equal height through a grid of numbers: marching squares, and what levels are worth a line."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Which sides of a cell a line joins, by which of its corners lie above; corners and sides run top left, top right, bottom right,
#: bottom left and top, right, bottom, left. Lorensen and Cline 1987, in two dimensions.
_SIDES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 5: ((3, 0), (1, 2)), 6: ((0, 2),), 7: ((3, 2),),
    8: ((2, 3),), 9: ((2, 0),), 10: ((0, 1), (2, 3)), 11: ((2, 1),), 12: ((1, 3),), 13: ((1, 0),), 14: ((0, 3),),
}  # fmt: skip
#: A side of a cell: row, column, and 0 along a row or 1 down a column.
Edge = tuple[int, int, int]


def lines(values: Floats, level: float) -> list[Floats]:
    """The lines where `values` cross `level`, each (n, 2) as (column, row) in units of grid cells.

    Example:
        >>> [line.tolist() for line in lines(np.array([[0.0, 2.0], [0.0, 2.0]]), 1.0)]
        [[[0.5, 0.0], [0.5, 1.0]]]
    """
    above = values >= level
    odd = ~np.isfinite(values)
    case = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    broken = odd[:-1, :-1] | odd[:-1, 1:] | odd[1:, 1:] | odd[1:, :-1]
    joined: dict[Edge, list[Edge]] = {}
    for row, column in np.argwhere((case != 0) & (case != 15) & ~broken).tolist():
        for a, b in _SIDES[int(case[row, column])]:
            one, other = _edge(row, column, a), _edge(row, column, b)
            joined.setdefault(one, []).append(other)
            joined.setdefault(other, []).append(one)
    return [_placed(values, level, chain) for chain in _chains(joined)]


def _edge(row: int, column: int, side: int) -> Edge:
    """A side of a cell as (row, column, 0 for along a row and 1 for down a column): the same for both cells that share it."""
    return ((row, column, 0), (row, column + 1, 1), (row + 1, column, 0), (row, column, 1))[side]


def _chains(joined: dict[Edge, list[Edge]]) -> list[list[Edge]]:
    """Follow the neighbors: open lines from their ends, then what is closed."""
    found = []
    for start in [edge for edge, next_ in joined.items() if len(next_) == 1] + list(joined):
        chain = [start]
        while joined.get(chain[-1]):
            following = joined[chain[-1]].pop()
            joined[following].remove(chain[-1])
            chain.append(following)
        if len(chain) > 1:
            found.append(chain)
    return found


def _placed(values: Floats, level: float, chain: list[Edge]) -> Floats:
    points = []
    for row, column, down in chain:
        a, b = values[row, column], values[row + down, column + 1 - down]
        share = (level - a) / (b - a)
        points.append((column + (1 - down) * share, row + down * share))
    return np.array(points)


def unit(values: Floats) -> float:
    """Of which size differences are to be seen: below it heights look linear, above it logarithmic."""
    finite = values[np.isfinite(values)]
    spread = finite - finite.min() if finite.size else np.zeros(1)
    return float(np.median(spread)) / 8 or float(spread.max()) / 8 or 1.0


def heights(values: Floats, low: float, high: float, size: float) -> Floats:
    """How high values are drawn, from 0 at `low` to 1 at `high`: log(1 + (value − low) / size), scaled."""
    return np.log1p(np.maximum(values - low, 0) / size) / math.log1p((high - low) / size)


def levels(low: float, high: float, size: float, count: int = 9) -> list[float]:
    """Up to `count` round numbers between `low` and `high`, evenly spread over what is drawn as height.

    Example:
        >>> levels(0.0, 100.0, 1.0, 4)
        [1.5, 5.3, 15.0, 39.0]
    """
    found: list[float] = []
    for k in range(1, count + 1):
        wanted = low + size * math.expm1(k / (count + 1) * math.log1p((high - low) / size))
        digits = 1 - math.floor(math.log10(max(abs(wanted), (high - low) / 1000, 1e-300)))
        rounded = round(float(wanted), digits)
        if low < rounded < high and rounded not in found:
            found.append(rounded)
    return found
