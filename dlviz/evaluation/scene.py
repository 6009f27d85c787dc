"""A snapshot as a JSON-able picture: the matrix, the figures of every class, and the examples that are shown."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.evaluation import confusion_counts
from dlviz.evaluation.examples import SIDE, ExamplePreviews, pixels, size, texts
from dlviz.evaluation.record import members
from dlviz.evaluation.snapshots import PredictionSnapshot
from dlviz.kit.messages import message

#: So many classes are drawn, so many of the worst mistakes are sent at once, and so many examples of a cell.
CLASSES, WORST, CELL = 30, 60, 24
#: The list of mistakes has this name among the lists; that of a cell is called "true,predicted".
MISTAKES = "worst"

Lists = dict[str, dict[str, Any]]

#: So many bytes of pictures a page holds, and so many examples are listed for a snapshot.
PICTURES, LISTED = 900_000, 1500
#: Of the snapshots that it was not saved at it lists so many of the worst mistakes and of a cell.
_WORST, _CELL = 24, 6


def drawn(snapshots: Sequence[PredictionSnapshot]) -> Tensor:
    """Numbers of the classes that are drawn: all, or those with the most mistakes in all snapshots."""
    wrong = torch.zeros(snapshots[0].found.classes, dtype=torch.long)
    for one in snapshots:
        off = one.counts - one.counts.diag().diag()
        wrong = wrong + off.sum(0) + off.sum(1) + one.unclassified
    return wrong.argsort(descending=True, stable=True)[:CLASSES].sort().values


def chosen(snapshot: PredictionSnapshot, key: str, start: int, most: int) -> dict[str, Any]:
    """Part of a list of examples: how many there are in all, where the part starts, and the numbers of the examples in it."""
    numbers = snapshot.worst if key == MISTAKES else members(snapshot.found, *map(int, key.split(",")))
    return {"total": len(numbers), "start": start, "items": numbers[start : start + most].tolist()}


def scene(
    snapshot: PredictionSnapshot,
    lists: Mapping[str, Mapping[str, Any]],
    *,
    snapshots: Sequence[PredictionSnapshot],
    names: Sequence[str],
    called: str,
    notes: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Everything the view draws of one snapshot, except pictures.

    Args:
        snapshot: the snapshot.
        lists: what :func:`chosen` gave, by name.
        snapshots: all of them.
        names: what the classes are called.
        called: the learner's name for the examples.
        notes: what else has to be told.
    """
    found, kept = snapshot.found, drawn(snapshots)
    support, predicted = snapshot.counts.sum(1) + snapshot.unclassified, snapshot.counts.sum(0)
    table = snapshot.counts[kept][:, kept].double()
    recall, precision = (
        confusion_counts.recall(snapshot.counts, snapshot.unclassified),
        confusion_counts.precision(snapshot.counts),
    )
    pool = sorted({number for one in lists.values() for number in one["items"]})
    place = {number: at for at, number in enumerate(pool)}
    return {
        "names": list(names),
        "classes": kept.int().numpy(),
        "counts": snapshot.counts[kept][:, kept].int().numpy(),
        "unclassified": snapshot.unclassified[kept].int().numpy(),
        "support": support[kept].int().numpy(),
        "predicted": predicted[kept].int().numpy(),
        "rows": (table / support[kept][:, None]).numpy(),
        "columns": (table / predicted[kept]).numpy(),
        "recall": recall[kept].numpy(),
        "precision": precision[kept].numpy(),
        "f1": confusion_counts.f1(snapshot.counts, snapshot.unclassified)[kept].numpy(),
        "called": called,
        "kind": found.kind,
        "group": str(snapshot.group),
        "lists": {key: {**one, "items": _integers([place[n] for n in one["items"]])} for key, one in lists.items()},
        "pool": _pool(snapshot, pool),
        "history": _moments(snapshots),
        "signature": message(
            "evaluation.confusion.signature",
            accuracy=percent(snapshot.right, len(found.targets)),
            right=f"{snapshot.right:,}",
            total=f"{len(found.targets):,}",
        )
        + ("" if found.loss is None else message("evaluation.confusion.and_loss", loss=figure(found.loss))),
        "badge": {"kind": "", "text": message(f"evaluation.kind.{found.kind}")},
        "notes": [*_notes(snapshot, len(kept)), *notes],
        "summary": message(
            "evaluation.confusion.summary",
            total=len(found.targets),
            classes=found.classes,
            accuracy=percent(snapshot.right, len(found.targets)),
            mistakes=len(snapshot.worst),
        ),
    }


def album(inputs: ExamplePreviews | None, numbers: Sequence[int]) -> dict[str, Any]:
    """The pictures of these examples; nothing where there are none to draw."""
    if inputs is None or inputs.kind != "pictures":
        return {}
    high, wide, channels = size(inputs)
    return {
        "height": high,
        "width": wide,
        "channels": channels,
        "numbers": _integers(numbers),
        "pixels": pixels(inputs, numbers).numpy(),
    }


def shown(lists: Mapping[str, Mapping[str, Any]]) -> list[int]:
    """The examples of all lists, each once, in the order of the lists."""
    return list(dict.fromkeys(number for one in lists.values() for number in one["items"]))


def percent(part: int, whole: int) -> str:
    """A share as "97.1%"; what is not quite all is never rounded up to 100%, nor what is not quite nothing down to 0%.

    Example:
        >>> percent(1745, 1797), percent(9999, 10000), percent(5, 5), percent(1, 10000)
        ('97.1%', '99.9%', '100%', '0.1%')
    """
    if part in (0, whole):
        return "100%" if part else "0%"
    return f"{min(99.9, max(0.1, 100 * part / whole)):.1f}%"


def figure(value: float) -> str:
    """A number with four figures, NaN and infinity by name."""
    if math.isnan(value):
        return "NaN"
    return "∞" if value == math.inf else f"{value:.4g}"


def _pool(snapshot: PredictionSnapshot, numbers: Sequence[int]) -> dict[str, Any]:
    """What is told of each example that is in a list."""
    found, at = snapshot.found, torch.tensor(numbers, dtype=torch.long)
    pool: dict[str, Any] = {
        "number": _integers(numbers),
        "true": found.targets[at].int().numpy(),
        "predicted": found.predictions[at].int().numpy(),
    }
    if snapshot.inputs is not None and snapshot.inputs.kind == "texts":
        pool["texts"] = texts(snapshot.inputs, numbers)
    if (
        found.losses is not None
        and found.confidence is not None
        and found.top_classes is not None
        and found.probs is not None
    ):
        pool |= {
            "loss": found.losses[at].double().numpy(),
            "p": (-found.losses[at].double()).exp().numpy(),
            "confidence": found.confidence[at].double().numpy(),
            "top_classes": found.top_classes[at].int().numpy(),
            "probs": found.probs[at].numpy(),
            "width": found.top_classes.shape[1],
        }
    return pool


def _moments(snapshots: Sequence[PredictionSnapshot]) -> dict[str, Any]:
    return {
        "mistakes": [len(one.worst) for one in snapshots],
        "captions": [
            message(
                "evaluation.confusion.moment",
                number=one.number,
                mistakes=f"{len(one.worst):,}",
                total=f"{len(one.found.targets):,}",
            )
            for one in snapshots
        ],
    }


def _notes(snapshot: PredictionSnapshot, classes: int) -> list[dict[str, str]]:
    found, notes = snapshot.found, []
    unclassified = int(snapshot.unclassified.sum())
    if unclassified:
        notes.append({"kind": "bad", "text": message("evaluation.note.unclassified", count=f"{unclassified:,}")})
    if classes < found.classes:
        notes.append({"kind": "", "text": message("evaluation.note.classes", shown=classes, count=found.classes)})
    if found.kind == "labels":
        notes.append({"kind": "", "text": message("evaluation.note.labels")})
    if snapshot.inputs is not None and snapshot.inputs.kind == "pictures":
        high, wide = snapshot.inputs.given.shape[-2:]
        if max(high, wide) > SIDE:
            small = size(snapshot.inputs)
            text = message("evaluation.note.shrunk", height=high, width=wide, rows=small[0], columns=small[1])
            notes.append({"kind": "", "text": text})
        if (snapshot.inputs.low, snapshot.inputs.high) not in ((0.0, 1.0), (0.0, 255.0)):
            text = message("evaluation.note.range", low=figure(snapshot.inputs.low), high=figure(snapshot.inputs.high))
            notes.append({"kind": "", "text": text})
    return notes


def _integers(numbers: Sequence[int]) -> np.ndarray:
    return np.asarray(numbers, dtype=np.int32)


def page_lists(snapshot: PredictionSnapshot, classes: Tensor, *, short: bool) -> Lists:
    """The worst mistakes and the examples of each cell, the cells with most mistakes first and the diagonal last.

    Args:
        snapshot: the snapshot.
        classes: the classes that are drawn.
        short: whether few of each will do.
    """
    worst, most = (_WORST, _CELL) if short else (WORST, CELL)
    found, room = {MISTAKES: chosen(snapshot, MISTAKES, 0, worst)}, LISTED
    for true, predicted in _cells(snapshot, classes):
        if room <= 0:
            break
        key = f"{true},{predicted}"
        found[key] = chosen(snapshot, key, 0, min(most, room))
        room -= len(found[key]["items"])
    return found


def _cells(snapshot: PredictionSnapshot, classes: Tensor) -> list[tuple[int, int]]:
    """The cells that hold examples, in the order in which they are worth carrying."""
    kept = classes.tolist()
    counts = snapshot.counts[classes][:, classes].tolist()
    filled = [(kept[r], kept[c], n) for r, row in enumerate(counts) for c, n in enumerate(row) if n]
    filled += [(label, -1, int(snapshot.unclassified[label])) for label in kept if snapshot.unclassified[label]]
    return [(true, pred) for true, pred, n in sorted(filled, key=lambda one: (one[0] == one[1], -one[2]))]


def fit_thumbnails(
    snapshots: Sequence[PredictionSnapshot], every: Sequence[Lists]
) -> tuple[list[Lists], dict[str, dict[str, Any]]]:
    """The lists as far as there are pictures for them, and the pictures.

    Args:
        snapshots: the snapshots, the most important one first; it gets up to six tenths of the room.
        every: the lists of each.
    """
    room, cut = PICTURES, []
    taken: dict[int, list[int]] = {snapshot.group: [] for snapshot in snapshots}
    for k, (snapshot, some) in enumerate(zip(snapshots, every, strict=True)):
        if snapshot.inputs is None or snapshot.inputs.kind != "pictures":
            cut.append(some)
            continue
        high, wide, channels = size(snapshot.inputs)
        share = room * 0.6 if k == 0 and len(snapshots) > 1 else room / (len(snapshots) - k)
        have = set(taken[snapshot.group])
        new = [n for n in shown(some) if n not in have][: int(share / (high * wide * channels))]
        taken[snapshot.group] += new
        room -= len(new) * high * wide * channels
        have |= set(new)
        cut.append({key: {**one, "items": _start(one["items"], have)} for key, one in some.items()})
    inputs = {snapshot.group: snapshot.inputs for snapshot in snapshots}
    return cut, {str(group): album(inputs[group], numbers) for group, numbers in taken.items()}


def _start(numbers: Sequence[int], have: set[int]) -> list[int]:
    """As many from the start as have a picture, so that a list has no holes."""
    gap = next((k for k, number in enumerate(numbers) if number not in have), len(numbers))
    return list(numbers[:gap])
