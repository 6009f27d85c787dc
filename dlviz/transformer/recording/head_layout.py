"""How the heads of a call are joined: where each number of a reshaped tensor stood in the heads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall, in_dtype


@dataclass(frozen=True, eq=False)
class JoinedHeads:
    """A tensor that holds the heads of a call side by side.

    Attributes:
        order: which entries of the flattened (N, H) of the call are the heads of each sequence, (N, H).
        rows: which row of the flattened tensor belongs to each sequence and query, (N, L).
        columns: where each number of each head stands in a row, (H · D,).
    """

    order: Tensor
    rows: Tensor
    columns: Tensor


def join(index: Tensor, shape: Sequence[int]) -> JoinedHeads | None:
    """Return how heads are joined in a tensor; ``None`` if its last dimension does not hold all numbers of one query.

    Args:
        index: for each number of the tensor its position in the flattened heads, (…, H · D).
        shape: of the heads, (N, H, L, D).

    Example:
        >>> heads = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
        >>> found = join(heads.transpose(1, 2).flatten(2), heads.shape)
        >>> found.order.tolist(), found.rows.tolist()
        ([[0, 1, 2], [3, 4, 5]], [[0, 1, 2, 3], [4, 5, 6, 7]])
    """
    batch, length, size = shape[0] * shape[1], shape[2], shape[3]
    features = index.shape[-1] if index.dim() else 0
    if not features or features % size or index.numel() != batch * length * size:
        return None
    flat = index.reshape(-1, features)
    first, place = flat[0] // (length * size), flat[0] % size
    seen = list(dict.fromkeys(first.tolist()))
    rank = torch.tensor([seen.index(one) for one in first.tolist()], device=index.device)
    columns = torch.argsort(rank * size + place)
    arranged = flat[:, columns].unflatten(1, (-1, size))  # (rows, H, D)
    start = arranged[:, :, :1]
    heads, query = start[..., 0] // (length * size), start[..., 0] // size % length
    if not torch.equal(arranged, start + torch.arange(size, device=index.device)) or (query != query[:, :1]).any():
        return None
    order = torch.unique(heads, dim=0)
    if order.shape[0] * order.shape[1] != batch:
        return None
    sequence = (heads[:, :1] == order[:, 0]).float().argmax(1)
    rows = torch.argsort(sequence * length + query[:, 0]).unflatten(0, (-1, length))
    return JoinedHeads(order, rows, columns)


def rearranged(call: AttentionCall, order: Tensor) -> AttentionCall:
    """Return a call with the entries of its flattened (N, H) in another order (N, H); a grouped one as it is."""
    same = torch.equal(order.flatten(), torch.arange(order.numel(), device=order.device))
    if (same and order.shape == call.shape[:2]) or call.key.shape[1] != call.query.shape[1]:
        return call
    n, h, length, s = call.shape

    def moved(x: Tensor) -> Tensor:
        return x.flatten(0, 1)[order]

    mask = call.mask
    if mask is not None and mask.shape[:-2].numel() > 1:
        mask = moved(mask.expand(n, h, length, s))
    heads = moved(call.heads)
    return replace(
        call,
        query=moved(call.query),
        key=moved(call.key),
        value=moved(call.value),
        mask=mask,
        heads=heads,
        output=heads.transpose(1, 2).flatten(2),
        given_weights=None if call.given_weights is None else moved(call.given_weights),
    )


def projected(
    call: AttentionCall, joined: JoinedHeads, weight: Tensor, bias: Tensor | None, output: Tensor
) -> AttentionCall:
    """Return a call with the output projection of its joined heads, whose weight is (E, H · D), and that one's result."""
    made = output.reshape(-1, output.shape[-1])[joined.rows]
    return replace(call, output=made, output_projection=in_dtype(call.heads.dtype, weight[:, joined.columns], bias))


def merged_heads(name: str, calls: Sequence[AttentionCall]) -> AttentionCall | None:
    """Return calls of one head each, or of a few, as one call with all heads; ``None`` if they do not fit."""
    first = calls[0]
    for one in calls:
        same = (one.kind, one.mask_source, one.scale, one.prescale, one.dropout, one.fill, one.shape[2:])
        if same != (
            first.kind,
            first.mask_source,
            first.scale,
            first.prescale,
            first.dropout,
            first.fill,
            first.shape[2:],
        ):
            return None
        if one.shape[0] != first.shape[0] or one.key.shape[:2] != one.query.shape[:2]:
            return None
        if one.query.shape[3] != first.query.shape[3] or one.value.shape[3] != first.value.shape[3]:
            return None
    heads = torch.cat([one.heads for one in calls], 1)
    masks = [one.mask for one in calls if one.mask is not None]
    mask = masks[0] if masks else None
    if mask is not None and not all(torch.equal(mask, one) for one in masks):
        mask = torch.cat([one.mask.expand(one.shape) for one in calls if one.mask is not None], 1)
    weights = [one.given_weights for one in calls if one.given_weights is not None]
    return replace(
        first,
        name=name,
        query=torch.cat([one.query for one in calls], 1),
        key=torch.cat([one.key for one in calls], 1),
        value=torch.cat([one.value for one in calls], 1),
        mask=mask,
        heads=heads,
        output=heads.transpose(1, 2).flatten(2),
        given_weights=torch.cat(weights, 1) if len(weights) == len(calls) else None,
    )


def merged_index(indices: Sequence[Tensor], shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return positions in the heads of several calls, (N, H_p, L, D), as positions in those of the merged call, (N, ΣH_p, L, D)."""
    total, before, made = sum(shape[1] for shape in shapes), 0, []
    for index, (_, h, length, size) in zip(indices, shapes, strict=True):
        block = length * size
        n, head, rest = index // (h * block), index // block % h, index % block
        made.append((n * total + head + before) * block + rest)
        before += h
    return made
