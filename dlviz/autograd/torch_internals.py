"""All private names of torch that this room uses.

torch has no public way to tie a value to the node that computed it, so the tape reads autograd's sequence numbers. Each name is looked
up once. If the installed torch lacks one, the features that need it are left out, and :func:`missing_names` reports it.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

Node = torch.autograd.graph.Node

#: Sequence number of AccumulateGrad nodes, which makes the engine run them as soon as they are ready.
LEAF_SEQUENCE = 2**64 - 1

_sequence_number: Callable[[], int] | None = getattr(torch.autograd, "_get_sequence_nr", None)
_current_node: Callable[[], Node | None] | None = getattr(torch._C, "_current_autograd_node", None)
_current_task: Callable[[], int] | None = getattr(torch._C, "_current_graph_task_id", None)
_is_wrapped: Callable[[Tensor], bool] | None = getattr(
    getattr(torch._C, "_functorch", None), "is_functorch_wrapped_tensor", None
)


def missing_names() -> list[str]:
    """Return the private names that the installed torch lacks; none on the tested releases."""
    names = {
        "torch.autograd._get_sequence_nr": _sequence_number,
        "torch._C._current_autograd_node": _current_node,
        "torch._C._current_graph_task_id": _current_task,
        "Node._sequence_nr": getattr(torch._C._FunctionBase, "_sequence_nr", None),
        "Node._input_metadata": getattr(torch._C._FunctionBase, "_input_metadata", None),
        "torch._C._functorch.is_functorch_wrapped_tensor": _is_wrapped,
    }
    return [name for name, value in names.items() if value is None]


def next_sequence() -> int:
    """Return the sequence number that the next autograd node of this thread will get; 0 if torch does not provide it."""
    return _sequence_number() if _sequence_number else 0


def sequence(node: Node) -> int:
    """Return the sequence number of `node`, which counts the nodes created; :data:`LEAF_SEQUENCE` for AccumulateGrad."""
    return node._sequence_nr()  # type: ignore[attr-defined]


def current_node() -> Node | None:
    """Return the node whose backward is running on this thread, if any."""
    return _current_node() if _current_node else None


def current_pass() -> int:
    """Return the number of the running backward pass: one for each call into the engine, -1 outside."""
    return _current_task() if _current_task else 0


def output_metadata(node: Node) -> tuple[Any, ...]:
    """Return the shape, dtype and device of each forward output of `node`."""
    return tuple(getattr(node, "_input_metadata", ()))


def version(tensor: Tensor) -> int:
    """Return the version counter of a tensor, which every in-place operation increments; 0 for an inference tensor, which has none."""
    try:
        return tensor._version
    except RuntimeError:
        return 0


def has_numbers(tensor: Tensor) -> bool:
    """Return whether the elements of a tensor can be read: not of meta, fake, sparse, nested ones, nor in ``torch.func``."""
    if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_meta or isinstance(tensor, FakeTensor):
        return False
    return _is_wrapped is None or not _is_wrapped(tensor)


def shape_of(output: Any) -> tuple[int | str, ...]:
    """Return the shape of a tensor or of a forward output's metadata; a ragged size of a nested tensor as a text."""
    try:
        shape = tuple(output.shape)
    except RuntimeError:  # a strided nested tensor has no shape
        return ("nested",)
    for size in shape:
        if type(size) is not int:
            return tuple([size if isinstance(size, int) else str(size) for size in shape])
    return shape


@cache
def saved_names(kind: type) -> tuple[str, ...]:
    """Return the names of what nodes of type `kind` save for backward, such as ``self`` and ``other`` for a product."""
    return tuple(name.removeprefix("_saved_") for name in dir(kind) if name.startswith("_saved_"))


def raw_saved(node: Node, name: str) -> Any:
    """Return torch's handle of a saved tensor (``.data``, ``.unpack_hook``), a tuple for a list; ``None`` for sizes and numbers."""
    try:
        return getattr(node, f"_raw_saved_{name}", None)
    except RuntimeError:
        # A saved list, such as the indices of x[mask], has no handles after backward has freed it.
        return ()


def has_hooks(handle: Any) -> bool:
    """Return whether reading a saved tensor would run user code, such as checkpointing or offloading."""
    handles = handle if isinstance(handle, (tuple, list)) else (handle,)
    return any(getattr(one, "unpack_hook", None) is not None for one in handles)


def is_custom(node: Node) -> bool:
    """Return whether a node comes from a user-defined ``torch.autograd.Function``."""
    return isinstance(node, torch.autograd.function.BackwardCFunction)


def is_leaf(node: Node) -> bool:
    """Return whether a node is AccumulateGrad, which fills a leaf's ``.grad``."""
    return hasattr(node, "variable") and not is_custom(node)
