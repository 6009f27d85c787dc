"""Where in the learner's code an operation was called: file or notebook cell, line, and the very expression."""

import linecache
import os
import sys
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import NamedTuple

from dlviz.kit.caller_frames import is_library


class Spot(NamedTuple):
    """A place in running code, cheap to take; :func:`locate` makes it readable."""

    code: CodeType
    instruction: int


@dataclass(frozen=True)
class Source:
    """A line of the learner's code. `where` reads "cell 4" in a notebook, else the file's name."""

    where: str
    line: int
    text: str
    expression: str

    def __str__(self) -> str:
        return f"{self.where}, line {self.line}"


def here(depth: int = 1) -> Spot | None:
    """The innermost frame that is the learner's own, not torch's, Python's or dlviz's."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        if not is_library(code):
            return Spot(code, frame.f_lasti)
        frame = frame.f_back
    return None


@cache
def locate(spot: Spot) -> Source:
    """The readable form of `spot`: cell or file, line number, the line's text, the expression that ran."""
    code = spot.code
    positions = _positions(code)
    index = spot.instruction // 2
    line, last, start, end = positions[index] if 0 <= index < len(positions) else (None, None, None, None)
    line = line or code.co_firstlineno
    text = linecache.getline(code.co_filename, line).rstrip("\n")
    expression = ""
    if last == line and start is not None and end is not None:  # columns are counted in UTF-8 bytes
        expression = text.encode()[start:end].decode(errors="replace")
    return Source(_place(code.co_filename), line, text.strip(), expression)


@cache
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())


def _place(filename: str) -> str:
    compiler = getattr(_shell(), "compile", None)
    named = compiler.format_code_name(filename) if compiler is not None else None
    if named:  # IPython answers ("Cell", "In[4]") for its own cells
        return "cell " + named[1].removeprefix("In[").removeprefix("Input ").removesuffix("]")
    return os.path.basename(filename)


def _shell() -> object | None:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
