"""Training runs that can be changed while they run: curves, hyperparameters, and the history of a run."""

from dlviz.training.hyperparameters import Hyperparameter, bind
from dlviz.training.record import History, Mark, Series, subsample
from dlviz.training.run import Run

__all__ = ["History", "Hyperparameter", "Mark", "Run", "Series", "bind", "subsample"]
