"""From text to training examples: tokens, a vocabulary, and a window that slides over sentences."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_iterable

#: Characters of scripts without spaces: Chinese and Japanese, Thai, Lao, Burmese and Khmer.
_UNSPACED_RANGES = (
    "\u3005-\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff\u0e01-\u0e3a\u0e40-\u0eff\u1000-\u109f\u1780-\u17ff"
)
#: What belongs to the character before it: the marks of these scripts, and the sign that lengthens a Japanese vowel.
_MARKS = "ー" + "".join(
    chr(code)
    for code in (0x3099, 0x309A, *range(0x0E01, 0x0F00), *range(0x1000, 0x10A0), *range(0x1780, 0x1800))
    if unicodedata.category(chr(code)).startswith("M")
)
#: An emoji with its color of skin or variant; several joined into one; a flag, which is a pair of letters.
_PICTURE = "[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff]*"
_EMOJI = f"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}(?:\u200d{_PICTURE})*"
_CHARACTER = re.compile(f"[{_UNSPACED_RANGES}][{_MARKS}]*|{_EMOJI}")
_SPACED = rf"[^\W{_UNSPACED_RANGES}]+"
_TOKEN = re.compile(rf"{_CHARACTER.pattern}|{_SPACED}(?:['’]{_SPACED})*")


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
    """Sentences as lists of words, and as they were written.

    Attributes:
        tokens: the words of each sentence.
        lines: each sentence as written; empty if the corpus was given as words.
        by_character: whether most words are single characters, because the text is in a script without spaces.
    """

    tokens: Sequence[Sequence[str]]
    lines: Sequence[str] = ()
    by_character: bool = False


def read_corpus(corpus: Any) -> Corpus:
    """Return a corpus from lists of words, from ``dlviz.data.sentences()``, or from texts, which are split into sentences and words.

    Lists may be arrays, pandas columns or iterators too. Strings are texts if one of them has several words.

    Raises:
        DlvizError: `corpus` is none of these.

    Example:
        >>> read_corpus("The cat sat. The dog ran!")
        Corpus(tokens=[['the', 'cat', 'sat'], ['the', 'dog', 'ran']], lines=['The cat sat.', 'The dog ran!'], by_character=False)
    """
    if isinstance(corpus, str):
        return _from_texts([corpus])
    if hasattr(corpus, "tokens"):
        return Corpus(corpus.tokens, getattr(corpus, "lines", ()))
    if isinstance(corpus, (bytes, bytearray)):
        raise DlvizError(message("word2vec.refused.bytes", got=type(corpus).__name__))
    if isinstance(corpus, (Mapping, Set, Tensor)) or not is_iterable(corpus):
        raise DlvizError(message("word2vec.refused.corpus", got=type(corpus).__name__))
    sentences = corpus if isinstance(corpus, (list, tuple)) else _to_list(corpus)
    if all(isinstance(one, str) for one in sentences) and any(map(_is_text, sentences)):
        return _from_texts(sentences)
    if any(isinstance(one, str) and _is_text(one) for one in sentences):
        row, other = next((row, one) for row, one in enumerate(sentences) if not isinstance(one, str))
        raise DlvizError(message("word2vec.refused.text", row=row, got=repr(other)[:80]))
    if not all(isinstance(one, (list, tuple)) for one in sentences):
        sentences = [_to_list(one) for one in sentences]
    return Corpus(sentences)


def _to_list(items: Any) -> Any:
    """Return the items of an array, a column or an iterator as a list; anything else as it is."""
    return list(items) if is_iterable(items) and not isinstance(items, (str, bytes)) else items


def _is_text(text: str) -> bool:
    """Return whether a string has several words, or several characters of a script without spaces."""
    return bool(re.search(r"\S\s+\S", text)) or len(_CHARACTER.findall(text)) > 1


def _from_texts(texts: Iterable[str]) -> Corpus:
    """Return the sentences of texts, without those that have no words."""
    lines = [line.strip() for text in texts for line in re.split(r"\n+|(?<=[.!?])\s+|(?<=[。！？])", text)]
    tokenized = [(line, words) for line in lines if (words := tokenize(line))]
    tokens = [words for _, words in tokenized]
    characters = sum(bool(_CHARACTER.fullmatch(word)) for words in tokens for word in words)
    return Corpus(tokens, [line for line, _ in tokenized], 2 * characters > sum(map(len, tokens)))


def tokenize(text: str, words: Collection[str] | None = None) -> list[str]:
    """Split a text into lower-case words of letters, digits and apostrophes, or into the longest known words.

    Without known words, every character of a script without spaces, such as Chinese, is a word of its own, and so is every emoji.

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
        return _TOKEN.findall(text.lower())
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
        if isinstance(sentence, (str, bytes)) or not is_iterable(sentence):
            raise DlvizError(message("embedding.refused.sentence", index=index, got=type(sentence).__name__))
        for word in sentence:
            if not isinstance(word, str):
                got = type(word).__name__
                raise DlvizError(message("embedding.refused.token", index=index, word=repr(word)[:40], got=got))
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
