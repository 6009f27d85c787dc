"""Summaries of tensors for display: every element of a small tensor, a histogram and statistics of a large one."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals

#: Tensors with up to this many elements are sent whole, larger ones as a histogram.
MAX_ELEMENTS = 64
BINS = 24


def summarize(tensor: Tensor, max_elements: int = MAX_ELEMENTS) -> dict[str, Any]:
    """Return what the view shows of `tensor`; every number is computed by torch.

    Returns:
        ``shape``, ``dtype`` and, for up to `max_elements` elements, ``numbers`` (float64, row-major, as bytes); else ``histogram``
        (``counts``, ``low``, ``high``) with ``min``, ``max``, ``mean``. Always ``norm`` (2-norm) and ``nonfinite`` (the number of
        NaN and Inf). Complex tensors are shown by their absolute value, and ``complex`` is true.

    Example:
        >>> summarize(torch.eye(2))["norm"]
        1.4142135...
    """
    plain = tensor.detach()
    dtype = str(plain.dtype).removeprefix("torch.")
    summary: dict[str, Any] = {"shape": list(torch_internals.shape_of(plain)), "dtype": dtype}
    if not torch_internals.has_numbers(plain):
        return summary
    if plain.is_complex():
        summary["complex"] = True
        plain = plain.abs()
    plain = plain.to("cpu", torch.float64)
    finite = plain[plain.isfinite()]
    summary["nonfinite"] = plain.numel() - finite.numel()
    summary["norm"] = _json_number(torch.linalg.vector_norm(plain)) if plain.numel() else 0.0
    if plain.numel() <= max_elements:
        summary["numbers"] = plain.contiguous().numpy().tobytes()
    elif finite.numel():
        low, high = float(finite.min()), float(finite.max())
        counts = torch.histc(finite, BINS, low, high) if low < high else torch.tensor([float(finite.numel())])
        summary |= {"min": low, "max": high, "mean": float(finite.mean())}
        summary["histogram"] = {"counts": counts.long().tolist(), "low": low, "high": high}
    return summary


def _json_number(number: Tensor) -> float | str:
    """Return a number that JSON can hold: NaN and infinity become their JavaScript names."""
    value = float(number)
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity"


def shape_text(shape: Sequence[int | str]) -> str:
    """Return a shape as Python writes it: ``(32, 16)``, ``(8,)``, ``()``.

    >>> shape_text((2, "j1"))
    '(2, j1)'
    """
    return repr(tuple(shape)).replace("'", "")


def scalar(tensor: Tensor | None) -> float | None:
    """Return the number in a real tensor of one element, else ``None``."""
    if tensor is None or not torch_internals.has_numbers(tensor) or tensor.numel() != 1 or tensor.is_complex():
        return None
    return float(tensor)


def norms(tensors: list[Tensor | None]) -> list[float | None]:
    """Return the 2-norm of each tensor, ``None`` for none, with one call and one transfer for each dtype and device."""
    result: list[float | None] = [None] * len(tensors)
    groups: dict[tuple[torch.dtype, torch.device], list[tuple[int, Tensor]]] = {}
    for i, tensor in enumerate(tensors):
        if tensor is not None and _has_norm(tensor):
            groups.setdefault((tensor.dtype, tensor.device), []).append((i, tensor))
    for group in groups.values():
        values = _norms([tensor for _, tensor in group])
        for (i, _), value in zip(group, values, strict=True):
            result[i] = value
    return result


def _norms(group: list[Tensor]) -> list[float]:
    if group[0].dtype.itemsize == 1:  # torch computes no norm of float8
        group = [tensor.float() for tensor in group]
    return torch.stack(torch._foreach_norm(group)).abs().tolist()  # type: ignore[no-any-return]


def _has_norm(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and torch_internals.has_numbers(tensor)
