"""Still picture of an export: calls and operations side by side with lines between them, and the verdict."""

from collections.abc import Mapping
from typing import Any

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, framed, shorten

_TOP, _ROW, _COLUMN, _GAP, _MOST = 86.0, 22.0, 250.0, 56.0, 16
_COLORS = {
    "dropped": "warn",
    "added": "select",
    "parting": "bad",
    "branch": "bad",
    "decides": "bad",
    "idle": "ink-3",
    "check": "ink-3",
}


def draw(scene: Mapping[str, Any], theme: str) -> str:
    """Return an SVG with the first rows of both columns."""
    rows = min(scene["height"], _MOST)
    is_cut = rows < scene["height"]
    width = 2 * MARGIN + 2 * _COLUMN + _GAP
    svg = framed(
        width, _TOP + rows * _ROW + (32 if is_cut else 14), "export_check", scene["signature"], scene["summary"], theme
    )
    color = "good" if scene["kind"] == "good" else "bad"
    svg.text(MARGIN, 46, shorten(scene["verdict"], width - 2 * MARGIN, 6.4), color=color)
    right = MARGIN + _COLUMN + _GAP
    svg.text(MARGIN, _TOP - 14, message("model_export.eager"), bold=True)
    svg.text(
        right, _TOP - 14, message("model_export.draft" if scene["is_draft"] else "model_export.program"), bold=True
    )
    places = {row["call"]: row["place"] for row in scene["eager"]}
    for row in scene["program"]:
        if row["place"] < rows and row["call"] >= 0:
            y1, y2 = (_TOP + (place + 0.5) * _ROW for place in (places[row["call"]], row["place"]))
            x1, x2 = MARGIN + _COLUMN, right
            middle = (x1 + x2) / 2
            svg.path(
                f"M{x1:.1f},{y1:.1f}C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}",
                stroke="ink-3",
                line=1,
            )
    for left, column in ((MARGIN, scene["eager"]), (right, scene["program"])):
        for row in column:
            if row["place"] >= rows:
                continue
            y = _TOP + row["place"] * _ROW
            svg.rect(
                left,
                y + 2,
                _COLUMN,
                _ROW - 4,
                fill="raised",
                stroke=_COLORS.get(row["kind"], "line"),
                radius=4,
                line=0.8,
            )
            svg.text(left + 8, y + 15, shorten(row["name"], 120, 6.8), size=11, mono=True)
            svg.text(
                left + _COLUMN - 8,
                y + 15,
                shorten(row["shape"], 112, 6.8),
                size=11,
                mono=True,
                anchor="end",
                color="ink-2",
            )
    if is_cut:
        more = message("model_export.more", count=scene["height"] - rows)
        svg.text(MARGIN, _TOP + rows * _ROW + 18, more, size=11, color="ink-3")
    return svg.markup()
