"""Keywords of ``dlviz.attention``: those of the widget, and those that go to the module."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from dlviz.kit.arguments import unknown_argument


def split_options(
    module: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], known: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the module's own keywords and the widget's options.

    A keyword that the module's ``forward`` names, and that no positional argument has filled, is the module's.

    Args:
        module: what is called.
        args, kwargs: what it was given.
        known: names of the widget's options.

    Raises:
        TypeError: neither the module nor the widget has a keyword of that name.

    Example:
        >>> class Model(nn.Module):
        ...     def forward(self, tokens, mask=None): ...
        >>> split_options(Model(), [1], {"tokens": "abc", "mask": 2}, ["tokens"])
        ({'mask': 2}, {'tokens': 'abc'})
        >>> split_options(Model(), [], {"tokens": 1}, ["tokens"])
        ({'tokens': 1}, {})
    """
    options, names, takes_any = list(known), *_parameters(module, len(args))
    own = {name: value for name, value in kwargs.items() if name in names or name not in options}
    for name in own:
        if name not in names and not takes_any:
            raise unknown_argument("attention", name, [*options, *names])
    return own, {name: value for name, value in kwargs.items() if name not in own}


def _parameters(module: Callable[..., Any], given: int) -> tuple[list[str], bool]:
    """Return the names that a keyword can still have, and whether any other is taken too."""
    function = module.forward if isinstance(module, nn.Module) else module
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin function tells no signature
        return [], True
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    free = [*positional[given:], *(one for one in parameters if one.kind is one.KEYWORD_ONLY)]
    names = [one.name for one in free if one.kind is not one.POSITIONAL_ONLY]
    return names, any(one.kind is one.VAR_KEYWORD for one in parameters)
