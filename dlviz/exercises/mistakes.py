"""Mistakes people make in place of a solution; most are stored as the difference from it.

A mistake that changes a few pieces of the solution is a mapping from each piece to what replaces it:

>>> from dlviz.exercises.lesson00.exercises import double
>>> tripled = changed(double, "tripled", {"2 * x": "3 * x"})
>>> tripled(2)
6

A mistake that is another program altogether is a function.
"""

import ast
import inspect
import linecache
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

Changes = Mapping[str, str]
Mistake = Callable[..., Any] | Changes


def as_functions(reference: Callable[..., Any], mistakes: Mapping[str, Mistake]) -> dict[str, Callable[..., Any]]:
    """Return each mistake, by name, as a function or class that can be called like the solution."""
    return {
        name: mistake if callable(mistake) else changed(reference, name, mistake) for name, mistake in mistakes.items()
    }


def changed(reference: Callable[..., Any], name: str, changes: Changes) -> Callable[..., Any]:
    """Return the solution with some pieces of its code replaced, compiled where the solution was.

    Args:
        reference: the solution, a function or class whose source can be read.
        name: the ``__name__`` of what is returned.
        changes: pieces of the solution's code, each with what replaces it. The docstring is no part of the code.

    Raises:
        ValueError: a piece does not occur exactly once, or two pieces overlap.
    """
    code = without_docstring(textwrap.dedent(inspect.getsource(reference)))
    missing = [piece for piece in changes if code.count(piece) != 1]
    if missing:
        raise ValueError(f"{name}: not exactly once in {reference.__name__}: {missing}")
    code, count = re.subn("|".join(map(re.escape, changes)), lambda match: changes[match[0]], code)
    if count != len(changes):
        raise ValueError(f"{name}: the pieces overlap: {list(changes)}")
    # A file name below this package: an exception in a mistake is not taken for one on a learner's own line.
    file = f"{inspect.getfile(reference)}:{name}"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    made: dict[str, Any] = {}
    exec(compile(code, file, "exec"), vars(sys.modules[reference.__module__]), made)
    wrong = made[reference.__name__]
    wrong.__name__ = name
    return wrong


def without_docstring(code: str) -> str:
    """Return the source of one function or class without its docstring."""
    (definition,) = ast.parse(code).body
    assert isinstance(definition, (ast.FunctionDef, ast.ClassDef))
    if ast.get_docstring(definition) is None:
        return code
    docstring = definition.body[0]
    lines = code.splitlines(keepends=True)
    return "".join(lines[: docstring.lineno - 1] + lines[docstring.end_lineno :])
