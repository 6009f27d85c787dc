"""What the view of a profile draws: events in lanes, spans of modules, memory, and tables, as binary arrays with their names."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from dlviz.kit.messages import message
from dlviz.kit.units import time_text
from dlviz.profiling import layout
from dlviz.profiling.attribution import BACKWARD
from dlviz.profiling.layout import drawn_events, lanes_of, row_spans
from dlviz.profiling.record import Operation, Record
from dlviz.torchkit.modules import initialized_note

#: Changes of memory that are drawn, and rows of a table, at most.
MAX_MEMORY, MAX_TABLE = 4_000, 10
#: Prefixes of torch's names that a short label leaves out.
_PREFIXES = ("aten::", "autograd::engine::evaluate_function: ", "torch::autograd::")


def scene(records: Sequence[Record]) -> dict[str, Any]:
    """Return the picture of one profile, or of two on one time axis."""
    return {
        "signature": signature(records),
        "badge": {"kind": "", "text": badge(records)},
        "notes": _notes(records),
        "summary": summary(records),
        "span": max(max(_end(one), 1.0) for one in records),
        "phases": sorted({int(phase) for one in records for phase in one.attribution.phase}),
        "profiles": [_profile(one) for one in records],
        "tables": {name: table(records) for name, table in _TABLES.items()},
    }


def signature(records: Sequence[Record]) -> str:
    """Return one line that says what was run, and where."""
    first = records[0]
    what = (
        message("profiling.signature.against", a=first.label, b=records[1].label) if len(records) > 1 else first.label
    )
    threads = "one" if first.threads == 1 else "many"
    place = message(f"profiling.signature.threads_{threads}", device=first.device, threads=first.threads)
    return message("profiling.signature.line", what=what, place=place, version=torch.__version__.partition("+")[0])


def badge(records: Sequence[Record]) -> str:
    """Return the total self time of one profile, or the ratio of two."""
    first = records[0]
    if len(records) == 1:
        return message("profiling.badge.one", total=time_text(first.total))
    second = records[1]
    return message("profiling.badge.two", a=time_text(first.total), b=time_text(second.total))


def summary(records: Sequence[Record]) -> str:
    """Return a sentence for each profile."""
    return " ".join(_sentence(one) for one in records)


def _sentence(record: Record) -> str:
    if not record.operations:
        return message("profiling.summary.empty", label=record.label, wall=time_text(record.wall))
    first = record.operations[0]
    share = f"{100 * first.self_time / max(record.total + record.device_total, 1e-9):.0f}"
    costs = {"wall": time_text(record.wall), "total": time_text(record.total), "operation": operation_name(first)}
    return message("profiling.summary.line", label=record.label, count=len(record.events), share=share, **costs)


def operation_name(operation: Operation) -> str:
    """Return torch's name of an operation, or that of the Python code of modules."""
    return operation.name or message("profiling.modules_python")


def short(name: str) -> str:
    """Return the part of torch's name that fits a small box.

    Example:
        >>> short("autograd::engine::evaluate_function: AddmmBackward0"), short("aten::mm")
        ('AddmmBackward0', 'mm')
    """
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _end(record: Record) -> float:
    events = record.events
    return max(record.wall, float((events.start + events.duration).max(initial=0.0)))


def _profile(record: Record) -> dict[str, Any]:
    events, found = record.events, record.attribution
    drawn = drawn_events(record)
    lanes, lane = lanes_of(record, drawn)
    order = np.lexsort((events.start[drawn], lane))
    at = drawn[order]
    names, name = _numbered([events.names[i] for i in at])
    shapes, shape = _numbered([events.shapes[i] for i in at])
    spans = _spans(record)
    return {
        "label": record.label,
        "facts": _facts(record),
        "wall": record.wall,
        "total": record.total,
        "device_total": record.device_total,
        "names": names,
        "short_names": [short(one) for one in names],
        "shapes": shapes,
        "rows": [
            {
                "label": row_label(row.label, row.kind),
                "path": row_label(row.path, row.kind),
                "kind": "" if row.kind == row.label else row.kind,
                "parent": row.parent,
                "depth": row.depth,
                "time": row.time,
                "own": row.own_time,
                "backward": row.backward_time,
                "device": row.device_time,
                "calls": row.calls,
            }
            for row in record.rows
        ],
        "lines": [{"at": str(line), "text": line.text} for line in record.lines],
        "lanes": lanes,
        "lane_ends": np.searchsorted(lane[order], np.arange(1, len(lanes) + 1)).astype(np.int32),
        "events": {
            "index": at.astype(np.int32),
            "start": _float32(events.start[at]),
            "duration": _float32(events.duration[at]),
            "self": _float32(events.self_time[at]),
            "flops": _float32(events.flops[at]),
            "memory": _float32(events.memory[at]),
            "name": name.astype(np.uint16),
            "shape": shape.astype(np.uint16),
            "row": found.row[at].astype(np.uint16),
            "line": (found.line[at] + 1).astype(np.uint16),
            "phase": found.phase[at].astype(np.uint8),
        },
        "spans": spans,
        "memory": [_memory(one.device, one.times, one.bytes) for one in record.memory],
    }


def _spans(record: Record) -> dict[str, Any]:
    """Return the spans of all rows as arrays, row after row."""
    spans = row_spans(record)
    array = np.array([span for one in spans for span in one], dtype=float).reshape(-1, 3)
    return {
        "start": _float32(array[:, 0]),
        "duration": _float32(array[:, 1] - array[:, 0]),
        "phase": array[:, 2].astype(np.uint8),
        "ends": np.cumsum([len(one) for one in spans]).astype(np.int32),
    }


def _memory(device: str, times: np.ndarray, sizes: np.ndarray) -> dict[str, Any]:
    """Return a curve of memory; of many changes the highest and the lowest of each group, so that no peak is lost."""
    if len(times) > MAX_MEMORY:
        groups = np.array_split(np.arange(len(times)), MAX_MEMORY // 2)
        kept = sorted({int(g[pick(sizes[g])]) for g in groups for pick in (np.argmax, np.argmin)})
        times, sizes = times[kept], sizes[kept]
    peak = float(max(0, sizes.max(initial=0)))
    text = message("profiling.memory.label", device=device)
    return {"device": text, "peak": peak, "times": _float32(times), "bytes": _float32(sizes)}


def _facts(record: Record) -> list[str]:
    """Return sentences on the durations: what they are made of, and what profiling has cost."""
    several = len({thread for thread in record.events.threads if not thread.on_device}) > 1
    values = {"wall": time_text(record.wall), "total": time_text(record.total), "between": time_text(record.between)}
    facts = [message(f"profiling.facts.{'threads' if several else 'sum'}", **values)]
    if record.device_total:
        facts.append(message("profiling.facts.device", total=time_text(record.device_total)))
    if record.plain_walls:
        plain, profiled = sorted(record.plain_walls), sorted(record.profiled_walls)
        medians = [time_text(walls[(len(walls) - 1) // 2]) for walls in (plain, profiled)]
        ends = {"low": time_text(plain[0]), "high": time_text(plain[-1])}
        key = "cost" if len(plain) > 1 else "cost_one"
        facts.append(message(f"profiling.facts.{key}", plain=medians[0], profiled=medians[1], runs=len(plain), **ends))
    else:
        facts.append(message("profiling.facts.once"))
    return facts


def _notes(records: Sequence[Record]) -> list[dict[str, str]]:
    notes = []
    for record in records:
        count = int((~record.attribution.is_module).sum())
        if count > layout.MAX_EVENTS:
            values = {"label": record.label, "drawn": f"{layout.MAX_EVENTS:,}", "count": f"{count:,}"}
            notes.append({"kind": "", "text": message("profiling.note.cropped", **values)})
        if not len(record.events):
            notes.append({"kind": "warn", "text": message("profiling.note.nothing", label=record.label)})
        elif any(name.startswith("Torch-Compiled Region") for name in record.events.names):
            notes.append({"kind": "", "text": message("profiling.note.compiled", label=record.label)})
        if record.initialized:
            notes.append({"kind": "", "text": initialized_note(record.initialized)})
    return notes


def row_label(label: str, kind: str) -> str:
    """Return a row's label, or its path, in words if it is no module."""
    return message(f"profiling.row.{kind}") if kind in ("data", "outside", "optimizer") and label == kind else label


#: For each profile the self time, the calls and the part in backward.
Sums = list[float]


def _operation_table(records: Sequence[Record]) -> list[dict[str, Any]]:
    entries = []
    for record in records:
        entry = {}
        for one in record.operations:
            where = record.rows[one.row]
            line = "" if one.line is None else str(one.line)
            more = (
                message("profiling.table.more", line=line, count=one.other_lines) if line and one.other_lines else line
            )
            title = one.line.text if one.line else ""
            if one.other_lines:
                title = message("profiling.table.more_title", text=title, count=one.other_lines)
            about: dict[str, Any] = {
                "text": more or row_label(where.path, where.kind),
                "title": title,
            }
            about |= {"flops": one.flops, "key": one.name}
            entry[operation_name(one)] = ([one.self_time, one.calls, one.backward_time], about)
        entries.append(entry)
    return _table(entries)


def _line_table(records: Sequence[Record]) -> list[dict[str, Any]]:
    entries = []
    for record in records:
        entry: dict[str, tuple[Sums, dict[str, Any]]] = {}
        events, found = record.events, record.attribution
        for k, line in enumerate(record.lines):
            at = found.line == k
            sums = [
                float(events.self_time[at].sum()),
                int(at.sum()),
                float(events.self_time[at & (found.phase == BACKWARD)].sum()),
            ]
            entry[f"{line} {line.text}"] = (sums, {"text": str(line), "title": line.text, "name": line.text, "key": k})
        entries.append(entry)
    return _table(entries)


def _row_table(records: Sequence[Record]) -> list[dict[str, Any]]:
    entries = []
    for record in records:
        entry: dict[str, tuple[Sums, dict[str, Any]]] = {}
        roots = [row for row in record.rows if row.depth == 0 and row.calls]
        for k, row in enumerate(record.rows):
            # Models with names of their own are compared, if each profile has one.
            same = row.path.removeprefix(roots[0].label) if len(roots) == 1 and row.calls else row.path
            about = {"text": row.kind if row.kind != row.label else "", "title": row.path, "key": k}
            about["name"] = row_label(row.path, row.kind)
            entry[same] = ([row.own_time, row.calls, row.backward_time if row.own_time == row.time else 0.0], about)
        entries.append(entry)
    return _table(entries)


def _table(entries: list[dict[str, tuple[Sums, dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Return the entries with the largest self times, one for each name; of two profiles side by side."""
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    weight = {name: max(entry[name][0][0] if name in entry else 0.0 for entry in entries) for name in names}
    rows = []
    for name in sorted(names, key=lambda name: -weight[name])[:MAX_TABLE]:
        about = next(entry[name][1] for entry in entries if name in entry)
        sums = [entry[name][0] if name in entry else None for entry in entries]
        keys = [entry[name][1]["key"] if name in entry else None for entry in entries]
        rows.append({"name": name, **about, "keys": keys, "times": [None if s is None else s[0] for s in sums]})
        rows[-1]["calls"] = sums[0][1] if sums[0] else 0
    return rows


_TABLES: dict[str, Callable[[Sequence[Record]], list[dict[str, Any]]]] = {
    "operation": _operation_table,
    "line": _line_table,
    "module": _row_table,
}


def _numbered(texts: list[str]) -> tuple[list[str], np.ndarray]:
    """Return the different texts, and the number of each one."""
    numbers: dict[str, int] = {}
    return_numbers = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), np.array(return_numbers, dtype=np.int64)


def _float32(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)
