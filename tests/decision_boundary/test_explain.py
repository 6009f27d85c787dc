"""`view.explain`: one training step, phase by phase, as data for the view."""

import copy
import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError
from tests.decision_boundary.test_widget import float32, model_and_data, train


def float64(values, *shape):
    return torch.from_numpy(np.frombuffer(values, "float64").copy()).reshape(shape or (-1,))


def explained(**settings):
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.explain(4, **settings)
    return net, x, y, view


def test_phases_go_forward_back_update_and_after():
    _, _, _, view = explained()
    phases = view.explanation["phases"]
    assert [(phase["kind"], phase["column"]) for phase in phases] == [
        *(("forward", column) for column in range(8)),
        *(("backward", column) for column in (5, 4, 3, 2, 1)),
        ("update", -1),
        ("after", -1),
    ]
    assert [one["formula"] for one in phases[1:3]] == ["z = W·x + b", "a = tanh(z)"]
    assert phases[8]["formula"] == "∂loss/∂z = p − y,  ∂loss/∂W = ∂loss/∂z · aᵀ"
    assert phases[9]["formula"] == "∂loss/∂a = Wᵀ·∂loss/∂z"
    assert phases[13]["formula"] == "w ← w − 0.1·∂loss/∂w"
    assert all(one["title"] and one["text"] for one in phases)


def test_columns_hold_torchs_numbers():
    net, x, y, view = explained()
    twin = copy.deepcopy(net)
    z = twin(x[4:5])
    loss = F.cross_entropy(z, y[4:5])
    loss.backward()
    columns = view.explanation["columns"]
    assert [column["name"] for column in columns] == ["x", "0", "1", "2", "3", "4", "softmax", "loss"]
    assert torch.equal(float64(columns[5]["values"]).float(), z[0])
    assert torch.equal(float64(columns[6]["values"]).float(), z.softmax(1)[0])
    assert float64(columns[7]["values"]).item() == pytest.approx(loss.item())
    for column, layer in ((1, 0), (3, 2), (5, 4)):
        (edge,) = columns[column]["edges"]
        shape = twin[layer].weight.shape
        assert torch.equal(float64(edge["weight"], *shape).float(), net[layer].weight)
        torch.testing.assert_close(float64(edge["gradient"], *shape).float(), twin[layer].weight.grad)
        after = net[layer].weight - 0.1 * twin[layer].weight.grad
        torch.testing.assert_close(float64(edge["after"], *shape).float(), after)
        assert len(columns[column]["lines"]["update"]) == shape[0]
    assert columns[2]["edges"] == [{"source": 1, "kind": "elementwise"}]
    assert columns[7]["edges"] == [{"source": 6, "kind": "any", "unit": int(y[4])}]


def test_the_plane_after_the_step_is_the_stepped_models():
    net, x, y, view = explained(lr=0.5)
    with torch.no_grad():
        wanted = torch.func.functional_call(net, dict(view.explained.state), (view.grid,)).softmax(1)
        z = torch.func.functional_call(net, dict(view.explained.state), (x,))
    assert torch.equal(float32(view.explanation["probs"], 3, 400).T, wanted)
    assert not torch.equal(wanted, view.probs)
    last = view.explanation["phases"][-1]["formula"].splitlines()
    assert last[0] == f"loss on this point: {view.explained.loss:.3g} → {view.explained.loss_after:.3g}"
    assert last[1] == f"loss on all 90 points: {view.loss:.3g} → {F.cross_entropy(z, y).item():.3g}"


def test_the_point_with_the_largest_loss_is_the_default():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.explain()
    with torch.no_grad():
        assert view.example == [int(F.cross_entropy(net(x), y, reduction="none").argmax())]
    view = dlviz.boundary(nn.Linear(2, 1), x, (y > 0).long(), resolution=10)
    view.explain()
    with torch.no_grad():
        losses = F.binary_cross_entropy_with_logits(
            view._model.inputs.model(x)[:, 0], (y > 0).float(), reduction="none"
        )
    assert view.example == [int(losses.argmax())]


def test_a_batch_uses_the_mean_loss_with_a_note():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.explain([4, 9, 60])
    twin = copy.deepcopy(net)
    F.cross_entropy(twin(x[[4, 9, 60]]), y[[4, 9, 60]]).backward()
    torch.testing.assert_close(view.explained.weights[1].gradients[0], twin[0].weight.grad)
    assert len(view.explanation["positions"]) == 3
    assert any("mean over all 3" in note for note in view.explanation["notes"])
    assert "(p − y)/3" in view.explanation["phases"][8]["formula"]


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_the_learners_optimizer_makes_the_step_and_stays_as_it_is(optimizer):
    net, x, y = model_and_data()
    own = optimizer(net.parameters(), lr=0.02)
    F.cross_entropy(net(x), y).backward()
    own.step()
    before = copy.deepcopy((own.state_dict(), net.state_dict(), [p.grad for p in net.parameters()]))
    view = dlviz.boundary(net, x, y, resolution=20)
    view.explain(4, optimizer=own)
    view.phase = len(view.explanation["phases"]) - 1
    now = (own.state_dict(), net.state_dict(), [p.grad for p in net.parameters()])
    torch.testing.assert_close(now, before, rtol=0, atol=0)
    wanted = "w ← w − 0.02·∂loss/∂w" if optimizer is torch.optim.SGD else "w ← Adam(w, ∂L/∂w)".replace("L", "loss")
    assert view.explanation["phases"][-2]["formula"] == wanted
    own.zero_grad()
    F.cross_entropy(net(x[4:5]), y[4:5]).backward()
    own.step()
    assert all(torch.equal(value, view.explained.state[name]) for name, value in net.named_parameters())


def test_a_snapshot_is_explained_from_its_own_weights():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    start = copy.deepcopy(net)
    train(net, x, y)
    view.update()
    view.step = 0
    view.explain(4)
    assert torch.equal(view.explained.weights[1].weight, start[0].weight)
    assert view.step == 0
    view.phase = 3
    assert torch.equal(view.probs, start(view.grid).softmax(1))  # a phase is no snapshot
    view.leave()
    assert (view.explanation, view.explained, view.phase) == ({}, None, 0)


def test_an_edit_and_an_update_change_the_explanation():
    net, x, y, view = explained()
    view.edit("0", 2, 1, 3.0)
    assert view.explained.weights[1].weight[2, 1] == 3.0
    train(net, x, y)
    view.update()
    assert torch.equal(view.explained.weights[1].weight, net[0].weight)
    view.painted = [[0.1, 0.1, 2]]
    view.explain(90)
    assert view.explanation["positions"] == [[pytest.approx(0.1), pytest.approx(0.1), 2]]
    view.clear()
    assert view.example == []
    assert view.explanation == {}


def test_an_edit_through_either_name_of_a_shared_layer_changes_the_same_weight():
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.Tanh(), shared)
    _, x, y = model_and_data(2)
    view = dlviz.boundary(net, x, y, resolution=10)
    view.edit(view.calls[1].name, 0, 1, 2.5)
    assert view.model[0].weight[0, 1] == 2.5


def test_the_view_picks_a_point_and_requests_one():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20, example=[3])
    assert view.explanation["points"] == [3]
    own = torch.optim.SGD(net.parameters(), lr=0.7)
    view.explain(5, optimizer=own)
    view.example = [8]
    assert (view.explained.optimizer, view.explained.lr) == ("SGD", 0.7)  # the settings of the last explain()
    view.leave()
    view._on_explain({})
    assert len(view.example) == 1
    assert (view.explained.optimizer, view.explained.lr) == ("SGD", 0.7)


def test_wide_and_deep_nets_are_drawn_in_part_with_notes():
    torch.manual_seed(0)
    deep = [layer for _ in range(6) for layer in (nn.Linear(40, 40), nn.ReLU())]
    net = nn.Sequential(nn.Linear(2, 40), *deep, nn.Linear(40, 3))
    _, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.explain(0)
    columns = view.explanation["columns"]
    assert len(columns) == 12
    assert (columns[1]["units"], columns[1]["drawn"]) == (40, 8)
    assert columns[5]["edges"] == []  # between it and the one before calls are left out
    notes = " ".join(view.explanation["notes"])
    assert "9 of 14 calls" in notes
    assert "the first 8 units" in notes
    sums = [lines[0] for column in columns for lines in column["lines"].get("forward", [])]
    assert any("… 36 more" in line for line in sums)


def test_a_skip_a_function_and_a_norm_can_be_explained():
    from tests.decision_boundary.test_record import CustomNet

    torch.manual_seed(0)
    _, x, y = model_and_data(2)
    view = dlviz.boundary(CustomNet(), x, y, resolution=20)
    view.explain(0)
    kinds = {column["name"]: [edge["kind"] for edge in column["edges"]] for column in view.explanation["columns"]}
    assert kinds["add"] == ["elementwise", "elementwise"]
    assert kinds["norm"] == ["elementwise"]
    assert kinds["last"] == ["linear"]
    assert kinds["sigmoid"] == ["elementwise"]
    view.to_html()


def test_a_nan_can_be_explained_and_exported():
    net, x, y = model_and_data()
    with torch.no_grad():
        net[2].weight[0, 0] = float("nan")
    view = dlviz.boundary(net, x, y, resolution=20)
    view.explain(0)
    view.to_html()


def test_a_page_holds_the_step_beside_its_snapshots():
    net, _, _, view = explained()
    for _ in range(60):
        with torch.no_grad():
            net[0].bias.add_(0.01)
        view.update()
    view.step = 31
    full = view._page_state()
    assert full["explanation"]["step"] == full["step"]
    assert view._page_steps()[full["step"]] == 31
    assert full["example"] == [4]
    assert view._precomputed()["step"].keys() >= {"0", str(full["step"])}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda view, net: view.explain(90), "from 0 to 89, or a list of up to 8 different ones, but got "),
        (lambda view, net: view.explain([1, 1]), "different ones"),
        (lambda view, net: view.explain([]), "but got "),
        (lambda view, net: view.explain(list(range(9))), "up to 8"),
        (lambda view, net: view.explain("3"), "but got "),
        (lambda view, net: setattr(view, "example", [99]), "from 0 to 89"),
        (lambda view, net: view.explain(1, lr=-1), "lr must be a finite number of at least 0, but got -1"),
        (
            lambda view, net: view.explain(1, lr=1, optimizer=torch.optim.SGD(net.parameters(), lr=1)),
            "an optimizer or lr, not both",
        ),
        (lambda view, net: view.explain(1, optimizer=torch.optim.LBFGS(net.parameters())), "without a closure"),
    ],
)
def test_invalid_arguments_are_named_and_the_explanation_stays(ask, words):
    net, _, _, view = explained()
    before = view.explanation
    with pytest.raises(DlvizError, match=words):
        ask(view, net)
    assert view.example == [4]
    assert view.explanation is before


def test_without_points_there_is_nothing_to_explain():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x[:0], y[:0], resolution=10)
    with pytest.raises(DlvizError, match="no point to make a step on"):
        view.explain()


def test_closing_releases_the_optimizer():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=10)
    own = torch.optim.Adam(net.parameters())
    view.explain(0, optimizer=own)
    gone = weakref.ref(own)
    view.close()
    del own
    gc.collect()
    assert gone() is None
    with pytest.raises(DlvizError, match="closed"):
        view.explain(0)
