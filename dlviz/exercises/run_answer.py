"""Run a learner's code on one case, record the outcome, and compare two outcomes.

What stops the learner's code is kept apart from what goes wrong while its result is checked: only the former is a failure.
"""

import copy
import inspect
import random
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor, nn
from torch.backends import cudnn
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _len_torch_function_stack,
    _pop_mode,
    _push_mode,
)
from torch.utils import _device

from dlviz.exercises.compare import Difference, difference, format_value, shorten
from dlviz.exercises.time_limit import TimeUpError, interruptible
from dlviz.kit.messages import message

LIBRARIES = (str(Path(__file__).parent), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))


@dataclass(frozen=True)
class Failure:
    """Exception from the learner's code: its type, its message, and the learner's own line where it was raised."""

    kind: str
    message: str
    line: int | None
    code: str

    def text(self) -> str:
        """Return a sentence about the exception, without the traceback."""
        key = {"RecursionError": "recursion", "SystemExit": "exit"}.get(self.kind, "stopped" if self.line else "called")
        if "leaf Variable that requires grad is being used in an in-place operation" in self.message:
            key = "in_place"
        error = f"{self.kind}: {self.message}" if self.message else self.kind
        return message(f"exercises.raised.{key}", error=error, at=self.place(), depth=sys.getrecursionlimit())

    def place(self) -> str:
        """Return the learner's line in parentheses, if there is one."""
        if not self.line:
            return ""
        return message(f"exercises.raised.{'code' if self.code else 'line'}", line=self.line, code=self.code)


@dataclass(frozen=True)
class Outcome:
    """Outcome of one call: its value, or a failure; the inputs it was given; and the name of the input that it changed."""

    value: Any = None
    inputs: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    changed: str = ""

    @cached_property
    def gradients(self) -> dict[str, Tensor | None]:
        """The gradient of a fixed weighted sum of all outputs at every input that requires one, by name.

        Computed when it is first compared, and only between outcomes of equal values. torch may raise an exception here.
        """
        values = self.value if isinstance(self.value, (tuple, list)) else [self.value]
        outputs = [out for out in values if isinstance(out, Tensor) and out.requires_grad]
        wanted = {name: x for name, x in self.inputs.items() if isinstance(x, Tensor) and x.requires_grad}
        if not outputs or not wanted:
            return {}
        weights = [torch.linspace(0.5, 1.5, out.numel()).to(out).reshape(out.shape) for out in outputs]
        # Two results may share a graph: it is kept for the other.
        found = torch.autograd.grad(outputs, list(wanted.values()), weights, allow_unused=True, retain_graph=True)
        return dict(zip(wanted, found, strict=True))


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Seed torch's, NumPy's and Python's random number generators inside, with torch's settings at their defaults.

    The generators' states and the settings (see :func:`settings_restored`) are restored afterwards.
    """
    python, legacy = random.getstate(), np.random.get_state()
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpus), settings_restored(), torch.enable_grad():
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also seed a GPU that is not in use yet
        if gpus:
            torch.cuda.manual_seed_all(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


#: Functions that return and set what holds for the whole process.
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (lambda: cudnn.deterministic, lambda value: setattr(cudnn, "deterministic", value)),
    (lambda: cudnn.benchmark, lambda value: setattr(cudnn, "benchmark", value)),
    (sys.getrecursionlimit, sys.setrecursionlimit),
)


@contextmanager
def settings_restored() -> Iterator[None]:
    """Compute in float32 on the CPU inside, and restore afterwards what code may have changed for the whole process.

    Restored are the default dtype and device, deterministic algorithms, the number of threads, anomaly detection, autocast, NumPy's
    handling of errors, the filters of warnings, the recursion limit and the standard streams, which cannot be closed inside.
    """
    before = [get() for get, _ in _SETTINGS]
    with (
        warnings.catch_warnings(),
        np.errstate(),
        redirect_stdout(_unclosable(sys.stdout)),
        redirect_stderr(_unclosable(sys.stderr)),
        torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled()),
        torch.autocast("cpu", enabled=False),
        _on_cpu(),
    ):
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            for (get, set_), value in zip(_SETTINGS, before, strict=True):
                if get() != value:
                    set_(value)


@contextmanager
def _on_cpu() -> Iterator[None]:
    """Make the CPU the default device inside, and restore the device and all of torch's function modes afterwards.

    ``with torch.device("cpu")`` would not do: torch.set_default_device inside changes the stack that it expects to find.
    """
    modes, current = _get_current_function_mode_stack(), _device.CURRENT_DEVICE
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    _set_modes([mode for mode in modes if not isinstance(mode, _device.DeviceContext)])
    torch._GLOBAL_DEVICE_CONTEXT.device_context = _device.CURRENT_DEVICE = None
    try:
        yield
    finally:
        _set_modes(modes)
        torch._GLOBAL_DEVICE_CONTEXT.device_context, _device.CURRENT_DEVICE = context, current


def _set_modes(modes: list[TorchFunctionMode]) -> None:
    while _len_torch_function_stack():
        _pop_mode()
    for mode in modes:
        _push_mode(mode)


class _Unclosable:
    """Standard stream without ``close()``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        pass


def _unclosable(stream: TextIO | None) -> Any:
    return stream and _Unclosable(stream)


@contextmanager
def exit_raises() -> Iterator[None]:
    """Raise SystemExit inside for IPython's ``exit()``, which would shut the notebook's kernel down."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or "ask_exit" in vars(shell):  # no IPython, or inside another check
        yield
        return

    def ask_exit() -> None:
        raise SystemExit

    shell.ask_exit = ask_exit
    try:
        yield
    finally:
        del shell.ask_exit


def run_answer(function: Callable[..., Any], arguments: dict[str, Any]) -> Outcome:
    """Call ``function`` with copies of ``arguments``, by position."""
    made: dict[int, Any] = {}
    given = {name: _copy(value, made) for name, value in arguments.items()}
    try:
        with exit_raises():
            value = interruptible(function, *given.values())
    except (KeyboardInterrupt, TimeUpError):
        raise
    except BaseException as error:
        return Outcome(failure=failure(error))
    if inspect.iscoroutine(value):
        value.close()  # else Python warns that it was never awaited
    return Outcome(value, given, changed=_changed(arguments, given))


def failure(error: BaseException) -> Failure:
    """Return the failure with the learner's own line: the last one in the traceback outside libraries and this package."""
    frames = traceback.extract_tb(error.__traceback__, limit=-100)  # of a recursion, the last calls
    own = [frame for frame in frames if not frame.filename.startswith(LIBRARIES)]
    if not own:
        return Failure(type(error).__name__, error_text(error), None, "")
    return Failure(type(error).__name__, error_text(error), own[-1].lineno, own[-1].line or "")


def time_up_text(error: TimeUpError, seconds: float) -> str:
    """Return a sentence about code that ran longer than the limit, with the line that it was at."""
    return message("exercises.raised.time", seconds=f"{seconds:g}", at=failure(error).place())


def error_text(error: BaseException) -> str:
    """Return the first line of an exception's message, with the list that it announces; empty if it cannot be turned into text.

    >>> error_text(ValueError("expected one of:\\n * (int size)\\n * (float size)\\n"))
    'expected one of: (int size); (float size)'
    """
    try:
        first, *rest = [line.strip(" *") for line in str(error).strip().splitlines()]
        return shorten(f"{first} {'; '.join(rest)}" if first.endswith(":") and rest else first, 300)
    except Exception:
        return ""


def outcome_difference(mine: Outcome, right: Outcome, strict_dtype: bool = False) -> Difference | None:
    """Return the first difference between two outcomes, gradients included; failures are equal by type and message.

    A result that cannot be compared, such as a tensor without data, is a difference of its own.
    """
    if mine.failure or right.failure:
        a, b = ("" if run.failure is None else f"{run.failure.kind}: {run.failure.message}" for run in (mine, right))
        return None if a == b else Difference("failure", "", a, b)
    try:
        unequal = difference(mine.value, right.value, strict_dtype=strict_dtype)
    except Exception as error:
        return Difference("incomparable", "", f"{type(error).__name__}: {error_text(error)}", "")
    return unequal or _gradient_difference(mine, right)


def _gradient_difference(mine: Outcome, right: Outcome) -> Difference | None:
    if not any(gradient is not None for gradient in right.gradients.values()):
        return None
    try:
        gradients = mine.gradients
        for name, expected in right.gradients.items():
            yours = gradients.get(name)
            if yours is None and expected is not None and expected.any():
                return Difference("unused", name, "None", format_value(expected))
            zero = torch.zeros_like(right.inputs[name])
            if unequal := difference(zero if yours is None else yours, zero if expected is None else expected, name):
                return Difference("slope", unequal.where, unequal.yours, unequal.expected)
    except Exception as error:
        return Difference("backward", "", f"{type(error).__name__}: {error_text(error)}", "")
    return None


def equal(a: Outcome, b: Outcome, strict_dtype: bool = True) -> bool:
    """Return whether two outcomes are the same."""
    return not (outcome_difference(a, b, strict_dtype) or outcome_difference(b, a, strict_dtype))


def same_numbers(a: Outcome, b: Outcome) -> bool:
    """Return whether two outcomes have the same values, whatever their graphs and gradients are."""
    if a.failure or b.failure:
        return False
    try:
        return difference(_detached(a.value), _detached(b.value), strict_dtype=True) is None
    except Exception:  # its own methods raise
        return False


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    return type(value)(map(_detached, value)) if type(value) in (list, tuple) else value


def format_arguments(arguments: dict[str, Any]) -> str:
    """Format a case's inputs on one line."""
    return ", ".join(f"{name} = {format_value(value)}" for name, value in arguments.items())


def _copy(value: Any, made: dict[int, Any]) -> Any:
    """Return a copy; a layer that is given beside its model is that of the model's copy in ``made``."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, nn.Module):
        return copy.deepcopy(value, made)  # what an answer does to it must not reach the solution
    if type(value) in (list, tuple):
        return type(value)(_copy(item, made) for item in value)
    return value


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return the name of the first input that was changed in place, or an empty string."""
    return next((name for name, was in before.items() if not _unchanged(after[name], was)), "")


def _module_state(module: nn.Module) -> list[Any]:
    """Return what a module has to be left with: its parts, modes and hooks, and the values of its parameters."""
    parts: list[Any] = [
        (
            name,
            type(part),
            part.training,
            len(part._forward_hooks),
            len(part._forward_pre_hooks),
            len(part._backward_hooks),
        )
        for name, part in module.named_modules()
    ]
    return parts + [(name, p.dtype, p.requires_grad, p.tolist()) for name, p in module.named_parameters()]


def _unchanged(now: Any, was: Any) -> bool:
    if type(now) is not type(was):
        return False
    if isinstance(was, Tensor):
        same = (now.shape, now.dtype, now.device, now.layout) == (was.shape, was.dtype, was.device, was.layout)
        return bool(
            same
            and now.stride() == was.clone().stride()
            and now.requires_grad == was.requires_grad
            # An input may contain NaN, which is not equal to itself.
            and torch.allclose(now.detach(), was.detach(), rtol=0, atol=0, equal_nan=True)
        )
    if isinstance(was, nn.Module):
        return _module_state(now) == _module_state(was)
    if type(was) in (list, tuple):
        return len(now) == len(was) and all(map(_unchanged, now, was))
    return type(was) not in (int, float, str, bool) or now == was
