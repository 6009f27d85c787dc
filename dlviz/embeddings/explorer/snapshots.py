"""Snapshots of the same words during a training, and the map of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from dlviz.embeddings.explorer.labeled_vectors import Vectors, magnitude
from dlviz.embeddings.explorer.projection import Alignment, align, pca, tsne
from dlviz.embeddings.explorer.record import axis
from dlviz.kit.snapshots import thin
from dlviz.torchkit.pca import PCA

#: Limits on the snapshots that are kept: their number, and the number of rows in all of them.
MOST, ROWS = 200, 200_000


@dataclass(frozen=True, eq=False)
class VectorsSnapshot:
    """The vectors at one point of a training, with its index and label; projections are computed once and cached."""

    index: int
    label: str
    vectors: Vectors
    _tsne_maps: dict[int, Tensor] = field(default_factory=dict, repr=False)

    @cached_property
    def normalized(self) -> "VectorsSnapshot":
        """The same snapshot with every vector scaled to length 1."""
        return VectorsSnapshot(self.index, self.label, Vectors(self.vectors.normalized, self.vectors.labels))

    @cached_property
    def pca(self) -> PCA:
        """Its three principal components."""
        return pca(self.vectors.matrix, 3)

    def tsne(self, components: int) -> Tensor:
        """Return its t-SNE map (N, K), aligned with the PCA map so that words are found again after the change."""
        if components not in self._tsne_maps:
            points = tsne(self.vectors.matrix, components, perplexity(len(self.vectors.labels)))
            coordinates = self.pca.coordinates[:, :components]
            self._tsne_maps[components] = align(points, coordinates / magnitude(coordinates))(points)
        return self._tsne_maps[components]


@dataclass(frozen=True, eq=False)
class AffineMap:
    """A map of any vectors (…, D) to (…, K): ``(v − origin) @ weight + shift``."""

    origin: Tensor
    weight: Tensor
    shift: Tensor

    def __call__(self, v: Tensor) -> Tensor:
        """Return the coordinates of vectors."""
        return (v - self.origin) @ self.weight + self.shift

    def aligned(self, alignment: Alignment, first: int) -> "AffineMap":
        """Return the same map with its coordinates from `first` on moved by an alignment."""
        weight, shift = self.weight.clone(), self.shift.clone()
        weight[:, first:] = weight[:, first:] @ alignment.rotation
        shift[first:] = alignment(shift[first:])
        return AffineMap(self.origin, weight, shift)


@dataclass(frozen=True, eq=False)
class MapLayout:
    """The maps of T snapshots.

    Attributes:
        coordinates: (T, N, K).
        maps: the affine map of each snapshot; empty for t-SNE.
        variance_ratio: the fraction of the variance along each axis, (T, K).
    """

    coordinates: Tensor
    maps: tuple[AffineMap, ...]
    variance_ratio: Tensor


def limit_snapshots(snapshots: Sequence[VectorsSnapshot]) -> list[VectorsSnapshot]:
    """Return the snapshots that are kept: first and last, and every second, fourth, eighth, … between them."""
    return thin(snapshots, max(2, min(MOST, ROWS // len(snapshots[0].vectors.labels))))


def perplexity(count: int) -> float:
    """Return t-SNE's perplexity for `count` words: the usual 30, or less where 30 would be a large part of all words."""
    return min(30.0, max(5.0, count / 8))


def tsne_layout(snapshot: VectorsSnapshot, components: int) -> MapLayout:
    """Return the t-SNE map of one snapshot."""
    return MapLayout(snapshot.tsne(components).unsqueeze(0), (), torch.empty(1, 0))


def affine_layout(
    snapshots: Sequence[VectorsSnapshot], axis_rows: Sequence[int], components: int, *, fixed: bool
) -> MapLayout:
    """Return maps along principal components, or with `axis_rows` along the axis from one word to another.

    Args:
        snapshots: T snapshots of the same words.
        axis_rows: rows of the two words of an axis, or empty.
        components: how many coordinates, 2 or 3.
        fixed: whether all snapshots use the axes of the last one. Otherwise each has its own, aligned with the snapshot before.
    """
    reference = snapshots[-1] if fixed else None
    maps = [_affine_map(reference or snapshot, axis_rows, components) for snapshot in snapshots]
    first = 1 if axis_rows else 0  # the axis between two words is not rotated
    coordinates = [maps[0](snapshots[0].vectors.matrix)]
    for k in range(1, len(snapshots)):
        matrix = snapshots[k].vectors.matrix
        if not fixed and components > first:
            maps[k] = maps[k].aligned(align(maps[k](matrix)[:, first:], coordinates[-1][:, first:]), first)
        coordinates.append(maps[k](matrix))
    ratios = torch.stack([(reference or snapshot).pca.variance_ratio[:components] for snapshot in snapshots])
    return MapLayout(torch.stack(coordinates), tuple(maps), ratios)


def _affine_map(snapshot: VectorsSnapshot, axis_rows: Sequence[int], components: int) -> AffineMap:
    matrix = snapshot.vectors.matrix
    if not axis_rows:
        found = snapshot.pca
        return AffineMap(found.mean, found.components[:components].T, matrix.new_zeros(components))
    low, high = (matrix[row] for row in axis_rows)
    direction = high - low
    positions = axis(snapshot.vectors, *axis_rows)
    largest = direction.abs().max()
    scaled = direction / largest
    line = scaled / (scaled @ scaled) / largest
    residual = pca(matrix - low - positions.unsqueeze(1) * direction, components - 1)
    # Where no variance is left beside the axis, a component may point along it.
    across = residual.components - (residual.components @ direction).unsqueeze(1) * line
    shift = torch.cat((matrix.new_zeros(1), -across @ residual.mean))
    return AffineMap(low, torch.cat((line.unsqueeze(0), across)).T, shift)
