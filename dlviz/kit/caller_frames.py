"""Whose code called: the learner's own frames, and the names that the learner gave to things."""

import inspect
import os
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from types import CodeType, FrameType
from typing import Any


def _folder(module: str) -> list[str]:
    found = find_spec(module)
    return [os.path.dirname(found.origin)] if found is not None and found.origin else []


_LIBRARIES = tuple(
    os.path.realpath(path) + os.sep
    for path in (
        os.path.dirname(os.path.dirname(__file__)),
        *_folder("torch"),
        *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")),
    )
)


@cache
def is_library(code: CodeType) -> bool:
    """True for torch's code, Python's, dlviz's and that of other installed packages."""
    name = code.co_filename
    # ipykernel runs cells from a temporary file; <string> and friends are made by libraries such as dataclasses.
    return name.startswith(("<frozen", "<string")) or os.path.realpath(name).startswith(_LIBRARIES)


def user_frames(depth: int = 1) -> list[FrameType]:
    """The learner's frames, innermost first."""
    frame: FrameType | None = sys._getframe(depth)
    found = []
    while frame is not None:
        if not is_library(frame.f_code):
            found.append(frame)
        frame = frame.f_back
    return found


def variables(frame: FrameType) -> dict[str, Any]:
    """The frame's local variables, as a copy.

    Up to Python 3.12 a function's frame keeps the dictionary it hands out, and with it every tensor in it; so it is emptied.
    """
    handed_out = frame.f_locals
    copied = dict(handed_out)
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(handed_out) is dict:
        handed_out.clear()
    return copied


def scope(depth: int = 1) -> dict[str, Any]:
    """What names mean where the learner's call stands: the caller's globals, and over them its local variables."""
    frames = user_frames(depth + 1)
    return {**frames[0].f_globals, **variables(frames[0])} if frames else {}


def name_of(value: Any, names: dict[str, Any], default: str) -> str:
    """The variable in `names` that is this very object; of several the one that was named last."""
    found = [name for name, other in names.items() if other is value and not name.startswith("_")]
    return found[-1] if found else default
