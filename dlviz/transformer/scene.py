"""A record of attention calls as a JSON-able picture: one open head with all its stages, and what is said about it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.blocks import block, to_array
from dlviz.transformer.head import one_head, one_sample
from dlviz.transformer.record import Record
from dlviz.transformer.tiles import summaries

#: Numbers of the joined heads and of the output that are sent in full: they are as wide as the model, not as one head.
MAX_WIDE = 16_384
#: Matrices whose row is that of the selected key, not of the query.
_OF_KEY = ("key", "value")


def stages(call: AttentionCall) -> list[str]:
    """Return the stages that the player goes through."""
    names = ["project", "scores", "scale", "mask", "softmax", "values", "join", "output"]
    missing = {
        "mask": call.mask is None,
        "join": call.shape[1] == 1,
        "output": call.output_projection is None,
    }
    return [name for name in names if not missing.get(name)]


def matrices(call: AttentionCall, sample: int, head: int) -> dict[str, Tensor]:
    """Return the matrices of a head by name.

    They are query (L, D), key (S, D), value (S, D_v), products, masked and weights (L, S), output (L, D_v), where there are several heads
    joined (L, H · D_v), and where there is an output projection projected (L, E).
    """
    one = one_head(call, sample, head)
    stacked = {
        "query": one.query,
        "key": one.key,
        "value": one.value,
        "products": one.products,
        "masked": one.masked_scores,
        "weights": one.weights,
        "output": one.heads,
    }
    found = {name: tensor[0, 0] for name, tensor in stacked.items()}
    found |= {"joined": one_sample(call, sample).joined[0]} if call.shape[1] > 1 else {}
    return found | ({"projected": call.output[sample]} if call.output_projection is not None else {})


def scene(
    record: Record,
    found: Mapping[str, Tensor],
    opened: tuple[int, int, int],
    tokens: tuple[list[str], list[str]],
    name: str,
    kind: str,
) -> dict[str, Any]:
    """Return everything the view draws of the open head.

    Args:
        record: all calls.
        found: the matrices of the open head.
        opened: index of the call, of the head, and of the sequence in the batch.
        tokens: names of the queries and of the keys.
        name: the learner's variable.
        kind: what was called.
    """
    number, h, sample = opened
    call = one_sample(record.calls[number], sample)
    blocks = _blocks(call, found)
    entropies, distances = summaries(one_head(call, 0, h))
    mask = call.mask
    return {
        "call": number,
        "head": h,
        "sample": sample,
        "calls": len(record.calls),
        "heads": call.shape[1],
        "samples": record.calls[number].shape[0],
        "dtype": "float64" if found["query"].dtype == torch.float64 else "float32",
        "query_tokens": tokens[0],
        "key_tokens": tokens[1],
        "stages": stages(call),
        "scale": float(call.scale),
        "dropout": float(call.dropout),
        "blocks": blocks,
        "mask": None if mask is None else "bool" if mask.dtype == torch.bool else "float",
        "hidden": _hidden(call),
        "adds_bias": _adds_bias(call),
        "mask_text": mask_text(call),
        "name": call_name(call, number),
        "entropy": float(entropies[0]),
        "distance": None if distances is None else float(distances[0]),
        "signature": message("transformer.signature", name=name, kind=kind, count=len(record.calls)),
        "badge": badge(call),
        "notes": notes(call, h, blocks),
        "summary": summary(found["weights"], call_name(call, number), h, tokens),
    }


def _blocks(call: AttentionCall, found: Mapping[str, Tensor]) -> dict[str, Any]:
    blocks = {name: block(one, MAX_WIDE if name in ("joined", "projected") else None) for name, one in found.items()}
    # The strongest color is that of a score, not of what a mask writes in its place.
    blocks["masked"] |= {"max": blocks["products"]["max"] * abs(call.scale)} if call.mask is not None else {}
    return blocks


def _hidden(call: AttentionCall) -> float | None:
    """Return the score up to which a pair counts as taken out by the mask; ``None`` for −∞."""
    if call.mask is None or (call.mask.dtype == torch.bool and call.fill == -torch.inf):
        return None
    return float(call.fill) if call.mask.dtype == torch.bool else torch.finfo(call.mask.dtype).min / 2


def _adds_bias(call: AttentionCall) -> bool:
    """Return whether the mask changes scores without taking their pairs out, as a bias by distance does."""
    if call.mask is None or call.mask.dtype == torch.bool:
        return False
    return bool((call.mask.isfinite() & (call.mask != 0) & (call.mask > (_hidden(call) or -torch.inf))).any())


def row(found: Mapping[str, Tensor], query: int, key: int, blocks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of one query that the blocks hold only binned, with the key's own; empty if all are in full.

    Args:
        found: the matrices.
        query, key: indices.
        blocks: those of the scene.
    """
    rows = {
        name: to_array(found[name][key if name in _OF_KEY else query]) for name, one in blocks.items() if one["bins"]
    }
    return {"query": query, "key": key, "rows": rows} if rows else {}


def call_name(call: AttentionCall, number: int) -> str:
    """Return the name of a call: the module's path, or its number."""
    return call.name or message("transformer.call", number=number)


def mask_text(call: AttentionCall) -> str:
    """Return what the mask is, in words; "" without one."""
    if call.mask is None:
        return ""
    sources = " + ".join(message(f"transformer.mask_source.{key}") for key in (call.mask_source or "edited").split("+"))
    causal = call.is_causal and call.mask_source != "causal"
    return message(f"transformer.{'causal_mask' if causal else 'mask'}", source=sources)


def badge(call: AttentionCall) -> dict[str, str]:
    """Return how far the drawn numbers lie from what torch returned."""
    error = call.max_error
    if error != error:
        return {"kind": "", "text": message("transformer.badge_unknown")}
    eps = torch.finfo(call.heads.dtype).eps
    finite = call.output[call.output.isfinite()]
    good = error <= 100 * eps * max(1.0, float(finite.abs().max()) if finite.numel() else 0.0)
    text = message("transformer.badge", off=f"{error:.1e}" if error else "0")
    return {"kind": "good" if good else "bad", "text": text}


def notes(call: AttentionCall, head: int, blocks: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what the reader has to know: rows without any key, dropout, and matrices too large to be drawn in full."""
    found = []
    dead = call.dead_rows[0, head].nonzero().flatten().tolist()
    if dead:
        who = message(f"transformer.note.{'dead_row' if len(dead) == 1 else 'dead_rows'}", rows=_listed(dead))
        found.append({"kind": "bad", "text": message(f"transformer.note.dead_{call.dead_result}", dead=who)})
    if call.mask is not None and call.mask.is_floating_point() and _is_zeros_and_ones(call.mask):
        found.append({"kind": "warn", "text": message("transformer.note.zeros_and_ones")})
    if call.dropout:
        found.append({"kind": "warn", "text": message("transformer.note.dropout", p=f"{call.dropout:g}")})
    weights = blocks["weights"]
    if weights["bins"]:
        shape, bins = (" × ".join(map(str, size)) for size in (weights["shape"], weights["bins"]))
        found.append({"kind": "", "text": message("transformer.note.binned", shape=shape, bins=bins)})
    if not bool(call.query.isfinite().all() and call.key.isfinite().all()):
        found.append({"kind": "bad", "text": message("transformer.note.nonfinite")})
    return found


def _is_zeros_and_ones(mask: Tensor) -> bool:
    """Return whether a mask of floats holds both 0 and 1 and nothing else: it was probably meant as a boolean one."""
    return bool(((mask == 0) | (mask == 1)).all() and (mask == 0).any() and (mask == 1).any())


def _listed(indices: Sequence[int], most: int = 8) -> str:
    return ", ".join(map(str, indices[:most])) + (", …" if len(indices) > most else "")


def summary(weights: Tensor, name: str, head: int, tokens: tuple[list[str], list[str]]) -> str:
    """Return one sentence for readers who do not see the picture."""
    i, j = divmod(int(weights.nan_to_num().argmax()), weights.shape[1])
    return message(
        "transformer.summary",
        name=name,
        head=head,
        queries=len(tokens[0]),
        keys=len(tokens[1]),
        query=f"{i} ({tokens[0][i]})",
        key=f"{j} ({tokens[1][j]})",
        weight=f"{float(weights[i, j]):.3g}",
    )
