"""The still picture of a split: where every example assignment, the classes of each part, the warnings and the scores."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor

from dlviz.evaluation.assignment_strip import columns, kinds, part_tint
from dlviz.evaluation.leakage import Finding
from dlviz.evaluation.split_scores import called
from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, framed, shorten
from dlviz.kit.theme import class_tint

_LEFT, _WIDE, _COLUMNS = 84.0, 560.0, 140


def draw(
    parts: Mapping[str, Tensor],
    y: Tensor,
    warnings: Sequence[Finding],
    scores: Sequence[Mapping[str, Any]],
    signature: str,
    summary: str,
    theme: str,
) -> str:
    """SVG of the strip in up to 140 columns, a histogram for each part, and what was found and measured."""
    high = 250 + 18 * len(warnings) + (24 + 22 * len(scores) if scores else 0)
    name = message("evaluation.split.name")
    svg = framed(_LEFT + _WIDE + 24, high, name, signature, summary, theme, signature_left=64)
    labels, classes = kinds(y)
    where = torch.empty(len(y), dtype=torch.long)
    for k, numbers in enumerate(parts.values()):
        where[numbers] = k
    every = ceil(len(y) / _COLUMNS)
    _strip(
        svg,
        columns(labels, len(classes), every).tolist(),
        [svg.mix(*class_tint(k)) for k in range(len(classes))],
        44,
        26,
    )
    _strip(
        svg,
        columns(where, len(parts), every).tolist(),
        [svg.mix(*part_tint(k, len(parts))) for k in range(len(parts))],
        74,
        26,
    )
    svg.text(16, 62, message("evaluation.split.row_classes"), size=11)
    svg.text(16, 92, message("evaluation.split.row_parts"), size=11)
    _histograms(svg, parts, labels, len(classes))
    for k, one in enumerate(warnings):
        svg.text(16, 244 + 18 * k, shorten(one.text, svg.width - 32, 6.2), size=11, color="bad")
    _scores(svg, scores, 244 + 18 * len(warnings))
    return svg.markup()


def _strip(svg: Svg, table: Sequence[Sequence[int]], colors: Sequence[str], top: float, high: float) -> None:
    """Columns stacked of their kinds; all boxes of one color are one path."""
    step, shapes = _WIDE / len(table), [""] * len(colors)
    for c, column in enumerate(table):
        y, whole = top, sum(column)
        for kind, n in enumerate(column):
            if n:
                tall = high * n / whole
                shapes[kind] += f"M{_LEFT + c * step:.1f},{y:.1f}h{step:.2f}v{tall:.1f}h-{step:.2f}z"
                y += tall
    for color, d in zip(colors, shapes, strict=True):
        if d:
            svg.path(d, fill=color)


def _histograms(svg: Svg, parts: Mapping[str, Tensor], labels: Tensor, classes: int) -> None:
    counts = [torch.bincount(labels[numbers], minlength=classes).double() for numbers in parts.values()]
    shares = [one / one.sum() for one in counts]
    most = max(float(one.max()) for one in shares)
    room = (_LEFT + _WIDE - 16) / len(parts)
    for k, (name, numbers) in enumerate(parts.items()):
        left, step = 16 + k * room, (room - 24) / classes
        svg.rect(left, 112, 9, 9, fill=svg.mix(*part_tint(k, len(parts))), radius=2)
        svg.text(left + 14, 121, shorten(f"{name} {len(numbers):,}", room - 30, 6.8), size=11)
        for c, share in enumerate(shares[k].tolist()):
            tall = 90 * share / most
            svg.rect(left + c * step, 220 - tall, max(1, step - 1.5), tall, fill=svg.mix(*class_tint(c)), radius=0)
        svg.path(f"M{left:.1f},220h{room - 24:.1f}", stroke="line")


def _scores(svg: Svg, found: Sequence[Mapping[str, Any]], top: float) -> None:
    """A row of dots for each way to split."""
    every = [value for one in found for value in torch.as_tensor(one["values"]).tolist() if value - value == 0]
    if not found:
        return
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    span = (high - low) or 1.0
    svg.text(16, top + 14, message("evaluation.split.scores"), size=11, bold=True)
    for row, one in enumerate(found):
        y = top + 36 + 22 * row
        svg.text(16, y + 4, called(one), size=11)
        svg.path(f"M{_LEFT + 30:.1f},{y:.1f}h190", stroke="line")
        for value in torch.as_tensor(one["values"]).tolist():
            if value - value == 0:
                x = _LEFT + 38 + 174 * (value - low) / span
                svg.path(f"M{x - 4:.1f},{y:.1f}a4,4 0 1 0 8,0a4,4 0 1 0 -8,0z", fill="accent", stroke="paper", line=1)
        svg.text(_LEFT + 232, y + 4, spoken(one), size=10, mono=True, color="ink-2")


def spoken(one: Mapping[str, Any]) -> str:
    """The spread in words: "0.967 ± 0.009 (5 splits, from 0.95 to 0.98)"."""
    values = torch.as_tensor(one["values"])
    if len(values) == 1:
        return message("evaluation.split.single", mean=f"{float(one['mean']):.4g}")
    told = {name: f"{float(one[name]):.4g}" for name in ("mean", "low", "high")}
    return message("evaluation.split.spread", **told, sd=f"{float(one['sd']):.2g}", count=len(values))
