"""Lesson 01, tensors: its predictions."""

import numpy as np
import torch

from dlviz.exercises.prediction import Prediction


def _mask():
    t = torch.arange(12).reshape(3, 4)
    return t[t > 5].shape


def _shared():
    array = np.zeros(3)
    tensor = torch.from_numpy(array)
    array[0] = 7
    return "same" if tensor[0].item() == 7 else "copy"


PREDICTIONS = (
    Prediction(
        id="01.division",
        truth=lambda: str((torch.tensor([1, 2]) / 2).dtype).removeprefix("torch."),
        options=("int64", "float32", "float64"),
    ),
    Prediction(id="01.first", is_shape=True, truth=lambda: torch.tensor([[1, 2], [3, 4]])[0].shape),
    Prediction(id="01.row", is_shape=True, truth=lambda: torch.arange(12).reshape(3, 4)[0:1].shape),
    Prediction(id="01.mask", is_shape=True, truth=_mask),
    Prediction(id="01.broadcast", is_shape=True, truth=lambda: (torch.zeros(3, 1) + torch.zeros(4)).shape),
    Prediction(id="01.column", is_shape=True, truth=lambda: (torch.zeros(4, 1) - torch.zeros(4)).shape),
    Prediction(id="01.numpy-bridge", truth=_shared, options=("same", "copy")),
)
