"""Energy distance: how far two samples are from coming from one distribution."""

import torch
from torch import Tensor

#: Rows of each sample that are compared at most: their distances take time and memory with the square of it.
MAX_ROWS = 2000


def energy_distance(x: Tensor, y: Tensor) -> float:
    """Return the energy distance of samples x (N, ...) and y (M, ...): 2 E|X - Y| - E|X - X'| - E|Y - Y'|.

    It is 0 for two samples of one distribution, apart from chance, which may make it slightly negative, and larger the more they differ;
    its unit is that of the data. Of more than 2,000 rows evenly spaced ones are taken.

    Source: G. Szekely and M. Rizzo, Energy statistics, Journal of Statistical Planning and Inference 143, 2013, the unbiased form.

    Example:
        >>> energy_distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[5.0], [6.0]]))
        8.0
    """
    x, y = _rows(x), _rows(y)
    between = torch.cdist(x, y).mean()
    return float(2 * between - _mean_distance(x) - _mean_distance(y))


def _rows(x: Tensor) -> Tensor:
    flat = x.detach().reshape(len(x), -1).double()
    if len(flat) <= MAX_ROWS:
        return flat
    return flat[torch.linspace(0, len(flat) - 1, MAX_ROWS).long()]


def _mean_distance(x: Tensor) -> Tensor:
    """Return the mean distance of two different rows; 0 of a single row."""
    count = len(x)
    # cdist of a sample with itself may be slightly above 0 on the diagonal, where it computes with products.
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.sum() / max(1, count * (count - 1))
