"""Lesson 02, views and strides: its predictions."""

import torch

from dlviz.exercises.prediction import Prediction


def _write():
    x = torch.zeros(2, 3)
    x.T[0, 1] = 7
    return {(0, 1): "other", (1, 0): "changes"}[tuple(x.nonzero()[0].tolist())] if x.any() else "stays"


def _chained():
    t = torch.zeros(3, 4)
    t[[0, 2]][0, 0] = 7
    return "seven" if t[0, 0].item() == 7 else "zero"


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
    Prediction(id="02.transposed", is_shape=True, truth=lambda: torch.zeros(2, 3).T.stride()),
    Prediction(id="02.write", truth=_write, options=("changes", "other", "stays")),
    Prediction(id="02.number", truth=lambda: torch.arange(12).reshape(3, 4)[1, 2].storage_offset()),
    Prediction(id="02.expand", truth=lambda: torch.zeros(3, 1).expand(3, 1000).stride(1)),
    Prediction(id="02.chained", truth=_chained, options=("seven", "zero")),
    Prediction(id="02.flat-transpose", truth=_view, options=("works", "error")),
    Prediction(id="02.reshape", truth=_reshape, options=("shares", "copies")),
    Prediction(id="02.rows", truth=lambda: torch.zeros(25, 64, 8, 8).view(-1, 1600).shape[0]),
)
