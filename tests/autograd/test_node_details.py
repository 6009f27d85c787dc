"""The details of a node are torch's own numbers."""

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz import autograd
from dlviz.autograd import tensor_summary
from dlviz.autograd.node_details import describe, residual
from dlviz.autograd.tensor_summary import norms, scalar, summarize
from tests.autograd import zoo


def numbers(summary):
    return np.frombuffer(summary["numbers"], "<f8").reshape(summary["shape"])


def test_a_node_is_described_with_its_numbers():
    w = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    with autograd.recording() as tape:
        h = torch.tanh(w)
        loss = h.sum()
    graph = autograd.record(loss, tape)
    index = graph.node("h").index
    before = describe(graph, index)
    assert before["gradient"] is None
    assert before["source"]["expression"] == "torch.tanh(w)"
    assert numbers(before["value"]) == pytest.approx(torch.tanh(w).detach().numpy())
    loss.backward()
    about = describe(graph, index)
    assert about["formulas"] == [
        {"to": "self", "torch": "tanh_backward(grad, result)", "python": "grad * (1 - result**2)"}
    ]
    assert [saved["name"] for saved in before["saved"]] == ["result"]
    assert numbers(about["grad_inputs"][0]["gradient"]) == pytest.approx(w.grad.numpy())
    leaf = describe(graph, graph.node("w").index)["leaf"]
    assert leaf["grad_before"] is None
    assert numbers(leaf["grad_after"]) == pytest.approx(w.grad.numpy())


def test_where_paths_meet_the_contributions_add_up():
    w = torch.tensor(2.0, requires_grad=True)
    loss = w * 3 + w * 4
    graph = autograd.record(loss)
    loss.backward()
    about = describe(graph, graph.node("w").index)
    assert sorted(numbers(part["gradient"]).item() for part in about["contributions"]) == [3, 4]
    assert numbers(about["gradient"]).item() == 7
    assert residual(graph, graph.node("w").index) == 0


def test_the_residual_is_the_distance_of_the_sum_from_torch():
    _, loss_of = zoo.build("loop_rnn")
    loss = loss_of()
    graph = autograd.record(loss)
    loss.backward()
    leaf = max(graph.leaves, key=lambda node: len(graph.incoming[node.index]))
    assert 0 < residual(graph, leaf.index) < 1e-4
    assert residual(graph, 0) is None


@pytest.mark.parametrize("name", list(zoo.ALL))
def test_every_node_of_every_graph_can_be_described(name):
    net, loss_of = zoo.build(name)
    with autograd.recording(net) as tape:
        loss = loss_of()
    graph = autograd.record(loss, tape)
    loss.backward()
    for node in graph.nodes[:: max(1, len(graph.nodes) // 60)]:
        about = describe(graph, node.index)
        assert about["name"] == node.name
        if not node.is_leaf and node.name.endswith("0") and "Function" not in node.name:
            assert about["formulas"], node.name
            assert about["source"]["line"] > 0


def test_special_nodes_are_flagged():
    _, loss_of = zoo.build("in_place_on_view")
    with autograd.recording() as tape:
        loss = loss_of()
    graph = autograd.record(loss, tape)
    flags = {node.op: set(describe(graph, node.index)["flags"]) for node in graph.nodes}
    assert "in_place" in flags["copy_slices"]
    custom = autograd.record(zoo.build("custom_function")[1]())
    assert any("custom" in describe(custom, n.index)["flags"] for n in custom.nodes)
    w = torch.ones(2, requires_grad=True)
    w.register_hook(lambda g: g)
    hooked = autograd.record((w.t() * 2).sum())
    assert "hook" in describe(hooked, hooked.node("w").index)["flags"]


def test_an_index_out_of_range_is_refused():
    graph = autograd.record(torch.ones(2, requires_grad=True).sum())
    with pytest.raises(IndexError, match="0 to 1"):
        describe(graph, 2)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64]
)
def test_every_dtype_is_summarized_exactly(dtype):
    tensor = torch.tensor([[0, 1], [1, 1]]).to(dtype)
    about = summarize(tensor)
    assert numbers(about).tolist() == [[0, 1], [1, 1]]
    assert about["norm"] == pytest.approx(3**0.5)


def test_a_large_tensor_is_a_histogram_that_counts_every_number():
    torch.manual_seed(0)
    tensor = torch.randn(1000)
    tensor[3], tensor[4] = float("nan"), float("inf")
    about = summarize(tensor)
    finite = tensor[tensor.isfinite()]
    assert "numbers" not in about
    assert sum(about["histogram"]["counts"]) == 998
    assert (about["min"], about["max"], about["nonfinite"]) == (finite.min().item(), finite.max().item(), 2)
    assert about["norm"] == "NaN"
    constant = summarize(torch.ones(100))
    assert constant["histogram"]["counts"] == [100]


def test_empty_meta_and_sparse_tensors_are_summarized():
    assert summarize(torch.empty(0))["numbers"] == b""
    assert summarize(torch.empty(2, device="meta")) == {"shape": [2], "dtype": "float32"}
    assert summarize(torch.eye(2).to_sparse())["shape"] == [2, 2]


def test_norms_and_scalars_are_torch_s_own():
    tensors = [torch.tensor([3.0, 4.0]), None, torch.tensor(2.0, dtype=torch.float64), torch.tensor([1, 2])]
    assert norms(tensors) == [5.0, None, 2.0, None]
    assert [scalar(t) for t in tensors] == [None, None, 2.0, None]


def test_hooks_and_retain_grad_on_variables_are_flagged():
    w = torch.ones(2, requires_grad=True)
    hooked, kept, plain = w * 2, w * 3, w * 4
    hooked.register_hook(lambda g: g * 10)
    kept.retain_grad()
    loss = (hooked + kept + plain).sum()
    graph = autograd.record(loss)
    flags = {name: describe(graph, graph.node(name).index)["flags"] for name in ("hooked", "kept", "plain")}
    assert flags == {"hooked": ["hook"], "kept": ["retains_grad"], "plain": []}
    loss.backward()
    assert graph.node("hooked").gradient.tolist() == [10, 10]
    assert torch.equal(graph.node("kept").gradient, kept.grad)


def test_a_large_tensor_is_counted_by_a_sample_that_says_so_and_its_other_numbers_are_exact():
    tensor = torch.linspace(-1, 3, 300_000)
    about = summarize(tensor)
    assert (about["min"], about["max"]) == (-1, 3)
    assert about["mean"] == pytest.approx(1)
    assert about["norm"] == pytest.approx(tensor.double().norm().item())
    counts = about["histogram"]["counts"]
    assert sum(counts) == about["histogram"]["sample"] <= tensor_summary.MAX_COUNTED * 2
    assert max(counts) - min(counts) <= 2
    assert "sample" not in summarize(tensor[:1000])["histogram"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool, torch.uint8])
def test_the_numbers_of_every_dtype_are_those_of_float64(dtype):
    tensor = (torch.arange(100) % 7).to(dtype)
    about, exact = summarize(tensor), tensor.double()
    assert (about["min"], about["max"]) == (exact.min(), exact.max())
    assert about["mean"] == pytest.approx(exact.mean().item())
    assert about["norm"] == pytest.approx(exact.norm().item())


def test_each_tensor_is_summarized_once_for_a_page(monkeypatch):
    summarized = []
    monkeypatch.setattr(tensor_summary, "summarize", lambda tensor: summarized.append(tensor) or summarize(tensor))
    net, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), torch.randn(5, 3)
    view = dlviz.graph(lambda: net(x).sum())
    summarized.clear()
    view.to_html()
    memory = [(t.data_ptr(), t.shape, t.stride()) for t in summarized]
    assert len(memory) == len(set(memory))
    output = next(node for node in view.graph.nodes if node.op == "relu")  # a value, and what two nodes saved
    assert sum(t.data_ptr() == output.value.data_ptr() for t in summarized) == 1


def test_a_shared_memory_of_another_shape_is_another_summary():
    tensor = torch.arange(100.0)
    summaries = tensor_summary.Summaries()
    assert summaries(tensor) is summaries(tensor[:])
    assert summaries(tensor.view(10, 10))["shape"] == [10, 10]
    assert summaries(None) is None
