"""The directions of the map of words during a training: fixed, or aligned with the map before."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dlviz.embeddings.explorer.projection import align, pca


@dataclass(frozen=True, eq=False)
class MapAxes:
    """A linear projection from D numbers to two: ``mean`` (D,) lies at the center, ``directions`` (2, D) have length 1."""

    mean: Tensor
    directions: Tensor

    def project(self, matrix: Tensor) -> Tensor:
        """Return the coordinates of vectors (N, D) on the map, (N, 2)."""
        return (matrix - self.mean) @ self.directions.T

    def project_displacements(self, moves: Tensor) -> Tensor:
        """Return the displacements on the map (N, 2) of displacements of vectors (N, D)."""
        return moves @ self.directions.T

    def variance_ratio(self, matrix: Tensor) -> float:
        """Return the fraction of the variance of vectors (N, D) that the map shows."""
        centered = matrix - matrix.mean(0)
        total = float(centered.square().sum())
        shown = float(self.project_displacements(centered).square().sum())
        return min(1.0, shown / total) if 0 < total < float("inf") else 0.0


def pca_axes(matrix: Tensor) -> MapAxes:
    """Return the two directions in which vectors (N, D) vary most."""
    found = pca(matrix)
    return MapAxes(found.mean, found.components)


def aligned_axes(matrix: Tensor, previous: MapAxes, previous_matrix: Tensor) -> MapAxes:
    """Return the directions of largest variance, rotated so that the map lies as close as possible to the previous map.

    Rotation keeps distances, so a word that moves on such a map has moved relative to the others. The previous axes are returned where
    numbers are not finite.

    Args:
        matrix: vectors (N, D).
        previous: the axes of the previous map.
        previous_matrix: the vectors on it, (N, D).

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
        >>> previous = MapAxes(points.mean(0), -pca_axes(points).directions)
        >>> torch.allclose(aligned_axes(points, previous, points).project(points), previous.project(points), atol=1e-6)
        True
    """
    if not matrix.isfinite().all() or not previous_matrix.isfinite().all():
        return previous
    found, before = pca(matrix), previous.project(previous_matrix)
    rotation = align(found.coordinates, before - before.mean(0)).rotation
    return MapAxes(found.mean, rotation.T @ found.components)


def aligned_sequence(matrices: Sequence[Tensor], start: int, axes: MapAxes) -> list[MapAxes]:
    """Return axes for a sequence of snapshots, each aligned with its neighbor towards `start`, which has the given axes."""
    found = {start: axes}
    for k in [*range(start - 1, -1, -1), *range(start + 1, len(matrices))]:
        neighbor = k + 1 if k < start else k - 1
        found[k] = aligned_axes(matrices[k], found[neighbor], matrices[neighbor])
    return [found[k] for k in range(len(matrices))]


class AxesTracker:
    """The current axes of a map whose vectors change."""

    def __init__(self) -> None:
        self._axes: MapAxes | None = None
        self._matrix: Tensor

    def update(self, matrix: Tensor, *, aligned: bool) -> MapAxes:
        """Return the axes for vectors (N, D), aligned with those of the call before, or the same as before."""
        if self._axes is None:
            self._axes = pca_axes(matrix.nan_to_num(0, 0, 0))
        elif aligned:
            self._axes = aligned_axes(matrix, self._axes, self._matrix)
        self._matrix = matrix.clone()
        return self._axes
