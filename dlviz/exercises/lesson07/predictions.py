"""Lesson 07, data and evaluation: its predictions."""

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
    return "zero" if F.cross_entropy(_trained(x, y, 150)(x), y) < 0.1 else "chance"


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
    return round((labels != 9).float().mean().item(), 2)


def _better():
    # Probability that two networks of 97 % accuracy differ by three of 359 digits or more by chance.
    right = torch.binomial(torch.full((10_000, 2), 359.0), torch.tensor(0.97))
    luck = ((right[:, 0] - right[:, 1]).abs() >= 3).float().mean()
    return "open" if luck > 0.05 else "yes"


PREDICTIONS = (
    Prediction(id="07.noise", truth=_noise, options=("chance", "zero")),
    Prediction(id="07.batches", truth=_batches),
    Prediction(id="07.order", truth=_order, options=("lower", "same", "higher")),
    Prediction(id="07.negative", truth=_negative, options=("error", "zero", "below")),
    Prediction(id="07.eval", truth=_eval, options=("lower", "same", "higher")),
    Prediction(id="07.never", truth=_never),
    Prediction(id="07.better", truth=_better, options=("yes", "open")),
)
