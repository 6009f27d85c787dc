"""Base class of all kinds of exercises: check, hint, solution, starter, and recording of results."""

import os
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dlviz.exercises import progress_file
from dlviz.exercises.cards.progress_bar import refresh_bars
from dlviz.exercises.report import Card, Displayable, NotAttempted, Note, Result, Wrong
from dlviz.exercises.run_answer import error_text, time_up_text
from dlviz.exercises.source import is_starter, listing, starter
from dlviz.exercises.time_limit import TimeUpError, limit_seconds, time_limit
from dlviz.kit.messages import message, table

_checks: Counter[str] = Counter()
_hints: Counter[str] = Counter()


@dataclass(frozen=True, kw_only=True, repr=False)
class Exercise(Displayable):
    """One exercise of a lesson; get it with ``exercise("03.two-paths")``.

    ``reference`` is the solution: answers are compared with it, and ``solution()`` shows it.
    """

    id: str
    reference: Any
    kind: ClassVar[str]

    def check(self, answer: Any = ...) -> Result:
        """Check an answer and return a report; leave the call as the last line of a cell to see it.

        ``answer`` is what the starter asks for: the function or class itself, or the list. An untouched starter is
        "not attempted" and raises nothing. The report is true only if the answer is right, and ``float(report)`` is the
        share of cases passed. With ``DLVIZ_STRICT=1`` in the environment a missing answer raises ``NotAttempted`` and a
        wrong one ``Wrong``, both ``AssertionError``. An answer that runs longer than 60 seconds, or ``DLVIZ_TIME_LIMIT``
        seconds, is stopped.

        >>> from dlviz.exercises import exercise
        >>> exercise("00.double").check(lambda x: 2 * x).passed
        True
        """
        _checks[self.id] += 1  # new inputs at every check, yet the same when a notebook is run again from the top
        seed = zlib.crc32(self.id.encode()) + _checks[self.id]
        seconds = limit_seconds()
        try:
            with time_limit(seconds):
                result = self.judge(answer, seed) if self.attempted(answer) else self.missing()
        except TimeUpError as error:
            result = self.wrong(time_up_text(error, seconds))
        except Exception as error:
            result = self.unjudged(error)
        return record_result(result)

    def attempted(self, answer: Any) -> bool:
        """Return whether the answer differs from the starter."""
        return answer is not None and answer is not ... and not is_starter(answer, self.starter)

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge an attempted answer on random cases made from ``seed``, without recording or raising anything."""
        raise NotImplementedError

    def hint(self) -> Note:
        """Show the next hint; the last one stays."""
        keys = sorted(key for key in table(self.key()) if key.startswith("hint"))
        _hints[self.id] = number = min(_hints[self.id] + 1, len(keys))
        last = (message("exercises.hint.last", id=self.id),) if number == len(keys) else ()
        headline = message("exercises.hint.title", id=self.id, number=number, count=len(keys))
        return Note(Card(headline, (message(self.key(keys[number - 1])), *last)))

    def solution(self) -> Note:
        """Show the solution; its code alone is ``.solution().source``."""
        return Note(Card(message("exercises.solution", id=self.id), code=self.source()))

    def source(self) -> str:
        """Return the solution's code, ready for a cell."""
        return listing(self.reference)

    @property
    def name(self) -> str:
        """Name of the answer in the learner's code."""
        return self.reference.__name__

    @property
    def starter(self) -> str:
        """Code that the lesson's cell starts with."""
        return starter(self.reference)

    def key(self, *path: str) -> str:
        """Return the key of one of this exercise's messages."""
        return ".".join(("exercises", self.id, *path))

    def right(self, rows: tuple[tuple[str, str], ...] = ()) -> Result:
        """Report a right answer."""
        return Result(self.id, "right", message(self.key("right")), rows=rows)

    def wrong(
        self,
        content: str,
        rows: tuple[tuple[str, str], ...] = (),
        misconception: str | None = None,
        share: float = 0.0,
    ) -> Result:
        """Report a wrong answer, with the share of cases that it passed."""
        return Result(self.id, "wrong", content, misconception, rows, share=share)

    def unjudged(self, error: BaseException) -> Result:
        """Report an answer that the check itself failed on, which says nothing about the learner's code."""
        kind = type(error).__name__
        return self.wrong(message("exercises.raised.check", name=self.name, error=f"{kind}: {error_text(error)}"))

    def missing(self) -> Result:
        """Report an answer that is still the starter."""
        key = "missing" if "..." in self.starter else "unchanged"
        return Result(self.id, "not attempted", message(f"exercises.{key}", name=self.name))

    def card(self) -> Card:
        """Return the task, how to check an answer, and the starter."""
        lines = (message(self.key("task")), message("exercises.how", id=self.id, name=self.name))
        return Card(f"{self.id}: {message(self.key('title'))}", lines, code=self.starter)


def record_result(result: Result) -> Result:
    """Record a result in the progress file; under ``DLVIZ_STRICT=1`` raise unless it is right."""
    if result.verdict != "not attempted":
        notes = progress_file.record(result.id, result.passed, float(result))
        result = replace(result, notes=result.notes + notes)
        refresh_bars()
    if os.environ.get("DLVIZ_STRICT", "") not in ("", "0") and not result.passed:
        raise (NotAttempted if result.verdict == "not attempted" else Wrong)(result.card().text())
    return result
