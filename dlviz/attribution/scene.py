"""The maps of all methods, what is open of them, and the checks, as JSON-able data with binary arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.attribution.attribution_map import METHODS, Attribution
from dlviz.attribution.grad_cam import ChannelTerms
from dlviz.attribution.path import IntegrationPath
from dlviz.attribution.pictures import (
    THUMBNAIL,
    Array,
    color_limit,
    drawn_size,
    encoded,
    image_bytes,
    shades,
    shrunk,
    value_range,
)
from dlviz.attribution.record import Record
from dlviz.attribution.terms import Terms
from dlviz.kit.messages import message
from dlviz.kit.svg_grid import format_number

#: Classes that the menu offers, and inputs that are drawn.
MAX_CLASSES, MAX_INPUTS = 1000, 24
#: Pixels along a side of a channel's picture.
_CHANNEL = 32
#: What the numbers of a method are: maps of one unit may share a color scale.
UNITS = {
    "saliency": "gradient",
    "smooth_grad": "gradient",
    "gradient_x_input": "score",
    "integrated_gradients": "score",
    "occlusion": "score",
    "grad_cam": "cells",
}
#: Share of Grad-CAM's magnitudes below which the map that ReLU leaves is almost empty.
_FAINT = 0.01
#: Methods whose strengths over several channels are not the magnitudes of their maps.
_OWN_STRENGTHS = ("saliency", "smooth_grad")


def scene(record: Record) -> dict[str, Any]:
    """Return what the view draws of all inputs."""
    inputs, count = record.inputs, min(len(record.inputs.x), MAX_INPUTS)
    names = methods(record)
    found = {
        "kind": inputs.kind,
        "count": count,
        "methods": names,
        "units": {name: UNITS[name] for name in names},
        "classes": inputs.classes[:MAX_CLASSES],
        "inputs": [_heading(record, k) for k in range(count)],
        "totals": {name: [_totals(record.attributions[name], k) for k in range(count)] for name in names},
        "limits": {name: _limits(record.attributions[name], count) for name in names},
    }
    if inputs.kind == "image":
        return found | _image_scene(record, count)
    return found | _row_scene(record, count)


def methods(record: Record) -> list[str]:
    """Return the methods that have a map, in their order."""
    return [name for name in METHODS if name in record.attributions]


def drawn_map(attribution: Attribution, k: int) -> Tensor:
    """Return what is drawn of one input: its map, (H, W) or (T,); of Grad-CAM on an image the coarse map (h, w) of the layer."""
    if attribution.method == "grad_cam" and attribution.maps.dim() == 3:
        cells = attribution.values[k]
        return cells if cells.dim() == 2 else cells[None]
    return attribution.maps[k]


def drawn_strengths(attribution: Attribution, k: int) -> Tensor:
    """Return the same without signs."""
    if attribution.method == "grad_cam" and attribution.maps.dim() == 3:
        return drawn_map(attribution, k).abs()
    return attribution.strengths[k]


def is_faint(attribution: Attribution, k: int) -> bool:
    """Return whether ReLU leaves next to nothing of the map of one input."""
    if attribution.before_relu is None:
        return False
    left, whole = (float(one[k].double().abs().sum()) for one in (attribution.values, attribution.before_relu))
    return 0 < left < _FAINT * whole


def strongest_color(attribution: Attribution, k: int, values: Tensor) -> float:
    """Return the number of the strongest color for what is drawn of one input; a faint map has the scale of the map before ReLU."""
    before = attribution.before_relu
    return color_limit(before[k] if before is not None and is_faint(attribution, k) else values)


def _heading(record: Record, k: int) -> dict[str, Any]:
    inputs, target = record.inputs, int(record.inputs.targets[k])
    return {
        "label": inputs.labels[k],
        "target": target,
        "name": inputs.classes[target],
        "score": float(record.scores[k, target]),
        "prob": None if record.probs is None else float(record.probs[k, target]),
        "single": len(inputs.classes) == 1,
        "predicted": int(record.scores[k].argmax()),
    }


def _totals(attribution: Attribution, k: int) -> dict[str, Any]:
    expected, error = attribution.expected_sum, attribution.completeness_error
    return {
        "sum": float(attribution.sum[k]),
        "most": float(drawn_strengths(attribution, k).max()),
        "faint": is_faint(attribution, k),
        "expected": None if expected is None else float(expected[k]),
        "error": None if error is None else float(error[k]),
    }


def _limits(attribution: Attribution, count: int) -> dict[str, list[float]]:
    """Return the number of the strongest color of every input's map, with signs and without."""
    return {
        "signed": [strongest_color(attribution, k, drawn_map(attribution, k)) for k in range(count)],
        "absolute": [strongest_color(attribution, k, drawn_strengths(attribution, k)) for k in range(count)],
    }


def _image_scene(record: Record, count: int) -> dict[str, Any]:
    x = record.inputs.x
    full = _size(x)
    size = drawn_size(full)
    cam = record.attributions.get("grad_cam")
    return {
        "full": list(full),
        "shape": list(size),
        "channels": int(x.shape[1]),
        "coarse": None if cam is None else list(drawn_map(cam, 0).shape),
        "thumbnails": _thumbnails(record, count, drawn_size(full, THUMBNAIL)) if count > 1 else None,
    }


def _thumbnails(record: Record, count: int, size: tuple[int, int]) -> dict[str, Any]:
    """Return small pictures of all inputs and their maps."""
    x, shown = record.inputs.x[:count], record.attributions
    maps, strengths = {}, {}
    for name in methods(record):
        one = shown[name]
        cells = torch.stack([drawn_map(one, k) for k in range(count)])
        target = drawn_size(_size(cells), THUMBNAIL)
        maps[name] = _float32(shrunk(cells, target))
        if _has_own_strengths(record, name):
            strengths[name] = _float32(shrunk(torch.stack([drawn_strengths(one, k) for k in range(count)]), target))
    cam = shown.get("grad_cam")
    coarse = None if cam is None else list(drawn_size(_size(drawn_map(cam, 0)), THUMBNAIL))
    picture = image_bytes(x, size, value_range(record.inputs.x))
    return {
        "shape": list(size),
        "coarse": coarse,
        "input": picture,
        "maps": maps,
        "strengths": strengths,
    }


def _has_own_strengths(record: Record, name: str) -> bool:
    values = record.attributions[name].values
    return name in _OWN_STRENGTHS and values.dim() > record.attributions[name].maps.dim() and values.shape[1] > 1


def _row_scene(record: Record, count: int) -> dict[str, Any]:
    """Return the names and values of the features, or the tokens, of every input, and all maps."""
    inputs = record.inputs
    if inputs.kind == "tokens":
        names = [list(texts) for texts in (inputs.tokens or ())[:count]]
        texts = [[""] * len(one) for one in names]
    else:
        names = [list(inputs.features)] * count
        texts = [[format_number(float(value), 4) for value in inputs.x[k].flatten()] for k in range(count)]
    shown = record.attributions
    return {
        "names": names,
        "texts": texts,
        "maps": {name: [_float64(drawn_map(shown[name], k)) for k in range(count)] for name in methods(record)},
        "strengths": {
            name: [_float64(drawn_strengths(shown[name], k)) for k in range(count)] for name in methods(record)
        },
    }


def opened(record: Record, index: int, name: str) -> dict[str, Any]:
    """Return the input that is open, with its maps at full size, and what is said of it.

    Args:
        record: what was computed.
        index: index of the input.
        name: the learner's name of the net.
    """
    heading = _heading(record, index)
    found = {
        "index": index,
        "signature": _signature(record, heading, name),
        "badge": _badge(record, index),
        "notes": _notes(record),
        "summary": _summary(record, heading),
    }
    if record.inputs.kind != "image":
        return found
    x = record.inputs.x
    size = drawn_size(_size(x))
    maps, strengths = {}, {}
    for method in methods(record):
        one = record.attributions[method]
        shape = _size(drawn_map(one, index)) if method == "grad_cam" else size
        maps[method] = encoded(shrunk(drawn_map(one, index)[None], shape)[0])
        if _has_own_strengths(record, method):
            strengths[method] = encoded(shrunk(drawn_strengths(one, index)[None], size)[0])
    # Apart from the others, because a page holds it for several layers.
    cells = {"cells": maps.pop("grad_cam")} if "grad_cam" in maps else {}
    picture = image_bytes(x[[index]], size, value_range(x))[0]
    return found | cells | {"input": picture, "maps": maps, "strengths": strengths}


def _signature(record: Record, heading: Mapping[str, Any], name: str) -> str:
    values = {
        "net": name,
        "target": heading["target"],
        "class_name": heading["name"],
        "score": format_number(heading["score"], 4),
        "prob": "" if heading["prob"] is None else f"{heading['prob']:.3f}",
    }
    if record.scores.shape[1] == 1:
        return message("attribution.signature.single", **values)
    key = "named" if heading["name"] != str(heading["target"]) else "plain"
    text = message(f"attribution.signature.{key}", **values)
    return text if heading["prob"] is None else text + message("attribution.signature.prob", **values)


def _badge(record: Record, index: int) -> dict[str, str]:
    """Return the largest error of a sum, which only integrated gradients can have."""
    one = record.attributions.get("integrated_gradients")
    if one is None or one.completeness_error is None or one.expected_sum is None:
        return {"text": "", "kind": ""}
    error, whole = float(one.completeness_error[index]), float(one.expected_sum[index])
    kind = "bad" if abs(error) > 0.05 * max(abs(whole), 1e-12) else ""
    return {"text": message("attribution.badge", error=format_number(error, 2)), "kind": kind}


def _notes(record: Record) -> list[dict[str, str]]:
    notes = list(record.notes)
    x = record.inputs.x
    if record.inputs.kind == "image":
        full = _size(x)
        size = drawn_size(full)
        if size != full:
            notes.append(message("attribution.drawn.averaged", drawn=" × ".join(map(str, size))))
        if x.shape[1] not in (1, 3):
            notes.append(message("attribution.drawn.channels", count=int(x.shape[1])))
    if len(x) > MAX_INPUTS:
        notes.append(message("attribution.drawn.inputs", drawn=MAX_INPUTS, count=len(x)))
    return [{"kind": "", "text": text} for text in notes]


def _summary(record: Record, heading: Mapping[str, Any]) -> str:
    names = ", ".join(message(f"attribution.method.{name}") for name in methods(record))
    values = {"count": len(record.inputs.x), "methods": names, "class_name": heading["name"]}
    return message(f"attribution.summary.{record.inputs.kind}{'_one' if len(record.inputs) == 1 else ''}", **values)


def details(found: Terms, record: Record, path: IntegrationPath | None) -> dict[str, Any]:
    """Return the terms of one number for the view.

    Args:
        found: the terms.
        record: what was computed.
        path: the path of integrated gradients, for their terms.
    """
    heads = [name for name, _ in found.terms[0].factors] if found.terms else []
    names = {"image": "channel", "row": "value", "tokens": "dimension"}
    kind = {"occlusion": "window", "grad_cam": "channel"}.get(found.method, names[record.inputs.kind])
    is_feature = kind == "value"
    made: dict[str, Any] = {
        "method": found.method,
        "index": found.index,
        "place": list(found.place),
        "layer": record.attributions[found.method].layer,
        "relu": record.relu,
        "cell": list(found.cell) if len(found.cell) == 2 else [0, *found.cell],
        "head": "" if is_feature else message(f"attribution.term.{kind}"),
        "heads": heads,
        "sign": {"occlusion": "−", "smooth_grad": "±"}.get(found.method, "×"),
        "terms": [
            {
                "name": message("attribution.term.value") if is_feature else term.name,
                "factors": [value for _, value in term.factors],
                "value": term.value,
            }
            for term in found.terms
        ],
        "how": found.how,
        "value": found.value,
        "rest": found.rest,
        "count": found.count,
        "residual": found.residual if abs(found.residual) > found.rounding else 0.0,
        "samples": list(found.samples),
    }
    if found.method == "occlusion":
        made["windows"] = [[*map(int, term.name.split(", ")), *record.window] for term in found.terms]
    if path is not None:
        products = path.gradients * path.difference
        at = found.place
        here = products[:, :, at[0], at[1]] if record.inputs.kind == "image" else products[:, at[0]]
        made["along"] = _float64(here.reshape(len(products), -1).sum(1))
    return made


def path_scene(path: IntegrationPath, record: Record, index: int) -> dict[str, Any]:
    """Return the scores between baseline and input, and the sum of the attributions up to each."""
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    last = float(path.running[-1])
    made = {
        "index": index,
        "alphas": _float64(torch.cat((ends[:1], path.alphas, ends[1:]))),
        "scores": np.array([path.start, *path.scores.tolist(), path.end]),
        "running": np.array([0.0, *path.running.tolist(), last]),
        "expected": path.expected,
        "error": last - path.expected,
    }
    x = record.inputs.x
    if record.inputs.kind == "image":
        baseline = image_bytes(record.inputs.baseline[None], drawn_size(_size(x)), value_range(x))[0].ravel()
        # Of a baseline of one color, which most are, one byte.
        made["baseline"] = baseline[:1] if (baseline == baseline[0]).all() else baseline
    return made


def cam_scene(channels: ChannelTerms, record: Record, index: int) -> dict[str, Any]:
    """Return the layers that Grad-CAM can use, and the strongest channels of the chosen one."""
    cam = record.attributions["grad_cam"]
    maps = channels.activations if channels.activations.dim() == 3 else channels.activations[:, None]
    size = drawn_size(_size(maps), _CHANNEL)
    return {
        "index": index,
        "layer": cam.layer,
        "relu": record.relu,
        "sum": float(cam.sum[index]),
        "note": _cam_note(record, cam, index),
        "layers": [
            {
                "path": one.path,
                "kind": one.kind,
                "shape": " × ".join(map(str, one.shape)),
                "usable": one.usable,
            }
            for one in record.layers
        ],
        "channels": channels.channels.tolist(),
        "weights": channels.weights.double().tolist(),
        "shape": list(size),
        "maps": np.stack([shades(one, color_limit(one)) for one in shrunk(maps, size)]),
        "count": channels.count,
    }


def _cam_note(record: Record, cam: Attribution, index: int) -> str:
    """Return what a map of zeros means, or what the learner should know about the layer."""
    assert cam.before_relu is not None
    layer = next(one for one in record.layers if one.path == cam.layer)
    if layer.usable and not bool(cam.values[index].any()):
        return message(f"attribution.cam.{'zero' if cam.before_relu[index].any() else 'empty'}")
    return message("attribution.cam.faint") if is_faint(cam, index) else layer.note


def _size(x: Tensor) -> tuple[int, int]:
    return int(x.shape[-2]), int(x.shape[-1])


def _float32(values: Tensor) -> Array:
    return values.detach().float().cpu().contiguous().numpy()


def _float64(values: Tensor) -> Array:
    return values.detach().double().cpu().contiguous().numpy()
