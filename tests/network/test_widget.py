"""`dlviz.layers` from Python: its numbers are torch's, and its errors name the invalid argument."""

import copy
import gc
import json
import re
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.network.feature_maps import feature_maps
from dlviz.network.scene import MAX_MAPS, MAX_SIDE
from tests.network.zoo import ZOO, model_and_input


def sent_values(data):
    """Return the numbers that a column or map sends to the view."""
    kind = data["dtype"]
    return torch.from_numpy(np.frombuffer(data["values"], kind).copy().reshape(data["drawn"]))


@pytest.mark.parametrize("name", ZOO)
def test_every_drawn_map_equals_the_recorded_output(name):
    model, x = model_and_input(name)
    view = dlviz.layers(model, x, sample=1)
    assert view.refusal == ""
    assert len(view.scene["columns"]) == len(view.columns) > 1
    for column, data in zip(view.columns, view.scene["columns"], strict=True):
        every = data["stride"]
        full = feature_maps(column.output, view.network.one_dimensional)[: data["drawn"][0], ::every, ::every]
        assert torch.equal(sent_values(data).to(full.dtype), full)
    json.dumps({**view.scene, "columns": [], "image": None, "scores": None}, allow_nan=False)


@pytest.mark.parametrize("name", ZOO)
def test_every_drawn_map_can_be_selected(name):
    model, x = model_and_input(name)
    view = dlviz.layers(model, x)
    for number, column in enumerate(view.columns):
        view.inspect(number, 0)
        shown = sent_values(view.detail["map"]).flatten()
        first = (
            feature_maps(column.output, view.network.one_dimensional)[0].flatten()
            if column.output.dim() > 1
            else column.output.flatten()
        )
        assert torch.equal(shown.to(first.dtype), first) or view.detail["map"]["stride"] > 1
        view.to_html()


def net_and_image():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4))
    return net, torch.rand(5, 1, 8, 8)


def test_the_repr_is_stable_and_the_output_is_the_models():
    net, x = net_and_image()
    view = dlviz.layers(net, x)
    assert repr(view) == "dlviz.layers(net on (5, 1, 8, 8), 5 calls)"
    assert torch.equal(view.output, net(x))
    assert view.step == 6


def test_an_element_has_a_receptive_field_contributions_and_a_sliding_window():
    net, x = net_and_image()
    view = dlviz.layers(net, x, sample=2)
    view.inspect("0", 1, (2, 4))
    assert view.receptive_field.box == ((2, 4), (4, 6))
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net[0](leaf)[2, 1, 2, 4], leaf)
    assert torch.allclose(view.receptive_field.gradient, gradient[2])
    assert torch.equal(view.window.output, net[0](x[2]).detach())
    assert view.window.step == 1 + 2 * 6 + 4
    assert view.window.channel == 1
    assert view.child_widget == view.window.model_id
    assert view.field_overlay["boxes"]["0"] == [[2, 4], [4, 6]]
    parts = [sent_values(one["contribution"]) for one in view.detail["inputs"]]
    assert torch.allclose(sum(parts) + view.detail["bias"], view.columns[1].output[1], atol=1e-6)


def test_one_child_widget_serves_every_element_of_a_layer_and_closes_with_the_selection():
    net, x = net_and_image()
    view = dlviz.layers(net, x)
    view.inspect("0", 0, (0, 0))
    window = view.window
    view.inspect("0", 2, (1, 1))
    assert view.window is window
    assert window.channel == 2
    view.inspect("2", 0, (1, 1))  # another layer has another child widget
    assert view.window is not window
    assert repr(view.window).startswith("dlviz.max_pool2d")
    assert repr(window) == "dlviz.conv2d(closed)"
    view.inspect("1", 0, (1, 1))  # a ReLU has no sliding window
    assert view.window is None
    assert view.child_widget == ""
    assert view.receptive_field.box == ((1, 3), (1, 3))


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Conv2d(3, 40, 3, padding=1, groups=1), torch.rand(1, 3, 9, 9)),
        (nn.Conv2d(40, 40, 3, groups=20, stride=2), torch.rand(1, 40, 9, 9)),
        (nn.ConvTranspose2d(20, 40, 2, stride=2, groups=2), torch.rand(1, 20, 4, 4)),
        (nn.MaxPool2d(3, padding=1), torch.rand(1, 30, 9, 9)),
        (nn.AvgPool2d(2), torch.rand(1, 30, 8, 8)),
        (nn.Conv1d(2, 3, 3, padding="same", padding_mode="circular"), torch.rand(1, 2, 60)),
    ],
    ids=lambda value: str(value) if isinstance(value, nn.Module) else "",
)
def test_the_child_widget_shows_the_same_numbers(layer, x):
    view = dlviz.layers(nn.Sequential(layer), x)
    column = view.columns[1]
    channel, place = column.shape[0] - 1, tuple(n - 1 for n in column.shape[1:])
    view.inspect(1, channel, place)
    alone = column.shape[0] > 16
    made_ = view.window.output[0 if alone else channel]
    assert torch.allclose(made_, column.output[channel], atol=1e-5)
    shown = view.window.data.output.flatten(2).shape[-1]
    assert view.window.step == shown


def test_a_sequence_has_a_map_for_every_channel():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv1d(2, 3, 3, dilation=2), nn.ReLU(), nn.AvgPool1d(2)), torch.rand(2, 2, 20)
    view = dlviz.layers(net, x)
    assert [data["layout"] for data in view.scene["columns"]] == ["maps"] * 4
    assert view.scene["columns"][1]["drawn"] == [3, 1, 16]
    assert view.scene["image"] is None
    view.inspect("2", 1, (3,))
    assert view.receptive_field.box == ((6, 11),)
    assert view.field_overlay["boxes"]["1"] == [[6, 7]]
    parts = (
        sum(sent_values(one["contribution"])[0] for one in view.detail["inputs"])
        if view.detail["inputs"][0]["contribution"]
        else None
    )
    assert parts is None
    view.inspect("0", 2, (0,))
    parts = sum(sent_values(one["contribution"])[0] for one in view.detail["inputs"]) + view.detail["bias"]
    assert torch.allclose(parts, view.columns[1].output[2], atol=1e-6)


def test_occlusion_runs_the_model_on_the_occluded_image():
    net, x = net_and_image()
    view = dlviz.layers(net, x, sample=1)
    view.occlude(((1, 3), (2, 5)), fill=0.5)
    covered = x.clone()
    covered[1, :, 1:4, 2:6] = 0.5
    assert torch.equal(view.output, net(covered))
    assert torch.equal(view.columns[0].output, covered[1])
    before = sent_values({**view.scene["image"], "values": view.scene["image"]["values"], "dtype": "uint8"})
    assert before.shape == (1, 8, 8)
    assert torch.allclose(_double(view.scene["scores"]["before_z"]), net(x)[1].double(), atol=1e-6)
    assert torch.allclose(_double(view.scene["scores"]["p"]), net(covered)[1].softmax(0).double(), atol=1e-6)
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[7, ::2] = True
    view.occlude(mask)
    covered[1, 0][mask] = 0.5
    assert torch.equal(view.columns[0].output, covered[1])
    view.clear()
    assert torch.equal(view.output, net(x))
    assert "before_z" not in view.scene["scores"]
    assert torch.equal(x[1], x[1].clamp(0, 1))
    assert view.occluded == []


def _double(values):
    return torch.from_numpy(np.frombuffer(values, "float64").copy())


def test_a_model_is_compared_with_its_earlier_state_dict():
    net, x = net_and_image()
    before = copy.deepcopy(net.state_dict())
    old = net[0](x)[0].detach()
    with torch.no_grad():
        net[0].weight.mul_(2)
    view = dlviz.layers(net, x, against=before)
    assert torch.equal(view.columns[1].output, net[0](x)[0])
    view.shown_run = "against"
    assert torch.equal(view.columns[1].output, old)
    view.inspect("0", 0, (0, 0))
    assert torch.allclose(view.window.output, old, atol=1e-6)
    parts = sum(sent_values(one["contribution"]) for one in view.detail["inputs"]) + view.detail["bias"]
    assert torch.allclose(parts, old[0], atol=1e-6)
    view.shown_run = "difference"
    assert torch.equal(sent_values(view.scene["columns"][1]), (net[0](x)[0] - old).detach())
    assert view.window is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: {}, "such as 0.weight, 0.bias.*, but got {}"),
        (lambda state: {f"module.{name}": value for name, value in state.items()}, "but got 'module.0.weight'"),
        (lambda state: {**state, "nonsense": torch.ones(1)}, "but got 'nonsense'"),
        (lambda state: {**state, "0.bias": torch.ones(7)}, "0.bias .* shape .3,. as in this model, but got .7,"),
        (lambda state: {**state, "0.bias": [0.0] * 3}, "0.bias .* but got list"),
    ],
)
def test_a_state_dict_of_another_model_is_refused(change, words):
    """torch would use the model's own parameters where there is no other, and the two runs would be the same."""
    net, x = net_and_image()
    with pytest.raises(DlvizError, match=words):
        dlviz.layers(net, x, against=change(net.state_dict()))


def test_a_part_of_a_state_dict_and_extra_state_are_taken():
    net, x = net_and_image()
    part = {"0.bias": net[0].bias.detach() + 1, "0._extra_state": {"scale": 2}}
    view = dlviz.layers(net, x, against=part, shown_run="difference")
    assert torch.allclose(
        view.columns[1].output + 1, dlviz.layers(net, x, against=part, shown_run="against").columns[1].output
    )


def test_two_inputs_or_two_modules_are_compared():
    net, x = net_and_image()
    other = torch.rand(5, 1, 8, 8)
    view = dlviz.layers(net, x, against=other, shown_run="against")
    assert torch.equal(view.output, net(other))
    copied = copy.deepcopy(net)
    assert torch.equal(dlviz.layers(net, x, against=copied, shown_run="difference").columns[1].output, net[0](x)[0])
    with pytest.raises(DlvizError, match="same calls"):
        dlviz.layers(net, x, against=nn.Sequential(nn.Conv2d(1, 3, 3)))


def test_the_picture_follows_changed_parameters():
    net, x = net_and_image()
    view = dlviz.layers(net, x)
    with torch.no_grad():
        net[0].bias.fill_(3.0)
    view.inspect("0", 0, (0, 0))
    assert torch.equal(view.columns[1].output, net[0](x)[0])
    assert view.detail["bias"] == 3.0


def test_notes_name_training_mode_and_a_nan():
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    view = dlviz.layers(net, torch.ones(1, 3))
    assert any("training mode" in note["text"] and note["kind"] == "warn" for note in view.scene["notes"])
    assert not any("training" in note["text"] for note in dlviz.layers(net.eval(), torch.ones(1, 3)).scene["notes"])
    with torch.no_grad():
        net[2].weight[0, 0] = float("nan")
    texts = [note["text"] for note in dlviz.layers(net, torch.ones(1, 3)).scene["notes"]]
    assert texts[0].startswith("2 is the first call with a NaN")


def test_dropout_is_the_same_in_every_run():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 2)), torch.ones(1, 64)
    view = dlviz.layers(net, x)
    first = view.columns[1].output.clone()
    view.refresh()
    assert torch.equal(view.columns[1].output, first)
    assert (first == 0).any()


def test_a_model_that_raises_shows_the_calls_before_the_error():
    view = dlviz.layers(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(9, 2)), torch.zeros(1, 1, 8, 8))
    assert "mat1 and mat2 shapes cannot be multiplied" in view.refusal
    assert [column.name for column in view.columns] == ["x", "0", "1"]
    assert view.scene["notes"][0]["kind"] == "bad"
    assert "2 (Linear)" in view.scene["notes"][0]["text"]
    view.inspect("0", 0, (1, 1))
    assert view.receptive_field.box == ((1, 3), (1, 3))


def test_several_positional_and_keyword_inputs_are_recorded():
    class Two(nn.Module):
        def forward(self, a, *, b):
            return a @ b + 1

    view = dlviz.layers(Two(), torch.ones(2, 3), kwargs={"b": torch.ones(3, 4)})
    assert [column.name for column in view.columns] == ["x", "b", "matmul", "add"]


def test_large_networks_are_cropped_with_a_note():
    net = nn.Sequential(nn.Conv2d(1, 512, 1), nn.ReLU())
    view = dlviz.layers(net, torch.rand(1, 1, 300, 200))
    data = view.scene["columns"][1]
    assert data["drawn"][0] == MAX_MAPS
    assert max(data["drawn"][1:]) <= MAX_SIDE
    assert data["channels"] == 512
    texts = " ".join(note["text"] for note in view.scene["notes"])
    assert "16 of 512 maps" in texts
    assert "every k-th" in texts
    assert sum(len(column["values"]) for column in view.scene["columns"]) < 2_000_000
    view.inspect("0", 511, (299, 199))
    assert view.receptive_field.box == ((299, 299), (199, 199))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x: dlviz.layers(x, net), "model must be an nn.Module, but got Tensor"),
        (lambda net, x: dlviz.layers(net), "no tensor among the inputs"),
        (lambda net, x: dlviz.layers(net, x, against=3), "against must be .* but got int"),
        (lambda net, x: dlviz.layers(net, x).inspect("conv9"), "no column 'conv9'. There are x, 0, 1, 2, 3, 4"),
        (lambda net, x: dlviz.layers(net, x).inspect("0", 3), "0 has 3 maps or units, numbered from 0, but got 3"),
        (lambda net, x: dlviz.layers(net, x).inspect("0", 0, (6, 0)), re.escape("(6, 6), but got (6, 0)")),
        (lambda net, x: dlviz.layers(net, x).occlude(((0, 8), (0, 1))), re.escape("(8, 8)")),
        (lambda net, x: dlviz.layers(net, x).occlude(torch.ones(8, 8)), "must be boolean"),
    ],
)
def test_errors_name_the_invalid_argument(call, words):
    with pytest.raises(DlvizError, match=words):
        call(*net_and_image())


def test_an_unknown_argument_is_refused():
    net, x = net_and_image()
    with pytest.raises(TypeError, match="scales"):
        dlviz.layers(net, x, scales="map")


def test_closing_releases_the_model_and_its_tensors():
    net, x = net_and_image()
    view = dlviz.layers(net, x)
    view.inspect("0", 0, (0, 0))
    kept = [weakref.ref(view.columns[1].output), weakref.ref(net), weakref.ref(view.window)]
    view.close()
    del net
    gc.collect()
    assert kept[0]() is None
    assert kept[1]() is None
    assert repr(view) == "dlviz.layers(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.columns


def test_names_with_markup_stay_text_in_still_and_page():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("<img src=x>", nn.Linear(2, 2))

        def forward(self, x):
            return getattr(self, "<img src=x>")(x)

    view = dlviz.layers(Odd(), torch.ones(1, 2), labels=["<b>a</b>", "c"])
    assert "<img src=x>" not in view.to_html()
    assert "<b>a</b>" not in view.to_html()
    assert "<img src=x>" not in view._still()


def test_an_exported_page_contains_every_map_and_the_child_widget():
    net, x = net_and_image()
    view = dlviz.layers(net, x, against=copy.deepcopy(net.state_dict()))
    view.inspect("0", 1, (0, 0))
    frames = view._precomputed()
    assert set(frames["shown_run"]) == {'"against"', '"difference"'}
    assert {"[]", "[0, 0]", "[1, 2]", "[4, 26]"} <= set(frames["selected_map"])
    assert list(view._page_state()["child_widgets"]) == [view.child_widget]


def test_the_still_is_small_and_has_the_summary():
    net, x = net_and_image()
    still = dlviz.layers(net, x)._still()
    assert still.startswith("<svg")
    assert "A forward run of 5 calls" in still
    assert len(still) < 60_000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own compiler uses what torch deprecates
def test_a_compiled_modules_own_module_is_opened():
    net, x = net_and_image()
    view = dlviz.layers(torch.compile(net), x)
    assert [column.name for column in view.columns] == ["x", "0", "1", "2", "3", "4"]


def test_labels_name_the_classes():
    net, x = net_and_image()
    assert dlviz.layers(net, x, labels="abcd").scene["scores"]["labels"] == list("abcd")
    z = F.softmax(net(x)[0], 0).double()
    assert torch.allclose(_double(dlviz.layers(net, x).scene["scores"]["p"]), z, atol=1e-6)
