"""Lesson 02, views and strides: its predictions. Each truth is found by running torch, here and now."""
# mypy: no-check-untyped-defs

import torch

from dlviz.exercises.prediction import Prediction


def _transposed():
    return tuple(torch.zeros(2, 3).T.stride())


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


def _expand():
    return torch.zeros(3, 1).expand(3, 1000).stride(1)


def _number():
    return torch.tensor(3.0).dim()


def _rows():
    return torch.zeros(25, 64, 8, 8).view(-1, 1600).shape[0]


PREDICTIONS = (
    Prediction(id="02.transposed", truth=_transposed),
    Prediction(id="02.write", truth=_write, options=("changes", "stays")),
    Prediction(id="02.refused", truth=_view, options=("works", "error")),
    Prediction(id="02.reshape", truth=_reshape, options=("shares", "copies")),
    Prediction(id="02.expand", truth=_expand),
    Prediction(id="02.number", truth=_number),
    Prediction(id="02.rows", truth=_rows),
)
