"""Mixtures of Gaussians in the plane, whose modes a generator may miss: a ring and a grid."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.data.validation import check_size, is_finite, loader, noise_std, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture:
    """Points of a mixture of equal Gaussians, and the mode of each; unpacks as ``points, labels``.

    ``points`` (N, 2) float32; ``labels`` (N,) int64, the mode that each point was drawn from; ``centers`` (K, 2) float32, the means of
    the modes; ``std`` their standard deviation along each axis.
    """

    points: Tensor
    labels: Tensor
    centers: Tensor
    std: float

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.points, self.labels))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        shapes = {"points": tuple(self.points.shape), "labels": tuple(self.labels.shape)}
        return message("data.gaussians.shown", **shapes, modes=len(self.centers), std=f"{self.std:g}")


@loader
def gaussian_ring(
    n: int,
    *,
    modes: int = 8,
    radius: float = 2.0,
    std: float = 0.1,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> GaussianMixture:
    """Draw ``n`` points of ``modes`` Gaussians whose means stand evenly on a circle: ``points`` (n, 2), ``labels`` (n,).

    Mode k has its mean at the angle 2πk / ``modes`` on the circle of this ``radius`` around (0, 0), and the standard deviation ``std``
    along each axis. The modes have equal numbers of points, to within one, shuffled. It is the usual test for a generator that covers
    only some of the modes.

    The same ``seed`` gives the same points; another seed gives new ones. Your own seeds are left alone. An argument that does not fit
    raises a ``ValueError``.

    Source: the ring of L. Metz et al., Unrolled generative adversarial networks, 2017, arXiv 1611.02163.

    >>> from dlviz.data import gaussian_ring
    >>> ring = gaussian_ring(400)
    >>> ring
    GaussianMixture(points (400, 2) float32, labels (400,) int64: 8 modes, std 0.1)
    >>> ring.centers[0], ring.labels.bincount()
    (tensor([2., 0.]), tensor([50, 50, 50, 50, 50, 50, 50, 50]))
    """
    count, size = _count("gaussian_ring", "modes", modes, 1, 100), _positive("gaussian_ring", "radius", radius)
    angles = 2 * math.pi * torch.arange(count, dtype=torch.float64) / count
    centers = size * torch.stack((angles.cos(), angles.sin()), 1)
    return _draw("gaussian_ring", n, centers, std, seed, device)


@loader
def gaussian_grid(
    n: int,
    *,
    side: int = 5,
    spacing: float = 1.0,
    std: float = 0.1,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> GaussianMixture:
    """Draw ``n`` points of ``side``² Gaussians whose means form a square grid around (0, 0): ``points`` (n, 2), ``labels`` (n,).

    Neighbors are ``spacing`` apart. Mode k stands in row k // ``side`` from below and column k % ``side`` from the left. Sizes, ``std``,
    ``seed`` and errors are as for ``gaussian_ring``.

    Source: the grid of 25 Gaussians of Z. Lin et al., PacGAN, 2018, arXiv 1712.04086.

    >>> from dlviz.data import gaussian_grid
    >>> gaussian_grid(100, side=2).centers.tolist()
    [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    """
    count, size = _count("gaussian_grid", "side", side, 1, 10), _positive("gaussian_grid", "spacing", spacing)
    line = size * (torch.arange(count, dtype=torch.float64) - (count - 1) / 2)
    return _draw("gaussian_grid", n, torch.cartesian_prod(line, line).flip(1), std, seed, device)


def _draw(call: str, n: Any, centers: Tensor, std: Any, seed: Any, device: Any) -> GaussianMixture:
    deviation, random = noise_std(call, std, "std"), seeded_generator(call, seed)
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call=call, value=repr(n)))
    check_size(call, n=n)
    labels = torch.randperm(int(n), generator=random, device="cpu") % len(centers)
    points = centers[labels] + deviation * torch.randn(int(n), 2, generator=random, dtype=torch.float64, device="cpu")
    return GaussianMixture(on_device(points, device), on_device(labels, device), on_device(centers, device), deviation)


def _count(call: str, name: str, value: Any, least: int, most: int) -> int:
    if not is_integer(value) or not least <= value <= most:
        raise DlvizError(
            message("data.gaussians.count", call=call, name=name, least=least, most=most, value=repr(value))
        )
    return int(value)


def _positive(call: str, name: str, value: Any) -> float:
    if not is_finite(value) or value <= 0:
        raise DlvizError(message("data.gaussians.positive", call=call, name=name, value=repr(value)))
    return float(value)
