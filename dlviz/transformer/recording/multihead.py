"""What ``F.multi_head_attention_forward`` computes, stage by stage, from its arguments."""

import inspect
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlviz.torchkit.model_copies import GeneratorStates, generators_restored
from dlviz.transformer.attention_call import AttentionCall, causal_mask, in_dtype, is_causal, masked

_PARAMETERS = inspect.signature(F.multi_head_attention_forward)


def multihead_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``F.multi_head_attention_forward`` by name, defaults included."""
    bound = _PARAMETERS.bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def multihead_call(name: str, given: Mapping[str, Any], returned: Any, start: GeneratorStates | None) -> AttentionCall:
    """Return a call of ``F.multi_head_attention_forward``, which ``nn.MultiheadAttention`` makes; its tensors are (L, N, E).

    Args:
        name: name of the call.
        given: its arguments; a boolean mask that torch's module has turned into a float one is given as it was.
        returned: what it returned.
        start: states of the random generators before the call, if it used dropout.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
    """
    h = given["num_heads"]
    x = [given[one] if given[one].dim() == 3 else given[one][:, None] for one in ("query", "key", "value")]
    q, k, v = _projected(x, given)
    k, v, extra = _extended(k, v, given)
    q, k, v = (one.unflatten(-1, (h, -1)).permute(1, 2, 0, 3) for one in (q, k, v))  # (L, N, E) -> (N, H, L, D)
    if given["static_k"] is not None:
        k = given["static_k"].unflatten(0, (-1, h))
    if given["static_v"] is not None:
        v = given["static_v"].unflatten(0, (-1, h))
    mask, source = _mask(given, q, k.shape[2], extra)
    output, weights = returned[0].clone(), returned[1]
    batched = given["query"].dim() == 3
    dropout = given["dropout_p"] if given["training"] else 0.0
    return AttentionCall(
        name=name,
        kind="multihead",
        query=q,
        key=k,
        value=v,
        mask=None if mask is None else mask.clone(),
        mask_source=source,
        scale=q.shape[-1] ** -0.5,
        dropout=dropout,
        heads=_heads(q, k, v, mask, dropout, given["need_weights"], start),
        output=output.transpose(0, 1) if batched else output[None],
        output_projection=in_dtype(output.dtype, given["out_proj_weight"], given["out_proj_bias"]),
        given_weights=None if weights is None else (weights if batched else weights[None]).clone(),
        extra_keys=extra,
    )


def multihead_return(call: AttentionCall, given: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
    """Return what ``F.multi_head_attention_forward`` would have returned for a call, in its own layout."""
    batched = given["query"].dim() == 3
    weights = call.weights.mean(1) if given["average_attn_weights"] else call.weights
    output = call.output.transpose(0, 1) if batched else call.output[0]
    return output, (weights if batched else weights[0]) if given["need_weights"] else None


def _heads(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float, weighted: bool, start: GeneratorStates | None
) -> Tensor:
    """Return the heads (N, H, L, D) on the path that torch takes with and without ``need_weights``, with the same weights dropped."""
    with generators_restored(start) if start else nullcontext():
        if not weighted:
            return F.scaled_dot_product_attention(q, k, v, mask, dropout)
        scores = masked(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5, mask)
        return F.dropout(scores.softmax(-1), dropout) @ v


def _projected(x: Sequence[Tensor], given: Mapping[str, Any]) -> list[Tensor]:
    """Return q, k and v, each (length, N, E)."""
    biases = [None] * 3 if given["in_proj_bias"] is None else given["in_proj_bias"].chunk(3)
    own = given["use_separate_proj_weight"]
    weights = [given[f"{one}_proj_weight"] for one in "qkv"] if own else given["in_proj_weight"].chunk(3)
    return [F.linear(one, w, b) for one, w, b in zip(x, weights, biases, strict=True)]


def _extended(k: Tensor, v: Tensor, given: Mapping[str, Any]) -> tuple[Tensor, Tensor, int]:
    """Return keys and values with the learned ones and the zeros that torch appends, and how many those are."""
    n, extra = k.shape[1], 0
    if given["bias_k"] is not None:
        k, v = torch.cat([k, given["bias_k"].repeat(1, n, 1)]), torch.cat([v, given["bias_v"].repeat(1, n, 1)])
        extra += 1
    if given["add_zero_attn"]:
        zeros = k.new_zeros(1, n, k.shape[2])
        k, v = torch.cat([k, zeros]), torch.cat([v, zeros])
        extra += 1
    return k, v, extra


def _mask(given: Mapping[str, Any], q: Tensor, s: int, extra: int) -> tuple[Tensor | None, str]:
    """Return the joint mask, (N, H, L, S) or broadcast to it, and the keys of its sources."""
    n, h, length = q.shape[:3]
    mask, padding = given["attn_mask"], given["key_padding_mask"]
    if given["is_causal"] and padding is None and not given["need_weights"]:
        # Torch takes the hint and leaves attn_mask unread, even if that says something else.
        before = causal_mask(length, s, q.device)
        if not is_causal(~mask if mask.dtype == torch.bool else mask, length, s - extra):
            return before, "causal"
        return before, "drop" if mask.dtype == torch.bool else "added"
    masks, sources = [], []
    if mask is not None:
        masks.append(mask if mask.dim() == 2 else mask.reshape(n, h, length, -1) if mask.shape[0] > 1 else mask[None])
        sources.append("drop" if mask.dtype == torch.bool else "added")
    if padding is not None:
        masks.append((padding if padding.dim() == 2 else padding[None])[:, None, None])
        sources.append("padding" if padding.dtype == torch.bool else "padding_added")
    if not masks:
        return None, ""
    masks = [F.pad(one, (0, extra)) for one in masks]
    if all(one.dtype == torch.bool for one in masks):
        return ~masks[0] if len(masks) == 1 else ~(masks[0] | masks[1]), "+".join(sources)
    added = [
        one if one.dtype != torch.bool else torch.zeros_like(one, dtype=q.dtype).masked_fill(one, -torch.inf)
        for one in masks
    ]
    return added[0] if len(added) == 1 else added[0] + added[1], "+".join(sources)
