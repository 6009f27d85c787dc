"""Optimizers run by torch on surfaces of two numbers, and slices of a real network's loss."""

from dlviz.optimizers.divergence_limit import Curvature, curvature, divergence_threshold
from dlviz.optimizers.loss_functions import TEST_FUNCTIONS, LossFunction, evaluate_grid
from dlviz.optimizers.named_optimizers import NamedOptimizer, named_optimizers
from dlviz.optimizers.record import Trajectory, record
from dlviz.optimizers.update_rules import UpdateRule, update_rule

__all__ = [
    "TEST_FUNCTIONS", "Curvature", "LossFunction", "NamedOptimizer", "Trajectory", "UpdateRule", "curvature",
    "divergence_threshold", "evaluate_grid", "named_optimizers", "record", "update_rule",
]  # fmt: skip
