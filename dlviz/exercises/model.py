"""Exercises that ask for a model, which is checked from outside: its output shapes, its gradients."""

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dlviz.exercises.compare import describe
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.mistakes import Changes, changed_source
from dlviz.exercises.model_checks import Check
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import exit_raises, failure, isolated_rng
from dlviz.exercises.time_limit import TimeUpError, interruptible
from dlviz.kit.messages import message
from dlviz.torchkit.forward_trace import modes_restored
from dlviz.torchkit.model_copies import initialize_lazy


@dataclass(frozen=True, kw_only=True, repr=False)
class Model(Exercise):
    """Exercise that asks for a module: a class, an instance, or a function that makes one.

    The model is given random batches of these ``sizes``, whose examples have ``example_shape``. ``checks`` run in order, and
    the first fault is reported; the checks before it are the cases passed. ``starter_changes`` turns the solution's code into
    the code that the cell starts with.
    """

    example_shape: tuple[int, ...]
    checks: tuple[Check, ...]
    starter_changes: Changes
    sizes: tuple[int, ...] = (4, 7)
    kind: ClassVar[str] = "model"

    @property
    def starter(self) -> str:
        """Code that the cell starts with."""
        return changed_source(self.reference, self.starter_changes)

    def judge(self, answer: Any, seed: int) -> Result:
        """Build the model unless it is an instance, and run the checks; its state is restored afterwards."""
        if not isinstance(answer, nn.Module) and not callable(answer):
            return self.wrong(message("exercises.model.uncalled", name=self.name, got=describe(answer)))
        with isolated_rng(seed), exit_raises():
            model = answer
            if not isinstance(answer, nn.Module):
                try:
                    model = interruptible(answer)
                except (KeyboardInterrupt, TimeUpError):
                    raise
                except BaseException as error:
                    return self._not_built(answer, error)
            if not isinstance(model, nn.Module):
                return self.wrong(message("exercises.model.module", name=self.name, got=describe(model)))
            try:
                batches = self._batches(model, seed)
                interruptible(initialize_lazy, model, batches[:1])
                with state_restored(model):
                    return interruptible(self._run_checks, model, batches)  # type: ignore[no-any-return]
            except (KeyboardInterrupt, TimeUpError):
                raise
            except BaseException as error:
                if _raised_in(error, model):
                    return self.wrong(failure(error).text())
                return self.unjudged(error)

    def _not_built(self, answer: Any, error: BaseException) -> Result:
        try:
            inspect.signature(answer).bind()
        except TypeError:
            return self.wrong(
                message("exercises.model.arguments", name=self.name, takes=str(inspect.signature(answer)))
            )
        except ValueError:  # a builtin without a signature
            pass
        return self.wrong(failure(error).text())

    def _batches(self, model: nn.Module, seed: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        return [torch.rand(n, *self.example_shape, generator=generator).to(device) for n in self.sizes]

    def _run_checks(self, model: nn.Module, batches: list[Tensor]) -> Result:
        first = model(batches[0])
        code = getattr(type(model).forward, "__code__", None)
        if first is ... or (first is None and code is not None and not code.co_names):  # the starter's body
            return self.missing()
        if first is None:
            return self.wrong(message("exercises.model.nothing"))
        for number, check in enumerate(self.checks):
            for batch in batches:
                model.train()
                model.zero_grad()
                if fault := check(model, batch):
                    content = message(f"exercises.model.{fault[0]}", **fault[1])
                    return self.wrong(content, misconception=fault[0], share=number / len(self.checks))
        return self.right()


def _raised_in(error: BaseException, model: nn.Module) -> bool:
    """Return whether an exception came out of a call of the model, and not out of a check's own computation."""
    return any(frame.f_locals.get("self") is model for frame, _ in traceback.walk_tb(error.__traceback__))


@contextmanager
def state_restored(model: nn.Module) -> Iterator[None]:
    """Clear the model's gradients inside, and restore its gradients, buffers and train or eval modes afterwards."""
    gradients = [(p, p.grad) for p in model.parameters()]
    buffers = [(b, b.clone()) for b in model.buffers()]
    for p, _ in gradients:
        p.grad = None
    try:
        with modes_restored(model):
            yield
    finally:
        for p, gradient in gradients:
            p.grad = gradient
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
