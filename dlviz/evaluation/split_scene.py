"""Description of a split for the view: the parts in the order of the data, the classes of each part, warnings and scores."""

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.evaluation.leakage import Finding
from dlviz.evaluation.split_scores import summarize_scores
from dlviz.evaluation.split_state import DataSplit
from dlviz.evaluation.splitting import SplitSettings
from dlviz.kit.messages import message
from dlviz.kit.theme import class_tint
from dlviz.torchkit.tensor_blocks import as_array

#: Classes that have a bar of their own, the last one shared by all others; and columns of the strip at most.
MAX_CLASSES, MAX_COLUMNS = 20, 480
_NONFINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def scene(
    data: DataSplit,
    settings: SplitSettings,
    parts: Mapping[str, Tensor],
    warnings: Sequence[Finding],
    errors: Sequence[str] = (),
) -> dict[str, Any]:
    """Return everything that the view draws.

    Args:
        data: the data set and its measured scores.
        settings: the settings of the split.
        parts: the indices of the examples in each part.
        warnings: what is doubtful about the parts.
        errors: messages that stand above the picture.
    """
    total = len(data.y)
    labels, classes = bars(data.y, data.class_names)
    stride = ceil(total / MAX_COLUMNS)
    counts = [torch.bincount(labels[indices], minlength=len(classes)) for indices in parts.values()]
    line = _signature(parts, settings)
    return {
        "total": total,
        "stride": stride,
        "classes": classes,
        "class_tints": [class_tint(k) for k in range(len(classes))],
        "class_columns": columns(labels, len(classes), stride),
        "part_columns": columns(part_of_each(parts, total), len(parts), stride),
        "groups": None if data.groups is None else _group_shades(data.groups, stride),
        "parts": list(parts),
        "part_tints": [part_tint(k, len(parts)) for k in range(len(parts))],
        "sizes": [len(indices) for indices in parts.values()],
        "part_fractions": [len(indices) / total for indices in parts.values()],
        "counts": [as_array(count, torch.int32) for count in counts],
        "class_fractions": [as_array(count.double() / count.sum(), torch.float64) for count in counts],
        "overall_fractions": as_array(torch.bincount(labels).double() / total, torch.float64),
        "warnings": [{"kind": finding.kind, "text": finding.text} for finding in warnings],
        "scores": [_json_row(row) for row in summarize_scores(data.measured)],
        "measurable": data.score is not None,
        "measuring": data.is_measuring,
        "how": settings.how,
        "methods": data.methods,
        "folds": settings.folds,
        "signature": line,
        "summary": _summary(line, total, warnings),
        "badge": _badge(warnings),
        "notes": [*({"kind": "bad", "text": text} for text in errors), *_notes(settings, total, stride, classes)],
    }


def part_of_each(parts: Mapping[str, Tensor], total: int) -> Tensor:
    """Return the index of each example's part, (N,)."""
    part = torch.empty(total, dtype=torch.long)
    for k, indices in enumerate(parts.values()):
        part[indices] = k
    return part


def part_tint(k: int, count: int) -> tuple[str, float]:
    """Return the color token of part `k` of `count` and its opacity: parts are shades of the ink."""
    return "ink", 0.22 + 0.7 * k / max(1, count - 1)


def bars(y: Tensor, names: Sequence[str] | None = None) -> tuple[Tensor, list[str]]:
    """Return the bar of each example and the bars' names: one bar for each class, or one for all the small ones of many classes.

    Example:
        >>> bars(torch.tensor([5, 3, 5]))
        (tensor([1, 0, 1]), ['3', '5'])
    """
    classes, indices, counts = y.unique(return_inverse=True, return_counts=True)
    texts = [str(label) if names is None else names[label] for label in classes.tolist()]
    if len(classes) <= MAX_CLASSES:
        return indices, texts
    largest = counts.argsort(descending=True, stable=True)[: MAX_CLASSES - 1].sort().values
    bar = torch.full((len(classes),), MAX_CLASSES - 1, dtype=torch.long)
    bar[largest] = torch.arange(MAX_CLASSES - 1)
    return bar[indices], [*(texts[k] for k in largest.tolist()), message("evaluation.split.others")]


def columns(values: Tensor, kinds: int, stride: int) -> np.ndarray:
    """Return how often each of `kinds` values occurs in every column of `stride` neighbors, (columns, kinds).

    Example:
        >>> columns(torch.tensor([0, 0, 1, 1, 1]), 2, 2).tolist()
        [[2, 0], [0, 2], [0, 1]]
    """
    count = ceil(len(values) / stride)
    cells = torch.arange(len(values)) // stride * kinds + values
    return as_array(torch.bincount(cells, minlength=count * kinds).view(count, kinds), torch.int32)


def _group_shades(groups: Tensor, stride: int) -> np.ndarray:
    """Return the group of the first example of every column, scaled to 0 … 1."""
    return as_array(groups[::stride] / max(1, int(groups.max())))


def _signature(parts: Mapping[str, Tensor], settings: SplitSettings) -> str:
    """Return the line in the card's header: "train 1,437 · test 360 · shuffled, seed 0"."""
    sizes = " · ".join(f"{name} {len(indices):,}" for name, indices in parts.items())
    values = {"seed": settings.seed, "folds": settings.folds, "fold": settings.fold + 1}
    return f"{sizes} · {message(f'evaluation.method_detail.{settings.how}', **values)}"


def _badge(warnings: Sequence[Finding]) -> dict[str, str]:
    if not warnings:
        return {"kind": "good", "text": message("evaluation.split.clean")}
    key = "evaluation.split.warned_one" if len(warnings) == 1 else "evaluation.split.warned"
    return {"kind": "bad", "text": message(key, count=len(warnings))}


def _summary(line: str, total: int, warnings: Sequence[Finding]) -> str:
    texts = " ".join(finding.text for finding in warnings) or message("evaluation.split.nothing")
    return message("evaluation.split.summary", total=f"{total:,}", parts=line, found=texts)


def _notes(settings: SplitSettings, total: int, stride: int, classes: Sequence[str]) -> list[dict[str, str]]:
    notes = []
    if settings.how == "grouped":
        notes.append(message("evaluation.note.grouped"))
    if stride > 1:
        notes.append(message("evaluation.note.columns", every=stride, total=f"{total:,}"))
    if classes[-1] == message("evaluation.split.others"):
        notes.append(message("evaluation.note.others", shown=len(classes) - 1))
    return [{"kind": "", "text": text} for text in notes]


def _json_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of scores with arrays for the view, and numbers that JSON lacks as text."""
    numbers = {
        key: row[key] if isfinite(row[key]) else _NONFINITE[str(row[key])] for key in ("mean", "sd", "low", "high")
    }
    arrays = {"values": as_array(row["values"], torch.float64), "seeds": as_array(row["seeds"], torch.int32)}
    return {**row, **arrays, **numbers}
