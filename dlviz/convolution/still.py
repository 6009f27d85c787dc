"""Still picture of a sliding window: input, kernel and output of the first channels side by side."""

import numpy as np
from torch import Tensor

from dlviz.convolution.record import SlidingWindow, is_input, padded_part
from dlviz.kit.svg import MARGIN, Svg, framed
from dlviz.kit.svg_grid import GridCell, cell_width, draw_grid, format_number, value_color

_ROW_HEIGHT, _GAP, _MAX_ROWS = 26.0, 40, 14


def draw(data: SlidingWindow, sample: int, name: str, signature: str, summary: str, theme: str) -> str:
    """Return the first channels of one sample as SVG."""
    axes = data.window_axes
    source = data.x[sample, 0]
    if axes:
        sizes = [min(axis.padded_size, _MAX_ROWS) for axis in axes]
        source = padded_part(source[None], axes, [0] * len(axes), sizes)[0]
    planes = {"x[0]": source, "y[0]": data.output[sample, 0]}
    if data.weight is not None:
        planes = {"x[0]": source, "weight[0, 0]": data.weight[0, 0], "y[0]": data.output[sample, 0]}
    grids = {title: _matrix(x) for title, x in planes.items()}
    widths = {title: cell_width([format_number(value) for value in grid.flat], 26) for title, grid in grids.items()}
    width = MARGIN * 2 + sum(grid.shape[1] * widths[title] + _GAP for title, grid in grids.items())
    height = 84 + max(grid.shape[0] for grid in grids.values()) * _ROW_HEIGHT
    left = MARGIN + 9.5 * len(name)
    svg = framed(max(width, 420), height, name, signature, summary, theme, signature_left=left)
    x = MARGIN
    for title, grid in grids.items():
        svg.text(x, 52, title, size=11, mono=True, color="ink-2")
        is_padding = np.zeros(grid.shape, bool)
        if axes and title == "x[0]":
            is_padding |= ~is_input(axes, [0] * len(axes), grid.shape[-len(axes) :])
        draw_grid(svg, x, 60, _cells(svg, grid, is_padding), (widths[title], _ROW_HEIGHT))
        x += grid.shape[1] * widths[title] + _GAP
    return svg.markup()


def _matrix(x: Tensor) -> np.ndarray:
    matrix = np.atleast_2d(x.detach().cpu().double().numpy())
    return matrix[:_MAX_ROWS, :_MAX_ROWS]


def _cells(svg: Svg, grid: np.ndarray, is_padding: np.ndarray) -> list[list[GridCell]]:
    max_abs = float(np.abs(grid[np.isfinite(grid)]).max(initial=0.0))
    return [
        [
            GridCell(format_number(float(value)), "line-2" if pad else value_color(svg, float(value), max_abs))
            for value, pad in zip(*row, strict=True)
        ]
        for row in zip(grid, is_padding, strict=True)
    ]
