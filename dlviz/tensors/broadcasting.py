"""Broadcasting: shapes right-aligned, a size of 1 stretched with stride 0, and what torch makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

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
    """Operands, how their shapes meet, and the result.

    Attributes:
        operands: the tensors as they came.
        aligned: for each operand its sizes from the left of the result's shape; ``None`` where it has no such dimension.
        shape: the common shape; at a dimension where sizes disagree, ``None``.
        stretched: the operands as torch expands them, with stride 0 where nothing is copied; empty where sizes disagree.
        result: what the operation returned; ``None`` where torch refused.
        error: torch's own words where it refused, else "".
    """

    operands: tuple[Tensor, ...]
    aligned: tuple[tuple[int | None, ...], ...]
    shape: tuple[int | None, ...]
    stretched: tuple[Tensor, ...]
    result: Tensor | None
    error: str

    @property
    def clashes(self) -> list[int]:
        """Dimensions, from the left, where two sizes differ and neither is 1."""
        return [dim for dim, size in enumerate(self.shape) if size is None]


def align(shapes: Sequence[Sequence[int]]) -> tuple[list[tuple[int | None, ...]], tuple[int | None, ...]]:
    """Right-align `shapes`, and say the common shape, ``None`` where they clash.

    Example:
        >>> align([(3, 1), (4,)])
        ([(3, 1), (None, 4)], (3, 4))
        >>> align([(3, 2), (4,)])[1]
        (3, None)

    Source:
        https://docs.pytorch.org/docs/stable/notes/broadcasting.html
    """
    width = max((len(shape) for shape in shapes), default=0)
    rows = [(None,) * (width - len(shape)) + tuple(shape) for shape in shapes]
    common: list[int | None] = []
    for sizes in zip(*rows, strict=True):
        wanted = {size for size in sizes if size not in (None, 1)}
        common.append(None if len(wanted) > 1 else wanted.pop() if wanted else 1)
    return rows, tuple(common)


def combine(values: Sequence[Any], op: str | Callable[..., Tensor]) -> Broadcast:
    """Apply `op` to `values`, tensors or plain numbers; with an operator and more than two of them, from left to right.

    Raises:
        DlvizError: `op` is no operator of the list and cannot be called.

    Example:
        >>> combine([torch.tensor([[1], [2]]), torch.tensor([10, 20])], "+").result.tolist()
        [[11, 21], [12, 22]]
    """
    if isinstance(op, str) and op not in OPERATORS:
        raise DlvizError(message("tensors.refused.operator", got=repr(op), known=" ".join(OPERATORS)))
    if not isinstance(op, str) and not callable(op):
        raise DlvizError(message("tensors.refused.operator", got=type(op).__name__, known=" ".join(OPERATORS)))
    plain = [value.detach() if isinstance(value, Tensor) else value for value in values]
    operands = tuple(value if isinstance(value, Tensor) else torch.as_tensor(value) for value in plain)
    aligned, shape = align([tuple(x.shape) for x in operands])
    clash = None in shape
    stretched = () if clash else tuple(x.expand([size or 0 for size in shape]) for x in operands)
    try:
        # A number stays a number here, because torch promotes it otherwise than a tensor of no dimensions.
        result = reduce(OPERATORS[op], plain) if isinstance(op, str) else op(*plain)
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        return Broadcast(operands, tuple(aligned), shape, stretched, None, str(error).partition("\n")[0])
    return Broadcast(operands, tuple(aligned), shape, stretched, torch.as_tensor(result), "")
