"""The map of words as data for the view, and the details of a selected word and of an analogy."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dlviz.embeddings.explorer.labeled_vectors import Vectors
from dlviz.embeddings.explorer.record import Neighbors, analogy, neighbors, rank, similarity
from dlviz.embeddings.explorer.snapshots import MapLayout, VectorsSnapshot, affine_layout, tsne_layout
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: t-SNE takes a minute for so many vectors, and its time grows faster than their number.
TSNE_LIMIT = 3000
#: How many neighbors are listed, and how many terms of a cosine.
LISTED, TERMS = 10, 8


def layout(
    snapshots: Sequence[VectorsSnapshot], method: str, axis_rows: Sequence[int], axes: str, dimensions: int
) -> MapLayout:
    """Return the map of every snapshot.

    Where the axes are fixed there are always three coordinates, of which a flat map shows the first two.
    """
    fixed = axes == "fixed" or len(snapshots) == 1
    if axis_rows or method == "pca":
        return affine_layout(snapshots, axis_rows, 3 if fixed else dimensions, fixed=fixed)
    count = len(snapshots[-1].vectors.labels)
    if count > TSNE_LIMIT:
        raise DlvizError(message("embedding.refused.tsne_limit", most=TSNE_LIMIT, got=count))
    return tsne_layout(snapshots[-1], dimensions)


def scene(
    snapshots: Sequence[VectorsSnapshot],
    placed: MapLayout,
    method: str,
    axis_rows: Sequence[int],
    axes: str,
    notes: list[dict[str, str]],
) -> dict[str, Any]:
    """Return labels, coordinates, a description of each axis, and a one-sentence summary."""
    last = snapshots[-1].vectors
    count, size = last.matrix.shape
    shown = snapshots if placed.maps else snapshots[-1:]
    described = _describe_axes(snapshots, placed, method, axis_rows, axes)
    summary = "summary" if described[1] else "summary_without_axes"
    if len(snapshots) > len(shown):
        notes = [*notes, {"kind": "", "text": message("embedding.map.tsne_last", label=snapshots[-1].label)}]
    badge = message("embedding.map.custom_axis") if axis_rows else message(f"embedding.control.{method}")
    return {
        "labels": list(last.labels),
        "coordinates": placed.coordinates.float().numpy(),
        "components": placed.coordinates.shape[2],
        "snapshots": [snapshot.label for snapshot in shown],
        "axes": described,
        "custom_axis": bool(axis_rows),
        "tsne_limit": TSNE_LIMIT,
        "layout_key": " ".join(map(str, (method, axes, *axis_rows))),
        "signature": message("embedding.map.signature", count=f"{count:,}", size=size),
        "badge": {"text": badge, "kind": ""},
        "notes": notes,
        "summary": message(f"embedding.map.{summary}", count=f"{count:,}", size=size, x=described[0], y=described[1]),
    }


def _describe_axes(
    snapshots: Sequence[VectorsSnapshot], placed: MapLayout, method: str, axis_rows: Sequence[int], axes: str
) -> list[str]:
    """Return the text for each axis; t-SNE and aligned maps have one text for all, because their axes mean nothing alone."""
    label = snapshots[-1].label
    if axis_rows:
        low, high = (snapshots[-1].vectors.labels[row] for row in axis_rows)
        return [
            message("embedding.axis.custom", low=low, high=high),
            message("embedding.axis.second"),
            message("embedding.axis.third"),
        ]
    if method == "tsne":
        return [message("embedding.axis.tsne"), "", ""]
    if len(snapshots) > 1 and axes != "fixed":
        return [message("embedding.axis.aligned"), "", ""]
    key = "embedding.axis.pca" if len(snapshots) == 1 else "embedding.axis.fixed"
    percents = [f"{100 * ratio:.0f}" for ratio in placed.variance_ratio[-1].tolist()]
    return [message(key, number=k + 1, share=percent, label=label) for k, percent in enumerate(percents)]


def word_details(snapshot: VectorsSnapshot, word: int) -> dict[str, Any]:
    """Return the neighbors of the selected word in one snapshot, and the similarity to each of them term by term."""
    if word < 0:
        return {}
    near = neighbors(snapshot.vectors, word, LISTED)
    details = [similarity_details(snapshot.vectors, word, row) for row in near.rows.tolist()]
    return {"snapshot": snapshot.label, "neighbors": neighbor_list(near), "similarities": details}


def analogy_details(
    snapshot: VectorsSnapshot,
    placed: MapLayout,
    shown: Sequence[VectorsSnapshot],
    question: Sequence[int],
    expected: int,
) -> dict[str, Any]:
    """Return the answers to an analogy in one snapshot, and the coordinates of b − a + c on the map.

    Args:
        snapshot: the snapshot that answers.
        placed: the map.
        shown: the snapshots on the map, normalized if the map is.
        question: rows of a, b and c, or empty.
        expected: the row whose rank among the answers is returned, −1 for none.
    """
    if not question:
        return {}
    vectors = snapshot.vectors
    a, b, c = question
    found = analogy(vectors, a, b, c, len(vectors.labels))
    details: dict[str, Any] = {
        "snapshot": snapshot.label,
        "unfiltered": neighbor_list(found.unfiltered, LISTED),
        "answers": neighbor_list(found.neighbors, LISTED),
    }
    if placed.maps:
        pairs = zip(shown, placed.maps, strict=True)
        details["targets"] = [_rounded(to_map(_target(one.vectors, question))) for one, to_map in pairs]
    if expected >= 0:
        label = vectors.labels[expected]
        details["ranks"] = [rank(found.neighbors, label), rank(found.unfiltered, label)]
    return details


def _target(vectors: Vectors, question: Sequence[int]) -> Tensor:
    a, b, c = vectors.matrix[list(question)]
    return b - a + c


def neighbor_list(found: Neighbors, count: int | None = None) -> dict[str, list[Any]]:
    """Return rows and cosines of the first `count` neighbors as lists."""
    return {"rows": found.rows[:count].tolist(), "cosines": _rounded(found.cosines[:count])}


def similarity_details(vectors: Vectors, word: int, other: int) -> dict[str, Any]:
    """Return the largest terms of a cosine, the sum and number of the others, and the other measures of similarity."""
    item = similarity(vectors, word, other)
    order = item.terms.abs().argsort(descending=True, stable=True)
    first, rest = order[:TERMS], order[TERMS:]
    return {
        "dims": first.tolist(),
        "a": _rounded(item.a[first]),
        "b": _rounded(item.b[first]),
        "terms": _rounded(item.terms[first]),
        "rest": _rounded(item.terms[rest].sum()[None])[0],
        "rest_count": len(rest),
        "norms": _rounded(item.norms),
        "dot": _rounded(item.dot[None])[0],
        "distance": _rounded(item.distance[None])[0],
    }


def _rounded(values: Tensor) -> list[float]:
    """Return numbers with seven digits, the precision of float32, which are short in a page."""
    return [float(f"{value:.7g}") for value in values.tolist()]
