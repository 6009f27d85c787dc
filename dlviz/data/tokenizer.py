"""Characters as ids: the simplest tokenizer, with nothing hidden."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


class CharTokenizer:
    """Tokenizer that gives each character of a text an id: its place among the text's different characters, sorted.

    Attributes:
        symbols: the characters; the id of ``symbols[i]`` is ``i``.

    Raises:
        DlvizError: ``text`` is not a string, or empty.

    Example:
        >>> from dlviz.data import CharTokenizer
        >>> tokenizer = CharTokenizer("hello")
        >>> len(tokenizer), tokenizer.symbols
        (4, ('e', 'h', 'l', 'o'))
        >>> tokenizer.encode("hole")
        tensor([1, 3, 2, 0])
        >>> tokenizer.decode([1, 3, 2, 0])
        'hole'
    """

    symbols: tuple[str, ...]

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text:
            raise DlvizError(message("data.tokenizer.text", value=_short(text)))
        self.symbols = tuple(sorted(set(text)))
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}

    def encode(self, text: str) -> Tensor:
        """Return the ids of a text's characters, (T,) int64 on the CPU.

        Raises:
            DlvizError: ``text`` is not a string, or has a character that is not in ``symbols``.
        """
        if not isinstance(text, str):
            raise DlvizError(message("data.tokenizer.encode", value=_short(text)))
        unknown = sorted(set(text) - set(self.symbols))
        if unknown:
            place, listed = text.index(unknown[0]), " ".join(map(repr, unknown[:8]))
            raise DlvizError(message("data.tokenizer.unknown", symbol=repr(unknown[0]), place=place, listed=listed))
        return torch.tensor([self._ids[symbol] for symbol in text], dtype=torch.int64, device="cpu")

    def decode(self, ids: Tensor | Sequence[int] | int) -> str:
        """Return the text of ids: a tensor (T,), an array, or a list; one id gives one character.

        Raises:
            DlvizError: ``ids`` are not whole numbers, have more than one dimension, or lie outside 0 … len − 1.
        """
        try:
            found = np.asarray(ids.cpu() if isinstance(ids, Tensor) else ids)
        except (TypeError, ValueError, RuntimeError):  # ragged lists, a tensor without values
            found = np.empty(0, object)
        if found.ndim > 1 or (found.dtype.kind not in "iu" and (found.size or found.dtype.kind == "O")):
            raise DlvizError(message("data.tokenizer.ids", value=_short(ids)))
        numbers = found.reshape(-1).tolist()
        outside = [number for number in numbers if not 0 <= number < len(self)]
        if outside:
            raise DlvizError(message("data.tokenizer.outside", value=outside[0], last=len(self) - 1))
        return "".join(self.symbols[int(number)] for number in numbers)

    def __len__(self) -> int:
        """Return the number of different characters."""
        return len(self.symbols)

    def __repr__(self) -> str:
        """Return the number of symbols and the symbols."""
        return message("data.tokenizer.shown", count=len(self), symbols=repr("".join(self.symbols)))


def _short(value: object) -> str:
    shown = f"{type(value).__name__} {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
