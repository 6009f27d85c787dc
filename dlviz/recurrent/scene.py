"""A record as a JSON-able picture: one layer's numbers, the same without edits, and gradients by the input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.kit.messages import message
from dlviz.recurrent.drawn_gradients import MAX_STEPS, MAX_UNITS, drawn_norm_by_lag, input_grad, sample_notes
from dlviz.recurrent.edits import edits_of
from dlviz.recurrent.gradient_snapshots import history
from dlviz.recurrent.layer_trace import GATES, LayerTrace
from dlviz.recurrent.record import Record
from dlviz.recurrent.widget_state import UnrolledModule
from dlviz.torchkit.modules import settings_text

#: Maximal number of listed terms of a sum.
MAX_TERMS = 512


@dataclass(frozen=True)
class Settings:
    """Traits of the widget that a scene depends on: see :class:`dlviz.recurrent.widget.Unroll`."""

    layer: int
    sequence: int
    unit: int
    zeroed: Sequence[Sequence[Any]]
    initial_state: Sequence[Sequence[Any]]
    forget_bias: float
    clip: float


def scene(unrolled: UnrolledModule, name: str, settings: Settings) -> tuple[Record, dict[str, Any]]:
    """Return the record with these settings, and everything the view draws of it.

    Args:
        unrolled: the module with its input.
        name: the learner's variable.
        settings: what is drawn.
    """
    layer, sequence = settings.layer, settings.sequence
    edits = edits_of(settings.zeroed, settings.initial_state, settings.forget_bias)
    unedited, curves = unrolled.unedited(sequence)
    is_edited = unrolled.is_edited(sequence, edits)
    record = unrolled.record(sequence, edits) if is_edited else unedited
    current = drawn_norm_by_lag(record, layer) if is_edited else curves[layer]
    unedited_curve = curves[layer] if is_edited else None
    charts = history(unrolled.snapshots, sequence, layer, current, unedited_curve, settings.clip)
    tokens = unrolled.tokens(sequence)
    trace = record.layers[layer]
    steps, units = min(trace.steps, MAX_STEPS), min(trace.gates.shape[2], MAX_UNITS)
    gradients = input_grad(record, layer, settings.unit)

    def rows(values: Tensor | None, limit: int) -> Any:
        """Return the drawn steps, cut to `limit` columns."""
        return None if values is None else to_array(values[:steps, ..., :limit])

    return record, {
        "kind": trace.kind,
        "nonlinearity": trace.nonlinearity,
        "dtype": "float64" if trace.h.dtype == torch.float64 else "float32",
        "layer": layer,
        "layers": [layer_name(one, record.directions) for one in record.layers],
        "sequences": unrolled.sequences,
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
        "unedited": _unedited(unedited.layers[layer], trace) if is_edited else None,
        "input_grad": gradients,
        "history": charts,
        "edits": {
            "typed": unrolled.is_typed(sequence),
            "count": len(settings.zeroed) + len(settings.initial_state) + bool(settings.forget_bias),
        },
        "signature": signature(unrolled.module, name, trace.steps),
        "badge": _badge(record),
        "notes": [*_dropout_note(unrolled), *_notes(trace, steps, units), *sample_notes(record, layer, gradients)],
        "summary": _summary(record, layer, tokens, charts),
    }


def signature(module: nn.Module, name: str, steps: int) -> str:
    """Return the line in the card's head: the variable, the module with its arguments, and the number of steps."""
    kind = f"{type(module).__name__}({settings_text(module)})"
    return message("recurrent.signature", name=name, kind=kind, steps=steps)


def layer_name(trace: LayerTrace, directions: int) -> str:
    """Return the layer's name, with its direction if there are two."""
    if directions == 1:
        return message("recurrent.layer", number=trace.number)
    return message(f"recurrent.{'backward' if trace.direction else 'forward'}", number=trace.number)


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


def _dropout_note(unrolled: UnrolledModule) -> list[dict[str, str]]:
    p = float(getattr(unrolled.module, "dropout", 0.0))
    if unrolled.module.training and p and unrolled.sizes.layers > 1:
        return [{"kind": "", "text": message("recurrent.note.dropout", p=f"{p:g}")}]
    return []


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
