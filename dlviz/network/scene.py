"""A forward run as a JSON-able picture: a column of maps for every call, the image, the scores, and what is opened."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.kit.messages import message
from dlviz.network.contributions import bias, channel_contributions, linear_terms, logits_column, softmax_terms
from dlviz.network.receptive_field import ReceptiveField
from dlviz.network.record import Column, Network
from dlviz.network.sliding_ops import sliding_op

#: So many maps of a column are drawn, so many places of each along a side, so many units of a vector, and so many input channels of
#: a map that is opened.
MAX_MAPS, MAX_SIDE, MAX_UNITS, MAX_CONTRIBUTIONS = 16, 64, 512, 12
#: The image is sent with up to so many pixels along a side.
MAX_IMAGE_SIDE = 224
#: Of a network with more columns than this fewer maps are sent of each, and smaller ones.
MANY_COLUMNS = 40


def feature_maps(x: Tensor, series: bool = False) -> Tensor:
    """A sample's output as maps: (K, rows, columns).

    Args:
        x: one sample's output, of any shape.
        series: whether two dimensions are channels and positions, so that every channel is a map of one row.

    Example:
        >>> feature_maps(torch.zeros(6, 24, 24)).shape, feature_maps(torch.zeros(10)).shape, feature_maps(torch.zeros(7, 3)).shape
        (torch.Size([6, 24, 24]), torch.Size([1, 10, 1]), torch.Size([1, 7, 3]))
    """
    if x.dim() < 2:
        return x.reshape(1, -1, 1)
    if x.dim() == 2 and series:
        return x.unsqueeze(1)
    return x.reshape(-1, *x.shape[-2:])


def layout(x: Tensor, series: bool = False) -> str:
    """How a column is drawn: "maps", "plane", "vector" or "number"."""
    return {0: "number", 1: "vector", 2: "maps" if series else "plane"}.get(x.dim(), "maps")


def to_float(x: Tensor) -> Tensor:
    """`x` as float32, or float64 where it needs it: what is drawn of it."""
    x = x.detach().cpu()
    if x.is_complex():
        x = x.abs()
    return (
        x
        if x.dtype in (torch.float32, torch.float64)
        else x.to(torch.float64 if x.dtype is torch.int64 else torch.float32)
    )


def subsample(x: Tensor, most: int) -> tuple[Tensor, int]:
    """Every k-th place along both sides, so that up to `most` remain, and that k."""
    every = max(1, math.ceil(max(x.shape[-2:]) / most))
    return x[..., ::every, ::every], every


def sheet(x: Tensor, most: int = MAX_SIDE) -> dict[str, Any]:
    """One map as the view reads it."""
    x = to_float(x)
    x = x if x.dim() == 2 else x.reshape(1, -1)
    part, every = subsample(x, most)
    values = part.contiguous().numpy()
    return {
        "size": list(x.shape),
        "every": every,
        "drawn": list(part.shape),
        "kind": str(values.dtype),
        "values": values,
    }


def scene(
    network: Network,
    outputs: Sequence[Tensor],
    *,
    signature: str,
    labels: Sequence[str],
    before: Network | None = None,
    batch: int = 1,
) -> dict[str, Any]:
    """Everything the view draws before anything is opened.

    Args:
        network: the run.
        outputs: what is drawn of each column: its own output, another run's, or their difference.
        signature: the line in the head.
        labels: names of the classes; empty for none.
        before: the run without what has been painted on the image, for its scores.
        batch: how many samples there are.
    """
    fewer = max(4, MAX_MAPS * MANY_COLUMNS // max(MANY_COLUMNS, len(network.columns)))
    side = MAX_SIDE if len(network.columns) <= MANY_COLUMNS else MAX_SIDE // 2
    columns = [
        _column(column, x, fewer, side, network.one_dimensional) for column, x in zip(network.columns, outputs, strict=True)
    ]
    return {
        "columns": columns,
        "image": None if network.one_dimensional else _image(network.columns[0]),
        "scores": _scores(network, outputs, labels, before),
        "batch": batch,
        "signature": signature,
        "badge": {"kind": "good", "text": message("network.badge")},
        "notes": _notes(network, columns),
        "summary": message("network.summary", calls=len(columns) - 1, names=", ".join(c["name"] for c in columns[:12])),
    }


def _column(column: Column, x: Tensor, most: int, side: int, series: bool) -> dict[str, Any]:
    maps = feature_maps(to_float(x), series)
    kind = layout(x, series)
    part, every = subsample(maps[:most], MAX_UNITS if kind == "vector" else side)
    values = part.contiguous().numpy()
    return {
        "name": column.name,
        "kind": column.kind,
        "about": settings(column),
        "layout": kind,
        "shape": list(x.shape),
        "shapes": [list(t.shape) for t in column.outputs],
        "channels": maps.shape[0],
        "size": list(maps.shape[1:]),
        "every": every,
        "drawn": list(part.shape),
        "type": str(values.dtype),
        "values": values,
        "parameters": column.parameters,
        "sources": sorted({source.column for source in column.sources}),
        "returned": list(column.returned),
        "slides": sliding_op(column) is not None,
    }


def settings(column: Column) -> str:
    """The call as a learner would write it: "Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))"; of a function its plain arguments."""
    if column.module is not None:
        return f"{column.kind}({column.module.extra_repr()})"
    if column.function is None:
        return ""
    found = sliding_op(column)
    if found is not None:
        given = (
            f"{name}={value}"
            for name, value in found.arguments.items()
            if name not in ("weight", "bias") and value is not None
        )
        return f"{column.kind}({', '.join(given)})"
    plain = [
        repr(value) for value in column.args if isinstance(value, (int, float, str, bool, tuple)) and not _sized(value)
    ]
    plain += [
        f"{name}={value!r}" for name, value in column.kwargs.items() if isinstance(value, (int, float, str, bool))
    ]
    return f"{column.kind}({', '.join(plain)})"


def _sized(value: Any) -> bool:
    """Whether an argument holds tensors or slices, which would read badly."""
    return isinstance(value, tuple) and not all(isinstance(one, (int, float)) for one in value)


def _image(column: Column) -> dict[str, Any] | None:
    """The sample's first input as pixels, from its own least to its own largest number; ``None`` if it is no image."""
    x = column.output
    if x.dim() not in (2, 3) or min(x.shape[-2:]) < 2 or x.is_complex():
        return None
    maps = feature_maps(to_float(x).float())
    maps = maps[:3] if maps.shape[0] == 3 else maps[:1]
    part, every = subsample(maps, MAX_IMAGE_SIDE)
    least, most = float(part.nan_to_num().min()), float(part.nan_to_num().max())
    scaled = ((part.nan_to_num() - least) / max(most - least, 1e-12) * 255).round().to(torch.uint8)
    return {
        "size": list(maps.shape[1:]),
        "every": every,
        "drawn": list(part.shape),
        "values": scaled.permute(1, 2, 0).contiguous().numpy(),
    }


def _scores(
    network: Network, outputs: Sequence[Tensor], labels: Sequence[str], before: Network | None
) -> dict[str, Any] | None:
    """The scores with the terms of their softmax, largest first in the order that the view sorts."""
    number = logits_column(network)
    if number is None:
        return None
    column = network.columns[number]
    z = to_float(column.output)
    terms = softmax_terms(z)
    names = list(labels) if len(labels) == z.numel() else [str(i) for i in range(z.numel())]
    about = {
        "column": number,
        "labels": names,
        "sum": float(terms["sum"]) if math.isfinite(float(terms["sum"])) else None,
        **{name: _double(terms[name]) for name in ("z", "e", "p")},
    }
    if before is not None:
        old = softmax_terms(to_float(before.columns[number].output))
        about |= {"before_z": _double(old["z"]), "before_p": _double(old["p"])}
    return about


def _double(x: Tensor) -> np.ndarray:
    return x.double().numpy()


def detail(
    network: Network,
    outputs: Sequence[Tensor],
    number: int,
    channel: int,
    state: Mapping[str, Tensor] | None,
    own: bool,
) -> dict[str, Any]:
    """One map or unit, opened into what it is made of.

    Args:
        network, outputs: as for :func:`scene`.
        number, channel: which map of which column.
        state: other parameters than the modules' own.
        own: whether the outputs are the run's own; of a difference only the map itself is shown.
    """
    column, x = network.columns[number], outputs[number]
    maps, kind = feature_maps(x, network.one_dimensional), layout(x, network.one_dimensional)
    about: dict[str, Any] = {
        "column": number,
        "channel": channel,
        "layout": kind,
        "sheet": sheet(maps[channel] if kind in ("maps", "plane") else x.reshape(1, -1)),
        "inputs": [],
        "total": 0,
        "bias": None,
        "terms": None,
    }
    if not own:
        return about
    if kind in ("maps", "plane"):
        found, about["total"] = channel_contributions(network, number, channel, MAX_CONTRIBUTIONS, state)
        about["inputs"] = [
            {
                "column": share.source.column,
                "channel": share.channel,
                "map": sheet(share.map, 48),
                "kernel": None if share.kernel is None else sheet(share.kernel),
                "part": None if share.part is None else sheet(share.part, 48),
            }
            for share in found
        ]
        about["bias"] = bias(column, channel, state) if sliding_op(column) is not None else None
    elif kind == "vector":
        terms = linear_terms(network, number, channel, 10, state)
        if terms is not None:
            about["terms"] = [[term.place, term.value, term.weight, term.product] for term in terms]
            about["total"] = network.columns[column.sources[0].column].output.numel()
            about["bias"] = bias(column, channel, state)
            about |= {
                "value": float(x[channel]),
                **_sums(network, number, channel, [term.place for term in terms], state),
            }
    return about


def _sums(
    network: Network, number: int, unit: int, listed: Sequence[int], state: Mapping[str, Tensor] | None
) -> dict[str, float]:
    """What the listed terms of a linear unit add up to, and all others."""
    every = linear_terms(
        network, number, unit, network.columns[network.columns[number].sources[0].column].output.numel(), state
    )
    parts = {True: 0.0, False: 0.0}
    for term in every or []:
        parts[term.place in listed] += term.product
    return {"sum": parts[True], "rest": parts[False]}


def sight(found: ReceptiveField, value: float) -> dict[str, Any]:
    """A receptive field as the view reads it: the boxes on every column, and the heat over the image."""
    heat = None
    if found.gradient is not None and found.gradient.dim() in (2, 3):
        size = feature_maps(found.gradient).abs().amax(0)  # the strongest channel of a pixel
        heat = sheet(size, MAX_IMAGE_SIDE)
    return {
        "column": found.column,
        "index": list(found.index),
        "value": value if math.isfinite(value) else str(value),
        "boxes": {str(column): [list(side) for side in sides] for column, sides in found.boxes.items()},
        "known": found.mask is not None,
        "seen": 0 if found.mask is None else int(found.mask.sum()),
        "moved": 0 if found.gradient is None else int((found.gradient != 0).sum()),
        "heat": heat,
    }


def _notes(network: Network, columns: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    notes = []
    if network.refusal:
        text = message(
            "network.note.refused", call=network.refused or message("network.note.somewhere"), torch=network.refusal
        )
        notes.append({"kind": "bad", "text": text})
    wild = next(
        (c.name for c in network.columns if c.output.is_floating_point() and not bool(torch.isfinite(c.output).all())),
        "",
    )
    if wild:
        notes.append({"kind": "bad", "text": message("network.note.wild", name=wild)})
    training = [c for c in network.columns if c.module is not None and c.module.training and _minds(c.module)]
    if training:
        notes.append(
            {"kind": "warn", "text": message("network.note.training", names=", ".join(c.name for c in training[:4]))}
        )
    cropped = [c for c in columns if c["channels"] > c["drawn"][0]]
    if cropped:
        most = max(cropped, key=lambda c: int(c["channels"]))
        text = message("network.note.channels", name=most["name"], shown=most["drawn"][0], channels=most["channels"])
        notes.append({"kind": "", "text": text})
    if any(c["every"] > 1 for c in columns):
        notes.append({"kind": "", "text": message("network.note.subsample")})
    return notes


def _minds(module: nn.Module) -> bool:
    """Whether a module does otherwise in training than in evaluation."""
    return "Dropout" in type(module).__name__ or isinstance(module, nn.modules.batchnorm._BatchNorm)
