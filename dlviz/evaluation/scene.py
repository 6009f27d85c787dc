"""Description of a confusion matrix for the view: the cells, the figures of every class, and the listed examples."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.evaluation import confusion_counts
from dlviz.evaluation.examples import MAX_SIDE, ExamplePreviews, picture_size, pixels, texts
from dlviz.evaluation.record import members
from dlviz.evaluation.snapshots import PredictionHistory, PredictionSnapshot
from dlviz.kit.messages import message
from dlviz.torchkit.tensor_blocks import as_array

#: Classes that are drawn, worst mistakes that are sent at once, and examples of a cell that are sent at once.
MAX_CLASSES, WORST, CELL = 30, 60, 24
#: Key of the list of worst mistakes; the list of a cell has the key "true,predicted".
MISTAKES = "worst"
#: Bytes of pictures in an exported page, and examples listed for one of its snapshots.
PICTURE_BYTES, LISTED_EXAMPLES = 900_000, 1500
#: Worst mistakes and examples of a cell that a page lists for snapshots other than the one at which it was saved.
_PAGE_WORST, _PAGE_CELL = 24, 6

#: Lists of examples by key, each with "total", "start" and the indices of its "items".
Lists = dict[str, dict[str, Any]]


def drawn_classes(snapshots: Sequence[PredictionSnapshot]) -> Tensor:
    """Return the classes that are drawn: all, or those with the most mistakes in all snapshots together."""
    wrong = torch.zeros(snapshots[0].scored.classes, dtype=torch.long)
    for snapshot in snapshots:
        off_diagonal = snapshot.counts - snapshot.counts.diag().diag()
        wrong += off_diagonal.sum(0) + off_diagonal.sum(1) + snapshot.unclassified
    return wrong.argsort(descending=True, stable=True)[:MAX_CLASSES].sort().values


def example_list(snapshot: PredictionSnapshot, key: str, start: int, limit: int) -> dict[str, Any]:
    """Return part of a list of examples: the length of the whole list, the part's start, and the examples' indices."""
    indices = snapshot.worst if key == MISTAKES else members(snapshot.scored, *map(int, key.split(",")))
    return {"total": len(indices), "start": start, "items": indices[start : start + limit].tolist()}


def scene(
    history: PredictionHistory,
    snapshot: PredictionSnapshot,
    lists: Lists,
    variable: str,
    snapshots: Sequence[PredictionSnapshot] | None = None,
) -> dict[str, Any]:
    """Return everything that the view draws of one snapshot, except pictures.

    Args:
        history: all snapshots.
        snapshot: the one that is drawn.
        lists: lists of examples, as from :func:`example_list`.
        variable: the learner's variable name of the examples.
        snapshots: the snapshots that the player can reach, ``None`` for all.
    """
    snapshots = history.snapshots if snapshots is None else snapshots
    scored, classes = snapshot.scored, drawn_classes(snapshots)
    support, predicted = snapshot.counts.sum(1) + snapshot.unclassified, snapshot.counts.sum(0)
    counts = snapshot.counts[classes][:, classes]
    integers = {
        "classes": classes,
        "counts": counts,
        "unclassified": snapshot.unclassified[classes],
        "support": support[classes],
        "predicted": predicted[classes],
    }
    fractions = {
        "rows": counts.double() / support[classes][:, None],
        "columns": counts.double() / predicted[classes],
        "recall": confusion_counts.recall(snapshot.counts, snapshot.unclassified)[classes],
        "precision": confusion_counts.precision(snapshot.counts)[classes],
        "f1": confusion_counts.f1(snapshot.counts, snapshot.unclassified)[classes],
    }
    pool = sorted(listed_examples(lists))
    position = {index: k for k, index in enumerate(pool)}
    accuracy, loss = percent(snapshot.correct, snapshot.total), scored.loss
    return {
        "names": history.names,
        **{key: as_array(values, torch.int32) for key, values in integers.items()},
        **{key: as_array(values, torch.float64) for key, values in fractions.items()},
        "variable": variable,
        "kind": scored.kind,
        "group": str(snapshot.group),
        "lists": {key: {**part, "items": _int32(position[n] for n in part["items"])} for key, part in lists.items()},
        "pool": _pool(snapshot, pool),
        "history": {
            "mistakes": [len(other.worst) for other in snapshots],
            "captions": [_caption(other) for other in snapshots],
        },
        "signature": message(
            "evaluation.confusion.signature",
            accuracy=accuracy,
            right=f"{snapshot.correct:,}",
            total=f"{snapshot.total:,}",
        )
        + ("" if loss is None else message("evaluation.confusion.and_loss", loss=figure(loss))),
        "badge": {"kind": "", "text": message(f"evaluation.kind.{scored.kind}")},
        "notes": [*_notes(history, snapshot, len(classes)), *_history_notes(history, len(snapshots))],
        "summary": message(
            "evaluation.confusion.summary",
            total=snapshot.total,
            classes=scored.classes,
            accuracy=accuracy,
            mistakes=len(snapshot.worst),
        ),
    }


def album(inputs: ExamplePreviews | None, indices: Sequence[int]) -> dict[str, Any]:
    """Return the pictures of some examples, empty where there are none to draw."""
    if inputs is None or inputs.kind != "pictures":
        return {}
    height, width, channels = picture_size(inputs)
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "numbers": _int32(indices),
        "pixels": pixels(inputs, indices).numpy(),
    }


def listed_examples(lists: Lists) -> list[int]:
    """Return the examples of all lists, each once, in the order of the lists."""
    return list(dict.fromkeys(index for part in lists.values() for index in part["items"]))


def percent(part: int, whole: int) -> str:
    """Return a fraction as "97.1%"; only all is "100%", and only nothing is "0%".

    Example:
        >>> percent(1745, 1797), percent(9999, 10000), percent(5, 5), percent(1, 10000)
        ('97.1%', '99.9%', '100%', '0.1%')
    """
    if part in (0, whole):
        return "100%" if part else "0%"
    return f"{min(99.9, max(0.1, 100 * part / whole)):.1f}%"


def figure(value: float) -> str:
    """Return a number with four significant digits, "NaN" or "∞"."""
    if math.isnan(value):
        return "NaN"
    return "∞" if value == math.inf else f"{value:.4g}"


def _pool(snapshot: PredictionSnapshot, indices: Sequence[int]) -> dict[str, Any]:
    """Return labels, predictions and probabilities of the examples that are in a list."""
    scored, rows = snapshot.scored, torch.tensor(indices, dtype=torch.long)
    pool: dict[str, Any] = {
        "number": _int32(indices),
        "true": as_array(scored.targets[rows], torch.int32),
        "predicted": as_array(scored.predictions[rows], torch.int32),
    }
    if snapshot.inputs is not None and snapshot.inputs.kind == "texts":
        pool["texts"] = texts(snapshot.inputs, indices)
    if scored.losses is not None and scored.confidence is not None:
        assert scored.top_classes is not None
        assert scored.probs is not None
        pool |= {
            "loss": as_array(scored.losses[rows], torch.float64),
            "p": as_array((-scored.losses[rows].double()).exp(), torch.float64),
            "confidence": as_array(scored.confidence[rows], torch.float64),
            "top_classes": as_array(scored.top_classes[rows], torch.int32),
            "probs": as_array(scored.probs[rows]),
            "width": scored.top_classes.shape[1],
        }
    return pool


def _caption(snapshot: PredictionSnapshot) -> str:
    mistakes, total = f"{len(snapshot.worst):,}", f"{snapshot.total:,}"
    return message("evaluation.confusion.snapshot", number=snapshot.index, mistakes=mistakes, total=total)


def _notes(history: PredictionHistory, snapshot: PredictionSnapshot, classes: int) -> list[dict[str, str]]:
    """Return notes about examples without a prediction or that do not count, classes left out, and how pictures are drawn."""
    scored, inputs, notes = snapshot.scored, snapshot.inputs, []
    unclassified = int(snapshot.unclassified.sum())
    if unclassified:
        notes.append(_note("bad", "unclassified", count=f"{unclassified:,}"))
    ignored = len(scored.targets) - snapshot.total
    if ignored:
        notes.append(_note("", "ignored", index=history.ignore_index, count=f"{ignored:,}"))
    if classes < scored.classes:
        notes.append(_note("", "classes", shown=classes, count=scored.classes))
    if scored.looks_like_probs:
        notes.append(_note("warn", "probs"))
    if scored.kind == "labels":
        notes.append(_note("", "labels"))
    if inputs is not None and inputs.kind == "pictures":
        height, width = inputs.data.shape[-2:]
        if max(height, width) > MAX_SIDE:
            rows, columns, _ = picture_size(inputs)
            notes.append(_note("", "shrunk", height=height, width=width, rows=rows, columns=columns))
        if (inputs.low, inputs.high) not in ((0.0, 1.0), (0.0, 255.0)):
            notes.append(_note("", "range", low=figure(inputs.low), high=figure(inputs.high)))
    return notes


def _history_notes(history: PredictionHistory, shown: int) -> list[dict[str, str]]:
    """Return notes about snapshots that are no longer kept, or left out of a page."""
    kept, notes = len(history.snapshots), []
    if kept < history.count:
        notes.append(_note("", "dropped_snapshots", kept=kept, count=history.count))
    if shown < kept:
        notes.append(_note("", "page_snapshots", shown=shown, count=kept))
    return notes


def _note(kind: str, key: str, /, **values: Any) -> dict[str, str]:
    return {"kind": kind, "text": message(f"evaluation.note.{key}", **values)}


def _int32(values: Iterable[int]) -> Any:
    return as_array(torch.tensor(list(values)), torch.int32)


def page_lists(snapshot: PredictionSnapshot, classes: Tensor, *, short: bool) -> Lists:
    """Return the lists of an exported page: the worst mistakes and the examples of each cell, the cells with most mistakes first.

    Args:
        snapshot: the snapshot.
        classes: the classes that are drawn.
        short: whether the lists are shorter, as for snapshots other than the one at which the page is saved.
    """
    worst, cell = (_PAGE_WORST, _PAGE_CELL) if short else (WORST, CELL)
    lists, left = {MISTAKES: example_list(snapshot, MISTAKES, 0, worst)}, LISTED_EXAMPLES
    for true, predicted in _filled_cells(snapshot, classes):
        if left <= 0:
            break
        key = f"{true},{predicted}"
        lists[key] = example_list(snapshot, key, 0, min(cell, left))
        left -= len(lists[key]["items"])
    return lists


def _filled_cells(snapshot: PredictionSnapshot, classes: Tensor) -> list[tuple[int, int]]:
    """Return the cells that hold examples, those with most mistakes first and the diagonal last."""
    labels = classes.tolist()
    counts = snapshot.counts[classes][:, classes].tolist()
    filled = [(labels[r], labels[c], n) for r, row in enumerate(counts) for c, n in enumerate(row) if n]
    filled += [(label, -1, int(snapshot.unclassified[label])) for label in labels if snapshot.unclassified[label]]
    ordered = sorted(filled, key=lambda cell: (cell[0] == cell[1], -cell[2]))
    return [(true, predicted) for true, predicted, _ in ordered]


def fit_pictures(
    snapshots: Sequence[PredictionSnapshot], lists: Sequence[Lists]
) -> tuple[list[Lists], dict[str, dict[str, Any]]]:
    """Return lists that are cut to the examples whose pictures fit into a page, and the pictures by group.

    Args:
        snapshots: the snapshots, the most important one first, which may use six tenths of the bytes.
        lists: the lists of each snapshot.
    """
    left, cut = PICTURE_BYTES, []
    pictured: dict[int, list[int]] = {snapshot.group: [] for snapshot in snapshots}
    for k, (snapshot, own_lists) in enumerate(zip(snapshots, lists, strict=True)):
        if snapshot.inputs is None or snapshot.inputs.kind != "pictures":
            cut.append(own_lists)
            continue
        size = math.prod(picture_size(snapshot.inputs))
        share = left * 0.6 if k == 0 and len(snapshots) > 1 else left / (len(snapshots) - k)
        available = set(pictured[snapshot.group])
        new = [index for index in listed_examples(own_lists) if index not in available][: int(share / size)]
        pictured[snapshot.group] += new
        left -= len(new) * size
        available |= set(new)
        cut.append({key: {**part, "items": _prefix(part["items"], available)} for key, part in own_lists.items()})
    inputs = {snapshot.group: snapshot.inputs for snapshot in snapshots}
    return cut, {str(group): album(inputs[group], indices) for group, indices in pictured.items()}


def _prefix(indices: Sequence[int], available: set[int]) -> list[int]:
    """Return the indices before the first one without a picture, so that a list has no gaps."""
    end = next((k for k, index in enumerate(indices) if index not in available), len(indices))
    return list(indices[:end])
