"""The moments of a training that are kept: what the model said of every example at each."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from torch import Tensor

from dlviz.evaluation.confusion_counts import confusion_matrix, count_unclassified
from dlviz.evaluation.examples import ExamplePreviews
from dlviz.evaluation.record import ScoredExamples, mistakes
from dlviz.kit.snapshots import thin

#: Most snapshots that are kept, and most bytes that they take together.
MOST, MEMORY = 100, 256_000_000


@dataclass(frozen=True, eq=False)
class PredictionSnapshot:
    """One moment.

    Attributes:
        number: which one it was, from 0.
        found: what the model said.
        counts: the confusion matrix (C, C).
        unclassified: how many of each class were not classified (C,).
        worst: numbers of the mistakes, the worst first.
        inputs: the examples, ``None`` where none were passed.
        group: snapshots of the same examples have the same number.
    """

    number: int
    found: ScoredExamples
    counts: Tensor
    unclassified: Tensor
    worst: Tensor
    inputs: ExamplePreviews | None
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


def take_snapshot(index: int, found: ScoredExamples, inputs: ExamplePreviews | None, group: int) -> PredictionSnapshot:
    """Count what is kept of one moment."""
    return PredictionSnapshot(
        index, found, confusion_matrix(found), count_unclassified(found), mistakes(found), inputs, group
    )


def keep(snapshots: Sequence[PredictionSnapshot]) -> list[PredictionSnapshot]:
    """Return the snapshots that are kept: at most :data:`MOST`, evenly spaced, and fewer of large ones."""
    largest = max(snapshot.bytes for snapshot in snapshots)
    return thin(snapshots, max(2, min(MOST, MEMORY // largest)), index=attrgetter("number"))
