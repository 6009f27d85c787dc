"""`dlviz.word2vec`: train word vectors step by step, or record the learner's own training, and return to any step."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import traitlets

from dlviz.embeddings.explorer.labeled_vectors import Vectors
from dlviz.embeddings.word2vec.corpus import Corpus, read_corpus
from dlviz.embeddings.word2vec.map_projection import AxesTracker, MapAxes
from dlviz.embeddings.word2vec.model_recorder import ModelRecorder
from dlviz.embeddings.word2vec.playback import RecorderTimeline, Timeline
from dlviz.embeddings.word2vec.record import Defaults, Training
from dlviz.embeddings.word2vec.scene import ROWS, page_snapshots, scene, snapshot
from dlviz.embeddings.word2vec.still import draw
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget, binary

#: How many seconds the page's full speed trains at a time; between two blocks the kernel is free.
BLOCK = 0.02
#: Seconds between two pictures while :meth:`Word2Vec.run` trains, and while the learner's loop calls :meth:`Word2Vec.update`.
RUN_INTERVAL, UPDATE_INTERVAL = 0.2, 0.1
_OBJECTIVE = ("kind", "loss", "window", "negatives", "vector_size")
#: The largest values that a page may set, and how many steps its player may run ahead of the kernel.
_PAGE_LIMITS, _STEPS_AHEAD = {"window": 50, "negatives": 100, "vector_size": 512}, 50


class Redraw:
    """Calls a function at most once an interval, and at last after the loop that asks for it has ended."""

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw = draw
        self._drawn = perf_counter()
        self._is_stale = self._is_scheduled = False

    def request(self) -> None:
        """Draw now if the interval has passed, otherwise later; a script without an event loop draws in :meth:`flush`."""
        self._is_stale = True
        if perf_counter() - self._drawn > UPDATE_INTERVAL:
            self.flush()
        elif not self._is_scheduled:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._is_scheduled = True
            loop.call_later(UPDATE_INTERVAL, self.flush)

    def flush(self) -> None:
        """Draw if that is still to be done."""
        self._is_scheduled = False
        if self._is_stale:
            self._is_stale = False
            self._draw()
            self._drawn = perf_counter()

    def cancel(self) -> None:
        """Forget a drawing that is still to be done."""
        self._is_stale = False


class Word2Vec(Widget):
    """Widget that shows a training of word vectors: window, matrices, map, the numbers of the next step, and the losses.

    A step of the player is a step of the training. With ``model=`` it is a snapshot of the learner's module, up to 200 of them; then
    kind, loss, window, negatives and lr only decide which step is shown, and nothing is trained.

    Attributes:
        kind: "skip-gram" or "cbow"; a change of this or one of the next four restarts the training from the same seed.
        loss: "negative" or "softmax".
        window: the largest distance of a neighbor.
        negatives: how many words are drawn for an example.
        vector_size: how many numbers a vector has; a model has its own.
        lr: the learning rate from the current step on. A change discards later steps.
        axes: "aligned" for maps that are each aligned with the one before, or "fixed" for the axes at the time it is set.
        full_speed: whether the page trains as fast as possible.
        snapshot: the current step, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "word2vec"
    _function = "word2vec"
    _tensor_attributes = ("_timeline", "_axes", "_map_axes", "_corpus", "_waiting_update")

    kind = traitlets.Enum(("skip-gram", "cbow"), help="what is predicted from what").tag(sync=True)
    loss = traitlets.Enum(("negative", "softmax"), help="the words among which the target is predicted").tag(sync=True)
    window = traitlets.Int(Defaults.window, min=1, help="the largest distance of a neighbor").tag(sync=True)
    negatives = traitlets.Int(Defaults.negatives, min=1, help="words drawn for an example").tag(sync=True)
    vector_size = traitlets.Int(Defaults.vector_size, min=1, help="numbers of a vector").tag(sync=True)
    lr = traitlets.Float(Defaults.lr, help="the learning rate").tag(sync=True)
    axes = traitlets.Enum(("aligned", "fixed"), "aligned", help="how the map is rotated").tag(sync=True)
    full_speed = traitlets.Bool(False, help="whether it trains at full speed").tag(sync=True)
    snapshot = traitlets.Dict(help="the current step").tag(sync=True)

    def __init__(self, timeline: Timeline, corpus: Corpus, model_name: str = "", theme: str = "auto") -> None:
        self._timeline, self._corpus, self._watched_name = timeline, corpus, model_name
        self._axes = AxesTracker()
        self._map_axes: MapAxes
        self._redraw = Redraw(lambda: self._update_when_drawn(self._show_latest))
        super().__init__(theme=theme, **{name: getattr(timeline.run, name) for name in (*_OBJECTIVE, "lr")})
        self._draw_all()
        self.observe(self._update_objective, list(_OBJECTIVE))
        self.observe(self._update_lr, "lr")
        self.observe(self._update_step, "step")
        self.observe(self._update_axes, "axes")

    @property
    def training(self) -> Training:
        """The training at the current step, with ``.vectors`` (V, D), ``.outputs`` (V, D), ``.preview()`` and ``.losses``.

        Raises:
            DlvizError: the learner's own loop trains.
        """
        self._check_open()
        self._refuse_if_recording("training")
        return self._timeline.run

    @property
    def vectors(self) -> Vectors:
        """The shown word vectors, for ``dlviz.embedding(view.vectors)``, ``neighbors(view.vectors, "king")`` and so on."""
        self._check_open()
        self._flush()
        run = self._timeline.run
        return Vectors(run.vectors.clone(), run.words)

    def run(self, steps: int) -> float:
        """Train and draw.

        Args:
            steps: how many steps, 1 or more.

        Returns:
            The mean loss of their examples, in nats.

        Raises:
            DlvizError: `steps` is no such number, or the learner's own loop trains.
        """
        self._check_open()
        self._refuse_if_recording("run")
        if not is_integer(steps) or steps < 1:
            raise DlvizError(message("word2vec.refused.steps", got=repr(steps)))
        run, losses, drawn = self._timeline.run, [], perf_counter()
        for _ in range(steps):
            losses.append(run.take_step().loss)
            if perf_counter() - drawn > RUN_INTERVAL:
                self._update_when_drawn(lambda: self._set_step(run.step))
                drawn = perf_counter()
        self._set_step(run.step)
        return float(torch.cat(losses).mean())

    def update(self, loss: Any = None) -> None:
        """Record the module's two matrices and show them; the learner's loop calls it after a step.

        The picture is redrawn at most ten times a second, so a loop is not slowed down. Up to 200 snapshots are kept, evenly spaced.

        Args:
            loss: a number, or a tensor of one number, for the loss curve.

        Raises:
            DlvizError: the loss is no number, or there is no ``model=``.
        """
        self._check_open()
        if self._timeline.recorder is None:
            raise DlvizError(message("word2vec.refused.update"))
        self._timeline.recorder.record(loss)
        self._redraw.request()

    def close(self) -> None:
        """Remove the widget from the page and release matrices, module and corpus."""
        self._redraw.cancel()
        super().close()

    # Reactions to traits and messages.

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Apply what a page sets, within limits, because the kernel computes it."""
        limits = _PAGE_LIMITS | {"step": 0 if self._closed else self._timeline.last_position() + _STEPS_AHEAD}
        super().set_state({name: _clamp(value, limits.get(name)) for name, value in sync_data.items()})

    def _on_train(self, content: Mapping[str, Any]) -> None:
        """Train a short block, unless the page asks from a step that is no longer the current one."""
        run = self._timeline.run
        if self._timeline.recorder is not None or content.get("from") != run.step:
            return
        start = perf_counter()
        while perf_counter() - start < BLOCK:
            run.take_step()
        self._set_step(run.step)

    def _update_step(self, _: Any = None) -> None:
        if self._closed:
            return
        with self.hold_sync():
            self._timeline.go_to(self.step)
            self.lr = self._timeline.run.lr
            self._draw_snapshot()

    def _update_objective(self, _: Any) -> None:
        """Start another training from the same seed, or show another step of the recorded module."""
        if self._closed:
            return
        old, recorder = self._timeline.run, self._timeline.recorder
        settings = {name: getattr(self, name) for name in (*_OBJECTIVE, "lr")}
        shared = {name: getattr(old, name) for name in ("batch_size", "seed", "min_count")}
        run = Training(self._corpus.tokens, **settings, **shared)
        self._timeline = Timeline(run) if recorder is None else RecorderTimeline(run, recorder)
        with self.hold_sync():
            self.full_speed = self.playing = False
            self._axes = AxesTracker()
            if recorder is None:
                self.step = 0
                self._draw_all(message("word2vec.note.restarted", seed=run.seed))
            else:
                self._timeline.go_to(self.step)
                self._draw_all()

    def _update_lr(self, _: Any) -> None:
        if self._closed:
            return
        before = self._timeline.run.last_step
        self._timeline.set_lr(self.lr)
        discarded = before - self._timeline.run.last_step
        note = message("word2vec.note.discarded", count=discarded, lr=f"{self.lr:g}") if discarded else ""
        self._draw_all(note)

    def _update_axes(self, _: Any) -> None:
        if not self._closed:
            self._draw_snapshot()

    @traitlets.validate("lr")
    def _validate_lr(self, proposal: Any) -> float:
        if not 0 < proposal["value"] < float("inf"):
            raise DlvizError(message("embedding.refused.lr", got=repr(proposal["value"])))
        return float(proposal["value"])

    @traitlets.validate("step")
    def _validate_step(self, proposal: Any) -> int:
        step = int(proposal["value"])
        is_recording = not self._closed and self._timeline.recorder is not None
        return min(step, self._timeline.last_position()) if is_recording else step

    @traitlets.validate("vector_size")
    def _validate_vector_size(self, proposal: Any) -> int:
        size = int(proposal["value"])
        own = self._timeline.run.vectors.shape[1] if not self._closed and self._timeline.recorder else size
        if size != own:
            raise DlvizError(message("word2vec.refused.vector_size", name=self._watched_name, size=own, got=size))
        return size

    def _refuse_if_recording(self, call: str) -> None:
        if self._timeline.recorder is not None:
            raise DlvizError(message("word2vec.refused.recording", call=call, name=self._watched_name))

    # Drawing.

    def _set_step(self, step: int) -> None:
        """Move the player; step and picture are sent together."""
        with self.hold_sync():
            self.step = step

    def _flush(self) -> None:
        """Draw what is still to be drawn, also what waits for the page."""
        self._redraw.flush()
        self._update_waiting()

    def _show_latest(self) -> None:
        """Move the player to the latest snapshot and draw it, which thinning may have put at the current position."""
        last = self._timeline.last_position()
        with self.hold_sync():
            if self.step == last:
                self._update_step()
            self.step = last

    def _draw_all(self, note: str = "") -> None:
        run, recorder = self._timeline.run, self._timeline.recorder
        with self.hold_sync():
            self.scene = scene(run, self._corpus, note, self._watched_name, recorder)
            self._draw_snapshot()

    def _draw_snapshot(self) -> None:
        self._map_axes = self._axes.update(self._timeline.run.vectors[:ROWS], aligned=self.axes == "aligned")
        self.snapshot = binary(snapshot(self._timeline, self._corpus, self._map_axes))

    def _page_snapshots(self) -> tuple[int, list[dict[str, Any]]]:
        size, aligned = len(to_json(self.snapshot)), self.axes == "aligned"
        found = page_snapshots(self._timeline, self._corpus, self._map_axes, self.step, size, aligned=aligned)
        return found[0], binary(found[1])

    def _page_state(self) -> dict[str, Any]:
        self._flush()
        index, snapshots = self._page_snapshots()
        changed = {"step": index, "snapshot": snapshots[index], "full_speed": False, "playing": False}
        return super()._page_state() | changed

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the snapshots that a page plays."""
        _, snapshots = self._page_snapshots()
        return {"step": {json.dumps(k): {"snapshot": one} for k, one in enumerate(snapshots)}}

    def _still(self) -> str:
        self._flush()
        return draw(self.snapshot, self.scene, self._still_theme)

    def _describe(self) -> str:
        run, recorder = self._timeline.run, self._timeline.recorder
        words, size = run.vectors.shape
        if recorder is None:
            return message("word2vec.repr", words=words, size=size, kind=self.kind, loss=self.loss, step=run.step)
        step = recorder.snapshots[-1].index
        return message("word2vec.repr_recording", name=self._watched_name, words=words, size=size, step=step)


def _clamp(value: Any, limit: int | None) -> Any:
    return min(value, limit) if limit is not None and isinstance(value, int) else value


@suggests_names
def word2vec(
    corpus: Any,
    *,
    kind: str = Defaults.kind,
    loss: str = Defaults.loss,
    vector_size: int = Defaults.vector_size,
    window: int = Defaults.window,
    negatives: int = Defaults.negatives,
    lr: float = Defaults.lr,
    batch_size: int = Defaults.batch_size,
    seed: int = Defaults.seed,
    min_count: int = Defaults.min_count,
    model: Any = None,
    theme: str = "auto",
) -> Word2Vec:
    """Train word vectors on screen, one pair of words at a time: window, scores, gradients, and words that move.

    With `model`, your own loop trains your own module, and ``view.update(loss)`` in that loop shows what it has done; the module is
    read and never changed.

    Args:
        corpus: lists of words, ``dlviz.data.sentences()``, or a text or several, which are split into words; where a script has no spaces,
            into characters.
        kind: ``"skip-gram"`` (predict each neighbor of a word) or ``"cbow"`` (predict a word from its neighbors).
        loss: ``"negative"`` (distinguish the target from a few drawn words) or ``"softmax"`` (predict among all words).
        vector_size: how many numbers a vector has; a model has its own.
        window: the largest distance of a neighbor.
        negatives: how many words are drawn for an example.
        lr: the learning rate.
        batch_size: examples in a step; their gradients are summed.
        seed: the seed of its random numbers; torch's global random state is not used.
        min_count: words that occur less often are left out.
        model: a module with exactly two matrices (V, D), such as two ``nn.Embedding``, or an ``nn.Embedding`` and an ``nn.Linear(D, V)``,
            with a row for each word of ``dlviz.embeddings.vocabulary(corpus, min_count)``, in that order.
        theme: "light", "dark" or "auto".

    Returns:
        A widget; ``.run(steps)`` trains, ``.step`` can be set to any step, ``.training`` is the training, ``.vectors`` goes into
        ``dlviz.embedding``. With a model: ``.update(loss)``, ``.step``, ``.vectors``.

    Raises:
        DlvizError: an argument does not fit.

    Source: T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781.

    Example:
        >>> import dlviz
        >>> view = dlviz.word2vec("The cat sat on the mat. The dog sat on the rug.", vector_size=4)
        >>> view.run(100) < 4.2
        True
        >>> view
        dlviz.word2vec(7 words of 4 numbers, skip-gram, negative, step 100)
        >>> view.step = 3
        >>> view.vectors
        Vectors of shape (7, 4)
    """
    given = read_corpus(corpus)
    if theme not in ("auto", "light", "dark"):
        raise DlvizError(message("word2vec.refused.theme", got=repr(theme)))
    settings: dict[str, Any] = {"kind": kind, "loss": loss, "vector_size": vector_size, "window": window}
    settings |= {"negatives": negatives, "lr": lr, "batch_size": batch_size, "seed": seed, "min_count": min_count}
    run = Training(given.tokens, **settings)
    if model is None:
        return Word2Vec(Timeline(run), given, theme=theme)
    timeline = RecorderTimeline(run, ModelRecorder(model, len(run.words)))
    return Word2Vec(timeline, given, name_of(model, scope(), "net"), theme)
