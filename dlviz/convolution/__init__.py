"""Convolution and pooling, as sliding windows on the learner's own numbers."""

from dlviz.convolution.axis import Axis, Stamp
from dlviz.convolution.build import avg_pool, conv, conv_transpose, equivalent, max_pool
from dlviz.convolution.sliding import Sliding, Term

__all__ = ["Axis", "Sliding", "Stamp", "Term", "avg_pool", "conv", "conv_transpose", "equivalent", "max_pool"]
