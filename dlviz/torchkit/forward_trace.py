"""Trace of a forward pass: every call of a leaf module and every torch function between them, in execution order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_flatten


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
        self._mode_disabled = ExitStack()
        self._sources: tuple[Any, ...] = ()
        self._names = {id(module): name for name, module in model.named_modules(remove_duplicate=False)}
        self._name_counts: dict[str, int] = {}

    def is_leaf(self, module: nn.Module) -> bool:
        """Return whether a module counts as one call; the functions in a learner's own model without submodules are traced."""
        own = module is self.model and not type(module).__module__.startswith("torch.")
        return next(module.children(), None) is None and not own

    def path(self, module: nn.Module) -> str:
        """Return the module's name in ``model.named_modules()``, "" for the model itself."""
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
        rng_state: Tensor | None = None,
    ) -> Any:
        """Call the model and trace it. Its parameters, its buffers and the random generators stay unchanged.

        Args:
            args, kwargs: the model's arguments.
            state_dict: parameters and buffers to use instead of the model's own.
            rng_state: CPU generator state to start from.

        Source:
            https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
        """
        # A layer such as batch norm writes into its buffers during the pass, so it gets copies.
        state = {name: buffer.clone() for name, buffer in self.model.named_buffers()} | dict(state_dict or {})
        with _fork_rng(args, rng_state), self.hooks(), self:
            return torch.func.functional_call(self.model, state, tuple(args), dict(kwargs or {}), strict=False)

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Register hooks on every leaf module, and remove them on exit."""
        with ExitStack() as stack:
            for module in self.model.modules():
                if self.is_leaf(module):
                    stack.callback(module.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
                    stack.callback(module.register_forward_hook(self._leave, with_kwargs=True, always_call=True).remove)
            stack.callback(self._mode_disabled.close)
            yield

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._depth == 0:
            self.current = (self.path(module) or type(module).__name__, type(module).__name__)
            self._sources = self._of(args, kwargs)
            # Inside a module the mode is disabled: with it, attention would take another path, which rounds differently.
            self._mode_disabled.enter_context(torch._C.DisableTorchFunction())
        self._depth += 1

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._depth == 1:
            # The depth is still 1, so that what on_call does is not traced.
            self._mode_disabled.close()
            if output is not None:  # None where it raised
                name = self.path(module) or type(module).__name__
                self.on_call(name, module, None, args, kwargs, self._sources, output)
                self.current = None
        self._depth -= 1

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
        if sources and any(isinstance(leaf, Tensor) for leaf in tree_flatten(output)[0]):
            self.on_call(name, None, function, args, kwargs, sources, output)
        return output

    def _of(self, args: Any, kwargs: Any) -> tuple[Any, ...]:
        leaves = tree_flatten([list(args), dict(kwargs)])[0]
        return tuple(self.tags[id(leaf)] for leaf in leaves if isinstance(leaf, Tensor) and id(leaf) in self.tags)


@contextmanager
def _fork_rng(args: Sequence[Any], rng_state: Tensor | None) -> Iterator[None]:
    """Start the generators from `rng_state` and restore them afterwards."""
    devices = {leaf.device for leaf in tree_flatten(list(args))[0] if isinstance(leaf, Tensor) and leaf.is_cuda}
    with torch.random.fork_rng(devices=[device.index or 0 for device in devices]):
        if rng_state is not None:
            torch.set_rng_state(rng_state)
            for _device in devices:
                torch.cuda.manual_seed(int(rng_state[:8].sum()))
        yield


@contextmanager
def modes_restored(model: nn.Module) -> Iterator[None]:
    """Restore each module's own train or eval mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
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
        for module in model.modules():
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
