"""The arguments of `dlviz.layers`: arrays become tensors, and what has no numbers is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.parameter import is_lazy

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


def as_state_dict(model: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters and buffers to use instead of the model's own.

    Raises:
        DlvizError: the model has none of these names, or one that has another shape there; torch would use its own instead.
    """
    own = dict(named_parameters(model, remove_duplicate=False)) | dict(named_buffers(model, remove_duplicate=False))
    values = {name: value for name, value in given.items() if str(name).rpartition(".")[2] != "_extra_state"}
    foreign = [name for name in values if name not in own]
    if foreign or not values:
        names = {"got": ", ".join(map(repr, foreign[:3])) or "{}", "names": ", ".join(list(own)[:3])}
        raise DlvizError(message("network.refused.against_names", **names))
    for name, value in values.items():
        wanted = None if is_lazy(own[name]) else tuple(own[name].shape)
        if not isinstance(value, Tensor) or wanted not in (None, tuple(value.shape)):
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise DlvizError(message("network.refused.against_shape", name=name, got=got, wanted=wanted))
    return values
