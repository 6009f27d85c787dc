"""In the kernel of a notebook that was run: what its pages need of the widgets that it showed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ipywidgets import Box
from ipywidgets.widgets.widget import _instances

from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.widget import Widget


def gather(shown: Iterable[str], path: str | Path) -> None:
    """Write down the widgets with these model ids as they stand now, at the end of the notebook, as a learner finds them.

    A box stands for the widgets of ours inside it. Whatever else is shown, or was closed, is left out: its place keeps its still picture.
    The file holds ``{"widgets": {id: …}, "boxes": {id: [id, …]}}``.

    Args:
        shown: model ids, in the order in which they were shown.
        path: the file.
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
