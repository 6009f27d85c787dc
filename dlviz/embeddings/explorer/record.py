"""Nearest neighbors, the cosine of two words term by term, analogies, and an axis between two words."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.embeddings.explorer.labeled_vectors import Vectors, unit_rows
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The rows nearest to a vector, the nearest first: ``rows`` (K,) int64, their ``labels``, and ``cosines`` (K,)."""

    rows: Tensor
    labels: tuple[str, ...]
    cosines: Tensor


@dataclass(frozen=True, eq=False)
class Similarity:
    """How similar two vectors are.

    Attributes:
        a, b: both vectors scaled to length 1, (D,).
        terms: a[i] · b[i], (D,).
        cosine: the sum of the terms.
        norms: the lengths of the unscaled vectors, (2,) float64.
        dot: the dot product of the unscaled vectors, which is the cosine times both norms, float64.
        distance: the Euclidean distance of the unscaled vectors, float64.
    """

    a: Tensor
    b: Tensor
    terms: Tensor
    cosine: Tensor
    norms: Tensor
    dot: Tensor
    distance: Tensor


@dataclass(frozen=True, eq=False)
class Analogy:
    """The answers to "a is to b as c is to ?".

    Attributes:
        target: b − a + c, (D,).
        unfiltered: the rows nearest to the target, a, b and c among them.
        neighbors: the rows nearest to the target except a, b and c.
    """

    target: Tensor
    unfiltered: Neighbors
    neighbors: Neighbors


def neighbors(vectors: Vectors, word: str | int, count: int = 10) -> Neighbors:
    """Return the `count` rows with the largest cosine to a word, without the word itself.

    Args:
        vectors: the result of :func:`dlviz.embeddings.labeled`.
        word: a label or a row.
        count: how many neighbors to return.

    Raises:
        DlvizError: there is no such word.

    Example:
        >>> from dlviz.embeddings import labeled
        >>> neighbors(labeled({"a": [1.0, 0.0], "b": [1.0, 0.1], "c": [0.0, 1.0]}), "a", 1).labels
        ('b',)
    """
    row = vectors.row(word)
    return nearest(vectors, vectors.matrix[row], count, without=(row,))


def nearest(vectors: Vectors, target: Tensor, count: int = 10, without: Sequence[int] = ()) -> Neighbors:
    """Return the `count` rows with the largest cosine to any vector (D,), except those in `without`; a zero row has the cosine 0."""
    cosines = vectors.normalized @ unit_rows(target.unsqueeze(0))[0]
    cosines[list(without)] = -torch.inf
    values, rows = cosines.topk(min(count, len(cosines) - len(set(without))))
    return Neighbors(rows, tuple(vectors.labels[row] for row in rows.tolist()), values)


def similarity(vectors: Vectors, word: str | int, other: str | int) -> Similarity:
    """Compute the cosine of two words term by term, their dot product and their distance."""
    rows = [vectors.row(word), vectors.row(other)]
    a, b = vectors.normalized[rows]
    first, second = both = vectors.matrix[rows].double()
    terms = a * b
    return Similarity(a, b, terms, terms.sum(), both.norm(dim=1), first @ second, (first - second).norm())


def analogy(vectors: Vectors, a: str | int, b: str | int, c: str | int, count: int = 10) -> Analogy:
    """Answer "a is to b as c is to ?" with the rows nearest to b − a + c, computed from the vectors scaled to length 1.

    The three words of the question are often nearest themselves. Published results leave them out; this returns both lists.

    Source: T. Mikolov, W. Yih and G. Zweig, Linguistic Regularities in Continuous Space Word Representations, 2013,
    https://aclanthology.org/N13-1090; T. Linzen, Issues in evaluating semantic spaces using word analogies, 2016,
    https://arxiv.org/abs/1606.07736, on the words of the question.

    Example:
        >>> from dlviz.embeddings import labeled
        >>> words = labeled({"man": [1.0, 0.0, 0.0], "king": [1.0, 0.0, 1.0], "woman": [0.0, 1.0, 0.0], "queen": [0.0, 1.0, 1.0]})
        >>> analogy(words, "man", "king", "woman", 1).neighbors.labels
        ('queen',)
    """
    rows = [vectors.row(word) for word in (a, b, c)]
    first, second, third = vectors.normalized[rows]
    target = second - first + third
    return Analogy(target, nearest(vectors, target, count), nearest(vectors, target, count, without=rows))


def rank(found: Neighbors, label: str) -> int | None:
    """Return the rank of a label among neighbors, from 1, or ``None`` if it is not among them."""
    return found.labels.index(label) + 1 if label in found.labels else None


def analogy_accuracy(vectors: Vectors, questions: Sequence[tuple[str, str, str, str]]) -> float:
    """Return the fraction of questions ``(a, b, c, d)`` whose nearest answer, other than a, b and c, is d."""
    rows = torch.tensor([[vectors.row(word) for word in question] for question in questions])
    a, b, c = (vectors.normalized[rows[:, k]] for k in range(3))
    # The length of the target scales all scores of a question alike, so dot products rank as cosines do.
    scores = (b - a + c) @ vectors.normalized.T
    scores.scatter_(1, rows[:, :3], -torch.inf)
    return float((scores.argmax(1) == rows[:, 3]).double().mean())


def axis(vectors: Vectors, low: str | int, high: str | int) -> Tensor:
    """Return the position of every word along the line from one word to another, (N,): 0 at `low`, 1 at `high`.

    The position of v is that of its orthogonal projection: ``(v − low) · (high − low) / |high − low|²``.

    Raises:
        DlvizError: both words have the same vector.
    """
    start, end = vectors.matrix[vectors.row(low)], vectors.matrix[vectors.row(high)]
    direction = end - start
    largest = direction.abs().max()
    if not largest > 0:
        raise DlvizError(message("embedding.refused.axis", low=low, high=high))
    # Divided by the largest number first, because the square of a large one is infinite.
    scaled = direction / largest
    return ((vectors.matrix - start) / largest) @ scaled / (scaled @ scaled)
