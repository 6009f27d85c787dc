"""A real time series: the yearly mean sunspot number."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dlviz.data.validation import loader
from dlviz.kit.messages import message


class Sunspots(NamedTuple):
    """Years and the mean sunspot number of each; unpacks as ``years, numbers``.

    ``years`` (309,) int64, 1700 to 2008; ``numbers`` (309,) float32, 0 to 190.2, without a unit.
    """

    years: Tensor
    numbers: Tensor

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.sunspots.shown", years=tuple(self.years.shape), numbers=tuple(self.numbers.shape))


@loader
def sunspots(*, device: torch.device | str | None = None) -> Sunspots:
    """Load the yearly mean sunspot numbers of 1700 to 2008, ``years`` (309,) and ``numbers`` (309,); no download.

    This is version 1.0 of the series; since July 2015 version 2.0 counts otherwise, and its numbers are larger. Maxima follow each
    other in about eleven years, but not exactly, and are not equally high. Each call gives fresh tensors, on ``device`` if given.
    Source and preparation: ``datasets/sunspots.md``.

    Source: International Sunspot Number, version 1.0 (Zürich Observatory, then WDC-SILSO, Royal Observatory of Belgium), as
    published by NOAA's National Geophysical Data Center.

    >>> from dlviz.data import sunspots
    >>> years, numbers = sunspots()
    >>> years[numbers.argmax()].item()
    1957
    """
    years, numbers = _table()
    return Sunspots(torch.tensor(years, device=device), torch.tensor(numbers, dtype=torch.float32, device=device))


@cache
def _table() -> tuple[list[int], list[float]]:
    """Parse the file: a line for each decade, with its first year, a colon, and a number for each year."""
    years, numbers = [], []
    for line in Path(__file__).with_name("sunspots.txt").read_text(encoding="utf-8").splitlines():
        first, _, values = line.partition(":")
        for year, number in enumerate(values.split(), start=int(first)):
            years.append(year)
            numbers.append(float(number))
    return years, numbers
