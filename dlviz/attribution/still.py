"""Still picture of the maps of one input by all methods: images as tiles, features and tokens as a table."""

from dlviz.attribution.pictures import drawn_size, image_bytes, shrunk, value_range
from dlviz.attribution.record import Record
from dlviz.attribution.scene import drawn_map, methods, strongest_color
from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.svg_grid import GridCell, draw_grid, draw_heatmap, draw_picture, format_number, value_color

_TOP, _TILE, _GAP = 62.0, 104.0, 12.0
#: Pixels along a side of a tile's picture, and rows of a table.
_SIDE, _ROWS = 56, 12
_NAME, _CELL, _ROW = 96.0, 104.0, 20.0


def draw(record: Record, index: int, signature: str, summary: str, theme: str) -> str:
    """Return an SVG with the maps of one input.

    Args:
        record: what was computed.
        index: index of the input.
        signature: the line in the head.
        summary: a sentence for readers who do not see the picture.
        theme: "light" or "dark".
    """
    is_image = record.inputs.kind == "image"
    count = len(methods(record))
    rows = 0 if is_image else min(_ROWS, record.inputs.places[0])
    width = 2 * MARGIN + (_TILE * (count + 1) + _GAP * count if is_image else _NAME + _CELL * count)
    height = _TOP + (_TILE + 36 if is_image else rows * _ROW + 16)
    svg = framed(max(420, width), height, "attribute", signature, summary, theme)
    if is_image:
        _draw_tiles(svg, record, index)
    else:
        _draw_table(svg, record, index, rows)
    return svg.markup()


def _draw_tiles(svg: Svg, record: Record, index: int) -> None:
    x = record.inputs.x
    size = drawn_size((int(x.shape[-2]), int(x.shape[-1])), _SIDE)
    cells = image_bytes(x[[index]], size, value_range(x))[0]
    scale = _TILE / max(size)
    box = (size[1] * scale, size[0] * scale)
    svg.text(MARGIN, _TOP - 8, message("attribution.input"), size=11, color="ink-2")
    draw_picture(svg, MARGIN, _TOP, *box, cells)
    for k, name in enumerate(methods(record)):
        one = record.attributions[name]
        values = drawn_map(one, index)
        shape = drawn_size((int(values.shape[-2]), int(values.shape[-1])), _SIDE)
        shown = shrunk(values[None], shape)[0].double()
        left = MARGIN + (k + 1) * (_TILE + _GAP)
        svg.text(left, _TOP - 8, shorten(message(f"attribution.method.{name}"), _TILE, 6), size=11, color="ink-2")
        limit = strongest_color(one, index, shown)
        draw_heatmap(svg, left, _TOP, shown.numpy(), (box[0] / shape[1], box[1] / shape[0]), limit)
        total = message("attribution.sum", value=format_number(float(one.sum[index]), 3))
        svg.text(left, _TOP + box[1] + 16, total, size=11, mono=True, color="ink-2")


def _draw_table(svg: Svg, record: Record, index: int, count: int) -> None:
    inputs = record.inputs
    names = inputs.tokens[index] if inputs.tokens is not None else inputs.features
    shown = methods(record)
    for k, name in enumerate(names[:count]):
        svg.text(MARGIN, _TOP + (k + 0.7) * _ROW, shorten(name, _NAME - 8, 7), size=11)
    for k, name in enumerate(shown):
        title = shorten(message(f"attribution.method.{name}"), _CELL - 6, 6)
        svg.text(MARGIN + _NAME + k * _CELL, _TOP - 8, title, size=11, color="ink-2")
    columns = [drawn_map(record.attributions[name], index).double() for name in shown]
    limits = [
        strongest_color(record.attributions[name], index, column) for name, column in zip(shown, columns, strict=True)
    ]
    rows = [
        [
            GridCell(format_number(float(column[k]), 3), value_color(svg, float(column[k]), limit))
            for column, limit in zip(columns, limits, strict=True)
        ]
        for k in range(count)
    ]
    draw_grid(svg, MARGIN + _NAME, _TOP, rows, (_CELL, _ROW))
