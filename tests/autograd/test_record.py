"""The record is torch's graph, with the numbers that torch computed."""

import gc
import weakref
from collections import Counter

import pytest
import torch
from torch import nn

from dlviz import autograd
from dlviz.kit.errors import DlvizError
from tests.autograd import zoo

CASES = list(zoo.ALL)


def walk(root):
    """Walk next_functions without dlviz and return nodes and counted edges."""
    nodes, edges, stack = {root}, Counter(), [root]
    while stack:
        node = stack.pop()
        for slot, (producer, output) in enumerate(node.next_functions):
            if producer is not None:
                edges[node, producer, slot, output] += 1
                if producer not in nodes:
                    nodes.add(producer)
                    stack.append(producer)
    return nodes, edges


def recorded(name):
    net, loss_of = zoo.build(name)
    with autograd.recording(net) as tape:
        loss = loss_of()
    return net, loss, autograd.record(loss, tape)


@pytest.mark.parametrize("name", CASES)
def test_nodes_and_edges_equal_an_independent_walk(name):
    _, loss, graph = recorded(name)
    nodes, edges = walk(loss.grad_fn)
    assert {node.grad_fn for node in graph.nodes} == nodes
    assert len(graph.nodes) == len(nodes)
    recorded_edges = Counter(
        (graph.nodes[a].grad_fn, graph.nodes[b].grad_fn, *slot)
        for (a, b), slot in zip(graph.edges, graph.slots, strict=True)
    )
    assert recorded_edges == edges


@pytest.mark.parametrize("name", CASES)
def test_backward_runs_in_the_order_of_the_nodes(name):
    _, loss, graph = recorded(name)
    loss.backward()
    ran = [i for i in graph.backward.order if not graph.nodes[i].is_leaf]
    assert ran == [node.index for node in graph.nodes if not node.is_leaf]
    assert sorted(graph.backward.order) == list(range(len(graph.nodes)))


class OutputRecorder(torch.utils._python_dispatch.TorchDispatchMode):
    """Dispatch mode that collects every output of eager execution, without dlviz."""

    def __init__(self):
        super().__init__()
        self.outputs = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.outputs += [t for t in (out if isinstance(out, (tuple, list)) else [out]) if isinstance(t, torch.Tensor)]
        return out


@pytest.mark.parametrize("name", CASES)
def test_values_are_bit_equal_to_eager_on_99_percent_and_the_rest_are_marked(name):
    _, _loss, graph = recorded(name)
    _, loss_of = zoo.build(name)
    with OutputRecorder() as recorder:
        second = loss_of()
    eager = {}
    for tensor in recorder.outputs:
        if tensor.grad_fn is not None:
            eager.setdefault(tensor.grad_fn, []).append(tensor)
    order = autograd.backward_order(second.grad_fn)
    assert [n.name() for n in order] == [n.name for n in graph.nodes]
    operations = [node for node in graph.nodes if not node.is_leaf]
    shown = [node for node in operations if node.value is not None]
    assert len(shown) >= 0.99 * len(operations)
    assert all(node.value_missing for node in operations if node.value is None)
    compared = 0
    for node in shown:
        for number, value in enumerate(node.values):
            matches = [t for t in eager.get(order[node.index], []) if t.output_nr == number]
            if value is not None and matches:
                assert torch.equal(value, matches[-1].detach()), node
                compared += 1
    assert compared >= 0.75 * len(shown)  # a value overwritten in place has no tensor left to compare with
    assert torch.equal(graph.nodes[0].value, second.detach())


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_bit_equal_to_retain_grad(name):
    _, loss, graph = recorded(name)
    loss.backward()
    _, loss_of = zoo.build(name)
    with OutputRecorder() as recorder:
        second = loss_of()
    kept = {}
    for tensor in recorder.outputs:
        if tensor.grad_fn is not None and tensor.requires_grad:
            tensor.retain_grad()
            kept.setdefault((tensor.grad_fn, tensor.output_nr), tensor)
    order = autograd.backward_order(second.grad_fn)
    second.backward()
    compared = 0
    for node, function in zip(graph.nodes, order, strict=True):
        if node.is_leaf:
            assert torch.equal(node.gradient, function.variable.grad)
            compared += 1
            continue
        for number, gradient in enumerate(node.gradients):
            tensor = kept.get((function, number))
            if gradient is not None and tensor is not None and tensor.grad is not None:
                assert torch.equal(gradient, tensor.grad), node
                compared += 1
    assert compared >= 0.8 * len(graph.nodes)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_run_leaves_the_same_state_as_an_unrecorded_one(name):
    def run(watched):
        net, loss_of = zoo.build(name)
        torch.manual_seed(1)
        if watched:
            with autograd.recording(net) as tape:
                loss = loss_of()
            graph = autograd.record(loss, tape)
            loss.backward()
            assert graph.backward.passes == 1
        else:
            loss = loss_of()
            loss.backward()
        leaves = [n.variable for n in autograd.backward_order(loss.grad_fn) if hasattr(n, "variable")]
        return [
            loss.detach(),
            *leaves,
            *(leaf.grad for leaf in leaves),
            torch.get_rng_state(),
            *(net.buffers() if net else ()),
        ]

    for plain, watched in zip(run(False), run(True), strict=True):
        assert torch.equal(plain, watched)


def test_random_numbers_are_drawn_once_and_the_same():
    def run(watched):
        torch.manual_seed(3)
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        x = torch.randn(5, 4)
        with autograd.recording(net) if watched else torch.enable_grad():
            loss = net(x).sum()
        return loss.detach(), torch.get_rng_state()

    assert all(torch.equal(a, b) for a, b in zip(run(True), run(False), strict=True))


def test_every_operation_has_its_line_and_its_module():
    net, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), torch.randn(5, 4)
    with autograd.recording() as tape:
        out = net(x)
        loss = out.square().mean()
    graph = autograd.record(loss, tape)
    lines = {node.op: node.source.text for node in graph.nodes if not node.is_leaf}
    assert lines["relu"] == "out = net(x)"
    assert lines["mean"] == "loss = out.square().mean()"
    assert [n.source.expression for n in graph.nodes if n.op == "pow"] == ["out.square()"]
    assert [n.module for n in graph.nodes if n.op == "addmm"] == ["net.2", "net.0"]
    assert {n.label for n in graph.leaves} == {"net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"}
    assert graph.node("out").op == "addmm"
    assert graph.title == "loss"
    with pytest.raises(KeyError, match="nothing_like_it"):
        graph.node("nothing_like_it")


def test_the_value_before_an_in_place_write_is_kept():
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    with autograd.recording() as tape:
        a = w * 3
        a.relu_()
        loss = a.sum()
    graph = autograd.record(loss, tape)
    assert [n.value.tolist() for n in graph.nodes if n.op in ("relu", "mul")] == [[3, 0], [3, -6]]


def test_a_value_overwritten_after_the_recording_is_marked_and_left_out():
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    with autograd.recording() as tape:
        a = w * 3
        loss = a.sum()
    graph = autograd.record(loss, tape)
    with torch.no_grad():
        a.zero_()
    assert graph.node("a").value is None
    assert graph.node("a").value_missing == "overwritten"


def test_values_beyond_the_budget_are_marked_large():
    w = torch.ones(100, requires_grad=True)
    recorder = autograd.recording()
    recorder.tape.max_bytes = 100
    with recorder as tape:
        loss = (w * 2).sum()
    graph = autograd.record(loss, tape)
    assert [n.value_missing for n in graph.nodes if not n.is_leaf] == ["", "large"]


def test_a_bare_loss_has_nodes_and_gradients_but_no_values():
    w = torch.tensor(3.0, requires_grad=True)
    loss = w * w
    graph = autograd.record(loss)
    assert graph.nodes[0].value is None
    assert graph.nodes[0].value_missing == "no_tape"
    assert graph.nodes[0].gradient is None
    loss.backward()
    assert graph.nodes[0].gradient.item() == 1
    assert graph.nodes[1].gradient.item() == 6
    assert [g.item() for g in graph.nodes[0].grad_inputs] == [3, 3]


def test_a_second_backward_adds_to_grad_and_both_are_seen():
    w = torch.tensor(3.0, requires_grad=True)
    loss = w * w
    graph = autograd.record(loss)
    loss.backward(retain_graph=True)
    loss.backward()
    latest = graph.backward.latest
    assert graph.backward.passes == 2
    assert (latest.grad_before[1].item(), latest.grad_outputs[1][0].item(), latest.grad_after[1].item()) == (6, 6, 12)


def test_what_is_written_into_grad_later_changes_no_recorded_gradient():
    w = torch.tensor(3.0, requires_grad=True)
    loss = w * w
    graph = autograd.record(loss)
    loss.backward()
    w.grad.zero_()
    assert (graph.nodes[1].gradient.item(), graph.backward.latest.grad_after[1].item()) == (6, 6)


def test_another_graph_on_the_same_leaf_is_not_mistaken_for_this_one():
    w = torch.tensor(3.0, requires_grad=True)
    graph = autograd.record(w * w)
    (w * 10).backward()
    assert graph.backward.passes == 0
    assert graph.nodes[1].gradient is None


def shared_trunk():
    net, x = nn.Linear(3, 3), torch.randn(2, 3)
    h = net(x).tanh()
    return net, h.sum(), (h**2).sum()


def test_another_loss_s_pass_through_a_shared_trunk_is_not_this_graph_s():
    net, first, second = shared_trunk()
    expected = torch.autograd.grad(first, net.parameters(), retain_graph=True)
    graphs = [autograd.record(loss) for loss in (first, second)]
    second.backward(retain_graph=True)
    assert [graph.backward.passes for graph in graphs] == [0, 1]
    assert all(node.gradient is None for node in graphs[0].nodes)
    net.zero_grad()
    first.backward(retain_graph=True)
    second.backward()
    graph = graphs[0]
    assert graph.backward.passes == 1
    sent = {id(node.tensor): node.gradient for node in graph.leaves}
    assert all(torch.equal(sent[id(p)], g) for p, g in zip(net.parameters(), expected, strict=True))


def test_a_gan_s_generator_keeps_its_own_gradients_when_the_discriminator_learns():
    generator, discriminator = nn.Linear(2, 3), nn.Linear(3, 1)
    fake = generator(torch.randn(4, 2))
    of_generator = -discriminator(fake).mean()
    of_discriminator = discriminator(fake.detach()).mean() - discriminator(torch.randn(4, 3)).mean()
    graph = autograd.record(of_generator)
    of_discriminator.backward()
    assert graph.backward.latest is None
    of_generator.backward()
    of_fake = next(node for node in graph.nodes if node.label == "fake").gradient
    assert torch.allclose(of_fake, -discriminator.weight.detach().expand(4, 3) / 4)


def test_contributions_are_those_of_one_output():
    w = torch.arange(3.0, requires_grad=True)
    a, b, _ = (w * 2).unbind()
    graph = autograd.record(a + b * 2 + b * a)
    graph.preview()
    unbind = next(node for node in graph.nodes if node.op == "unbind")
    sent = [graph.edge_gradient(edge) for edge in graph.contributions(unbind.index)]
    assert len(graph.incoming[unbind.index]) == 4
    assert torch.equal(torch.stack(sent).sum(0), unbind.gradients[0])


def test_a_preview_leaves_grad_alone_and_equals_the_real_backward():
    net, loss_of = zoo.build("mlp")
    loss = loss_of()
    graph = autograd.record(loss)
    graph.preview()
    previewed = [node.gradient.clone() for node in graph.nodes]
    assert graph.backward.latest.preview
    assert all(p.grad is None for p in net.parameters())
    loss.backward()
    assert not graph.backward.latest.preview
    assert all(torch.equal(a, node.gradient) for a, node in zip(previewed, graph.nodes, strict=True))


def test_cuts_are_found_at_their_source_lines():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with autograd.recording() as tape:
        h = w * 2
        frozen = h.detach()
        with torch.no_grad():
            scale = h.mean()
        best = h.argmax()
        total = (h * frozen * scale).sum()
        total.item()
        loss = total + h[best]
    graph = autograd.record(loss, tape)
    assert Counter(cut.kind for cut in graph.cuts) == Counter(detach=1, no_grad=1, integer=1, item=1)
    detach = next(cut for cut in graph.cuts if cut.kind == "detach")
    assert detach.source.text == "frozen = h.detach()"
    assert [graph.nodes[i].label for i in detach.parents] == ["h"]
    assert {i.cut.kind for i in graph.inputs if i.cut} >= {"detach", "no_grad"}


def test_second_order_nodes_name_the_node_whose_backward_created_them():
    _, _, graph = recorded("double_backward")
    made = [node for node in graph.nodes if node.created_by is not None]
    assert made
    assert {graph.nodes[node.created_by].op for node in made} >= {"tanh", "addmm"} & {n.op for n in graph.nodes}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: 3.0, "float"),
        (lambda: torch.tensor(1.0, requires_grad=True), "leaf"),
        (lambda: torch.tensor(1.0) * 2, "requires_grad"),
    ],
)
def test_a_value_without_a_graph_is_refused_with_a_reason(make, words):
    with pytest.raises(DlvizError, match=words) as caught:
        autograd.record(make())
    assert caught.value._render_traceback_() == [f"DlvizError: {caught.value}"]


def test_the_refusal_names_the_line_that_cut_the_graph():
    w = torch.tensor(2.0, requires_grad=True)
    with autograd.recording() as tape:
        loss = (w * 3).detach() + 1
    with pytest.raises(DlvizError, match=r"detach.*test_record\.py"):
        autograd.record(loss, tape)


class Mark:
    """Lives as long as the node whose metadata holds it, because torch's nodes cannot be weakly referenced."""


def mark(node):
    node.metadata["mark"] = Mark()
    return weakref.ref(node.metadata["mark"])


def test_deleting_the_record_frees_the_graph():
    net, loss_of = zoo.build("mlp")
    with autograd.recording(net) as tape:
        loss = loss_of()
    graph = autograd.record(loss, tape)
    loss.backward(retain_graph=True)
    node, value = mark(graph.nodes[3].grad_fn), weakref.ref(graph.backward)
    del graph, loss, tape
    gc.collect()
    assert node() is None
    assert value() is None


def test_a_tape_alone_keeps_no_graph_alive():
    w = torch.ones(3, requires_grad=True)
    with autograd.recording() as tape:
        loss = (w * 2).sum()
    node = mark(loss.grad_fn)
    del loss
    gc.collect()
    assert tape.ops
    assert node() is None
