"""`dlviz.word2vec`: train word vectors step by step, on screen, and go back to any step."""

from time import perf_counter
from typing import Any

import torch

from dlviz.embeddings.word2vec.corpus import Corpus, read
from dlviz.embeddings.word2vec.drawing_widget import Drawing
from dlviz.embeddings.word2vec.model_recorder import Watched
from dlviz.embeddings.word2vec.record import Training
from dlviz.embeddings.word2vec.watching_widget import Watching
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: At full speed the page asks for so many seconds of training at a time; so the kernel is free between two pictures.
_BLOCK = 0.02
#: While a cell trains, a picture comes after so many seconds.
_PICTURE = 0.2


class Word2Vec(Drawing):
    """word2vec in training. A step of the player is a step of the training; any of them can be returned to.

    Attributes:
        kind: "skip-gram" or "cbow"; like the next four, it begins the training again from the same seed.
        loss: "negative" or "softmax".
        window: how many places away a neighbor may be.
        negatives: how many words are drawn for an example.
        size: how many numbers a vector has.
        rate: the learning rate from the step on at which it is set. Steps taken beyond that one are forgotten.
        axes: "aligned", every map turned to lie on the one before, or "fixed", directions as they are when it is set.
        fast: whether the page lets it train as fast as it can.
        frame: the moment that is drawn, as data for the view.
    """

    def __init__(self, run: Training, corpus: Corpus, theme: str) -> None:
        super().__init__(run, corpus, theme=theme)
        self.on_msg(self._answer)

    @property
    def training(self) -> Training:
        """The training, standing at the step that is drawn; ``.vectors`` (V, D), ``.outputs`` (V, D), ``.look()``, ``.losses``."""
        return self._open()

    def run(self, steps: int) -> float:
        """Train, and draw.

        Args:
            steps: how many steps, 1 or more.

        Returns:
            The mean loss of their examples, in nats.

        Raises:
            DlvizError: it is no such number.
        """
        run = self._open()
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
            raise DlvizError(message("word2vec.refused.steps", got=repr(steps)))
        losses, drawn = [], perf_counter()
        for _ in range(steps):
            losses.append(run.next().loss)
            if perf_counter() - drawn > _PICTURE:
                self._stand(run.step)
                drawn = perf_counter()
        self._stand(run.step)
        return float(torch.cat(losses).mean())

    def update(self, loss: Any = None) -> None:
        """Refused: nothing of the learner's is watched."""
        raise DlvizError(message("word2vec.refused.update"))

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        """The page asks for a block of steps from where it stands, as long as it plays at full speed."""
        if self._run is None or content.get("kind") != "train" or content.get("from") != self._run.step:
            return
        start = perf_counter()
        while perf_counter() - start < _BLOCK:
            self._run.next()
        self._stand(self._run.step)

    def _stand(self, step: int) -> None:
        """Step and picture cross together."""
        with self.hold_sync():
            self.step = step

    def _describe(self) -> str:
        if self._run is None:
            return message("word2vec.repr_closed")
        words, size = self._run.vectors.shape
        return message("word2vec.repr", words=words, size=size, kind=self.kind, loss=self.loss, step=self._run.step)


def word2vec(
    corpus: Any,
    *,
    kind: str = "skip-gram",
    loss: str = "negative",
    size: int = 16,
    window: int = 3,
    negatives: int = 5,
    rate: float = 0.05,
    batch: int = 1,
    seed: int = 0,
    least: int = 1,
    model: Any = None,
    theme: str = "auto",
) -> Word2Vec | Watching:
    """Train word vectors on screen, one pair of words at a time: window, scores, gradients, and words that move.

    With `model`, your own loop trains your own module, and ``view.update(loss)`` in that loop shows what it has done; the module is
    read and never changed.

    Args:
        corpus: lists of words, what ``dlviz.data.sentences()`` gives, or a text in a script with gaps, which is cut into words.
        kind: ``"skip-gram"`` (from a word guess its neighbors) or ``"cbow"`` (from the neighbors guess the word).
        loss: ``"negative"`` (tell the right word from a few drawn ones) or ``"softmax"`` (guess among all words).
        size: how many numbers a vector has; a model has its own.
        window: how many places away a neighbor may be.
        negatives: how many words are drawn for an example.
        rate: the learning rate.
        batch: how many examples a step sees; their gradients are summed.
        seed: where its random numbers begin; torch's own stream is left alone.
        least: words that occur less often are left out.
        model: a module with exactly two matrices (V, D), such as two ``nn.Embedding``, or an ``nn.Embedding`` and an ``nn.Linear(D, V)``; a
            row for each word of ``dlviz.embeddings.vocabulary(corpus, least)``, in that order.
        theme: "light", "dark" or "auto".

    Returns:
        A widget; ``.run(steps)`` trains, ``.step`` can be set to any step, ``.training`` is the training, ``.vectors`` goes into
        ``dlviz.embedding``. Of a model: ``.update(loss)``, ``.step``, ``.vectors``.

    Raises:
        DlvizError: an argument does not fit.

    Source: T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781.

    Example:
        >>> import dlviz
        >>> view = dlviz.word2vec("The cat sat on the mat. The dog sat on the rug.", size=4)
        >>> view.run(100) < 4.2
        True
        >>> view
        dlviz.word2vec(7 words of 4 numbers, skip-gram, negative, step 100)
        >>> view.step = 3
        >>> view.vectors
        Vectors of shape (7, 4)
    """
    given = read(corpus)
    if theme not in ("auto", "light", "dark"):
        raise DlvizError(message("word2vec.refused.theme", got=repr(theme)))
    settings = {"kind": kind, "loss": loss, "size": size, "window": window, "negatives": negatives, "rate": rate}
    run = Training(given.tokens, **settings, batch=batch, seed=seed, least=least)  # type: ignore[arg-type]
    if model is None:
        return Word2Vec(run, given, theme)
    watched = Watched(model, len(run.words))
    return Watching(run, given, watched, name_of(model, scope(), "net"), theme)
