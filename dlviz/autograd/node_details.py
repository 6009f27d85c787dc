"""Details of one node: where it was computed, its derivative, the gradients that arrive and those it sends."""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.autograd.anomalies import saved_values
from dlviz.autograd.derivatives import READABLE, derivative
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.tensor_summary import Summaries, dtype_name


def describe(graph: Graph, index: int, summaries: Summaries | None = None) -> dict[str, Any]:
    """Return every detail of one node as JSON-able data with arrays as bytes.

    Args:
        graph: the graph.
        index: the node's index.
        summaries: those of the tensors of nodes that were described just before.

    Raises:
        IndexError: there is no node with that index.
    """
    if not 0 <= index < len(graph.nodes):
        raise IndexError(
            f"describe: index {index} is not one of the {len(graph.nodes)} nodes, 0 to {len(graph.nodes) - 1}"
        )
    node = graph.nodes[index]
    summary = summaries or Summaries()
    details: dict[str, Any] = {
        "node": index,
        "name": node.name,
        "op": node.op,
        "label": node.label,
        "module": node.module,
        "shapes": [list(shape) for shape in node.shapes],
        "dtypes": [dtype_name(dtype) for dtype in node.dtypes],
        "flags": flags(node) + (["saved_hooks"] if _has_saved_hooks(node) else []),
        "value": summary(node.value),
        "value_missing": node.value_missing,
        "gradient": summary(node.gradient),
        "formulas": _formulas(node),
        "grad_inputs": _grad_inputs(graph, node, summary),
        "contributions": _contributions(graph, node, summary),
    }
    source = node.source
    if source is not None:
        details["source"] = asdict(source)
    if node.created_by is not None:
        details["created_by"] = {"node": node.created_by, "name": graph.nodes[node.created_by].name}
    if node.is_leaf:
        details["leaf"] = _leaf(graph, node, summary)
    else:
        details["saved"] = [
            _saved(name, value, summary) for name, value in saved_values(node).items() if value is not None
        ]
    return details


def flags(node: Node) -> list[str]:
    """Return the flags that the diagram shows of a node: view, in_place, custom, checkpoint, hook, retains_grad, second_order."""
    keys = []
    op = node.recorded
    if op is not None and op.is_view and not op.in_place:
        keys.append("view")
    if (op is not None and op.in_place) or node.op == "copy_slices":
        keys.append("in_place")
    if torch_internals.is_custom(node.grad_fn):
        keys.append("checkpoint" if node.name == "CheckpointFunctionBackward" else "custom")
    if node.has_hook:
        keys.append("hook")
    if node.retains_grad:
        keys.append("retains_grad")
    if node.created_by is not None:
        keys.append("second_order")
    return keys


def _has_saved_hooks(node: Node) -> bool:
    """Return whether what a node saved passes through hooks, such as those of checkpointing."""
    handles = (
        torch_internals.raw_saved(node.grad_fn, name) for name in torch_internals.saved_names(type(node.grad_fn))
    )
    return any(torch_internals.has_hooks(handle) for handle in handles if handle is not None)


def _formulas(node: Node) -> list[dict[str, str]]:
    python = READABLE.get(node.name, {})
    return [
        {"to": argument, "torch": formula, "python": python.get(argument, "")}
        for argument, formula in derivative(node.name).items()
    ]


def argument_names(node: Node) -> list[str]:
    """Return the name of the argument behind each of ``next_functions``; "" where it is not known."""
    slots = len(node.grad_fn.next_functions)
    names = list(derivative(node.name))
    if len(names) == 1:
        return names * slots
    return names if len(names) == slots else [""] * slots


def _grad_inputs(graph: Graph, node: Node, summary: Summaries) -> list[dict[str, Any]]:
    """Return the gradients that a node sends, each with its target and the argument it belongs to."""
    names = argument_names(node)
    return [
        {"node": graph.edges[e][1], "to": names[graph.slots[e][0]], "gradient": summary(graph.edge_gradient(e))}
        for e in graph.outgoing[node.index]
    ]


def _contributions(graph: Graph, node: Node, summary: Summaries) -> list[dict[str, Any]]:
    """Return the gradients that add up at a node where several paths meet; empty elsewhere."""
    edges = graph.contributions(node.index)
    if len(edges) < 2:
        return []
    return [{"node": graph.edges[e][0], "gradient": summary(graph.edge_gradient(e))} for e in edges]


def residual(graph: Graph, index: int) -> float | None:
    """Return max |sum of the contributions − gradient| of a node; ``None`` at the root and before backward."""
    gradient = graph.nodes[index].gradient
    if gradient is None:
        return None
    parts = [g for g in map(graph.edge_gradient, graph.contributions(index)) if g is not None]
    if not parts:
        return None
    if len(parts) == 1 and parts[0] is gradient:
        return 0.0
    if not all(map(torch_internals.has_numbers, [*parts, gradient])) or any(p.shape != gradient.shape for p in parts):
        return None
    dtype = torch.complex128 if gradient.is_complex() else torch.float64
    total = torch.stack(parts).to(dtype).sum(0)
    return float((total - gradient.to(dtype)).abs().max()) if total.numel() else 0.0


def _saved(name: str, value: Any, summary: Summaries) -> dict[str, Any]:
    if isinstance(value, Tensor):
        return {"name": name, "tensor": summary(value)}
    return {"name": name, "text": repr(value)}


def _leaf(graph: Graph, node: Node, summary: Summaries) -> dict[str, Any]:
    """Return the ``.grad`` of a leaf, and what it was before and after the latest backward."""
    latest = graph.backward.latest
    tensor = node.tensor
    details: dict[str, Any] = {"grad": summary(tensor.grad if tensor is not None else None)}
    if latest is not None:
        details["preview"] = latest.preview
        details["grad_before"] = summary(latest.grad_before.get(node.index))
        details["grad_after"] = summary(latest.grad_after.get(node.index))
    return details
