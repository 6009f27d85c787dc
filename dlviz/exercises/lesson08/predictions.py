"""Lesson 08, convolutional networks: its predictions."""

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.data import digits
from dlviz.exercises.prediction import Prediction


def _flipped():
    image, kernel = torch.tensor([0.0, 0, 1, 0, 0]), torch.tensor([1.0, 2, 3])
    return tuple(int(number) for number in F.conv1d(image.view(1, 1, 5), kernel.view(1, 1, 3)).flatten())


def _shifted():
    """Train the MLP of the lesson and return how well it classifies test digits that are moved by one pixel."""
    images, labels = digits("train")
    test_images, test_labels = digits("test")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 25), nn.ReLU(), nn.Linear(25, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(15):
        for rows in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(net(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        moved = F.pad(test_images, (1, -1, 0, 0))  # a column of zeros on the left, the last column cut off
        accuracy = (net(moved).argmax(1) == test_labels).float().mean()
    return "almost" if accuracy > 0.75 else "half" if accuracy > 0.25 else "guessing"


def _pooled_shift():
    x = torch.arange(64.0).view(1, 1, 8, 8).sin()
    pooled, moved = F.max_pool2d(x, 2), F.max_pool2d(x.roll(1, -1), 2)
    if torch.equal(moved, pooled):
        return "same"
    return "moved" if any(torch.equal(moved, pooled.roll(steps, -1)) for steps in (-1, 1)) else "other"


def _receptive():
    x = torch.zeros(1, 1, 32, 32, requires_grad=True)
    ones = torch.ones(1, 1, 3, 3)
    deep = F.conv2d(F.avg_pool2d(F.conv2d(x, ones), 2), ones)  # an average lets the gradient through to every pixel
    (slope,) = torch.autograd.grad(deep[0, 0, 5, 5], x)
    return int((slope[0, 0] != 0).any(0).sum())


def _line():
    rows = torch.zeros(25, 64, 8, 8)
    labels = torch.zeros(25, dtype=torch.int64)
    lines = {
        "view": lambda rows: rows.view(-1, 1600),
        "linear": lambda rows: F.linear(rows, torch.zeros(10, 1600)),
        "loss": lambda rows: F.cross_entropy(rows, labels),
    }
    for name, line in lines.items():
        try:
            rows = line(rows)
        except (RuntimeError, ValueError):
            return name
    return "none"


PREDICTIONS = (
    Prediction(id="08.shifted", truth=_shifted, options=("almost", "half", "guessing")),
    Prediction(id="08.row", is_shape=True, truth=_flipped),
    Prediction(
        id="08.size", truth=lambda: F.conv2d(torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 5, 5), stride=2).shape[-1]
    ),
    Prediction(id="08.negative", truth=lambda: F.max_pool2d(torch.tensor([[[-3.0, -1.0], [-4.0, -2.0]]]), 2)),
    Prediction(id="08.parameters", truth=lambda: sum(p.numel() for p in nn.Conv2d(3, 16, 5).parameters())),
    Prediction(id="08.pooled-shift", truth=_pooled_shift, options=("same", "moved", "other")),
    Prediction(id="08.receptive", truth=_receptive),
    Prediction(id="08.line", truth=_line, options=("view", "linear", "loss", "none")),
)
