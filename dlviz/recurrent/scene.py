"""A record as a JSON-able picture: one layer's numbers, the same without edits, and gradients by the input."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.recurrent.layer_trace import GATES, LayerTrace
from dlviz.recurrent.record import Record

#: Maximal number of drawn units, of drawn steps, and of listed terms of a sum.
MAX_UNITS, MAX_STEPS, MAX_TERMS = 64, 400, 512


def scene(
    record: Record,
    layer: int,
    *,
    tokens: Sequence[str],
    unedited: Record | None,
    input_grad: Mapping[str, Any],
    history: Mapping[str, Any],
    edits: Mapping[str, Any],
    sequences: int,
    signature: str,
    notes: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Return everything the view draws.

    Args:
        record: the drawn record.
        layer: the drawn layer.
        tokens: the names of the steps.
        unedited: the record without edits, if there are any.
        input_grad: norms of the gradient by the input, from :func:`input_grad_table`.
        history: the gradient norm by lag, now and in earlier snapshots.
        edits: whether a text is typed, and the number of other edits.
        sequences: number of sequences in the batch.
        signature: the line in the card's head.
        notes: notes of the widget.
    """
    trace = record.layers[layer]
    steps, units = min(trace.steps, MAX_STEPS), min(trace.gates.shape[2], MAX_UNITS)

    def rows(values: Tensor | None, limit: int) -> Any:
        """Return the drawn steps, cut to `limit` columns."""
        return None if values is None else to_array(values[:steps, ..., :limit])

    return {
        "kind": trace.kind,
        "nonlinearity": trace.nonlinearity,
        "dtype": "float64" if trace.h.dtype == torch.float64 else "float32",
        "layer": layer,
        "layers": [layer_name(one, record.directions) for one in record.layers],
        "sequences": sequences,
        "reverse": bool(trace.direction),
        "projected": trace.weights.hr is not None,
        "steps": steps,
        "units": units,
        "outputs": min(trace.h.shape[1], MAX_UNITS),
        "tokens": list(tokens)[:steps],
        "gates": list(GATES[trace.kind]),
        "x": rows(trace.x, MAX_TERMS),
        "h": rows(trace.h, MAX_TERMS),
        "h_prev": rows(trace.h_prev, MAX_TERMS),
        "c": rows(trace.c, units),
        "c_prev": rows(trace.c_prev, units),
        "from_x": rows(trace.from_x, units),
        "from_h": rows(trace.from_h, units),
        "preactivations": rows(trace.preactivations, units),
        "gate_values": rows(trace.gates, units),
        "intermediates": {
            name: rows(values, MAX_TERMS if name == "out" else units) for name, values in trace.intermediates.items()
        },
        "weights": _weights(trace, units),
        "unedited": None if unedited is None else _unedited(unedited.layers[layer], trace),
        "input_grad": dict(input_grad),
        "history": dict(history),
        "edits": dict(edits),
        "signature": signature,
        "badge": _badge(record),
        "notes": [*notes, *_notes(trace, steps, units)],
        "summary": _summary(record, layer, tokens, history),
    }


def layer_name(trace: LayerTrace, directions: int) -> str:
    """Return the layer's name, with its direction if there are two."""
    if directions == 1:
        return message("recurrent.layer", number=trace.number)
    return message(f"recurrent.{'backward' if trace.direction else 'forward'}", number=trace.number)


def input_grad_table(norms: Tensor, units: Sequence[int] | None) -> dict[str, Any]:
    """Return the norms ‖∂h_t[u]/∂x_s‖, (T, units, T), of some units, or with ``None`` of all, as the view reads them."""
    norms = norms[:MAX_STEPS, :, :MAX_STEPS].float()
    return {"units": None if units is None else list(units), "norms": norms.numpy()}


def to_array(values: Tensor) -> np.ndarray:
    """Return a float64 array of a float64 tensor, else a float32 array: both hold the tensor's numbers exactly."""
    return (values if values.dtype == torch.float64 else values.float()).contiguous().numpy()


def _weights(trace: LayerTrace, units: int) -> dict[str, Any]:
    """Return the rows of the drawn units, (gates, units, inputs)."""
    w, count = trace.weights, trace.gates.shape[1]

    def rows(values: Tensor | None) -> Any:
        return None if values is None else to_array(values.unflatten(0, (count, -1))[:, :units][..., :MAX_TERMS])

    hr = None if w.hr is None else to_array(w.hr[:MAX_UNITS, :MAX_TERMS])
    return {"ih": rows(w.ih), "hh": rows(w.hh), "b_ih": rows(w.b_ih), "b_hh": rows(w.b_hh), "hr": hr}


def _unedited(unedited: LayerTrace, trace: LayerTrace) -> dict[str, Any]:
    """Return the states without edits, and their change by the edits over the steps that both have."""
    common = min(unedited.steps, trace.steps, MAX_STEPS)
    states = {"h": unedited.h, "c": unedited.c}
    return {
        "steps": min(unedited.steps, MAX_STEPS),
        "common_steps": common,
        **{name: None if state is None else to_array(state[:MAX_STEPS, :MAX_UNITS]) for name, state in states.items()},
        "change": to_array(trace.h[:common, :MAX_UNITS] - unedited.h[:common, :MAX_UNITS]),
    }


def _badge(record: Record) -> dict[str, str]:
    error = record.max_error
    if error is None:
        return {"kind": "", "text": message("recurrent.edited")}
    eps = torch.finfo(record.output.dtype).eps
    good = error <= 100 * eps * max(1.0, float(record.output.nan_to_num().abs().max()))
    text = message("recurrent.badge", off=f"{error:.1e}" if error else "0")
    return {"kind": "good" if good else "", "text": text}


def _notes(trace: LayerTrace, steps: int, units: int) -> list[dict[str, str]]:
    notes = []
    if steps < trace.steps:
        notes.append({"kind": "", "text": message("recurrent.note.steps", shown=steps, count=trace.steps)})
    if units < trace.gates.shape[2]:
        notes.append({"kind": "", "text": message("recurrent.note.units", shown=units, count=trace.gates.shape[2])})
    nonfinite = (~torch.isfinite(trace.h)).any(1).nonzero()
    if len(nonfinite):
        notes.append({"kind": "bad", "text": message("recurrent.note.nonfinite", place=int(nonfinite[0]))})
    return notes


def _summary(record: Record, layer: int, tokens: Sequence[str], history: Mapping[str, Any]) -> str:
    trace, curve = record.layers[layer], history["current"]
    return message(
        "recurrent.summary",
        kind=trace.kind,
        steps=trace.steps,
        tokens=" ".join(tokens[:12]) + (" …" if len(tokens) > 12 else ""),
        layer=layer_name(trace, record.directions),
        units=trace.gates.shape[2],
        first=f"{float(curve[0]):.3g}",
        last=f"{float(curve[-1]):.3g}",
        lag=len(curve) - 1,
    )
