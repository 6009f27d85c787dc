"""Names of the positions of a sequence: queries at the left of an attention map, keys above it."""

from collections.abc import Sequence
from typing import Any

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.transformer.attention_call import AttentionCall


def token_lists(tokens: Any, name: str) -> list[list[str]]:
    """Return the names of the positions for each sequence of a batch, or one list for all of them; empty without names.

    Args:
        tokens: one name per position, where a text counts as its letters and a tensor or an array as its numbers; or a list of such
            lists, or a tensor (N, L), one for each sequence; or ``None``.
        name: the learner's argument, for messages.

    Raises:
        DlvizError: it is neither a text nor a list.

    Example:
        >>> token_lists("abc", "tokens"), token_lists(["to", "be"], "tokens"), token_lists([["a"], ["b"]], "tokens")
        ([['a', 'b', 'c']], [['to', 'be']], [['a'], ['b']])
    """
    if tokens is None:
        return []
    try:
        items = [_plain(item) for item in _plain(tokens)]
    except Exception:  # a learner's object may raise anything
        raise DlvizError(message("transformer.refused.tokens", name=name, got=type(tokens).__name__)) from None
    if items and all(isinstance(item, (list, tuple)) for item in items):
        return [list(map(str, item)) for item in items]
    return [list(map(str, items))]


def _plain(value: Any) -> Any:
    """Return a tensor, an array or a number of one as Python's numbers; anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def check_tokens(lists: Sequence[Sequence[str]], name: str, lengths: Sequence[int], samples: int) -> None:
    """Check that the names fit a sequence of at least one call.

    Raises:
        DlvizError: no call has a sequence of as many positions, or there are not as many lists as sequences.
    """
    if not lists:
        return
    if len(lists) not in (1, samples):
        raise DlvizError(message("transformer.refused.token_lists", name=name, got=len(lists), count=samples))
    # The sequences of a padded batch are shorter than the tensor.
    longest = max(map(len, lists))
    fits = longest <= max(lengths) if len(lists) > 1 else longest in lengths
    if not fits:
        known = ", ".join(map(str, sorted(set(lengths))))
        raise DlvizError(message("transformer.refused.token_count", name=name, got=longest, lengths=known))


def call_tokens(
    call: AttentionCall, sample: int, tokens: Sequence[Sequence[str]], key_tokens: Sequence[Sequence[str]]
) -> tuple[list[str], list[str]]:
    """Return the names of the queries (L,) and of the keys (S,) of a call; positions without a name have their index.

    A list for all sequences names the positions of calls of its length, and none of others; one of several, as for a padded batch, may
    be shorter. The cross-attention of a decoder of as many positions as its encoder is recognized by torch's name for it,
    ``multihead_attn``.
    """
    _, _, length, count = call.shape
    own = tokens[sample if len(tokens) > 1 else 0] if tokens else []
    other = key_tokens[sample if len(key_tokens) > 1 else 0] if key_tokens else []
    crosses = length != count or "multihead_attn" in call.name or call.name == ""
    queries = own if len(own) == length or len(other) != length else other
    keys = other if other and (crosses or queries is other) else own if length == count or len(own) == count else []
    several = len(tokens) > 1 or len(key_tokens) > 1
    return _padded(queries, length, several), _padded(keys, count, several)


def _padded(names: Sequence[str], length: int, may_be_shorter: bool) -> list[str]:
    fits = len(names) == length or (may_be_shorter and len(names) < length)
    return [*names, *map(str, range(len(names), length))] if fits else list(map(str, range(length)))
