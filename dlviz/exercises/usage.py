"""Exercises whose answer is used as a program would use it: a class is instantiated, a function is given a model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from dlviz.exercises.compare import describe
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.function import Function
from dlviz.exercises.mistakes import Mistake, as_functions
from dlviz.exercises.report import Result
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
            return self.wrong(message("exercises.function.uncalled", name=self.name, got=describe(answer)))
        uses = Function(
            id=self.id,
            reference=self._in_use(self.reference),
            case=self.case,
            strict_dtype=self.strict_dtype,
            mistakes={name: self._in_use(mistake) for name, mistake in self.wrong_answers.items()},
        )
        result = uses.judge(self._in_use(answer), seed)
        if len(result.rows) < 3:  # right, a known mistake or an exception: no two lists are shown side by side
            return result
        return replace(result, rows=((message("exercises.row.parts"), message(self.key("parts"))), *result.rows[1:]))

    def _in_use(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def used(*arguments: Any) -> Any:
            return self.use(answer, *arguments)

        used.__name__ = getattr(answer, "__name__", self.name)
        return used
