"""Still picture of a decision boundary: class probabilities, points and accuracy."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from torch import Tensor

from dlviz.decision_boundary.record import ModelOutputs
from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.theme import class_color
from dlviz.torchkit.plane import Limits

#: Opacity of a class's color where its probability is 1.
MAX_OPACITY = 0.6
_TOP, _SIDE, _SHADES, _MAX_POINTS = 44.0, 320.0, 6, 300


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
    """Return an SVG of the plane with up to 300 points."""
    width, height = _SIDE + 2 * MARGIN + 130, _TOP + _SIDE + 20
    svg = framed(width, height, "boundary", signature, summary, theme, signature_left=MARGIN + 80)
    _draw_probs(svg, outputs, side)
    svg.rect(MARGIN, _TOP, _SIDE, _SIDE, stroke="line", radius=0)
    _draw_points(svg, outputs, labels, limits)
    for label, name in enumerate(classes):
        _draw_marker(svg, MARGIN + _SIDE + 22, _TOP + 10 + 20 * label, label, correct=True)
        svg.text(MARGIN + _SIDE + 34, _TOP + 14 + 20 * label, shorten(name, 100, 7))
    return svg.markup()


def _draw_points(svg: Svg, outputs: ModelOutputs, labels: Tensor, limits: Limits) -> None:
    left, right, bottom, top = limits
    stride = max(1, ceil(len(labels) / _MAX_POINTS))
    points, preds = outputs.point_pass.calls[0].output[::stride].tolist(), outputs.preds[::stride].tolist()
    for (x, y), label, pred in zip(points, labels[::stride].tolist(), preds, strict=True):
        px, py = (x - left) / (right - left) * _SIDE, (top - y) / (top - bottom) * _SIDE
        if 0 <= px <= _SIDE and 0 <= py <= _SIDE:
            _draw_marker(svg, MARGIN + px, _TOP + py, label, correct=label == pred)


def _draw_probs(svg: Svg, outputs: ModelOutputs, side: int) -> None:
    """Draw each cell in the color of its most likely class, in six shades from the lowest possible probability to 1."""
    best, winner = (part.reshape(side, side).double().numpy() for part in outputs.probs.max(-1))
    lowest = 1 / outputs.num_classes
    shades = np.rint(_SHADES * np.nan_to_num((best - lowest) / (1 - lowest))).astype(int)
    palette = [
        svg.mix(class_color(label), MAX_OPACITY * shade / _SHADES)
        for label in range(outputs.num_classes)
        for shade in range(_SHADES + 1)
    ]
    svg.image(MARGIN, _TOP, _SIDE, _SIDE, winner.astype(int) * (_SHADES + 1) + shades, palette)


def _draw_marker(svg: Svg, x: float, y: float, label: int, *, correct: bool) -> None:
    """Draw a filled marker for a correct prediction, a cross for a wrong one."""
    if correct:
        svg.marker(x, y, label, 3.6)
    else:
        d = f"M{x - 4:.1f},{y - 4:.1f}l8,8m0,-8l-8,8"
        svg.path(d, stroke="paper", line=4)
        svg.path(d, stroke=class_color(label), line=2)
