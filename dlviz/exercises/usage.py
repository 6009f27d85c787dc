"""Exercises whose answer is used as a program would use it: a class is instantiated, a function is given a model."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor

from dlviz.exercises.compare import describe
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.function import Function
from dlviz.exercises.mistakes import Mistake, as_functions
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import isolated_rng, run_answer
from dlviz.exercises.source import listing
from dlviz.kit.messages import message


@dataclass(frozen=True, kw_only=True, repr=False)
class Usage(Exercise):
    """Exercise that asks for a class or a function, judged by the results of using it.

    ``use(answer, *case.values())`` returns the list of results that is compared; it creates every object that the answer
    may change, so that one answer cannot affect the next. The exercise's message ``parts`` describes the list.
    ``broken`` is the name of the mistake that the cell starts with; without one, it starts with ``...`` for every body.
    ``strict_dtype`` is that of :class:`Function`.
    """

    case: Callable[[int], dict[str, Any]]
    use: Callable[..., list[Any]]
    broken: str = ""
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    strict_dtype: bool = False
    kind: ClassVar[str] = "usage"

    @cached_property
    def wrong_answers(self) -> dict[str, Callable[..., Any]]:
        """The mistakes, by name, as functions or classes."""
        return as_functions(self.reference, self.mistakes)

    @property
    def starter(self) -> str:
        """Code that the cell starts with, under the solution's name."""
        return listing(self.wrong_answers[self.broken], self.name) if self.broken else super().starter

    def judge(self, answer: Any, seed: int) -> Result:
        """Compare the lists of results as a function's, and describe their parts."""
        if not callable(answer):
            kind = "uncalled_class" if inspect.isclass(self.reference) else "uncalled"
            return self.wrong(message(f"exercises.function.{kind}", name=self.name, got=describe(answer)))
        uses = Function(
            id=self.id,
            reference=self._in_use(self.reference),
            case=self.case,
            strict_dtype=self.strict_dtype,
            mistakes={name: self._in_use(mistake) for name, mistake in self.wrong_answers.items()},
        )
        result = uses.judge(self._in_use(answer), seed)
        if not (result.passed or result.misconception):
            misfits = (self._misfit(answer, case, seed) for case in uses.cases(seed))
            if misfit := next(filter(None, misfits), ""):
                return replace(result, message=misfit, rows=())
        if len(result.rows) < 3:  # right, a known mistake or an exception: no two lists are shown side by side
            return result
        parts = (message("exercises.row.parts"), message(self.key("parts")))
        return replace(result, rows=(result.rows[0], parts, *result.rows[1:]))

    def _misfit(self, answer: Callable[..., Any], case: dict[str, Any], seed: int) -> str:
        """Return a sentence about what an answer returned if nothing can be done with it, else ""."""
        got, failed = self._returned(answer, case, seed)
        expected, _ = self._returned(self.reference, case, seed)
        if not (failed and got and expected):
            return ""
        return message(
            "exercises.usage.returned",
            got=describe(got[-1]),
            expected=describe(expected[min(len(got), len(expected)) - 1]),
        )

    def _returned(self, answer: Callable[..., Any], case: dict[str, Any], seed: int) -> tuple[list[Any], bool]:
        """Return what a function returns each time in one use, and whether the use of that failed, not the function itself."""
        returned: list[Any] = []
        entered = 0

        @functools.wraps(answer)
        def recorded(*arguments: Any, **named: Any) -> Any:
            nonlocal entered
            entered += 1
            returned.append(answer(*arguments, **named))
            return returned[-1]

        if inspect.isclass(answer):
            return [], False
        with isolated_rng(seed):
            outcome = run_answer(self._in_use(recorded), case)
        return returned, outcome.failure is not None and entered == len(returned)

    def _in_use(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def used(*arguments: Any) -> Any:
            return self.use(answer, *arguments)

        used.__name__ = getattr(answer, "__name__", self.name)
        return used


def without_graph(value: Any) -> Any:
    """Return a tensor that an answer returned without its graph; anything else as it is, for the comparison to name.

    >>> import torch
    >>> without_graph(torch.ones(1, requires_grad=True)).requires_grad, without_graph(None)
    (False, None)
    """
    return value.detach() if isinstance(value, Tensor) else value
