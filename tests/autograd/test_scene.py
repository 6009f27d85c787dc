"""The scene holds the whole graph: every node has a box, every edge a line, and a large graph stays small."""

import numpy as np
import pytest
import torch

from dlviz import autograd
from dlviz.autograd.diagram import build_diagram, unmatched_operations
from dlviz.autograd.grouping import build_tree
from dlviz.autograd.scene import flow, initially_expanded, scene
from tests.autograd import zoo


def graph_of(name):
    net, loss_of = zoo.build(name)
    with autograd.recording(net) as tape:
        loss = loss_of()
    graph = autograd.record(loss, tape)
    graph.preview() if name != "checkpointed_reentrant" else loss.backward()
    return graph


@pytest.mark.parametrize("name", list(zoo.ALL))
def test_every_node_has_its_box_and_every_edge_its_line(name):
    graph = graph_of(name)
    tree = build_tree(graph)
    operations = [box.node for box in tree.boxes if box.kind == "op"]
    assert sorted(operations) == [node.index for node in graph.nodes if not node.is_leaf]
    numbers = sorted(edge for edges in tree.graph_edges for edge in edges)
    assert numbers == list(range(len(graph.edges)))
    for (start, end), edges in zip(tree.edges, tree.graph_edges, strict=True):
        for edge in edges:
            assert (tree.boxes[end].node, tree.boxes[start].node) == graph.edges[edge]
    for use in (box for box in tree.boxes if box.kind == "leaf"):
        assert graph.nodes[use.node].is_leaf


@pytest.mark.parametrize("name", list(zoo.ALL))
def test_every_number_of_the_picture_is_that_of_its_tensor(name):
    graph = graph_of(name)
    numbers = flow(build_diagram([graph]))
    tensors = {
        "value_norms": [node.value for node in graph.nodes],
        "gradient_norms": [node.gradient for node in graph.nodes],
        "values": [node.value for node in graph.nodes],
        "gradients": [node.gradient for node in graph.nodes],
        "edge_gradients": [graph.edge_gradient(edge) for edge in range(len(graph.edges))],
    }
    for key, items in tensors.items():
        read = torch.linalg.vector_norm if key.endswith("norms") else (lambda t: t if t.numel() == 1 else None)
        results = [read(t) if t is not None and t.is_floating_point() else None for t in items]
        expected = [result.item() if result is not None else None for result in results]
        if not any(number is not None for number in expected):
            assert not numbers[key].size
            continue
        present = np.unpackbits(numbers[f"has_{key}"], count=len(items), bitorder="little").astype(bool)
        assert present.tolist() == [number is not None for number in expected]
        drawn = numbers[key][present]
        assert drawn == pytest.approx([number for number in expected if number is not None], rel=1e-6)


def test_a_nan_in_a_leaf_is_marked_at_the_leaf():
    w = torch.tensor([1.0, float("nan")], requires_grad=True)
    with autograd.recording() as tape:
        loss = (w * 2).sum()
    graph = autograd.record(loss, tape)
    assert flow(build_diagram([graph]))["marks"] == [[graph.node("w").index, "nan"]]


@pytest.mark.parametrize("name", list(zoo.ALL))
def test_arrays_take_at_most_250_bytes_per_node(name):
    diagram = build_diagram([graph_of(name)])
    sizes = [
        len(v.tobytes()) for part in (scene(diagram), flow(diagram)) for v in part.values() if isinstance(v, np.ndarray)
    ]
    nodes = sum(len(graph.nodes) for graph in diagram.graphs)
    assert sum(sizes) <= 250 * nodes


def test_modules_become_nested_boxes():
    tree = build_tree(graph_of("gpt"))
    boxes = tree.boxes
    block = next(i for i, box in enumerate(boxes) if box.label == "blocks.3")
    inside = [box.label for box in boxes if box.parent == block and box.kind == "module"]
    assert {"norm1", "attention", "mlp"} <= set(inside)
    assert boxes[boxes[block].parent].label == "net"
    leaf = next(box for box in boxes if box.kind == "leaf" and box.label.startswith("net.blocks.3.attention.qkv"))
    assert boxes[leaf.parent].path == "net.blocks.3.attention.qkv"


@pytest.mark.parametrize("name", ["rnn", "loop_rnn"])
def test_two_hundred_iterations_fold_into_one_box_with_a_norm_each(name):
    graph = graph_of(name)
    diagram = build_diagram([graph])
    (loop,) = [i for i, box in enumerate(diagram.tree.boxes) if box.kind == "loop"]
    iterations = [i for i, box in enumerate(diagram.tree.boxes) if box.parent == loop]
    assert len(iterations) in (199, 200)
    norms = flow(diagram)["loop_norms"][str(loop)]
    assert len(norms) == len(iterations)
    last = max((n for n in graph.nodes if n.op == "tanh"), key=lambda n: n.sequence)
    assert norms[-1] == pytest.approx(last.gradient.norm().item())
    assert len(initially_expanded(diagram.tree)) < 20


def test_a_short_repetition_is_not_folded():
    w = torch.ones(3, requires_grad=True)
    x = w
    for _ in range(3):
        x = x.exp()
    assert not [box for box in build_tree(autograd.record(x.sum())).boxes if box.kind == "loop"]


def test_ten_thousand_nodes_open_collapsed():
    w = torch.ones(2, requires_grad=True)
    operations = [torch.sin, torch.cos, torch.tanh, torch.sigmoid, torch.exp, torch.neg, torch.abs]
    choice = torch.randint(len(operations), (10_000,), generator=torch.Generator().manual_seed(0)).tolist()
    x = w
    for pick in choice:
        x = operations[pick](x)
    loss = x.sum()
    graph = autograd.record(loss)
    diagram = build_diagram([graph])
    scene(diagram)
    placement = diagram.place(initially_expanded(diagram.tree))
    assert len(graph.nodes) == 10_002
    assert len(placement.boxes) < 200


def test_two_graphs_show_the_branch_that_only_one_took():
    def run(w):
        h = w * 2
        h = h.relu() if w.sum() > 0 else h.tanh().exp()
        return h.sum()

    graphs = []
    for start in (1.0, -1.0):
        w = torch.full((3,), start, requires_grad=True)
        graphs.append(autograd.record(run(w)))
    first, second = unmatched_operations(*graphs)
    assert [graphs[0].nodes[i].op for i in first] == ["relu"]
    assert sorted(graphs[1].nodes[i].op for i in second) == ["exp", "tanh"]
    diagram = build_diagram(graphs)
    assert [box.kind for box in diagram.tree.boxes if box.parent < 0] == ["graph", "graph"]
    assert len([mark for mark in flow(diagram)["marks"] if mark[1] == "changed"]) == 3
    shift = len(graphs[0].nodes)
    assert diagram.node(shift) is graphs[1].nodes[0]


def test_equal_graphs_have_no_unmatched_operations():
    graphs = [graph_of("mlp"), graph_of("mlp")]
    assert unmatched_operations(*graphs) == (set(), set())


def test_a_cut_is_a_box_between_its_producer_and_its_consumer():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with autograd.recording() as tape:
        h = w * 2
        loss = (h * h.detach()).sum()
    tree = build_tree(autograd.record(loss, tape))
    (cut,) = [i for i, box in enumerate(tree.boxes) if box.kind == "cut"]
    into = [tree.boxes[a].label for a, b in tree.edges if b == cut]
    out = [tree.boxes[b].label for a, b in tree.edges if a == cut]
    assert (into, out) == (["mul"], ["mul"])


def test_a_relu_that_saves_its_result_is_not_a_detach():
    net, loss_of = zoo.build("mlp")
    with autograd.recording(net) as tape:
        loss = loss_of()
    assert autograd.record(loss, tape).cuts == []


@pytest.mark.parametrize(("kind", "titles"), [("leaf", ("leaves", "leaves")), ("input", ("data", "tensors"))])
def test_very_many_leaves_or_inputs_of_one_operation_are_split_into_pages(kind, titles):
    weights = [torch.tensor([1.0], requires_grad=kind == "leaf") for _ in range(130)]
    with autograd.recording() as tape:
        loss = torch.cat([*weights, torch.ones(1, requires_grad=True)]).sum()
    diagram = build_diagram([autograd.record(loss, tape)])
    boxes = diagram.tree.boxes
    pages = [i for i, box in enumerate(boxes) if box.kind == "page"]
    count = 131 if kind == "leaf" else 130
    assert [sum(box.parent == page for box in boxes) for page in pages] == [50, 50, count - 100]
    assert diagram.texts[pages[1]][0] == f"{titles[0]} 51–100"
    assert diagram.texts[pages[1]][1].startswith(f"50 {titles[1]}")
    assert len(diagram.place(initially_expanded(diagram.tree)).boxes) < 20
    assert len(diagram.place(range(len(boxes))).boxes) == len(boxes)
