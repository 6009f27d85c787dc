"""Byte-pair encoding of text, as in GPT-2, in plain Python: train, encode, decode."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from typing import Any

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type, is_integer
from dlviz.tokenization.corpus import WORD, Corpus, Merge, TokenChain, byte_ids


@dataclass(frozen=True)
class BytePairEncoder:
    """A byte-pair encoding.

    Attributes:
        merges: the rules, in the order in which they were learned.
        vocab: the bytes of every token, by its id; the first 256 are single bytes, so that no text is unknown.

    Example:
        >>> encoder = BytePairEncoder.train("low lower lowest", merges=2)
        >>> encoder.encode("slow"), encoder.tokens("slow")
        ([82, 257], [b's', b'low'])
        >>> encoder.decode(encoder.encode("¿Lowercase? 你好"))
        '¿Lowercase? 你好'

    Source:
        Sennrich et al. 2016 (arXiv 1508.07909); on bytes: Radford et al. 2019, Language Models are Unsupervised Multitask Learners
    """

    merges: tuple[Merge, ...]
    vocab: tuple[bytes, ...]

    @classmethod
    def train(cls, text: str, merges: int = 1000, *, min_count: int = 2) -> "BytePairEncoder":
        """Learn merges from a text: each time, the most frequent pair of neighboring tokens becomes a new token.

        Args:
            text: the corpus.
            merges: how many; fewer where no pair occurs often enough.
            min_count: how often a pair must occur to be merged.

        Raises:
            DlvizError: an argument does not fit.
        """
        check_type(text, str, "tokenization.refused.text")
        for name, value in (("merges", merges), ("min_count", min_count)):
            if not is_integer(value) or value < 0:
                raise DlvizError(message("tokenization.refused.count", name=name, got=repr(value)[:80]))
        corpus = Corpus(text)
        while len(corpus.merges) < merges and corpus.best_count() >= max(1, min_count):
            corpus.merge_best()
        return cls(tuple(corpus.merges), tuple(corpus.vocab))

    @cached_property
    def ranks(self) -> dict[tuple[int, int], int]:
        """The place of every merge in :attr:`merges`, by its pair."""
        return {(merge.left, merge.right): rank for rank, merge in enumerate(self.merges)}

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text: in every word the pair that was learned first is merged, until no pair is left that was learned."""
        check_type(text, str, "tokenization.refused.text")
        words = WORD.findall(text)
        encoded = {word: self._encode_word(word) for word in dict.fromkeys(words)}
        return [id for word in words for id in encoded[word]]

    def _encode_word(self, word: str) -> list[int]:
        chain = TokenChain(byte_ids(word))
        # Which merge each place waits for; of one merge from left to right.
        waiting: list[tuple[int, int]] = []
        changed: Iterable[int] = range(len(chain.tokens))
        while True:
            for place in changed:
                if chain.pair(place) in self.ranks:
                    heappush(waiting, (self.ranks[chain.pair(place)], place))
            if not waiting:
                return list(chain)
            rank, changed = waiting[0][0], []
            merge = self.merges[rank]
            while waiting and waiting[0][0] == rank:
                place = heappop(waiting)[1]
                if chain.pair(place) == (merge.left, merge.right):
                    chain.merge(place, merge.new)
                    changed += [chain.previous[place], place]

    def decode(self, ids: Any) -> str:
        """Return the text of some ids, a list or a tensor (T,).

        Bytes that are no text, as when a letter of several bytes is cut, become "�".

        Raises:
            DlvizError: an id is none of the vocabulary.
        """
        try:
            items = list(ids.tolist() if hasattr(ids, "tolist") else ids)
        except Exception:  # a tensor of another library, or a module, may raise anything
            raise DlvizError(message("tokenization.refused.ids", got=type(ids).__name__)) from None
        unknown = [repr(id)[:80] for id in items if not is_integer(id) or not 0 <= id < len(self.vocab)]
        if unknown:
            raise DlvizError(message("tokenization.refused.id", last=len(self.vocab) - 1, got=unknown[0]))
        data = b"".join(self.vocab[id] for id in items)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def first(self, count: int) -> "BytePairEncoder":
        """Return the encoding after the first `count` merges, with the same ids."""
        merges = self.merges[:count]
        return BytePairEncoder(merges, self.vocab[: max([255, *(merge.new for merge in merges)]) + 1])

    def tokens(self, text: str) -> list[bytes]:
        """Return the bytes of every token of a text."""
        return [self.vocab[id] for id in self.encode(text)]
