"""Vectors with labels, made from a matrix, an ``nn.Embedding`` or a dict."""

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
    """N vectors and their labels.

    Attributes:
        matrix: (N, D) floats on the CPU, a copy without autograd history.
        labels: N different strings.
    """

    matrix: Tensor
    labels: tuple[str, ...]

    def __repr__(self) -> str:
        """Return the shape, without the numbers."""
        return message("embedding.vectors_repr", shape=tuple(self.matrix.shape))

    @cached_property
    def normalized(self) -> Tensor:
        """The vectors scaled to length 1, (N, D); a zero vector stays zero."""
        return F.normalize(self.matrix, dim=1)

    @cached_property
    def row_of_label(self) -> dict[str, int]:
        """The row of each label."""
        return {label: row for row, label in enumerate(self.labels)}

    def row(self, word: str | int) -> int:
        """Return the row of a label; a row number is checked and returned.

        Raises:
            DlvizError: there is no such label or row.
        """
        if isinstance(word, str) and word in self.row_of_label:
            return self.row_of_label[word]
        if isinstance(word, int) and not isinstance(word, bool) and 0 <= word < len(self.labels):
            return word
        raise DlvizError(
            message("embedding.refused.word", got=repr(word), count=len(self.labels), first=self.labels[0])
        )


def labeled(vectors: Any, labels: Sequence[Any] | None = None) -> Vectors:
    """Return a copy of vectors with their labels; ``Vectors`` are returned as they are.

    Args:
        vectors: a matrix (N, D) as a tensor, an array or a list of lists, on any device; an ``nn.Embedding``; or a dict of label to vector.
        labels: a label for each row, in any script. A dict's keys are its labels. By default rows are labeled with their numbers.

    Raises:
        DlvizError: the vectors are no finite matrix, or the labels do not fit.

    Example:
        >>> labeled(torch.nn.Embedding(3, 2), ["a", "b", "c"])
        Vectors of shape (3, 2)
    """
    if isinstance(vectors, (Mapping, Vectors)) and labels is not None:
        raise DlvizError(message("embedding.refused.labels_twice"))
    if isinstance(vectors, Vectors):
        return vectors
    if isinstance(vectors, Mapping):
        labels, vectors = list(vectors.keys()), _stack(list(vectors.values()))
    matrix = _to_matrix(vectors.weight if isinstance(vectors, nn.Embedding) else vectors)
    names = tuple(str(label) for label in (range(len(matrix)) if labels is None else labels))
    if len(names) != len(matrix):
        raise DlvizError(message("embedding.refused.labels", rows=len(matrix), got=len(names)))
    if len(set(names)) < len(names):
        duplicate = next(name for k, name in enumerate(names) if name in names[:k])
        raise DlvizError(message("embedding.refused.duplicate_label", label=duplicate))
    return Vectors(matrix, names)


def _stack(rows: list[Any]) -> Tensor:
    tensors = [torch.as_tensor(row) for row in rows]
    if len({row.shape for row in tensors}) > 1:
        raise DlvizError(
            message("embedding.refused.ragged", got=", ".join(sorted({str(tuple(row.shape)) for row in tensors})))
        )
    return torch.stack(tensors) if tensors else torch.empty(0, 0)


def _to_matrix(vectors: Any) -> Tensor:
    try:
        tensor = torch.as_tensor(vectors)
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("embedding.refused.kind", got=type(vectors).__name__)) from None
    if tensor.dim() != 2 or not tensor.numel():
        raise DlvizError(message("embedding.refused.shape", got=tuple(tensor.shape)))
    if tensor.is_complex():
        raise DlvizError(message("embedding.refused.dtype", got=str(tensor.dtype).removeprefix("torch.")))
    dtype = tensor.dtype if tensor.dtype == torch.float64 else torch.float32
    matrix = tensor.detach().to("cpu", dtype, copy=True)
    if not matrix.isfinite().all():
        row = int((~matrix.isfinite()).any(1).nonzero()[0])
        raise DlvizError(message("embedding.refused.nonfinite", row=row))
    return matrix
