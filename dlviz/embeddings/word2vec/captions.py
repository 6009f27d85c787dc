"""Texts shown with a training: signature, badge, notes and summary."""

from dlviz.embeddings.word2vec.corpus import Corpus
from dlviz.embeddings.word2vec.model_recorder import ModelRecorder
from dlviz.embeddings.word2vec.objective import max_gradient_error
from dlviz.embeddings.word2vec.record import Training
from dlviz.embeddings.word2vec.scene import COLUMNS, ROWS
from dlviz.kit.messages import message


def signature(run: Training, corpus: Corpus) -> str:
    """Return the objective, the number of words, and the size of the corpus."""
    return message(
        "word2vec.signature",
        kind=run.kind,
        loss=message(f"word2vec.loss.{run.loss}"),
        words=f"{len(run.words):,}",
        all=f"{sum(map(len, corpus.tokens)):,}",
        sentences=f"{len(corpus.tokens):,}",
    )


def summary(run: Training, corpus: Corpus) -> str:
    """Return a one-sentence description for screen readers."""
    return message(
        "word2vec.summary",
        kind=run.kind,
        loss=message(f"word2vec.loss.{run.loss}"),
        words=f"{len(run.words):,}",
        size=run.vectors.shape[1],
        sentences=f"{len(corpus.tokens):,}",
    )


def badge(run: Training) -> dict[str, str]:
    """Return the largest difference between the next step's gradients and autograd's."""
    error = max_gradient_error(run.vectors, run.outputs, run.preview(), run.loss)
    if error == 0:
        return {"kind": "good", "text": message("word2vec.badge_exact")}
    return {"kind": "good" if error < 1e-5 else "bad", "text": message("word2vec.badge", gap=f"{error:.0e}")}


def notes(run: Training, corpus: Corpus, event: str, name: str, recorder: ModelRecorder | None) -> list[dict[str, str]]:
    """Return notes on the last event, the learner's module called `name`, non-finite numbers, and what is not shown."""
    found = [("", event)] if event else []
    words, size = run.vectors.shape
    corpus_words = len({word for sentence in corpus.tokens for word in sentence})
    if recorder is not None:
        found.append(("", message("word2vec.note.recorded", name=name, w=recorder.w[0], u=recorder.u[0])))
        if recorder.has_bias:
            found.append(("warn", message("word2vec.note.bias", u=recorder.u[0])))
    if not run.vectors.isfinite().all() or not run.outputs.isfinite().all():
        found.append(("bad", message("word2vec.note.nonfinite")))
    if corpus_words > words:
        found.append(("", message("word2vec.note.rare", count=corpus_words - words, min_count=run.min_count)))
    if words > ROWS:
        found.append(("warn", message("word2vec.note.rows", most=ROWS, count=f"{words:,}")))
    if size > COLUMNS:
        found.append(("warn", message("word2vec.note.columns", most=COLUMNS, count=size)))
    return [{"kind": kind, "text": text} for kind, text in found]
