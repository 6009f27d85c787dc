"""From text to training examples: tokens, a vocabulary, and a window that slides over sentences."""

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
    """The words of a corpus, the most frequent first; a word's id is its index.

    Attributes:
        words: V different words.
        counts: how often each occurs, (V,) int64.
        ids: the id of each word.
    """

    words: tuple[str, ...]
    counts: Tensor
    ids: dict[str, int]


@dataclass(frozen=True, eq=False)
class TrainingExamples:
    """The known words of each example, and the word to predict.

    Attributes:
        inputs: ids of the known words, padded with −1, (N, C) int64.
        targets: ids of the words to predict, (N,) int64.
        positions: (N, 3) int64: index of the sentence, position in it of the center word, and position of the target.
    """

    inputs: Tensor
    targets: Tensor
    positions: Tensor


@dataclass(frozen=True)
class Corpus:
    """Sentences as lists of words, and as they were written; ``lines`` is empty if the corpus was given as words."""

    tokens: Sequence[Sequence[str]]
    lines: Sequence[str] = ()


def read_corpus(corpus: Any) -> Corpus:
    """Return a corpus from lists of words, from ``dlviz.data.sentences()``, or from a text, which is split into sentences and words.

    Raises:
        DlvizError: `corpus` is none of the three.

    Example:
        >>> read_corpus("The cat sat. The dog ran!")
        Corpus(tokens=[['the', 'cat', 'sat'], ['the', 'dog', 'ran']], lines=['The cat sat.', 'The dog ran!'])
    """
    if isinstance(corpus, str):
        lines = [line.strip() for line in re.split(r"\n+|(?<=[.!?])\s+|(?<=[。！？])", corpus)]
        tokenized = [(line, tokenize(line)) for line in lines]
        return Corpus([words for _, words in tokenized if words], [line for line, words in tokenized if words])
    if hasattr(corpus, "tokens"):
        return Corpus(corpus.tokens, getattr(corpus, "lines", ()))
    if isinstance(corpus, Sequence):
        return Corpus(corpus)
    raise DlvizError(message("word2vec.refused.corpus", got=type(corpus).__name__))


def tokenize(text: str, words: Collection[str] | None = None) -> list[str]:
    """Split a text into lower-case words of letters, digits and apostrophes, or into the longest known words.

    Args:
        text: written text in any script.
        words: the known words, for a script without spaces such as Chinese. At each position the longest word that matches is taken; a
            character that begins none is a word of its own, and whitespace is skipped.

    Example:
        >>> tokenize("The king's crown, the queen's throne.")
        ['the', "king's", 'crown', 'the', "queen's", 'throne']
        >>> tokenize("小猫和老鼠", words=["猫", "小猫", "和", "老鼠"])
        ['小猫', '和', '老鼠']
    """
    if words is None:
        return re.findall(r"\w+(?:['’]\w+)*", text.lower())
    known, tokens, start = set(words), [], 0
    longest = max(map(len, known), default=1)
    while start < len(text):
        candidates = (text[start : start + length] for length in range(longest, 0, -1))
        word = next((candidate for candidate in candidates if candidate in known), text[start])
        if not word.isspace():
            tokens.append(word)
        start += len(word)
    return tokens


def vocabulary(sentences: Sequence[Sequence[str]], min_count: int = 1) -> Vocabulary:
    """Count the words of sentences, and leave out those that occur fewer than `min_count` times.

    Raises:
        DlvizError: a sentence is no list of words, or fewer than two different words are left.

    Example:
        >>> vocabulary([["a", "b"], ["b", "c"]]).words
        ('b', 'a', 'c')
    """
    for index, sentence in enumerate(sentences):
        if isinstance(sentence, str) or not all(isinstance(word, str) for word in sentence):
            raise DlvizError(message("embedding.refused.sentence", index=index, got=type(sentence).__name__))
    counter = Counter(word for sentence in sentences for word in sentence)
    kept = [(word, count) for word, count in counter.most_common() if count >= min_count]
    if len(kept) < 2:
        raise DlvizError(message("embedding.refused.vocabulary", min_count=min_count, got=len(kept)))
    words = tuple(word for word, _ in kept)
    return Vocabulary(words, torch.tensor([count for _, count in kept]), {word: k for k, word in enumerate(words)})


def skip_gram(sentences: Sequence[Sequence[str]], known: Vocabulary, window: int) -> TrainingExamples:
    """Return one example for each pair of a center word and a neighbor, which is to be predicted; ``inputs`` (N, 1).

    Example:
        >>> found = skip_gram([["a", "b", "c"]], vocabulary([["a", "b", "c"]]), window=1)
        >>> found.inputs.flatten().tolist(), found.targets.tolist()
        ([0, 1, 1, 2], [1, 0, 2, 1])
    """
    table = [
        (known.ids[sentences[index][center]], known.ids[sentences[index][neighbor]], index, center, neighbor)
        for index, center, context in _windows(sentences, known, window)
        for neighbor in context
    ]
    columns = torch.tensor(table, dtype=torch.int64).reshape(-1, 5)
    return TrainingExamples(columns[:, :1].clone(), columns[:, 1].clone(), columns[:, 2:].clone())


def cbow(sentences: Sequence[Sequence[str]], known: Vocabulary, window: int) -> TrainingExamples:
    """Return one example for each center word, which is to be predicted from its neighbors; ``inputs`` (N, 2 · window).

    Example:
        >>> found = cbow([["a", "b", "c"]], vocabulary([["a", "b", "c"]]), window=1)
        >>> found.inputs.tolist(), found.targets.tolist()
        ([[1, -1], [0, 2], [1, -1]], [0, 1, 2])
    """
    windows = [window_ for window_ in _windows(sentences, known, window) if window_[2]]
    rows = [
        [known.ids[sentences[index][position]] for position in context] + [-1] * (2 * window - len(context))
        for index, _, context in windows
    ]
    inputs = torch.tensor(rows, dtype=torch.int64).reshape(-1, 2 * window)
    targets = [known.ids[sentences[index][center]] for index, center, _ in windows]
    positions = [(index, center, center) for index, center, _ in windows]
    return TrainingExamples(
        inputs, torch.tensor(targets, dtype=torch.int64), torch.tensor(positions, dtype=torch.int64).reshape(-1, 3)
    )


def context_positions(sentence: Sequence[str], known: Vocabulary, center: int, window: int) -> list[int]:
    """Return the positions of the known words up to `window` known words away from the one at position `center`."""
    kept = [position for position, word in enumerate(sentence) if word in known.ids]
    at = kept.index(center)
    return kept[max(0, at - window) : at] + kept[at + 1 : at + 1 + window]


def _windows(
    sentences: Sequence[Sequence[str]], known: Vocabulary, window: int
) -> Iterator[tuple[int, int, list[int]]]:
    """Yield for each known word the sentence's index, the word's position, and the positions of its context."""
    for index, sentence in enumerate(sentences):
        kept = [position for position, word in enumerate(sentence) if word in known.ids]
        for at, center in enumerate(kept):
            yield index, center, kept[max(0, at - window) : at] + kept[at + 1 : at + 1 + window]
