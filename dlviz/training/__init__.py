"""Training that can be steered while it runs: curves, knobs, and what a run has logged."""

from dlviz.training.hyperparameters import Knob, bound
from dlviz.training.record import History, Mark, Series, decimated
from dlviz.training.run import Run

__all__ = ["History", "Knob", "Mark", "Run", "Series", "bound", "decimated"]
