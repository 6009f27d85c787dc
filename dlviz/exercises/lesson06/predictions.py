"""Lesson 06, optimizers: its predictions."""

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.data import digits
from dlviz.exercises.prediction import Prediction


def _third_reading():
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    w = torch.zeros((), requires_grad=True)
    for _ in range(3):
        (w * x - 3 * x).pow(2).mean().backward()
    return w.grad.item()


def _momentum_limit():
    def arrives(lr):
        """Whether momentum finds the minimum of 10 w² with this learning rate; without it the limit is 0.1."""
        w = torch.ones((), requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr, momentum=0.9)
        for _ in range(300):
            optimizer.zero_grad()
            (10 * w**2).backward()
            optimizer.step()
        return w.abs() < 1e-3

    return "higher" if arrives(0.12) else "same" if arrives(0.09) else "lower"


def _first_step():
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1)
    (5000 * w).backward()
    optimizer.step()
    return round(-w.item(), 4)


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def _forgotten():
    x, y = digits("train")
    test_x, test_y = digits("test")
    net = _net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    order = torch.Generator().manual_seed(0)
    for _ in range(5):
        for rows in torch.randperm(len(x), generator=order).split(32):
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = (net(test_x).argmax(1) == test_y).float().mean().item()
    return "chance" if accuracy < 0.2 else "lower" if accuracy < 0.9 else "same"


def _noise():
    x, y = digits("train")
    net = _net()
    generator = torch.Generator().manual_seed(0)

    def slope(rows):
        gradients = torch.autograd.grad(F.cross_entropy(net(x[rows]), y[rows]), list(net.parameters()))
        return torch.cat([part.flatten() for part in gradients])

    whole = slope(torch.arange(len(x)))

    def noise(size):
        batches = torch.stack([slope(torch.randint(len(x), (size,), generator=generator)) for _ in range(50)])
        return (batches - whole).square().sum(1).mean().sqrt()

    ratio = (noise(64) / noise(16)).item()
    return "same" if ratio > 0.75 else "half" if ratio > 0.35 else "quarter"


def _decay():
    p = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.Adam([p], lr=1e-3, weight_decay=0.1)
    for t in range(1000):
        p.grad = torch.tensor([1.0, 0.01]) * (-1) ** t
        optimizer.step()
    large, small = p.tolist()
    return "alike" if abs(large - small) < 0.05 else "large" if large < small else "small"


def _turned():
    def ravine(p):
        return (p[0] ** 2 + 20 * p[1] ** 2) / 2

    def turned(p):
        return ravine(((p[0] + p[1]) / 2**0.5, (p[1] - p[0]) / 2**0.5))

    def steps(loss, start, optimizer_class, **settings):
        """Return after how many of 150 steps the path stays within 0.01 of the minimum."""
        p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        optimizer = optimizer_class([p], **settings)
        arrived = 0
        for t in range(1, 151):
            optimizer.zero_grad()
            loss(p).backward()
            optimizer.step()
            if p.detach().norm() > 0.01:
                arrived = t + 1
        return arrived

    def ratio(optimizer_class, **settings):
        before = steps(ravine, (-2.5, 1.0), optimizer_class, **settings)
        return steps(turned, (-3.5 / 2**0.5, -1.5 / 2**0.5), optimizer_class, **settings) / before

    ratios = {
        "sgd": ratio(torch.optim.SGD, lr=0.095, momentum=0.5),
        "rmsprop": ratio(torch.optim.RMSprop, lr=0.139),
        "adam": ratio(torch.optim.Adam, lr=0.1),
    }
    slower = [name for name, value in ratios.items() if value > 2]
    return slower[0] if len(slower) == 1 else "none"


def _tuned():
    x, y = digits("train")
    test_x, test_y = digits("test")

    def accuracy(optimizer_class, seed, **settings):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        optimizer = optimizer_class(net.parameters(), **settings)
        for _ in range(5):
            for rows in torch.randperm(len(x)).split(32):
                loss = F.cross_entropy(net(x[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            return (net(test_x).argmax(1) == test_y).float().mean().item()

    seeds = range(2)
    momentum = sum(accuracy(torch.optim.SGD, seed, lr=0.1, momentum=0.9) for seed in seeds) / len(seeds)
    adam = sum(accuracy(torch.optim.Adam, seed, lr=0.03) for seed in seeds) / len(seeds)
    return "close" if abs(adam - momentum) < 0.03 else "adam" if adam > momentum else "momentum"


PREDICTIONS = (
    Prediction(id="06.third-reading", truth=_third_reading),
    Prediction(id="06.momentum-limit", truth=_momentum_limit, options=("lower", "same", "higher")),
    Prediction(id="06.first-step", truth=_first_step),
    Prediction(id="06.turned", truth=_turned, options=("sgd", "rmsprop", "adam", "none")),
    Prediction(id="06.forgotten", truth=_forgotten, options=("same", "lower", "chance")),
    Prediction(id="06.noise", truth=_noise, options=("same", "half", "quarter")),
    Prediction(id="06.decay", truth=_decay, options=("alike", "large", "small")),
    Prediction(id="06.tuned", truth=_tuned, options=("momentum", "adam", "close")),
)
