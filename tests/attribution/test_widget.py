"""`dlviz.attribute` from Python: it shows the record, follows what is chosen, and its page has what the kernel would answer."""

import json
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

import dlviz
from dlviz.attribution import page_states, record
from dlviz.attribution.captions import check_scene
from dlviz.attribution.widget_state import CHECKS
from dlviz.kit.errors import DlvizError
from dlviz.kit.page import to_json
from tests.attribution.nets import ImageNet, RowNet, TokenNet
from tests.kit.test_page import payload

FEW = {"steps": 6, "samples": 3}


def view_of(kind="image", seed=0, count=2, **options):
    net = {"image": ImageNet, "row": RowNet, "tokens": TokenNet}[kind](seed)
    x = net.inputs(count)
    return dlviz.attribute(net, x, **FEW | options), net, x


def test_python_can_ask_for_everything_that_is_shown():
    view, net, x = view_of()
    assert repr(view) == f"dlviz.attribute(net: 2 images, target {int(view.record.inputs.targets[0])})"
    expected = record(net, x, **FEW)
    for name, one in expected.attributions.items():
        torch.testing.assert_close(view.maps[name], one.maps, rtol=0, atol=0)
        torch.testing.assert_close(view.attributions[name].sum, one.sum, rtol=0, atol=0)
    torch.testing.assert_close(view.scores, expected.scores, rtol=0, atol=0)
    assert [layer.path for layer in view.layers] == [layer.path for layer in expected.layers]
    assert view.layer == expected.attributions["grad_cam"].layer
    assert view.integration_path(1).end == pytest.approx(float(view.scores[1].max()))
    found = view.terms("occlusion", (2, 3), 1)
    assert found.value == pytest.approx(float(view.maps["occlusion"][1, 2, 3]))


def test_at_first_the_strongest_place_of_the_first_map_is_marked():
    view, _, _ = view_of()
    strengths = view.attributions["saliency"].strengths[0]
    assert view.method == "saliency"
    assert strengths[tuple(view.place)] == strengths.max()
    assert view.details["value"] == pytest.approx(float(view.maps["saliency"][(0, *view.place)]))


def test_what_is_chosen_changes_the_terms():
    view, _, _ = view_of()
    view.method, view.index, view.place = "integrated_gradients", 1, [1, 2]
    assert view.details["value"] == pytest.approx(float(view.maps["integrated_gradients"][1, 1, 2]))
    assert view.path["index"] == 1
    assert view.opened["index"] == 1
    view.method = "grad_cam"
    assert view.cam["layer"] == view.layer
    view.place = []
    assert view.details == {}


def test_another_target_is_computed_anew():
    view, net, x = view_of(seed=1)
    other = (view.target + 1) % net.classes
    view.target = other
    targets = view.record.inputs.targets.tolist()
    assert targets[0] == other
    expected = record(net, x, targets, **FEW)
    for name, one in expected.attributions.items():
        torch.testing.assert_close(view.attributions[name].values, one.values, rtol=0, atol=0)
        torch.testing.assert_close(view.attributions[name].expected_sum, one.expected_sum, rtol=0, atol=0)
    kept = view.maps["saliency"].clone()
    with torch.no_grad():
        net.head[-1].weight.neg_()
    view.target = targets[0] - 1
    view.target = other
    torch.testing.assert_close(view.maps["saliency"], kept, rtol=0, atol=0)  # of the recorded weights
    view.index = 1
    assert view.target == targets[1]


def test_layer_and_relu_change_grad_cam_only():
    view, _, _ = view_of()
    before, first = view.maps, view.layers[0].path
    view.layer = first
    expected = view.record.with_layer(first).attributions["grad_cam"]
    torch.testing.assert_close(view.attributions["grad_cam"].values, expected.values)
    torch.testing.assert_close(view.maps["saliency"], before["saliency"], rtol=0, atol=0)
    view.relu = False
    values = view.attributions["grad_cam"].values
    assert values.min() < 0
    torch.testing.assert_close(values.clamp(min=0), expected.values)


def test_update_follows_a_training():
    view, net, x = view_of()
    before = view.maps["saliency"]
    with torch.no_grad():
        for weights in net.parameters():
            weights.mul_(1.5)
    torch.testing.assert_close(view.maps["saliency"], before, rtol=0, atol=0)
    view.update()
    expected = record(net, x, view.record.inputs.targets, methods="saliency").attributions["saliency"].maps
    torch.testing.assert_close(view.maps["saliency"], expected)
    assert view.details["value"] == pytest.approx(float(expected[(0, *view.place)]))


def test_one_input_stands_beside_itself_for_several_targets():
    net = ImageNet(1)
    view = dlviz.attribute(net, net.inputs(1)[0], [0, 1], classes=[f"class {k}" for k in range(net.classes)], **FEW)
    assert [one["name"] for one in view.scene["inputs"]] == ["class 0", "class 1"]
    assert "“class 0”" in view.opened["signature"]
    assert not torch.equal(view.maps["saliency"][0], view.maps["saliency"][1])


@pytest.mark.parametrize("kind", ["row", "tokens"])
def test_rows_and_tokens(kind):
    view, _, _ = view_of(kind, method="integrated_gradients")
    assert view.place == view._attribution.strongest("integrated_gradients", 0)
    assert view.details["value"] == pytest.approx(float(view.maps["integrated_gradients"][0, view.place[0]]))
    assert ElementTree.fromstring(view._still()).tag.endswith("svg")


def test_a_check_is_kept_for_its_map():
    view, _, _ = view_of()
    found = view.randomization()
    assert view.randomization() is found
    assert set(view.checks) == {"randomization"}
    assert len(view.checks["randomization"]["titles"]) == 1 + len(found.layers)
    view.method = "occlusion"
    assert view.checks == {}
    view._on_check({"kind": "check", "name": "other_class"})
    assert set(view.checks) == {"other_class"}
    view.method = "saliency"
    assert set(view.checks) == {"randomization"}
    assert view.input_noise(sizes=(0.3,)).sizes == (0.3,)
    assert set(view.checks) == {"randomization"}  # another result than the one that a button shows
    with torch.no_grad():
        view.update()
    assert view.checks == {}


def test_what_does_not_fit_is_named():
    view, net, x = view_of()
    for name, value, words in (
        ("index", 2, "from 0 to 1"),
        ("place", [0, 99], "place must"),
        ("place", [1], "place must"),
        ("target", 99, "target must"),
        ("layer", "nothing", "layer must"),
        ("scale", "large", "scale must"),
    ):
        with pytest.raises(DlvizError, match=words):
            setattr(view, name, value)
    for name, value in (
        ("theme", "x"),
        ("scale", "large"),
        ("speed", 9),
        ("method", "nothing"),
        ("input_opacity", 200),
    ):
        with pytest.raises(DlvizError, match=f"{name} must"):  # before the net runs
            dlviz.attribute(lambda x: 1 / 0, x, **{name: value})
    with pytest.raises(DlvizError, match="saliency"):
        dlviz.attribute(net, x, methods="saliency", method="occlusion")
    with pytest.raises(DlvizError, match="cannot be 'nothing'"):
        view._on_check({"kind": "check", "name": "nothing"})
    view.close()
    with pytest.raises(DlvizError, match="closed"):
        view.terms()
    assert repr(view) == "dlviz.attribute(closed)"


def test_a_page_holds_other_inputs_terms_layers_and_checks():
    view, _, _ = view_of(method="grad_cam")
    view.deletion_insertion("grad_cam")
    state = payload(view.to_html())["state"]
    carried = state["carried"]
    assert set(carried["opened"]) == {"1"}
    assert set(carried["path"]) == {"0", "1"}
    assert (state["cam"]["index"], set(carried["cam"])) == (0, {"1"})
    assert set(carried["checks"]) == {"grad_cam 1", *(f"{method} 0" for method in view.maps)}
    for method in view.maps:
        stored = carried["details"][f"{method} 1 2,3"]
        assert stored["value"] == view.terms(method, (2, 3), 1).value
    usable = [layer.path for layer in view.layers if layer.usable]
    assert {json.loads(key) for key in state["precomputed"]["layer"]} == set(usable)
    other = state["precomputed"]["layer"][json.dumps(usable[0])]
    assert other["cam"]["layer"] == usable[0]
    assert view.layer == state["layer"]
    assert view.record.attributions["grad_cam"].layer == view.layer


def test_a_page_holds_the_checks_of_the_open_map_and_what_else_fits(monkeypatch):
    view, _, _ = view_of("row", seed=1)
    carried = payload(view.to_html())["state"]["carried"]["checks"]
    assert set(carried) == {"saliency 1", *(f"{method} 0" for method in view.maps)}
    assert set(carried["occlusion 0"]) == {"randomization", "deletion_insertion", "input_noise", "other_class"}
    expected = check_scene(view.input_noise("occlusion", 0), view.record, "occlusion", 0)
    assert carried["occlusion 0"]["input_noise"]["texts"] == expected["texts"]

    view, _, _ = view_of("row", seed=1)
    view.randomization("smooth_grad", 1)
    monkeypatch.setattr(page_states, "_SECONDS", 0.0)
    carried = payload(view.to_html())["state"]["carried"]["checks"]
    assert {key: set(one) for key, one in carried.items()} == {"smooth_grad 1": {"randomization"}}


def test_a_page_holds_other_targets_of_the_open_input():
    view, net, x = view_of(method="grad_cam", index=1)
    own, other = int(view.record.inputs.targets[1]), (int(view.record.inputs.targets[1]) + 1) % net.classes
    place = view.place
    state = payload(view.to_html())["state"]
    assert {json.loads(key) for key in state["precomputed"]["target"]} == set(range(net.classes))
    stored = state["precomputed"]["target"][json.dumps(other)]
    expected = record(net, x, [int(view.record.inputs.targets[0]), other], **FEW)
    assert stored["scene"]["inputs"][1]["target"] == other
    assert stored["scene"]["inputs"][0] == state["scene"]["inputs"][0]
    assert stored["scene"]["totals"]["occlusion"][1]["sum"] == float(expected.attributions["occlusion"].sum[1])
    key = f"integrated_gradients 1 {','.join(map(str, place))}"
    at = float(expected.attributions["integrated_gradients"].maps[(1, *place)])
    assert stored["carried"]["details"][key]["value"] == at
    assert int(view.record.inputs.targets[1]) == own


def test_a_large_image_travels_small():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    view = dlviz.attribute(net, torch.rand(3, 224, 224), steps=2, samples=1, window=112)
    assert len(view.maps) == 6
    state = view.get_state()
    size = sum(len(to_json(state[name])) * 3 / 4 for name in ("scene", "opened", "details", "path", "cam", "checks"))
    assert size < 1_500_000
    assert len(view.opened["maps"]["saliency"]["values"]) == 2 * 224 * 224
    page = view.to_html()
    assert len(page) < 1_500_000
    carried = payload(page)["state"]["carried"]["checks"]
    assert {key: set(one) for key, one in carried.items()} == {"saliency 0": set(CHECKS)}


def test_the_still_shows_every_method_and_the_target():
    view, _, _ = view_of()
    text = "".join(ElementTree.fromstring(view._still()).itertext())
    for words in ("saliency", "Grad-CAM", "occlusion", "score"):
        assert words in text


def test_layers_of_a_check_are_named_with_their_kind_also_inside_a_function():
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    for model, titles in (
        (net, ["trained", "2 Linear", "0 Linear"]),
        (lambda x: net(x), ["trained", "0.2 Linear", "0.0 Linear"]),
    ):
        view = dlviz.attribute(model, torch.rand(2, 4), methods="saliency")
        view.randomization()
        assert view.checks["randomization"]["titles"] == titles
