"""Generated sentences in which persons, places and organizations are marked, word by word."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from dlviz.data.padding import padded, vocabulary
from dlviz.data.validation import check_size, loader, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

_KINDS = ("PER", "LOC", "ORG")
_CLASSES = ("O", *(f"{start}-{kind}" for kind in _KINDS for start in "BI"))
#: With this chance an entity is an ambiguous word.
_AMBIGUOUS = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class NamedEntities:
    """Sentences and the class of each word; unpacks as ``ids, labels``.

    ``tokens`` N lists of words; ``tags`` the same with a tag for each word, such as "B-PER"; ``ids`` (N, T) int64, indices in
    ``words``, and 0 after the end; ``labels`` (N, T) int64, indices in ``classes``, and −100 after the end, which ``F.cross_entropy``
    ignores; ``words`` the vocabulary, from "<pad>"; ``classes`` the seven tags; ``ambiguous`` words that occur with more than one kind.
    """

    tokens: list[list[str]]
    tags: list[list[str]]
    ids: Tensor
    labels: Tensor
    words: tuple[str, ...]
    classes: tuple[str, ...]
    ambiguous: tuple[str, ...]

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.ids, self.labels))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message(
            "data.entities.shown", ids=tuple(self.ids.shape), words=len(self.words), classes=len(self.classes)
        )


@loader
def named_entities(n: int = 2000, *, seed: int = 0, device: torch.device | str | None = None) -> NamedEntities:
    """Draw ``n`` sentences with persons (PER), places (LOC) and organizations (ORG): ``ids`` and ``labels``, both (n, T).

    Tags follow the BIO scheme: "B-PER" marks the first word of a person, "I-PER" each further one, "O" every other word. A sentence
    is a pattern with places for entities, each pattern with equal chance. Every second entity is a word such as Paris or Jordan, which
    names a person in one sentence and a place in another; in "Paris visited Jordan" only the order tells which is which.

    The same ``seed`` gives the same sentences; another seed gives new ones, to test on. Your own seeds are left alone. An argument
    that does not fit raises a ``ValueError``.

    Source: the tags of E. F. Tjong Kim Sang and F. De Meulder, Introduction to the CoNLL-2003 Shared Task, 2003,
    https://aclanthology.org/W03-0419; the sentences are dlviz's own.

    >>> from dlviz.data import named_entities
    >>> data = named_entities(100)
    >>> list(zip(data.tokens[3], data.tags[3]))[:2]
    [('Wells', 'B-ORG'), ('opened', 'O')]
    >>> data.classes
    ('O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC', 'B-ORG', 'I-ORG')
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="named_entities", value=repr(n)))
    check_size("named_entities", n=n, words=20)
    grammar, words, ambiguous = _grammar()
    random = seeded_generator("named_entities", seed)
    draws = torch.rand(int(n), 7, generator=random, dtype=torch.float64, device="cpu")
    sentences = [_sentence(grammar, iter(row)) for row in draws.tolist()]
    tokens, tags = ([[pair[k] for pair in sentence] for sentence in sentences] for k in (0, 1))
    ids = padded(tokens, {word: i for i, word in enumerate(words)}, 0, device)
    labels = padded(tags, {tag: i for i, tag in enumerate(_CLASSES)}, -100, device)
    return NamedEntities(tokens, tags, ids, labels, words, _CLASSES, ambiguous)


def _sentence(grammar: dict[str, dict[str, list[str]]], draws: Iterator[float]) -> list[tuple[str, str]]:
    """Return one sentence as pairs of word and tag, from random numbers in [0, 1)."""
    sentence = []
    for word in _choose(grammar["sentences"]["patterns"], draws).split():
        if word in _KINDS:
            entities = grammar["ambiguous" if next(draws) < _AMBIGUOUS else "certain"][word]
            parts = _choose(entities, draws).split()
            sentence += [(part, f"{'I' if k else 'B'}-{word}") for k, part in enumerate(parts)]
        else:
            sentence.append((word, "O"))
    return sentence


def _choose(choices: list[str], draws: Iterator[float]) -> str:
    return choices[int(next(draws) * len(choices))]


@cache
def _grammar() -> tuple[dict[str, dict[str, list[str]]], tuple[str, ...], tuple[str, ...]]:
    """Return the patterns and entities, the vocabulary, and the ambiguous words."""
    grammar = tomllib.loads(Path(__file__).with_name("named_entities.toml").read_text(encoding="utf-8"))
    entities = [one for table in ("certain", "ambiguous") for kind in _KINDS for one in grammar[table][kind]]
    texts = [*entities, *grammar["sentences"]["patterns"]]
    words = vocabulary([word for word in text.split() if word not in _KINDS] for text in texts)
    return grammar, words, tuple(sorted({one for kind in _KINDS for one in grammar["ambiguous"][kind]}))
