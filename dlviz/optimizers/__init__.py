"""Going downhill: optimizers as torch runs them on surfaces of two numbers, and slices of a real network's loss."""

from dlviz.optimizers.divergence_limit import Curvature, curvature, threshold
from dlviz.optimizers.named_optimizers import Racer, racers
from dlviz.optimizers.record import Run, run
from dlviz.optimizers.test_functions import NAMED, Loss, grid
from dlviz.optimizers.update_rules import Formula, formula

__all__ = [
    "NAMED", "Curvature", "Formula", "Loss", "Racer", "Run", "curvature", "formula", "grid", "racers", "run", "threshold",
]  # fmt: skip
