"""scikit-learn's real handwritten digits, as tensors."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlviz.data.stratified_split import split_rows
from dlviz.data.validation import loader
from dlviz.kit.messages import message


class Digits(NamedTuple):
    """Handwritten digits and their labels; unpacks as ``images, labels``.

    ``images`` (N, 1, 8, 8) float32, ink from 0 (paper) to 1 in steps of 1/16; ``labels`` (N,) int64, 0 to 9.
    """

    images: Tensor
    labels: Tensor

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.digits.shown", images=tuple(self.images.shape), labels=tuple(self.labels.shape))


@loader
def digits(split: str | None = None, *, device: torch.device | str | None = None) -> Digits:
    """Load 1,797 real handwritten digits of 8 by 8 pixels; no download, scikit-learn ships them.

    ``split=None`` gives all of them in the file's order, writer after writer. ``"train"`` (1,438) and ``"test"`` (359)
    share out the shuffled set, every digit in the same proportion; the shuffle is fixed and leaves your seeds alone.
    Each call gives fresh tensors, on ``device`` if given. Anything else for ``split`` raises a ``ValueError``.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
    https://doi.org/10.24432/C50P49 (CC BY 4.0), through ``sklearn.datasets.load_digits``.

    >>> from dlviz.data import digits
    >>> images, labels = digits("train")
    >>> images.shape, labels.dtype
    (torch.Size([1438, 1, 8, 8]), torch.int64)
    """
    images, labels = _arrays()
    rows = split_rows(split, labels, "data.digits.split")
    return Digits(torch.tensor(images[rows], device=device), torch.tensor(labels[rows], device=device))


@cache
def _arrays() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # imported here because it takes a second

    bunch = load_digits()
    return (bunch.images[:, None] / 16).astype(np.float32), bunch.target.astype(np.int64)
