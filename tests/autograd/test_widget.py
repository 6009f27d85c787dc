"""dlviz.graph: its three kinds of targets, updates when backward runs, and closing."""

import gc
import json
import weakref

import numpy as np
import pytest
import torch
from ipywidgets import HBox, IntSlider, jslink
from torch import nn

import dlviz
from dlviz.autograd.layout import arrange
from dlviz.autograd.widget import AutogradGraph
from dlviz.kit.errors import DlvizError
from tests.autograd import zoo


@pytest.fixture(autouse=True)
def _closed():
    yield
    AutogradGraph.close_all()


def example():
    w = torch.tensor(3.0, requires_grad=True)
    with dlviz.autograd.recording() as tape:
        loss = (w * 2) ** 2
    return w, loss, tape


def test_gradients_appear_when_backward_runs_anywhere():
    w, loss, tape = example()
    view = dlviz.graph(loss, tape=tape)
    assert repr(view) == "dlviz.graph(loss: 3 nodes, 2 edges, backward not run)"
    assert (view.flow["backward_ran"], view.step) == (False, 0)
    changes = []
    view.observe(changes.append, "flow")
    loss.backward()
    assert view.flow["backward_ran"]
    assert changes
    assert view.step == 3
    assert repr(view) == "dlviz.graph(loss: 3 nodes, 2 edges, backward run 1×)"
    gradients = np.frombuffer(view.flow["gradients"], "<f4")
    assert gradients.tolist() == [1, 12, 24]
    assert w.grad.item() == 24


def test_a_function_is_run_once_and_leaves_grad_alone():
    w, runs = torch.tensor(3.0, requires_grad=True), []

    def loss():
        runs.append(1)
        return (w * 2) ** 2

    view = dlviz.graph(loss)
    assert (len(runs), w.grad) == (1, None)
    assert view.graph.node("w").gradient.item() == 24
    assert "previewed" in repr(view)
    assert any("every .grad is as you left it" in note["text"] for note in view.flow["notes"])


def test_a_function_s_own_variables_give_the_names():
    def make():
        net, x = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), torch.ones(4, 2)
        return dlviz.graph(lambda: net(x).sum())

    view = make()
    assert {node.label for node in view.graph.leaves} >= {"net.0.weight", "net.1.bias"}
    assert [item.label for item in view.graph.inputs] == ["x"]


def test_a_loss_without_a_tape_notes_what_is_missing():
    w = torch.tensor(3.0, requires_grad=True)
    view = dlviz.graph(w * 2)
    (note,) = view.flow["notes"]
    assert "recording()" in note["text"]


def test_a_second_backward_is_noted():
    w, loss, tape = example()
    view = dlviz.graph(loss, tape=tape)
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    assert any("2 times" in note["text"] for note in view.flow["notes"])
    about = view.details[str(view.graph.node("w").index)]["leaf"]
    assert np.frombuffer(about["grad_before"]["numbers"]).item() == 24
    assert np.frombuffer(about["grad_after"]["numbers"]).item() == 48
    assert w.grad.item() == 48


def test_gradients_that_are_not_the_loss_s_alone_are_noted():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    h = w * 3
    first, second = h.sum(), (h**2).sum()
    view = dlviz.graph(first)
    second.backward(retain_graph=True)
    assert "backward not run" in repr(view)
    (first + second).backward(retain_graph=True)
    assert view.flow["badge"]["text"] == "not of first alone"
    assert any("more arrived at h" in note["text"] for note in view.flow["notes"])
    first.backward(retain_graph=True)
    assert view.flow["badge"]["text"] == "= torch, bit for bit"
    (first * 1024).backward()
    assert view.flow["badge"]["text"] == "= torch, bit for bit"
    assert any("1024 arrived at first instead of 1" in note["text"] for note in view.flow["notes"])


def test_outputs_of_one_node_are_not_added_up():
    w = torch.arange(3.0, requires_grad=True)

    def loss():
        a, b, c = (w * 2).unbind()
        return a + b * 2 + c * 3

    assert dlviz.graph(loss).flow["badge"]["text"] == "= torch, bit for bit"


def test_preview_on_demand_and_torch_s_refusal_in_its_own_message():
    x = torch.ones(2, requires_grad=True)
    view = dlviz.graph(x * 3)
    assert any("(2,)" in note["text"] for note in view.flow["notes"])
    with pytest.raises(DlvizError, match="grad can be implicitly created only for scalar outputs"):
        view.preview()
    view.preview(torch.tensor([1.0, 10.0]))
    assert view.graph.node("x").gradient.tolist() == [3, 30]
    assert x.grad is None


def test_a_large_graph_describes_a_node_when_the_browser_asks():
    net, loss_of = zoo.build("resnet")
    view = dlviz.graph(loss_of, model=net)
    assert view.details == {}
    view._handle_custom_msg({"kind": "details", "node": 5}, [])
    assert view.detail["node"] == 5
    view._handle_custom_msg({"kind": "details", "node": 10**6}, [])
    assert view.detail["node"] == 5


def test_it_is_an_ordinary_widget():
    _, loss, tape = example()
    view = dlviz.graph(loss, tape=tape, step=0, theme="dark", selected=1)
    slider = IntSlider()
    jslink((slider, "value"), (view, "step"))
    box = HBox([view, slider])
    assert box.children[0] is view
    assert (view.theme, view.selected) == ("dark", 1)
    with pytest.raises(TypeError, match=r"color.*theme"):
        dlviz.graph(loss, color="red")


def test_the_numbers_cross_as_bytes_and_the_rest_is_json():
    net, loss_of = zoo.build("gpt")
    view = dlviz.graph(loss_of, model=net)

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return None if isinstance(value, bytes) else value

    text = json.dumps(plain(view.scene)) + json.dumps(plain(view.flow), allow_nan=False)
    arrays = sum(len(v) for part in (view.scene, view.flow) for v in part.values() if isinstance(v, bytes))
    assert len(text) + arrays < 250 * len(view.graph.nodes)


def test_closing_frees_the_graph():
    class Mark:
        pass

    def make():
        _w, loss, tape = example()
        view = dlviz.graph(loss, tape=tape)
        loss.grad_fn.metadata["mark"] = mark = Mark()
        return view, weakref.ref(mark)

    view, mark = make()
    gc.collect()
    assert mark() is not None
    view.close()
    gc.collect()
    assert mark() is None
    assert "closed" in repr(view)
    with pytest.raises(DlvizError, match="closed"):
        _ = view.graph
    with pytest.raises(DlvizError, match="closed"):
        view.preview()


def test_view_and_still_share_one_layout(monkeypatch):
    from dlviz.autograd import diagram

    layouts = []
    monkeypatch.setattr(diagram, "arrange", lambda *parts: layouts.append(parts) or arrange(*parts))
    _, loss, tape = example()
    view = dlviz.graph(loss, tape=tape)
    view._still()
    loss.backward()
    view._still()
    assert len(layouts) == 1


def test_running_the_cell_again_closes_what_it_made_before(monkeypatch):
    from dlviz.kit import widget as kit

    run = [0]
    monkeypatch.setattr(kit, "_cell", lambda: ("cell-1", run[0]))
    marks = []
    for _ in range(50):
        run[0] += 1
        _, loss, tape = example()
        view = dlviz.graph(loss, tape=tape)
        marks.append(weakref.ref(view.graph))
        del loss, tape, view
    gc.collect()
    assert sum(mark() is not None for mark in marks) == 1


def test_two_widgets_of_one_run_both_live(monkeypatch):
    from dlviz.kit import widget as kit

    monkeypatch.setattr(kit, "_cell", lambda: ("cell-2", 1))
    _, loss, tape = example()
    first, second = dlviz.graph(loss, tape=tape), dlviz.graph(loss, tape=tape)
    loss.backward()
    assert first.flow["backward_ran"]
    assert second.flow["backward_ran"]


def test_dot_is_torchviz_s_source():
    net, loss_of = zoo.build("mlp")
    source = dlviz.graph(loss_of, model=net).dot()
    assert source.startswith("digraph")
    assert "AddmmBackward0" in source
    assert "hidden.weight" in source


def test_save_writes_svg_html_and_png_without_the_dot_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    _w, loss, tape = example()
    view = dlviz.graph(loss, tape=tape)
    loss.backward()
    svg = view.save(tmp_path / "g.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "loss = pow" in svg
    assert view.save(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    page = view.save(tmp_path / "g.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page
    with pytest.raises(DlvizError, match=r"\.svg, \.png or \.html.*\.gif"):
        view.save(tmp_path / "g.gif")


def test_the_notebook_gets_a_still_picture_with_alt_text():
    _, loss, tape = example()
    bundle = dlviz.graph(loss, tape=tape)._repr_mimebundle_()[0]
    assert bundle["text/plain"].startswith("dlviz.graph(")
    assert bundle["text/html"].startswith('<img alt="dlviz.graph(')


def test_two_graphs_are_compared():
    def run(w):
        h = w * 2
        return (h.relu() if w > 0 else h.tanh()).sum()

    plus, minus = torch.tensor(1.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
    view = dlviz.graph(lambda: run(plus), against=lambda: run(minus))
    assert [kind for _, kind in view.flow["marks"]] == ["changed", "changed"]
    about = view.details[str(len(view.graphs[0].nodes))]
    assert about["node"] == len(view.graphs[0].nodes)


def test_traits_given_at_the_start_stay():
    net, loss_of = zoo.build("mlp")
    view = dlviz.graph(loss_of, model=net, step=2, expanded=[])
    assert (view.step, view.expanded) == (2, [])
    assert dlviz.graph(loss_of, model=net).step == len(view.graph.nodes)
