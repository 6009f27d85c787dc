"""The directions in which a map of words in training is drawn: held fast, or turned so that what moves has moved."""

from dataclasses import dataclass

from torch import Tensor

from dlviz.embeddings.explorer.projection import align, pca


@dataclass(frozen=True, eq=False)
class Axes:
    """A straight projection from D numbers to two: ``mean`` (D,) lies at the middle, ``directions`` (2, D) have length 1."""

    mean: Tensor
    directions: Tensor

    def places(self, matrix: Tensor) -> Tensor:
        """Where vectors (N, D) stand on the map, (N, 2)."""
        return (matrix - self.mean) @ self.directions.T

    def steps(self, moves: Tensor) -> Tensor:
        """What a movement (N, D) of vectors is on the map, (N, 2)."""
        return moves @ self.directions.T

    def share(self, matrix: Tensor) -> float:
        """How much of the variance of vectors (N, D) the map shows, from 0 to 1."""
        whole = float((matrix - matrix.mean(0)).square().sum())
        shown = self.steps(matrix - matrix.mean(0))
        return min(1.0, float(shown.square().sum()) / whole) if 0 < whole < float("inf") else 0.0


def principal(matrix: Tensor) -> Axes:
    """The two directions in which vectors (N, D) vary most."""
    found = pca(matrix)
    return Axes(found.mean, found.directions)


def aligned(matrix: Tensor, before: Axes, earlier: Tensor) -> Axes:
    """The directions of most variance again, turned so that the map lies as near as can be on an earlier one.

    Turning keeps distances, so a word that moves on such a map has moved beside the others. Where numbers are not finite there is
    nothing to turn, and the earlier directions stay.

    Args:
        matrix: vectors (N, D).
        before: the axes of the earlier map.
        earlier: the vectors that it showed, (N, D).

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
        >>> before = Axes(points.mean(0), -principal(points).directions)
        >>> torch.allclose(aligned(points, before, points).places(points), before.places(points), atol=1e-6)
        True
    """
    if not matrix.isfinite().all() or not earlier.isfinite().all():
        return before
    found, old = pca(matrix), before.places(earlier)
    turn = align(found.places, old - old.mean(0))
    return Axes(found.mean, turn.q.T @ found.directions)


def chained(matrices: list[Tensor], start: int, axes: Axes) -> list[Axes]:
    """Axes of a row of moments, each aligned to its neighbor on the way to the one that is drawn with `axes`."""
    found = {start: axes}
    for place in [*range(start - 1, -1, -1), *range(start + 1, len(matrices))]:
        other = place + 1 if place < start else place - 1
        found[place] = aligned(matrices[place], found[other], matrices[other])
    return [found[place] for place in range(len(matrices))]
