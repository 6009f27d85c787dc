"""The arguments of `dlviz.layers`: arrays become tensors, and what has no numbers is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_tensor, is_wrapper
from dlviz.torchkit.modules import named_buffers, named_parameters, parameters
from dlviz.torchkit.nested import named_tensors, tensors_in


def model_inputs(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the model's arguments with arrays as tensors, and lists of numbers too if there is no tensor among the arguments.

    Raises:
        DlvizError: there is no tensor, or the inputs or the model have no numbers.
    """
    found = [as_input(model, one) for one in args]
    named = {name: as_input(model, one) for name, one in kwargs.items()}
    if not tensors_in(found, named):
        found = [as_input(model, one, lists=True) for one in found]
    inputs = [*named_tensors(found, "inputs"), *named_tensors(named, "kwargs")]
    if not inputs:
        got = ", ".join(type(one).__name__ for one in (*args, *kwargs.values())) or "nothing"
        raise DlvizError(message("network.refused.input", got=got))
    for name, tensor in inputs:
        if is_wrapper(tensor):
            raise DlvizError(message("data.wrapper", caller="layers", name=name, got=type(tensor).__name__))
    for name, tensor in (*inputs, *named_parameters(model), *named_buffers(model)):
        if tensor.is_meta or isinstance(tensor, FakeTensor):
            raise DlvizError(message("network.refused.meta", name=name))
    first = inputs[0][1]
    if not first.is_nested and not first.numel():
        raise DlvizError(message("network.refused.empty", shape=tuple(first.shape)))
    return found, named


def as_input(model: nn.Module, value: Any, *, lists: bool = False) -> Any:
    """Return an array or a pandas column as a tensor of the model's precision; anything else as it is, tensors among it.

    Args:
        model: the model.
        value: one of its arguments.
        lists: whether a list of numbers is an array too.

    Example:
        >>> import numpy as np
        >>> as_input(nn.Linear(2, 1), np.zeros((3, 2))).dtype
        torch.float32
    """
    is_array = hasattr(value, "__array__") or (lists and isinstance(value, (list, tuple)))
    tensor = as_tensor(value) if is_array and not isinstance(value, Tensor) else None
    if tensor is None:
        return value
    parameter = next((p for p in parameters(model) if p.is_floating_point()), None)
    dtype = torch.get_default_dtype() if parameter is None else parameter.dtype
    device = None if parameter is None else parameter.device
    return tensor.to(device, dtype if tensor.is_floating_point() else None)
