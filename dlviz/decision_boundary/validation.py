"""What the learner passes: points, labels, limits and names of classes, checked with words that help."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: So many classes have colors and shapes of their own.
CLASSES = 10

Limits = tuple[float, float, float, float]


def points(x: Any) -> Tensor:
    """`x` as it is, if it holds points of the plane.

    Raises:
        DlvizError: it is no floating-point tensor (N, 2), or holds a NaN or an infinity.
    """
    if not isinstance(x, Tensor):
        raise DlvizError(message("decision_boundary.refused.x", got=type(x).__name__))
    if x.dim() != 2 or x.shape[1] != 2:
        raise DlvizError(message("decision_boundary.refused.x_shape", got=tuple(x.shape)))
    if not x.is_floating_point():
        raise DlvizError(message("decision_boundary.refused.x_dtype", got=x.dtype))
    if not bool(torch.isfinite(x).all()):
        row = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise DlvizError(message("decision_boundary.refused.x_finite", row=row, got=tuple(x[row].tolist())))
    return x.detach()


def labels(y: Any, count: int) -> Tensor:
    """`y` as whole numbers (N,).

    Raises:
        DlvizError: it is no tensor of `count` labels from 0 on.
    """
    if not isinstance(y, Tensor):
        raise DlvizError(message("decision_boundary.refused.y", got=type(y).__name__))
    flat = y.detach().squeeze(1) if y.dim() == 2 and y.shape[1] == 1 else y.detach()
    if flat.dim() != 1 or flat.shape[0] != count:
        raise DlvizError(message("decision_boundary.refused.y_shape", count=count, got=tuple(y.shape)))
    whole = flat.long()
    if flat.is_complex() or not bool((whole == flat).all()):
        raise DlvizError(message("decision_boundary.refused.y_whole", got=flat[whole != flat][0].item()))
    if flat.numel() and int(whole.min()) < 0:
        raise DlvizError(message("decision_boundary.refused.y_negative", got=int(whole.min())))
    return whole


def names(classes: Sequence[Any] | None, count: int) -> list[str]:
    """What the classes are called; their numbers, where nothing is said.

    Raises:
        DlvizError: there are not as many names as classes.
    """
    if classes is None:
        return [str(number) for number in range(count)]
    found = [str(name) for name in classes]
    if len(found) != count:
        raise DlvizError(message("decision_boundary.refused.classes", count=count, got=len(found)))
    return found


def frame(limits: Any, x: Tensor) -> Limits:
    """Left, right, bottom and top of what is drawn; around the points, where nothing is said.

    Example:
        >>> [round(one, 2) for one in frame(None, torch.tensor([[0.0, 0.0], [2.0, 1.0]]))]
        [-0.12, 2.12, -0.62, 1.62]
    """
    if limits is None:
        return _around(x)
    try:
        left, right, bottom, top = (float(one) for one in limits)
    except (TypeError, ValueError):
        raise DlvizError(message("decision_boundary.refused.limits", got=repr(limits))) from None
    if not (left < right and bottom < top and all(map(math.isfinite, (left, right, bottom, top)))):
        raise DlvizError(message("decision_boundary.refused.limits", got=repr(limits)))
    return left, right, bottom, top


def _around(x: Tensor) -> Limits:
    if not len(x):
        return -1.0, 1.0, -1.0, 1.0
    low, high = x.double().amin(0), x.double().amax(0)
    middle, half = ((low + high) / 2).tolist(), ((high - low) / 2).tolist()
    # Both axes have one scale, unless that would squeeze the points into a line.
    if min(half) * 4 > max(half) or min(half) == 0:
        half = [max(half) or 1.0] * 2
    return (
        middle[0] - 1.12 * half[0],
        middle[0] + 1.12 * half[0],
        middle[1] - 1.12 * half[1],
        middle[1] + 1.12 * half[1],
    )
