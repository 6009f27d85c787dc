"""Where the events of a profile are drawn: lanes by depth of calls, and the spans of each row."""

from typing import Any

import numpy as np

from dlviz.kit.messages import message
from dlviz.profiling.attribution import BACKWARD
from dlviz.profiling.record import Record

#: Events that are drawn, at most.
MAX_EVENTS = 30_000


def drawn_events(record: Record) -> np.ndarray:
    """Return the indices of the events that are drawn as boxes: all but the calls of modules, or the longest ones of too many."""
    found = np.flatnonzero(~record.attribution.is_module)
    if len(found) > MAX_EVENTS:
        longest = np.argpartition(-record.events.duration[found], MAX_EVENTS)[:MAX_EVENTS]
        found = np.sort(found[longest])
    return found


def lanes_of(record: Record, drawn: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Return the lanes, one for each depth of calls in a thread, and the lane of each drawn event."""
    events, is_module = record.events, record.attribution.is_module
    depth = np.zeros(len(events), dtype=np.int32)
    for i, outer in enumerate(events.parent.tolist()):  # an event comes after the one that it runs in
        if outer >= 0:
            depth[i] = depth[outer] + (not is_module[outer])
    lanes: list[dict[str, Any]] = []
    first = {}
    main = events.main_thread
    for k, thread in sorted(enumerate(events.threads), key=lambda item: item[0] != main):
        inside = drawn[events.thread[drawn] == k]
        if not len(inside):
            continue
        first[k] = len(lanes)
        kind = "stream" if thread.on_device else "thread" if thread.number >= 0 else "unnumbered"
        for level in range(int(depth[inside].max()) + 1):
            label = message(f"profiling.lane.{'main' if k == main else kind}", number=thread.number)
            lanes.append({"label": "" if level else label})
    lane = np.array([first[int(events.thread[i])] + depth[i] for i in drawn], dtype=np.int32)
    return lanes, lane


def row_spans(record: Record) -> list[list[list[float]]]:
    """Return for each row its spans: start, end and phase.

    They are the calls of modules, and steps of other phases; steps of the backward pass in one module after another are one span.
    """
    events, found = record.events, record.attribution
    spans: list[list[list[float]]] = [[] for _ in record.rows]
    up = [row.parent for row in record.rows]
    last: dict[tuple[int, int], tuple[int, list[float]]] = {}
    position = 0
    for i in np.argsort(events.start, kind="stable").tolist():
        if events.on_device[i]:
            continue
        outer, row, phase = int(events.parent[i]), int(found.row[i]), int(found.phase[i])
        start, end = float(events.start[i]), float(events.start[i] + events.duration[i])
        if found.is_module[i]:
            spans[row].append([start, end, phase])
            row = up[row]
            while row >= 0 and not record.rows[row].calls:  # a container that is never called, such as nn.ModuleList
                spans[row].append([start, end, phase])
                row = up[row]
        elif outer < 0 or int(found.row[outer]) != row or int(found.phase[outer]) != phase:
            position += 1
            while row >= 0:
                before, span = last.get((row, phase), (-2, [0.0, 0.0, 0.0]))
                if phase == BACKWARD and before == position - 1 and span[1] <= start:
                    span[1] = end
                else:
                    span = [start, end, float(phase)]
                    spans[row].append(span)
                last[row, phase] = (position, span)
                row = up[row] if phase == BACKWARD else -1
    return [sorted(one) for one in spans]
