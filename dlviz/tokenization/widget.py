"""`dlviz.bpe`: byte-pair encoding, learned from a text merge by merge."""

from pathlib import Path
from typing import Any

import traitlets

from dlviz.kit.arguments import suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import counted, message
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import DataWidget, binary
from dlviz.tokenization.byte_pair import BytePairEncoder
from dlviz.tokenization.record import Record, record
from dlviz.tokenization.scene import cut_text, scene
from dlviz.tokenization.still import draw
from dlviz.tokenization.token_names import token_name


class Bpe(DataWidget[Record]):
    """Widget that shows how a byte-pair encoding is learned. A step of the player is one merge.

    Attributes:
        typed: a text that is encoded with the merges up to the shown step.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tokenization"
    _function = "bpe"

    typed = traitlets.Unicode("", help="a text to encode").tag(sync=True)

    def __init__(self, data: Record, min_count: int, **traits: Any) -> None:
        super().__init__(data, **traits)
        self.scene = dict(binary(scene(data, min_count)))

    @property
    def encoder(self) -> BytePairEncoder:
        """The encoding with all merges, for your own texts: ``view.encoder.encode(text)``."""
        return self.data.encoder

    @property
    def merges(self) -> list[tuple[str, str]]:
        """The two sides of every merge as visible text, in the order in which they were learned."""
        vocab = self.encoder.vocab
        return [(token_name(vocab[merge.left]), token_name(vocab[merge.right])) for merge in self.encoder.merges]

    @property
    def tokens(self) -> list[bytes]:
        """The tokens of the drawn beginning of the text at the shown step."""
        return cut_text(self.data, self._merges_shown)

    @property
    def ids(self) -> list[int]:
        """The ids of the typed text, encoded with the merges up to the shown step."""
        return self.encoder.first(self._merges_shown).encode(self.typed)

    @property
    def _merges_shown(self) -> int:
        return min(self.step, len(self.encoder.merges))

    def _describe(self) -> str:
        counts = {
            "characters": len(self.data.text),
            "merges": len(self.encoder.merges),
            "tokens": self.data.sizes[-1],
        }
        texts = {name: counted(f"tokenization.count.{name}", count) for name, count in counts.items()}
        return message("tokenization.repr", **texts)

    def _still(self) -> str:
        return draw(self.data, self.scene, self._merges_shown, self._still_theme)


@suggests_names
def bpe(
    text: str,
    merges: int | None = None,
    *,
    vocab_size: int | None = None,
    min_count: int = 2,
    typed: str = "the newest naïve 5 €",
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
) -> Bpe:
    """Learn a byte-pair encoding from a text, merge by merge: pairs and their counts, the text as tokens, the growing vocabulary.

    Words, numbers and other signs are cut apart first, as in GPT-2, and each is a row of bytes; so every text can be encoded.

    Args:
        text: the corpus.
        merges: how many merges are learned, 50 without it; fewer where no pair occurs often enough.
        vocab_size: size of the vocabulary instead, 256 + merges.
        min_count: how often a pair must occur to be merged.
        typed: a text that is encoded with the merges up to the shown step; it can be changed in the picture.
        step: how many merges are shown at first.
        theme: "auto", "light" or "dark".
        speed: the player's speed.

    Returns:
        The widget; ``.encoder``, ``.merges``, ``.tokens``, ``.ids``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> view = dlviz.bpe("low low low lower newest newest widest", merges=5, step=2)
        >>> view
        dlviz.bpe(38 characters, 5 merges: 21 tokens)
        >>> view.merges[:2]
        [('l', 'o'), ('lo', 'w')]
        >>> view.encoder.tokens("lowest")
        [b'low', b'est']

    Source:
        Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units (arXiv 1508.07909)
    """
    if merges is not None and vocab_size is not None:
        raise DlvizError(message("tokenization.refused.both"))
    if vocab_size is not None:
        if not is_integer(vocab_size) or vocab_size < 256:
            got = repr(vocab_size)[:80]
            raise DlvizError(message("tokenization.refused.range", name="vocab_size", low=256, high=2256, got=got))
        merges = vocab_size - 256
    data = record(text, 50 if merges is None else merges, min_count)
    return Bpe(data, min_count, typed=typed, step=step, theme=theme, speed=speed)
