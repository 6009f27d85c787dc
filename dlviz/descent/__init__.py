"""Going downhill: optimizers as torch runs them on surfaces of two numbers, and slices of a real network's loss."""

from dlviz.descent.formulas import Formula, formula
from dlviz.descent.losses import NAMED, Loss, grid
from dlviz.descent.optimizers import Racer, racers
from dlviz.descent.run import Run, run
from dlviz.descent.threshold import Curvature, curvature, threshold

__all__ = [
    "NAMED", "Curvature", "Formula", "Loss", "Racer", "Run", "curvature", "formula", "grid", "racers", "run", "threshold",
]  # fmt: skip
