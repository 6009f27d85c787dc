"""The map of words as data for a view: where each stands, and what was found about a chosen one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.problem import Problem
from dlviz.kit.words import say
from dlviz.vectors.labelled import Vectors
from dlviz.vectors.near import Near, analogy, axis, neighbours, product
from dlviz.vectors.project import align, pca, tsne

#: t-SNE takes a minute for so many vectors, and its time grows faster than their number.
SLOW = 3000
#: So many neighbours are listed, and so many terms of a product one by one.
LISTED, TERMS = 10, 8


def places(vectors: Vectors, method: str, between: Sequence[int]) -> tuple[Tensor, tuple[str, str]]:
    """Where words stand, (N, 2), and what the two axes are called; with `between`, x is the axis from one word to the other."""
    if between:
        low, high = (vectors.labels[row] for row in between)
        along = axis(vectors, *between)
        start, end = vectors.matrix[list(between)]
        beside = vectors.matrix - start - along.unsqueeze(1) * (end - start)
        return torch.cat((along.unsqueeze(1), pca(beside, 1).places), 1), (
            say("vectors.axis.own", low=low, high=high),
            say("vectors.axis.beside"),
        )
    if method == "tsne":
        if len(vectors.labels) > SLOW:
            raise Problem(say("vectors.refused.slow", most=SLOW, got=len(vectors.labels)))
        # Turned to lie as near as can be on the other map, so that going from one to the other loses nobody.
        other = tsne(vectors.matrix, perplexity=sights(len(vectors.labels)))
        return align(other, pca(vectors.matrix).places)(other), (say("vectors.axis.tsne"), "")
    found = pca(vectors.matrix)
    first, second = (say("vectors.axis.pca", number=k + 1, share=f"{100 * found.shares[k]:.0f}") for k in range(2))
    return found.places, (first, second)


def sights(count: int) -> float:
    """The perplexity for a map: 30, which is usual, and fewer neighbours where so many would be a large part of all."""
    return min(30.0, max(5.0, count / 8))


def scene(vectors: Vectors, method: str, between: Sequence[int], notes: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The map: labels, places and axes, and one sentence that says what is seen."""
    where, axes = places(vectors, method, between)
    count, size = vectors.matrix.shape
    return {
        "labels": list(vectors.labels),
        "places": where.float().numpy(),
        "axes": list(axes),
        "own": bool(between),
        "slow": SLOW,
        "signature": say("vectors.map.signature", count=f"{count:,}", size=size),
        "badge": {"text": say("vectors.map.own") if between else say(f"vectors.knob.{method}"), "kind": ""},
        "notes": list(notes),
        "summary": say("vectors.map.summary", count=f"{count:,}", size=size, x=axes[0], y=axes[1]),
    }


def found(vectors: Vectors, word: int, question: Sequence[int]) -> dict[str, Any]:
    """What is told of the chosen word and of the question: neighbours, each product term by term, and the answers."""
    told: dict[str, Any] = {}
    if word >= 0:
        near = neighbours(vectors, word, LISTED)
        told["near"] = listed(near)
        told["products"] = [itemised(vectors, word, row) for row in near.rows.tolist()]
    if question:
        a, b, c = question
        answered = analogy(vectors, a, b, c, LISTED)
        told["raw"], told["answers"] = listed(answered.raw), listed(answered.near)
    return told


def listed(near: Near) -> dict[str, list[Any]]:
    """Rows and cosines, as plain lists."""
    return {"rows": near.rows.tolist(), "cosines": _figures(near.cosines)}


def itemised(vectors: Vectors, one: int, other: int) -> dict[str, Any]:
    """The terms of largest size, the sum of all others, and the cosine that they make."""
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
    }


def _figures(values: Tensor) -> list[float]:
    """Seven figures each, which is what float32 has, and short in a page."""
    return [float(f"{value:.7g}") for value in values.tolist()]
