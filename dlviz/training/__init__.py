"""Training that can be steered while it runs: curves, knobs, and what a run has logged."""

from dlviz.training.history import History, Mark, Series, decimated
from dlviz.training.knobs import Knob, bound
from dlviz.training.run import Run

__all__ = ["History", "Knob", "Mark", "Run", "Series", "bound", "decimated"]
