"""View, style and messages that all widgets of one kind share; they are sent to the browser once and not with every widget."""

from functools import cache
from pathlib import Path

import anywidget
import traitlets

from dlviz.kit.linker import link, minify
from dlviz.kit.messages import language, table

_HERE = Path(__file__).parent
_cache: dict[tuple[Path, str, str], "SharedAssets"] = {}


class SharedAssets(anywidget.AnyWidget):
    """Model without a view, from which ``loader.js``, the only code that a widget itself carries, gets the rest.

    Attributes:
        view: the linked ES module.
        kit_style: the CSS that all rooms share; it stands before that of every room.
        style: the CSS of its room.
        messages: the strings that the view shows.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    view = traitlets.Unicode().tag(sync=True)
    kit_style = traitlets.Unicode().tag(sync=True)
    style = traitlets.Unicode().tag(sync=True)
    messages = traitlets.Dict().tag(sync=True)


def shared_assets(view: Path, style: Path, room: str) -> SharedAssets:
    """Return the shared assets of this view in the current language; a closed model is replaced by a new one."""
    key = (view, room, language())
    assets = _cache.get(key)
    if assets is None or assets.comm is None:
        # Files are read when the first widget is made, not when its class is: importing a room reads no file.
        opener = link(_HERE / "open.js", "$o")
        assets = SharedAssets(
            _esm=minify((_HERE / "saved_state.js").read_text(encoding="utf-8")),
            view=f"{link(view)}\n{opener}",
            kit_style=_kit_style(),
            style=style.read_text(encoding="utf-8"),
            messages=table("kit") | table(room),
        )
        _cache[key] = assets
    return assets


@cache
def _kit_style() -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "card.css", "grid.css"))
