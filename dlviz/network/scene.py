"""A forward pass as a JSON-able picture: a column of feature maps for every call, the image, the class scores, the selected map."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.network.contributions import bias, channel_contributions, linear_terms, logits_column, softmax_terms
from dlviz.network.feature_maps import feature_maps, layout, subsample, to_float
from dlviz.network.receptive_field import ReceptiveField
from dlviz.network.receptive_field_rules import source_ranges
from dlviz.network.record import Column, Network
from dlviz.network.sliding_ops import sliding_op
from dlviz.torchkit.modules import differs_in_eval, initialized_note, settings_text

#: Maximal number of drawn maps per column, of rows and columns per map, of units of a vector, and of input channels of a selected map.
MAX_MAPS, MAX_SIDE, MAX_UNITS, MAX_CONTRIBUTIONS = 16, 64, 512, 12
#: Maximal rows and columns of the image.
MAX_IMAGE_SIDE = 224
#: Receptive fields of longer maps are computed by Python alone, when an element is selected.
MAX_RANGES = 256
#: In a network with more columns, fewer and smaller maps are sent for each.
MANY_COLUMNS = 40


def map_data(x: Tensor, max_side: int = MAX_SIDE) -> dict[str, Any]:
    """Return one map as the view reads it, subsampled to `max_side` rows and columns."""
    x = to_float(x)
    return _payload(x if x.dim() == 2 else x.reshape(1, -1), max_side)


def _payload(maps: Tensor, max_side: int) -> dict[str, Any]:
    """Return one or several maps, (…, rows, columns), subsampled, with their original size."""
    part, stride = subsample(maps, max_side)
    values = part.contiguous().numpy()
    return {
        "size": list(maps.shape[-2:]),
        "stride": stride,
        "drawn": list(part.shape),
        "dtype": str(values.dtype),
        "values": values,
    }


def scene(
    network: Network,
    outputs: Sequence[Tensor],
    *,
    signature: str,
    labels: Sequence[str],
    unoccluded: Network | None = None,
    batch_size: int = 1,
    unregistered: str = "",
) -> dict[str, Any]:
    """Return everything the view draws before a map is selected.

    Args:
        network: a recorded forward pass.
        outputs: what is drawn for each column: its own output, another pass's, or their difference.
        signature: the line in the card's head.
        labels: names of the classes; empty for none.
        unoccluded: the forward pass without occlusion, for its class scores.
        batch_size: number of samples.
        unregistered: a warning about layers that torch does not see.
    """
    max_maps = max(4, MAX_MAPS * MANY_COLUMNS // max(MANY_COLUMNS, len(network.columns)))
    max_side = MAX_SIDE if len(network.columns) <= MANY_COLUMNS else MAX_SIDE // 2
    columns = [
        _column(column, x, max_maps, max_side, network.one_dimensional)
        | {"ranges": source_ranges(network, number) if max(x.shape, default=0) <= MAX_RANGES else {}}
        for number, (column, x) in enumerate(zip(network.columns, outputs, strict=True))
    ]
    return {
        "columns": columns,
        "image": None if network.one_dimensional else _image(network.columns[0]),
        "scores": _scores(network, labels, unoccluded),
        "batch_size": batch_size,
        "signature": signature,
        "badge": {"kind": "good", "text": message("network.badge")},
        "notes": _notes(network, columns, unregistered),
        "summary": message("network.summary", calls=len(columns) - 1, names=", ".join(c["name"] for c in columns[:12])),
    }


def _column(column: Column, x: Tensor, max_maps: int, max_side: int, one_dimensional: bool) -> dict[str, Any]:
    maps = feature_maps(to_float(x), one_dimensional)
    drawn_as = layout(x, one_dimensional)
    return {
        **_payload(maps[:max_maps], MAX_UNITS if drawn_as == "vector" else max_side),
        "name": column.name,
        "kind": column.kind,
        "call": call_text(column),
        "layout": drawn_as,
        "shape": list(x.shape),
        "channels": maps.shape[0],
        "parameters": column.parameters,
        "sources": sorted({source.column for source in column.sources}),
        "returned": list(column.returned),
    }


def call_text(column: Column) -> str:
    """Return the call as source text: "Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))"; for a function without its tensors."""
    if column.module is not None:
        return f"{column.kind}({settings_text(column.module)})"
    if column.function is None:
        return ""
    op = sliding_op(column)
    if op is not None:
        arguments = {name: value for name, value in op.arguments.items() if name not in ("weight", "bias")}
        return (
            f"{column.kind}({', '.join(f'{name}={value}' for name, value in arguments.items() if value is not None)})"
        )
    scalars = (int, float, str, bool)
    args = [repr(value) for value in column.args if isinstance(value, scalars) or _is_number_tuple(value)]
    args += [f"{name}={value!r}" for name, value in column.kwargs.items() if isinstance(value, scalars)]
    return f"{column.kind}({', '.join(args)})"


def _is_number_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, (int, float)) for item in value)


def _image(column: Column) -> dict[str, Any] | None:
    """Return the sample's first input as pixels, scaled from its minimum to its maximum; ``None`` if it is not an image."""
    x = column.output
    if x.dim() not in (2, 3) or min(x.shape) < 1 or min(x.shape[-2:]) < 2 or x.is_complex():
        return None
    maps = feature_maps(to_float(x).float())
    maps = maps[:3] if maps.shape[0] == 3 else maps[:1]
    part, stride = subsample(maps, MAX_IMAGE_SIDE)
    part = part.nan_to_num()
    low, high = float(part.min()), float(part.max())
    pixels = ((part - low) / max(high - low, 1e-12) * 255).round().to(torch.uint8)
    return {
        "size": list(maps.shape[1:]),
        "stride": stride,
        "drawn": list(part.shape),
        "values": pixels.permute(1, 2, 0).contiguous().numpy(),
    }


def _scores(network: Network, labels: Sequence[str], unoccluded: Network | None) -> dict[str, Any] | None:
    """Return the logits with the terms of their softmax; ``None`` if the model returns no logits."""
    number = logits_column(network)
    if number is None:
        return None
    z = to_float(network.columns[number].output)
    terms = softmax_terms(z)
    total = float(terms["sum"])
    found = {
        "column": number,
        "labels": list(labels) if len(labels) == z.numel() else [str(i) for i in range(z.numel())],
        "sum": total if math.isfinite(total) else None,
        **{name: _float64(terms[name]) for name in ("z", "e", "p")},
    }
    if unoccluded is not None:
        before = softmax_terms(to_float(unoccluded.columns[number].output))
        found |= {"before_z": _float64(before["z"]), "before_p": _float64(before["p"])}
    return found


def _float64(x: Tensor) -> np.ndarray:
    return x.double().numpy()


def detail(
    network: Network,
    outputs: Sequence[Tensor],
    number: int,
    channel: int,
    state_dict: Mapping[str, Tensor] | None,
    explain: bool,
) -> dict[str, Any]:
    """Return one map or unit with what it is computed from.

    Args:
        network, outputs: as for :func:`scene`.
        number, channel: the column and its map.
        state_dict: parameters that were used instead of the modules' own.
        explain: whether `outputs` are the network's own; of a difference only the map itself is shown.
    """
    x = outputs[number]
    drawn_as = layout(x, network.one_dimensional)
    is_map = drawn_as in ("maps", "plane")
    maps = feature_maps(x, network.one_dimensional)
    found: dict[str, Any] = {
        "column": number,
        "channel": channel,
        "layout": drawn_as,
        "map": map_data(maps[channel] if is_map else x.reshape(1, -1)),
        "inputs": [],
        "total": 0,
        "bias": None,
        "terms": None,
    }
    if explain and is_map:
        found |= _map_inputs(network, number, channel, state_dict)
    elif explain and drawn_as == "vector":
        found |= _unit_terms(network, x, number, channel, state_dict)
    return found


def _map_inputs(network: Network, number: int, channel: int, state_dict: Mapping[str, Tensor] | None) -> dict[str, Any]:
    """Return the input channels of a map, their total number and the map's bias."""
    column = network.columns[number]
    inputs, total = channel_contributions(network, number, channel, MAX_CONTRIBUTIONS, state_dict)
    return {
        "inputs": [
            {
                "column": one.source.column,
                "channel": one.channel,
                "map": map_data(one.map, 48),
                "kernel": None if one.kernel is None else map_data(one.kernel),
                "contribution": None if one.contribution is None else map_data(one.contribution, 48),
            }
            for one in inputs
        ],
        "total": total,
        "bias": None if sliding_op(column) is None else bias(column, channel, state_dict),
    }


def _unit_terms(
    network: Network, x: Tensor, number: int, unit: int, state_dict: Mapping[str, Tensor] | None
) -> dict[str, Any]:
    """Return the ten largest terms of a linear unit, their sum and that of all others; nothing for another vector."""
    count = sum(network.columns[source.column].output.numel() for source in network.columns[number].sources[:1])
    terms = linear_terms(network, number, unit, count, state_dict)
    if terms is None:
        return {}
    return {
        "terms": [[term.index, term.value, term.weight, term.product] for term in terms[:10]],
        "total": count,
        "bias": bias(network.columns[number], unit, state_dict),
        "value": float(x[unit]),
        "sum": sum(term.product for term in terms[:10]),
        "rest": sum(term.product for term in terms[10:]),
    }


def field_overlay(field: ReceptiveField) -> dict[str, Any]:
    """Return a receptive field as the view reads it: the boxes on every column, and the gradient over the image."""
    gradient = None
    if field.gradient is not None and field.gradient.dim() in (2, 3):
        magnitude = feature_maps(field.gradient).abs().amax(0)  # of the channels of a pixel the largest
        gradient = map_data(magnitude, MAX_IMAGE_SIDE)
    return {
        "boxes": {str(column): [list(ends) for ends in box] for column, box in field.boxes.items()},
        "known": field.mask is not None,
        "nonzero": 0 if field.gradient is None else int(field.gradient.count_nonzero()),
        "gradient": gradient,
    }


def _notes(network: Network, columns: Sequence[Mapping[str, Any]], unregistered: str) -> list[dict[str, str]]:
    notes = []

    def note(kind: str, key: str, **values: Any) -> None:
        notes.append({"kind": kind, "text": message(f"network.note.{key}", **values)})

    if network.refusal:
        call = network.failed_call or message("network.note.somewhere")
        note("bad", "refused", call=call, torch=network.refusal)
    if network.unseen:
        note("warn", "unseen", reason=network.unseen)
    if unregistered:
        notes.append({"kind": "warn", "text": unregistered})
    for column in network.columns:
        if column.readable and not bool(torch.isfinite(to_float(column.output)).all()):
            note("bad", "nonfinite", name=column.name)
            break
    unreadable = [column.name for column in network.columns if not column.readable]
    if unreadable:
        note("warn", "unreadable", names=", ".join(unreadable[:4]))
    if network.initialized:
        notes.append({"kind": "", "text": initialized_note(network.initialized)})
    training = [
        c.name for c in network.columns if c.module is not None and c.module.training and differs_in_eval(c.module)
    ]
    if training:
        note("warn", "training", names=", ".join(training[:4]))
    cropped = [c for c in columns if c["channels"] > c["drawn"][0]]
    if cropped:
        largest = max(cropped, key=lambda c: int(c["channels"]))
        note("", "channels", name=largest["name"], shown=largest["drawn"][0], channels=largest["channels"])
    if any(c["stride"] > 1 for c in columns):
        note("", "subsampled")
    return notes
