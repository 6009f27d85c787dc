"""Indexing: which elements an expression selects, and whether torch returns a view or a copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import first_line
from dlviz.tensors.expression_parser import INDEXING_METHODS, Expression, parse
from dlviz.tensors.record import same_storage
from dlviz.torchkit.array_data import as_tensor

#: Elements of the result are traced back to the source for tensors of up to this many elements.
MAX_TRACED = 2**20


@dataclass(frozen=True)
class Selection:
    """Result of an indexing expression.

    Attributes:
        expression: the parsed expression.
        source: the indexed tensor.
        result: what torch returned; ``None`` if it refused.
        positions: for each element of the result the row-major position of its source; ``None`` if torch refused or `source` is large.
        kind: "basic" (slices and integers), "boolean", "integer" (lists and tensors), or the method's name.
        shares_storage: whether the result is a view of the source.
        error: torch's message if it refused, else "".
    """

    expression: Expression
    source: Tensor
    result: Tensor | None
    positions: Tensor | None
    kind: str
    shares_storage: bool
    error: str


def select(x: Tensor, text: str, names: Mapping[str, Any]) -> Selection:
    """Evaluate `text` on `x`, and on a tensor of positions to find where each element comes from.

    Raises:
        DlvizError: `text` is not an index.

    Example:
        >>> found = select(torch.arange(12).view(3, 4), "x[1:, [0, 3]]", {})
        >>> found.result.tolist(), found.positions.tolist(), found.shares_storage
        ([[4, 7], [8, 11]], [[4, 7], [8, 11]], False)
    """
    expression = parse("index", text, x, names, INDEXING_METHODS)
    kind = _expression_kind(expression)
    try:
        result = expression.evaluate(x.detach())
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        return Selection(expression, x, None, None, kind, False, first_line(error))
    positions = None
    if x.numel() <= MAX_TRACED and not x.is_meta:
        positions = expression.evaluate(torch.arange(x.numel(), device=x.device).view(x.shape)).cpu()
    return Selection(expression, x, result, positions, kind, same_storage(x, result), "")


def _expression_kind(expression: Expression) -> str:
    kinds = set()
    for operation in expression.operations:
        if operation.name != "index":
            return operation.name
        index = operation.arguments[0]
        kinds |= {_index_kind(part) for part in (index if isinstance(index, tuple) else (index,))}
    return next((kind for kind in ("boolean", "integer") if kind in kinds), "basic")


def _index_kind(part: Any) -> str:
    if isinstance(part, bool):
        return "boolean"
    if part is None or part is Ellipsis or isinstance(part, (int, slice)):
        return "basic"
    index = as_tensor(part)
    if index is None:  # torch refuses it
        return "integer"
    if index.dtype in (torch.bool, torch.uint8):
        return "boolean"
    return "basic" if index.dim() == 0 else "integer"
