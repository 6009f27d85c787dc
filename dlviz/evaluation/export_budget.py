"""What an exported page carries: of every snapshot some of its mistakes and of its cells, and their pictures while there is room."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dlviz.evaluation.examples import size
from dlviz.evaluation.scene import CELL, MISTAKES, WORST, album, chosen, shown
from dlviz.evaluation.snapshots import PredictionSnapshot

Lists = dict[str, dict[str, Any]]

#: So many bytes of pictures a page holds, and so many examples are listed for a snapshot.
PICTURES, LISTED = 900_000, 1500
#: Of the snapshots that it was not saved at it lists so many of the worst mistakes and of a cell.
_WORST, _CELL = 24, 6


def lists(snapshot: PredictionSnapshot, classes: Tensor, *, short: bool) -> Lists:
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


def fitted(
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
