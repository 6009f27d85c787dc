"""An example of a model's arguments, flattened as torch.export flattens them, and the names of its tensors."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Example:
    """A model with arguments on which it runs.

    Attributes:
        model: the model.
        args, kwargs: its arguments.
        leaves: the arguments without the lists, tuples and dictionaries around them.
    """

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    leaves: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.leaves, self._structure = torch.utils._pytree.tree_flatten((self.args, self.kwargs))

    def unflatten(self, leaves: Sequence[Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return flattened arguments as positional and keyword arguments, with copies of the tensors, which a call may overwrite."""
        args, kwargs = torch.utils._pytree.tree_unflatten([_copy(leaf) for leaf in leaves], self._structure)
        return args, kwargs

    def copy(self) -> "Example":
        """Return the same with copies of the tensors; one that stands at two places has two."""
        args, kwargs = self.unflatten(self.leaves)
        return Example(self.model, tuple(args), dict(kwargs))

    def runner(self, run: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
        """Return a function that calls `run` with flattened arguments."""

        def call(leaves: Sequence[Any]) -> Any:
            args, kwargs = self.unflatten(leaves)
            return run(*args, **kwargs)

        return call

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors among the arguments."""
        return [leaf for leaf in self.leaves if isinstance(leaf, Tensor)]

    @property
    def names(self) -> list[str]:
        """The name of each tensor, as the program calls it: the parameter of forward, followed by keys and indices inside the argument.

        Example:
            >>> x = torch.zeros(1, 2)
            >>> Example(nn.Linear(2, 1), (x,), {}).names, Example(nn.Identity(), ({"a": x, "b": [x]},), {}).names
            (['input'], ['input_a', 'input_b_0'])
        """
        try:
            parameters = list(inspect.signature(type(self.model).forward).parameters.values())[1:]
            found = torch.utils._pytree.tree_flatten_with_path((self.args, self.kwargs))[0]
        except (TypeError, ValueError):  # forward has no signature, or a container no keys
            return [f"x{place}" for place in range(len(self.tensors))]
        positional = [one.name for one in parameters if one.kind in _POSITIONAL]
        others = next((one.name for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL), "x")
        names = positional + [f"{others}_{place}" for place in range(len(self.args) - len(positional))]
        texts = []
        for path, leaf in found:
            if isinstance(leaf, Tensor):
                is_keyword, first, *inside = (_key(entry) for entry in path)
                start = first if is_keyword else names[first]
                texts.append("_".join([start, *(re.sub(r"\W+", "_", str(key)) for key in inside)]))
        return texts


#: Parameters of forward that positional arguments go to, one each.
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _key(entry: Any) -> Any:
    """Return the index, key or attribute of an entry of a path in nested arguments."""
    return next(getattr(entry, name) for name in ("idx", "key", "name") if hasattr(entry, name))


def _copy(leaf: Any) -> Any:
    return leaf.detach().clone().requires_grad_(leaf.requires_grad) if isinstance(leaf, Tensor) else leaf
