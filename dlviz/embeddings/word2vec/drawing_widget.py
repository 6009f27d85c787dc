"""A training of word vectors on screen: the moment that is drawn, what is set, and the page that goes out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.embeddings.explorer.labeled import Vectors
from dlviz.embeddings.word2vec.axes import Axes, aligned, chained, principal
from dlviz.embeddings.word2vec.captions import badge, notes, signature, summary
from dlviz.embeddings.word2vec.corpus import Corpus
from dlviz.embeddings.word2vec.model_recorder import Watched
from dlviz.embeddings.word2vec.record import Training
from dlviz.embeddings.word2vec.scene import ROWS, moment, scene
from dlviz.embeddings.word2vec.still import draw
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.widget import Widget, binary

#: A page carries up to so many moments, and so many characters of them.
_MOMENTS, _ROOM = 40, 1_900_000
_SETTINGS = ("kind", "loss", "window", "negatives", "size")
#: What a page may set at most, and how far its player may run ahead of the kernel.
_REACH, _AHEAD = {"window": 50, "negatives": 100, "size": 512}, 50


class Drawing(Widget):
    """The moment at which a training stands, and everything that can be set about it."""

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "word2vec"

    kind = traitlets.Enum(("skip-gram", "cbow"), help="what is guessed from what").tag(sync=True)
    loss = traitlets.Enum(("negative", "softmax"), help="among which words").tag(sync=True)
    window = traitlets.Int(3, min=1, help="how far a neighbor may be").tag(sync=True)
    negatives = traitlets.Int(5, min=1, help="words drawn for an example").tag(sync=True)
    size = traitlets.Int(16, min=1, help="numbers of a vector").tag(sync=True)
    rate = traitlets.Float(0.05, help="the learning rate").tag(sync=True)
    axes = traitlets.Enum(("aligned", "fixed"), "aligned", help="how the map is turned").tag(sync=True)
    fast = traitlets.Bool(False, help="whether it trains at full speed").tag(sync=True)
    frame = traitlets.Dict(help="the moment that is drawn").tag(sync=True)

    #: What is watched; a training of the kit's own is not.
    _watched: Watched | None = None
    _name = ""

    def __init__(self, run: Training, corpus: Corpus, **traits: Any) -> None:
        self._run: Training | None = run
        self._corpus = corpus
        self._axes: Axes | None = None
        self._earlier = run.vectors[:ROWS]
        super().__init__(**{name: getattr(run, name) for name in (*_SETTINGS, "rate")} | traits)
        self._begin()
        self.observe(self._again, list(_SETTINGS))
        self.observe(self._rated, "rate")
        self.observe(self._moved, "step")
        self.observe(self._turned, "axes")

    @property
    def vectors(self) -> Vectors:
        """The word vectors as they are drawn, for ``dlviz.embedding(view.vectors)``, ``neighbors(view.vectors, "king")`` and the like."""
        run = self._open()
        return Vectors(run.vectors.clone(), run.words)

    def close(self) -> None:
        """Take the widget off the page and let go of the matrices and the corpus."""
        self._run, self._axes, self._corpus = None, None, Corpus(())
        super().close()

    # Where it stands; what watches stands at frames instead.

    def _to(self, step: int) -> None:
        self._open().go(step)

    def _last(self) -> int:
        return self._open().reached

    def _numbers(self) -> list[int]:
        return []

    def _stops(self) -> list[int]:
        """Steps that are at hand at once, and the one that is drawn."""
        return sorted({*self._open().kept, self.step})

    def _losses(self) -> tuple[Tensor, dict[int, float]]:
        run = self._open()
        return run.losses, run.rates

    def _made(self, old: Training) -> Training:
        settings = {name: getattr(self, name) for name in (*_SETTINGS, "rate")}
        return Training(self._corpus.tokens, batch=old.batch, seed=old.seed, least=old.least, **settings)

    # What happens when a trait is set.

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """A page may turn things as far as its own player and sliders go, and no further: what it asks for is computed here."""
        limits = _REACH | {"step": self._last() + _AHEAD if self._run is not None else 0}
        super().set_state({name: _within(value, limits.get(name)) for name, value in sync_data.items()})

    def _moved(self, _: Any = None) -> None:
        if self._run is None:
            return
        with self.hold_sync():
            self._to(self.step)
            self.rate = self._run.rate
            self._draw()

    def _again(self, _: Any = None) -> None:
        """Another objective is another training; it begins where the first one began."""
        if self._run is None:
            return
        self._run = self._made(self._run)
        with self.hold_sync():
            self.fast = self.playing = False
            self._axes = None
            self._begin(self._restart())

    def _restart(self) -> str:
        """Stand where another training begins, and say so."""
        self.step = 0
        return message("word2vec.note.again", seed=self._open().seed)

    def _rated(self, _: Any = None) -> None:
        if self._run is None:
            return
        before = self._run.reached
        self._take_rate(self._run)
        lost = before - self._run.reached
        self._begin(message("word2vec.note.forgotten", count=lost, rate=f"{self.rate:g}") if lost else "")

    def _take_rate(self, run: Training) -> None:
        run.rate = self.rate

    @traitlets.validate("rate")
    def _positive(self, proposal: Any) -> float:
        if not 0 < proposal["value"] < float("inf"):
            raise DlvizError(message("embedding.refused.rate", got=repr(proposal["value"])))
        return float(proposal["value"])

    def _turned(self, _: Any = None) -> None:
        if self._run is not None:
            self._draw()

    # Drawing.

    def _open(self) -> Training:
        if self._run is None:
            raise DlvizError(message("word2vec.refused.closed"))
        return self._run

    def _begin(self, told: str = "") -> None:
        run = self._open()
        words = {
            "signature": signature(run, self._corpus),
            "badge": badge(run),
            "notes": notes(run, self._corpus, told, self._name, self._watched),
            "summary": summary(run, self._corpus),
            "own": self._watched is None,
        }
        with self.hold_sync():
            self.scene = scene(run, words)
            self._draw()

    def _draw(self) -> None:
        matrix = self._open().vectors[:ROWS]
        if self._axes is None:
            self._axes = principal(matrix.nan_to_num(0, 0, 0))
        elif self.axes == "aligned":
            self._axes = aligned(matrix, self._axes, self._earlier)
        self._earlier = matrix.clone()
        self.frame = binary(self._moment(self._axes, self._last(), self._numbers()))

    def _moment(self, axes: Axes, last: int, numbers: list[int]) -> dict[str, Any]:
        """The moment, the last place of the player, and the steps at its places where they are not the places themselves."""
        found = moment(self._open(), self._corpus, axes, *self._losses())
        return found | {"last": last, "numbers": numbers}

    # A page.

    def _in_page(self) -> tuple[list[int], list[dict[str, Any]]]:
        """Stops, evenly chosen, the one that is drawn among them, and the moment at each."""
        here, stops = self.step, self._stops()
        count = min(_MOMENTS, max(2, _ROOM // len(to_json(self.frame))), len(stops))
        even = {stops[round(k * (len(stops) - 1) / max(1, count - 1))] for k in range(count)}
        chosen = sorted(even | {here})
        matrices, numbers = [], []
        for stop in chosen:
            self._to(stop)
            matrices.append(self._open().vectors[:ROWS].clone())
            numbers.append(self._open().step)
        place = chosen.index(here)
        assert self._axes is not None
        axes = chained(matrices, place, self._axes) if self.axes == "aligned" else [self._axes] * len(chosen)
        moments = []
        for stop, own in zip(chosen, axes, strict=True):
            self._to(stop)
            moments.append(binary(self._moment(own, len(chosen) - 1, numbers)))
        self._to(here)
        return chosen, moments

    def _page_state(self) -> dict[str, Any]:
        chosen, moments = self._in_page()
        place = chosen.index(self.step)
        return super()._page_state() | {"step": place, "frame": moments[place], "fast": False, "playing": False}

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Moments of the training: a page plays them."""
        _, moments = self._in_page()
        return {"step": {json.dumps(place): {"frame": one} for place, one in enumerate(moments)}}

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        return draw(self._open(), self.frame, self.scene, theme)


def _within(value: Any, limit: int | None) -> Any:
    return min(value, limit) if limit is not None and isinstance(value, int) else value
