"""A positional encoding with everything that is drawn of it, and the score q·k of every two positions."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.positional_encoding.encodings import (
    Pairing,
    alibi,
    alibi_slopes,
    apply_rotary,
    check_size,
    divisors,
    pairs,
    rotary_angles,
    sinusoidal,
)

#: Kinds of encodings, in the order of the menu.
KINDS = ("sinusoidal", "rotary", "alibi", "learned")
#: Largest number of positions of which all scores are computed.
MAX_POSITIONS = 256
#: Largest number of heads of ALiBi.
MAX_HEADS = 128
#: Largest number of elements of an encoding that is computed here.
MAX_ELEMENTS = 2**24


@dataclass(frozen=True)
class ByDistance:
    """Scores of all pairs of positions at one distance: mean, smallest and largest, each (distances,), float64.

    Attributes:
        first: the first distance; the others follow one by one.
        mean, low, high: over the pairs of positions at each distance.
    """

    first: int
    mean: Tensor
    low: Tensor
    high: Tensor

    @property
    def spread(self) -> float:
        """Largest difference of two scores at one distance: about 1e-15 if the score depends on the distance only."""
        return float((self.high - self.low).max())


@dataclass(frozen=True)
class Encoding:
    """Settings of an encoding.

    Attributes:
        kind: one of :data:`KINDS`.
        length, dim: size of the matrix.
        heads: number of heads of ALiBi.
        base: base of the wavelengths of "sinusoidal" and "rotary".
        pairing: which dimensions "rotary" turns together.
        table: the matrix of "learned", (length, dim), float64.
        q, k: the query and the key that "rotary" turns, (dim,), float64; ones without them.
    """

    kind: str
    length: int
    dim: int
    heads: int = 8
    base: float = 10000.0
    pairing: Pairing = "interleaved"
    table: Tensor | None = None
    q: Tensor | None = None
    k: Tensor | None = None

    @property
    def kinds(self) -> list[str]:
        """The kinds of this length and dim that can be drawn."""
        absent = {"learned"} if self.table is None else set()
        return [kind for kind in KINDS if kind not in absent | ({"sinusoidal", "rotary"} if self.dim % 2 else set())]

    def of(self, kind: str, base: float, pairing: Pairing) -> "Encoding":
        """Return these settings with others for the kind, the base and the pairing."""
        return replace(self, kind=kind, base=base, pairing=pairing)


@dataclass(frozen=True)
class Record:
    """An encoding, computed by torch in float64.

    Attributes:
        encoding: its settings.
        matrix: what is added to the embeddings, (length, dim); of "rotary" (cos, sin) of every pair in the places of its dimensions,
            which is the pair (1, 0) turned; of "alibi" the bias (heads, positions, positions).
        scores: q·k for queries and keys at the first positions, (positions, positions): rows of the matrix with each other; of "rotary"
            the turned query and key; of "alibi" the bias of the first head.
        angles: of "sinusoidal" and "rotary", (length, dim / 2).
        divisors: what a position is divided by for its angle, (dim / 2,).
        queries, keys: of "rotary", turned, (positions, dim).
        slopes: of "alibi", (heads,).
    """

    encoding: Encoding
    matrix: Tensor
    scores: Tensor
    angles: Tensor | None = None
    divisors: Tensor | None = None
    queries: Tensor | None = None
    keys: Tensor | None = None
    slopes: Tensor | None = None

    @property
    def by_distance(self) -> ByDistance:
        """The scores by the distance n − m of a key at n from a query at m; of "alibi" by how far the key lies before the query."""
        return by_distance(self.scores, earlier=self.encoding.kind == "alibi")


def record(encoding: Encoding) -> Record:
    """Compute an encoding.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> found = record(Encoding("rotary", length=6, dim=8))
        >>> found.scores.shape, found.by_distance.spread < 1e-13
        (torch.Size([6, 6]), True)
    """
    kind, length, dim = encoding.kind, encoding.length, encoding.dim
    count = min(length, MAX_POSITIONS)
    if kind == "alibi":
        bias = alibi(encoding.heads, count, dtype=torch.float64)
        return Record(encoding, bias, bias[0], slopes=alibi_slopes(encoding.heads))
    if kind == "learned":
        assert encoding.table is not None
        rows = encoding.table[:count]
        return Record(encoding, encoding.table, rows @ rows.T)
    angles, steps = rotary_angles(length, dim, encoding.base), divisors(dim, encoding.base)
    if kind == "sinusoidal":
        matrix = sinusoidal(length, dim, encoding.base, dtype=torch.float64)
        return Record(encoding, matrix, matrix[:count] @ matrix[:count].T, angles, steps)
    first = [pair[0] for pair in pairs(dim, encoding.pairing)]
    unit = torch.zeros(length, dim, dtype=torch.float64).index_fill(1, torch.tensor(first), 1.0)
    queries, keys = (_turned(vector, encoding, count) for vector in (encoding.q, encoding.k))
    matrix = apply_rotary(unit, base=encoding.base, pairing=encoding.pairing)
    return Record(encoding, matrix, queries @ keys.T, angles, steps, queries, keys)


def _turned(vector: Tensor | None, encoding: Encoding, count: int) -> Tensor:
    """Return a query or key at the first positions, turned, (count, dim)."""
    one = torch.ones(encoding.dim, dtype=torch.float64) if vector is None else vector
    return apply_rotary(one.expand(count, -1), base=encoding.base, pairing=encoding.pairing)


def by_distance(scores: Tensor, *, earlier: bool = False) -> ByDistance:
    """Return mean and range of scores[m, n] over all m, for every distance n − m.

    Args:
        scores: (positions, positions).
        earlier: for keys at or before the query only, by the distance m − n.

    Example:
        >>> by_distance(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).mean
        tensor([3., 3., 2.], dtype=torch.float64)
    """
    count = len(scores)
    distances = range(count) if earlier else range(1 - count, count)
    lines = [scores.double().diagonal(-distance if earlier else distance) for distance in distances]
    return ByDistance(
        distances[0],
        torch.stack([line.mean() for line in lines]),
        torch.stack([line.min() for line in lines]),
        torch.stack([line.max() for line in lines]),
    )


def check_encoding(encoding: Encoding) -> None:
    """Check the settings of an encoding.

    Raises:
        DlvizError: one does not fit.
    """
    sizes: dict[str, Any] = {"length": encoding.length, "dim": encoding.dim, "heads": encoding.heads}
    for name, value in sizes.items():
        check_size(name, value)
    if encoding.kind not in KINDS:
        raise DlvizError(message("positional_encoding.refused.kind", got=repr(encoding.kind)[:80]))
    if encoding.kind == "learned" and encoding.table is None:
        raise DlvizError(message("positional_encoding.refused.learned"))
    if encoding.table is None and encoding.length * encoding.dim > MAX_ELEMENTS:
        got = f"{encoding.length} · {encoding.dim}"
        raise DlvizError(message("positional_encoding.refused.elements", got=got, most=MAX_ELEMENTS))
    if encoding.heads > MAX_HEADS:
        raise DlvizError(message("positional_encoding.refused.heads", most=MAX_HEADS, got=encoding.heads))
    if encoding.kind in ("sinusoidal", "rotary") or not encoding.dim % 2:
        divisors(encoding.dim, encoding.base)
    for name, vector in (("q", encoding.q), ("k", encoding.k)):
        if vector is not None and vector.shape != (encoding.dim,):
            shape = tuple(vector.shape)
            raise DlvizError(message("positional_encoding.refused.vector", name=name, dim=encoding.dim, got=shape))
