"""How the input moves the output of an attention call, through autograd."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.nested import map_tensors, tensors_in
from dlviz.transformer.record import run
from dlviz.transformer.recording.recorder import AttentionRecorder


def input_gradient(
    module: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    call: int = 0,
    sequence: int = 0,
    position: int = -1,
    units: Sequence[int] | None = None,
) -> Tensor:
    """Compute ∂ output of an attention call at one query by the module's first floating-point input, (units, *input.shape).

    Its norm over all dimensions but that of the positions says how much each position of the input moves that query's output.

    Args:
        module: any module or function.
        args, kwargs: its arguments.
        call: the index of the call in ``record(module, *args, **kwargs).calls``.
        sequence: the index of the sequence in the call's batch.
        position: the query's position.
        units: which numbers of the output, all of them by default; there is one backward pass for each.

    Raises:
        DlvizError: no input is floating-point, or there is no such call, sequence, position or unit.

    Example:
        >>> attention = torch.nn.MultiheadAttention(4, 2, batch_first=True)
        >>> x = torch.randn(1, 3, 4)
        >>> input_gradient(attention, (x, x, x)).shape
        torch.Size([4, 1, 3, 4])
    """
    given = [*args, *(kwargs or {}).values()]
    x = next((one for one in tensors_in(*given) if one.is_floating_point()), None)
    if x is None:
        raise DlvizError(
            message("transformer.refused.floating", got=", ".join(str(one.dtype) for one in tensors_in(*given)))
        )
    leaf = x.detach().clone().requires_grad_()

    def exchanged(one: Tensor) -> Tensor:
        return leaf if one is x else one

    arguments = map_tensors(exchanged, tuple(args)), map_tensors(exchanged, dict(kwargs or {}))
    calls = run(AttentionRecorder(module), module, *arguments, grad=True).calls
    output = calls[_checked("call", call, len(calls))].output
    row = output[_checked("sequence", sequence, len(output))]
    row = row[_checked("position", position, len(row))]
    chosen = range(len(row)) if units is None else [_checked("unit", unit, len(row)) for unit in units]
    rows = [torch.autograd.grad(row[unit], leaf, retain_graph=True, allow_unused=True)[0] for unit in chosen]
    return torch.stack([torch.zeros_like(leaf) if one is None else one for one in rows])


def _checked(name: str, index: int, count: int) -> int:
    if index not in range(-count, count):
        raise DlvizError(
            message("transformer.refused.index", name=f"input_gradient: {name}", count=count, last=count - 1, got=index)
        )
    return index
