"""Indexing: which elements of a tensor an expression picks, and whether torch hands back a view or a copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.tensors.expression_parser import SELECTING, Expression, parse
from dlviz.tensors.storage import same_storage

#: For tensors of up to this many elements, each element of the result knows where it came from.
FOLLOWED = 2**20


@dataclass(frozen=True)
class Selection:
    """What an index picked.

    Attributes:
        expression: what was asked.
        source: the tensor.
        result: what torch returned; ``None`` where it refused.
        positions: for each element of the result the row-major position of its source; ``None`` if torch refused or `source` is large.
        kind: "basic" (slices and integers), "boolean", "integer" (lists and tensors), or the method's name.
        shares: whether the result is a view that shares storage with the source.
        error: torch's own words where it refused, else "".
    """

    expression: Expression
    source: Tensor
    result: Tensor | None
    positions: Tensor | None
    kind: str
    shares: bool
    error: str


def select(x: Tensor, text: str, names: Mapping[str, Any]) -> Selection:
    """Evaluate `text` on `x`; the same index on a tensor of positions tells where each element came from.

    Raises:
        DlvizError: `text` is not an index.

    Example:
        >>> chosen = select(torch.arange(12).view(3, 4), "x[1:, [0, 3]]", {})
        >>> chosen.result.tolist(), chosen.positions.tolist(), chosen.shares
        ([[4, 7], [8, 11]], [[4, 7], [8, 11]], False)
    """
    expression = parse("index", text, x, names, SELECTING)
    kind = _kind(expression)
    try:
        result = expression.trace(x.detach())[-1]
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        return Selection(expression, x, None, None, kind, False, str(error).partition("\n")[0])
    positions = None
    if x.numel() <= FOLLOWED and not x.is_meta:
        places = torch.arange(x.numel(), device=x.device).view(x.shape)
        positions = expression.trace(places)[-1].cpu()
    return Selection(expression, x, result, positions, kind, same_storage(x, result), "")


def _kind(expression: Expression) -> str:
    kinds = set()
    for step in expression.steps:
        if step.what != "index":
            return step.what
        parts = step.arguments[0] if isinstance(step.arguments[0], tuple) else (step.arguments[0],)
        kinds |= {_part(part) for part in parts}
    for kind in ("boolean", "integer"):
        if kind in kinds:
            return kind
    return "basic"


def _part(part: Any) -> str:
    if isinstance(part, bool):
        return "boolean"
    if part is None or part is Ellipsis or isinstance(part, (int, slice)):
        return "basic"
    found = part if isinstance(part, Tensor) else torch.as_tensor(part)
    if found.dtype in (torch.bool, torch.uint8):
        return "boolean"
    return "basic" if found.dim() == 0 else "integer"
