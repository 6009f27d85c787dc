"""One self-contained page: the same view with its state inside, no kernel and no request."""

import base64
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlviz.kit.words import say

_POLICY = "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data: blob:"
_HOST = Path(__file__).with_name("host.js")


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
    payload = f'{{"state": {written(state)}, "esm": {json.dumps(esm)}}}'
    # Inside a script tag only "<" can end it; inside a style tag likewise.
    inert = payload.replace("<", "\\u003c")
    style = css.replace("</", "<\\/")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
body {{ margin: 0; padding: 24px; background: #fff; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #010409; }} }}
{style}
</style>
</head>
<body>
<main id="widget"></main>
<noscript>{html.escape(say("kit.page.noscript"))}</noscript>
<script type="application/json" id="payload">{inert}</script>
<script type="module">
{_HOST.read_text(encoding="utf-8")}
</script>
</body>
</html>
"""


def written(value: Any) -> str:
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
