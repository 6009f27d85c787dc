"""The training of a byte-pair encoding merge by merge: pairs and their counts, tokens, and where the beginning of the text is cut."""

from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.tokenization.byte_pair import BytePairEncoder
from dlviz.tokenization.corpus import WORD, Corpus, Merge, byte_ids

#: Largest number of merges that are shown.
MAX_MERGES = 2000
#: Pairs that are listed at every step.
CANDIDATES = 8
#: Characters of the corpus that are drawn as tokens.
MAX_SHOWN = 1200


@dataclass(frozen=True)
class PairCount:
    """A pair of neighboring tokens and how often it occurs in the corpus."""

    left: int
    right: int
    count: int


@dataclass(frozen=True)
class Record:
    """The training of a byte-pair encoding.

    Attributes:
        encoder: what was learned.
        text: the corpus.
        shown: the beginning of the corpus that is drawn, whole words, or a part of a very long one.
        candidates: before each merge, and after the last one, the most frequent pairs; the first one is merged next.
        ties: then the number of pairs that occur as often as the first.
        sizes: then the number of tokens of the corpus.
        merged_at: for every byte of `shown` after which the text is cut at first, the number of the merge that joins it to the next
            one, from 1; 0 if none does.
        is_done: whether no pair occurs often enough for another merge.
    """

    encoder: BytePairEncoder
    text: str
    shown: str
    candidates: list[list[PairCount]]
    ties: list[int]
    sizes: list[int]
    merged_at: list[int]
    is_done: bool


def record(text: Any, merges: int, min_count: int = 2) -> Record:
    """Learn up to `merges` merges, and note every step.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> found = record("low lower lowest", 2)
        >>> found.sizes, found.candidates[0][:2]
        ([16, 13, 10], [PairCount(left=75, right=78, count=3), PairCount(left=78, right=86, count=3)])
    """
    if not isinstance(text, str) or not text:
        raise DlvizError(message("tokenization.refused.corpus", got=type(text).__name__ if text != "" else "''"))
    for name, value, low, high in (("merges", merges, 0, MAX_MERGES), ("min_count", min_count, 1, 2**53)):
        if not is_integer(value) or not low <= value <= high:
            raise DlvizError(message("tokenization.refused.range", name=name, low=low, high=high, got=repr(value)[:80]))
    corpus = Corpus(text)
    candidates, ties, sizes = [_top(corpus)], [_ties(corpus)], [corpus.size]
    while len(corpus.merges) < merges and corpus.best_count() >= min_count:
        corpus.merge_best()
        candidates.append(_top(corpus))
        ties.append(_ties(corpus))
        sizes.append(corpus.size)
    encoder = BytePairEncoder(tuple(corpus.merges), tuple(corpus.vocab))
    shown, merged_at = _cuts(text, encoder.merges)
    return Record(encoder, text, shown, candidates, ties, sizes, merged_at, corpus.best_count() < min_count)


def _top(corpus: Corpus) -> list[PairCount]:
    found: list[PairCount] = []
    for count in nlargest(CANDIDATES, corpus.by_count):
        pairs = nsmallest(CANDIDATES - len(found), corpus.by_count[count])
        found += [PairCount(*pair, count) for pair in pairs]
    return found


def _ties(corpus: Corpus) -> int:
    return len(corpus.by_count.get(corpus.best_count(), ()))


def _cuts(text: str, merges: tuple[Merge, ...]) -> tuple[str, list[int]]:
    """Return the beginning of the text that is drawn, and the number of the merge that joins each byte to the next one."""
    shown: list[str] = []
    merged_at: list[int] = []
    known: dict[str, list[int]] = {}
    for match in WORD.finditer(text):
        # What lies far behind the last letter that is drawn changes nothing of the tokens before it.
        word = match[0][: 2 * MAX_SHOWN]
        if match.end() > MAX_SHOWN and shown:
            break
        if word not in known:
            known[word] = _word_cuts(byte_ids(word), merges)
        shown.append(word)
        merged_at += known[word]
    beginning = "".join(shown)[:MAX_SHOWN]
    merged_at = merged_at[: len(byte_ids(beginning))]
    return beginning, [*merged_at[:-1], 0]


def _word_cuts(word: list[int], merges: tuple[Merge, ...]) -> list[int]:
    """Return, for every byte of a word, the number of the merge that joins it to the next one; 0 for none and for the last byte."""
    merged_at, ends = [0] * len(word), list(range(1, len(word) + 1))
    tokens = word
    for number, merge in enumerate(merges, 1):
        if len(tokens) == 1:
            break
        if merge.left not in tokens:
            continue
        joined: list[int] = []
        kept: list[int] = []
        for token, end in zip(tokens, ends, strict=True):
            if joined and (joined[-1], token) == (merge.left, merge.right):
                merged_at[kept[-1] - 1] = number
                joined[-1], kept[-1] = merge.new, end
            else:
                joined.append(token)
                kept.append(end)
        tokens, ends = joined, kept
    return merged_at
