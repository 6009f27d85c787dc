"""The still picture of a network: the columns from left to right, a few maps of each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlviz.kit.svg import Svg, shorten
from dlviz.network.record import Network
from dlviz.network.scene import feature_maps, layout, subsample, to_float

_MARGIN, _GAP, _WIDE, _MAP, _MOST, _SIDE = 16.0, 12.0, 84.0, 44.0, 4, 11


def draw(network: Network, outputs: Sequence[Tensor], signature: str, summary: str, theme: str) -> str:
    """SVG of up to ten columns: the first nine and the last."""
    count = len(network.columns)
    chosen = list(range(count)) if count <= 10 else [*range(9), count - 1]
    width = max(360.0, _MARGIN * 2 + len(chosen) * (_WIDE + _GAP))
    high = 110 + _MOST * (_MAP + 6) + 20
    svg = Svg(width, high, summary, theme)
    svg.rect(0.5, 0.5, width - 1, high - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, "layers", size=14, bold=True)
    svg.text(_MARGIN + 62, 24, shorten(signature, width - 100, 7.3), mono=True, color="ink-2")
    for place, number in enumerate(chosen):
        column, x = network.columns[number], _MARGIN + place * (_WIDE + _GAP)
        if place and number != chosen[place - 1] + 1:
            svg.text(x - _GAP, 60, "…", color="ink-3")
        svg.text(x, 56, shorten(column.name, _WIDE, 7.3), size=12, bold=True)
        svg.text(x, 71, shorten(column.kind, _WIDE, 6.4), size=10.5, color="ink-3")
        _maps(svg, outputs[number], x, 82)
        shape = "×".join(str(size) for size in column.shape) or "()"
        svg.text(x, high - 14, shorten(shape, _WIDE, 6.6), size=11, mono=True, color="ink-2")
    return svg.markup()


def _maps(svg: Svg, output: Tensor, x: float, y: float) -> None:
    maps = feature_maps(to_float(output))
    if layout(output) in ("vector", "number"):
        units = maps[0, :32].T
        _map(svg, units.T, x, y, 12.0, max(3.0, min(18.0, _MOST * (_MAP + 6) / units.numel())), float(maps.abs().max()))
        return
    most = float(maps.nan_to_num().abs().max())
    for k in range(min(_MOST, maps.shape[0])):
        part = subsample(maps[k], _SIDE)[0]
        cell = _MAP / max(part.shape)
        _map(svg, part, x, y + k * (_MAP + 6), cell, cell, most)


def _map(svg: Svg, part: Tensor, x: float, y: float, wide: float, high: float, most: float) -> None:
    """Cells of one color are one path, which keeps the picture small."""
    rows, columns = part.shape
    shapes: dict[str, str] = {}
    for r in range(rows):
        for c in range(columns):
            value = float(part[r, c])
            strength = round(5 * min(1.0, abs(value) / most)) if most and torch.isfinite(part[r, c]) else 0
            if strength:
                color = svg.mix("pos" if value > 0 else "neg", strength / 5)
                shapes[color] = (
                    shapes.get(color, "") + f"M{x + c * wide:.1f},{y + r * high:.1f}h{wide:.1f}v{high:.1f}h-{wide:.1f}z"
                )
    for color, d in shapes.items():
        svg.path(d, fill=color)
    svg.rect(x, y, columns * wide, rows * high, stroke="line", radius=0, line=0.8)
