"""A corpus while byte-pair merges are learned: its words as tokens, and how often each pair of neighbors occurs."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
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
_ID_OF_BYTE = bytes(map(BYTE_ORDER.index, range(256)))


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
    return list(word.encode("utf-8", "surrogatepass").translate(_ID_OF_BYTE))


class TokenChain:
    """Tokens in a row, of which two neighbors become one at no cost for the others.

    Args:
        tokens: their ids; −1 stands for a cut, over which no pair reaches. There is one before the first token and one after the last.

    Attributes:
        tokens: the id at every place; −1 also where a token has gone into the one before it.
        next, previous: for every place, that of the neighboring token.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        self.tokens = [-1, *tokens, -1]
        last = len(self.tokens) - 1
        self.next, self.previous = [*range(1, last + 1), last], [0, *range(last)]

    def __iter__(self) -> Iterator[int]:
        """Yield the tokens, from left to right."""
        return (token for token in self.tokens if token >= 0)

    def pair(self, place: int) -> tuple[int, int]:
        """Return the token at a place and the one after it."""
        return self.tokens[place], self.tokens[self.next[place]]

    def merge(self, place: int, new: int) -> None:
        """Replace the token at a place and the one after it by the token `new`, which stands at the place of the first."""
        gone = self.next[place]
        self.tokens[place], self.tokens[gone] = new, -1
        self.next[place] = self.next[gone]
        self.previous[self.next[gone]] = place


@dataclass
class Corpus:
    """A corpus while merges are learned: every different word once, as tokens, with how often it occurs.

    Attributes:
        pairs: how often each pair of neighboring tokens occurs.
        by_count: the pairs that occur so often, by that number.
        size: number of tokens.
        merges, vocab: what was learned so far.
    """

    text: str
    merges: list[Merge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = {bytes([byte]): id for id, byte in enumerate(BYTE_ORDER)}
        self.vocab = list(self.ids)
        self.pairs: dict[tuple[int, int], int] = {}
        self.by_count: dict[int, set[tuple[int, int]]] = defaultdict(set)
        #: Where each pair occurs, with places where it did.
        self._places: dict[tuple[int, int], list[int]] = defaultdict(list)
        tokens: list[int] = []
        #: How often the word of each place occurs.
        self._weights = [0]  # of the cut before the first word
        for word, count in Counter(WORD.findall(self.text)).items():
            ids = [*byte_ids(word), -1]
            tokens += ids
            self._weights += [count] * len(ids)
        self._chain = TokenChain(tokens)
        self.size = sum(count for token, count in zip(tokens, self._weights[1:], strict=True) if token >= 0)
        changes: dict[tuple[int, int], int] = defaultdict(int)
        for place, (pair, weight) in enumerate(zip(pairwise(self._chain.tokens), self._weights, strict=True)):
            if -1 not in pair:
                self._places[pair].append(place)
                changes[pair] += weight
        self._count(changes)

    def _count(self, changes: Mapping[tuple[int, int], int]) -> None:
        """Change how often pairs occur; none reaches over a cut."""
        for pair, change in changes.items():
            if -1 in pair:
                continue
            old = self.pairs.pop(pair, 0)
            self.by_count[old].discard(pair)
            if not self.by_count[old]:
                del self.by_count[old]
            if old + change:
                self.pairs[pair] = old + change
                self.by_count[old + change].add(pair)
            else:
                self._places.pop(pair, None)

    def best(self) -> tuple[int, int]:
        """Return the most frequent pair; of several the one with the smaller left id, then the smaller right one."""
        return min(self.by_count[self.best_count()])

    def best_count(self) -> int:
        """Return how often the most frequent pair occurs; 0 if there is none."""
        return max(self.by_count, default=0)

    def merge_best(self) -> Merge:
        """Merge the most frequent pair everywhere."""
        left, right = self.best()
        token = self.vocab[left] + self.vocab[right]
        # Two pairs may give the same bytes: ab + c and a + bc. They are one token.
        if token not in self.ids:
            self.ids[token] = len(self.vocab)
            self.vocab.append(token)
        merge = Merge(left, right, self.ids[token])
        chain, pair = self._chain, self._chain.pair
        changes: dict[tuple[int, int], int] = defaultdict(int)
        for place in sorted(self._places[left, right]):
            if pair(place) != (left, right):
                continue
            before, weight = chain.previous[place], self._weights[place]
            for changed in (before, place, chain.next[place]):
                changes[pair(changed)] -= weight
            chain.merge(place, merge.new)
            for changed in (before, place):
                changes[pair(changed)] += weight
                self._places[pair(changed)].append(changed)
            self.size -= weight
        self._count(changes)
        self.merges.append(merge)
        return merge
