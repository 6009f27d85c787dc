"""Mistakes people make in place of a solution; most are stored as the difference from it.

A mistake that changes a few pieces of the solution is a mapping from each piece to what replaces it:

>>> from dlviz.exercises.lesson00.exercises import double
>>> tripled = changed(double, "tripled", {"2 * x": "3 * x"})
>>> tripled(2)
6

A mistake that is another program altogether is a function.
"""

import inspect
import linecache
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from dlviz.exercises.source import listing, split_at_docstring

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
        changes: pieces of the solution's code, each with what replaces it.

    Raises:
        ValueError: the changes do not fit, see :func:`changed_source`.
    """
    code = changed_source(reference, changes)
    # A file name below this package: an exception in a mistake is not taken for one on a learner's own line.
    # With the solution's name: two exercises of a lesson may have mistakes of one name.
    file = f"{inspect.getfile(reference)}:{reference.__name__}:{name}"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    made: dict[str, Any] = {}
    exec(compile(code, file, "exec"), vars(sys.modules[reference.__module__]), made)
    wrong = made[reference.__name__]
    wrong.__name__ = name
    return wrong


def changed_source(reference: Callable[..., Any], changes: Changes) -> str:
    """Return the solution's source with some pieces replaced; the docstring stays as it is.

    Raises:
        ValueError: a piece does not occur exactly once, or two pieces overlap.
    """
    parts = split_at_docstring(listing(reference))
    code = parts[0] + parts[2]
    missing = [piece for piece in changes if code.count(piece) != 1]
    if missing:
        raise ValueError(f"not exactly once in {reference.__name__}: {missing}")
    pattern = "|".join(map(re.escape, changes))
    if len(re.findall(pattern, code)) != len(changes):
        raise ValueError(f"the pieces overlap in {reference.__name__}: {list(changes)}")
    head, body = (re.sub(pattern, lambda match: changes[match[0]], part) for part in (parts[0], parts[2]))
    return head + parts[1] + body
