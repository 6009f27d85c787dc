"""A record as a JSON-able picture: one lane's numbers, its ghost, and what gradients remember."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.recurrent.layer import GATES, Lane
from dlviz.recurrent.record import Record

#: So many units are drawn, so many steps, and so many terms of a sum are listed.
UNITS, STEPS, TERMS = 64, 400, 512


def scene(
    record: Record,
    number: int,
    *,
    tokens: Sequence[str],
    ghost: Record | None,
    memory: Mapping[str, Any],
    history: Mapping[str, Any],
    edits: Mapping[str, Any],
    sequences: int,
    signature: str,
    notes: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Everything the view draws.

    Args:
        record: what is drawn.
        number: which of its lanes.
        tokens: what the steps are called, one each.
        ghost: the record without edits, where there are any.
        memory: the norms of the influence, from :func:`table`.
        history: the gradient against lag, now and before.
        edits: what the learner holds otherwise.
        sequences: how many the batch holds.
        signature: the line in the head.
        notes: what else has to be told.
    """
    lane = record.lanes[number]
    steps, units = min(lane.steps, STEPS), min(lane.gates.shape[2], UNITS)
    outs = lane.h.shape[1]

    def wide(values: Tensor | None, most: int) -> Any:
        """Rows of the steps that are drawn, cut to so many columns."""
        return None if values is None else plain(values[:steps, ..., :most])

    return {
        "kind": lane.kind,
        "squash": lane.squash,
        "dtype": "float64" if lane.h.dtype == torch.float64 else "float32",
        "lane": number,
        "lanes": [lane_name(one, record.directions) for one in record.lanes],
        "sequences": sequences,
        "reverse": bool(lane.direction),
        "projected": lane.weights.hr is not None,
        "steps": steps,
        "units": units,
        "outs": min(outs, UNITS),
        "tokens": list(tokens)[:steps],
        "gates": list(GATES[lane.kind]),
        "x": wide(lane.x, TERMS),
        "h": wide(lane.h, TERMS),
        "before": wide(lane.before, TERMS),
        "c": wide(lane.c, units),
        "cell": wide(lane.cell, units),
        "from_x": wide(lane.from_x, units),
        "from_h": wide(lane.from_h, units),
        "sums": wide(lane.sums, units),
        "values": wide(lane.gates, units),
        "parts": {name: wide(part, TERMS if name == "out" else units) for name, part in lane.parts.items()},
        "weights": _weights(lane, units),
        "ghost": None if ghost is None else _ghost(ghost, lane, number),
        "memory": dict(memory),
        "history": dict(history),
        "edits": dict(edits),
        "signature": signature,
        "badge": _badge(record),
        "notes": [*notes, *_notes(lane, steps, units)],
        "summary": _summary(record, number, tokens, history),
    }


def lane_name(lane: Lane, directions: int) -> str:
    """Which layer, and of two directions which one."""
    if directions == 1:
        return message("recurrent.layer", number=lane.layer)
    return message(f"recurrent.{'backward' if lane.direction else 'forward'}", number=lane.layer)


def table(norms: Tensor, units: Sequence[int] | None) -> dict[str, Any]:
    """The norms ‖∂h_t[u]/∂x_s‖, (T, units, T), of some units or, with ``None``, of all."""
    return {"units": None if units is None else list(units), "norms": norms[:STEPS, :, :STEPS].float().numpy()}


def plain(values: Tensor) -> np.ndarray:
    """An array of doubles for a double tensor, else of singles: each is the tensor's number exactly."""
    return (values if values.dtype == torch.float64 else values.float()).contiguous().numpy()


def _weights(lane: Lane, units: int) -> dict[str, Any]:
    """The rows of the units that are drawn; of every gate (units, inputs)."""
    w, count = lane.weights, lane.gates.shape[1]

    def rows(value: Tensor | None) -> Any:
        return None if value is None else plain(value.unflatten(0, (count, -1))[:, :units, ...][..., :TERMS])

    bias = [None if b is None else plain(b.unflatten(0, (count, -1))[:, :units]) for b in (w.b_ih, w.b_hh)]
    hr = None if w.hr is None else plain(w.hr[:UNITS, :TERMS])
    return {"ih": rows(w.ih), "hh": rows(w.hh), "b_ih": bias[0], "b_hh": bias[1], "hr": hr}


def _ghost(ghost: Record, now: Lane, number: int) -> dict[str, Any]:
    """The path without edits, and how far from it the states have moved as far as both go."""
    lane = ghost.lanes[number]
    both = min(lane.steps, now.steps, STEPS)
    states = {"h": lane.h, "c": lane.c}
    return {
        "steps": min(lane.steps, STEPS),
        "both": both,
        **{name: None if state is None else plain(state[:STEPS, :UNITS]) for name, state in states.items()},
        "change": plain(now.h[:both, :UNITS] - lane.h[:both, :UNITS]),
    }


def _badge(record: Record) -> dict[str, str]:
    if record.off is None:
        return {"kind": "", "text": message("recurrent.edited")}
    eps = torch.finfo(record.output.dtype).eps
    good = record.off <= 100 * eps * max(1.0, float(record.output.nan_to_num().abs().max()))
    return {
        "kind": "good" if good else "",
        "text": message("recurrent.badge", off=f"{record.off:.1e}" if record.off else "0"),
    }


def _notes(lane: Lane, steps: int, units: int) -> list[dict[str, str]]:
    notes = []
    if steps < lane.steps:
        notes.append({"kind": "", "text": message("recurrent.note.steps", shown=steps, count=lane.steps)})
    if units < lane.gates.shape[2]:
        notes.append({"kind": "", "text": message("recurrent.note.units", shown=units, count=lane.gates.shape[2])})
    if not bool(torch.isfinite(lane.h).all()):
        place = int((~torch.isfinite(lane.h)).any(1).nonzero()[0])
        notes.append({"kind": "bad", "text": message("recurrent.note.wild", place=place)})
    return notes


def _summary(record: Record, number: int, tokens: Sequence[str], history: Mapping[str, Any]) -> str:
    lane = record.lanes[number]
    named = " ".join(tokens[:12]) + (" …" if len(tokens) > 12 else "")
    curve = history["now"]
    return message(
        "recurrent.summary",
        kind=lane.kind,
        steps=lane.steps,
        tokens=named,
        lane=lane_name(lane, record.directions),
        units=lane.gates.shape[2],
        first=f"{float(curve[0]):.3g}",
        last=f"{float(curve[-1]):.3g}",
        lag=len(curve) - 1,
    )
