"""Family names of sixteen languages, for classification and generation by characters."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlviz.data.stratified_split import split_rows
from dlviz.data.tokenizer import CharTokenizer
from dlviz.data.validation import loader
from dlviz.kit.messages import message

#: Ends a name.
END = "\n"


@dataclass(frozen=True, eq=False, repr=False)
class Names:
    """Names and the language of each; unpacks as ``names, labels, languages``.

    ``names`` N strings; ``labels`` (N,) int64, from 0; ``languages`` what each label is called, in alphabetical order.
    """

    names: tuple[str, ...]
    labels: Tensor
    languages: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, ...] | Tensor]:
        return iter((self.names, self.labels, self.languages))

    @property
    def text(self) -> str:
        """All names as one text, each followed by a line break."""
        return "".join(name + END for name in self.names)

    @property
    def tokenizer(self) -> CharTokenizer:
        """A tokenizer for the characters of all 3,600 names; id 0 is the line break, which ends a name."""
        return CharTokenizer(END + "".join(_list()[1]))

    def sequences(self) -> tuple[Tensor, Tensor]:
        """Return the names for a language model: ``inputs`` and ``targets``, both (N, T) int64 ids of ``tokenizer``.

        A row of ``inputs`` begins with the end symbol, 0, and goes on with the name; ``targets`` has the character that comes next,
        the end symbol after the last. T is the longest name and 1. After the end ``inputs`` has 0 and ``targets`` −100, which
        ``F.cross_entropy`` ignores.

        >>> inputs, targets = names("test").sequences()
        >>> inputs.shape == targets.shape, names().tokenizer.decode(inputs[0, 1:7])
        (True, 'Najjar')
        """
        tokenizer = self.tokenizer
        rows = [[0, *tokenizer.encode(name).tolist(), 0] for name in self.names]
        longest = max(map(len, rows)) - 1
        inputs = [row[:-1] + [0] * (longest + 1 - len(row)) for row in rows]
        targets = [row[1:] + [-100] * (longest + 1 - len(row)) for row in rows]
        device = self.labels.device
        return torch.tensor(inputs, device=device), torch.tensor(targets, device=device)

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        count, shape, languages = len(self.names), tuple(self.labels.shape), ", ".join(self.languages)
        return message("data.names.shown", count=count, labels=shape, languages=languages)


@loader
def names(split: str | None = None, *, device: torch.device | str | None = None) -> Names:
    """Load 3,600 family names, 225 of each of sixteen languages; no download.

    They are spelled as their own language spells them, ``"Müller"`` or ``"Wójcik"``, and romanized where it has another script.
    Thirty spellings stand in two languages; nobody can tell those. How the list was made: ``datasets/names.md``.

    ``split=None`` gives all of them, language after language. ``"train"`` (2,880) and ``"test"`` (720) share out the shuffled
    list, every language in the same proportion; the shuffle is fixed and leaves your seeds alone. Each call gives fresh labels, on
    ``device`` if given. Anything else for ``split`` raises a ``ValueError``.

    >>> from dlviz.data import names
    >>> spellings, labels, languages = names()
    >>> len(spellings), labels.shape, languages[labels[0]], spellings[0]
    (3600, torch.Size([3600]), 'Arabic', 'Abbas')
    """
    languages, spellings, labels = _list()
    rows = split_rows(split, labels, "data.names.split")
    return Names(tuple(spellings[row] for row in rows), torch.tensor(labels[rows], device=device), languages)


@cache
def _list() -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Parse the file: a paragraph for each language, with its name, a colon, and its names separated by commas."""
    paragraphs = Path(__file__).with_name("names.txt").read_text(encoding="utf-8").split("\n\n")
    parts = {}
    for paragraph in paragraphs:
        language, _, listed = paragraph.partition(":")
        parts[language] = " ".join(listed.split()).split(", ")
    labels = np.repeat(np.arange(len(parts)), [len(spellings) for spellings in parts.values()])
    return tuple(parts), tuple(name for spellings in parts.values() for name in spellings), labels
