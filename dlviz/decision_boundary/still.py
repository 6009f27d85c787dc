"""The still picture of a decision boundary: the heat, the points, and what the accuracy is."""

from collections.abc import Sequence
from math import ceil

from torch import Tensor

from dlviz.decision_boundary.record import Shot
from dlviz.decision_boundary.validation import Limits
from dlviz.kit.svg import Svg, shorten

#: The color of each class.
COLORS = ("neg", "pos", "flow", "good", "bad")
#: How much of a class's color the surest place of the plane has.
STRONG = 0.6
#: The shape of each class around a point.
_SHAPES = (
    "M{x:.1f},{y:.1f}m-3.5,0a3.5,3.5 0 1 0 7,0a3.5,3.5 0 1 0 -7,0z",
    "M{x:.1f},{y:.1f}m-3.2,-3.2h6.4v6.4h-6.4z",
    "M{x:.1f},{y:.1f}m0,-4.2l4,7h-8z",
    "M{x:.1f},{y:.1f}m0,-4.5l4,4.5l-4,4.5l-4,-4.5z",
    "M{x:.1f},{y:.1f}m0,4.2l4,-7h-8z",
)
_MARGIN, _TOP, _SIDE, _CELLS, _POINTS = 16.0, 44.0, 320.0, 40, 300


def draw(
    shot: Shot, y: Tensor, limits: Limits, side: int, signature: str, classes: Sequence[str], summary: str, theme: str
) -> str:
    """SVG of the plane with up to 40 × 40 cells and 300 points."""
    svg = Svg(_SIDE + 2 * _MARGIN + 130, _TOP + _SIDE + 20, summary, theme)
    svg.rect(0.5, 0.5, svg.width - 1, svg.height - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, "boundary", size=14, bold=True)
    svg.text(_MARGIN + 80, 24, shorten(signature, svg.width - 112, 7.3), mono=True, color="ink-2")
    _heat(svg, shot, side)
    svg.rect(_MARGIN, _TOP, _SIDE, _SIDE, stroke="line", radius=0)
    left, right, bottom, top = limits
    every = max(1, ceil(len(y) / _POINTS))
    for (a, b), label, guess in zip(
        shot.points.calls[0].output[::every].tolist(), y[::every].tolist(), shot.guesses[::every].tolist(), strict=True
    ):
        px, py = (a - left) / (right - left) * _SIDE, (top - b) / (top - bottom) * _SIDE
        if 0 <= px <= _SIDE and 0 <= py <= _SIDE:
            _point(svg, _MARGIN + px, _TOP + py, label, right=label == guess)
    for number, name in enumerate(classes):
        _point(svg, _MARGIN + _SIDE + 22, _TOP + 10 + 20 * number, number, right=True)
        svg.text(_MARGIN + _SIDE + 34, _TOP + 14 + 20 * number, shorten(name, 100, 7))
    return svg.markup()


def color(number: int) -> str:
    """The token of a class's color."""
    return COLORS[number % len(COLORS)]


def _heat(svg: Svg, shot: Shot, side: int) -> None:
    """Cells of one color are one path, and a run of them one box of it, which keeps the picture small."""
    every = ceil(side / _CELLS)
    chances = shot.chances.reshape(side, side, -1)[::every, ::every]
    best, winner = (part.tolist() for part in chances.max(-1))
    cell, shapes = _SIDE * every / side, dict[str, str]()
    for r, row in enumerate(best):
        colors = [_shade(svg, winner[r][c], p, shot.classes) for c, p in enumerate(row)]
        start = 0
        for c in range(1, len(row) + 1):
            if c == len(row) or colors[c] != colors[start]:
                x, y = start * cell, r * cell
                wide, high = min(c * cell, _SIDE) - x, min(cell, _SIDE - y)
                shape = f"M{_MARGIN + x:.1f},{_TOP + y:.1f}h{wide:.1f}v{high:.1f}h-{wide:.1f}z"
                shapes[colors[start]] = shapes.get(colors[start], "") + shape
                start = c
    for name, d in shapes.items():
        svg.path(d, fill=name)


def _shade(svg: Svg, winner: int, p: float, classes: int) -> str:
    sure = (p - 1 / classes) / (1 - 1 / classes) if p == p else 0.0
    return svg.mix(color(winner), STRONG * round(6 * sure) / 6)


def _point(svg: Svg, x: float, y: float, label: int, *, right: bool) -> None:
    """Filled where the guess is right, a cross where it is wrong."""
    if right:
        svg.path(_SHAPES[label % len(_SHAPES)].format(x=x, y=y), fill=color(label), stroke="paper", line=1.2)
    else:
        d = f"M{x - 4:.1f},{y - 4:.1f}l8,8m0,-8l-8,8"
        svg.path(d, stroke="paper", line=4)
        svg.path(d, stroke=color(label), line=2)
