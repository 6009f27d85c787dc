"""Small pictures of every head of every call, with its entropy and how far back it looks."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.blocks import binned
from dlviz.transformer.head import one_sample
from dlviz.transformer.head_summaries import distance_back, entropy
from dlviz.transformer.record import Record

#: Rows and columns of a tile.
TILE = 24


def tiles(record: Record, sample: int) -> list[dict[str, Any]]:
    """Return a description of each call: its name and for each head a picture of its weights, entropy and distance.

    Args:
        record: the calls.
        sample: index in the batch.
    """
    return [_call_tiles(one_sample(call, min(sample, call.shape[0] - 1))) for call in record.calls]


def _call_tiles(call: AttentionCall) -> dict[str, Any]:
    _, heads, length, count = call.shape
    small = binned(call.weights[0].nan_to_num(), min(TILE, length), min(TILE, count)).double()
    codes = 255 * small / small.amax((1, 2), keepdim=True).clamp_min(1e-30)
    entropies, distances = summaries(call)
    return {
        "name": call.name,
        "heads": heads,
        "queries": length,
        "keys": count,
        "shape": list(small.shape[1:]),
        "pictures": codes.round().to(torch.uint8).cpu().numpy(),
        "entropy": _numbers(entropies),
        "distance": None if distances is None else _numbers(distances),
    }


def summaries(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
    """Return entropy in nats and distance back of each head, (H,); no distance where queries and keys are no one sequence.

    Several queries at the end of a longer sequence, as with a cache, have a mask.
    """
    _, _, length, count = call.shape
    keys = count - call.extra_keys
    entropies = _head_means(entropy(call.weights), call.dead_rows)
    if length > keys or call.name.endswith("multihead_attn") or (1 < length < keys and call.mask is None):
        return entropies, None
    return entropies, _head_means(distance_back(call), call.dead_rows)


def _head_means(rows: Tensor, dead_rows: Tensor) -> Tensor:
    """Return the mean of each head over its queries, those without any key left out: (1, H, L) → (H,)."""
    return rows[0].masked_fill(dead_rows[0], torch.nan).nanmean(1)


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.float().cpu().numpy())
