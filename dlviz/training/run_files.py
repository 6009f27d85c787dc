"""Runs on disk: every number bit for bit, in one file that numpy reads without this kit; and tables for others."""

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
    """Write a run as ``.npz``: two arrays for each metric, and a JSON text for the rest."""
    arrays: dict[str, np.ndarray] = {}
    for number, series in enumerate(history.values()):
        arrays[f"steps{number}"], arrays[f"values{number}"] = series.arrays()
    about = {
        "format": _FORMAT,
        "name": name,
        "metrics": list(history),
        "settings": settings,
        "marks": [vars(mark) for mark in history.marks],
    }
    arrays["about"] = np.array(json.dumps(about))
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its own flag is a bool


def load(path: Path) -> tuple[History, dict[str, Any], str]:
    """Read what :func:`save` wrote.

    Raises:
        DlvizError: the file is not one of these.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            history = History()
            for number, name in enumerate(about["metrics"]):
                for step, value in zip(arrays[f"steps{number}"].tolist(), arrays[f"values{number}"], strict=True):
                    history.add(name, step, value)
    except FileNotFoundError:
        raise DlvizError(message("training.refused.no_file", path=str(path))) from None
    except (KeyError, ValueError, OSError, EOFError, TypeError) as error:
        raise DlvizError(message("training.refused.file", path=str(path), why=str(error).partition("\n")[0])) from None
    history.marks.extend(Mark(**mark) for mark in about["marks"])
    return history, about["settings"], about["name"]


def table(path: Path, history: History) -> None:
    """Write ``step, metric, value`` as CSV, every float with the digits that give it back."""
    # A name may hold what UTF-8 has no bytes for; it is then written as Python would, and the run is not lost for it.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "metric", "value"])
        for name, series in history.items():
            writer.writerows((step, name, repr(value)) for step, value in zip(series.steps, series.values, strict=True))


def plain(history: History, settings: dict[str, Any]) -> dict[str, Any]:
    """The run as JSON-able data; NaN and infinity by their names, which JSON's numbers lack."""
    return {
        "settings": settings,
        "metrics": {
            name: {
                "steps": list(series.steps),
                "values": [value if math.isfinite(value) else str(value) for value in series.values],
            }
            for name, series in history.items()
        },
        "marks": [vars(mark) for mark in history.marks],
    }
