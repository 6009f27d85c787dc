"""Where a layer moves the plane: every point as a place on two axes, the layer's two units or the two main components of more."""

from dataclasses import dataclass

import torch
from torch import Tensor

#: Layers with more units than this are not folded: their main components would take longer than a picture may.
WIDEST = 1024


@dataclass(frozen=True, eq=False)
class Fold:
    """A layer's output on two axes.

    Attributes:
        plane: where the points of the plane go, (M, 2).
        points: where the learner's points go, (N, 2).
        units: how many units the layer has.
        shares: of main components the share of the variance that each holds, else empty.
    """

    plane: Tensor
    points: Tensor
    units: int
    shares: tuple[float, ...]


def fold(plane: Tensor, points: Tensor) -> Fold:
    """Two axes for a layer's output on the plane (M, units) and on the points (N, units).

    One unit goes along the first axis and the second is 0; two units are the axes; of more the axes are the two directions in which
    the plane is spread out most.

    Example:
        >>> x = torch.tensor([[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
        >>> found = fold(x, x)
        >>> found.plane[:, 0].tolist(), [round(share, 2) for share in found.shares]
        ([3.0, -3.0, 0.0, 0.0], [0.9, 0.1])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html
    """
    units = plane.shape[1]
    if units == 1:
        return Fold(_flat(plane), _flat(points), 1, ())
    if units == 2:
        return Fold(plane, points, 2, ())
    middle = plane.mean(0)
    spread = (plane - middle).double()
    # Of the covariance: as many rows as units, however many points the plane has.
    axes, size, _ = torch.linalg.svd(spread.T @ spread)
    axes = axes[:, :2]
    # An axis may point either way; its largest entry is taken to be positive, so that a picture does not flip from one to the next.
    turned = axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    axes = (axes * turned.where(turned != 0, 1.0)).to(plane)
    total = float(size.sum())
    shares = tuple(float(one) / total if total > 0 else 0.0 for one in size[:2])
    return Fold((plane - middle) @ axes, (points - middle) @ axes, units, shares)


def _flat(x: Tensor) -> Tensor:
    return torch.cat((x, torch.zeros_like(x)), dim=1)
