"""What is wrong with a graph before anyone runs it: overwritten saved tensors, freed graphs, the first NaN or Inf."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.source_lines import Source, locate
from dlviz.autograd.tape import Mutation
from dlviz.autograd.tensor_summary import norms


@dataclass(frozen=True, slots=True)
class Stale:
    """A tensor that a node saved for backward and that somebody has overwritten since.

    `backward()` will refuse; `message` is torch's own. `mutation` and `source` name who wrote, if a tape saw it.
    """

    node: int
    saved: str
    message: str
    mutation: str | None
    source: Source | None


@dataclass(frozen=True, slots=True)
class NonFinite:
    """The first node whose value (or gradient, with `backward` true) holds a NaN or an infinity that its inputs did not."""

    node: int
    kind: str
    backward: bool


def is_freed(graph: Graph) -> bool:
    """True when a backward has already let go of the saved tensors."""
    return any(_read(node, name)[1] == "freed" for node in graph.nodes for name in _readable(node))


def find_stale(graph: Graph) -> list[Stale]:
    """Every saved tensor that has been overwritten, found before ``backward()`` is asked."""
    found = []
    for node in graph.nodes:
        for name in _readable(node):
            _, trouble = _read(node, name)
            if trouble and trouble != "freed":
                wrote = _writer(node, name, graph.mutations)
                spot = wrote.spot if wrote else None
                found.append(
                    Stale(node.index, name, trouble, wrote.name if wrote else None, locate(spot) if spot else None)
                )
    return found


def saved(node: Node) -> dict[str, Any]:
    """What `node` keeps for backward, by torch's names: tensors (detached), sizes and numbers.

    A tensor that is freed or overwritten, or whose reading would run a checkpoint's forward again, is left out.
    """
    found = {}
    for name in torch_internals.saved_names(type(node.grad_fn)):
        if name in _readable(node):
            value, trouble = _read(node, name)
            if not trouble:
                found[name] = value
        elif torch_internals.raw_saved(node.grad_fn, name) is None:
            found[name] = getattr(node.grad_fn, f"_saved_{name}")
    return found


def first_non_finite(graph: Graph) -> list[NonFinite]:
    """The first NaN and the first Inf of the forward pass, then of backward, in the order in which they came about."""
    made = sorted(graph.nodes, key=lambda node: (not node.is_leaf, node.sequence))
    forward = [(node.index, value) for node in made for value in node.values]
    # What a node sends is its own work; what arrived was somebody else's, but for the root's.
    back = [(i, gradient) for i in graph.order for gradient in (graph.nodes[i].sent or graph.nodes[i].gradients)]
    return _first(forward, backward=False) + _first(back, backward=True)


def _first(values: list[tuple[int, Tensor | None]], *, backward: bool) -> list[NonFinite]:
    found: dict[str, NonFinite] = {}
    # A norm that is finite proves every number finite; one that is not may only be too large.
    for (index, tensor), size in zip(values, norms([tensor for _, tensor in values]), strict=True):
        if tensor is not None and size is not None and not math.isfinite(size):
            for kind, test in (("nan", torch.isnan), ("inf", torch.isinf)):
                if kind not in found and bool(test(tensor).any()):
                    found[kind] = NonFinite(index, kind, backward)
    return list(found.values())


def _readable(node: Node) -> list[str]:
    """The saved tensors that can be looked at without running anybody's code."""
    names = []
    for name in torch_internals.saved_names(type(node.grad_fn)):
        handle = torch_internals.raw_saved(node.grad_fn, name)
        if handle is not None and not torch_internals.has_hooks(handle):
            names.append(name)
    return names


def _read(node: Node, name: str) -> tuple[Any, str]:
    """A saved value and no trouble; or nothing and "freed", or torch's message about an overwritten tensor."""
    try:
        value = getattr(node.grad_fn, f"_saved_{name}")
    except RuntimeError as error:
        message = str(error)
        return None, message if "modified by an inplace operation" in message else "freed"
    return (value.detach() if isinstance(value, Tensor) else value), ""


def _writer(node: Node, name: str, mutations: list[Mutation]) -> Mutation | None:
    """The first in-place operation after `node` on the storage of what it saved."""
    data = getattr(torch_internals.raw_saved(node.grad_fn, name), "data", None)
    if not isinstance(data, Tensor):
        return None
    storage = data.untyped_storage()._cdata
    later = [m for m in mutations if m.storage == storage and m.sequence > node.sequence]
    return later[0] if later else None
