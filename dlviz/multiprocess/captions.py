"""What the picture of a run says in words: head line, badge, notes, a sentence for each step, and verdicts on gradients."""

from math import isfinite

import numpy as np
import torch

from dlviz.kit.messages import message
from dlviz.kit.svg_grid import format_number
from dlviz.kit.units import time_text
from dlviz.multiprocess.gradients import ParameterGradient
from dlviz.multiprocess.layout import Interval, covered, last_ranks, microseconds, ready_times, time_use
from dlviz.multiprocess.record import Record
from dlviz.multiprocess.scaling import gradient_difference, largest, plain_steps, speedup

#: Difference of two gradients beside the largest of their numbers, up to which they are called equal. Float32 stays far below it.
TOLERANCE = 1e-3
#: Share of a step below which a wait is not worth a sentence.
SHORT_WAIT = 0.03


def signature(record: Record) -> str:
    """Return one line that says what was run, and where."""
    many = "one" if record.world_size == 1 else "many"
    threads = f"{many}_thread" if record.threads == 1 else f"{many}_threads"
    return message(
        f"multiprocess.signature.{many}",
        label=record.label,
        count=record.world_size,
        threads=message(f"multiprocess.signature.{threads}", count=record.threads),
        version=torch.__version__.partition("+")[0],
    )


def badge(records: dict[int, Record]) -> dict[str, str]:
    """Return what the comparison of several numbers of processes has found: of gradients, or of the speed."""
    found, record = gradient_difference(records), largest(records)
    if found is not None:
        equal = all(_is_equal(one) for step in record.gradients for one in step if one.single is not None)
        text = message(f"multiprocess.badge.{'equal' if equal else 'other'}", difference=format_number(found, 4))
        return {"kind": "good" if equal else "bad", "text": text}
    faster = speedup(records).get(record.world_size)
    text = (
        ""
        if faster is None
        else message("multiprocess.badge.speed", times=format_number(faster), count=record.world_size)
    )
    return {"kind": "", "text": text}


def notes(records: dict[int, Record], cores: int) -> list[dict[str, str]]:
    """Return what limits the picture, or the speed."""
    record = largest(records)
    found = []
    if record.world_size * record.threads > cores:
        values = {"cores": cores, "needed": record.world_size * record.threads}
        found.append(message(f"multiprocess.note.{'core' if cores == 1 else 'cores'}", **values))
    return [{"kind": "", "text": text} for text in found]


def summary(records: dict[int, Record]) -> str:
    """Return the sentences that a screen reader reads."""
    record = largest(records)
    steps = max((len(rank.steps) for rank in record.ranks), default=0)
    values = {"label": record.label, "count": record.world_size, "steps": steps, "wall": time_text(1e6 * record.wall)}
    return " ".join(filter(None, [message("multiprocess.summary", **values), badge(records)["text"]]))


def step_caption(record: Record, step: int, interval: Interval) -> str:
    """Return how long a step took, and the longest wait of one rank for another."""
    length = interval[1] - interval[0]
    start = message("multiprocess.caption.step", step=step, time=time_text(microseconds(length)))
    return f"{start} {_wait(record, step, length)}" if record.world_size > 1 else start


def whole_caption(record: Record, interval: Interval) -> str:
    """Return how long everything took, and which rank waited most for others."""
    length = interval[1] - interval[0]
    start = message("multiprocess.caption.whole", time=time_text(microseconds(length)))
    if record.world_size == 1:
        return start
    waits = [time_use(rank, ready, interval)[2] for rank, ready in zip(record.ranks, ready_times(record), strict=True)]
    rank = max(range(len(waits)), key=waits.__getitem__)
    values = {"rank": rank, "time": time_text(microseconds(waits[rank])), "share": f"{100 * waits[rank] / length:.0f}"}
    return f"{start} {message('multiprocess.caption.most', **values)}"


def _wait(record: Record, step: int, length: float) -> str:
    """Return a sentence on the longest wait of one rank in a step, without the time in which it computes."""
    ready, longest, place = ready_times(record), 0.0, None
    for r, rank in enumerate(record.ranks):
        compute = [(span.start, span.end) for span in rank.spans if span.kind != "communication"]
        for k, span in enumerate(rank.spans):
            # What was handed in during the backward pass costs no time until this ends.
            lost = ready[r][k] - span.start - covered(compute, span.start, ready[r][k]) if span.step == step else 0.0
            if lost > longest:
                longest, place = lost, (r, k)
    if place is None or longest < SHORT_WAIT * length:
        return message("multiprocess.caption.no_wait")
    rank, span = record.ranks[place[0]], record.ranks[place[0]].spans[place[1]]
    last = last_ranks(record)[span.group]
    share = f"{100 * longest / length:.0f}"
    values = {"rank": rank.rank, "time": time_text(microseconds(longest)), "name": span.name, "last": last}
    return message("multiprocess.caption.wait", share=share, **values)


def timed_steps(record: Record) -> str:
    """Return which steps the player has, and from which the time of a step comes; an empty string where both are the same."""
    rank = record.ranks[0]
    plain = plain_steps(rank.step_seconds, len(rank.steps))
    values = {"recorded": len(rank.steps), "count": len(rank.step_seconds), "last": len(plain)}
    return message("multiprocess.speed.steps", **values) if plain else ""


# Verdicts on a gradient.


def verdicts(one: ParameterGradient, world_size: int) -> list[dict[str, str]]:
    """Return what a parameter's gradient shows: how ``.grad`` comes from the local ones, and whether one process has the same."""
    kind = origin(one, world_size)
    values = {
        "count": world_size,
        "spread": format_number(one.spread, 4),
        "ranks": ", ".join(map(str, _seen(one) or one.ranks)),
    }
    if kind == "mean" and one.spread > 0:
        kind = "near_mean"
    good = {"mean": "good", "near_mean": "good", "apart": "bad", "sum": "warn", "changed": "warn"}
    found = [{"kind": good.get(kind, ""), "text": message(f"multiprocess.verdict.{kind}", **values)}]
    if one.difference is not None:
        equal = _is_equal(one)
        numbers = {"difference": format_number(one.difference, 4), "compared": f"{one.compared:,}"}
        text = message(f"multiprocess.verdict.{'equal' if equal else 'other'}", **numbers)
        found.append({"kind": "good" if equal else "warn", "text": text})
    return found


def origin(one: ParameterGradient, world_size: int) -> str:
    """Return how ``.grad`` comes from the local gradients.

    Returns:
        "one" process; "alone" on one rank; local gradients "unseen", or seen only "partly"; "apart" on each rank; the "mean" or the
        "sum" of the local ones; or "changed".
    """
    if world_size == 1:
        return "one"
    if len(one.ranks) == 1:
        return "alone"
    seen = _seen(one)
    if len(seen) < len(one.ranks):
        return "partly" if seen else "unseen"
    local = np.array([one.local[rank] for rank in seen], dtype=float)
    grad = np.array(one.averaged, dtype=float)
    size = max(_largest(local), _largest(grad))
    if one.spread > TOLERANCE * size:
        return "apart"
    with np.errstate(all="ignore"):
        mean = local.mean(axis=0)
        for name, expected in (("mean", mean), ("sum", mean * len(local))):
            if np.allclose(grad, expected, rtol=TOLERANCE, atol=TOLERANCE * size, equal_nan=True):
                return name
    return "changed"


def _is_equal(one: ParameterGradient) -> bool:
    """Return whether a gradient equals that of one process, up to rounding."""
    if one.difference is None or not isfinite(one.difference):
        return False
    sizes = [_largest(np.array(values, dtype=float)) for values in (one.averaged, one.single or [])]
    return one.difference <= TOLERANCE * max(sizes)


def _largest(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))


def _seen(one: ParameterGradient) -> list[int]:
    """Return the ranks whose local gradient was seen."""
    return [rank for rank, values in enumerate(one.local) if values]
