"""What the view draws of a diffusion model, as JSON-able data with binary arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.diffusion.inputs import MAX_ROWS, Inputs
from dlviz.diffusion.record import ARROWS, Predictions, Process, StepsCurve, step_counts
from dlviz.diffusion.sampling import Walk
from dlviz.diffusion.widget_state import DenoiseState
from dlviz.kit.messages import counted, message
from dlviz.kit.theme import class_color, marker
from dlviz.torchkit.tensor_blocks import as_array

#: Strengths of guidance that the slider offers.
GUIDANCES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
#: Numbers of noise steps, and last betas, that the sliders offer beside those of the model.
STEPS, BETA_ENDS = (10, 20, 50, 100, 200, 500, 1000), (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
#: Predicted noise with the strongest color.
NOISE_SCALE = 3.0
#: Largest side of a drawn image; larger ones are averaged.
MAX_SIDE = 32


def scene(state: DenoiseState, process: Process, forward: str, beta_end: float) -> dict[str, Any]:
    """Return the process, the schedule, and everything that does not depend on the network's state.

    Args:
        state: network, data and settings.
        process: the process that is drawn.
        forward: "model", or the name of another schedule that is tried.
        beta_end: last beta of the linear schedule that is tried.
    """
    inputs, schedule = state.inputs, process.schedule
    labels = None if inputs.labels is None else inputs.labels[inputs.drawn]
    own = inputs.model.schedule
    return {
        "kind": "plane" if inputs.is_plane else "images",
        "limits": list(inputs.limits),
        "side": ARROWS,
        "classes": inputs.classes,
        "markers": [{"color": class_color(k), "path": marker(k)} for k in range(max(1, len(inputs.classes)))],
        "labels": None if labels is None else as_array(labels, torch.int32),
        "null": inputs.model.null,
        "image": None if inputs.is_plane else _image(inputs),
        "steps": schedule.steps,
        "model_steps": own.steps,
        "own": forward == "model" or torch.equal(schedule.betas, own.betas),
        "signal": as_array(schedule.signal, torch.float64),
        "noise": as_array(schedule.noise, torch.float64),
        "log_snr": as_array(schedule.log_snr, torch.float64),
        "own_signal": as_array(own.signal, torch.float64),
        "own_noise": as_array(own.noise, torch.float64),
        "own_log_snr": as_array(own.log_snr, torch.float64),
        "process": {"times": list(process.times), "x": _values(process.x, inputs)},
        "is_noise": process.is_noise,
        "verdict": _verdict(process),
        "samples": state.settings.samples,
        "offered": {
            "forward_steps": sorted({*STEPS, own.steps, schedule.steps}),
            "beta_end": sorted({*BETA_ENDS, beta_end}),
            "walk_steps": list(step_counts(own.steps)),
            "guidance": sorted({*GUIDANCES, state.settings.guidance}),
        },
        "snapshots": state.history.series(range(len(state.history))),
        "signature": signature(state),
        "badge": _badge(process),
        "notes": _notes(state),
        "summary": summary(state, process),
    }


def drawn_predictions(found: Predictions, inputs: Inputs) -> dict[str, Any]:
    """Return predictions as the view draws them; of the examples the predicted data, of images the predicted noise too."""
    return {
        "times": list(found.times),
        **_grid(found),
        "x0": _values(found.item_x0, inputs),
        "noise": None if inputs.is_plane else _values(found.item_noise, inputs, NOISE_SCALE),
        "loss": as_array(found.loss, torch.float64),
    }


def drawn_walk(
    times: Sequence[int], walk: Walk | None, found: Predictions | None, state: DenoiseState
) -> dict[str, Any]:
    """Return a walk as the view draws it.

    Args:
        times: the indices at which it is drawn, decreasing.
        walk: the walk, ``None`` while it is not finished.
        found: predictions at these indices.
        state: network, data and settings.
    """
    inputs, labels = state.inputs, state.walk_labels
    made: dict[str, Any] = {"path": None, "x0": None, "noise": None}
    if walk is not None:
        at = [walk.times.index(t) for t in times]
        made["path"] = _values(walk.path[at], inputs)
        made["x0"] = _values(walk.x0[at[:-1]], inputs)
        made["noise"] = None if inputs.is_plane else _values(walk.noise[at[:-1]], inputs, NOISE_SCALE)
    return {
        "times": list(times),
        "steps": state.settings.steps,
        "made": state.walk_steps_made,
        "labels": None if labels is None else as_array(labels, torch.int32),
        "predictions": None if found is None else {"times": list(found.times), **_grid(found)},
        **made,
    }


def drawn_curve(curve: StepsCurve | None) -> dict[str, Any]:
    """Return the curve over numbers of steps as the view draws it."""
    if curve is None:
        return {}
    distances = {name: np.array(getattr(curve, name), dtype=np.float64) for name in ("ddim", "ddpm")}
    return {"n": list(curve.n), **distances, "floor": curve.floor}


def signature(state: DenoiseState) -> str:
    """Return the line in the head."""
    inputs = state.inputs
    what = counted(f"diffusion.data.{'points' if inputs.is_plane else 'images'}", inputs.count)
    if not inputs.is_plane:
        what += " " + "×".join(map(str, inputs.x.shape[1:]))
    predicts = message(f"diffusion.predicts.{inputs.model.predicts}")
    steps = inputs.model.schedule.steps
    return message("diffusion.signature", model=inputs.names[0], data=what, steps=steps, predicts=predicts)


def summary(state: DenoiseState, process: Process) -> str:
    """Return one sentence for screen readers."""
    return message("diffusion.summary", what=signature(state), verdict=_verdict(process))


def percent(fraction: float) -> str:
    """Return a fraction in percent with two digits.

    Example:
        >>> percent(0.604), percent(0.00635), percent(0)
        ('60%', '0.64%', '0%')
    """
    return f"{_short(100 * fraction)}%"


def _short(value: float) -> str:
    """Return a number with two digits, and a true minus sign."""
    return f"{float(f'{value:.2g}'):g}".replace("-", "−").replace("e+0", "e")


def _verdict(process: Process) -> str:
    key = "noise" if process.is_noise else "not_noise"
    left = percent(process.signal_left)
    return message(f"diffusion.verdict.{key}", left=left, distance=_short(process.distance))


def _badge(process: Process) -> dict[str, str]:
    key, kind = ("noise", "good") if process.is_noise else ("not_noise", "bad")
    return {"text": message(f"diffusion.badge.{key}", left=percent(process.signal_left)), "kind": kind}


def _notes(state: DenoiseState) -> list[dict[str, str]]:
    inputs, notes = state.inputs, []
    if len(inputs.drawn) < inputs.count:
        used = min(inputs.count, MAX_ROWS)
        text = message("diffusion.note.rows", drawn=len(inputs.drawn), count=inputs.count, used=used)
        notes.append({"kind": "", "text": text})
    if max(inputs.x.shape[1:]) > MAX_SIDE and not inputs.is_plane:
        notes.append({"kind": "", "text": message("diffusion.note.averaged", side=MAX_SIDE)})
    if state.settings.steps > state.page_walk_steps:
        notes.append({"kind": "", "text": message("diffusion.note.page", steps=state.page_walk_steps)})
    size = float(inputs.x.double().square().mean().sqrt())
    if not 0.1 < size < 4:
        notes.append({"kind": "", "text": message("diffusion.note.scale", size=_short(size))})
    if inputs.x.ndim == 4 and inputs.x.shape[1] not in (1, 3):
        notes.append({"kind": "", "text": message("diffusion.note.channels", count=inputs.x.shape[1])})
    return notes


def _grid(found: Predictions) -> dict[str, Any]:
    if not found.grid_noise.shape[1]:
        return {"grid_noise": None, "grid_score": None, "grid_x0": None}
    return {name: as_array(getattr(found, name)) for name in ("grid_noise", "grid_score", "grid_x0")}


def _image(inputs: Inputs) -> dict[str, Any]:
    """Return the size of drawn images, and the values of black and white."""
    shape = _pixels(inputs.x[:1], inputs).shape
    low, high = _range(inputs)
    return {"channels": shape[1], "rows": shape[2], "columns": shape[3], "low": low, "high": high}


def _range(inputs: Inputs) -> tuple[float, float]:
    low, high = float(inputs.x.min()), float(inputs.x.max())
    return (low, high) if high > low else (low - 1, low + 1)


def _values(x: Tensor, inputs: Inputs, scale: float | None = None) -> np.ndarray:
    """Return points as float32, or images as bytes: from black to white, or from −`scale` to `scale`."""
    if inputs.is_plane:
        return as_array(x)
    low, high = (-scale, scale) if scale is not None else _range(inputs)
    pixels = _pixels(x.flatten(0, 1), inputs).double()
    return as_array(((pixels - low) / (high - low) * 255).nan_to_num(0, 255, 0).clamp(0, 255).round(), torch.uint8)


def _pixels(x: Tensor, inputs: Inputs) -> Tensor:
    """Return images (N, C, H, W) with one or three channels and at most :data:`MAX_SIDE` pixels along a side."""
    images = x[:, None] if inputs.x.ndim == 3 else x
    images = images if images.shape[1] in (1, 3) else images[:, :1]
    factor = -(-max(images.shape[-2:]) // MAX_SIDE)
    return images if factor == 1 else F.avg_pool2d(images.float(), factor, ceil_mode=True)
