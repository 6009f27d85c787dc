"""What the view of `dlviz.attribute` draws: the numbers of the record, in full or as half floats, and words that fit them."""

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.attribution import record
from dlviz.attribution.captions import check_scene
from dlviz.attribution.grad_cam import channel_terms
from dlviz.attribution.path import integration_path
from dlviz.attribution.pictures import (
    color_limit,
    drawn_size,
    encoded,
    image_bytes,
    shrunk,
    strongest_places,
    value_range,
)
from dlviz.attribution.sanity import deletion_insertion, other_class, randomization
from dlviz.attribution.scene import cam_scene, details, methods, opened, path_scene, scene
from dlviz.attribution.terms import terms
from tests.attribution.nets import ImageNet, RowNet, TokenNet


def made(kind, seed=0, **options):
    net = {"image": ImageNet, "row": RowNet, "tokens": TokenNet}[kind](seed)
    return record(net, net.inputs(3), **{"steps": 8, "samples": 4} | options)


def halves(packed):
    """Return half floats times their scale, as the view reads them."""
    return packed["values"].view(np.float16).astype(np.float64) * packed["scale"]


@pytest.mark.parametrize("size", [(8, 8), (64, 64), (65, 64), (224, 200)])
def test_maps_travel_exactly_or_as_half_floats(size):
    values = torch.randn(size, dtype=torch.float64) * 1e-7
    packed = encoded(values)
    if packed["scale"]:
        assert packed["values"].nbytes == 2 * values.numel()
        expected = values.numpy()
        np.testing.assert_allclose(halves(packed).reshape(size), expected, rtol=2**-11, atol=2**-24 * packed["scale"])
    else:
        assert packed["values"].nbytes <= 4 * 4096
        np.testing.assert_array_equal(packed["values"], values.float().numpy())


def test_half_floats_keep_what_is_not_finite_and_maps_of_zeros():
    values = torch.zeros(100, 100)
    assert not halves(encoded(values)).any()
    values[0, 0], values[1, 1], values[2, 2] = float("nan"), float("inf"), 3.0
    found = halves(encoded(values)).reshape(100, 100)
    assert np.isnan(found[0, 0])
    assert np.isinf(found[1, 1])
    assert found[2, 2] == 3


def test_the_strongest_color_is_that_of_nearly_all_numbers():
    assert color_limit(torch.tensor([1.0, -4.0, float("inf")])) == 4
    many = torch.linspace(0, 1, 10_001)
    many[-1] = 1000
    assert color_limit(many) == pytest.approx(0.995, abs=1e-3)
    sparse = torch.zeros(10_000)
    sparse[7] = -2
    assert color_limit(sparse) == 2
    assert color_limit(torch.tensor([float("nan")])) == 0


def test_images_are_drawn_from_black_to_white():
    assert value_range(torch.tensor([0.2, 0.7])) == (0, 1)
    assert value_range(torch.tensor([0.0, 255.0])) == (0, 255)
    assert value_range(torch.tensor([-2.0, 3.0])) == (-2, 3)
    x = torch.tensor([[[[0.0, 1.0]], [[1.0, 1.0]]]])
    assert image_bytes(x, (1, 2), (0, 1)).tolist() == [[[[128, 255]]]]
    assert image_bytes(torch.rand(1, 3, 4, 4), (4, 4), (0, 1)).shape == (1, 3, 4, 4)
    assert drawn_size((500, 1000)) == (112, 224)
    large = torch.rand(1, 500, 1000, dtype=torch.float64)
    torch.testing.assert_close(shrunk(large, (250, 500))[0, 3, 4], large[0, 6:8, 8:10].mean())


def test_strongest_places_are_in_order():
    assert strongest_places(torch.tensor([float("nan"), 1.0, 5.0]), 2) == [(2,), (1,)]


@pytest.mark.parametrize("seed", range(3))
def test_an_image_is_drawn_with_the_numbers_of_its_record(seed):
    found = made("image", seed)
    shown = scene(found)
    assert shown["methods"] == list(found.attributions) == methods(found)
    assert len(shown["methods"]) == 6
    one = opened(found, 1, "net")
    for name, attribution in found.attributions.items():
        sums = [totals["sum"] for totals in shown["totals"][name]]
        torch.testing.assert_close(torch.tensor(sums, dtype=torch.float64), attribution.sum)
        packed = one["cells"] if name == "grad_cam" else one["maps"][name]
        expected = attribution.values[1] if name == "grad_cam" else attribution.maps[1]
        np.testing.assert_array_equal(packed["values"], expected.float().numpy())
        strengths = one["strengths"].get(name, {"values": np.abs(packed["values"])})["values"]
        expected = expected.abs() if name == "grad_cam" else attribution.strengths[1]
        np.testing.assert_allclose(strengths, expected.float().numpy())
    chosen = found.inputs.targets.tolist()
    assert [one["score"] for one in shown["inputs"]] == [float(found.scores[k, chosen[k]]) for k in range(3)]


@pytest.mark.parametrize("kind", ["row", "tokens"])
def test_rows_and_tokens_are_drawn_with_the_numbers_of_their_record(kind):
    found = made(kind)
    shown = scene(found)
    for name, attribution in found.attributions.items():
        for k in range(3):
            np.testing.assert_array_equal(shown["maps"][name][k], attribution.maps[k].numpy())
            np.testing.assert_array_equal(shown["strengths"][name][k], attribution.strengths[k].numpy())
    names = found.inputs.tokens[1] if kind == "tokens" else found.inputs.features
    assert shown["names"][1] == list(names)


@pytest.mark.parametrize("kind", ["image", "row", "tokens"])
def test_the_drawn_terms_give_the_number(kind):
    found = made(kind, 1)
    for name in methods(found):
        place = tuple(side // 2 for side in found.inputs.places)
        path = integration_path(found.score, 1, found.steps) if name == "integrated_gradients" else None
        drawn = details(terms(found, name, 1, place), found, path)
        total = sum(term["value"] for term in drawn["terms"]) + drawn["rest"]
        total = (
            total / drawn["count"]
            if drawn["how"] == "mean"
            else max(0.0, total)
            if drawn["how"] == "relu_sum"
            else total
        )
        assert total + drawn["residual"] == pytest.approx(drawn["value"], abs=1e-12)
        for term in drawn["terms"]:
            first, *rest = term["factors"]
            product = (
                first
                if drawn["sign"] == "±" or not rest
                else first - rest[0]
                if drawn["sign"] == "−"
                else first * rest[0]
            )
            assert product == pytest.approx(term["value"], abs=1e-12)
        if path is not None:
            weights = path.weights.numpy()
            assert float(weights @ drawn["along"]) == pytest.approx(drawn["value"], abs=1e-12)


def test_the_path_ends_at_the_score_and_the_sum_of_the_map():
    found = made("image")
    path = integration_path(found.score, 0, found.steps)
    drawn = path_scene(path, found, 0)
    assert drawn["alphas"][0] == 0
    assert drawn["alphas"][-1] == 1
    assert (np.diff(drawn["alphas"]) > 0).all()
    assert drawn["scores"][-1] == pytest.approx(float(found.scores[0, int(found.inputs.targets[0])]))
    assert drawn["running"][-1] == pytest.approx(float(found.attributions["integrated_gradients"].sum[0]))
    error = found.attributions["integrated_gradients"].completeness_error
    assert drawn["error"] == pytest.approx(float(error[0]), abs=1e-12)


def test_a_baseline_of_one_color_travels_as_one_byte():
    net = ImageNet(0)
    x = net.inputs(1)
    for baseline, count in ((0.5, 1), (torch.rand(x.shape[1:]), net.size**2)):
        found = record(net, x, methods="integrated_gradients", baseline=baseline, steps=2)
        drawn = path_scene(integration_path(found.score, 0, 2), found, 0)["baseline"]
        assert drawn.size == count * (3 if net.channels == 3 and count > 1 else 1)


def test_a_map_that_ignores_the_weights_is_said_to_explain_little():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3, bias=False))
    with torch.no_grad():  # weights with hardly any spread: random ones of the same mean and spread give the same map
        net[1].weight.copy_(torch.ones(3, 36) + 1e-4 * torch.randn(3, 36))
    found = record(net, torch.rand(1, 6, 6), 0, methods="gradient_x_input")
    shown = check_scene(randomization(found, "gradient_x_input"), found, "gradient_x_input", 0)
    assert "little about this net" in shown["text"]
    assert shown["text"].startswith("1, signs ignored:")
    shown = check_scene(other_class(found, "gradient_x_input"), found, "gradient_x_input", 0)
    assert "not why it chose this class" in shown["text"]


def test_words_of_deletion_and_insertion_follow_the_areas():
    net = nn.Linear(12, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.arange(12.0)[None])
    found = record(net, torch.ones(1, 12), methods=["gradient_x_input"])
    result = deletion_insertion(found, "gradient_x_input")
    shown = check_scene(result, found, "gradient_x_input", 0)
    assert result.auc_deletion < result.auc_random_deletion
    assert result.auc_insertion > result.auc_random_insertion
    assert "more than random ones do" in shown["text"]
    np.testing.assert_array_equal(shown["deletion"], result.deletion.numpy())


@pytest.mark.parametrize(
    ("weight", "fill", "text"), [(-1, 0.5, "speaks against"), (1, 0.0, "output is 0 everywhere"), (1, 0.5, "")]
)
def test_a_map_of_zeros_says_why(weight, fill, text):
    net = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(32, 1))
    with torch.no_grad():
        net[0].weight.fill_(1)
        net[3].weight.fill_(weight)
    found = record(net, torch.tensor([fill, 1.0])[:, None, None, None].expand(2, 1, 6, 6), 0, methods="grad_cam")
    note = cam_scene(channel_terms(found.score, "1", 0), found, 0)["note"]
    assert text in note
    assert bool(note) == (not found.attributions["grad_cam"].values[0].any())


def test_a_map_that_relu_leaves_almost_empty_is_said_to_be_and_keeps_the_scale_before_relu():
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(36, 1))
    with torch.no_grad():
        net[0].weight.fill_(1)
        net[3].weight.fill_(-1)
    x = torch.ones(1, 1, 6, 6)
    x[0, 0, 2, 3] = -1e-3  # the only place that speaks for the target
    found = record(net, x, 0, methods="grad_cam", layer="0")
    shown = scene(found)
    assert shown["totals"]["grad_cam"][0]["faint"]
    assert shown["limits"]["grad_cam"]["signed"][0] == pytest.approx(
        float(found.attributions["grad_cam"].before_relu.abs().max())
    )
    assert "less than 1%" in cam_scene(channel_terms(found.score, "0", 0), found, 0)["note"]
    assert not scene(record(net, x, 0, methods="grad_cam", layer="0", relu=False))["totals"]["grad_cam"][0]["faint"]


def test_what_rounding_leaves_of_a_sum_is_not_shown():
    net = nn.Sequential(nn.Linear(20, 1), nn.Tanh())
    found = record(net, torch.rand(1, 20), methods="occlusion")
    for place in range(20):
        shown = terms(found, "occlusion", 0, (place,))
        assert abs(shown.residual) <= shown.rounding < 1e-4
        assert details(shown, found, None)["residual"] == 0


def test_a_constant_map_has_no_correlation():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 2))
    with torch.no_grad():
        net[2].weight.fill_(-1)
        net[0].weight.fill_(1)
        net[0].bias.zero_()
    found = record(net, torch.rand(1, 6, 6), 0, methods="grad_cam")
    assert not found.attributions["grad_cam"].values.any()
    shown = check_scene(randomization(found, "grad_cam"), found, "grad_cam", 0)
    assert "switch its ReLU off" in shown["text"]
