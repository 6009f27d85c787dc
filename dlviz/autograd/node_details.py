"""Everything that can be said of one node: where it was made, its formula with its numbers, what arrives and what it passes on."""

from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.autograd.anomalies import saved
from dlviz.autograd.derivatives import derivative, readable
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.tensor_summary import summarize


def describe(graph: Graph, index: int) -> dict[str, Any]:
    """One node in full, as JSON-able data with numbers as bytes.

    Raises:
        IndexError: there is no node with that index.
    """
    if not 0 <= index < len(graph.nodes):
        raise IndexError(
            f"describe: index {index} is not one of the {len(graph.nodes)} nodes, 0 to {len(graph.nodes) - 1}"
        )
    node = graph.nodes[index]
    about: dict[str, Any] = {
        "node": index,
        "name": node.name,
        "op": node.op,
        "label": node.label,
        "module": node.module,
        "shapes": [list(shape) for shape in node.shapes],
        "dtypes": [str(dtype).removeprefix("torch.") for dtype in node.dtypes],
        "flags": flags(node),
        "value": _summary(node.value),
        "missing": node.value_missing,
        "arriving": _summary(node.gradient),
        "formulas": _formulas(node),
        "sends": _sends(graph, node),
        "meets": _meets(graph, node),
    }
    if node.source is not None:
        source = node.source
        about["source"] = {"where": source.where, "line": source.line, "text": source.text, "part": source.expression}
    if node.maker is not None:
        about["maker"] = {"node": node.maker, "name": graph.nodes[node.maker].name}
    if node.is_leaf:
        about["leaf"] = _leaf(graph, node)
    else:
        about["saved"] = [_kept(name, value) for name, value in saved(node).items() if value is not None]
    return about


def flags(node: Node) -> list[str]:
    """Keys of what is special about a node: view, in_place, custom, checkpoint, saved_hooks, hook, retained, second_order."""
    found = []
    op = node.record
    if op is not None and op.is_view and not op.in_place:
        found.append("view")
    if (op is not None and op.in_place) or node.op == "copy_slices":
        found.append("in_place")
    if torch_internals.is_custom(node.grad_fn):
        found.append("checkpoint" if node.name == "CheckpointFunctionBackward" else "custom")
    handles = (
        torch_internals.raw_saved(node.grad_fn, name) for name in torch_internals.saved_names(type(node.grad_fn))
    )
    if any(torch_internals.has_hooks(handle) for handle in handles if handle is not None):
        found.append("saved_hooks")
    if node.hooked:
        found.append("hook")
    if node.retained:
        found.append("retained")
    if node.maker is not None:
        found.append("second_order")
    return found


def _summary(tensor: Tensor | None) -> dict[str, Any] | None:
    return summarize(tensor) if tensor is not None else None


def _formulas(node: Node) -> list[dict[str, str]]:
    theirs, ours = derivative(node.name), readable(node.name)
    return [
        {"to": argument, "torch": formula, "python": ours.get(argument, "")} for argument, formula in theirs.items()
    ]


def arguments(node: Node) -> list[str]:
    """The name of the argument behind each of ``next_functions``; "" where torch does not tell."""
    slots = len(node.grad_fn.next_functions)
    names = list(derivative(node.name))
    if len(names) == 1:
        return names * slots
    return names if len(names) == slots else [""] * slots


def _sends(graph: Graph, node: Node) -> list[dict[str, Any]]:
    names = arguments(node)
    return [
        {"node": graph.edges[e][1], "to": names[graph.slots[e][0]], "gradient": _summary(graph.flowing(e))}
        for e in graph.outgoing[node.index]
    ]


def _meets(graph: Graph, node: Node) -> list[dict[str, Any]]:
    """Where paths meet, what each of them brings."""
    paths = graph.incoming[node.index]
    if len(paths) < 2:
        return []
    return [{"node": graph.edges[e][0], "gradient": _summary(graph.flowing(e))} for e in paths]


def residual(graph: Graph, index: int) -> float | None:
    """max |sum of the contributions − what arrived| at a node where paths meet; ``None`` elsewhere or before backward."""
    parts = [g for g in map(graph.flowing, graph.incoming[index]) if g is not None]
    arrived = graph.nodes[index].gradient
    if len(parts) < 2 or arrived is None or any(part.shape != arrived.shape for part in parts):
        return None
    wide = torch.complex128 if arrived.is_complex() else torch.float64
    total = torch.stack([part.to(wide) for part in parts]).sum(0)
    return float((total - arrived.to(wide)).abs().max()) if total.numel() else 0.0


def _kept(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Tensor):
        return {"name": name, "tensor": summarize(value)}
    return {"name": name, "text": repr(value)}


def _leaf(graph: Graph, node: Node) -> dict[str, Any]:
    latest = graph.backward.latest
    tensor = node.tensor
    about: dict[str, Any] = {"grad": _summary(tensor.grad if tensor is not None else None)}
    if latest is not None:
        about["preview"] = latest.preview
        about["before"] = _summary(latest.before.get(node.index))
        about["after"] = _summary(latest.after.get(node.index))
    return about
