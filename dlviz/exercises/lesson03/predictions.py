"""Lesson 03, autograd: its predictions."""

import torch

from dlviz.exercises.prediction import Prediction


def _paths():
    w = torch.tensor(2.0, requires_grad=True)
    loss = 3 * w + 4 * w
    loss.backward()
    return w.grad


def _accumulate():
    w = torch.tensor(2.0, requires_grad=True)
    readings = []
    for _ in range(2):
        (w * 3).backward()
        readings.append(w.grad.item())
    return {readings[0]: "same", 2 * readings[0]: "doubled", 0.0: "zero"}[readings[1]]


def _moved():
    w = torch.tensor(2.0, requires_grad=True)
    ((3 * w - 1) ** 2).backward()
    return "same" if w.item() == 2.0 else "moved"


def _jacobian():
    x = torch.rand(2, 2)
    return torch.autograd.functional.jacobian(lambda x: x + 1, x).shape


def _non_scalar():
    x = torch.rand(2, 2, requires_grad=True)
    try:
        (x + 1).backward()
    except RuntimeError:
        return "error"
    return "jacobian" if x.grad.dim() == 4 else "ones"


def _retroactive():
    x = torch.tensor(3.0)
    y = x * 2
    x.requires_grad = True
    return "yes" if y.requires_grad else "no"


def _closer():
    exact, h = 12.0, 1e-3  # the slope of x**3 at 2
    x = torch.tensor(2.0, requires_grad=True)
    (x**3).backward()
    with torch.no_grad():
        measured = ((x + h) ** 3 - (x - h) ** 3) / (2 * h)
    misses = (abs(x.grad.item() - exact), abs(measured.item() - exact))
    return "equal" if misses[0] == misses[1] else "autograd" if misses[0] < misses[1] else "finite"


PREDICTIONS = (
    Prediction(id="03.closer", truth=_closer, options=("autograd", "finite", "equal")),
    Prediction(id="03.paths", truth=_paths),
    Prediction(id="03.second-backward", truth=_accumulate, options=("same", "doubled", "zero")),
    Prediction(id="03.moved", truth=_moved, options=("moved", "same")),
    Prediction(id="03.tracked-later", truth=_retroactive, options=("yes", "no")),
    Prediction(id="03.jacobian", is_shape=True, truth=_jacobian),
    Prediction(id="03.non-scalar", truth=_non_scalar, options=("ones", "jacobian", "error")),
)
