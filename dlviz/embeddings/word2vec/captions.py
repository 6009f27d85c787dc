"""What is said about a training in words: its line in the head, its notes, its summary."""

from dlviz.embeddings.word2vec.corpus import Corpus
from dlviz.embeddings.word2vec.model_recorder import Watched
from dlviz.embeddings.word2vec.objective import gap
from dlviz.embeddings.word2vec.record import Training
from dlviz.embeddings.word2vec.scene import COLUMNS, ROWS
from dlviz.kit.messages import message


def signature(run: Training, corpus: Corpus) -> str:
    """Objective, words, and how much there is to read."""
    return message(
        "word2vec.signature",
        kind=run.kind,
        loss=message(f"word2vec.loss.{run.loss}"),
        words=f"{len(run.words):,}",
        all=f"{sum(map(len, corpus.tokens)):,}",
        sentences=f"{len(corpus.tokens):,}",
    )


def summary(run: Training, corpus: Corpus) -> str:
    """One sentence for who cannot see it."""
    return message(
        "word2vec.summary",
        kind=run.kind,
        loss=message(f"word2vec.loss.{run.loss}"),
        words=f"{len(run.words):,}",
        size=run.vectors.shape[1],
        sentences=f"{len(corpus.tokens):,}",
    )


def badge(run: Training) -> dict[str, str]:
    """How far the gradients of the step in hand lie from autograd's."""
    far = gap(run.vectors, run.outputs, run.look(), run.loss)
    if far == 0:
        return {"kind": "good", "text": message("word2vec.badge_exact")}
    return {"kind": "good" if far < 1e-5 else "bad", "text": message("word2vec.badge", gap=f"{far:.0e}")}


def notes(run: Training, corpus: Corpus, told: str, name: str, watched: Watched | None) -> list[dict[str, str]]:
    """What is left out of the vocabulary or of the picture, who trains, and what has just been told."""
    found = [("", told)] if told else []
    words, size = run.vectors.shape
    different = len({word for sentence in corpus.tokens for word in sentence})
    if watched is not None:
        found.append(("", message("word2vec.note.watched", name=name, w=watched.w[0], u=watched.u[0])))
        if watched.biased:
            found.append(("warn", message("word2vec.note.biased", u=watched.u[0])))
    if not run.vectors.isfinite().all() or not run.outputs.isfinite().all():
        found.append(("bad", message("word2vec.note.wild")))
    if different > words:
        found.append(("", message("word2vec.note.rare", count=different - words, least=run.least)))
    if words > ROWS:
        found.append(("warn", message("word2vec.note.rows", most=ROWS, count=f"{words:,}")))
    if size > COLUMNS:
        found.append(("warn", message("word2vec.note.columns", most=COLUMNS, count=size)))
    return [{"kind": kind, "text": text} for kind, text in found]
