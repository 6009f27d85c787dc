"""Contour lines of a surface, and the logarithmic height at which its values are drawn."""

import math

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def contour_lines(values: Floats, level: float) -> list[Floats]:
    """Return the lines where `values` cross `level`, each (n, 2) as (column, row) in units of grid cells.

    No line passes through a cell with a NaN or an infinity at one of its corners.

    Example:
        >>> [line.tolist() for line in contour_lines(np.array([[0.0, 2.0], [0.0, 2.0]]), 1.0)]
        [[[0.5, 1.0], [0.5, 0.0]]]
    """
    generator = contour_generator(
        z=np.ma.masked_invalid(values), name="serial", corner_mask=False, line_type=LineType.Separate
    )
    return [np.asarray(line) for line in generator.lines(level)]


def height_unit(values: Floats) -> float:
    """Return the difference up to which heights are drawn nearly linearly; larger differences are drawn logarithmically."""
    finite = values[np.isfinite(values)]
    above_minimum = finite - finite.min() if finite.size else np.zeros(1)
    return float(np.median(above_minimum)) / 8 or float(above_minimum.max()) / 8 or 1.0


def log_heights(values: Floats, low: float, high: float, unit: float) -> Floats:
    """Return log(1 + (value − low) / unit), scaled to 0 at `low` and 1 at `high`."""
    return np.log1p(np.maximum(values - low, 0) / unit) / math.log1p((high - low) / unit)


def contour_levels(low: float, high: float, unit: float, count: int = 9) -> list[float]:
    """Return up to `count` round numbers between `low` and `high` whose logarithmic heights are evenly spaced.

    Example:
        >>> contour_levels(0.0, 100.0, 1.0, 4)
        [1.5, 5.3, 15.0, 39.0]
    """
    found: list[float] = []
    for k in range(1, count + 1):
        exact = low + unit * math.expm1(k / (count + 1) * math.log1p((high - low) / unit))
        digits = 1 - math.floor(math.log10(max(abs(exact), (high - low) / 1000, 1e-300)))
        rounded = round(float(exact), digits)
        if low < rounded < high and rounded not in found:
            found.append(rounded)
    return found
