"""Tensors in nested arguments and results: lists, tuples, mappings (Hugging Face's batches among them) and dataclasses."""

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor


def named_tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor in a value with the expression that accesses it.

    Example:
        >>> import torch
        >>> [name for name, _ in named_tensors({"a": [torch.zeros(1), 2, torch.zeros(1)]}, "output")]
        ["output['a'][0]", "output['a'][2]"]
    """
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from named_tensors(item, f"{name}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        fields = getattr(value, "_fields", None)
        for i, item in enumerate(value):
            yield from named_tensors(item, f"{name}.{fields[i]}" if fields else f"{name}[{i}]")
    elif _is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from named_tensors(getattr(value, field.name, None), f"{name}.{field.name}")


def tensors_in(*values: Any) -> list[Tensor]:
    """Return every tensor in the values, in order."""
    return [tensor for value in values for _, tensor in named_tensors(value, "")]


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """Return the value with `function` applied to every tensor in it; what holds no tensor stays the same object.

    Example:
        >>> import torch
        >>> map_tensors(lambda x: x.shape[0], ({"a": torch.zeros(3)}, "text"))
        ({'a': 3}, 'text')
    """
    if isinstance(value, Tensor):
        return function(value)
    if not tensors_in(value):
        return value
    if isinstance(value, Mapping):
        pairs = {key: map_tensors(function, item) for key, item in value.items()}
        if type(value) is dict:
            return pairs
        made = copy.copy(value)
        for key, item in pairs.items():
            made[key] = item  # type: ignore[index]
        return made
    if isinstance(value, (list, tuple)):
        items = [map_tensors(function, item) for item in value]
        # A named tuple's own class may take something else than its fields, as PackedSequence does.
        make: Callable[[Iterable[Any]], Any] = getattr(type(value), "_make", type(value))
        return make(items)
    made = copy.copy(value)
    for field in dataclasses.fields(value):
        object.__setattr__(made, field.name, map_tensors(function, getattr(value, field.name, None)))
    return made


def clone_tensors(value: Any) -> Any:
    """Return the value with a clone of every tensor, which a call may overwrite; gradients flow back to the tensor.

    Example:
        >>> import torch
        >>> x = torch.zeros(2)
        >>> clone_tensors({"x": x})["x"].add_(1), x
        (tensor([1., 1.]), tensor([0., 0.]))
    """
    return map_tensors(Tensor.clone, value)


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
