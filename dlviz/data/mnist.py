"""MNIST and Fashion-MNIST as tensors: downloaded once, checked, then read from the cache; a part of Fashion-MNIST is shipped."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlviz.data import idx_format
from dlviz.data.registry import remote
from dlviz.data.remote import fetch
from dlviz.data.validation import is_one_of, loader
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: The first images and labels of Fashion-MNIST's files, in files of the same names and format.
_SMALL = Path(__file__).with_name("fashion_mnist_small")


class Mnist(NamedTuple):
    """Grayscale images and their labels; unpacks as ``images, labels``.

    ``images`` (N, 1, 28, 28) float32, from 0 (background) to 1 in steps of 1/255; ``labels`` (N,) int64, 0 to 9.
    """

    images: Tensor
    labels: Tensor

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return tuple(str(digit) for digit in range(10))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        images, labels = tuple(self.images.shape), tuple(self.labels.shape)
        return message("data.mnist.shown", kind=type(self).__name__, images=images, labels=labels)


class FashionMnist(Mnist):
    """Grayscale images of clothes, shoes and bags, in MNIST's format; unpacks as ``images, labels``."""

    __slots__ = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label, from "T-shirt/top" to "Ankle boot"."""
        return tuple(message(f"data.fashion.{label}") for label in range(10))


@loader
def mnist(split: str = "train", *, device: torch.device | str | None = None) -> Mnist:
    """Load MNIST, handwritten digits of 28 by 28 pixels: ``"train"`` (60,000) or ``"test"`` (10,000), in the files' order.

    The first call downloads 10 MB (train) or 2 MB (test), checks them and keeps them in a cache; no later call needs the
    internet. Without any, set ``DLVIZ_DATA`` to a folder that holds the files, or to the address of a mirror. Each call gives
    fresh tensors, on ``device`` if given. Another ``split``, or a download that fails, raises a ``ValueError``.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998 (CC BY-SA 3.0).

    >>> from dlviz.data import mnist
    >>> images, labels = mnist("test")  # doctest: +SKIP
    >>> images.shape, labels.dtype  # doctest: +SKIP
    (torch.Size([10000, 1, 28, 28]), torch.int64)
    >>> mnist("valid")
    Traceback (most recent call last):
        ...
    dlviz.kit.errors.DlvizError: mnist: split must be "train" or "test", but got 'valid'.
    """
    return Mnist(*_tensors("mnist", *_downloaded("mnist", split), device))


@loader
def fashion_mnist(
    split: str = "train", *, small: bool = False, device: torch.device | str | None = None
) -> FashionMnist:
    """Load Fashion-MNIST, clothes of 28 by 28 pixels: ``"train"`` (60,000) or ``"test"`` (10,000), in the files' order.

    With ``small=True`` only the first 2,000 training or the first 1,000 test images are given. They are shipped with dlviz, so that
    nothing is downloaded. Otherwise the first call downloads 26 MB (train) or 4 MB (test), as described for ``mnist``.
    ``classes`` names the ten labels. Another ``split``, or another ``small`` than True or False, raises a ``ValueError``.

    Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms,
    2017, https://arxiv.org/abs/1708.07747 (MIT).

    >>> from dlviz.data import fashion_mnist
    >>> data = fashion_mnist("test", small=True)
    >>> data.images.shape, data.classes[data.labels[0]]
    (torch.Size([1000, 1, 28, 28]), 'Ankle boot')
    >>> fashion_mnist("valid")
    Traceback (most recent call last):
        ...
    dlviz.kit.errors.DlvizError: fashion_mnist: split must be "train" or "test", but got 'valid'.
    """
    if not isinstance(small, bool):
        raise DlvizError(message("data.fashion.small", value=repr(small)))
    files = _shipped(split) if small else _downloaded("fashion-mnist", split)
    return FashionMnist(*_tensors("fashion-mnist", *files, device))


def _downloaded(collection: str, split: str) -> tuple[Path, Path]:
    """Return the paths of the images and of the labels, after a download if necessary."""
    images, labels = _names(collection, split)
    return fetch(remote(collection, images)), fetch(remote(collection, labels))


def _shipped(split: str) -> tuple[Path, Path]:
    """Return the paths of the images and of the labels of the small Fashion-MNIST."""
    images, labels = _names("fashion-mnist", split)
    return _SMALL / images, _SMALL / labels


def _names(collection: str, split: str) -> tuple[str, str]:
    if not is_one_of(split, ("train", "test")):
        raise DlvizError(message("data.mnist.split", call=collection.replace("-", "_"), value=repr(split)))
    stem = {"train": "train", "test": "t10k"}[split]
    return f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz"


def _tensors(
    collection: str, images_file: Path, labels_file: Path, device: torch.device | str | None
) -> tuple[Tensor, Tensor]:
    gray, labels = idx_format.read(images_file, dims=3), idx_format.read(labels_file, dims=1)
    if len(gray) != len(labels):
        raise DlvizError(message("data.mnist.unmatched", collection=collection, images=len(gray), labels=len(labels)))
    images = torch.from_numpy(
        np.divide(gray[:, None], 255, dtype=np.float32)
    )  # on the CPU: the same bits for every device
    return images.to(device), torch.from_numpy(labels.astype(np.int64)).to(device)
