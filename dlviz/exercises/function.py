"""Exercises that ask for a function, which is compared with the solution on random inputs."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from dlviz.exercises.compare import describe, format_value
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.mistakes import Mistake, as_functions
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import Outcome, equal, format_arguments, isolated_rng, outcome_difference, run_answer
from dlviz.kit.messages import message

CASES = 5


@dataclass(frozen=True, kw_only=True, repr=False)
class Function(Exercise):
    """Exercise that asks for a function.

    ``case(i)`` makes the arguments of the i-th case, by name; its random numbers are seeded by the check. ``mistakes`` are
    wrong implementations people write, by name: changes of the reference's code, or functions. A mistake is named to the
    learner only if it gives the learner's own results on every case.
    """

    case: Callable[[int], dict[str, Any]]
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    kind: ClassVar[str] = "function"

    @cached_property
    def wrong_answers(self) -> dict[str, Callable[..., Any]]:
        """The mistakes, by name, as functions."""
        return as_functions(self.reference, self.mistakes)

    def judge(self, answer: Any, seed: int) -> Result:
        """Compare type, shape, dtype, graph, numbers and gradients with the solution's; inputs must stay unchanged."""
        if not callable(answer):
            return self.wrong(message("exercises.function.uncalled", name=self.name, got=describe(answer)))
        cases = self.cases(seed)
        mismatch = self._signature(answer, cases[0])
        if mismatch is not None:  # a report of a wrong answer is false
            return mismatch
        mine = [self._run(answer, case, seed) for case in cases]
        right = [self._run(self.reference, case, seed) for case in cases]
        if any(run.value is ... for run in mine):
            return self.missing()
        failed = [i for i in range(CASES) if outcome_difference(mine[i], right[i]) or mine[i].changed]
        if not failed:
            return self.right()
        share = 1 - len(failed) / CASES
        for name, mistake in self.wrong_answers.items():
            if all(equal(run, self._run(mistake, case, seed)) for run, case in zip(mine, cases, strict=True)):
                return self.wrong(message(self.key("wrong", name)), misconception=name, share=share)
        first = failed[0]
        return replace(self._side_by_side(cases[first], mine[first], right[first]), share=share)

    def cases(self, seed: int) -> list[dict[str, Any]]:
        """Return the arguments of every case, by name."""
        cases = []
        for i in range(CASES):
            with isolated_rng(seed + i):
                cases.append(self.case(i))
        return cases

    def _run(self, function: Callable[..., Any], case: dict[str, Any], seed: int) -> Outcome:
        with isolated_rng(seed):
            return run_answer(function, case)

    def _signature(self, answer: Callable[..., Any], case: dict[str, Any]) -> Result | None:
        """Report a signature that does not accept the arguments, before a call fails on it."""
        try:
            signature = inspect.signature(answer)
        except (TypeError, ValueError):  # a builtin may have no signature; the call itself then shows whether it fits
            return None
        try:
            signature.bind(*case.values())
        except TypeError:
            takes = ", ".join(signature.parameters)
            return self.wrong(
                message("exercises.function.signature", name=self.name, wanted=", ".join(case), takes=takes)
            )
        return None

    def _side_by_side(self, case: dict[str, Any], mine: Outcome, right: Outcome) -> Result:
        rows = [(message("exercises.row.input"), format_arguments(case))]
        if mine.failure:
            return self.wrong(mine.failure.text(), tuple(rows))
        difference = outcome_difference(mine, right)
        if difference is None:
            return self.wrong(message("exercises.function.changed", name=self.name, argument=mine.changed), tuple(rows))
        rows += [
            (message("exercises.row.yours"), format_value(mine.value)),
            (message("exercises.row.expected"), format_value(right.value)),
        ]
        return self.wrong(difference.message(), tuple(rows))
