"""A network that the learner's own function builds: its arguments can be chosen in the picture, and its own optimizer trains it."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.decision_boundary.inputs import check_model
from dlviz.decision_boundary.record import cross_entropy
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.pending_steps import MAX_STEPS, PendingSteps
from dlviz.kit.validation import is_integer
from dlviz.torchkit.model_copies import GeneratorStates, generators_restored
from dlviz.torchkit.modules import modules

#: Factors by which the choices of a fraction such as a learning rate differ from its default.
_FACTORS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)

#: A network, what trains it, and the states of the random generators after it was built.
Built = tuple[nn.Module, Any, GeneratorStates]


@dataclass(frozen=True)
class Argument:
    """One argument of the function that builds the network.

    Attributes:
        name: its name.
        default: its default value.
        choices: the values that can be chosen in the picture, in order, the default among them; it alone if there are no others.
    """

    name: str
    default: Any
    choices: tuple[Any, ...]

    @property
    def texts(self) -> list[Any]:
        """The choices as numbers, texts, or names of classes and functions."""
        return [plain(value) for value in self.choices]

    def value(self, wanted: Any) -> Any:
        """Return the choice with a name, or `wanted` itself."""
        return next((value for value, text in zip(self.choices, self.texts, strict=True) if text == wanted), wanted)


def is_builder(model: Any) -> bool:
    """Return whether `model` is a function that builds a network.

    Example:
        >>> is_builder(lambda width=4: nn.Linear(2, width)), is_builder(nn.Linear(2, 2)), is_builder(nn.Linear)
        (True, False, False)
    """
    return inspect.isroutine(model) or isinstance(model, functools.partial)


class NetworkBuilder:
    """The learner's function, the present values of its arguments, and the network that it built last.

    Args:
        function: builds a network, and returns it with an optimizer, or with a function of points and labels that makes one training step.
        choices: values of its arguments that can be chosen.

    Attributes:
        arguments: its arguments by name.
        settings: the present values.
        training: steps that are still to be made.
        model: the network that was built last.

    Raises:
        DlvizError: an argument has no default, `choices` do not fit, or the function raises or returns something else.
    """

    def __init__(self, function: Callable[..., Any], choices: Mapping[str, Sequence[Any]] | None) -> None:
        self._function = function
        self.arguments = _arguments(function, choices)
        self.settings = {name: argument.default for name, argument in self.arguments.items()}
        self.training = PendingSteps()
        self._first = GeneratorStates.now()
        self.model, self._trainer, self._stream = self.built(self.settings)

    def check(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of all arguments, those in `wanted` replaced.

        Raises:
            DlvizError: there is no such argument.
        """
        unknown = [name for name in wanted if name not in self.arguments]
        if unknown:
            names = ", ".join(self.arguments) or "–"
            raise DlvizError(message("decision_boundary.refused.setting", got=repr(unknown[0]), names=names))
        return {**self.settings, **{name: self.arguments[name].value(value) for name, value in wanted.items()}}

    def change_optimizer(self, settings: Mapping[str, Any]) -> bool:
        """Set changed values in the optimizer; return whether that is enough, because all of them are options of the optimizer."""
        changed = {name: value for name, value in settings.items() if value != self.settings[name]}
        groups = self.optimizer.param_groups if self.optimizer else []
        if not changed or not groups or not all(name in group for group in groups for name in changed):
            return False
        for group in groups:
            group.update(changed)
        self.settings, self.training.error = dict(settings), ""
        return True

    def use(self, made: Built, settings: Mapping[str, Any]) -> None:
        """Go on with what :meth:`built` returned for some values; no step remains."""
        self.model, self._trainer, self._stream = made
        self.settings = dict(settings)
        self.training.stop()

    def built(self, settings: Mapping[str, Any]) -> Built:
        """Return a new network with what trains it, built from the random numbers that the first one was built from.

        Raises:
            DlvizError: the function raises, or returns something else.
        """
        with generators_restored(self._first):
            try:
                made = self._function(**settings)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                call = ", ".join(f"{name}={plain(value)!r}" for name, value in settings.items())
                raise DlvizError(message("decision_boundary.refused.build_raised", call=call, error=text)) from error
            after = GeneratorStates.now()
        pair = made if isinstance(made, (tuple, list)) and len(made) == 2 else (made, None)
        is_trainer = isinstance(pair[1], torch.optim.Optimizer) or inspect.isroutine(pair[1])
        if not isinstance(pair[0], nn.Module) or not is_trainer:
            kind = " and ".join(type(one).__name__ for one in (made if isinstance(made, (tuple, list)) else [made]))
            raise DlvizError(message("decision_boundary.refused.built", got=kind))
        return check_model(pair[0]), pair[1], after

    def train(
        self, x: Tensor, y: Tensor, labels: Tensor, keep: Callable[[], Any], seconds: float | None = None
    ) -> None:
        """Make the pending steps on all points, in train() mode.

        Args:
            x: the points (N, 2).
            y: their labels as the learner passed them, for a function that makes the steps.
            labels: their labels, int64 (N,), for the cross-entropy whose gradients an optimizer gets.
            keep: keeps a snapshot.
            seconds: limit of the time.

        Raises:
            Exception: what a step raises.
        """
        optimizer = self.optimizer

        def step() -> None:
            if optimizer is None:
                self._trainer(x, y)
                return
            z = self.model(x)
            loss = cross_entropy(z.unsqueeze(1) if z.dim() == 1 else z, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        for module in modules(self.model):
            module.training = True
        with generators_restored(self._stream), torch.enable_grad():
            try:
                self.training.run(step, keep, seconds)
            finally:
                self._stream = GeneratorStates.now()

    def source(self, name: str) -> str:
        """Return the call that builds the present network, as source code, with the names of what it returns."""
        call = ", ".join(f"{key}={_source(value)}" for key, value in self.settings.items())
        return f"net, {'optimizer' if self.optimizer else 'step'} = {name}({call})"

    @property
    def optimizer(self) -> torch.optim.Optimizer | None:
        """The optimizer that the function returned, ``None`` if it returned a function that makes steps."""
        return self._trainer if isinstance(self._trainer, torch.optim.Optimizer) else None


def check_count(count: Any) -> int:
    """Return a number of steps.

    Raises:
        DlvizError: it is not from 1 to :data:`MAX_STEPS`.
    """
    if not is_integer(count) or not 1 <= count <= MAX_STEPS:
        raise DlvizError(message("decision_boundary.refused.count", most=f"{MAX_STEPS:,}", got=repr(count)[:80]))
    return int(count)


def plain(value: Any) -> Any:
    """Return a number, a text, or the name of anything else.

    Example:
        >>> plain(0.5), plain(nn.Tanh), plain(None)
        (0.5, 'Tanh', 'None')
    """
    if isinstance(value, (bool, int, float, str)):
        return value
    return getattr(value, "__name__", None) or str(value)


def _arguments(function: Callable[..., Any], choices: Any) -> dict[str, Argument]:
    parameters = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    missing = [one.name for one in parameters if one.default is one.empty or one.kind is one.POSITIONAL_ONLY]
    if missing:
        raise DlvizError(message("decision_boundary.refused.no_default", name=missing[0]))
    if choices is not None and not isinstance(choices, Mapping):
        raise DlvizError(message("decision_boundary.refused.choices", got=type(choices).__name__))
    given = dict(choices or {})
    names = [one.name for one in parameters]
    for name, values in given.items():
        if name not in names:
            raise DlvizError(
                message("decision_boundary.refused.setting", got=repr(name), names=", ".join(names) or "–")
            )
        if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, range)) or not len(values):
            raise DlvizError(message("decision_boundary.refused.choices_of", name=name, got=repr(values)[:60]))
    return {one.name: _argument(one.name, one.default, given.get(one.name)) for one in parameters}


def _argument(name: str, default: Any, given: Sequence[Any] | None) -> Argument:
    choices = _natural_choices(default) if given is None else list(given)
    if default not in choices:
        choices = sorted([*choices, default]) if isinstance(default, (int, float)) else [default, *choices]
    return Argument(name, default, tuple(choices))


def _natural_choices(default: Any) -> list[Any]:
    """Return the values beside which a default is usually tried."""
    if isinstance(default, bool):
        return [False, True]
    if isinstance(default, int):
        return list(range(min(1, default), max(8, 4 * default) + 1))
    if isinstance(default, float):
        return (
            [float(f"{default * factor:.3g}") for factor in _FACTORS] if default else [0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0]
        )
    return [default]


def _source(value: Any) -> str:
    if isinstance(value, type) and value.__module__.startswith("torch.nn"):
        return f"nn.{value.__name__}"
    return repr(value) if isinstance(value, (bool, int, float, str)) else str(plain(value))
