"""The same words at several moments, and where each of them stands on one map."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from dlviz.embeddings.explorer.labeled import Vectors
from dlviz.embeddings.explorer.projection import Pca, Turn, align, pca, tsne
from dlviz.embeddings.explorer.record import axis

#: So many moments are kept; of many words fewer, so that all moments together hold up to so many rows.
MOST, ROWS = 200, 200_000


@dataclass(frozen=True, eq=False)
class Frame:
    """The vectors at one moment, the how-manieth it was, and what its maps need, found once."""

    number: int
    label: str
    vectors: Vectors
    maps: dict[int, Tensor] = field(default_factory=dict, repr=False)

    @cached_property
    def unit(self) -> "Frame":
        """The same with every vector at length 1."""
        return Frame(self.number, self.label, Vectors(self.vectors.directions, self.vectors.labels))

    @cached_property
    def principal(self) -> Pca:
        """Its three principal components."""
        return pca(self.vectors.matrix, 3)

    def tsne(self, components: int) -> Tensor:
        """Its t-SNE map (N, K), turned to lie as near as can be on that of PCA, so that going over loses nobody."""
        if components not in self.maps:
            drawn = tsne(self.vectors.matrix, components, sights(len(self.vectors.labels)))
            self.maps[components] = align(drawn, self.principal.places[:, :components])(drawn)
        return self.maps[components]


@dataclass(frozen=True, eq=False)
class Linear:
    """A map that is linear, so that any vector (…, D) has a place on it: ``(v − origin) @ weight + shift``, (…, K)."""

    origin: Tensor
    weight: Tensor
    shift: Tensor

    def __call__(self, v: Tensor) -> Tensor:
        """The place of vectors."""
        return (v - self.origin) @ self.weight + self.shift

    def turned(self, turn: Turn, first: int) -> "Linear":
        """The same map, its coordinates from `first` on turned."""
        weight, shift = self.weight.clone(), self.shift.clone()
        weight[:, first:] = weight[:, first:] @ turn.q
        shift[first:] = turn(shift[first:])
        return Linear(self.origin, weight, shift)


@dataclass(frozen=True, eq=False)
class Layout:
    """``places`` (T, N, K) of N words at T moments; ``maps``, the linear map of each, of t-SNE none; ``shares`` (T, K) of variance."""

    places: Tensor
    maps: tuple[Linear, ...]
    shares: Tensor


def thinned(frames: Sequence[Frame]) -> list[Frame]:
    """As many moments as are kept: the last, and of the others every second, fourth, eighth, … one, so that they lie evenly."""
    most = max(2, min(MOST, ROWS // len(frames[0].vectors.labels)))
    *before, last = frames
    every = 1
    while last.number // every + 2 > most:
        every *= 2
    return [*(frame for frame in before if frame.number % every == 0), last]


def sights(count: int) -> float:
    """The perplexity for a map: 30, which is usual, and fewer neighbors where so many would be a large part of all."""
    return min(30.0, max(5.0, count / 8))


def scattered(frame: Frame, components: int) -> Layout:
    """The map of t-SNE, of one moment."""
    return Layout(frame.tsne(components).unsqueeze(0), (), torch.empty(1, 0))


def straight(frames: Sequence[Frame], between: Sequence[int], components: int, *, fixed: bool) -> Layout:
    """Maps along principal components, or with `between` along the axis from one word to another.

    With `fixed` all moments stand on the axes of the last. Without it each has its own, turned to lie as near as can be on the one before,
    so that what still moves has really moved.
    """
    one = frames[-1] if fixed else None
    maps = [_map(one or frame, between, components) for frame in frames]
    first = 1 if between else 0  # the words' own axis stays where it is
    places = [maps[0](frames[0].vectors.matrix)]
    for k in range(1, len(frames)):
        matrix = frames[k].vectors.matrix
        if not fixed and components > first:
            maps[k] = maps[k].turned(align(maps[k](matrix)[:, first:], places[-1][:, first:]), first)
        places.append(maps[k](matrix))
    shares = torch.stack([(one or frame).principal.shares[:components] for frame in frames])
    return Layout(torch.stack(places), tuple(maps), shares)


def _map(frame: Frame, between: Sequence[int], components: int) -> Linear:
    matrix = frame.vectors.matrix
    if not between:
        found = frame.principal
        return Linear(found.mean, found.directions[:components].T, matrix.new_zeros(components))
    low, high = (matrix[row] for row in between)
    along = axis(frame.vectors, *between)
    line = (high - low) / ((high - low) @ (high - low))
    beside = pca(matrix - low - along.unsqueeze(1) * (high - low), components - 1)
    # Where nothing is left beside the line, a direction may point along it.
    across = beside.directions - (beside.directions @ (high - low)).unsqueeze(1) * line
    shift = torch.cat((matrix.new_zeros(1), -across @ beside.mean))
    return Linear(low, torch.cat((line.unsqueeze(0), across)).T, shift)
