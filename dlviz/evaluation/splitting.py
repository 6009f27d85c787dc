"""Splits of a data set into parts, drawn by scikit-learn, so that they are the same as its own."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: The ways to split.
METHODS = ("order", "shuffled", "stratified", "grouped", "folds")


@dataclass(frozen=True)
class SplitSettings:
    """Settings of a split.

    Attributes:
        parts: fraction (float) or number of examples (int) of each part.
        how: one of :data:`METHODS`.
        seed: scikit-learn's ``random_state``.
        folds: number of folds.
        fold: index of the fold that is the last part.
    """

    parts: Mapping[str, float]
    how: str
    seed: int
    folds: int
    fold: int


def cut(
    y: Tensor,
    parts: Mapping[str, float],
    how: str,
    seed: int = 0,
    *,
    groups: Tensor | None = None,
    folds: int = 5,
    fold: int = 0,
) -> dict[str, Tensor]:
    """Return the indices of the examples in each part.

    Args:
        y: labels (N,).
        parts: fraction (float) or number of examples (int) of each part, as :func:`check_parts` returns them.
        how: "order" keeps the order of the data; "shuffled", "stratified" and "grouped" are scikit-learn's ``ShuffleSplit``,
            ``StratifiedShuffleSplit`` and ``GroupShuffleSplit``, with the last part drawn first; "folds" is ``KFold``, shuffled.
        seed: scikit-learn's ``random_state``.
        groups: (N,) group of each example, for "grouped".
        folds: number of folds.
        fold: index of the fold that is the last part.

    Raises:
        DlvizError: scikit-learn raises; the error has its message.

    Example:
        >>> parts = cut(torch.tensor([0, 0, 1, 1, 0]), {"train": 0.8, "test": 0.2}, "shuffled", seed=0)
        >>> {name: indices.tolist() for name, indices in parts.items()}
        {'train': [0, 1, 3, 4], 'test': [2]}

    Source:
        https://scikit-learn.org/stable/modules/cross_validation.html
    """
    labels, names = y.cpu().numpy(), list(parts)
    try:
        with _generators_restored():
            if how == "folds":
                indices = _one_fold(len(labels), names, seed, folds, fold)
            elif how == "order":
                ends = np.cumsum(part_sizes(parts, len(labels)))
                indices = dict(zip(parts, np.split(np.arange(len(labels)), ends[:-1]), strict=True))
            else:
                indices = _sample_parts(labels, parts, how, seed, None if groups is None else groups.numpy())
    except ValueError as error:
        raise DlvizError(message("evaluation.refused.sklearn", how=how, error=str(error))) from None
    return {name: torch.from_numpy(np.ascontiguousarray(indices[name], dtype=np.int64)) for name in names}


@contextmanager
def _generators_restored() -> Iterator[None]:
    """Restore the global generators of Python and NumPy afterwards: scikit-learn, or its import, may draw from them."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def part_sizes(parts: Mapping[str, float], count: int) -> list[int]:
    """Return the number of examples in each part; every part but the first is rounded up, as scikit-learn rounds a test set.

    Example:
        >>> part_sizes({"train": 0.8, "test": 0.2}, 1797)
        [1437, 360]
    """
    later = [size if isinstance(size, int) else ceil(size * count) for size in list(parts.values())[1:]]
    return [count - sum(later), *later]


def _one_fold(count: int, names: Sequence[str], seed: int, folds: int, fold: int) -> dict[str, Any]:
    from sklearn.model_selection import KFold  # imported here, because the import takes a second

    train, test = list(KFold(folds, shuffle=True, random_state=seed).split(np.zeros(count)))[fold]
    return {names[0]: train, names[1]: test}


def _sample_parts(labels: Any, parts: Mapping[str, float], how: str, seed: int, groups: Any) -> dict[str, Any]:
    """Draw the last part from all examples, the part before it from those that remain, and so on."""
    from sklearn import model_selection

    splitter = {"shuffled": "ShuffleSplit", "stratified": "StratifiedShuffleSplit", "grouped": "GroupShuffleSplit"}[how]
    make = getattr(model_selection, splitter)
    count, indices, rest = len(labels), {}, np.arange(len(labels))
    sizes = dict(zip(parts, part_sizes(parts, count), strict=True))
    left = 1.0
    for name in reversed(list(parts)[1:]):
        fraction = parts[name] / count if isinstance(parts[name], int) else parts[name]
        # Groups are drawn by fraction, because the number of examples in them is not known beforehand.
        test_size = fraction / left if how == "grouped" else sizes[name]
        split = make(n_splits=1, test_size=test_size, random_state=seed)
        # The other two would ignore groups with a warning.
        own_groups = groups[rest] if how == "grouped" else None
        kept, taken = next(split.split(np.zeros(len(rest)), labels[rest], own_groups))
        indices[name], rest, left = rest[taken], rest[kept], left - fraction
    indices[next(iter(parts))] = rest
    return indices


def check_parts(parts: Any, count: int) -> dict[str, float]:
    """Return the parts with their fractions (floats) or sizes (ints); 80 % for training and 20 % for testing by default.

    Raises:
        DlvizError: there are not two to five parts, one would be empty, or together they are not all examples.
    """
    if parts is None:
        parts = {"train": 0.8, "test": 0.2}
    if not isinstance(parts, Mapping) or not 2 <= len(parts) <= 5:
        raise DlvizError(message("evaluation.refused.parts", got=repr(parts)))
    values = list(parts.values())
    are_sizes = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    if not are_sizes and not all(isinstance(value, float) for value in values):
        raise DlvizError(message("evaluation.refused.parts_kind", got=repr(dict(parts))))
    total = sum(values)
    if are_sizes and total != count:
        raise DlvizError(message("evaluation.refused.parts_count", count=count, got=total))
    if not are_sizes and abs(total - 1) > 1e-6:
        raise DlvizError(message("evaluation.refused.parts_share", got=f"{total:g}"))
    checked = {str(name): value for name, value in parts.items()}
    if min(values) <= 0 or min(part_sizes(checked, count)) < 1:
        raise DlvizError(message("evaluation.refused.parts_empty", count=count, got=repr(dict(parts))))
    return checked
