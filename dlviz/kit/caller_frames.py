"""The stack frames of the learner's own code, and the names of the variables in them."""

import inspect
import os
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from types import CodeType, FrameType
from typing import Any


def _folder(module: str) -> list[str]:
    spec = find_spec(module)
    return [os.path.dirname(spec.origin)] if spec is not None and spec.origin else []


_LIBRARIES = tuple(
    os.path.realpath(path) + os.sep
    for path in (
        os.path.dirname(os.path.dirname(__file__)),
        *_folder("torch"),
        *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")),
    )
)


def is_library(code: CodeType) -> bool:
    """Return whether `code` belongs to torch, Python, dlviz or another installed package."""
    return is_library_file(code.co_filename)


@cache
def is_library_file(name: str) -> bool:
    """Return whether the file of that name belongs to torch, Python, dlviz or another installed package."""
    # ipykernel runs cells from a temporary file; <string> and friends are made by libraries such as dataclasses.
    return name.startswith(("<frozen", "<string")) or os.path.realpath(name).startswith(_LIBRARIES)


def user_frames(depth: int = 1) -> list[FrameType]:
    """Return the frames of the learner's code, innermost first."""
    frame: FrameType | None = sys._getframe(depth)
    frames = []
    while frame is not None:
        if not is_library(frame.f_code):
            frames.append(frame)
        frame = frame.f_back
    return frames


def variables(frame: FrameType) -> dict[str, Any]:
    """Return a copy of the frame's local variables.

    Up to Python 3.12 a function's frame keeps the dictionary that ``f_locals`` returns, with every tensor in it; so it is emptied.
    """
    f_locals = frame.f_locals
    copied = dict(f_locals)
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(f_locals) is dict:
        f_locals.clear()
    return copied


def scope(depth: int = 1) -> dict[str, Any]:
    """Return the variables that the learner's calling code sees: its globals, updated with its locals."""
    frames = user_frames(depth + 1)
    return {**frames[0].f_globals, **variables(frames[0])} if frames else {}


def name_of(value: Any, names: dict[str, Any], default: str) -> str:
    """Return the name of the variable in `names` that is this very object, the last one if there are several."""
    matching = [name for name, other in names.items() if other is value and not name.startswith("_")]
    return matching[-1] if matching else default
