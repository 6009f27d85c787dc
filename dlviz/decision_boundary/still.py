"""Still picture of a decision boundary: class probabilities, points and accuracy."""

from collections.abc import Sequence
from math import ceil

from torch import Tensor

from dlviz.decision_boundary.inputs import Limits
from dlviz.decision_boundary.record import ModelOutputs
from dlviz.kit.svg import Svg, shorten
from dlviz.kit.theme import class_color

#: Opacity of a class's color where its probability is 1.
MAX_OPACITY = 0.6
_MARGIN, _TOP, _SIDE, _MAX_CELLS, _MAX_POINTS = 16.0, 44.0, 320.0, 40, 300


def draw(
    outputs: ModelOutputs,
    labels: Tensor,
    limits: Limits,
    side: int,
    signature: str,
    classes: Sequence[str],
    summary: str,
    theme: str,
) -> str:
    """Return an SVG of the plane with up to 40 × 40 cells and 300 points."""
    svg = Svg(_SIDE + 2 * _MARGIN + 130, _TOP + _SIDE + 20, summary, theme)
    svg.rect(0.5, 0.5, svg.width - 1, svg.height - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, "boundary", size=14, bold=True)
    svg.text(_MARGIN + 80, 24, shorten(signature, svg.width - 112, 7.3), mono=True, color="ink-2")
    _draw_probs(svg, outputs, side)
    svg.rect(_MARGIN, _TOP, _SIDE, _SIDE, stroke="line", radius=0)
    _draw_points(svg, outputs, labels, limits)
    for label, name in enumerate(classes):
        _draw_marker(svg, _MARGIN + _SIDE + 22, _TOP + 10 + 20 * label, label, correct=True)
        svg.text(_MARGIN + _SIDE + 34, _TOP + 14 + 20 * label, shorten(name, 100, 7))
    return svg.markup()


def _draw_points(svg: Svg, outputs: ModelOutputs, labels: Tensor, limits: Limits) -> None:
    left, right, bottom, top = limits
    stride = max(1, ceil(len(labels) / _MAX_POINTS))
    points, preds = outputs.point_pass.calls[0].output[::stride].tolist(), outputs.preds[::stride].tolist()
    for (x, y), label, pred in zip(points, labels[::stride].tolist(), preds, strict=True):
        px, py = (x - left) / (right - left) * _SIDE, (top - y) / (top - bottom) * _SIDE
        if 0 <= px <= _SIDE and 0 <= py <= _SIDE:
            _draw_marker(svg, _MARGIN + px, _TOP + py, label, correct=label == pred)


def _draw_probs(svg: Svg, outputs: ModelOutputs, side: int) -> None:
    """Draw all cells of one color as one path, with a run of them as one box, which keeps the picture small."""
    stride = ceil(side / _MAX_CELLS)
    probs = outputs.probs.reshape(side, side, -1)[::stride, ::stride]
    best, winner = (part.tolist() for part in probs.max(-1))
    cell, paths = _SIDE * stride / side, dict[str, str]()
    for r, row in enumerate(best):
        colors = [_cell_color(svg, winner[r][c], p, outputs.num_classes) for c, p in enumerate(row)]
        start = 0
        for c in range(1, len(row) + 1):
            if c == len(row) or colors[c] != colors[start]:
                x, y = start * cell, r * cell
                width, height = min(c * cell, _SIDE) - x, min(cell, _SIDE - y)
                box = f"M{_MARGIN + x:.1f},{_TOP + y:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}z"
                paths[colors[start]] = paths.get(colors[start], "") + box
                start = c
    for color, d in paths.items():
        svg.path(d, fill=color)


def _cell_color(svg: Svg, winner: int, p: float, num_classes: int) -> str:
    certainty = (p - 1 / num_classes) / (1 - 1 / num_classes) if p == p else 0.0
    return svg.mix(class_color(winner), MAX_OPACITY * round(6 * certainty) / 6)


def _draw_marker(svg: Svg, x: float, y: float, label: int, *, correct: bool) -> None:
    """Draw a filled marker for a correct prediction, a cross for a wrong one."""
    if correct:
        svg.marker(x, y, label, 3.6)
    else:
        d = f"M{x - 4:.1f},{y - 4:.1f}l8,8m0,-8l-8,8"
        svg.path(d, stroke="paper", line=4)
        svg.path(d, stroke=class_color(label), line=2)
