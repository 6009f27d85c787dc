"""The decision boundary of the learner's own network over points of the plane: every unit's map, and how layers fold the plane."""

from dlviz.plane.equation import equation
from dlviz.plane.fold import Fold, fold
from dlviz.plane.record import Call, Run, run
from dlviz.plane.shot import Shot, grid, shoot

__all__ = ["Call", "Fold", "Run", "Shot", "equation", "fold", "grid", "run", "shoot"]
