"""The learner's examples as a tensor, and what one of them is: an image, a series or the row of a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer, list_of_texts
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

KINDS = ("image", "series", "row")
#: Rows of more numbers than this are drawn as a series, unless their features have names.
MAX_ROW = 16
#: Both axes of an image in a batch (N, H, W) have at least this size; other batches of that form are series.
_MIN_SIDE = 6


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of one kind.

    Attributes:
        x: the examples (N, …), as the encoder gets them.
        kind: "image", "series" or "row".
        shape: channels, height and width of an image; channels and length of a series; the number of features of a row.
        features: names of a row's features, empty for other kinds.
        time_first: whether a series is (T, C) in `x` rather than (C, T).
        targets: what the reconstructions are compared with, (N, …), where that is not `x` itself.
    """

    x: Tensor
    kind: str
    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    time_first: bool = False
    targets: Tensor | None = None

    @property
    def compared(self) -> Tensor:
        """What the reconstructions are compared with, (N, …): the targets if there are any, else `x`."""
        return self.x if self.targets is None else self.targets

    def __len__(self) -> int:
        return len(self.x)

    def arranged(self, values: Tensor) -> Tensor:
        """Return values of examples (M, …) as (M, *shape), float64 on the CPU."""
        flat = values.detach().cpu().double()
        if self.time_first:
            flat = flat.reshape(len(flat), self.shape[1], self.shape[0]).transpose(1, 2)
        return flat.reshape(len(flat), *self.shape)

    def with_targets(self, values: Any) -> "Examples":
        """Return these examples with targets: data of the same shape, row by row, or ``None`` for none.

        Raises:
            DlvizError: they are no such numbers.
        """
        if values is None:
            return self
        targets = self.others(values, "compare_with")
        if len(targets) != len(self):
            shapes = {"expected": tuple(self.x.shape), "got": tuple(targets.shape)}
            raise DlvizError(message("latent_space.refused.same_shape", name="compare_with", **shapes))
        return replace(self, targets=targets)

    def others(self, values: Any, name: str) -> Tensor:
        """Return other examples of the same form, (M, …), with dtype and device of these.

        Raises:
            DlvizError: they are no such numbers.
        """
        found = as_plain_tensor(getattr(values, "points", values))
        if found is None or found.is_complex():
            got = kind_of_data(values) if found is None else found.dtype
            raise DlvizError(message("latent_space.refused.data", name=name, got=got))
        if tuple(found.shape[1:]) != tuple(self.x.shape[1:]) or not len(found):
            expected = "(M, " + ", ".join(map(str, self.x.shape[1:])) + ")"
            raise DlvizError(
                message("latent_space.refused.same_shape", name=name, expected=expected, got=tuple(found.shape))
            )
        return found.to(self.x)


def check_examples(
    data: Any,
    *,
    kind: str = "auto",
    image_shape: Sequence[int] | None = None,
    features: Sequence[Any] | None = None,
    like: Tensor | None = None,
) -> Examples:
    """Return the learner's data as examples of one kind.

    Args:
        data: images (N, C, H, W) or (N, H, W), series (N, T), (N, C, T) or (N, T, C), or rows (N, D).
        kind: "image", "series", "row", or "auto" for what the shape suggests.
        image_shape: (H, W) or (C, H, W) of images that are given as rows.
        features: names of a row's features; those of a table's columns by default.
        like: a parameter of the model. Numbers that are no floating-point tensor get its dtype, those that are no tensor its device too.

    Raises:
        DlvizError: they are no numbers of such a shape, or an option does not fit them.

    Example:
        >>> check_examples(torch.rand(5, 64), image_shape=(8, 8)).shape, check_examples([[1.0, 2.0], [3.0, 4.0]]).kind
        ((1, 8, 8), 'row')
    """
    data = getattr(data, "points", data)  # of a data set of dlviz.data
    x = as_plain_tensor(data)
    if x is None or x.is_complex():
        got = kind_of_data(data) if x is None else x.dtype
        raise DlvizError(message("latent_space.refused.data", name="data", got=got))
    if x.dim() < 2 or x.numel() == 0:
        raise DlvizError(message("latent_space.refused.shape", got=tuple(x.shape)))
    if not isinstance(kind, str) or kind not in ("auto", *KINDS):
        raise DlvizError(message("latent_space.refused.kind", got=repr(kind)[:60]))
    if not (isinstance(data, Tensor) and x.is_floating_point()):
        dtype = torch.get_default_dtype() if like is None else like.dtype
        device = x.device if like is None or isinstance(data, Tensor) else like.device
        x = x.to(device, dtype)
    is_table = features is None and not isinstance(data, Tensor)
    if is_table:
        features = getattr(data, "columns", None)  # of a table of pandas
    names = None if features is None else tuple(list_of_texts(features, "latent_space.refused.feature_names"))
    sizes = None if image_shape is None else _image_sizes(image_shape, math.prod(x.shape[1:]))
    found = _kind(x, sizes, names) if kind == "auto" else kind
    for option, value, fits in (("image_shape", image_shape, "image"), ("features", features, "row")):
        if value is not None and found != fits and not (option == "features" and is_table):
            raise DlvizError(message("latent_space.refused.option", option=option, fits=fits, kind=found))
    if found == "image":
        return Examples(x, found, sizes or _as_image(x))
    if found == "series":
        return _series(x)
    if x.dim() != 2:
        raise DlvizError(message("latent_space.refused.row", got=tuple(x.shape)))
    if names is not None and len(names) != x.shape[1]:
        raise DlvizError(message("latent_space.refused.features", count=x.shape[1], got=len(names)))
    return Examples(x, "row", (x.shape[1],), names or tuple(f"x{k}" for k in range(x.shape[1])))


def _kind(x: Tensor, sizes: tuple[int, ...] | None, names: tuple[str, ...] | None) -> str:
    """Return the kind that the shape suggests."""
    if sizes is not None or x.dim() == 4:
        return "image"
    if x.dim() == 3:
        return "image" if min(x.shape[1:]) >= _MIN_SIDE else "series"
    return "row" if x.dim() == 2 and (names is not None or x.shape[1] <= MAX_ROW) else "series"


def _as_image(x: Tensor) -> tuple[int, ...]:
    sizes = (1, *x.shape[1:]) if x.dim() == 3 else tuple(x.shape[1:])
    if len(sizes) != 3 or sizes[0] not in (1, 3):
        raise DlvizError(message("latent_space.refused.image", got=tuple(x.shape)))
    return sizes


def _series(x: Tensor) -> Examples:
    if x.dim() > 3:
        raise DlvizError(message("latent_space.refused.series", got=tuple(x.shape)))
    if x.dim() == 2:
        return Examples(x, "series", (1, x.shape[1]))
    time_first = x.shape[1] > x.shape[2]
    channels, length = (x.shape[2], x.shape[1]) if time_first else (x.shape[1], x.shape[2])
    return Examples(x, "series", (channels, length), time_first=time_first)


def _image_sizes(image_shape: Any, numbers: int) -> tuple[int, ...]:
    try:
        sizes = tuple(image_shape)
    except Exception:  # an object of another library may raise anything
        sizes = ()
    is_shape = len(sizes) in (2, 3) and all(is_integer(size) and size > 0 for size in sizes)
    full = (1, *sizes) if len(sizes) == 2 else sizes
    if not is_shape or full[0] not in (1, 3) or math.prod(full) != numbers:
        raise DlvizError(message("latent_space.refused.image_shape", numbers=numbers, got=repr(image_shape)[:60]))
    return tuple(map(int, full))
