"""The structure of the picture: for every group of boxes, ranks from left to right and an order in each rank.

Layered drawing after Sugiyama, Tagawa and Toda (1981), one group at a time, so that it does not depend on what is open: opening a
group only moves things, which :mod:`dlviz.autograd.coordinates` does, and the browser by itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

#: Sweeps over the ranks that sort each by where its neighbors stand.
SWEEPS = 6
DUMMY = -1


def in_port(producer: int) -> int:
    """The code of the vertex where what box `producer` made enters a group."""
    return -2 - 2 * producer


def out_port(producer: int) -> int:
    """The code of the vertex where what box `producer` made leaves a group."""
    return -3 - 2 * producer


@dataclass
class Local:
    """One group from inside.

    Attributes:
        group: the box that holds it, -1 for the whole picture.
        vertices: for each vertex a box, :data:`DUMMY`, or the code of a port.
        ranks: from left to right, the vertices of each rank from top to bottom.
        edges: ``(producer, chain, carried)``: the box that made the value, the vertices from source to target, one a rank, and
            the edges of the picture that pass here.
    """

    group: int
    vertices: list[int] = field(default_factory=list)
    ranks: list[list[int]] = field(default_factory=list)
    edges: list[tuple[int, list[int], list[int]]] = field(default_factory=list)

    @cached_property
    def number(self) -> dict[int, int]:
        """Box or port -> vertex."""
        return {code: v for v, code in enumerate(self.vertices)}


class _Group:
    """A group while its edges are being gathered."""

    def __init__(self, boxes: list[int]) -> None:
        self.vertices = list(boxes)
        self.number = {box: i for i, box in enumerate(boxes)}
        self.carried: dict[tuple[int, int, int], list[int]] = {}

    def add(self, source: int, target: int, producer: int, edge: int) -> None:
        key = (self._vertex(source), self._vertex(target), producer)
        self.carried.setdefault(key, []).append(edge)

    def _vertex(self, code: int) -> int:
        if code not in self.number:
            self.number[code] = len(self.vertices)
            self.vertices.append(code)
        return self.number[code]


def arrange(parent: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[Local]:
    """Rank and order the boxes of every group.

    Args:
        parent: for each box the group that holds it, itself a box with a smaller number, or -1.
        edges: ``(producer, consumer)`` pairs of boxes that hold no others.

    Returns:
        One :class:`Local` for each group that holds something, the whole picture first.

    Raises:
        ValueError: an edge from a box to itself, or a box that is not there.
    """
    inside: dict[int, list[int]] = defaultdict(list)
    depth = [0] * len(parent)
    for box, around in enumerate(parent):
        if not -1 <= around < box:
            raise ValueError(f"arrange: parent[{box}] is {around}, but a group comes before what it holds")
        inside[around].append(box)
        depth[box] = depth[around] + 1 if around >= 0 else 0
    groups = {group: _Group(boxes) for group, boxes in inside.items()}
    for edge, (start, end) in enumerate(edges):
        if start == end or not (0 <= start < len(parent) and 0 <= end < len(parent)):
            raise ValueError(
                f"arrange: edges[{edge}] is {(start, end)}, but an edge joins two of the {len(parent)} boxes"
            )
        _thread(groups, parent, depth, edge, start, end)
    return [_layer(group, groups[group]) for group in sorted(groups)]


def _thread(
    groups: dict[int, _Group], parent: Sequence[int], depth: list[int], edge: int, start: int, end: int
) -> None:
    """Lead one edge out of the groups around its start and into those around its end."""
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


def _layer(group: int, gathered: _Group) -> Local:
    """Give a group its structure. The steps of a loop all look alike, so what they share is worked out once."""
    kinds = tuple(_BOX if code >= 0 else _IN if code % 2 == 0 else _OUT for code in gathered.vertices)
    labels: dict[int, int] = {}
    joins = tuple((s, t, labels.setdefault(producer, len(labels))) for s, t, producer in gathered.carried)
    lanes, ranks, chains = _structure(kinds, joins)
    edges = [(key[2], chain, carried) for (key, carried), chain in zip(gathered.carried.items(), chains, strict=True)]
    return Local(group, gathered.vertices + [DUMMY] * lanes, ranks, edges)


@lru_cache(maxsize=512)
def _structure(
    kinds: tuple[int, ...], joins: tuple[tuple[int, int, int], ...]
) -> tuple[int, list[list[int]], list[list[int]]]:
    """Ranks by longest path to the right, so that a parameter stands beside its user; then lanes for long edges, then order.

    Returns how many lanes there are, the ranks, and for each join its chain of vertices. Nobody may change them: they are shared.
    """
    count = len(kinds)
    users: list[list[int]] = [[] for _ in range(count)]
    makers: list[list[int]] = [[] for _ in range(count)]
    for source, target, _ in joins:
        if target not in users[source]:
            users[source].append(target)
            makers[target].append(source)
    rank = _ranks(kinds, users, makers)
    up: list[list[int]] = [[] for _ in range(count)]
    down: list[list[int]] = [[] for _ in range(count)]
    rank_of = list(rank)
    lanes: dict[tuple[int, int, int], int] = {}
    chains = []
    for source, target, producer in joins:
        chain = [source]
        for between in range(rank[source] - 1, rank[target], -1):
            lane = lanes.get((source, producer, between))
            if lane is None:
                lane = lanes[source, producer, between] = len(rank_of)
                rank_of.append(between)
                up.append([])
                down.append([])
            chain.append(lane)
        chain.append(target)
        for a, b in pairwise(chain):
            if b not in down[a]:
                down[a].append(b)
                up[b].append(a)
        chains.append(chain)
    highest = max(rank_of, default=0)
    return len(lanes), _ordered([highest - r for r in rank_of], up, down), chains


def _ranks(kinds: tuple[int, ...], users: list[list[int]], makers: list[list[int]]) -> list[int]:
    """Distance from the right edge of the group: ways out at 0, ways in furthest left, a user always right of its makers."""
    outs = _OUT in kinds
    rank = [int(outs and kind != _OUT) for kind in kinds]
    for v in _makers_last(users, makers):
        for maker in makers[v]:
            rank[maker] = max(rank[maker], rank[v] + 1)
    # An end that is not the way on (a cut, a number that was read) stands right of what made it, not at the far side.
    ends = [v for v, kind in enumerate(kinds) if kind == _BOX and makers[v] and not users[v]]
    main = -1 if outs or not ends else max(ends, key=lambda v: (_length(v, makers), v))
    for v in ends:
        if v != main:
            rank[v] = max(rank[v], min(rank[maker] for maker in makers[v]) - 1)
    inner = max((rank[v] for v, kind in enumerate(kinds) if kind != _IN), default=0)
    return [inner + 1 if kind == _IN else rank[v] for v, kind in enumerate(kinds)]


def _makers_last(users: list[list[int]], makers: list[list[int]]) -> list[int]:
    """Every vertex after all its users; a circle between groups is cut at its latest vertex."""
    left = [len(found) for found in users]
    order = [v for v in range(len(users)) if not left[v]]
    waiting = {v for v in range(len(users)) if left[v]}
    done = 0
    while waiting or done < len(order):
        if done == len(order):
            stuck = max(waiting)
            waiting.discard(stuck)
            left[stuck] = 0
            order.append(stuck)
        v = order[done]
        done += 1
        for maker in makers[v]:
            left[maker] -= 1
            if left[maker] == 0 and maker in waiting:
                waiting.discard(maker)
                order.append(maker)
    return order


def _length(end: int, makers: list[list[int]]) -> int:
    """How many vertices lie behind `end`."""
    seen, stack = {end}, [end]
    while stack:
        for maker in makers[stack.pop()]:
            if maker not in seen:
                seen.add(maker)
                stack.append(maker)
    return len(seen)


def _ordered(columns: list[int], up: list[list[int]], down: list[list[int]]) -> list[list[int]]:
    """An order for each rank with few crossings: first as a walk back from the ends meets them, then by neighbors' mean."""
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
    for row in ranks:
        _number(row, position)
    for sweep in range(SWEEPS):
        rows = ranks if sweep % 2 else ranks[::-1]
        neighbors = up if sweep % 2 else down
        for row in rows:
            if len(row) > 1:
                row.sort(key=lambda v: _mean(neighbors[v], position, position[v]))
                _number(row, position)
    return ranks


def _number(row: list[int], position: list[float]) -> None:
    # From the middle, so that a short rank lines up with the middle of a long one.
    for i, v in enumerate(row):
        position[v] = i - (len(row) - 1) / 2


def _mean(around: list[int], position: list[float], otherwise: float) -> float:
    return sum(position[v] for v in around) / len(around) if around else otherwise


def pack(groups: list[Local]) -> np.ndarray:
    """All groups as one row of int32, which ``place.js`` reads.

    Each group: its box; how many vertices, and their codes; how many ranks, and for each how many vertices and which; how many edges,
    and for each the producer, how many vertices and which, how many edges it carries and which. The number of groups comes first.
    """
    row = [len(groups)]
    for local in groups:
        row += [local.group, len(local.vertices), *local.vertices, len(local.ranks)]
        for rank in local.ranks:
            row += [len(rank), *rank]
        row.append(len(local.edges))
        for producer, chain, carried in local.edges:
            row += [producer, len(chain), *chain, len(carried), *carried]
    return np.array(row, np.int32)
