"""Still picture of a sliding window: input, kernel and output of the first channels side by side."""

import numpy as np
from torch import Tensor

from dlviz.convolution.record import SlidingWindow, padded
from dlviz.convolution.window_axis import WindowAxis
from dlviz.kit.svg import MARGIN, Svg, framed
from dlviz.kit.svg_grid import GridCell, cell_width, draw_grid, format_number, value_color

_ROW_HEIGHT, _GAP, _MAX_ROWS = 26.0, 40, 14


def draw(data: SlidingWindow, sample: int, name: str, signature: str, summary: str, theme: str) -> str:
    """Return the first channels of one sample as SVG."""
    axes = [axis for axis in data.axes if isinstance(axis, WindowAxis)]
    source = padded(data.x[sample : sample + 1], axes)[0, 0] if axes else data.x[sample, 0]
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
        is_padding = _is_padding(axes, grid.shape) if title == "x[0]" else np.zeros(grid.shape, bool)
        draw_grid(svg, x, 60, _cells(svg, grid, is_padding), (widths[title], _ROW_HEIGHT))
        x += grid.shape[1] * widths[title] + _GAP
    return svg.markup()


def _matrix(x: Tensor) -> np.ndarray:
    matrix = np.atleast_2d(x.detach().cpu().double().numpy())
    return matrix[:_MAX_ROWS, :_MAX_ROWS]


def _is_padding(axes: list[WindowAxis], shape: tuple[int, ...]) -> np.ndarray:
    """Return which cells of the drawn input are padding, of a series in its only row."""
    inside = np.ones(shape, bool)
    for axis, length, dim in zip(reversed(axes), reversed(shape), (1, 0), strict=False):
        positions = np.arange(length) - axis.pad_before
        along = (positions >= 0) & (positions < axis.input_size)
        inside &= along if dim == 1 else along[:, None]
    return ~inside


def _cells(svg: Svg, grid: np.ndarray, is_padding: np.ndarray) -> list[list[GridCell]]:
    max_abs = float(np.abs(grid[np.isfinite(grid)]).max(initial=0.0))
    return [
        [
            GridCell(format_number(float(value)), "line-2" if pad else value_color(svg, float(value), max_abs))
            for value, pad in zip(*row, strict=True)
        ]
        for row in zip(grid, is_padding, strict=True)
    ]
