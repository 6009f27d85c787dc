"""Arguments that a public function does not take: the error suggests the nearest name, or says what would fit."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import traitlets

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import python_float

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
    known = [name for name, one in parameters.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        for name in kwargs:
            if name not in known:
                raise unknown_argument(function.__name__, name, known)
        return function(*args, **kwargs)

    return call


def check_options(
    function: str, widget: traitlets.HasTraits | type[traitlets.HasTraits], options: Mapping[str, Any]
) -> None:
    """Check that the options of a public function fit the traits of its widget, or of its class before there is one.

    Raises:
        DlvizError: one does not.

    Example:
        >>> class Split(traitlets.HasTraits):
        ...     folds = traitlets.Int(5, min=2)
        >>> check_options("split", Split(), {"folds": "five"})
        Traceback (most recent call last):
            ...
        dlviz.kit.errors.DlvizError: split: folds must be a whole number of at least 2, but got 'five'.
    """
    for name, value in options.items():
        trait: Any = widget.class_traits()[name]
        if (value is None and trait.allow_none) or not hasattr(trait, "validate"):
            continue
        try:
            trait.validate(widget, python_float(value))
        except (traitlets.TraitError, ValueError, RuntimeError, NotImplementedError):
            # An array or a tensor that is compared with the values of an Enum raises an error of its own.
            shown = repr(value) if isinstance(value, (str, int, float, list, tuple)) else type(value).__name__
            got = shown if len(shown) <= _MAX_SHOWN else type(value).__name__
            error = message("kit.refused.option", function=function, name=name, kind=_kind(trait), got=got)
            raise DlvizError(error) from None


def _kind(trait: Any) -> str:
    """Return in words what a trait takes."""
    if isinstance(trait, traitlets.Enum):
        return message("kit.option.enum", values=", ".join(map(str, trait.values or ())))
    if isinstance(trait, traitlets.List):
        item = getattr(trait, "_trait", None)
        return message("kit.option.list", items=message(_ITEMS.get(type(item), "kit.option.values")))
    text = message(_KINDS.get(type(trait), "kit.option.value"))
    low, high = (getattr(trait, end, None) for end in ("min", "max"))
    # Without bounds those of a float are infinite.
    low, high = (None if bound in (-math.inf, math.inf) else bound for bound in (low, high))
    if low is not None and high is not None:
        return text + message("kit.option.between", low=low, high=high)
    return text if low is None else text + message("kit.option.at_least", low=low)


#: Messages of what a trait takes, and of what the items of a list are.
_KINDS: dict[type, str] = {
    traitlets.Int: "kit.option.int",
    traitlets.Float: "kit.option.float",
    traitlets.Bool: "kit.option.bool",
    traitlets.Unicode: "kit.option.text",
}
_ITEMS: dict[type, str] = {
    traitlets.Int: "kit.option.ints",
    traitlets.Float: "kit.option.floats",
    traitlets.List: "kit.option.lists",
}
#: Characters of a value that an error shows; of a longer one it names the type.
_MAX_SHOWN = 60
