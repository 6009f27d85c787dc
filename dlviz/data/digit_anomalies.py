"""Digits as they should be, and ones that differ in a known way, for anomaly detection."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.data.digits import digits
from dlviz.data.validation import loader, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Side of the square of pixels that is replaced.
_PATCH = 3


@dataclass(frozen=True, eq=False, repr=False)
class DigitAnomalies:
    """Images (N, 1, 8, 8) float32 to train on and to test with.

    ``train`` are normal images; ``normal`` other normal ones, which no training has seen; ``anomalies`` (K · M, 1, 8, 8) what should be
    found; ``labels`` (K · M,) int64 the kind of each anomaly, and ``kinds`` their names.
    """

    train: Tensor
    normal: Tensor
    anomalies: Tensor
    labels: Tensor
    kinds: tuple[str, ...]

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        shapes = {name: tuple(getattr(self, name).shape) for name in ("train", "normal", "anomalies")}
        return message("data.anomalies.shown", **shapes, kinds=", ".join(self.kinds))


@loader
def digit_anomalies(*, held_out: int = 4, seed: int = 0, device: torch.device | str | None = None) -> DigitAnomalies:
    """Load the real digits except one for training, and for testing normal images beside anomalies of five kinds.

    ``held_out`` is the digit that ``train`` and ``normal`` lack. The anomalies are, in equal numbers: images of that digit; and images of
    ``normal`` turned by 90 degrees, without their lower half, with a square of 3 × 3 pixels replaced by random ink, and with ink and
    paper exchanged. ``seed`` decides which images are changed, and how. Your own seeds are left alone. An argument that does not fit
    raises a ``ValueError``.

    Source: the images of ``dlviz.data.digits``; a held-out class as an anomaly as in L. Ruff et al., Deep one-class classification, 2018.

    >>> from dlviz.data import digit_anomalies
    >>> made = digit_anomalies()
    >>> made.train.shape, made.anomalies.shape, made.kinds
    (torch.Size([1293, 1, 8, 8]), torch.Size([180, 1, 8, 8]), ('held-out digit', 'turned', 'half missing', 'patch', 'inverted'))
    """
    if not is_integer(held_out) or not 0 <= held_out <= 9:
        raise DlvizError(message("data.anomalies.held_out", value=repr(held_out)))
    random = seeded_generator("digit_anomalies", seed)
    (train, train_labels), (test, test_labels) = digits("train"), digits("test")
    normal, unseen = test[test_labels != held_out], test[test_labels == held_out]
    makers = {"turned": _turned, "half": _half_missing, "patch": _patched, "inverted": _inverted}
    sets = [unseen]
    for make in makers.values():
        chosen = normal[torch.randperm(len(normal), generator=random, device="cpu")[: len(unseen)]]
        sets.append(make(chosen, random))
    kinds = tuple(message(f"data.anomalies.{kind}") for kind in ("unseen", *makers))
    labels = torch.arange(len(sets)).repeat_interleave(len(unseen))
    known = train[train_labels != held_out]
    return DigitAnomalies(
        on_device(known, device),
        on_device(normal, device),
        on_device(torch.cat(sets), device),
        on_device(labels, device),
        kinds,
    )


def _turned(images: Tensor, _: Any) -> Tensor:
    return images.rot90(1, (-2, -1))


def _half_missing(images: Tensor, _: Any) -> Tensor:
    made = images.clone()
    made[..., images.shape[-2] // 2 :, :] = 0
    return made


def _inverted(images: Tensor, _: Any) -> Tensor:
    return 1 - images


def _patched(images: Tensor, random: torch.Generator) -> Tensor:
    made = images.clone()
    last = images.shape[-1] - _PATCH + 1
    corners = torch.randint(last, (len(images), 2), generator=random, device="cpu").tolist()
    # Ink in steps of 1/16, as in the images.
    ink = torch.randint(17, (len(images), _PATCH, _PATCH), generator=random, device="cpu") / 16
    for image, (row, column), patch in zip(made, corners, ink, strict=True):
        image[0, row : row + _PATCH, column : column + _PATCH] = patch
    return made
