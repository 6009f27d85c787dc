"""`dlviz.live`: curves of a training loop that stays the learner's own, and hyperparameters that can be changed while it runs."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from os import PathLike
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import traitlets
from torch import nn

from dlviz.kit.arguments import suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.notebook_output import NotebookOutput, ipython_shell, on_cell_end
from dlviz.kit.validation import check_type, file_path, is_iterable, writing
from dlviz.kit.widget import Widget, binary
from dlviz.torchkit.modules import unregistered_note
from dlviz.training import run_files
from dlviz.training.comm_pump import CommPump
from dlviz.training.loop import TrainingLoop
from dlviz.training.model_monitor import LayerStats, has_compiled
from dlviz.training.record import History
from dlviz.training.restart import PastRun
from dlviz.training.run import Run
from dlviz.training.scene import MAX_POINTS, MAX_SAVED_POINTS, RunUpdates, complete, controls, status
from dlviz.training.still import draw

_ENDED = ("finished", "stopped", "failed")


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _of_loop(
    method: Callable[Concatenate[TrainingLoop, Arguments], Result],
) -> Callable[Concatenate["Live", Arguments], Result]:
    """Return a method of the widget that calls this method of its loop, with the same signature and docstring."""
    # Python's own error for a missing argument names the class that the learner sees.
    method.__qualname__ = f"Live.{method.__name__}"

    @wraps(method)
    def call(self: "Live", *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return method(self._loop, *args, **kwargs)

    return call


class _Status(traitlets.Dict):
    """The run's status as it is when it is read."""

    def get(self, obj: Any, cls: Any = None) -> dict[str, Any]:
        run = getattr(obj, "_run", None)
        return {} if run is None else status(run)


class Live(Widget):
    """Widget that shows a run. One step of the player is a hundredth of the run.

    Attributes:
        settings: every hyperparameter's value; set one, or move its slider, and it is applied at the next step.
        paused: whether the loop waits at its next step.
        smoothing: weight of the previous average in the smoothed curve, from 0 (none) to 0.99; the raw values stay visible.
        log_y, log_x: whether the axes are logarithmic.
        picked: index of the past run that is highlighted, −1 for none.
        controls: ranges and choices of the hyperparameters, as data for the view.
        status: state and progress of the run, as they are when read.
        record: the run when it ended, as data for an exported page or a saved notebook.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "training"
    _outlasts_close = True  # a running loop continues without its picture

    # Both are written by Python alone. A page asks for a change with one message, and shows what it asked for until it is answered.
    settings = traitlets.Dict(help="every hyperparameter's value").tag(sync=True)
    paused = traitlets.Bool(False, help="whether the loop waits at its next step").tag(sync=True, user_editable=False)
    smoothing = traitlets.Float(0.0, min=0.0, max=0.99, help="weight of the previous average").tag(sync=True)
    log_y = traitlets.Bool(False, help="whether the y axis is logarithmic").tag(sync=True)
    log_x = traitlets.Bool(False, help="whether the x axis is logarithmic").tag(sync=True)
    picked = traitlets.Int(-1, min=-1, help="index of the highlighted past run").tag(sync=True)
    #: They only note what the loop reads at its next step.
    _any_thread = True
    controls: Any = traitlets.List(help="ranges of the hyperparameters").tag(sync=True, user_editable=False)
    status = _Status(help="state and progress of the run").tag(sync=True)
    record = traitlets.Dict(help="the run when it ended, for a page or a saved notebook").tag(sync=True)

    def __init__(self, name: str, beside: list["Live"], **traits: Any) -> None:
        self._name, self._beside = name, beside
        self._pump = CommPump.here()
        self._run = Run(self._send_update, self._pump)
        self._loop = TrainingLoop(self._run, self._before_loop, self._after_configure, self._after_watch)
        self._updates = RunUpdates(self._run)
        self._output = NotebookOutput(self)
        self._output_is_final = False
        self._held_back = False
        #: What pages may still show, so that a value that one of them merely repeats is told from a new one.
        self._shown_settings: deque[dict[str, Any]] = deque(maxlen=1000)
        self._model_notes: list[str] = []
        self._own_change = threading.local()
        super().__init__(step=traits.pop("step", 100), **traits)
        self._set_scene()
        self.status = status(self._run)
        self.observe(self._request_settings, "settings")
        self.observe(self._request_pause, "paused")
        on_cell_end(self, Live._after_cell)

    # The learner's loop.

    knobs = _of_loop(TrainingLoop.knobs)
    steps = _of_loop(TrainingLoop.steps)
    epochs = _of_loop(TrainingLoop.epochs)
    log = _of_loop(TrainingLoop.log)
    finish = _of_loop(TrainingLoop.finish)
    watch = _of_loop(TrainingLoop.watch)
    restarts = _of_loop(TrainingLoop.restarts)
    restart = _of_loop(TrainingLoop.restart)
    start = _of_loop(TrainingLoop.start)
    wait = _of_loop(TrainingLoop.wait)
    stop = _of_loop(TrainingLoop.stop)

    def _before_loop(self) -> None:
        self._output.display_at_loop()

    def _after_configure(self) -> None:
        self._show_controls()
        self.status = status(self._run)
        self._show_settings()

    def _after_watch(self, model: nn.Module, name: str) -> None:
        compiled = message("training.compiled", name=name) if has_compiled(model) else ""
        notes = [*self._model_notes, unregistered_note(model), compiled]
        self._model_notes = list(dict.fromkeys(filter(None, notes)))
        self._set_scene()

    def _after_cell(self, error: BaseException | None) -> None:
        """End the loop that was in the cell."""
        if self._loop.training:
            return
        self._run.end_left_behind(error)
        self._send_held_back()

    # Results.

    @property
    def history(self) -> History:
        """Every metric by its name, such as ``run.history["loss"].values``, and ``.marks``."""
        return self._run.history

    @property
    def state(self) -> str:
        """State of the run: "ready", "running", "paused", "stopped", "finished" or "failed"."""
        return self._run.state

    @property
    def overhead(self) -> float:
        """Share of the training time that logging, showing and handling messages took."""
        return self._run.overhead

    @property
    def past_runs(self) -> list[PastRun]:
        """The last ten runs before a restart, the oldest first, with ``.settings`` and ``.history``."""
        return list(self._run.past_runs)

    @property
    def layers(self) -> list[LayerStats]:
        """The latest sample of the watched model, layer by layer."""
        return [] if self._run.monitor is None else list(self._run.monitor.layers)

    @property
    def nonfinite_layer(self) -> str:
        """The first layer of the watched model whose output contained a NaN or an infinity; "" if there is none."""
        return "" if self._run.monitor is None else self._run.monitor.nonfinite_layer

    def figure(self) -> Any:
        """Return the curves as a plotly figure, to zoom, restyle and export.

        Returns:
            ``plotly.graph_objects.Figure``.
        """
        import plotly.graph_objects as go

        figure = go.Figure()
        for name, series in self.history.items():
            steps, values = series.arrays()
            figure.add_scatter(x=steps, y=values, name=name, mode="lines")
        for mark in self.history.marks:
            if mark.kind == "hyperparameter":
                new = mark.new if isinstance(mark.new, str) else f"{mark.new:g}"
                figure.add_vline(x=mark.step, line_dash="dash", annotation_text=f"{mark.name} {new}")
        figure.update_layout(xaxis_title=message("training.step"), title=self._name)
        return figure

    def save(self, path: str | Path) -> Path:
        """Write the run as ``.npz`` (bit for bit, for :func:`dlviz.load_run`), ``.csv`` or ``.json``, or its picture like any widget's.

        Raises:
            DlvizError: the file has another suffix, or cannot be written.
        """
        path = file_path(path)
        settings = dict(self._run.settings)
        if path.suffix not in (".npz", ".csv", ".json"):
            return super().save(path)
        with writing(path):
            if path.suffix == ".npz":
                run_files.save(path, self.history, settings, self._name)
            elif path.suffix == ".csv":
                run_files.save_csv(path, self.history)
            else:
                path.write_text(
                    json.dumps(run_files.to_jsonable(self.history, settings), allow_nan=False), encoding="utf-8"
                )
        return path

    def close(self) -> None:
        """Remove the widget from the page; a running loop continues without it."""
        self._beside = []
        if self._run.monitor is not None:
            self._run.monitor.close()
        super().close()

    # Messages to and from the browser.

    def _ipython_display_(self) -> None:
        self._output.display()

    def _send_update(self) -> None:
        """Send what is new since the last message, unless a page is still drawing that one."""
        run = self._run
        self._show_controls()
        self._show_settings()
        ended = run.state in _ENDED
        if ended or run.state == "paused":
            self.status = status(run)
            self._show_paused()
        if ended and not self._output_is_final:
            self._output.update()
            self.record = binary(self._complete(MAX_SAVED_POINTS))
        self._output_is_final = ended
        if self.comm is None:
            return
        self._held_back = not (ended or run.state == "paused" or self._gate.is_open())
        if self._held_back:
            return
        update = self._updates.next()
        # After a restart every view gets the complete history.
        content = self._complete() | {"kind": "history", "to": ""} if update is None else update
        self._post({**content, "update": self._gate.passed()})

    def _send_held_back(self) -> None:
        """Send what was held back, when no later update follows by itself."""
        if self._held_back and not self._run.active:
            self._run.flush()

    def _post(self, content: Mapping[str, Any]) -> None:
        self.send(*_separate_buffers(binary(content)))

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take each hyperparameter of a dictionary of settings by itself: one that only repeats what a page was shown is no change."""
        settings = sync_data.get("settings")
        super().set_state({name: value for name, value in sync_data.items() if name != "settings"})
        for name, value in settings.items() if isinstance(settings, dict) else ():
            if not any(name in shown and shown[name] == value for shown in self._shown_settings):
                self._change(name, value)

    def _on_open(self, content: Mapping[str, Any]) -> None:
        self._gate.opened(str(content.get("from")))
        self._post(self._complete() | {"kind": "history", "to": content.get("from")})

    def _on_drawn(self, content: Mapping[str, Any]) -> None:
        super()._on_drawn(content)
        self._send_held_back()

    def _on_change(self, content: Mapping[str, Any]) -> None:
        with self._answering(content):
            self._change(str(content.get("name")), content.get("value"))

    def _on_pause(self, content: Mapping[str, Any]) -> None:
        with self._answering(content):
            if self._is_for_this_run(content):
                self.paused = content.get("paused") is True

    def _on_step(self, content: Mapping[str, Any]) -> None:
        if self._is_for_this_run(content):
            self._run.single_steps = 1

    def _on_stop(self, content: Mapping[str, Any]) -> None:
        if self._is_for_this_run(content):
            self.stop()

    def _on_restart(self, content: Mapping[str, Any]) -> None:
        if self._run.can_restart and content.get("run", self._run.number) == self._run.number:
            self.restart()

    def _is_for_this_run(self, content: Mapping[str, Any]) -> bool:
        """Return whether a page's command is for the run that is running: one that comes after its end is dropped."""
        return self._run.active and content.get("run", self._run.number) == self._run.number

    @contextmanager
    def _answering(self, content: Mapping[str, Any]) -> Iterator[None]:
        """Tell the page after the block that its request was handled: from there on it shows what Python says."""
        try:
            yield
        finally:
            if "request" in content:
                self._post({"kind": "answer", "to": content.get("from"), "request": content["request"]})

    def _complete(self, most: int = MAX_POINTS) -> dict[str, Any]:
        return complete(self._run, self._name, [(other._name, other._run) for other in self._beside], most)

    def _change(self, name: str, value: Any) -> None:
        """Request a hyperparameter's value, which is applied at the next step."""
        try:
            self._run.request(name, value)
        finally:
            if self._run.active:
                self._show_settings()
            else:
                self._send_update()

    def _request_settings(self, change: Mapping[str, Any]) -> None:
        """Request the values that the user changed from Python, which are applied at the next step."""
        if self._is_own_change:
            return
        settings = self._run.settings
        for name, value in change["new"].items():
            if name not in settings or value != settings[name]:
                self._run.request(name, value)
        missing = settings.keys() - change["new"].keys()
        if missing or not self._run.active:
            self._send_update()

    def _show_settings(self) -> None:
        """Set the trait to the current values, or to those that are pending."""
        current = {**self._run.settings, **self._run.pending}
        if current != self.settings:
            self._shown_settings.append(current)
            with self._setting_own_traits():
                self.settings = current

    def _show_paused(self) -> None:
        with self._setting_own_traits():
            self.paused = self._run.state == "paused"

    def _show_controls(self) -> None:
        """Send the controls if one is new, or has a wider range because its value had left it."""
        current = controls(self._run.hyperparameters)
        if current != self.controls:
            self.controls = current

    def _request_pause(self, change: Mapping[str, Any]) -> None:
        if not self._is_own_change:
            self._run.pause_requested = change["new"]

    @contextmanager
    def _setting_own_traits(self) -> Iterator[None]:
        """Mark changes of observed traits in this thread as the widget's own, which request nothing."""
        self._own_change.active = True
        try:
            yield
        finally:
            self._own_change.active = False

    @property
    def _is_own_change(self) -> bool:
        return getattr(self._own_change, "active", False)

    # What is drawn.

    def _set_scene(self) -> None:
        notes = [{"kind": "warn", "text": text} for text in self._model_notes]
        self.scene = {
            "name": self._name,
            "signature": self._name,
            "badge": {"kind": "", "text": ""},
            "notes": [*self._pump_notes(), *notes],
            "summary": message("training.summary", name=self._name),
        }

    def _pump_notes(self) -> list[dict[str, str]]:
        # Outside a notebook there are no sliders to warn about.
        silent = self._pump.works or ipython_shell() is None
        return [] if silent else [{"kind": "warn", "text": self._pump.reason}]

    def _page_state(self) -> dict[str, Any]:
        return super()._page_state() | {"record": binary(self._complete()), "status": status(self._run)}

    def _describe(self) -> str:
        run = self._run
        metrics = ", ".join(run.history) or "-"
        return message("training.repr", name=self._name, state=run.state, step=run.step, metrics=metrics)

    def _still(self) -> str:
        return draw(self.history, self._name, self._describe(), self._still_theme)


def _separate_buffers(content: Any) -> tuple[Any, list[bytes]]:
    """Return the message with an index in place of each bytes object, and these objects in that order."""
    buffers: list[bytes] = []

    def separated(value: Any) -> Any:
        if isinstance(value, bytes):
            buffers.append(value)
            return {"$buffer": len(buffers) - 1}
        if isinstance(value, Mapping):
            return {key: separated(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [separated(item) for item in value]
        return value

    return separated(content), buffers


@suggests_names
def live(
    name: str = "run",
    *,
    beside: Live | Iterable[Live] = (),
    smoothing: float = 0.0,
    log_y: bool = False,
    log_x: bool = False,
    picked: int = -1,
    theme: str = "auto",
    step: int = 100,
    playing: bool = False,
    speed: float = 1.0,
) -> Live:
    """Watch and steer a training loop that stays plain PyTorch.

    A loop that is not your own, such as Lightning's or Hugging Face's, is watched by a callback of three lines: see :meth:`Live.log`.

    Args:
        name: name of the run.
        beside: another run whose curves are drawn behind this one, or several of them.
        smoothing: weight of the previous average in the smoothed curve, from 0 (none) to 0.99.
        log_y, log_x: whether the axes are logarithmic.
        picked: index of the past run that is highlighted, -1 for none.
        theme: "light", "dark" or "auto".
        step: the player's step, a hundredth of the run.
        playing: whether the player is running.
        speed: the player's speed, from 0.25 to 4.

    Returns:
        The widget, to display before the loop; ``.knobs(…)``, ``.steps(loader)``, ``.epochs(n)``, ``.log(…)``, ``.history``.

    Raises:
        DlvizError: an argument does not fit.

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
    check_type(name, str, "training.refused.name")
    axes = {"log_y": log_y, "log_x": log_x, "smoothing": smoothing, "picked": picked}
    return Live(name, _list_of_runs(beside), **axes, theme=theme, step=step, playing=playing, speed=speed)


def _list_of_runs(beside: Any) -> list[Live]:
    """Return a run, or several, as a list.

    Raises:
        DlvizError: it is neither, or one of several is no run.
    """
    runs = [beside] if isinstance(beside, Live) or not is_iterable(beside) else list(beside)
    for run in runs:
        check_type(run, Live, "training.refused.beside")
    return runs


def load_run(path: str | Path) -> Live:
    """Load a run that was saved as ``.npz``, with every number as it was logged, including NaN.

    Raises:
        DlvizError: there is no such file, or it is not a saved run.

    Example:
        >>> import dlviz, tempfile, pathlib
        >>> run = dlviz.live()
        >>> for step in run.steps(range(2)):
        ...     run.log(loss=float("nan"))
        >>> saved = run.save(pathlib.Path(tempfile.mkdtemp()) / "run.npz")
        >>> dlviz.load_run(saved)
        dlviz.live(run: finished at step 2, loss)
    """
    if not isinstance(path, (str, PathLike)):
        raise DlvizError(message("training.refused.file", path=repr(path), why=message("training.refused.no_path")))
    history, settings, name = run_files.load(Path(path))
    loaded = Live(name, [])
    run = loaded._run
    run.history, run.settings, run.state = history, settings, "finished"
    run.step = run.steps = max((series.steps[-1] for series in history.values() if len(series)), default=0)
    loaded._show_settings()
    loaded.status = status(run)
    return loaded
