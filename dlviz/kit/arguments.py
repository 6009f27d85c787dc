"""Arguments that a public function does not take: the error suggests the nearest name."""

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from typing import ParamSpec, TypeVar

from dlviz.kit.messages import message

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def unknown_argument(function: str, name: str, known: Iterable[str]) -> TypeError:
    """Return the error for an argument called `name`, which `function` does not take.

    Example:
        >>> str(unknown_argument("graph", "thme", ["step", "theme"]))
        'graph: no such argument: thme. Did you mean theme? It takes step, theme.'
    """
    names = list(known)
    near = get_close_matches(name.lower(), names, n=1)
    if near:
        return TypeError(
            message("kit.refused.argument_near", function=function, name=name, near=near[0], known=", ".join(names))
        )
    return TypeError(message("kit.refused.argument", function=function, name=name, known=", ".join(names)))


def suggests_names(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a public function so that a misspelled argument raises an error that suggests the nearest of its parameters.

    Example:
        >>> @suggests_names
        ... def race(*, steps: int = 100) -> int:
        ...     return steps
        >>> race(stpes=3)
        Traceback (most recent call last):
            ...
        TypeError: race: no such argument: stpes. Did you mean steps? It takes steps.
    """
    parameters = inspect.signature(function).parameters
    known = [name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        for name in kwargs:
            if name not in known:
                raise unknown_argument(function.__name__, name, known)
        return function(*args, **kwargs)

    return call
