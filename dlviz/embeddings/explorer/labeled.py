"""Vectors with labels, from whatever holds them: a matrix, an embedding, a dict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False, repr=False)
class Vectors:
    """N vectors with a label each: ``matrix`` (N, D), floats, a copy without history; ``labels`` N strings, each of them once."""

    matrix: Tensor
    labels: tuple[str, ...]

    def __repr__(self) -> str:
        """Say the shape; the numbers may lie on a GPU."""
        return message("embedding.shown", shape=tuple(self.matrix.shape))

    @cached_property
    def directions(self) -> Tensor:
        """The vectors at length 1, (N, D); a vector of zeros stays one."""
        return F.normalize(self.matrix, dim=1)

    @cached_property
    def places(self) -> dict[str, int]:
        """The row of each label."""
        return {label: row for row, label in enumerate(self.labels)}

    def row(self, word: str | int) -> int:
        """The row of a label, or a row's number checked.

        Raises:
            DlvizError: there is no such word.
        """
        if isinstance(word, str) and word in self.places:
            return self.places[word]
        if isinstance(word, int) and not isinstance(word, bool) and 0 <= word < len(self.labels):
            return word
        raise DlvizError(
            message("embedding.refused.word", got=repr(word), count=len(self.labels), first=self.labels[0])
        )


def labeled(vectors: Any, labels: Sequence[Any] | None = None) -> Vectors:
    """Take vectors from a matrix (N, D), an ``nn.Embedding`` or a dict of label to vector; nothing of it is changed. ``Vectors`` stay what
    they are.

    Args:
        vectors: a tensor, an array or a list of lists, numbers on any device; or an ``nn.Embedding``; or a mapping.
        labels: a label for each row, in any script; of a dict they are its keys. Without them rows are called by their number.

    Raises:
        DlvizError: the vectors are no finite matrix, or the labels do not fit.

    Example:
        >>> labeled(torch.nn.Embedding(3, 2), ["a", "b", "c"])
        Vectors of shape (3, 2)
    """
    if isinstance(vectors, Vectors):
        if labels is not None:
            raise DlvizError(message("embedding.refused.twice"))
        return vectors
    if isinstance(vectors, Mapping):
        if labels is not None:
            raise DlvizError(message("embedding.refused.twice"))
        labels, vectors = list(vectors.keys()), _stacked(list(vectors.values()))
    matrix = _matrix(vectors.weight if isinstance(vectors, nn.Embedding) else vectors)
    names = tuple(str(label) for label in (range(len(matrix)) if labels is None else labels))
    if len(names) != len(matrix):
        raise DlvizError(message("embedding.refused.labels", rows=len(matrix), got=len(names)))
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DlvizError(message("embedding.refused.same", label=twice))
    return Vectors(matrix, names)


def _stacked(rows: list[Any]) -> Any:
    """The vectors of a dict, one below the other."""
    tensors = [torch.as_tensor(row) for row in rows]
    if len({row.shape for row in tensors}) > 1:
        raise DlvizError(
            message("embedding.refused.ragged", got=", ".join(sorted({str(tuple(row.shape)) for row in tensors})))
        )
    return torch.stack(tensors) if tensors else torch.empty(0, 0)


def _matrix(given: Any) -> Tensor:
    try:
        tensor = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("embedding.refused.kind", got=type(given).__name__)) from None
    if tensor.dim() != 2 or not tensor.numel():
        raise DlvizError(message("embedding.refused.shape", got=tuple(tensor.shape)))
    if tensor.is_complex():
        raise DlvizError(message("embedding.refused.dtype", got=str(tensor.dtype).removeprefix("torch.")))
    kept = tensor.dtype if tensor.dtype == torch.float64 else torch.float32
    copied = tensor.detach().to("cpu", kept, copy=True)
    if not copied.isfinite().all():
        row = int((~copied.isfinite()).any(1).nonzero()[0])
        raise DlvizError(message("embedding.refused.finite", row=row))
    return copied
