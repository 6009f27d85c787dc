"""Self-contained pages: views with their state inside, no kernel and no request."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlviz.kit.linker import link
from dlviz.kit.messages import message

_HOST = Path(__file__).with_name("page_main.js")
_BODY = """body { margin: 0; padding: 24px; background: #fff; }
@media (prefers-color-scheme: dark) { body { background: #010409; } }
"""
_POLICY = "default-src 'none'; script-src {runs}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
#: By this a page is known as one that dlviz wrote and may write anew.
MARK = '<meta name="generator" content="dlviz">'


def page(title: str, esm: str, css: str, state: Mapping[str, Any]) -> str:
    """A page that opens from a file and plays without a kernel.

    Args:
        title: the page's title, plain text.
        esm: the linked view.
        css: its style.
        state: the widget's traits; bytes anywhere inside travel as base64.

    Returns:
        The page as one string of HTML.
    """
    payload = f'{{"state": {to_json(state)}, "esm": {json.dumps(esm)}}}'
    return document(title, _BODY + css, '<main id="widget"></main>', payload, _HOST)


def document(title: str, css: str, body: str, payload: str = "", host: Path | None = None) -> str:
    """A whole page, which may load nothing and run nothing but `host` and the views that it opens.

    Args:
        title: plain text.
        css: the page's style.
        body: HTML.
        payload: JSON, found by `host` in the element ``#payload``.
        host: a module that puts life into the page; it may import others as views do.

    Returns:
        The page as one string of HTML.
    """
    script = f"\n{link(host)}\n" if host else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    runs = f"'sha256-{digest}' blob:" if host else "'none'"
    # Inside a script tag only "<" can end it; inside a style tag likewise.
    inert = payload.replace("<", "\\u003c")
    style = css.replace("</", "<\\/")
    life = f"""<noscript>{html.escape(message("kit.page.noscript"))}</noscript>
<script type="application/json" id="payload">{inert}</script>
<script type="module">{script}</script>
"""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(runs=runs)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
{MARK}
<title>{html.escape(title)}</title>
<style>
{style}
</style>
</head>
<body>
{body}
{life if host else ""}</body>
</html>
"""


def to_json(value: Any) -> str:
    """`value` as JSON, bytes in it as base64.

    Raises:
        ValueError: it holds NaN or an infinity, which JSON cannot.
    """
    return json.dumps(_with_base64(value), allow_nan=False)


def _with_base64(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Mapping):
        return {str(key): _with_base64(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_base64(item) for item in value]
    return value
