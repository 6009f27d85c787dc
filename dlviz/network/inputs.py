"""The arguments of `dlviz.layers`: arrays become tensors, and what has no numbers is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_model_input, is_wrapper
from dlviz.torchkit.modules import named_buffers, named_parameters
from dlviz.torchkit.nested import named_tensors, tensors_in


def model_inputs(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the model's arguments with arrays as tensors, and lists of numbers too if there is no tensor among the arguments.

    Raises:
        DlvizError: there is no tensor, or the inputs or the model have no numbers.
    """
    found = [as_model_input(model, one) for one in args]
    named = {name: as_model_input(model, one) for name, one in kwargs.items()}
    if not tensors_in(found, named):
        found = [as_model_input(model, one, lists=True) for one in found]
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
