"""Texts around the diagram: signature, badge, notes, and the one-sentence summary."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from dlviz.autograd import torch_internals
from dlviz.autograd.anomalies import NonfiniteTensor, StaleTensor
from dlviz.autograd.backward_hooks import Failure
from dlviz.autograd.diagram import Diagram
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.node_details import residual
from dlviz.autograd.tensor_summary import scalar, shape_text
from dlviz.kit.messages import message

#: A gradient with more elements than this is not added up again to compare the sum with torch's.
MAX_CHECKED = 4096
#: A sum of contributions that is farther from torch's gradient, relative to its largest element, lacks some.
MAX_ROUNDING = 0.02


def signature(diagram: Diagram) -> str:
    """Return the line beside the widget's name: what is drawn, and its number of nodes."""
    nodes = sum(len(graph.nodes) for graph in diagram.graphs)
    titles = ", ".join(_call(graph) for graph in diagram.graphs)
    return message("autograd.signature", what=titles, nodes=nodes)


def _call(graph: Graph) -> str:
    source = graph.nodes[0].source
    if source is not None and len(source.text) <= 60 and source.text.startswith(graph.title):
        return source.text
    return graph.title


@dataclass(frozen=True)
class ContributionSums:
    """How the gradients that arrive along the edges of one graph add up to torch's gradients.

    Attributes:
        worst: the largest distance of a sum from torch's gradient.
        outside: the first node to which this graph did not send all of its gradient, or ``None``.
    """

    worst: float
    outside: Node | None


def contribution_sums(graph: Graph) -> ContributionSums:
    """Add up the contributions to every gradient of at most :data:`MAX_CHECKED` elements, and compare with torch's."""
    worst, outside = 0.0, None
    for node in graph.nodes[1:]:
        gradient = node.gradient
        if gradient is None or gradient.numel() > MAX_CHECKED:
            continue
        error = residual(graph, node.index)
        if error:
            worst = max(worst, error)
            if outside is None and error > MAX_ROUNDING * float(gradient.abs().max()):
                outside = node
    return ContributionSums(worst, outside)


def badge(diagram: Diagram, stale: Sequence[StaleTensor], sums: Sequence[ContributionSums]) -> dict[str, str]:
    """Return the badge: whether backward will fail or has not run, else how far the sums of contributions lie from torch's gradients."""
    if stale or any(graph.backward.failure is not None for graph in diagram.graphs):
        return {"text": message("autograd.badge.fails"), "kind": "bad"}
    if any(graph.backward.latest is None for graph in diagram.graphs):
        return {"text": message("autograd.badge.waiting"), "kind": "plain"}
    for graph, result in zip(diagram.graphs, sums, strict=True):
        if result.outside is not None:
            return {"text": message("autograd.badge.outside", title=graph.title), "kind": "plain"}
    worst = max(result.worst for result in sums)
    exact = message("autograd.badge.exact") if worst == 0 else message("autograd.badge.within", error=f"{worst:.1g}")
    return {"text": exact, "kind": "good"}


def notes(
    diagram: Diagram,
    stale: Sequence[StaleTensor],
    nonfinite: Sequence[NonfiniteTensor],
    sums: Sequence[ContributionSums],
    freed: Collection[int] = (),
) -> list[dict[str, str]]:
    """Return the notes above the diagram: what is wrong with the graph, and what the diagram cannot show.

    Args:
        diagram: the diagram.
        stale: the saved tensors that have been overwritten.
        nonfinite: the first values that are not finite.
        sums: how the contributions add up in each graph.
        freed: offsets of the graphs whose saved tensors a backward pass has freed.
    """
    items = [_note("bad", "stale", **_stale(diagram, fault)) for fault in stale[:1]]
    items += [_note("bad", "stale_more", **_stale(diagram, fault)) for fault in stale[1:3]]
    for graph, offset in zip(diagram.graphs, diagram.offsets, strict=True):
        items += [{"kind": "warn", "text": text} for text in graph.model_notes]
        if graph.backward.failure is not None and not stale:
            items.append(_failure_note(graph, graph.backward.failure))
        if not graph.has_tape:
            items.append(_note("info", "no_tape"))
        if graph.backward.latest is None and offset in freed:
            items.append(_note("info", "freed"))
        if graph.root.numel() != 1:
            items.append(_note("warn", "not_scalar", shape=shape_text(torch_internals.shape_of(graph.root))))
        if any(node.op == "checkpoint_function" for node in graph.nodes):
            items.append(_note("info", "checkpoint"))
    for fault in nonfinite:
        node = diagram.node(fault.node)
        where = _where(node)
        when = "backward" if fault.backward else "forward"
        kind = "bad" if fault.kind == "nan" else "warn"
        items.append(_note(kind, f"{fault.kind}_{when}", node=node.label or node.op, where=where))
    if torch_internals.missing_names():
        items.append(_note("warn", "missing_internals", names=", ".join(torch_internals.missing_names())))
    passes = max(graph.backward.passes for graph in diagram.graphs)
    if any(graph.backward.latest is not None and graph.backward.latest.preview for graph in diagram.graphs):
        items.append(_note("info", "preview"))
    elif passes > 1:
        items.append(_note("warn", "accumulates", passes=passes))
    for graph, result in zip(diagram.graphs, sums, strict=True):
        items += _start_notes(graph, result.outside)
    return items


def _start_notes(graph: Graph, outside: Node | None) -> list[dict[str, str]]:
    """Return what to say of a backward pass that did not start at this graph's root, or not with 1."""
    latest = graph.backward.latest
    if latest is None or latest.preview:
        return []
    items = []
    start = scalar(graph.nodes[0].gradient)
    if start is not None and start != 1:
        items.append(_note("info", "start", title=graph.title, gradient=f"{start:g}"))
    if outside is not None:
        items.append(_note("warn", "outside", title=graph.title, node=outside.label or outside.op))
    return items


def _failure_note(graph: Graph, failure: Failure) -> dict[str, str]:
    node = graph.nodes[failure.node]
    key = "fails" if failure.by_torch else "raises"
    return _note("bad", key, node=node.label or node.op, where=_where(node), error=failure.message)


def _where(node: Node) -> str:
    return f" ({node.source})" if node.source is not None else ""


def _stale(diagram: Diagram, fault: StaleTensor) -> dict[str, Any]:
    """Return the values of the note about one overwritten tensor."""
    writer = message("autograd.notes.unrecorded_write")
    if fault.source is not None:
        writer = f"{fault.mutation} ({fault.source}: {fault.source.text})"
    error = fault.message.split(" Hint:")[0]
    return {"node": diagram.node(fault.node).name, "saved": fault.saved, "writer": writer, "torch": error}


def _note(kind: str, key: str, **values: Any) -> dict[str, str]:
    return {"kind": kind, "text": message(f"autograd.notes.{key}", **values)}


def summary(diagram: Diagram) -> str:
    """Return the sentence that describes the diagram to a screen reader."""
    parts = []
    for graph in diagram.graphs:
        leaves = [node.label or shape_text(node.shapes[0]) for node in graph.leaves]
        named = ", ".join(leaves[:4]) + (" …" if len(leaves) > 4 else "")
        operations = len(graph.nodes) - len(leaves)
        key = "summary_after" if graph.backward.latest is not None else "summary"
        parts.append(
            message(f"autograd.{key}", title=graph.title, operations=operations, count=len(leaves), leaves=named)
        )
    return " ".join(parts)
