"""Broadcasting: right-aligned shapes, dimensions of size 1 stretched with stride 0, and the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_tensor

OPERATORS: dict[str, Callable[..., Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": torch.true_divide,
    "//": torch.floor_divide,
    "%": torch.remainder,
    "**": torch.pow,
    "==": torch.eq,
    "!=": torch.ne,
    "<": torch.lt,
    "<=": torch.le,
    ">": torch.gt,
    ">=": torch.ge,
    "&": torch.bitwise_and,
    "|": torch.bitwise_or,
    "^": torch.bitwise_xor,
}


@dataclass(frozen=True)
class Broadcast:
    """Operands, their aligned shapes, and the result.

    Attributes:
        operands: the tensors before broadcasting.
        aligned: each operand's sizes, right-aligned; ``None`` for a missing dimension.
        shape: the broadcast shape; ``None`` for a dimension whose sizes do not fit.
        stretched: the operands as expanded views of that shape; empty if sizes do not fit.
        result: what the operation returned; ``None`` if torch refused.
        error: torch's message if it refused, else "".
    """

    operands: tuple[Tensor, ...]
    aligned: tuple[tuple[int | None, ...], ...]
    shape: tuple[int | None, ...]
    stretched: tuple[Tensor, ...]
    result: Tensor | None
    error: str

    @property
    def mismatched_dims(self) -> list[int]:
        """Dimensions of the broadcast shape where two sizes differ and neither is 1."""
        return [dim for dim, size in enumerate(self.shape) if size is None]


def align(shapes: Sequence[Sequence[int]]) -> tuple[list[tuple[int | None, ...]], tuple[int | None, ...]]:
    """Right-align `shapes` and return them with the broadcast shape, ``None`` for a dimension whose sizes do not fit.

    Example:
        >>> align([(3, 1), (4,)])
        ([(3, 1), (None, 4)], (3, 4))
        >>> align([(3, 2), (4,)])[1]
        (3, None)

    Source:
        https://docs.pytorch.org/docs/stable/notes/broadcasting.html
    """
    ndim = max((len(shape) for shape in shapes), default=0)
    rows = [(None,) * (ndim - len(shape)) + tuple(shape) for shape in shapes]
    common: list[int | None] = []
    for sizes in zip(*rows, strict=True):
        larger = {size for size in sizes if size not in (None, 1)}
        common.append(None if len(larger) > 1 else larger.pop() if larger else 1)
    return rows, tuple(common)


def combine(values: Sequence[Any], op: str | Callable[..., Tensor]) -> Broadcast:
    """Apply `op` to `values`, tensors or numbers. An operator is applied from left to right, a function is called with all values.

    Raises:
        DlvizError: `op` is neither a known operator nor callable.

    Example:
        >>> combine([torch.tensor([[1], [2]]), torch.tensor([10, 20])], "+").result.tolist()
        [[11, 21], [12, 22]]
    """
    if isinstance(op, str) and op not in OPERATORS:
        raise DlvizError(message("tensors.refused.operator", got=repr(op), known=" ".join(OPERATORS)))
    if not isinstance(op, str) and not callable(op):
        raise DlvizError(message("tensors.refused.operator", got=type(op).__name__, known=" ".join(OPERATORS)))
    detached = [value.detach() if isinstance(value, Tensor) else value for value in values]
    operands = tuple(value if isinstance(value, Tensor) else torch.as_tensor(value) for value in detached)
    aligned, shape = align([tuple(x.shape) for x in operands])
    stretched = () if None in shape else tuple(x.expand([size or 0 for size in shape]) for x in operands)
    try:
        # Numbers are not converted to tensors here, because type promotion treats them differently from 0-dim tensors.
        result = reduce(OPERATORS[op], detached) if isinstance(op, str) else op(*detached)
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        return Broadcast(operands, tuple(aligned), shape, stretched, None, first_line(error))
    found = torch.as_tensor(result) if isinstance(result, (bool, int, float, complex)) else as_tensor(result)
    if found is None:
        raise DlvizError(message("tensors.refused.result", got=type(result).__name__))
    return Broadcast(operands, tuple(aligned), shape, stretched, found, "")
