"""Generated text as a JSON-able picture: the tokens of every continuation, and the distribution behind each of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.generation.cache_cost import CacheCost
from dlviz.generation.record import Continuation, Step, rows_of
from dlviz.generation.sampling import ROWS, Settings
from dlviz.generation.widget_state import GeneratedText
from dlviz.kit.messages import counted, message

#: Most tokens of the prompt that are drawn, the last ones.
MAX_PROMPT = 300
#: Most rows of all steps together; where there are more steps, fewer tokens of each are drawn one by one.
MAX_ROWS = 50_000
#: Fields of a step's rows, and numbers of a step, that travel.
_FIELDS = ("logits", "scaled", "softmax", "running", "probs")
_NUMBERS = ("u", "low", "high", "prob", "log_prob", "drawn", "others_softmax", "others_prob", "kept_k", "kept_p")


def scene(generated: GeneratedText, name: str) -> dict[str, Any]:
    """Return everything the view draws.

    Args:
        generated: the model and its continuations.
        name: the learner's variable.
    """
    shown = generated.prompt[-MAX_PROMPT:]
    every = [step for one in generated.continuations for step in one.steps]
    settings = list(dict.fromkeys(step.settings for step in every))
    count = min(ROWS, MAX_ROWS // max(1, len(every)))
    rows = rows_of(every, "ids")[:, :count].unique().tolist()
    drawn = {step.draw.token for step in every if step.draw is not None}
    ids = sorted({*shown, *rows, *drawn, *(step.token for step in every if step.token >= 0)})
    return {
        "vocabulary": generated.source.vocabulary,
        "target": generated.target,
        "pending": not generated.is_complete(),
        "prompt": list(shown),
        "cropped": len(generated.prompt) - len(shown),
        "names": {str(one): text for one, text in generated.tokenizer.names(ids).items()},
        "separator": generated.tokenizer.separator(generated.continuations[0].ids),
        "settings": [[one.temperature, one.top_k, one.top_p, one.greedy] for one in settings],
        "continuations": [_continuation(one, settings, count) for one in generated.continuations],
        "cost": _cost(generated.cost),
        "signature": signature(generated, name),
        "badge": _badge(generated.cost, every),
        "notes": _notes(generated, len(shown)),
        "summary": _summary(generated),
    }


def signature(generated: GeneratedText, name: str) -> str:
    """Return the line in the card's head: the variable, its class, and how much is generated."""
    kind = type(generated.source.model).__name__
    return message(
        "generation.signature",
        name=name if kind == "function" else f"{name} = {kind}",
        prompt=len(generated.prompt),
        tokens=counted("generation.count.tokens", generated.target),
        vocabulary=f"{generated.source.vocabulary:,}",
    )


def _continuation(one: Continuation, settings: Sequence[Settings], count: int) -> dict[str, Any]:
    """Return one continuation with the first `count` rows of each step."""
    steps = one.steps
    numbers = np.array([_numbers(step, count) for step in steps], np.float64).reshape(len(steps), len(_NUMBERS))
    ids = rows_of(steps, "ids")[:, :count]
    return {
        "tokens": [step.token for step in steps],
        "chosen": [step.is_chosen for step in steps],
        "settings": [settings.index(step.settings) for step in steps],
        "rows": ids.shape[1],
        "ids": ids.to(torch.int32).numpy(),
        "cuts": rows_of(steps, "cuts")[:, :count].to(torch.uint8).numpy(),
        **{name: _floats(rows_of(steps, name)[:, :count]) for name in _FIELDS},
        "numbers": {name: numbers[:, k].copy() for k, name in enumerate(_NUMBERS)},
        "count": len(one.generated),
        "log_prob": one.log_prob,
        "perplexity": one.perplexity,
    }


def _floats(values: Tensor) -> np.ndarray:
    return values.to(torch.float32).contiguous().numpy()


def _numbers(step: Step, count: int) -> list[float]:
    if step.draw is None or step.rows is None:
        return [step.u, *[float("nan")] * (len(_NUMBERS) - 1)]
    rows, draw = step.rows, step.draw
    chances = [step.u, draw.low, draw.high, step.prob, step.log_prob, float(draw.token)]
    more = [float(values[count:].sum()) for values in (rows.softmax, rows.probs)]
    return [*chances, rows.others_softmax + more[0], rows.others_prob + more[1], *map(float, rows.kept)]


def _cost(cost: CacheCost) -> dict[str, Any]:
    return {
        "steps": list(cost.steps),
        "lengths": list(cost.lengths),
        "uncached": list(cost.uncached),
        "cached": None if cost.cached is None else list(cost.cached),
        "bytes": list(cost.bytes),
        "layers": cost.layers,
        "tensors": cost.tensors,
        "shape": list(cost.shape),
        "same_tokens": cost.same_tokens,
    }


def _badge(cost: CacheCost, steps: Sequence[Step]) -> dict[str, str]:
    """Return how far both models are apart, or how far the probabilities are from a sum of 1."""
    if cost.bytes:
        scale = max(
            (float(step.logits[torch.isfinite(step.logits)].abs().max()) for step in steps if step.draw), default=1.0
        )
        good = cost.max_error <= 1e-4 * max(1.0, scale)
        return {"kind": "good" if good else "bad", "text": message("generation.badge_cached", off=_off(cost.max_error))}
    sums = [
        float(step.rows.probs.double().sum()) + step.rows.others_prob - 1 for step in steps if step.rows is not None
    ]
    off = max(map(abs, sums), default=0.0)
    return {"kind": "good" if off < 1e-5 else "", "text": message("generation.badge", off=_off(off))}


def _off(value: float) -> str:
    return f"{value:.0e}" if value else "0"


def _notes(generated: GeneratedText, shown: int) -> list[dict[str, str]]:
    notes = []
    for number, one in enumerate(generated.continuations, 1):
        if one.has_ended:
            logits = one.steps[-1].logits
            key = (
                "nan" if bool(logits.isnan().any()) else "infinite" if bool((logits == torch.inf).any()) else "nothing"
            )
            bad = logits.isnan() if key == "nan" else logits.isinf()
            values = {
                "number": number,
                "tokens": counted("generation.count.tokens", len(one.ids)),
                "count": int(bad.sum()),
                "all": len(logits),
            }
            notes.append({"kind": "bad", "text": message(f"generation.note.{key}", **values)})
    if generated.source.was_training:
        notes.append({"kind": "", "text": message("generation.note.training")})
    if shown < len(generated.prompt):
        notes.append({"kind": "", "text": message("generation.note.prompt", shown=shown, count=len(generated.prompt))})
    return notes


def _summary(generated: GeneratedText) -> str:
    first = generated.continuations[0]
    return message(
        "generation.summary",
        prompt=_clipped(generated.tokenizer.text(list(generated.prompt[-60:]))),
        text=_clipped(generated.tokenizer.text(first.generated)) if first.generated else "",
        tokens=counted("generation.count.tokens", len(first.generated)),
        continuations=counted("generation.count.texts", len(generated.continuations)),
        perplexity=f"{first.perplexity:.3g}",
    )


def _clipped(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
