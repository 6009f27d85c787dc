"""Checks of what the learner passes to boundary(): points, labels, class names and limits of the plane."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type

#: Classes that can be told apart by color and shape.
MAX_CLASSES = 10

Limits = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Inputs:
    """The learner's model and data, checked, as they were passed to boundary().

    Attributes:
        model: the learner's own model.
        x: the data points, (N, 2).
        y: their labels as they were passed, (N,) or (N, 1).
        labels: their labels as int64, (N,).
        limits: left, right, bottom and top of the plane.
        names: the learner's variable names of model, x and y.
        arguments: further arguments of the call, as source code.
        rng_state: state of the CPU's random number generator, from which every forward pass starts.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    labels: Tensor
    limits: Limits
    names: tuple[str, str, str]
    arguments: str
    rng_state: Tensor


def check_inputs(
    model: nn.Module, x: Any, y: Any, classes: Sequence[Any] | None, limits: Any, names: tuple[str, str, str]
) -> Inputs:
    """Return the checked inputs.

    Raises:
        DlvizError: an argument does not fit.
    """
    points = check_points(x)
    labels, frame = check_labels(y, len(points)), check_limits(limits, points)
    arguments = [] if limits is None else [f"limits={frame!r}"]
    if classes is not None:
        arguments.append(f"classes={list(map(str, classes))!r}")
    return Inputs(model, points, y, labels, frame, names, ", ".join(arguments), torch.get_rng_state())


def check_points(x: Any) -> Tensor:
    """Return `x`, detached, if it holds points of the plane.

    Raises:
        DlvizError: it is not a floating-point tensor (N, 2), or it is nonfinite.
    """
    check_type(x, Tensor, "decision_boundary.refused.x")
    if x.dim() != 2 or x.shape[1] != 2:
        raise DlvizError(message("decision_boundary.refused.x_shape", got=tuple(x.shape)))
    if not x.is_floating_point():
        raise DlvizError(message("decision_boundary.refused.x_dtype", got=x.dtype))
    if not bool(torch.isfinite(x).all()):
        row = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise DlvizError(message("decision_boundary.refused.x_finite", row=row, got=tuple(x[row].tolist())))
    return x.detach()


def check_labels(y: Any, count: int) -> Tensor:
    """Return `y` as int64 labels (N,).

    Raises:
        DlvizError: it is not a tensor of `count` labels from 0 on.
    """
    check_type(y, Tensor, "decision_boundary.refused.y")
    flat = y.detach().squeeze(1) if y.dim() == 2 and y.shape[1] == 1 else y.detach()
    if flat.dim() != 1 or flat.shape[0] != count:
        raise DlvizError(message("decision_boundary.refused.y_shape", count=count, got=tuple(y.shape)))
    labels = flat.long()
    if flat.is_complex() or not bool((labels == flat).all()):
        raise DlvizError(message("decision_boundary.refused.y_whole", got=flat[labels != flat][0].item()))
    if flat.numel() and int(labels.min()) < 0:
        raise DlvizError(message("decision_boundary.refused.y_negative", got=int(labels.min())))
    return labels


def check_limits(limits: Any, x: Tensor) -> Limits:
    """Return left, right, bottom and top of the plane; a frame around the points by default.

    Example:
        >>> [round(value, 2) for value in check_limits(None, torch.tensor([[0.0, 0.0], [2.0, 1.0]]))]
        [-0.12, 2.12, -0.62, 1.62]
    """
    if limits is None:
        return _frame_around(x)
    try:
        left, right, bottom, top = (float(value) for value in limits)
    except (TypeError, ValueError):
        left = right = bottom = top = math.nan
    if not (left < right and bottom < top and all(map(math.isfinite, (left, right, bottom, top)))):
        raise DlvizError(message("decision_boundary.refused.limits", got=repr(limits)))
    return left, right, bottom, top


def _frame_around(x: Tensor) -> Limits:
    if not len(x):
        return -1.0, 1.0, -1.0, 1.0
    low, high = x.double().amin(0), x.double().amax(0)
    center, half = ((low + high) / 2).tolist(), ((high - low) / 2).tolist()
    # Both axes have the same scale, unless that would squeeze the points into a line.
    if min(half) * 4 > max(half) or min(half) == 0:
        half = [max(half) or 1.0] * 2
    (left, right), (bottom, top) = ((c - 1.12 * h, c + 1.12 * h) for c, h in zip(center, half, strict=True))
    return left, right, bottom, top
