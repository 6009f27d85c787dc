"""Still picture of attention: the open head's weights with their tokens, and small pictures of all heads."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.svg_grid import draw_heatmap
from dlviz.transformer.blocks import binned
from dlviz.transformer.record import Record
from dlviz.transformer.tiles import tiles

_SIDE, _MAX_CELL, _MAX_BINS, _MAX_CALLS, _MAX_HEADS = 300.0, 34.0, 150, 12, 16


def draw(record: Record, weights: Tensor, scene: Mapping[str, Any], sample: int, theme: str) -> str:
    """Return an SVG of the open head beside the tiles of up to 12 calls."""
    queries, keys = scene["query_tokens"], scene["key_tokens"]
    left = 8 + 7.0 * min(8, max(map(len, queries), default=1))
    tile, tiles_width = _tile_size(record)
    width, x, y = MARGIN * 3 + tiles_width + left + _SIDE, MARGIN * 2 + tiles_width + left, 76.0
    rows, columns = len(queries), len(keys)
    cell_width, cell_height = min(_MAX_CELL, _SIDE / columns), min(_MAX_CELL, _SIDE / rows)
    bottom = max(y + rows * cell_height, 60 + min(_MAX_CALLS, len(record.calls)) * (tile + 3))
    svg = framed(
        width, bottom + 40, "attention", scene["signature"], scene["summary"], theme, signature_left=MARGIN + 84
    )
    _draw_tiles(svg, record, sample, (scene["call"], scene["head"]), tile)
    picture = binned(weights.nan_to_num(), min(rows, _MAX_BINS), min(columns, _MAX_BINS)).double().numpy()
    size = (columns * cell_width / picture.shape[1], rows * cell_height / picture.shape[0])
    draw_heatmap(svg, x, y, picture, size, float(picture.max()), steps=12)
    svg.texts(_labels(keys, cell_width, lambda k: (x + (k + 0.5) * cell_width, y - 7)), size=11)
    every = max(1, math.ceil(12 / cell_height))
    for i in range(0, rows, every):
        svg.text(x - 6, y + (i + 0.5) * cell_height + 4, shorten(queries[i], 58, 7.0), size=11, anchor="end")
    svg.text(MARGIN, bottom + 24, f"{scene['name']} · {scene['head']}", size=11, mono=True, color="ink-2")
    return svg.markup()


def _labels(names: Sequence[str], cell: float, place: Any) -> list[tuple[float, float, str]]:
    longest = max((min(8, len(name)) for name in names), default=1)
    every = max(1, math.ceil((4 + 7 * longest) / cell))
    return [(*place(k), shorten(names[k], 58, 7.0)) for k in range(0, len(names), every)]


def _tile_size(record: Record) -> tuple[float, float]:
    most = min(_MAX_HEADS, max(call.shape[1] for call in record.calls))
    tile = max(12.0, min(44.0, 170 / most - 3))
    return tile, most * (tile + 3)


def _draw_tiles(svg: Svg, record: Record, sample: int, opened: tuple[int, int], tile: float) -> None:
    for row, one in enumerate(tiles(record, sample)[:_MAX_CALLS]):
        pictures: np.ndarray = one["pictures"]
        for h in range(min(_MAX_HEADS, one["heads"])):
            x, y = MARGIN + h * (tile + 3), 60 + row * (tile + 3)
            rows, columns = pictures.shape[1:]
            draw_heatmap(svg, x, y, pictures[h].astype(float), (tile / columns, tile / rows), 255.0, steps=12)
            if (row, h) == opened:
                svg.rect(x - 1, y - 1, tile + 2, tile + 2, stroke="select", radius=2, line=2)
