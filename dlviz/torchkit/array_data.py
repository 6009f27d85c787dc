"""Tensors of numbers in any form that users hold: tensors, NumPy arrays, lists, pandas columns and tables."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.modules import parameters


def as_tensor(value: Any) -> Tensor | None:
    """Return numbers as a tensor, without a copy where torch allows it; ``None`` for anything else.

    Accepted are tensors, what NumPy reads (arrays, pandas columns and tables, images), and nested lists or tuples of numbers, arrays or
    tensors of equal shapes.

    Example:
        >>> as_tensor(np.arange(3.0)), as_tensor([[1, 2], [3, 4]]).shape, as_tensor("abc")
        (tensor([0., 1., 2.], dtype=torch.float64), torch.Size([2, 2]), None)
    """
    if isinstance(value, Tensor):
        return value
    try:
        if isinstance(value, (list, tuple, range)):
            return _from_list(list(value))
        return _from_array(np.asarray(value)) if hasattr(value, "__array__") else None
    except Exception:  # an array of another library may raise anything
        return None


def _from_list(items: list[Any]) -> Tensor | None:
    if not any(hasattr(item, "__array__") or isinstance(item, (list, tuple, range)) for item in items):
        return torch.tensor(items)
    rows = [
        torch.as_tensor(item) if isinstance(item, (bool, int, float, complex)) else as_tensor(item) for item in items
    ]
    return torch.stack([row for row in rows if row is not None]) if all(row is not None for row in rows) else None


def _from_array(array: np.ndarray) -> Tensor:
    # A column of numbers as Python objects, or a pandas table whose columns are of different kinds.
    if array.dtype == object:
        numbers = [math.nan if type(item).__name__ == "NAType" else item for item in array.ravel().tolist()]
        array = np.array(numbers).reshape(array.shape)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    readable = native.flags.writeable and all(stride >= 0 for stride in native.strides)
    return torch.from_numpy(native if readable else native.copy())


def check_data(value: Any, key: str, /, *, caller: str, name: str, **values: Any) -> Tensor:
    """Return numbers that a learner passed as the argument `name` as a tensor whose elements can be read.

    Inside ``torch.func.grad`` that is the tensor behind the one being differentiated.

    Raises:
        DlvizError: it is something else, with the message `key`; or a tensor without numbers of its own.
    """
    found = as_tensor(value)
    if found is None:
        raise DlvizError(message(key, got=type(value).__name__, caller=caller, name=name, **values))
    while torch._C._functorch.is_gradtrackingtensor(found):
        found = torch._C._functorch.get_unwrapped(found)
    if torch._C._functorch.is_functorch_wrapped_tensor(found):
        raise DlvizError(message("data.vmap", caller=caller, name=name))
    if isinstance(found, FakeTensor):
        raise DlvizError(message("data.fake", caller=caller, name=name))
    if is_wrapper(found):
        raise DlvizError(message("data.wrapper", caller=caller, name=name, got=type(found).__name__))
    return found


def as_model_input(model: nn.Module, value: Any, *, lists: bool = False) -> Any:
    """Return an array or a pandas column as a tensor of the model's precision; anything else as it is, tensors among it.

    Args:
        model: the model.
        value: one of its arguments.
        lists: whether a list of numbers is an array too.

    Example:
        >>> import numpy as np
        >>> as_model_input(nn.Linear(2, 1), np.zeros((3, 2))).dtype
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


def is_wrapper(tensor: Tensor) -> bool:
    """Return whether a tensor keeps its numbers inside, where only its own functions read them, as torchao's quantized tensors do."""
    return is_traceable_wrapper_subclass(tensor) and not tensor.is_nested


def as_plain_tensor(value: Any) -> Tensor | None:
    """Return numbers as a detached tensor with strides; ``None`` for anything else, and for a tensor whose numbers cannot be read.

    Sparse and quantized tensors become dense ones of floats, and floats of 8 bits become float32.

    Example:
        >>> as_plain_tensor(torch.eye(2).to_sparse()).tolist(), as_plain_tensor(torch.zeros(2, device="meta"))
        ([[1.0, 0.0], [0.0, 1.0]], None)
    """
    found = as_tensor(value)
    if found is None or not torch._C._functorch.is_functorch_wrapped_tensor(found):
        plain = found
    else:
        while torch._C._functorch.is_gradtrackingtensor(found):
            found = torch._C._functorch.get_unwrapped(found)
        plain = None if torch._C._functorch.is_functorch_wrapped_tensor(found) else found
    if plain is None or plain.is_meta or plain.is_nested or isinstance(plain, FakeTensor):
        return None
    plain = plain.detach()
    if plain.is_quantized or is_wrapper(plain):
        try:
            return plain.dequantize()
        except Exception:  # not every wrapper holds quantized numbers
            return None
    plain = plain if plain.layout is torch.strided else plain.to_dense()
    # Hardly any function of torch takes floats of 8 bits.
    return plain.float() if plain.is_floating_point() and plain.element_size() == 1 else plain


def kind_of_data(value: Any) -> str:
    """Return what `value` is, for a message: the name of its type, and of a tensor without readable numbers the reason.

    Example:
        >>> kind_of_data({}), kind_of_data(torch.zeros(2, device="meta"))
        ('dict', 'a tensor without numbers (meta)')
    """
    if not isinstance(value, Tensor):
        return type(value).__name__
    if torch._C._functorch.is_functorch_wrapped_tensor(value):
        return "a tensor inside torch.vmap"
    if value.is_nested:
        return "a nested tensor"
    is_readable = as_plain_tensor(value) is not None
    return f"a tensor of shape {tuple(value.shape)}" if is_readable else f"a tensor without numbers ({value.device})"
