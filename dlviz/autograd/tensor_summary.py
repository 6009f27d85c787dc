"""A tensor as a picture needs it: every number of a small one, a histogram and four figures of a large one."""

import math
from typing import Any

import torch
from torch import Tensor

#: Up to this many numbers are sent as they are; beyond, a histogram.
SHOWN = 64
BINS = 24


def summarize(tensor: Tensor, shown: int = SHOWN) -> dict[str, Any]:
    """What the browser draws of `tensor`; every figure is computed by torch.

    Returns:
        ``shape``, ``dtype`` and, for up to `shown` numbers, ``numbers`` (float64, row-major, as bytes); else ``histogram``
        (``counts``, ``low``, ``high``) with ``min``, ``max``, ``mean``. Always ``norm`` (2-norm) and ``nonfinite`` (how many NaN
        and Inf). Complex tensors are shown by their absolute value, and ``complex`` says so.

    Example:
        >>> summarize(torch.eye(2))["norm"]
        1.4142135...
    """
    plain = tensor.detach()
    about: dict[str, Any] = {"shape": list(plain.shape), "dtype": str(plain.dtype).removeprefix("torch.")}
    if plain.is_meta or plain.layout is not torch.strided:
        return about
    if plain.is_complex():
        about["complex"] = True
        plain = plain.abs()
    plain = plain.to("cpu", torch.float64)
    finite = plain[plain.isfinite()]
    about["nonfinite"] = plain.numel() - finite.numel()
    about["norm"] = _plain(torch.linalg.vector_norm(plain)) if plain.numel() else 0.0
    if plain.numel() <= shown:
        about["numbers"] = plain.contiguous().numpy().tobytes()
    elif finite.numel():
        low, high = float(finite.min()), float(finite.max())
        counts = torch.histc(finite, BINS, low, high) if low < high else torch.tensor([float(finite.numel())])
        about |= {"min": low, "max": high, "mean": float(finite.mean())}
        about["histogram"] = {"counts": counts.long().tolist(), "low": low, "high": high}
    return about


def _has_norm(tensor: Tensor) -> bool:
    return not tensor.is_meta and tensor.layout is torch.strided and (tensor.is_floating_point() or tensor.is_complex())


def _plain(number: Tensor) -> float | str:
    """A number as JSON can hold it: NaN and infinity go by their names in JavaScript."""
    value = float(number)
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity"


def scalar(tensor: Tensor | None) -> float | None:
    """The number of a one-element real tensor, else ``None``."""
    if tensor is None or tensor.numel() != 1 or tensor.is_complex() or tensor.is_meta:
        return None
    return float(tensor)


def norms(tensors: list[Tensor | None]) -> list[float | None]:
    """The 2-norm of each tensor, ``None`` where there is none; one call and one transfer for all that share a dtype and a device."""
    found: list[float | None] = [None] * len(tensors)
    groups: dict[tuple[torch.dtype, torch.device], list[tuple[int, Tensor]]] = {}
    for i, tensor in enumerate(tensors):
        if tensor is not None and _has_norm(tensor):
            groups.setdefault((tensor.dtype, tensor.device), []).append((i, tensor))
    for group in groups.values():
        sizes = torch.stack(torch._foreach_norm([tensor for _, tensor in group])).abs().tolist()
        for (i, _), size in zip(group, sizes, strict=True):
            found[i] = size
    return found
