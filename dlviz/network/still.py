"""Still picture of a network: up to ten columns from left to right, a few maps of each."""

from collections.abc import Sequence

from torch import Tensor

from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.svg_grid import draw_heatmap
from dlviz.network.feature_maps import feature_maps, layout, subsample, to_float
from dlviz.network.record import Network

_GAP, _COLUMN_WIDTH, _MAP_SIDE, _MAX_MAPS, _MAX_CELLS = 12.0, 84.0, 44.0, 4, 44


def draw(network: Network, outputs: Sequence[Tensor], signature: str, summary: str, theme: str) -> str:
    """Return an SVG of up to ten columns: the first nine and the last."""
    count = len(network.columns)
    numbers = list(range(count)) if count <= 10 else [*range(9), count - 1]
    width = max(360.0, MARGIN * 2 + len(numbers) * (_COLUMN_WIDTH + _GAP))
    height = 110 + _MAX_MAPS * (_MAP_SIDE + 6) + 20
    svg = framed(width, height, "layers", signature, summary, theme, signature_left=MARGIN + 62)
    for i, number in enumerate(numbers):
        column, x = network.columns[number], MARGIN + i * (_COLUMN_WIDTH + _GAP)
        if i and number != numbers[i - 1] + 1:
            svg.text(x - _GAP, 60, "…", color="ink-3")
        svg.text(x, 56, shorten(column.name, _COLUMN_WIDTH, 7.3), size=12, bold=True)
        svg.text(x, 71, shorten(column.kind, _COLUMN_WIDTH, 6.4), size=10.5, color="ink-3")
        _draw_maps(svg, outputs[number], x, 82)
        shape = "×".join(str(size) for size in column.shape) or "()"
        svg.text(x, height - 14, shorten(shape, _COLUMN_WIDTH, 6.6), size=11, mono=True, color="ink-2")
    return svg.markup()


def _draw_maps(svg: Svg, output: Tensor, x: float, y: float) -> None:
    maps = feature_maps(to_float(output))
    if not maps.numel():
        return
    finite = maps[maps.isfinite()]
    scale = float(finite.abs().max()) if finite.numel() else 0.0
    if layout(output) in ("vector", "number"):
        units = maps[0, :32]
        cell_height = max(3.0, min(18.0, _MAX_MAPS * (_MAP_SIDE + 6) / units.numel()))
        draw_heatmap(svg, x, y, units.numpy(), (12.0, cell_height), scale)
        return
    for k in range(min(_MAX_MAPS, maps.shape[0])):
        part = subsample(maps[k], _MAX_CELLS)[0]
        cell = _MAP_SIDE / max(part.shape)
        draw_heatmap(svg, x, y + k * (_MAP_SIDE + 6), part.numpy(), (cell, cell), scale)
