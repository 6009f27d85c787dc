"""What an exported page carries: of every snapshot some of its mistakes and of its cells, and their pictures while there is room."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dlviz.evaluation.examples import size
from dlviz.evaluation.scene import CELL, MISTAKES, WORST, album, chosen, shown
from dlviz.evaluation.snapshots import Snapshot

Lists = dict[str, dict[str, Any]]

#: So many bytes of pictures a page holds, and so many examples are listed for a snapshot.
PICTURES, LISTED = 900_000, 1500
#: Of the snapshots that it was not saved at it lists so many of the worst mistakes and of a cell.
_WORST, _CELL = 24, 6


def lists(shot: Snapshot, classes: Tensor, *, short: bool) -> Lists:
    """The worst mistakes and the examples of each cell, the cells with most mistakes first and the diagonal last.

    Args:
        shot: the snapshot.
        classes: the classes that are drawn.
        short: whether few of each will do.
    """
    worst, most = (_WORST, _CELL) if short else (WORST, CELL)
    found, room = {MISTAKES: chosen(shot, MISTAKES, 0, worst)}, LISTED
    for true, predicted in _cells(shot, classes):
        if room <= 0:
            break
        key = f"{true},{predicted}"
        found[key] = chosen(shot, key, 0, min(most, room))
        room -= len(found[key]["items"])
    return found


def _cells(shot: Snapshot, classes: Tensor) -> list[tuple[int, int]]:
    """The cells that hold examples, in the order in which they are worth carrying."""
    kept = classes.tolist()
    counts = shot.counts[classes][:, classes].tolist()
    filled = [(kept[r], kept[c], n) for r, row in enumerate(counts) for c, n in enumerate(row) if n]
    filled += [(label, -1, int(shot.lost[label])) for label in kept if shot.lost[label]]
    return [(true, guess) for true, guess, n in sorted(filled, key=lambda one: (one[0] == one[1], -one[2]))]


def fitted(shots: Sequence[Snapshot], every: Sequence[Lists]) -> tuple[list[Lists], dict[str, dict[str, Any]]]:
    """The lists as far as there are pictures for them, and the pictures.

    Args:
        shots: the snapshots, the most important one first; it gets up to six tenths of the room.
        every: the lists of each.
    """
    room, cut = PICTURES, []
    taken: dict[int, list[int]] = {shot.group: [] for shot in shots}
    for k, (shot, some) in enumerate(zip(shots, every, strict=True)):
        if shot.inputs is None or shot.inputs.kind != "pictures":
            cut.append(some)
            continue
        high, wide, channels = size(shot.inputs)
        share = room * 0.6 if k == 0 and len(shots) > 1 else room / (len(shots) - k)
        have = set(taken[shot.group])
        new = [n for n in shown(some) if n not in have][: int(share / (high * wide * channels))]
        taken[shot.group] += new
        room -= len(new) * high * wide * channels
        have |= set(new)
        cut.append({key: {**one, "items": _start(one["items"], have)} for key, one in some.items()})
    inputs = {shot.group: shot.inputs for shot in shots}
    return cut, {str(group): album(inputs[group], numbers) for group, numbers in taken.items()}


def _start(numbers: Sequence[int], have: set[int]) -> list[int]:
    """As many from the start as have a picture, so that a list has no holes."""
    gap = next((k for k, number in enumerate(numbers) if number not in have), len(numbers))
    return list(numbers[:gap])
