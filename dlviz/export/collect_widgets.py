"""Runs in the kernel of an executed notebook and saves the state of the widgets that it showed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ipywidgets import Box
from ipywidgets.widgets.widget import _instances

from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.widget import Widget


def collect_widgets(shown: Iterable[str], path: str | Path) -> None:
    """Save the present state of the widgets with these model ids, as a reader finds them at the end of the notebook.

    A box counts as the dlviz widgets inside it. Other widgets and closed ones are left out; the page keeps their still picture.
    The file holds ``{"widgets": {id: …}, "boxes": {id: [id, …]}}``.

    Args:
        shown: model ids, in the order shown.
        path: the JSON file to write.
    """
    ids = list(dict.fromkeys(shown))
    boxes = {id: [one.model_id for one in _inside(_instances.get(id))] for id in ids}
    ours = {one.model_id: one for id in ids for one in _inside(_instances.get(id))}
    held = {id: one.page_payload(BUDGET // len(ours)) | {"title": repr(one)} for id, one in ours.items()}
    Path(path).write_text(json.dumps({"widgets": json.loads(to_json(held)), "boxes": boxes}), encoding="utf-8")


def _inside(widget: Any) -> list[Widget]:
    if isinstance(widget, Widget):
        return [widget]
    return [one for child in widget.children for one in _inside(child)] if isinstance(widget, Box) else []
