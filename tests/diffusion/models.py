"""Networks for the tests: small ones with random weights, and the exact one for Gaussian data."""

import torch
from torch import Tensor, nn

from dlviz.diffusion import Schedule


class Net(nn.Module):
    """Network on points or small images that depends on the step, and on the class where it gets one."""

    def __init__(self, shape: tuple[int, ...] = (2,), classes: int = 0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        size = int(torch.Size(shape).numel())
        self.classes = nn.Embedding(classes, 3) if classes else None
        self.first = nn.Linear(size + 1 + (3 if classes else 0), 12)
        self.dropout = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(12)
        self.last = nn.Linear(12, size)
        self.to(dtype)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        parts = [x.flatten(1), t.to(x.dtype)[:, None] / 10]
        if self.classes is not None:
            parts.append(self.classes(y))
        hidden = self.dropout(self.norm(self.first(torch.cat(parts, dim=1)).tanh()))
        return self.last(hidden).view_as(x)


def gaussian_noise(mean: Tensor, s: float, schedule: Schedule):
    """Return the best possible noise prediction for data from N(mean, s² I)."""

    def model(x: Tensor, t: Tensor) -> Tensor:
        a, b = schedule.signal[t][:, None].to(x), schedule.noise[t][:, None].to(x)
        return b * (x - a * mean) / (a**2 * s**2 + b**2)

    return model


def random_schedule(steps: int, generator: torch.Generator) -> Schedule:
    return Schedule(torch.rand(steps, generator=generator, dtype=torch.float64) * 0.3 + 0.01)
