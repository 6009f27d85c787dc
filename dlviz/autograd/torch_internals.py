"""Every private name of torch that this room leans on, in one place.

torch has no public way to tie a value to the node that made it, so the tape reads autograd's sequence numbers. Each name is
looked up once; where an installed torch lacks one, what depends on it is left out and :func:`missing` says so in words.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch

Node = torch.autograd.graph.Node

#: AccumulateGrad nodes carry this number, so the engine runs them as soon as they are ready.
LEAF_SEQUENCE = 2**64 - 1

_sequence_number: Callable[[], int] | None = getattr(torch.autograd, "_get_sequence_nr", None)
_current_node: Callable[[], Node | None] | None = getattr(torch._C, "_current_autograd_node", None)
_current_task: Callable[[], int] | None = getattr(torch._C, "_current_graph_task_id", None)


def missing() -> list[str]:
    """Private names that the installed torch lacks, empty on the tested releases."""
    here = {
        "torch.autograd._get_sequence_nr": _sequence_number,
        "torch._C._current_autograd_node": _current_node,
        "torch._C._current_graph_task_id": _current_task,
        "Node._sequence_nr": getattr(torch._C._FunctionBase, "_sequence_nr", None),
        "Node._input_metadata": getattr(torch._C._FunctionBase, "_input_metadata", None),
    }
    return [name for name, found in here.items() if found is None]


def next_sequence() -> int:
    """The number that the next autograd node of this thread will get; 0 on a torch that does not tell."""
    return _sequence_number() if _sequence_number else 0


def sequence(node: Node) -> int:
    """When `node` was made, counted by torch; AccumulateGrad answers :data:`LEAF_SEQUENCE`."""
    return node._sequence_nr()  # type: ignore[attr-defined]


def running_node() -> Node | None:
    """The node whose backward runs right now on this thread, if any."""
    return _current_node() if _current_node else None


def running_pass() -> int:
    """A number for the backward pass that runs right now: one per call into the engine, -1 outside."""
    return _current_task() if _current_task else 0


def outputs_of(node: Node) -> tuple[Any, ...]:
    """Shape, dtype and device of each forward output of `node`, without keeping a tensor."""
    return tuple(getattr(node, "_input_metadata", ()))


@cache
def saved_names(kind: type) -> tuple[str, ...]:
    """The names of what nodes of type `kind` keep for backward, such as ``self`` and ``other`` of a product."""
    return tuple(name.removeprefix("_saved_") for name in dir(kind) if name.startswith("_saved_"))


def raw_saved(node: Node, name: str) -> Any:
    """torch's own handle on a saved tensor (``.data``, ``.unpack_hook``), a tuple of them for a list; ``None`` for sizes and numbers."""
    try:
        return getattr(node, f"_raw_saved_{name}", None)
    except RuntimeError:
        # A list, as the indices of x[mask], has no handles any more once backward has let go of it.
        return ()


def has_hooks(handle: Any) -> bool:
    """True where reading a saved tensor would run somebody's code: checkpointing, offloading."""
    return any(getattr(h, "unpack_hook", None) is not None for h in _handles(handle))


def _handles(handle: Any) -> Iterator[Any]:
    if isinstance(handle, (tuple, list)):
        yield from handle
    elif handle is not None:
        yield handle


def is_custom(node: Node) -> bool:
    """True for a node made by the learner's own ``torch.autograd.Function``."""
    return isinstance(node, torch.autograd.function.BackwardCFunction)


def is_leaf(node: Node) -> bool:
    """True for AccumulateGrad, the node that fills a leaf's ``.grad``."""
    return hasattr(node, "variable") and not is_custom(node)
