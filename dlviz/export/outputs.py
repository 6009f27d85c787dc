"""What cells printed and showed, as HTML."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from nbformat import NotebookNode

from dlviz.exercises.report import SIGNS
from dlviz.export.execute import VIEW
from dlviz.export.markdown import formula, prose
from dlviz.kit.messages import message

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def shown(cell: NotebookNode, boxes: Mapping[str, list[str]]) -> str:
    """Everything below a code cell.

    Args:
        cell: a code cell that was run.
        boxes: of each model id that the notebook showed, the widgets of ours in it.
    """
    parts = [_one(output, boxes) for output in cell.outputs]
    if any(_unanswered(output) for output in cell.outputs):
        parts.append(_asking("export.answer"))
    return "".join(parts)


def place(id: str, still: str) -> str:
    """Where a widget will stand; without JavaScript its picture stands there."""
    return f'<div class="widget" data-widget="{id}"></div><noscript>{still}</noscript>\n'


def _asking(key: str) -> str:
    """A sentence on what a notebook has and a page has not."""
    return f'<div class="ask">{prose(message(key))}</div>\n'


def _unanswered(output: NotebookNode) -> bool:
    return str(output.get("data", {}).get("text/plain", "")).startswith(SIGNS["not attempted"])


def _one(output: NotebookNode, boxes: Mapping[str, list[str]]) -> str:
    if output.output_type == "stream":
        return _framed(_text(output.text))
    if output.output_type == "error":  # of a cell that says it will fail
        return _framed(_text(f"{output.ename}: {output.evalue}"))
    data = output.data
    inside = boxes.get(data[VIEW]["model_id"], []) if VIEW in data else []
    if inside:
        return "".join(place(id, data.get("text/html", "")) for id in inside)
    if VIEW in data and "text/html" not in data:  # a slider of ipywidgets, say, which only a kernel answers
        return _asking("export.control")
    return _framed(next((show(data[kind]) for kind, show in _SHOW.items() if kind in data), ""))


def _framed(part: str) -> str:
    return f'<div class="output">{part}</div>\n' if part else ""


def _text(text: Any) -> str:
    plain = _COLORS.sub("", text)
    return f"<pre>{escape(plain.rstrip())}</pre>" if plain.strip() else ""


def _picture(kind: str, data: str) -> str:
    return f'<img alt="{escape(message("export.picture"))}" src="data:{kind};base64,{data.strip()}">'


#: The richest form first, as a notebook has it.
_SHOW: Mapping[str, Any] = {
    "text/html": str,
    "image/svg+xml": str,
    "image/png": lambda data: _picture("image/png", data),
    "image/jpeg": lambda data: _picture("image/jpeg", data),
    "text/markdown": prose,
    "text/latex": lambda data: formula(data.strip().strip("$"), "block"),
    "text/plain": _text,
}
