"""Still picture of a split: the parts in the order of the data, the classes of each part, the warnings and the scores."""

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import numpy as np
import torch

from dlviz.evaluation.split_scene import bars, columns, part_of_each, part_tint
from dlviz.evaluation.split_scores import spread_text, summarize_scores
from dlviz.evaluation.split_state import DataSplit
from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.theme import class_tint

_LEFT, _WIDTH, _MAX_COLUMNS = 84.0, 560.0, 140
#: Height of the strips and of the bars, and y of the line below the bars.
_STRIP_HEIGHT, _BAR_HEIGHT, _BASELINE = 26, 90, 220


def draw(data: DataSplit, signature: str, summary: str, theme: str) -> str:
    """Return an SVG of the strip in up to 140 columns, the classes of each part, the warnings and the scores."""
    rows = summarize_scores(data.measured)
    height = 250 + 18 * len(data.warnings) + (24 + 22 * len(rows) if rows else 0)
    name = message("evaluation.split.name")
    svg = framed(_LEFT + _WIDTH + 24, height, name, signature, summary, theme, signature_left=64)
    labels, classes = bars(data.y)
    parts, stride = part_of_each(data.parts, len(data.y)), ceil(len(data.y) / _MAX_COLUMNS)
    class_colors = [svg.mix(*class_tint(k)) for k in range(len(classes))]
    part_colors = [svg.mix(*part_tint(k, len(data.parts))) for k in range(len(data.parts))]
    lanes = columns(labels, len(classes), stride).T > 0
    palette = ["raised", *class_colors]
    svg.image(_LEFT, 44, _WIDTH, _STRIP_HEIGHT, lanes * (1 + np.arange(len(classes)))[:, None], palette)
    _draw_strip(svg, columns(parts, len(data.parts), stride).tolist(), part_colors, 74)
    svg.text(MARGIN, 62, message("evaluation.split.row_classes"), size=11)
    svg.text(MARGIN, 92, message("evaluation.split.row_parts"), size=11)
    _draw_bars(svg, data, labels, class_colors, part_colors)
    for k, warning in enumerate(data.warnings):
        svg.text(MARGIN, 244 + 18 * k, shorten(warning.text, svg.width - 32, 6.2), size=11, color="bad")
    if rows:
        _draw_scores(svg, rows, 244 + 18 * len(data.warnings))
    return svg.markup()


def _draw_strip(svg: Svg, table: Sequence[Sequence[int]], colors: Sequence[str], top: float) -> None:
    """Draw columns that are stacked from their kinds; all boxes of one color are one path."""
    width, shapes = _WIDTH / len(table), [""] * len(colors)
    for c, column in enumerate(table):
        y, total = top, sum(column)
        for kind, count in enumerate(column):
            if count:
                height = _STRIP_HEIGHT * count / total
                shapes[kind] += f"M{_LEFT + c * width:.1f},{y:.1f}h{width:.2f}v{height:.1f}h-{width:.2f}z"
                y += height
    for color, d in zip(colors, shapes, strict=True):
        if d:
            svg.path(d, fill=color)


def _draw_bars(
    svg: Svg, data: DataSplit, labels: torch.Tensor, class_colors: Sequence[str], part_colors: Sequence[str]
) -> None:
    counts = [torch.bincount(labels[indices], minlength=len(class_colors)) for indices in data.parts.values()]
    fractions = [(count.double() / count.sum()).tolist() for count in counts]
    largest = max(map(max, fractions))
    room = (_LEFT + _WIDTH - MARGIN) / len(data.parts)
    for k, (name, indices) in enumerate(data.parts.items()):
        left, step = MARGIN + k * room, (room - 24) / len(class_colors)
        svg.rect(left, 112, 9, 9, fill=part_colors[k], radius=2)
        svg.text(left + 14, 121, shorten(f"{name} {len(indices):,}", room - 30, 6.8), size=11)
        for c, fraction in enumerate(fractions[k]):
            height = _BAR_HEIGHT * fraction / largest
            svg.rect(left + c * step, _BASELINE - height, max(1, step - 1.5), height, fill=class_colors[c], radius=0)
        svg.path(f"M{left:.1f},{_BASELINE}h{room - 24:.1f}", stroke="line")


def _draw_scores(svg: Svg, rows: Sequence[Mapping[str, Any]], top: float) -> None:
    """Draw a row of dots for each way to split."""
    finite = [list(filter(isfinite, row["values"].tolist())) for row in rows]
    low, high = min(map(min, filter(None, finite)), default=0.0), max(map(max, filter(None, finite)), default=1.0)
    svg.text(MARGIN, top + 14, message("evaluation.split.scores"), size=11, bold=True)
    for k, row in enumerate(rows):
        y = top + 36 + 22 * k
        svg.text(MARGIN, y + 4, row["title"], size=11)
        svg.path(f"M{_LEFT + 30:.1f},{y:.1f}h190", stroke="line")
        for value in finite[k]:
            x = _LEFT + 38 + 174 * (value - low) / ((high - low) or 1.0)
            svg.path(f"M{x - 4:.1f},{y:.1f}a4,4 0 1 0 8,0a4,4 0 1 0 -8,0z", fill="run-0", stroke="paper", line=1)
        svg.text(_LEFT + 232, y + 4, spread_text(row), size=10, mono=True, color="ink-2")
