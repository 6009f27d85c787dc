"""What the widget draws: costs before and after, weights of each layer, all trials as points, and the classes that lost most."""

from typing import Any

import numpy as np
from torch import Tensor

from dlviz.compression.measurement import Latency
from dlviz.compression.quantization import METHODS, is_available
from dlviz.compression.record import LEVELS, Layer, Settings, Trial
from dlviz.compression.widget_state import CompressionState
from dlviz.kit.messages import message
from dlviz.kit.svg_grid import format_number

#: Layers that are listed, and classes that have a bar.
MAX_LAYERS, MAX_CLASSES = 40, 6
#: Times whose ratio is below this are called the same if their spreads overlap.
_CLOSE = 1.15


def scene(
    state: CompressionState, index: int, name: str, metric: str, failure: str = "", progress: str = ""
) -> dict[str, Any]:
    """Return what the view draws of a trial.

    Args:
        state: the state behind the picture.
        index: index of the trial.
        name: the learner's name of the model.
        metric: what the score is called.
        failure: why the last request could not be answered, "" if it could.
        progress: how far a sweep has come, "" if none runs.
    """
    trial = state.trials[index]
    return {
        "metric": metric,
        "progress": progress,
        "percent": trial.evaluation.recall is not None,
        "points": [_point(one) for one in (*state.trials, *([] if state.student is None else [state.student]))],
        "curves": curves(state.trials),
        "labels": [label(one.settings) for one in state.trials],
        "costs": costs(state, trial, metric),
        "speed": speed(state, trial),
        "layers": [_layer(one) for one in trial.layers[:MAX_LAYERS]],
        "levels": LEVELS,
        "classes": worst_classes(state, trial),
        "by_class": trial.evaluation.recall is not None,
        "methods": [[method, _is_offered(state, method)] for method in METHODS],
        "has_channels": state.has_channels,
        "signature": signature(state, name),
        "badge": {"text": badge(state, trial), "kind": ""},
        "notes": _notes(state, trial, failure),
        "summary": summary(state, trial, name, metric),
    }


def _is_offered(state: CompressionState, method: str) -> bool:
    return method == "none" or (state.has_linear and is_available())


def _point(trial: Trial) -> dict[str, Any]:
    plan, timed = trial.settings, trial.latency
    return {
        "amount": plan.amount,
        "pruning": "channels" if plan.structured else plan.scope if plan.amount else "none",
        "quantize": plan.quantize,
        "student": trial.is_student,
        "score": trial.score,
        "disk": trial.size.disk,
        "zipped": trial.size.zipped,
        "latency": None if timed is None else [value / timed[0].median for value in _quartiles(timed[1])],
        "text": [bytes_text(trial.size.disk), bytes_text(trial.size.zipped), score_text(trial)],
    }


def _quartiles(timed: Latency) -> tuple[float, float, float]:
    return timed.q25, timed.median, timed.q75


def curves(trials: list[Trial]) -> list[list[int]]:
    """Return the trials that differ in the amount alone, each group in the order of the amount, with the one of amount 0 first."""
    groups: dict[Settings, list[int]] = {}
    for index, trial in enumerate(trials):
        plan = trial.settings
        if plan.amount:
            groups.setdefault(Settings(0.0, plan.scope, plan.structured, plan.quantize), []).append(index)
    starts = {trial.settings.quantize: index for index, trial in enumerate(trials) if not trial.settings.amount}
    return [
        [
            *([starts[kind.quantize]] if kind.quantize in starts else []),
            *sorted(found, key=lambda k: trials[k].settings.amount),
        ]
        for kind, found in groups.items()
    ]


def label(plan: Settings) -> str:
    """Return settings as text, such as "50% of each layer, int8 weights"."""
    kind = "channels" if plan.structured else plan.scope
    pruned = message(f"compression.pruned.{kind}", share=percent(plan.amount)) if plan.amount else ""
    rounded = message(f"compression.method.{_key(plan.quantize)}") if plan.quantize != "none" else ""
    return ", ".join(filter(None, (pruned, rounded))) or message("compression.original")


def _key(method: str) -> str:
    return method.replace(" ", "_")


def costs(state: CompressionState, trial: Trial, metric: str) -> dict[str, Any]:
    """Return the table of costs: columns, and rows of a name and a text for each column."""
    first, student = state.trials[0], state.student
    shown = [first, trial, *([] if student is None else [student])]
    heads = ["before", "now", *([] if student is None else ["student"])]
    rows = [
        [message("compression.cost.disk"), *(bytes_text(one.size.disk) for one in shown)],
        [message("compression.cost.zipped"), *(bytes_text(one.size.zipped) for one in shown)],
        [metric, *map(score_text, shown)],
        [message("compression.cost.nonzero"), *(f"{one.nonzero:,}" for one in shown)],
    ]
    if trial.latency is not None:
        # The original is timed in turns with each of the others.
        rows.append([message("compression.cost.time"), *_times(trial, student, lambda one: seconds_text(one.median))])
        rows.append([message("compression.cost.spread"), *_times(trial, student, spread_text)])
    return {
        "heads": [message(f"compression.head.{head}") for head in heads],
        "rows": rows,
        "timed": "" if trial.latency is None else timed_text(trial.latency[1]),
    }


def timed_text(timed: Latency) -> str:
    """Return how a time was measured."""
    batch = "" if timed.batch is None else message("compression.batch", count=timed.batch)
    threads = message("compression.threads" if timed.threads > 1 else "compression.thread", count=timed.threads)
    return message("compression.timed", rounds=timed.rounds, how=", ".join(filter(None, (batch, threads))))


def _times(trial: Trial, student: Trial | None, text: Any) -> list[str]:
    assert trial.latency is not None
    others = [] if student is None else ["" if student.latency is None else text(student.latency[1])]
    return [text(trial.latency[0]), text(trial.latency[1]), *others]


def speed(state: CompressionState, trial: Trial) -> str:
    """Return in words what the compression does to the time of a call."""
    plan = trial.settings
    if plan == Settings():
        return message("compression.speed.none")
    parts = []
    if plan.structured:
        parts.append(message("compression.speed.channels"))
    elif plan.amount:
        parts.append(message("compression.speed.pruned", share=percent(trial.sparsity)))
    if plan.quantize != "none":
        parts.append(message(f"compression.speed.{_key(plan.quantize)}"))
    return " ".join([*parts, _time(trial)])


def _time(trial: Trial) -> str:
    if trial.latency is None:
        return message("compression.speed.unmeasured")
    before, now = trial.latency
    ratio = now.median / before.median
    is_close = 1 / _CLOSE <= ratio <= _CLOSE
    kind = ("same" if is_close else "overlap") if before.overlaps(now) else "faster" if ratio < 1 else "slower"
    return message(f"compression.speed.{kind}", ratio=format_number(ratio, 2 if ratio < 1 else 3))


def _layer(layer: Layer) -> dict[str, Any]:
    steps, integers = layer.levels if layer.levels is not None else (None, None)
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "zeros": layer.zeros,
        "count": layer.count,
        "quantized": layer.quantized,
        "limit": layer.limit,
        "before": _int32(layer.before),
        "after": _int32(layer.after),
        "error": format_number(layer.error, 2),
        "steps": None if steps is None else steps.float().numpy(),
        "integers": None if integers is None else _int32(integers),
    }


def _int32(values: Tensor) -> np.ndarray[Any, np.dtype[np.int32]]:
    return values.int().numpy()


def worst_classes(state: CompressionState, trial: Trial) -> list[dict[str, Any]]:
    """Return the classes that lost most, the worst first: name, recall before and now, and number of examples."""
    before, now = state.trials[0].evaluation, trial.evaluation
    if before.recall is None or now.recall is None or before.counts is None or len(before.recall) != len(now.recall):
        return []
    drop = (before.recall - now.recall).nan_to_num(nan=-2.0)
    order = drop.argsort(descending=True, stable=True).tolist()
    return [
        {
            "name": before.classes[k],
            "before": float(before.recall[k]),
            "now": float(now.recall[k]),
            "count": int(before.counts[k]),
        }
        for k in order[:MAX_CLASSES]
        if int(before.counts[k])
    ]


def signature(state: CompressionState, name: str) -> str:
    """Return one line that describes the model."""
    first = state.trials[0]
    return message(
        "compression.signature",
        name=name,
        count=f"{first.parameters:,}",
        layers=len(first.layers),
        size=bytes_text(first.size.disk),
    )


def badge(state: CompressionState, trial: Trial) -> str:
    """Return the zipped size of a trial as a share of that of the original."""
    return message("compression.badge", share=percent(trial.size.zipped / state.trials[0].size.zipped))


def summary(state: CompressionState, trial: Trial, name: str, metric: str) -> str:
    """Return the picture in a sentence or two, for screen readers."""
    first = state.trials[0]
    values = {
        "name": name,
        "what": label(trial.settings),
        "size": bytes_text(trial.size.disk),
        "zipped": bytes_text(trial.size.zipped),
        "before": bytes_text(first.size.zipped),
        "metric": metric,
        "score": score_text(trial),
        "old": score_text(first),
    }
    return message("compression.summary", **values)


def _notes(state: CompressionState, trial: Trial, failure: str) -> list[dict[str, str]]:
    notes = [{"kind": "bad", "text": failure}] if failure else []
    if not is_available():
        notes.append({"kind": "", "text": message("compression.note.no_torchao")})
    broken = [layer for layer in trial.layers if layer.not_finite]
    if broken:
        values = {"names": _first([layer.name for layer in broken]), "count": sum(layer.not_finite for layer in broken)}
        notes.append({"kind": "warn", "text": message("compression.note.not_finite", **values)})
    facts = []
    if trial.settings.structured:
        facts.append(message("compression.note.last_layer", name=trial.layers[-1].name))
    left = [layer.name for layer in trial.layers if not layer.quantized]
    if trial.settings.quantize != "none" and left:
        facts.append(message("compression.note.not_linear", names=_first(left)))
    if len(trial.layers) > MAX_LAYERS:
        facts.append(message("compression.note.layers", drawn=MAX_LAYERS, count=len(trial.layers)))
    return [*notes, *([{"kind": "", "text": " ".join(facts)}] if facts else [])]


def _first(names: list[str]) -> str:
    """Return the first names of a list."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def percent(share: float) -> str:
    """Return a share as text.

    Example:
        >>> percent(0.5), percent(0.905), percent(0.0049)
        ('50%', '90.5%', '0.49%')
    """
    return f"{format_number(100 * share, 3)}%"


def score_text(trial: Trial) -> str:
    """Return the score: an accuracy in percent, any other number with four digits."""
    return percent(trial.score) if trial.evaluation.recall is not None else format_number(trial.score, 4)


def bytes_text(count: int) -> str:
    """Return a number of bytes with three digits.

    Example:
        >>> bytes_text(812), bytes_text(205_973), bytes_text(1_240_000)
        ('812 B', '206 kB', '1.24 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{format_number(count / size, 3)} {unit}"
    return f"{count} B"


def seconds_text(seconds: float) -> str:
    """Return a time with three digits.

    Example:
        >>> seconds_text(2.934e-4), seconds_text(0.0152), seconds_text(2.0)
        ('293 µs', '15.2 ms', '2 s')
    """
    unit, size = _unit(seconds)
    return f"{_digits(seconds / size)} {unit}"


def spread_text(timed: Latency) -> str:
    """Return the quartiles of a timing, in the unit of its median, which may be another than that of the column beside it.

    A narrow table breaks the line after the dash.

    Example:
        >>> spread_text(Latency(0.00146, 0.00139, 0.00158, 15, 1, None))
        '1.39–1.58\\xa0ms'
    """
    unit, size = _unit(timed.median)
    return f"{_digits(timed.q25 / size)}–{_digits(timed.q75 / size)}\N{NO-BREAK SPACE}{unit}"


def _digits(value: float) -> str:
    """Return a number of three digits, never in powers of ten."""
    return f"{float(f'{value:.3g}'):g}"


def _unit(seconds: float) -> tuple[str, float]:
    return next(((unit, size) for unit, size in (("s", 1.0), ("ms", 1e-3)) if seconds >= size), ("µs", 1e-6))
