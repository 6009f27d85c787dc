"""The learner's own names: variables of the cell or function that called, and parameters by their path in a module."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

#: A notebook's bookkeeping, and names that say nothing.
_SKIPPED = ("_", "In", "Out")


class Names:
    """Looks up tensors and modules by identity. Inner frames win over outer ones."""

    def __init__(
        self, scopes: Sequence[Mapping[str, Any]], model: nn.Module | None, given: Mapping[str, Tensor]
    ) -> None:
        self.tensors: dict[int, str] = {id(t): name for name, t in given.items()}
        self.modules: dict[int, str] = {}
        self.buffers: set[int] = set()
        self.made: list[tuple[str, Tensor]] = [(n, t) for n, t in given.items() if t.grad_fn is not None]
        roots = [item for scope in scopes for item in _variables(scope)]
        for name, value in roots:
            if isinstance(value, nn.Module):
                self._add_module(name, value)
        if model is not None and id(model) not in self.modules:
            self._add_module(type(model).__name__.lower(), model)
        for name, value in roots:
            for path, tensor in _named_tensors(name, value):
                self.tensors.setdefault(id(tensor), path)
                if tensor.grad_fn is not None:
                    self.made.append((path, tensor))

    def _add_module(self, root: str, module: nn.Module) -> None:
        for path, inner in module.named_modules():
            self.modules.setdefault(id(inner), f"{root}.{path}" if path else root)
        self.buffers.update(id(tensor) for tensor in module.buffers())
        for path, tensor in (*module.named_parameters(), *module.named_buffers()):
            self.tensors.setdefault(id(tensor), f"{root}.{path}")

    def is_buffer(self, tensor: Tensor) -> bool:
        """True for a tensor that a module keeps beside its parameters, such as a running mean."""
        return id(tensor) in self.buffers

    def of(self, tensor: Tensor) -> str:
        """The name of a tensor; of a view, that of its base with ``[…]``; else ``""``."""
        found = self.tensors.get(id(tensor), "")
        if not found and tensor._is_view() and tensor._base is not None:
            base = self.tensors.get(id(tensor._base), "")
            found = f"{base}[…]" if base else ""
        return found

    def path(self, module: nn.Module) -> str:
        """The path of a module, or its class's name where no variable leads to it."""
        return self.modules.get(id(module)) or type(module).__name__


def _variables(scope: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in list(scope.items()):
        if not name.startswith(_SKIPPED[0]) and name not in _SKIPPED:
            yield name, value


def _named_tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
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
