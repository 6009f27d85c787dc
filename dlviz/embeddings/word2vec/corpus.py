"""Text to numbers: tokens, a vocabulary, and the examples that a window sliding over sentences gives."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words of a corpus, the most frequent first; a word's number is its place.

    ``words`` V strings; ``counts`` (V,) int64, how often each occurs; ``numbers`` the number of each word.
    """

    words: tuple[str, ...]
    counts: Tensor
    numbers: dict[str, int]


@dataclass(frozen=True, eq=False)
class Examples:
    """What is learned from: of each example the words that are known, and the word to be guessed.

    ``inputs`` (N, C) int64, places without a word hold −1; ``targets`` (N,) int64; ``spots`` (N, 3) int64, where that stands: number of
    the sentence, place in it of the word in the middle, and of the word to be guessed.
    """

    inputs: Tensor
    targets: Tensor
    spots: Tensor


@dataclass(frozen=True)
class Corpus:
    """Sentences as lists of words, and each of them as it was written; no ``lines`` where words alone were given."""

    tokens: Sequence[Sequence[str]]
    lines: Sequence[str] = ()


def read(corpus: Any) -> Corpus:
    """Take lists of words as they are, what ``dlviz.data.sentences()`` gives, or a text: cut at line ends and full stops, then into words.

    Raises:
        DlvizError: it is none of the three.

    Example:
        >>> read("The cat sat. The dog ran!")
        Corpus(tokens=[['the', 'cat', 'sat'], ['the', 'dog', 'ran']], lines=['The cat sat.', 'The dog ran!'])
    """
    if isinstance(corpus, str):
        lines = [line.strip() for line in re.split(r"\n+|(?<=[.!?])\s+|(?<=[。！？])", corpus)]
        cut = [(line, tokenize(line)) for line in lines]
        return Corpus([words for _, words in cut if words], [line for line, words in cut if words])
    if hasattr(corpus, "tokens"):
        return Corpus(corpus.tokens, getattr(corpus, "lines", ()))
    if isinstance(corpus, Sequence):
        return Corpus(corpus)
    raise DlvizError(message("word2vec.refused.corpus", got=type(corpus).__name__))


def tokenize(text: str, words: Collection[str] | None = None) -> list[str]:
    """Cut a text into words: lower case, at whatever is no letter, digit or apostrophe; or, without gaps, the longest known word first.

    Args:
        text: written text in any script.
        words: the known words, for a script without gaps such as Chinese. At every place the longest word that fits is taken; a
            character that begins none is a word of its own, and gaps are left out.

    Example:
        >>> tokenize("The king's crown, the queen's throne.")
        ['the', "king's", 'crown', 'the', "queen's", 'throne']
        >>> tokenize("小猫和老鼠", words=["猫", "小猫", "和", "老鼠"])
        ['小猫', '和', '老鼠']
    """
    if words is None:
        return re.findall(r"\w+(?:['’]\w+)*", text.lower())
    known, found, place = set(words), [], 0
    longest = max(map(len, known), default=1)
    while place < len(text):
        fitting = (text[place : place + size] for size in range(longest, 0, -1))
        word = next((one for one in fitting if one in known), text[place])
        found += [] if word.isspace() else [word]
        place += len(word)
    return found


def vocabulary(sentences: Sequence[Sequence[str]], least: int = 1) -> Vocabulary:
    """Count the words of sentences; words that occur less than `least` times are left out.

    Raises:
        DlvizError: a sentence is no list of words, or fewer than two different words are left.

    Example:
        >>> vocabulary([["a", "b"], ["b", "c"]]).words
        ('b', 'a', 'c')
    """
    for place, sentence in enumerate(sentences):
        if isinstance(sentence, str) or not all(isinstance(word, str) for word in sentence):
            raise DlvizError(message("embedding.refused.sentence", place=place, got=type(sentence).__name__))
    counted = Counter(word for sentence in sentences for word in sentence)
    kept = [(word, count) for word, count in counted.most_common() if count >= least]
    if len(kept) < 2:
        raise DlvizError(message("embedding.refused.few", least=least, got=len(kept)))
    words = tuple(word for word, _ in kept)
    return Vocabulary(words, torch.tensor([count for _, count in kept]), {word: k for k, word in enumerate(words)})


def skip_gram(sentences: Sequence[Sequence[str]], known: Vocabulary, window: int) -> Examples:
    """From the word in the middle guess each of its neighbors: an example a neighbor, ``inputs`` (N, 1).

    Example:
        >>> found = skip_gram([["a", "b", "c"]], vocabulary([["a", "b", "c"]]), window=1)
        >>> found.inputs.flatten().tolist(), found.targets.tolist()
        ([0, 1, 1, 2], [1, 0, 2, 1])
    """
    table = [
        (known.numbers[sentences[at][middle]], known.numbers[sentences[at][other]], at, middle, other)
        for at, middle, around in _windows(sentences, known, window)
        for other in around
    ]
    found = torch.tensor(table, dtype=torch.int64).reshape(-1, 5)
    return Examples(found[:, :1].clone(), found[:, 1].clone(), found[:, 2:].clone())


def cbow(sentences: Sequence[Sequence[str]], known: Vocabulary, window: int) -> Examples:
    """From all neighbors guess the word in their middle: an example a word, ``inputs`` (N, 2 · window).

    Example:
        >>> found = cbow([["a", "b", "c"]], vocabulary([["a", "b", "c"]]), window=1)
        >>> found.inputs.tolist(), found.targets.tolist()
        ([[1, -1], [0, 2], [1, -1]], [0, 1, 2])
    """
    found = [one for one in _windows(sentences, known, window) if one[2]]
    rows = [
        [known.numbers[sentences[at][place]] for place in around] + [-1] * (2 * window - len(around))
        for at, _, around in found
    ]
    inputs = torch.tensor(rows, dtype=torch.int64).reshape(-1, 2 * window)
    targets = [known.numbers[sentences[at][middle]] for at, middle, _ in found]
    spots = torch.tensor([(at, middle, middle) for at, middle, _ in found], dtype=torch.int64).reshape(-1, 3)
    return Examples(inputs, torch.tensor(targets, dtype=torch.int64), spots)


def around(sentence: Sequence[str], known: Vocabulary, middle: int, window: int) -> list[int]:
    """Places of the known words that stand up to `window` known words away from the one at place `middle`."""
    kept = [place for place, word in enumerate(sentence) if word in known.numbers]
    at = kept.index(middle)
    return kept[max(0, at - window) : at] + kept[at + 1 : at + 1 + window]


def _windows(
    sentences: Sequence[Sequence[str]], known: Vocabulary, window: int
) -> Iterator[tuple[int, int, list[int]]]:
    """Of each word the sentence, its place, and the places up to `window` away; unknown words are left out first."""
    for number, sentence in enumerate(sentences):
        kept = [place for place, word in enumerate(sentence) if word in known.numbers]
        for at, middle in enumerate(kept):
            yield number, middle, kept[max(0, at - window) : at] + kept[at + 1 : at + 1 + window]
