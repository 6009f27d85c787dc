"""The ways to specify optimizers for a race, with a name and the settings of each."""

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_iterable


@dataclass(frozen=True)
class NamedOptimizer:
    """One optimizer of a race.

    Attributes:
        name: its name in the picture.
        make: function from a list of parameters to a new optimizer.
        lr: the learning rate that it is created with.
    """

    name: str
    make: Callable[[list[Tensor]], Optimizer]
    lr: float


def named_optimizers(optimizers: Any) -> list[NamedOptimizer]:
    """Return every optimizer of a race, each with a unique name.

    Args:
        optimizers: a mapping of names, or a list, of: an optimizer class; (class, dict of its arguments);
            ``functools.partial(class, …)``; or a function of parameters that returns an optimizer.

    Raises:
        DlvizError: an item is none of these, or torch refuses its arguments.

    Example:
        >>> [one.name for one in named_optimizers([torch.optim.Adam, (torch.optim.SGD, dict(lr=0.1, momentum=0.9))])]
        ['Adam', 'SGD momentum=0.9']
    """
    if isinstance(optimizers, Mapping):
        items: list[tuple[str | None, Any]] = [(str(name), item) for name, item in optimizers.items()]
    elif _is_single(optimizers):
        items = [(None, optimizers)]
    elif is_iterable(optimizers) and not isinstance(optimizers, str):
        items = [(None, item) for item in optimizers]
    else:
        raise DlvizError(message("optimizers.refused.optimizers", got=_describe(optimizers)))
    if not items:
        raise DlvizError(message("optimizers.refused.empty"))
    made = [(name, make, _try_out(make, item)) for name, item in items for make in [_factory(item)]]
    names = _numbered([name or default_name(optimizer) for name, _, optimizer in made])
    return [
        NamedOptimizer(name, make, float(optimizer.param_groups[0]["lr"]))
        for name, (_, make, optimizer) in zip(names, made, strict=True)
    ]


def default_name(optimizer: Optimizer) -> str:
    """Return the class and its kind of momentum: "SGD momentum=0.9", "SGD nesterov"."""
    group = optimizer.param_groups[0]
    parts = [type(optimizer).__name__]
    if group.get("nesterov"):
        parts.append("nesterov")
    elif group.get("momentum"):
        parts.append(f"momentum={group['momentum']:g}")
    return " ".join(parts)


def settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return the constructor arguments that differ from torch's defaults; ``lr`` always.

    Example:
        >>> settings(torch.optim.SGD([torch.zeros(2)], lr=0.1, nesterov=True, momentum=0.9))
        {'lr': 0.1, 'momentum': 0.9, 'nesterov': True}
    """
    group = optimizer.param_groups[0]
    parameters = inspect.signature(type(optimizer).__init__).parameters
    return {
        name: group[name]
        for name, parameter in parameters.items()
        if name in group
        and name != "params"
        and (name == "lr" or (group[name] != parameter.default and group[name] is not None))
    }


def requires_closure(cls: type[Optimizer]) -> bool:
    """Return whether ``step`` must be called with a closure that computes the loss, as for L-BFGS."""
    closure = inspect.signature(cls.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def _is_single(item: Any) -> bool:
    """Return whether this is one optimizer rather than a list of them."""
    pair = isinstance(item, tuple) and len(item) == 2 and inspect.isclass(item[0]) and isinstance(item[1], Mapping)
    return pair or callable(item)


def _factory(item: Any) -> Callable[[list[Tensor]], Optimizer]:
    if not _is_single(item):
        raise DlvizError(message("optimizers.refused.optimizer", got=_describe(item)))
    return functools.partial(item[0], **item[1]) if isinstance(item, tuple) else item


def _try_out(make: Callable[[list[Tensor]], Optimizer], item: Any) -> Optimizer:
    try:
        optimizer = make([torch.zeros(2, dtype=torch.float64, requires_grad=True)])
    except Exception as error:
        raise DlvizError(
            message("optimizers.refused.torch", got=_describe(item), error=f"{type(error).__name__}: {error}")
        ) from None
    if not isinstance(optimizer, Optimizer):
        raise DlvizError(message("optimizers.refused.optimizer", got=_describe(optimizer)))
    if "lr" not in optimizer.param_groups[0]:
        raise DlvizError(message("optimizers.refused.no_lr", got=type(optimizer).__name__))
    return optimizer


def _numbered(names: list[str]) -> list[str]:
    """Return the names, numbered where one occurs more than once."""
    total, seen, unique = Counter(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        unique.append(f"{name} ({seen[name]})" if total[name] > 1 else name)
    return unique


def _describe(item: Any) -> str:
    if isinstance(item, Optimizer):
        return f"{type(item).__name__}(…), an optimizer that is made already"
    if isinstance(item, tuple) and item and inspect.isclass(item[0]):
        return f"({item[0].__name__}, {', '.join(map(repr, item[1:]))})"
    return item.__name__ if inspect.isclass(item) else repr(item)[:80]
