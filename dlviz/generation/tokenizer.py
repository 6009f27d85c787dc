"""Prompts as ids, and ids as text: with the learner's own tokenizer, or as numbers."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

#: Signs that turn the direction of the text after them, beyond the token that holds them.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Tokenizer:
    """Functions from a text to ids and back.

    Args:
        encode: a function from a text to ids, or an object with methods ``encode`` and ``decode``; ``None`` if prompts are ids.
        decode: a function from a list of ids to a text, or an object with a method ``decode``; without one, an id is its own text.

    Raises:
        DlvizError: one of them cannot be called.

    Example:
        >>> letters = Tokenizer(lambda text: [ord(c) - 97 for c in text], lambda ids: "".join(chr(97 + i) for i in ids))
        >>> letters.encode("cab"), letters.text([2, 0, 1]), Tokenizer(None, None).text([2, 0])
        ([2, 0, 1], 'cab', '2 0')
    """

    def __init__(self, encode: Any, decode: Any) -> None:
        decode = encode if decode is None and hasattr(encode, "decode") else decode
        encode = decode if encode is None and hasattr(decode, "encode") else encode
        self._encode = _function("encode", encode)
        self._decode = _function("decode", decode)
        self._names: dict[int, str] = {}

    def encode(self, prompt: Any) -> list[int]:
        """Return the ids of a prompt: a text, or ids as a list, an array or a tensor, (T,) or (1, T).

        Raises:
            DlvizError: there are none, or they are no ids.
        """
        if isinstance(prompt, str):
            if self._encode is None:
                raise DlvizError(message("generation.refused.text", got=repr(prompt[:40])))
            prompt = _called("encode", self._encode, prompt)
            prompt = prompt.get("input_ids") if isinstance(prompt, Mapping) else getattr(prompt, "ids", prompt)
            name = "encode"
        else:
            name = "prompt"
        if isinstance(prompt, (list, tuple)) and not prompt:
            raise DlvizError(message("generation.refused.empty"))
        found = as_plain_tensor(prompt)
        if found is None or found.is_floating_point() or found.is_complex() or str(found.dtype) == "torch.bool":
            got = kind_of_data(prompt) if found is None else f"{tuple(found.shape)} {found.dtype}"
            raise DlvizError(message("generation.refused.prompt", name=name, got=got))
        if found.dim() not in (1, 2) or (found.dim() == 2 and found.shape[0] != 1):
            raise DlvizError(message("generation.refused.prompt_shape", name=name, got=tuple(found.shape)))
        ids: list[int] = found.flatten().tolist()
        if not ids:
            raise DlvizError(message("generation.refused.empty"))
        if min(ids) < 0:
            raise DlvizError(message("generation.refused.negative", got=min(ids)))
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of some ids; without a decoder the ids, separated by spaces."""
        if self._decode is None:
            return " ".join(map(str, ids))
        text = _called("decode", self._decode, list(ids))
        if not isinstance(text, str):
            raise DlvizError(message("generation.refused.decoded", got=type(text).__name__))
        return text

    def names(self, ids: Collection[int]) -> dict[int, str]:
        """Return the text of each id by itself; signs that turn the direction of writing by their number, ⟨202E⟩."""
        for one in ids:
            if one not in self._names:
                self._names[one] = _TURNING.sub(lambda sign: f"⟨{ord(sign[0]):04X}⟩", self.text([one]))
        return {one: self._names[one] for one in ids}

    def separator(self, ids: Sequence[int]) -> str:
        """Return what stands between two tokens that are decoded together: a space where the tokens are words or numbers, else ""."""
        if len(ids) < 2:
            return " " if self._decode is None else ""
        first, second = (self.text([one]) for one in ids[:2])
        return " " if self.text(ids[:2]) == f"{first} {second}" else ""

    def id_of(self, token: Any) -> int:
        """Return the id of a token that is given as its text, or as its id.

        Raises:
            DlvizError: the text is not exactly one token.
        """
        if not isinstance(token, str):
            return self.encode([token])[0]
        ids = self.encode(token)
        if len(ids) != 1:
            raise DlvizError(message("generation.refused.token", got=repr(token), count=len(ids)))
        return ids[0]


def _function(name: str, given: Any) -> Callable[[Any], Any] | None:
    """Return a function, the method of an object with that name, or ``None`` if nothing is given."""
    found = getattr(given, name, given)
    if found is not None and not callable(found):
        raise DlvizError(message("generation.refused.function", name=name, got=type(given).__name__))
    return found


def _called(name: str, function: Callable[[Any], Any], value: Any) -> Any:
    try:
        return function(value)
    except Exception as error:  # a learner's function may raise anything
        shown = repr(value) if len(repr(value)) <= 60 else type(value).__name__
        text = f"{type(error).__name__}: {first_line(error)}"
        raise DlvizError(message("generation.refused.raised", name=name, value=shown, error=text)) from error
