"""One step of a training as data for the view: matrices, map, the numbers of the next step, and the losses so far."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.embeddings.word2vec.corpus import Corpus, context_positions
from dlviz.embeddings.word2vec.map_projection import MapAxes, aligned_sequence
from dlviz.embeddings.word2vec.model_recorder import ModelRecorder
from dlviz.embeddings.word2vec.objective import ForwardBackward, max_gradient_error
from dlviz.embeddings.word2vec.playback import Timeline
from dlviz.embeddings.word2vec.record import Training
from dlviz.kit.messages import message
from dlviz.kit.snapshots import page_indices

#: Only the most frequent words are drawn, and only the first numbers of each.
ROWS, COLUMNS = 400, 48
#: How many candidates are listed: with negative sampling, and with softmax beside the target.
LISTED, TOP = 13, 5
#: How many words of a sentence are shown on either side of the window, and how many points a loss curve has.
CONTEXT, CURVE_POINTS = 14, 200
#: How many arrows are drawn for each matrix.
ARROWS = 24
#: Limits on the snapshots in an exported page: their number, and the characters of all of them.
_PAGE_SNAPSHOTS, _PAGE_BUDGET = 40, 1_900_000


def snapshot(
    timeline: Timeline, corpus: Corpus, axes: MapAxes, last_position: int | None = None, steps: list[int] | None = None
) -> dict[str, Any]:
    """Return what is shown before the next step is taken.

    Args:
        timeline: the training or recorded module, at the position that is shown.
        corpus: the sentences.
        axes: the directions of the map.
        last_position: the last position of the player; by default the timeline's.
        steps: the training step of each position; by default the timeline's.
    """
    run = timeline.run
    passed = run.preview()
    losses, lr_schedule = timeline.losses()
    w, u = run.vectors[:ROWS], run.outputs[:ROWS]
    shown = [matrix[:, :COLUMNS].float().contiguous() for matrix in (w, u)]
    return {
        "step": run.step,
        "last_step": len(losses),
        "last_position": timeline.last_position() if last_position is None else last_position,
        "steps": timeline.steps() if steps is None else steps,
        "lr": run.lr,
        "epoch": run.step / run.steps_per_epoch,
        "w": shown[0].numpy().copy(),
        "u": shown[1].numpy().copy(),
        "max_abs": max(float(matrix.nan_to_num(0, 0, 0).abs().max()) for matrix in shown),
        "coordinates": axes.project(w).float().numpy(),
        "variance_ratio": axes.variance_ratio(w),
        "arrows": arrows(run, passed, axes),
        "table": step_table(run, passed),
        "sentence": sentence(run, corpus),
        "curve": loss_curve(losses, lr_schedule),
    }


def sentence(run: Training, corpus: Corpus) -> dict[str, Any]:
    """Return the words around the center word, each with its role in this step."""
    index, center, target = run.example_position
    tokens = corpus.tokens[index]
    context = context_positions(tokens, run.vocabulary, center, run.window)
    is_cbow = run.kind == "cbow"
    roles = dict.fromkeys(context, "known" if is_cbow else "near")
    roles |= {target: "target"} if is_cbow else {center: "known", target: "target"}
    start = max(0, min([*context, center]) - CONTEXT)
    end = min(len(tokens), max([*context, center]) + CONTEXT + 1)
    known = run.vocabulary.ids
    return {
        "index": index,
        "count": len(corpus.tokens),
        "line": corpus.lines[index] if corpus.lines else "",
        "words": list(tokens[start:end]),
        "roles": [roles.get(k, "" if tokens[k] in known else "out") for k in range(start, end)],
        "center": center - start,
        "truncated": [start > 0, end < len(tokens)],
    }


def step_table(run: Training, passed: ForwardBackward) -> dict[str, Any]:
    """Return the first example of the step: hidden vector, candidates with score, probability and error, and the loss."""
    inputs = passed.inputs[0][passed.inputs[0] >= 0]
    order = listed_candidates(run, passed)
    is_rest = torch.ones(passed.candidates.shape[1], dtype=torch.bool)
    is_rest[order] = False
    terms = F.softplus(torch.where(passed.truth[0] == 1, -passed.scores[0], passed.scores[0]))
    is_negative = run.loss == "negative"
    rows = passed.candidates[0][order].tolist()
    return {
        "example_count": len(passed.inputs),
        "inputs": inputs.tolist(),
        "known": [run.words[row] for row in inputs.tolist()],
        "hidden": rounded(passed.hidden[0]),
        "hidden_grad": rounded(passed.hidden_grad[0] / len(inputs)),
        "rows": rows,
        "words": [run.words[row] for row in rows],
        "scores": rounded(passed.scores[0][order]),
        "probs": rounded(passed.probs[0][order]),
        "truth": passed.truth[0][order].int().tolist(),
        "errors": rounded(passed.errors[0][order]),
        "terms": rounded(terms[order]) if is_negative else [],
        "rest": {
            "count": int(is_rest.sum()),
            "prob": json_number(float(passed.probs[0][is_rest].sum())),
            "error": json_number(float(passed.errors[0][is_rest].sum())),
            "term": json_number(float(terms[is_rest].sum())) if is_negative else 0.0,
        },
        "loss": json_number(float(passed.loss[0])),
    }


def listed_candidates(run: Training, passed: ForwardBackward) -> list[int]:
    """Return indices of the listed candidates: the target, then the drawn words or with softmax the most probable ones."""
    target = int(passed.truth[0].argmax())
    if run.loss == "negative":
        return [target, *(k for k in range(passed.candidates.shape[1]) if k != target)][:LISTED]
    order = passed.probs[0].argsort(descending=True, stable=True).tolist()
    return [target, *[k for k in order[: TOP + 1] if k != target][:TOP]]


def arrows(run: Training, passed: ForwardBackward, axes: MapAxes) -> list[list[Any]]:
    """Return matrix, row, word, coordinates and displacement −lr · gradient on the map of the rows that this step changes."""
    candidates = set(passed.candidates[0][listed_candidates(run, passed)].tolist())
    found: list[list[Any]] = []
    for name, matrix, (rows, gradients) in (
        ("w", run.vectors, sum_rows(*passed.input_gradients())),
        ("u", run.outputs, sum_rows(*passed.output_gradients())),
    ):
        moves = axes.project_displacements(-run.lr * gradients).tolist()
        coordinates = axes.project(matrix[rows]).tolist()
        drawn = [k for k, row in enumerate(rows.tolist()) if name == "w" or row in candidates][:ARROWS]
        for k in drawn:
            row = int(rows[k])
            found.append([name, row, run.words[row], *map(json_number, (*coordinates[k], *moves[k]))])
    return found


def sum_rows(rows: Tensor, gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row once, with the sum of its gradients."""
    unique, index = rows.unique(return_inverse=True)
    return unique, gradients.new_zeros(len(unique), gradients.shape[1]).index_add(0, index, gradients)


def loss_curve(losses: Tensor, lr_schedule: Mapping[int, float]) -> dict[str, Any]:
    """Return the mean loss of blocks of steps, at most ``CURVE_POINTS`` blocks, and the changes of the learning rate.

    Example:
        >>> loss_curve(torch.arange(450.0), {0: 0.1})["block_size"]
        5
    """
    sizes = (size for k in range(40) for size in (10**k, 2 * 10**k, 5 * 10**k))
    block_size = next(size for size in sizes if size * CURVE_POINTS >= len(losses))
    padded = F.pad(losses, (0, -len(losses) % block_size), value=float("nan"))
    return {
        "block_size": block_size,
        "means": padded.view(-1, block_size).nanmean(1).numpy(),
        "lr_changes": [[since, lr] for since, lr in sorted(lr_schedule.items())][-20:],
    }


def rounded(values: Tensor) -> list[float | str]:
    """Return numbers with seven digits, the precision of float32."""
    return [json_number(value) for value in values.tolist()]


def json_number(value: float) -> float | str:
    """Return a number with seven digits; NaN and infinities, which JSON lacks, as the strings that JavaScript's Number() reads."""
    if math.isfinite(value):
        return float(f"{value:.7g}")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def scene(run: Training, corpus: Corpus, event: str, name: str, recorder: ModelRecorder | None) -> dict[str, Any]:
    """Return what stays the same during a training, with its captions.

    Args:
        run: the training.
        corpus: the sentences.
        event: a note on the last event, or "".
        name: name of the learner's module.
        recorder: the recorder of the learner's module; ``None`` for a training.
    """
    shared = {
        "kind": run.kind,
        "loss": message(f"word2vec.loss.{run.loss}"),
        "words": f"{len(run.words):,}",
        "sentences": f"{len(corpus.tokens):,}",
    }
    return {
        "signature": message("word2vec.signature", all=f"{sum(map(len, corpus.tokens)):,}", **shared),
        "badge": badge(run),
        "notes": notes(run, corpus, event, name, recorder),
        "summary": message("word2vec.summary", size=run.vectors.shape[1], **shared),
        "trains": recorder is None,
        "labels": list(run.words[:ROWS]),
        "counts": run.vocabulary.counts[:ROWS].tolist(),
        "words": len(run.words),
        "columns": min(COLUMNS, run.vectors.shape[1]),
        "vector_size": run.vectors.shape[1],
        "kind": run.kind,
        "loss": run.loss,
        "window": run.window,
    }


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
    if corpus.by_character:
        found.append(("", message("word2vec.note.characters")))
    if corpus_words > words:
        found.append(("", message("word2vec.note.rare", count=corpus_words - words, min_count=run.min_count)))
    if words > ROWS:
        found.append(("warn", message("word2vec.note.rows", most=ROWS, count=f"{words:,}")))
    if size > COLUMNS:
        found.append(("warn", message("word2vec.note.columns", most=COLUMNS, count=size)))
    return [{"kind": kind, "text": text} for kind, text in found]


def page_snapshots(
    timeline: Timeline, corpus: Corpus, axes: MapAxes, current: int, size: int, *, aligned: bool
) -> tuple[int, list[dict[str, Any]]]:
    """Return the snapshots of an exported page, evenly spaced, and the index of the current one among them.

    The index comes first.

    Args:
        timeline: the training or recorded module; its position is restored.
        corpus: the sentences.
        axes: the axes of the current map.
        current: the current position.
        size: how many characters one snapshot takes.
        aligned: whether each map is aligned with its neighbor; otherwise all use `axes`.
    """
    positions = timeline.page_positions(current)
    budget = min(_PAGE_BUDGET, _PAGE_SNAPSHOTS * size)
    kept = [positions[k] for k in page_indices(len(positions), size, budget, positions.index(current))]
    matrices, steps = [], []
    for position in kept:
        timeline.go_to(position)
        matrices.append(timeline.run.vectors[:ROWS].clone())
        steps.append(timeline.run.step)
    index = kept.index(current)
    all_axes = aligned_sequence(matrices, index, axes) if aligned else [axes] * len(kept)
    snapshots = []
    for position, own_axes in zip(kept, all_axes, strict=True):
        timeline.go_to(position)
        snapshots.append(snapshot(timeline, corpus, own_axes, len(kept) - 1, steps))
    timeline.go_to(current)
    return index, snapshots
