"""Small generators and discriminators, and functions that train them."""

import math

import torch
from torch import Tensor, nn


def ring(count: int = 600, modes: int = 8, std: float = 0.1) -> tuple[Tensor, Tensor]:
    """Return points of Gaussians on a circle of radius 2, (count, 2), and their centers."""
    angles = torch.arange(modes) * 2 * math.pi / modes
    centers = 2 * torch.stack((angles.cos(), angles.sin()), 1)
    generator = torch.Generator().manual_seed(1)
    points = centers[torch.arange(count) % modes] + std * torch.randn(count, 2, generator=generator)
    return points, centers


def mlp(*sizes: int, last: nn.Module | None = None, seed: int = 0) -> nn.Sequential:
    """Return linear layers with tanh between them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for k in range(len(sizes) - 1):
            layers += [nn.Linear(sizes[k], sizes[k + 1]), nn.Tanh()]
        return nn.Sequential(*layers[:-1], *([last] if last else []))


class Pair:
    """A generator and a discriminator on the plane with their optimizers, and functions that make one training step each."""

    def __init__(self, seed: int = 0, dtype: torch.dtype = torch.float32, lr: float = 3e-3) -> None:
        self.real, self.centers = ring()
        self.real = self.real.to(dtype)
        self.generator = mlp(2, 16, 2, seed=seed).to(dtype)
        self.discriminator = mlp(2, 16, 1, seed=seed + 1).to(dtype)
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr)
        self.opt_g = torch.optim.Adam(self.generator.parameters(), lr=lr)
        self.bce = nn.BCEWithLogitsLoss()

    def step_d(self) -> Tensor:
        rows = torch.randint(len(self.real), (32,))
        real = self.discriminator(self.real[rows])
        fake = self.discriminator(self.generator(torch.randn(32, 2).to(self.real)).detach())
        loss = self.bce(real, torch.ones_like(real)) + self.bce(fake, torch.zeros_like(fake))
        self.opt_d.zero_grad()
        loss.backward()
        self.opt_d.step()
        return loss

    def step_g(self) -> Tensor:
        fake = self.discriminator(self.generator(torch.randn(32, 2).to(self.real)))
        loss = self.bce(fake, torch.ones_like(fake))
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        return loss


class Untidy(nn.Module):
    """Discriminator with batch norm, dropout and a count of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.body(x)


def images(count: int = 60) -> Tensor:
    """Return images (count, 1, 6, 6) from −1 to 1."""
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1


def image_pair() -> tuple[nn.Sequential, nn.Sequential]:
    """Return a generator of images (M, 1, 6, 6) from noise (M, 4), and a discriminator of them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = nn.Sequential(nn.Linear(4, 36), nn.Tanh(), nn.Unflatten(1, (1, 6, 6)))
        discriminator = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 1))
    return generator, discriminator
