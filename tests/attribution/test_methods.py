"""Every attribution equals the one that plain torch computes, and adds up to what it promises."""

import copy
import warnings

import pytest
import torch
from torch import nn

from dlviz.attribution import (
    gradient_x_input,
    integrated_gradients,
    occlusion,
    record,
    saliency,
    score_function,
    smooth_grad,
)
from dlviz.attribution.methods import gauss_legendre, window_and_stride
from dlviz.kit.errors import DlvizError
from tests.attribution import by_hand
from tests.attribution.nets import ImageNet, RowNet, TokenNet

EXACT = {"rtol": 0, "atol": 1e-10}
NETS = {"image": ImageNet, "row": RowNet, "tokens": TokenNet}
#: A few nets by default, and a hundred of each kind.
SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 100))]


def case(kind, seed):
    """Return a net in train mode with inputs and targets, and for each input its scores as a function of a point, and the point."""
    net = NETS[kind](seed)
    x = net.inputs(2)
    twin = copy.deepcopy(net).eval()
    targets = [0, net.classes - 1]
    points = twin.embedding(x).detach() if kind == "tokens" else x
    return net, x, targets, twin.from_embeddings if kind == "tokens" else twin, [points[:1], points[1:]]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", NETS)
def test_every_method_equals_plain_torch(kind, seed):
    net, x, targets, scores, points = case(kind, seed)
    baseline = 0.25 if seed % 2 else None
    made = record(net, x, targets, baseline=baseline, steps=7, samples=5, noise=0.2, seed=seed)
    values = {name: one.values for name, one in made.attributions.items()}
    for k, (point, target) in enumerate(zip(points, targets, strict=True)):
        base = torch.full_like(point, 0.25 if seed % 2 else 0.0)
        gradient = by_hand.gradient(scores, point, target)
        torch.testing.assert_close(values["saliency"][k : k + 1], gradient, **EXACT)
        torch.testing.assert_close(values["gradient_x_input"][k : k + 1], gradient * point, **EXACT)
        integrated = by_hand.integrated_gradients(scores, point, target, base, 7)
        torch.testing.assert_close(values["integrated_gradients"][k : k + 1], integrated, **EXACT)
        smooth = by_hand.smooth_grad(scores, point, target, 0.2, 5, seed)
        torch.testing.assert_close(values["smooth_grad"][k : k + 1], smooth, **EXACT)
        hidden = by_hand.occlusion(scores, point, target, base, made.window, made.stride, kind)
        torch.testing.assert_close(values["occlusion"][k], hidden, **EXACT)


@pytest.mark.parametrize("kind", NETS)
def test_the_completeness_error_is_the_true_one(kind):
    net, x, targets, scores, points = case(kind, 1)
    errors = []
    for steps in (2, 40):
        made = integrated_gradients(score_function(net, x, targets, baseline=0.5), steps)
        for k, (point, target) in enumerate(zip(points, targets, strict=True)):
            base = torch.full_like(point, 0.5)
            with torch.no_grad():
                difference = scores(point.clone())[0, target] - scores(base)[0, target]
            total = by_hand.integrated_gradients(scores, point, target, torch.full_like(point, 0.5), steps).sum()
            torch.testing.assert_close(made.expected_sum[k], difference, **EXACT)
            torch.testing.assert_close(made.completeness_error[k], total - difference, **EXACT)
        errors.append(made.completeness_error.abs().max())
    assert errors[1] < errors[0]


def test_the_weights_of_the_path_add_up_to_one():
    for steps in (2, 9, 300):
        alphas, weights = gauss_legendre(steps)
        torch.testing.assert_close(weights.sum(), torch.tensor(1.0, dtype=torch.float64))
        assert 0 < alphas.min() < alphas.max() < 1


@pytest.mark.parametrize("kind", NETS)
def test_maps_are_sums_over_channels_and_strengths_have_no_sign(kind):
    net, x, targets, *_ = case(kind, 2)
    made = record(net, x, targets, steps=3, samples=3).attributions
    axis = {"image": 1, "tokens": 2}.get(kind)
    for name in ("saliency", "gradient_x_input", "integrated_gradients", "smooth_grad"):
        one = made[name]
        maps = one.values if axis is None else one.values.sum(axis)
        assert torch.equal(one.maps, maps)
        largest = axis is not None and name in ("saliency", "smooth_grad")
        assert torch.equal(one.strengths, one.values.abs().amax(axis) if largest else maps.abs())
        torch.testing.assert_close(one.sum, one.values.flatten(1).sum(1), **EXACT)
        assert (one.expected_sum is not None) == (name == "integrated_gradients")
    assert torch.equal(made["occlusion"].values, made["occlusion"].maps)


@pytest.mark.parametrize(("window", "stride"), [(3, 2), ((2, 5), (1, 4)), (8, 1), (1, 1)])
def test_windows_that_reach_over_the_end_are_cut(window, stride):
    net = ImageNet(3).eval()
    x = torch.randn(1, net.channels, 8, 8, dtype=torch.float64)
    score = score_function(net, x, 0)
    sides, steps = window_and_stride(score, window, stride)
    expected = by_hand.occlusion(net, x, 0, torch.zeros_like(x), sides, steps, "image")
    torch.testing.assert_close(occlusion(score, window, stride).values[0], expected, **EXACT)


@pytest.mark.parametrize(("window", "stride"), [(3, 2), (2, 2), ((1, 4), 1)])
def test_windows_that_hide_nothing_change_nothing(window, stride):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 30, 3), nn.Flatten(), nn.Linear(30 * 81, 2))  # in float32, which rounds
    x = torch.zeros(1, 2, 11, 11)
    x[0, 1, 4:6, 7] = 1
    score = score_function(net, x, 0)
    sides, steps = window_and_stride(score, window, stride)
    touched = torch.zeros(11, 11, dtype=torch.bool)
    for row in range(0, 11, steps[0]):
        for column in range(0, 11, steps[1]):
            where = (slice(row, row + sides[0]), slice(column, column + sides[1]))
            touched[where] |= x[0, 1][where].any()
    found = occlusion(score, window, stride).values[0]
    assert torch.equal(found != 0, touched)


def test_a_large_input_goes_through_in_parts_with_the_same_result(monkeypatch):
    net, x, targets, *_ = case("image", 0)
    whole = record(net, x, targets, steps=9, samples=7)
    monkeypatch.setattr("dlviz.attribution.score._CHUNK", 2)
    parts = record(net, x, targets, steps=9, samples=7)
    for name, one in whole.attributions.items():
        torch.testing.assert_close(parts.attributions[name].values, one.values, **EXACT)


def test_noise_has_a_seed_of_its_own():
    net = ImageNet(5)
    score = score_function(net, net.inputs(1), 0)
    first, again, other = (smooth_grad(score, 0.3, 4, seed).values for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    torch.testing.assert_close(smooth_grad(score, 0.0, 4).values, saliency(score).values, **EXACT)


def test_no_warning_of_captums_reaches_the_learner():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record(RowNet(0), RowNet(0).inputs())


def test_without_captum_the_message_names_the_extra(monkeypatch):
    score = score_function(nn.Linear(2, 2), torch.rand(1, 2))
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    with pytest.raises(DlvizError, match=r"pip install 'dlviz\[attribute\]'"):
        saliency(score)


class Detached(nn.Module):
    def forward(self, x):
        return torch.stack([x.detach().sum(1), x.sum(1).detach()], 1)


class OutsideOfTorch(nn.Module):
    def forward(self, x):
        return torch.stack([x.sum(1), torch.ones(len(x))], 1)


class WritesOverWhatReluKept(nn.Module):
    def forward(self, x):
        return torch.sigmoid(x).mul_(2)


@pytest.mark.parametrize(
    ("net", "target", "text"),
    [
        (Detached(), 0, "does not depend on x"),
        (OutsideOfTorch(), 1, None),
        (WritesOverWhatReluKept(), 0, "torch cannot differentiate the net: one of the variables needed"),
    ],
    ids=["detached", "constant", "in place"],
)
def test_a_net_without_gradients_is_refused_in_words(net, target, text):
    score = score_function(net, torch.rand(1, 2), target)
    if text is None:  # a constant output beside one that depends on x has the gradient 0
        assert torch.equal(saliency(score).values, torch.zeros(1, 2))
        return
    for method in (saliency, gradient_x_input, integrated_gradients, smooth_grad):
        with pytest.raises(DlvizError, match=text):
            method(score)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"window": 0}, "window must be a whole number"),
        ({"window": (2, 2, 2)}, "window must be"),
        ({"window": 9}, "at most"),
        ({"window": 2, "stride": 3}, "stride must be"),
        ({"steps": 1}, "steps must be a whole number from 2"),
        ({"samples": 2.5}, "samples must be"),
        ({"noise": -1}, "noise is the standard deviation"),
        ({"noise": float("nan")}, "noise is"),
        ({"seed": True}, "seed must be"),
        ({"methods": "lime"}, "methods must be among saliency"),
        ({"methods": []}, "methods must be among"),
        ({"methods": 3}, "methods must be among"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, text):
    with pytest.raises(DlvizError, match=text):
        record(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), torch.rand(1, 8, 8), **options)
