"""Recurrent networks, step by step: every gate of torch's own RNN, LSTM and GRU, and memory as gradients."""

from dlviz.recurrent.activation_spans import on, similar
from dlviz.recurrent.input_jacobian import influence, lags, norms
from dlviz.recurrent.layer import GATES, Lane, Weights
from dlviz.recurrent.record import Edits, Record, record

__all__ = ["GATES", "Edits", "Lane", "Record", "Weights", "influence", "lags", "norms", "on", "record", "similar"]
