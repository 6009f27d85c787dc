"""Lesson 05, multilayer perceptrons: its predictions."""

import torch
from torch import nn

from dlviz.exercises.prediction import Prediction


def _stacked():
    net = nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 2))
    a, b = torch.randn(2, 50, 2)
    # The boundary is the zero set of one output; if the output is affine, the boundary is a line.
    lead = [net(points).diff(dim=1) for points in (a, b, a + b, torch.zeros_like(a))]
    return "line" if torch.allclose(lead[0] + lead[1], lead[2] + lead[3], atol=1e-4) else "curve"


def _corners():
    angle = torch.linspace(0, 2 * torch.pi, 3601)[:-1]
    around = torch.stack((angle.cos(), angle.sin()), dim=1)
    units = around[300:3600:1200]  # at 30, 150 and 270 degrees
    # Along a ray from the center the sum grows linearly; the boundary is where it reaches 0.7.
    boundary = around * 0.7 / (around @ units.T).relu().sum(1, keepdim=True)
    on = boundary @ units.T > 0
    return int((on != on.roll(1, 0)).any(1).sum())  # a corner wherever a unit turns on or off


def _vanishing():
    layers = [layer for _ in range(8) for layer in (nn.Linear(16, 16), nn.Sigmoid())]
    net = nn.Sequential(*layers, nn.Linear(16, 3))
    nn.functional.cross_entropy(net(torch.randn(100, 16)), torch.randint(3, (100,))).backward()
    share = net[0].weight.grad.norm() / net[-1].weight.grad.norm()
    return "same" if share > 0.5 else "tenth" if share > 1e-3 else "millionth"


def _shift():
    z = torch.tensor([1.0, 2.0, 3.0])
    before, after = torch.softmax(z, 0), torch.softmax(z + 100, 0)
    return "same" if torch.allclose(before, after) else "equal" if after.std() < 1e-3 else "surer"


def _overflow():
    powers = torch.tensor([1000.0, 0.0]).exp()
    first = (powers / powers.sum())[0]
    return "nan" if first.isnan() else "inf" if first.isinf() else "one"


def _floor():
    sure = torch.softmax(1000 * torch.eye(10), dim=1)  # a 1 for the right class, 0 for the others
    return round(nn.functional.cross_entropy(sure, torch.arange(10)).item(), 2)


def _zeros():
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    for p in net.parameters():
        nn.init.zeros_(p)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    x, y = torch.rand(50, 64), torch.randint(10, (50,))
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    changed = [name for name, p in net.named_parameters() if p.any()]
    return {4: "all", 2: "last", 1: "bias", 0: "none"}[len(changed)]


PREDICTIONS = (
    Prediction(id="05.shift", truth=_shift, options=("same", "surer", "equal")),
    Prediction(id="05.large-logits", truth=_overflow, options=("one", "inf", "nan")),
    Prediction(
        id="05.start",
        truth=lambda: round(nn.functional.cross_entropy(torch.zeros(1, 10), torch.tensor([3])).item(), 2),
        tolerance=0.015,
    ),
    Prediction(id="05.stacked", truth=_stacked, options=("line", "curve")),
    Prediction(id="05.corners", truth=_corners),
    Prediction(id="05.zeros", truth=_zeros, options=("all", "last", "bias", "none")),
    Prediction(id="05.first-layer", truth=_vanishing, options=("same", "tenth", "millionth")),
    Prediction(id="05.floor", truth=_floor, tolerance=0.015),
)
