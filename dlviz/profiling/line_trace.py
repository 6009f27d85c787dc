"""When each line of the learner's own code ran: Python's trace function notes a time for every line of it, and none for libraries."""

import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, NamedTuple

from dlviz.kit.caller_frames import is_library

#: Lines that are noted at most: a loop in Python over every sample of a large data set would fill the memory.
MAX_NOTES = 500_000


class Place(NamedTuple):
    """A line of code: its code object and its number."""

    code: CodeType
    line: int


@dataclass(frozen=True)
class LineTimes:
    """The line of the learner's code that ran at every time, in one thread.

    Attributes:
        times: when a line began or went on, in nanoseconds since 1970, in increasing order.
        places: the line from each of those times on; ``None`` where it is not known.
    """

    times: list[int]
    places: list[Place | None]

    def at(self, time_ns: int) -> Place | None:
        """Return the line that ran at a time, or ``None``."""
        k = bisect_right(self.times, time_ns) - 1
        return self.places[k] if k >= 0 else None


class LineTrace:
    """Notes the lines of the learner's code while it is active, in the thread that starts it.

    Args:
        outer: frames of the learner's that already run, innermost first; their next lines are noted too.

    A trace function that was there before, such as a debugger's, is put back at the end.
    """

    def __init__(self, outer: list[FrameType]) -> None:
        self._frames = outer[::-1]
        self._outer = [(frame, frame.f_trace) for frame in outer[:1]]
        self._times: list[int] = []
        self._places: list[Place | None] = []
        self._libraries: dict[CodeType, bool] = {}
        self._before: Any = None

    def __enter__(self) -> "LineTrace":
        self._before = sys.gettrace()
        self._note()
        for frame, _ in self._outer:
            frame.f_trace = self._on_line
        sys.settrace(self._on_call)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(self._before)
        for frame, trace in self._outer:
            frame.f_trace = trace
        self._outer, self._frames = [], []

    @property
    def lines(self) -> LineTimes:
        """The lines so far."""
        return LineTimes(self._times, self._places)

    def _note(self) -> None:
        if len(self._times) >= MAX_NOTES:
            return
        if len(self._times) == MAX_NOTES - 1:
            self._frames.clear()
        frame = self._frames[-1] if self._frames else None
        self._times.append(time.time_ns())
        self._places.append(None if frame is None else Place(frame.f_code, frame.f_lineno))

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if len(self._times) >= MAX_NOTES:
            return None
        code = frame.f_code
        library = self._libraries.get(code)
        if library is None:
            # What torch.compile generates lies in a folder for temporary files.
            library = self._libraries[code] = is_library(code) or "torchinductor" in code.co_filename
        if library:
            return None
        self._frames.append(frame)
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if len(self._times) >= MAX_NOTES:
            return None
        if event == "return":
            # The rest of the calling line runs now; it is not announced again.
            if frame in self._frames[-1:]:
                self._frames.pop()
            self._note()
        elif event == "line":
            if self._frames[-1:] != [frame]:
                self._frames.append(frame)
            self._note()
        return self._on_line
