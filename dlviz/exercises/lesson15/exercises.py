"""Lesson 15, diffusion: its exercises."""

from typing import Any

import torch
from torch import Tensor

from dlviz.exercises.compare import describe
from dlviz.exercises.function import Function
from dlviz.exercises.lesson15.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.kit.messages import message

#: Steps of the schedules in the cases.
_T = 8


def _betas():
    """Return betas (T,) whose sum stays below 1, so that no mistake takes the root of a negative number."""
    return 0.03 + 0.08 * torch.rand(_T)


def _check_rows(x: Tensor, **arguments: Any) -> None:
    """Refuse an argument of a model that is not one number for each row of x: a real model would fail on it in another way."""
    for name, value in arguments.items():
        if not isinstance(value, Tensor) or value.shape != (len(x),):
            raise ValueError(message("exercises.usage.rows", name=name, rows=len(x), got=describe(value)))


# 15.add-noise: the jump from an image to step t


def add_noise(x0, t, noise, betas):
    """Return x_t (N, C, H, W), image n of x0 (N, C, H, W) at its own step t[n].

    t (N,) has whole numbers from 0 to T - 1, noise has the shape of x0, and betas is (T,).
    """
    alphas_bar = (1 - betas).cumprod(dim=0)
    a = alphas_bar[t].reshape(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def _images(i):
    n = (3, 4, 2, 5, 3)[i]
    # As many columns as images: a factor for each image is then broadcast along a row without an error.
    x0, noise = torch.randn(2, n, 1 + i % 2, n + 1, n)
    return {"x0": x0, "t": torch.randperm(_T)[:n], "noise": noise, "betas": _betas()}


ADD_NOISE = Function(
    id="15.add-noise",
    reference=add_noise,
    case=_images,
    mistakes={
        "roots_missing": {"a.sqrt() * x0": "a * x0", "(1 - a).sqrt()": "(1 - a)"},
        "root_of_the_noise_missing": {"(1 - a).sqrt()": "(1 - a)"},
        "root_of_the_signal_missing": {"a.sqrt() * x0": "a * x0"},
        "factors_sum_to_one": {"(1 - a).sqrt()": "(1 - a.sqrt())"},
        "one_step_only": {".cumprod(dim=0)": ""},
        "betas_multiplied": {"(1 - betas)": "betas"},
        "betas_summed": {"(1 - betas).cumprod(dim=0)": "1 - betas.cumsum(dim=0)"},
        "step_before": {"[t]": "[t - 1]"},
        "along_the_rows": {".reshape(-1, 1, 1, 1)": ""},
        "factors_exchanged": {"a.sqrt() * x0": "(1 - a).sqrt() * x0", "(1 - a).sqrt() * noise": "a.sqrt() * noise"},
    },
)

# 15.reverse: one step back


def reverse_step(x, t, predicted, betas, noise):
    """Return the state (N, D) one step before x (N, D), which is at step t, a whole number from 0 to T - 1.

    predicted (N, D) is the noise that the model sees in x, noise (N, D) is new noise, and betas is (T,).
    """
    alphas_bar = (1 - betas).cumprod(dim=0)
    mean = (x - betas[t] / (1 - alphas_bar[t]).sqrt() * predicted) / (1 - betas[t]).sqrt()
    if t == 0:
        return mean
    return mean + betas[t].sqrt() * noise


def _states(i):
    x, predicted, noise = torch.randn(3, 3 + i, 2 + i % 2)
    return {"x": x, "t": (5, 0, 2, 7, 3)[i], "predicted": predicted.requires_grad_(), "betas": _betas(), "noise": noise}


REVERSE = Function(
    id="15.reverse",
    reference=reverse_step,
    case=_states,
    mistakes={
        "noise_at_the_end": {"if t == 0:": "if t < 0:"},
        "no_noise": {" + betas[t].sqrt() * noise": ""},
        "variance_as_factor": {"betas[t].sqrt() * noise": "betas[t] * noise"},
        "other_variance": {
            "betas[t].sqrt() * noise": "(betas[t] * (1 - alphas_bar[t - 1]) / (1 - alphas_bar[t])).sqrt() * noise"
        },
        "noise_missing_at_the_start": {"if t == 0:": "if t == len(betas) - 1:"},
        "bracket_missing": {"(x - betas[t]": "x - betas[t]", "* predicted)": "* predicted"},
        "root_missing": {"(1 - alphas_bar[t]).sqrt()": "(1 - alphas_bar[t])"},
        "alpha_for_alpha_bar": {"(1 - alphas_bar[t]).sqrt()": "betas[t].sqrt()"},
        "divided_by_alpha_bar": {"/ (1 - betas[t]).sqrt()": "/ alphas_bar[t].sqrt()"},
        "divided_without_root": {"/ (1 - betas[t]).sqrt()": "/ (1 - betas[t])"},
        "multiplied": {") / (1 - betas[t]).sqrt()": ") * (1 - betas[t]).sqrt()"},
        "noise_added_again": {"x - betas": "x + betas"},
        "all_noise_at_once": {
            "betas[t] / (1 - alphas_bar[t]).sqrt()": "(1 - alphas_bar[t]).sqrt()",
            "/ (1 - betas[t]).sqrt()": "/ alphas_bar[t].sqrt()",
        },
    },
)

# 15.loop: the model must get the current t


def walk_back(model, x, betas, noises):
    """Return samples (N, D), from pure noise x (N, D).

    model(x, t) takes the step of each row, t (N,). Row t of noises (T, N, D) is added after step t, except after step 0.
    """
    alphas_bar = (1 - betas).cumprod(dim=0)
    for t in reversed(range(len(betas))):
        predicted = model(x, torch.full((len(x),), t))
        x = (x - betas[t] / (1 - alphas_bar[t]).sqrt() * predicted) / (1 - betas[t]).sqrt()
        if t > 0:
            x = x + betas[t].sqrt() * noises[t]
    return x


def _walks(i):
    n, d = 2 + i % 3, 2 + i % 2
    weight, table = torch.randn(d, d) / 2, torch.randn(_T + 1, d)

    def model(x, t):
        _check_rows(x, t=t)
        return x @ weight + table[t]

    return {"model": model, "x": torch.randn(n, d), "betas": _betas(), "noises": torch.randn(_T, n, d)}


def _mean_and_std(function):
    """Return mean and standard deviation of 2,000 samples, with the best model of data of mean 2 and standard deviation 0.5."""
    betas = torch.linspace(0.001, 0.2, 100)
    alphas_bar = (1 - betas).cumprod(dim=0)

    def best(x, t):
        _check_rows(x, t=t)
        a = alphas_bar[t].reshape(-1, 1)
        return (1 - a).sqrt() * (x - 2 * a.sqrt()) / (0.25 * a + 1 - a)

    samples = function(best, torch.randn(2000, 1), betas, torch.randn(100, 2000, 1))
    return [round(samples.mean().item(), 1), round(samples.std().item(), 1)]


LOOP = Repair(
    id="15.loop",
    reference=walk_back,
    case=_walks,
    broken="time_forgotten",
    metric=_mean_and_std,
    mistakes={
        "time_forgotten": {"torch.full((len(x),), t)": "torch.zeros(len(x), dtype=torch.long)"},
        "one_step_late": {"torch.full((len(x),), t)": "torch.full((len(x),), t + 1)"},
        "counted_from_the_end": {"torch.full((len(x),), t)": "torch.full((len(x),), len(betas) - 1 - t)"},
        "in_the_order_of_noising": {"reversed(range(len(betas)))": "range(len(betas))"},
        "stops_before_the_end": {"reversed(range(len(betas)))": "reversed(range(1, len(betas)))"},
        "time_of_the_start": {"torch.full((len(x),), t)": "torch.full((len(x),), len(betas) - 1)"},
        "noise_at_the_end": {"t > 0": "t >= 0"},
        "noise_only_at_the_end": {"t > 0": "t == 0"},
        "same_noise": {"noises[t]": "noises[0]"},
    },
)

# 15.last-index: what stands before step 0


def ddim_step(x, t, predicted, alphas_bar):
    """Return the state (N, D) one step before x (N, D), which is at step t, without new noise.

    predicted (N, D) is the noise that the model sees in x, and alphas_bar is (T,). Before step 0 there are the data.
    """
    now = alphas_bar[t]
    before = alphas_bar[t - 1] if t > 0 else torch.tensor(1.0)
    x0 = (x - (1 - now).sqrt() * predicted) / now.sqrt()
    return before.sqrt() * x0 + (1 - before).sqrt() * predicted


def _ddim_states(i):
    x, predicted = torch.randn(2, 3 + i % 3, 2 + i % 2)
    return {
        "x": x,
        "t": (5, 0, 2, 7, 1)[i],
        "predicted": predicted,
        "alphas_bar": (1 - _betas()).cumprod(dim=0),
    }


def _distance_from_the_data(function):
    """Return the mean distance of samples from the data, with the best model of data that are all 2."""
    alphas_bar = (1 - torch.linspace(0.001, 0.2, 100)).cumprod(dim=0)
    x = torch.randn(500, 1)
    for t in reversed(range(len(alphas_bar))):
        now = alphas_bar[t]
        x = function(x, t, (x - 2 * now.sqrt()) / (1 - now).sqrt(), alphas_bar)
    return round((x - 2).abs().mean().item(), 2)


LAST_INDEX = Repair(
    id="15.last-index",
    reference=ddim_step,
    case=_ddim_states,
    broken="before_the_first",
    metric=_distance_from_the_data,
    mistakes={
        "before_the_first": {"alphas_bar[t - 1] if t > 0 else torch.tensor(1.0)": "alphas_bar[t - 1]"},
        "never_arrives": {"alphas_bar[t - 1] if t > 0 else torch.tensor(1.0)": "alphas_bar[max(t - 1, 0)]"},
        "nothing_left": {"torch.tensor(1.0)": "torch.tensor(0.0)"},
        "same_step": {"alphas_bar[t - 1] if t > 0 else torch.tensor(1.0)": "now"},
        "one_step_late": {
            "now = alphas_bar[t]": "now = alphas_bar[min(t + 1, len(alphas_bar) - 1)]",
            "alphas_bar[t - 1] if t > 0 else torch.tensor(1.0)": "alphas_bar[t]",
        },
        "straight_to_the_data": {"before.sqrt() * x0 + (1 - before).sqrt() * predicted": "x0"},
        "noise_not_put_back": {" + (1 - before).sqrt() * predicted": ""},
        "too_much_noise_put_back": {"(1 - before).sqrt() * predicted": "(1 - now).sqrt() * predicted"},
    },
)

# 15.guide: with the class, and a little more


def guided_noise(model, x, t, y, null, w):
    """Return the guided prediction (N, D) of the noise in x (N, D) at steps t (N,), of strength w.

    model(x, t, y) takes class ids y (N,); the id null stands for no class.
    """
    without = model(x, t, torch.full_like(y, null))
    return without + w * (model(x, t, y) - without)


def _classes(i):
    n, d, classes = 3 + i % 2, 2 + i % 2, 3 + i % 3
    weight, of_class, of_step = torch.randn(d, d) / 2, torch.randn(classes + 1, d), torch.randn(_T, d)

    def model(x, t, y):
        _check_rows(x, t=t, y=y)
        return x @ weight + of_class[y] * (1 + x) + of_step[t]

    return {
        "model": model,
        "x": torch.randn(n, d),
        "t": torch.randint(_T, (n,)),
        "y": torch.randint(1, classes, (n,)),
        "null": classes,
        "w": (3.0, 0.0, 1.0, 0.5, 7.0)[i],
    }


GUIDE = Function(
    id="15.guide",
    reference=guided_noise,
    case=_classes,
    mistakes={
        "one_more": {"w * (": "(1 + w) * ("},
        "away_from_the_class": {"model(x, t, y) - without)": "without - model(x, t, y))"},
        "class_alone": {"without + w * (model(x, t, y) - without)": "model(x, t, y)"},
        "multiplied": {"without + w * (model(x, t, y) - without)": "w * model(x, t, y)"},
        "difference_alone": {"without + w * (": "w * ("},
        "summed": {" - without)": ")"},
        "shares_exchanged": {"without + w * (model(x, t, y) - without)": "w * without + (1 - w) * model(x, t, y)"},
        "class_zero_for_null": {"torch.full_like(y, null)": "torch.zeros_like(y)"},
    },
)

ITEMS = (*PREDICTIONS, ADD_NOISE, REVERSE, LOOP, LAST_INDEX, GUIDE)
