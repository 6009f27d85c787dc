"""Lesson 18, read critically: its predictions."""

import sys

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.data import digits, loans
from dlviz.exercises.prediction import Prediction


def _python_calls(layers):
    """Return how many Python functions run during a backward pass through so many layers."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(layers)))
    loss = net(torch.randn(3, 4)).sum()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        loss.backward()
    finally:
        sys.setprofile(before)
    return calls


def _backward():
    few, many = _python_calls(20), _python_calls(200)
    return "ten" if many > 5 * few else "same" if many == few else "none"


def _best_of(models):
    """Return the mean of the best score of so many models that guess, on 100 questions with two answers."""
    return torch.randint(2, (1000, models, 100)).float().mean(dim=2).amax(dim=1).mean().item()


def _twenty():
    return min(("chance", 0.5), ("more", 0.6), ("much", 0.75), key=lambda option: abs(option[1] - _best_of(20)))[0]


def _trials():
    gaps = [_best_of(models) - 0.5 for models in (5, 50)]
    return "grows" if gaps[1] > gaps[0] + 0.01 else "shrinks" if gaps[1] < gaps[0] - 0.01 else "same"


def _twice():
    log_p = torch.randn(100, 10).log_softmax(dim=1)
    fused = (2 * log_p).softmax(dim=1)
    same = bool((fused.argmax(dim=1) == log_p.argmax(dim=1)).all())
    surer = bool((fused.amax(dim=1) > log_p.exp().amax(dim=1)).all())
    return {(True, True): "surer", (True, False): "same"}.get((same, surer), "better")


def _member():
    """Return what the threshold attack finds out about a network that knows all of its 300 training digits."""
    images, labels = digits("train")
    x, inside, outside = images.flatten(1), slice(0, 300), slice(300, 900)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(150):
        loss = F.cross_entropy(net(x[inside]), labels[inside])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        losses = F.cross_entropy(net(x), labels, reduction="none")
    threshold = losses[inside].mean()
    found = ((losses[inside] <= threshold).float().mean() - (losses[outside] <= threshold).float().mean()).item()
    return min(("little", 0.1), ("half", 0.5), ("nearly", 0.95), key=lambda option: abs(option[1] - found))[0]


def _blind():
    """Return what is alike in both groups, if the approvals do not depend on the group."""
    data = loans(20_000)
    approved, repaid = data.x.sum(dim=1) > 0, data.repaid == 1
    errors, values = [], []
    for g in (0, 1):
        inside = data.group == g
        errors.append(approved[inside & ~repaid].float().mean().item())
        values.append(repaid[inside & approved].float().mean().item())
    alike = (abs(errors[0] - errors[1]) < 0.05, abs(values[0] - values[1]) < 0.05)
    return {(True, True): "both", (True, False): "errors", (False, True): "values"}[alike]


def _energy():
    time, power = 1 + 0.05 * torch.randn(100_000), 1 + 0.3 * torch.randn(100_000)
    found = 100 * (time * power).std().item()
    return min(("25", 25), ("30", 30), ("35", 35), key=lambda option: abs(option[1] - found))[0]


PREDICTIONS = (
    Prediction(id="18.backward", truth=_backward, options=("ten", "same", "none")),
    Prediction(id="18.twenty", truth=_twenty, options=("chance", "more", "much")),
    Prediction(id="18.trials", truth=_trials, options=("shrinks", "same", "grows")),
    Prediction(id="18.twice", truth=_twice, options=("better", "surer", "same")),
    Prediction(id="18.member", truth=_member, options=("nearly", "half", "little")),
    Prediction(id="18.blind", truth=_blind, options=("both", "errors", "values")),
    Prediction(id="18.energy", truth=_energy, options=("25", "30", "35")),
)
