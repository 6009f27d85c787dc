"""Grids of numbers and heat maps in still pictures: cells colored by value."""

from collections.abc import Sequence
from itertools import product
from math import isfinite, isinf, isnan
from typing import NamedTuple

import numpy as np

from dlviz.kit.svg import Svg


class GridCell(NamedTuple):
    """One cell: its text, its color (a token of ``theme.css`` or "" for none), and whether it is outlined."""

    text: str
    color: str = ""
    outlined: bool = False


def draw_grid(
    svg: Svg,
    x: float,
    y: float,
    rows: Sequence[Sequence[GridCell]],
    cell_size: tuple[float, float],
    *,
    text_size: float = 11,
) -> None:
    """Draw `rows` of cells with the upper left corner at `x`, `y`; `cell_size` is (width, height)."""
    width, height = cell_size
    columns = len(rows[0]) if rows else 0
    fills: dict[str, str] = {}
    outline = ""
    texts = []
    for r, c in product(range(len(rows)), range(columns)):
        cell = rows[r][c]
        left, top = x + c * width, y + r * height
        square = f"M{left:g},{top:g}h{width:g}v{height:g}h-{width:g}z"
        if cell.color:
            fills[cell.color] = fills.get(cell.color, "") + square
        if cell.outlined:
            outline += square
        if cell.text:
            texts.append((left + width / 2, top + height / 2 + 4, cell.text))
    for color, path in fills.items():
        svg.path(path, fill=color)
    across = "".join(f"M{x:g},{y + r * height:g}h{columns * width:g}" for r in range(len(rows) + 1))
    down = "".join(f"M{x + c * width:g},{y:g}v{len(rows) * height:g}" for c in range(columns + 1))
    svg.path(across + down, stroke="line", line=1)
    if outline:
        svg.path(outline, stroke="select", line=2)
    svg.texts(texts, size=text_size)


def draw_heatmap(
    svg: Svg, x: float, y: float, values: np.ndarray, cell_size: tuple[float, float], max_abs: float, *, steps: int = 5
) -> None:
    """Draw numbers as colors, with an outline: orange above zero, blue below, paper where they are zero or not finite.

    Args:
        svg: the picture.
        x, y: the upper left corner.
        values: (rows, columns).
        cell_size: (width, height) of a cell.
        max_abs: the number of the strongest color.
        steps: number of shades on each side of zero.
    """
    rows, columns = values.shape
    width, height = columns * cell_size[0], rows * cell_size[1]
    finite = np.where(np.isfinite(values), values, 0)
    shades = np.rint(steps * (finite / max_abs).clip(-1, 1)).astype(int) if max_abs else np.zeros(values.shape, int)
    palette = [
        svg.mix("pos" if step > 0 else "neg", abs(step) / steps) if step else "paper"
        for step in range(-steps, steps + 1)
    ]
    svg.image(x, y, width, height, shades + steps, palette)
    svg.rect(x, y, width, height, stroke="line", radius=0, line=0.8)


def draw_picture(svg: Svg, x: float, y: float, width: float, height: float, cells: np.ndarray) -> None:
    """Draw an image of bytes (C, H, W): gray levels of one channel, or red, green and blue of three."""
    if len(cells) == 1:
        svg.image(x, y, width, height, cells[0], _color_names(svg, [(k, k, k) for k in range(256)]))
    else:  # a palette holds 256 colors: six levels of each channel
        levels = np.round(cells / 51).astype(np.uint8)
        triples = [(51 * r, 51 * g, 51 * b) for r in range(6) for g in range(6) for b in range(6)]
        svg.image(x, y, width, height, levels[0] * 36 + levels[1] * 6 + levels[2], _color_names(svg, triples))


def _color_names(svg: Svg, triples: list[tuple[int, int, int]]) -> list[str]:
    """Return names of colors, added to the picture's table, for red, green and blue from 0 to 255."""
    names = []
    for red, green, blue in triples:
        name = f"rgb {red} {green} {blue}"
        svg.colors.setdefault(name, f"#{red:02x}{green:02x}{blue:02x}")
        names.append(name)
    return names


def value_color(svg: Svg, value: float, max_abs: float) -> str:
    """Return the color of a number on the diverging scale from ``-max_abs`` to ``max_abs``, in six steps on each side."""
    if not isfinite(value):
        return svg.mix("bad", 0.075)
    step = round(6 * abs(value) / max_abs) if max_abs else 0
    return svg.mix("pos" if value > 0 else "neg", 0.075 * step) if step else ""


def cell_width(texts: Sequence[str], minimum: float) -> float:
    """Return the width in pixels of cells that hold these texts in size 11."""
    return max(minimum, 9 + 6.7 * max(map(len, texts), default=2))


def format_number(value: float, digits: int = 3) -> str:
    """Return a number with up to `digits` significant digits and a typographic minus sign.

    Example:
        >>> format_number(-2.0), format_number(0.12345), format_number(2e-5), format_number(float("-inf"))
        ('−2', '0.123', '2e−5', '−∞')
    """
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e7:
        text = f"{int(value)}"
    elif 1e-4 <= abs(value) < 1e7:
        text = f"{value:.{digits}g}"
    else:
        text = f"{value:.{max(0, digits - 3)}e}".replace("e+0", "e").replace("e-0", "e-")
    return text.replace("-", "−")
