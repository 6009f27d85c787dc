"""Coordinates: where every visible box stands once it is said which groups are open. ``place.js`` does the same in the browser."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dlviz.autograd.layout import Local, in_port, out_port

#: Pixels. ``place.js`` holds the same numbers.
GAP_X, GAP_Y, LANE = 26.0, 18.0, 10.0
PAD, TITLE, MARGIN = 12.0, 26.0, 12.0
SWEEPS = 8


@dataclass
class Placed:
    """Visible boxes with their ``(x, y, width, height)`` and edges as waypoints with the picture's edges that they carry."""

    width: float
    height: float
    boxes: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    segments: list[tuple[list[tuple[float, float]], list[int]]] = field(default_factory=list)


@dataclass
class _Inside:
    """One open group, in coordinates of its own."""

    width: float
    height: float
    x: list[float]
    y: list[float]
    size: list[tuple[float, float]]
    column: list[int]
    columns: list[tuple[float, float]]


def place(groups: Sequence[Local], widths: Sequence[int], heights: Sequence[int], opened: Collection[int]) -> Placed:
    """Place every visible box.

    Args:
        groups: from :func:`dlviz.autograd.layout.arrange`.
        widths: of each box, closed, in pixels.
        heights: likewise.
        opened: the groups that are open.
    """
    by_group = {local.group: local for local in groups}
    shown = [local for local in groups if local.group < 0 or local.group in opened]
    inside: dict[int, _Inside] = {}
    # Groups come before what they hold, so from the back the inner ones are done first.
    for local in reversed(shown):
        inside[local.group] = _settle(local, widths, heights, inside, by_group)
    top = inside.get(-1)
    if top is None:
        return Placed(0, 0)
    placed = Placed(top.width + 2 * MARGIN, top.height + 2 * MARGIN)
    _draw(-1, MARGIN, MARGIN, placed, inside, by_group)
    return placed


def _settle(
    local: Local, widths: Sequence[int], heights: Sequence[int], inside: dict[int, _Inside], by_group: dict[int, Local]
) -> _Inside:
    """Columns from the widest box in each rank; heights by sweeps that draw each vertex to the mean of its neighbors."""
    count = len(local.vertices)
    size = [_size(code, widths, heights, inside) for code in local.vertices]
    x, y = [0.0] * count, [0.0] * count
    column, columns, left = [0] * count, [], 0.0
    for r, rank in enumerate(local.ranks):
        wide = max((size[v][0] for v in rank), default=0.0)
        for v in rank:
            x[v] = left + (wide - size[v][0]) / 2
            column[v] = r
        columns.append((left, left + wide))
        left += wide + (GAP_X if wide else GAP_X / 2)
    links = _links(local, inside, by_group)
    for rank in local.ranks:
        _stack(rank, size, y)
    for sweep in range(SWEEPS):
        backwards = sweep % 2 == 0
        for rank in reversed(local.ranks) if backwards else local.ranks:
            _align(rank, links[0] if backwards else links[1], size, y)
    top = min((y[v] - size[v][1] / 2 for v in range(count)), default=0.0)
    y = [value - top for value in y]
    tall = max((y[v] + size[v][1] / 2 for v in range(count)), default=0.0)
    wide = max((right for _, right in columns), default=0.0)
    if local.group < 0:
        return _Inside(wide, tall, x, y, size, column, columns)
    x = [value + PAD for value in x]
    y = [value + TITLE for value in y]
    columns = [(a + PAD, b + PAD) for a, b in columns]
    return _Inside(wide + 2 * PAD, tall + TITLE + PAD, x, y, size, column, columns)


def _size(code: int, widths: Sequence[int], heights: Sequence[int], inside: dict[int, _Inside]) -> tuple[float, float]:
    if code < 0:
        return 0.0, LANE
    if code in inside:
        return inside[code].width, inside[code].height
    return float(widths[code]), float(heights[code])


def _links(
    local: Local, inside: dict[int, _Inside], by_group: dict[int, Local]
) -> tuple[list[list[tuple[int, float, float]]], ...]:
    """For each vertex its neighbors to the right, and to the left: which, how far the two ends stand apart, and how much it counts."""
    right: list[list[tuple[int, float, float]]] = [[] for _ in local.vertices]
    left: list[list[tuple[int, float, float]]] = [[] for _ in local.vertices]
    fed = set()
    for _, chain, _ in local.edges:
        fed.add(chain[-1])
    for producer, chain, _ in local.edges:
        for a, b in itertools.pairwise(chain):
            lanes = (local.vertices[a] < 0) + (local.vertices[b] < 0)
            weight = 8.0 if lanes == 2 else 2.0 if lanes == 1 else 1.0 if a in fed else 0.01
            apart = _offset(local.vertices[b], in_port(producer), inside, by_group) - _offset(
                local.vertices[a], out_port(producer), inside, by_group
            )
            right[a].append((b, apart, weight))
            left[b].append((a, -apart, weight))
    return right, left


def _offset(code: int, port: int, inside: dict[int, _Inside], by_group: dict[int, Local]) -> float:
    """How far below the middle of a box its edge ends: not at all, but for an open group, where it ends at a port."""
    if code not in inside or code < 0:
        return 0.0
    return inside[code].y[by_group[code].number[port]] - inside[code].height / 2


def _stack(rank: list[int], size: list[tuple[float, float]], y: list[float]) -> None:
    at = 0.0
    for i, v in enumerate(rank):
        at += (_apart(rank[i - 1], v, size)) if i else 0.0
        y[v] = at
    middle = at / 2
    for v in rank:
        y[v] -= middle


def _apart(above: int, below: int, size: list[tuple[float, float]]) -> float:
    return (size[above][1] + size[below][1]) / 2 + GAP_Y


def _align(
    rank: list[int], links: list[list[tuple[int, float, float]]], size: list[tuple[float, float]], y: list[float]
) -> None:
    """Each vertex as near as can be to where its neighbors want it, in order and without overlap: weighted isotonic regression."""
    blocks: list[list[float]] = []  # wish, weight, how many
    shift, shifts = 0.0, []
    for i, v in enumerate(rank):
        shift += _apart(rank[i - 1], v, size) if i else 0.0
        shifts.append(shift)
        total, weight = 0.0, 0.0
        for other, apart, counts in links[v]:
            total += (y[other] + apart) * counts
            weight += counts
        wish = total / weight if weight else y[v]
        blocks.append([wish - shift, weight or 0.01, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            b = blocks.pop()
            a = blocks[-1]
            heavy = a[1] + b[1]
            a[0] = (a[0] * a[1] + b[0] * b[1]) / heavy
            a[1] = heavy
            a[2] += b[2]
    i = 0
    for wish, _, count in blocks:
        for _ in range(int(count)):
            y[rank[i]] = wish + shifts[i]
            i += 1


def _draw(
    group: int, x0: float, y0: float, placed: Placed, inside: dict[int, _Inside], by_group: dict[int, Local]
) -> None:
    local, here = by_group[group], inside[group]
    for v, code in enumerate(local.vertices):
        if code >= 0:
            wide, tall = here.size[v]
            left, top = x0 + here.x[v], y0 + here.y[v] - tall / 2
            placed.boxes[code] = (left, top, wide, tall)
            if code in inside:
                _draw(code, left, top, placed, inside, by_group)
    drawn: dict[tuple[int, int], list[int]] = {}
    for producer, chain, carried in local.edges:
        ends = (local.vertices[chain[0]], local.vertices[chain[-1]])
        key = (chain[0], chain[-1])
        # Between closed boxes one line stands for all values.
        if key in drawn and not any(code in inside for code in ends):
            drawn[key] += carried
            continue
        drawn[key] = list(carried)
        placed.segments.append((_waypoints(local, here, producer, chain, x0, y0, inside, by_group), drawn[key]))


def _waypoints(
    local: Local,
    here: _Inside,
    producer: int,
    chain: list[int],
    x0: float,
    y0: float,
    inside: dict[int, _Inside],
    by_group: dict[int, Local],
) -> list[tuple[float, float]]:
    first, last = chain[0], chain[-1]
    start, end = local.vertices[first], local.vertices[last]
    points = [
        (
            x0 + (here.x[first] + here.size[first][0] if start >= 0 else 0.0),
            y0 + here.y[first] + _offset(start, out_port(producer), inside, by_group),
        )
    ]
    for lane in chain[1:-1]:
        left, right = here.columns[here.column[lane]]
        points += [(x0 + left, y0 + here.y[lane]), (x0 + right, y0 + here.y[lane])]
    points.append(
        (
            x0 + (here.x[last] if end >= 0 else here.width),
            y0 + here.y[last] + _offset(end, in_port(producer), inside, by_group),
        )
    )
    return points
