"""Vectors with labels, made from a matrix, an ``nn.Embedding``, a dict, a pandas table or gensim's word vectors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer, is_iterable
from dlviz.torchkit.array_data import as_plain_tensor, as_tensor, check_data, kind_of_data

#: Numbers in vectors are smaller, so that their sums are finite in float32.
_LARGEST = 1e36
#: A sparse matrix may hold so many numbers as a dense one.
_MOST_NUMBERS = 100_000_000


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
        return unit_rows(self.matrix)

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
        if is_integer(word) and 0 <= int(word) < len(self.labels):
            return int(word)
        raise DlvizError(
            message("embedding.refused.word", got=repr(word), count=len(self.labels), first=self.labels[0])
        )


def unit_rows(matrix: Tensor) -> Tensor:
    """Scale vectors (N, D) to length 1; a zero vector stays zero. The squares of large and of small numbers do not leave float32's range.

    Example:
        >>> unit_rows(torch.tensor([[3e30, 4e30], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    largest = matrix.abs().amax(1, keepdim=True)
    is_usual = (largest == 0) | ((largest > 1e-9) & (largest < 1e15))
    return F.normalize(matrix / torch.where(is_usual, 1.0, largest), dim=1)


def magnitude(matrix: Tensor) -> float:
    """Return 1, or the largest absolute value of a matrix whose squares would leave float32's range."""
    largest = float(matrix.abs().max()) if matrix.numel() else 0.0
    return largest if 0 < largest < 1e-15 or 1e15 < largest < float("inf") else 1.0


def labeled(vectors: Any, labels: Iterable[Any] | None = None) -> Vectors:
    """Return a copy of vectors with their labels; ``Vectors`` are returned as they are.

    Args:
        vectors: a matrix (N, D) on any device, dense or sparse, as a tensor, an array, a list of vectors or a pandas table; an
            ``nn.Embedding``; a dict of label to vector; or gensim's ``KeyedVectors``.
        labels: a label for each row, in any script. A dict's keys and gensim's words are their labels. By default a pandas table has its
            index, and other rows are labeled with their numbers.

    Raises:
        DlvizError: the vectors are no finite matrix, or the labels do not fit.

    Example:
        >>> labeled(torch.nn.Embedding(3, 2), ["a", "b", "c"])
        Vectors of shape (3, 2)
    """
    if has_labels(vectors) and labels is not None:
        raise DlvizError(message("embedding.refused.labels_twice"))
    if isinstance(vectors, Vectors):
        return vectors
    own, rows = _labels_and_rows(vectors)
    matrix = _to_matrix(rows)
    names = _to_names(own if labels is None else labels, len(matrix))
    if len(set(names)) < len(names):
        duplicate = next(name for k, name in enumerate(names) if name in names[:k])
        raise DlvizError(message("embedding.refused.duplicate_label", label=duplicate))
    return Vectors(matrix, names)


def has_labels(vectors: Any) -> bool:
    """Return whether vectors bring their labels: ``Vectors``, a dict, gensim's ``KeyedVectors`` or a model that holds them."""
    return isinstance(vectors, (Mapping, Vectors)) or _is_keyed(getattr(vectors, "wv", vectors))


def _is_keyed(vectors: Any) -> bool:
    return hasattr(vectors, "index_to_key") and hasattr(vectors, "vectors")


def _labels_and_rows(vectors: Any) -> tuple[Iterable[Any] | None, Any]:
    """Return the labels that vectors bring, or ``None``, and a matrix or a list of rows."""
    if isinstance(vectors, Mapping):
        return list(vectors.keys()), list(vectors.values())
    keyed = getattr(vectors, "wv", vectors)
    if _is_keyed(keyed):
        # gensim keeps rows for words that are still to come, whose keys are None. Its iteration stops with a KeyError.
        empty = {row for row, key in enumerate(keyed.index_to_key) if key is None}
        keys = [key for key in keyed.index_to_key if key is not None]
        return keys, np.delete(np.asarray(keyed.vectors), [*empty], axis=0) if empty else keyed.vectors
    if hasattr(vectors, "iloc") and hasattr(vectors, "to_numpy"):
        return list(vectors.index), _table_rows(vectors) if hasattr(vectors, "columns") else list(vectors)
    return None, vectors.weight if isinstance(vectors, (nn.Embedding, nn.EmbeddingBag)) else vectors


def _table_rows(table: Any) -> np.ndarray:
    """Return a pandas table as numbers; what is missing becomes NaN."""
    texts = [str(name) for name, dtype in zip(table.columns, table.dtypes, strict=True) if dtype.kind not in "biufc"]
    if texts:
        raise DlvizError(message("embedding.refused.table", columns=", ".join(texts), first=texts[0]))
    return table.to_numpy(dtype="float64", na_value=np.nan)


def _to_names(labels: Any, count: int) -> tuple[str, ...]:
    given = labels
    if isinstance(given, Tensor):
        plain = as_plain_tensor(given)
        labels = 0 if plain is None else plain.tolist()
    if labels is not None and not is_iterable(labels):
        raise DlvizError(message("embedding.refused.labels_kind", got=kind_of_data(given)))
    names = tuple(str(label) for label in (range(count) if labels is None else labels))
    if len(names) != count:
        raise DlvizError(message("embedding.refused.labels", rows=count, got=len(names)))
    return names


def _to_matrix(vectors: Any) -> Tensor:
    if isinstance(vectors, list):
        vectors = _stack(vectors)
    tensor = check_data(_dense(vectors), "embedding.refused.kind", caller="embedding", name="vectors")
    if tensor.is_nested or tensor.is_meta:
        kind = message(f"embedding.refused.{'nested' if tensor.is_nested else 'meta'}")
        raise DlvizError(message("embedding.refused.kind", got=kind))
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.dim() != 2 or not tensor.numel():
        raise DlvizError(message("embedding.refused.shape", got=tuple(tensor.shape)))
    if tensor.is_complex():
        raise DlvizError(message("embedding.refused.dtype", got=str(tensor.dtype).removeprefix("torch.")))
    dtype = tensor.dtype if tensor.dtype == torch.float64 else torch.float32
    matrix = tensor.detach().to("cpu", dtype, copy=True)
    fits = matrix.abs() < _LARGEST
    if not fits.all():
        row, column = (~fits).nonzero()[0].tolist()
        key = "large" if matrix[row, column].isfinite() else "nonfinite"
        raise DlvizError(message(f"embedding.refused.{key}", row=row, got=f"{matrix[row, column].item():.3g}"))
    return matrix


def _dense(vectors: Any) -> Any:
    """Return a sparse matrix of torch or SciPy as a dense one, and an array of objects or of long floats as what torch knows."""
    is_sparse_tensor = isinstance(vectors, Tensor) and vectors.layout != torch.strided and not vectors.is_nested
    if is_sparse_tensor or hasattr(vectors, "toarray"):
        numbers = int(np.prod([int(size) for size in vectors.shape], dtype=object))
        if numbers > _MOST_NUMBERS:
            shape = tuple(int(size) for size in vectors.shape)
            raise DlvizError(message("embedding.refused.sparse", shape=shape, most=f"{_MOST_NUMBERS:,}"))
        return vectors.detach().to_dense() if is_sparse_tensor else vectors.toarray()
    if isinstance(vectors, np.ndarray) and vectors.dtype == object:
        return _stack(vectors.tolist()) if vectors.ndim else vectors
    if isinstance(vectors, np.ndarray) and vectors.dtype == np.longdouble:
        return vectors.astype(np.float64)
    return vectors


def _stack(rows: list[Any]) -> Any:
    """Return a list of vectors as a matrix, or the list itself if torch reads it or it holds no vectors."""
    if not rows:
        return torch.empty(0, 0)
    whole = None if any(hasattr(row, "toarray") for row in rows) else as_tensor(rows)
    if whole is not None:
        return whole
    tensors = [as_tensor(_dense(row)) for row in rows]
    found = [row[0] if row.dim() == 2 and len(row) == 1 else row for row in tensors if row is not None]
    if len(found) < len(rows):
        wrong = next(row for row, tensor in zip(rows, tensors, strict=True) if tensor is None)
        raise DlvizError(message("embedding.refused.row", got=type(wrong).__name__))
    if len({row.shape for row in found}) > 1:
        shapes = ", ".join(sorted({str(tuple(row.shape)) for row in found}))
        raise DlvizError(message("embedding.refused.ragged", got=shapes))
    return torch.stack(found)
