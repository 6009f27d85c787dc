"""Faults that can be found before backward runs: overwritten saved tensors, freed graphs, and the first NaN or Inf."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.source_lines import SourceLine, source_line
from dlviz.autograd.tape import Mutation
from dlviz.autograd.tensor_summary import Norms


@dataclass(frozen=True, slots=True)
class StaleTensor:
    """A tensor that a node saved for backward and that has been overwritten since, so that ``backward()`` will fail.

    Attributes:
        node: index of the node.
        saved: torch's name of the saved tensor.
        message: torch's error message.
        mutation: the in-place operation that overwrote it, if a tape recorded it.
        source: the line that called that operation.
    """

    node: int
    saved: str
    message: str
    mutation: str | None
    source: SourceLine | None


@dataclass(frozen=True, slots=True)
class NonfiniteTensor:
    """The first node whose value (or gradient, if `backward` is true) holds a NaN or Inf. `kind` is "nan" or "inf"."""

    node: int
    kind: str
    backward: bool


def is_freed(graph: Graph) -> bool:
    """Return whether a backward pass has already freed the saved tensors."""
    return scan_saved(graph)[0]


def find_stale(graph: Graph) -> list[StaleTensor]:
    """Return every saved tensor that has been overwritten, without running backward."""
    return scan_saved(graph)[1]


def scan_saved(graph: Graph) -> tuple[bool, list[StaleTensor]]:
    """Return whether a backward pass has freed the saved tensors, and, if none has, those that have been overwritten."""
    stale = []
    for node in graph.nodes:
        for name in _readable(node):
            _, error = _read(node, name)
            if error == "freed":
                return True, []
            if error:
                mutation = _mutation_after(node, name, graph.mutations)
                location = mutation.location if mutation else None
                source = source_line(location) if location else None
                stale.append(StaleTensor(node.index, name, error, mutation.name if mutation else None, source))
    return False, stale


def saved_values(node: Node) -> dict[str, Any]:
    """Return what `node` saved for backward, by torch's names: tensors (detached), sizes and numbers.

    A tensor is left out if it is freed or overwritten, or if reading it would run a checkpoint's forward pass again.
    """
    values = {}
    readable = _readable(node)
    for name in torch_internals.saved_names(type(node.grad_fn)):
        if name in readable:
            value, error = _read(node, name)
            if not error:
                values[name] = value
        elif torch_internals.raw_saved(node.grad_fn, name) is None:
            values[name] = getattr(node.grad_fn, f"_saved_{name}")
    return values


def first_nonfinite(
    graph: Graph, values: Sequence[Sequence[Tensor | None]] | None = None, norms: Norms | None = None
) -> list[NonfiniteTensor]:
    """Return the first NaN and the first Inf of the forward pass, then those of backward, in the order in which they were computed.

    Args:
        graph: the graph.
        values: ``node.values`` of each node, if they have been read.
        norms: the norms of the values and gradients, if they are known.
    """
    values = values or [node.values for node in graph.nodes]
    norms = norms or Norms(t for node in graph.nodes for t in (*values[node.index], *node.gradients, *node.grad_inputs))
    nodes = sorted(graph.nodes, key=lambda node: (not node.is_leaf, node.sequence))
    forward = ((node.index, value) for node in nodes for value in values[node.index])
    # A node computed the gradients that it sends; those that arrive were computed by another node, except at the root.
    backward = (
        (i, gradient) for i in graph.order for gradient in (graph.nodes[i].grad_inputs or graph.nodes[i].gradients)
    )
    return _first(forward, norms, backward=False) + _first(backward, norms, backward=True)


def _first(values: Iterable[tuple[int, Tensor | None]], norms: Norms, *, backward: bool) -> list[NonfiniteTensor]:
    first: dict[str, NonfiniteTensor] = {}
    # A finite norm proves that every element is finite. An infinite norm may also come from overflow, so the elements decide.
    for index, tensor in values if norms.any_nonfinite else ():
        norm = norms(tensor)
        if tensor is not None and norm is not None and not math.isfinite(norm):
            for kind, test in (("nan", torch.isnan), ("inf", torch.isinf)):
                if kind not in first and bool(test(tensor).any()):
                    first[kind] = NonfiniteTensor(index, kind, backward)
            if len(first) == 2:
                break
    return list(first.values())


def _readable(node: Node) -> list[str]:
    """Return the names of the saved tensors that can be read without running the user's hooks."""
    names = []
    for name in torch_internals.saved_names(type(node.grad_fn)):
        handle = torch_internals.raw_saved(node.grad_fn, name)
        if handle is not None and not torch_internals.has_hooks(handle):
            names.append(name)
    return names


def _read(node: Node, name: str) -> tuple[Any, str]:
    """Return a saved value and ``""``, or ``None`` and either "freed" or torch's message about an overwritten tensor."""
    try:
        value = getattr(node.grad_fn, f"_saved_{name}")
    except RuntimeError as error:
        text = str(error)
        return None, text if "modified by an inplace operation" in text else "freed"
    return (value.detach() if isinstance(value, Tensor) else value), ""


def _mutation_after(node: Node, name: str, mutations: list[Mutation]) -> Mutation | None:
    """Return the first in-place operation after `node` on the storage of what it saved."""
    data = getattr(torch_internals.raw_saved(node.grad_fn, name), "data", None)
    if not isinstance(data, Tensor):
        return None
    storage = data.untyped_storage()._cdata
    return next((m for m in mutations if m.storage == storage and m.sequence > node.sequence), None)
