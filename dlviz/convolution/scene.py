"""A sliding window as a JSON-able picture: padded input, kernel, output, and the arithmetic of the output's size."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.convolution.gradient import routed
from dlviz.convolution.record import Sliding, off, padded
from dlviz.convolution.window_axis import Axis, Stamp
from dlviz.kit.messages import message
from dlviz.torchkit.tensor_blocks import block_payload, read_block

#: So many places along each spatial dimension of the output are held, and so many channels; the picture says what it leaves out.
PLACES, CHANNELS = 40, 16
#: So many rows and columns an overview has at most.
OVERVIEW = (160, 240)


def scene(
    made: Sliding,
    sample: int,
    origin: tuple[int, ...],
    signature: str,
    *,
    flat: bool = False,
    gradient: bool = False,
) -> dict[str, Any]:
    """Everything the view draws of sample number `sample`, the output's places from `origin` on.

    Args:
        made: what torch computed.
        sample: which sample of the batch.
        origin: the first output place drawn, where not all are.
        signature: what was called, in one line.
        flat: whether a maximum pooling names torch's flat indices.
        gradient: whether a pooling shows what autograd routes back.
    """
    starts, sizes = _shown(made, origin)
    output = made.output[sample]
    channels = min(output.shape[0], CHANNELS)
    source, first = _input(made, sample)
    take, lengths = _input_window(made, source, starts, sizes)
    size = (min(source.shape[0], CHANNELS), *lengths)
    about: dict[str, Any] = {
        "kind": made.kind,
        "axes": [_axis(axis) for axis in made.axes],
        "groups": made.groups,
        "channels": [int(made.x.shape[1]), made.channels],
        "input": {
            "block": block_payload(replace(read_block(source, (0, *take), size), present=_present(made, (0, *take), size))),
            "shape": list(made.x.shape),
            "before": list(first),
        },
        "output": {"block": block_payload(read_block(output, (0, *starts), (channels, *sizes))), "shape": list(made.output.shape)},
        "arithmetic": [arithmetic(axis) for axis in made.axes],
        "signature": signature,
        "badge": _badge(made),
        "notes": _notes(made, sizes),
        "summary": message("convolution.summary", kind=made.kind, x=tuple(made.x.shape), out=tuple(made.output.shape)),
    }
    if sizes != tuple(output.shape[1:]):
        about["overview"] = _overview(made.x[sample])
    if made.weight is not None:
        shown = tuple(min(size, CHANNELS) for size in made.weight.shape[:2])
        about["weight"] = block_payload(read_block(made.weight, (0, 0, *(0 for _ in made.axes)), (*shown, *made.weight.shape[2:])))
        about["bias"] = block_payload(read_block(made.bias)) if made.bias is not None else None
    if made.indices is not None:
        held = _held(made.indices[sample, :channels], starts, sizes).cpu().numpy()
        about["argmax"] = _places(made, held)
        about["flat"] = held.astype(np.int32) if flat else None
    if gradient:
        about["gradient"] = _gradient(made, sample, (starts, sizes), (take, size))
        if about["gradient"] is None:
            about["notes"].append({"kind": "warn", "text": message("convolution.note.whole", dtype=str(made.x.dtype))})
    if made.kind == "avg_pool":
        places = np.ndindex(*sizes)
        about["divides"] = np.array(
            [made.divides((0, 0, *(a + b for a, b in zip(starts, at, strict=True)))) for at in places], np.int32
        )
    return about


def _shown(made: Sliding, origin: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = tuple(made.output.shape[2:])
    sizes = tuple(min(size, PLACES) for size in shape)
    starts = tuple(
        max(0, min(at, size - held)) for at, size, held in zip(origin or (0,) * len(shape), shape, sizes, strict=True)
    )
    return starts, sizes


def _input(made: Sliding, sample: int) -> tuple[Tensor, tuple[int, ...]]:
    """One sample with its padding, and how many places the padding takes before the input."""
    x = made.x[sample : sample + 1]
    axes = [axis for axis in made.axes if isinstance(axis, Axis)]
    if not axes:
        return x[0], (0,) * len(made.axes)
    if made.kind == "max_pool":
        # A maximum never sees its padding; what is drawn there is hatched and has no number.
        pads = [p for axis in reversed(axes) for p in (axis.before, axis.after)]
        return torch.nn.functional.pad(x, pads)[0], tuple(axis.before for axis in axes)
    return padded(x, axes)[0], tuple(axis.before for axis in axes)


def _present(made: Sliding, start: tuple[int, ...], size: tuple[int, ...]) -> np.ndarray | None:
    """0 where a maximum pooling reads padding: a number there would be none that it sees."""
    axes = [axis for axis in made.axes if isinstance(axis, Axis)]
    if made.kind != "max_pool" or not any(axis.before or axis.after for axis in axes):
        return None
    inside = np.ones(size, np.uint8)
    for dim, (axis, first, length) in enumerate(zip(axes, start[1:], size[1:], strict=True), 1):
        places = np.arange(first, first + length)
        held = (places >= axis.before) & (places < axis.before + axis.size)
        inside *= held.astype(np.uint8).reshape(-1, *(1 for _ in size[dim + 1 :]))
    return inside


def _input_window(
    made: Sliding, source: Tensor, starts: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which part of the padded input the drawn outputs look at."""
    take, lengths = [], []
    for d, (start, size, length) in enumerate(zip(starts, sizes, source.shape[1:], strict=True)):
        axis = made.axes[d]
        if isinstance(axis, Stamp) or size == axis.out:
            first, last = 0, min(length, 2 * PLACES)
        else:
            first = start * axis.stride
            last = min(length, (start + size - 1) * axis.stride + axis.reach)
        take.append(first)
        lengths.append(last - first)
    return tuple(take), tuple(lengths)


def _axis(axis: Axis | Stamp) -> dict[str, Any]:
    if isinstance(axis, Stamp):
        names = ("size", "kernel", "stride", "dilation", "padding", "extra", "out")
        return {name: getattr(axis, name) for name in names}
    about: dict[str, Any] = {
        name: getattr(axis, name)
        for name in ("size", "kernel", "stride", "dilation", "before", "after", "out", "left_over")
    }
    # Where each padded place gets its number from: the input, another place of it, or nowhere.
    about["source"] = [axis.source(p) for p in range(axis.padded)] if axis.padded <= 4096 else None
    return about


def arithmetic(axis: Axis | Stamp) -> str:
    """The size of the output with the current numbers.

    Example:
        >>> arithmetic(Axis(5, 3, before=1, after=1))
        '⌊(5 + 1 + 1 − 1·(3 − 1) − 1) / 1⌋ + 1 = 5'
    """
    if isinstance(axis, Stamp):
        return (
            f"({axis.size} − 1)·{axis.stride} − 2·{axis.padding} + {axis.dilation}·({axis.kernel} − 1) + {axis.extra} + 1"
            f" = {axis.out}"
        )
    left, right = "⌈⌉" if axis.ceil else "⌊⌋"
    room = f"({axis.size} + {axis.before} + {axis.after} − {axis.dilation}·({axis.kernel} − 1) − 1) / {axis.stride}"
    return f"{left}{room}{right} + 1 = {axis.out}"


def _held(part: Tensor, starts: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    for dim, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        part = part.narrow(dim + 1, start, size)
    return part


def _places(made: Sliding, flat: np.ndarray) -> np.ndarray:
    """For each drawn output the place in the padded input of its maximum, one number for each dimension."""
    places = [flat] if len(made.axes) == 1 else list(np.divmod(flat, made.x.shape[-1]))
    shifted = [place + axis.before for place, axis in zip(places, made.axes, strict=True) if isinstance(axis, Axis)]
    return np.stack(shifted, -1).astype(np.int32)


def _overview(x: Tensor) -> dict[str, Any]:
    """Every k-th place of the first channels in gray, so that the whole of it is seen at a glance."""
    plane = x[:3].detach()
    plane = plane.reshape(plane.shape[0], -1, plane.shape[-1])
    step = max(1, *(-(-size // most) for size, most in zip(plane.shape[1:], OVERVIEW, strict=True)))
    gray = plane[:, ::step, ::step].double().mean(0).nan_to_num(0, 0, 0)
    low, high = gray.min(), gray.max()
    values = ((gray - low) / (high - low).clamp_min(1e-30) * 255).round().to(torch.uint8).cpu().numpy()
    return {"values": values, "rows": values.shape[0], "columns": values.shape[1]}


Span = tuple[tuple[int, ...], tuple[int, ...]]


def _gradient(made: Sliding, sample: int, places: Span, window: Span) -> dict[str, Any] | None:
    """What autograd routes back from the drawn places of the output, and in the drawn window of the padded input."""
    take, size = window
    found = routed(made, sample, *places, size[0])
    if found is None:
        return None
    pads = [p for axis in reversed(made.axes) if isinstance(axis, Axis) for p in (axis.before, axis.after)]
    total = torch.nn.functional.pad(found.total, pads)
    return {
        "total": block_payload(read_block(total, (0, *take), size)),
        "each": None if found.each is None else block_payload(read_block(found.each)),
    }


def _badge(made: Sliding) -> dict[str, str]:
    gap = off(made, 256)
    if gap is None:
        return {"kind": "", "text": message("convolution.badge.large")}
    if gap == 0:
        return {"kind": "good", "text": message("convolution.badge.exact")}
    return {"kind": "good", "text": message("convolution.badge.within", off=f"{gap:.1g}")}


def _notes(made: Sliding, sizes: tuple[int, ...]) -> list[dict[str, str]]:
    notes = []
    shape = tuple(made.output.shape[2:])
    if sizes != shape:
        notes.append({"kind": "", "text": message("convolution.note.cropped", part=sizes, shape=shape)})
    most = max(made.channels, made.x.shape[1])
    if most > CHANNELS:
        notes.append({"kind": "", "text": message("convolution.note.channels", shown=CHANNELS, channels=most)})
    left = [axis.left_over for axis in made.axes if isinstance(axis, Axis)]
    if any(left):
        notes.append({"kind": "", "text": message("convolution.note.left_over", left=tuple(left))})
    return notes
