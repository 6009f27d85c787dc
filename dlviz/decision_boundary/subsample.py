"""Which points are drawn, and numbers as the view takes them."""

import math

import numpy as np
import torch
from torch import Tensor

#: So many points are drawn.
POINTS = 2000


def kept(count: int) -> Tensor:
    """Numbers of the points that are drawn."""
    return torch.arange(0, count, thinned(count))


def thinned(count: int) -> int:
    """Every how many-th point is drawn."""
    return max(1, math.ceil(count / POINTS))


def single(values: Tensor) -> np.ndarray:
    """Numbers as the view takes them: single precision, in the order of their rows."""
    return values.detach().cpu().float().contiguous().numpy()
