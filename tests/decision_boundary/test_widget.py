"""`dlviz.boundary` from Python: it draws torch's numbers, edits only its own copy, and scrubs through snapshots."""

import copy
import gc
import inspect
import json
import re
import weakref

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC
from torch import nn
from torch.nn import functional as F
from traitlets import TraitError

import dlviz
from dlviz.decision_boundary.edits import MAX_PAINTED
from dlviz.decision_boundary.record import record_outputs
from dlviz.kit.errors import DlvizError
from tests.torchkit.quantized import Quantized


def model_and_data(classes=3, outputs=None, seed=0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, outputs or classes))
    x, y = dlviz.data.spirals(90, classes=classes)
    return net, x, y


def float32(values, *shape):
    return torch.from_numpy(np.frombuffer(values, "float32").copy()).reshape(shape)


def int32(values):
    return torch.from_numpy(np.frombuffer(values, "int32").copy())


def train(net, x, y, steps=5):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(steps):
        z = net(x)
        loss = F.cross_entropy(z, y) if z.shape[1] > 1 else F.binary_cross_entropy_with_logits(z[:, 0], y.to(z))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_probabilities_are_bitwise_torchs_softmax(classes):
    net, x, y = model_and_data(classes)
    view = dlviz.boundary(net, x, y, resolution=30)
    with torch.no_grad():
        wanted = net(view.grid).softmax(1)
    assert torch.equal(view.probs, wanted)
    assert torch.equal(float32(view.scene["probs"], classes, 900).T, wanted)
    with torch.no_grad():
        z = net(x)
    assert torch.equal(int32(view.scene["preds"]), z.softmax(1).argmax(1).int())
    assert torch.equal(int32(view.scene["labels"]), y.int())
    assert torch.equal(float32(view.scene["points"], 90, 2), x)
    assert view.loss == F.cross_entropy(z, y).item()
    assert view.accuracy == (z.argmax(1) == y).double().mean().item()


@pytest.mark.parametrize("shape", ["(N,)", "(N, 1)"])
def test_one_logit_is_a_sigmoid(shape):
    net, x, y = model_and_data(2, 1)
    model = nn.Sequential(net, nn.Flatten(0)) if shape == "(N,)" else net
    labels = y if shape == "(N,)" else y.float().unsqueeze(1)
    view = dlviz.boundary(model, x, labels, resolution=20)
    with torch.no_grad():
        p, z = torch.sigmoid(net(view.grid))[:, 0], net(x)[:, 0]
    assert torch.equal(view.probs, torch.stack((1 - p, p), 1))
    assert view.loss == F.binary_cross_entropy_with_logits(z, y.float()).item()
    assert view.accuracy == ((z > 0).long() == y).double().mean().item()


@pytest.mark.parametrize("resolution", [20, 80, 95])
def test_every_units_map_is_bitwise_the_layers_output(resolution):
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=resolution)
    stride, side = view.scene["map_stride"], view.scene["map_side"]
    value = view.grid
    for layer, module in zip(view.scene["layers"], [None, *net], strict=True):
        value = value if module is None else module(value).detach()
        square = value.T.reshape(-1, resolution, resolution)[:, stride // 2 :: stride, stride // 2 :: stride]
        assert torch.equal(float32(layer["values"], layer["units"], side, side), square)
    weights = [layer["weight"] for layer in view.scene["layers"]]
    assert torch.equal(float32(weights[3], 5, 8), net[2].weight.detach())
    assert torch.equal(float32(view.scene["layers"][5]["bias"], 3), net[4].bias.detach())


def test_projections_are_the_layers_outputs():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 6), nn.Linear(6, 2))
    x, y = dlviz.data.moons(40)
    view = dlviz.boundary(net, x, y, resolution=80)
    projections, side = view.scene["projections"], view.scene["map_side"]
    assert (side, view.scene["map_stride"]) == (40, 2)
    positions = view.grid.reshape(80, 80, 2)[1::2, 1::2].reshape(-1, 2)
    assert [one["units"] for one in projections] == [2, 2, 2, 6, 2]
    assert torch.equal(float32(projections[2]["grid"], side * side, 2), net[:2](positions).detach())
    assert torch.equal(float32(projections[4]["points"], 40, 2), net(x).detach())
    hidden = net[:3](positions).detach()
    spread = float32(projections[3]["grid"], side * side, 2).double().var(0)
    total = hidden.double().var(0).sum()
    assert (spread / total).tolist() == pytest.approx(projections[3]["explained_variance_ratio"], abs=1e-4)


def test_the_repr_is_stable_and_the_scene_can_be_sent():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, classes=["a", "b", "c"])
    assert repr(view) == "dlviz.boundary(net on 90 points of 3 classes)"
    assert view.scene["classes"] == ["a", "b", "c"]
    assert f"accuracy {100 * view.accuracy:.3g}%" in view.scene["signature"]
    plain = {k: v for k, v in view.scene.items() if k not in ("layers", "projections", "snapshots")}
    json.dumps({k: v for k, v in plain.items() if not isinstance(v, bytes)}, allow_nan=False)


def test_an_edit_changes_the_widgets_copy_and_never_the_learners_model():
    net, x, y = model_and_data()
    before = copy.deepcopy(net.state_dict())
    view = dlviz.boundary(net, x, y, resolution=20)
    plain = view.probs.clone()
    view.edit("0", unit=3, input=1, value=0.5)
    view.edit(3, unit=2, input="bias", value=-1)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    twin = copy.deepcopy(net)
    with torch.no_grad():
        twin[0].weight[3, 1], twin[2].bias[2] = 0.5, -1
        assert torch.equal(view.probs, twin(view.grid).softmax(1))
    assert view.model is not net
    assert all(torch.equal(value, twin.state_dict()[name]) for name, value in view.model.state_dict().items())
    assert view.equation("0", 3).split(" − ")[0].count("0.5·x₁") or "0.5·x₁" in view.equation("0", 3)
    assert view.scene["edited"]
    assert view.scene["badge"]["text"] == "edited copy"
    view.reset()
    assert torch.equal(view.probs, plain)
    assert not view.scene["edited"]


def test_messages_from_the_view_edit_and_reset_weights():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view._on_edit({"kind": "edit", "layer": 1, "unit": 0, "input": 0, "value": 2})
    view._on_edit({"kind": "edit", "layer": 1, "unit": 0, "input": "bias", "value": 3})
    assert view.model[0].weight[0, 0] == 2
    assert view.model[0].bias[0] == 3
    view._on_reset({})
    assert torch.equal(view.model[0].weight, net[0].weight)


def test_snapshots_of_a_training_are_kept_and_scrubbed():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    states, probs, losses = [copy.deepcopy(net.state_dict())], [view.probs.clone()], [view.loss]
    for _ in range(3):
        train(net, x, y)
        view.update()
        states.append(copy.deepcopy(net.state_dict()))
        probs.append(view.probs.clone())
        losses.append(view.loss)
    assert view.snapshots == ["start", "snapshot 1", "snapshot 2", "snapshot 3"]
    assert view.step == 3
    with torch.no_grad():
        assert torch.equal(view.probs, net(view.grid).softmax(1))
    for step in (0, 2, 1, 3):
        view.step = step
        assert torch.equal(view.probs, probs[step])
        assert all(torch.equal(value, states[step][name]) for name, value in view.model.state_dict().items())
    assert np.frombuffer(view.scene["snapshots"]["loss"]).tolist() == losses
    assert all(torch.equal(value, states[3][name]) for name, value in net.state_dict().items())


def test_update_keeps_no_snapshot_of_an_unchanged_model_but_snapshot_always_does():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.update()
    assert view.snapshots == ["start"]
    view.snapshot("before")
    view.snapshot()
    assert view.snapshots == ["start", "before", "snapshot 2"]
    view.step = 1
    view.update()
    assert view.step == 2
    view.step = 99
    assert view.step == 2


def test_a_step_and_an_update_discard_edited_weights():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.snapshot("later")
    for leave in (lambda: setattr(view, "step", 0), view.update):
        view.edit("0", 0, 0, 9.0)
        assert view.scene["edited"]
        leave()
        assert not view.scene["edited"]
        assert view.model[0].weight[0, 0] == net[0].weight[0, 0]


def test_a_long_training_keeps_evenly_spaced_snapshots():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x[:6], y[:6], resolution=10)
    for _ in range(150):
        with torch.no_grad():
            net[0].bias.add_(0.01)
        view.update()
    assert 50 < len(view.snapshots) <= 120
    assert view.snapshots[0] == "start"
    assert view.snapshots[-1] == "snapshot 150"
    assert view.step == len(view.snapshots) - 1


def test_fewer_snapshots_of_a_large_model_are_kept(monkeypatch):
    net, x, y = model_and_data()
    size = sum(4 * p.numel() for p in net.parameters())
    monkeypatch.setattr("dlviz.torchkit.model_snapshots.MAX_BYTES", 5 * size)
    view = dlviz.boundary(net, x[:6], y[:6], resolution=10)
    for _ in range(9):
        view.snapshot()
    assert 3 <= len(view.snapshots) <= 5
    assert view.step == len(view.snapshots) - 1


def test_painted_points_join_the_learners():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.painted = [[0.5, -0.25, 2], [0.0, 1.0, 0]]
    assert torch.equal(view.x, torch.cat((x, torch.tensor([[0.5, -0.25], [0.0, 1.0]]))))
    assert torch.equal(view.y, torch.cat((y, torch.tensor([2, 0]))))
    assert view.x.dtype == x.dtype
    assert view.y.dtype == y.dtype
    assert view.scene["painted_start"] == 90
    with torch.no_grad():
        z = net(view.x)
    assert view.loss == F.cross_entropy(z, view.y).item()
    assert torch.equal(int32(view.scene["labels"]), view.y.int())
    train(net, view.x, view.y, 1)  # a next cell trains on them
    view.clear()
    assert view.painted == []
    assert torch.equal(view.x, x)


def test_painted_labels_have_the_learners_shape_and_dtype():
    net, x, y = model_and_data(2, 1)
    net.double()
    view = dlviz.boundary(net, x.double(), y.double().unsqueeze(1), resolution=10)
    view.painted = [[0.1, 0.2, 1]]
    assert view.y.shape == (91, 1)
    assert view.y.dtype == torch.float64
    assert view.x.dtype == torch.float64
    assert view.y[-1].item() == 1


def test_a_dataset_without_points_can_be_painted():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x[:0], y[:0], resolution=20)
    assert view.loss is None
    assert "accuracy –" in view.scene["signature"]
    view.painted = [[0.5, 0.5, 1]]
    assert view.loss is not None
    view.to_html()


def test_too_many_painted_points_are_cut_with_a_note():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=10)
    view.painted = [[0.0, 0.0, 1]] * (MAX_PAINTED + 5)
    assert len(view.painted) == MAX_PAINTED
    assert any(str(MAX_PAINTED) in note["text"] for note in view.scene["notes"])


@pytest.mark.parametrize(("classes", "outputs"), [(3, 3), (2, 1), (2, 2)])
def test_the_code_runs_and_trains_the_drawn_model(classes, outputs):
    net, x, y = model_and_data(classes, outputs)
    view = dlviz.boundary(net, x, y, resolution=12, limits=(-2, 2, -2, 2))
    view.painted = [[0.5, 0.5, 1]]
    view.edit("0", 1, 0, 0.75)
    text = view.code()
    assert "limits=(-2.0, 2.0, -2.0, 2.0), resolution=12" in text
    assert "    nn.Linear(2, 8),\n    nn.Tanh(),\n" in text
    assert text == view.scene["code"]
    names = {"x": x, "y": y}
    torch.manual_seed(1)
    exec(text.replace("range(1, 501)", "range(1, 41)"), names)
    assert names["x"].shape == (91, 2)
    assert len(names["view"].snapshots) == 5
    assert names["view"].loss < np.frombuffer(names["view"].scene["snapshots"]["loss"])[0]


def test_the_written_model_has_the_learners_layers():
    _, x, y = model_and_data()
    net = nn.Sequential(nn.Linear(2, 4, bias=False), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(4, 3))
    names = {"x": x, "y": y}
    exec(dlviz.boundary(net, x, y, resolution=12).code().replace("range(1, 501)", "range(0)"), names)
    assert repr(names["net"]) == repr(net)


def test_a_custom_model_is_named_in_the_code():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 3)

        def forward(self, x):
            return self.inner(x)

    net = Mine()
    _, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=12)
    view.edit("inner", 0, 1, 0.5)
    names = {"net": net, "x": x, "y": y}
    exec(view.code().replace("range(1, 501)", "range(0)"), names)
    assert net.inner.weight[0, 1] == 0.5
    assert "# net is your own Mine" in view.code()


def test_evaluation_mode_is_noted_and_the_mode_stays():
    net = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    _, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    assert net.training
    assert any("evaluation mode" in note["text"] for note in view.scene["notes"])
    net.eval()
    with torch.no_grad():
        assert torch.equal(view.probs, net(view.grid).softmax(1))


def test_a_boundary_of_a_quantized_model_has_torchs_probabilities_and_no_equation():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    net[0].weight = nn.Parameter(Quantized.of(net[0].weight), requires_grad=False)
    view = dlviz.boundary(net, torch.randn(9, 2), torch.arange(9) % 3, resolution=10)
    with torch.no_grad():
        assert torch.equal(view.probs, net(view.grid).softmax(1))
    editable = {layer["name"]: layer["editable"] for layer in view.scene["layers"]}
    assert (editable["0"], editable["2"]) == (False, True)


def test_layers_in_a_plain_list_are_noted():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = [nn.Linear(2, 8), nn.Linear(8, 8)]
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            for layer in self.hidden:
                x = layer(x).relu()
            return self.head(x)

    _, x, y = model_and_data()
    net = Listed()
    view = dlviz.boundary(net, x, y, resolution=10)
    (note,) = [note for note in view.scene["notes"] if note["kind"] == "warn"]
    assert "hidden[0].weight" in note["text"]
    assert "nn.ModuleList" in note["text"]
    net.hidden = nn.ModuleList(net.hidden)
    assert not [note for note in dlviz.boundary(net, x, y, resolution=10).scene["notes"] if note["kind"] == "warn"]


def test_wide_and_deep_models_and_many_points_are_bounded_with_notes():
    torch.manual_seed(0)
    deep = [layer for _ in range(12) for layer in (nn.Linear(100, 100), nn.ReLU())]
    net = nn.Sequential(nn.Linear(2, 100), *deep, nn.Linear(100, 1100), nn.Linear(1100, 7))
    x, y = torch.randn(5000, 2), torch.arange(5000) % 7
    view = dlviz.boundary(net, x, y)
    texts = " ".join(note["text"] for note in view.scene["notes"])
    for words in ("32 of 100 units", "15 of 27 calls", "1667 of 5000 points", "sixth class"):
        assert words in texts
    sizes = [len(layer["values"]) for layer in view.scene["layers"]]
    assert sum(sizes) <= 4 * 120_000
    assert len(int32(view.scene["labels"])) <= 2000
    assert len(view.to_html()) < 5_000_000


def test_probabilities_passed_as_logits_are_noted():
    net, x, y = model_and_data(2, 1)
    view = dlviz.boundary(nn.Sequential(*net, nn.Sigmoid()), x, y, resolution=20)
    assert any("probabilities already" in note["text"] for note in view.scene["notes"])


def test_a_nan_is_noted():
    net, x, y = model_and_data()
    with torch.no_grad():
        net[2].weight[0, 0] = float("nan")
    view = dlviz.boundary(net, x, y, resolution=20)
    assert view.scene["notes"][0]["text"].startswith("2 is the first call with a NaN")
    view.to_html()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x, y: dlviz.boundary(x, x, y), "model must be an nn.Module.* but got Tensor"),
        (lambda net, x, y: dlviz.boundary(net, ["a"] * 90, y), r"x must hold points \(N, 2\), .* but got list"),
        (lambda net, x, y: dlviz.boundary(net, x.tolist()[:3], y), re.escape("(3,) or (3, 1), but got shape (90,)")),
        (lambda net, x, y: dlviz.boundary(net, x.to("meta"), y), "but got a tensor without numbers"),
        (lambda net, x, y: dlviz.boundary(net, x[:, :1], y), r"shape \(N, 2\), but got shape \(90, 1\)"),
        (lambda net, x, y: dlviz.boundary(net, x.long(), y), r"floating-point, but got torch.int64. Pass x.float\(\)"),
        (lambda net, x, y: dlviz.boundary(net, x / 0, y), "NaN or an infinity in row 0"),
        (lambda net, x, y: dlviz.boundary(net, x, "labels"), r"y: labels \(N,\) are needed, .* but got str"),
        (lambda net, x, y: dlviz.boundary(net, x, ["a", None] * 45), r"index 1 is missing \(None\)"),
        (lambda net, x, y: dlviz.boundary(net, x, ["a", "b"] * 45), "each of the 3 classes, but got 2"),
        (lambda net, x, y: dlviz.boundary(net, x, ["d"] * 90, classes="abc"), "classes must be a list of names"),
        (
            lambda net, x, y: dlviz.boundary(net, x, ["d"] * 90, classes=list("abc")),
            "'d' is none of the names: a, b, c",
        ),
        (lambda net, x, y: dlviz.boundary(net, x, y + 0j), "whole labels"),
        (lambda net, x, y: dlviz.boundary(net, x, y[:9]), re.escape("(90,) or (90, 1), but got shape (9,)")),
        (lambda net, x, y: dlviz.boundary(net, x, y + 0.5), "whole labels 0, 1, …, but got "),
        (lambda net, x, y: dlviz.boundary(net, x, y - 1), "labels from 0 on, but got -1"),
        (lambda net, x, y: dlviz.boundary(net, x, y + 1), "the label 3, but the model tells 3 classes apart"),
        (lambda net, x, y: dlviz.boundary(nn.Linear(3, 1), x, y), "does not take points .* mat1 and mat2"),
        (lambda net, x, y: dlviz.boundary(nn.Linear(2, 11), x, y), "returns 11 logits"),
        (lambda net, x, y: dlviz.boundary(nn.Unflatten(1, (1, 2)), x, y), re.escape("returned (6400, 1, 2)")),
        (lambda net, x, y: dlviz.boundary(net, x, y, classes=["a"]), "each of the 3 classes, but got 1"),
        (lambda net, x, y: dlviz.boundary(net, x, y, limits=(1, 0, 0, 1)), re.escape("but got (1, 0, 0, 1)")),
        (lambda net, x, y: dlviz.boundary(net, x, y, limits=3), "limits must be .* but got 3"),
        (lambda net, x, y: dlviz.boundary(net, x, y, resolution=5), "from 10 to 200, but got 5"),
        (lambda net, x, y: dlviz.boundary(net, x, y).edit("1", 0, 0, 1.0), "1 is a Tanh. There are 0, 2, 4"),
        (lambda net, x, y: dlviz.boundary(net, x, y).edit("9", 0, 0, 1.0), "no call '9'. There are x, 0, 1"),
        (lambda net, x, y: dlviz.boundary(net, x, y).edit("0", 8, 0, 1.0), "0 has 8 units, numbered from 0, but got 8"),
        (lambda net, x, y: dlviz.boundary(net, x, y).edit("0", 0, 2, 1.0), "0 has 2 inputs, .* but got 2"),
        (lambda net, x, y: dlviz.boundary(net, x, y).edit("0", 0, 0, float("nan")), "finite number, but got nan"),
        (lambda net, x, y: dlviz.boundary(net, x, y).inspect("x", 2), "x has 2 units"),
        (lambda net, x, y: dlviz.boundary(net, x, y, painted=[[0, 0, 3]]), "a class from 0 to 2, but got"),
    ],
)
def test_invalid_arguments_are_named(call, words):
    with pytest.raises(DlvizError, match=words):
        call(*model_and_data())


def test_an_unknown_argument_is_refused():
    with pytest.raises(TypeError, match=r"no such argument: resolutoin. Did you mean resolution"):
        dlviz.boundary(*model_and_data(), resolutoin=50)


def test_closing_releases_model_and_tensors():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.snapshot("a")
    kept = [weakref.ref(net), weakref.ref(view.calls[1].output), weakref.ref(view._model.history.state(0)["0.weight"])]
    view.close()
    del net, x, y
    gc.collect()
    assert [one() for one in kept] == [None, None, None]
    assert repr(view) == "dlviz.boundary(closed)"
    for ask in (lambda: view.probs, lambda: view.x, view.update, view.reset, view.code, lambda: view.model):
        with pytest.raises(DlvizError, match="closed"):
            ask()


def test_an_earlier_graph_is_not_kept():
    net, x, y = model_and_data()
    leaf = x.clone().requires_grad_()
    shifted = leaf * 1
    ref = weakref.ref(leaf)
    view = dlviz.boundary(net, shifted, y, resolution=10)
    assert not view.probs.requires_grad
    assert not view.x.requires_grad
    del leaf, shifted
    gc.collect()
    assert ref() is None


def test_names_stay_text_in_still_and_page():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, classes=["<b>a</b>", "b", "c"], resolution=20)
    assert "<b>a</b>" not in view.to_html()
    assert "<b>a</b>" not in view._still()


def test_the_still_is_small_and_has_a_text_alternative():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y)
    for theme in ("light", "dark"):
        view.theme = theme
        still = view._still()
        assert still.startswith("<svg")
        assert "decision boundary between the classes 0, 1, 2" in still
        assert len(still) < 80_000


def test_a_page_holds_evenly_spaced_snapshots_with_a_note():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y)
    for _ in range(60):
        with torch.no_grad():
            net[0].bias.add_(0.01)
        view.update()
    positions = view._page_steps()
    assert 8 <= len(positions) < 61
    assert (positions[0], positions[-1]) == (0, 60)
    frames = view._precomputed()["step"]
    assert list(frames) == [json.dumps(k) for k in range(len(positions))]
    first = frames["0"]["scene"]
    view.step = 0
    side = first["side"]
    with torch.no_grad():
        wanted = view.model(dlviz.decision_boundary.grid(view._model.inputs.limits, side, x)).softmax(1)
    assert torch.equal(float32(first["probs"], 3, side * side).T, wanted)
    view.step = 60
    full = view._page_state()
    assert full["step"] == len(positions) - 1
    assert any(f"{len(positions)} of 61 snapshots" in note["text"] for note in full["scene"]["notes"])
    assert len(view.to_html()) < 4_500_000


class Table:
    """A table as pandas has it: an array to NumPy, and names of columns in a loop."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype) if dtype else self.values

    def __iter__(self):
        return iter(["x", "y"])

    def __getitem__(self, label):
        raise KeyError(label)


FORMS = {
    "arrays": lambda values: values.numpy(),
    "arrays of doubles": lambda values: values.double().numpy(),
    "lists": lambda values: values.tolist(),
    "tuples": lambda values: tuple(map(tuple, values.tolist())) if values.dim() == 2 else tuple(values.tolist()),
    "tables": lambda values: Table(values.double().numpy()),
}


@pytest.mark.parametrize("form", FORMS)
def test_points_and_labels_may_have_any_form(form):
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    other = dlviz.boundary(net, FORMS[form](x), FORMS[form](y), resolution=20)
    assert torch.equal(other.x, x)
    assert torch.equal(other.probs, view.probs)
    assert other.loss == view.loss
    assert torch.equal(other.y.long(), y)
    other.painted = [[0.5, 0.5, 1]]
    assert len(other.y) == 91
    other.explain(point=90)
    assert other.explained.loss_after < other.explained.loss


def test_whole_numbers_in_a_list_are_points():
    view = dlviz.boundary(nn.Linear(2, 1), [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], resolution=10)
    assert view.x.dtype is torch.float32


@pytest.mark.parametrize("own", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("data", [torch.float32, torch.float64])
def test_points_get_the_dtype_of_the_model(own, data):
    net, x, y = model_and_data()
    net = net.to(own)
    view = dlviz.boundary(net, x.to(data), y, resolution=20)
    assert view.x.dtype is own
    assert view.grid.dtype is own
    with torch.no_grad():
        assert torch.equal(view.probs, net(view.grid).softmax(1))


def test_the_hint_about_two_numbers_stands_only_where_it_helps():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("weights")

    _, x, y = model_and_data()
    with pytest.raises(DlvizError, match=r"KeyError: 'weights'$"):
        dlviz.boundary(Broken(), x, y)


@pytest.mark.parametrize("classes", [None, ["cat", "ant", "dog"]])
def test_labels_may_be_names(classes):
    net, x, y = model_and_data()
    names = classes or ["ant", "cat", "dog"]
    words = np.array([names[label] for label in y])
    for form in (words, words.tolist(), Table(words)):
        view = dlviz.boundary(net, x, form, classes=classes, resolution=20)
        assert view.scene["classes"] == names
        assert torch.equal(view.y, y)
        assert view.loss == dlviz.boundary(net, x, y, resolution=20).loss


@pytest.mark.parametrize("labels", [np.array(["no", "yes"]), np.array([3, 7]), np.array([False, True])])
def test_a_classifier_of_scikit_learn_is_drawn_by_its_probabilities(labels):
    x, y = (part.numpy() for part in dlviz.data.moons(120))
    y = labels[y]
    classifier = RandomForestClassifier(5, max_depth=2, random_state=0).fit(x, y)
    before = classifier.predict_proba(x)
    view = dlviz.boundary(classifier, x, y, resolution=20)
    assert view.probs.numpy() == pytest.approx(classifier.predict_proba(view.grid.numpy()), abs=1e-6)
    assert view.accuracy == classifier.score(x, y)
    assert view.loss == pytest.approx(metrics.log_loss(y, before), rel=1e-4)
    assert view.scene["classes"] == [str(label) for label in labels]
    assert [(call.name, call.kind) for call in view.calls] == [
        ("x", "input"),
        ("predict_proba", "RandomForestClassifier"),
    ]
    assert view.model is not classifier
    assert not view.scene["trainable"]
    with pytest.raises(DlvizError, match="no parameter of the model requires a gradient"):
        view.explain(point=0)
    # Fitted again it is a new snapshot, and the earlier one can still be drawn.
    view.update()
    assert len(view.snapshots) == 1
    classifier.set_params(max_depth=8).fit(x, y)
    view.update()
    assert len(view.snapshots) == 2
    assert view.accuracy == classifier.score(x, y)
    view.step = 0
    assert view.model.predict_proba(x) == pytest.approx(before)
    assert view.accuracy == (before.argmax(1) == view.y.numpy()).mean()
    assert len(view._precomputed()["step"]) == 2
    assert "yes" in view._still() or labels[1] != "yes"
    view.painted = [[0.5, 0.5, 1]]
    namespace = {"classifier": classifier, "x": x, "y": y}
    exec(view.code(), namespace)
    assert len(namespace["x"]) == 121
    assert namespace["y"][-1] == labels[1]


def test_of_a_classifier_that_is_fitted_often_only_the_kept_snapshots_are_held(monkeypatch):
    monkeypatch.setattr("dlviz.torchkit.model_snapshots.MAX_SNAPSHOTS", 6)
    x, y = (part.numpy() for part in dlviz.data.moons(60))
    classifier = RandomForestClassifier(2, random_state=0)
    view = dlviz.boundary(classifier.fit(x, y), x, y, resolution=10)
    for depth in range(1, 12):
        view_model = classifier.set_params(max_depth=depth, random_state=depth).fit(x, y)
        view.update()
    assert len(view.snapshots) <= 6
    assert len(view._model.inputs.model._copies.by_number) <= 6
    for step in range(len(view.snapshots)):
        view.step = step
        assert view.accuracy == view.model.score(x, y)
    assert view.model.get_params() == view_model.get_params()


def test_a_classifier_that_cannot_be_drawn_is_refused():
    x, y = (part.numpy() for part in dlviz.data.moons(40))
    with pytest.raises(DlvizError, match="LinearSVC gives no probabilities"):
        dlviz.boundary(LinearSVC().fit(x, y), x, y)
    with pytest.raises(DlvizError, match="LinearSVC is not fitted yet"):
        dlviz.boundary(LinearSVC(), x, y)
    wide = RandomForestClassifier(2).fit(np.random.default_rng(0).random((40, 4)), y)
    with pytest.raises(DlvizError, match="X has 2 features"):
        dlviz.boundary(wide, x, y)


def test_the_code_runs_with_data_of_any_form():
    net, x, y = model_and_data()
    words = [["ant", "cat", "dog"][label] for label in y]
    for points, labels in ((x.double().numpy(), y.tolist()), (x.double(), y.numpy()), (x.tolist(), words)):
        view = dlviz.boundary(net, points, labels, resolution=10)
        view.painted = [[0.5, 0.5, 1]]
        namespace = {"net": net, "points": points, "labels": labels}
        exec(view.code().replace("range(1, 501)", "range(1, 3)"), namespace)
        assert len(namespace["points"]) == 91
        assert len(namespace["labels"]) == 91


def test_painted_points_are_added_to_those_that_python_has_set_since():
    view = dlviz.boundary(*model_and_data(), resolution=10)
    view.painted = [[0.5, 0.5, 1]]
    view._on_paint({"kind": "paint", "points": [[0.25, 0.25, 2], [0, 0, 0]]})
    assert view.painted == [[0.5, 0.5, 1], [0.25, 0.25, 2], [0, 0, 0]]
    for points in (None, "abc", [1, 2], [[0.0, 0.0, 9]], [[0.0]], [["a", "b", 1]], [[float("nan"), 0, 0]]):
        with pytest.raises((DlvizError, TraitError)):
            view._on_paint({"kind": "paint", "points": points})
    assert len(view.painted) == 3
    view._on_clear({"kind": "clear"})
    assert view.painted == []


def test_updates_wait_while_a_page_draws_and_every_state_is_kept(monkeypatch):
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.update()
    view._on_drawn({"kind": "drawn", "from": "page", "update": view._update_number})
    train(net, x, y)
    view.update()  # passes, and the page begins to draw it
    drawn = view.scene
    calls = []
    monkeypatch.setattr(
        "dlviz.decision_boundary.widget_state.record_outputs", lambda *a: calls.append(a) or record_outputs(*a)
    )
    for _ in range(5):
        train(net, x, y)
        view.update()
    assert calls == []  # the plane was not computed
    assert view.scene is drawn
    assert len(view.snapshots) == 7
    # From Python the numbers are those of the newest state.
    assert view.loss == F.cross_entropy(net(x), y).item()
    assert torch.equal(view.model[0].weight, net[0].weight)
    with torch.no_grad():
        assert torch.equal(view.probs, net(view.grid).softmax(1))
    view._on_drawn({"kind": "drawn", "from": "page", "update": view._update_number})
    assert view.step == 6
    assert len(view.scene["snapshots"]["labels"]) == 7
    assert len(calls) == 1


def test_a_still_and_a_page_show_what_waits():
    net, x, y = model_and_data()
    view = dlviz.boundary(net, x, y, resolution=20)
    view.update()
    view._on_drawn({"kind": "drawn", "from": "page", "update": view._update_number})
    for _ in range(3):
        train(net, x, y)
        view.update()
    assert f"{view.loss:.4g}" in view._still()
    assert view.step == 3


def test_options_stand_in_the_signature():
    parameters = inspect.signature(dlviz.boundary).parameters
    assert inspect.Parameter.VAR_KEYWORD not in {parameter.kind for parameter in parameters.values()}
    options = dlviz.boundary.__doc__.split("Args:")[1].split("Returns:")[0]
    assert [name for name in parameters if f" {name}: " not in options] == []
