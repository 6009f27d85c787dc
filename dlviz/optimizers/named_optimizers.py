"""What makes an optimizer: the forms a learner writes, a name for each, and its settings."""

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True)
class Racer:
    """One optimizer of a race.

    Attributes:
        name: what it is called in the picture.
        make: from a list of parameters to a fresh optimizer.
        rate: the learning rate that it is made with.
    """

    name: str
    make: Callable[[list[Tensor]], Optimizer]
    rate: float


def racers(given: Any) -> list[Racer]:
    """Every optimizer of a race, with names that differ.

    Args:
        given: a mapping of names, or a list, of: an optimizer class; (class, dict of its arguments); ``functools.partial(class, …)``;
            or a function of parameters that returns an optimizer.

    Raises:
        DlvizError: something in it is none of these, or torch refuses its arguments.

    Example:
        >>> [one.name for one in racers([torch.optim.Adam, (torch.optim.SGD, dict(lr=0.1, momentum=0.9))])]
        ['Adam', 'SGD momentum=0.9']
    """
    if isinstance(given, Mapping):
        named: list[tuple[str | None, Any]] = [(str(name), one) for name, one in given.items()]
    elif _one(given):
        named = [(None, given)]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        named = [(None, one) for one in given]
    else:
        raise DlvizError(message("optimizers.refused.optimizers", got=_about(given)))
    if not named:
        raise DlvizError(message("optimizers.refused.empty"))
    found = [(name, make, _tried(make, one)) for name, one in named for make in [_maker(one)]]
    labels = [name or label(optimizer) for name, _, optimizer in found]
    return [
        Racer(text, make, float(optimizer.param_groups[0]["lr"]))
        for text, (_, make, optimizer) in zip(_apart(labels), found, strict=True)
    ]


def label(optimizer: Optimizer) -> str:
    """The class, and what sets it apart: "SGD momentum=0.9", "SGD nesterov"."""
    group = optimizer.param_groups[0]
    parts = [type(optimizer).__name__]
    if group.get("nesterov"):
        parts.append("nesterov")
    elif group.get("momentum"):
        parts.append(f"momentum={group['momentum']:g}")
    return " ".join(parts)


def settings(optimizer: Optimizer) -> dict[str, Any]:
    """The arguments of its constructor that are not as torch has them by default; ``lr`` always.

    Example:
        >>> settings(torch.optim.SGD([torch.zeros(2)], lr=0.1, nesterov=True, momentum=0.9))
        {'lr': 0.1, 'momentum': 0.9, 'nesterov': True}
    """
    group = optimizer.param_groups[0]
    known = inspect.signature(type(optimizer).__init__).parameters
    return {
        name: group[name]
        for name, one in known.items()
        if name in group
        and name != "params"
        and (name == "lr" or (group[name] != one.default and group[name] is not None))
    }


def wants_closure(kind: type[Optimizer]) -> bool:
    """Whether ``step`` must be given the loss as a function, as that of L-BFGS must."""
    closure = inspect.signature(kind.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def _one(given: Any) -> bool:
    """Whether this is one optimizer rather than a list of them."""
    pair = isinstance(given, tuple) and len(given) == 2 and inspect.isclass(given[0]) and isinstance(given[1], Mapping)
    return pair or callable(given)


def _maker(one: Any) -> Callable[[list[Tensor]], Optimizer]:
    if not _one(one):
        raise DlvizError(message("optimizers.refused.optimizer", got=_about(one)))
    return functools.partial(one[0], **one[1]) if isinstance(one, tuple) else one


def _tried(make: Callable[[list[Tensor]], Optimizer], one: Any) -> Optimizer:
    try:
        made = make([torch.zeros(2, dtype=torch.float64, requires_grad=True)])
    except Exception as error:
        raise DlvizError(
            message("optimizers.refused.torch", got=_about(one), error=f"{type(error).__name__}: {error}")
        ) from None
    if not isinstance(made, Optimizer):
        raise DlvizError(message("optimizers.refused.optimizer", got=_about(made)))
    if "lr" not in made.param_groups[0]:
        raise DlvizError(message("optimizers.refused.rateless", got=type(made).__name__))
    return made


def _apart(labels: list[str]) -> list[str]:
    """Names that occur twice are numbered."""
    total, seen, found = Counter(labels), Counter[str](), []
    for text in labels:
        seen[text] += 1
        found.append(f"{text} ({seen[text]})" if total[text] > 1 else text)
    return found


def _about(given: Any) -> str:
    if isinstance(given, Optimizer):
        return f"{type(given).__name__}(…), an optimizer that is made already"
    if isinstance(given, tuple) and given and inspect.isclass(given[0]):
        return f"({given[0].__name__}, {', '.join(map(repr, given[1:]))})"
    return given.__name__ if inspect.isclass(given) else repr(given)[:80]
