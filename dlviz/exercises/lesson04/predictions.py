"""Lesson 04, linear regression: its predictions."""

import torch
from torch import nn

from dlviz.data import linear
from dlviz.exercises.prediction import Prediction


def _step():
    w = torch.tensor(1.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    ((2 * w - 6) ** 2).backward()
    optimizer.step()
    return round(w.item(), 4)


def _descend(x, y, lr, steps):
    """Return the distances of (w, b) from the best line, before and after each step (steps + 1,), and the last (w, b)."""
    w, b = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    columns = torch.cat([x, torch.ones_like(x)], dim=1)
    best = torch.linalg.lstsq(columns, y.reshape(-1, 1)).solution.flatten()
    optimizer = torch.optim.SGD([w, b], lr=lr)
    distances = [best.norm().item()]
    for _ in range(steps):
        optimizer.zero_grad()
        (x @ w + b - y).pow(2).mean().backward()
        optimizer.step()
        distances.append((torch.cat([w.detach().flatten(), b.detach()]) - best).norm().item())
    return torch.tensor(distances), torch.cat([w.detach().flatten(), b.detach()])


def _double():
    points = linear(100)
    once, twice = (int((_descend(points.x, points.y, lr, 100)[0] > 0.01).sum()) for lr in (0.18, 0.36))
    return "more" if twice > 1.4 * once else "half" if twice < 0.6 * once else "same"


def _limit():
    def grows(lr):
        w = torch.ones((), requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr)
        (5 * w**2).backward()
        optimizer.step()
        return w.abs() > 1

    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if grows(middle) else (middle, high)
    return round(high, 4)


def _integers():
    try:
        nn.Linear(1, 1)(torch.tensor([[1], [2]]))
    except RuntimeError as error:
        return "dtype" if "dtype" in str(error) else "shape"
    return "runs"


def _silent():
    points = linear(100)
    try:
        _, (w, b) = _descend(points.x, points.y.squeeze(1), 0.1, 200)
    except RuntimeError:
        return "error"
    return "mean" if abs(w) < 0.01 and torch.isclose(b, points.y.mean(), atol=0.01) else "line"


def _parabola():
    x = linear(100).x.double()
    y = 0.5 * x**2 - x + 1 + 0.1 * torch.sin(7 * x)
    columns = torch.cat([x**2, x, torch.ones_like(x)], dim=1)
    found = torch.linalg.lstsq(columns, y).solution.requires_grad_()
    (columns @ found - y).pow(2).mean().backward()  # the gradient is 0 at the minimum only
    return "yes" if found.grad.norm() < 1e-9 else "rough" if found.grad.norm() < 0.1 else "no"


def _masked():
    a, known = torch.tensor([1.0, torch.nan]), torch.tensor([True, False])
    w = torch.tensor(2.0, requires_grad=True)
    (w * a)[known].sum().backward()
    return "nan" if w.grad.isnan() else "one" if w.grad == 1 else "zero"


PREDICTIONS = (
    Prediction(id="04.parameters", truth=lambda: sum(parameter.numel() for parameter in nn.Linear(1, 1).parameters())),
    Prediction(id="04.one-step", truth=_step),
    Prediction(id="04.double", truth=_double, options=("half", "same", "more")),
    Prediction(id="04.limit", truth=_limit),
    Prediction(id="04.integers", truth=_integers, options=("runs", "dtype", "shape")),
    Prediction(id="04.flat-y", truth=_silent, options=("line", "mean", "error")),
    Prediction(id="04.parabola", truth=_parabola, options=("no", "rough", "yes")),
    Prediction(id="04.masked", truth=_masked, options=("one", "zero", "nan")),
)
