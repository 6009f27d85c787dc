"""Still pictures of tensors: grids side by side, the storage below them, and lines of text."""

from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np

from dlviz.kit.svg import MARGIN, Svg, framed
from dlviz.kit.svg_grid import GridCell, cell_width, draw_grid, format_number, value_color
from dlviz.torchkit.tensor_blocks import Block

_ROW_HEIGHT, _GAP, _HEADER, _LETTER_WIDTH = 24, 24, 40, 7.3
_STORAGE_HEIGHT, _LINE_HEIGHT = 62, 20
#: A still picture shows up to this many rows, columns and tiles of a tensor.
_MAX_ROWS, _MAX_TILES = 16, 4


@dataclass(frozen=True)
class TensorGrid:
    """A block drawn as a grid below its title.

    Attributes:
        title: text above the grid.
        block: the numbers.
        stretched: broadcast dimensions; their elements after the first are gray.
        selected: row-major positions of outlined elements.
        column: whether a vector is drawn as a column.
    """

    title: str
    block: Block
    stretched: tuple[int, ...] = ()
    selected: frozenset[int] = frozenset()
    column: bool = False


@dataclass(frozen=True)
class StorageRow:
    """A storage drawn as one row of numbers; addresses that are not in `reached` are gray, unless it is empty."""

    title: str
    block: Block
    reached: frozenset[int] = frozenset()


@dataclass
class Layout:
    """Content of a still picture: rows of grids with operator signs between them, storages, and (text, color) lines."""

    rows: list[list[TensorGrid | str]]
    storages: list[StorageRow] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)


def draw(name: str, signature: str, summary: str, layout: Layout, theme: str) -> str:
    """Return `layout` as SVG."""
    row_widths = [sum(_size(item)[0] + _GAP for item in row) for row in layout.rows]
    line_widths = [_LETTER_WIDTH * len(text) for text, _ in layout.lines]
    width = max(420.0, *(2 * MARGIN + w for w in (*row_widths, *line_widths)))
    height = _HEADER + sum(max(_size(item)[1] for item in row) + _GAP for row in layout.rows if row)
    height += _STORAGE_HEIGHT * len(layout.storages) + _LINE_HEIGHT * len(layout.lines) + MARGIN / 2
    svg = framed(width, height, name, signature, summary, theme)
    y = float(_HEADER)
    for row in layout.rows:
        x, row_height = MARGIN, max((_size(item)[1] for item in row), default=0)
        for item in row:
            if isinstance(item, str):
                svg.text(x, y + row_height / 2 + 10, item, size=18, color="ink-2")
            else:
                _draw_tensor(svg, item, x, y)
            x += _size(item)[0] + _GAP
        y += row_height + _GAP
    for storage in layout.storages:
        _draw_storage(svg, storage, y, width - 2 * MARGIN)
        y += _STORAGE_HEIGHT
    for text, color in layout.lines:
        svg.text(MARGIN, y + 6, text, size=11.5, mono=True, color=color)
        y += _LINE_HEIGHT
    return svg.markup()


def _text(block: Block, position: int) -> str:
    """Return one number of a block, as short as possible."""
    values = block.values
    if block.present is not None and not block.present[position]:
        return "·"
    if block.kind == "none":
        return "?"
    if block.kind == "text":
        return str(values[position]).replace("-", "−")
    if block.kind == "bool":
        return "True" if values[position] else "False"
    if block.kind.startswith("complex"):
        real, imaginary = float(values[2 * position]), float(values[2 * position + 1])
        return f"{format_number(real)}{'−' if np.signbit(imaginary) else '+'}{format_number(abs(imaginary))}j"
    return format_number(float(values[position]))


def _color(svg: Svg, block: Block, position: int, max_abs: float) -> str:
    if block.kind in ("none", "text"):
        return ""
    if block.kind == "bool":
        return svg.mix("select", 0.075) if block.values[position] else ""
    if block.kind.startswith("complex"):
        return value_color(svg, abs(complex(*block.values[2 * position : 2 * position + 2])), max_abs)
    return value_color(svg, float(block.values[position]), max_abs)


def _max_abs(block: Block) -> float:
    if block.kind in ("none", "text", "bool") or not len(block.values):
        return 0.0
    values = np.abs(np.asarray(block.values, dtype=np.float64))
    return float(values[np.isfinite(values)].max(initial=0.0))


def _tiles(grid: TensorGrid) -> dict[tuple[int, ...], np.ndarray]:
    """Return for each drawn tile its leading indices and the row-major positions of its cells, (rows, columns)."""
    size = grid.block.size
    positions = np.arange(int(np.prod(size))).reshape(size)
    if positions.ndim < 2:
        positions = positions.reshape((-1, 1) if grid.column and positions.ndim else (1, -1))
    tiles = islice(product(*map(range, positions.shape[:-2])), _MAX_TILES if positions.size else 0)
    return {tile: positions[tile][:_MAX_ROWS, :_MAX_ROWS] for tile in tiles}


def _cell_width(grid: TensorGrid) -> float:
    positions = [p for tile in _tiles(grid).values() for p in tile.flat]
    return cell_width([_text(grid.block, p) for p in positions], 26)


def _size(item: TensorGrid | str) -> tuple[float, float]:
    """Return width and height in pixels."""
    if isinstance(item, str):
        return 14.0, 0.0
    tiles = _tiles(item)
    rows, columns = next(iter(tiles.values())).shape if tiles else (0, 0)
    width = len(tiles) * (columns * _cell_width(item) + 12)
    caption = 14 if len(item.block.size) > 2 else 0
    return max(width, _LETTER_WIDTH * len(item.title)), 22 + rows * _ROW_HEIGHT + caption


def _draw_tensor(svg: Svg, grid: TensorGrid, x: float, y: float) -> None:
    block, width, max_abs = grid.block, _cell_width(grid), _max_abs(grid.block)

    def cell(position: int) -> GridCell:
        index = np.unravel_index(position, block.size)
        stretched = any(index[d] > 0 for d in grid.stretched)
        color = "line-2" if stretched else _color(svg, block, position, max_abs)
        return GridCell(_text(block, position), color, position in grid.selected)

    svg.text(x, y + 12, grid.title, size=11, mono=True, color="ink-2")
    y += 22 + (14 if len(block.size) > 2 else 0)
    for tile, positions in _tiles(grid).items():
        if tile:
            index = ", ".join(str(start + i) for start, i in zip(block.start, tile, strict=False))
            svg.text(x, y - 5, f"[{index}, :, :]", size=10, mono=True, color="ink-3")
        draw_grid(svg, x, y, [[cell(int(p)) for p in row] for row in positions], (width, _ROW_HEIGHT))
        x += positions.shape[1] * width + 12


def _draw_storage(svg: Svg, storage: StorageRow, y: float, available: float) -> None:
    block, max_abs = storage.block, _max_abs(storage.block)
    count = block.size[0] if block.size else 0
    texts = [_text(block, p) for p in range(count)]
    full_width = max(22.0, 6 + 6 * max(map(len, texts), default=1))
    # Numbers that do not fit are left out, and only the colors are drawn.
    width = full_width if full_width * count <= available else max(6.0, available / max(1, count))

    def cell(position: int) -> GridCell:
        unreached = storage.reached and position not in storage.reached
        color = "line-2" if unreached else _color(svg, block, position, max_abs)
        return GridCell(texts[position] if width == full_width else "", color)

    shown = range(min(count, int(available / width)))
    svg.text(MARGIN, y + 10, storage.title, size=11, mono=True, color="ink-2")
    draw_grid(svg, MARGIN, y + 17, [[cell(p) for p in shown]], (width, 20), text_size=10)
    ticks = [(MARGIN + (p + 0.5) * width, y + 47, str(p)) for p in shown[:: 1 if width >= 20 else 8]]
    svg.texts(ticks, size=8.5, color="ink-3")
