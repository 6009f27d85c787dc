"""Labels as indices of classes: whole numbers as they are, names by their place among the class names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

#: Names that a message lists.
_MAX_NAMED = 10


def whole_labels(name: str, values: Any) -> Tensor | None:
    """Return labels that are whole numbers as int64 on the CPU, in their own shape; ``None`` for names.

    Args:
        name: the learner's argument, for messages.
        values: a tensor, an array, a list, or a column of a table.

    Raises:
        DlvizError: they are complex or fractions, or a tensor of floating-point numbers, which torch refuses as labels.

    Example:
        >>> whole_labels("y", [2, 0, 1]), whole_labels("y", np.array([1.0, 0.0])), whole_labels("y", ["cat", "dog"])
        (tensor([2, 0, 1]), tensor([1, 0]), None)
    """
    labels = as_plain_tensor(values)
    if labels is None and isinstance(values, Tensor):
        raise DlvizError(message("labels.kind", name=name, got=kind_of_data(values)))
    if labels is None:
        items = list_of_names(name, values)
        # A column of a table may hold whole numbers as Python objects.
        return torch.tensor([int(item) for item in items]) if items and all(map(is_integer, items)) else None
    is_fraction = labels.is_floating_point() and (
        isinstance(values, Tensor) or not bool((labels == labels.round()).all())
    )
    if is_fraction or labels.is_complex():
        key = "labels.dtype" if isinstance(values, Tensor) else "labels.fraction"
        argument = name.rpartition(": ")[2]
        raise DlvizError(message(key, name=name, argument=argument, got=_first_fraction(values, labels)))
    return labels.cpu().long()


def _first_fraction(values: Any, labels: Tensor) -> Any:
    """Return the dtype of a tensor, or the first number of other data that is not whole."""
    if isinstance(values, Tensor) or labels.is_complex():
        return labels.dtype
    return labels[labels != labels.round()][0].item()


def list_of_names(name: str, values: Any) -> list[Any]:
    """Return labels (N,) or (N, 1) of any kind as a list.

    Raises:
        DlvizError: they are no sequence of labels, or one is missing.
    """
    if isinstance(values, (str, bytes, Mapping, set, frozenset)) or not hasattr(values, "__len__"):
        raise DlvizError(message("labels.kind", name=name, got=kind_of_data(values)))
    try:
        array = np.asarray(values, dtype=object)
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("labels.kind", name=name, got=kind_of_data(values))) from None
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise DlvizError(message("labels.shape", name=name, got=array.shape))
    items: list[Any] = array.tolist()
    for row, item in enumerate(items):
        if _is_missing(item):
            raise DlvizError(message("labels.missing", name=name, row=row, got=item))
        if isinstance(item, (list, tuple, dict, set, Tensor, np.ndarray)):
            raise DlvizError(message("labels.kind", name=name, got=f"{type(item).__name__}s"))
    return items


def _is_missing(item: Any) -> bool:
    """Return whether `item` is None, NaN, or what pandas writes for them."""
    return item is None or type(item).__name__ in ("NAType", "NaTType") or (isinstance(item, float) and item != item)


def class_table(*labels: Any) -> list[str]:
    """Return the different names among some labels, sorted as scikit-learn sorts its ``classes_``.

    Example:
        >>> class_table(["dog", "cat"], ["ant", "cat"])
        ['ant', 'cat', 'dog']
    """
    different = {item for part in labels for item in part}
    try:
        return [str(item) for item in sorted(different)]
    except TypeError:  # of different kinds
        return sorted(map(str, different))


def indices_of(name: str, labels: Sequence[Any], table: Sequence[str]) -> Tensor:
    """Return the index of each label among the class names, int64 (N,).

    Raises:
        DlvizError: a label is none of the names.

    Example:
        >>> indices_of("y", ["dog", "cat"], ["ant", "cat", "dog"])
        tensor([2, 1])
    """
    index = {text: k for k, text in enumerate(table)}
    texts = [str(label) for label in labels]
    unknown = next((text for text in texts if text not in index), None)
    if unknown is not None:
        known = ", ".join(table[:_MAX_NAMED]) + (", …" if len(table) > _MAX_NAMED else "")
        raise DlvizError(message("labels.unknown", name=name, got=repr(unknown), names=known))
    return torch.tensor([index[text] for text in texts], dtype=torch.long)
