"""Record of every attention call of a forward pass: torch's own functions and modules, and softmax(q kᵀ) v written by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.forward_trace import uncompiled
from dlviz.torchkit.model_copies import argument_copies, generators_restored, initialize_lazy, on_copies
from dlviz.torchkit.modules import parameters
from dlviz.torchkit.nested import tensors_in
from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.edits import Edits
from dlviz.transformer.recording.recorder import AttentionRecorder


@dataclass(frozen=True, eq=False)
class Record:
    """All attention calls of one forward pass, in execution order.

    Attributes:
        calls: the calls.
        output: what the module returned.
        unseen: a sentence about attention that was computed, but not found; "" if there was none.
    """

    calls: tuple[AttentionCall, ...]
    output: Any
    unseen: str = ""


def record(module: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Record:
    """Call a module and record each attention call in it. The module, its modes, the arguments and the random generators stay unchanged.

    Recognized are ``nn.MultiheadAttention`` and the modules of torch that hold it, ``F.scaled_dot_product_attention``, and attention
    written by hand: a product of queries and keys, then scale and mask in any order, ``softmax`` over the last dimension, dropout if any,
    and the product with the values.

    While calls are recorded, torch's modules compute in parts what they otherwise may compute at once, which rounds differently, and in
    ``nn.TransformerEncoder`` leaves padded positions at 0.

    Args:
        module: any module or function, called as ``module(*args, **kwargs)``.
        args, kwargs: its arguments.

    Raises:
        DlvizError: no attention call was found. What the module itself raises passes through.

    Example:
        >>> attention = nn.MultiheadAttention(4, 2, batch_first=True)
        >>> x = torch.randn(1, 3, 4)
        >>> found = record(attention, x, x, x)
        >>> [(call.kind, tuple(call.weights.shape)) for call in found.calls]
        [('multihead', (1, 2, 3, 3))]
    """
    return run(AttentionRecorder(module), module, args, kwargs)


def record_edited(edits: Mapping[int, Edits], module: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Record:
    """Call a module with some attention calls changed, so that all that follows changes with them; arguments as for :func:`record`.

    Args:
        edits: what differs, by the index of the call in ``record(module, …).calls``.
        module, args, kwargs: as for :func:`record`.

    Raises:
        DlvizError: there is no such call, or an edit does not fit it.

    Example:
        >>> attention = nn.MultiheadAttention(4, 2, batch_first=True)
        >>> x = torch.randn(1, 3, 4)
        >>> found = record_edited({0: Edits(causal=True)}, attention, x, x, x)
        >>> found.calls[0].weights[0, 0, 0].tolist()
        [1.0, 0.0, 0.0]
    """
    plain = AttentionRecorder(module)
    count = len(run(plain, module, args, kwargs).calls)
    for index in edits:
        if index not in range(count):
            raise DlvizError(message("transformer.refused.call", count=count, last=count - 1, got=index))
    return run(AttentionRecorder(module, plain.found.edits_by_part(edits)), module, args, kwargs)


def run(
    recorder: AttentionRecorder,
    module: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    grad: bool = False,
) -> Record:
    """Call a module under a recorder and return what that found.

    Args:
        recorder: a recorder for this module, not yet used.
        module, args, kwargs: as for :func:`record`.
        grad: whether the calls keep the graph that autograd needs.

    Raises:
        DlvizError: no attention call was found, or an argument or parameter has no numbers.
    """
    unread = next((one for one in tensors_in(args, kwargs) if as_plain_tensor(one) is None), None)
    model = module if isinstance(module, nn.Module) else nn.Module()
    if unread is None:
        unread = next((one for one in parameters(model) if one.is_meta), None)
    if unread is not None:
        raise DlvizError(message("transformer.refused.numbers", got=kind_of_data(unread)))
    initialize_lazy(model, args, kwargs)
    own, keywords = argument_copies(args, kwargs)
    with (
        torch.set_grad_enabled(grad),
        generators_restored(),
        uncompiled(),
        on_copies(model),
        recorder.paths(),
        recorder,
    ):
        output = module(*own, **keywords)
    calls = recorder.found.shown()
    if not calls:
        raise DlvizError(message("transformer.refused.none", kind=_kind(module), lost=recorder.lost()))
    # A model may turn gradients on by itself.
    return Record(tuple(calls) if grad else tuple(map(_detached, calls)), output, recorder.unseen())


def _detached(call: AttentionCall) -> AttentionCall:
    """Return a call whose tensors are cut from the graph of autograd."""
    tensors = {one.name: getattr(call, one.name) for one in fields(call)}
    made: dict[str, Any] = {name: value.detach() for name, value in tensors.items() if isinstance(value, Tensor)}
    projection = call.output_projection
    if projection is not None:
        made["output_projection"] = tuple(None if one is None else one.detach() for one in projection)
    return replace(call, **made)


def _kind(module: Any) -> str:
    return (
        type(module).__name__ if isinstance(module, nn.Module) else getattr(module, "__name__", type(module).__name__)
    )
