"""A learner's callables: the modules that they run, and a block in which they run without leaving a trace."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.torchkit.forward_trace import eval_mode, uncompiled
from dlviz.torchkit.model_copies import generators_restored, on_copies


def modules_of(function: Callable[..., Any]) -> list[nn.Module]:
    """Return the modules that a callable runs, as far as they can be found: itself, its object, or variables that it uses.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> modules_of(lambda x: layer(x).sigmoid())
        [Linear(in_features=2, out_features=2, bias=True)]
    """
    if isinstance(function, nn.Module):
        return [function]
    if hasattr(function, "func"):  # functools.partial
        given = [*getattr(function, "args", ()), *getattr(function, "keywords", {}).values()]
        return [*modules_of(function.func), *(value for value in given if isinstance(value, nn.Module))]
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module):
        return [owner]
    try:
        used = inspect.getclosurevars(function)
    except (TypeError, ValueError):  # a callable without Python code, or with an empty closure
        return []
    values = [*used.nonlocals.values(), *used.globals.values(), *([] if owner is None else [owner])]
    names = function.__code__.co_names
    attributes = [
        vars(value)[name] for value in values if hasattr(value, "__dict__") for name in names if name in vars(value)
    ]
    return [value for value in (*values, *attributes) if isinstance(value, nn.Module)]


def all_modules(functions: Iterable[Callable[..., Any]]) -> list[nn.Module]:
    """Return the modules that some callables run, each once."""
    found = [module for function in functions for module in modules_of(function)]
    return list({id(module): module for module in found}.values())


@contextmanager
def untouched(found: Iterable[nn.Module], state_dict: Mapping[str, Tensor] | None = None) -> Iterator[None]:
    """Run modules inside the block in eval mode, without gradients, on copies of their tensors; random generators are restored.

    Args:
        found: the modules.
        state_dict: tensors to use instead of copies of their own, by their paths in each of them.
    """
    with ExitStack() as stack:
        for context in (torch.no_grad(), generators_restored(), uncompiled()):
            stack.enter_context(context)
        for module in found:
            stack.enter_context(eval_mode(module))
            stack.enter_context(on_copies(module, state_dict))
        yield
