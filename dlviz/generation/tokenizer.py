"""Prompts as ids, and ids as text: with the learner's own tokenizer, or as numbers."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
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

    def encode(self, prompt: Any, name: str = "prompt") -> list[int]:
        """Return the ids of a text, or ids as a list, an array, a tensor, (T,) or (1, T), or what a tokenizer returned.

        Args:
            prompt: the text or ids.
            name: the name of the argument, for errors.

        Raises:
            DlvizError: there are none, or they are no ids.
        """
        if isinstance(prompt, str):
            if self._encode is None:
                raise DlvizError(message("generation.refused.text", name=name, got=repr(prompt[:40])))
            given, source = _called("encode", self._encode, prompt), "encode"
        else:
            given, source = prompt, name
        ids_of = given.get("input_ids") if isinstance(given, Mapping) else getattr(given, "ids", given)
        if isinstance(ids_of, (list, tuple)) and not ids_of:
            raise DlvizError(message("generation.refused.empty", name=name))
        found = _whole_numbers(ids_of)
        if found is None:
            raise DlvizError(message("generation.refused.prompt", name=source, got=_unfit(given)))
        if found.dim() not in (1, 2) or (found.dim() == 2 and found.shape[0] != 1):
            raise DlvizError(message("generation.refused.prompt_shape", name=source, got=tuple(found.shape)))
        ids: list[int] = found.flatten().tolist()
        if not ids:
            raise DlvizError(message("generation.refused.empty", name=name))
        if min(ids) < 0:
            raise DlvizError(message("generation.refused.negative", name=name, got=min(ids)))
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
            DlvizError: it is neither, or the text is not exactly one token.
        """
        if not isinstance(token, str):
            found = _whole_numbers([token])
            if found is None or found.numel() != 1:
                raise DlvizError(message("generation.refused.choice", got=_unfit(token)))
            return int(found)
        ids = self.encode(token, "token")
        if len(ids) != 1:
            raise DlvizError(message("generation.refused.token", got=repr(token), count=len(ids)))
        return ids[0]


def _whole_numbers(value: Any) -> Tensor | None:
    """Return whole numbers as a tensor, ``None`` for anything else."""
    found = as_plain_tensor(value)
    is_other = found is None or found.is_floating_point() or found.is_complex() or found.dtype == torch.bool
    return None if is_other else found


def _unfit(value: Any) -> str:
    """Return what stands in the place of ids, for an error: of a list its first item that is no id."""
    if isinstance(value, (list, tuple)):
        unfit = (one for one in value if not is_integer(one) or abs(one) >= 2**63)
        return f"a list with {next((repr(one)[:60] for one in unfit), 'other items')}"
    found = as_plain_tensor(value)
    if found is not None and found.ndim:
        return f"{tuple(found.shape)} {found.dtype}"
    return repr(value)[:60] if isinstance(value, (int, float)) else kind_of_data(value)


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
