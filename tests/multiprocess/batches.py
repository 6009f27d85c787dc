"""A batch of random examples, and the gradients of a net on it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.multiprocess import workers


def batch(count: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(count, 8, generator=generator, dtype=torch.float64)
    return x, x[:, :1].sin()


def torchs_gradients(seed: int, x: Tensor, y: Tensor, steps: int) -> list[dict[str, Tensor]]:
    """Return the gradients of this process, at every step of a training on all examples."""
    net = workers.net(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(net(x), y).backward()
        found.append({name: parameter.grad.clone() for name, parameter in net.named_parameters()})
        optimizer.step()
    return found
