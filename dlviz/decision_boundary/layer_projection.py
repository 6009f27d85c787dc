"""Projection of a layer's output onto two axes: its two units, or the two principal components of more units."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.torchkit.pca import pca

#: Layers with more units are not projected: their principal components would take too long for an interactive picture.
MAX_UNITS = 1024


@dataclass(frozen=True, eq=False)
class LayerProjection:
    """A layer's output on two axes.

    Attributes:
        grid: projection of the grid points, (M, 2).
        points: projection of the data points, (N, 2).
        units: number of units of the layer.
        explained_variance_ratio: fraction of the variance along each of two principal components, else empty.
    """

    grid: Tensor
    points: Tensor
    units: int
    explained_variance_ratio: tuple[float, ...]


def project(grid: Tensor, points: Tensor) -> LayerProjection:
    """Project a layer's output on the grid (M, units) and on the data points (N, units) onto two axes.

    One unit is the first axis, with the second at 0; two units are the two axes; of more units the axes are the first two principal
    components of the output on the grid.

    Example:
        >>> x = torch.tensor([[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
        >>> projection = project(x, x)
        >>> projection.grid[:, 0].tolist(), [round(ratio, 2) for ratio in projection.explained_variance_ratio]
        ([3.0, -3.0, 0.0, 0.0], [0.9, 0.1])
    """
    units = grid.shape[1]
    if units == 1:
        return LayerProjection(_with_zeros(grid), _with_zeros(points), 1, ())
    if units == 2:
        return LayerProjection(grid, points, 2, ())
    components = pca(grid)
    ratio = tuple(components.variance_ratio.tolist())
    return LayerProjection(components.coordinates, components.project(points), units, ratio)


def _with_zeros(x: Tensor) -> Tensor:
    return torch.cat((x, torch.zeros_like(x)), dim=1)
