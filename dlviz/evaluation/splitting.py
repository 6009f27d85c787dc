"""Sharing a data set out into parts; scikit-learn draws, so its numbers are these."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: The ways to split.
METHODS = ("order", "shuffled", "stratified", "grouped", "folds")


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
    """The numbers of the examples in each part.

    Args:
        y: the classes (N,).
        parts: what share (a float) or how many (an int) go to each part, as :func:`checked` returns it.
        how: "order" takes them as they come; "shuffled", "stratified" and "grouped" are scikit-learn's ``ShuffleSplit``,
            ``StratifiedShuffleSplit`` and ``GroupShuffleSplit``, the last part being drawn first; "folds" is ``KFold``, shuffled.
        seed: its ``random_state``.
        groups: (N,) which examples stay together, of "grouped".
        folds: how many folds.
        fold: which of them is the last part.

    Raises:
        DlvizError: scikit-learn refuses; the message is its own.

    Example:
        >>> parts = cut(torch.tensor([0, 0, 1, 1, 0]), {"train": 0.8, "test": 0.2}, "shuffled", seed=0)
        >>> {name: numbers.tolist() for name, numbers in parts.items()}
        {'train': [0, 1, 3, 4], 'test': [2]}

    Source:
        https://scikit-learn.org/stable/modules/cross_validation.html
    """
    labels, names = y.cpu().numpy(), list(parts)
    try:
        if how == "folds":
            found = _folded(len(labels), names, seed, folds, fold)
        elif how == "order":
            found = _in_order(len(labels), parts)
        else:
            found = _drawn(labels, parts, how, seed, None if groups is None else groups.numpy())
    except ValueError as error:
        raise DlvizError(message("evaluation.refused.sklearn", how=how, error=str(error))) from None
    return {name: torch.from_numpy(np.ascontiguousarray(found[name], dtype=np.int64)) for name in names}


def sizes(parts: Mapping[str, float], count: int) -> list[int]:
    """How many of `count` examples each part gets: every part but the first is rounded up, as scikit-learn rounds a test set.

    Example:
        >>> sizes({"train": 0.8, "test": 0.2}, 1797)
        [1437, 360]
    """
    later = [share if isinstance(share, int) else ceil(share * count) for share in list(parts.values())[1:]]
    return [count - sum(later), *later]


def _in_order(count: int, parts: Mapping[str, float]) -> dict[str, Any]:
    ends = np.cumsum(sizes(parts, count))
    return dict(zip(parts, np.split(np.arange(count), ends[:-1]), strict=True))


def _folded(count: int, names: Sequence[str], seed: int, folds: int, fold: int) -> dict[str, Any]:
    from sklearn.model_selection import KFold  # a second to import: only where it is wanted

    train, test = list(KFold(folds, shuffle=True, random_state=seed).split(np.zeros(count)))[fold]
    return {names[0]: train, names[1]: test}


def _drawn(labels: Any, parts: Mapping[str, float], how: str, seed: int, groups: Any) -> dict[str, Any]:
    """The last part out of all, the one before it out of what remains, and so on."""
    from sklearn import model_selection

    splitter = {"shuffled": "ShuffleSplit", "stratified": "StratifiedShuffleSplit", "grouped": "GroupShuffleSplit"}[how]
    make = getattr(model_selection, splitter)
    count, found, rest = len(labels), {}, np.arange(len(labels))
    wanted = dict(zip(parts, sizes(parts, count), strict=True))
    left = 1.0
    for name in reversed(list(parts)[1:]):
        share = parts[name] / count if isinstance(parts[name], int) else parts[name]
        # Of groups a share is drawn, because how many examples they hold is not known beforehand.
        test = share / left if how == "grouped" else wanted[name]
        one = make(n_splits=1, test_size=test, random_state=seed)
        # What the other two would ignore, with a warning.
        together = groups[rest] if how == "grouped" else None
        keep, taken = next(one.split(np.zeros(len(rest)), labels[rest], together))
        found[name], rest, left = rest[taken], rest[keep], left - share
    found[next(iter(parts))] = rest
    return found


def checked(given: Any, count: int) -> dict[str, float]:
    """`parts` with their shares (floats) or sizes (ints).

    Raises:
        DlvizError: it names fewer than two parts, one would be empty, or together they are not all examples.
    """
    if given is None:
        given = {"train": 0.8, "test": 0.2}
    if not isinstance(given, Mapping) or not 2 <= len(given) <= 5:
        raise DlvizError(message("evaluation.refused.parts", got=repr(given)))
    values = list(given.values())
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in values)
    if not whole and not all(isinstance(one, float) for one in values):
        raise DlvizError(message("evaluation.refused.parts_kind", got=repr(dict(given))))
    total = sum(values)
    if whole and total != count:
        raise DlvizError(message("evaluation.refused.parts_count", count=count, got=total))
    if not whole and abs(total - 1) > 1e-6:
        raise DlvizError(message("evaluation.refused.parts_share", got=f"{total:g}"))
    found = {str(name): one for name, one in given.items()}
    if min(values) <= 0 or min(sizes(found, count)) < 1:
        raise DlvizError(message("evaluation.refused.parts_empty", count=count, got=repr(dict(given))))
    return found
