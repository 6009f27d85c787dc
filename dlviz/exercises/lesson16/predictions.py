"""Lesson 16, what did it look at?: its predictions."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.data import digits, leaky_table, shortcut_digits
from dlviz.exercises.prediction import Prediction
from dlviz.exercises.run_answer import isolated_rng


def _cnn() -> nn.Sequential:
    """Return the network of the lesson, untrained."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32 * 4 * 4, 10),
    )


def _train(net: nn.Module, x: Tensor, y: Tensor, epochs: int = 8) -> nn.Module:
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(net(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net.eval().requires_grad_(False)


@cache
def _digit_net() -> nn.Module:
    with isolated_rng(0):
        return _train(_cnn(), *digits("train"))


def _accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    return (net(x).argmax(1) == y).float().mean().item()


def _gradient(score: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(score.sum(), x)[0]


def _integrated(net: nn.Module, images: Tensor, baseline: Tensor, targets: Tensor, steps: int = 30) -> Tensor:
    total = torch.zeros_like(images)
    for step in range(steps):
        x = (baseline + (step + 0.5) / steps * (images - baseline)).requires_grad_()
        total += _gradient(net(x).gather(1, targets[:, None]), x)
    return (images - baseline) * total / steps


def _saturated() -> float:
    x = torch.tensor(2.0, requires_grad=True)
    return _gradient(1 - torch.relu(1 - x), x).abs().item()  # abs: torch gives -0.0


def _white() -> str:
    net, images = _digit_net(), digits("test").images[:100]
    found = _integrated(net, images, torch.ones_like(images), net(images).argmax(1)).abs()
    full = found[images == 1].mean() / found.mean()
    return "zero" if full == 0 else "less" if full < 0.5 else "most"


def _inverted() -> str:
    net, images = _digit_net(), digits("test").images
    x = (1 - images).requires_grad_()
    found = (_gradient(net(1 - x).amax(1), x) * x.detach()).abs()
    share = found[images > 0.5].sum() / found.sum()
    return "same" if share > 0.7 else "half" if share > 0.3 else "paper"


def _swapped() -> str:
    data = shortcut_digits()
    net = _train(_cnn(), data.train, data.train_labels, epochs=12)
    accuracy = _accuracy(net, data.swapped, data.test_labels)
    return "high" if accuracy > 0.9 else "half" if accuracy > 0.25 else "none"


def _first_day() -> str:
    train, test = leaky_table("train"), leaky_table("first day")
    mean, std = train.x.mean(0), train.x.std(0)
    center, scale = train.y.mean(), train.y.std()
    net = nn.Sequential(nn.Linear(11, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(150):
        loss = F.mse_loss(net((train.x - mean) / std), (train.y - center) / scale)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    left = (net((test.x - mean) / std) * scale + center - test.y).square().mean()
    r2 = 1 - (left / (test.y - test.y.mean()).square().mean()).item()
    return "same" if r2 > 0.6 else "lower" if r2 > 0 else "negative"


def _random() -> str:
    images = digits("test").images
    maps = []
    for net in (_digit_net(), _cnn().eval()):
        x = images.clone().requires_grad_()
        targets = _digit_net()(images).argmax(1, keepdim=True)
        maps.append((_gradient(net(x).gather(1, targets), x) * images).abs().flatten(1))
    correlation = _rank_correlation(*maps)
    return "alike" if correlation > 0.8 else "half" if correlation > 0.3 else "different"


def _rank_correlation(a: Tensor, b: Tensor) -> float:
    """Return the mean over the rows of Spearman's rank correlation; equal numbers share their mean rank."""
    ranks = []
    for values in (a, b):
        below = (values[:, :, None] > values[:, None]).sum(2) + ((values[:, :, None] == values[:, None]).sum(2) - 1) / 2
        ranks.append(F.normalize(below - below.mean(1, keepdim=True), dim=1))
    return (ranks[0] * ranks[1]).sum(1).mean().item()


def _deleted(net: nn.Module, images: Tensor, by_chance: bool) -> Tensor:
    """Return images without the 24 pixels of the largest gradient × input, or 24 at random."""
    x = images.clone().requires_grad_()
    order = torch.rand_like(images) if by_chance else _gradient(net(x).amax(1), x) * images
    return images.flatten(1).scatter(1, order.flatten(1).topk(24).indices, 0.0).view_as(images)


def _retrained() -> str:
    net, (train, labels), (test, test_labels) = _digit_net(), digits("train"), digits("test")
    found = []
    for by_chance in (False, True):
        again = _train(_cnn(), _deleted(net, train, by_chance), labels)
        found.append(_accuracy(again, _deleted(net, test, by_chance), test_labels))
    return "low" if found[0] < 0.5 else "between" if found[0] < found[1] else "above"


PREDICTIONS = (
    Prediction(id="16.saturated", truth=_saturated),
    Prediction(id="16.white", truth=_white, options=("most", "less", "zero")),
    Prediction(id="16.inverted", truth=_inverted, options=("same", "half", "paper")),
    Prediction(id="16.swapped", truth=_swapped, options=("high", "half", "none")),
    Prediction(id="16.first-day", truth=_first_day, options=("same", "lower", "negative")),
    Prediction(id="16.random", truth=_random, options=("alike", "half", "different")),
    Prediction(id="16.retrained", truth=_retrained, options=("low", "between", "above")),
)
