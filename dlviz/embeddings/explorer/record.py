"""What lies near what: neighbors with their dot product taken apart, analogies, and an axis of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.embeddings.explorer.labeled import Vectors
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Near:
    """The rows nearest to a vector, the nearest first: ``rows`` (K,) int64, ``labels`` of them, ``cosines`` (K,)."""

    rows: Tensor
    labels: tuple[str, ...]
    cosines: Tensor


@dataclass(frozen=True, eq=False)
class Product:
    """A cosine taken apart: ``terms`` (D,) are a[i] · b[i] of the two vectors at length 1, and ``cosine`` is their sum.

    Of the vectors as they are: ``lengths`` (2,), ``dot``, their product, which is the cosine times both lengths, and ``distance``.
    """

    a: Tensor
    b: Tensor
    terms: Tensor
    cosine: Tensor
    lengths: Tensor
    dot: Tensor
    distance: Tensor


@dataclass(frozen=True, eq=False)
class Analogy:
    """Where b − a + c leads: ``target`` (D,); ``raw`` with the three words of the question among the answers, ``near`` without."""

    target: Tensor
    raw: Near
    near: Near


def neighbors(vectors: Vectors, word: str | int, count: int = 10) -> Near:
    """The rows whose direction is nearest to a word's, by cosine; the word itself is left out.

    Args:
        vectors: what :func:`dlviz.embeddings.explorer.labeled` gives.
        word: its label, or its row.
        count: how many.

    Raises:
        DlvizError: there is no such word.

    Example:
        >>> from dlviz.embeddings import labeled
        >>> near = neighbors(labeled({"a": [1.0, 0.0], "b": [1.0, 0.1], "c": [0.0, 1.0]}), "a", 1)
        >>> near.labels
        ('b',)
    """
    row = vectors.row(word)
    return nearest(vectors, vectors.matrix[row], count, without=(row,))


def nearest(vectors: Vectors, target: Tensor, count: int = 10, without: Sequence[int] = ()) -> Near:
    """The `count` rows nearest to any vector (D,) by cosine, but those in `without`; a row of zeros has the cosine 0."""
    cosines = vectors.directions @ F.normalize(target, dim=0)
    open_to = cosines.clone()
    open_to[list(without)] = -torch.inf
    values, rows = open_to.topk(min(count, len(cosines) - len(set(without))))
    return Near(rows, tuple(vectors.labels[row] for row in rows.tolist()), values)


def product(vectors: Vectors, one: str | int, other: str | int) -> Product:
    """The cosine of two words, term by term, and how near they are by other measures."""
    rows = [vectors.row(one), vectors.row(other)]
    a, b = vectors.directions[rows]
    terms = a * b
    first, second = own = vectors.matrix[rows]
    return Product(a, b, terms, terms.sum(), own.norm(dim=1), first @ second, (first - second).norm())


def analogy(vectors: Vectors, a: str | int, b: str | int, c: str | int, count: int = 10) -> Analogy:
    """Answer "a is to b as c is to ?": the rows nearest to b − a + c, of the vectors at length 1.

    The three words of the question often lie nearest themselves. Published results leave them out; here are both.

    Source: T. Mikolov, W. Yih and G. Zweig, Linguistic Regularities in Continuous Space Word Representations, 2013,
    https://aclanthology.org/N13-1090; T. Linzen, Issues in evaluating semantic spaces using word analogies, 2016,
    https://arxiv.org/abs/1606.07736, on the words of the question.

    Example:
        >>> from dlviz.embeddings import labeled
        >>> words = labeled({"man": [1.0, 0.0, 0.0], "king": [1.0, 0.0, 1.0], "woman": [0.0, 1.0, 0.0], "queen": [0.0, 1.0, 1.0]})
        >>> analogy(words, "man", "king", "woman", 1).near.labels
        ('queen',)
    """
    rows = [vectors.row(word) for word in (a, b, c)]
    first, second, third = vectors.directions[rows]
    target = second - first + third
    return Analogy(target, nearest(vectors, target, count), nearest(vectors, target, count, without=rows))


def rank(near: Near, label: str) -> int | None:
    """Which place a label takes, from 1; ``None`` where it is not among them."""
    return near.labels.index(label) + 1 if label in near.labels else None


def recovered(vectors: Vectors, questions: Sequence[tuple[str, str, str, str]]) -> float:
    """Of the questions ``(a, b, c, d)``, the share whose nearest answer, the words of the question left out, is d."""
    rows = torch.tensor([[vectors.row(word) for word in question] for question in questions])
    a, b, c = (vectors.directions[rows[:, k]] for k in range(3))
    cosines = (b - a + c) @ vectors.directions.T  # of one question, its length scales all answers alike
    cosines.scatter_(1, rows[:, :3], -torch.inf)
    return float((cosines.argmax(1) == rows[:, 3]).double().mean())


def axis(vectors: Vectors, low: str | int, high: str | int) -> Tensor:
    """Where every word stands on the line from one word to another: (N,), 0 at `low`, 1 at `high`.

    A word's place is that of its foot on the line: ``(v − low) · (high − low) / |high − low|²``.

    Raises:
        DlvizError: both words have the same vector, so that there is no line.
    """
    start, end = vectors.matrix[vectors.row(low)], vectors.matrix[vectors.row(high)]
    along = end - start
    length = along @ along
    if not length > 0:
        raise DlvizError(message("embedding.refused.axis", low=low, high=high))
    return (vectors.matrix - start) @ along / length
