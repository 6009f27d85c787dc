"""The decision boundary of the learner's own network over points of the plane: every unit's map, and how layers fold the plane."""

from dlviz.decision_boundary.equation import equation
from dlviz.decision_boundary.forward import Call, Run, run
from dlviz.decision_boundary.projection import Fold, fold
from dlviz.decision_boundary.record import Shot, grid, shoot

__all__ = ["Call", "Fold", "Run", "Shot", "equation", "fold", "grid", "run", "shoot"]
