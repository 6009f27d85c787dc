"""Still picture of a compression: the costs, the weights of one layer before and after, and size against score of all trials."""

from typing import Any

from dlviz.compression import scene as scenes
from dlviz.compression.record import Layer, Trial
from dlviz.compression.widget_state import CompressionState
from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, line_path, shorten
from dlviz.kit.svg_grid import format_number

_TOP, _HEIGHT, _COLUMN, _COSTS, _GAP = 52.0, 190.0, 270.0, 330.0, 26.0
#: Color of each way to prune, and marker of each way to round numbers, as numbers of curves and classes.
COLORS = {"none": "ink-2", "global": "run-0", "layer": "run-1", "channels": "run-2"}


def draw(state: CompressionState, index: int, layer: int, metric: str, signature: str, summary: str, theme: str) -> str:
    """Return an SVG of a trial and one of its layers."""
    trial = state.trials[index]
    width = 2 * MARGIN + _COSTS + 2 * _COLUMN + 2 * _GAP
    svg = framed(width, _TOP + _HEIGHT + 50, "compress", signature, summary, theme)
    svg.text(MARGIN, _TOP, shorten(scenes.label(trial.settings), _COSTS, 7.6), size=13, bold=True)
    _draw_costs(svg, scenes.costs(state, trial, metric), MARGIN, _TOP + 24)
    left = MARGIN + _COSTS + _GAP
    _draw_histogram(svg, trial.layers[layer], left)
    _draw_points(svg, state, index, metric, left + _COLUMN + _GAP)
    return svg.markup()


def _draw_costs(svg: Svg, table: dict[str, Any], left: float, top: float) -> None:
    columns = len(table["heads"])
    pitch = (_COSTS - 92) / columns
    for k, head in enumerate(table["heads"]):
        svg.text(left + 92 + (k + 1) * pitch, top, head, size=11, color="ink-3", anchor="end")
    for r, (name, *cells) in enumerate(table["rows"]):
        y = top + 24 + 24 * r
        svg.text(left, y, shorten(name, 92, 6.5), size=12, color="ink-2")
        for k, cell in enumerate(cells):
            svg.text(left + 92 + (k + 1) * pitch, y, shorten(cell, pitch - 4, 6.6), size=11, mono=True, anchor="end")


def _draw_histogram(svg: Svg, layer: Layer, left: float) -> None:
    svg.text(left, _TOP, shorten(message("compression.weights", name=layer.name), _COLUMN, 7), size=13, bold=True)
    bottom = _TOP + 20 + _HEIGHT - 20
    top = max(1, int(max(layer.before.max(), layer.after.max())))
    pitch = _COLUMN / len(layer.before)
    for counts, color in ((layer.before, "line"), (layer.after, "run-0")):
        for k, count in enumerate(counts.tolist()):
            height = (_HEIGHT - 20) * count / top
            if count:
                svg.rect(left + k * pitch, bottom - height, pitch - 0.6, height, fill=color, radius=0)
    svg.path(f"M{left:g},{bottom:g}h{_COLUMN:g}", stroke="ink-3", line=1)
    for share, anchor in ((-1, "start"), (0, "middle"), (1, "end")):
        x = left + (1 + share) / 2 * _COLUMN
        svg.text(x, bottom + 15, format_number(share * layer.limit, 2), size=11, color="ink-3", anchor=anchor)
    zeros = message("compression.zeros", zeros=f"{layer.zeros:,}", count=f"{layer.count:,}")
    svg.text(left, bottom + 34, zeros, size=12, color="ink-2")


def _draw_points(svg: Svg, state: CompressionState, index: int, metric: str, left: float) -> None:
    svg.text(left, _TOP, shorten(message("compression.scatter", metric=metric), _COLUMN, 7), size=13, bold=True)
    shown: list[Trial] = [*state.trials, *([] if state.student is None else [state.student])]
    finite = [one.score for one in shown if abs(one.score) < float("inf")]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        pad = 0.05 * abs(low) or 0.5
        low, high = low - pad, high + pad
    most = max(one.size.zipped for one in shown)
    bottom, height = _TOP + _HEIGHT, _HEIGHT - 30

    def place(one: Trial) -> tuple[float, float]:
        return left + 44 + one.size.zipped / most * (_COLUMN - 54), bottom - (one.score - low) / (high - low) * height

    svg.path(f"M{left + 44:g},{_TOP + 20:g}V{bottom + 8:g}H{left + _COLUMN:g}", stroke="line", line=1)
    for curve in scenes.curves(state.trials):
        svg.path(line_path(place(state.trials[k]) for k in curve), stroke=_color(state.trials[curve[-1]]), line=1.4)
    for k, one in enumerate(shown):
        x, y = place(one)
        if y != y or abs(y) == float("inf"):
            continue
        svg.rect(x - 4, y - 4, 8, 8, fill=_color(one), stroke="paper", radius=0 if one.is_student else 4)
        if k == index:
            svg.rect(x - 7, y - 7, 14, 14, stroke="select", radius=7, line=2.2)
    percent = shown[0].evaluation.recall is not None
    for value in (low, high):
        text = scenes.percent(value) if percent else format_number(value, 3)
        svg.text(
            left + 40, bottom - (value - low) / (high - low) * height + 4, text, size=11, color="ink-3", anchor="end"
        )
    svg.text(left + 44, bottom + 23, "0", size=11, color="ink-3")
    svg.text(left + _COLUMN, bottom + 23, scenes.bytes_text(most), size=11, color="ink-3", anchor="end")
    svg.text(
        left + 44 + (_COLUMN - 44) / 2,
        bottom + 23,
        message("compression.x_zipped"),
        size=11,
        color="ink-3",
        anchor="middle",
    )


def _color(trial: Trial) -> str:
    plan = trial.settings
    if trial.is_student:
        return "run-3"
    return COLORS["channels" if plan.structured else plan.scope if plan.amount else "none"]
