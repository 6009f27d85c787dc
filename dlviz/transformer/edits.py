"""What if: another mask, no scale, heads held at 0 or keys in another order, in one attention call."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_tensor
from dlviz.transformer.attention_call import AttentionCall


@dataclass(frozen=True, eq=False)
class Edits:
    """What differs from a call.

    Attributes:
        causal: ``True`` hides from each query what comes after it, ``False`` shows it, ``None`` leaves that as it is.
        mask: replaces the mask of all sequences and heads, boolean (L, S), ``True`` = may attend; `causal` is applied after it.
        scale: ``False`` leaves q·k unscaled.
        zeroed_heads: heads whose result is held at 0.
        key_seed: exchanges the keys of all positions, the values staying where they are, in a random order with this seed.
    """

    causal: bool | None = None
    mask: Any = field(default=None, repr=False)
    scale: bool = True
    zeroed_heads: frozenset[int] = frozenset()
    key_seed: int | None = None

    def of_heads(self, first: int, count: int) -> "Edits":
        """Return the edits for `count` heads from the head `first` on, numbered from 0."""
        return replace(self, zeroed_heads=frozenset(h - first for h in self.zeroed_heads if 0 <= h - first < count))


def edited_call(call: AttentionCall, edits: Edits) -> AttentionCall:
    """Return what a call would compute with edits; in training with other weights dropped.

    Raises:
        DlvizError: an edit does not fit the call.

    Example:
        >>> from dlviz.transformer import record
        >>> q, k, v = torch.randn(3, 1, 2, 4, 5)
        >>> call = record(F.scaled_dot_product_attention, q, k, v).calls[0]
        >>> edited_call(call, Edits(zeroed_heads=frozenset({1}))).heads[0, 1].abs().max().item()
        0.0
    """
    check_edits(edits, call)
    mask = call.mask if edits.mask is None else as_tensor(edits.mask)
    mask = None if mask is None else mask.to(call.query.device)
    fill, mask = call.fill, _with_causal(mask, edits.causal, call)
    if mask is not None and call.mask is None:
        fill = -torch.inf
    query, scale = call.query, call.scale
    if not edits.scale:
        query, scale = query / call.prescale, 1.0
    key = call.key
    if edits.key_seed is not None:
        order = torch.randperm(call.shape[3], generator=torch.Generator().manual_seed(edits.key_seed))
        key = key[:, :, order.to(key.device)]
    made = replace(call, query=query, key=key, mask=mask, fill=fill, scale=scale, given_weights=None)
    heads = _heads(made, zero=call.kind == "sdpa" or (call.kind == "multihead" and call.given_weights is None))
    made = replace(made, prescale=call.prescale if edits.scale else 1.0, heads=heads)
    weights = made.weights
    heads = made.heads.index_fill(1, torch.tensor(sorted(edits.zeroed_heads), device=key.device, dtype=torch.long), 0.0)
    made = replace(made, heads=heads, given_weights=weights if call.kind == "softmax" else None)
    joined = made.joined
    return replace(made, output=joined if made.output_projection is None else F.linear(joined, *made.output_projection))


def check_edits(edits: Edits, call: AttentionCall) -> None:
    """Check that edits fit a call.

    Raises:
        DlvizError: there is no such head, or the mask has another shape or dtype.
    """
    _, h, length, s = call.shape
    if any(head not in range(h) for head in edits.zeroed_heads):
        raise DlvizError(message("transformer.refused.head", count=h, last=h - 1, got=sorted(edits.zeroed_heads)))
    mask = edits.mask if edits.mask is None else as_tensor(edits.mask)
    if edits.mask is not None and (mask is None or tuple(mask.shape) != (length, s) or mask.dtype != torch.bool):
        got = type(edits.mask).__name__ if mask is None else f"{mask.dtype} {tuple(mask.shape)}"
        raise DlvizError(message("transformer.refused.mask", queries=length, keys=s, got=got))


def _with_causal(mask: Tensor | None, causal: bool | None, call: AttentionCall) -> Tensor | None:
    """Return the mask with what comes after each query hidden or shown. What the last query may not attend to stays hidden from all."""
    _, _, length, s = call.shape
    if causal is None or (mask is None and not causal):
        return mask
    past = max(s - call.extra_keys - length, 0)  # keys from a cache come before the first query
    before = torch.ones(length, s, dtype=torch.bool, device=call.query.device).tril(past)
    if call.extra_keys:
        before[:, -call.extra_keys :] = True
    if not causal:
        assert mask is not None
        return torch.where(before, mask, mask[..., -1:, :])
    if mask is None:
        return before
    return mask & before if mask.dtype == torch.bool else mask.masked_fill(~before, -torch.inf)


def _heads(call: AttentionCall, zero: bool) -> Tensor:
    """Return weights · value with the call's dropout; rows without a key are 0 or, as softmax makes them, NaN."""
    weights = call.masked_scores.softmax(-1)
    weights = weights.masked_fill(call.dead_rows[..., None], 0.0) if zero else weights
    return F.dropout(weights, call.dropout) @ call.grouped(call.value)
