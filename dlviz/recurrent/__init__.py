"""Recurrent networks step by step: every gate of torch's RNN, LSTM and GRU, and gradients of states by earlier inputs."""

from dlviz.recurrent.edits import Edits
from dlviz.recurrent.input_gradients import grad_norm_by_lag, input_grad_norms, input_gradient
from dlviz.recurrent.layer_trace import GATES, LayerTrace, Weights
from dlviz.recurrent.record import Record, record
from dlviz.recurrent.similar_spans import active_units, similar_spans

__all__ = [
    "GATES",
    "Edits",
    "LayerTrace",
    "Record",
    "Weights",
    "active_units",
    "grad_norm_by_lag",
    "input_grad_norms",
    "input_gradient",
    "record",
    "similar_spans",
]
