"""What ``F.scaled_dot_product_attention`` computes, stage by stage, from its arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall, causal_mask

_PARAMETERS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")


def sdpa_call(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], output: Tensor) -> AttentionCall:
    """Return a call of ``F.scaled_dot_product_attention``.

    Of inputs with three dimensions the first is the batch, of those with more than four all before the heads are.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
    """
    given = dict(zip(_PARAMETERS, args, strict=False)) | dict(kwargs)
    q, k, v = given["query"], given["key"], given["value"]
    batch = output.shape[:-2]
    scale, mask, source = given.get("scale"), given.get("attn_mask"), ""
    if given.get("is_causal"):
        mask, source = causal_mask(q.shape[-2], k.shape[-2], q.device), "causal"
    elif mask is not None:
        mask, source = with_heads(mask.clone(), batch), "keep" if mask.dtype == torch.bool else "added"
    heads = with_heads(output.clone(), batch)
    return AttentionCall(
        name=name,
        kind="sdpa",
        query=with_heads(q.expand(*batch, *q.shape[-2:]).clone(), batch),
        key=_grouped(k, batch, bool(given.get("enable_gqa"))),
        value=_grouped(v, batch, bool(given.get("enable_gqa"))),
        mask=mask,
        mask_source=source,
        scale=q.shape[-1] ** -0.5 if scale is None else float(scale),
        dropout=given.get("dropout_p") or 0.0,
        heads=heads,
        output=heads.transpose(1, 2).flatten(2),
    )


def _grouped(x: Tensor, batch: torch.Size, gqa: bool) -> Tensor:
    """Return keys or values, which may have fewer heads than the batch says, as (N, G, S, D)."""
    own = torch.Size([*batch[:-1], x.shape[-3]]) if gqa and x.dim() > 2 else batch
    return with_heads(x.expand(*own, *x.shape[-2:]).clone(), own)


def with_heads(x: Tensor, batch: Sequence[int]) -> Tensor:
    """Return a tensor whose shape is, or broadcasts to, (*batch, length, features) as (N, H, length, features), or broadcast to it.

    Example:
        >>> [tuple(with_heads(torch.zeros(*batch, 5, 6), batch).shape) for batch in ((), (2,), (2, 3), (2, 3, 4))]
        [(1, 1, 5, 6), (2, 1, 5, 6), (2, 3, 5, 6), (6, 4, 5, 6)]
    """
    last = x.shape[-2:]
    x = x[(None,) * (len(batch) + 2 - x.dim())]
    if all(size == 1 for size in x.shape[:-2]):
        return x.reshape(1, 1, *last)
    if len(batch) == 1:
        return x[:, None]
    return x if len(batch) == 2 else x.expand(*batch, *last).reshape(-1, batch[-1], *last)


def without_heads(x: Tensor, batch: Sequence[int]) -> Tensor:
    """Return (N, H, length, features) in the shape (*batch, length, features) that it had."""
    return x.reshape(*batch, *x.shape[-2:])
