"""Sentences from a small grammar in English and Chinese, with known relations between words for testing analogies."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import torch

from dlviz.data.validation import check_size, loader, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

Quadruple = tuple[str, str, str, str]


@dataclass(frozen=True, eq=False, repr=False)
class Sentences:
    """Sentences as lists of words, with the grammar's relations between words; unpacks as ``tokens, relations``.

    ``tokens`` N lists of strings; ``lines`` the same as written text, which in Chinese has no gaps; ``relations`` the pairs of each
    relation, such as ``("king", "queen")`` in "kinship"; ``words`` the grammar's vocabulary, in order.
    """

    tokens: list[list[str]]
    lines: tuple[str, ...]
    relations: dict[str, tuple[tuple[str, str], ...]]
    words: tuple[str, ...]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.tokens, self.relations))

    def __repr__(self) -> str:
        """Return the counts only."""
        relations = ", ".join(self.relations)
        return message("data.sentences.shown", count=len(self.tokens), words=len(self.words), relations=relations)

    @property
    def analogies(self) -> tuple[Quadruple, ...]:
        """Every ``(a, b, c, d)`` with a : b as c : d, in both directions: b − a + c should be nearest to d."""
        quadruples: list[Quadruple] = []
        for pairs in self.relations.values():
            for (a, b), (c, d) in permutations(pairs, 2):
                quadruples += [(a, b, c, d), (b, a, d, c)]
        return tuple(quadruples)


@dataclass(frozen=True)
class _Relation:
    """One relation: its pairs, the sentence patterns of first and second words, and the nouns that go with each pair."""

    pairs: tuple[tuple[str, str], ...]
    things: tuple[tuple[str, ...], ...]
    sides: tuple[tuple[str, ...], tuple[str, ...]]


@loader
def sentences(n: int = 4000, *, language: str = "en", seed: int = 0) -> Sentences:
    """Draw ``n`` sentences about kinship, capitals, animals and food, in English (``"en"``) or in Chinese (``"zh"``).

    A sentence is drawn in five steps, each choice with equal chance: a relation, a pair of it, one word of the pair, a pattern of
    that word's side, and a thing of the pair. So what first words have in common ("his beard") and what the two words of a pair
    share ("throne") are drawn apart, which is why king − man + woman can lead to queen.

    The same ``seed`` gives the same sentences; your own seeds are left alone. An argument that does not fit raises a ``ValueError``.

    Source: the questions of T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013,
    https://arxiv.org/abs/1301.3781; the grammar is dlviz's own.

    >>> from dlviz.data import sentences
    >>> tokens, relations = sentences(100)
    >>> tokens[0]
    ['delicious', 'rice', 'comes', 'with', 'harvest']
    >>> relations["kinship"][0]
    ('king', 'queen')
    >>> sentences(100, language="zh").lines[0]
    '美味的米饭离不开收成'
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="sentences", value=repr(n)))
    if not isinstance(language, str) or language not in _grammar():
        raise DlvizError(
            message("data.sentences.language", known=", ".join(map(repr, _grammar())), value=repr(language))
        )
    check_size("sentences", n=n)
    gap, families = _grammar()[language]
    draws = torch.rand(n, 5, generator=seeded_generator("sentences", seed), dtype=torch.float64, device="cpu")
    tokens = [_sentence(list(families.values()), iter(row)) for row in draws.tolist()]
    lines = tuple(gap.join(sentence) for sentence in tokens)
    return Sentences(tokens, lines, {name: family.pairs for name, family in families.items()}, _words(families))


def _sentence(families: list[_Relation], draws: Iterator[float]) -> list[str]:
    """Return one sentence as words, from five random numbers in [0, 1)."""
    family = _choose(families, draws)
    pair = _choose(range(len(family.pairs)), draws)
    side = _choose(range(2), draws)
    pattern, thing = _choose(family.sides[side], draws), _choose(family.things[pair], draws)
    filled = {"{x}": family.pairs[pair][side], "{t}": thing}
    return [filled.get(word, word) for word in pattern.split()]


def _choose(choices: Sequence[Any], draws: Iterator[float]) -> Any:
    return choices[int(next(draws) * len(choices))]


def _words(families: dict[str, _Relation]) -> tuple[str, ...]:
    """Return the vocabulary: words of pairs, things and patterns, each once."""
    words: dict[str, None] = {}
    for family in families.values():
        parts = [*family.pairs, *family.things, *(pattern.split() for side in family.sides for pattern in side)]
        words |= dict.fromkeys(word for part in parts for word in part if word not in ("{x}", "{t}"))
    return tuple(words)


@cache
def _grammar() -> dict[str, tuple[str, dict[str, _Relation]]]:
    """Return, by language, the separator between words and the relations."""
    read = tomllib.loads(Path(__file__).with_name("synthetic_sentences.toml").read_text(encoding="utf-8"))
    return {
        language: (table.pop("gap"), {name: _relation(one) for name, one in table.items()})
        for language, table in read.items()
    }


def _relation(table: dict[str, list[Any]]) -> _Relation:
    parts = [pair.split(": ") for pair in table["pairs"]]
    pairs = tuple((words.split()[0], words.split()[1]) for words, _ in parts)
    first, second = table["sides"]
    return _Relation(pairs, tuple(tuple(things.split()) for _, things in parts), (tuple(first), tuple(second)))
