"""Exercises that ask for a model, which is checked from outside: its output shapes, its gradients."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from dlviz.exercises.compare import describe
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.mistakes import Changes, changed_source
from dlviz.exercises.model_checks import Check
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import failure, isolated_rng
from dlviz.kit.messages import message
from dlviz.torchkit.forward_trace import modes_restored


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
        with isolated_rng(seed):
            try:
                model = answer if isinstance(answer, nn.Module) else answer()
                if not isinstance(model, nn.Module):
                    return self.wrong(message("exercises.model.module", name=self.name, got=describe(model)))
                with state_restored(model):
                    return self._run_checks(model, seed)
            except Exception as error:
                return self.wrong(failure(error).text())

    def _run_checks(self, model: nn.Module, seed: int) -> Result:
        generator = torch.Generator().manual_seed(seed)
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        batches = [torch.rand(n, *self.example_shape, generator=generator).to(device) for n in self.sizes]
        first = model(batches[0])
        if first is None or first is ...:
            return self.missing()
        for number, check in enumerate(self.checks):
            for batch in batches:
                model.train()
                model.zero_grad()
                if fault := check(model, batch):
                    content = message(f"exercises.model.{fault[0]}", **fault[1])
                    return self.wrong(content, misconception=fault[0], share=number / len(self.checks))
        return self.right()


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
