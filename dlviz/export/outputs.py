"""Outputs of code cells as HTML."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from nbformat import NotebookNode

from dlviz.exercises.cards.gate import gated_by
from dlviz.export.execute import VIEW
from dlviz.export.markdown import latex_to_mathml, markdown_to_html
from dlviz.kit.messages import message

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def outputs_html(cell: NotebookNode, boxes: Mapping[str, list[str]]) -> str:
    """Return all outputs of a code cell as HTML.

    Args:
        cell: an executed code cell.
        boxes: model id of each widget shown → model ids of the dlviz widgets in it.
    """
    shown = "".join(_output_html(output, boxes) for output in cell.outputs)
    id = gated_by(cell.source)
    return fold_until_predicted(shown, id, message("export.gated", id=id)) if id and shown else shown


def fold_until_predicted(part: str, id: str, summary: str) -> str:
    """Return HTML folded until the prediction `id` is locked in on the page, or until the reader opens it."""
    head = f'<details class="gate" data-after="{escape(id)}"><summary>{escape(summary)}</summary>'
    return f"{head}\n{part}</details>\n"


def widget_placeholder(id: str, still: str) -> str:
    """Return the element that a widget is mounted in; without JavaScript its still picture is shown."""
    return f'<div class="widget" data-widget="{id}"></div><noscript>{still}</noscript>\n'


def _notebook_only(key: str) -> str:
    """Return a sentence on what works in a notebook only."""
    return f'<div class="ask">{markdown_to_html(message(key))}</div>\n'


def _output_html(output: NotebookNode, boxes: Mapping[str, list[str]]) -> str:
    if output.output_type == "stream":
        return _framed(_text(output.text))
    if output.output_type == "error":  # a cell tagged raises-exception
        return _framed(_text(f"{output.ename}: {output.evalue}"))
    data = output.data
    inside = boxes.get(data[VIEW]["model_id"], []) if VIEW in data else []
    if inside:
        return "".join(widget_placeholder(id, data.get("text/html", "")) for id in inside)
    if VIEW in data and "text/html" not in data:  # for example a slider of ipywidgets, which needs a kernel
        return _notebook_only("export.control")
    return _framed(next((convert(data[kind]) for kind, convert in _CONVERTERS.items() if kind in data), ""))


def _framed(part: str) -> str:
    return f'<div class="output">{part}</div>\n' if part else ""


def _text(text: Any) -> str:
    plain = _COLORS.sub("", text)
    return f"<pre>{escape(plain.rstrip())}</pre>" if plain.strip() else ""


def _picture(kind: str, data: str) -> str:
    return f'<img alt="{escape(message("export.picture"))}" src="data:{kind};base64,{data.strip()}">'


#: MIME types, the richest first, as in a notebook.
_CONVERTERS: Mapping[str, Any] = {
    "text/html": str,
    "image/svg+xml": str,
    "image/png": lambda data: _picture("image/png", data),
    "image/jpeg": lambda data: _picture("image/jpeg", data),
    "text/markdown": markdown_to_html,
    "text/latex": lambda data: latex_to_mathml(data.strip().strip("$"), "block"),
    "text/plain": _text,
}
