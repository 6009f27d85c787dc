"""The line of the user's code that called an operation: file or notebook cell, line number, and the expression."""

import linecache
import sys
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import NamedTuple

from dlviz.kit.caller_frames import is_library
from dlviz.kit.notebook_output import file_or_cell

#: Whether a file belongs to a library; the walk through the frames of every operation looks it up.
_library_files: dict[str, bool] = {}


class Location(NamedTuple):
    """An instruction in running code. Cheap to take; :func:`source_line` makes it readable."""

    code: CodeType
    instruction: int


@dataclass(frozen=True)
class SourceLine:
    """A line of the user's code.

    Attributes:
        where: "cell 4" in a notebook, else the file's name.
        line: the line number.
        text: the line without its indentation.
        expression: the part of the line that ran, or "".
    """

    where: str
    line: int
    text: str
    expression: str

    def __str__(self) -> str:
        return f"{self.where}, line {self.line}"


def caller_location(depth: int = 1) -> Location | None:
    """Return the location in the innermost frame that belongs to neither torch, nor Python, nor dlviz."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        library = _library_files.get(code.co_filename)
        if library is None:
            library = _library_files[code.co_filename] = is_library(code)
        if not library:
            return Location(code, frame.f_lasti)
        frame = frame.f_back
    return None


@cache
def source_line(location: Location) -> SourceLine:
    """Return the source line of `location`, with the expression that ran."""
    code = location.code
    positions = _positions(code)
    index = location.instruction // 2
    line, last, start, end = positions[index] if 0 <= index < len(positions) else (None, None, None, None)
    line = line or code.co_firstlineno
    text = linecache.getline(code.co_filename, line).rstrip("\n")
    expression = ""
    if last == line and start is not None and end is not None:  # columns are counted in UTF-8 bytes
        expression = text.encode()[start:end].decode(errors="replace")
    return SourceLine(file_or_cell(code.co_filename), line, text.strip(), expression)


@cache
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())
