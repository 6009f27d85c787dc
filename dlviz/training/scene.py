"""A run as data for the view: series as binary arrays, marks, controls and status."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from dlviz.training.hyperparameters import Hyperparameter
from dlviz.training.model_monitor import LayerStats
from dlviz.training.record import History, Mark, subsample
from dlviz.training.run import Run

#: About this many points of a metric are sent when a view opens; later ones follow as they are logged.
MAX_POINTS = 4000
#: About this many points of a metric are sent in one message of a run that logs very fast.
MAX_NEW_POINTS = 2000
#: About this many points of a metric stay in a saved notebook.
MAX_SAVED_POINTS = 500


class RunUpdates:
    """The part of a run that the views have received already, so that each message contains only what is new."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._history = run.history
        self._counts: dict[str, int] = {}
        self._marks = self._monitored_step = 0

    def next(self) -> dict[str, Any] | None:
        """Return what is new since the last call; ``None`` after a restart, when the views need the complete history."""
        run = self._run
        if run.history is not self._history:
            self._history = run.history
            self._counts = {name: len(series) for name, series in run.history.items()}
            self._marks, self._monitored_step = len(run.history.marks), 0
            return None
        marks = run.history.marks
        update: dict[str, Any] = {
            "kind": "points",
            "series": new_series(run.history, self._counts),
            "marks": [vars(mark) for mark in marks[self._marks :]],
            "status": status(run),
        }
        self._marks = len(marks)
        if run.monitor is not None and run.monitor.step != self._monitored_step:
            self._monitored_step = run.monitor.step
            update["samples"] = [[run.monitor.step, layer_rows(run.monitor.layers)]]
        return update


def complete(run: Run, name: str, beside: Iterable[tuple[str, Run]], most: int = MAX_POINTS) -> dict[str, Any]:
    """Return everything that a view needs when it opens.

    Args:
        run: the run.
        name: its name.
        beside: names and runs whose curves are drawn behind it.
        most: about this many points of a metric are returned.
    """
    with run.lock:
        others = [(other_name, other.settings, other.history, hue) for hue, (other_name, other) in enumerate(beside)]
        # A run keeps its color when it restarts and stays behind, also if older ones are dropped.
        first_hue = len(others)
        others += [
            (f"{name} {past.name}", past.settings, past.history, first_hue + int(past.name) - 1)
            for past in run.past_runs
        ]
        restarts = int(run.past_runs[-1].name) if run.past_runs else 0
        samples = [] if run.monitor is None else run.monitor.samples
        return {
            "series": all_series(run.history, most),
            "marks": [vars(mark) for mark in run.history.marks],
            "status": status(run),
            "samples": [[sample.step, layer_rows(sample.layers)] for sample in samples],
            "hue": first_hue + restarts,
            "others": [
                {
                    "name": label,
                    "hue": hue,
                    "settings": dict(settings),
                    "first": first_values(history.marks),
                    "series": all_series(history, most),
                }
                for label, settings, history, hue in others
            ],
        }


def series_part(name: str, steps: np.ndarray, values: np.ndarray, first: int, count: int) -> dict[str, Any]:
    """Return part of a metric: values number `first` to ``first + count``, of which the given points are drawn.

    Consecutive steps are sent as the first of them, and values as float32 if that loses nothing.
    """
    narrow = values.astype(np.float32)
    # Comparing bytes is several times as fast as NumPy's comparisons for the few values of one message.
    exact = narrow.astype(np.float64).tobytes() == values.tobytes()
    part: dict[str, Any] = {"name": name, "first": first, "count": count, "values": narrow if exact else values}
    if not exact:
        part["dtype"] = "float64"
    if len(steps) and steps.tobytes() == np.arange(steps[0], steps[0] + len(steps)).tobytes():
        return part | {"from": int(steps[0])}
    return part | {"steps": steps.astype(np.float64)}


def all_series(history: History, most: int = MAX_POINTS) -> list[dict[str, Any]]:
    """Return every metric from its beginning, with about `most` points."""
    return [series_part(name, *subsample(*series.arrays(), most), 0, len(series)) for name, series in history.items()]


def new_series(history: History, counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return what has been logged beyond `counts`, and update `counts`."""
    parts = []
    for name, series in history.items():
        first = counts.get(name, 0)
        count = len(series) - first
        if count:
            parts.append(series_part(name, *subsample(*series.arrays(first), MAX_NEW_POINTS), first, count))
            counts[name] = first + count
    return parts


def controls(hyperparameters: Mapping[str, Hyperparameter]) -> list[dict[str, Any]]:
    """Return the controls that the view draws, one for each hyperparameter."""
    return [
        {
            "name": one.name,
            "low": one.low,
            "high": one.high,
            "log": one.log,
            "zero": one.zero,
            "infinite": one.infinite,
            "choices": list(one.choices),
            "integer": one.integer,
        }
        for one in hyperparameters.values()
    ]


def first_values(marks: Iterable[Mark]) -> dict[str, Any]:
    """Return the value at the start of the run of each hyperparameter that was changed.

    Example:
        >>> first_values([Mark(5, "hyperparameter", "lr", 0.1, 0.2), Mark(9, "hyperparameter", "lr", 0.2, 0.3)])
        {'lr': 0.1}
    """
    changes = [mark for mark in marks if mark.kind == "hyperparameter"]
    return {mark.name: mark.old for mark in reversed(changes)}


def layer_rows(layers: Iterable[LayerStats]) -> list[list[Any]]:
    """Return a sample of the model, one row for each layer.

    A row is name, gradient norm, ratio of update to weight, share of dead units, heights of the weights' histogram, and its least and
    largest weight; "" for a value that there is not.
    """
    return [
        [
            layer.name,
            *("" if value is None else value for value in (layer.gradient, layer.ratio, layer.dead)),
            *_histogram(layer),
        ]
        for layer in layers
    ]


def _histogram(layer: LayerStats) -> list[Any]:
    """Return the bars' heights as bytes, because the histogram is sent several times a second, and its two ends."""
    if not layer.counts:
        return ["", "", ""]
    counts = np.array(layer.counts, np.float64)
    return [np.ceil(255 * counts / counts.max()).astype(np.uint8), layer.low, layer.high]


def status(run: Run) -> dict[str, Any]:
    """Return state, progress and times of a run."""
    seconds = run.seconds
    left = seconds * (run.steps - run.step) / run.step if run.step and run.steps > run.step else 0.0
    return {
        "run": run.number,
        "state": run.state,
        "left_early": run.left_early,
        "error": run.error,
        "step": run.step,
        "steps": run.steps,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "seconds": round(seconds, 2),
        "left": round(left, 1),
        "overhead": round(run.overhead, 5),
        "can_restart": run.can_restart,
    }
