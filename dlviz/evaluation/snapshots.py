"""Snapshots of a classifier's predictions during its training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.evaluation.confusion_counts import confusion_matrix, count_unclassified
from dlviz.evaluation.examples import ExamplePreviews, previews
from dlviz.evaluation.record import ScoredExamples, kind_of, mistakes, score_examples
from dlviz.evaluation.validation import (
    check_class_count,
    check_inputs,
    check_label_range,
    check_labels,
    check_scores,
    check_targets,
)
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import thin
from dlviz.kit.validation import class_names

#: Snapshots that are kept at most, and bytes that they may take together.
MAX_SNAPSHOTS, MAX_BYTES = 100, 256_000_000


@dataclass(frozen=True, eq=False)
class PredictionSnapshot:
    """Predictions of a classifier at one moment of its training.

    Attributes:
        index: its number, counted from the first snapshot.
        scored: the scored examples.
        counts: the confusion matrix (C, C).
        unclassified: number of examples of each class without a prediction (C,).
        worst: indices of the mistakes, the worst first.
        inputs: the examples, ``None`` where none were passed.
        group: snapshots of the same examples have the same number.
    """

    index: int
    scored: ScoredExamples
    counts: Tensor
    unclassified: Tensor
    worst: Tensor
    inputs: ExamplePreviews | None
    group: int

    @property
    def total(self) -> int:
        """Number of examples."""
        return len(self.scored.targets)

    @property
    def correct(self) -> int:
        """Number of examples that are classified correctly."""
        return int(self.counts.diag().sum())

    @property
    def accuracy(self) -> float:
        """Fraction of examples that are classified correctly; those with a NaN among their scores are not."""
        return self.correct / self.total

    @property
    def bytes(self) -> int:
        """Memory that it takes beside the learner's examples."""
        return self.scored.bytes + 8 * (self.counts.numel() + self.worst.numel())


class PredictionHistory:
    """Snapshots of a classifier's predictions, the oldest first.

    Args:
        scores, targets, inputs: the first snapshot, as passed to :func:`dlviz.confusion`.
        names: names of the classes, ``None`` for their indices.

    Attributes:
        snapshots: the snapshots that are kept.
        count: number of snapshots taken, those included that are no longer kept.
        names: names of the classes.

    Raises:
        DlvizError: an argument does not fit.
    """

    def __init__(self, scores: Any, targets: Any, inputs: Any, names: Sequence[Any] | None) -> None:
        self.snapshots: list[PredictionSnapshot] = []
        self.count = 0
        self._groups = 0
        names = None if names is None else list(names)
        self._named_classes = None if names is None else len(names)
        self.add(scores, targets, inputs)
        self._named_classes = self.snapshots[0].scored.classes
        self.names = class_names(names, self._named_classes, "evaluation.refused.names")

    @property
    def last(self) -> int:
        """Index of the last snapshot."""
        return len(self.snapshots) - 1

    def at(self, step: int) -> PredictionSnapshot:
        """Return the snapshot at a step of the player, or the last one beyond the end."""
        return self.snapshots[min(step, self.last)]

    def add(self, scores: Any, targets: Any, inputs: Any) -> None:
        """Append a snapshot; without targets or inputs it has those of the snapshot before, if the targets are the same.

        Raises:
            DlvizError: an argument does not fit.
        """
        before = self.snapshots[-1] if self.snapshots else None
        values = check_scores(scores)
        if targets is None and before is not None:
            labels = before.scored.targets
            if len(values) != len(labels):
                got = tuple(scores.shape)
                raise DlvizError(message("evaluation.refused.scores_length", count=len(labels), got=got))
        else:
            labels = check_targets(targets, len(values))
        classes = self._count_classes(scores, values, labels)
        if before is not None and classes != before.scored.classes:
            raise DlvizError(message("evaluation.refused.classes", count=before.scored.classes, got=classes))
        examples = check_inputs(inputs, len(labels))
        if before is not None and torch.equal(labels, before.scored.targets):
            # Snapshots of the same targets share one tensor.
            labels, same = before.scored.targets, before
        else:
            labels, same = labels.clone(), None
        shown, group = self._previews(examples, same)
        scored = score_examples(values, labels, classes)
        counts, unclassified = confusion_matrix(scored), count_unclassified(scored)
        snapshot = PredictionSnapshot(self.count, scored, counts, unclassified, mistakes(scored), shown, group)
        self.count += 1
        self.snapshots = _thinned([*self.snapshots, snapshot])

    def _count_classes(self, scores: Any, values: Tensor, labels: Tensor) -> int:
        """Return the number of classes, and check that all labels are among them."""
        kind = kind_of(values) if values.dim() == 1 else "logits"
        if kind != "labels":
            count = 2 if values.dim() == 1 else values.shape[1]
            shape = "(N,)" if scores.dim() == 1 else f"(N, {scores.shape[1]})"
            reason = message("evaluation.refused.because_scores", count=count, shape=shape)
            check_label_range("targets", labels, count, reason)
            return count
        predictions = check_labels("scores", values)
        if self._named_classes is None:
            count = int(torch.maximum(predictions, labels).max()) + 1
        else:
            count = self._named_classes
            reason = message("evaluation.refused.because_names", count=count)
            check_label_range("scores", predictions, count, reason)
            check_label_range("targets", labels, count, reason)
        check_class_count(count)
        return count

    def _previews(self, inputs: Any, before: PredictionSnapshot | None) -> tuple[ExamplePreviews | None, int]:
        """Return a snapshot's examples and its group: those of the snapshot before where nothing new was passed."""
        if before is not None and (inputs is None or (before.inputs is not None and before.inputs.data is inputs)):
            return before.inputs, before.group
        self._groups += 1
        return (None if inputs is None else previews(inputs)), self._groups - 1


def _thinned(snapshots: Sequence[PredictionSnapshot]) -> list[PredictionSnapshot]:
    """Return the snapshots that are kept: at most :data:`MAX_SNAPSHOTS`, evenly spaced, and fewer of large ones."""
    largest = max(snapshot.bytes for snapshot in snapshots)
    return thin(snapshots, max(2, min(MAX_SNAPSHOTS, MAX_BYTES // largest)))
