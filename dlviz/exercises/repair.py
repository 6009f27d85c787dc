"""Exercises that ask to repair broken code; a metric shows the fault before and after."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dlviz.exercises.function import ROW, Function, formatted
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import isolated_rng, run_answer
from dlviz.exercises.source import listing
from dlviz.kit.messages import message


@dataclass(frozen=True, kw_only=True, repr=False)
class Repair(Function):
    """Exercise that asks to repair a function. ``broken`` is the name of the mistake that the cell starts with.

    ``metric(function)`` measures the fault on fixed data; every report shows it for the broken code and for the answer.
    """

    broken: str
    metric: Callable[[Callable[..., Any]], Any]
    kind: ClassVar[str] = "repair"

    @property
    def starter(self) -> str:
        """Code as it was found, under the solution's name."""
        return listing(self.wrong_answers[self.broken], self.name)

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge as a function, and put the metric of the broken code beside the learner's."""
        result = super().judge(answer, seed)
        if result.verdict == "not attempted" or not callable(answer):
            return result
        sides = {"before": self.wrong_answers[self.broken], "yours": answer}
        if not result.passed:
            sides["expected"] = self.reference
        label = message(self.key("metric"))
        rows = [
            (f"{label}, {message(f'exercises.row.{side}')}", self._measured(code, seed)) for side, code in sides.items()
        ]
        return replace(result, rows=(*result.rows, *rows))

    def _measured(self, function: Callable[..., Any], seed: int) -> str:
        with isolated_rng(seed):
            run = run_answer(self.metric, {"function": function})
        if run.failure:  # without a line of the learner's, the metric itself could not use the result
            return run.failure.kind if run.failure.line else message("exercises.row.unmeasured")
        return formatted(run.value, ROW)
