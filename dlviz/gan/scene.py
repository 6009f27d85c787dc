"""A duel as a JSON-able picture: fakes and real samples, the discriminator's opinion, gradients, and the measures of all snapshots."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.gan.losses import LOSSES, logit_gradients
from dlviz.gan.record import WARP_CELLS, Record
from dlviz.gan.widget_state import Duel
from dlviz.kit.messages import counted, message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.theme import class_color, marker
from dlviz.torchkit.modules import named_modules
from dlviz.torchkit.tensor_blocks import as_array

#: Real points, arrows, and images of each kind that are drawn at most; numbers of a noise vector that are shown.
DRAWN_REAL, DRAWN_ARROWS, DRAWN_IMAGES, DRAWN_NOISE = 500, 60, 25, 8
#: Points of the curves of |∂L/∂logit| over D.
_CURVE_POINTS = 101


def scene(duel: Duel, record: Record, steps: Sequence[int]) -> dict[str, Any]:
    """Return everything that the view draws.

    Args:
        duel: both modules with their snapshots.
        record: what they compute in the state that is drawn.
        steps: the snapshots that the player can reach.
    """
    inputs, training = duel.inputs, duel.training
    common = {
        "plane": inputs.is_plane,
        "output": inputs.output,
        "loss": inputs.loss_name,
        "names": list(inputs.names),
        "markers": [{"color": class_color(k), "path": marker(k)} for k in range(2)],
        "noise_size": inputs.noise[0].numel(),
        "noise": as_array(record.noise.flatten(1)[:, :DRAWN_NOISE]),
        "d_fake": as_array(record.d_fake),
        "logits_fake": as_array(record.logits_fake),
        "curves": _curves(duel),
        "means": _means(duel, record),
        "snapshots": duel.history.series(steps),
        "mode_count": duel.mode_count,
        "by_class": inputs.classifier is not None,
        "trainable": [step is not None for step in duel.steps],
        "training": {"which": training.which, "remaining": training.remaining},
        "signature": signature(duel),
        "badge": _badge(duel),
        "notes": _notes(duel, record, len(steps)),
        "summary": summary(duel, record),
    }
    return common | (_plane(duel, record) if inputs.is_plane else _images(duel, record))


def _plane(duel: Duel, record: Record) -> dict[str, Any]:
    inputs = duel.inputs
    real = evenly_spaced(len(record.real), DRAWN_REAL)
    left, right, bottom, top = record.limits
    x, y = record.fakes[:, 0], record.fakes[:, 1]
    inside = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
    return {
        "limits": list(record.limits),
        "side": record.side,
        "real": as_array(record.real[real]),
        "real_count": len(inputs.real),
        "painted": inputs is not duel.given,
        "fakes": as_array(record.fakes),
        "outside": int((~inside).sum()),
        "gradients": as_array(record.gradients),
        "arrows": evenly_spaced(len(record.fakes), DRAWN_ARROWS),
        "heat": as_array(record.heat),
        "heat_logits": as_array(record.heat_logits),
        "heat_gradients": as_array(record.heat_gradients),
        "middle": _middle(duel, record),
        "warp": None if record.warp is None else as_array(record.warp),
        "warp_rows": 1 if record.warp is None or inputs.noise[0].numel() == 1 else WARP_CELLS + 1,
        "centers": [] if inputs.modes is None else inputs.modes.centers.tolist(),
        "radius": 0.0 if inputs.modes is None else inputs.modes.radius,
    }


def _images(duel: Duel, record: Record) -> dict[str, Any]:
    shape = tuple(duel.inputs.real.shape[1:])
    channels, height, width = shape if len(shape) == 3 else (1, *shape)
    real = evenly_spaced(len(record.real), DRAWN_IMAGES)
    count = min(DRAWN_IMAGES, len(record.fakes))
    low, high = float(record.real.min()), float(record.real.max())
    as_pixels = (channels, height, width)
    return {
        "shape": list(as_pixels),
        "range": [low, high],
        "real": _pixels(record.real[real].reshape(-1, *as_pixels), low, high),
        "real_count": len(duel.inputs.real),
        "d_real": as_array(record.d_real[real]),
        "fakes": _pixels(record.fakes[:count].reshape(-1, *as_pixels), low, high),
        "drawn": count,
        "count": len(record.fakes),
        # Of an image with colors the gradient of a pixel is that of its channels' sum, where one sign can be drawn.
        "gradients": as_array(record.gradients[:count].reshape(-1, *as_pixels).sum(1)),
        "norms": as_array(record.gradient_norms[:count]),
        "class_counts": [] if duel.counts is None else duel.counts.tolist(),
    }


def _pixels(images: Tensor, low: float, high: float) -> Any:
    """Return images as bytes, the darkest value of the real ones as 0 and the brightest as 255; values beyond them are cut."""
    shares = ((images.cpu().double() - low) / ((high - low) or 1.0)).nan_to_num(0.0).clamp(0, 1)
    return as_array((255 * shares).round().to(torch.uint8), torch.uint8)


def _middle(duel: Duel, record: Record) -> float:
    """Return the value of D between "fake" and "real": 1/2, and for a critic the mean of its mean scores of both."""
    if duel.inputs.output != "score":
        return 0.5
    return float((record.d_real.mean() + record.d_fake.mean()) / 2)


def _curves(duel: Duel) -> dict[str, Any] | None:
    """Return the curves of |∂L/∂logit| over D for −log D and log(1 − D); ``None`` of a critic, which has no probabilities."""
    if duel.inputs.output == "score":
        return None
    over = torch.linspace(0.0, 1.0, _CURVE_POINTS, dtype=torch.float64)[1:-1]
    return {"over": as_array(over), **{kind: as_array(logit_gradients(kind, over)) for kind in LOSSES[:2]}}


def _means(duel: Duel, record: Record) -> dict[str, float]:
    """Return the means of |∂L/∂logit| over the fakes for the same losses, and the mean length of their gradients with the learner's."""
    means = {"norm": float(record.gradient_norms.cpu().double().mean())}
    if duel.inputs.output == "score":
        return means
    # At a probability of exactly 0 or 1 the logit is infinite, and autograd has no number there.
    probs = record.d_fake.cpu().double().clamp(1e-12, 1 - 1e-12)
    return means | {kind: float(logit_gradients(kind, probs).mean()) for kind in LOSSES[:2]}


def signature(duel: Duel) -> str:
    """Return the line in the card's head: both variables, and how many samples there are of each."""
    inputs = duel.inputs
    return message(
        "gan.signature",
        generator=inputs.names[0],
        discriminator=inputs.names[1],
        fakes=counted("gan.count.fakes", len(inputs.noise)),
        real=f"{len(inputs.real):,}",
        loss=inputs.loss_name,
    )


def summary(duel: Duel, record: Record) -> str:
    """Return one sentence for screen readers."""
    measures = duel.measure_at(duel.step)
    modes = ""
    if duel.mode_count and not math.isnan(measures["modes"]):
        modes = message("gan.summary_modes", modes=f"{measures['modes']:.0f}", count=duel.mode_count)
    key = "gan.summary_score" if duel.inputs.output == "score" else "gan.summary"
    return message(
        key,
        snapshot=duel.history.titles[min(duel.step, duel.history.last)],
        real=f"{float(record.d_real.mean()):.3g}",
        fake=f"{float(record.d_fake.mean()):.3g}",
        energy=f"{measures['energy']:.3g}",
        modes=modes,
    )


def _badge(duel: Duel) -> dict[str, str]:
    """Return how many modes the fakes reach, or their energy distance to the real samples."""
    measures = duel.measure_at(duel.step)
    modes, count = measures["modes"], duel.mode_count
    if count and not math.isnan(modes):
        key = "gan.badge_classes" if duel.inputs.classifier is not None else "gan.badge_modes"
        return {"kind": "good" if modes == count else "", "text": message(key, modes=f"{modes:.0f}", count=count)}
    return {"kind": "", "text": message("gan.badge", energy=f"{measures['energy']:.3g}")}


def _notes(duel: Duel, record: Record, shown: int) -> list[dict[str, str]]:
    notes = []
    if duel.training.error:
        notes.append(_note("bad", "step", error=duel.training.error[:400]))
    bad = int((~torch.isfinite(record.fakes.flatten(1))).any(1).sum())
    if bad:
        notes.append(_note("bad", "nonfinite", count=bad, all=len(record.fakes)))
    elif not bool(torch.isfinite(record.d_fake).all()):
        notes.append(_note("bad", "opinion", name=duel.inputs.names[1]))
    if record.is_cut:
        notes.append(_note("bad", "cut", name=duel.inputs.names[1]))
    if duel.inputs.output == "probs" and bool(
        ((record.heat < 0) | (record.heat > 1)).any() | ((record.d_fake < 0) | (record.d_fake > 1)).any()
    ):
        notes.append(_note("bad", "no_probs", name=duel.inputs.names[1]))
    parts = _mode_parts(duel)
    if parts:
        notes.append(_note("", "evaluation", parts="; ".join(parts)))
    if shown < len(duel.history):
        notes.append(_note("", "snapshots", shown=shown, count=len(duel.history)))
    return notes


def _note(kind: str, key: str, /, **values: Any) -> dict[str, str]:
    return {"kind": kind, "text": message(f"gan.note.{key}", **values)}


def _mode_parts(duel: Duel) -> list[str]:
    """Return what eval() mode changes: batch norm, also one without statistics yet, and dropout."""
    state = duel.history.state(duel.step)
    found: dict[str, list[str]] = {"batch_norm_new": [], "batch_norm": [], "dropout": []}
    for name, module in named_modules(duel.inputs.both):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            tracked = state.get(f"{name}.num_batches_tracked")
            found["batch_norm" if tracked is None or int(tracked) else "batch_norm_new"].append(name)
        elif "Dropout" in type(module).__name__:
            found["dropout"].append(name)
    return [message(f"gan.note.{key}", names=", ".join(names[:4])) for key, names in found.items() if names]
