"""How well a model does, and whether that can be trusted: its mistakes one by one, and how the data was split."""

from dlviz.evaluation.confusion_counts import f1, matrix, precision, recall, unclassified
from dlviz.evaluation.leakage import Finding, findings, twins
from dlviz.evaluation.record import Judged, judge, members, mistakes
from dlviz.evaluation.splitting import HOWS, cut

__all__ = [
    "HOWS",
    "Finding",
    "Judged",
    "cut",
    "f1",
    "findings",
    "judge",
    "matrix",
    "members",
    "mistakes",
    "precision",
    "recall",
    "twins",
    "unclassified",
]
