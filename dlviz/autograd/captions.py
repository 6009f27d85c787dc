"""The words around the picture: texts in the boxes, signature, badge, notes and the sentence that says what is shown."""

from collections.abc import Sequence
from typing import Any

from dlviz.autograd import torch_internals
from dlviz.autograd.anomalies import NonFinite, Stale, is_freed
from dlviz.autograd.diagram import Picture
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.grouping import Box
from dlviz.autograd.node_details import residual
from dlviz.kit.messages import message, table

#: Sums where paths meet are checked against torch up to this many numbers a node.
CHECKED = 4096
GROUPS = ("module", "fold", "step", "page", "run")


def shape(dims: Sequence[int]) -> str:
    """As Python writes it: ``(32, 16)``, ``(8,)``, ``()``."""
    return str(tuple(int(n) for n in dims))


def box_texts(drawn: Picture) -> list[tuple[str, str, str]]:
    """The two lines in each box, and what its tooltip adds: a dtype, or where a cut was made."""
    inputs, cuts, boxes = drawn.inputs, drawn.cuts, drawn.tree.boxes
    children = [0] * len(boxes)
    for box in boxes:
        if box.parent >= 0:
            children[box.parent] += 1
    found = []
    for i, box in enumerate(boxes):
        if box.kind in ("op", "leaf"):
            node = drawn.node(box.node)
            shapes = node.shapes
            dtype = str(node.dtypes[0]).removeprefix("torch.") if shapes else ""
            found.append((_title(boxes, box, node), shape(shapes[0]) if shapes else "", dtype))
        elif box.kind == "input":
            value = inputs[box.node].value
            why = (
                message("autograd.box.no_grad")
                if value.is_floating_point()
                else str(value.dtype).removeprefix("torch.")
            )
            dtype = str(value.dtype).removeprefix("torch.")
            found.append((box.label or message("autograd.box.data"), f"{shape(value.shape)} {why}", dtype))
        elif box.kind == "cut":
            cut = cuts[box.node]
            taken = f"{box.label}({', '.join(cut.leaves)})" if cut.leaves else box.label
            found.append(
                (
                    taken,
                    message(f"autograd.box.cut_{box.sub}"),
                    f"{cut.source}: {cut.source.text}" if cut.source else "",
                )
            )
        else:
            found.append((_group_title(box, children[i]), message("autograd.box.operations", count=box.count), ""))
    return found


def _title(boxes: list[Box], box: Box, node: Node) -> str:
    if box.kind == "op":
        return f"{node.label} = {node.op}" if node.label else node.op
    around = boxes[box.parent].path if box.parent >= 0 else ""
    return (node.label.removeprefix(f"{around}.") if around else node.label) or message("autograd.box.leaf")


def _group_title(box: Box, children: int) -> str:
    if box.kind == "fold":
        return message("autograd.box.fold", what=box.label, times=children)
    if box.kind in ("step", "page"):
        return message(f"autograd.box.{box.kind}", number=box.label)
    return " · ".join(part for part in (box.label, box.sub) if part)


def widths(drawn: Picture, texts: Sequence[tuple[str, str, str]]) -> list[int]:
    """How wide each box is in pixels, from its two lines; longer lines are cut with an ellipsis by the view."""
    words = table("autograd")
    found = []
    for box, (title, sub, _) in zip(drawn.tree.boxes, texts, strict=True):
        keys = drawn.flags.get(box.node, ()) if box.kind in ("op", "leaf") else ()
        second = " · ".join([sub, *(words[f"tag.{key}"] for key in keys if f"tag.{key}" in words)])
        room = 26 if box.kind in GROUPS else 18 if box.kind == "cut" else 0
        least = 150 if box.kind == "fold" else 54
        found.append(int(max(least, min(220, 20 + room + max(7.0 * len(title), 6.3 * len(second))))))
    return found


def signature(drawn: Picture) -> str:
    """The line beside the name: what is drawn and how large it is."""
    nodes = sum(len(graph.nodes) for graph in drawn.graphs)
    titles = ", ".join(_call(graph) for graph in drawn.graphs)
    return message("autograd.signature", what=titles, nodes=nodes)


def _call(graph: Graph) -> str:
    source = graph.nodes[0].source
    made = source.text if source is not None and len(source.text) <= 60 and source.text.startswith(graph.title) else ""
    return made or graph.title


def badge(drawn: Picture, stale: Sequence[Stale]) -> dict[str, str]:
    """How far what is drawn lies from torch: every number is torch's own, and the sums that a reader can redo are redone."""
    if stale:
        return {"text": message("autograd.badge.fails"), "kind": "bad"}
    if any(graph.backward.latest is None for graph in drawn.graphs):
        return {"text": message("autograd.badge.waiting"), "kind": "plain"}
    worst = 0.0
    for graph in drawn.graphs:
        for node in graph.nodes:
            arrived = node.gradient
            if len(graph.incoming[node.index]) > 1 and arrived is not None and arrived.numel() <= CHECKED:
                worst = max(worst, residual(graph, node.index) or 0.0)
    exact = message("autograd.badge.exact") if worst == 0 else message("autograd.badge.within", error=f"{worst:.1g}")
    return {"text": exact, "kind": "good"}


def notes(drawn: Picture, stale: Sequence[Stale], broken: Sequence[NonFinite]) -> list[dict[str, str]]:
    """What a learner must know before reading the picture: what it cannot show, and what is wrong."""
    found = [_note("bad", "stale", **_stale(drawn, fault)) for fault in stale[:1]]
    found += [_note("bad", "stale_too", **_stale(drawn, fault)) for fault in stale[1:3]]
    for graph in drawn.graphs:
        if not graph.taped:
            found.append(_note("info", "untaped"))
        if graph.backward.latest is None and is_freed(graph):
            found.append(_note("info", "freed"))
        if graph.root.numel() != 1:
            found.append(_note("warn", "not_scalar", shape=shape(graph.root.shape)))
        if any(node.op == "checkpoint_function" for node in graph.nodes):
            found.append(_note("info", "checkpoint"))
    for fault in broken:
        node = drawn.node(fault.node)
        where = f" ({node.source})" if node.source is not None else ""
        when = "backward" if fault.backward else "forward"
        kind = "bad" if fault.kind == "nan" else "warn"
        found.append(_note(kind, f"{fault.kind}_{when}", node=node.label or node.op, where=where))
    if torch_internals.missing():
        found.append(_note("warn", "private", names=", ".join(torch_internals.missing())))
    latest = [graph.backward.latest for graph in drawn.graphs]
    if any(one is not None and one.preview for one in latest):
        found.append(_note("info", "preview"))
    elif any(graph.backward.passes > 1 for graph in drawn.graphs):
        found.append(_note("warn", "again", passes=max(graph.backward.passes for graph in drawn.graphs)))
    return found


def _stale(drawn: Picture, fault: Stale) -> dict[str, Any]:
    node = drawn.node(fault.node)
    writer = (
        f"{fault.mutation} ({fault.source}: {fault.source.text})"
        if fault.source is not None
        else message("autograd.notes.unseen")
    )
    return {"node": node.name, "saved": fault.saved, "writer": writer, "torch": fault.message.split(" Hint:")[0]}


def _note(kind: str, key: str, **values: Any) -> dict[str, str]:
    return {"kind": kind, "text": message(f"autograd.notes.{key}", **values)}


def summary(drawn: Picture) -> str:
    """One sentence for who cannot see the picture."""
    parts = []
    for graph in drawn.graphs:
        leaves = [node.label or shape(node.shapes[0]) for node in graph.leaves]
        named = ", ".join(leaves[:4]) + (" …" if len(leaves) > 4 else "")
        operations = len(graph.nodes) - len(leaves)
        key = "summary_after" if graph.backward.latest is not None else "summary"
        parts.append(
            message(f"autograd.{key}", title=graph.title, operations=operations, count=len(leaves), leaves=named)
        )
    return " ".join(parts)
