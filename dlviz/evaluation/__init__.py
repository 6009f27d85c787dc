"""How well a model does, and whether that can be trusted: its mistakes one by one, and how the data was split."""

from dlviz.evaluation.counts import f1, matrix, precision, recall, unclassified
from dlviz.evaluation.judged import Judged, judge, members, mistakes
from dlviz.evaluation.leaks import Finding, findings, twins
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
