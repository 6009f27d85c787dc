"""Small models and data for the tests of compression."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def classifier(hidden: int = 16, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, 3))


def points(count: int = 60, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 6, generator=generator), torch.arange(count) % 3


def evaluation() -> Callable[[nn.Module], Any]:
    x, labels = points()
    return lambda net: (net(x), labels)
