"""Real handwritten digits, each with the word for it, spelled with random typing errors: the same thing in two modalities."""

from dataclasses import dataclass
from string import ascii_lowercase

import torch
from torch import Tensor

from dlviz.data.digits import digits
from dlviz.data.padding import PAD
from dlviz.data.stratified_split import split_rows
from dlviz.data.validation import is_finite, loader, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: Length of every row of ids: the longest word with every letter doubled.
_LENGTH = 2 * max(map(len, _WORDS))
_CHARACTERS = (PAD, *ascii_lowercase)


@dataclass(frozen=True, eq=False, repr=False)
class DigitWords:
    """Images of digits, and a typed word for each.

    ``images`` (N, 1, 8, 8) float32, ink in [0, 1]; ``ids`` (N, 10) int64, indices in ``characters``, and 0 after the end of the word;
    ``labels`` (N,) int64, 0 to 9; ``words`` the N words as strings; ``characters`` "<pad>" and the letters a to z.
    """

    images: Tensor
    ids: Tensor
    labels: Tensor
    words: tuple[str, ...]
    characters: tuple[str, ...] = _CHARACTERS

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        shapes = {name: tuple(getattr(self, name).shape) for name in ("images", "ids", "labels")}
        return message("data.digit_words.shown", **shapes)


@loader
def digit_words(
    split: str | None = None, *, typos: float = 0.3, seed: int = 0, device: torch.device | str | None = None
) -> DigitWords:
    """Load the real digits of ``dlviz.data.digits``, and generate for each image the English word of its digit with typing errors.

    Each letter is wrong with probability ``typos``, from 0 to 1, independently of the others and of the image: it is replaced by a random
    letter, left out, or typed twice, equally often. So, given the digit, image and word have nothing to do with each other. The words
    are generated, nobody typed them.

    ``split`` is None (1,797 digits in the file's order), "train" (1,438) or "test" (359), as for ``digits``. ``seed`` decides the typing
    errors; an image has the same word in the whole set and in its part. Your own seeds are left alone. An argument that does not fit
    raises a ``ValueError``.

    Source: the images of ``dlviz.data.digits``; the words are made here.

    >>> from dlviz.data import digit_words
    >>> made = digit_words("test")
    >>> made.images.shape, made.ids.shape, made.words[:4], made.labels[:4].tolist()
    (torch.Size([359, 1, 8, 8]), torch.Size([359, 10]), ('six', 'ahree', 'two', 'four'), [6, 3, 2, 4])
    """
    if not is_finite(typos) or not 0 <= typos <= 1:
        raise DlvizError(message("data.digit_words.typos", value=repr(typos)))
    random = seeded_generator("digit_words", seed)
    images, labels = digits(device="cpu")
    draws = torch.rand(len(labels), max(map(len, _WORDS)), 2, generator=random, dtype=torch.float64, device="cpu")
    typed = [_typed(_WORDS[y], row, typos) for y, row in zip(labels.tolist(), draws.tolist(), strict=True)]
    rows = split_rows(split, labels.numpy(), "data.digit_words.split")
    words = tuple(typed[row] for row in rows)
    ids = [[*map(_CHARACTERS.index, word), *[0] * (_LENGTH - len(word))] for word in words]
    return DigitWords(
        on_device(images[rows], device), torch.tensor(ids, device=device), on_device(labels[rows], device), words
    )


def _typed(word: str, draws: list[list[float]], typos: float) -> str:
    """Return the word as it was typed, from two random numbers in [0, 1) for each letter: whether it is wrong, and how."""
    typed = ""
    for letter, (error, how) in zip(word, draws, strict=False):
        kind, place = divmod(3 * how, 1)
        wrong = (ascii_lowercase[int(26 * place)], "", 2 * letter)[int(kind)]
        typed += wrong if error < typos else letter
    return typed
