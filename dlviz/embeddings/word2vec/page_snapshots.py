"""The snapshots that an exported page carries."""

from typing import Any

from dlviz.embeddings.word2vec.axes import MapAxes, aligned_sequence
from dlviz.embeddings.word2vec.corpus import Corpus
from dlviz.embeddings.word2vec.scene import ROWS, snapshot
from dlviz.embeddings.word2vec.timeline import Timeline
from dlviz.kit.snapshots import evenly_spaced

#: Limits on the snapshots in a page: their number, and the characters of all of them.
_MOST, _BUDGET = 40, 1_900_000


def page_snapshots(
    timeline: Timeline, corpus: Corpus, axes: MapAxes, current: int, size: int, *, aligned: bool
) -> tuple[int, list[dict[str, Any]]]:
    """Return the index of the current snapshot, and evenly spaced snapshots with the current one among them.

    Args:
        timeline: the training or recorded module; its position is restored.
        corpus: the sentences.
        axes: the axes of the current map.
        current: the current position.
        size: how many characters one snapshot takes.
        aligned: whether each map is aligned with its neighbor; otherwise all use `axes`.
    """
    positions = timeline.page_positions(current)
    kept = {positions[k] for k in evenly_spaced(len(positions), min(_MOST, max(2, _BUDGET // size)))}
    chosen = sorted(kept | {current})
    matrices, steps = [], []
    for position in chosen:
        timeline.go_to(position)
        matrices.append(timeline.run.vectors[:ROWS].clone())
        steps.append(timeline.run.step)
    index = chosen.index(current)
    all_axes = aligned_sequence(matrices, index, axes) if aligned else [axes] * len(chosen)
    snapshots = []
    for position, own_axes in zip(chosen, all_axes, strict=True):
        timeline.go_to(position)
        snapshots.append(snapshot(timeline, corpus, own_axes, len(chosen) - 1, steps))
    timeline.go_to(current)
    return index, snapshots
