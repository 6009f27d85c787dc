"""Lesson 00: a first exercise and a first prediction, to see how they work."""

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.prediction import Prediction


def double(x):
    """Return twice every number of x, a tensor of any shape."""
    return 2 * x


def _any_shape(i):
    shape = [(3,), (2, 3), (1,), (4, 1), (2, 2, 2)][i]
    return {"x": torch.randn(shape)}  # plain tensors: gradients come in lesson 03


DOUBLE = Function(
    id="00.double",
    reference=double,
    case=_any_shape,
    mistakes={
        "squared": {"2 * x": "x * x"},
        "added_two": {"2 * x": "x + 2"},
    },
)

ITEMS = (DOUBLE, Prediction(id="00.sum", truth=lambda: torch.arange(5).sum()))
