"""Gradients by the input as far as they are drawn: of large modules a sample, so that a picture takes no longer than a second."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.recurrent.input_gradients import first_steps, grad_norm_by_lag, input_grad_norms, work_per_row
from dlviz.recurrent.record import Record

#: Maximal number of drawn units and of drawn steps.
MAX_UNITS, MAX_STEPS = 64, 400
#: Up to this many numbers, the gradient by the input is computed for all units at once, beyond for the selected unit only.
_ALL_UNITS_LIMIT = 4_000_000
#: Gradients by the input are computed for as many steps, and their norm by lag from as many units, as so many multiplications allow.
_MAX_MULTIPLICATIONS = 2**31


def input_grad(record: Record, layer: int, unit: int, position: int | None = None) -> dict[str, Any]:
    """Return the norms ‖∂h_t[u]/∂x_s‖, (positions, units, T), as the view reads them.

    Of all units, or if they are too many of `unit` only; for all drawn steps, or as many as can be computed at once; with `position`
    of `unit` at that step only.
    """
    trace = record.layers[layer]
    count, steps = min(MAX_UNITS, trace.h.shape[1]), min(MAX_STEPS, trace.steps)
    units, positions = None, None
    if steps * steps * count * trace.weights.ih.shape[0] > _ALL_UNITS_LIMIT or position is not None:
        # A unit that is not drawn, or is not one of h because of a projection, is replaced by unit 0.
        units = [unit if unit < count else 0]
    record = first_steps(record, layer, steps)
    most = max(1, _MAX_MULTIPLICATIONS // work_per_row(record, layer))
    if position is not None:
        positions = [position]
    elif units is not None and steps > most:
        positions = evenly_spaced(steps, most)
    wanted = range(steps) if positions is None else positions
    norms = input_grad_norms(record, layer, range(count) if units is None else units, wanted)
    return {"units": units, "positions": positions, "norms": norms[:, :, :steps].float().numpy()}


def drawn_norm_by_lag(record: Record, layer: int) -> Tensor:
    """Return :func:`grad_norm_by_lag` of all units, or an estimate from as many as can be computed at once."""
    return grad_norm_by_lag(record, layer, _lag_units(record, layer))


def _lag_units(record: Record, layer: int) -> list[int] | None:
    """Return the units from which the gradient norm by lag is estimated; ``None`` for all."""
    count = record.layers[layer].h.shape[1]
    most = max(8, _MAX_MULTIPLICATIONS // work_per_row(record, layer))
    return evenly_spaced(count, most) if count > most else None


def sample_notes(record: Record, layer: int, gradients: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what was computed for a sample of steps or units only."""
    notes, trace = [], record.layers[layer]
    if gradients["positions"] is not None:
        values = {"shown": len(gradients["positions"]), "count": min(MAX_STEPS, trace.steps)}
        notes.append({"kind": "", "text": message("recurrent.note.sampled_steps", **values)})
    units = _lag_units(record, layer)
    if units is not None:
        values = {"shown": len(units), "count": trace.h.shape[1]}
        notes.append({"kind": "", "text": message("recurrent.note.sampled_units", **values)})
    return notes
