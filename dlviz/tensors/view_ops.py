"""Several tensors over one storage: what an expression made of a tensor, whether anything moved, and why a ``view`` is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.tensors.expression_parser import ARRANGING, SELECTING, Expression, parse
from dlviz.tensors.storage import has_storage, same_storage
from dlviz.tensors.view_rules import asked_shape, merges

#: Elements are followed into copies for storages of up to this many.
FOLLOWED = 2**20


@dataclass(frozen=True)
class Arranged:
    """One tensor beside the first.

    Attributes:
        text: the expression or the learner's name.
        result: the tensor; ``None`` where torch refused.
        shares: whether it lies over the first one's storage.
        source: for a copy, the place in the first one's storage that each element was copied from, in the copy's shape; else ``None``.
        error: torch's own words where it refused, else "".
        refused_on: the tensor that the refusing step was asked of; ``None`` where nothing was refused.
        faults: dimensions d of that tensor across which a ``view`` would have to read on, though d + 1 does not follow it in storage.
    """

    text: str
    result: Tensor | None
    shares: bool
    source: Tensor | None = None
    error: str = ""
    refused_on: Tensor | None = None
    faults: tuple[int, ...] = ()


def arrange(x: Tensor, text: str, names: Mapping[str, Any]) -> Arranged:
    """Carry out an expression such as ``"x.T.contiguous()"`` and say what it did to storage.

    Raises:
        DlvizError: `text` holds more than methods that arrange, and indexing.

    Example:
        >>> x = torch.arange(6).view(2, 3)
        >>> arrange(x, "x.T", {}).shares, arrange(x, "x.T.contiguous()", {}).source.tolist()
        (True, [[0, 3], [1, 4], [2, 5]])
        >>> arrange(x, "x.T.view(6)", {}).faults
        (0,)
    """
    expression = parse("views", text, x, names, ARRANGING | SELECTING)
    made: list[Any] = [x.detach()]
    try:
        for step in expression.steps:
            made.append(step(made[-1]))
        if not isinstance(made[-1], Tensor):
            raise TypeError(f"{text} is not a tensor but a {type(made[-1]).__name__}")
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        return _refused(expression, made, str(error).partition("\n")[0])
    result = made[-1]
    shares = same_storage(x, result)
    return Arranged(text, result, shares, None if shares else _followed(x, expression, result))


def _refused(expression: Expression, made: list[Any], error: str) -> Arranged:
    base, step = made[-1], expression.steps[min(len(made), len(expression.steps)) - 1]
    faults: tuple[int, ...] = ()
    if not isinstance(base, Tensor):
        return Arranged(expression.text, None, False, error=error)
    if step.what == "view" and has_storage(base):
        sizes = (
            step.arguments[0]
            if len(step.arguments) == 1 and isinstance(step.arguments[0], (tuple, list))
            else step.arguments
        )
        if all(isinstance(size, int) for size in sizes):
            asked = asked_shape(base, sizes)
            faults = tuple(merges(base.shape, base.stride(), asked)) if asked is not None else ()
    return Arranged(expression.text, None, False, error=error, refused_on=base, faults=faults)


def _followed(x: Tensor, expression: Expression, result: Tensor) -> Tensor | None:
    """The same expression on a tensor of places, laid out exactly as `x`, tells where each element of the copy came from."""
    if not has_storage(x) or x.is_meta:
        return None
    count = x.untyped_storage().nbytes() // x.element_size()
    if count > FOLLOWED or result.numel() > FOLLOWED:
        return None
    places = torch.arange(count).as_strided(x.shape, x.stride(), x.storage_offset())
    try:
        found = expression.trace(places)[-1]
    except (RuntimeError, IndexError, TypeError, ValueError):
        return None
    # A change of dtype on the way would round places.
    return found if found.dtype is torch.int64 and found.shape == result.shape else None
