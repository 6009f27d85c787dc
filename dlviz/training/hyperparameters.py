"""Hyperparameters that can change during training: values in an optimizer, a module, a dictionary, a data loader or behind a function."""

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data import DataLoader

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_iterable
from dlviz.torchkit import modules

Access = tuple[Callable[[], Any], Callable[[Any], None]]


@dataclass(frozen=True, eq=False)
class Hyperparameter:
    """A number, or one of several choices, that can be changed while a model trains.

    Attributes:
        name: its name.
        read: returns the current value.
        write: sets another value.
        low, high: ends of the range.
        log: whether its slider is logarithmic; `low` is then above 0.
        choices: the only allowed values; empty if any value in the range is allowed.
        integer: whether only integers are allowed.
        zero: whether the left end of a logarithmic slider means 0.
        infinite: whether infinity is allowed, which the slider's right end then means; a hyperparameter may stand there to be off.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]
    low: float
    high: float
    log: bool = False
    choices: tuple[Any, ...] = ()
    integer: bool = False
    zero: bool = False
    infinite: bool = False

    def widened(self, value: Any) -> "Hyperparameter":
        """Return this hyperparameter with a range that holds `value`, with some space beyond it."""
        if self.choices or not is_finite(value) or self.low <= value <= self.high or (self.log and value <= 0):
            return self
        beyond = 10.0 if self.log else 1.5
        if value > self.high:
            return replace(self, high=value * beyond if value > 0 else 0.0)
        return replace(self, low=value / beyond if self.log else value * beyond if value < 0 else 0.0)

    def validated(self, value: Any) -> Any:
        """Return `value` with the type of this hyperparameter.

        Raises:
            DlvizError: it is not a number, not one of the choices, or negative on a logarithmic scale.
        """
        if any(type(value) is type(choice) and value == choice for choice in self.choices):
            return value
        value = plain(value)
        number = is_finite(value) or (self.infinite and value == math.inf)
        if not number or (self.choices and value not in self.choices) or (self.log and value < 0):
            allowed = ", ".join(map(str, self.choices)) or f"{self.low:g} … {self.high:g}"
            raise DlvizError(message("training.refused.value", name=self.name, got=repr(value), allowed=allowed))
        return int(value) if self.integer and math.isfinite(value) else float(value)


@dataclass(frozen=True, eq=False)
class HyperparameterSpec:
    """The arguments of :func:`knob`."""

    target: Any
    value: Any = None
    low: float | None = None
    high: float | None = None
    log: bool | None = None
    choices: tuple[Any, ...] = ()


def knob(
    target: Any,
    *,
    value: Any = None,
    low: float | None = None,
    high: float | None = None,
    log: bool | None = None,
    choices: Sequence[Any] = (),
) -> HyperparameterSpec:
    """Specify the range or the choices of a hyperparameter, for ``run.knobs(name=dlviz.knob(…))``.

    Args:
        target: an optimizer, a module, ``(object, "attribute")``, ``(optimizer, "lr")``, a dictionary with the hyperparameter's name as
            key, a data loader, or a function of the new value.
        value: the current value; required for a function, which cannot be read.
        low, high: the slider's ends.
        log: whether the slider is logarithmic.
        choices: the only allowed values: numbers, or strings such as "relu" and "tanh".

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> run = dlviz.live()
        >>> run.knobs(lr=dlviz.knob(opt, low=0.001, high=1))
        >>> run.settings
        {'lr': 0.1}
    """
    if not is_iterable(choices):
        raise DlvizError(message("training.refused.choice_list", got=type(choices).__name__))
    low, high = _range_end("low", low), _range_end("high", high)
    if log is not None and not isinstance(log, (bool, np.bool_)):
        raise DlvizError(message("training.refused.knob_log", got=repr(log)[:80]))
    return HyperparameterSpec(target, value, low, high, log, tuple(choices))


def _range_end(name: str, value: Any) -> float | None:
    """Return an end of a slider as a number of Python.

    Raises:
        DlvizError: it is no finite number.
    """
    number = plain(value)
    if number is not None and not is_finite(number):
        raise DlvizError(message("training.refused.knob_range", name=name, got=repr(value)[:80]))
    return number


#: Default range and scale of the usual hyperparameters; with "relative" the range is a multiple of the current value.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "lr": {"low": 1e-3, "high": 1e2, "relative": True, "log": True},
    "momentum": {"low": 0.0, "high": 0.99},
    "beta1": {"low": 0.0, "high": 0.99},
    "beta2": {"low": 0.8, "high": 0.9999},
    "weight_decay": {"low": 1e-6, "high": 1.0, "log": True},
    "dropout": {"low": 0.0, "high": 0.9},
}


def bind(name: str, target: Any) -> Hyperparameter:
    """Return the hyperparameter for an argument of ``run.knobs(name=target)``.

    Raises:
        DlvizError: the target has no hyperparameter of that name.
    """
    spec = target if isinstance(target, HyperparameterSpec) else HyperparameterSpec(target)
    key, target = _in_target(name, spec.target)
    raw_read, write = _access(key, target, spec.value)

    def read() -> Any:
        return plain(raw_read())

    value = read()
    if isinstance(value, (str, bool)):
        return Hyperparameter(name, read, write, 0.0, 0.0, choices=_value_choices(name, value, spec.choices))
    if not isinstance(value, (int, float)):
        raise DlvizError(message("training.refused.kind", name=name, got=repr(value)[:80]))
    defaults = dict(_DEFAULTS.get(key, {}))
    integer = isinstance(value, int)
    usual = _usual(key, target, value)
    factor = usual if defaults.pop("relative", False) and usual else 1.0
    default_low, default_high = (1, 4 * abs(usual) or 10) if integer else (0.0, 2.0 * abs(usual) or 1.0)
    if usual < 0:
        default_low, default_high = -default_high, 0
    low = spec.low if spec.low is not None else factor * defaults.get("low", default_low)
    high = spec.high if spec.high is not None else factor * defaults.get("high", default_high)
    log = spec.log if spec.log is not None else defaults.get("log", False)
    choices = spec.choices
    if isinstance(value, int) and key == "batch_size" and not choices and spec.low is None:
        exponents = max(9, value.bit_length() + 1)
        choices = tuple(sorted({value, *(2**k for k in range(exponents))}))
    if log and low <= 0:
        raise DlvizError(message("training.refused.log_range", name=name, low=low))
    if not low < high and not choices:
        raise DlvizError(message("training.refused.range", name=name, low=low, high=high))
    inside = [low, high, *([value] if math.isfinite(value) and (value > 0 or not log) else [])]
    zero = log and key != "lr"
    return Hyperparameter(name, read, write, min(inside), max(inside), log, choices, integer, zero, value == math.inf)


def plain(value: Any) -> Any:
    """Return a tensor or an array of one number as that number, and anything else as it is.

    Example:
        >>> plain(torch.tensor(3)), plain(np.float64(0.5)), plain("relu")
        (3, 0.5, 'relu')
    """
    one = isinstance(value, Tensor) and value.numel() == 1 and not value.is_meta
    return (
        value.item()
        if one or isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1)
        else value
    )


def _usual(name: str, target: Any, value: Any) -> Any:
    """Return the value around which a slider's range lies: for a learning rate in its warm-up the one to which it rises."""
    optimizer = _optimizer_of(target)
    if optimizer is not None:
        initial = [
            plain(group["initial_lr"]) for group in optimizer.param_groups if name == "lr" and "initial_lr" in group
        ]
        candidates = [*initial, value, plain(optimizer.defaults.get(name))]
    else:
        candidates = [value]
    return next((one for one in candidates if is_finite(one) and one), 0)


def _optimizer_of(target: Any) -> Optimizer | None:
    """Return an optimizer, or that of a learning rate scheduler."""
    if isinstance(target, Optimizer):
        return target
    scheduled = getattr(target, "optimizer", None) if isinstance(target, (LRScheduler, ReduceLROnPlateau)) else None
    return scheduled if isinstance(scheduled, Optimizer) else None


def _value_choices(name: str, value: Any, choices: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the choices of a hyperparameter whose value is a string or a bool."""
    if isinstance(value, bool):
        return False, True
    if value not in choices:
        raise DlvizError(message("training.refused.choices", name=name, got=repr(value)))
    return choices


def _in_target(name: str, target: Any) -> tuple[str, Any]:
    """Return the hyperparameter's name in its target, and the target; for ``(optimizer, "lr")`` and ``(dictionary, "key")`` the pair's."""
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[1], str):
        owner, key = target
        is_scheduled = _optimizer_of(owner) is not None and not hasattr(owner, key)
        if is_scheduled or isinstance(owner, MutableMapping):
            return key, owner
    return name, target


def _access(name: str, target: Any, current: Any) -> Access:
    """Return the functions that read and write the hyperparameter in its target.

    Args:
        name: its name there.
        target: what it is bound to.
        current: its value, if the target is a function.
    """
    optimizer = _optimizer_of(target)
    if optimizer is not None:
        return _in_optimizer(name, optimizer)
    if isinstance(target, DataLoader):
        if not hasattr(target.batch_sampler, "batch_size"):
            raise DlvizError(message("training.refused.loader", name=name))
        return _in_attributes([(target.batch_sampler, "batch_size")])
    if isinstance(target, nn.Module):
        return _in_module(name, target)
    if isinstance(target, MutableMapping):
        if name not in target:
            raise DlvizError(message("training.refused.key", name=name, known=", ".join(map(str, target)) or "-"))
        return (lambda: target[name]), (lambda value: target.__setitem__(name, _like(target[name], value)))
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[1], str):
        if not hasattr(*target):
            kind = type(target[0]).__name__
            raise DlvizError(message("training.refused.attribute", name=name, kind=kind, attribute=target[1]))
        return _in_attributes([target])
    if callable(target):
        if current is None:
            raise DlvizError(message("training.refused.function", name=name))
        return _in_function(target, current)
    raise DlvizError(message("training.refused.target", name=name, got=type(target).__name__))


def _in_module(name: str, module: nn.Module) -> Access:
    """Access the probability of every dropout layer, or else the module's attribute of that name."""
    dropouts = [layer for layer in modules.modules(module) if isinstance(layer, nn.modules.dropout._DropoutNd)]
    if name == "dropout" and dropouts:
        return _in_attributes([(layer, "p") for layer in dropouts])
    if hasattr(module, name):
        return _in_attributes([(module, name)])
    raise DlvizError(message("training.refused.module", name=name, kind=type(module).__name__))


def _like(old: Any, value: Any) -> Any:
    """Return `value`, or, where a tensor stands, that tensor with the value in it: compiled and captured code keeps hold of it."""
    if not isinstance(old, Tensor):
        return value
    with torch.no_grad():
        return old.fill_(value)


def _in_optimizer(name: str, optimizer: Optimizer) -> Access:
    """Access the value in every parameter group; groups with different values keep their ratios, even through 0."""

    def groups() -> list[dict[str, Any]]:
        # Read each time, because load_state_dict() replaces the groups.
        return optimizer.param_groups

    if name in ("beta1", "beta2") and "betas" in groups()[0]:
        index = int(name[-1]) - 1

        def write_beta(value: float) -> None:
            for group in groups():
                betas = list(group["betas"])
                betas[index] = _like(betas[index], value)
                group["betas"] = tuple(betas)

        return (lambda: float(groups()[0]["betas"][index])), write_beta
    known = sorted(
        key
        for key, value in groups()[0].items()
        if isinstance(plain(value), (int, float)) and not isinstance(plain(value), bool)
    )
    if name not in known:
        kind = type(optimizer).__name__
        raise DlvizError(message("training.refused.optimizer", name=name, kind=kind, known=", ".join(known)))

    def values() -> list[float]:
        return [float(group[name]) for group in groups()]

    ratios = _Ratios(values())
    if name == "lr":
        ratios.note([float(group.get("initial_lr", value)) for group, value in zip(groups(), values(), strict=True)])

    def read() -> float:
        return values()[ratios.reference(values())]

    def write(value: float) -> None:
        for group, ratio in zip(groups(), ratios.of(values()), strict=True):
            group[name] = _like(group[name], value * ratio)

    return read, write


class _Ratios:
    """Ratios of a value between parameter groups, kept while all of them are 0."""

    def __init__(self, values: Sequence[float]) -> None:
        self._kept = [1.0] * len(values)
        self._reference = 0
        self.note(values)

    def note(self, values: Sequence[float]) -> None:
        """Keep the ratios of these values to the first one that is not 0."""
        reference = next((index for index, value in enumerate(values) if value and math.isfinite(value)), None)
        if reference is not None:
            self._reference = reference
            self._kept = [value / values[reference] for value in values]

    def of(self, values: Sequence[float]) -> list[float]:
        """Return the ratios of the current values, or, where these are all 0, of the last ones that were not."""
        self.note(values)
        return [*self._kept, *([1.0] * len(values))][: len(values)]

    def reference(self, values: Sequence[float]) -> int:
        """Return the index of the group that stands for all."""
        self.note(values)
        return min(self._reference, len(values) - 1)


def _in_attributes(attributes: Sequence[tuple[Any, str]]) -> Access:
    def write(value: Any) -> None:
        for owner, attribute in attributes:
            setattr(owner, attribute, _like(getattr(owner, attribute), value))

    return (lambda: getattr(*attributes[0])), write


def _in_function(function: Callable[[Any], Any], value: Any) -> Access:
    current = [value]

    def write(new: Any) -> None:
        function(new)
        current[0] = new

    return (lambda: current[0]), write
