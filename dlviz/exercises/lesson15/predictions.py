"""Lesson 15, diffusion: its predictions."""

import torch

from dlviz.data import digits, shapes
from dlviz.exercises.prediction import Prediction

_T = 100


def _alphas_bar(start=0.001, end=0.2):
    return (1 - torch.linspace(start, end, _T)).cumprod(dim=0)


def _best_noise(x, a, data):
    """Return the mean of the noise in x (N, D), of all ways in which rows of data (M, D) can have become x; a is the step's ᾱ."""
    squares = torch.cdist(x, a.sqrt() * data).square()
    x0 = (-squares / (2 * (1 - a))).softmax(dim=1) @ data
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


def _noisy(data, a):
    noise = torch.randn_like(data)
    return a.sqrt() * data + (1 - a).sqrt() * noise, noise


def _std():
    x, _ = _noisy(shapes("heart", 2000).points, _alphas_bar()[_T // 2])
    std = x.square().mean().sqrt().item()
    return "same" if abs(std - 1) < 0.1 else "grows" if std > 1 else "shrinks"


def _last():
    data, a = shapes("heart", 500).points, _alphas_bar()[-1]
    x, _ = _noisy(data, a)
    best = _best_noise(x, a, data)
    return "input" if (best - x).abs().mean() < 0.1 else "zero" if best.abs().mean() < 0.1 else "other"


def _loss():
    data, losses = shapes("heart", 1000).points, []
    for t in (2, 90):
        a = _alphas_bar()[t]
        x, noise = _noisy(data, a)
        losses.append((_best_noise(x, a, data) - noise).square().mean().item())
    ratio = losses[0] / losses[1]
    return "small" if ratio > 2 else "large" if ratio < 0.5 else "equal"


def _short():
    left = _alphas_bar(0.0001, 0.02)[-1].sqrt().item()
    return min(("one", 0.01), ("fifth", 0.2), ("sixty", 0.6), key=lambda option: abs(option[1] - left))[0]


def _one_step():
    data, a = shapes("heart", 500).points, _alphas_bar()[-1]
    x = torch.randn(500, 2)
    x0 = (x - (1 - a).sqrt() * _best_noise(x, a, data)) / a.sqrt()
    return "mean" if x0.std(dim=0).max() < 0.1 else "heart" if torch.cdist(x0, data).amin(dim=1).max() < 0.1 else "blob"


def _copies():
    images, _ = digits("train")
    data, alphas_bar = 2 * images.flatten(1)[:500] - 1, _alphas_bar()
    x = torch.randn(100, 64)
    for t in reversed(range(_T)):
        a, before = alphas_bar[t], alphas_bar[t - 1] if t else torch.tensor(1.0)
        noise = _best_noise(x, a, data)
        x = before.sqrt() * (x - (1 - a).sqrt() * noise) / a.sqrt() + (1 - before).sqrt() * noise
    nearest = torch.cdist(x, data).amin(dim=1).mean()
    return "copies" if nearest < 0.1 else "mean" if x.std(dim=0).max() < 0.1 else "new"


def _unguided():
    with_class, without = torch.randn(2, 5)
    guided = without + 0 * (with_class - without)
    return "every" if torch.equal(guided, without) else "class" if torch.equal(guided, with_class) else "none"


PREDICTIONS = (
    Prediction(id="15.std", truth=_std, options=("grows", "same", "shrinks")),
    Prediction(id="15.last", truth=_last, options=("zero", "input", "other")),
    Prediction(id="15.loss", truth=_loss, options=("small", "large", "equal")),
    Prediction(id="15.short", truth=_short, options=("one", "fifth", "sixty")),
    Prediction(id="15.one-step", truth=_one_step, options=("heart", "mean", "blob")),
    Prediction(id="15.copies", truth=_copies, options=("new", "copies", "mean")),
    Prediction(id="15.unguided", truth=_unguided, options=("none", "class", "every")),
)
