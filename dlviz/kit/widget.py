"""Base class of every widget: traits, theme, messages, still picture, exported page, and releasing tensors."""

import html
import weakref
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import traitlets

from dlviz.kit.arguments import check_options, unknown_argument
from dlviz.kit.errors import DlvizError
from dlviz.kit.linker import minify
from dlviz.kit.messages import message
from dlviz.kit.model_thread import run_when_free
from dlviz.kit.notebook_output import ipython_shell, on_cell_end
from dlviz.kit.page import page, to_json
from dlviz.kit.precomputed import BUDGET, Precomputed, fit_budget
from dlviz.kit.sanitize import sanitize
from dlviz.kit.shared_assets import shared_assets
from dlviz.kit.svg import data_uri, png
from dlviz.kit.update_gate import UpdateGate
from dlviz.kit.validated_widget import ValidatedWidget, int_field
from dlviz.kit.validation import file_path, writing

_LOADER = Path(__file__).with_name("loader.js")

Data = TypeVar("Data")


class Widget(ValidatedWidget):
    """ipywidget with one view, which plays in the browser without asking the kernel.

    A room's widget names its files and its table of messages, sets :attr:`scene`, and implements :meth:`_describe` and :meth:`_still`.
    A message of kind "edit" from its view calls its method ``_on_edit(content)``, unless the widget is closed. When a notebook cell runs
    again, the widgets of its earlier run are closed, so that their tensors are freed.

    Attributes:
        scene: what the view draws, as JSON-able data with binary arrays.
        theme: "light", "dark" or "auto", which follows JupyterLab or, in a page, the browser.
        step: the player's step, from 0.
        playing: whether the player is running.
        speed: the player's speed, from 0.25 to 4.
        live: whether a kernel answers; it is false in an exported page.
    """

    _view: Path
    _style: Path
    _room: str
    #: The public function that makes the widget, for the repr of a closed one.
    _function = ""
    #: Attributes with the learner's tensors, which :meth:`close` sets to ``None``.
    _tensor_attributes: tuple[str, ...] = ()
    #: Whether the data for the view outlast :meth:`close`, so that a closed widget can still be saved.
    _outlasts_close = False
    _closed = False

    _esm = traitlets.Unicode().tag(sync=True)
    _assets_id = traitlets.Unicode().tag(sync=True)
    _update_number = traitlets.Int(help="number of the update that a page answers when it is drawn").tag(sync=True)
    scene = traitlets.Dict(help="what the view draws").tag(sync=True)
    theme = traitlets.Enum(("auto", "light", "dark"), "auto", help="colors").tag(sync=True)
    step = traitlets.Int(0, min=0, help="the player's step").tag(sync=True)
    playing = traitlets.Bool(False, help="whether the player is running").tag(sync=True)
    speed = traitlets.Float(1.0, min=0.25, max=4.0, help="the player's speed").tag(sync=True)
    live = traitlets.Bool(True, help="whether a kernel answers").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        for name in traits:
            if not self.has_trait(name):
                known = sorted(known for known in self.trait_names(sync=True) if not known.startswith("_"))
                raise unknown_argument(self._function or type(self).__name__, name, known)
        self._check_options(traits)
        self._gate = UpdateGate()
        self._waiting_update: Callable[[], None] | None = None
        self._shared = shared_assets(type(self)._view, type(self)._style, type(self)._room)
        super().__init__(_esm=_loader(), _assets_id=self._shared.model_id, **traits)
        self.on_msg(_dispatch)
        _close_earlier_runs(self)

    def __repr__(self) -> str:
        return message("kit.closed", name=self._function) if self._closed and self._function else self._describe()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; the error for a trait's unfit value says what would fit, as when the widget is made."""
        try:
            super().__setattr__(name, value)
        except DlvizError:
            raise
        except traitlets.TraitError:
            self._check_options({name: value})
            raise

    def _check_options(self, options: Mapping[str, Any]) -> None:
        """Raise a DlvizError if one of the options of the public function does not fit its trait."""
        check_options(self._function or type(self).__name__, self, options)

    def close(self) -> None:
        """Remove the widget from the page and release the tensors and the picture that it holds."""
        self._closed = True
        for name in self._tensor_attributes:
            setattr(self, name, None)
        layout = self._trait_values.get("layout")
        if layout is not None:  # a model of its own, which ipywidgets keeps until it is closed
            layout.close()
        super().close()
        # The scene and other data for the view go too, because the notebook's history keeps the widget.
        for name, trait in self.traits(sync=True).items():
            if isinstance(trait, traitlets.Dict) and not self._outlasts_close:
                self._trait_values.pop(name, None)

    def _update_when_drawn(self, update: Callable[[], None]) -> None:
        """Call `update`, which sets traits, now, or, while a page still draws the last update, once it has answered.

        Of several that wait only the last is called, at the end of the cell at the latest. So a loop may update as often as it likes: the
        page is never behind it, and its buttons and sliders are heard at once. Without a page `update` is called at once.
        """
        if self._gate.is_open():
            self._update_now(update)
            return
        if self._waiting_update is None:
            on_cell_end(self, lambda widget, _: run_when_free(widget._update_waiting))
        self._waiting_update = update

    def _update_now(self, update: Callable[[], None]) -> None:
        self._waiting_update = None
        with self.hold_sync():
            update()
            self._update_number = self._gate.passed()

    def _update_waiting(self) -> None:
        if self._waiting_update is not None and not self._closed:
            self._update_now(self._waiting_update)

    def _on_drawn(self, content: Mapping[str, Any]) -> None:
        """Note that a page has drawn an update."""
        self._gate.answered(str(content.get("from")), int_field(content, "update"))
        if self._gate.is_open():
            run_when_free(self._update_waiting)

    def _check_open(self) -> None:
        """Raise a DlvizError if the widget has been closed and has nothing to show any more."""
        if self._closed and not self._outlasts_close:
            raise DlvizError(message("kit.refused.closed"))

    @property
    def _still_theme(self) -> str:
        """The theme of a still picture: "auto" is light there."""
        return "dark" if self.theme == "dark" else "light"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = self._image()
        return bundle

    def _describe(self) -> str:
        """Return one line that describes what is shown, without addresses, so that it is the same in every run."""
        raise NotImplementedError

    def _still(self) -> str:
        """Return the current picture as SVG."""
        raise NotImplementedError

    def _page_state(self) -> dict[str, Any]:
        """Return the traits for an exported page, complete enough to need no kernel."""
        return {
            name: getattr(self, name)
            for name in self.trait_names(sync=True)
            if not name.startswith("_") and name not in _IPYWIDGETS_TRAITS
        }

    def _precomputed(self) -> Precomputed:
        """Return what an exported page shows for other settings: for each trait, by the JSON of a value, the traits that change with it.

        What takes time is a function instead, which is called only while the page has room.

        One trait at a time differs from the current settings. The most useful values come first, because those that exceed the page's
        budget are left out.
        """
        return {}

    def _image(self) -> str:
        return f'<img alt="{html.escape(sanitize(self._describe()))}" src="{data_uri(self._still())}">'

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the widget as one self-contained page that opens from a file and still plays, steps and hovers.

        Controls with few settings work there too: their states are computed when the page is written.

        Args:
            path: where to write the page; nothing is written without one.
        """
        self._check_open()
        payload = self.page_payload(BUDGET)
        state = payload["state"] | {"messages": payload["messages"]}
        text = page(sanitize(self._describe()), payload["esm"], payload["css"], state)
        if path is not None:
            with writing(path) as file:
                file.write_text(text, encoding="utf-8")
        return text

    def page_payload(self, budget: int) -> dict[str, Any]:
        """Return what a page needs to show this widget without a kernel: its state, and the view, style and messages of its kind.

        Args:
            budget: about how many characters all of it may take; precomputed states that exceed it are left out.
        """
        shared, state = self._shared, self._page_state()
        css = f"{shared.kit_style}\n{shared.style}"
        assets = {"esm": shared.view, "css": css, "messages": shared.messages}
        budget -= len(to_json(assets)) + len(to_json(state))
        precomputed = fit_budget(self._precomputed(), state, budget, lambda one: len(to_json(one)))
        return assets | {"state": state | {"precomputed": precomputed}}

    def embedded_assets(self) -> dict[str, Any]:
        """Return state, view and its room's style for a page that shows this widget inside another one, and has the kit's style."""
        shared = self._shared
        return {"state": self._page_state() | {"messages": shared.messages}, "esm": shared.view, "css": shared.style}

    def save(self, path: str | Path) -> Path:
        """Write the current picture as ``.svg`` or ``.png``, or the widget as an ``.html`` page that still plays.

        Raises:
            DlvizError: the file has another suffix, or cannot be written.
        """
        self._check_open()
        path = file_path(path)
        if path.suffix == ".html":
            self.to_html(path)
        elif path.suffix in (".svg", ".png"):
            still = self._still()
            with writing(path):
                path.write_bytes(still.encode() if path.suffix == ".svg" else png(still))
        else:
            raise DlvizError(message("kit.refused.suffix", got=path.suffix or path.name))
        return path


class DataWidget(Widget, Generic[Data]):
    """Widget that holds the data behind its picture, with the learner's tensors, until it is closed."""

    _tensor_attributes: tuple[str, ...] = ("_data",)

    def __init__(self, data: Data, **traits: Any) -> None:
        self._data = data
        super().__init__(**traits)

    @property
    def data(self) -> Data:
        """The data behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        return self._data


_IPYWIDGETS_TRAITS = {"layout", "tabbable", "tooltip", "comm", "keys"}


def binary(value: Any) -> Any:
    """Return `value` with every NumPy array as its bytes, little-endian and row-major, which travel as binary buffers."""
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


def _dispatch(widget: Widget, content: Mapping[str, Any], buffers: Any) -> None:
    """Call the method ``_on_<kind>`` for a message from the view."""
    handler = getattr(widget, f"_on_{content['kind']}", None)
    if handler is not None and not widget._closed:
        handler(content)


_runs: dict[str, tuple[int, list["weakref.ref[Widget]"]]] = {}


def _close_earlier_runs(widget: Widget) -> None:
    """Close the widgets that an earlier run of this notebook cell made: the new output replaces them."""
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
    """Return the id of the running notebook cell and its execution count; the id is ``None`` outside a notebook."""
    shell = ipython_shell()
    parent = getattr(shell, "parent_header", None) or {}
    return parent.get("metadata", {}).get("cellId"), getattr(shell, "execution_count", 0)
