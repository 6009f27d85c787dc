"""Faults are found before backward fails: overwritten saved tensors with the line that wrote, freed graphs, the first NaN."""

import pytest
import torch

import dlviz
from dlviz import autograd
from dlviz.autograd import anomalies


def test_an_in_place_fault_is_named_before_backward_with_node_and_line():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with autograd.recording() as tape:
        h = w.exp()
        loss = h.sum()
        h.add_(1)
    graph = autograd.record(loss, tape)
    (fault,) = anomalies.find_stale(graph)
    assert graph.nodes[fault.node].name == "ExpBackward0"
    assert (fault.saved, fault.mutation) == ("result", "add_")
    assert fault.source.text == "h.add_(1)"
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as refused:
        loss.backward()
    assert fault.message in str(refused.value)


def test_an_overwrite_after_recording_is_found_without_its_line():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    h = w.exp()
    graph = autograd.record(h.sum())
    assert anomalies.find_stale(graph) == []
    h.add_(1)
    (fault,) = anomalies.find_stale(graph)
    assert (fault.saved, fault.mutation, fault.source) == ("result", None, None)


def test_a_harmless_write_is_not_reported():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with autograd.recording() as tape:
        h = w + 1
        loss = h.sum()
        h.add_(1)
    assert anomalies.find_stale(autograd.record(loss, tape)) == []
    loss.backward()


def test_a_freed_graph_is_known():
    w = torch.tensor(2.0, requires_grad=True)
    loss = w.exp()
    graph = autograd.record(loss)
    assert not anomalies.is_freed(graph)
    loss.backward()
    assert anomalies.is_freed(graph)
    assert anomalies.find_stale(graph) == []


def test_reading_a_checkpoint_does_not_run_it_again():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    runs = []

    def inside(x):
        runs.append(1)
        return x.exp().tanh()

    loss = torch.utils.checkpoint.checkpoint(inside, w, use_reentrant=False).sum()
    graph = autograd.record(loss)
    anomalies.find_stale(graph)
    assert not anomalies.is_freed(graph)
    assert all(anomalies.saved_values(node) is not None for node in graph.nodes)
    assert len(runs) == 1


def test_the_first_nan_of_the_forward_pass_names_the_node_that_computed_it():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with autograd.recording() as tape:
        a = w - 1.5
        root = a.sqrt()
        loss = (root * 2).sum()
    graph = autograd.record(loss, tape)
    (fault,) = anomalies.first_nonfinite(graph)
    assert (graph.nodes[fault.node].label, fault.kind, fault.backward) == ("root", "nan", False)


def test_the_first_nan_of_backward_is_the_node_that_sent_it():
    w = torch.tensor([0.0, 4.0], requires_grad=True)
    with autograd.recording() as tape:
        masked = w.sqrt() * torch.tensor([0.0, 1.0])
        loss = masked.sum()
    graph = autograd.record(loss, tape)
    assert anomalies.first_nonfinite(graph) == []
    loss.backward()
    first = {fault.kind: graph.nodes[fault.node].op for fault in anomalies.first_nonfinite(graph)}
    assert torch.isnan(w.grad).any()
    assert first == {"nan": "sqrt"}


def test_a_large_finite_half_is_not_mistaken_for_infinity():
    w = torch.full((100_000,), 6e4, dtype=torch.float32, requires_grad=True)
    with autograd.recording() as tape:
        loss = (w.half() * 1).float().mean()
    assert anomalies.first_nonfinite(autograd.record(loss, tape)) == []


def test_saved_tensors_are_readable_by_name():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    graph = autograd.record((w * 3.0).pow(2).sum())
    power = next(node for node in graph.nodes if node.op == "pow")
    saved = anomalies.saved_values(power)
    assert saved["exponent"] == 2
    assert saved["self"].tolist() == [3.0, 6.0]


@pytest.mark.parametrize(
    "pick", [torch.tensor([True, False, True]), [2, 0], torch.tensor([1, 1])], ids=["mask", "list", "index"]
)
def test_a_graph_through_indexing_can_be_drawn_and_run_backward(pick):
    w = torch.ones(3, requires_grad=True)
    late = (w * torch.tensor([1.0, 2.0, 3.0]))[pick].sum()
    view = dlviz.graph(late)
    late.backward()  # indexing saves a list, which is freed when the widget reads it again
    assert anomalies.is_freed(view.graph)
    assert view.graph.nodes[0].gradients[0].item() == 1
    view.close()
