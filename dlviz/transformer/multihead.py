"""What ``F.multi_head_attention_forward`` computes, stage by stage, from its arguments."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall

_PARAMETERS = inspect.signature(F.multi_head_attention_forward)


def multihead_call(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], returned: Any) -> AttentionCall:
    """Return a call of ``F.multi_head_attention_forward``, which ``nn.MultiheadAttention`` makes; its tensors are (L, N, E).

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
    """
    bound = _PARAMETERS.bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    h = given["num_heads"]
    x = [given[one] if given[one].dim() == 3 else given[one][:, None] for one in ("query", "key", "value")]
    q, k, v = _projected(x, given)
    k, v, extra = _extended(k, v, given)
    q, k, v = (one.unflatten(-1, (h, -1)).permute(1, 2, 0, 3) for one in (q, k, v))  # (L, N, E) -> (N, H, L, D)
    mask, source = _mask(given, q, k.shape[2], extra)
    scale = q.shape[-1] ** -0.5
    scores = q @ k.transpose(-2, -1) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    output = returned[0] if returned[0].dim() == 3 else returned[0][:, None]
    return AttentionCall(
        name=name,
        kind="multihead",
        query=q,
        key=k,
        value=v,
        mask=mask,
        mask_source=source,
        scale=scale,
        dropout=given["dropout_p"] if given["training"] else 0.0,
        heads=scores.softmax(-1) @ v,
        output=output.transpose(0, 1),
        output_projection=(given["out_proj_weight"], given["out_proj_bias"]),
    )


def _projected(x: Sequence[Tensor], given: Mapping[str, Any]) -> list[Tensor]:
    """Return q, k and v, each (length, N, E)."""
    biases = [None] * 3 if given["in_proj_bias"] is None else given["in_proj_bias"].chunk(3)
    if given["use_separate_proj_weight"]:
        weights = [given[f"{one}_proj_weight"] for one in "qkv"]
    else:
        weights = given["in_proj_weight"].chunk(3)
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
    """Return the joint mask, (N, H, L, S) or broadcast to it, and where it comes from."""
    n, h, length = q.shape[:3]
    masks, sources = [], []
    mask = given["attn_mask"]
    if mask is not None:
        mask = mask.reshape(n, h, length, -1) if mask.dim() == 3 else mask
        masks.append(mask)
        sources.append(
            "causal"
            if given["is_causal"]
            else "attn_mask, True = drop"
            if mask.dtype == torch.bool
            else "attn_mask, added"
        )
    padding = given["key_padding_mask"]
    if padding is not None:
        masks.append((padding if padding.dim() == 2 else padding[None])[:, None, None])
        sources.append("key_padding_mask, True = drop")
    if not masks:
        return None, ""
    masks = [F.pad(one, (0, extra)) for one in masks]
    if all(one.dtype == torch.bool for one in masks):
        keep = ~masks[0] if len(masks) == 1 else ~(masks[0] | masks[1])
        return keep, " + ".join(sources)
    added = [
        one if one.dtype != torch.bool else torch.zeros_like(one, dtype=q.dtype).masked_fill(one, -torch.inf)
        for one in masks
    ]
    return added[0] if len(added) == 1 else added[0] + added[1], " + ".join(sources)
