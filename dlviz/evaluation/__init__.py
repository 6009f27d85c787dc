"""Evaluation of a classifier: its mistakes one by one, and how its data is split."""

from dlviz.evaluation.confusion_counts import confusion_matrix, count_unclassified, f1, precision, recall
from dlviz.evaluation.leakage import Finding, findings, first_copies
from dlviz.evaluation.record import ScoredExamples, members, mistakes, score_examples
from dlviz.evaluation.splitting import METHODS, cut

__all__ = [
    "METHODS",
    "Finding",
    "ScoredExamples",
    "confusion_matrix",
    "count_unclassified",
    "cut",
    "f1",
    "findings",
    "first_copies",
    "members",
    "mistakes",
    "precision",
    "recall",
    "score_examples",
]
