"""A corpus while byte-pair merges are learned: its words as tokens, and how often each pair of neighbors occurs."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

#: A text is first cut into words with the space before them, numbers, other signs, and white space; a token never reaches over a cut.
#: It is GPT-2's pattern written with Python's own classes, except that letter-like numbers such as ² count as letters.
WORD = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\w\s]|_)+|\s+(?!\S)|\s+")
#: The same pattern for a browser, whose classes have other names.
BROWSER_WORD = (
    r"'(?:[sdmt]|ll|ve|re)| ?[\p{L}\p{Nl}\p{No}]+| ?\p{Nd}+| ?[^\p{L}\p{N}\p{White_Space}\x1c-\x1f]+"
    r"|[\p{White_Space}\x1c-\x1f]+(?![^\p{White_Space}\x1c-\x1f])|[\p{White_Space}\x1c-\x1f]+"
)

#: The byte of each of the first 256 ids, in GPT-2's order: printable ones first, so "!" has the id 0.
_PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTE_ORDER = bytes(_PRINTABLE + [byte for byte in range(256) if byte not in _PRINTABLE])


class Merge(NamedTuple):
    """A rule: where the tokens `left` and `right` stand side by side, they become the token `new`."""

    left: int
    right: int
    new: int

    def apply(self, word: list[int]) -> list[int]:
        """Return a word in which every such pair is merged, from left to right."""
        merged: list[int] = []
        for token in word:
            if merged and (merged[-1], token) == (self.left, self.right):
                merged[-1] = self.new
            else:
                merged.append(token)
        return merged


def byte_ids(word: str) -> list[int]:
    """Return the id of every byte of a word."""
    # Half of a surrogate pair is no character, but a str may hold one.
    return [BYTE_ORDER.index(byte) for byte in word.encode("utf-8", "surrogatepass")]


@dataclass
class Corpus:
    """A corpus while merges are learned: every different word once, as tokens, with how often it occurs.

    Attributes:
        pairs: how often each pair of neighboring tokens occurs.
        size: number of tokens.
        merges, vocab: what was learned so far.
    """

    text: str
    merges: list[Merge] = field(default_factory=list)

    def __post_init__(self) -> None:
        counts = Counter(WORD.findall(self.text))
        self.words, self.counts = [byte_ids(word) for word in counts], list(counts.values())
        self.pairs: Counter[tuple[int, int]] = Counter()
        self.places: dict[tuple[int, int], set[int]] = defaultdict(set)
        self.ids = {bytes([byte]): id for id, byte in enumerate(BYTE_ORDER)}
        self.vocab = list(self.ids)
        self.size = 0
        for place in range(len(self.words)):
            self._count(place, 1)

    def _count(self, place: int, sign: int) -> None:
        """Add or subtract the pairs and tokens of one word."""
        word, count = self.words[place], sign * self.counts[place]
        self.size += count * len(word)
        for pair in pairwise(word):
            self.pairs[pair] += count
            self.places[pair].add(place)
            if not self.pairs[pair]:
                del self.pairs[pair], self.places[pair]

    def best(self) -> tuple[int, int]:
        """Return the most frequent pair; of several the one with the smaller left id, then the smaller right one."""
        best = self.best_count()
        return min(pair for pair, count in self.pairs.items() if count == best)

    def best_count(self) -> int:
        """Return how often the most frequent pair occurs; 0 if there is none."""
        return max(self.pairs.values(), default=0)

    def merge_best(self) -> Merge:
        """Merge the most frequent pair everywhere."""
        left, right = self.best()
        token = self.vocab[left] + self.vocab[right]
        # Two pairs may give the same bytes: ab + c and a + bc. They are one token.
        if token not in self.ids:
            self.ids[token] = len(self.vocab)
            self.vocab.append(token)
        merge = Merge(left, right, self.ids[token])
        for place in sorted(self.places[left, right]):
            self._count(place, -1)
            self.words[place] = merge.apply(self.words[place])
            self._count(place, 1)
        self.merges.append(merge)
        return merge
