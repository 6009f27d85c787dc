"""A real regression table: measurements of 442 patients with diabetes and the disease's progression after one year."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from dlviz.data.validation import is_one_of, loader
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: The authors' names; scikit-learn calls the last six s1 to s6.
_COLUMNS = ("age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu")


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Features and target of each row; unpacks as ``x, y``.

    ``x`` (N, F) float32, a column for each name in ``columns``, in the unit at the same place in ``units``; ``y`` (N, 1)
    float32, called ``target``, in ``target_unit``. Nothing is scaled.
    """

    x: Tensor
    y: Tensor
    columns: tuple[str, ...]
    units: tuple[str, ...]
    target: str
    target_unit: str

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        """Return shapes and names only, because values may be on a GPU."""
        shapes = {"x": tuple(self.x.shape), "y": tuple(self.y.shape)}
        return message("data.table.shown", **shapes, columns=", ".join(self.columns), target=self.target)

    def column(self, name: str) -> Tensor:
        """One column of ``x`` as (N, 1) float32; a name that is not in ``columns`` raises a ``ValueError``.

        >>> from dlviz.data import diabetes
        >>> diabetes().column("bmi").shape
        torch.Size([442, 1])
        """
        if not is_one_of(name, self.columns):
            raise DlvizError(message("data.table.column", value=repr(name), columns=", ".join(self.columns)))
        place = self.columns.index(name)
        return self.x[:, place : place + 1]


@loader
def diabetes(split: str | None = None, *, device: torch.device | str | None = None) -> Table:
    """Load ten measurements of 442 patients with diabetes, and the disease's progression after one year; no download.

    ``x`` (N, 10) float32, each column in its own unit, a range of 5 in one and of 200 in another; ``y`` (N, 1) float32, a score
    from 25 to 346:

    - ``age`` in years; ``sex`` 1 or 2; ``bmi``, body mass index, in kg/m²; ``bp``, mean blood pressure, in mmHg
    - ``tc``, ``ldl``, ``hdl``: cholesterol in all, and in lipoproteins of low and of high density, in mg/dL
    - ``tch``: tc / hdl; ``ltg``: logarithm of the triglycerides in mg/dL; ``glu``: glucose in mg/dL

    ``split=None`` gives all rows in the file's order. ``"train"`` (354) and ``"test"`` (88) share out the shuffled rows; the
    shuffle is fixed and leaves your seeds alone. Each call gives fresh tensors, on ``device`` if given. Anything else for
    ``split`` raises a ``ValueError``. Where the units come from and what is known of the patients: ``datasets/diabetes.md``.

    Source: B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, Annals of Statistics 32(2), 2004,
    https://doi.org/10.1214/009053604000000067, through ``sklearn.datasets.load_diabetes(scaled=False)``.

    >>> from dlviz.data import diabetes
    >>> x, y = diabetes("train")
    >>> x.shape, y.shape
    (torch.Size([354, 10]), torch.Size([354, 1]))
    """
    x, y = _arrays()
    if split is None:
        rows = np.arange(len(y))
    elif is_one_of(split, ("train", "test")):
        rows = _split()[split]
    else:
        raise DlvizError(message("data.table.split", value=repr(split)))
    units = tuple(message(f"data.table.unit.{name}") for name in _COLUMNS)
    return Table(
        torch.tensor(x[rows], device=device),
        torch.tensor(y[rows], device=device),
        _COLUMNS,
        units,
        "progression",
        message("data.table.unit.progression"),
    )


@cache
def _arrays() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_diabetes  # imported here because it takes a second

    bunch = load_diabetes(scaled=False)
    return bunch.data.astype(np.float32), bunch.target[:, None].astype(np.float32)


@cache
def _split() -> dict[str, np.ndarray]:
    """Return the row indices of a split; the test set is a fixed, shuffled fifth."""
    count = len(_arrays()[1])
    rows = np.random.RandomState(0).permutation(count)  # RandomState's numbers never change between NumPy versions
    fifth = round(count / 5)
    return {"test": rows[:fifth], "train": rows[fifth:]}
