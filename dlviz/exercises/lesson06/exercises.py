"""Lesson 06, optimizers: its exercises."""

import math

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson06.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.trace import ScheduledLoop, Trace

# 06.updates: repaired from a tutorial (C7, K4) that stops after backward


def fit(x, y, lr, rounds):
    """Return (w.grad, w) at the end of each round of training w * x, from w = 0; x and y have shape (N,)."""
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


def _regression(i):
    x = torch.rand(3 + i) + 0.5
    y = 3 * x + torch.randn(3 + i) + 1
    return {"x": x, "y": y, "lr": 0.05 + 0.05 * i, "rounds": 3 + i % 3}


def _readings(function):
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    return function(x, 3 * x, 0.05, 3)


UPDATES = Repair(
    id="06.updates",
    reference=fit,
    case=_regression,
    broken="backward_alone",
    mistakes={
        "backward_alone": {
            "lr, rounds):": "lr, rounds):  # as it was found",
            "    optimizer = torch.optim.SGD([w], lr=lr)\n": "",
            "        optimizer.zero_grad()\n": "",
            "        optimizer.step()\n": "",
        },
        "never_zeroed": {"optimizer.zero_grad()": ""},
        "never_stepped": {"optimizer.step()": ""},
        "zeroed_before_step": {"optimizer.zero_grad()": "", "loss.backward()": "loss.backward(); w.grad.zero_()"},
        "stepped_with_old_gradients": {
            "optimizer.zero_grad()": "optimizer.step()",
            "loss.backward()": "optimizer.zero_grad()",
            "optimizer.step()": "loss.backward()",
        },
        "read_before_step": {
            "optimizer.step()": "readings.append((w.grad.item(), w.item()))",
            "readings.append((w.grad.item(), w.item()))": "optimizer.step()",
        },
        "uphill": {"lr=lr": "lr=-lr"},
        "summed": {".mean()": ".sum()"},
        "adam": {"torch.optim.SGD": "torch.optim.Adam"},
        "with_momentum": {"lr=lr": "lr=lr, momentum=0.9"},
        "swapped": {"(w.grad.item(), w.item())": "(w.item(), w.grad.item())"},
        "tensors": {"(w.grad.item(), w.item())": "(w.grad, w)"},
        "copied_tensors": {"(w.grad.item(), w.item())": "(w.grad.clone(), w.clone())"},
        "cleared_before_reading": {
            "optimizer.zero_grad()": "",
            "optimizer.step()": "optimizer.step(); w.grad.zero_()",
        },
        # These four stop with an error, whose text says little to a beginner.
        "nothing_to_read": {"optimizer.zero_grad()": "", "optimizer.step()": "optimizer.step(); optimizer.zero_grad()"},
        "moved_in_the_graph": {"optimizer.step()": "w -= lr * w.grad"},
        "parameter_without_list": {"[w]": "w"},
        "zero_grad_of_the_tensor": {"optimizer.zero_grad()": "w.zero_grad()"},
    },
    metric=_readings,
)

# 06.momentum


def momentum(p, g, b, lr, mu):
    """Return the new (p, b) after one step of momentum; p, gradient g and buffer b have one shape."""
    b = mu * b + g
    return p - lr * b, b


def _momentum_state(i):
    shape = [(3,), (), (2, 3), (4, 2), (1,)][i]
    p, g, b = torch.randn(3, *shape, dtype=torch.float64)
    return {"p": p, "g": g, "b": b, "lr": 0.1 + 0.05 * i, "mu": 0.9 - 0.1 * i}


MOMENTUM = Function(
    id="06.momentum",
    reference=momentum,
    case=_momentum_state,
    mistakes={
        "averaged": {"+ g": "+ (1 - mu) * g"},
        "rate_in_the_buffer": {"+ g": "+ lr * g", "lr * b": "b"},
        "velocity": {"+ g": "- lr * g", "p - lr * b": "p + b"},
        "negative_buffer": {"+ g": "- g", "p - lr * b": "p + lr * b"},
        "rate_missing": {"lr * b": "b"},
        "nothing_forgotten": {"mu * b + g": "b + g"},
        "old_buffer": {"b = mu * b + g": "", "lr * b, b": "lr * b, mu * b + g"},
        "nesterov": {"lr * b": "lr * (g + mu * b)"},
        "buffer_not_kept": {"b = mu * b + g": "", "lr * b": "lr * (mu * b + g)"},
        "gradient_alone": {"lr * b": "lr * g"},
        "mu_at_the_gradient": {"mu * b + g": "b + mu * g"},
        "mu_at_both": {"mu * b + g": "mu * (b + g)"},
        "step_as_buffer": {"lr * b, b": "lr * b, lr * b"},
        "added": {"p - lr": "p + lr"},
        "swapped": {"return p - lr * b, b": "return b, p - lr * b"},
    },
)

# 06.rmsprop


def rmsprop(p, g, v, lr, alpha, eps):
    """Return the new (p, v) after one step of RMSProp; p, gradient g and running mean v have one shape."""
    v = alpha * v + (1 - alpha) * g**2
    return p - lr * g / (v.sqrt() + eps), v


def _rmsprop_state(i):
    shape = [(3,), (), (2, 3), (4, 2), (1,)][i]
    p, g, v = torch.randn(3, *shape, dtype=torch.float64)
    return {"p": p, "g": g, "v": v.square() + 0.1, "lr": 0.1 + 0.05 * i, "alpha": 0.95 - 0.1 * i, "eps": 0.02}


RMSPROP = Function(
    id="06.rmsprop",
    reference=rmsprop,
    case=_rmsprop_state,
    mistakes={
        "summed": {"alpha * v + (1 - alpha) * g**2": "v + g**2"},
        "square_not_weighted": {"(1 - alpha) * g**2": "g**2"},
        "swapped": {"return p - lr * g / (v.sqrt() + eps), v": "return v, p - lr * g / (v.sqrt() + eps)"},
        "not_squared": {"g**2": "g"},
        "no_root": {"v.sqrt()": "v"},
        "eps_in_the_root": {"(v.sqrt() + eps)": "(v + eps).sqrt()"},
        "eps_beside_the_fraction": {"(v.sqrt() + eps)": "v.sqrt() + eps"},
        "eps_missing": {" + eps": ""},
        "rate_missing": {"lr * g": "g"},
        "old_mean": {"v = alpha * v + (1 - alpha) * g**2": "", "eps), v": "eps), alpha * v + (1 - alpha) * g**2"},
        "shares_swapped": {"alpha * v": "(1 - alpha) * v", "(1 - alpha) * g": "alpha * g"},
        "mean_not_kept": {"v = alpha": "new = alpha", "v.sqrt()": "new.sqrt()"},
        "root_kept": {"eps), v": "eps), v.sqrt()"},
        "uphill": {"p - lr": "p + lr"},
    },
)

# 06.adam


def adam(p, g, m, v, t, lr, beta1, beta2, eps):
    """Return the new (p, m, v) after step number t = 1, 2, … of Adam; p, g, m and v have one shape."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return p - lr * m_hat / (v_hat.sqrt() + eps), m, v


def _adam_state(i):
    shape = [(3,), (), (2, 3), (4, 2), (1,)][i]
    p, g, m, v = torch.randn(4, *shape, dtype=torch.float64)
    kept = {"m": 0.3 * m, "v": v.square() + 0.1} if i else {"m": torch.zeros_like(p), "v": torch.zeros_like(p)}
    return {"p": p, "g": g, **kept, "t": 1 + 2 * i, "lr": 0.1 + 0.05 * i, "beta1": 0.8, "beta2": 0.95, "eps": 0.02}


ADAM = Function(
    id="06.adam",
    reference=adam,
    case=_adam_state,
    mistakes={
        "uncorrected": {" / (1 - beta1**t)": "", " / (1 - beta2**t)": ""},
        "corrected_m_alone": {" / (1 - beta2**t)": ""},
        "corrected_v_alone": {" / (1 - beta1**t)": ""},
        "corrected_means_kept": {"eps), m, v": "eps), m_hat, v_hat"},
        "corrected_by_beta": {"beta1**t": "beta1", "beta2**t": "beta2"},
        "corrected_one_step_late": {"beta1**t": "beta1 ** (t + 1)", "beta2**t": "beta2 ** (t + 1)"},
        "exponent_fixed": {"beta1**t": "beta1**2", "beta2**t": "beta2**2"},
        "multiplied_by_t": {"beta1**t": "beta1 * t", "beta2**t": "beta2 * t"},
        "no_parentheses": {"m / (1 - beta1**t)": "m / 1 - beta1**t", "v / (1 - beta2**t)": "v / 1 - beta2**t"},
        "not_weighted": {"(1 - beta1) * g": "g", "(1 - beta2) * g**2": "g**2"},
        "swapped": {"eps), m, v": "eps), v, m"},
        "eps_under_the_root": {"(v_hat.sqrt() + eps)": "(v_hat + eps).sqrt()"},
        "eps_before_correction": {"/ (v_hat.sqrt() + eps)": "* (1 - beta2**t) ** 0.5 / (v.sqrt() + eps)"},
        "eps_beside_the_fraction": {"(v_hat.sqrt() + eps)": "v_hat.sqrt() + eps"},
        "eps_missing": {" + eps": ""},
        "root_before_correction": {"v_hat = v /": "v_hat = v.sqrt() /", "v_hat.sqrt()": "v_hat"},
        "root_missing": {"v_hat.sqrt()": "v_hat"},
        "betas_swapped": {"beta1, beta2": "beta2, beta1"},
        "gradient_not_averaged": {"lr * m_hat": "lr * g"},
        "square_missing": {"g**2": "g"},
        "square_of_the_mean": {"g**2": "m**2"},
        "one_beta": {"v = beta2 * v + (1 - beta2)": "v = beta1 * v + (1 - beta1)", "beta2**t": "beta1**t"},
        "shares_swapped": {
            "beta1 * m + (1 - beta1) * g": "(1 - beta1) * m + beta1 * g",
            "beta2 * v + (1 - beta2) * g": "(1 - beta2) * v + beta2 * g",
        },
        "old_means_corrected": {
            "m = beta1 * m + (1 - beta1) * g": "new_m = beta1 * m + (1 - beta1) * g",
            "v = beta2 * v + (1 - beta2) * g**2": "new_v = beta2 * v + (1 - beta2) * g**2",
            "eps), m, v": "eps), new_m, new_v",
        },
        "means_not_kept": {
            "m = beta1 * m + (1 - beta1) * g": "new_m = beta1 * m + (1 - beta1) * g",
            "v = beta2 * v + (1 - beta2) * g**2": "new_v = beta2 * v + (1 - beta2) * g**2",
            "= m /": "= new_m /",
            "= v /": "= new_v /",
        },
        "uphill": {"p - lr": "p + lr"},
    },
)

# 06.schedule


def lr_at(t, total, warmup, peak):
    """Return the learning rate of step t = 0, 1, …, total - 1: a linear warmup, then a cosine decay."""
    if t < warmup:
        return peak * (t + 1) / warmup
    progress = (t - warmup) / (total - warmup)
    return peak * (1 + math.cos(math.pi * progress)) / 2


def _schedule_step(i):
    warmup, total = [(10, 100), (10, 100), (10, 100), (0, 40), (7, 33)][i]
    start, stop = [(1, 9), (12, 50), (60, 99), (3, 37), (7, 8)][i]
    t = int(torch.randint(start, stop, ()))
    return {"t": t, "total": total, "warmup": warmup, "peak": 0.2 + 0.1 * i}


SCHEDULE = Function(
    id="06.schedule",
    reference=lr_at,
    case=_schedule_step,
    mistakes={
        "starts_at_zero": {"(t + 1)": "t"},
        "one_step_too_long": {"if t < warmup": "if t <= warmup"},
        "warmup_below_peak": {"/ warmup": "/ (warmup + 1)"},
        "cosine_one_step_early": {"(t - warmup) /": "(t - warmup + 1) /"},
        "ends_at_zero": {"(total - warmup)": "(total - warmup - 1)"},
        "never_warmed": {"if t < warmup": "if t < 0"},
        "divides_by_no_warmup": {
            "    if t < warmup:\n        return peak * (t + 1) / warmup": (
                "    rising = peak * (t + 1) / warmup\n    if t < warmup:\n        return rising"
            ),
        },
        "counted_from_the_start": {"(t - warmup) /": "t /"},
        "decays_too_late": {"/ (total - warmup)": "/ total"},
        "counted_from_the_start_of_all": {"(t - warmup) / (total - warmup)": "t / total"},
        "not_halved": {"math.cos(math.pi * progress)) / 2": "math.cos(math.pi * progress))"},
        "below_zero": {"(1 + math.cos(math.pi * progress)) / 2": "math.cos(math.pi * progress)"},
        "no_parentheses_in_the_warmup": {"(t + 1)": "t + 1"},
        "no_parentheses_in_the_fraction": {"(t - warmup) / (total - warmup)": "t - warmup / total - warmup"},
        "no_parentheses_around_the_sum": {"(1 + math.cos(math.pi * progress))": "1 + math.cos(math.pi * progress)"},
        "peak_missing": {"peak * (t + 1)": "(t + 1)", "peak * (1 + math.cos": "(1 + math.cos"},
        "peak_missing_in_the_warmup": {"peak * (t + 1)": "(t + 1)"},
        "pi_missing": {"math.pi * progress": "progress"},
        "quarter_wave": {"(1 + math.cos(math.pi * progress)) / 2": "math.cos(math.pi / 2 * progress)"},
        "stops_half_way": {"math.pi * progress": "math.pi / 2 * progress"},
        "whole_division_in_the_warmup": {"(t + 1) / warmup": "(t + 1) // warmup"},
        "whole_division_in_the_fraction": {"(t - warmup) /": "(t - warmup) //"},
        "whole_division_of_the_sum": {"progress)) / 2": "progress)) // 2"},
        "whole_wave": {"math.pi * progress": "2 * math.pi * progress"},
        "degrees": {"math.pi * progress": "180 * progress"},
        "straight_line": {"(1 + math.cos(math.pi * progress)) / 2": "(1 - progress)"},
        "rises": {"1 + math.cos": "1 - math.cos"},
    },
)

# 06.order

ORDER = Trace(
    id="06.order",
    reference=("zero_grad", "forward", "backward", "step", "schedule"),
    mistakes={
        "scheduled_first": ("zero_grad", "forward", "backward", "schedule", "step"),
        "never_scheduled": ("zero_grad", "forward", "backward", "step"),
        "never_zeroed": ("forward", "backward", "step", "schedule"),
        "zeroed_before_step": ("forward", "backward", "zero_grad", "step", "schedule"),
        "stepped_with_old_gradients": ("step", "zero_grad", "forward", "backward", "schedule"),
        "never_stepped": ("zero_grad", "forward", "backward", "schedule"),
        "stepped_before_backward": ("zero_grad", "forward", "step", "backward", "schedule"),
    },
    loop=ScheduledLoop,
)

ITEMS = (*PREDICTIONS, UPDATES, MOMENTUM, RMSPROP, ADAM, SCHEDULE, ORDER)
