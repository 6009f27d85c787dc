"""Tensors as JSON-able pictures: facts, blocks of numbers as bytes, and the sentences around them."""

from dataclasses import asdict
from math import isfinite, prod
from typing import Any

from torch import Tensor

from dlviz.kit.messages import message
from dlviz.tensors.record import Facts
from dlviz.tensors.statistics import coarse, figures
from dlviz.tensors.storage import tape
from dlviz.torchkit.tensor_blocks import Block, block_payload, block_window, read_block, read_error, read_sparse_block

#: A live picture holds a window of this many rows and columns; an exported page holds a larger one, because it cannot ask.
LIVE, EXPORTED = 16, 64
#: Storages of up to this many elements are drawn whole.
TAPE = 256


def described(about: Facts) -> dict[str, Any]:
    """Facts as JSON holds them."""
    return {**asdict(about), "numel": about.numel}


def held(x: Tensor, about: Facts, origin: tuple[int, ...], most: int) -> dict[str, Any]:
    """What the browser is given of the numbers: a block around `origin`, a small storage whole, of a large plane a coarse map."""
    if about.layout != "strided":
        block = read_sparse_block(x, LIVE * LIVE) or Block(
            about.shape, (0,) * len(about.shape), (0,) * len(about.shape), "none", b""
        )
        return {"block": block_payload(block)}
    start, size = block_window(about.shape, origin, most)
    found: dict[str, Any] = {"block": block_payload(read_block(x, start, size))}
    if about.storage is not None and 0 < about.storage <= TAPE and not x.is_quantized:
        found["tape"] = block_payload(read_block(tape(x)))
    # What one window does not show is worth a map.
    if any(size > LIVE for size in about.shape[-2:]) and about.numel > LIVE * LIVE:
        found["map"] = coarse(x, start)
    return found


def item(x: Tensor, about: Facts) -> dict[str, Any]:
    """A tensor as one of several in a picture: facts, and its numbers from the first on, cropped if there are many."""
    if about.layout != "strided":
        block = read_sparse_block(x, LIVE * LIVE) or Block(
            about.shape, (0,) * len(about.shape), (0,) * len(about.shape), "none", b""
        )
        return {"facts": described(about), "block": block_payload(block)}
    return {"facts": described(about), "block": block_payload(read_block(x, None, cropped(about.shape)))}


def cropped(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How much of each dimension is shown where several tensors stand side by side.

    Example:
        >>> cropped((3, 4)), cropped((512, 300))
        ((3, 4), (16, 16))
    """
    if prod(shape) <= LIVE * LIVE:
        return shape
    sizes = [min(size, LIVE) for size in shape]
    for dim in range(len(shape) - 2):
        while sizes[dim] > 1 and prod(sizes) > 4 * LIVE * LIVE:
            sizes[dim] //= 2
    return tuple(sizes)


def crop_note(shapes: dict[str, tuple[int, ...]]) -> list[dict[str, str]]:
    """A note for each tensor, by name, of which only a part is drawn."""
    return [
        {"kind": "", "text": message("tensors.note.cropped", name=name, part=cropped(shape), shape=shape)}
        for name, shape in shapes.items()
        if cropped(shape) != shape
    ]


def tensor_scene(x: Tensor, about: Facts) -> dict[str, Any]:
    """Everything about `x` that does not depend on where its window stands."""
    measured = _measured(x, about)
    return {
        "facts": described(about),
        "figures": measured,
        "signature": message("tensors.signature", shape=about.shape, dtype=about.dtype, device=about.device),
        "badge": _badge(x, about),
        "notes": _notes(x, about, measured),
        "summary": summary(about, measured),
    }


def _measured(x: Tensor, about: Facts) -> dict[str, Any]:
    if about.layout != "strided" or x.is_meta:
        return {}
    try:
        return {name: _plain(value) for name, value in figures(x).items()}
    except (RuntimeError, TypeError, NotImplementedError):
        # torch does not measure every dtype; the numbers themselves are still shown.
        return {}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _badge(x: Tensor, about: Facts) -> dict[str, str]:
    if (
        x.is_meta
        or about.layout not in ("strided", "sparse_coo", "sparse_csr")
        or (about.layout == "strided" and read_error(x))
    ):
        return {"kind": "", "text": message("tensors.badge.none")}
    return {"kind": "good", "text": message("tensors.badge.exact")}


def _notes(x: Tensor, about: Facts, measured: dict[str, Any]) -> list[dict[str, str]]:
    notes = []

    def note(kind: str, key: str, **values: Any) -> None:
        notes.append({"kind": kind, "text": message(f"tensors.note.{key}", **values)})

    if x.is_meta:
        note("", "meta")
    elif about.layout == "strided" and (reason := read_error(x)):
        note("warn", "unreadable", dtype=about.dtype, torch=reason)
    if about.layout.startswith("sparse"):
        stored = x._nnz()
        key = "sparse" if about.numel <= LIVE * LIVE else "sparse_large"
        note("", key, layout=about.layout, stored=stored, numel=about.numel)
    elif about.layout != "strided":
        note("", "layout", layout=about.layout)
    if measured.get("nonfinite"):
        note("bad", "nonfinite", count=measured["nonfinite"], numel=measured["counted"])
    if about.stride and any(step == 0 and size > 1 for step, size in zip(about.stride, about.shape, strict=True)):
        note("", "expanded")
    if about.is_conj or about.is_neg:
        note("", "lazy", what="conj" if about.is_conj else "neg")
    if measured and measured["counted"] < about.numel:
        note("", "sampled", counted=measured["counted"], numel=about.numel)
    return notes


def summary(about: Facts, measured: dict[str, Any]) -> str:
    """One sentence for who cannot see the picture."""
    text = message("tensors.summary", name=about.name, shape=about.shape, dtype=about.dtype, device=about.device)
    if about.stride is not None:
        text += " " + message("tensors.summary_stride", stride=about.stride, offset=about.offset)
    if "min" in measured:
        text += " " + message("tensors.summary_range", least=f"{measured['min']:.4g}", most=f"{measured['max']:.4g}")
    return text
