"""Spans of a sequence in which the same units are active, as in LSTMVis."""

from torch import Tensor

#: A step is similar if at least this fraction of the span's active units is active there.
MATCH_FRACTION = 0.75


def active_units(h: Tensor, first: int, last: int, threshold: float) -> dict[int, int]:
    """Return the units beyond the threshold on one side throughout a span, with the side: 1 above, −1 below.

    Args:
        h: (T, units).
        first, last: the span, both ends included.
        threshold: at least 0.

    Example:
        >>> import torch
        >>> active_units(torch.tensor([[0.9, -0.8, 0.1], [0.7, -0.6, 0.9]]), 0, 1, 0.5)
        {0: 1, 1: -1}
    """
    span = h[first : last + 1]
    above, below = (span >= threshold).all(0), (span <= -threshold).all(0)
    return {u: 1 if above[u] else -1 for u in range(h.shape[1]) if above[u] or below[u]}


def similar_spans(h: Tensor, first: int, last: int, threshold: float) -> list[tuple[int, int]]:
    """Return the other spans in which three of four units that are active in the given span are active on the same side.

    Args:
        h, first, last, threshold: as for :func:`active_units`.

    Returns:
        First and last position of each span, both included.

    Source:
        Strobelt et al. 2016, LSTMVis (arXiv 1606.07461)

    Example:
        >>> import torch
        >>> similar_spans(torch.tensor([[0.9], [0.1], [0.8], [0.7]]), 0, 0, 0.5)
        [(2, 3)]
    """
    units = active_units(h, first, last, threshold)
    if not units:
        return []
    signed = h[:, list(units)] * h.new_tensor(list(units.values()))
    matches = ((signed >= threshold).sum(1) >= MATCH_FRACTION * len(units)).tolist()
    matches[first : last + 1] = [False] * (last + 1 - first)
    spans, start = [], None
    for t, match in enumerate([*matches, False]):
        if match and start is None:
            start = t
        elif not match and start is not None:
            spans.append((start, t - 1))
            start = None
    return spans
