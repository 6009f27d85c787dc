"""Lesson 04, linear regression: its exercises."""

from dataclasses import dataclass
from functools import wraps

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson04.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 04.step: one step of gradient descent


def step(w, b, x, y, lr):
    """Return (w, b), each with shape (), after one gradient step on mean((w * x + b - y) ** 2).

    w and b have shape () and requires_grad=True; x and y have shape (N, 1); lr is the learning rate.
    """
    loss = (w * x + b - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        return w - lr * w.grad, b - lr * b.grad


def _points(i):
    w, b = torch.randn(2, 1)[:, 0]
    x = torch.randn(4 + i, 1) + 0.5
    y = 2 * x + 3 + torch.randn(4 + i, 1)
    return {"w": w.clone().requires_grad_(), "b": b.clone().requires_grad_(), "x": x, "y": y, "lr": 0.1 + 0.05 * i}


def _with_updates_in_place(answer):
    """Return the answer, for which an update in place of w or b that is also returned counts as a new tensor."""

    @wraps(answer)
    def run(*arguments):
        parameters = arguments[:2]
        before = [parameter.detach().clone() for parameter in parameters]
        value = answer(*arguments)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            return value
        found = []
        for parameter, old, new in zip(parameters, before, value, strict=True):
            updated = isinstance(new, torch.Tensor) and new.shape == old.shape and not torch.equal(parameter, old)
            if updated and torch.equal(new, parameter):
                new = new.detach().clone()
                with torch.no_grad():
                    parameter.copy_(old)
            found.append(new)
        return type(value)(found)

    return run


@dataclass(frozen=True, kw_only=True, repr=False)
class StepFunction(Function):
    """Exercise that asks for a step of (w, b), which may also update them in place, as an optimizer does."""

    def judge(self, answer, seed):
        return super().judge(_with_updates_in_place(answer) if callable(answer) else answer, seed)


STEP = StepFunction(
    id="04.step",
    reference=step,
    case=_points,
    mistakes={
        "uphill": {"w - lr": "w + lr", "b - lr": "b + lr"},
        "full_length": {"lr * w.grad": "w.grad", "lr * b.grad": "b.grad"},
        "summed": {"mean": "sum"},
        "no_factor_two": {"mean()": "mean() / 2"},
        "gradients_only": {"w - lr * w.grad": "w.grad", "b - lr * b.grad": "b.grad"},
        "changes_only": {"w - lr * w.grad": "-lr * w.grad", "b - lr * b.grad": "-lr * b.grad"},
        "bias_kept": {"b - lr * b.grad": "b.detach()"},
        "one_gradient": {"lr * b.grad": "lr * w.grad"},
        "not_moved": {"w - lr * w.grad, b - lr * b.grad": "w.detach(), b.detach()"},
        "swapped": {"w - lr * w.grad, b - lr * b.grad": "b - lr * b.grad, w - lr * w.grad"},
        "one_after_the_other": {"b - lr * b.grad": "b - lr * 2 * ((w - lr * w.grad) * x + b - y).mean()"},
        "without_backward": {"loss.backward()": "w.grad, b.grad = (loss.detach(),) * 2"},
    },
)

# 04.trace: three steps, and what each of them writes down


def three_steps(x, y, lr):
    """Return a list of three tuples of numbers (loss, w, b), one for each step, starting from w = b = 0.

    x and y have shape (N, 1). The loss is the one the step began with; w and b are as the step left them.
    """
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
            "x, y, lr):": "x, y, lr):  # the lines of the loop are in the wrong order",
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
        "stepped_with_old_gradients": {
            "optimizer.zero_grad()": "optimizer.step()",
            "loss.backward()": "optimizer.zero_grad()",
            "optimizer.step()": "loss.backward()",
        },
        "loss_after_step": {"log.append((loss.item()": "log.append(((w * x + b - y).pow(2).mean().item()"},
        "loss_computed_once": {
            "for _ in range(3):": "loss = (w * x + b - y).pow(2).mean()\n    for _ in range(3):",
            "        loss = (w * x + b - y).pow(2).mean()": "",
            "loss.backward()": "loss.backward(retain_graph=True)",
        },
    },
    metric=_log_of_a_line,
)

# 04.r2: the model against the mean


def r_squared(prediction, target):
    """Return R², a tensor with shape (); prediction and target both have shape (N, 1)."""
    model = (prediction - target).pow(2).mean()
    rival = (target.mean() - target).pow(2).mean()
    return 1 - model / rival


def _predictions(i):
    target = 3 * torch.randn(6 + i, 1) + 5
    return {"prediction": 0.6 * target + 1 + torch.randn(6 + i, 1) * (1 + i), "target": target}


R2 = Function(
    id="04.r2",
    reference=r_squared,
    case=_predictions,
    mistakes={
        "ratio": {"1 - model / rival": "model / rival"},
        "inverted": {"model / rival": "rival / model"},
        "mse_only": {"1 - model / rival": "model"},
        "difference": {"1 - model / rival": "rival - model"},
        "own_mean": {"target.mean() - target": "prediction.mean() - target"},
        "around_own_mean": {"target.mean() - target": "prediction.mean() - prediction"},
        "roots": {"model / rival": "(model / rival).sqrt()"},
        "absolute": {
            "(prediction - target).pow(2)": "(prediction - target).abs()",
            "- target).pow(2).mean()\n    return": "- target).abs().mean()\n    return",
        },
        "not_squared_to_zero": {"(target.mean() - target).pow(2).mean()": "target.pow(2).mean()"},
        "divided_by_n_minus_one": {"(target.mean() - target).pow(2).mean()": "target.var()"},
        "correlation": {"1 - model / rival": "torch.corrcoef(torch.cat([prediction, target], dim=1).T)[0, 1] ** 2"},
        "pairs": {"(prediction - target).pow": "(prediction.squeeze() - target).pow"},
        "total_of_all_pairs": {
            "(prediction - target).pow(2).mean()": "(prediction.squeeze() - target).pow(2).sum()",
            "(target.mean() - target).pow(2).mean()": "(target.mean() - target).pow(2).sum()",
        },
        "variances": {
            "(prediction - target).pow(2).mean()": "(prediction - target).var()",
            "(target.mean() - target).pow(2).mean()": "target.var()",
        },
        "never_negative": {"1 - model / rival": "(1 - model / rival).clamp(min=0)"},
    },
)

# 04.broadcast: repaired from the natural correction of a tutorial's regression (C5b)


def line_loss(w, b, x, y):
    """Return the mean squared error of the line w * x + b, a tensor with shape ().

    w and b have shape (), x has shape (N, 1), and y has shape (N,).
    """
    return (w * x + b - y.unsqueeze(1)).pow(2).mean()


def _column_and_row(i):
    w, b = torch.randn(2, 1)[:, 0]
    x = torch.randn(4 + i, 1)
    y = 2 * x[:, 0] + 1 + torch.randn(4 + i)
    return {"w": w.clone().requires_grad_(), "b": b.clone().requires_grad_(), "x": x, "y": y}


def _two_lines(function):
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    y = torch.tensor([3.0, 5.0, 7.0, 9.0])  # 2 * x + 1
    through_all, flat = torch.tensor([[2.0, 1.0], [0.0, 6.0]])
    return [function(w, b, x, y) for w, b in (through_all, flat)]


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
        "not_averaged_column": {".mean()": ""},
        "without_graph": {".mean()": ".mean().detach()"},
    },
    metric=_two_lines,
)

# 04.fit-parabola: the normal equations of a model with three parameters


def fit_parabola(x, y):
    """Return the best (a, b, c) of the model a * x ** 2 + b * x + c, as a column with shape (3, 1).

    x and y have shape (N, 1).
    """
    columns = torch.cat([x**2, x, torch.ones_like(x)], dim=1)
    return torch.linalg.solve(columns.T @ columns, columns.T @ y)


def _around_a_parabola(i):
    rows = 7 + i if i < 2 else 12 + i  # a report shows the numbers of up to eight
    x = torch.linspace(-2, 2, rows).unsqueeze(1) + 0.1 * torch.randn(rows, 1)
    a, b, c = torch.randn(3, 1)[:, 0]
    return {"x": x, "y": a * x**2 + b * x + c + 0.3 * torch.randn(rows, 1)}


PARABOLA = Function(
    id="04.fit-parabola",
    reference=fit_parabola,
    case=_around_a_parabola,
    mistakes={
        "ascending": {"x**2, x, torch.ones_like(x)": "torch.ones_like(x), x, x**2"},
        "swapped": {"x**2, x,": "x, x**2,"},
        "no_constant": {"x**2, x, torch.ones_like(x)": "x**2, x"},
        "line": {"x**2, x, torch.ones_like(x)": "x, torch.ones_like(x)"},
        "no_middle": {"x**2, x,": "x**2,"},
        "cubed": {"x**2": "x**3"},
        "fitted_values": {"return ": "return columns @ "},
        "columns_only": {"torch.linalg.solve(columns.T @ columns, columns.T @ y)": "columns"},
        "right_side_only": {"torch.linalg.solve(columns.T @ columns, columns.T @ y)": "columns.T @ y"},
        "flat": {"columns.T @ y)": "columns.T @ y).flatten()"},
        "row": {"columns.T @ y)": "columns.T @ y).T"},
    },
)

# 04.mask: a loss that leaves missing values out (K1)


def known_mse(w, b, x, y):
    """Return the mean of (w * x + b - y) ** 2 over the rows without NaN, a tensor with shape ().

    w and b have shape (); x and y have shape (N, 1), and either may contain NaN.
    """
    known = ~(x.isnan() | y.isnan())
    return (w * x[known] + b - y[known]).pow(2).mean()


def _points_with_nan(i):
    case = _points(i + 3)
    first, second, third, *_ = torch.randperm(len(case["x"])).tolist()
    case["x"][first] = torch.nan
    case["y"][second] = torch.nan
    if i % 2:
        case["x"][third] = case["y"][third] = torch.nan
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
        "divided_by_all": {".mean()": ".sum() / len(x)"},
        "mean_for_missing": {
            "x[known]": "x.where(~x.isnan(), x.nanmean())",
            "y[known]": "y.where(~y.isnan(), y.nanmean())",
        },
        "masked_apart": {"x[known]": "x[~x.isnan()]", "y[known]": "y[~y.isnan()]"},
        # as divided_by_all, but NaN is left out after the arithmetic
        "errors_to_zero": lambda w, b, x, y: (w * x + b - y).nan_to_num(0.0).pow(2).mean(),
        "squares_to_zero": lambda w, b, x, y: (w * x + b - y).pow(2).nan_to_num(0.0).mean(),
        "known_total": {"mean": "sum"},
    },
)

ITEMS = (*PREDICTIONS, STEP, TRACE, R2, BROADCAST, PARABOLA, MASK)
