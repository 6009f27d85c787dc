"""The still picture of a sliding window: input, kernel, output, side by side."""

from itertools import product

import numpy as np
from torch import Tensor

from dlviz.convolution.record import Sliding, padded
from dlviz.convolution.window_axis import Axis
from dlviz.kit.svg import Svg, shorten

_CELL, _MARGIN, _MOST = 26.0, 16.0, 14


def draw(made: Sliding, sample: int, name: str, signature: str, summary: str, theme: str) -> str:
    """SVG of the first channel of each."""
    axes = [axis for axis in made.axes if isinstance(axis, Axis)]
    source = padded(made.x[sample : sample + 1], axes)[0, 0] if axes else made.x[sample, 0]
    sheets = [("x[0]", source), *([("weight[0, 0]", made.weight[0, 0])] if made.weight is not None else [])]
    sheets.append(("y[0]", made.output[sample, 0]))
    grids = [(title, _plane(x)) for title, x in sheets]
    wide = _MARGIN * 2 + sum(grid.shape[1] * _wide(grid) + 40 for _, grid in grids)
    high = 84 + max(grid.shape[0] for _, grid in grids) * _CELL
    svg = Svg(max(wide, 420), high, summary, theme)
    svg.rect(0.5, 0.5, svg.width - 1, high - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, name, size=14, bold=True)
    left = _MARGIN + 9.5 * len(name)
    svg.text(left, 24, shorten(signature, svg.width - left - _MARGIN, 7.3), mono=True, color="ink-2")
    x = _MARGIN
    for place, (title, grid) in enumerate(grids):
        svg.text(x, 52, title, size=11, mono=True, color="ink-2")
        pad = (axes[-2].before if len(axes) > 1 else 0, axes[-1].before) if place == 0 and axes else (0, 0)
        sizes = tuple(made.x.shape[-2:]) if len(made.axes) > 1 else (1, int(made.x.shape[-1]))
        _sheet(svg, grid, x, 60, pad if place == 0 else None, sizes)
        x += grid.shape[1] * _wide(grid) + 40
    return svg.markup()


def _plane(x: Tensor) -> np.ndarray:
    plane = x.detach().cpu().double()
    plane = plane.reshape(1, -1) if plane.dim() == 1 else plane
    return plane[:_MOST, :_MOST].numpy()


def _wide(grid: np.ndarray) -> float:
    return max(_CELL, 9 + 6.7 * max((len(_short(value)) for value in grid.flat), default=1))


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _sheet(svg: Svg, grid: np.ndarray, x: float, y: float, pad: tuple[int, int] | None, sizes: tuple[int, ...]) -> None:
    wide, most = _wide(grid), float(np.abs(grid[np.isfinite(grid)]).max(initial=0.0))
    rows, columns = grid.shape
    shapes: dict[str, str] = {}
    for r, c in product(range(rows), range(columns)):
        outside = pad is not None and not (pad[0] <= r < pad[0] + sizes[0] and pad[1] <= c < pad[1] + sizes[1])
        value = grid[r, c]
        strength = round(6 * abs(value) / most) if most and np.isfinite(value) else 0
        if outside or strength:
            color = "line-2" if outside else svg.mix("pos" if value > 0 else "neg", 0.075 * strength)
            shapes[color] = shapes.get(color, "") + f"M{x + c * wide:g},{y + r * _CELL:g}h{wide:g}v{_CELL:g}h-{wide:g}z"
    for color, d in shapes.items():
        svg.path(d, fill=color)
    lines = "".join(f"M{x:g},{y + r * _CELL:g}h{columns * wide:g}" for r in range(rows + 1))
    svg.path(
        lines + "".join(f"M{x + c * wide:g},{y:g}v{rows * _CELL:g}" for c in range(columns + 1)), stroke="line", line=1
    )
    svg.texts(
        [
            (x + (c + 0.5) * wide, y + r * _CELL + 17, _short(grid[r, c]))
            for r, c in product(range(rows), range(columns))
        ],
        size=11,
    )
