"""The confusion matrix and what is read from it, class by class."""

import torch
from torch import Tensor

from dlviz.evaluation.record import ScoredExamples


def confusion_matrix(found: ScoredExamples) -> Tensor:
    """How many examples of each true class (row) were taken for each class (column), (C, C); what a NaN left unclassified is in none.

    Example:
        >>> from dlviz.evaluation.record import score_examples
        >>> confusion_matrix(score_examples(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)).tolist()
        [[1, 1], [0, 1]]
    """
    told = found.predictions >= 0
    places = found.targets[told] * found.classes + found.predictions[told].long()
    return torch.bincount(places, minlength=found.classes**2).view(found.classes, found.classes)


def count_unclassified(found: ScoredExamples) -> Tensor:
    """How many examples of each true class have a NaN among their scores, (C,)."""
    return torch.bincount(found.targets[found.predictions < 0], minlength=found.classes)


def recall(counts: Tensor, unclassified: Tensor) -> Tensor:
    """Of the examples of each class, the share that was found; NaN for a class without examples.

    Args:
        counts: the confusion matrix (C, C).
        unclassified: how many of each class were not classified at all (C,).

    Example:
        >>> recall(torch.tensor([[1, 1], [0, 0]]), torch.tensor([0, 0])).tolist()
        [0.5, nan]
    """
    return counts.diag().double() / (counts.sum(1) + unclassified)


def precision(counts: Tensor) -> Tensor:
    """Of the examples that were taken for each class, the share that belongs to it; NaN for a class that was never predicted."""
    return counts.diag().double() / counts.sum(0)


def f1(counts: Tensor, unclassified: Tensor) -> Tensor:
    """The harmonic mean of both, 2 tp / (2 tp + fp + fn); NaN for a class that neither occurs nor is predicted."""
    return 2 * counts.diag().double() / (counts.sum(0) + counts.sum(1) + unclassified)
