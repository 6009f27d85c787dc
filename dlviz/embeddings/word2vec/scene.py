"""One moment of a training as data for a view: matrices, map, the step that comes next with its numbers, and the losses so far."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.embeddings.word2vec.axes import Axes
from dlviz.embeddings.word2vec.corpus import Corpus, around
from dlviz.embeddings.word2vec.objective import Update
from dlviz.embeddings.word2vec.record import Training

#: So many words are drawn, the most frequent ones, and so many numbers of each.
ROWS, COLUMNS = 400, 48
#: So many candidates are listed one by one: of negative sampling, and of a softmax beside the target.
LISTED, TOP = 13, 5
#: So many words of a sentence stand on either side of the one in the middle, and so many places a curve has.
SIDE, CURVE = 14, 200
#: So many arrows are drawn of either matrix.
ARROWS = 24


def moment(run: Training, corpus: Corpus, axes: Axes, losses: Tensor, rates: Mapping[int, float]) -> dict[str, Any]:
    """What is to be seen before the step that comes next.

    Args:
        run: the training, standing at a step.
        corpus: where its sentences come from.
        axes: how the map is drawn.
        losses: of every step so far (steps,).
        rates: the learning rates by the step from which they hold.
    """
    seen = run.look()
    w, u = run.vectors[:ROWS], run.outputs[:ROWS]
    shown = [matrix[:, :COLUMNS].float().contiguous() for matrix in (w, u)]
    return {
        "at": run.step,
        "reached": len(losses),
        "rate": run.rate,
        "epoch": run.step / run.steps_an_epoch,
        "w": shown[0].numpy().copy(),
        "u": shown[1].numpy().copy(),
        "most": max(float(matrix.nan_to_num(0, 0, 0).abs().max()) for matrix in shown),
        "places": axes.places(w).float().numpy(),
        "share": axes.share(w),
        "arrows": arrows(run, seen, axes),
        "card": card(run, seen),
        "sentence": sentence(run, corpus),
        "curve": curve(losses, rates),
    }


def sentence(run: Training, corpus: Corpus) -> dict[str, Any]:
    """The words around the middle one, each with what it is in this step."""
    number, middle, other = run.spot
    tokens = corpus.tokens[number]
    window = around(tokens, run.vocabulary, middle, run.window)
    cbow = run.kind == "cbow"
    roles = dict.fromkeys(window, "known" if cbow else "near")
    roles |= {other: "target"} if cbow else {middle: "known", other: "target"}
    first, last = max(0, min([*window, middle]) - SIDE), min(len(tokens), max([*window, middle]) + SIDE + 1)
    known = run.vocabulary.numbers
    return {
        "number": number,
        "count": len(corpus.tokens),
        "raw": corpus.lines[number] if corpus.lines else "",
        "words": list(tokens[first:last]),
        "roles": [roles.get(k, "" if tokens[k] in known else "out") for k in range(first, last)],
        "middle": middle - first,
        "cut": [first > 0, last < len(tokens)],
    }


def card(run: Training, seen: Update) -> dict[str, Any]:
    """The first example of the step: hidden vector, candidates with score, probability and error, and the loss."""
    inputs = seen.inputs[0][seen.inputs[0] >= 0]
    order = listed(run, seen)
    rest = torch.ones(seen.candidates.shape[1], dtype=torch.bool)
    rest[order] = False
    terms = F.softplus(torch.where(seen.truth[0] == 1, -seen.scores[0], seen.scores[0]))
    negative = run.loss == "negative"
    return {
        "examples": len(seen.inputs),
        "inputs": inputs.tolist(),
        "known": [run.words[row] for row in inputs.tolist()],
        "hidden": figures(seen.hidden[0]),
        "pull": figures(seen.pull[0] / len(inputs)),
        "rows": seen.candidates[0][order].tolist(),
        "words": [run.words[row] for row in seen.candidates[0][order].tolist()],
        "scores": figures(seen.scores[0][order]),
        "chances": figures(seen.probabilities[0][order]),
        "truth": seen.truth[0][order].int().tolist(),
        "errors": figures(seen.errors[0][order]),
        "terms": figures(terms[order]) if negative else [],
        "rest": {
            "count": int(rest.sum()),
            "chance": figures(seen.probabilities[0][rest].sum()[None])[0],
            "error": figures(seen.errors[0][rest].sum()[None])[0],
            "term": figures(terms[rest].sum()[None])[0] if negative else 0.0,
        },
        "loss": figures(seen.loss[:1])[0],
    }


def listed(run: Training, seen: Update) -> list[int]:
    """Places of the candidates that are listed: the target first, then the drawn ones, or of a softmax the most probable."""
    target = int(seen.truth[0].argmax())
    if run.loss == "negative":
        return [target, *(k for k in range(seen.candidates.shape[1]) if k != target)][:LISTED]
    order = seen.probabilities[0].argsort(descending=True, stable=True).tolist()
    return [target, *[k for k in order[: TOP + 1] if k != target][:TOP]]


def arrows(run: Training, seen: Update, axes: Axes) -> list[list[Any]]:
    """Rows that this step moves: matrix, row, word, place on the map, and −rate · gradient there, at its true length."""
    candidates = seen.candidates[0][listed(run, seen)].tolist()
    shown = {"u": set(candidates), "w": None}
    found: list[list[Any]] = []
    for name, matrix, changed in (("w", run.vectors, seen.input_rows()), ("u", run.outputs, seen.output_rows())):
        rows, gradients = summed(*changed)
        moves = axes.steps(-run.rate * gradients).tolist()
        places = axes.places(matrix[rows]).tolist()
        only = shown[name]
        drawn = [k for k, row in enumerate(rows.tolist()) if only is None or row in only][:ARROWS]
        found += [[name, int(rows[k]), run.words[int(rows[k])], *map(short, (*places[k], *moves[k]))] for k in drawn]
    return found


def summed(rows: Tensor, gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Each row once, with the sum of what is added to it."""
    once, where = rows.unique(return_inverse=True)
    return once, gradients.new_zeros(len(once), gradients.shape[1]).index_add(0, where, gradients)


def curve(losses: Tensor, rates: Mapping[int, float]) -> dict[str, Any]:
    """The mean loss of blocks of steps, at most `CURVE` of them, and the steps at which the rate was changed.

    Example:
        >>> curve(torch.arange(450.0), {0: 0.1})["block"]
        5
    """
    block = next(size for k in range(40) for size in (10**k, 2 * 10**k, 5 * 10**k) if size * CURVE >= len(losses))
    padded = F.pad(losses, (0, -len(losses) % block), value=float("nan"))
    return {
        "block": block,
        "means": padded.view(-1, block).nanmean(1).numpy(),
        "rates": [[since, rate] for since, rate in sorted(rates.items())][-20:],
    }


def figures(values: Tensor) -> list[float | str]:
    """Seven figures each, which is what float32 has."""
    return [short(value) for value in values.tolist()]


def short(value: float) -> float | str:
    """Seven figures; what JSON cannot hold by the name that a browser knows."""
    if math.isfinite(value):
        return float(f"{value:.7g}")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def scene(run: Training, told: Mapping[str, Any]) -> dict[str, Any]:
    """What stays as it is while the training goes on, and what is told in words."""
    counts = run.vocabulary.counts
    return {
        **told,
        "labels": list(run.words[:ROWS]),
        "counts": counts[:ROWS].tolist(),
        "words": len(run.words),
        "columns": min(COLUMNS, run.vectors.shape[1]),
        "size": run.vectors.shape[1],
        "kind": run.kind,
        "loss": run.loss,
        "window": run.window,
    }
