"""The picture of one graph, or of two runs beside each other, as plain data: boxes, how they are laid out, what flows.

`scene` holds what the forward pass fixed and is sent once; `flow` holds what backward brings and is sent again after each pass.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from dlviz.autograd.anomalies import find_stale, first_non_finite
from dlviz.autograd.captions import badge, box_texts, notes, signature, summary, widths
from dlviz.autograd.diagram import Picture
from dlviz.autograd.grouping import Tree
from dlviz.autograd.layout import arrange, pack
from dlviz.autograd.tensor_summary import norms, scalar

KINDS = ("op", "leaf", "input", "cut", "module", "fold", "step", "page", "run")
#: Boxes shown when a graph opens, about: groups are opened from the outside in until there are this many.
OPEN = 44
#: Pixels: a box, and a folded loop, which holds a chart.
HIGH, TALL = 40, 64


def scene(drawn: Picture) -> dict[str, Any]:
    """What the forward pass fixed: every box with its texts and size, the layout of every group, every edge."""
    boxes = drawn.tree.boxes
    texts = box_texts(drawn)
    strings: dict[str, int] = {}
    ids = [[strings.setdefault(text, len(strings)) for text in lines] for lines in texts]
    return {
        "strings": list(strings),
        "kinds": np.array([KINDS.index(box.kind) for box in boxes], np.uint8),
        "parents": np.array([box.parent for box in boxes], np.int32),
        "texts": np.array(ids, np.uint16 if len(strings) < 2**16 else np.int32).reshape(-1),
        "widths": np.array(widths(drawn, texts), np.uint8),
        "heights": np.array([TALL if box.kind == "fold" else HIGH for box in boxes], np.uint8),
        "nodes": np.array([box.node for box in boxes], np.int32),
        "counts": np.array([box.count for box in boxes], np.int32),
        "edges": np.array(
            [
                (a + shift, b + shift)
                for graph, shift in zip(drawn.graphs, drawn.offsets, strict=True)
                for a, b in graph.edges
            ],
            np.int32,
        ).reshape(-1),
        "carries": _carries(drawn.tree),
        "layout": pack(arrange([box.parent for box in boxes], drawn.tree.edges)),
        "flags": [[node, keys] for node, keys in drawn.flags.items()],
    }


def flow(drawn: Picture) -> dict[str, Any]:
    """What backward brought: the order in which nodes ran, what arrived at each, faults, and how exact the picture is."""
    order, arrived, sizes, values, gradients, sent, stale, broken = [], [], [], [], [], [], [], []
    marks = dict(drawn.marks)
    for graph, shift in zip(drawn.graphs, drawn.offsets, strict=True):
        order += [node + shift for node in graph.order]
        arrived += norms([node.gradient for node in graph.nodes])
        made = [node.value for node in graph.nodes]
        sizes += norms(made)
        sent += [scalar(graph.flowing(edge)) for edge in range(len(graph.edges))]
        values += [scalar(value) for value in made]
        gradients += [scalar(node.gradient) for node in graph.nodes]
        broken += [replace(fault, node=fault.node + shift) for fault in first_non_finite(graph)]
        stale += [replace(fault, node=fault.node + shift) for fault in find_stale(graph)]
    marks |= {fault.node: fault.kind for fault in broken} | {fault.node: "stale" for fault in stale}
    return {
        "order": np.array(order, np.int32),
        **_numbers("norms", arrived),
        **_numbers("sizes", sizes),
        **_numbers("values", values),
        **_numbers("gradients", gradients),
        **_numbers("sent", sent),
        "ran": all(graph.backward.latest is not None for graph in drawn.graphs),
        "marks": [[node, kind] for node, kind in sorted(marks.items())],
        "folds": {
            str(i): np.array(_steps(drawn, i), np.float32)
            for i, box in enumerate(drawn.tree.boxes)
            if box.kind == "fold"
        },
        "notes": notes(drawn, stale, broken),
        "badge": badge(drawn, stale),
        "signature": signature(drawn),
        "summary": summary(drawn),
    }


def first_open(tree: Tree) -> list[int]:
    """The groups that are open at first: from the outside in, while the picture stays small."""
    inside: dict[int, list[int]] = {}
    for i, box in enumerate(tree.boxes):
        inside.setdefault(box.parent, []).append(i)
    opened: list[int] = []
    shown, queue = len(inside.get(-1, ())), list(inside.get(-1, ()))
    for group in queue:
        children = inside.get(group, [])
        kind = tree.boxes[group].kind
        if children and kind not in ("fold", "page") and (kind == "run" or shown + len(children) <= OPEN):
            opened.append(group)
            shown += len(children)
            queue += children
    return opened


def _numbers(name: str, found: list[float | None]) -> dict[str, np.ndarray]:
    """Numbers as float32 with a bit each that says which are there: a NaN may be one of them."""
    there = [number is not None for number in found]
    if not any(there):
        return {name: np.array([], np.float32), f"has_{name}": np.array([], np.uint8)}
    filled = [0.0 if number is None else number for number in found]
    return {name: np.array(filled, np.float32), f"has_{name}": np.packbits(there, bitorder="little")}


def _steps(drawn: Picture, fold: int) -> list[float]:
    """The norm of the gradient that arrives at the end of each step of a folded loop, first step first."""
    last: dict[int, int] = {}
    for i, box in enumerate(drawn.tree.boxes):
        if box.kind == "op":
            step = drawn.step_of(i, fold)
            if step >= 0:
                graph, node = drawn.locate(box.node)
                if step not in last or graph.nodes[node].sequence > drawn.node(last[step]).sequence:
                    last[step] = box.node
    return [size or 0.0 for size in norms([drawn.node(last[step]).gradient for step in sorted(last)])]


def _carries(tree: Tree) -> np.ndarray:
    """For each edge between boxes, how many of the graph's edges it stands for, and then which."""
    return np.array([number for carried in tree.carries for number in (len(carried), *carried)], np.int32)
