"""Lesson 07, data and evaluation: its predictions."""

from math import comb

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from dlviz.data import digits
from dlviz.exercises.prediction import Prediction


def _trained(x, y, steps, net=None, loss=F.cross_entropy):
    """Return a small network trained for some steps on 64 random rows each."""
    net = net or nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        rows = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        loss(net(x[rows]), y[rows]).backward()
        optimizer.step()
    return net


def _noise():
    x, y = torch.randn(64, 1, 8, 8), torch.randint(0, 10, (64,))
    loss = F.cross_entropy(_trained(x, y, 150)(x), y)
    return min((("chance", 2.3), ("half", 1.15), ("zero", 0.0)), key=lambda option: abs(option[1] - loss))[0]


def _batches():
    images, labels = digits("train")
    return len(list(DataLoader(TensorDataset(images, labels), batch_size=64)))


def _order():
    def score(train, test):
        predicted = _trained(images[train], labels[train], 300)(images[test]).argmax(1)
        return (predicted == labels[test]).float().mean().item()

    images, labels = digits()
    rows, shuffled = torch.arange(len(images)), torch.randperm(len(images))
    apart = score(rows[:1438], rows[1438:]) - score(shuffled[:1438], shuffled[1438:])
    return "lower" if apart < -0.02 else "higher" if apart > 0.02 else "same"


def _negative():
    images, labels = digits("train")
    try:
        loss = F.nll_loss(_trained(images, labels, 100, loss=F.nll_loss)(images), labels)
    except (RuntimeError, ValueError):
        return "error"
    return "below" if loss < -1 else "zero"


def _eval():
    images, labels = digits("train")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    _trained(images, labels, 200, net)
    with torch.no_grad():
        train, used = (F.cross_entropy(net.train(mode)(images), labels).item() for mode in (True, False))
    return "lower" if used < 0.9 * train else "higher" if used > 1.1 * train else "same"


def _never():
    labels = digits("test").labels
    return (labels != 8).float().mean().item()


def _rare():
    sick, found, false_alarm = 0.01, 0.9, 0.05
    precision = found * sick / (found * sick + false_alarm * (1 - sick))
    return min(("90", "50", "15"), key=lambda percent: abs(int(percent) / 100 - precision))


def _better():
    # McNemar's exact test for every number of digits that only one of the networks gets right: 349 against 352 of 359.
    def luck(first, second):
        n = first + second
        return min(1, 2 * sum(comb(n, k) for k in range(max(first, second), n + 1)) / 2**n)

    return "open" if min(luck(k, k + 3) for k in range(8)) > 0.05 else "yes"


PREDICTIONS = (
    Prediction(id="07.noise", truth=_noise, options=("chance", "half", "zero")),
    Prediction(id="07.batches", truth=_batches),
    Prediction(id="07.order", truth=_order, options=("lower", "same", "higher")),
    Prediction(id="07.raw-outputs", truth=_negative, options=("error", "zero", "below")),
    Prediction(id="07.eval", truth=_eval, options=("lower", "same", "higher")),
    Prediction(id="07.never", truth=_never, tolerance=0.02),
    Prediction(id="07.rare", truth=_rare, options=("90", "50", "15")),
    Prediction(id="07.better", truth=_better, options=("yes", "open")),
)
