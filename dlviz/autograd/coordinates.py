"""Coordinates of every visible box, given which groups are expanded.

``view/coordinates.js`` runs the same steps on the same numbers, because a group must open in a page without a kernel, and the still
picture must be drawn without a browser. A test compares the two.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dlviz.autograd.layout import GroupLayout, in_port, out_port

#: Distances in pixels, and the number of sweeps that move boxes toward their neighbors. The view receives them with the scene.
#: A gradient reaches 9 pixels below its box, and a mark such as "only here" 14 above: `gap_y` has room for both, the space at the
#: `bottom` of a group for the first, and that above its boxes for its own title and the second.
SPACING = {"gap_x": 22, "gap_y": 24, "dummy": 10, "padding": 12, "bottom": 16, "title": 33, "margin": 12, "sweeps": 8}


@dataclass
class Placement:
    """Visible boxes as ``(x, y, width, height)``, and edges as ``(waypoints, numbers of the diagram's edges)``."""

    width: float
    height: float
    boxes: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    segments: list[tuple[list[tuple[float, float]], list[int]]] = field(default_factory=list)


@dataclass
class _GroupPlacement:
    """Vertices of one expanded group, relative to its upper left corner; `y` is the vertical center of each vertex."""

    width: float
    height: float
    x: list[float]
    y: list[float]
    size: list[tuple[float, float]]
    column: list[int]
    columns: list[tuple[float, float]]


def place(
    groups: Sequence[GroupLayout], widths: Sequence[int], heights: Sequence[int], expanded: Collection[int]
) -> Placement:
    """Compute the coordinates of every visible box.

    Args:
        groups: from :func:`dlviz.autograd.layout.arrange`.
        widths: width of each box in pixels while it is collapsed.
        heights: height of each box in pixels while it is collapsed.
        expanded: the groups that are expanded.
    """
    return _Placer(groups, widths, heights, expanded).place()


class _Placer:
    def __init__(
        self, groups: Sequence[GroupLayout], widths: Sequence[int], heights: Sequence[int], expanded: Collection[int]
    ) -> None:
        self.layouts = {group.group: group for group in groups}
        self.visible = [group for group in groups if group.group < 0 or group.group in expanded]
        self.widths, self.heights = widths, heights
        self.placed: dict[int, _GroupPlacement] = {}

    def place(self) -> Placement:
        # Groups come before what they hold, so the reverse order places the inner ones first.
        for layout in reversed(self.visible):
            self.placed[layout.group] = self._place_group(layout)
        top = self.placed.get(-1)
        if top is None:
            return Placement(0, 0)
        margin = float(SPACING["margin"])
        result = Placement(top.width + 2 * margin, top.height + 2 * margin)
        self._collect(-1, margin, margin, result)
        return result

    def _place_group(self, layout: GroupLayout) -> _GroupPlacement:
        """Make each column as wide as its widest box, then move every vertex toward the mean height of its neighbors."""
        count = len(layout.vertices)
        size = [self._size(code) for code in layout.vertices]
        x, y = [0.0] * count, [0.0] * count
        column, columns, left = [0] * count, [], 0.0
        for r, rank in enumerate(layout.ranks):
            width = max((size[v][0] for v in rank), default=0.0)
            for v in rank:
                x[v] = left + (width - size[v][0]) / 2
                column[v] = r
            columns.append((left, left + width))
            left += width + (SPACING["gap_x"] if width else SPACING["gap_x"] / 2)
        right_links, left_links = self._links(layout)
        for rank in layout.ranks:
            _stack(rank, size, y)
        for sweep in range(SPACING["sweeps"]):
            leftward = sweep % 2 == 0
            for rank in reversed(layout.ranks) if leftward else layout.ranks:
                _align(rank, right_links if leftward else left_links, size, y)
        top = min((y[v] - size[v][1] / 2 for v in range(count)), default=0.0)
        y = [value - top for value in y]
        height = max((y[v] + size[v][1] / 2 for v in range(count)), default=0.0)
        width = max((right for _, right in columns), default=0.0)
        if layout.group < 0:
            return _GroupPlacement(width, height, x, y, size, column, columns)
        padding, title = SPACING["padding"], SPACING["title"]
        return _GroupPlacement(
            width + 2 * padding,
            height + title + SPACING["bottom"],
            [value + padding for value in x],
            [value + title for value in y],
            size,
            column,
            [(a + padding, b + padding) for a, b in columns],
        )

    def _size(self, code: int) -> tuple[float, float]:
        if code < 0:
            return 0.0, float(SPACING["dummy"])
        if code in self.placed:
            return self.placed[code].width, self.placed[code].height
        return float(self.widths[code]), float(self.heights[code])

    def _links(self, layout: GroupLayout) -> tuple[list[list[tuple[int, float, float]]], ...]:
        """Return for each vertex its right and its left neighbors, as ``(vertex, vertical offset between the ends, weight)``."""
        right: list[list[tuple[int, float, float]]] = [[] for _ in layout.vertices]
        left: list[list[tuple[int, float, float]]] = [[] for _ in layout.vertices]
        targets = {chain[-1] for _, chain, _ in layout.edges}
        for producer, chain, _ in layout.edges:
            for a, b in itertools.pairwise(chain):
                dummies = (layout.vertices[a] < 0) + (layout.vertices[b] < 0)
                weight = 8.0 if dummies == 2 else 2.0 if dummies == 1 else 1.0 if a in targets else 0.01
                start = self._port_offset(layout.vertices[a], out_port(producer))
                offset = self._port_offset(layout.vertices[b], in_port(producer)) - start
                right[a].append((b, offset, weight))
                left[b].append((a, -offset, weight))
        return right, left

    def _port_offset(self, code: int, port: int) -> float:
        """Return how far below the center of a box its edge ends: 0, except for an expanded group, where it ends at a port."""
        if code not in self.placed or code < 0:
            return 0.0
        return self.placed[code].y[self.layouts[code].index[port]] - self.placed[code].height / 2

    def _collect(self, group: int, x0: float, y0: float, result: Placement) -> None:
        """Add the boxes and edges of one group, whose upper left corner is ``(x0, y0)``, and of the groups inside."""
        layout, here = self.layouts[group], self.placed[group]
        for v, code in enumerate(layout.vertices):
            if code >= 0:
                width, height = here.size[v]
                left, top = x0 + here.x[v], y0 + here.y[v] - height / 2
                result.boxes[code] = (left, top, width, height)
                if code in self.placed:
                    self._collect(code, left, top, result)
        by_ends: dict[tuple[int, int], list[int]] = {}
        for producer, chain, edges in layout.edges:
            ends = (chain[0], chain[-1])
            # Between collapsed boxes one line stands for all values.
            if ends in by_ends and not any(layout.vertices[v] in self.placed for v in ends):
                by_ends[ends] += edges
                continue
            by_ends[ends] = list(edges)
            result.segments.append((self._waypoints(layout, here, producer, chain, x0, y0), by_ends[ends]))

    def _waypoints(
        self, layout: GroupLayout, here: _GroupPlacement, producer: int, chain: list[int], x0: float, y0: float
    ) -> list[tuple[float, float]]:
        first, last = chain[0], chain[-1]
        start, end = layout.vertices[first], layout.vertices[last]
        start_x = here.x[first] + here.size[first][0] if start >= 0 else 0.0
        points = [(x0 + start_x, y0 + here.y[first] + self._port_offset(start, out_port(producer)))]
        for dummy in chain[1:-1]:
            left, right = here.columns[here.column[dummy]]
            points += [(x0 + left, y0 + here.y[dummy]), (x0 + right, y0 + here.y[dummy])]
        end_x = here.x[last] if end >= 0 else here.width
        points.append((x0 + end_x, y0 + here.y[last] + self._port_offset(end, in_port(producer))))
        return points


def _stack(rank: list[int], size: list[tuple[float, float]], y: list[float]) -> None:
    """Stack the vertices of one rank without overlap, centered at 0."""
    position = 0.0
    for i, v in enumerate(rank):
        position += _distance(rank[i - 1], v, size) if i else 0.0
        y[v] = position
    for v in rank:
        y[v] -= position / 2


def _distance(above: int, below: int, size: list[tuple[float, float]]) -> float:
    """Return the smallest distance between the centers of two neighbors in a rank."""
    return (size[above][1] + size[below][1]) / 2 + SPACING["gap_y"]


def _align(
    rank: list[int], links: list[list[tuple[int, float, float]]], size: list[tuple[float, float]], y: list[float]
) -> None:
    """Move each vertex as near as possible to the mean of its neighbors, keeping order and distance: weighted isotonic regression."""
    blocks: list[list[float]] = []  # target, weight, number of vertices
    shift, shifts = 0.0, []
    for i, v in enumerate(rank):
        shift += _distance(rank[i - 1], v, size) if i else 0.0
        shifts.append(shift)
        total, weight = 0.0, 0.0
        for neighbor, offset, link_weight in links[v]:
            total += (y[neighbor] + offset) * link_weight
            weight += link_weight
        target = total / weight if weight else y[v]
        blocks.append([target - shift, weight or 0.01, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            b = blocks.pop()
            a = blocks[-1]
            merged = a[1] + b[1]
            a[0] = (a[0] * a[1] + b[0] * b[1]) / merged
            a[1] = merged
            a[2] += b[2]
    i = 0
    for target, _, count in blocks:
        for _ in range(int(count)):
            y[rank[i]] = target + shifts[i]
            i += 1
