"""Run a learner's code on one case and record the outcome, including exceptions and changed inputs."""

import random
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.exercises.compare import Difference, difference, format_value
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
        key = "exercises.raised.line" if self.line else "exercises.raised.plain"
        return message(key, kind=self.kind, message=self.message, line=self.line, code=self.code)


@dataclass(frozen=True)
class Outcome:
    """Outcome of one call: its value and the gradients at the inputs, or a failure; and the input that it changed."""

    value: Any = None
    gradients: tuple[Tensor | None, ...] = ()
    failure: Failure | None = None
    changed: str = ""


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Seed torch's, NumPy's and Python's random number generators inside, and restore their states afterwards."""
    python, legacy = random.getstate(), np.random.get_state()
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpus), torch.enable_grad(), torch.device("cpu"):
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


def run_answer(function: Callable[..., Any], arguments: dict[str, Any]) -> Outcome:
    """Call ``function`` with copies of ``arguments``, by position."""
    given = {name: _copy(value) for name, value in arguments.items()}
    try:
        value = function(*given.values())
        gradients = _gradients(value, list(given.values()))
    except Exception as error:
        return Outcome(failure=failure(error))
    return Outcome(value, gradients, changed=_changed(arguments, given))


def failure(error: Exception) -> Failure:
    """Return the failure with the learner's own line: the last one in the traceback outside libraries and this package."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(LIBRARIES)]
    content = str(error).split("\n")[0]
    if not own:
        return Failure(type(error).__name__, content, None, "")
    return Failure(type(error).__name__, content, own[-1].lineno, own[-1].line or "")


def outcome_difference(mine: Outcome, right: Outcome) -> Difference | None:
    """Return the first difference between two outcomes, gradients included; failures are equal by type and message."""
    if mine.failure or right.failure:
        a, b = ("" if run.failure is None else f"{run.failure.kind}: {run.failure.message}" for run in (mine, right))
        return None if a == b else Difference("failure", "", a, b)
    unequal = difference(mine.value, right.value)
    if unequal or not any(g is not None for g in right.gradients):
        return unequal
    yours, expected = ([torch.zeros(()) if g is None else g for g in run.gradients] for run in (mine, right))
    unequal = difference(yours, expected)
    return unequal and Difference("slope", "", unequal.yours, unequal.expected)


def equal(a: Outcome, b: Outcome) -> bool:
    """Return whether two outcomes are the same."""
    return outcome_difference(a, b) is None and outcome_difference(b, a) is None


def format_arguments(arguments: dict[str, Any]) -> str:
    """Format a case's inputs on one line."""
    return ", ".join(f"{name} = {format_value(value)}" for name, value in arguments.items())


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value


def _gradients(value: Any, inputs: list[Any]) -> tuple[Tensor | None, ...]:
    """Return the gradient of a fixed weighted sum of all outputs at every input that requires one."""
    outputs = [out for out in (value if isinstance(value, (tuple, list)) else [value]) if isinstance(out, Tensor)]
    outputs = [out for out in outputs if out.requires_grad]
    wanted = [item for item in inputs if isinstance(item, Tensor) and item.requires_grad]
    if not outputs or not wanted:
        return ()
    weights = [torch.linspace(0.5, 1.5, out.numel()).to(out).reshape(out.shape) for out in outputs]
    return torch.autograd.grad(outputs, wanted, weights, allow_unused=True)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return the name of the first input that was changed in place, or an empty string."""
    for name, was in before.items():
        now = after[name]
        if isinstance(was, Tensor) and not (
            now.shape == was.shape
            and now.stride() == was.clone().stride()
            and now.requires_grad == was.requires_grad
            # An input may contain NaN, which is not equal to itself.
            and torch.allclose(now.detach(), was.detach(), rtol=0, atol=0, equal_nan=True)
        ):
            return name
    return ""
