"""The base of every widget: traits, theme, messages, still picture, page, and letting go."""

import html
import sys
import weakref
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from dlviz.kit.errors import DlvizError
from dlviz.kit.linker import minify
from dlviz.kit.messages import message
from dlviz.kit.page import page, to_json
from dlviz.kit.precomputed import BUDGET, fit_budget
from dlviz.kit.sanitize import sanitize
from dlviz.kit.shared_assets import shared_assets
from dlviz.kit.svg import data_uri, png
from dlviz.kit.validated_widget import ValidatedWidget

_LOADER = Path(__file__).with_name("loader.js")


class Widget(ValidatedWidget):
    """An ordinary ipywidget with one view, which plays in the browser and never needs the kernel to do so.

    A room's widget names its files and its table of messages, sets :attr:`scene`, and says what it shows in :meth:`_describe` and
    :meth:`_still`. Running the same notebook cell again closes the widgets that its earlier run made, so their tensors are freed.

    Attributes:
        scene: what the view draws, as JSON-able data with binary arrays.
        theme: "light", "dark" or "auto", which follows JupyterLab or, in a page, the browser.
        step: which step the player stands at, from 0.
        playing: whether it is playing.
        speed: how fast, from 0.25 to 4.
        live: whether a kernel is there to answer; an exported page says no.
    """

    _view: Path
    _style: Path
    _room: str

    _esm = traitlets.Unicode().tag(sync=True)
    _assets_id = traitlets.Unicode().tag(sync=True)
    scene = traitlets.Dict(help="what the view draws").tag(sync=True)
    theme = traitlets.Enum(("auto", "light", "dark"), "auto", help="colors").tag(sync=True)
    step = traitlets.Int(0, min=0, help="where the player stands").tag(sync=True)
    playing = traitlets.Bool(False, help="whether the player runs").tag(sync=True)
    speed = traitlets.Float(1.0, min=0.25, max=4.0, help="how fast it plays").tag(sync=True)
    live = traitlets.Bool(True, help="whether a kernel answers").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        unknown = sorted(name for name in traits if not self.has_trait(name))
        if unknown:
            known = sorted(name for name in self.trait_names(sync=True) if not name.startswith("_"))
            raise TypeError(
                f"{type(self).__name__}: no such argument: {', '.join(unknown)}. It takes {', '.join(known)}"
            )
        self._shared = shared_assets(type(self)._view, type(self)._style, type(self)._room)
        super().__init__(_esm=_loader(), _assets_id=self._shared.model_id, **traits)
        _close_earlier_runs(self)

    def __repr__(self) -> str:
        return self._describe()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = self._image()
        return bundle

    def _describe(self) -> str:
        """One stable line that says what is shown."""
        raise NotImplementedError

    def _still(self) -> str:
        """The picture as it stands, as SVG."""
        raise NotImplementedError

    def _page_state(self) -> dict[str, Any]:
        """The traits that an exported page carries, complete enough to need no kernel."""
        return {
            name: getattr(self, name)
            for name in self.trait_names(sync=True)
            if not name.startswith("_") and name not in _LAYOUT
        }

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What an exported page shows for other settings: of each trait, by the JSON of its value, the traits that change with it.

        One trait is changed at a time, from the settings as they stand. The most useful values come first: what a page has no room for
        is left out.
        """
        return {}

    def _image(self) -> str:
        return f'<img alt="{html.escape(sanitize(self._describe()))}" src="{data_uri(self._still())}">'

    def to_html(self, path: str | Path | None = None) -> str:
        """The widget as one self-contained page that opens from a file and still plays, steps and hovers.

        Knobs with few settings answer there too: what they show was computed when the page was written.

        Args:
            path: where to write it; nothing is written without one.

        Returns:
            The page.
        """
        held = self.page_payload(BUDGET)
        text = page(sanitize(self._describe()), held["esm"], held["css"], held["state"] | {"messages": held["messages"]})
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def page_payload(self, room: int) -> dict[str, Any]:
        """What a page needs to show this widget without a kernel: its state, and view, style and messages, which all of its kind share.

        Args:
            room: about so many characters all of it may take; what knobs show beside the present settings is left out for it.
        """
        shared, state = self._shared, self._page_state()
        held = {"esm": shared.view, "css": shared.style, "messages": shared.messages}
        room -= len(to_json(held)) + len(to_json(state))
        frames = fit_budget(self._precomputed(), state, room, lambda one: len(to_json(one)))
        return held | {"state": state | {"frames": frames}}

    def embedded_assets(self) -> dict[str, Any]:
        """State, view and style for a page that shows this widget inside another's picture."""
        shared = self._shared
        return {"state": self._page_state() | {"messages": shared.messages}, "esm": shared.view, "css": shared.style}

    def save(self, path: str | Path) -> Path:
        """Write the picture: ``.svg`` and ``.png`` as it stands, ``.html`` as a page that still plays.

        Raises:
            DlvizError: the ending is none of the three.
        """
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self._still(), encoding="utf-8")
        elif path.suffix == ".html":
            self.to_html(path)
        elif path.suffix == ".png":
            path.write_bytes(png(self._still()))
        else:
            raise DlvizError(message("kit.refused.suffix", got=path.suffix or path.name))
        return path


_LAYOUT = {"layout", "tabbable", "tooltip", "comm", "keys"}


def binary(value: Any) -> Any:
    """`value` with every numpy array as its bytes, little-endian and row-major: they cross as buffers, never as lists of numbers."""
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
    if isinstance(value, Mapping):
        return {key: binary(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [binary(item) for item in value]
    return value


@cache
def _loader() -> str:
    return minify(_LOADER.read_text(encoding="utf-8"))


_runs: dict[str, tuple[int, list["weakref.ref[Widget]"]]] = {}


def _close_earlier_runs(widget: Widget) -> None:
    """A cell that is run again replaces its output, so what its earlier run made is closed."""
    cell, run = _cell()
    if cell is None:
        return
    before, widgets = _runs.get(cell, (run, []))
    if before != run:
        for earlier in widgets:
            old = earlier()
            if old is not None:
                old.close()
        widgets = []
    _runs[cell] = (run, [*widgets, weakref.ref(widget)])


def _cell() -> tuple[str | None, int]:
    """The notebook cell that is running and which run of it this is; ``None`` outside a notebook that tells."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    parent = getattr(shell, "parent_header", None) or {}
    return parent.get("metadata", {}).get("cellId"), getattr(shell, "execution_count", 0)
