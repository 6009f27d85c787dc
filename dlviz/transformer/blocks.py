"""Matrices as blocks of a picture: every number while there are few, else the number of largest size in each bin."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

#: Numbers of a matrix that is sent in full.
MAX_NUMBERS = 65_536
#: Largest number of rows or columns of bins.
MAX_BINS = 360
#: Codes of bins that hold no finite number; the others are 128 ± 126 · √(abs(value) / max): most weights are far below the largest.
_MASKED, _NAN = 0, 1


def block(values: Tensor, most: int | None = None) -> dict[str, Any]:
    """Return a matrix as the view draws it.

    Args:
        values: (rows, columns).
        most: how many numbers are sent in full, :data:`MAX_NUMBERS` by default.

    Returns:
        ``shape``, ``max`` (the largest finite size), ``numbers``, and ``bins``: ``None`` if ``numbers`` are the matrix itself, else the
        shape of the binned picture, whose bytes are 128 ± 126 · √(|value| / max), 0 for −∞ and 1 for NaN.

    Example:
        >>> found = block(torch.tensor([[1.0, -2.0]]))
        >>> found["shape"], found["max"], found["bins"], found["numbers"].tolist()
        ([1, 2], 2.0, None, [[1.0, -2.0]])
    """
    rows, columns = values.shape
    finite = torch.where(values.isfinite(), values, 0)
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    found = {"shape": [rows, columns], "max": largest}
    if values.numel() <= (most or MAX_NUMBERS):
        return {**found, "bins": None, "numbers": to_array(values)}
    picture = binned(values, min(rows, MAX_BINS), min(columns, MAX_BINS))
    share = picture.double() / (largest or 1)
    codes = (128 + 126 * share.sign() * share.abs().sqrt()).round().clamp(2, 254)
    codes = codes.masked_fill(picture == -torch.inf, _MASKED).masked_fill(picture.isnan(), _NAN)
    return {**found, "bins": list(picture.shape), "numbers": codes.to(torch.uint8).cpu().numpy()}


def binned(values: Tensor, rows: int, columns: int) -> Tensor:
    """Return (…, rows, columns) with the number of largest size in each bin; −∞ only where a bin holds nothing else."""
    if values.shape[-2:] == (rows, columns):
        return values
    flat = values.reshape(1, -1, *values.shape[-2:]).float()
    high = F.adaptive_max_pool2d(flat, (rows, columns))
    low = -F.adaptive_max_pool2d(-flat.masked_fill(flat == -torch.inf, torch.inf), (rows, columns))
    return torch.where((low.abs() > high.abs()) & low.isfinite(), low, high).reshape(*values.shape[:-2], rows, columns)


def to_array(values: Tensor) -> np.ndarray:
    """Return a float64 array of a float64 tensor, else a float32 array: both hold the tensor's numbers exactly."""
    values = values if values.dtype == torch.float64 else values.float()
    return np.asarray(values.contiguous().cpu().numpy())
