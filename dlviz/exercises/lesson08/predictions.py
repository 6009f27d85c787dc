"""Lesson 08, convolutional networks: its predictions."""

from functools import cache

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.data import digits, fashion_mnist
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


def _neighbor():
    """Return how well the label of the nearest training image fits the test images of clothes."""
    (images, labels), (test_images, test_labels) = (fashion_mnist(split, small=True) for split in ("train", "test"))
    nearest = torch.cdist(test_images.flatten(1), images.flatten(1)).argmin(dim=1)
    accuracy = (labels[nearest] == test_labels).float().mean()
    return "most" if accuracy > 0.65 else "half" if accuracy > 0.25 else "guessing"


@cache
def _clothes_cnn():
    """Train the CNN of the lesson for half as long; two predictions ask about it."""
    images, labels = fashion_mnist("train", small=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
        )  # fmt: skip
        optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
        for _ in range(3):
            for rows in torch.randperm(len(images)).split(64):
                loss = F.cross_entropy(net(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return net.requires_grad_(False)


def _moved_clothes():
    images, labels = fashion_mnist("test", small=True)
    moved = F.pad(images, (2, -2, 0, 0))  # two columns of zeros on the left, the last two columns cut off
    accuracy = (_clothes_cnn()(moved).argmax(dim=1) == labels).float().mean()
    return "same" if accuracy > 0.76 else "fewer" if accuracy > 0.25 else "guessing"


def _confused():
    images, labels = fashion_mnist("test", small=True)
    counts = torch.bincount(10 * labels + _clothes_cnn()(images).argmax(dim=1), minlength=100).view(10, 10)
    pairs = {"shoes": (7, 9), "tops": (2, 6), "trousers": (1, 3), "bags": (6, 8)}
    return max(pairs, key=lambda name: counts[pairs[name]] + counts[pairs[name][::-1]])


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
    Prediction(id="08.neighbor", truth=_neighbor, options=("guessing", "half", "most")),
    Prediction(id="08.clothes-moved", truth=_moved_clothes, options=("same", "fewer", "guessing")),
    Prediction(id="08.confused", truth=_confused, options=("shoes", "tops", "trousers", "bags")),
)
