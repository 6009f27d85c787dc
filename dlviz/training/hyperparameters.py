"""Hyperparameters that can change during training: values in an optimizer, a module, a dictionary, a data loader or behind a function."""

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

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
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]
    low: float
    high: float
    log: bool = False
    choices: tuple[Any, ...] = ()
    integer: bool = False

    def validated(self, value: Any) -> Any:
        """Return `value` with the type of this hyperparameter.

        Raises:
            DlvizError: it is not a number, not one of the choices, or negative on a logarithmic scale.
        """
        if any(type(value) is type(choice) and value == choice for choice in self.choices):
            return value
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (self.choices and value not in self.choices) or (self.log and value < 0):
            allowed = ", ".join(map(str, self.choices)) or f"{self.low:g} … {self.high:g}"
            raise DlvizError(message("training.refused.value", name=self.name, got=repr(value), allowed=allowed))
        return int(value) if self.integer else float(value)


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
        target: an optimizer, a module, ``(object, "attribute")``, a dictionary with the hyperparameter's name as key, a data loader, or a
            function of the new value.
        value: the current value; required for a function, which cannot be read.
        low, high: the slider's ends.
        log: whether the slider is logarithmic.
        choices: the only allowed values: numbers, or strings such as "relu" and "tanh".

    Example:
        >>> import torch, dlviz
        >>> opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> run = dlviz.live()
        >>> run.knobs(lr=dlviz.knob(opt, low=0.001, high=1))
        >>> run.settings
        {'lr': 0.1}
    """
    return HyperparameterSpec(target, value, low, high, log, tuple(choices))


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
    read, write = _access(name, spec)
    value = read()
    if isinstance(value, (str, bool)):
        return Hyperparameter(name, read, write, 0.0, 0.0, choices=_value_choices(name, value, spec.choices))
    defaults = dict(_DEFAULTS.get(name, {}))
    integer = isinstance(value, int)
    factor = value if defaults.pop("relative", False) and value else 1.0
    default_low, default_high = (1, 4 * value) if integer else (0.0, 2.0 * value if value else 1.0)
    low = spec.low if spec.low is not None else factor * defaults.get("low", default_low)
    high = spec.high if spec.high is not None else factor * defaults.get("high", default_high)
    log = spec.log if spec.log is not None else defaults.get("log", False)
    choices = spec.choices
    if integer and name == "batch_size" and not choices and spec.low is None:
        exponents = max(9, value.bit_length() + 1)
        choices = tuple(sorted({value, *(2**k for k in range(exponents))}))
    if log and low <= 0:
        raise DlvizError(message("training.refused.log_range", name=name, low=low))
    if not low < high and not choices:
        raise DlvizError(message("training.refused.range", name=name, low=low, high=high))
    low, high = min(low, value if value or not log else low), max(high, value)
    return Hyperparameter(name, read, write, low, high, log, choices, integer)


def _value_choices(name: str, value: Any, choices: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the choices of a hyperparameter whose value is a string or a bool."""
    if isinstance(value, bool):
        return False, True
    if value not in choices:
        raise DlvizError(message("training.refused.choices", name=name, got=repr(value)))
    return choices


def _access(name: str, spec: HyperparameterSpec) -> Access:
    """Return the functions that read and write the hyperparameter in its target."""
    target = spec.target
    if isinstance(target, Optimizer):
        return _in_optimizer(name, target)
    if isinstance(target, DataLoader):
        if not hasattr(target.batch_sampler, "batch_size"):
            raise DlvizError(message("training.refused.loader", name=name))
        return _in_attributes([(target.batch_sampler, "batch_size")])
    if isinstance(target, nn.Module):
        return _in_module(name, target)
    if isinstance(target, MutableMapping):
        if name not in target:
            raise DlvizError(message("training.refused.key", name=name, known=", ".join(map(str, target)) or "-"))
        return (lambda: target[name]), (lambda value: target.__setitem__(name, value))
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[1], str):
        if not hasattr(*target):
            kind = type(target[0]).__name__
            raise DlvizError(message("training.refused.attribute", name=name, kind=kind, attribute=target[1]))
        return _in_attributes([target])
    if callable(target):
        if spec.value is None:
            raise DlvizError(message("training.refused.function", name=name))
        return _in_function(target, spec.value)
    raise DlvizError(message("training.refused.target", name=name, got=type(target).__name__))


def _in_module(name: str, module: nn.Module) -> Access:
    """Access the probability of every dropout layer, or else the module's attribute of that name."""
    dropouts = [layer for layer in module.modules() if isinstance(layer, nn.modules.dropout._DropoutNd)]
    if name == "dropout" and dropouts:
        return _in_attributes([(layer, "p") for layer in dropouts])
    if hasattr(module, name):
        return _in_attributes([(module, name)])
    raise DlvizError(message("training.refused.module", name=name, kind=type(module).__name__))


def _in_optimizer(name: str, optimizer: Optimizer) -> Access:
    """Access the value in every parameter group; groups with different values keep their ratios."""

    def groups() -> list[dict[str, Any]]:
        # Read each time, because load_state_dict() replaces the groups.
        return optimizer.param_groups

    if name in ("beta1", "beta2") and "betas" in groups()[0]:
        index = int(name[-1]) - 1

        def write_beta(value: float) -> None:
            for group in groups():
                betas = list(group["betas"])
                betas[index] = value
                group["betas"] = tuple(betas)

        return (lambda: float(groups()[0]["betas"][index])), write_beta
    known = sorted(
        key for key, value in groups()[0].items() if isinstance(value, (int, float)) and not isinstance(value, bool)
    )
    if name not in known:
        kind = type(optimizer).__name__
        raise DlvizError(message("training.refused.optimizer", name=name, kind=kind, known=", ".join(known)))

    def write(value: float) -> None:
        first = groups()[0][name]
        ratios = [group[name] / first if first else 1.0 for group in groups()]
        for group, ratio in zip(groups(), ratios, strict=True):
            group[name] = value * ratio

    return (lambda: float(groups()[0][name])), write


def _in_attributes(attributes: Sequence[tuple[Any, str]]) -> Access:
    def write(value: Any) -> None:
        for owner, attribute in attributes:
            setattr(owner, attribute, value)

    return (lambda: getattr(*attributes[0])), write


def _in_function(function: Callable[[Any], Any], value: Any) -> Access:
    current = [value]

    def write(new: Any) -> None:
        function(new)
        current[0] = new

    return (lambda: current[0]), write
