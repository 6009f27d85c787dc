"""Recurrent networks, step by step: every gate of torch's own RNN, LSTM and GRU, and memory as gradients."""

from dlviz.recurrent.influence import influence, lags, norms
from dlviz.recurrent.lane import GATES, Lane, Weights
from dlviz.recurrent.record import Edits, Record, record
from dlviz.recurrent.spans import on, similar

__all__ = ["GATES", "Edits", "Lane", "Record", "Weights", "influence", "lags", "norms", "on", "record", "similar"]
