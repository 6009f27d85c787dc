"""Self-contained HTML pages: a view with its state inside, which needs no kernel and makes no request."""

import base64
import hashlib
import html
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlviz.kit.linker import link
from dlviz.kit.messages import message
from dlviz.kit.sanitize import encode_number

_PAGE_MAIN = Path(__file__).with_name("page_main.js")
_BODY = """body { margin: 0; padding: 24px; background: #fff; }
@media (prefers-color-scheme: dark) { body { background: #010409; } }
"""
_POLICY = "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
#: Marks a page that dlviz wrote and may therefore overwrite.
MARK = '<meta name="generator" content="dlviz">'


def page(title: str, esm: str, css: str, state: Mapping[str, Any]) -> str:
    """Return a page that opens from a file and plays without a kernel.

    Args:
        title: the page's title, plain text.
        esm: the linked view.
        css: its style.
        state: the widget's traits; bytes anywhere inside travel as base64.

    Returns:
        The page as one string of HTML.
    """
    payload = f'{{"state": {to_json(state)}, "esm": {json.dumps(esm)}}}'
    return document(title, _BODY + css, '<main id="widget"></main>', payload, _PAGE_MAIN)


def document(title: str, css: str, body: str, payload: str = "", script: Path | None = None) -> str:
    """Return a page whose security policy lets it load nothing, and run nothing but `script` and the views that it opens.

    Args:
        title: plain text.
        css: the page's style.
        body: HTML.
        payload: JSON, which `script` finds in the element ``#payload``.
        script: the ES module that the page runs; it may import others as views do.

    Returns:
        The page as one string of HTML.
    """
    source = f"\n{link(script)}\n" if script else ""
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    allowed = f"'sha256-{digest}' blob:" if script else "'none'"
    # Inside a script tag only "<" can end it; inside a style tag likewise.
    safe_payload = payload.replace("<", "\\u003c")
    style = css.replace("</", "<\\/")
    scripts = f"""<noscript>{html.escape(message("kit.page.noscript"))}</noscript>
<script type="application/json" id="payload">{safe_payload}</script>
<script type="module">{source}</script>
"""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(scripts=allowed)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
{MARK}
<title>{html.escape(title)}</title>
<style>
{style}
</style>
</head>
<body>
{body}
{scripts if script else ""}</body>
</html>
"""


def to_json(value: Any) -> str:
    """Return `value` as JSON, with bytes as base64, and with NaN and the infinities, which JSON does not have, as in messages."""
    return json.dumps(_encoded(value), allow_nan=False)


def _encoded(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return encode_number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Mapping):
        return {str(key): _encoded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(item) for item in value]
    return value
