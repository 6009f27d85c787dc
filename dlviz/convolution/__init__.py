"""Convolution and pooling, as sliding windows on the learner's own numbers."""

from dlviz.convolution.operations import avg_pool, conv, conv_transpose, equivalent, max_pool
from dlviz.convolution.record import Sliding, Term
from dlviz.convolution.window_axis import Axis, Stamp

__all__ = ["Axis", "Sliding", "Stamp", "Term", "avg_pool", "conv", "conv_transpose", "equivalent", "max_pool"]
