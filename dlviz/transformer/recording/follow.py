"""Follows attention written by hand, function by function: which rule applies to a tensor's tag."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dlviz.transformer.recording.provenance import (
    ARRANGING,
    KEEPING,
    Arguments,
    Exponentials,
    Function,
    Keywords,
    Scaled,
    Scores,
    Weights,
    arrange,
    number_in,
)


def scores_after(
    name: str, function: Function, tag: Scores, tagged: Tensor, args: Arguments, kwargs: Keywords, output: Any
) -> Scores | Exponentials | Weights | None:
    """Return the tag of a function's result from that of the scores among its arguments; ``None`` if it is no part of attention.

    Args:
        name: the function's name.
        function: the function.
        tag, tagged: the scores' tag, and the scores.
        args, kwargs: the function's arguments.
        output: its result.
    """
    if name == "setitem":
        return _assigned(tag, args)
    if not isinstance(output, Tensor):
        return None
    if name in ARRANGING:
        return tag.arranged(function, args, kwargs, output)
    if name in KEEPING:
        return tag
    if name == "softmax":
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        return Weights(tag, output.clone()) if _is_last(dim, output.dim()) else None
    if name == "exp":
        return Exponentials(tag)
    factor, rule = factor_of(name, function, tagged, args, kwargs), _RULES.get(name)
    moved = tag.broadcast(output.shape) if factor or rule else None
    if moved is None or "rsub" in function.__name__:  # which turns the scores' sign
        return None
    if factor:
        return moved.times(factor)
    return rule(moved, tagged, args, kwargs) if rule else None


def exponentials_after(
    name: str, function: Function, tag: Exponentials, args: Arguments, kwargs: Keywords, output: Any, divisor: Any
) -> Exponentials | Weights | None:
    """Return the tag of a function's result from that of the exponentials it was given; divided by their sums they are the weights.

    Args:
        name, function, tag, args, kwargs, output: as for :func:`scores_after`.
        divisor: tag of the second argument, ``None`` without one.
    """
    if not isinstance(output, Tensor):
        return None
    if name in KEEPING and name != "nan_to_num":
        return tag
    if tag.summed:
        return tag if name in ARRANGING else None
    if name in ARRANGING:
        scores = tag.scores.arranged(function, args, kwargs, output)
        return Exponentials(scores) if scores else None
    if name == "masked_fill" and number_in(argument(args, kwargs, 2, "value")) == 0:
        return Exponentials(tag.scores.without(argument(args, kwargs, 1, "mask").bool(), -torch.inf))
    if name == "sum" and _is_last(argument(args, kwargs, 1, "dim"), args[0].dim()):
        return Exponentials(tag.scores, summed=True)
    is_softmax = isinstance(divisor, Exponentials) and divisor.summed and divisor.scores is tag.scores
    return Weights(tag.scores, output.clone()) if name in ("div", "divide", "true_divide") and is_softmax else None


def weights_after(
    name: str, function: Function, tag: Weights, args: Arguments, kwargs: Keywords, output: Any
) -> Weights | None:
    """Return the tag of a function's result from that of the weights it was given; ``None`` if they are weights no more."""
    if not isinstance(output, Tensor):
        return None
    if name in ARRANGING:
        scores = None if tag.is_transposed else tag.scores.arranged(function, args, kwargs, output)
        if scores:
            return Weights(scores, arrange(function, tag.probs, args, kwargs), tag.dropout)
        return replace(tag, is_transposed=not tag.is_transposed) if _transposes(function, args, kwargs) else None
    if name == "nan_to_num" or (name == "masked_fill" and number_in(argument(args, kwargs, 2, "value")) == 0):
        return None if tag.dropout or tag.is_transposed else Weights(tag.scores, output.clone())
    if name in KEEPING:
        return tag
    if name == "dropout":
        p = float(argument(args, kwargs, 1, "p", 0.5))
        training = bool(argument(args, kwargs, 2, "training", argument(args, kwargs, 2, "train", True)))
        return replace(tag, dropout=1 - (1 - tag.dropout) * (1 - p)) if training else tag
    return None


def scaled_after(
    name: str, function: Function, tensors: Sequence[Tensor], args: Arguments, kwargs: Keywords, tag: Any
) -> Scaled | None:
    """Return the tag of a tensor times a number, whether it is multiplied now or was before."""
    before = tag.factor if isinstance(tag, Scaled) else 1.0
    if name in ARRANGING or name in KEEPING:
        return tag
    factor = factor_of(name, function, max(tensors, key=Tensor.numel), args, kwargs)
    return Scaled(before * factor) if factor else None


def argument(args: Arguments, kwargs: Keywords, i: int, name: str, default: Any = None) -> Any:
    """Return the argument at a position or of a name."""
    return args[i] if len(args) > i else kwargs.get(name, default)


def factor_of(name: str, function: Function, x: Tensor, args: Arguments, kwargs: Keywords) -> float | None:
    """Return the positive number that a tensor is multiplied by in a product or quotient, ``None`` in other functions.

    A quotient that is rounded is another function.

    Example:
        >>> x = torch.ones(2)
        >>> factor_of("div", torch.Tensor.div, x, (x, 4), {}), factor_of("mul", torch.Tensor.mul, x, (x, x), {})
        (0.25, None)
    """
    multiplied, divided = name in ("mul", "multiply"), name in ("div", "divide", "true_divide")
    if (
        not (multiplied or divided)
        or kwargs
        or len(args) != 2
        or (divided and (x is not args[0] or "__r" in function.__name__))
    ):
        return None
    factor = number_in(args[1] if x is args[0] else args[0])
    if factor is None or factor <= 0:
        return None
    return factor if multiplied else 1 / factor


def _transposes(function: Function, args: Arguments, kwargs: Keywords) -> bool:
    """Return whether a function of :data:`ARRANGING` exchanges the last two dimensions of its first argument, and no others."""
    x = args[0]
    before = torch.arange(x.numel(), device=x.device).view(x.shape)
    after = arrange(function, before, args, kwargs)
    return isinstance(after, Tensor) and x.dim() > 1 and torch.equal(after, before.mT)


def _is_last(dim: Any, dims: int) -> bool:
    """Return whether an argument `dim` names the last dimension, and only that."""
    one = dim[0] if isinstance(dim, (list, tuple)) and len(dim) == 1 else dim
    return isinstance(one, int) and one % dims == dims - 1


def _added(tag: Scores, tagged: Tensor, args: Arguments, kwargs: Keywords) -> Scores | None:
    other = next((x for x in args if x is not tagged), None)
    if kwargs or other is None:  # scores + scores
        return None
    return tag.plus(other) if isinstance(other, Tensor) else tag


def _subtracted(tag: Scores, tagged: Tensor, args: Arguments, kwargs: Keywords) -> Scores | None:
    if kwargs or args[0] is not tagged:
        return None
    return tag.plus(-args[1]) if isinstance(args[1], Tensor) else tag


def _filled(tag: Scores, tagged: Tensor, args: Arguments, kwargs: Keywords) -> Scores | None:
    hidden, value = argument(args, kwargs, 1, "mask"), number_in(argument(args, kwargs, 2, "value"))
    return None if value is None else tag.without(hidden.bool(), value)


def _chosen(tag: Scores, tagged: Tensor, args: Arguments, kwargs: Keywords) -> Scores | None:
    condition, yes, no = (argument(args, kwargs, i, name) for i, name in enumerate(("condition", "input", "other")))
    if condition is tagged:  # scores.where(condition, other)
        condition, yes = yes, tagged
    value = number_in(no if yes is tagged else yes, repeated=True)
    if value is None or not isinstance(condition, Tensor):
        return None
    return tag.without(~condition if yes is tagged else condition, value)


def _assigned(tag: Scores, args: Arguments) -> Scores | None:
    value = number_in(args[2])
    if value is None:
        return None
    hidden = torch.zeros(tag.shape, dtype=torch.bool, device=tag.rows.device)
    hidden[args[1]] = True
    return tag.without(hidden, value)


_RULES = {"add": _added, "sub": _subtracted, "subtract": _subtracted, "masked_fill": _filled, "where": _chosen}
