"""Blocks of a tensor's elements, read exactly, so that the browser gets no more than it draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import first_line

#: Integers up to this size are exact in a browser's numbers; larger ones are sent as text.
_MAX_EXACT = 2**53


@dataclass(frozen=True)
class Block:
    """Elements of a tensor from index `start`, `size` of them along each dimension.

    Attributes:
        shape: the shape of the whole tensor.
        start: index of the block's first element.
        size: shape of the block.
        kind: type of `values`: "float32", "float64", "int32", "bool", "complex64", "complex128" or "text"; "none" if the numbers
            cannot be read.
        values: row-major array of that type (complex numbers as pairs), or a list of strings for "text".
        present: 0 for elements that a sparse tensor leaves unspecified, else 1; ``None`` if all are there.
        reason: torch's error message if the values cannot be read, else "".
    """

    shape: tuple[int, ...]
    start: tuple[int, ...]
    size: tuple[int, ...]
    kind: str
    values: Any
    present: np.ndarray | None = None
    reason: str = ""


def block_payload(block: Block) -> dict[str, Any]:
    """Return a block as ``decode`` in ``kit/js/tensor_block.js`` reads it."""
    about = {name: getattr(block, name) for name in ("shape", "start", "size", "kind", "values")}
    if block.present is not None:
        about["present"] = block.present
    return about


def block_window(shape: tuple[int, ...], origin: tuple[int, ...], most: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return start and size of a block: up to `most` along each of the last two dimensions, and one along the others.

    A tensor of up to ``most * most`` elements, with no dimension longer than ``4 * most``, is read whole.

    Example:
        >>> block_window((3, 100, 100), (1, 95, 0), 16)
        ((1, 84, 0), (1, 16, 16))
    """
    count = 1
    for size in shape:
        count *= size
    if count <= most * most and all(size <= 4 * most for size in shape):
        return (0,) * len(shape), shape
    sizes = tuple(min(size, most if dim >= len(shape) - 2 else 1) for dim, size in enumerate(shape))
    starts = tuple(max(0, min(at, size - length)) for at, size, length in zip(origin, shape, sizes, strict=True))
    return starts, sizes


def read_block(x: Tensor, start: tuple[int, ...] | None = None, size: tuple[int, ...] | None = None) -> Block:
    """Read the elements of `x` from `start`; only these leave its device.

    Args:
        x: any tensor; a sparse one is read as a dense one.
        start: index of the first element; by default the origin.
        size: shape of the block; by default all elements.

    Example:
        >>> block = read_block(torch.arange(6).view(2, 3), (0, 1), (2, 2))
        >>> block.kind, block.values.tolist()
        ('int32', [1, 2, 4, 5])
    """
    shape = tuple(x.shape)
    start = (0,) * len(shape) if start is None else start
    size = shape if size is None else size
    try:
        part = x.detach()
        for dim, (first, length) in enumerate(zip(start, size, strict=True)):
            if length != shape[dim]:
                part = part.narrow(dim, first, length)
        if part.is_meta:
            return Block(shape, start, size, "none", b"")
        kind, values = to_numpy(part)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        return Block(shape, start, size, "none", b"", reason=first_line(error))
    return Block(shape, start, size, kind, values)


def to_numpy(part: Tensor) -> tuple[str, Any]:
    """Return every element of `part` as (kind, values), without rounding."""
    part = part.detach().resolve_conj().resolve_neg()
    if part.is_quantized:
        part = part.dequantize()
    part = part.cpu().reshape(-1)
    if part.dtype is torch.bool:
        return "bool", part.to(torch.uint8).numpy()
    if part.is_complex():
        wide = torch.complex128 if part.dtype is torch.complex128 else torch.complex64
        pairs = torch.view_as_real(part.to(wide)).reshape(-1).numpy()
        return str(wide).removeprefix("torch."), pairs
    if part.is_floating_point():
        wide = torch.float64 if part.dtype is torch.float64 else torch.float32
        return str(wide).removeprefix("torch."), part.to(wide).numpy()
    if part.dtype is torch.uint64 or part.dtype is torch.uint32:
        listed = part.tolist()
        large = any(value > 2**31 - 1 for value in listed)
        return ("text", [str(value) for value in listed]) if large else ("int32", np.array(listed, np.int32))
    whole = part.to(torch.int64).numpy()
    least, most = (int(whole.min()), int(whole.max())) if whole.size else (0, 0)
    if least >= -(2**31) and most < 2**31:
        return "int32", whole.astype(np.int32)
    if least >= -_MAX_EXACT and most <= _MAX_EXACT:
        return "float64", whole.astype(np.float64)
    return "text", [str(value) for value in whole.tolist()]


def as_plain(x: Tensor) -> Tensor | None:
    """Return the numbers of any tensor as a dense one of torch's own class; ``None`` if it has none that can be read.

    Quantized tensors are dequantized, sparse ones are filled with zeros, and so are nested ones.

    Example:
        >>> as_plain(torch.eye(2).to_sparse())
        tensor([[1., 0.],
                [0., 1.]])
    """
    for read in (_dense, _dequantized, _full, _without_class):
        try:
            plain = read(x.detach())
            if type(plain) is Tensor and not plain.is_meta:
                plain[tuple(slice(1) for _ in plain.shape)].tolist()
                return plain
        except (RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError):
            continue
    return None


def _dense(x: Tensor) -> Tensor:
    if x.is_quantized:
        return x.dequantize()
    if x.is_nested:
        return torch.nested.to_padded_tensor(x, 0.0)
    return x if x.layout is torch.strided else x.to_dense()


def _dequantized(x: Tensor) -> Tensor:
    return x.dequantize()


def _full(x: Any) -> Any:
    """Gather a distributed tensor, or fill the masked elements of a masked one."""
    return x.full_tensor() if hasattr(x, "full_tensor") else x.to_tensor(0)


def _without_class(x: Tensor) -> Tensor:
    # A wrapper around other tensors has no memory of its own; an operation may still return a plain tensor.
    return x.as_subclass(Tensor) if x.untyped_storage().nbytes() else x + 0


def as_array(values: Tensor, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """Return a tensor as a row-major NumPy array of a dtype that a view reads: float32, float64, int32 or uint8."""
    return values.detach().to("cpu", dtype).contiguous().numpy()


def read_error(x: Tensor) -> str:
    """Return torch's error message if it cannot read the elements of `x`, else ""."""
    return read_block(x, (0,) * x.dim(), tuple(min(1, size) for size in x.shape)).reason


def read_sparse_block(x: Tensor, most: int) -> Block | None:
    """Return a sparse tensor of up to `most` elements as a dense block that marks unspecified elements, or ``None`` for others."""
    if x.is_meta or x.is_nested or x.numel() > most:
        return None
    try:
        plain = x.detach().to_sparse_coo().coalesce()
        there = torch.sparse_coo_tensor(
            plain.indices(), torch.ones_like(plain.values()), plain.shape, check_invariants=False
        )
        kind, values = to_numpy(plain.to_dense())
        present = (there.to_dense() != 0).reshape(-1).to(torch.uint8).cpu().numpy()
    except (RuntimeError, NotImplementedError):
        return None
    shape = tuple(x.shape)
    return Block(shape, (0,) * len(shape), shape, kind, values, present=present)
