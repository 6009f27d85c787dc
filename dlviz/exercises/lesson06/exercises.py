"""Lesson 06, optimizers: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does. The ones that were found in tutorials say so.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D103 - a mistake's name says what it does, and what learners read stays short

from typing import Any

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson06.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.trace import ScheduledLoop, Trace

# 06.updates: repaired from a tutorial (C7, K4) that stops after backward


def fit(x, y, lr, rounds):
    """What (w.grad, w) read at the end of each round of training w * x, from w = 0: pairs of numbers; x and y (N,)."""
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    readings = []
    for _ in range(rounds):
        loss = (w * x - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        readings.append((w.grad.item(), w.item()))
    return readings


def backward_alone(x, y, lr, rounds):  # the code as it was found
    """What (w.grad, w) read at the end of each round of training w * x, from w = 0: pairs of numbers; x and y (N,)."""
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        loss = (w * x - y).pow(2).mean()
        loss.backward()
        readings.append((w.grad.item(), w.item()))
    return readings


def never_zeroed(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    readings = []
    for _ in range(rounds):
        (w * x - y).pow(2).mean().backward()
        optimizer.step()
        readings.append((w.grad.item(), w.item()))
    return readings


def never_stepped(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        w.grad = None
        (w * x - y).pow(2).mean().backward()
        readings.append((w.grad.item(), w.item()))
    return readings


def zeroed_before_step(x, y, lr, rounds):
    return [(0.0, 0.0)] * rounds


def read_before_step(x, y, lr, rounds):
    readings = fit(x, y, lr, rounds)
    weights = [0.0, *[w for _, w in readings]]
    return [(gradient, weight) for (gradient, _), weight in zip(readings, weights, strict=False)]


def uphill(x, y, lr, rounds):
    return fit(x, y, -lr, rounds)


def _regression(generator: torch.Generator, i: int) -> dict[str, Any]:
    x = torch.rand(3 + i, generator=generator) + 0.5
    y = 3 * x + torch.randn(3 + i, generator=generator) + 1
    return {"x": x, "y": y, "lr": 0.05 + 0.05 * i, "rounds": 3 + i % 3}


def _readings(function):
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    return function(x, 3 * x, 0.05, 3)


# 06.momentum


def momentum(p, g, b, lr, mu):
    """One step of SGD with momentum: the new (p, b). p: parameter, g: its gradient, b: buffer, all of one shape."""
    b = mu * b + g
    return p - lr * b, b


def averaged(p, g, b, lr, mu):
    b = mu * b + (1 - mu) * g
    return p - lr * b, b


def rate_in_the_buffer(p, g, b, lr, mu):
    b = mu * b + lr * g
    return p - b, b


def old_buffer(p, g, b, lr, mu):
    return p - lr * b, mu * b + g


def nesterov(p, g, b, lr, mu):
    b = mu * b + g
    return p - lr * (g + mu * b), b


def buffer_not_kept(p, g, b, lr, mu):
    return p - lr * (mu * b + g), b


def gradient_alone(p, g, b, lr, mu):
    return p - lr * g, mu * b + g


def added(p, g, b, lr, mu):
    b = mu * b + g
    return p + lr * b, b


def _moving(generator: torch.Generator, i: int) -> dict[str, Any]:
    shape = [(3,), (), (2, 3), (4, 2), (1,)][i]
    p, g, b = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    return {"p": p, "g": g, "b": b, "lr": 0.1 + 0.05 * i, "mu": 0.9 - 0.1 * i}


# 06.rmsprop


def rmsprop(p, g, v, lr, alpha, eps):
    """One step of RMSProp: the new (p, v). v: running mean of the squared gradients, of the shape of p and g."""
    v = alpha * v + (1 - alpha) * g**2
    return p - lr * g / (v.sqrt() + eps), v


def summed(p, g, v, lr, alpha, eps):
    v = v + g**2
    return p - lr * g / (v.sqrt() + eps), v


def not_squared(p, g, v, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g
    return p - lr * g / (v.sqrt() + eps), v


def no_root(p, g, v, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g**2
    return p - lr * g / (v + eps), v


def eps_in_the_root(p, g, v, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g**2
    return p - lr * g / (v + eps).sqrt(), v


def old_mean(p, g, v, lr, alpha, eps):
    return p - lr * g / (v.sqrt() + eps), alpha * v + (1 - alpha) * g**2


def shares_swapped(p, g, v, lr, alpha, eps):
    v = (1 - alpha) * v + alpha * g**2
    return p - lr * g / (v.sqrt() + eps), v


def mean_not_kept(p, g, v, lr, alpha, eps):
    return rmsprop(p, g, v, lr, alpha, eps)[0], v


def _scaled(generator: torch.Generator, i: int) -> dict[str, Any]:
    shape = [(3,), (), (2, 3), (4, 2), (1,)][i]
    p, g, v = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    return {"p": p, "g": g, "v": v.square() + 0.1, "lr": 0.1 + 0.05 * i, "alpha": 0.95 - 0.1 * i, "eps": 0.02}


# 06.adam


def adam(p, g, m, v, t, lr, beta1, beta2, eps):
    """Step t = 1, 2, … of Adam: the new (p, m, v). m: mean of the gradients, v: mean of their squares, both 0 at first."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return p - lr * m_hat / (v_hat.sqrt() + eps), m, v


def uncorrected(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return p - lr * m / (v.sqrt() + eps), m, v


def corrected_m_alone(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return p - lr * m / (1 - beta1**t) / (v.sqrt() + eps), m, v


def corrected_means_kept(p, g, m, v, t, lr, beta1, beta2, eps):
    p, m, v = adam(p, g, m, v, t, lr, beta1, beta2, eps)
    return p, m / (1 - beta1**t), v / (1 - beta2**t)


def corrected_by_beta(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return p - lr * (m / (1 - beta1)) / ((v / (1 - beta2)).sqrt() + eps), m, v


def eps_under_the_root(p, g, m, v, t, lr, beta1, beta2, eps):
    _, m, v = adam(p, g, m, v, t, lr, beta1, beta2, eps)
    return p - lr * m / (1 - beta1**t) / (v / (1 - beta2**t) + eps).sqrt(), m, v


def eps_before_correction(p, g, m, v, t, lr, beta1, beta2, eps):
    _, m, v = adam(p, g, m, v, t, lr, beta1, beta2, eps)
    return p - lr * m / (1 - beta1**t) * (1 - beta2**t) ** 0.5 / (v.sqrt() + eps), m, v


def root_missing(p, g, m, v, t, lr, beta1, beta2, eps):
    _, m, v = adam(p, g, m, v, t, lr, beta1, beta2, eps)
    return p - lr * m / (1 - beta1**t) / (v / (1 - beta2**t) + eps), m, v


def betas_swapped(p, g, m, v, t, lr, beta1, beta2, eps):
    return adam(p, g, m, v, t, lr, beta2, beta1, eps)


def gradient_not_averaged(p, g, m, v, t, lr, beta1, beta2, eps):
    _, m, v = adam(p, g, m, v, t, lr, beta1, beta2, eps)
    return p - lr * g / ((v / (1 - beta2**t)).sqrt() + eps), m, v


def square_missing(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g
    return p - lr * m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + eps), m, v


def _stepping(generator: torch.Generator, i: int) -> dict[str, Any]:
    shape = [(3,), (), (2, 3), (4, 2), (1,)][i]
    p, g, m, v = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    kept = {"m": 0.3 * m, "v": v.square() + 0.1} if i else {"m": torch.zeros_like(p), "v": torch.zeros_like(p)}
    return {"p": p, "g": g, **kept, "t": 1 + 2 * i, "lr": 0.1 + 0.05 * i, "beta1": 0.8, "beta2": 0.95, "eps": 0.02}


ITEMS = (
    *PREDICTIONS,
    Repair(
        id="06.updates",
        reference=fit,
        case=_regression,
        mistakes=(backward_alone, never_zeroed, never_stepped, zeroed_before_step, read_before_step, uphill),
        metric=_readings,
    ),
    Trace(
        id="06.order",
        reference=("zero_grad", "forward", "backward", "step", "schedule"),
        mistakes={
            "scheduled_first": ("zero_grad", "forward", "backward", "schedule", "step"),
            "never_scheduled": ("zero_grad", "forward", "backward", "step"),
            "never_zeroed": ("forward", "backward", "step", "schedule"),
            "zeroed_before_step": ("forward", "backward", "zero_grad", "step", "schedule"),
            "stepped_before_backward": ("zero_grad", "forward", "step", "backward", "schedule"),
        },
        loop=ScheduledLoop,
    ),
    Function(
        id="06.momentum",
        reference=momentum,
        case=_moving,
        mistakes=(averaged, rate_in_the_buffer, old_buffer, nesterov, buffer_not_kept, gradient_alone, added),
    ),
    Function(
        id="06.rmsprop",
        reference=rmsprop,
        case=_scaled,
        mistakes=(summed, not_squared, no_root, eps_in_the_root, old_mean, shares_swapped, mean_not_kept),
    ),
    Function(
        id="06.adam",
        reference=adam,
        case=_stepping,
        mistakes=(
            uncorrected,
            corrected_m_alone,
            corrected_means_kept,
            corrected_by_beta,
            eps_under_the_root,
            eps_before_correction,
            root_missing,
            betas_swapped,
            gradient_not_averaged,
            square_missing,
        ),
    ),
)
