"""Snapshots of a classifier's predictions during its training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.evaluation.classifier_output import ClassifierOutput, ask_classifier, read_output
from dlviz.evaluation.confusion_counts import confusion_matrix, count_unclassified
from dlviz.evaluation.examples import ExamplePreviews, previews
from dlviz.evaluation.record import ScoredExamples, mistakes, score_examples
from dlviz.evaluation.validation import check_examples, name_sequence
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import thin
from dlviz.kit.validation import class_names, has_length

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
        shape: shape of the labels, (N,), or (N, H, W) with a label for every pixel; an example is one label.
    """

    index: int
    scored: ScoredExamples
    counts: Tensor
    unclassified: Tensor
    worst: Tensor
    inputs: ExamplePreviews | None
    group: int
    shape: tuple[int, ...]

    @property
    def total(self) -> int:
        """Number of examples that count."""
        return self.scored.total

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
        ignore_index: the label of examples that do not count, ``None`` for none.

    Attributes:
        snapshots: the snapshots that are kept.
        count: number of snapshots taken, those included that are no longer kept.
        names: names of the classes.
        ignore_index: the label of examples that do not count, ``None`` for none.

    Raises:
        DlvizError: an argument does not fit.
    """

    def __init__(
        self, scores: Any, targets: Any, inputs: Any, names: Sequence[Any] | None, ignore_index: int | None = None
    ) -> None:
        self.snapshots: list[PredictionSnapshot] = []
        self.count = 0
        self._groups = 0
        self.ignore_index = ignore_index
        names = name_sequence(names)
        self._table = None if names is None else [str(name) for name in names]
        self._classes = None if names is None else len(names)
        self.add(scores, targets, inputs)
        self._classes = self.snapshots[0].scored.classes
        self.names = class_names(self._table if names is None else names, self._classes, "evaluation.refused.names")

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
        asked = inputs if inputs is not None or before is None or before.inputs is None else before.inputs.passed
        scores, fitted = ask_classifier(scores, asked)
        if targets is None and before is not None:
            output = self._with_targets_before(scores, before)
        else:
            output = read_output(
                scores,
                targets,
                self.ignore_index,
                table=fitted or self._table,
                by_name=fitted is not None,
                classes=self._classes,
            )
        if before is not None and output.classes != before.scored.classes:
            raise DlvizError(message("evaluation.refused.classes", count=before.scored.classes, got=output.classes))
        labels, places = output.targets, math.prod(output.shape[1:])
        examples = None if inputs is None else check_examples("inputs", inputs, output.shape[0])
        if before is not None and before.shape == output.shape and torch.equal(labels, before.scored.targets):
            # Snapshots of the same targets share one tensor.
            labels, same = before.scored.targets, before
        else:
            labels, same = labels.clone(), None
        shown, group = self._previews(inputs, examples, places, same)
        scored = score_examples(output.scores, labels, output.classes)
        counts, unclassified = confusion_matrix(scored), count_unclassified(scored)
        snapshot = PredictionSnapshot(
            self.count, scored, counts, unclassified, mistakes(scored), shown, group, output.shape
        )
        self._table = output.table
        self.count += 1
        self.snapshots = _thinned([*self.snapshots, snapshot])

    def _with_targets_before(self, scores: Any, before: PredictionSnapshot) -> ClassifierOutput:
        """Return scores beside the labels of the snapshot before.

        Raises:
            DlvizError: the scores do not fit, or there are not as many.
        """
        targets = before.scored.targets.view(before.shape)
        if has_length(scores) and len(scores) != len(targets):
            got = tuple(scores.shape) if hasattr(scores, "shape") else (len(scores),)
            raise DlvizError(message("evaluation.refused.scores_length", count=len(targets), got=got))
        # The labels are indices of classes already; those to be ignored are −1.
        return read_output(scores, targets, -1, table=self._table, classes=self._classes)

    def _previews(
        self, passed: Any, examples: Any, places: int, before: PredictionSnapshot | None
    ) -> tuple[ExamplePreviews | None, int]:
        """Return a snapshot's examples and its group: those of the snapshot before where nothing new was passed."""
        if before is not None and (passed is None or (before.inputs is not None and before.inputs.passed is passed)):
            return before.inputs, before.group
        self._groups += 1
        return (None if passed is None else previews(examples, passed, places)), self._groups - 1


def _thinned(snapshots: Sequence[PredictionSnapshot]) -> list[PredictionSnapshot]:
    """Return the snapshots that are kept: at most :data:`MAX_SNAPSHOTS`, evenly spaced, and fewer of large ones."""
    largest = max(snapshot.bytes for snapshot in snapshots)
    return thin(snapshots, max(2, min(MAX_SNAPSHOTS, MAX_BYTES // largest)))
