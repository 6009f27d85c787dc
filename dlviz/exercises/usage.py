"""An exercise whose answer is put to use as a program would: a class is made and asked, a function is given a model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import torch

from dlviz.exercises.compare import describe
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.function import Function
from dlviz.exercises.mistakes import Mistake, as_functions
from dlviz.exercises.report import Result
from dlviz.exercises.source import listing
from dlviz.kit.messages import message


@dataclass(frozen=True, kw_only=True, repr=False)
class Usage(Exercise):
    """A class or a function; what counts is what `use` sees of it.

    ``use(answer, **case)`` returns the list that is compared; it makes all that it changes itself, so that no answer meets the
    traces of another. The words ``parts`` of the exercise say what stands in the list. ``template`` is what the cell starts with.
    """

    case: Callable[[torch.Generator, int], dict[str, Any]]
    use: Callable[..., list[Any]]
    template: Callable[..., Any]
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    kind: ClassVar[str] = "usage"

    @cached_property
    def wrong_answers(self) -> dict[str, Callable[..., Any]]:
        """The mistakes, by name, as functions or classes."""
        return as_functions(self.reference, self.mistakes)

    @property
    def starter(self) -> str:
        """The code of `template`, under the solution's name."""
        return listing(self.template, self.name)

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge the uses as an exercise about a function does, and say what each part of the list is."""
        if not callable(answer):
            return self.wrong(message("exercises.function.uncalled", name=self.name, got=describe(answer)))
        uses = Function(
            id=self.id,
            reference=self._in_use(self.reference),
            case=self.case,
            mistakes={name: self._in_use(mistake) for name, mistake in self.wrong_answers.items()},
        )
        result = uses.judge(self._in_use(answer), seed)
        if len(result.rows) < 3:  # right, named, or it stopped: there are no two lists side by side
            return result
        return replace(result, rows=((message("exercises.row.parts"), message(self.key("parts"))), *result.rows[1:]))

    def _in_use(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def used(*arguments: Any) -> Any:
            return self.use(answer, *arguments)

        used.__name__ = getattr(answer, "__name__", self.name)
        return used
