"""The diabetes table with one column too many: a number that is known only after the outcome."""

import torch

from dlviz.data.diabetes_table import Table, diabetes
from dlviz.data.validation import is_one_of, loader, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: A visit for so many points of the score, and the standard deviation of what else sends people to a doctor, in visits.
_POINTS_PER_VISIT, _SPREAD = 25, 1.5


@loader
def leaky_table(split: str = "train", *, seed: int = 0, device: torch.device | str | None = None) -> Table:
    """Load the diabetes table with a column ``visits``, generated from the target: a leak.

    ``x`` (N, 11) float32 has the ten measurements of ``dlviz.data.diabetes``, made on the first day, and as its last column ``visits``,
    the number of visits to the clinic during the year that followed. ``y`` (N, 1) is the progression at the end of that year. Whoever is
    more ill comes more often, so ``visits`` predicts ``y`` well in a table that was put together afterwards; on the first day, when the
    prediction is needed, it is 0 for everybody.

    ``"train"`` (354 rows) and ``"test"`` (88) are the table as it was put together. ``"first day"`` has the patients of ``"test"`` as they
    are when the prediction is needed, with ``visits`` 0. The column is made, the others are real: visits = progression / 25 plus normal
    noise with a standard deviation of 1.5, rounded, not below 0. ``seed`` draws the noise. Your own seeds are left alone. An argument that
    does not fit raises a ``ValueError``.

    Source: the table of ``dlviz.data.diabetes``; columns that are known only after the outcome as a form of leakage in S. Kaufman,
    S. Rosset, C. Perlich and O. Stitelman, Leakage in Data Mining, ACM TKDD 6(4), 2012, https://doi.org/10.1145/2382577.2382579.

    >>> from dlviz.data import leaky_table
    >>> table = leaky_table("test")
    >>> table.x.shape, table.columns[-1]
    (torch.Size([88, 11]), 'visits')
    >>> bool(leaky_table("first day").column("visits").any())
    False
    """
    random = seeded_generator("leaky_table", seed)
    if not is_one_of(split, ("train", "test", "first day")):
        raise DlvizError(message("data.leaky.split", value=repr(split)))
    rows = diabetes("train" if split == "train" else "test", device="cpu")
    noise = {part: torch.randn(n, 1, generator=random, device="cpu") for part, n in (("train", 354), ("test", 88))}
    if split == "first day":
        visits = torch.zeros_like(rows.y)
    else:
        visits = (rows.y / _POINTS_PER_VISIT + _SPREAD * noise[split]).round().clamp(min=0)
    return Table(
        on_device(torch.cat([rows.x, visits], dim=1), device),
        on_device(rows.y, device),
        (*rows.columns, "visits"),
        (*rows.units, message("data.table.unit.visits")),
        rows.target,
        rows.target_unit,
    )
