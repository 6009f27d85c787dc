"""Exercises that ask to repair found code; a metric shows the fault before and after."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from dlviz.exercises.compare import format_value
from dlviz.exercises.function import Function
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import isolated_rng, run_answer
from dlviz.exercises.source import listing
from dlviz.kit.messages import message


@dataclass(frozen=True, kw_only=True, repr=False)
class Repair(Function):
    """Exercise that asks to repair a function. ``found`` is the code as it was found: the first mistake and the starter.

    ``metric(function)`` measures the fault on fixed data; every report shows it for the found code and for the answer.
    """

    found: Callable[..., Any]
    metric: Callable[[Callable[..., Any]], Any]
    kind: ClassVar[str] = "repair"

    @cached_property
    def wrong_answers(self) -> dict[str, Callable[..., Any]]:
        """The mistakes, by name, as functions; the found code is the first."""
        return {self.found.__name__: self.found, **super().wrong_answers}

    @property
    def starter(self) -> str:
        """Code as it was found, under the solution's name."""
        return listing(self.found, self.name)

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge as a function, and put the metric of the found code beside the learner's."""
        result = super().judge(answer, seed)
        if result.verdict == "not attempted" or not callable(answer):
            return result
        sides = {"before": self.found, "yours": answer}
        if not result.passed:
            sides["expected"] = self.reference
        label = message(self.key("metric"))
        rows = [
            (f"{label}, {message(f'exercises.row.{side}')}", self._measured(code, seed)) for side, code in sides.items()
        ]
        return Result(result.id, result.verdict, result.message, result.misconception, (*result.rows, *rows))

    def _measured(self, function: Callable[..., Any], seed: int) -> str:
        with isolated_rng(seed):
            run = run_answer(self.metric, {"function": function})
        return run.failure.kind if run.failure else format_value(run.value)
