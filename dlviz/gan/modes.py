"""Known modes of the real data, and how many of them the fakes reach."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data


@dataclass(frozen=True, eq=False)
class Modes:
    """Known modes of the real data.

    Attributes:
        centers: (K, 2).
        radius: a fake within this distance of a center lies near that mode.
    """

    centers: Tensor
    radius: float


def modes_covered(fakes: Tensor, centers: Tensor, radius: float) -> int:
    """Return how many of the centers (K, D) have at least one of the fakes (M, D) within `radius`.

    Example:
        >>> modes_covered(torch.tensor([[0.0, 0.1], [0.2, 0.0]]), torch.tensor([[0.0, 0.0], [5.0, 0.0]]), 0.5)
        1
    """
    return int(_near(fakes, centers, radius).any(0).sum())


def high_quality(fakes: Tensor, centers: Tensor, radius: float) -> float:
    """Return the share of the fakes (M, D) that lie within `radius` of any of the centers (K, D); NaN without fakes.

    Example:
        >>> high_quality(torch.tensor([[0.0, 0.1], [2.0, 0.0]]), torch.tensor([[0.0, 0.0], [5.0, 0.0]]), 0.5)
        0.5
    """
    return float(_near(fakes, centers, radius).any(1).double().mean())


def _near(fakes: Tensor, centers: Tensor, radius: float) -> Tensor:
    """Return whether each fake lies near each center, (M, K). A fake with a coordinate that is NaN lies near none."""
    # On the CPU, because not every device has double precision.
    difference = fakes.detach().cpu().double()[:, None] - centers.detach().cpu().double()[None]
    return difference.square().sum(-1).sqrt() <= radius


def check_modes(modes: Any, radius: Any) -> Modes | None:
    """Return the known modes; ``None`` if there are none.

    Args:
        modes: centers (K, 2), or an object with ``.centers`` and perhaps ``.std``, as in ``dlviz.data``.
        radius: by default three times ``.std``, else half the smallest distance of two centers.

    Raises:
        DlvizError: they do not fit.
    """
    if modes is None:
        if radius is not None:
            raise DlvizError(message("gan.refused.radius_alone", got=repr(radius)[:80]))
        return None
    source = getattr(modes, "centers", modes)
    centers = as_plain_tensor(source)
    if centers is None or centers.dim() != 2 or centers.shape[1] != 2 or not len(centers) or centers.is_complex():
        got = kind_of_data(source) if centers is None else tuple(centers.shape)
        raise DlvizError(message("gan.refused.modes", got=got))
    centers = centers.double()
    if not bool(torch.isfinite(centers).all()):
        raise DlvizError(message("gan.refused.modes_finite"))
    if radius is None:
        std: Any = getattr(modes, "std", None)
        radius = 3 * float(std) if is_finite(std) else _half_distance(centers)
        if radius is None:
            raise DlvizError(message("gan.refused.radius_unknown"))
    if not is_finite(radius) or radius <= 0:
        raise DlvizError(message("gan.refused.radius", got=repr(radius)[:80]))
    return Modes(centers, float(radius))


def _half_distance(centers: Tensor) -> float | None:
    """Return half the smallest distance of two different centers, ``None`` where there is only one."""
    distances = torch.pdist(centers)
    distances = distances[distances > 0]
    return float(distances.min()) / 2 if len(distances) else None
