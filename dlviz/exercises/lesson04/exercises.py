"""Lesson 04, linear regression: its exercises."""

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


def _points(i):
    w, b = torch.randn(2, 1)[:, 0]
    x = torch.randn(4 + i, 1) + 0.5
    y = 2 * x + 3 + torch.randn(4 + i, 1)
    return {"w": w.clone().requires_grad_(), "b": b.clone().requires_grad_(), "x": x, "y": y, "lr": 0.1 + 0.05 * i}


STEP = Function(
    id="04.step",
    reference=step,
    case=_points,
    mistakes={
        "uphill": {"w - lr": "w + lr", "b - lr": "b + lr"},
        "full_length": {"lr * w.grad": "w.grad", "lr * b.grad": "b.grad"},
        "summed": {"mean": "sum"},
        "no_factor_two": {"mean()": "mean() / 2"},
        "gradients_only": {"w - lr * w.grad": "w.grad", "b - lr * b.grad": "b.grad"},
        "bias_kept": {"b - lr * b.grad": "b.detach()"},
        "one_after_the_other": {"b - lr * b.grad": "b - lr * 2 * ((w - lr * w.grad) * x + b - y).mean()"},
    },
)

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


def _steps(i):
    x = torch.randn(5 + i, 1)
    y = 2 * x + 4 + torch.randn(5 + i, 1)
    return {"x": x, "y": y, "lr": 0.04 + 0.02 * i}


def _log_of_a_line(function):
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    return function(x, 2 * x + 1, 0.05)


TRACE = Repair(
    id="04.trace",
    reference=three_steps,
    case=_steps,
    broken="shuffled",
    mistakes={
        "shuffled": {
            "x, y, lr):": "x, y, lr):  # the lines in disorder",
            "optimizer.zero_grad()": "log.append((loss.item(), w.item(), b.item()))",
            "optimizer.step()": "optimizer.zero_grad()",
            "log.append((loss.item(), w.item(), b.item()))": "optimizer.step()",
        },
        "never_zeroed": {"optimizer.zero_grad()": ""},
        "logged_before_step": {
            "optimizer.step()": "log.append((loss.item(), w.item(), b.item()))",
            "log.append((loss.item(), w.item(), b.item()))": "optimizer.step()",
        },
        "never_zeroed_and_logged_early": {
            "optimizer.zero_grad()": "",
            "optimizer.step()": "log.append((loss.item(), w.item(), b.item()))",
            "log.append((loss.item(), w.item(), b.item()))": "optimizer.step()",
        },
        "loss_after_step": {"log.append((loss.item()": "log.append(((w * x + b - y).pow(2).mean().item()"},
    },
    metric=_log_of_a_line,
)

# 04.broadcast: repaired from the natural correction of a tutorial's regression (C5b)


def line_loss(w, b, x, y):
    """The mean squared error of the line w * x + b, a tensor (); w and b are numbers (), x has shape (N, 1), y (N,)."""
    return (w * x + b - y.unsqueeze(1)).pow(2).mean()


def _column_and_row(i):
    w, b = torch.randn(2, 1)[:, 0]
    x = torch.randn(4 + i, 1)
    y = 2 * x[:, 0] + 1 + torch.randn(4 + i)
    return {"w": w.clone().requires_grad_(), "b": b.clone().requires_grad_(), "x": x, "y": y}


def _fitted_line(function):
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


BROADCAST = Repair(
    id="04.broadcast",
    reference=line_loss,
    case=_column_and_row,
    broken="against_each_other",
    mistakes={
        "against_each_other": {"x, y):": "x, y):  # the code as it was found", "y.unsqueeze(1)": "y"},
        "total": {"mean": "sum"},
        "total_of_all_pairs": {"y.unsqueeze(1)).pow(2).mean()": "y).pow(2).sum()"},
        "pairs_over_n": {"y.unsqueeze(1)).pow(2).mean()": "y).pow(2).sum() / len(y)"},
        "absolute": {"pow(2)": "abs()"},
        "squared_mean": {"pow(2).mean()": "mean().pow(2)"},
        "not_averaged": {"w * x": "w * x[:, 0]", "y.unsqueeze(1)": "y", ".mean()": ""},
    },
    metric=_fitted_line,
)

# 04.mask: a loss that leaves missing values out (K1)


def known_mse(w, b, x, y):
    """The mean of (w * x + b - y) ** 2 over the rows without a NaN, a tensor (); w and b are (), x and y (N, 1)."""
    known = ~(x.isnan() | y.isnan())
    return (w * x[known] + b - y[known]).pow(2).mean()


def _points_with_nan(i):
    case = _points(i + 2)
    first, second, *_ = torch.randperm(len(case["x"])).tolist()
    case["x"][first] = torch.nan
    case["y"][second] = torch.nan
    return {name: case[name] for name in ("w", "b", "x", "y")}


MASK = Function(
    id="04.mask",
    reference=known_mse,
    case=_points_with_nan,
    mistakes={
        "masked_last": {"x[known] + b - y[known]).pow(2)": "x + b - y).pow(2)[known]"},
        "line_masked_late": {"(w * x[known] + b": "((w * x + b)[known]"},
        "still_missing": {"x[known]": "x", "y[known]": "y"},
        # as one tutorial advises for missing values
        "without_gradient": {"return": "with torch.no_grad(): return", "x[known]": "x", "y[known]": "y"},
        "masked_without_gradient": {"return": "with torch.no_grad(): return"},
        "zero_for_missing": {"x[known]": "x.nan_to_num(0.0)", "y[known]": "y.nan_to_num(0.0)"},
        "mean_for_missing": {
            "x[known]": "x.where(~x.isnan(), x.nanmean())",
            "y[known]": "y.where(~y.isnan(), y.nanmean())",
        },
        "divided_by_all": {".mean()": ".sum() / len(x)"},
        "known_total": {"mean": "sum"},
    },
)

ITEMS = (*PREDICTIONS, STEP, TRACE, BROADCAST, MASK)
