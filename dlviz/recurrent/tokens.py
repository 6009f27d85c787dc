"""Names of the steps of a sequence, and encoding of typed text."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_length

Encode = Callable[[str], Tensor]


def token_names(tokens: Any, lengths: Sequence[int]) -> list[list[str]]:
    """Return the names of the steps of every sequence; their indices if `tokens` is ``None``.

    Args:
        tokens: one name per step (a string counts as its letters), or a list of such lists, one for each sequence.
        lengths: number of steps of each sequence.

    Raises:
        DlvizError: the number of names is not the number of steps.

    Example:
        >>> token_names("abc", [3]), token_names(None, [2]), token_names([["a"], ["b", "c"]], [1, 2])
        ([['a', 'b', 'c']], [['0', '1']], [['a'], ['b', 'c']])
    """
    if tokens is None:
        return [list(map(str, range(length))) for length in lengths]
    try:
        tokens = tokens if isinstance(tokens, str) else list(tokens)
    except Exception:  # a learner's object may raise anything
        raise DlvizError(message("recurrent.refused.token_names", got=type(tokens).__name__)) from None
    per_sequence = not isinstance(tokens, str) and all(isinstance(one, (list, tuple)) for one in tokens)
    named = [list(map(str, one)) for one in tokens] if per_sequence else [list(map(str, tokens))] * len(lengths)
    check_length(named, len(lengths), "recurrent.refused.token_lists")
    for number, (one, length) in enumerate(zip(named, lengths, strict=True)):
        # One list for a batch may be longer than its shorter sequences.
        if len(one) < length or (per_sequence and len(one) != length) or len(one) > max(lengths):
            raise DlvizError(message("recurrent.refused.tokens", sequence=number, count=length, got=len(one)))
    return [one[:length] for one, length in zip(named, lengths, strict=True)]


def join_tokens(tokens: Sequence[str]) -> str:
    """Join tokens to one text: letters directly, words with spaces.

    Example:
        >>> join_tokens(["h", "i"]), join_tokens(["say", "hi"])
        ('hi', 'say hi')
    """
    return ("" if all(len(one) == 1 for one in tokens) else " ").join(tokens)


def split_text(text: str, steps: int) -> list[str]:
    """Split an encoded text into names of its steps: its letters or words if their number fits, else the indices of the steps.

    Example:
        >>> split_text("hi", 2), split_text("say hi", 2), split_text("hi", 3)
        (['h', 'i'], ['say', 'hi'], ['0', '1', '2'])
    """
    for found in (list(text), text.split()):
        if len(found) == steps:
            return found
    return list(map(str, range(steps)))


def encode_text(encode: Encode, text: str, inputs: int) -> Tensor:
    """Encode a text with the user's function, (T, inputs).

    Raises:
        DlvizError: the function raises, or returns something else.
    """
    try:
        x = encode(text)
    except Exception as error:  # a user's function may raise anything
        raise DlvizError(
            message("recurrent.refused.encode", text=text, error=f"{type(error).__name__}: {error}")
        ) from error
    if not isinstance(x, Tensor) or x.dim() != 2 or x.shape[1] != inputs or not x.is_floating_point():
        got = f"{tuple(x.shape)} {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise DlvizError(message("recurrent.refused.encoded", inputs=inputs, got=got))
    if not len(x):
        raise DlvizError(message("recurrent.refused.nothing"))
    return x.detach()
