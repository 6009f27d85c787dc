"""Checks of what a learner passes to `dlviz.confusion` and `dlviz.split`."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_length, has_length
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.labels import class_table, indices_of, list_of_names, whole_labels

#: Classes that a confusion matrix can have at most.
MAX_CLASSES = 1000


def check_class_count(count: int) -> None:
    """Raise a DlvizError if a confusion matrix cannot have so many classes."""
    if count > MAX_CLASSES:
        raise DlvizError(message("evaluation.refused.many", most=MAX_CLASSES, got=count))


def check_labels(name: str, values: Any) -> tuple[Tensor, list[str] | None]:
    """Return labels (N,) as int64 on the CPU, and their names, ``None`` for whole numbers.

    Raises:
        DlvizError: they are not labels of shape (N,) or (N, 1), or a number is negative.
    """
    labels = whole_labels(name, values)
    if labels is None:
        items = list_of_names(name, values)
        table = class_table(items)
        return indices_of(name, items, table), table
    flat = squeeze_column(labels)
    if flat.dim() != 1:
        raise DlvizError(message("labels.shape", name=name, got=tuple(labels.shape)))
    check_not_negative(name, flat)
    return flat, None


def check_not_negative(name: str, labels: Tensor) -> None:
    """Raise a DlvizError if a label is negative."""
    if labels.numel() and int(labels.min()) < 0:
        raise DlvizError(message("evaluation.refused.labels_negative", name=name, got=int(labels.min())))


def check_label_range(name: str, labels: Tensor, classes: int, reason: str) -> None:
    """Raise a DlvizError if a label is `classes` or larger; its message ends with the reason for that number of classes."""
    largest = int(labels.max())
    if largest >= classes:
        raise DlvizError(message("evaluation.refused.label", name=name, last=classes - 1, got=largest, because=reason))


def check_examples(name: str, values: Any, count: int) -> Any:
    """Return examples as a tensor (N, …) where they are numbers, else as a list.

    A table becomes a list of its rows, unless all of its columns are numbers; so does a sparse matrix of SciPy.

    Args:
        name: the learner's argument, "x" or "inputs", which begins the keys of the messages.
        values: a tensor, an array, a column or a table of pandas, a sparse matrix of SciPy, a list, or anything with a length and
            indices from 0 on.
        count: number of examples.

    Raises:
        DlvizError: they are nothing of that, or there are not `count` of them.
    """
    numbers = as_plain_tensor(values)
    is_sequence = has_length(values) and hasattr(values, "__getitem__")
    is_readable = (
        numbers is not None
        or hasattr(values, "tocsr")
        or (is_sequence and not isinstance(values, (Tensor, nn.Module, str, bytes, Mapping)))
    )
    if not is_readable or is_scalar(numbers):
        raise DlvizError(message(f"evaluation.refused.{name}", got=kind_of_data(values)))
    examples = rows(values) if numbers is None else numbers
    check_length(examples, count, f"evaluation.refused.{name}_length")
    return examples


def rows(values: Any) -> Any:
    """Return the rows of a table as tuples, those of a sparse matrix as dictionaries of its numbers by column, else a list of the items.

    A sequence that is neither an array nor a column stays as it is.

    Example:
        >>> from scipy.sparse import csr_array
        >>> rows(csr_array([[0.0, 0.5], [0.0, 0.0]]))
        [{1: 0.5}, {}]
    """
    if hasattr(values, "tocsr"):
        matrix = values.tocsr(copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        columns, numbers = matrix.indices.tolist(), matrix.data.tolist()
        return [dict(zip(columns[a:b], numbers[a:b], strict=True)) for a, b in pairwise(matrix.indptr.tolist())]
    if hasattr(values, "itertuples"):
        return [tuple(row) for row in values.itertuples(index=False)]
    return values.tolist() if hasattr(values, "tolist") else values


def is_scalar(value: Any) -> bool:
    """Return whether `value` is a tensor without dimensions, which has no length."""
    return isinstance(value, Tensor) and not value.dim()


def squeeze_column(values: Tensor) -> Tensor:
    """Return (N, 1) as (N,), and any other shape as it is."""
    return values.squeeze(1) if values.dim() == 2 and values.shape[1] == 1 else values


def name_sequence(names: Any) -> Sequence[Any] | None:
    """Return the names of classes as a list, ``None`` for none.

    Raises:
        DlvizError: they are no sequence.
    """
    if names is None:
        return None
    try:
        if not isinstance(names, (str, bytes)):
            return list(names)
    except Exception:  # an object of another library may raise anything
        pass
    raise DlvizError(message("evaluation.refused.names_kind", got=type(names).__name__))
