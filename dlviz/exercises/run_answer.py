"""Run a learner's code on one case, and write down everything that happened, whatever it does."""

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
    """An exception from the learner's code: its type and message, and the learner's own line where it happened."""

    kind: str
    message: str
    line: int | None
    code: str

    def text(self) -> str:
        """Say it in a sentence, without the traceback."""
        key = "exercises.raised.line" if self.line else "exercises.raised.plain"
        return message(key, kind=self.kind, message=self.message, line=self.line, code=self.code)


@dataclass(frozen=True)
class Outcome:
    """What one run gave: a value and the gradients that flow back through it, or a failure; the input it changed."""

    value: Any = None
    gradients: tuple[Tensor | None, ...] = ()
    failure: Failure | None = None
    changed: str = ""


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Start torch's, NumPy's and Python's streams at ``seed`` inside, and give the learner's own back afterwards."""
    python, legacy = random.getstate(), np.random.get_state()
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpus), torch.enable_grad(), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also set the stream of a GPU not yet in use
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
    """Find the learner's own line in a traceback: the last one outside every library and outside this package."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(LIBRARIES)]
    content = str(error).split("\n")[0]
    if not own:
        return Failure(type(error).__name__, content, None, "")
    return Failure(type(error).__name__, content, own[-1].lineno, own[-1].line or "")


def outcome_difference(mine: Outcome, right: Outcome) -> Difference | None:
    """Return the first difference between two runs, gradients included; a failure equals only the very same failure."""
    if mine.failure or right.failure:
        a, b = ("" if run.failure is None else f"{run.failure.kind}: {run.failure.message}" for run in (mine, right))
        return None if a == b else Difference("failure", "", a, b)
    found = difference(mine.value, right.value)
    if found or not any(slope is not None for slope in right.gradients):
        return found
    zeros = [torch.zeros(()) if slope is None else slope for slope in mine.gradients]
    found = difference(zeros, [torch.zeros(()) if slope is None else slope for slope in right.gradients])
    return found and Difference("slope", "", found.yours, found.expected)


def equal(a: Outcome, b: Outcome) -> bool:
    """Whether two runs cannot be told apart."""
    return outcome_difference(a, b) is None and outcome_difference(b, a) is None


def format_arguments(arguments: dict[str, Any]) -> str:
    """Write a case's inputs on one line."""
    return ", ".join(f"{name} = {format_value(value)}" for name, value in arguments.items())


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value


def _gradients(value: Any, inputs: list[Any]) -> tuple[Tensor | None, ...]:
    """Send fixed weights back from every output to every input that asked for a gradient."""
    outputs = [out for out in (value if isinstance(value, (tuple, list)) else [value]) if isinstance(out, Tensor)]
    outputs = [out for out in outputs if out.requires_grad]
    wanted = [item for item in inputs if isinstance(item, Tensor) and item.requires_grad]
    if not outputs or not wanted:
        return ()
    weights = [torch.linspace(0.5, 1.5, out.numel()).to(out).reshape(out.shape) for out in outputs]
    return torch.autograd.grad(outputs, wanted, weights, allow_unused=True)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Name the first input that is no longer what it was."""
    for name, was in before.items():
        now = after[name]
        if isinstance(was, Tensor) and not (
            now.shape == was.shape
            and now.stride() == was.clone().stride()
            and now.requires_grad == was.requires_grad
            # NaN equals nothing, itself included, and an input may hold some.
            and torch.allclose(now.detach(), was.detach(), rtol=0, atol=0, equal_nan=True)
        ):
            return name
    return ""
