"""Strict comparison of two results: type, then shape, dtype, graph, and every number."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message


@dataclass(frozen=True)
class Case:
    """One case of a check as text: the input, both results, and whether they are equal."""

    given: str
    yours: str
    expected: str
    passed: bool


@dataclass(frozen=True)
class Difference:
    """First difference between two results: ``aspect`` (a message key), the index, and both sides as text."""

    aspect: str
    where: str
    yours: str
    expected: str

    def message(self) -> str:
        """Return a sentence about the difference."""
        place = message("exercises.differs.at", where=self.where) if self.where else ""
        return message(f"exercises.differs.{self.aspect}", at=place, yours=self.yours, expected=self.expected)


def difference(yours: Any, expected: Any, where: str = "") -> Difference | None:
    """Return the first difference, or None where both are the same up to rounding.

    A list is accepted for a tuple, an int for a float. A tensor must have the same shape and dtype, and require a gradient
    if the expected one does. NaN equals NaN.

    >>> difference(torch.zeros(2, 1), torch.zeros(2)).aspect
    'shape'
    """
    if yours is None or expected is None:
        return None if yours is expected else Difference("none", where, describe(yours), describe(expected))
    if isinstance(expected, Tensor):
        return _tensors(yours, expected, where)
    if isinstance(expected, (tuple, list)):
        if not isinstance(yours, (tuple, list)):
            return Difference("kind", where, describe(yours), describe(expected))
        if len(yours) != len(expected):
            return Difference("length", where, str(len(yours)), str(len(expected)))
        pairs = (difference(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(yours, expected, strict=True)))
        return next((unequal for unequal in pairs if unequal), None)
    return _numbers(yours, expected, where)


def _numbers(yours: Any, expected: float, where: str) -> Difference | None:
    if isinstance(yours, bool) or not isinstance(yours, (int, float)):
        return Difference("kind", where, describe(yours), describe(expected))
    if math.isclose(yours, expected, rel_tol=1e-5, abs_tol=1e-6) or (math.isnan(yours) and math.isnan(expected)):
        return None
    return Difference("value", where, *format_unequal(yours, expected))


def _tensors(yours: Any, expected: Tensor, where: str) -> Difference | None:
    if not isinstance(yours, Tensor):
        return Difference("kind", where, describe(yours), describe(expected))
    if yours.shape != expected.shape:
        return Difference("shape", where, str(tuple(yours.shape)), str(tuple(expected.shape)))
    if yours.dtype != expected.dtype:
        return Difference("dtype", where, str(yours.dtype), str(expected.dtype))
    if expected.requires_grad and not yours.requires_grad:
        return Difference("graph", where, "requires_grad=False", "requires_grad=True")
    mine, right = yours.detach().cpu(), expected.detach().cpu()
    unequal = ~torch.isclose(mine, right, rtol=_tolerance(right), atol=_tolerance(right), equal_nan=True)
    if not unequal.any():
        return None
    index = tuple(unequal.nonzero()[0].tolist())
    spot = where + (f"[{', '.join(map(str, index))}]" if index else "")
    return Difference("value", spot, *format_unequal(mine[index].item(), right[index].item()))


def _tolerance(expected: Tensor) -> float:
    """Return a tolerance that allows another order of the same sums, and no real mistake."""
    return {torch.float64: 1e-9, torch.float32: 1e-4}.get(
        expected.dtype, 0.0 if not expected.is_floating_point() else 1e-2
    )


def format_unequal(a: float, b: float) -> tuple[str, str]:
    """Format two unequal numbers with as many digits as are needed to tell them apart, at least four.

    >>> format_unequal(0.30000, 0.30001)
    ('0.3', '0.30001')
    """
    for digits in range(4, 18):
        if f"{a:.{digits}g}" != f"{b:.{digits}g}":
            break
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def describe(value: Any) -> str:
    """Return a value's type, with shape and dtype for a tensor.

    >>> describe(torch.zeros(2, 3))
    'Tensor (2, 3) float32'
    """
    if isinstance(value, Tensor):
        return f"Tensor {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__} ({', '.join(describe(item) for item in value)})"
    return type(value).__name__


def format_value(value: Any) -> str:
    """Format a value on one line: its numbers if there are few, else its type.

    >>> format_value(torch.tensor([1.0, 2.5]))
    '[1, 2.5]'
    """
    if isinstance(value, Tensor):
        return _nested(value.detach().cpu().tolist()) if value.numel() <= 8 else describe(value)
    if isinstance(value, (tuple, list)):
        return f"({', '.join(format_value(item) for item in value)})"
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None or isinstance(value, (int, str)):
        return str(value)
    return getattr(value, "__name__", describe(value))


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(item) for item in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
