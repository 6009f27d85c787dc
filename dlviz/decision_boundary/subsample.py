"""Subsample of the data points that are drawn, and tensors as float32 arrays for the view."""

import math

import numpy as np
import torch
from torch import Tensor

#: Data points that are drawn at most.
MAX_POINTS = 2000


def subsample(count: int) -> Tensor:
    """Return the indices of the data points that are drawn."""
    return torch.arange(0, count, point_stride(count))


def point_stride(count: int) -> int:
    """Return the stride between drawn data points."""
    return max(1, math.ceil(count / MAX_POINTS))


def float32(values: Tensor) -> np.ndarray:
    """Return `values` as a row-major float32 array."""
    return values.detach().cpu().float().contiguous().numpy()
