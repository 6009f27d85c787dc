"""Comparison of two results: type, then shape, dtype, graph, and every number."""

import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
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
    """First difference between two results: ``aspect`` (a message key), the index, and both sides as text.

    For numbers in a tensor, ``unequal`` of ``total`` elements differ.
    """

    aspect: str
    where: str
    yours: str
    expected: str
    unequal: int = 0
    total: int = 0

    def message(self) -> str:
        """Return a sentence about the difference."""
        place = message("exercises.differs.at", where=self.where) if self.where else ""
        aspect = "elements" if self.aspect == "value" and self.total > 1 else self.aspect
        return message(
            f"exercises.differs.{aspect}",
            at=place,
            where=self.where,
            yours=self.yours,
            expected=self.expected,
            unequal=self.unequal,
            total=self.total,
        )


def difference(yours: Any, expected: Any, where: str = "", strict_dtype: bool = False) -> Difference | None:
    """Return the first difference, or None where both are the same up to rounding.

    A list is accepted for a tuple, a NumPy number for Python's, and an int for a float. A tensor must have the same shape, and
    require a gradient if the expected one does. NaN equals NaN.

    Args:
        yours, expected: numbers, tensors, or lists and tuples of them.
        where: the index of both in the results they are parts of.
        strict_dtype: whether a tensor must have the same dtype; without, a wider float such as float64 for float32 will do.

    >>> difference(torch.zeros(2, 1), torch.zeros(2)).aspect
    'shape'
    """
    if yours is None and expected is not None:
        return Difference("none" if where else "nothing", where, "None", describe(expected))
    if isinstance(expected, Tensor):
        return _tensors(yours, expected, where, strict_dtype)
    if isinstance(expected, (tuple, list)):
        if not isinstance(yours, (tuple, list)):
            return Difference("kind", where, describe(yours), describe(expected))
        if len(yours) != len(expected):
            return Difference("length", where, str(len(yours)), str(len(expected)))
        pairs = enumerate(zip(yours, expected, strict=True))
        parts = (difference(a, b, f"{where}[{i}]", strict_dtype) for i, (a, b) in pairs)
        return next((unequal for unequal in parts if unequal), None)
    if isinstance(expected, numbers.Real):
        return _numbers(yours, expected, where)
    same = type(yours) is type(expected) and yours == expected
    return None if same else Difference("kind", where, describe(yours), describe(expected))


def _numbers(yours: Any, expected: Any, where: str) -> Difference | None:
    yours, expected = python_number(yours), python_number(expected)
    if isinstance(yours, bool) != isinstance(expected, bool) or not isinstance(yours, (int, float)):
        return Difference("kind", where, describe(yours), describe(expected))
    if yours == expected or (math.isnan(yours) and math.isnan(expected)):
        return None
    # Whole numbers are exact.
    if isinstance(expected, float) and math.isclose(yours, expected, rel_tol=1e-5, abs_tol=1e-6):
        return None
    return Difference("value", where, *format_unequal(yours, expected))


def python_number(value: Any) -> Any:
    """Return Python's number in place of a NumPy scalar or a NumPy array without dimensions; anything else as it is."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def _tensors(yours: Any, expected: Tensor, where: str, strict_dtype: bool) -> Difference | None:
    if not isinstance(yours, Tensor):
        return Difference("kind", where, describe(yours), describe(expected))
    if yours.is_nested or yours.layout != expected.layout:
        return Difference("layout", where, _layout(yours), _layout(expected))
    if yours.shape != expected.shape:
        return Difference("shape", where, str(tuple(yours.shape)), str(tuple(expected.shape)))
    if yours.dtype != expected.dtype and (strict_dtype or not _wider_float(yours.dtype, expected.dtype)):
        return Difference("dtype", where, str(yours.dtype), str(expected.dtype))
    if yours.is_meta:
        return Difference("meta", where, "meta", str(expected.device))
    if expected.requires_grad and not yours.requires_grad:
        return Difference("graph", where, "requires_grad=False", "requires_grad=True")
    mine, right = yours.detach().to("cpu", expected.dtype), expected.detach().cpu()
    unequal = ~torch.isclose(mine, right, rtol=_tolerance(right), atol=_tolerance(right), equal_nan=True)
    if not unequal.any():
        return None
    index = tuple(unequal.nonzero()[0].tolist())
    spot = where + (f"[{', '.join(map(str, index))}]" if index else "")
    sides = format_unequal(mine[index].item(), right[index].item())
    return Difference("value", spot, *sides, unequal=int(unequal.sum()), total=unequal.numel())


def _wider_float(dtype: torch.dtype, than: torch.dtype) -> bool:
    return dtype.is_floating_point and than.is_floating_point and torch.promote_types(dtype, than) == dtype


def _layout(tensor: Tensor) -> str:
    return "nested" if tensor.is_nested else str(tensor.layout).removeprefix("torch.")


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
    if isinstance(a, (bool, int)) and isinstance(b, (bool, int)):
        return format_value(a), format_value(b)
    for digits in range(4, 18):
        if f"{a:.{digits}g}" != f"{b:.{digits}g}":
            break
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def describe(value: Any, depth: int = 4) -> str:
    """Return a value's type, with shape and dtype for a tensor, and what a list holds, down to this depth.

    >>> describe(torch.zeros(2, 3)), describe([1.0, 2.0, 3.0])
    ('Tensor (2, 3) float32', 'list (3 × float)')
    """
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        shape = "nested" if value.is_nested else tuple(value.shape)
        return f"Tensor {shape} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, np.ndarray):
        return f"{type(value).__name__} {value.shape} {value.dtype}"
    if isinstance(value, (tuple, list)) and depth:
        items = [describe(item, depth - 1) for item in value[:MOST]]
        if 2 < len(items) == len(value) and len(set(items)) == 1:
            held = f"{len(value)} × {items[0]}"
        else:
            held = ", ".join(items[:LISTED] + ["…"] * (len(value) > LISTED))
        return f"{type(value).__name__} ({held})"
    return type(value).__name__


def format_value(value: Any, depth: int = 4) -> str:
    """Format a value on one line: its numbers if there are few, else its type; lists down to this depth.

    >>> format_value(torch.tensor([1.0, 2.5])), format_value([1, (2,)])
    ('[1, 2.5]', '[1, (2,)]')
    """
    if isinstance(value, Tensor):
        plain = not (value.is_nested or value.is_meta or value.is_quantized) and value.layout == torch.strided
        return _nested(value.detach().cpu().tolist()) if plain and value.numel() <= ELEMENTS else describe(value)
    if isinstance(value, (tuple, list)) and depth:
        items = [format_value(item, depth - 1) for item in value[:LISTED]] + ["…"] * (len(value) > LISTED)
        inside = ", ".join(items)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    value = python_number(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 128 else f"{describe(value)}, {value.bit_length()} bits"
    if value is None or isinstance(value, str):
        return shorten(str(value), 200)
    return getattr(value, "__name__", describe(value))


#: Elements of a tensor, and items of a list, that are shown at most.
ELEMENTS, LISTED = 8, 16
#: Items of a list that are compared at most, to say what all of them are.
MOST = 10_000


def shorten(text: str, most: int) -> str:
    """Return at most this many characters of a text, with an ellipsis where some are left out.

    >>> shorten("0123456789", 5)
    '0123…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(item) for item in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
