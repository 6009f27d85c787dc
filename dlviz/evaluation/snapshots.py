"""The moments of a training that are kept: what the model said of every example at each."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dlviz.evaluation.confusion_counts import matrix, unclassified
from dlviz.evaluation.examples import Examples
from dlviz.evaluation.record import Judged, mistakes

#: So many are kept, and fewer of large ones: all together take up to so many bytes.
MOST, MEMORY = 100, 256_000_000


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One moment.

    Attributes:
        number: which one it was, from 0.
        found: what the model said.
        counts: the confusion matrix (C, C).
        lost: how many of each class were not classified (C,).
        worst: numbers of the mistakes, the worst first.
        inputs: the examples, ``None`` where none were passed.
        group: snapshots of the same examples have the same number.
    """

    number: int
    found: Judged
    counts: Tensor
    lost: Tensor
    worst: Tensor
    inputs: Examples | None
    group: int

    @property
    def right(self) -> int:
        """How many examples are classified rightly."""
        return int(self.counts.diag().sum())

    @property
    def accuracy(self) -> float:
        """Their share of all, those with a NaN included."""
        return self.right / len(self.found.targets)

    @property
    def bytes(self) -> int:
        """How much memory it takes beside the learner's examples."""
        return self.found.bytes + 8 * (self.counts.numel() + self.worst.numel())


def snapshot(number: int, found: Judged, inputs: Examples | None, group: int) -> Snapshot:
    """Count what is kept of one moment."""
    return Snapshot(number, found, matrix(found), unclassified(found), mistakes(found), inputs, group)


def thinned(kept: Sequence[Snapshot]) -> list[Snapshot]:
    """The first and the last, and of those between every second one, as often as it takes to keep within the bounds."""
    kept = list(kept)
    while len(kept) > 2 and (len(kept) > MOST or sum(one.bytes for one in kept) > MEMORY):
        kept = [kept[0], *kept[2:-1:2], kept[-1]]
    return kept
