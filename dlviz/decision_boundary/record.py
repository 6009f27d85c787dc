"""A model at one moment, on every point of a grid over the plane and on the learner's own points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.decision_boundary.forward import Run, run
from dlviz.decision_boundary.validation import CLASSES, Limits
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Shot:
    """What torch computed.

    Attributes:
        plane: the run on the grid, whose rows go from the top of the plane to its bottom.
        points: the run on the points.
        chances: probability of every class at every point of the grid, (side · side, classes).
        own: the same at the points, (N, classes).
        guesses: the most probable class of each point, (N,).
        loss: mean cross-entropy over the points, ``None`` without points.
        accuracy: share of the points whose most probable class is their own, ``None`` without points.
    """

    plane: Run
    points: Run
    chances: Tensor
    own: Tensor
    guesses: Tensor
    loss: float | None
    accuracy: float | None

    @property
    def classes(self) -> int:
        """How many classes the model tells apart."""
        return int(self.chances.shape[1])


def grid(limits: Limits, side: int, like: Tensor) -> Tensor:
    """The middles of `side` × `side` cells, (side · side, 2), row by row from the top; dtype and device of `like`.

    Example:
        >>> grid((0, 2, 0, 2), 2, torch.zeros(0)).tolist()
        [[0.5, 1.5], [1.5, 1.5], [0.5, 0.5], [1.5, 0.5]]
    """
    left, right, bottom, top = limits
    places = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    across, down = left + places * (right - left), top - places * (top - bottom)
    rows, columns = torch.meshgrid(down, across, indexing="ij")
    return torch.stack((columns, rows), dim=-1).reshape(-1, 2).to(like)


def shoot(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    limits: Limits,
    side: int,
    state: Mapping[str, Tensor] | None = None,
    random: Tensor | None = None,
) -> Shot:
    """Run `model` once on the grid and once on the points.

    Args:
        model: any module from (N, 2) to (N,), (N, 1) or (N, C) logits.
        x, y: the points (N, 2) and their labels (N,).
        limits: left, right, bottom, top of the grid.
        side: how many points it has along a side.
        state: other parameters and buffers to run with.
        random: state of the CPU's generator to start from.

    Raises:
        DlvizError: the model refuses points of the plane, or returns something else than logits.
    """
    plane = _run(model, grid(limits, side, x), state, random)
    points = _run(model, x, state, random)
    chances, own = probabilities(logits(plane)), probabilities(logits(points))
    if len(y) and int(y.max()) >= chances.shape[1]:
        raise DlvizError(
            message(
                "decision_boundary.refused.y_large", got=int(y.max()), count=chances.shape[1], last=chances.shape[1] - 1
            )
        )
    guesses = own.argmax(1)
    return Shot(
        plane,
        points,
        chances,
        own,
        guesses,
        float(loss(logits(points), y)) if len(y) else None,
        float((guesses == y.to(guesses)).double().mean()) if len(y) else None,
    )


def probabilities(z: Tensor) -> Tensor:
    """Logits (N, 1) or (N, C) as probabilities of every class: of one logit 1 − sigmoid and sigmoid, of several their softmax."""
    if z.shape[1] == 1:
        p = torch.sigmoid(z)
        return torch.cat((1 - p, p), dim=1)
    return torch.softmax(z, dim=1)


def loss(z: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of logits (N, 1) or (N, C) and labels (N,)."""
    if z.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(z[:, 0], y.to(z))
    return F.cross_entropy(z, y.to(z.device))


def losses(shot: Shot, y: Tensor) -> Tensor:
    """Cross-entropy of each point, (N,)."""
    z = logits(shot.points)
    if z.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(z[:, 0], y.to(z), reduction="none")
    return F.cross_entropy(z, y.to(z.device), reduction="none")


def _run(model: nn.Module, x: Tensor, state: Mapping[str, Tensor] | None, random: Tensor | None) -> Run:
    try:
        return run(model, x, state, random)
    except Exception as error:  # a learner's own forward may raise anything
        raise DlvizError(
            message("decision_boundary.refused.model", shape=tuple(x.shape), torch=f"{type(error).__name__}: {error}")
        ) from error


def logits(made: Run) -> Tensor:
    """What a model returned, as (N, 1) or (N, C).

    Raises:
        DlvizError: it is something else than logits.
    """
    z: Any = made.output
    rows = made.calls[0].output.shape[0]
    if not isinstance(z, Tensor) or z.dim() not in (1, 2) or z.shape[0] != rows or not z.is_floating_point():
        got = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
        raise DlvizError(message("decision_boundary.refused.output", count=rows, got=got))
    z = z.detach().unsqueeze(1) if z.dim() == 1 else z.detach()
    if z.shape[1] > CLASSES:
        raise DlvizError(message("decision_boundary.refused.many", most=CLASSES, got=z.shape[1]))
    return z
