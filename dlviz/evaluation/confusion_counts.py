"""Confusion matrix, and the recall, precision and F1 score of each class.

The counts are made with torch and not with ``sklearn.metrics``, whose import takes longer than everything else that the widget does.
"""

import torch
from torch import Tensor

from dlviz.evaluation.record import ScoredExamples


def confusion_matrix(scored: ScoredExamples) -> Tensor:
    """Count the examples of each true class (row) that were predicted as each class (column), (C, C).

    Examples without a prediction, because of a NaN among their scores, are in no cell, and neither are those that do not count.

    Example:
        >>> from dlviz.evaluation.record import score_examples
        >>> confusion_matrix(score_examples(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)).tolist()
        [[1, 1], [0, 1]]
    """
    classified = (scored.predictions >= 0) & (scored.targets >= 0)
    cells = scored.targets[classified] * scored.classes + scored.predictions[classified].long()
    return torch.bincount(cells, minlength=scored.classes**2).view(scored.classes, scored.classes)


def count_unclassified(scored: ScoredExamples) -> Tensor:
    """Count the examples of each true class that have a NaN among their scores, (C,)."""
    unclassified = (scored.predictions < 0) & (scored.targets >= 0)
    return torch.bincount(scored.targets[unclassified], minlength=scored.classes)


def recall(counts: Tensor, unclassified: Tensor) -> Tensor:
    """Return the fraction of each class's examples that were predicted correctly; NaN for a class without examples.

    Args:
        counts: the confusion matrix (C, C).
        unclassified: number of examples of each class without a prediction (C,).

    Example:
        >>> recall(torch.tensor([[1, 1], [0, 0]]), torch.tensor([0, 0])).tolist()
        [0.5, nan]
    """
    return counts.diag().double() / (counts.sum(1) + unclassified)


def precision(counts: Tensor) -> Tensor:
    """Return the fraction of each class's predictions that are correct; NaN for a class that was never predicted."""
    return counts.diag().double() / counts.sum(0)


def f1(counts: Tensor, unclassified: Tensor) -> Tensor:
    """Return the harmonic mean of recall and precision, 2 tp / (2 tp + fp + fn); NaN where a class neither occurs nor is predicted."""
    return 2 * counts.diag().double() / (counts.sum(0) + counts.sum(1) + unclassified)
