"""A run as data for the page: points as binary, marks, knobs, and where it stands."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dlviz.training.hyperparameters import Knob
from dlviz.training.model_monitor import Layer, Watch
from dlviz.training.record import History, Mark, decimated
from dlviz.training.run import Run

#: A page is given about so many points of a metric when it opens; later ones follow as they come.
POINTS = 4000
#: And so many at most in one message of a run that logs very fast.
BURST = 2000


def points(name: str, steps: np.ndarray, values: np.ndarray, first: int, count: int) -> dict[str, Any]:
    """Part of a metric: values number `first` to ``first + count``, of which these points are drawn.

    Steps that follow each other go as the first of them alone, and values as float32 where nothing is lost by it.
    """
    narrow = values.astype(np.float32)
    # As bytes: several times as fast as numpy's comparisons for the few values of one message.
    same = narrow.astype(np.float64).tobytes() == values.tobytes()
    about: dict[str, Any] = {"name": name, "first": first, "count": count, "values": narrow if same else values}
    if not same:
        about["kind"] = "float64"
    if len(steps) and steps.tobytes() == np.arange(steps[0], steps[0] + len(steps)).tobytes():
        return about | {"from": int(steps[0])}
    return about | {"steps": steps.astype(np.float64)}


def whole(history: History) -> list[dict[str, Any]]:
    """Every metric from its beginning."""
    return [points(name, *decimated(*series.arrays(), POINTS), 0, len(series)) for name, series in history.items()]


def news(history: History, sent: dict[str, int]) -> list[dict[str, Any]]:
    """What has been logged since; `sent` is brought up to date."""
    found = []
    for name, series in history.items():
        first = sent.get(name, 0)
        count = len(series) - first
        if count:
            found.append(points(name, *decimated(*series.arrays(first), BURST), first, count))
            sent[name] = first + count
    return found


def dials(knobs: Mapping[str, Knob]) -> list[dict[str, Any]]:
    """The knobs as the page draws them."""
    return [
        {
            "name": one.name,
            "low": one.low,
            "high": one.high,
            "log": one.log,
            "zero": one.log and one.name != "lr",
            "choices": list(one.choices),
            "whole": one.whole,
        }
        for one in knobs.values()
    ]


def mark(one: Mark) -> dict[str, Any]:
    """A mark on the curve."""
    return {"step": one.step, "kind": one.kind, "name": one.name, "old": one.old, "new": one.new}


def layers(watch: Watch | None) -> list[list[Any]]:
    """The newest look into the model: name, gradient norm, ratio of update to weight, share of dead units, then the weights' histogram, its
    least and its largest; "" for what there is none of."""
    if watch is None:
        return []

    def plain(value: float | None) -> float | str:
        return "" if value is None else value if math.isfinite(value) else str(value)

    return [[one.name, plain(one.gradient), plain(one.ratio), plain(one.dead), *_bars(one)] for one in watch.layers]


def _bars(layer: Layer) -> list[Any]:
    """A histogram in 256 heights, as bytes: it is sent several times a second."""
    if not layer.counts:
        return ["", "", ""]
    counts = np.array(layer.counts, np.float64)
    return [np.ceil(255 * counts / counts.max()).astype(np.uint8), layer.low, layer.high]


def past(run: Run, name: str) -> list[dict[str, Any]]:
    """The runs before each restart."""
    return [{"name": f"{name} {one.name}", "settings": one.settings, "series": whole(one.history)} for one in run.past]


def status(run: Run) -> dict[str, Any]:
    """Where a run stands."""
    seconds = run.seconds
    left = seconds * (run.steps - run.step) / run.step if run.step and run.steps > run.step else 0.0
    return {
        "state": run.state,
        "error": run.error,
        "step": run.step,
        "steps": run.steps,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "seconds": round(seconds, 2),
        "left": round(left, 1),
        "own": round(run.overhead, 5),
        "again": run.can_restart,
    }
