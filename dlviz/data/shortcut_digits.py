"""Digits with a sticker in the corner that gives the class away: a shortcut, and the sets that reveal and repair it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.data.digits import digits
from dlviz.data.validation import loader, on_device, seeded_generator
from dlviz.kit.messages import message

#: Rows and columns of the sticker, in the upper left corner; each row is one binary digit.
_ROWS, _COLUMNS = 4, 2


@dataclass(frozen=True, eq=False, repr=False)
class ShortcutDigits:
    """Images (N, 1, 8, 8) float32 with a sticker in the corner, and the same images without it or with another one.

    ``train`` and ``test`` carry the sticker of their own class, as such data would be collected; ``removed`` are the test images without
    a sticker, ``swapped`` the test images with the sticker of another class. ``repaired`` are the training images with stickers drawn at
    random. ``train_labels`` and ``test_labels`` (N,) int64 are the digits; ``mark`` (8, 8) bool says which pixels the sticker covers.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    removed: Tensor
    swapped: Tensor
    repaired: Tensor
    mark: Tensor

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.shortcut.shown", train=tuple(self.train.shape), test=tuple(self.test.shape))


@loader
def shortcut_digits(*, seed: int = 0, device: torch.device | str | None = None) -> ShortcutDigits:
    """Load the real digits with a sticker of 4 × 2 pixels in the upper left corner, on which the class is written in binary.

    The four rows of the sticker are the binary digits of ``label + 1``, the lowest first: full ink for 1, paper for 0. A model can
    therefore be right without a look at the digit, in training and on the ordinary ``test`` images. How much it relies on the sticker
    shows where the sticker is missing (``removed``) or that of another class (``swapped``). In ``repaired`` it says nothing about the
    label. ``seed`` draws the stickers of ``swapped`` and ``repaired``. Your own seeds are left alone. An argument that does not fit raises
    a ``ValueError``.

    Source: the images of ``dlviz.data.digits``; shortcuts of this kind in real data in S. Lapuschkin et al., Unmasking Clever Hans
    predictors and assessing what machines really learn, Nature Communications 10, 2019, https://doi.org/10.1038/s41467-019-08987-4.

    >>> from dlviz.data import shortcut_digits
    >>> data = shortcut_digits()
    >>> data.train.shape, data.test.shape, int(data.mark.sum())
    (torch.Size([1438, 1, 8, 8]), torch.Size([359, 1, 8, 8]), 8)
    >>> data.train_labels[0], data.train[0, 0, :4, 0]  # 3 + 1 is 0100, the lowest digit first
    (tensor(3), tensor([0., 0., 1., 0.]))
    """
    random = seeded_generator("shortcut_digits", seed)
    (train, train_labels), (test, test_labels) = digits("train", device="cpu"), digits("test", device="cpu")
    steps = torch.randint(1, 10, test_labels.shape, generator=random, device="cpu")  # 1 to 9 classes further
    drawn = torch.randint(10, train_labels.shape, generator=random, device="cpu")
    mark = torch.zeros(test.shape[-2:], dtype=torch.bool, device="cpu")
    mark[:_ROWS, :_COLUMNS] = True
    parts = {
        "train": _with_sticker(train, train_labels),
        "train_labels": train_labels,
        "test": _with_sticker(test, test_labels),
        "test_labels": test_labels,
        "removed": test,
        "swapped": _with_sticker(test, (test_labels + steps) % 10),
        "repaired": _with_sticker(train, drawn),
        "mark": mark,
    }
    return ShortcutDigits(**{name: on_device(part, device) for name, part in parts.items()})


def _with_sticker(images: Tensor, classes: Tensor) -> Tensor:
    """Return images whose corner shows these classes."""
    bits = (classes[:, None] + 1) >> torch.arange(_ROWS, device="cpu") & 1  # (N, 4)
    marked = images.clone()
    marked[:, 0, :_ROWS, :_COLUMNS] = bits[:, :, None].to(images)
    return marked
