"""A rectangle of the plane: its limits around some points, and a grid of points in it."""

import math
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: Left, right, bottom and top.
Limits = tuple[float, float, float, float]


def grid(limits: Limits, side: int, like: Tensor) -> Tensor:
    """Return the centers of `side` × `side` cells, (side · side, 2), row by row from the top, with dtype and device of `like`.

    Example:
        >>> grid((0, 2, 0, 2), 2, torch.zeros(0)).tolist()
        [[0.5, 1.5], [1.5, 1.5], [0.5, 0.5], [1.5, 0.5]]
    """
    left, right, bottom, top = limits
    centers = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    x, y = left + centers * (right - left), top - centers * (top - bottom)
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack((columns, rows), dim=-1).reshape(-1, 2).to(like)


def check_limits(limits: Any, x: Tensor, key: str) -> Limits:
    """Return left, right, bottom and top of the plane; a frame around the points (N, 2) by default.

    Raises:
        DlvizError: `limits` are no such four numbers; the message `key` receives them as ``got``.

    Example:
        >>> [round(value, 2) for value in check_limits(None, torch.tensor([[0.0, 0.0], [2.0, 1.0]]), "")]
        [-0.12, 2.12, -0.62, 1.62]
    """
    if limits is None:
        return frame_around(x)
    try:
        left, right, bottom, top = (float(value) for value in limits)
    except Exception:  # an object of another library may raise anything
        left = right = bottom = top = math.nan
    if not (left < right and bottom < top and all(map(math.isfinite, (left, right, bottom, top)))):
        raise DlvizError(message(key, got=repr(limits)))
    return left, right, bottom, top


def frame_around(x: Tensor) -> Limits:
    """Return left, right, bottom and top of a frame around points (N, 2)."""
    if not len(x):
        return -1.0, 1.0, -1.0, 1.0
    low, high = x.double().amin(0), x.double().amax(0)
    center, half = (low / 2 + high / 2).tolist(), (high / 2 - low / 2).tolist()
    # Both axes have the same scale, unless that would squeeze the points into a line.
    if min(half) * 4 > max(half) or min(half) == 0:
        # Around a single place the frame is so wide that its sides differ in float32 too.
        half = [max(half) or max(1.0, 1e-3 * max(map(abs, center)))] * 2
    (left, right), (bottom, top) = ((c - 1.12 * h, c + 1.12 * h) for c, h in zip(center, half, strict=True))
    return left, right, bottom, top
