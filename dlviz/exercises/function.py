"""Exercises that ask for a function, which is compared with the solution on random inputs."""

import dis
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from torch import nn

from dlviz.exercises.compare import Case, Difference, describe, format_value, shorten
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.mistakes import Mistake, as_functions
from dlviz.exercises.report import Result
from dlviz.exercises.run_answer import (
    Outcome,
    equal,
    format_arguments,
    isolated_rng,
    outcome_difference,
    run_answer,
    same_numbers,
    settings_restored,
)
from dlviz.kit.messages import message

CASES = 5
#: Characters of a table's cell, and of a row of its own, at most.
CELL, ROW = 120, 600


@dataclass(frozen=True, kw_only=True, repr=False)
class Function(Exercise):
    """Exercise that asks for a function.

    ``case(i)`` makes the arguments of the i-th case, by name; its random numbers are seeded by the check. ``mistakes`` are
    wrong implementations people write, by name: changes of the reference's code, or functions. A mistake is named to the
    learner only if it gives the learner's own results on every case. With ``strict_dtype`` a wider dtype, such as float64 for
    float32, is wrong as well.
    """

    case: Callable[[int], dict[str, Any]]
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    strict_dtype: bool = False
    kind: ClassVar[str] = "function"

    @cached_property
    def wrong_answers(self) -> dict[str, Callable[..., Any]]:
        """The mistakes, by name, as functions."""
        return as_functions(self.reference, self.mistakes)

    def judge(self, answer: Any, seed: int) -> Result:
        """Compare type, shape, dtype, graph, numbers and gradients with the solution's; inputs must stay unchanged."""
        if not callable(answer):
            return self.wrong(message("exercises.function.uncalled", name=self.name, got=describe(answer)))
        with settings_restored():  # for the comparison; each run has settings of its own
            return self._judge(answer, seed)

    def _judge(self, answer: Callable[..., Any], seed: int) -> Result:
        cases = self.cases(seed)
        mismatch = self._signature(answer, cases[0])
        if mismatch is not None:  # a report of a wrong answer is false
            return mismatch
        runs = [self._compare(answer, case, seed) for case in cases]
        if any(_is_open(run.mine.value) for run in runs):
            return self.missing()
        table = tuple(run.row() for run in runs)
        failed = [run for run in runs if not run.passed]
        if not failed:
            return replace(self.right(), cases=table)
        share = 1 - len(failed) / CASES
        name = self._mistake(runs, seed)
        if name is not None:
            wrong = self.wrong(message(self.key("wrong", name)), misconception=name, share=share)
            return replace(wrong, cases=table)
        stopped = failed[0].mine.failure is not None
        unused = [] if stopped else [name for name in _unused(answer) if name not in _unused(self.reference)]
        notes = tuple(message("exercises.function.unused", argument=name) for name in unused)
        return replace(self._side_by_side(failed[0]), share=share, cases=table, notes=notes)

    def _mistake(self, runs: list["Comparison"], seed: int) -> str | None:
        """Return the stored mistake that gives the answer's results on every case, or its numbers where these alone are wrong.

        Where the results are right and only an input was changed, the mistake must have changed it as well.
        """
        almost = None
        only_changed = all(run.difference is None for run in runs)
        for name, mistake in self.wrong_answers.items():
            are_equal = are_numbers = True
            is_right = True
            for run in runs:
                made = self._run(mistake, run.case, seed)
                are_equal = are_equal and equal(run.mine, made)
                are_equal = are_equal and not (only_changed and run.mine.changed != made.changed)
                are_numbers = are_numbers and same_numbers(run.mine, made)
                is_right = is_right and same_numbers(run.right, made)
                if not are_numbers and not are_equal:
                    break
            if are_equal:
                return name
            if are_numbers and not is_right and almost is None:
                almost = name
        return almost

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

    def _compare(self, answer: Callable[..., Any], case: dict[str, Any], seed: int) -> "Comparison":
        """Compare at once: the next call of the answer may write into the tensors that this one returned."""
        mine, right = self._run(answer, case, seed), self._run(self.reference, case, seed)
        return Comparison(case, mine, right, outcome_difference(mine, right, self.strict_dtype))

    def _signature(self, answer: Callable[..., Any], case: dict[str, Any]) -> Result | None:
        """Report a signature that does not accept the arguments, before a call fails on it."""
        try:
            signature = inspect.signature(answer)
        except Exception:  # a builtin may have no signature; the call itself then shows whether it fits
            return None
        try:
            signature.bind(*case.values())
        except TypeError:
            takes = ", ".join(map(str, signature.parameters.values())) or message("exercises.function.nothing")
            return self.wrong(
                message("exercises.function.signature", name=self.name, wanted=", ".join(case), takes=takes)
            )
        return None

    def _side_by_side(self, run: "Comparison") -> Result:
        rows = [(message("exercises.row.input"), format_arguments(run.case))]
        if run.mine.failure:
            return self.wrong(run.mine.failure.text(), tuple(rows))
        if run.difference is None:
            kind = "module" if isinstance(run.case[run.mine.changed], nn.Module) else "changed"
            content = message(f"exercises.function.{kind}", name=self.name, argument=run.mine.changed)
            return self.wrong(content, tuple(rows))
        rows += [
            (message("exercises.row.yours"), formatted(run.mine.value, ROW)),
            (message("exercises.row.expected"), formatted(run.right.value, ROW)),
        ]
        return self.wrong(run.difference.message(), tuple(rows))


def _is_open(value: Any) -> bool:
    """Return whether a result is the starter's ``...``, or has it as a part."""
    return value is ... or (isinstance(value, (tuple, list)) and any(part is ... for part in value))


def _unused(function: Callable[..., Any]) -> list[str]:
    """Return the arguments that a function never reads, such as one in whose place it uses a name of the notebook.

    >>> _unused(lambda x, y: x)
    ['y']
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    read: set[Any] = set(code.co_cellvars)
    for one in dis.get_instructions(code):
        read.update(one.argval if isinstance(one.argval, tuple) else [one.argval])  # newer versions read two at once
    return [name for name in code.co_varnames[: code.co_argcount] if name not in read]


@dataclass(frozen=True)
class Comparison:
    """Outcomes of the answer and of the solution on one case, and the first difference between them."""

    case: dict[str, Any]
    mine: Outcome
    right: Outcome
    difference: Difference | None

    @property
    def passed(self) -> bool:
        """Whether the outcomes are the same and no input was changed."""
        return self.difference is None and not self.mine.changed

    def row(self) -> Case:
        """Return the case as a row of text; where both results look the same, with what differs."""
        yours, expected = formatted(self.mine.value), formatted(self.right.value)
        if self.mine.failure:
            yours = self.mine.failure.kind
        elif yours == expected and not self.passed:
            yours, expected = self._distinguished(yours, expected)
        return Case(shorten(format_arguments(self.case), CELL), yours, expected, self.passed)

    def _distinguished(self, yours: str, expected: str) -> tuple[str, str]:
        if self.difference is None:
            return f"{yours} ({message('exercises.case.changed', argument=self.mine.changed)})", expected
        if not self.difference.expected:
            return f"{yours} ({self.difference.yours})", expected
        label = ""
        if self.difference.where:
            gradient = self.difference.aspect in ("slope", "unused")
            label = message(f"exercises.case.{'gradient' if gradient else 'element'}", where=self.difference.where)
        return f"{yours} ({label}{self.difference.yours})", f"{expected} ({label}{self.difference.expected})"


def formatted(value: Any, width: int = CELL) -> str:
    """Format any object that an answer may return, in at most this many characters."""
    try:
        return shorten(format_value(value), width)
    except Exception:  # its own methods raise
        return type(value).__name__
