"""Checks of what the learner passes to denoise(): the network, the data, their classes, and the limits of the plane."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.diffusion.noise_model import NoiseModel
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.validation import class_names, is_integer, list_of_texts
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.labels import class_table, indices_of, list_of_names, whole_labels
from dlviz.torchkit.plane import Limits, check_limits

#: Examples of the data that distances are computed with, and of those how many are drawn, as points or as images.
MAX_ROWS, MAX_POINTS, MAX_IMAGES = 1000, 300, 32
#: Classes that have a color or shape of their own.
MAX_CLASSES = 25
#: Bytes that drawn images take together with their predicted data and noise, and the number of moments for which there should be room.
MAX_VALUES, _MOMENTS = 1_000_000, 21
#: Most pixels along a side of an image.
MAX_SIDE = 256


@dataclass(frozen=True, eq=False)
class Inputs:
    """The learner's network and data, checked.

    Attributes:
        model: the network.
        x: up to :data:`MAX_ROWS` examples, evenly spaced, (R, 2) or (R, C, H, W), with dtype and device of the network.
        noise: the noise that is added to each, shape of `x`.
        normal: other standard normal numbers, shape of `x`, to compare the noisiest data with.
        labels: their classes (R,), ``None`` without classes.
        classes: the names of the classes.
        drawn: which of the examples are drawn, (P,).
        count: how many examples there are in all.
        is_plane: whether they are points of the plane.
        limits: left, right, bottom and top of the plane.
        names: the learner's variable names of model and data.
    """

    model: NoiseModel
    x: Tensor
    noise: Tensor
    normal: Tensor
    labels: Tensor | None
    classes: list[str]
    drawn: Tensor
    count: int
    is_plane: bool
    limits: Limits
    names: tuple[str, str]


def check_model(model: Any) -> Any:
    """Return the network, of a compiled one the original.

    Raises:
        DlvizError: it cannot be called.
    """
    if not callable(model) or isinstance(model, type):
        raise DlvizError(message("diffusion.refused.callable", got=type(model).__name__))
    return getattr(model, "_orig_mod", model) if isinstance(model, nn.Module) else model


def check_data(data: Any) -> Tensor:
    """Return points (N, 2) or images (N, C, H, W).

    Raises:
        DlvizError: the data are neither.
    """
    data = getattr(data, "points", data)  # of a data set of dlviz.data
    x = as_plain_tensor(data)
    if x is None:
        raise DlvizError(message("diffusion.refused.data", got=kind_of_data(data)))
    is_image = x.ndim in (3, 4) and all(1 <= side <= MAX_SIDE for side in x.shape[-2:]) and x.numel() > 0
    if not (is_image or (x.ndim == 2 and x.shape[1] == 2 and len(x))):
        raise DlvizError(message("diffusion.refused.data_shape", side=MAX_SIDE, got=tuple(x.shape)))
    # A list of whole numbers is what somebody types; whole numbers in a tensor or an array are pixels that were not scaled.
    dtype = getattr(data, "dtype", x.dtype if x.is_complex() else None)
    if dtype is not None and not str(dtype).removeprefix("torch.").startswith(("float", "bfloat")):
        raise DlvizError(message("diffusion.refused.data_dtype", got=dtype))
    if not bool((x.double().abs() < 1e12).all()):
        raise DlvizError(message("diffusion.refused.data_finite"))
    return x


def check_inputs(
    model: NoiseModel,
    data: Tensor,
    labels: Any,
    classes: Sequence[Any] | None,
    limits: Any,
    seed: int,
    names: tuple[str, str],
) -> Inputs:
    """Return the checked inputs; of many examples evenly spaced ones.

    Raises:
        DlvizError: an argument does not fit.
    """
    rows = torch.tensor(evenly_spaced(len(data), MAX_ROWS))
    like, is_plane = model.like(data), data.ndim == 2
    x = data[rows.to(data.device)].to(like)
    # Not the numbers from which a walk of the same seed starts.
    generator = torch.Generator().manual_seed(int(seed) + 1)
    noise, normal = (torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device) for _ in range(2))
    ids, table = check_labels(labels, classes, len(data))
    drawn = torch.tensor(evenly_spaced(len(x), MAX_POINTS if is_plane else image_count(x[0])))
    both = torch.cat((x, noise))[:, :2] if is_plane else x.new_zeros(0, 2)
    frame = check_limits(limits, both, "diffusion.refused.limits")
    ids = None if ids is None else ids[rows]
    return Inputs(model, x, noise, normal, ids, table, drawn, len(data), is_plane, frame, names)


def drawn_size(item: Tensor) -> int:
    """Return how many bytes an image of the shape of `item` takes as it is drawn, or how many numbers a point."""
    return min(item.numel(), 3 * 32 * 32)


def image_count(item: Tensor) -> int:
    """Return how many images of the shape of `item` are drawn: fewer of large ones.

    Example:
        >>> image_count(torch.zeros(1, 8, 8)), image_count(torch.zeros(1, 28, 28)), image_count(torch.zeros(3, 64, 64))
        (32, 20, 8)
    """
    return max(8, min(MAX_IMAGES, MAX_VALUES // (3 * _MOMENTS * drawn_size(item))))


def check_labels(labels: Any, classes: Sequence[Any] | None, count: int) -> tuple[Tensor | None, list[str]]:
    """Return the class of each example as int64 (N,), and the names of the classes.

    Raises:
        DlvizError: they do not fit.
    """
    names = None if classes is None else list_of_texts(classes, "diffusion.refused.classes_kind")
    if labels is None:
        if classes is not None:
            raise DlvizError(message("diffusion.refused.classes_alone"))
        return None, []
    ids = whole_labels("denoise: labels", labels)
    if ids is None:
        items = list_of_names("denoise: labels", labels)
        names = class_table(items) if names is None else names
        ids = indices_of("denoise: labels", items, names)
    ids = ids.squeeze(1) if ids.ndim == 2 and ids.shape[1] == 1 else ids
    if ids.ndim != 1 or len(ids) != count:
        raise DlvizError(message("diffusion.refused.labels_shape", count=count, got=tuple(ids.shape)))
    wrong = ids[(ids < 0) | (ids >= MAX_CLASSES)]
    if len(wrong):
        raise DlvizError(message("diffusion.refused.labels_range", last=MAX_CLASSES - 1, got=int(wrong[0])))
    size = int(ids.max()) + 1 if names is None else max(len(names), 1)
    if int(ids.max()) >= size:
        raise DlvizError(message("diffusion.refused.classes", count=int(ids.max()) + 1, got=size))
    return ids, class_names(names, size, "diffusion.refused.classes")


def check_y(y: Any, inputs: Inputs, count: int) -> Tensor:
    """Return the class id of each row, (N,), of ids or names, or of one for all rows.

    Raises:
        DlvizError: they do not fit, or the network takes no classes.
    """
    if inputs.labels is None:
        raise DlvizError(message("diffusion.refused.y_alone"))
    y = [y] * count if isinstance(y, str) or (is_integer(y) and -(2**31) <= y < 2**31) else y
    ids = whole_labels("denoise: y", y)
    if ids is None:
        ids = indices_of("denoise: y", list_of_names("denoise: y", y), inputs.classes)
    if ids.shape != (count,):
        raise DlvizError(message("diffusion.refused.y_rows", count=count, got=tuple(ids.shape)))
    return ids.to(inputs.x.device)


def check_null(null: Any, labels: Any, classes: Sequence[str]) -> int | None:
    """Return the class id that means "no class".

    Raises:
        DlvizError: it is neither a whole number nor the name of a class.
    """
    if null is None:
        return None
    if labels is None:
        raise DlvizError(message("diffusion.refused.null_alone"))
    if isinstance(null, str) and null in classes:
        return list(classes).index(null)
    if not is_integer(null) or not -(2**31) <= null < 2**31:
        raise DlvizError(message("diffusion.refused.null", got=repr(null)[:80]))
    return int(null)
