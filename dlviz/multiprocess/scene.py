"""What the view of a run with several processes draws: lanes of blocks, gradients by parameter, memory and speed."""

from typing import Any

import numpy as np

from dlviz.kit.messages import message
from dlviz.kit.svg import shorten
from dlviz.kit.units import time_text
from dlviz.multiprocess.captions import (
    badge,
    notes,
    signature,
    step_caption,
    summary,
    timed_steps,
    verdicts,
    whole_caption,
)
from dlviz.multiprocess.gradients import ParameterGradient
from dlviz.multiprocess.layout import (
    blocks,
    collectives,
    microseconds,
    ready_times,
    step_intervals,
    time_use,
    zero,
)
from dlviz.multiprocess.record import Rank, Record
from dlviz.multiprocess.scaling import efficiency, largest, speedup, step_seconds

#: Parameters whose gradients are drawn, numbers of all gradients together, and entries of one, at most.
MAX_PARAMETERS, MAX_NUMBERS, MAX_ENTRIES = 40, 30_000, 64
#: Characters of what a rank printed, and of what it returned, at most.
MAX_OUTPUT, MAX_RESULT = 4_000, 160
#: What a process holds, in the order of drawing.
MEMORY = ("parameters", "gradients", "optimizer")


def scene(records: dict[int, Record], cores: int) -> dict[str, Any]:
    """Return the picture of a run.

    Args:
        records: the record of each number of processes; the largest is drawn, the others are compared with it.
        cores: processor cores that the processes share.
    """
    record = largest(records)
    intervals, drawn = [*step_intervals(record), whole(record)], blocks(record)
    return {
        "signature": signature(record),
        "badge": badge(records),
        "notes": notes(records, cores),
        "summary": summary(records),
        "steps": [[microseconds(t - zero(record)) for t in one] for one in intervals],
        "captions": [
            *(step_caption(record, k, one) for k, one in enumerate(intervals[:-1])),
            whole_caption(record, intervals[-1]),
        ],
        "use": _use(record, intervals),
        "ranks": len(record.ranks),
        "kinds": np.unique(drawn["kind"]).tolist(),
        "blocks": drawn,
        "collectives": collectives(record),
        "gradients": gradients(record),
        "memory": memory(records),
        "speed": speed(records),
        "timed": timed_steps(record),
        "output": [_output(rank) for rank in record.ranks],
    }


def whole(record: Record) -> tuple[float, float]:
    """Return start and end of everything that is drawn, in seconds."""
    return zero(record), max((span.end for rank in record.ranks for span in rank.spans), default=zero(record) + 1e-6)


def _use(record: Record, intervals: list[tuple[float, float]]) -> np.ndarray:
    """Return (intervals, ranks, 4): each interval's length, and what :func:`time_use` says of it, in microseconds."""
    ready = ready_times(record)
    rows = [
        [[end - start, *time_use(rank, ready[r], (start, end))] for r, rank in enumerate(record.ranks)]
        for start, end in intervals
    ]
    return np.array(rows, dtype=float) * microseconds(1.0)


# Gradients.


def gradients(record: Record) -> dict[str, Any]:
    """Return the gradients of each drawn parameter: its rows, and their numbers at every step, (steps, rows, entries)."""
    steps = [{one.name: one for one in step} for step in record.gradients]
    names = list(dict.fromkeys(name for step in steps for name in step))[:MAX_PARAMETERS]
    found = [[step.get(name) for step in steps] for name in names]
    rows = [_rows(next(one for one in of if one is not None)) for of in found]
    each = max(1, MAX_NUMBERS // max(1, len(steps) * sum(len(one) for one in rows)))
    most = min(each, MAX_ENTRIES)
    parameters = [_parameter(of, row, most, record.world_size) for of, row in zip(found, rows, strict=True)]
    return {"steps": len(steps), "parameters": parameters, "missing": _missing(record)}


def _missing(record: Record) -> str:
    """Return why there are no gradients to draw, or an empty string."""
    if any(step for step in record.gradients):
        return ""
    return message(
        "multiprocess.gradients.none" if any(rank.steps for rank in record.ranks) else "multiprocess.no_steps"
    )


def _rows(one: ParameterGradient) -> list[str]:
    """Return the names of a parameter's rows: the number of each rank whose gradient was seen, then what it is compared with."""
    local = [str(rank) for rank, values in enumerate(one.local) if values]
    return [
        *local,
        *(["mean"] if 1 < len(local) == len(one.ranks) else []),
        "grad",
        *(["single"] if one.single is not None else []),
    ]


def row_values(one: ParameterGradient, row: str) -> np.ndarray:
    """Return the numbers of a row; NaN where this step has none."""
    if row == "mean":
        local = [values for values in one.local if values]
        with np.errstate(all="ignore"):
            return np.mean(local, axis=0) if local else np.full(len(one.averaged), np.nan)
    values = {"grad": one.averaged, "single": one.single}.get(row) if not row.isdigit() else one.local[int(row)]
    return np.array(values if values else [np.nan] * len(one.averaged), dtype=float)


def _parameter(of: list[ParameterGradient | None], rows: list[str], entries: int, world_size: int) -> dict[str, Any]:
    first = next(one for one in of if one is not None)
    count = min(entries, len(first.averaged))
    values = np.full((len(of), len(rows), count), np.nan)
    for k, one in enumerate(of):
        if one is not None:
            values[k] = [row_values(one, row)[:count] for row in rows]
    return {
        "name": first.name,
        "shape": list(first.shape),
        "numel": first.numel,
        "rows": rows,
        "entries": count,
        "values": values,
        "verdicts": [None if one is None else verdicts(one, world_size) for one in of],
    }


# Memory, speed, output.


def memory(records: dict[int, Record]) -> list[dict[str, Any]]:
    """Return what each process holds, and what a single process holds where that is known."""
    rows = [
        {"label": message("multiprocess.rank", rank=rank.rank), "bytes": _bytes(rank)}
        for rank in largest(records).ranks
        if any(_bytes(rank))
    ]
    alone = records.get(1)
    if alone is not None and len(records) > 1 and any(_bytes(alone.ranks[0])):
        rows.append({"label": message("multiprocess.memory.single"), "bytes": _bytes(alone.ranks[0])})
    return rows


def _bytes(rank: Rank) -> list[int]:
    return [int(rank.memory.get(name, 0)) for name in MEMORY]


def speed(records: dict[int, Record]) -> list[dict[str, Any]]:
    """Return a row for each number of processes: time of a step, speedup and efficiency; none for a single number."""
    if len(records) < 2:
        return []
    faster, shares = speedup(records), efficiency(records)
    return [
        {
            "processes": n,
            "time": time_text(microseconds(step_seconds(record))),
            "speedup": 1.0 if n == 1 else faster.get(n),
            "efficiency": 1.0 if n == 1 else shares.get(n),
        }
        for n, record in sorted(records.items())
    ]


def _output(rank: Rank) -> dict[str, str]:
    printed = rank.output if len(rank.output) <= MAX_OUTPUT else "…" + rank.output[-MAX_OUTPUT:]
    return {"printed": printed, "result": result_text(rank.result)}


def result_text(result: Any) -> str:
    """Return what a worker returned as one line; an empty string for ``None``."""
    if result is None:
        return ""
    try:
        text = repr(result)
    except Exception:  # the learner's own class may raise anything
        text = type(result).__name__
    return shorten(" ".join(text.split()), MAX_RESULT, 1.0)
