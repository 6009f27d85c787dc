"""Two-dimensional points in two to five classes that are not linearly separable: moons, spirals and rings."""

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
class Points:
    """Points and their classes; unpacks as ``points, labels``.

    ``points`` (N, 2) float32, a row is x and y; ``labels`` (N,) int64, from 0; ``classes`` the name of each label.
    """

    points: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.points, self.labels))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        shapes = {"points": tuple(self.points.shape), "labels": tuple(self.labels.shape)}
        return message("data.points.shown", **shapes, classes=", ".join(self.classes))


@loader
def moons(n: int, *, noise: float = 0.1, seed: int = 0, device: torch.device | str | None = None) -> Points:
    """Draw ``n`` points on two half circles of radius 1 that reach into each other: ``points`` (n, 2), ``labels`` (n,).

    The upper moon (label 0) is centered at (0, 0), the lower one (label 1) at (1, 0.5); a point lies anywhere on its moon with
    equal chance. ``noise`` is the standard deviation of what is then added to each coordinate. The classes are of equal size,
    to within one point, and shuffled.

    The same ``seed`` gives the same points, and less ``noise`` brings the same points nearer to the curve; another seed gives new
    ones, to test on. Your own seeds are left alone. An argument that does not fit raises a ``ValueError``.

    Source: the two moons of ``sklearn.datasets.make_moons``, drawn at random here and evenly spaced there.

    >>> from dlviz.data import moons
    >>> points, labels = moons(200)
    >>> points.shape, labels.bincount()
    (torch.Size([200, 2]), tensor([100, 100]))
    >>> moons(200, seed=1)  # from the same moons, for testing
    Points(points (200, 2) float32, labels (200,) int64: upper, lower)
    """
    labels, place, jitter = _draw("moons", n, 2, noise, seed)
    angle = math.pi * place
    x, y = angle.cos(), angle.sin()
    upper = labels == 0
    curve = torch.stack((x.where(upper, 1 - x), y.where(upper, 0.5 - y)), dim=1)
    names = (message("data.points.upper"), message("data.points.lower"))
    return Points(on_device(curve + jitter, device), on_device(labels, device), names)


@loader
def spirals(
    n: int,
    *,
    classes: int = 3,
    turns: float = 1.0,
    noise: float = 0.03,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> Points:
    """Draw ``n`` points on two to five arms that wind around (0, 0): ``points`` (n, 2), ``labels`` (n,).

    An arm runs from radius 0.1 out to 1; at radius r, arm k stands at the angle 2π(``turns`` · r + k / ``classes``), in radians
    against the clock. More ``turns`` bring the arms closer to each other. Sizes, ``noise``, ``seed`` and errors are as for
    ``moons``.

    Source: the spiral of Archimedes, as in the case study of Stanford's course CS231n,
    https://cs231n.github.io/neural-networks-case-study/.

    >>> from dlviz.data import spirals
    >>> spirals(300, classes=3, turns=1.5)
    Points(points (300, 2) float32, labels (300,) int64: arm 0, arm 1, arm 2)
    >>> spirals(300, classes=9)
    Traceback (most recent call last):
        ...
    dlviz.kit.errors.DlvizError: spirals: classes must be a whole number from 2 to 5, but got 9.
    """
    if not is_finite(turns) or turns <= 0:
        raise DlvizError(message("data.generated.turns", value=repr(turns)))
    labels, place, jitter = _draw("spirals", n, classes, noise, seed)
    radius = (0.01 + 0.99 * place).sqrt()  # the root spreads points evenly along an arm; else they would crowd inside
    angle = 2 * math.pi * (float(turns) * radius + labels.double() / classes)
    names = tuple(message("data.points.arm", label=label) for label in range(classes))
    return Points(on_device(_around(radius, angle) + jitter, device), on_device(labels, device), names)


@loader
def rings(
    n: int, *, classes: int = 2, noise: float = 0.05, seed: int = 0, device: torch.device | str | None = None
) -> Points:
    """Draw ``n`` points on two to five circles around (0, 0): ``points`` (n, 2), ``labels`` (n,).

    Ring k has the radius (k + 1) / ``classes``: ring 0 is the innermost, and the outermost has radius 1. Sizes, ``noise``,
    ``seed`` and errors are as for ``moons``.

    Source: the circles of ``sklearn.datasets.make_circles``, drawn at random here and evenly spaced there.

    >>> from dlviz.data import rings
    >>> points, labels = rings(200, noise=0)
    >>> points[labels == 0].norm(dim=1).max()
    tensor(0.5000)
    """
    labels, place, jitter = _draw("rings", n, classes, noise, seed)
    names = tuple(message("data.points.ring", label=label) for label in range(classes))
    circle = _around((labels + 1).double() / classes, 2 * math.pi * place)
    return Points(on_device(circle + jitter, device), on_device(labels, device), names)


def _draw(call: str, n: Any, classes: Any, noise: Any, seed: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Draw labels (n,), the position of each point along its curve (n,) in [0, 1], and its noise (n, 2)."""
    if not is_integer(classes) or not 2 <= classes <= 5:
        raise DlvizError(message("data.generated.classes", call=call, value=repr(classes)))
    if not is_integer(n) or n < classes:
        raise DlvizError(message("data.generated.points", call=call, value=repr(n), least=classes))
    check_size(call, n=n)
    deviation, random = noise_std(call, noise), seeded_generator(call, seed)
    labels = torch.randperm(n, generator=random, device="cpu") % classes
    place = torch.rand(n, generator=random, dtype=torch.float64, device="cpu")
    jitter = torch.randn(n, 2, generator=random, dtype=torch.float64, device="cpu")
    return labels, place, deviation * jitter


def _around(radius: Tensor, angle: Tensor) -> Tensor:
    """Convert polar coordinates, (n,) and (n,), to x and y, (n, 2)."""
    return torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1)
