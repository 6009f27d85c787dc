"""An example of a model's arguments, flattened as torch.export flattens them, and the names of its tensors."""

import inspect
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
        """Return flattened arguments as positional and keyword arguments."""
        args, kwargs = torch.utils._pytree.tree_unflatten(list(leaves), self._structure)
        return args, kwargs

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
        """The name of each tensor: the parameter of forward, with an index where the argument holds several tensors.

        Example:
            >>> Example(nn.Linear(2, 1), (torch.zeros(1, 2),), {}).names
            ['input']
        """
        try:
            bound = inspect.signature(type(self.model).forward).bind(self.model, *self.args, **self.kwargs).arguments
        except (TypeError, ValueError):  # forward has no signature
            return [f"x{place}" for place in range(len(self.tensors))]
        found: dict[int, str] = {}
        for name, value in list(bound.items())[1:]:
            inside = [leaf for leaf in torch.utils._pytree.tree_leaves(value) if isinstance(leaf, Tensor)]
            for place, tensor in enumerate(inside):
                found.setdefault(id(tensor), name if inside == [value] or tensor is value else f"{name}_{place}")
        return [found.get(id(tensor), f"x{place}") for place, tensor in enumerate(self.tensors)]
