"""Still pictures of tensors: grids side by side, the storage below them, and lines of text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import isfinite, isinf
from typing import Any

import numpy as np

from dlviz.kit.svg import Svg, shorten
from dlviz.torchkit.tensor_blocks import Block

_HIGH, _MARGIN, _GAP, _HEAD, _LETTER = 24, 16, 24, 40, 7.3
#: A still picture shows up to this many rows, columns and tiles.
_MOST, _TILES = 16, 4


@dataclass(frozen=True)
class Sheet:
    """A grid to draw: `title` above it, `stretched` dimensions hatched beyond their first element, `lit` positions outlined."""

    title: str
    block: Block
    stretched: tuple[int, ...] = ()
    lit: frozenset[int] = frozenset()
    column: bool = False


@dataclass(frozen=True)
class Scroll:
    """A storage to draw: its numbers in order, and which of them the tensor reaches."""

    title: str
    block: Block
    reached: frozenset[int] = frozenset()


@dataclass
class Page:
    """What stands below the heading: rows of sheets and of signs between them, scrolls, and lines."""

    rows: list[list[Sheet | str]]
    scrolls: list[Scroll] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)


def draw(name: str, signature: str, summary: str, page: Page, theme: str) -> str:
    """SVG of `page`; `lines` are (text, color's name)."""
    widths = [sum(_size(item)[0] + _GAP for item in row) for row in page.rows]
    wide = max([420.0, *(_MARGIN * 2 + width for width in widths)])
    wide = max(wide, *(2 * _MARGIN + _LETTER * len(text) for text, _ in page.lines)) if page.lines else wide
    high = _HEAD + sum(max(_size(item)[1] for item in row) + _GAP for row in page.rows if row)
    high += 62 * len(page.scrolls) + 20 * len(page.lines) + _MARGIN / 2
    svg = Svg(wide, high, summary, theme)
    svg.rect(0.5, 0.5, wide - 1, high - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, name, size=14, bold=True)
    left = _MARGIN + 9.5 * len(name) + 8
    svg.text(left, 24, shorten(signature, wide - left - _MARGIN, _LETTER), mono=True, color="ink-2")
    y = float(_HEAD)
    for row in page.rows:
        x, tall = float(_MARGIN), max((_size(item)[1] for item in row), default=0)
        for item in row:
            if isinstance(item, str):
                svg.text(x, y + tall / 2 + 10, item, size=18, color="ink-2")
            else:
                _sheet(svg, item, x, y)
            x += _size(item)[0] + _GAP
        y += tall + _GAP
    for scroll in page.scrolls:
        _scroll(svg, scroll, y, wide - 2 * _MARGIN)
        y += 62
    for text, color in page.lines:
        svg.text(_MARGIN, y + 6, text, size=11.5, mono=True, color=color)
        y += 20
    return svg.markup()


def written(kind: str, values: Any, p: int, digits: int = 3) -> str:
    """One number of a block, as short as it may be."""
    if kind == "none":
        return "?"
    if kind == "text":
        return str(values[p]).replace("-", "−")
    if kind == "bool":
        return "True" if values[p] else "False"
    if kind.startswith("complex"):
        real, imaginary = values[2 * p], values[2 * p + 1]
        sign = "−" if np.signbit(imaginary) else "+"
        return f"{_short(float(real), digits)}{sign}{_short(abs(float(imaginary)), digits)}j"
    return _short(float(values[p]), digits)


def _short(value: float, digits: int) -> str:
    if value != value:
        return "NaN"
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value)}".replace("-", "−")
    text = (
        f"{value:.{digits}g}"
        if 1e-4 <= abs(value) < 1e7
        else f"{value:.{max(0, digits - 3)}e}".replace("e+0", "e").replace("e-0", "e-")
    )
    return text.replace("-", "−")


def _layout(sheet: Sheet) -> tuple[int, int, list[tuple[int, ...]]]:
    """Rows, columns and the leading indices of the tiles that are drawn."""
    size = sheet.block.size
    if sheet.column and len(size) == 1:
        return min(size[0], _MOST), 1, [()]
    rows = min(size[-2], _MOST) if len(size) > 1 else 1
    columns = min(size[-1], _MOST) if size else 1
    if 0 in size:
        return 0, 0, []
    return rows, columns, list(islice(product(*(range(n) for n in size[:-2])), _TILES))


def _wide(sheet: Sheet) -> float:
    block = sheet.block
    rows, columns, tiles = _layout(sheet)
    longest = max(
        (
            len(written(block.kind, block.values, _place(block, (*tile, r, c), sheet.column)))
            for tile in tiles
            for r in range(rows)
            for c in range(columns)
        ),
        default=2,
    )
    return max(26.0, 9 + 6.7 * longest)


def _size(item: Sheet | str) -> tuple[float, float]:
    if isinstance(item, str):
        return 14.0, 0.0
    rows, columns, tiles = _layout(item)
    across = len(tiles) * (columns * _wide(item) + 12)
    return max(across, _LETTER * len(item.title)), 22 + rows * _HIGH + (14 if len(item.block.size) > 2 else 0)


def _place(block: Block, index: tuple[int, ...], column: bool) -> int:
    """Row-major position in the block of (…, row, column); a vector has no rows, a number neither."""
    dims = len(block.size)
    at = index[len(index) - dims :] if not (column and dims == 1) else (index[-2],)
    p = 0
    for i, size in zip(at, block.size, strict=True) if dims else ():
        p = p * size + i
    return p


def _unravel(p: int, size: Sequence[int]) -> tuple[int, ...]:
    found = []
    for length in reversed(size):
        found.append(p % length)
        p //= length
    return tuple(reversed(found))


def _level(block: Block, p: int, most: float) -> tuple[str, int]:
    """Color and strength of a cell in steps, so that cells of one color are one shape."""
    if block.kind in ("none", "text"):
        return "", 0
    if block.kind == "bool":
        return ("accent", 1) if block.values[p] else ("", 0)
    value = (
        abs(complex(block.values[2 * p], block.values[2 * p + 1]))
        if block.kind.startswith("complex")
        else float(block.values[p])
    )
    if not isfinite(value):
        return "bad", 1
    step = round(6 * abs(value) / most) if most else 0
    return ("pos" if value > 0 else "neg", step) if step else ("", 0)


def _most(block: Block) -> float:
    if block.kind in ("none", "text", "bool") or not len(block.values):
        return 0.0
    values = np.abs(np.asarray(block.values, dtype=np.float64))
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def _sheet(svg: Svg, sheet: Sheet, x: float, y: float) -> None:
    block, wide, most = sheet.block, _wide(sheet), _most(sheet.block)
    rows, columns, tiles = _layout(sheet)
    svg.text(x, y + 12, sheet.title, size=11, mono=True, color="ink-2")
    y += 22 + (14 if len(block.size) > 2 else 0)
    for tile in tiles:
        if tile:
            at = ", ".join(str(first + i) for first, i in zip(block.start, tile, strict=False))
            svg.text(x, y - 5, f"[{at}, :, :]", size=10, mono=True, color="ink-3")
        shapes: dict[tuple[str, int], str] = {}
        texts, lit = [], ""
        for r, c in product(range(rows), range(columns)):
            p = _place(block, (*tile, r, c), sheet.column)
            index = _unravel(p, block.size)
            square = f"M{x + c * wide:g},{y + r * _HIGH:g}h{wide:g}v{_HIGH}h-{wide:g}z"
            ghost = any(index[d] > 0 for d in sheet.stretched)
            level = ("line-2", 6) if ghost else _level(block, p, most)
            if level[1]:
                shapes[level] = shapes.get(level, "") + square
            if p in sheet.lit:
                lit += square
            absent = block.present is not None and not block.present[p]
            texts.append(
                (x + (c + 0.5) * wide, y + r * _HIGH + 16, "·" if absent else written(block.kind, block.values, p))
            )
        for (token, step), d in shapes.items():
            svg.path(d, fill=token if step == 6 and token == "line-2" else svg.mix(token, 0.075 * step))
        across, down = f"h{columns * wide:g}", f"v{rows * _HIGH}"
        lines = "".join(f"M{x:g},{y + r * _HIGH:g}{across}" for r in range(rows + 1))
        svg.path(lines + "".join(f"M{x + c * wide:g},{y:g}{down}" for c in range(columns + 1)), stroke="line", line=1)
        if lit:
            svg.path(lit, stroke="flow", line=2)
        svg.texts(texts, size=11)
        x += columns * wide + 12


def _scroll(svg: Svg, scroll: Scroll, y: float, room: float) -> None:
    block, most = scroll.block, _most(scroll.block)
    count = block.size[0] if block.size else 0
    labels = [written(block.kind, block.values, p) for p in range(count)]
    full = max(22.0, 6 + 6 * max(map(len, labels), default=1))
    wide = full if full * count <= room else max(6.0, room / max(1, count))
    fits = min(count, int(room / wide))
    svg.text(_MARGIN, y + 10, scroll.title, size=11, mono=True, color="ink-2")
    shapes: dict[tuple[str, int], str] = {}
    for p in range(fits):
        level = ("line-2", 6) if scroll.reached and p not in scroll.reached else _level(block, p, most)
        if level[1]:
            shapes[level] = shapes.get(level, "") + f"M{_MARGIN + p * wide:.1f},{y + 17:g}h{wide:.1f}v20h-{wide:.1f}z"
    for (token, step), d in shapes.items():
        svg.path(d, fill=token if token == "line-2" else svg.mix(token, 0.075 * step))
    svg.path(
        f"M{_MARGIN},{y + 17:g}h{fits * wide:.1f}v20h-{fits * wide:.1f}z"
        + "".join(f"M{_MARGIN + p * wide:.1f},{y + 17:g}v20" for p in range(1, fits)),
        stroke="line",
        line=1,
    )
    if wide == full:
        svg.texts([(_MARGIN + (p + 0.5) * wide, y + 31, labels[p]) for p in range(fits)], size=10)
    every = 1 if wide >= 20 else 8
    svg.texts([(_MARGIN + (p + 0.5) * wide, y + 47, str(p)) for p in range(0, fits, every)], size=8.5, color="ink-3")
