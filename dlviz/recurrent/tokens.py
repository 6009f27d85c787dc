"""Texts and tokens: what the steps of a sequence are called, and how typed text becomes numbers."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

Encode = Callable[[str], Tensor]


def tokens_of(tokens: Any, lengths: Sequence[int]) -> list[list[str]]:
    """The names of the steps of every sequence; their numbers where nothing is said.

    Args:
        tokens: one name a step (a string counts as its letters), or a list of such lists, one for each sequence.
        lengths: how many steps each sequence has.

    Raises:
        DlvizError: there are not as many names as steps.

    Example:
        >>> tokens_of("abc", [3]), tokens_of(None, [2]), tokens_of([["a"], ["b", "c"]], [1, 2])
        ([['a', 'b', 'c']], [['0', '1']], [['a'], ['b', 'c']])
    """
    if tokens is None:
        return [list(map(str, range(length))) for length in lengths]
    many = not isinstance(tokens, str) and all(isinstance(one, (list, tuple)) for one in tokens)
    named = [list(map(str, one)) for one in tokens] if many else [list(map(str, tokens))] * len(lengths)
    if len(named) != len(lengths):
        raise DlvizError(message("recurrent.refused.token_lists", count=len(lengths), got=len(named)))
    for number, (one, length) in enumerate(zip(named, lengths, strict=True)):
        # One list for a batch may be longer than its shorter sequences.
        if len(one) < length or (many and len(one) != length) or len(one) > max(lengths):
            raise DlvizError(message("recurrent.refused.tokens", sequence=number, count=length, got=len(one)))
    return [one[:length] for one, length in zip(named, lengths, strict=True)]


def joined(tokens: Sequence[str]) -> str:
    """Tokens as one text: letters side by side, words with spaces between.

    Example:
        >>> joined(["h", "i"]), joined(["message", "hi"])
        ('hi', 'say hi')
    """
    return ("" if all(len(one) == 1 for one in tokens) else " ").join(tokens)


def split(text: str, steps: int) -> list[str]:
    """What the steps of an encoded text are called: its letters or its words, if there are as many, else their numbers.

    Example:
        >>> split("hi", 2), split("say hi", 2), split("hi", 3)
        (['h', 'i'], ['say', 'hi'], ['0', '1', '2'])
    """
    for found in (list(text), text.split()):
        if len(found) == steps:
            return found
    return list(map(str, range(steps)))


def encoded(encode: Encode, text: str, inputs: int) -> Tensor:
    """What the learner's function makes of a text.

    Raises:
        DlvizError: it raises, or gives no (T, inputs).
    """
    try:
        x = encode(text)
    except Exception as error:  # a learner's own function may raise anything
        raise DlvizError(
            message("recurrent.refused.encode", text=text, error=f"{type(error).__name__}: {error}")
        ) from error
    if not isinstance(x, Tensor) or x.dim() != 2 or x.shape[1] != inputs or not x.is_floating_point():
        got = f"{tuple(x.shape)} {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise DlvizError(message("recurrent.refused.encoded", inputs=inputs, got=got))
    if not len(x):
        raise DlvizError(message("recurrent.refused.nothing"))
    return x.detach()
