"""The learner's own module in training, looked at while the learner's own loop trains it."""

import asyncio
from time import perf_counter
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.embeddings.explorer.labeled import Vectors
from dlviz.embeddings.word2vec.corpus import Corpus
from dlviz.embeddings.word2vec.drawing_widget import Drawing
from dlviz.embeddings.word2vec.model_recorder import Watched
from dlviz.embeddings.word2vec.record import Training
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: While a loop runs, a picture comes after so many seconds.
PAUSE = 0.1


class Watching(Drawing):
    """A module's two matrices while its own loop trains it. A step of the player is a moment that was kept, up to 200 of them.

    Attributes:
        kind, loss, window, negatives, rate: how the pair that is shown is drawn and computed; nothing is trained by them.
        axes: "aligned", every map turned to lie on the one before, or "fixed", directions as they are when it is set.
        frame: the moment that is drawn, as data for the view.
    """

    def __init__(self, run: Training, corpus: Corpus, watched: Watched, name: str, theme: str) -> None:
        self._watched, self._name = watched, name
        self._drawn, self._stale, self._waiting = perf_counter(), False, False
        self._lend(run, 0)
        run.size = run.vectors.shape[1]
        super().__init__(run, corpus, theme=theme)

    @property
    def vectors(self) -> Vectors:
        """The input matrix as it is drawn, with its words, for ``dlviz.embedding(view.vectors)`` and the like."""
        self._catch_up()
        return super().vectors

    @property
    def training(self) -> Training:
        """There is none: the learner's own loop trains."""
        raise DlvizError(message("word2vec.refused.watched", call="training", name=self._name))

    def run(self, steps: int) -> float:
        """Refused: the learner's own loop trains."""
        raise DlvizError(message("word2vec.refused.watched", call="run", name=self._name))

    def update(self, loss: Any = None) -> None:
        """Keep a copy of both matrices as they are now, and draw them; called in a loop, often.

        Pictures come at most ten times a second; a loop is not held up by them. Of many moments up to 200 are kept, evenly.

        Args:
            loss: a number, or a tensor of one, for the curve.

        Raises:
            DlvizError: the loss is no number.
        """
        self._seen().take(loss)
        self._stale = True
        if perf_counter() - self._drawn > PAUSE:
            self._latest()
        elif not self._waiting:
            self._catch_up_later()

    def _catch_up_later(self) -> None:
        """What is not drawn now is drawn when the loop has let go of the kernel; a script draws it when it asks for the picture."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._waiting = True
        loop.call_later(PAUSE, self._catch_up)

    def _catch_up(self) -> None:
        """Draw the latest moment, if that has not been done."""
        self._waiting = False
        if self._run is not None and self._stale:
            self._latest()

    def _latest(self) -> None:
        self._stale = False
        with self.hold_sync():
            if self.step == self._last():
                self._moved()
            self.step = self._last()
        self._drawn = perf_counter()

    def close(self) -> None:
        """Take the widget off the page and let go of the module and of every copy."""
        self._watched = None
        super().close()

    # Where it stands.

    def _seen(self) -> Watched:
        if self._watched is None:
            raise DlvizError(message("word2vec.refused.closed"))
        return self._watched

    def _lend(self, run: Training, place: int) -> None:
        """Give the training the matrices of a frame to look at; it never takes a step with them."""
        frame = self._seen().frames[place]
        run.vectors, run.outputs, run.step = frame.w, frame.u, frame.number

    def _to(self, step: int) -> None:
        self._lend(self._open(), step)

    def _last(self) -> int:
        return len(self._seen().frames) - 1

    def _numbers(self) -> list[int]:
        return [frame.number for frame in self._seen().frames]

    def _stops(self) -> list[int]:
        return list(range(self._last() + 1))

    def _losses(self) -> tuple[Tensor, dict[int, float]]:
        return torch.tensor(self._seen().losses), {0: self.rate}

    def _restart(self) -> str:
        self._to(self.step)
        return ""

    def _take_rate(self, run: Training) -> None:
        run.rates = {0: self.rate}

    @traitlets.validate("step")
    def _within(self, proposal: Any) -> int:
        return min(int(proposal["value"]), self._last()) if self._watched is not None else int(proposal["value"])

    @traitlets.validate("size")
    def _as_it_is(self, proposal: Any) -> int:
        size = self._seen().w[1].shape[1]
        if proposal["value"] != size:
            raise DlvizError(message("word2vec.refused.size", name=self._name, size=size, got=proposal["value"]))
        return int(size)

    def _page_state(self) -> dict[str, Any]:
        self._catch_up()
        return super()._page_state()

    def _still(self) -> str:
        self._catch_up()
        return super()._still()

    def _describe(self) -> str:
        if self._run is None:
            return message("word2vec.repr_closed")
        words, size = self._run.vectors.shape
        return message(
            "word2vec.repr_watched", name=self._name, words=words, size=size, step=self._seen().frames[-1].number
        )
