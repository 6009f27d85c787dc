"""A split as a JSON-able picture: the examples in the file's order and where each one assignment, the classes of every part, the scores."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.evaluation.leakage import Finding
from dlviz.evaluation.split_scores import called
from dlviz.kit.messages import message
from dlviz.kit.theme import class_tint

#: So many classes have a bar of their own, the rest share one; the strip has up to so many columns.
CLASSES, COLUMNS = 20, 480


def scene(
    parts: Mapping[str, Tensor],
    y: Tensor,
    groups: Tensor | None,
    warnings: Sequence[Finding],
    scores: Sequence[Mapping[str, Any]],
    *,
    how: str,
    seed: int,
    folds: int,
    fold: int,
    hows: Sequence[str],
    measurable: bool,
    measuring: bool,
    notes: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Everything the view draws.

    Args:
        parts: numbers of the examples in each part.
        y: the classes (N,).
        groups: (N,) the group of each example.
        warnings: what was found.
        scores: what was measured, as :func:`dlviz.evaluation.split_scores.summarize_scores` gives it.
        how, seed, folds, fold: the settings they were drawn with.
        hows: the ways to split that can be chosen.
        measurable: whether there is a function that measures, to be asked.
        measuring: whether it is at work.
        notes: what else has to be told.
    """
    labels, classes = kinds(y)
    where = torch.empty(len(y), dtype=torch.long)
    for k, numbers in enumerate(parts.values()):
        where[numbers] = k
    every = ceil(len(y) / COLUMNS)
    counts = [torch.bincount(labels[numbers], minlength=len(classes)) for numbers in parts.values()]
    told = signature(parts, how, seed, folds, fold)
    return {
        "total": len(y),
        "every": every,
        "classes": classes,
        "class_tints": [class_tint(k) for k in range(len(classes))],
        "strip": columns(labels, len(classes), every),
        "assignment": columns(where, len(parts), every),
        "groups": None if groups is None else _groups(groups, every),
        "parts": list(parts),
        "part_tints": [part_tint(k, len(parts)) for k in range(len(parts))],
        "sizes": [len(numbers) for numbers in parts.values()],
        "part_sizes_relative": [len(numbers) / len(y) for numbers in parts.values()],
        "counts": [one.int().numpy() for one in counts],
        "histograms": [(one.double() / one.sum()).numpy() for one in counts],
        "whole": (torch.bincount(labels, minlength=len(classes)).double() / len(y)).numpy(),
        "warnings": [{"kind": one.kind, "text": one.text} for one in warnings],
        "scores": [
            {"called": called(one), **one, "values": one["values"].numpy(), "seeds": one["seeds"].int().numpy()}
            | {key: _plain(one[key]) for key in ("mean", "sd", "low", "high")}
            for one in scores
        ],
        "measurable": measurable,
        "measuring": measuring,
        "how": how,
        "hows": list(hows),
        "folds": folds,
        "signature": told,
        "summary": summary(told, len(y), warnings),
        "badge": badge(warnings),
        "notes": [*notes, *_notes(len(y), every, classes)],
    }


def part_tint(k: int, count: int) -> tuple[str, float]:
    """Return the color token of part `k` of `count` and its share beside the color of the paper: parts are shades of the ink."""
    return "ink", 0.22 + 0.7 * k / max(1, count - 1)


def kinds(y: Tensor) -> tuple[Tensor, list[str]]:
    """Which bar each example belongs to, and what the bars are called: the classes, and one for all the rest of very many.

    Example:
        >>> kinds(torch.tensor([5, 3, 5]))
        (tensor([1, 0, 1]), ['3', '5'])
    """
    values, places, counts = y.unique(return_inverse=True, return_counts=True)
    if len(values) <= CLASSES:
        return places, [str(value) for value in values.tolist()]
    kept = counts.argsort(descending=True, stable=True)[: CLASSES - 1].sort().values
    bars = torch.full((len(values),), CLASSES - 1, dtype=torch.long)
    bars[kept] = torch.arange(CLASSES - 1)
    return bars[places], [str(value) for value in values[kept].tolist()] + [message("evaluation.split.others")]


def columns(which: Tensor, kinds: int, every: int) -> np.ndarray:
    """How many of each kind there are in every column of `every` neighbors, (columns, kinds).

    Example:
        >>> columns(torch.tensor([0, 0, 1, 1, 1]), 2, 2).tolist()
        [[2, 0], [0, 2], [0, 1]]
    """
    count = -(-len(which) // every)
    places = torch.arange(len(which)) // every * kinds + which
    return torch.bincount(places, minlength=count * kinds).view(count, kinds).int().numpy()


def _groups(groups: Tensor, every: int) -> np.ndarray:
    """The group of the first example of every column, from 0 to 1."""
    return (groups[::every].float() / max(1, int(groups.max()))).numpy()


def signature(parts: Mapping[str, Tensor], how: str, seed: int, folds: int, fold: int) -> str:
    """The line in the head: "train 1,437 · test 360 · shuffled, seed 0"."""
    counts = " · ".join(f"{name} {len(numbers):,}" for name, numbers in parts.items())
    return f"{counts} · {message(f'evaluation.method_detail.{how}', seed=seed, folds=folds, fold=fold + 1)}"


def badge(warnings: Sequence[Finding]) -> dict[str, str]:
    """Whether something was found."""
    if not warnings:
        return {"kind": "good", "text": message("evaluation.split.clean")}
    key = "evaluation.split.warned_one" if len(warnings) == 1 else "evaluation.split.warned"
    return {"kind": "bad", "text": message(key, count=len(warnings))}


def summary(told: str, total: int, warnings: Sequence[Finding]) -> str:
    """The picture in words."""
    found = " ".join(one.text for one in warnings) or message("evaluation.split.nothing")
    return message("evaluation.split.summary", total=f"{total:,}", parts=told, found=found)


def _notes(total: int, every: int, classes: Sequence[str]) -> list[dict[str, str]]:
    notes = []
    if every > 1:
        text = message("evaluation.note.pooled", every=every, total=f"{total:,}")
        notes.append({"kind": "", "text": text})
    if classes[-1] == message("evaluation.split.others"):
        notes.append({"kind": "", "text": message("evaluation.note.others", shown=len(classes) - 1)})
    return notes


def _plain(value: float) -> float | str:
    """JSON has no word for NaN and infinity; they go by their names."""
    return value if value - value == 0 else {"nan": "NaN", "inf": "Infinity"}.get(str(value), "-Infinity")
