"""The map of codes, what is selected on it, and the errors, as JSON-able data with binary arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.messages import counted, message
from dlviz.kit.svg_grid import format_number
from dlviz.kit.theme import class_tint, marker
from dlviz.latent_space.anomaly_score import auc, first_threshold
from dlviz.latent_space.record import UNUSED_KL, Record, squared_errors
from dlviz.latent_space.widget_state import PATH_STEPS, LatentState

#: Classes with a color and marker of their own in the legend.
MAX_CLASSES = 25
#: Examples with the largest errors that are drawn, and as many of them and of the anomalies if there are any; errors that the histogram
#: gets, and dimensions whose KL divergence has a bar.
_WORST, _WORST_BESIDE, _MAX_ERRORS, _MAX_BARS = 8, 4, 20_000, 32
#: Anomalies that are drawn.
MAX_ANOMALIES = 500
#: Numbers of a code that are written.
_MAX_CODE = 6
#: Samples from the prior that are drawn.
SAMPLES = 12


def scene(state: LatentState, name: str, steps: Sequence[int]) -> dict[str, Any]:
    """Return what the view draws of the current snapshot.

    Args:
        state: the state behind the picture.
        name: the learner's name of the encoder.
        steps: the snapshots that the player goes through.
    """
    record, rows, others = state.record, state.drawn, state.record.anomalies
    return {
        "kind": state.examples.kind,
        "variational": record.std is not None,
        "size": state.model.code_size,
        "count": len(state.examples),
        "axis_names": list(state.code_axes.names(state.model.code_size)),
        "limits": list(state.limits),
        "wide_limits": None if record.std is None else list(state.limits_with_ellipses()),
        "rows": np.asarray(rows, dtype=np.int32),
        "points": _float32(state.places[rows]),
        "labels": None if state.labels is None else state.labels[rows].int().numpy(),
        "classes": [
            {"name": text, "color": class_tint(k)[0], "share": class_tint(k)[1], "path": marker(k)}
            for k, text in enumerate(state.classes)
        ],
        "errors": _float32(record.errors[rows]),
        "ellipses": None if record.std is None else _float32(state.code_axes.spread(record.std[rows])),
        "most_classes": MAX_CLASSES,
        "anomalies": None if others is None else _float32(state.place(others.codes[:MAX_ANOMALIES])),
        "anomaly_errors": None if others is None else _float32(others.errors[:MAX_ANOMALIES]),
        "picture": _picture(state),
        "divergence": _divergence(record),
        "scores": _scores(state),
        "snapshots": state.history.series(steps),
        "steps": PATH_STEPS,
        "signature": signature(state, name),
        "badge": {"text": message("latent_space.badge", error=_number(float(record.errors.mean()))), "kind": ""},
        "notes": _notes(state),
        "summary": summary(state),
    }


def _picture(state: LatentState) -> dict[str, Any]:
    examples = state.examples
    pictures = state.pictures.with_room_for(state.record.reconstructions)
    return {
        "kind": examples.kind,
        "shape": list(pictures.size()),
        "small": list(pictures.size(small=True)),
        "low": list(pictures.low),
        "high": list(pictures.high),
        "names": list(examples.features),
        "error_scale": pictures.error_scale(state.record.reconstructions),
        "drawable": examples.kind == "image" and examples.shape[0] == 1 and pictures.size() == examples.shape,
    }


def _divergence(record: Record) -> dict[str, Any] | None:
    """Return the KL divergence of each dimension, the largest first, and the two terms of the loss of a variational autoencoder."""
    if record.kl is None:
        return None
    order = record.kl.nan_to_num(nan=0.0).argsort(descending=True, stable=True).tolist()
    numbers = record.examples.x[0].numel()
    return {
        "dimensions": order[:_MAX_BARS],
        "kl": record.kl[order[:_MAX_BARS]].double().numpy(),
        "total": float(record.kl.sum()),
        "squared": float(record.errors.mean()) * numbers,
        "unused": record.unused,
        "limit": UNUSED_KL,
        "size": len(order),
    }


def _scores(state: LatentState) -> dict[str, Any]:
    record = state.record
    others = record.anomalies
    return {
        "errors": _sorted_errors(record.errors),
        "anomalies": None if others is None else _sorted_errors(others.errors),
        "auc": None if others is None else auc(record.errors, others.errors),
        "threshold": first_threshold(record.errors),
        "worst": _thumbnails(state, worst_rows(record)),
        "missed": None if others is None else _thumbnails(state, missed_rows(record)),
    }


def _thumbnails(state: LatentState, rows: list[int]) -> dict[str, Any]:
    """Return small pictures of some examples or anomalies, above their reconstructions."""
    x, output, errors, _ = _gathered(state, rows)
    pictures = state.pictures
    return {
        "rows": rows,
        "errors": errors.double().numpy(),
        "input": pictures.array(x, small=True),
        "output": pictures.array(output, small=True),
    }


def worst_rows(record: Record) -> list[int]:
    """Return the numbers of the examples with the largest errors, the largest first."""
    errors = record.errors.nan_to_num(nan=float("inf"), posinf=float("inf"))
    most = _WORST if record.anomalies is None else _WORST_BESIDE
    found: list[int] = errors.argsort(descending=True, stable=True)[:most].tolist()
    return found


def missed_rows(record: Record) -> list[int]:
    """Return the numbers of the anomalies with the smallest errors, the smallest first; none without anomalies."""
    if record.anomalies is None:
        return []
    errors = record.anomalies.errors.nan_to_num(nan=float("inf"), posinf=float("inf"))
    return [len(record.errors) + k for k in errors.argsort(stable=True)[:_WORST_BESIDE].tolist()]


def _gathered(state: LatentState, rows: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return some examples with their reconstructions, errors and codes. Anomalies, if any, come last."""
    count, record, others = len(state.examples), state.record, state.record.anomalies
    data = [row for row in rows if row < count]
    found = state.examples.x[data], record.reconstructions[data], record.errors[data], record.codes[data]
    if others is None:
        return found
    k = [row - count for row in rows if row >= count]
    x, output = torch.cat((found[0], others.x[k])), torch.cat((found[1], others.reconstructions[k]))
    return x, output, torch.cat((found[2], others.errors[k])), torch.cat((found[3], others.codes[k]))


def _sorted_errors(errors: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the errors in ascending order, NaN as infinite; of very many only evenly spaced ones."""
    values = errors.nan_to_num(nan=float("inf"), posinf=float("inf")).sort().values.numpy()
    if len(values) <= _MAX_ERRORS:
        return values
    return values[np.linspace(0, len(values) - 1, _MAX_ERRORS).round().astype(int)]


def selection(state: LatentState, example: int, target: int) -> dict[str, Any]:
    """Return the selected example with its reconstruction, and the path to another one; an index of -1 stands for none."""
    if example < 0:
        return {"example": -1, "target": -1}
    record, index = state.at(example)
    kl = state.record.kl_per_example if record is state.record else None
    return {
        "example": example,
        "target": target,
        "place": state.start(example),
        "code": _code_text(record.codes[index]),
        "label": state.label(example),
        **_compared(state, [example]),
        "error": float(record.errors[index]),
        "kl": None if kl is None else float(kl[index].sum()),
        "path": path(state, example, target) if target >= 0 else None,
    }


def _compared(state: LatentState, rows: list[int]) -> dict[str, Any]:
    """Return examples, their targets (``None`` without), reconstructions, and the differences of the reconstructions, as they are drawn."""
    pictures, targets = state.pictures, state.examples.targets
    x, output, _, _ = _gathered(state, rows)
    compared = x if targets is None else targets[rows]
    return {
        "input": pictures.array(x),
        "compared": None if targets is None else pictures.array(compared),
        "output": pictures.array(output),
        "difference": pictures.array(output - compared.detach().to(output)),
    }


def path(state: LatentState, example: int, target: int) -> dict[str, Any]:
    """Return what the codes on the straight line between two examples decode to."""
    codes = state.path_codes(example, target)
    places = state.code_axes.place(codes)
    if state.model.code_size == 1:
        first, last = state.start(example)[1], state.start(target)[1]
        places[:, 1] = first + (last - first) * (codes[:, 0] - codes[0, 0]) / (codes[-1, 0] - codes[0, 0] or 1)
    return {
        "example": example,
        "target": target,
        "places": _float32(places),
        "values": state.pictures.array(state.decode(codes)),
        "codes": [_code_text(code) for code in codes],
        "label": state.label(target),
    }


def decoded(state: LatentState, place: Sequence[float], example: int) -> dict[str, Any]:
    """Return what the code at a place of the map decodes to."""
    codes = state.codes_at(torch.tensor([list(place)], dtype=torch.float64), example)
    values = state.pictures.array(state.decode(codes))
    return {"place": [float(value) for value in place], "code": _code_text(codes[0]), "values": values}


def decoded_grid(state: LatentState, side: int, example: int) -> dict[str, Any]:
    """Return what the codes at a grid of places decode to, row by row from the top left."""
    codes = state.grid_codes(side, example)
    values = state.pictures.array(state.decode(codes), small=True)
    return {"side": side, "values": values, "codes": [_code_text(code) for code in codes]}


def samples(state: LatentState, seed: int) -> dict[str, Any]:
    """Return random codes from the standard normal distribution and what they decode to."""
    codes = state.sample_codes(SAMPLES, seed)
    return {
        "seed": seed,
        "places": _float32(state.place(codes)),
        "values": state.pictures.array(state.decode(codes), small=True),
    }


def drawing(state: LatentState, x: Tensor) -> dict[str, Any]:
    """Return code and reconstruction of one example that was drawn by hand, (1, …)."""
    codes, output = state.reconstruct(x)
    return {
        "place": state.place(codes.mean)[0].nan_to_num(nan=0.0).tolist(),
        "code": _code_text(codes.mean[0]),
        "output": state.pictures.array(output),
        "difference": state.pictures.array(output - x.detach().to(output)),
        "error": float(squared_errors(x, output)[0]),
    }


def carried(state: LatentState, rows: Sequence[int]) -> dict[str, Any]:
    """Return some examples with their reconstructions, for a page that asks no kernel. Anomalies come last, and have no KL divergence."""
    index, kl = list(rows), state.record.kl_per_example
    _, _, errors, codes = _gathered(state, index)
    data = [row for row in index if row < len(state.examples)]
    return {
        "rows": np.asarray(index, dtype=np.int32),
        **_compared(state, index),
        "errors": errors.double().numpy(),
        "kl": None if kl is None else kl[data].sum(1).double().numpy(),
        "codes": [_code_text(code) for code in codes],
    }


def signature(state: LatentState, name: str) -> str:
    """Return the line in the head."""
    sizes = state.examples.shape
    shape = "×".join(map(str, sizes[1:] if len(sizes) > 1 and sizes[0] == 1 else sizes))
    examples = counted(f"latent_space.count.{state.examples.kind}", len(state.examples))
    values = {"name": name, "size": state.model.code_size, "examples": examples, "shape": shape}
    return message(f"latent_space.signature.{state.examples.kind}", **values)


def summary(state: LatentState) -> str:
    """Return a sentence for readers who do not see the picture."""
    text = message(
        "latent_space.summary",
        examples=counted("latent_space.count.examples", len(state.examples)),
        size=state.model.code_size,
        error=_number(float(state.record.errors.mean())),
    )
    if state.classes:
        text += message("latent_space.summary_classes", count=len(state.classes))
    if state.record.kl is not None:
        text += message("latent_space.summary_kl", kl=_number(float(state.record.kl.sum())))
    return text


def _notes(state: LatentState) -> list[dict[str, str]]:
    notes = []
    record, size = state.record, state.model.code_size
    if len(state.drawn) < len(state.examples):
        notes.append(message("latent_space.note.drawn", drawn=len(state.drawn), count=len(state.examples)))
    if state.pictures.averaged:
        kind = state.examples.kind
        notes.append(message(f"latent_space.note.averaged_{kind}", drawn=state.pictures.averaged))
    bad = int((~record.codes.isfinite().all(1)).sum())
    if bad:
        parts = {name: counted(f"latent_space.count.{name}", bad) for name in ("codes", "places")}
        notes.append(message("latent_space.note.nonfinite", **parts))
    variance = state.model.variance
    if record.std is not None and variance in ("var", "std"):
        # The root of a negative variance is NaN; a code that is no number has been said above.
        unfit = int((record.codes.isfinite() & ~(record.std >= 0)).sum())
        if unfit:
            notes.append(message(f"latent_space.note.no_{variance}", count=unfit, all=record.std.numel()))
    if record.unused:
        named = ", ".join(message("latent_space.dimension", number=number) for number in record.unused[:8])
        named += ", …" if len(record.unused) > 8 else "."
        notes.append(message("latent_space.note.unused", names=named, count=len(record.unused), size=size))
    if len(state.classes) > MAX_CLASSES:
        notes.append(message("latent_space.note.classes", drawn=MAX_CLASSES, count=len(state.classes)))
    if not state.model.has_state and state.step < state.history.last:
        notes.append(message("latent_space.note.functions"))
    return [{"kind": "", "text": text} for text in notes]


def _code_text(code: Tensor) -> str:
    """Return a code as text, such as "(0.51, −1.2)"; of a long one the first numbers."""
    parts = [format_number(value, 3) for value in code[:_MAX_CODE].double().tolist()]
    return f"({', '.join(parts)}{', …' if len(code) > _MAX_CODE else ''})"


def _number(value: float) -> str:
    return format_number(value, 3)


def _float32(x: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return `x` as float32: seven digits, of which four are shown."""
    return x.detach().float().cpu().contiguous().numpy()
