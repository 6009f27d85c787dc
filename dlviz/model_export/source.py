"""Lines of the learner's code: of a running call, of an operation in an exported program, and of an error."""

import linecache
import os
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

import torch

from dlviz.kit.caller_frames import is_library_file
from dlviz.kit.notebook_output import file_or_cell

#: Folders whose frames are no part of the learner's forward pass.
_SKIPPED = tuple(
    str(folder) + os.sep
    for folder in (Path(torch.__file__).parent, Path(__file__).parent, Path(__file__).parent.parent / "torchkit")
)
#: A frame in the text of a stack trace, as Python and torch write it.
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in')


@dataclass(frozen=True)
class CodeLine:
    """A line of code.

    Attributes:
        file: its file, or the name that Python gives to a notebook's cell.
        line: its number.
    """

    file: str
    line: int

    @property
    def text(self) -> str:
        """The line without its indentation; "" if the file cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def where(self) -> str:
        """The file's name without its folder, or "cell 4"."""
        return file_or_cell(self.file)


def is_skipped(file: str) -> bool:
    """Return whether a file belongs to torch or to what runs the model here."""
    return file.startswith((*_SKIPPED, "<frozen", "<eval_with_key>"))


def calling_lines(last: CodeType) -> tuple[CodeLine, ...]:
    """Return the lines that are running, the outermost first, up to the frame that runs the code `last`."""
    lines: list[CodeLine] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not last:
        if not is_skipped(frame.f_code.co_filename):
            lines.append(CodeLine(frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return tuple(reversed(lines))


def traced_lines(text: str | None) -> tuple[CodeLine, ...]:
    """Return the lines of a stack trace's text, without those of torch.

    Example:
        >>> traced_lines('File "net.py", line 7, in forward\\n    return self.a(x)')
        (CodeLine(file='net.py', line=7),)
    """
    found = (CodeLine(file, int(line)) for file, line in _FRAME.findall(text or ""))
    return tuple(line for line in found if not is_skipped(line.file))


def line_of_error(error: BaseException) -> CodeLine | None:
    """Return the innermost line of the learner's code that an error went through; ``None`` if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [CodeLine(frame.filename, frame.lineno or 0) for frame in frames if not is_skipped(frame.filename)]
    # An error inside another library is the learner's line that called it; a whole model may come from a library too.
    own = [line for line in lines if not is_library_file(line.file)]
    found = own or lines
    return found[-1] if found else None
