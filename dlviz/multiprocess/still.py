"""Still picture of a run with several processes: the blocks of a step, the gradients of a parameter, and what each process holds."""

from typing import Any

import numpy as np

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.svg_grid import GridCell, draw_grid, format_number, value_color
from dlviz.kit.units import bytes_text
from dlviz.multiprocess.record import Record
from dlviz.multiprocess.scene import MEMORY, scene

#: Colors of the kinds of blocks, and of what a process holds; the view has the same (run_data.js, style.css).
COLORS = ("run-0", "flow", "run-2", "run-3", "ink-3", "run-4")
_COMMUNICATION, _SHARE = 5, 0.45
_WIDTH, _LEFT, _LANE, _PITCH, _COLUMNS, _MOST_RANKS = 900.0, 110.0, 18.0, 46.0, 8, 8


def draw(records: dict[int, Record], cores: int, step: int, parameter: int, theme: str) -> str:
    """Return an SVG of one step, with the gradients of one parameter."""
    picture = scene(records, cores)
    ranks = min(picture["ranks"], _MOST_RANKS)
    parameters = picture["gradients"]["parameters"]
    shown = parameters[min(parameter, len(parameters) - 1)] if parameters else None
    step = min(step, len(picture["steps"]) - 1)
    rows = len(shown["rows"]) if shown else 0
    top = 106 + _PITCH * ranks
    height = top + max(20 * rows + 70, 20 + 22 * len(picture["memory"]))
    svg = framed(_WIDTH, height, "parallel", picture["signature"], picture["summary"], theme)
    svg.text(MARGIN, 48, shorten(picture["captions"][step], _WIDTH - 2 * MARGIN, 6.4), size=12)
    _draw_legend(svg, 60 + _PITCH * ranks + 9, picture["kinds"])
    _draw_blocks(svg, 60, picture, ranks, picture["steps"][step])
    if shown is None:
        svg.text(MARGIN, top, shorten(picture["gradients"]["missing"], 560, 6.4), size=12, color="ink-2")
    else:
        _draw_gradients(svg, top, shown, min(step, picture["gradients"]["steps"] - 1))
    _draw_memory(svg, top, picture["memory"])
    return svg.markup()


def _draw_legend(svg: Svg, y: float, kinds: list[int]) -> None:
    """Name the colors of the kinds that occur, from the right edge to the left."""
    left = _WIDTH - MARGIN
    for kind in reversed(kinds):
        text = message(f"multiprocess.kind.{kind}")
        svg.text(left, y, text, size=11, color="ink-2", anchor="end")
        left -= 6.2 * len(text) + 16
        svg.rect(left, y - 9, 11, 10, fill=svg.mix(COLORS[kind], _SHARE), radius=0)
        left -= 10


def _draw_blocks(svg: Svg, top: float, picture: dict[str, Any], ranks: int, interval: list[float]) -> None:
    blocks, (low, high) = picture["blocks"], interval
    scale = (_WIDTH - _LEFT - MARGIN) / max(high - low, 1e-9)
    for rank in range(ranks):
        svg.text(MARGIN, top + _PITCH * rank + 16, message("multiprocess.rank", rank=rank), size=12, bold=True)
        svg.rect(_LEFT, top + _PITCH * rank, _WIDTH - _LEFT - MARGIN, 2 * _LANE + 1, fill="raised", radius=0)
    for i in np.flatnonzero((blocks["start"] < high) & (blocks["end"] > low) & (blocks["rank"] < ranks)).tolist():
        start, ready, end = (min(max(float(blocks[name][i]), low), high) for name in ("start", "ready", "end"))
        kind, y = int(blocks["kind"][i]), top + _PITCH * int(blocks["rank"][i])
        y += _LANE + 1 if kind == _COMMUNICATION else 0
        if kind == _COMMUNICATION and ready > start:  # paler while it waits for another rank
            left = _LEFT + (start - low) * scale
            svg.rect(left, y, (ready - start) * scale, _LANE, fill=svg.mix(COLORS[kind], 0.15), radius=0)
            start = ready
        left, width = _LEFT + (start - low) * scale, max(0.7, (end - start) * scale)
        svg.rect(left, y, width, _LANE, fill=svg.mix(COLORS[kind], _SHARE), radius=0)
        if width > 40:
            name = blocks["names"][blocks["name"][i]]
            svg.text(left + 3, y + 13, shorten(name, width - 4, 6.4), size=11)


def _draw_gradients(svg: Svg, top: float, shown: dict[str, Any], step: int) -> None:
    """Draw the first entries of each row, and the verdicts."""
    title = message("multiprocess.gradients.title")
    svg.text(MARGIN, top, shorten(f"{title} {shown['name']}", 560, 6.8), size=12, bold=True)
    values = shown["values"][step][:, :_COLUMNS]
    size = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    cells = [[GridCell(format_number(float(v)), value_color(svg, float(v), size)) for v in row] for row in values]
    draw_grid(svg, 142, top + 10, cells, (56.0, 20.0))
    for r, row in enumerate(shown["rows"]):
        name = message(f"multiprocess.gradients.{'local' if row.isdigit() else row}", rank=row)
        svg.text(MARGIN, top + 24 + 20 * r, name, size=11)
    for k, one in enumerate(shown["verdicts"][step] or []):
        y = top + 30 + 20 * len(shown["rows"]) + 16 * k
        svg.text(
            MARGIN, y, shorten(one["text"], 600, 6.2), size=11, color=one["kind"] if one["kind"] == "good" else "ink-2"
        )


def _draw_memory(svg: Svg, top: float, processes: list[dict[str, Any]]) -> None:
    """Draw what each process holds, to the right of the gradients."""
    if not processes:
        return
    left, most = 640.0, max(sum(one["bytes"]) for one in processes)
    svg.text(left, top, message("multiprocess.memory.title"), size=12, bold=True)
    for k, one in enumerate(processes):
        y, at = top + 10 + 22 * k, left + 66
        svg.text(left, y + 12, one["label"], size=11)
        for part, size in zip(range(len(MEMORY)), one["bytes"], strict=True):
            width = 110 * size / most
            svg.rect(at, y, width, 14, fill=svg.mix(COLORS[part], _SHARE), radius=0)
            at += width
        svg.text(
            _WIDTH - MARGIN, y + 12, bytes_text(sum(one["bytes"])), size=11, color="ink-2", mono=True, anchor="end"
        )
