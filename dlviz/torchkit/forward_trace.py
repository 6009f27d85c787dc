"""A forward run, watched: every call of a leaf module and every torch function between them, in real order. Every room may watch so."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_flatten


class CallTracer(TorchFunctionMode):
    """Sees every call while the model runs: leaf modules by hooks, functions between them by torch's function mode.

    Who watches says in :meth:`saw` what becomes of a call, and notes in `made` what each tensor is.

    Attributes:
        model: what runs.
        made: what each tensor is, by its identity.
        running: name and kind of the call that is running, ``None`` between two.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.made: dict[int, Any] = {}
        self.running: tuple[str, str] | None = None
        #: Kept so that no identity is given twice.
        self._kept: list[Tensor] = []
        self._inside = 0
        self._quiet = ExitStack()
        self._sources: tuple[Any, ...] = ()
        self._names = {id(module): name for name, module in model.named_modules(remove_duplicate=False)}
        self._taken: dict[str, int] = {}

    def leaf(self, module: nn.Module) -> bool:
        """Whether a module is one call, and not looked into: a learner's own model without submodules is looked into."""
        own = module is self.model and not type(module).__module__.startswith("torch.")
        return next(module.children(), None) is None and not own

    def path(self, module: nn.Module) -> str:
        """The module's place in the model, "" for the model itself."""
        return self._names.get(id(module), "")

    def saw(
        self,
        name: str,
        module: nn.Module | None,
        function: Callable[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        sources: tuple[Any, ...],
        output: Any,
    ) -> None:
        """A call has ended.

        Args:
            name: the module's place in the model, or the function's name.
            module, function: which of them was called; the other is ``None``.
            args, kwargs: what it was given.
            sources: what `made` says of the tensors among them, in order.
            output: what it gave.
        """
        raise NotImplementedError

    def note(self, tensor: Tensor, what: Any) -> None:
        """Note what a tensor is."""
        self.made[id(tensor)] = what
        self._kept.append(tensor)

    def unique(self, name: str) -> str:
        """A second call of the same layer or function is called so: "relu", "relu (2)"."""
        self._taken[name] = self._taken.get(name, 0) + 1
        return name if self._taken[name] == 1 else f"{name} ({self._taken[name]})"

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Hooks on every leaf, taken away again whatever happens."""
        with ExitStack() as stack:
            for module in self.model.modules():
                if self.leaf(module):
                    stack.callback(module.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
                    stack.callback(module.register_forward_hook(self._leave, with_kwargs=True, always_call=True).remove)
            stack.callback(self._quiet.close)
            yield

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._inside == 0:
            self.running = (self.path(module) or type(module).__name__, type(module).__name__)
            self._sources = self._of(args, kwargs)
            # Inside, torch must not find itself watched: attention would take another path, with other roundings.
            self._quiet.enter_context(torch._C.DisableTorchFunction())
        self._inside += 1

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._inside == 1:
            # Still inside, so that what is done here is no call of the learner's.
            self._quiet.close()
            if output is not None:  # None where it raised
                name = self.path(module) or type(module).__name__
                self.saw(name, module, None, args, kwargs, self._sources, output)
                self.running = None
        self._inside -= 1

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return function(*args, **kwargs)
        name = function_name(function)
        self.running = (name, "function")
        # What it was made from is read first, because the function may write into its own input.
        sources = self._of(args, kwargs)
        output = function(*args, **kwargs)
        self.running = None
        if sources and any(isinstance(leaf, Tensor) for leaf in tree_flatten(output)[0]):
            self.saw(name, None, function, args, kwargs, sources, output)
        return output

    def _of(self, args: Any, kwargs: Any) -> tuple[Any, ...]:
        leaves = tree_flatten([list(args), dict(kwargs)])[0]
        return tuple(self.made[id(leaf)] for leaf in leaves if isinstance(leaf, Tensor) and id(leaf) in self.made)


def function_name(function: Any) -> str:
    """What torch calls it: "relu", "cat", "view", "getitem"; an attribute such as ``x.T`` by its name.

    Example:
        >>> function_name(torch.nn.functional.relu), function_name(torch.Tensor.__add__), function_name(torch.Tensor.view)
        ('relu', 'add', 'view')
    """
    name = (resolve_name(function) or getattr(function, "__name__", "function")).split(".")
    last = name[-2] if name[-1] == "__get__" and len(name) > 1 else name[-1]
    plain = last.strip("_")
    plain = plain[1:] if last.startswith("__") and plain in ("radd", "rmul", "iadd", "imul", "isub", "idiv") else plain
    return {"truediv": "div", "rsub": "sub", "rtruediv": "div", "itruediv": "div"}.get(plain, plain)
