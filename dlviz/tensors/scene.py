"""Tensors as JSON-able scenes: metadata, blocks of numbers as binary arrays, notes and summaries."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite, prod
from typing import Any

from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_length, check_type
from dlviz.tensors.record import TensorMetadata, flat_storage, tensor_metadata
from dlviz.tensors.statistics import minimap, statistics
from dlviz.torchkit.tensor_blocks import (
    Block,
    block_payload,
    block_window,
    read_block,
    read_error,
    read_sparse_block,
)

#: Rows and columns of the window that a live widget loads, and that an exported page holds because it cannot load more.
LIVE_SIZE, EXPORTED_SIZE = 16, 64
#: Storages of up to this many elements are drawn whole.
MAX_STORAGE = 256


def metadata_payload(metadata: TensorMetadata) -> dict[str, Any]:
    """Return the metadata as a JSON-able dictionary."""
    return {**asdict(metadata), "numel": metadata.numel}


def loaded_window(x: Tensor, metadata: TensorMetadata, origin: tuple[int, ...], size: int) -> dict[str, Any]:
    """Read the numbers that the browser gets: a window at `origin`, a small storage whole, and a minimap of a large matrix."""
    if metadata.layout != "strided":
        return {"block": block_payload(sparse_block(x, metadata))}
    start, sizes = block_window(metadata.shape, origin, size)
    loaded: dict[str, Any] = {"block": block_payload(read_block(x, start, sizes))}
    if metadata.storage_size is not None and 0 < metadata.storage_size <= MAX_STORAGE and not x.is_quantized:
        loaded["storage"] = block_payload(read_block(flat_storage(x)))
    # A minimap helps only where one window does not show everything.
    if any(size > LIVE_SIZE for size in metadata.shape[-2:]) and metadata.numel > LIVE_SIZE * LIVE_SIZE:
        loaded["minimap"] = minimap(x, start)
    return loaded


def sparse_block(x: Tensor, metadata: TensorMetadata) -> Block:
    """Read a small sparse tensor as if it were dense; a block without numbers for others."""
    zeros = (0,) * len(metadata.shape)
    return read_sparse_block(x, LIVE_SIZE * LIVE_SIZE) or Block(metadata.shape, zeros, zeros, "none", b"")


def tensor_payload(x: Tensor, name: str) -> dict[str, Any]:
    """Return one of several tensors in a scene: its metadata and its numbers, cropped if there are many."""
    metadata = tensor_metadata(x, name)
    block = read_cropped(x) if metadata.layout == "strided" else sparse_block(x, metadata)
    return {"metadata": metadata_payload(metadata), "block": block_payload(block)}


def operand_names(values: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    """Return the names that are shown for a function's operands: those given, else those of the learner's variables."""
    if names is not None:
        listed = list(names) if isinstance(names, (list, tuple, str)) else None
        if listed is None:
            raise DlvizError(message("tensors.refused.names", count=len(values), got=type(names).__name__))
        check_length(listed, len(values), "tensors.refused.names")
        return [str(name) for name in listed]
    known = scope()
    defaults = [chr(ord("a") + i) if i < 26 else f"operand {i}" for i in range(len(values))]
    return [
        str(value) if isinstance(value, (bool, int, float, complex)) else name_of(value, known, default)
        for value, default in zip(values, defaults, strict=True)
    ]


def known_names(caller: str, names: Any) -> Mapping[str, Any]:
    """Return the learner's own names of an expression's values, none if `names` is ``None``.

    Raises:
        DlvizError: `names` is not a mapping.
    """
    if names is not None:
        check_type(names, Mapping, "tensors.refused.mapping", caller=caller)
    return names or {}


def read_cropped(x: Tensor) -> Block:
    """Read the first elements of `x`, up to :func:`cropped_shape`."""
    return read_block(x, None, cropped_shape(tuple(x.shape)))


def cropped_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how much of each dimension is shown where several tensors stand side by side.

    Example:
        >>> cropped_shape((3, 4)), cropped_shape((512, 300))
        ((3, 4), (16, 16))
    """
    if prod(shape) <= LIVE_SIZE * LIVE_SIZE:
        return shape
    sizes = [min(size, LIVE_SIZE) for size in shape]
    for dim in range(len(shape) - 2):
        while sizes[dim] > 1 and prod(sizes) > 4 * LIVE_SIZE * LIVE_SIZE:
            sizes[dim] //= 2
    return tuple(sizes)


def opening_step(shape: tuple[int, ...]) -> int:
    """Return the step with which a picture opens: it selects an element near the middle, close enough to the start to be drawn.

    Example:
        >>> opening_step((2, 4)), opening_step((3, 0))
        (6, 0)
    """
    if 0 in shape:
        return 0
    index = [0] * len(shape)
    index[-2:] = [min(size, 6) // 2 for size in shape[-2:]]
    if shape:
        index[-1] = (min(shape[-1], 6) - 1) // 2
    return 1 + sum(i * prod(shape[d + 1 :]) for d, i in enumerate(index))


def crop_notes(shapes: dict[str, tuple[int, ...]]) -> list[dict[str, str]]:
    """Return a note for each tensor, by name, of which only a part is drawn."""
    return [
        {"kind": "", "text": message("tensors.note.cropped", name=name, part=cropped_shape(shape), shape=shape)}
        for name, shape in shapes.items()
        if cropped_shape(shape) != shape
    ]


def tensor_scene(x: Tensor, metadata: TensorMetadata) -> dict[str, Any]:
    """Return everything about `x` that does not depend on the position of the window."""
    stats = _statistics(x, metadata)
    return {
        "metadata": metadata_payload(metadata),
        "statistics": stats,
        "signature": message("tensors.signature", shape=metadata.shape, dtype=metadata.dtype, device=metadata.device),
        "badge": _badge(x, metadata),
        "notes": _notes(x, metadata, stats),
        "summary": _summary(metadata, stats),
    }


def _statistics(x: Tensor, metadata: TensorMetadata) -> dict[str, Any]:
    if metadata.layout != "strided" or x.is_meta:
        return {}
    try:
        return {name: _json_number(value) for name, value in statistics(x).items()}
    except (RuntimeError, TypeError, NotImplementedError):
        # torch does not compute statistics of every dtype; the numbers themselves are still shown.
        return {}


def _json_number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _badge(x: Tensor, metadata: TensorMetadata) -> dict[str, str]:
    readable = metadata.layout in ("sparse_coo", "sparse_csr") or (metadata.layout == "strided" and not read_error(x))
    if x.is_meta or not readable:
        return {"kind": "", "text": message("tensors.badge.none")}
    return {"kind": "good", "text": message("tensors.badge.exact")}


def _notes(x: Tensor, metadata: TensorMetadata, stats: dict[str, Any]) -> list[dict[str, str]]:
    notes = []

    def note(kind: str, key: str, **values: Any) -> None:
        notes.append({"kind": kind, "text": message(f"tensors.note.{key}", **values)})

    layout, numel = metadata.layout, metadata.numel
    if x.is_meta:
        note("", "meta")
    elif layout == "strided" and (error := read_error(x)):
        note("warn", "unreadable", dtype=metadata.dtype, torch=error)
    if layout.startswith("sparse"):
        key = "sparse" if numel <= LIVE_SIZE * LIVE_SIZE else "sparse_large"
        note("", key, layout=layout, stored=x._nnz(), numel=numel)
    elif layout != "strided":
        note("", "layout", layout=layout)
    if stats.get("nonfinite"):
        note("bad", "nonfinite", count=stats["nonfinite"], numel=stats["count"])
    strides = zip(metadata.stride or (), metadata.shape, strict=metadata.stride is not None)
    if any(stride == 0 and size > 1 for stride, size in strides):
        note("", "expanded")
    if metadata.is_conj or metadata.is_neg:
        note("", "lazy", what="conj" if metadata.is_conj else "neg")
    if stats and stats["count"] < numel:
        note("", "sampled", counted=stats["count"], numel=numel)
    return notes


def _summary(metadata: TensorMetadata, stats: dict[str, Any]) -> str:
    """Return a text alternative to the picture."""
    text = message(
        "tensors.summary", name=metadata.name, shape=metadata.shape, dtype=metadata.dtype, device=metadata.device
    )
    if metadata.stride is not None:
        text += " " + message("tensors.summary_stride", stride=metadata.stride, offset=metadata.offset)
    if "min" in stats:
        text += " " + message("tensors.summary_range", least=f"{stats['min']:.4g}", most=f"{stats['max']:.4g}")
    return text
