"""`dlviz.live`: curves of a training loop that stays the learner's own, and knobs that act while it runs."""

import json
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary
from dlviz.training import run_files
from dlviz.training.comm_pump import Pump
from dlviz.training.loop import Loop
from dlviz.training.run import Run
from dlviz.training.scene import dials, layers, mark, news, past, status, whole
from dlviz.training.still import draw


class Live(Loop, Widget):
    """The picture of a run. A step of the player is a hundredth of the run, to see it grow once more.

    Attributes:
        settings: every knob's value; set one, or move its slider, and it acts at the next step.
        paused: whether the loop waits at its next step.
        smoothing: how much of the curve before is kept, from 0 (nothing) to 0.99; the raw values stay visible.
        log_y, log_x: whether the axes are logarithmic.
        picked: which of the runs behind stands out, counted from 0, −1 for none.
        dials: the knobs' ranges, as data for the view.
        status: where the run stood when it last stopped.
        record: the whole run, as data for an exported page.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "training"

    settings = traitlets.Dict(help="every knob's value").tag(sync=True, user_editable=True)
    paused = traitlets.Bool(False, help="whether the loop waits at its next step").tag(sync=True)
    smoothing = traitlets.Float(0.0, min=0.0, max=0.99, help="how much of the curve before is kept").tag(sync=True)
    log_y = traitlets.Bool(False, help="whether the values' axis is logarithmic").tag(sync=True)
    log_x = traitlets.Bool(False, help="whether the steps' axis is logarithmic").tag(sync=True)
    picked = traitlets.Int(-1, min=-1, help="which of the runs behind stands out").tag(sync=True)
    dials: Any = traitlets.List(help="the knobs' ranges").tag(sync=True)
    status = traitlets.Dict(help="where the run stood").tag(sync=True)
    record = traitlets.Dict(help="the whole run, for a page").tag(sync=True)

    def __init__(self, name: str, beside: Iterable["Live"], **traits: Any) -> None:
        self._name, self._beside = name, list(beside)
        self._pump = Pump.here()
        Loop.__init__(self, Run(self._tell, self._pump))
        self._sent: dict[str, int] = {}
        self._marked = self._looked = 0
        self._shown = self._run.history
        self._displays: list[Any] = []
        self._appeared: int | None = None
        self._kept = False
        self._echo = threading.local()
        Widget.__init__(self, step=traits.pop("step", 100), **traits)
        self.scene = {"name": name, "notes": self._notes()}
        self.status = status(self._run)
        self.observe(self._turned, "settings")
        self.observe(self._paused, "paused")
        self.on_msg(self._answer)
        _watch_cells(self)

    # What the loop says.

    def _appear(self) -> None:
        shell = _shell()
        if not self._displays and shell is not None and not self._boxed():
            self._ipython_display_()
            self._appeared = shell.execution_count

    def _boxed(self) -> bool:
        """Whether it stands in a box of the learner's, which shows it."""
        everyone = getattr(ipywidgets.widgets.widget, "_instances", {})
        return any(self in one.children for one in list(everyone.values()) if isinstance(one, ipywidgets.Box))

    def _stand(self) -> None:
        self.dials = dials(self._run.knobs)
        self.status = status(self._run)
        self._show_settings()

    def figure(self) -> Any:
        """The curves as a plotly figure, to zoom, restyle and export.

        Returns:
            ``plotly.graph_objects.Figure``.
        """
        import plotly.graph_objects as go

        figure = go.Figure()
        for name, series in self.history.items():
            steps, values = series.arrays()
            figure.add_scatter(x=steps, y=values, name=name, mode="lines")
        for one in self.history.marks:
            if one.kind == "knob":
                new = one.new if isinstance(one.new, str) else f"{one.new:g}"
                figure.add_vline(x=one.step, line_dash="dash", annotation_text=f"{one.name} {new}")
        figure.update_layout(xaxis_title=message("training.step"), title=self._name)
        return figure

    def save(self, path: str | Path) -> Path:
        """Write the run as ``.npz`` (bit for bit, for :func:`dlviz.load_run`), ``.csv`` or ``.json``, or its picture as any widget's.

        Raises:
            DlvizError: the ending is none of these.
        """
        path = Path(path)
        if path.suffix == ".npz":
            run_files.save(path, self.history, dict(self._run.settings), self._name)
        elif path.suffix == ".csv":
            run_files.table(path, self.history)
        elif path.suffix == ".json":
            text = json.dumps(run_files.plain(self.history, dict(self._run.settings)), allow_nan=False)
            path.write_text(text, encoding="utf-8")
        else:
            return super().save(path)
        return path

    def close(self) -> None:
        """Take the widget off the page; a run that goes on goes on without it."""
        self._beside = []
        if self._run.watch is not None:
            self._run.watch.close()
        super().close()

    # Talking with the page.

    def _ipython_display_(self) -> None:
        """Displayed under a name, so that the notebook can keep the picture of the run's end and not that of its beginning."""
        from IPython.display import DisplayHandle

        shell = _shell()
        if shell is not None and self._appeared == shell.execution_count:
            return  # it stands there already, where this cell's loop began
        handle = DisplayHandle()
        data, metadata = self._repr_mimebundle_()
        handle.display(data, metadata=metadata, raw=True)
        self._displays.append(handle)

    def _keep(self) -> None:
        """What a notebook shows without its kernel is the still in its file: it becomes the one of now."""
        for handle in self._displays:
            data, metadata = self._repr_mimebundle_()
            handle.update(data, metadata=metadata, raw=True)

    def _tell(self) -> None:
        """What is new since the last message."""
        self._show_settings()
        ended = self._run.state in ("finished", "stopped", "failed")
        if ended or self._run.state == "paused":
            self.status = status(self._run)
            self._flag("paused", self._run.state == "paused")
        if ended and not self._kept:
            self._keep()
        self._kept = ended
        if self.comm is None:
            return
        if self._run.history is not self._shown:
            self._afresh()
            return
        marks = self._run.history.marks
        found = {
            "kind": "points",
            "series": news(self._run.history, self._sent),
            "marks": [mark(one) for one in marks[self._marked :]],
        }
        self._marked = len(marks)
        seen = self._run.watch.step if self._run.watch is not None else 0
        if seen != self._looked:
            self._looked = seen
            found["layers"] = layers(self._run.watch)
        self._post(found | {"status": status(self._run)})

    def _afresh(self) -> None:
        """The run has begun again: every view is told all of it."""
        self._shown = self._run.history
        self._sent = {name: len(series) for name, series in self._shown.items()}
        self._marked, self._looked = len(self._shown.marks), 0
        self._post(self._everything() | {"kind": "history", "to": ""})

    def _post(self, content: Mapping[str, Any]) -> None:
        plain, buffers = _apart(binary(content))
        self.send(plain, buffers)

    def _answer(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        """The page asks or commands."""
        kind = content.get("kind")
        if kind == "open":
            self._post(self._everything() | {"kind": "history", "to": content.get("from")})
        elif kind == "step":
            self._run.singles = 1
        elif kind == "stop":
            self._run.stop()
        elif kind == "again" and self._run.can_restart:
            self.restart()

    def _everything(self) -> dict[str, Any]:
        with self._run.lock:
            return self._gathered()

    def _gathered(self) -> dict[str, Any]:
        others = [
            {"name": one._name, "settings": dict(one._run.settings), "series": whole(one.history)}
            for one in self._beside
        ]
        return {
            "series": whole(self.history),
            "marks": [mark(one) for one in self.history.marks],
            "status": status(self._run),
            "layers": layers(self._run.watch),
            "others": [*others, *past(self._run, self._name)],
        }

    def _turned(self, change: Mapping[str, Any]) -> None:
        """A slider was moved, or the trait set: a wish, until the next step."""
        if getattr(self._echo, "on", False):
            return
        for name, value in change["new"].items():
            if name not in self._run.settings or value != self._run.settings[name]:
                self._run.wish(name, value)
        gone = self._run.settings.keys() - change["new"].keys()
        if gone or self._run.state not in ("running", "paused"):
            self._tell()

    def _show_settings(self) -> None:
        """Tell the page how the knobs stand; what waits to be applied is not undone."""
        now = {**self._run.settings, **self._run.wishes}
        if now != self.settings:
            self._flag("settings", now)

    def _flag(self, trait: str, value: Any) -> None:
        """Set a trait that is observed for the page's sake, without hearing oneself."""
        self._echo.on = True
        try:
            setattr(self, trait, value)
        finally:
            self._echo.on = False

    def _paused(self, change: Mapping[str, Any]) -> None:
        if not getattr(self._echo, "on", False):
            self._run.pausing = change["new"]

    def _notes(self) -> list[dict[str, str]]:
        # Without a notebook there is nobody to move a slider, and nothing to warn of.
        silent = self._pump.works or _shell() is None
        return [] if silent else [{"kind": "warn", "text": self._pump.why}]

    def _page_state(self) -> dict[str, Any]:
        return super()._page_state() | {"record": binary(self._everything()), "status": status(self._run)}

    def _describe(self) -> str:
        run = self._run
        return message(
            "training.repr", name=self._name, state=run.state, step=run.step, metrics=", ".join(run.history) or "-"
        )

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        return draw(self.history, self._name, self._describe(), theme)


def _apart(content: Any) -> tuple[Any, list[bytes]]:
    """The message with a number for every part of bytes, and those parts in that order."""
    buffers: list[bytes] = []

    def taken(value: Any) -> Any:
        if isinstance(value, bytes):
            buffers.append(value)
            return {"$buffer": len(buffers) - 1}
        if isinstance(value, Mapping):
            return {key: taken(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [taken(item) for item in value]
        return value

    return taken(content), buffers


def _shell() -> Any:
    """The notebook's IPython; ``None`` outside one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _watch_cells(live: Live) -> None:
    """In a notebook: a cell that raises in the middle of its loop leaves the run neither running nor silent."""
    shell = _shell()
    if shell is None:
        return
    watched = weakref.ref(live)

    def ended(result: Any) -> None:
        one = watched()
        if one is None or one.comm is None:
            shell.events.unregister("post_run_cell", ended)
            return
        error = result.error_in_exec
        if one._working:
            return
        if error is not None:
            one._run.fail(f"{type(error).__name__}: {error}".rstrip(": "))
        one._run.left = False

    shell.events.register("post_run_cell", ended)


def live(name: str = "run", *, beside: Iterable[Live] = (), **settings: Any) -> Live:
    """Watch and steer a training loop that stays plain PyTorch.

    Args:
        name: what the run is called.
        beside: other runs whose curves are drawn behind this one's.
        settings: traits of :class:`Live`, such as ``smoothing``.

    Returns:
        The widget, to be displayed before the loop; ``.knobs(…)``, ``.steps(loader)``, ``.epochs(n)``, ``.log(…)``, ``.history``.

    Example:
        >>> import torch, dlviz
        >>> w = torch.zeros(1, requires_grad=True)
        >>> opt = torch.optim.SGD([w], lr=0.1)
        >>> run = dlviz.live()
        >>> run.knobs(lr=opt)
        >>> for x in run.steps([1.0, 2.0, 3.0]):
        ...     loss = (w - x).pow(2).sum()
        ...     opt.zero_grad(); loss.backward(); opt.step()
        ...     run.log(loss=loss)
        >>> run
        dlviz.live(run: finished at step 3, loss)
        >>> list(run.history["loss"].steps)
        [1, 2, 3]

    Source:
        https://docs.pytorch.org/docs/stable/optim.html
    """
    return Live(name, beside, **settings)


def load_run(path: str | Path) -> Live:
    """A run that was saved as ``.npz``: every number as it was, NaN included.

    Raises:
        DlvizError: there is no such file, or it is no saved run.

    Example:
        >>> import dlviz, tempfile, pathlib
        >>> run = dlviz.live()
        >>> for step in run.steps(range(2)):
        ...     run.log(loss=float("nan"))
        >>> saved = run.save(pathlib.Path(tempfile.mkdtemp()) / "run.npz")
        >>> dlviz.load_run(saved)
        dlviz.live(run: finished at step 2, loss)
    """
    history, settings, name = run_files.load(Path(path))
    loaded = Live(name, ())
    run = loaded._run
    run.history, run.settings, run.state = history, settings, "finished"
    run.step = run.steps = max((series.steps[-1] for series in history.values() if len(series)), default=0)
    loaded._show_settings()
    loaded.status = status(run)
    return loaded
