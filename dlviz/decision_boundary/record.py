"""Outputs of a model on a grid over the plane and on the data points, with probabilities, loss and accuracy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.decision_boundary.forward import ForwardPass, forward_pass
from dlviz.decision_boundary.inputs import MAX_CLASSES
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.plane import Limits, grid

#: Data points that are drawn at most.
MAX_POINTS = 2000


@dataclass(frozen=True, eq=False)
class ModelOutputs:
    """Outputs of a model in one state, as torch computed them.

    Attributes:
        grid_pass: the forward pass on the grid, row by row from the top of the plane.
        point_pass: the forward pass on the data points.
        probs: class probabilities on the grid, (side · side, C).
        preds: the most probable class of each data point, (N,).
        loss: mean cross-entropy over the data points, ``None`` without points.
        accuracy: fraction of data points that are classified correctly, ``None`` without points.
    """

    grid_pass: ForwardPass
    point_pass: ForwardPass
    probs: Tensor
    preds: Tensor
    loss: float | None
    accuracy: float | None

    @property
    def num_classes(self) -> int:
        """Number of classes that the model predicts."""
        return int(self.probs.shape[1])


def point_stride(count: int) -> int:
    """Return the stride between drawn data points."""
    return max(1, math.ceil(count / MAX_POINTS))


def drawn_points(count: int) -> Tensor:
    """Return the indices of the data points that are drawn."""
    return torch.arange(0, count, point_stride(count))


@dataclass(frozen=True, eq=False)
class PointOutputs:
    """Outputs of a model in one state on the data points alone.

    Attributes:
        point_pass, preds, loss, accuracy: as in :class:`ModelOutputs`.
    """

    point_pass: ForwardPass
    preds: Tensor
    loss: float | None
    accuracy: float | None


def record_points(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    state: Mapping[str, Tensor] | None = None,
    rng_state: Tensor | None = None,
) -> PointOutputs:
    """Run `model` once on the data points; the arguments are those of :func:`record_outputs`.

    Raises:
        DlvizError: the model does not accept points of the plane, or does not return logits of the classes.
    """
    point_pass = _forward(model, x, state, rng_state)
    z = logits_of(point_pass)
    probs = probabilities(z)
    preds, count = probs.argmax(1), probs.shape[1]
    if len(labels) and int(labels.max()) >= count:
        raise DlvizError(
            message("decision_boundary.refused.y_large", got=int(labels.max()), count=count, last=count - 1)
        )
    loss = float(cross_entropy(z, labels)) if len(labels) else None
    accuracy = float((preds == labels.to(preds)).double().mean()) if len(labels) else None
    return PointOutputs(point_pass, preds, loss, accuracy)


def record_outputs(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    limits: Limits,
    side: int,
    state: Mapping[str, Tensor] | None = None,
    rng_state: Tensor | None = None,
) -> ModelOutputs:
    """Run `model` once on the grid and once on the data points.

    Args:
        model: any module from (N, 2) to (N,), (N, 1) or (N, C) logits.
        x: the data points, (N, 2).
        labels: their classes, (N,).
        limits: left, right, bottom and top of the grid.
        side: grid points along one side.
        state: parameters and buffers that replace the model's own.
        rng_state: state of the CPU's random number generator at the start of each forward pass.

    Raises:
        DlvizError: the model does not accept points of the plane, or does not return logits.
    """
    grid_pass = _forward(model, grid(limits, side, x), state, rng_state)
    probs, points = probabilities(logits_of(grid_pass)), record_points(model, x, labels, state, rng_state)
    return ModelOutputs(grid_pass, points.point_pass, probs, points.preds, points.loss, points.accuracy)


def probabilities(z: Tensor) -> Tensor:
    """Return class probabilities (N, C) of logits: softmax of (N, C); of (N, 1) the two columns 1 − sigmoid and sigmoid."""
    if z.shape[1] == 1:
        p = torch.sigmoid(z)
        return torch.cat((1 - p, p), dim=1)
    return torch.softmax(z, dim=1)


def cross_entropy(z: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of logits (N, 1) or (N, C) and labels (N,)."""
    if z.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(z[:, 0], labels.to(z), reduction=reduction)
    return F.cross_entropy(z, labels.to(z.device), reduction=reduction)


def worst_point(outputs: ModelOutputs, labels: Tensor) -> int:
    """Return the index of the data point with the largest loss, 0 without points."""
    losses = cross_entropy(logits_of(outputs.point_pass), labels, reduction="none")
    return int(losses.argmax()) if len(labels) else 0


def logits_of(forward: ForwardPass) -> Tensor:
    """Return the model's output as logits (N, 1) or (N, C).

    Raises:
        DlvizError: the output is not a tensor of logits.
    """
    z: Any = forward.output
    count = forward.calls[0].output.shape[0]
    if not isinstance(z, Tensor) or z.dim() not in (1, 2) or z.shape[0] != count or not z.is_floating_point():
        got = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
        raise DlvizError(message("decision_boundary.refused.output", count=count, got=got))
    z = z.detach().unsqueeze(1) if z.dim() == 1 else z.detach()
    if z.shape[1] > MAX_CLASSES:
        raise DlvizError(message("decision_boundary.refused.many", most=MAX_CLASSES, got=z.shape[1]))
    return z


def _forward(model: nn.Module, x: Tensor, state: Mapping[str, Tensor] | None, rng_state: Tensor | None) -> ForwardPass:
    try:
        return forward_pass(model, x, state, rng_state)
    except Exception as error:  # a learner's own forward() may raise any exception
        text = f"{type(error).__name__}: {error}"
        key = "model_shape" if "shape" in text or "size" in text else "model"
        raise DlvizError(message(f"decision_boundary.refused.{key}", shape=tuple(x.shape), torch=text)) from error
