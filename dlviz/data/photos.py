"""Photos as tensors: the two that scikit-learn ships, and the learner's own."""

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.data.validation import is_one_of, loader
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

_SHIPPED = ("china", "flower")
#: Brightest value of each integer type; 0 is black.
_BRIGHTEST = {"bool": 1, "uint8": 255, "uint16": 65535}


@loader
def photo(name: str) -> Tensor:
    """Load a color photo that scikit-learn ships, ``"china"`` or ``"flower"``: (3, 427, 640) float32 in [0, 1]; no download.

    Each call gives a fresh tensor. Another ``name`` raises a ``ValueError``.

    Source: "china" by danielbuechele, "flower" by vultilion, both on Flickr (CC BY 2.0), through
    ``sklearn.datasets.load_sample_image``.

    >>> from dlviz.data import photo
    >>> photo("china").shape
    torch.Size([3, 427, 640])
    """
    if not is_one_of(name, _SHIPPED):
        raise DlvizError(message("data.photos.name", value=repr(name)))
    from sklearn.datasets import load_sample_image  # imported here because it takes a second

    return _tensor(load_sample_image(f"{name}.jpg"))


@loader
def picture(source: Any) -> Tensor:
    """Load a picture of your own as (C, H, W) float32 in [0, 1], with C = 1 for gray and 3 for color.

    ``source`` is the path of an image file, a PIL image, or an array (H, W) or (H, W, C) with C = 1, 3 or 4: uint8, uint16 or
    bool, or floats in [0, 1]. A file is turned the way its camera was held, its see-through parts are laid on white, and of
    moving pictures the first is taken; an array keeps its channels. Anything else raises a ``ValueError``.

    >>> import numpy as np
    >>> from dlviz.data import picture
    >>> picture(np.full((2, 3, 3), 255, dtype=np.uint8)).shape
    torch.Size([3, 2, 3])
    """
    if isinstance(source, np.ndarray):
        return _tensor(source)
    from PIL import Image  # imported here because few lessons need it

    if isinstance(source, Image.Image):
        return _tensor(_pixels(source))
    if not isinstance(source, str | os.PathLike):
        raise DlvizError(message("data.photos.source", kind=type(source).__name__))
    try:
        with Image.open(os.path.expanduser(source)) as opened:
            return _tensor(_pixels(opened))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's own words for a damaged file
        raise DlvizError(message("data.photos.unreadable", path=source, error=error)) from error


def _pixels(image: Any) -> np.ndarray:
    """Return the pixels of a PIL image, rotated upright: (H, W) gray or (H, W, 3) color."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    color = "L" if image.mode in ("L", "LA") else "RGB"
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return np.asarray(white.convert(color))
    if image.mode in ("1", "F"):
        return np.asarray(image)
    if image.mode.startswith("I"):  # 16 bits; some formats hand them over as 32
        deep = np.asarray(image)
        narrow = deep.astype(np.uint16)
        return narrow if (narrow == deep).all() else deep
    return np.asarray(image.convert(color))


def _tensor(pixels: np.ndarray) -> Tensor:
    """Convert (H, W) or (H, W, C) to (C, H, W) float32 in [0, 1], as a copy."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or pixels.size == 0:
        raise DlvizError(message("data.photos.shape", shape=pixels.shape))
    brightest = _BRIGHTEST.get(pixels.dtype.name)
    if brightest is None and pixels.dtype.kind != "f":
        raise DlvizError(message("data.photos.dtype", dtype=pixels.dtype))
    if brightest is None and not (pixels.min() >= 0 and pixels.max() <= 1):  # so written, a nan is refused too
        raise DlvizError(message("data.photos.range", low=f"{pixels.min():g}", high=f"{pixels.max():g}"))
    scaled = pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(brightest or 1)
    return torch.from_numpy(np.ascontiguousarray(scaled))
