"""Still picture of a profile: the spans of the modules over time, and the costliest operations."""

from collections.abc import Sequence

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.units import time_text
from dlviz.profiling.attribution import BACKWARD, DATA, OPTIMIZER, TRANSFER
from dlviz.profiling.layout import row_spans
from dlviz.profiling.record import Record
from dlviz.profiling.scene import operation_name, row_label, signature, summary

#: Colors of the phases; the view has the same (style.css).
COLORS = {BACKWARD: "flow", OPTIMIZER: "run-2", DATA: "run-4", TRANSFER: "run-1"}
_FORWARD = "run-0"
_WIDTH, _LEFT, _PITCH, _MOST_ROWS, _MOST_OPERATIONS = 900.0, 200.0, 18.0, 12, 8


def draw(records: Sequence[Record], theme: str) -> str:
    """Return an SVG of one profile, or of two on one time axis."""
    rows = [min(_MOST_ROWS, len(record.rows)) for record in records]
    operations = [min(_MOST_OPERATIONS, len(record.operations)) for record in records]
    height = 46 + sum(30 + _PITCH * (r + o) for r, o in zip(rows, operations, strict=True)) + 30 * len(records)
    svg = framed(_WIDTH, height, "profile", signature(records), summary(records), theme)
    _draw_legend(svg, records)
    longest = max(max(record.wall, 1.0) for record in records)
    top = 46.0
    for record, count in zip(records, rows, strict=True):
        top = _draw_rows(svg, top, record, count, longest)
        top = _draw_operations(svg, top + 8, record) + 22
    return svg.markup()


def _draw_legend(svg: Svg, records: Sequence[Record]) -> None:
    """Name the colors of the phases that occur, from the right edge to the left."""
    left = _WIDTH - MARGIN
    for phase in sorted({int(one) for record in records for one in record.attribution.phase}, reverse=True):
        text = message(f"profiling.phase.{phase}")
        svg.text(left, 24, text, size=11, color="ink-2", anchor="end")
        left -= 6.2 * len(text) + 16
        svg.rect(left, 15, 11, 10, fill=COLORS.get(phase, _FORWARD), radius=0)
        left -= 12


def _draw_rows(svg: Svg, top: float, record: Record, count: int, longest: float) -> float:
    svg.text(MARGIN, top + 12, f"{record.label}: {time_text(record.wall)}", size=12, bold=True)
    top += 22
    scale = (_WIDTH - _LEFT - 2 * MARGIN) / longest
    for row, spans in zip(record.rows[:count], row_spans(record), strict=False):
        label = f"{row.label} {row.kind}" if row.calls else row_label(row.label, row.kind)
        label = shorten(label, _LEFT - 74 - 10 * row.depth, 6.6)
        svg.text(MARGIN + 10 * row.depth, top + 12, label, size=11)
        svg.text(_LEFT, top + 12, time_text(row.time), size=11, color="ink-2", anchor="end", mono=True)
        for start, end, phase in spans:
            width = max(0.7, (end - start) * scale)
            svg.rect(_LEFT + 10 + start * scale, top + 2, width, 12, fill=COLORS.get(int(phase), _FORWARD), radius=0)
        top += _PITCH
    return top


def _draw_operations(svg: Svg, top: float, record: Record) -> float:
    total = max(record.total + record.device_total, 1e-9)
    for operation in record.operations[:_MOST_OPERATIONS]:
        svg.text(MARGIN, top + 12, shorten(operation_name(operation), 390, 6.8), size=11, mono=True)
        svg.text(490, top + 12, time_text(operation.self_time), size=11, mono=True, anchor="end")
        svg.rect(500, top + 3, max(0.5, 100 * operation.self_time / total), 10, fill="ink-3", radius=0)
        calls = message("profiling.still.calls", count=operation.calls)
        svg.text(610, top + 12, calls, size=11, color="ink-2")
        svg.text(
            690,
            top + 12,
            shorten("" if operation.line is None else str(operation.line), 180, 6.8),
            size=11,
            color="ink-2",
            mono=True,
        )
        top += _PITCH
    return top
