"""A learner's callables: the modules that they run, and a block in which they run without leaving a trace."""

import inspect
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import CodeType, FunctionType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from dlviz.torchkit.forward_trace import eval_mode, uncompiled
from dlviz.torchkit.model_copies import generators_restored, on_copies

Kind = TypeVar("Kind")

#: Calls within calls that are searched, items of a container, and objects in all: a notebook's variables may lead to anything.
_MAX_DEPTH, _MAX_ITEMS, _MAX_SEARCHED = 4, 100, 2000
#: Decorators of one function that are followed.
_MAX_DECORATORS = 10
#: Packages whose functions hold no module of the learner's.
_LIBRARIES = {"torch", "numpy", *sys.stdlib_module_names} - {"__main__"}


def modules_of(function: Callable[..., Any]) -> list[nn.Module]:
    """Return the modules that a callable runs, as far as they can be found: itself, its object, or variables that it uses.

    Other functions that it calls, and lists and dictionaries that it reads, are searched too.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> double = lambda x: 2 * layer(x)
        >>> modules_of(lambda x: double(x).sigmoid())
        [Linear(in_features=2, out_features=2, bias=True)]
    """
    return objects_of(function, nn.Module)


def objects_of(function: Callable[..., Any], kind: type[Kind], *, all_attributes: bool = False) -> list[Kind]:
    """Return the objects of one type that a callable uses, found as those of :func:`modules_of` are, each once.

    Args:
        function: the callable.
        kind: the type.
        all_attributes: whether to search all attributes of the learner's own objects, not only those that the callable itself names.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> optimizer = torch.optim.SGD(layer.parameters())
        >>> [type(found).__name__ for found in objects_of(lambda: optimizer.step(), torch.optim.Optimizer)]
        ['SGD']
    """
    found = _objects_in(function, kind, all_attributes)
    return list({id(one): one for one in found}.values())


def _objects_in(value: Any, kind: type[Kind], all_attributes: bool) -> Iterator[Kind]:
    """Yield the objects of a type that a value is, holds or uses, the nearest first."""
    # What has been searched is kept, so that no new object gets the identity of an old one.
    searched: dict[int, Any] = {}
    queue = deque([(value, _MAX_DEPTH)])
    while queue and len(searched) < _MAX_SEARCHED:
        one, depth = queue.popleft()
        if isinstance(one, kind):
            yield one
        if isinstance(one, (nn.Module, Tensor)) or id(one) in searched or depth < 0:
            continue
        searched[id(one)] = one
        queue.extend((part, depth - 1) for part in _parts(one) + (_attributes(one) if all_attributes else []))


def _parts(value: Any) -> list[Any]:
    """Return what a value holds, if it is a container, or uses, if it is a callable of the learner's."""
    if isinstance(value, (list, tuple)):
        return list(value[:_MAX_ITEMS])
    if isinstance(value, dict):
        return list(value.values())[:_MAX_ITEMS]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    is_routine = inspect.isroutine(value)
    owner = getattr(value, "__self__", None) if is_routine else value
    if isinstance(owner, nn.Module):
        return [owner]
    if inspect.isclass(value):
        return []
    function = (
        getattr(value, "__func__", value) if is_routine else inspect.getattr_static(type(value), "__call__", None)
    )
    values: list[Any] = []
    names: dict[str, None] = {}
    for one in _decorated(function):
        if not inspect.isfunction(one):  # a decorator was given a module, or a method of another object
            values += [] if one is function else [one]
        elif one.__globals__.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            names.update(dict.fromkeys(name for code in _codes(one.__code__) for name in code.co_names))
            values += _variables(one, names)
    holders = [*values, *([] if owner is None else [owner])]
    return [*values, *(part for holder in holders for name in names for part in _attribute(holder, name))]


def _decorated(function: Any) -> Iterator[Any]:
    """Yield a function and what its decorators were given, the outermost first."""
    for _ in range(_MAX_DECORATORS):
        if function is None:
            return
        yield function
        function = None if isinstance(function, nn.Module) else getattr(function, "__wrapped__", None)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function, and that of the functions, lambdas and comprehensions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _variables(function: FunctionType, names: Iterable[str]) -> list[Any]:
    """Return the values of a function's enclosing variables, of its defaults, and of the global variables with the given names."""
    values = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # nothing has been assigned to the variable yet
            values.append(cell.cell_contents)
    values += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return values + [function.__globals__[name] for name in names if name in function.__globals__]


def _attributes(value: Any) -> list[Any]:
    """Return the attributes of an object of a learner's class, or of the object whose method a value is."""
    owner = getattr(value, "__self__", None) if inspect.ismethod(value) else value
    if type(owner).__module__.partition(".")[0] in {*_LIBRARIES, "builtins"} or not hasattr(owner, "__dict__"):
        return []
    return list(vars(owner).values())[:_MAX_ITEMS]


def _attribute(holder: Any, name: str) -> list[Any]:
    """Return an object's own attribute, or a method of its class, without running a property."""
    if isinstance(holder, nn.Module) or not hasattr(holder, "__dict__"):
        return []
    if name in vars(holder):
        return [vars(holder)[name]]
    is_method = inspect.isfunction(inspect.getattr_static(type(holder), name, None))
    return [getattr(holder, name)] if is_method else []


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
