"""Summaries of tensors for display: every element of a small tensor, a histogram and statistics of a large one."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals

#: Tensors with up to this many elements are sent whole, larger ones as a histogram.
MAX_ELEMENTS = 64
BINS = 24
#: A histogram counts up to about this many elements.
MAX_COUNTED = 2**16


def summarize(tensor: Tensor, max_elements: int = MAX_ELEMENTS) -> dict[str, Any]:
    """Return what the view shows of `tensor`; every number is computed by torch.

    Returns:
        ``shape``, ``dtype`` and, for up to `max_elements` elements, ``numbers`` (float64, row-major, as bytes); else ``histogram``
        (``counts``, ``low``, ``high``) with ``min``, ``max``, ``mean``. Always ``norm`` (2-norm) and ``nonfinite`` (the number of
        NaN and Inf). Complex tensors are shown by their absolute value, and ``complex`` is true. Of more than :data:`MAX_COUNTED`
        elements the histogram counts that many, evenly spaced, and says so under ``sample``.

    Example:
        >>> summarize(torch.eye(2))["norm"]
        1.4142135...
    """
    plain = tensor.detach()
    shape = list(torch_internals.shape_of(plain))
    summary: dict[str, Any] = {"shape": shape, "dtype": dtype_name(plain.dtype)}
    if not torch_internals.has_numbers(plain):
        return summary
    if plain.is_complex():
        summary["complex"] = True
        plain = plain.abs()
    plain = plain.cpu() if plain.dtype in (torch.float32, torch.float64) else plain.to("cpu", torch.float64)
    if plain.numel() > max_elements:
        # In the order of memory, which is many times faster to read than across it; the statistics do not depend on the order.
        plain = plain.permute(sorted(range(plain.dim()), key=plain.stride, reverse=True))
    norm = torch.linalg.vector_norm(plain) if plain.numel() else torch.zeros(())
    # A finite norm proves that every element is finite.
    finite = plain if bool(norm.isfinite()) else plain[plain.isfinite()]
    summary["nonfinite"] = plain.numel() - finite.numel()
    summary["norm"] = _json_number(norm)
    if plain.numel() <= max_elements:
        summary["numbers"] = plain.to(torch.float64).contiguous().numpy().tobytes()
    elif finite.numel():
        low, high = map(float, finite.aminmax())
        summary |= {"min": low, "max": high, "mean": _mean(finite)}
        sample = finite.reshape(-1)[:: finite.numel() // MAX_COUNTED | 1] if finite.numel() > MAX_COUNTED else finite
        sample = sample.to(torch.float64)
        counts = torch.histc(sample, BINS, low, high) if low < high else torch.tensor([float(sample.numel())])
        summary["histogram"] = {"counts": counts.long().tolist(), "low": low, "high": high}
        if sample.numel() < finite.numel():
            summary["histogram"]["sample"] = sample.numel()
    return summary


def _mean(values: Tensor) -> float:
    mean = float(values.mean())
    return mean if math.isfinite(mean) else float(values.to(torch.float64).mean())


class Summaries:
    """Summaries of the tensors of one picture, each computed once however often the tensor is used.

    A tensor is recognized by its memory, because torch returns a new object whenever a saved tensor is read. An instance must not
    outlive the moment: it does not see what is written later.
    """

    def __init__(self) -> None:
        self._by_memory: dict[tuple[Any, ...], tuple[Tensor, dict[str, Any]]] = {}

    def __call__(self, tensor: Tensor | None) -> dict[str, Any] | None:
        """Return the summary of `tensor`, ``None`` for none."""
        if tensor is None:
            return None
        key: tuple[Any, ...] = (id(tensor),)
        if torch_internals.has_numbers(tensor):
            key = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.is_conj(), tensor.is_neg())
        if key not in self._by_memory:
            # The tensor is kept, so that its memory is not used again meanwhile.
            self._by_memory[key] = tensor, summarize(tensor)
        return self._by_memory[key][1]


def _json_number(number: Tensor) -> float | str:
    """Return a number that JSON can hold: NaN and infinity become their JavaScript names."""
    value = float(number)
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity"


@cache
def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype, such as ``float32``."""
    return str(dtype).removeprefix("torch.")


def shape_text(shape: Sequence[int | str]) -> str:
    """Return a shape as Python writes it: ``(32, 16)``, ``(8,)``, ``()``.

    >>> shape_text((2, "j1"))
    '(2, j1)'
    """
    return repr(tuple(shape)).replace("'", "")


def scalar(tensor: Tensor | None) -> float | None:
    """Return the number in a real tensor of one element, else ``None``."""
    if tensor is None or tensor.numel() != 1 or not torch_internals.has_numbers(tensor) or tensor.is_complex():
        return None
    return float(tensor)


def norms(tensors: Sequence[Tensor | None]) -> list[float | None]:
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


class Norms:
    """2-norms of the tensors of one picture, each computed once however often the tensor is used. It keeps the tensors.

    Tensors are recognized by identity: look up the very objects that were passed.
    """

    def __init__(self, tensors: Iterable[Tensor | None]) -> None:
        self._tensors = {id(tensor): tensor for tensor in tensors if tensor is not None}
        self._norms = dict(zip(self._tensors, norms(list(self._tensors.values())), strict=True))
        self.any_nonfinite = not all(norm is None or math.isfinite(norm) for norm in self._norms.values())

    def __call__(self, tensor: Tensor | None) -> float | None:
        """Return the norm of one of the tensors, ``None`` for none and where there is none."""
        return self._norms.get(id(tensor))


def _norms(group: list[Tensor]) -> list[float]:
    if group[0].dtype.itemsize == 1:  # torch computes no norm of float8
        group = [tensor.float() for tensor in group]
    values = torch._foreach_norm(group)
    if group[0].device.type == "cpu" and not group[0].is_complex():
        return [value.item() for value in values]  # needs no transfer, and less time than to join them
    return torch.stack(values).abs().tolist()  # type: ignore[no-any-return]


def _has_norm(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and torch_internals.has_numbers(tensor)
