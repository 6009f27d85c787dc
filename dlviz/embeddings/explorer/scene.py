"""The map of words as data for a view: where each stands, and what was found about a chosen one."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dlviz.embeddings.explorer.labeled import Vectors
from dlviz.embeddings.explorer.record import Near, analogy, neighbors, product, rank
from dlviz.embeddings.explorer.snapshots import Frame, Layout, scattered, straight
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: t-SNE takes a minute for so many vectors, and its time grows faster than their number.
SLOW = 3000
#: So many neighbors are listed, and so many terms of a product one by one.
LISTED, TERMS = 10, 8


def layout(frames: Sequence[Frame], method: str, between: Sequence[int], axes: str, dimensions: int) -> Layout:
    """Where words stand at every moment. The first two of three coordinates are those of the flat map, but where a map is turned."""
    fixed = axes == "fixed" or len(frames) == 1
    if between or method == "pca":
        return straight(frames, between, 3 if fixed else dimensions, fixed=fixed)
    count = len(frames[-1].vectors.labels)
    if count > SLOW:
        raise DlvizError(message("embedding.refused.slow", most=SLOW, got=count))
    return scattered(frames[-1], dimensions)


def scene(
    frames: Sequence[Frame], placed: Layout, method: str, between: Sequence[int], axes: str, notes: list[dict[str, str]]
) -> dict[str, Any]:
    """The map: labels, places, what its axes are, and one sentence that says what is seen."""
    last = frames[-1].vectors
    count, size = last.matrix.shape
    shown = frames if placed.maps else frames[-1:]
    named = _axes(frames, placed, method, between, axes)
    told = "summary" if named[1] else "summary_bare"
    if len(frames) > len(shown):
        notes = [*notes, {"kind": "", "text": message("embedding.map.last", label=frames[-1].label)}]
    return {
        "labels": list(last.labels),
        "places": placed.places.float().numpy(),
        "components": placed.places.shape[2],
        "frames": [frame.label for frame in shown],
        "axes": named,
        "own": bool(between),
        "slow": SLOW,
        "kind": " ".join(map(str, (method, axes, *between))),
        "signature": message("embedding.map.signature", count=f"{count:,}", size=size),
        "badge": {"text": message("embedding.map.own") if between else message(f"embedding.knob.{method}"), "kind": ""},
        "notes": notes,
        "summary": message(f"embedding.map.{told}", count=f"{count:,}", size=size, x=named[0], y=named[1]),
    }


def _axes(frames: Sequence[Frame], placed: Layout, method: str, between: Sequence[int], axes: str) -> list[str]:
    """What is said of each axis; of t-SNE's and of turned ones that they are none."""
    if between:
        low, high = (frames[-1].vectors.labels[row] for row in between)
        return [
            message("embedding.axis.own", low=low, high=high),
            message("embedding.axis.beside"),
            message("embedding.axis.third"),
        ]
    if method == "tsne":
        return [message("embedding.axis.tsne"), "", ""]
    shares = [f"{100 * share:.0f}" for share in placed.shares[-1].tolist()]
    if len(frames) == 1:
        return [message("embedding.axis.pca", number=k + 1, share=share) for k, share in enumerate(shares)]
    if axes == "fixed":
        label = frames[-1].label
        return [
            message("embedding.axis.fixed", number=k + 1, share=share, label=label) for k, share in enumerate(shares)
        ]
    return [message("embedding.axis.aligned"), "", ""]


def chosen(frame: Frame, word: int) -> dict[str, Any]:
    """What is told of the chosen word at one moment: its neighbors, and each product term by term."""
    if word < 0:
        return {}
    near = neighbors(frame.vectors, word, LISTED)
    products = [itemised(frame.vectors, word, row) for row in near.rows.tolist()]
    return {"frame": frame.label, "near": listed(near), "products": products}


def asked(
    frame: Frame, placed: Layout, shown: Sequence[Frame], question: Sequence[int], expected: int
) -> dict[str, Any]:
    """What is told of the question: the answers at one moment, and where b − a + c lies on the map.

    Args:
        frame: the moment that is asked.
        placed: the map.
        shown: its moments, their vectors as long as the map takes them.
        question: rows of a, b and c, or nothing.
        expected: the row whose rank among the answers is told, −1 for none.
    """
    if not question:
        return {}
    vectors = frame.vectors
    a, b, c = question
    answered = analogy(vectors, a, b, c, len(vectors.labels))
    told: dict[str, Any] = {"raw": listed(answered.raw, LISTED), "answers": listed(answered.near, LISTED)}
    if placed.maps:
        pairs = zip(shown, placed.maps, strict=True)
        told["targets"] = [_figures(to(_target(one.vectors, question))) for one, to in pairs]
    if expected >= 0:
        label = vectors.labels[expected]
        told["ranks"] = [rank(answered.near, label), rank(answered.raw, label)]
    return {"frame": frame.label, **told}


def _target(vectors: Vectors, question: Sequence[int]) -> Tensor:
    a, b, c = vectors.matrix[list(question)]
    return b - a + c


def listed(near: Near, count: int | None = None) -> dict[str, list[Any]]:
    """Rows and cosines, as plain lists; the first `count` of them."""
    return {"rows": near.rows[:count].tolist(), "cosines": _figures(near.cosines[:count])}


def itemised(vectors: Vectors, one: int, other: int) -> dict[str, Any]:
    """The terms of largest size, the sum of all others, the cosine that they make, and the other measures of nearness."""
    item = product(vectors, one, other)
    order = item.terms.abs().argsort(descending=True, stable=True)
    first, rest = order[:TERMS], order[TERMS:]
    return {
        "dims": first.tolist(),
        "a": _figures(item.a[first]),
        "b": _figures(item.b[first]),
        "terms": _figures(item.terms[first]),
        "rest": _figures(item.terms[rest].sum()[None])[0],
        "left": len(rest),
        "lengths": _figures(item.lengths),
        "dot": _figures(item.dot[None])[0],
        "distance": _figures(item.distance[None])[0],
    }


def _figures(values: Tensor) -> list[float]:
    """Seven figures each, which is what float32 has, and short in a page."""
    return [float(f"{value:.7g}") for value in values.tolist()]
