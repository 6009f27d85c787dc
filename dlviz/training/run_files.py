"""Runs on disk: ``.npz`` with every number bit for bit, readable by NumPy alone, and CSV or JSON for other programs."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.training.record import History, Mark

_FORMAT = 1


def save(path: Path, history: History, settings: dict[str, Any], name: str) -> None:
    """Write a run as ``.npz``: two arrays for each metric, and a JSON string for the rest."""
    arrays: dict[str, np.ndarray] = {}
    for number, series in enumerate(history.values()):
        arrays[f"steps{number}"], arrays[f"values{number}"] = series.arrays()
    metadata = {
        "format": _FORMAT,
        "name": name,
        "metrics": list(history),
        "settings": settings,
        "marks": [vars(mark) for mark in history.marks],
    }
    arrays["metadata"] = np.array(json.dumps(metadata))
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stub takes keywords for a bool flag


def load(path: Path) -> tuple[History, dict[str, Any], str]:
    """Read a file that :func:`save` wrote.

    Raises:
        DlvizError: there is no such file, or it is not a saved run.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            metadata = json.loads(str(arrays["metadata"]))
            history = History()
            for number, name in enumerate(metadata["metrics"]):
                for step, value in zip(arrays[f"steps{number}"].tolist(), arrays[f"values{number}"], strict=True):
                    history.add(name, step, value)
    except FileNotFoundError:
        raise DlvizError(message("training.refused.no_file", path=str(path))) from None
    except (KeyError, ValueError, OSError, EOFError, TypeError) as error:
        raise DlvizError(message("training.refused.file", path=str(path), why=str(error).partition("\n")[0])) from None
    history.marks.extend(Mark(**mark) for mark in metadata["marks"])
    return history, metadata["settings"], metadata["name"]


def save_csv(path: Path, history: History) -> None:
    """Write ``step, metric, value`` as CSV; every float has enough digits to be read back exactly."""
    # A name may contain characters that UTF-8 cannot encode; they are escaped, so that the run is still written.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "metric", "value"])
        for name, series in history.items():
            writer.writerows((step, name, repr(value)) for step, value in zip(series.steps, series.values, strict=True))


def to_jsonable(history: History, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the run as JSON-able data, with NaN and infinity as strings, because JSON has no such numbers."""
    return {
        "settings": {name: _jsonable(value) for name, value in settings.items()},
        "metrics": {
            name: {"steps": list(series.steps), "values": list(map(_jsonable, series.values))}
            for name, series in history.items()
        },
        "marks": [{key: _jsonable(value) for key, value in vars(mark).items()} for mark in history.marks],
    }


def _jsonable(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
