"""Convolution and pooling as sliding windows on the learner's own numbers."""

from dlviz.convolution.operations import avg_pool, conv, conv_transpose, equivalent_convolution, max_pool
from dlviz.convolution.record import SlidingWindow, Term
from dlviz.convolution.window_axis import TransposedAxis, WindowAxis

__all__ = [
    "SlidingWindow",
    "Term",
    "TransposedAxis",
    "WindowAxis",
    "avg_pool",
    "conv",
    "conv_transpose",
    "equivalent_convolution",
    "max_pool",
]
