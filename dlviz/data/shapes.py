"""Shapes drawn with points in the plane: a heart, a star, a spiral, a smile and a checkerboard."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dlviz.data.toy2d import Points
from dlviz.data.validation import check_size, is_one_of, loader, noise_std, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Corners of the line from which a curve is drawn.
_CORNERS = 2001


@loader
def shapes(
    name: str = "heart",
    n: int = 1000,
    *,
    noise: float = 0.03,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> Points:
    """Draw ``n`` points of a shape in the plane: ``points`` (n, 2), ``labels`` (n,) the part of the shape, of one part all 0.

    ``name`` is "heart", "star", "spiral", "smile" (face, left eye, right eye, mouth) or "checkerboard" (eight squares of one color). A
    point lies anywhere on the lines of the shape, or in its squares, with equal chance. The shape is centered and scaled so that, without
    noise, its points have mean 0 and the mean square of their coordinates is 1, as a diffusion model expects of its data. ``noise`` is
    the standard deviation of what is then added to each coordinate.

    The same ``seed`` gives the same points; another seed gives new ones. Your own seeds are left alone. An argument that does not fit
    raises a ``ValueError``.

    >>> from dlviz.data import shapes
    >>> shapes("smile", 500)
    Points(points (500, 2) float32, labels (500,) int64: face, left eye, right eye, mouth)
    >>> round(shapes("heart", 5000, noise=0).points.square().mean().item(), 1)
    1.0
    """
    if not is_one_of(name, tuple(_SHAPES)):
        known = ", ".join(f'"{known}"' for known in _SHAPES)
        raise DlvizError(message("data.shapes.name", known=known, value=repr(name)))
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="shapes", value=repr(n)))
    check_size("shapes", n=n)
    deviation, random = noise_std("shapes", noise), seeded_generator("shapes", seed)
    place = torch.rand(int(n), 2, generator=random, dtype=torch.float64, device="cpu")
    points, labels, classes = _SHAPES[name](place)
    jitter = torch.randn(int(n), 2, generator=random, dtype=torch.float64, device="cpu")
    return Points(on_device(points + deviation * jitter, device), on_device(labels, device), classes)


def _heart() -> tuple[tuple[Tensor, str], ...]:
    a = _circle()
    outline = torch.stack((16 * a.sin() ** 3, 13 * a.cos() - 5 * (2 * a).cos() - 2 * (3 * a).cos() - (4 * a).cos()), 1)
    return ((outline, "heart"),)


def _star() -> tuple[tuple[Tensor, str], ...]:
    corners = torch.arange(11, dtype=torch.float64)
    angle = math.pi * (corners / 5 + 0.5)
    # In a five-pointed star of straight lines the inner corners are so much nearer to the center.
    radius = torch.where(corners % 2 == 0, 1.0, (3 - math.sqrt(5)) / 2)
    return ((torch.stack((radius * angle.cos(), radius * angle.sin()), 1), "star"),)


def _spiral() -> tuple[tuple[Tensor, str], ...]:
    a = 4.5 * math.pi * torch.linspace(0.1, 1, _CORNERS, dtype=torch.float64)
    return ((torch.stack((a * a.cos(), a * a.sin()), 1), "spiral"),)


def _smile() -> tuple[tuple[Tensor, str], ...]:
    a = _circle()
    circle = torch.stack((a.cos(), a.sin()), 1)
    lower = math.pi * torch.linspace(1.15, 1.85, _CORNERS, dtype=torch.float64)
    mouth = 0.6 * torch.stack((lower.cos(), lower.sin()), 1)
    left, right = (0.12 * circle + torch.tensor((x, 0.35), dtype=torch.float64) for x in (-0.38, 0.38))
    return (circle, "face"), (left, "left_eye"), (right, "right_eye"), (mouth, "mouth")


def _on_lines(make: Callable[[], tuple[tuple[Tensor, str], ...]]) -> Callable[[Tensor], Any]:
    """Return a function that puts points anywhere on the lines of a shape, which is centered and scaled exactly."""

    def draw(place: Tensor) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        parts = make()
        starts = torch.cat([line[:-1] for line, _ in parts])
        steps = torch.cat([line.diff(dim=0) for line, _ in parts])
        part_of = torch.cat([torch.full((len(line) - 1,), k) for k, (line, _) in enumerate(parts)])
        lengths = steps.norm(dim=1)
        share = lengths / lengths.sum()
        # Mean and mean square of a coordinate that is uniform on a piece of line.
        mean = (share[:, None] * (starts + steps / 2)).sum(0)
        begin, end = starts - mean, starts - mean + steps
        scale = (share[:, None] * (begin * begin + begin * end + end * end) / 3).sum(0).mean().sqrt()
        along = place[:, 0].clamp(max=1 - 1e-12)
        piece = torch.searchsorted(share.cumsum(0), along, right=True).clamp(max=len(share) - 1)
        points = (starts[piece] + place[:, 1:] * steps[piece] - mean) / scale
        return points, part_of[piece], tuple(message(f"data.shapes.{part}") for _, part in parts)

    return draw


def _checkerboard(place: Tensor) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Put points into the eight squares of one color of a board of 4 × 4."""
    square = (place[:, 0] * 8).floor().clamp(max=7)
    row = (square / 2).floor()
    column = 2 * (square % 2) + row % 2
    within = torch.stack((place[:, 0] * 8 - square, place[:, 1]), 1)
    # A coordinate is uniform over four squares, of which the standard deviation is 4 / √12.
    points = (torch.stack((column, row), 1) + within - 2) * math.sqrt(12) / 4
    return points, torch.zeros(len(place), dtype=torch.int64), (message("data.shapes.checkerboard"),)


def _circle() -> Tensor:
    return 2 * math.pi * torch.linspace(0, 1, _CORNERS, dtype=torch.float64)


_SHAPES: dict[str, Callable[[Tensor], Any]] = {
    "heart": _on_lines(_heart),
    "star": _on_lines(_star),
    "spiral": _on_lines(_spiral),
    "smile": _on_lines(_smile),
    "checkerboard": _checkerboard,
}
