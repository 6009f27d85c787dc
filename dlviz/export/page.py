"""One exported page: text, code and any number of widgets, whose shared assets are embedded once."""

import os
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import MARK, document, to_json
from dlviz.kit.sanitize import sanitize
from dlviz.kit.svg import colors

_HERE = Path(__file__).parent


def html_page(title: str, body: str, widgets: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Return a complete page as HTML.

    Args:
        title: plain text.
        body: HTML, with a :func:`dlviz.export.outputs.widget_placeholder` for each widget.
        widgets: by the id of its place, what :meth:`dlviz.kit.widget.Widget.page_payload` gave.
    """
    widgets = widgets or {}
    sheets = [payload["css"] for payload in widgets.values()]
    css = _palette() + (_HERE / "page.css").read_text(encoding="utf-8") + _join_styles(sheets)
    skip = f'<a class="skip" href="#main">{escape(message("export.skip"))}</a>\n'
    if not widgets:
        return document(title, css, skip + body)
    return document(title, css, skip + body, _payload(widgets), _HERE / "page_main.js")


def write_page(path: Path, text: str) -> int:
    """Write a page and return its size in bytes.

    Raises:
        DlvizError: a file that dlviz did not write stands there.
    """
    check_overwrite(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = sanitize(text).encode()
    path.write_bytes(data)
    return len(data)


def check_overwrite(path: Path) -> None:
    """Check that `path` is free, or a page that dlviz wrote.

    Raises:
        DlvizError: another file stands there, or the folder cannot be written.
    """
    if path.exists() and not is_dlviz_page(path):
        raise DlvizError(message("export.refused.foreign", path=path))
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise DlvizError(message("export.refused.place", path=path, nearest=nearest))


def is_dlviz_page(path: Path) -> bool:
    """Return whether `path` is a page that dlviz wrote."""
    return path.is_file() and MARK in path.read_text(encoding="utf-8", errors="replace")[:2000]


def _payload(widgets: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the widgets as the JSON that ``page_main.js`` reads; view and messages of a kind are included once."""
    messages = {payload["esm"]: payload["messages"] for payload in widgets.values()}
    numbers = {esm: number for number, esm in enumerate(messages)}
    return to_json(
        {
            "kinds": [{"esm": esm, "messages": texts} for esm, texts in messages.items()],
            "widgets": {
                id: {"kind": numbers[payload["esm"]], "state": payload["state"]} for id, payload in widgets.items()
            },
        }
    )


def _join_styles(sheets: Iterable[str]) -> str:
    """Join style sheets; their common beginning, the kit's style, is included once."""
    different = list(dict.fromkeys(sheets))
    common = os.path.commonprefix(different)  # noqa: RUF071 - of texts
    common = common[: common.rfind("\n") + 1]
    return common + "\n".join(one.removeprefix(common) for one in different)


def _palette() -> str:
    """Return the widgets' color tokens as CSS, for the page around them."""
    light, dark = (
        ";".join(f"--{name}:{value}" for name, value in colors(theme).items()) for theme in ("light", "dark")
    )
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
