"""A sliding window as a JSON-able scene: padded input, kernel, output, and the formula of the output's size."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlviz.convolution.gradient import pooling_gradient
from dlviz.convolution.record import SlidingWindow, end_pads, is_input, max_error, padded_part
from dlviz.convolution.window_axis import TransposedAxis, WindowAxis
from dlviz.kit.messages import message
from dlviz.torchkit.tensor_blocks import block_payload, read_block

#: Largest number of output positions along each spatial dimension, and of channels, in a scene; a note says what is left out.
MAX_POSITIONS, MAX_CHANNELS = 40, 16
#: Inputs of up to this length list what each padded position repeats.
MAX_INPUT_POSITIONS = 4096
#: Largest number of rows and columns of a minimap.
MINIMAP_SIZE = (160, 240)


class DrawnOutput(NamedTuple):
    """The drawn part of one sample's output and of the flat indices of a max pooling, (C, *spatial)."""

    output: Tensor
    indices: Tensor | None


def scene(
    data: SlidingWindow,
    sample: int,
    origin: tuple[int, ...],
    signature: str,
    *,
    drawn: DrawnOutput | None = None,
    flat_indices: bool = False,
    gradient: bool = False,
) -> dict[str, Any]:
    """Return everything the view draws of one sample.

    Args:
        data: what torch computed.
        sample: index of the sample in the batch.
        origin: first output position drawn, if not all are.
        signature: one line that describes the call.
        drawn: the drawn part of the output, if `data` has not all of it.
        flat_indices: whether torch's flat indices of a max pooling are shown.
        gradient: whether the gradients of a pooling are shown.
    """
    starts, sizes = output_window(data.output.shape[2:], origin)
    badge = _badge(data) if drawn is None else _badge_large()
    drawn = drawn or _drawn_output(data, sample, starts, sizes)
    pads = [axis.pad_before for axis in data.window_axes] or [0] * len(data.axes)
    input_starts, lengths = _input_window(data, starts, sizes)
    size = (min(data.x.shape[1], MAX_CHANNELS), *lengths)
    present = _present(data, (0, *input_starts), size)
    padded_shape = (data.x.shape[1], *(_padded_size(axis) for axis in data.axes))
    source = replace(read_block(_padded_input(data, sample, input_starts, size)), shape=padded_shape, present=present)
    output = replace(read_block(drawn.output), shape=tuple(data.output.shape[1:]), start=(0, *starts))
    payload: dict[str, Any] = {
        "kind": data.kind,
        "axes": [_axis_payload(axis) for axis in data.axes],
        "groups": data.groups,
        "channels": [int(data.x.shape[1]), data.channels],
        "input": {
            "block": block_payload(replace(source, start=(0, *input_starts))),
            "shape": list(data.x.shape),
            "pad_before": pads,
        },
        "output": {
            "block": block_payload(output),
            "shape": list(data.output.shape),
        },
        "size_formulas": [size_formula(axis) for axis in data.axes],
        "signature": signature,
        "badge": badge,
        "notes": _notes(data, sizes),
        "summary": message("convolution.summary", kind=data.kind, x=tuple(data.x.shape), out=tuple(data.output.shape)),
    }
    if sizes != tuple(data.output.shape[2:]):
        payload["minimap"] = _minimap(data.x[sample])
    if data.weight is not None:
        shown = tuple(min(size, MAX_CHANNELS) for size in data.weight.shape[:2])
        payload["weight"] = block_payload(
            read_block(data.weight, (0, 0, *(0 for _ in data.axes)), (*shown, *data.weight.shape[2:]))
        )
        payload["bias"] = block_payload(read_block(data.bias)) if data.bias is not None else None
    if drawn.indices is not None:
        flat = drawn.indices.cpu().numpy()
        payload["argmax"] = _padded_positions(data, flat)
        payload["flat_indices"] = flat.astype(np.int32) if flat_indices else None
    if gradient:
        payload["gradient"] = _gradient(data, sample, (starts, sizes), (input_starts, size))
        if payload["gradient"] is None:
            payload["notes"].append(
                {"kind": "warn", "text": message("convolution.note.integers", dtype=str(data.x.dtype))}
            )
    if data.kind == "avg_pool":
        positions = (tuple(a + b for a, b in zip(starts, index, strict=True)) for index in np.ndindex(*sizes))
        payload["divisors"] = np.array([data.divisor((0, 0, *position)) for position in positions], np.int32)
    return payload


def output_window(shape: Sequence[int], origin: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return start and size of the drawn part of an output of these spatial sizes."""
    sizes = tuple(min(size, MAX_POSITIONS) for size in shape)
    starts = tuple(
        max(0, min(start, size - drawn))
        for start, size, drawn in zip(origin or (0,) * len(shape), shape, sizes, strict=True)
    )
    return starts, sizes


def _drawn_output(data: SlidingWindow, sample: int, starts: tuple[int, ...], sizes: tuple[int, ...]) -> DrawnOutput:
    output, indices = (
        None if x is None else _narrow(x[sample, :MAX_CHANNELS], starts, sizes) for x in (data.output, data.indices)
    )
    assert output is not None
    return DrawnOutput(output, indices)


def _padded_input(data: SlidingWindow, sample: int, starts: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
    """Return a part of one sample with its padding, (C, *spatial)."""
    x = data.x[sample, : size[0]]
    return padded_part(x, data.window_axes, starts, size[1:]) if data.window_axes else _narrow(x, starts, size[1:])


def _padded_size(axis: WindowAxis | TransposedAxis) -> int:
    return axis.padded_size if isinstance(axis, WindowAxis) else axis.input_size


def _present(data: SlidingWindow, start: tuple[int, ...], size: tuple[int, ...]) -> np.ndarray | None:
    """Return 0 for the padding of a max pooling, which it ignores, and 1 elsewhere; ``None`` if there is no such padding.

    The view draws the ignored padding hatched and without numbers.
    """
    axes = data.window_axes
    if data.kind != "max_pool" or not any(axis.pad_before or axis.pad_after for axis in axes):
        return None
    return np.broadcast_to(is_input(axes, start[1:], size[1:]), size).astype(np.uint8)


def _input_window(
    data: SlidingWindow, starts: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return start and size of the part of the padded input that the drawn outputs read."""
    firsts, lengths = [], []
    for axis, start, size in zip(data.axes, starts, sizes, strict=True):
        length = _padded_size(axis)
        if isinstance(axis, TransposedAxis) or size == axis.output_size:
            first, last = 0, min(length, 2 * MAX_POSITIONS)
        else:
            first = start * axis.stride
            last = min(length, (start + size - 1) * axis.stride + axis.extent)
        firsts.append(first)
        lengths.append(last - first)
    return tuple(firsts), tuple(lengths)


def _axis_payload(axis: WindowAxis | TransposedAxis) -> dict[str, Any]:
    payload = asdict(axis) | {"output_size": axis.output_size, "transposed": isinstance(axis, TransposedAxis)}
    if isinstance(axis, WindowAxis):
        payload["unused"] = axis.unused
        small = axis.padded_size <= MAX_INPUT_POSITIONS
        payload["input_positions"] = [axis.input_position(p) for p in range(axis.padded_size)] if small else None
    return payload


def size_formula(axis: WindowAxis | TransposedAxis) -> str:
    """Return the formula of the output's size with the current numbers.

    Example:
        >>> size_formula(WindowAxis(5, 3, pad_before=1, pad_after=1))
        '⌊(5 + 1 + 1 − 1·(3 − 1) − 1) / 1⌋ + 1 = 5'
    """
    spread = f"{axis.dilation}·({axis.kernel_size} − 1)"
    if isinstance(axis, TransposedAxis):
        covered = f"({axis.input_size} − 1)·{axis.stride} − 2·{axis.padding} + {spread}"
        return f"{covered} + {axis.output_padding} + 1 = {axis.output_size}"
    left, right = "⌈⌉" if axis.ceil_mode else "⌊⌋"
    room = f"({axis.input_size} + {axis.pad_before} + {axis.pad_after} − {spread} − 1) / {axis.stride}"
    return f"{left}{room}{right} + 1 = {axis.output_size}"


def _narrow(x: Tensor, starts: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    for dim, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        x = x.narrow(dim + 1, start, size)
    return x


def _padded_positions(data: SlidingWindow, flat: np.ndarray) -> np.ndarray:
    """Return for each drawn output the position of its maximum in the padded input, one number for each dimension."""
    positions = [flat] if len(data.axes) == 1 else list(np.divmod(flat, data.x.shape[-1]))
    shifted = [position + axis.pad_before for position, axis in zip(positions, data.window_axes, strict=True)]
    return np.stack(shifted, -1).astype(np.int32)


def _minimap(x: Tensor) -> dict[str, Any]:
    """Return a subsampled gray image of the first channels."""
    image = x[:3].detach()
    image = image.reshape(image.shape[0], -1, image.shape[-1])
    step = max(1, *(-(-size // most) for size, most in zip(image.shape[1:], MINIMAP_SIZE, strict=True)))
    gray = image[:, ::step, ::step].double().mean(0).nan_to_num(0, 0, 0)
    low, high = gray.min(), gray.max()
    values = ((gray - low) / (high - low).clamp_min(1e-30) * 255).round().to(torch.uint8).cpu().numpy()
    return {"values": values, "rows": values.shape[0], "columns": values.shape[1]}


#: Start and size of a window along each dimension.
Span = tuple[tuple[int, ...], tuple[int, ...]]


def _gradient(data: SlidingWindow, sample: int, outputs: Span, inputs: Span) -> dict[str, Any] | None:
    """Return the gradients of the drawn outputs, and the total gradient in the drawn part of the padded input."""
    (starts, sizes), (start, size) = outputs, inputs
    # Only a part of the input is needed: that of the drawn outputs and of those that share an input with them.
    around = [-(-axis.extent // axis.stride) for axis in data.window_axes]
    first = [max(0, at - more) for at, more in zip(starts, around, strict=True)]
    counts = [
        min(axis.output_size, at + length + more) - begin
        for axis, at, length, more, begin in zip(data.window_axes, starts, sizes, around, first, strict=True)
    ]
    axes, begins, skipped = zip(
        *(axis.near(at, count) for axis, at, count in zip(data.window_axes, first, counts, strict=True)), strict=True
    )
    x = data.x[sample : sample + 1, : size[0]]
    for dim, (axis, begin) in enumerate(zip(axes, begins, strict=True), 2):
        x = x.narrow(dim, begin, axis.input_size)
    shifted = tuple(at - skip for at, skip in zip(starts, skipped, strict=True))
    gradient = pooling_gradient(replace(data, x=x, axes=axes), 0, shifted, sizes, size[0])
    if gradient is None:
        return None
    total = torch.nn.functional.pad(gradient.total, end_pads(axes))
    inner = tuple(at - begin for at, begin in zip(start, begins, strict=True))
    return {
        "total": block_payload(read_block(total, (0, *inner), size)),
        "per_output": None if gradient.per_output is None else block_payload(read_block(gradient.per_output)),
    }


def _badge_large() -> dict[str, str]:
    return {"kind": "", "text": message("convolution.badge.large")}


def _badge(data: SlidingWindow) -> dict[str, str]:
    error = max_error(data, 256)
    if error is not None and not math.isfinite(error):
        return {"kind": "bad", "text": message("convolution.badge.nonfinite")}
    if error is None:
        return _badge_large()
    if error == 0:
        key = "exact_max" if data.kind == "max_pool" else "exact"
        return {"kind": "good", "text": message(f"convolution.badge.{key}")}
    return {"kind": "good", "text": message("convolution.badge.within", off=f"{error:.1g}")}


def _notes(data: SlidingWindow, sizes: tuple[int, ...]) -> list[dict[str, str]]:
    notes = []
    shape = tuple(data.output.shape[2:])
    if sizes != shape:
        notes.append({"kind": "", "text": message("convolution.note.cropped", part=sizes, shape=shape)})
    channels = max(data.channels, data.x.shape[1])
    if channels > MAX_CHANNELS:
        notes.append({"kind": "", "text": message("convolution.note.channels", shown=MAX_CHANNELS, channels=channels)})
    unused = [axis.unused for axis in data.window_axes]
    if any(unused):
        notes.append({"kind": "", "text": message("convolution.note.left_over", left=tuple(unused))})
    return notes
