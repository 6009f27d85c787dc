"""Knobs: named numbers that live in an optimizer, in a module, in a dictionary, in a data loader or behind a function."""

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Knob:
    """One number, or one word of several, that can be turned while a model trains.

    Attributes:
        name: what it is called.
        read: gives its value as it stands.
        write: gives it another.
        low, high: its range.
        log: whether its slider is logarithmic; `low` is then above 0.
        choices: the only values that it takes; empty for any in its range.
        whole: whether it takes whole numbers alone.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]
    low: float
    high: float
    log: bool = False
    choices: tuple[Any, ...] = ()
    whole: bool = False

    def fitted(self, value: Any) -> Any:
        """`value` as this knob takes it.

        Raises:
            DlvizError: it is no number, or not one of the choices, or negative where the logarithm is taken.
        """
        if any(type(value) is type(one) and value == one for one in self.choices):
            return value
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (self.choices and value not in self.choices) or (self.log and value < 0):
            wanted = ", ".join(map(str, self.choices)) or f"{self.low:g} … {self.high:g}"
            raise DlvizError(message("training.refused.value", name=self.name, got=repr(value), wanted=wanted))
        return int(value) if self.whole else float(value)


def knob(
    target: Any,
    *,
    value: Any = None,
    low: float | None = None,
    high: float | None = None,
    log: bool | None = None,
    choices: Sequence[Any] = (),
) -> "Wish":
    """Say more of a knob than what it turns, for ``run.knobs(name=dlviz.knob(…))``.

    Args:
        target: an optimizer, a module, ``(object, "attribute")``, a dictionary that holds it under the knob's name, a data loader, or a
            function of the new value.
        value: where it stands; needed for a function, which cannot be asked.
        low, high: the slider's ends.
        log: whether the slider is logarithmic.
        choices: the only values that it takes: numbers, or words such as "relu" and "tanh".

    Example:
        >>> import torch, dlviz
        >>> opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> run = dlviz.live()
        >>> run.knobs(lr=dlviz.knob(opt, low=0.001, high=1))
        >>> run.settings
        {'lr': 0.1}
    """
    return Wish(target, value, low, high, log, tuple(choices))


@dataclass(frozen=True, eq=False)
class Wish:
    """What :func:`knob` was told."""

    target: Any
    value: Any = None
    low: float | None = None
    high: float | None = None
    log: bool | None = None
    choices: tuple[Any, ...] = ()


#: Range, logarithm and wholeness by the usual names; a range of (a, b) times where the knob stands is marked "times".
_USUAL: dict[str, dict[str, Any]] = {
    "lr": {"low": 1e-3, "high": 1e2, "times": True, "log": True},
    "momentum": {"low": 0.0, "high": 0.99},
    "beta1": {"low": 0.0, "high": 0.99},
    "beta2": {"low": 0.8, "high": 0.9999},
    "weight_decay": {"low": 1e-6, "high": 1.0, "log": True},
    "dropout": {"low": 0.0, "high": 0.9},
}


def bound(name: str, wish: Any) -> Knob:
    """A knob from what ``run.knobs(name=wish)`` was given.

    Raises:
        DlvizError: there is nothing of that name to turn.
    """
    asked = wish if isinstance(wish, Wish) else Wish(wish)
    read, write = _access(name, asked)
    value = read()
    if isinstance(value, (str, bool)):
        return Knob(name, read, write, 0.0, 0.0, choices=_words(name, value, asked.choices))
    usual = dict(_USUAL.get(name, {}))
    whole = isinstance(value, int) and not isinstance(value, bool)
    times = value if usual.pop("times", False) and value else 1.0
    default_low, default_high = (1, 4 * value) if whole else (0.0, 2.0 * value if value else 1.0)
    low = asked.low if asked.low is not None else times * usual.get("low", default_low)
    high = asked.high if asked.high is not None else times * usual.get("high", default_high)
    log = asked.log if asked.log is not None else usual.get("log", False)
    choices = asked.choices
    if whole and name == "batch_size" and not choices and asked.low is None:
        most = max(9, value.bit_length() + 1)
        choices = tuple(sorted({value, *(2**k for k in range(most))}))
    if log and low <= 0:
        raise DlvizError(message("training.refused.log", name=name, low=low))
    if not low < high and not choices:
        raise DlvizError(message("training.refused.range", name=name, low=low, high=high))
    return Knob(name, read, write, min(low, value if value or not log else low), max(high, value), log, choices, whole)


def _words(name: str, value: Any, choices: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a knob that holds no number may be turned to."""
    if isinstance(value, bool):
        return False, True
    if value not in choices:
        raise DlvizError(message("training.refused.words", name=name, got=repr(value)))
    return choices


def _access(name: str, wish: Wish) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    target = wish.target
    if isinstance(target, Optimizer):
        return _of_optimizer(name, target)
    if isinstance(target, DataLoader):
        if not hasattr(target.batch_sampler, "batch_size"):
            raise DlvizError(message("training.refused.loader", name=name))
        return _of_attributes([(target.batch_sampler, "batch_size")])
    if isinstance(target, nn.Module):
        kinds = (nn.modules.dropout._DropoutNd,)
        places: list[tuple[Any, str]] = (
            [(module, "p") for module in target.modules() if isinstance(module, kinds)] if name == "dropout" else []
        )
        if hasattr(target, name) and not places:
            places = [(target, name)]
        if not places:
            raise DlvizError(message("training.refused.module", name=name, kind=type(target).__name__))
        return _of_attributes(places)
    if isinstance(target, MutableMapping):
        if name not in target:
            raise DlvizError(message("training.refused.key", name=name, known=", ".join(map(str, target)) or "-"))
        return (lambda: target[name]), (lambda value: target.__setitem__(name, value))
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[1], str):
        if not hasattr(*target):
            raise DlvizError(
                message("training.refused.attribute", name=name, kind=type(target[0]).__name__, attribute=target[1])
            )
        return _of_attributes([target])
    if callable(target):
        if wish.value is None:
            raise DlvizError(message("training.refused.function", name=name))
        return _of_function(target, wish.value)
    raise DlvizError(message("training.refused.target", name=name, got=type(target).__name__))


def _of_optimizer(name: str, optimizer: Optimizer) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Every parameter group's; groups with values of their own keep their proportions."""

    def groups() -> list[dict[str, Any]]:
        # Loading a state makes new groups.
        return optimizer.param_groups

    if name in ("beta1", "beta2") and "betas" in groups()[0]:
        place = int(name[-1]) - 1

        def write_beta(value: float) -> None:
            for group in groups():
                pair = list(group["betas"])
                pair[place] = value
                group["betas"] = tuple(pair)

        return (lambda: float(groups()[0]["betas"][place])), write_beta
    known = sorted(
        key for key, value in groups()[0].items() if isinstance(value, (int, float)) and not isinstance(value, bool)
    )
    if name not in known:
        raise DlvizError(
            message("training.refused.optimizer", name=name, kind=type(optimizer).__name__, known=", ".join(known))
        )

    def write(value: float) -> None:
        first = groups()[0][name]
        shares = [group[name] / first if first else 1.0 for group in groups()]
        for group, share in zip(groups(), shares, strict=True):
            group[name] = value * share

    return (lambda: float(groups()[0][name])), write


def _of_attributes(places: Sequence[tuple[Any, str]]) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    def write(value: Any) -> None:
        for owner, attribute in places:
            setattr(owner, attribute, value)

    return (lambda: getattr(*places[0])), write


def _of_function(call: Callable[[Any], Any], value: float) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    held = [value]

    def write(new: Any) -> None:
        call(new)
        held[0] = new

    return (lambda: held[0]), write
