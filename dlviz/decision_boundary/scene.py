"""Description of a decision boundary for the view: probabilities, points, a map of every unit, and each layer's projection."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.decision_boundary.builder import NetworkBuilder
from dlviz.decision_boundary.edits import MAX_PAINTED
from dlviz.decision_boundary.forward import LayerCall
from dlviz.decision_boundary.layer_projection import MAX_UNITS, project
from dlviz.decision_boundary.record import ModelOutputs, drawn_points, point_stride
from dlviz.decision_boundary.unit_equation import equation, input_names, linear_source
from dlviz.decision_boundary.widget_state import EditableModel
from dlviz.kit.messages import message
from dlviz.kit.theme import CLASS_COLORS, CROSS, class_color, marker
from dlviz.torchkit.modules import differs_in_eval, named_modules, unregistered_note
from dlviz.torchkit.tensor_blocks import as_array

#: Layers, units of each layer, and weights of each unit that are drawn at most.
DRAWN_LAYERS, DRAWN_UNITS, DRAWN_WEIGHTS = 16, 32, 32
#: Values that the maps of all units may hold together, and values along one side of a map.
MAX_MAP_VALUES, MAX_MAP_SIDE = 120_000, 40
#: The same for every snapshot of an exported page: grid points along a side, and values of all maps.
_PAGE_SIDE, _PAGE_MAP_VALUES = 48, 24_000


def map_stride(side: int, units: int, max_values: int = MAX_MAP_VALUES) -> int:
    """Return the stride between grid points that a unit's map keeps, so that all maps together stay small.

    Example:
        >>> map_stride(80, 40), map_stride(80, 300)
        (2, 4)
    """
    return math.ceil(side / max(8, min(MAX_MAP_SIDE, math.isqrt(max_values // max(1, units)))))


def scene(
    model: EditableModel,
    outputs: ModelOutputs,
    side: int,
    resolution: int,
    steps: Sequence[int],
    max_values: int = MAX_MAP_VALUES,
) -> dict[str, Any]:
    """Return everything that the view draws.

    Args:
        model: the model with its edits and snapshots.
        outputs: its outputs in the state that is drawn.
        side: grid points along a side of the plane, for these outputs.
        resolution: grid points along a side that the training code asks for.
        steps: the snapshots that the player can reach.
        max_values: number of values that all maps may hold.
    """
    classes, labels, edited = model.classes, model.edits.labels, bool(model.edits.weights)
    calls, count = outputs.grid_pass.calls, len(labels)
    layers = _drawn_layers(len(calls))
    stride = map_stride(side, sum(min(DRAWN_UNITS, calls[index].units) for index in layers), max_values)
    along = torch.arange(stride // 2, side, stride)
    kept = (along[:, None] * side + along).flatten()
    points = drawn_points(count)
    badge = {"kind": "good", "text": message("decision_boundary.badge")}
    return {
        "limits": list(model.inputs.limits),
        "side": side,
        "probs": as_array(_as_maps(outputs.probs, side)),
        "classes": classes,
        "markers": [{"color": class_color(k), "path": marker(k)} for k in range(len(classes))],
        "cross": CROSS,
        "points": as_array(outputs.point_pass.calls[0].output[points]),
        "labels": as_array(labels[points], torch.int32),
        "preds": as_array(outputs.preds[points], torch.int32),
        "point_stride": point_stride(count),
        "painted_start": int((points < len(model.inputs.labels)).sum()),
        "layers": [_layer(calls, index, layers, side, stride) for index in layers],
        "map_side": len(along),
        "map_stride": stride,
        "projections": [_projection(outputs, index, kept, points) for index in layers],
        "snapshots": model.history.series(steps),
        "edited": edited,
        "trainable": model.is_trainable,
        "code": model.code(resolution),
        "build": _build(model.builder),
        "signature": signature(model.name, outputs),
        "badge": {"kind": "", "text": message("decision_boundary.edited")} if edited else badge,
        "notes": [*_model_notes(model, len(steps)), *_notes(outputs, layers, len(points), count)],
        "summary": message(
            "decision_boundary.summary",
            classes=", ".join(classes),
            points=count,
            accuracy=percent(outputs.accuracy),
            layers=len(calls) - 1,
        ),
    }


def _build(builder: NetworkBuilder | None) -> dict[str, Any] | None:
    """Return the arguments of the function that built the network, and how many training steps remain."""
    if builder is None:
        return None
    arguments = [{"name": one.name, "choices": one.texts} for one in builder.arguments.values()]
    return {"arguments": arguments, "remaining": builder.training.remaining, "error": builder.training.error}


def signature(model_name: str, outputs: ModelOutputs) -> str:
    """Return the line in the card's header: the model's name, accuracy, loss and number of points."""
    return message(
        "decision_boundary.signature",
        model=model_name,
        points=len(outputs.preds),
        accuracy=percent(outputs.accuracy),
        loss="–" if outputs.loss is None else f"{outputs.loss:.4g}",
    )


def page_scene(model: EditableModel, step: int, resolution: int, steps: Sequence[int]) -> dict[str, Any]:
    """Return the scene of one snapshot for an exported page, with fewer grid points and smaller unit maps."""
    side = min(resolution, _PAGE_SIDE)
    return scene(model, model.record(side, model.state(step)), side, resolution, steps, _PAGE_MAP_VALUES)


def percent(fraction: float | None) -> str:
    """Return a fraction as "97.3%", and "–" for ``None``; only 1 itself becomes 100%."""
    if fraction is None:
        return "–"
    return "100%" if fraction == 1 else f"{min(99.9, round(100 * fraction, 1)):g}%"


def _drawn_layers(count: int) -> list[int]:
    """Return the indices of the calls that are drawn: all, or the first ones and the last."""
    return list(range(count)) if count <= DRAWN_LAYERS else [*range(DRAWN_LAYERS - 1), count - 1]


def _as_maps(values: Tensor, side: int) -> Tensor:
    """Return (side · side, K) as (K, side, side)."""
    return values.T.reshape(-1, side, side)


def _layer(calls: Sequence[LayerCall], index: int, layers: Sequence[int], side: int, stride: int) -> dict[str, Any]:
    call, weight, linear = calls[index], calls[index].weight, linear_source(calls, index)
    drawn = min(DRAWN_UNITS, call.units)
    return {
        "call": index,
        "name": call.name,
        "kind": call.kind,
        "description": call.kind if call.path is None else f"{call.kind}({call.extra_repr})",
        "sources": [_title(calls[source]) for source in call.sources],
        "from": [layers.index(source) for source in call.sources if source in layers],
        "units": call.units,
        "drawn": drawn,
        "values": as_array(_as_maps(call.output[:, :drawn], side)[:, stride // 2 :: stride, stride // 2 :: stride]),
        "equations": [equation(calls, index, unit) for unit in range(drawn)],
        "linear": layers.index(linear) if linear in layers else -1,
        "inputs": input_names(calls, index)[:DRAWN_WEIGHTS],
        "in_features": 0 if weight is None else weight.shape[1],
        "weight": None if weight is None else as_array(weight[:drawn, :DRAWN_WEIGHTS]),
        "bias": None if call.bias is None else as_array(call.bias[:drawn]),
        "editable": weight is not None and call.path is not None,
    }


def _title(call: LayerCall) -> str:
    """Return name and class, as in "1 (ReLU)"; of a function and of the input the name alone."""
    return f"{call.name} ({call.kind})" if call.path and call.name != call.kind else call.name


def _projection(outputs: ModelOutputs, index: int, kept: Tensor, points: Tensor) -> dict[str, Any] | None:
    on_grid, on_points = outputs.grid_pass.calls[index].output, outputs.point_pass.calls[index].output
    if not 0 < on_grid.shape[1] <= MAX_UNITS or not (_all_finite(on_grid) and _all_finite(on_points)):
        return None
    projection = project(on_grid[kept.to(on_grid.device)], on_points[points])
    return {
        "grid": as_array(projection.grid),
        "points": as_array(projection.points),
        "units": projection.units,
        "explained_variance_ratio": list(projection.explained_variance_ratio),
    }


def _all_finite(values: Tensor) -> bool:
    """Return whether all values are finite: a sum that is finite says so faster than looking at each of them."""
    return bool(torch.isfinite(values.sum())) or bool(torch.isfinite(values).all())


def _model_notes(model: EditableModel, shown_snapshots: int) -> list[dict[str, str]]:
    """Return notes about layers that torch does not see, eval() mode, snapshots that are left out, and the limit of painted points."""
    unregistered = unregistered_note(model.inputs.model)
    modules, notes = named_modules(model.inputs.model), []
    if unregistered:
        notes.append({"kind": "warn", "text": unregistered})
    if model.builder and model.builder.training.error:
        notes.append(_note("bad", "build", error=model.builder.training.error[:400]))
    affected = [name for name, module in modules if not model.builder and module.training and differs_in_eval(module)]
    if affected:
        notes.append(_note("", "evaluation", names=", ".join(affected[:4])))
    if shown_snapshots < len(model.history):
        notes.append(_note("", "snapshots", shown=shown_snapshots, count=len(model.history)))
    if len(model.edits.painted) >= MAX_PAINTED:
        notes.append(_note("warn", "painted", most=MAX_PAINTED))
    return notes


def _notes(outputs: ModelOutputs, layers: Sequence[int], points: int, count: int) -> list[dict[str, str]]:
    calls = outputs.grid_pass.calls
    last, widest = calls[-1], max((calls[index] for index in layers), key=lambda call: call.units)
    nonfinite = [call.name for call in calls if not _all_finite(call.output)]
    notes = []
    if nonfinite:
        notes.append(_note("bad", "nonfinite", name=nonfinite[0]))
    if last.kind.lower() in ("sigmoid", "softmax"):
        notes.append(_note("warn", "probabilities", name=last.name, kind=last.kind))
    if len(layers) < len(calls):
        notes.append(_note("", "layers", shown=len(layers) - 1, count=len(calls) - 1))
    if widest.units > DRAWN_UNITS:
        notes.append(_note("", "units", name=widest.name, shown=DRAWN_UNITS, count=widest.units))
    if points < count:
        notes.append(_note("", "points", shown=points, count=count))
    if outputs.num_classes > CLASS_COLORS:
        notes.append(_note("", "colors"))
    return notes


def _note(kind: str, key: str, /, **values: Any) -> dict[str, str]:
    return {"kind": kind, "text": message(f"decision_boundary.note.{key}", **values)}
