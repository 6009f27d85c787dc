"""Still picture of a positional encoding: its matrix, and the score of two positions against their distance."""

import math

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, line_path
from dlviz.kit.svg_grid import draw_heatmap, format_number
from dlviz.positional_encoding.record import MAX_POSITIONS, Record
from dlviz.positional_encoding.scene import MAX_COLUMNS

_TOP, _SIZE, _LEFT = 64.0, 240.0, 56.0


def draw(record: Record, head: int, signature: str, summary: str, theme: str) -> str:
    """Return an SVG with the drawn part of the matrix (of "alibi": the bias of a head) and the chart of the scores."""
    width = _LEFT + _SIZE + 64 + 300 + MARGIN
    left = MARGIN + 84
    svg = framed(width, _TOP + _SIZE + 44, "positions", signature, summary, theme, signature_left=left)
    is_alibi = record.encoding.kind == "alibi"
    matrix = record.matrix[head] if is_alibi else record.matrix[:MAX_POSITIONS, :MAX_COLUMNS]
    values = matrix.nan_to_num(neginf=0.0).numpy()
    rows, columns = values.shape
    # All heads have one scale, so that a gentle slope is pale.
    most = record.matrix.nan_to_num(neginf=0.0).abs().max() if is_alibi else abs(values).max()
    draw_heatmap(svg, _LEFT, _TOP, values, (_SIZE / columns, _SIZE / rows), float(most))
    up, across = ("query", "key") if is_alibi else ("position", "dimension")
    _label_axes(svg, rows, columns, message(f"positional_encoding.{up}"), message(f"positional_encoding.{across}"))
    _draw_chart(svg, record, _LEFT + _SIZE + 72)
    return svg.markup()


def _label_axes(svg: Svg, rows: int, columns: int, up: str, across: str) -> None:
    svg.text(_LEFT, _TOP - 8, f"↓ {up}", size=11, color="ink-2")
    svg.text(_LEFT + _SIZE / 2, _TOP + _SIZE + 30, across, size=11, color="ink-2", anchor="middle")
    for k, x in ((0, _LEFT + 4), (columns - 1, _LEFT + _SIZE - 8)):
        svg.text(x, _TOP + _SIZE + 15, str(k), size=11, mono=True, color="ink-3", anchor="middle")
    for k, y in ((0, _TOP + 9), (rows - 1, _TOP + _SIZE)):
        svg.text(_LEFT - 6, y, str(k), size=11, mono=True, color="ink-3", anchor="end")


def _draw_chart(svg: Svg, record: Record, left: float) -> None:
    """Draw the mean score against the distance; of "alibi" the bias of every head."""
    is_alibi = record.encoding.kind == "alibi"
    by_distance = record.by_distance
    first = by_distance.first
    curves = record.matrix[:, -1].flip(-1) if is_alibi else by_distance.mean[None]
    low, high = min(0.0, float(curves.min())), max(0.0, float(curves.max()))
    high = high if high > low else low + 1
    width, height = 284.0, _SIZE - 20
    top = _TOP + 20
    title = message(f"positional_encoding.title.distance_{record.encoding.kind}")
    svg.text(left, _TOP, title, size=12, bold=True)
    svg.path(f"M{left},{top}v{height}h{width}", stroke="line")
    count = curves.shape[1]

    def place(k: int, value: float) -> tuple[float, float]:
        return left + width * k / max(1, count - 1), top + (high - value) / (high - low) * height

    for curve in curves.tolist():
        points = [place(k, value) if math.isfinite(value) else (math.nan, math.nan) for k, value in enumerate(curve)]
        svg.path(line_path(points), stroke="run-0", line=1.2 if is_alibi else 2)
    for value in dict.fromkeys((low, high)):
        svg.text(
            left - 6, place(0, value)[1] + 4, format_number(value, 3), size=11, mono=True, color="ink-3", anchor="end"
        )
    for k in dict.fromkeys((0, count - 1)):
        x = place(k, 0)[0]
        svg.text(
            x, top + height + 15, format_number(float(first + k)), size=11, mono=True, color="ink-3", anchor="middle"
        )
    axis = message(f"positional_encoding.axis.{'earlier' if is_alibi else 'distance'}")
    svg.text(left + width / 2, top + height + 30, axis, size=11, color="ink-2", anchor="middle")
