"""What a record holds."""

import pytest
import torch
from torch import nn

from dlviz.attribution import METHODS, grad_cam, record, terms
from tests.attribution.nets import ImageNet, RowNet, TokenNet


@pytest.mark.parametrize("kind", [ImageNet, RowNet, TokenNet])
def test_it_holds_every_method_in_their_order(kind):
    net = kind(1)
    made = record(net, net.inputs(3), steps=2, samples=2)
    expected = [name for name in METHODS if kind is not RowNet or name != "grad_cam"]
    assert list(made.attributions) == expected
    for one in made.attributions.values():
        assert one.maps.shape == one.strengths.shape == (3, *made.inputs.places)
    assert made.scores.shape == (3, net.classes)
    assert not any("Grad-CAM" in note for note in made.notes)  # of a table nobody expects it
    assert bool(made.layers) == ("grad_cam" in expected)


def test_chosen_methods_only():
    net = ImageNet(0)
    made = record(net, net.inputs(1), methods=("occlusion", "saliency"))
    assert list(made.attributions) == ["saliency", "occlusion"]
    assert made.layers == []


def test_another_layer_changes_grad_cam_only():
    net = ImageNet(0)
    made = record(net, net.inputs(1), steps=2, samples=2)
    other = made.with_layer("features.0", relu=False)
    assert list(other.attributions) == list(made.attributions)
    assert other.attributions["grad_cam"].layer == "features.0"
    assert not other.relu
    torch.testing.assert_close(other.attributions["grad_cam"].values, grad_cam(made.score, "features.0", False).values)
    assert made.attributions["grad_cam"].layer != "features.0"
    assert other.attributions["saliency"] is made.attributions["saliency"]


def test_a_score_that_is_one_number_for_each_input():
    made = record(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), torch.rand(4, 3), steps=2, samples=2)
    assert made.scores.shape == (4, 1)
    assert made.probs is None
    assert made.inputs.classes == ("0",)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_are_taken_wherever_they_are_off(mode):
    with mode():
        net, x = RowNet(0), RowNet(0).inputs(2)
        made = record(net, x, 0)
        found = terms(made, "integrated_gradients", 0, (1,))
    torch.testing.assert_close(
        made.attributions["saliency"].values, record(net, x.clone(), 0).attributions["saliency"].values
    )
    assert abs(found.residual) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_nets_of_half_precision_give_nearly_the_maps_of_double(dtype):
    net = ImageNet(1)
    x = net.inputs(1)
    exact = record(net, x, 0, steps=4, samples=3, relu=False)
    made = record(net.to(dtype), x.to(dtype), 0, steps=4, samples=3, relu=False)
    for name, one in made.attributions.items():
        scale = exact.attributions[name].values.abs().max()
        assert (one.values.double() - exact.attributions[name].values).abs().max() < 0.2 * scale
