"""Stretches of a sequence in which the same units are on: what LSTMVis asks a state."""

from torch import Tensor

#: Of the units that are on through the chosen span so many must be on elsewhere for a step to count as similar.
SHARE = 0.75


def on(h: Tensor, first: int, last: int, threshold: float) -> dict[int, int]:
    """The units beyond the threshold on one side all through a span, and which side: 1 above, −1 below.

    Args:
        h: (T, units).
        first, last: the span, both ends included.
        threshold: from 0.

    Example:
        >>> on(torch.tensor([[0.9, -0.8, 0.1], [0.7, -0.6, 0.9]]), 0, 1, 0.5)
        {0: 1, 1: -1}
    """
    part = h[first : last + 1]
    above, below = (part >= threshold).all(0), (part <= -threshold).all(0)
    return {u: 1 if above[u] else -1 for u in range(h.shape[1]) if above[u] or below[u]}


def similar(h: Tensor, first: int, last: int, threshold: float) -> list[tuple[int, int]]:
    """Stretches outside the span in which three of four units that are on in it are on, on the same side; both ends included.

    Args:
        h, first, last, threshold: as for :func:`on`.

    Source:
        Strobelt et al. 2016, LSTMVis (arXiv 1606.07461)

    Example:
        >>> similar(torch.tensor([[0.9], [0.1], [0.8], [0.7]]), 0, 0, 0.5)
        [(2, 3)]
    """
    units = on(h, first, last, threshold)
    if not units:
        return []
    signed = h[:, list(units)] * h.new_tensor(list(units.values()))
    alike = ((signed >= threshold).sum(1) >= SHARE * len(units)).tolist()
    alike[first : last + 1] = [False] * (last + 1 - first)
    found, start = [], None
    for t, yes in enumerate([*alike, False]):
        if yes and start is None:
            start = t
        elif not yes and start is not None:
            found.append((start, t - 1))
            start = None
    return found
