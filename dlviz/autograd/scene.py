"""The diagram as plain data for the view.

`scene` holds what the forward pass determines and is sent once; `flow` holds what backward adds and is sent again after each pass.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from dlviz.autograd.anomalies import first_nonfinite, scan_saved
from dlviz.autograd.captions import badge, contribution_sums, notes, signature, summary
from dlviz.autograd.coordinates import SPACING
from dlviz.autograd.diagram import Diagram
from dlviz.autograd.grouping import KINDS, BoxTree
from dlviz.autograd.layout import pack
from dlviz.autograd.tensor_summary import Norms, scalar

#: Groups are expanded from the outside in until about this many boxes are visible.
MAX_INITIAL_BOXES = 44


def scene(diagram: Diagram) -> dict[str, Any]:
    """Return what the forward pass determines: each box with its texts and size, the layout of each group, and every edge."""
    boxes = diagram.tree.boxes
    strings: dict[str, int] = {}
    ids = [[strings.setdefault(text, len(strings)) for text in lines] for lines in diagram.texts]
    edges = [
        (consumer + offset, producer + offset)
        for graph, offset in zip(diagram.graphs, diagram.offsets, strict=True)
        for consumer, producer in graph.edges
    ]
    # For each edge between boxes, how many of the graph's edges it stands for, and then which.
    graph_edges = [number for numbers in diagram.tree.graph_edges for number in (len(numbers), *numbers)]
    return {
        "strings": list(strings),
        "kinds": np.array([KINDS.index(box.kind) for box in boxes], np.uint8),
        "parents": np.array([box.parent for box in boxes], np.int32),
        "texts": np.array(ids, np.uint16 if len(strings) < 2**16 else np.int32).reshape(-1),
        "widths": np.array(diagram.widths, np.uint8),
        "heights": np.array(diagram.heights, np.uint8),
        "nodes": np.array([box.node for box in boxes], np.int32),
        "edges": np.array(edges, np.int32).reshape(-1),
        "graph_edges": np.array(graph_edges, np.int32),
        "layout": pack(diagram.groups),
        "spacing": SPACING,
        "flags": [[node, keys] for node, keys in diagram.flags.items()],
    }


def flow(diagram: Diagram) -> dict[str, Any]:
    """Return what backward adds: the order of the nodes, their gradients, faults, and the texts around the diagram."""
    nodes = [node for graph in diagram.graphs for node in graph.nodes]
    # Read once, because a leaf's value is a new tensor each time.
    values, gradients = [node.values for node in nodes], [node.gradient for node in nodes]
    norms = Norms(
        tensor
        for node, outputs in zip(nodes, values, strict=True)
        for tensor in (*outputs, *node.gradients, *node.grad_inputs)
    )
    first_values = [outputs[0] if outputs else None for outputs in values]
    order, edge_gradients, stale, nonfinite, freed = [], [], [], [], set()
    for graph, offset in zip(diagram.graphs, diagram.offsets, strict=True):
        order += [node + offset for node in graph.order]
        edge_gradients += [graph.edge_gradient(edge) for edge in range(len(graph.edges))]
        faults = first_nonfinite(graph, values[offset : offset + len(graph.nodes)], norms)
        nonfinite += [replace(fault, node=fault.node + offset) for fault in faults]
        is_freed, overwritten = scan_saved(graph)
        stale += [replace(fault, node=fault.node + offset) for fault in overwritten]
        if is_freed:
            freed.add(offset)
    failed = {
        graph.backward.failure.node + offset: "failed"
        for graph, offset in zip(diagram.graphs, diagram.offsets, strict=True)
        if graph.backward.failure is not None
    }
    sums = [contribution_sums(graph) for graph in diagram.graphs]
    marks = (
        diagram.marks
        | failed
        | {fault.node: fault.kind for fault in nonfinite}
        | {fault.node: "stale" for fault in stale}
    )
    return {
        "order": np.array(order, np.int32),
        **_optional("gradient_norms", map(norms, gradients)),
        **_optional("value_norms", map(norms, first_values)),
        **_optional("values", map(scalar, first_values)),
        **_optional("gradients", map(scalar, gradients)),
        **_optional("edge_gradients", map(scalar, edge_gradients)),
        "backward_ran": all(graph.backward.latest is not None for graph in diagram.graphs),
        "marks": [[node, kind] for node, kind in sorted(marks.items())],
        "loop_norms": {
            str(i): np.array(_iteration_norms(diagram, i, norms), np.float32)
            for i, box in enumerate(diagram.tree.boxes)
            if box.kind == "loop"
        },
        "notes": notes(diagram, stale, nonfinite, sums, freed),
        "badge": badge(diagram, stale, sums),
        "signature": signature(diagram),
        "summary": summary(diagram),
    }


def initially_expanded(tree: BoxTree) -> list[int]:
    """Return the groups to expand at first: from the outside in, while the diagram stays small."""
    inside: dict[int, list[int]] = {}
    for i, box in enumerate(tree.boxes):
        inside.setdefault(box.parent, []).append(i)
    expanded: list[int] = []
    visible, queue = len(inside.get(-1, ())), list(inside.get(-1, ()))
    for group in queue:
        children = inside.get(group, [])
        kind = tree.boxes[group].kind
        fits = kind == "graph" or visible + len(children) <= MAX_INITIAL_BOXES
        if children and kind not in ("loop", "page") and fits:
            expanded.append(group)
            visible += len(children)
            queue += children
    return expanded


def _optional(name: str, numbers: Iterable[float | None]) -> dict[str, np.ndarray]:
    """Return numbers as float32 beside one bit each that says whether it is present; NaN cannot say so, because it may be a value."""
    numbers = list(numbers)
    present = [number is not None for number in numbers]
    if not any(present):
        return {name: np.array([], np.float32), f"has_{name}": np.array([], np.uint8)}
    filled = [0.0 if number is None else number for number in numbers]
    return {name: np.array(filled, np.float32), f"has_{name}": np.packbits(present, bitorder="little")}


def _iteration_norms(diagram: Diagram, loop: int, norms: Norms) -> list[float]:
    """Return the gradient norm of the last operation in each iteration of a folded loop, first iteration first."""
    last: dict[int, int] = {}
    for i, box in enumerate(diagram.tree.boxes):
        if box.kind == "op":
            iteration = diagram.iteration_of(i, loop)
            if iteration >= 0:
                node = diagram.node(box.node)
                if iteration not in last or node.sequence > diagram.node(last[iteration]).sequence:
                    last[iteration] = box.node
    return [norms(diagram.node(last[i]).gradient) or 0.0 for i in sorted(last)]
