"""Exercises that ask for the order of steps, which is run on a real model; its weights decide."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dlviz.exercises.compare import describe, difference, format_value, shorten
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import error_text, isolated_rng
from dlviz.exercises.time_limit import interruptible
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

ROUNDS = 3


class TrainingLoop:
    """Small regression whose training loop runs step by step, in any order.

    >>> loop = TrainingLoop(seed=0)
    >>> for step in ("zero_grad", "forward", "backward", "step"):
    ...     getattr(loop, step)()
    """

    steps: tuple[str, ...] = ("zero_grad", "forward", "backward", "step")

    def __init__(self, seed: int) -> None:
        """Make reproducible data and a model whose weight starts at 0.5."""
        generator = torch.Generator().manual_seed(seed)
        self.model = nn.Linear(1, 1)
        with torch.no_grad():
            self.model.weight.fill_(0.5)
            self.model.bias.fill_(0.0)
        self.x = torch.rand(8, 1, generator=generator) + 0.5
        self.y = 3 * self.x + 1
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.loss: Tensor | None = None

    def zero_grad(self) -> None:
        """Clear every ``.grad``."""
        self.optimizer.zero_grad()

    def forward(self) -> None:
        """Compute the loss."""
        self.loss = (self.model(self.x) - self.y).pow(2).mean()

    def backward(self) -> None:
        """Compute every ``.grad``."""
        if self.loss is None:
            raise DlvizError(message("exercises.trace.no-loss"))
        self.loss.backward()

    def step(self) -> None:
        """Take a step of the optimizer."""
        self.optimizer.step()

    def weights(self) -> list[Tensor]:
        """Return a copy of the weights."""
        return [p.detach().clone() for p in self.model.parameters()]

    def gradients(self) -> list[Tensor]:
        """Return a copy of the gradients, NaN where there is none."""
        return [torch.full_like(p, torch.nan) if p.grad is None else p.grad.clone() for p in self.model.parameters()]


class ScheduledLoop(TrainingLoop):
    """The same regression with a torch scheduler that halves the learning rate.

    >>> loop = ScheduledLoop(seed=0)
    >>> for step in ScheduledLoop.steps:
    ...     getattr(loop, step)()
    >>> loop.optimizer.param_groups[0]["lr"]
    0.05
    """

    steps = (*TrainingLoop.steps, "schedule")

    def __init__(self, seed: int) -> None:
        """Make the scheduler in addition."""
        super().__init__(seed)
        self.scheduler = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, gamma=0.5)

    def schedule(self) -> None:
        """Halve the learning rate."""
        # torch warns about scheduler.step() before optimizer.step(); here the weights show the mistake.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.scheduler.step()


@dataclass(frozen=True)
class LoopRecord:
    """Weights and gradients at the end of each round, or where an exception stopped the loop."""

    weights: tuple[list[Tensor], ...] = ()
    gradients: tuple[list[Tensor], ...] = ()
    stopped: tuple[int, str, str] | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Trace(Exercise):
    """Exercise that asks for an order of steps. ``reference`` is a right order, ``mistakes`` names wrong ones.

    ``loop`` runs the steps. Any order whose weights are right after every round is right. A mistake is named
    only if its weights *and* gradients are the learner's after every round, and both use the same steps.
    """

    reference: tuple[str, ...]
    mistakes: Mapping[str, tuple[str, ...]]
    loop: type[TrainingLoop] = TrainingLoop
    kind: ClassVar[str] = "trace"

    def attempted(self, answer: Any) -> bool:
        """Return whether the list holds anything but ``...``."""
        return super().attempted(answer) and not (
            isinstance(answer, (list, tuple)) and set(map(id, answer)) <= {id(...)}
        )

    def judge(self, answer: Any, seed: int) -> Result:
        """Run the order and compare the weights after each round."""
        if isinstance(answer, str) or not isinstance(answer, Sequence):
            return self.wrong(message("exercises.trace.list", name=self.name, got=describe(answer)))
        steps = ", ".join(f'"{step}"' for step in self.loop.steps)
        for step in answer:
            if step is ...:
                return self.missing()
            if not isinstance(step, str) or step not in self.loop.steps:
                unknown = repr(step) if isinstance(step, str) else describe(step)
                return self.wrong(message("exercises.trace.unknown", step=shorten(unknown, 80), steps=steps))
        mine, right = run_loop(answer, seed, self.loop), run_loop(self.reference, seed, self.loop)
        if mine.stopped:
            number, step, content = mine.stopped
            return self.wrong(message("exercises.trace.stopped", round=number, step=step, message=content))
        rows = tuple(self._round(i, mine.weights[i], right.weights[i]) for i in range(ROUNDS))
        if difference(mine.weights, right.weights) is None:
            return self.right()
        passed = [difference(*weights) is None for weights in zip(mine.weights, right.weights, strict=True)]
        share = sum(passed) / ROUNDS
        for name, order in self.mistakes.items():
            if sorted(order) == sorted(answer) and _same(mine, run_loop(order, seed, self.loop)):
                return self.wrong(message(self.key("wrong", name)), rows, name, share)
        return self.wrong(message("exercises.trace.differs"), rows, share=share)

    def _round(self, i: int, mine: list[Tensor], right: list[Tensor]) -> tuple[str, str]:
        yours, expected = format_value(mine[0].reshape(())), format_value(right[0].reshape(()))
        return message("exercises.trace.round", round=i + 1), message(
            "exercises.trace.weight", yours=yours, expected=expected
        )

    @property
    def name(self) -> str:
        """Name of the list in the learner's code."""
        return "order"

    @property
    def starter(self) -> str:
        """Code of the list without steps."""
        return "order = [...]"

    def source(self) -> str:
        """Return the right order as a list."""
        steps = ", ".join(f'"{step}"' for step in self.reference)
        return f"order = [{steps}]"


def run_loop(order: Sequence[str], seed: int, kind: type[TrainingLoop] = TrainingLoop) -> LoopRecord:
    """Run a training loop's steps in this order, round after round."""
    with isolated_rng(seed):
        return interruptible(_rounds, order, kind(seed))


def _rounds(order: Sequence[str], loop: TrainingLoop) -> LoopRecord:
    weights, gradients = [], []
    for number in range(1, ROUNDS + 1):
        for step in order:
            try:
                getattr(loop, step)()
            except (RuntimeError, DlvizError) as error:
                return LoopRecord(stopped=(number, step, error_text(error)))
        weights.append(loop.weights())
        gradients.append(loop.gradients())
    return LoopRecord(tuple(weights), tuple(gradients))


def _same(a: LoopRecord, b: LoopRecord) -> bool:
    return b.stopped is None and difference((a.weights, a.gradients), (b.weights, b.gradients)) is None
