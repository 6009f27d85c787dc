"""Trace of a forward pass: every call of a leaf module and every torch function between them, in execution order."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
    resolve_name,
)

from dlviz.torchkit.model_copies import GeneratorStates, generators_restored, initialize_lazy, on_copies
from dlviz.torchkit.modules import modules, named_children, named_modules
from dlviz.torchkit.nested import tensors_in


class CallTracer(TorchFunctionMode):
    """Base class that traces every call of a model: leaf modules with hooks, functions between them with torch's function mode.

    A subclass implements :meth:`on_call` and attaches a tag of its own to tensors with :meth:`tag`.

    Attributes:
        model: the traced model.
        tags: the tag of each tensor, by the tensor's id.
        current: name and kind of the running call, ``None`` between two calls.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.tags: dict[int, Any] = {}
        self.current: tuple[str, str] | None = None
        #: Keeps tagged tensors alive, so that no id is reused.
        self._tagged: list[Tensor] = []
        self._depth = 0
        #: Modes above this one in torch's stack, while a module runs without it.
        self._modes_above: list[TorchFunctionMode] | None = None
        self._sources: tuple[Any, ...] = ()
        # A module at several places has the name of the first.
        self._names = {id(module): name for name, module in named_modules(model)}
        #: Paths of the lazy layers that the first run initialized.
        self.initialized: list[str] = []
        self._name_counts: dict[str, int] = {}

    def is_leaf(self, module: nn.Module) -> bool:
        """Return whether a module counts as one call; the functions in a learner's own model without submodules are traced.

        Nothing inside a scripted or traced module can be seen.
        """
        if isinstance(module, torch.jit.ScriptModule):
            return True
        own = module is self.model and not type(module).__module__.startswith("torch.")
        return not named_children(module) and not own

    def path(self, module: nn.Module) -> str:
        """Return the module's first path in ``model.named_modules()``, "" for the model itself."""
        return self._names.get(id(module), "")

    def on_call(
        self,
        name: str,
        module: nn.Module | None,
        function: Callable[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        sources: tuple[Any, ...],
        output: Any,
    ) -> None:
        """Handle a finished call.

        Args:
            name: the module's path in the model, or the function's name.
            module, function: the one that was called; the other is ``None``.
            args, kwargs: its arguments.
            sources: the tags of the tensors among them, in order.
            output: its return value.
        """
        raise NotImplementedError

    def tag(self, tensor: Tensor, tag: Any) -> None:
        """Attach a tag to a tensor."""
        self.tags[id(tensor)] = tag
        self._tagged.append(tensor)

    def unique_name(self, name: str) -> str:
        """Return the name of this call of a layer or function: "relu" for the first, "relu (2)" for the second."""
        self._name_counts[name] = self._name_counts.get(name, 0) + 1
        return name if self._name_counts[name] == 1 else f"{name} ({self._name_counts[name]})"

    def run(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None = None,
        state_dict: Mapping[str, Tensor] | None = None,
        rng_state: GeneratorStates | Tensor | None = None,
    ) -> Any:
        """Call the model and trace it. Its tensors, its attributes and the random generators stay unchanged.

        Lazy layers are initialized first.

        Args:
            args, kwargs: the model's arguments.
            state_dict: parameters and buffers to use instead of copies of the model's own.
            rng_state: states of the generators to start from; a tensor is that of torch's on the CPU.
        """
        self.initialized = initialize_lazy(self.model, args, kwargs)
        with generators_restored(rng_state), uncompiled(), on_copies(self.model, state_dict), self.hooks(), self:
            return self.model(*args, **dict(kwargs or {}))

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Watch the calls of every leaf module, and stop watching on exit."""
        with ExitStack() as stack:
            for module in modules(self.model):
                if not self.is_leaf(module):
                    continue
                if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                    pre_hook = nn.Module.register_forward_pre_hook(module, self._enter, with_kwargs=True)
                    hook = nn.Module.register_forward_hook(module, self._leave, with_kwargs=True, always_call=True)
                    stack.callback(hook.remove)
                    stack.callback(pre_hook.remove)
                # A call of forward() itself runs no hooks.
                stack.callback(partial(_set_own, module, "forward", vars(module).get("forward", _MISSING)))
                _set_own(module, "forward", partial(self._forward, module, module.forward))
            yield

    def _forward(self, module: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._depth:
            return forward(*args, **kwargs)
        self._enter(module, args, kwargs)
        output = None
        try:
            output = forward(*args, **kwargs)
        finally:
            self._leave(module, args, kwargs, output)
        return output

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._depth == 0:
            self.current = (self._name(module), kind_of(module))
            self._sources = self._of(args, kwargs)
            self._suspend()
        self._depth += 1

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        try:
            if self._depth == 1 and output is not None:  # None where it raised
                # The depth is still 1, so that what on_call does is not traced.
                self.on_call(self._name(module), module, None, args, kwargs, self._sources, output)
                self.current = None
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._resume()

    def _name(self, module: nn.Module) -> str:
        return self.path(module) or kind_of(module)

    def _suspend(self) -> None:
        """Take this mode out of torch's stack while a module runs.

        Even an idle mode makes attention take another path, which rounds differently. Other modes, and tensors with functions of
        their own, stay as they are.
        """
        if self not in _get_current_function_mode_stack():
            return
        above: list[TorchFunctionMode] = []
        while (mode := _pop_mode()) is not self:
            above.insert(0, mode)
        for mode in above:
            _push_mode(mode)
        self._modes_above = above

    def _resume(self) -> None:
        if self._modes_above is None:
            return
        above = [_pop_mode() for _ in self._modes_above][::-1]
        for mode in (self, *above):
            _push_mode(mode)
        self._modes_above = None

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._depth:
            return function(*args, **kwargs)
        name = function_name(function)
        self.current = (name, "function")
        # The tags are read before the call, because an in-place function changes its own input.
        sources = self._of(args, kwargs)
        output = function(*args, **kwargs)
        self.current = None
        if sources and tensors_in(output):
            self.on_call(name, None, function, args, kwargs, sources, output)
        return output

    def _of(self, args: Any, kwargs: Any) -> tuple[Any, ...]:
        return tuple(self.tags[id(tensor)] for tensor in tensors_in(args, kwargs) if id(tensor) in self.tags)


_MISSING = object()


def _set_own(module: nn.Module, name: str, value: Any) -> None:
    """Set an attribute of the instance, past the module's own ``__setattr__``; remove it if the value is missing."""
    if value is _MISSING:
        vars(module).pop(name, None)
    else:
        vars(module)[name] = value


def kind_of(module: nn.Module) -> str:
    """Return the name of the module's class; of a scripted or traced module that of the class it was made from."""
    return str(module.original_name) if isinstance(module, torch.jit.ScriptModule) else type(module).__name__


def uncompiled() -> AbstractContextManager[Any]:
    """Run compiled modules and functions as plain Python, where their calls can be seen."""
    # Nothing is compiled before dynamo is imported, and importing it takes a second.
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


@contextmanager
def modes_restored(model: nn.Module) -> Iterator[None]:
    """Restore each module's own train or eval mode afterwards."""
    modes = [(module, module.training) for module in modules(model)]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Set every module to evaluation mode, and restore each module's own mode afterwards.

    The flag is set directly, because a learner's module may override ``eval()``.
    """
    with modes_restored(model):
        for module in modules(model):
            module.training = False
        yield


def function_name(function: Any) -> str:
    """Return torch's name of a function, such as "relu", "cat", "view" or "getitem"; of an attribute such as ``x.T`` its own name.

    Example:
        >>> function_name(torch.nn.functional.relu), function_name(torch.Tensor.__add__), function_name(torch.Tensor.view)
        ('relu', 'add', 'view')
    """
    name = (resolve_name(function) or getattr(function, "__name__", "function")).split(".")
    last = name[-2] if name[-1] == "__get__" and len(name) > 1 else name[-1]
    plain = last.strip("_")
    plain = plain[1:] if last.startswith("__") and plain in ("radd", "rmul", "iadd", "imul", "isub", "idiv") else plain
    return {"truediv": "div", "rsub": "sub", "rtruediv": "div", "itruediv": "div"}.get(plain, plain)
