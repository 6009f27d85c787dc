"""The arguments of `dlviz.export_check`: arrays become tensors, and what cannot be exported is refused in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type
from dlviz.torchkit.array_data import as_model_input, check_data, kind_of_data
from dlviz.torchkit.nested import named_tensors, tensors_in


def check_inputs(net: Any, inputs: Sequence[Any], kwargs: Any) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any]]:
    """Return the model that a compiled one was made from, and its arguments with arrays as tensors.

    Raises:
        DlvizError: `net` is no module or a scripted one, or there is no tensor among the arguments.
    """
    check_type(net, nn.Module, "model_export.refused.net")
    model = getattr(net, "_orig_mod", net)
    if isinstance(model, torch.jit.ScriptModule):
        raise DlvizError(message("model_export.refused.scripted"))
    check_type({} if kwargs is None else kwargs, Mapping, "model_export.refused.kwargs")
    args = tuple(as_model_input(model, one) for one in inputs)
    named = {str(name): as_model_input(model, one) for name, one in (kwargs or {}).items()}
    if not tensors_in(args, named):
        args = tuple(as_model_input(model, one, lists=True) for one in args)
    found = [*named_tensors(args, "inputs"), *named_tensors(named, "kwargs")]
    if not found:
        got = ", ".join(type(one).__name__ for one in (*inputs, *named.values())) or "nothing"
        raise DlvizError(message("model_export.refused.input", got=got))
    for name, tensor in found:
        plain = check_data(tensor, "model_export.refused.input", caller="export_check", name=name)
        if plain.is_meta:
            raise DlvizError(message("model_export.refused.meta", name=name))
        if plain.is_nested or plain.is_quantized or plain.layout is not torch.strided or plain is not tensor:
            raise DlvizError(message("model_export.refused.dense", name=name, got=kind_of_data(tensor)))
    return model, args, named


def check_runtimes(runtimes: Any) -> None:
    """Check that what is to be compared beside the exported program is "onnx", "compile", both or nothing.

    Raises:
        DlvizError: it is not.
    """
    if not isinstance(runtimes, (list, tuple, set)) or not set(map(str, runtimes)) <= {"onnx", "compile"}:
        raise DlvizError(message("model_export.refused.runtimes", got=repr(runtimes)[:80]))
