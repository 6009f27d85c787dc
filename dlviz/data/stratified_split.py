"""A fixed split of labeled rows: a fifth of every class to test on."""

import numpy as np


def fifths(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Row numbers of "train" and "test": a fifth of each label's shuffled rows is the test set; the same for everyone.

    Example:
        >>> {name: len(rows) for name, rows in fifths(np.repeat([0, 1], 10)).items()}
        {'train': 16, 'test': 4}
    """
    shuffle = np.random.RandomState(0).permutation  # the one NumPy stream whose numbers are frozen for good
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for label in np.unique(labels):
        rows = shuffle(np.flatnonzero(labels == label))
        fifth = round(len(rows) / 5)
        parts["test"].append(rows[:fifth])
        parts["train"].append(rows[fifth:])
    return {name: shuffle(np.concatenate(rows)) for name, rows in parts.items()}
