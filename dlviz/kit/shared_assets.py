"""What all widgets of one kind share, view, style and messages, sent to the browser once and not with every widget."""

from functools import cache
from pathlib import Path

import anywidget
import traitlets

from dlviz.kit.linker import link, minify
from dlviz.kit.messages import language, table

_HERE = Path(__file__).parent
_cache: dict[tuple[Path, str, str], "SharedAssets"] = {}


class SharedAssets(anywidget.AnyWidget):
    """A model without a view of its own: ``loader.js``, which is all the code that a widget brings, asks it for the rest.

    Attributes:
        view: the linked ES module.
        style: its CSS.
        messages: the strings that the view shows.
    """

    _esm = traitlets.Unicode("export default {};").tag(sync=True)
    view = traitlets.Unicode().tag(sync=True)
    style = traitlets.Unicode().tag(sync=True)
    messages = traitlets.Dict().tag(sync=True)


def shared_assets(view: Path, style: Path, room: str) -> SharedAssets:
    """The one carrier of this view in this language; a closed one is replaced."""
    key = (view, room, language())
    found = _cache.get(key)
    if found is None or found.comm is None:
        # Files are read when the first widget is made, not when its class is: importing a room reads no file.
        opener = minify((_HERE / "open.js").read_text(encoding="utf-8"))
        found = SharedAssets(view=f"{link(view)}\n{opener}", style=_style(style), messages=table("kit") | table(room))
        _cache[key] = found
    return found


@cache
def _style(room: Path) -> str:
    own = (_HERE / name for name in ("theme.css", "card.css", "grid.css"))
    return "\n".join(path.read_text(encoding="utf-8") for path in (*own, room))
