"""Views and copies: what an expression makes of a tensor, whether the result shares storage, and why torch refuses a ``view``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import first_line
from dlviz.tensors.expression_parser import INDEXING_METHODS, VIEW_METHODS, Expression, parse
from dlviz.tensors.record import has_storage, same_storage

#: Copies are traced back to their source elements for storages of up to this many elements.
MAX_TRACED = 2**20


@dataclass(frozen=True)
class ViewResult:
    """Outcome of one expression on a tensor, or another tensor shown next to it.

    Attributes:
        text: the expression or the variable's name.
        result: the tensor; ``None`` if torch refused.
        shares_storage: whether it uses the first tensor's storage.
        source: for a copy, the address in the first tensor's storage that each element was copied from, in the copy's shape; else ``None``.
        error: torch's message if it refused, else "".
        failed_input: the tensor on which the refused operation was called; ``None`` if nothing was refused.
        blocking_dims: dimensions d of that tensor which the ``view`` would merge with d + 1 although their strides do not allow it.
    """

    text: str
    result: Tensor | None
    shares_storage: bool
    source: Tensor | None = None
    error: str = ""
    failed_input: Tensor | None = None
    blocking_dims: tuple[int, ...] = ()


def evaluate_views(x: Tensor, text: str, names: Mapping[str, Any]) -> ViewResult:
    """Evaluate an expression such as ``"x.T.contiguous()"`` and report what it did to storage.

    Raises:
        DlvizError: `text` contains more than view methods and indexing.

    Example:
        >>> x = torch.arange(6).view(2, 3)
        >>> evaluate_views(x, "x.T", {}).shares_storage, evaluate_views(x, "x.T.contiguous()", {}).source.tolist()
        (True, [[0, 3], [1, 4], [2, 5]])
        >>> evaluate_views(x, "x.T.view(6)", {}).blocking_dims
        (0,)
    """
    expression = parse("views", text, x, names, VIEW_METHODS | INDEXING_METHODS)
    outputs: list[Any] = [x.detach()]
    try:
        for operation in expression.operations:
            outputs.append(operation(outputs[-1]))
        if not isinstance(outputs[-1], Tensor):
            raise TypeError(f"{text} is not a tensor but a {type(outputs[-1]).__name__}")
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        return _refusal(expression, outputs, first_line(error))
    result = outputs[-1]
    shared = same_storage(x, result)
    return ViewResult(text, result, shared, None if shared else _source_addresses(x, expression, result))


def _refusal(expression: Expression, outputs: list[Any], error: str) -> ViewResult:
    base = outputs[-1]
    operation = expression.operations[min(len(outputs), len(expression.operations)) - 1]
    if not isinstance(base, Tensor):
        return ViewResult(expression.text, None, False, error=error)
    blocking: tuple[int, ...] = ()
    if operation.name == "view" and has_storage(base):
        arguments = operation.arguments
        listed = len(arguments) == 1 and isinstance(arguments[0], (tuple, list))
        sizes = arguments[0] if listed else arguments
        if all(isinstance(size, int) for size in sizes):
            shape = infer_shape(base, sizes)
            blocking = tuple(unmergeable_dims(base.shape, base.stride(), shape)) if shape is not None else ()
    return ViewResult(expression.text, None, False, error=error, failed_input=base, blocking_dims=blocking)


def _source_addresses(x: Tensor, expression: Expression, result: Tensor) -> Tensor | None:
    """Evaluate the expression on a tensor of addresses with the layout of `x`, to see where each element was copied from."""
    if not has_storage(x) or x.is_meta:
        return None
    count = x.untyped_storage().nbytes() // x.element_size()
    if count > MAX_TRACED or result.numel() > MAX_TRACED:
        return None
    addresses = torch.arange(count).as_strided(x.shape, x.stride(), x.storage_offset())
    try:
        traced = expression.evaluate(addresses)
    except (RuntimeError, IndexError, TypeError, ValueError):
        return None
    # A change of dtype on the way would round the addresses.
    return traced if traced.dtype is torch.int64 and traced.shape == result.shape else None


def noncontiguous_dims(shape: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Return every dimension d that cannot be merged with d + 1: ``stride[d] != shape[d + 1] * stride[d + 1]``.

    Dimensions of size 1 are skipped.

    Example:
        >>> noncontiguous_dims((4, 3), (1, 4))
        [0]
    """
    dims = [d for d, size in enumerate(shape) if size != 1]
    return [a for a, b in pairwise(dims) if stride[a] != shape[b] * stride[b]]


def unmergeable_dims(shape: Sequence[int], stride: Sequence[int], new_shape: Sequence[int]) -> list[int]:
    """Return the dimensions of :func:`noncontiguous_dims` that a view of shape `new_shape` would merge; none if torch allows the view.

    `new_shape` has the same number of elements and no -1. The view is possible if the sizes up to each such dimension multiply to the
    product of leading sizes of `new_shape`.

    Example:
        >>> unmergeable_dims((4, 3), (1, 4), (12,)), unmergeable_dims((4, 3), (1, 4), (2, 2, 3))
        ([0], [])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html
    """
    if 0 in shape:
        return []
    products = {prod(new_shape[: end + 1]) for end in range(len(new_shape))}
    return [d for d in noncontiguous_dims(shape, stride) if prod(shape[: d + 1]) not in products]


def infer_shape(x: Tensor, sizes: Sequence[int]) -> tuple[int, ...] | None:
    """Return `sizes` with a -1 replaced by the size it stands for; ``None`` if they do not fit the number of elements."""
    known = prod(size for size in sizes if size != -1)
    if list(sizes).count(-1) > 1 or any(size < -1 for size in sizes):
        return None
    if -1 not in sizes:
        return tuple(sizes) if known == x.numel() else None
    if known == 0 or x.numel() % known:
        return None
    return tuple(x.numel() // known if size == -1 else size for size in sizes)
