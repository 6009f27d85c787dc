"""Lesson 02, views and strides: its predictions."""

import torch

from dlviz.exercises.prediction import Prediction


def _write():
    x = torch.zeros(2, 3)
    x.T[0, 1] = 7
    return "changes" if x[1, 0].item() == 7 else "stays"


def _view():
    try:
        torch.zeros(2, 3).T.view(6)
    except RuntimeError:
        return "error"
    return "works"


def _reshape():
    x = torch.zeros(2, 3)
    return "shares" if x.T.reshape(6).untyped_storage().data_ptr() == x.untyped_storage().data_ptr() else "copies"


PREDICTIONS = (
    Prediction(id="02.transposed", truth=lambda: torch.zeros(2, 3).T.stride()),
    Prediction(id="02.write", truth=_write, options=("changes", "stays")),
    Prediction(id="02.refused", truth=_view, options=("works", "error")),
    Prediction(id="02.reshape", truth=_reshape, options=("shares", "copies")),
    Prediction(id="02.expand", truth=lambda: torch.zeros(3, 1).expand(3, 1000).stride(1)),
    Prediction(id="02.number", truth=lambda: torch.tensor(3.0).dim()),
    Prediction(id="02.rows", truth=lambda: torch.zeros(25, 64, 8, 8).view(-1, 1600).shape[0]),
)
