"""Generated reviews whose sentiment depends on the order of their words: negation and contrast."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.data.padding import padded, vocabulary
from dlviz.data.validation import check_size, loader, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

_THINGS = ("plot", "music", "ending", "cast", "pace", "humor")
_BAD = ("awful", "dull", "weak", "poor")
_GOOD = ("great", "lovely", "strong", "superb")
_OPENINGS = ("", "honestly ", "I think that ", "my friend said that ")
_KINDS = ("plain", "negated", "contrast")
#: Of two clauses, {x} is said of the one that decides.
_PATTERNS = {
    "plain": ("the {a} was {x}", "{a} and {b} were both {x}"),
    "negated": ("the {a} was not {y}", "nobody called the {a} {y}"),
    "contrast": ("the {a} was {y} but the {b} was {x}", "the {a} was {x} although the {b} was {y}"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Sentiment:
    """Reviews and whether each is positive; unpacks as ``ids, labels``.

    ``tokens`` N lists of words; ``ids`` (N, T) int64, indices in ``words``, and 0 after the end; ``labels`` (N,) int64, 0 negative and
    1 positive; ``kinds`` N strings, "plain", "negated" or "contrast"; ``words`` the vocabulary, from "<pad>".
    """

    tokens: list[list[str]]
    ids: Tensor
    labels: Tensor
    kinds: tuple[str, ...]
    words: tuple[str, ...]

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.ids, self.labels))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.sentiment.shown", ids=tuple(self.ids.shape), labels=tuple(self.labels.shape))


@loader
def sentiment(n: int = 2000, *, seed: int = 0, device: torch.device | str | None = None) -> Sentiment:
    """Draw ``n`` reviews, negative (0) or positive (1): ``ids`` (n, T) and ``labels`` (n,), both int64.

    A third of them are plain ("the music was great"), a third negated ("nobody called the plot dull") and a third contrasts, in which one
    of two clauses decides: "the plot was dull but the music was great" is positive, "the plot was great but the music was dull" negative,
    though both have the same words. So a model that only counts words does well on a part of the reviews and can only guess on another.

    The same ``seed`` gives the same reviews; another seed gives new ones, to test on. Your own seeds are left alone. An argument that
    does not fit raises a ``ValueError``.

    >>> from dlviz.data import sentiment
    >>> data = sentiment(100)
    >>> " ".join(data.tokens[0]), data.labels[0].item(), data.kinds[0]
    ('my friend said that the cast was dull but the music was great', 1, 'contrast')
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="sentiment", value=repr(n)))
    check_size("sentiment", n=n, words=20)
    draws = torch.rand(int(n), 8, generator=seeded_generator("sentiment", seed), dtype=torch.float64, device="cpu")
    reviews = [_review(iter(row)) for row in draws.tolist()]
    tokens, labels, kinds = (
        [text.split() for text, _, _ in reviews],
        [y for _, y, _ in reviews],
        [k for *_, k in reviews],
    )
    words = _words()
    ids = padded(tokens, {word: i for i, word in enumerate(words)}, 0, device)
    return Sentiment(tokens, ids, torch.tensor(labels, dtype=torch.int64, device=device), tuple(kinds), words)


def _review(draws: Iterator[float]) -> tuple[str, int, str]:
    """Return a review, its label and its kind, from random numbers in [0, 1)."""
    kind, label = _choose(_KINDS, draws), int(next(draws) * 2)
    pattern, opening = _choose(_PATTERNS[kind], draws), _choose(_OPENINGS, draws)
    first = int(next(draws) * len(_THINGS))
    other = (first + 1 + int(next(draws) * (len(_THINGS) - 1))) % len(_THINGS)
    right, opposite = (_GOOD, _BAD) if label else (_BAD, _GOOD)
    filled = {"a": _THINGS[first], "b": _THINGS[other], "x": _choose(right, draws), "y": _choose(opposite, draws)}
    return opening + pattern.format(**filled), label, kind


def _choose(choices: tuple[str, ...], draws: Iterator[float]) -> str:
    return choices[int(next(draws) * len(choices))]


def _words() -> tuple[str, ...]:
    texts = [pattern.format(a="", b="", x="", y="") for two in _PATTERNS.values() for pattern in two]
    return vocabulary(text.split() for text in (*texts, *_OPENINGS, *_THINGS, *_BAD, *_GOOD))
