"""plotly.js from the installed wheel, for pages that ask for it: once each, and never from a network."""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anywidget

#: What a page asks with, and what the answer is called (``js/plotly.js``).
ASK = "plotly"


@cache
def plotly_gzip() -> bytes:
    """plotly.js as gzip, which browsers unpack themselves: about 1.5 MB of 4.8."""
    found = find_spec("plotly")
    assert found is not None  # a declared dependency
    assert found.origin is not None
    return gzip.compress((Path(found.origin).parent / "package_data" / "plotly.min.js").read_bytes(), 6, mtime=0)


def serve(widget: anywidget.AnyWidget) -> None:
    """Answer the page of this widget when it asks; of several on a page only one is asked."""
    widget.on_msg(_answer)


def _answer(widget: Any, message: Mapping[str, Any], _: Any) -> None:
    if message.get("kind") == ASK:
        widget.send({"kind": ASK}, [plotly_gzip()])
