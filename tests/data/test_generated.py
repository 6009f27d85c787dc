"""Generated points and regressions follow their formulas and their seed, and an invalid argument is named."""

import math
import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from dlviz.data import linear, moons, rings, spirals

SEEDS = range(20)
#: Each classification set with a number of classes, and the arguments that give it.
PLANE = [(moons, 2, {}), *((call, k, {"classes": k}) for call in (spirals, rings) for k in (2, 3, 4, 5))]
EVERY = [*((call, kw) for call, _, kw in PLANE), (linear, {}), (linear, {"weight": [2.0, -1.0, 0.5]})]


def tensors(data):
    return [value for value in vars(data).values() if isinstance(value, torch.Tensor)]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


@pytest.mark.parametrize(("call", "classes", "kw"), PLANE)
@pytest.mark.parametrize("n", [5, 7, 100])
def test_points_are_float32_labels_int64_and_every_label_has_a_name(call, classes, kw, n):
    data = call(n, **kw)
    points, labels = data
    assert (points.shape, points.dtype) == ((n, 2), torch.float32)
    assert (labels.shape, labels.dtype) == ((n,), torch.int64)
    assert labels.unique().tolist() == list(range(classes))
    assert len(set(data.classes)) == classes


@pytest.mark.parametrize(("call", "classes", "kw"), PLANE)
def test_classes_are_of_equal_size_to_within_a_point_and_shuffled(call, classes, kw):
    for n in (classes, 99, 100, 101):
        sizes = call(n, **kw).labels.bincount(minlength=classes)
        assert sizes.max() - sizes.min() <= 1
    for seed in SEEDS:
        assert set(call(200, seed=seed, **kw).labels[:60].tolist()) == set(range(classes))


@pytest.mark.parametrize(("call", "kw"), EVERY)
def test_a_seed_is_reproducible_and_another_seed_gives_other_data(call, kw):
    drawn = [call(20, seed=seed, **kw) for seed in SEEDS]
    assert all(same(data, call(20, seed=seed, **kw)) for seed, data in zip(SEEDS, drawn, strict=True))
    assert len({tensors(data)[0].numpy().tobytes() for data in drawn}) == len(SEEDS)
    assert same(call(20, **kw), drawn[0])
    assert same(call(np.int64(20), seed=np.int64(3), **kw), drawn[3])


@pytest.mark.parametrize(("call", "kw"), EVERY)
def test_global_generators_are_neither_used_nor_changed(call, kw):
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    data = call(50, **kw)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]
    torch.manual_seed(4)
    assert same(call(50, **kw), data)


@pytest.mark.parametrize(("call", "kw"), EVERY)
def test_the_default_dtype_changes_nothing(call, kw):
    expected = call(50, **kw)
    torch.set_default_dtype(torch.float64)
    try:
        assert same(call(50, **kw), expected)
        assert {value.dtype for value in tensors(expected)} <= {torch.float32, torch.int64}
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("call", "kw"), EVERY)
def test_data_is_on_the_requested_or_the_default_device(call, kw):
    assert {value.device.type for value in tensors(call(10, device="meta", **kw))} == {"meta"}
    with torch.device("meta"):
        assert {value.device.type for value in tensors(call(10, **kw))} == {"meta"}
        assert same(call(10, device="cpu", **kw), call(10, device=torch.device("cpu"), **kw))
    assert {value.device.type for value in tensors(call(10, **kw))} == {"cpu"}


@pytest.mark.parametrize(("call", "kw"), EVERY)
def test_each_call_returns_new_tensors_and_fields_cannot_be_assigned(call, kw):
    data = call(10, **kw)
    for value in tensors(data):
        value.zero_()
    assert all(value.any() for value in tensors(call(10, **kw)))
    with pytest.raises(AttributeError):
        setattr(data, next(iter(vars(data))), None)


def test_without_noise_moons_are_two_half_circles():
    for seed in SEEDS:
        (x, y), labels = moons(500, noise=0, seed=seed).points.double().T, moons(500, noise=0, seed=seed).labels
        upper, lower = labels == 0, labels == 1
        assert torch.allclose(torch.hypot(x, y)[upper], torch.ones(250).double(), atol=1e-6)
        assert torch.allclose(torch.hypot(x - 1, y - 0.5)[lower], torch.ones(250).double(), atol=1e-6)
        assert (y[upper] >= -1e-6).all()
        assert (y[lower] <= 0.5 + 1e-6).all()
        assert x[upper].min() < -0.995  # to the tip
        assert x[lower].max() > 1.995


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
@pytest.mark.parametrize("turns", [0.5, 1, 2.25])
def test_without_noise_an_arm_turns_in_proportion_to_its_radius(classes, turns):
    points, labels = spirals(600, classes=classes, turns=turns, noise=0)
    x, y = points.double().T
    radius = torch.hypot(x, y)
    angle = 2 * math.pi * (turns * radius + labels / classes)
    assert torch.allclose(torch.stack((radius * angle.cos(), radius * angle.sin())), torch.stack((x, y)), atol=1e-5)
    assert radius.min() >= 0.1 - 1e-6
    assert radius.max() <= 1 + 1e-6
    assert radius.max() - radius.min() > 0.85


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
def test_without_noise_ring_k_has_radius_k_plus_one_over_classes(classes):
    points, labels = rings(600, classes=classes, noise=0)
    assert torch.allclose(points.norm(dim=1), (labels + 1) / classes, atol=1e-6)
    for label in range(classes):
        assert points[labels == label].mean(0).norm() < 0.3  # all around the center, not on one side


@pytest.mark.parametrize("weight", [2.0, -1, [3.0], [2.0, -1.0, 0.1], torch.tensor([0.5, 4.0]), np.array([1.0, 2.0])])
def test_without_noise_y_is_the_linear_function_of_the_returned_x(weight):
    data = linear(200, weight=weight, bias=-0.7, noise=0)
    exact = data.x.double() @ data.weight.double().T + data.bias.double()
    assert torch.equal(data.y, exact.float())
    assert torch.equal(data.weight, torch.as_tensor(weight).float().reshape(1, -1))
    assert torch.equal(data.bias, torch.tensor([-0.7]))


@pytest.mark.parametrize("features", [1, 2, 5])
def test_a_regression_has_the_shapes_of_a_linear_layer(features):
    data = linear(50, weight=[1.0] * features)
    layer = torch.nn.Linear(features, 1)
    x, y = data
    assert (x.shape, y.shape, x.dtype, y.dtype) == ((50, features), (50, 1), torch.float32, torch.float32)
    assert (data.weight.shape, data.bias.shape) == (layer.weight.shape, layer.bias.shape)
    assert layer(x).shape == y.shape
    assert not any(value.requires_grad for value in tensors(data))
    assert linear(1).x.shape == linear(1).y.shape == (1, 1)


def test_least_squares_finds_the_weights_and_leaves_the_noise():
    for seed in SEEDS:
        data = linear(4000, weight=[2.0, -1.0], bias=1.0, noise=0.5, seed=seed)
        design = torch.cat((data.x, torch.ones(4000, 1)), dim=1)
        found = torch.linalg.lstsq(design, data.y).solution
        assert torch.allclose(found.flatten(), torch.tensor([2.0, -1.0, 1.0]), atol=0.04)
        assert (data.y - design @ found).std().item() == pytest.approx(data.noise, rel=0.05)


def test_features_are_uniform_from_minus_three_to_three():
    x = linear(4000, weight=[1.0, 1.0]).x
    assert x.abs().max() <= 3
    counts = torch.histc(x, bins=6, min=-3, max=3) / x.numel()
    assert torch.allclose(counts, torch.tensor(1 / 6), atol=0.02)
    assert abs(torch.corrcoef(x.T)[0, 1]) < 0.05


def test_data_from_weights_that_require_a_gradient_requires_none():
    data = linear(10, weight=torch.ones(2, requires_grad=True))
    assert not any(value.requires_grad for value in tensors(data))


@pytest.mark.parametrize(("call", "classes", "kw"), PLANE)
def test_more_noise_moves_the_same_points_further(call, classes, kw):
    (clean, labels), (near, nearer), (far, farther) = (call(4000, noise=noise, **kw) for noise in (0, 0.1, 0.2))
    assert torch.equal(labels, nearer)
    assert torch.equal(labels, farther)
    assert torch.allclose(2 * (near - clean), far - clean, atol=1e-6)
    assert (near - clean).std(0).tolist() == pytest.approx([0.1, 0.1], rel=0.05)


def test_other_noise_keeps_the_features():
    clean, noisy = linear(100, noise=0), linear(100, noise=2.0)
    assert torch.equal(clean.x, noisy.x)
    assert not torch.equal(clean.y, noisy.y)


def test_reprs_show_shapes_only():
    assert repr(moons(20)) == "Points(points (20, 2) float32, labels (20,) int64: upper, lower)"
    assert repr(rings(20, device="meta")) == "Points(points (20, 2) float32, labels (20,) int64: ring 0, ring 1)"
    shown = "Regression(x (9, 2) float32, y (9, 1) float32, weight (1, 2), bias (1,))"
    assert repr(linear(9, weight=[1, 2], device="meta")) == shown


@pytest.mark.parametrize("data", [moons(20), linear(20)], ids=["moons", "linear"])
def test_points_unpack_into_torchs_tensor_dataset(data):
    batches = list(DataLoader(TensorDataset(*data), batch_size=8))
    assert [len(batch[0]) for batch in batches] == [8, 8, 4]


@pytest.mark.parametrize("call", [moons, spirals, rings, linear])
@pytest.mark.parametrize(
    ("kw", "words"),
    [
        ({"n": 0}, "n must be a whole number, .* got 0"),
        ({"n": -5}, "got -5"),
        ({"n": 10.0}, r"n must be .* got 10\.0"),
        ({"n": "10"}, "got '10'"),
        ({"n": True}, "got True"),
        ({"n": None}, "got None"),
        ({"noise": -0.1}, r"noise is a standard deviation, .* got -0\.1"),
        ({"noise": math.nan}, "got nan"),
        ({"noise": math.inf}, "got inf"),
        ({"noise": 10**400}, "got 1000"),
        ({"noise": "a bit"}, "got 'a bit'"),
        ({"noise": True}, "got True"),
        ({"noise": None}, "got None"),
        ({"seed": 1.5}, r"seed must be a whole number .* got 1\.5"),
        ({"seed": None}, "got None"),
        ({"seed": 2**64}, "got 18446744073709551616"),
        ({"seed": -(2**63) - 1}, "got -9223372036854775809"),
    ],
)
def test_an_invalid_argument_is_named_in_the_error(call, kw, words):
    with pytest.raises(ValueError, match=words) as caught:
        call(**{"n": 10, **kw})
    assert str(caught.value).startswith(f"{call.__name__}: {next(iter(kw))} ")


@pytest.mark.parametrize("call", [spirals, rings])
@pytest.mark.parametrize("classes", [1, 6, 0, -2, 2.0, "3", None, True, [2]])
def test_an_invalid_number_of_classes_is_refused(call, classes):
    with pytest.raises(ValueError, match=rf"^{call.__name__}: classes must be a whole number from 2 to 5, but got"):
        call(10, classes=classes)


@pytest.mark.parametrize("turns", [0, -1, math.nan, math.inf, "1", None, True])
def test_invalid_turns_are_refused(turns):
    with pytest.raises(ValueError, match=r"^spirals: turns must be a number above 0"):
        spirals(10, turns=turns)


def test_each_class_needs_a_point():
    with pytest.raises(ValueError, match=r"^rings: n must be a whole number, 4 or more \(a point for each class\)"):
        rings(3, classes=4)


@pytest.mark.parametrize("value", [None, "2", math.nan, math.inf, True, 1j, [1.0]])
def test_an_invalid_bias_is_refused(value):
    with pytest.raises(ValueError, match=r"^linear: bias must be a number, but got"):
        linear(10, bias=value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "2",
        [],
        [[1.0, 2.0]],
        True,
        [True],
        math.nan,
        [1.0, math.inf],
        1j,
        torch.ones(2, dtype=torch.cfloat),
        10**400,
    ],
)
def test_an_invalid_weight_is_refused(value):
    with pytest.raises(ValueError, match=r"^linear: weight must be a number, or a list"):
        linear(10, weight=value)
