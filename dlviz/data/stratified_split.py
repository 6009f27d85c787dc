"""A fixed stratified split: 80 % train, 20 % test."""

import numpy as np

from dlviz.data.validation import is_one_of
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


def split_rows(split: str | None, labels: np.ndarray, refusal: str) -> np.ndarray:
    """Return the row indices of "train" or "test", or of all rows for ``None``.

    Raises:
        DlvizError: another split; `refusal` is the key of the message.
    """
    if split is None:
        return np.arange(len(labels))
    if not is_one_of(split, ("train", "test")):
        raise DlvizError(message(refusal, value=repr(split)))
    return stratified_split(labels)[split]


def stratified_split(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the row indices of "train" and "test"; the test set is a fixed, shuffled fifth of each class.

    Example:
        >>> {name: len(rows) for name, rows in stratified_split(np.repeat([0, 1], 10)).items()}
        {'train': 16, 'test': 4}
    """
    shuffle = np.random.RandomState(0).permutation  # RandomState's numbers never change between NumPy versions
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for label in np.unique(labels):
        rows = shuffle(np.flatnonzero(labels == label))
        fifth = round(len(rows) / 5)
        parts["test"].append(rows[:fifth])
        parts["train"].append(rows[fifth:])
    return {name: shuffle(np.concatenate(rows)) for name, rows in parts.items()}
