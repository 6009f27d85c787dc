"""Layout of each group of boxes: ranks from left to right, and an order within each rank.

Layered drawing after Sugiyama, Tagawa and Toda (1981), one group at a time. The layout does not depend on which groups are expanded:
expanding a group only moves boxes, which :mod:`dlviz.autograd.coordinates` computes in Python and ``coordinates.js`` in the browser.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

#: Sweeps over the ranks, each of which sorts every rank by the mean position of its neighbors.
SWEEPS = 6
#: Code of a dummy vertex, which leads an edge through a rank between its ends.
DUMMY = -1


def in_port(producer: int) -> int:
    """Return the code of the vertex where the output of box `producer` enters a group."""
    return -2 - 2 * producer


def out_port(producer: int) -> int:
    """Return the code of the vertex where the output of box `producer` leaves a group."""
    return -3 - 2 * producer


@dataclass
class GroupLayout:
    """Layout of the boxes directly inside one group.

    Attributes:
        group: the box that holds them, -1 for the whole diagram.
        vertices: for each vertex a box, :data:`DUMMY`, or the code of a port.
        ranks: from left to right, the vertices of each rank from top to bottom.
        edges: ``(producer, chain, edges)``: the box whose output the edge carries, the vertices from source to target, one in each
            rank, and the numbers of the diagram's edges that pass here.
    """

    group: int
    vertices: list[int] = field(default_factory=list)
    ranks: list[list[int]] = field(default_factory=list)
    edges: list[tuple[int, list[int], list[int]]] = field(default_factory=list)

    @cached_property
    def index(self) -> dict[int, int]:
        """The vertex of each box and port."""
        return {code: v for v, code in enumerate(self.vertices)}


class _GroupEdges:
    """The edges of one group while they are collected."""

    def __init__(self, boxes: list[int]) -> None:
        self.vertices = list(boxes)
        self.index = {box: i for i, box in enumerate(boxes)}
        self.edges: dict[tuple[int, int, int], list[int]] = {}

    def add(self, source: int, target: int, producer: int, edge: int) -> None:
        key = (self._vertex(source), self._vertex(target), producer)
        self.edges.setdefault(key, []).append(edge)

    def _vertex(self, code: int) -> int:
        if code not in self.index:
            self.index[code] = len(self.vertices)
            self.vertices.append(code)
        return self.index[code]


def arrange(parent: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[GroupLayout]:
    """Rank and order the boxes of every group.

    Args:
        parent: for each box the group that holds it, itself a box with a smaller number, or -1.
        edges: ``(producer, consumer)`` pairs of boxes that hold no others.

    Returns:
        One :class:`GroupLayout` for each group that holds something, the whole diagram first.

    Raises:
        ValueError: an edge joins a box to itself, or names a box that does not exist.
    """
    inside: dict[int, list[int]] = defaultdict(list)
    depth = [0] * len(parent)
    for box, group in enumerate(parent):
        if not -1 <= group < box:
            raise ValueError(f"arrange: parent[{box}] is {group}, but a group comes before what it holds")
        inside[group].append(box)
        depth[box] = depth[group] + 1 if group >= 0 else 0
    groups = {group: _GroupEdges(boxes) for group, boxes in inside.items()}
    for edge, (start, end) in enumerate(edges):
        if start == end or not (0 <= start < len(parent) and 0 <= end < len(parent)):
            raise ValueError(
                f"arrange: edges[{edge}] is {(start, end)}, but an edge joins two of the {len(parent)} boxes"
            )
        _route(groups, parent, depth, edge, start, end)
    return [_layout(group, groups[group]) for group in sorted(groups)]


def _route(
    groups: dict[int, _GroupEdges], parent: Sequence[int], depth: list[int], edge: int, start: int, end: int
) -> None:
    """Lead one edge out of the groups that hold its start and into those that hold its end."""
    source, target, left, right = start, end, parent[start], parent[end]
    while left != right:
        if left >= 0 and (right < 0 or depth[left] >= depth[right]):
            groups[left].add(source, out_port(start), start, edge)
            source, left = left, parent[left]
        else:
            groups[right].add(in_port(start), target, start, edge)
            target, right = right, parent[right]
    groups[left].add(source, target, start, edge)


_BOX, _IN, _OUT = range(3)


def _layout(group: int, collected: _GroupEdges) -> GroupLayout:
    """Return the layout of one group. The iterations of a loop have the same structure, which is computed once."""
    kinds = tuple(_BOX if code >= 0 else _IN if code % 2 == 0 else _OUT for code in collected.vertices)
    labels: dict[int, int] = {}
    joins = tuple((s, t, labels.setdefault(producer, len(labels))) for s, t, producer in collected.edges)
    dummies, ranks, chains = _structure(kinds, joins)
    edges = [(key[2], chain, numbers) for (key, numbers), chain in zip(collected.edges.items(), chains, strict=True)]
    return GroupLayout(group, collected.vertices + [DUMMY] * dummies, ranks, edges)


@lru_cache(maxsize=512)
def _structure(
    kinds: tuple[int, ...], joins: tuple[tuple[int, int, int], ...]
) -> tuple[int, list[list[int]], list[list[int]]]:
    """Assign ranks by the longest path to the right, so that a parameter is next to its consumer; add dummies for long edges; order.

    Returns:
        The number of dummies, the ranks, and for each join its chain of vertices. They are shared through the cache, so treat them as
        read-only.
    """
    count = len(kinds)
    consumers: list[list[int]] = [[] for _ in range(count)]
    producers: list[list[int]] = [[] for _ in range(count)]
    for source, target, _ in joins:
        if target not in consumers[source]:
            consumers[source].append(target)
            producers[target].append(source)
    rank = _ranks(kinds, consumers, producers)
    up: list[list[int]] = [[] for _ in range(count)]
    down: list[list[int]] = [[] for _ in range(count)]
    rank_of = list(rank)
    dummies: dict[tuple[int, int, int], int] = {}
    chains = []
    for source, target, producer in joins:
        chain = [source]
        for between in range(rank[source] - 1, rank[target], -1):
            dummy = dummies.get((source, producer, between))
            if dummy is None:
                dummy = dummies[source, producer, between] = len(rank_of)
                rank_of.append(between)
                up.append([])
                down.append([])
            chain.append(dummy)
        chain.append(target)
        for a, b in pairwise(chain):
            if b not in down[a]:
                down[a].append(b)
                up[b].append(a)
        chains.append(chain)
    highest = max(rank_of, default=0)
    return len(dummies), _order([highest - r for r in rank_of], up, down), chains


def _ranks(kinds: tuple[int, ...], consumers: list[list[int]], producers: list[list[int]]) -> list[int]:
    """Return the distance of each vertex from the right edge: out-ports at 0, in-ports farthest left, consumers right of producers."""
    has_outs = _OUT in kinds
    rank = [int(has_outs and kind != _OUT) for kind in kinds]
    for v in _consumers_first(consumers, producers):
        for producer in producers[v]:
            rank[producer] = max(rank[producer], rank[v] + 1)
    # A side end (a cut, or a number that was read) belongs right of its producer, not at the far edge.
    ends = [v for v, kind in enumerate(kinds) if kind == _BOX and producers[v] and not consumers[v]]
    main = -1 if has_outs or not ends else max(ends, key=lambda v: (_ancestor_count(v, producers), v))
    for v in ends:
        if v != main:
            rank[v] = max(rank[v], min(rank[producer] for producer in producers[v]) - 1)
    leftmost = max((rank[v] for v, kind in enumerate(kinds) if kind != _IN), default=0)
    return [leftmost + 1 if kind == _IN else rank[v] for v, kind in enumerate(kinds)]


def _consumers_first(consumers: list[list[int]], producers: list[list[int]]) -> list[int]:
    """Return the vertices in an order in which each follows all its consumers; a cycle between groups is cut at its last vertex."""
    pending = [len(vertices) for vertices in consumers]
    order = [v for v in range(len(consumers)) if not pending[v]]
    waiting = {v for v in range(len(consumers)) if pending[v]}
    done = 0
    while waiting or done < len(order):
        if done == len(order):
            cut = max(waiting)
            waiting.discard(cut)
            pending[cut] = 0
            order.append(cut)
        v = order[done]
        done += 1
        for producer in producers[v]:
            pending[producer] -= 1
            if pending[producer] == 0 and producer in waiting:
                waiting.discard(producer)
                order.append(producer)
    return order


def _ancestor_count(end: int, producers: list[list[int]]) -> int:
    """Return the number of vertices that `end` depends on, itself included."""
    seen, stack = {end}, [end]
    while stack:
        for producer in producers[stack.pop()]:
            if producer not in seen:
                seen.add(producer)
                stack.append(producer)
    return len(seen)


def _order(columns: list[int], up: list[list[int]], down: list[list[int]]) -> list[list[int]]:
    """Order each rank so that few edges cross: first depth-first from the ends, then by the mean position of neighbors."""
    ranks: list[list[int]] = [[] for _ in range(max(columns, default=-1) + 1)]
    seen = [False] * len(columns)
    for end in sorted(range(len(columns)), key=lambda v: -columns[v]):
        stack = [end]
        while stack:
            v = stack.pop()
            if not seen[v]:
                seen[v] = True
                ranks[columns[v]].append(v)
                stack.extend(reversed(up[v]))
    position = [0.0] * len(columns)
    for rank in ranks:
        _update_positions(rank, position)
    for sweep in range(SWEEPS):
        neighbors = up if sweep % 2 else down
        for rank in ranks if sweep % 2 else ranks[::-1]:
            if len(rank) > 1:
                rank.sort(key=lambda v: _mean(neighbors[v], position, position[v]))
                _update_positions(rank, position)
    return ranks


def _update_positions(rank: list[int], position: list[float]) -> None:
    # Counted from the middle, so that a short rank lines up with the middle of a long one.
    for i, v in enumerate(rank):
        position[v] = i - (len(rank) - 1) / 2


def _mean(vertices: list[int], position: list[float], default: float) -> float:
    return sum(position[v] for v in vertices) / len(vertices) if vertices else default


def pack(groups: list[GroupLayout]) -> np.ndarray:
    """Return all groups as one int32 array, which ``coordinates.js`` reads.

    It starts with the number of groups. Each group is: its box; the number of vertices and their codes; the number of ranks, and for
    each the number of vertices and their indices; the number of edges, and for each the producer, the length and vertices of the
    chain, and the number and indices of the diagram's edges.
    """
    values = [len(groups)]
    for layout in groups:
        values += [layout.group, len(layout.vertices), *layout.vertices, len(layout.ranks)]
        for rank in layout.ranks:
            values += [len(rank), *rank]
        values.append(len(layout.edges))
        for producer, chain, numbers in layout.edges:
            values += [producer, len(chain), *chain, len(numbers), *numbers]
    return np.array(values, np.int32)
