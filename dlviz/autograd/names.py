"""Names of tensors and modules: variables of the calling cell or function, and parameters by their path in a module."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dlviz.torchkit import modules

#: Variables in which IPython keeps earlier inputs and outputs.
_IPYTHON_VARIABLES = ("In", "Out")


class VariableNames:
    """Look up the names of tensors and modules by identity. Inner frames take precedence over outer ones.

    Attributes:
        computed: ``(name, tensor)`` for each named tensor that has a ``grad_fn``.
    """

    def __init__(
        self, scopes: Sequence[Mapping[str, Any]], model: nn.Module | None, names: Mapping[str, Tensor]
    ) -> None:
        self._tensors: dict[int, str] = {id(tensor): name for name, tensor in names.items()}
        self._modules: dict[int, str] = {}
        self._buffers: set[int] = set()
        self.computed: list[tuple[str, Tensor]] = [(name, t) for name, t in names.items() if t.grad_fn is not None]
        variables = [item for scope in scopes for item in _variables(scope)]
        for name, value in variables:
            if isinstance(value, nn.Module):
                self._add_module(name, value)
        if model is not None and id(model) not in self._modules:
            self._add_module(type(model).__name__.lower(), model)
        for variable, value in variables:
            for name, tensor in _named_tensors(variable, value):
                self._tensors.setdefault(id(tensor), name)
                if tensor.grad_fn is not None:
                    self.computed.append((name, tensor))

    def _add_module(self, root: str, module: nn.Module) -> None:
        for path, inner in modules.named_modules(module):
            prefix = f"{root}.{path}" if path else root
            self._modules.setdefault(id(inner), prefix)
            for registry in (inner._parameters, inner._buffers):
                for name, tensor in registry.items():
                    self._tensors.setdefault(id(tensor), f"{prefix}.{name}")
            self._buffers.update(map(id, inner._buffers.values()))

    def is_buffer(self, tensor: Tensor) -> bool:
        """Return whether a tensor is a module's buffer, such as a running mean."""
        return id(tensor) in self._buffers

    def tensor_name(self, tensor: Tensor) -> str:
        """Return the name of a tensor; of a view, its base's name with ``[…]``; else ``""``."""
        name = self._tensors.get(id(tensor), "")
        if not name and tensor._is_view() and tensor._base is not None:
            base = self._tensors.get(id(tensor._base), "")
            name = f"{base}[…]" if base else ""
        return name

    def module_path(self, module: nn.Module) -> str:
        """Return the path of a module, or its class's name if no variable leads to it."""
        return self._modules.get(id(module)) or type(module).__name__


def _variables(scope: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in list(scope.items()):
        if not name.startswith("_") and name not in _IPYTHON_VARIABLES:
            yield name, value


def _named_tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensor of a variable, or those in its list, tuple or dict."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (list, tuple)) and len(value) <= 1000:
        for i, item in enumerate(value):
            if isinstance(item, Tensor):
                yield f"{name}[{i}]", item
    elif isinstance(value, dict) and len(value) <= 1000:
        for key, item in list(value.items()):
            if isinstance(item, Tensor):
                yield f"{name}[{key!r}]", item
