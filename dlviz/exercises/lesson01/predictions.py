"""Lesson 01, tensors: its predictions. Each truth is found by running torch, here and now."""
# mypy: no-check-untyped-defs

import numpy as np
import torch

from dlviz.exercises.prediction import Prediction


def _broadcast():
    return tuple((torch.zeros(3, 1) + torch.zeros(4)).shape)


def _trap():
    return tuple((torch.zeros(4, 1) - torch.zeros(4)).shape)


def _row():
    return tuple(torch.arange(12).view(3, 4)[0:1].shape)


def _first():
    return tuple(torch.tensor([[1, 2], [3, 4]])[0].shape)


def _mask():
    x = torch.arange(12).view(3, 4)
    return tuple(x[x > 5].shape)


def _division():
    return str((torch.tensor([1, 2]) / 2).dtype).removeprefix("torch.")


def _shared():
    array = np.zeros(3)
    tensor = torch.from_numpy(array)
    array[0] = 7
    return "same" if tensor[0].item() == 7 else "copy"


PREDICTIONS = (
    Prediction(id="01.broadcast", truth=_broadcast),
    Prediction(id="01.trap", truth=_trap),
    Prediction(id="01.row", truth=_row),
    Prediction(id="01.first", truth=_first),
    Prediction(id="01.mask", truth=_mask),
    Prediction(id="01.division", truth=_division, options=("int64", "float32", "float64")),
    Prediction(id="01.shared", truth=_shared, options=("same", "copy")),
)
