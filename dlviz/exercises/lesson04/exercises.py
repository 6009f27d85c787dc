"""Lesson 04, linear regression: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does. The ones that were found in tutorials say so.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D103 - a mistake's name says what it does, and what learners read stays short

from typing import Any

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson04.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 04.step: one step of gradient descent


def step(w, b, x, y, lr):
    """The new (w, b) after one gradient step on mean((w * x + b - y) ** 2); w and b are leaves (), x and y (N, 1)."""
    loss = (w * x + b - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        return w - lr * w.grad, b - lr * b.grad


def _slope(w, b, x, y):
    error = (w * x + b - y).detach()
    return 2 * (error * x).mean(), 2 * error.mean()


def uphill(w, b, x, y, lr):
    return step(w, b, x, y, -lr)


def full_length(w, b, x, y, lr):
    return step(w, b, x, y, 1.0)


def summed(w, b, x, y, lr):
    return step(w, b, x, y, lr * len(x))


def no_factor_two(w, b, x, y, lr):
    return step(w, b, x, y, lr / 2)


def gradients_only(w, b, x, y, lr):
    return _slope(w, b, x, y)


def bias_kept(w, b, x, y, lr):
    return step(w, b, x, y, lr)[0], b.detach()


def one_after_the_other(w, b, x, y, lr):
    moved = w.detach() - lr * _slope(w, b, x, y)[0]
    return moved, b.detach() - lr * _slope(moved, b, x, y)[1]


def _points(generator: torch.Generator, i: int) -> dict[str, Any]:
    w, b = torch.randn(2, 1, generator=generator)[:, 0]
    x = torch.randn(4 + i, 1, generator=generator) + 0.5
    y = 2 * x + 3 + torch.randn(4 + i, 1, generator=generator)
    return {"w": w.clone().requires_grad_(), "b": b.clone().requires_grad_(), "x": x, "y": y, "lr": 0.1 + 0.05 * i}


# 04.trace: three steps, and what each of them writes down


def three_steps(x, y, lr):
    """Three steps from w = b = 0: a list of numbers (loss, w, b), w and b as the step left them; x and y (N, 1)."""
    w = torch.zeros((), requires_grad=True)
    b = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = (w * x + b - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.append((loss.item(), w.item(), b.item()))
    return log


def shuffled(x, y, lr):  # the lines in disorder
    """Three steps from w = b = 0: a list of numbers (loss, w, b), w and b as the step left them; x and y (N, 1)."""
    w = torch.zeros((), requires_grad=True)
    b = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = (w * x + b - y).pow(2).mean()
        log.append((loss.item(), w.item(), b.item()))
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
    return log


def never_zeroed(x, y, lr):
    w = torch.zeros((), requires_grad=True)
    b = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = (w * x + b - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        log.append((loss.item(), w.item(), b.item()))
    return log


def logged_before_step(x, y, lr):
    w = torch.zeros((), requires_grad=True)
    b = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = (w * x + b - y).pow(2).mean()
        log.append((loss.item(), w.item(), b.item()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return log


def never_zeroed_and_logged_early(x, y, lr):
    log = never_zeroed(x, y, lr)
    before = [(0.0, 0.0), *[values[1:] for values in log]]
    return [(values[0], *place) for values, place in zip(log, before, strict=False)]


def loss_after_step(x, y, lr):
    return [((w * x + b - y).pow(2).mean().item(), w, b) for _, w, b in three_steps(x, y, lr)]


def _steps(generator: torch.Generator, i: int) -> dict[str, Any]:
    x = torch.randn(5 + i, 1, generator=generator)
    y = 2 * x + 4 + torch.randn(5 + i, 1, generator=generator)
    return {"x": x, "y": y, "lr": 0.04 + 0.02 * i}


def _logged(function):
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    return function(x, 2 * x + 1, 0.05)


# 04.broadcast: repaired from the natural correction of a tutorial's regression (C5b)


def line_loss(w, b, x, y):
    """The mean squared error of the line w * x + b, a tensor (); w and b are numbers (), x has shape (N, 1), y (N,)."""
    return (w * x + b - y.unsqueeze(1)).pow(2).mean()


def against_each_other(w, b, x, y):  # the code as it was found
    """The mean squared error of the line w * x + b, a tensor (); w and b are numbers (), x has shape (N, 1), y (N,)."""
    return (w * x + b - y).pow(2).mean()


def total(w, b, x, y):
    return (w * x[:, 0] + b - y).pow(2).sum()


def total_of_all_pairs(w, b, x, y):
    return (w * x + b - y).pow(2).sum()


def pairs_over_n(w, b, x, y):
    return (w * x + b - y).pow(2).sum() / len(y)


def absolute(w, b, x, y):
    return (w * x[:, 0] + b - y).abs().mean()


def squared_mean(w, b, x, y):
    return (w * x[:, 0] + b - y).mean().pow(2)


def not_averaged(w, b, x, y):
    return (w * x[:, 0] + b - y).pow(2)


def _column_and_row(generator: torch.Generator, i: int) -> dict[str, Any]:
    w, b = torch.randn(2, 1, generator=generator)[:, 0]
    x = torch.randn(4 + i, 1, generator=generator)
    y = 2 * x[:, 0] + 1 + torch.randn(4 + i, generator=generator)
    return {"w": w.clone().requires_grad_(), "b": b.clone().requires_grad_(), "x": x, "y": y}


def _fitted(function):
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    y = torch.tensor([3.0, 5.0, 7.0, 9.0])  # 2 * x + 1

    def loss(line):
        return function(line[0], line[1], x, y)

    # A squared error is quadratic in (w, b): one Newton step ends where gradient descent would.
    start = torch.zeros(2)
    slope = torch.autograd.functional.jacobian(loss, start)
    bends = torch.autograd.functional.hessian(loss, start)
    best = -torch.linalg.lstsq(bends, slope.unsqueeze(1)).solution.flatten()
    return [round(value.item(), 2) + 0.0 for value in (*best, loss(best))]


# 04.mask: a loss that leaves missing values out (K1)


def known_mse(w, b, x, y):
    """The mean of (w * x + b - y) ** 2 over the rows without a NaN, a tensor (); w and b are (), x and y (N, 1)."""
    known = ~(x.isnan() | y.isnan())
    return (w * x[known] + b - y[known]).pow(2).mean()


def masked_last(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    return (w * x + b - y).pow(2)[known].mean()


def line_masked_late(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    return ((w * x + b)[known] - y[known]).pow(2).mean()


def still_missing(w, b, x, y):
    return (w * x + b - y).pow(2).mean()


def without_gradient(w, b, x, y):  # as one tutorial advises for missing values
    with torch.no_grad():
        return (w * x + b - y).pow(2).mean()


def masked_without_gradient(w, b, x, y):
    with torch.no_grad():
        return known_mse(w, b, x, y)


def zero_for_missing(w, b, x, y):
    return (w * x.nan_to_num(0.0) + b - y.nan_to_num(0.0)).pow(2).mean()


def mean_for_missing(w, b, x, y):
    x, y = x.where(~x.isnan(), x.nanmean()), y.where(~y.isnan(), y.nanmean())
    return (w * x + b - y).pow(2).mean()


def divided_by_all(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    return (w * x[known] + b - y[known]).pow(2).sum() / len(x)


def known_total(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    return (w * x[known] + b - y[known]).pow(2).sum()


def _gaps(generator: torch.Generator, i: int) -> dict[str, Any]:
    case = _points(generator, i + 2)
    first, second, *_ = torch.randperm(len(case["x"]), generator=generator).tolist()
    case["x"][first] = torch.nan
    case["y"][second] = torch.nan
    return {name: case[name] for name in ("w", "b", "x", "y")}


ITEMS = (
    *PREDICTIONS,
    Function(
        id="04.step",
        reference=step,
        case=_points,
        mistakes=(uphill, full_length, summed, no_factor_two, gradients_only, bias_kept, one_after_the_other),
    ),
    Repair(
        id="04.trace",
        reference=three_steps,
        case=_steps,
        mistakes=(shuffled, never_zeroed, logged_before_step, never_zeroed_and_logged_early, loss_after_step),
        metric=_logged,
    ),
    Repair(
        id="04.broadcast",
        reference=line_loss,
        case=_column_and_row,
        mistakes=(
            against_each_other,
            total,
            total_of_all_pairs,
            pairs_over_n,
            absolute,
            squared_mean,
            not_averaged,
        ),
        metric=_fitted,
    ),
    Function(
        id="04.mask",
        reference=known_mse,
        case=_gaps,
        mistakes=(
            masked_last,
            line_masked_late,
            still_missing,
            without_gradient,
            masked_without_gradient,
            zero_for_missing,
            mean_for_missing,
            divided_by_all,
            known_total,
        ),
    ),
)
