"""A plane through the space of codes: the code itself, two of its dimensions, or its two principal components."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.torchkit.pca import pca

#: "pca", or the dimensions that are drawn: two, or the only one.
Axes = str | list[int]
#: Parts of the width of the map in which the points of a code of one number are stacked.
_BINS = 60


@dataclass(frozen=True, eq=False)
class CodeAxes:
    """Two directions in the space of codes, and a point where they begin; of codes of one number the second direction is 0.

    Attributes:
        axes: "pca", or the dimensions that are drawn.
        directions: two rows (2, K) of length 1, float64.
        origin: the code (K,) that lies at 0 on both axes.
        variance_ratio: fractions of the variance along the two principal components, empty for dimensions.
    """

    axes: Axes
    directions: Tensor
    origin: Tensor
    variance_ratio: tuple[float, ...] = ()

    def place(self, codes: Tensor) -> Tensor:
        """Return the places (M, 2) of codes (M, K) on the map, float64."""
        return (codes.double() - self.origin) @ self.directions.T

    def codes_at(self, places: Tensor, base: Tensor) -> Tensor:
        """Return the codes (M, K) at places (M, 2) of the map that differ from the code `base` (K,) only along the two directions.

        Example:
            >>> axes = CodeAxes([0, 2], torch.eye(3, dtype=torch.float64)[[0, 2]], torch.zeros(3, dtype=torch.float64))
            >>> axes.codes_at(torch.tensor([[5.0, 7.0]]), torch.tensor([1.0, 2.0, 3.0])).tolist()
            [[5.0, 2.0, 7.0]]
        """
        start = base.double()
        return start + (places.double() - self.place(start[None])) @ self.directions

    def spread(self, std: Tensor) -> Tensor:
        """Return for standard deviations (M, K) a matrix (M, 2, 2) that turns the unit circle into each ellipse of 1 standard deviation."""
        covariance = torch.einsum("ik,mk,jk->mij", self.directions, std.double().square(), self.directions)
        finite = torch.where(covariance.isfinite(), covariance, torch.zeros_like(covariance))
        values, vectors = torch.linalg.eigh(finite)
        return vectors * values.clamp(min=0).sqrt()[:, None]

    def names(self, size: int) -> tuple[str, str]:
        """Return the names of the two axes; `size` is that of the code."""
        if size == 1:
            return message("latent_space.axis.only"), message("latent_space.axis.stack")
        if self.axes == "pca":
            shares = [f"{100 * share:.0f}%" for share in self.variance_ratio]
            return tuple(message("latent_space.axis.pca", number=k + 1, share=shares[k]) for k in range(2))  # type: ignore[return-value]
        return tuple(message("latent_space.axis.dimension", number=k) for k in self.axes)  # type: ignore[return-value]


def check_axes(axes: Any, size: int) -> Axes:
    """Return "pca" or two dimensions as a list; "auto" is the code itself where it has two numbers or one, else "pca".

    Raises:
        DlvizError: it is something else, or there are no such dimensions.

    Example:
        >>> check_axes("auto", 2), check_axes("auto", 5), check_axes((0, 3), 5)
        ([0, 1], 'pca', [0, 3])
    """
    if size == 1 and (axes in ("auto", "pca") or axes in ([0], (0,))):
        return [0]
    if isinstance(axes, str) and axes in ("auto", "pca"):
        return [0, 1] if axes == "auto" and size == 2 else "pca"
    try:
        chosen = [] if isinstance(axes, (str, bytes)) else list(axes)
    except Exception:  # an object of another library may raise anything
        chosen = []
    if len(chosen) != 2 or not all(is_integer(one) and 0 <= one < size for one in chosen) or chosen[0] == chosen[1]:
        raise DlvizError(message("latent_space.refused.axes", last=size - 1, got=repr(axes)[:60]))
    return [int(one) for one in chosen]


def code_axes(codes: Tensor, axes: Axes, before: CodeAxes | None = None) -> CodeAxes:
    """Return the axes of a map of codes (N, K).

    Args:
        codes: nonfinite ones are left out.
        axes: as :func:`check_axes` returns them.
        before: axes of an earlier picture; principal components point to the same side as those.
    """
    size = codes.shape[1]
    finite = codes[codes.isfinite().all(1)].double()
    if axes == "pca":
        found = pca(finite if len(finite) else torch.zeros(1, size, dtype=torch.float64), 2)
        directions = found.components
        if before is not None and before.axes == "pca" and before.directions.shape == directions.shape:
            same = (directions * before.directions).sum(1, keepdim=True)
            directions = directions * torch.where(same < 0, -1.0, 1.0)
        return CodeAxes(axes, directions, found.mean, tuple(found.variance_ratio.tolist()))
    directions = torch.zeros(2, size, dtype=torch.float64)
    for row, dimension in enumerate(() if isinstance(axes, str) else axes):
        directions[row, dimension] = 1
    return CodeAxes(axes, directions, torch.zeros(size, dtype=torch.float64))


def stacked(values: Tensor, groups: Tensor | None) -> Tensor:
    """Return for codes of one number (N,) a second coordinate (N,): points near each other are stacked, group above group.

    Example:
        >>> stacked(torch.tensor([0.0, 0.0, 1.0]), None).tolist()
        [0.0, 0.5, 0.0]
    """
    rows = torch.zeros(len(values), dtype=torch.long) if groups is None else groups.cpu()
    finite = values.double().isfinite()
    low, high = (
        (values[finite].min(), values[finite].max()) if bool(finite.any()) else (torch.zeros(()), torch.ones(()))
    )
    span = (high - low).clamp(min=1e-12)
    bins = ((values.double() - low) / span * _BINS).nan_to_num(nan=0.0).clamp(0, _BINS - 1).long()
    heights = torch.zeros(len(values), dtype=torch.float64)
    seen: dict[tuple[int, int], int] = {}
    for k, key in enumerate(zip(rows.tolist(), bins.tolist(), strict=True)):
        heights[k] = seen.get(key, 0)
        seen[key] = seen.get(key, 0) + 1
    return rows + heights / max(2, max(seen.values(), default=1)) * (1.0 if groups is None else 0.8)
