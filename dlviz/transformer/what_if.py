"""What if: edits of attention calls as a list that travels to the browser and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.edits import Edits
from dlviz.transformer.record import Record

#: Kinds of entries, each with how many numbers follow the kind.
KINDS = {"causal": 1, "scale": 1, "head": 1, "keys": 1, "pair": 2}


def check_entries(entries: Sequence[Any], shapes: Sequence[tuple[int, int, int, int]]) -> list[list[Any]]:
    """Return entries sorted and without duplicates.

    Args:
        entries: lists ``[call, kind, …]``: ``[0, "causal", 1]`` adds a causal mask and 0 removes it, ``[0, "scale", 0]`` leaves the scale
            out, ``[0, "head", 2]`` holds head 2 at 0, ``[0, "keys", 7]`` shuffles the keys with the seed 7, and ``[0, "pair", 3, 1]`` flips
            whether query 3 may attend to key 1.
        shapes: (N, H, L, S) of every call.

    Raises:
        DlvizError: an entry is something else.

    Example:
        >>> check_entries([[0, "scale", 0], [0, "head", 1]], [(1, 2, 4, 4)])
        [[0, 'head', 1], [0, 'scale', 0]]
    """
    for entry in entries:
        if not _fits(entry, shapes):
            raise DlvizError(message("transformer.refused.edit", got=repr(entry)[:80]))
    unique = {(entry[0], entry[1], *entry[2:]) for entry in entries}
    return sorted([list(entry) for entry in unique])


def _fits(entry: Any, shapes: Sequence[tuple[int, int, int, int]]) -> bool:
    if not isinstance(entry, (list, tuple)) or len(entry) < 2 or not isinstance(entry[1], str):
        return False
    call, kind, *numbers = entry
    if len(numbers) != KINDS.get(kind, -1) or not all(map(is_integer, (call, *numbers))) or not 0 <= call < len(shapes):
        return False
    _, heads, length, count = shapes[call]
    sizes = {"causal": [2], "scale": [1], "head": [heads], "keys": [2**31], "pair": [length, count]}[kind]
    return all(0 <= number < size for number, size in zip(numbers, sizes, strict=True))


def edits_of(entries: Sequence[Sequence[Any]], record: Record, sample: int, head: int) -> dict[int, Edits]:
    """Return the edits of each call.

    Args:
        entries: checked entries.
        record: the calls without edits.
        sample, head: whose mask painted pairs start from.
    """
    found: dict[int, Edits] = {}
    for number in sorted({entry[0] for entry in entries}):
        own = [entry[1:] for entry in entries if entry[0] == number]
        last = {entry[0]: entry[1] for entry in own}
        found[number] = Edits(
            causal=bool(last["causal"]) if "causal" in last else None,
            mask=_painted(record.calls[number], sample, head, [entry[1:] for entry in own if entry[0] == "pair"]),
            scale="scale" not in last,
            zeroed_heads=frozenset(entry[1] for entry in own if entry[0] == "head"),
            key_seed=last.get("keys"),
        )
    return found


def _painted(call: AttentionCall, sample: int, head: int, pairs: Sequence[Sequence[int]]) -> Tensor | None:
    """Return the mask of a head with some pairs flipped, (L, S), True = may attend; ``None`` without pairs.

    Pairs that a shorter text no longer has are left out.
    """
    n, heads, length, count = call.shape
    pairs = [(query, key) for query, key in pairs if query < length and key < count]
    if not pairs:
        return None
    allowed = torch.ones(length, count, dtype=torch.bool)
    if call.mask is not None:
        given = call.mask.expand(call.shape)[min(sample, n - 1), min(head, heads - 1)].cpu()
        allowed = given.clone() if given.dtype == torch.bool else given > torch.finfo(given.dtype).min / 2
    for query, key in pairs:
        allowed[query, key] = ~allowed[query, key]
    return allowed


def change(edited: Record, record: Record, number: int) -> Mapping[str, float | None]:
    """Return the largest changes by edits: of what the call returned, and of what the module returned, if that is a tensor."""
    return {
        "call": _largest(edited.calls[number].output, record.calls[number].output),
        "module": _largest(_tensor(edited.output), _tensor(record.output)),
    }


def _tensor(output: Any) -> Any:
    """Return the tensor that a module returned, also as the first of several or as the logits of a Hugging Face model."""
    output = getattr(output, "logits", getattr(output, "last_hidden_state", output))
    return output[0] if isinstance(output, (tuple, list)) and output else output


def _largest(a: Any, b: Any) -> float | None:
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or not a.numel():
        return None
    return float((a.double() - b.double()).abs().nan_to_num().max())
