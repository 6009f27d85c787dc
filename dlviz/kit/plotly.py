"""plotly.js from the installed wheel, sent once to each page that asks for it and never loaded from a network."""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anywidget

#: The kind of the page's request and of the answer (``js/plotly.js``).
REQUEST = "plotly"


@cache
def plotly_gzip() -> bytes:
    """Return plotly.js as gzip, which browsers unpack themselves: about 1.5 MB of 4.8."""
    spec = find_spec("plotly")
    assert spec is not None  # a declared dependency
    assert spec.origin is not None
    return gzip.compress((Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes(), 6, mtime=0)


def serve(widget: anywidget.AnyWidget) -> None:
    """Answer requests for plotly.js from this widget's view; a page with several such widgets asks only one of them."""
    widget.on_msg(_answer)


def _answer(widget: Any, message: Mapping[str, Any], _: Any) -> None:
    if message.get("kind") == REQUEST:
        widget.send({"kind": REQUEST}, [plotly_gzip()])
