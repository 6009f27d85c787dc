"""How inputs and attribution maps are drawn: images as bytes, maps of many pixels as half floats, and the limits of their colors."""

from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

Array = np.ndarray[Any, np.dtype[Any]]

#: Pixels along a side of a picture, and of one of several inputs; larger images are shrunk by averaging areas.
MAX_SIDE, THUMBNAIL = 224, 64
#: Maps of more numbers travel as half floats, and the strongest color is that of this quantile.
_MANY, _QUANTILE = 4096, 0.995


def drawn_size(size: tuple[int, int], side: int = MAX_SIDE) -> tuple[int, int]:
    """Return the size (H, W) in which an image is drawn.

    Example:
        >>> drawn_size((8, 8)), drawn_size((448, 300))
        ((8, 8), (224, 150))
    """
    factor = max(1.0, max(size) / side)
    return round(size[0] / factor) or 1, round(size[1] / factor) or 1


def shrunk(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Return images or maps (N, …, H, W), averaged over areas if they are larger than (H, W)."""
    if maps.shape[-2:] == size or not maps.numel():
        return maps
    flat = maps.reshape(-1, 1, *maps.shape[-2:]).double()
    return F.interpolate(flat, size, mode="area").reshape(*maps.shape[:-2], *size)


def value_range(x: Tensor) -> tuple[float, float]:
    """Return the numbers that are drawn black and white: 0 and 1 of images between them, 0 and 255 of bytes, else the ends."""
    finite = x[x.isfinite()]
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 1.0)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= 255 and bool((finite == finite.round()).all()):
        return 0.0, 255.0
    return low, high if high > low else low + 1.0


def image_bytes(x: Tensor, size: tuple[int, int], limits: tuple[float, float]) -> Array:
    """Return images (N, C, H, W) as bytes (N, c, h, w), with c = 3 for three channels, else 1, the mean of all channels."""
    low, high = limits
    drawn = x.detach().cpu().double()
    drawn = shrunk(drawn if drawn.shape[1] in (1, 3) else drawn.mean(1, keepdim=True), size)
    return np.nan_to_num(((drawn - low) / (high - low) * 255).numpy()).clip(0, 255).round().astype(np.uint8)


def encoded(values: Tensor) -> dict[str, Any]:
    """Return the numbers of one map for the view: float32, or of many half floats and the `scale` that they are multiples of."""
    plain = values.detach().double().cpu().numpy()
    if plain.size <= _MANY:
        return {"values": plain.astype(np.float32), "scale": 0.0}
    finite = np.abs(plain[np.isfinite(plain)])
    scale = float(finite.max()) if finite.size else 0.0
    scale = scale or 1.0
    return {"values": (plain / scale).astype(np.float16).view(np.uint16), "scale": scale}


def shades(values: Tensor, limit: float) -> Array:
    """Return the numbers of a map that is only looked at as shades of its color, int8 from −127 to 127 at the limit; −128 for NaN.

    Example:
        >>> import torch
        >>> shades(torch.tensor([0.5, -2.0, float("nan")]), 1.0).tolist()
        [64, -127, -128]
    """
    plain = values.detach().double().cpu().numpy()
    shown = np.rint(np.nan_to_num(plain / (limit or 1.0)).clip(-1, 1) * 127)
    return np.where(np.isfinite(plain), shown, -128).astype(np.int8)


def color_limit(values: Tensor) -> float:
    """Return the number of the strongest color: the largest magnitude, or of many numbers the 99.5% quantile of the magnitudes."""
    sizes = values.detach().double().abs().flatten()
    sizes = sizes[sizes.isfinite()]
    if not len(sizes):
        return 0.0
    most = float(sizes.max())
    if len(sizes) <= _MANY // 4:
        return most
    # A map that is zero almost everywhere keeps its few numbers.
    return float(np.quantile(sizes.cpu().numpy(), _QUANTILE)) or most


def strongest_places(strengths: Tensor, count: int = 1) -> list[tuple[int, ...]]:
    """Return the places of the largest numbers of a map, the largest first.

    Example:
        >>> import torch
        >>> strongest_places(torch.tensor([[0.0, 3.0], [5.0, 1.0]]), 2)
        [(1, 0), (0, 1)]
    """
    order = strengths.nan_to_num(nan=-1.0).flatten().argsort(descending=True, stable=True)[:count]
    return [tuple(int(at) for at in np.unravel_index(k, tuple(strengths.shape))) for k in order.tolist()]
