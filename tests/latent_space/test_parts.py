"""Kinds of examples, axes of the map, and the rates of an anomaly score."""

import math

import pytest
import torch
from sklearn.metrics import roc_auc_score

from dlviz.kit.errors import DlvizError
from dlviz.latent_space import auc, code_axes, rates
from dlviz.latent_space.anomaly_score import first_threshold
from dlviz.latent_space.code_axes import check_axes, stacked
from dlviz.latent_space.examples import check_examples
from dlviz.latent_space.pictures import Pictures
from dlviz.torchkit.pca import pca

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize(
    ("shape", "options", "kind", "drawn"),
    [
        ((4, 1, 8, 9), {}, "image", (1, 8, 9)),
        ((4, 3, 8, 8), {}, "image", (3, 8, 8)),
        ((4, 8, 9), {}, "image", (1, 8, 9)),
        ((4, 64), {"image_shape": (8, 8)}, "image", (1, 8, 8)),
        ((4, 192), {"image_shape": (3, 8, 8)}, "image", (3, 8, 8)),
        ((4, 2, 50), {}, "series", (2, 50)),
        ((4, 50, 1), {}, "series", (1, 50)),
        ((4, 50), {}, "series", (1, 50)),
        ((4, 5), {}, "row", (5,)),
        ((4, 20), {"features": [f"f{k}" for k in range(20)]}, "row", (20,)),
        ((4, 5), {"kind": "series"}, "series", (1, 5)),
        ((4, 50), {"kind": "row"}, "row", (50,)),
        ((4, 8, 9), {"kind": "series"}, "series", (8, 9)),
    ],
    ids=str,
)
def test_the_shape_of_the_data_says_what_an_example_is(shape, options, kind, drawn):
    found = check_examples(torch.rand(shape), **options)
    assert (found.kind, found.shape) == (kind, drawn)
    assert found.x.shape == shape
    assert Pictures.of(found).array(found.x).shape == (4, *drawn)


def test_a_series_with_time_first_is_drawn_with_its_channels_first():
    x = torch.rand(2, 30, 3)
    torch.testing.assert_close(check_examples(x).arranged(x), x.transpose(1, 2).double(), **EXACT)


def test_large_images_and_long_series_are_drawn_smaller_with_the_same_mean():
    x = torch.rand(2, 3, 112, 56)
    drawn = Pictures.of(check_examples(x)).array(x)
    assert drawn.shape == (2, 3, 56, 28)
    torch.testing.assert_close(torch.from_numpy(drawn).mean((2, 3)), x.mean((2, 3)))
    series = torch.rand(2, 1024)
    drawn = Pictures.of(check_examples(series)).array(series)
    assert drawn.shape == (2, 1, 256)
    torch.testing.assert_close(torch.from_numpy(drawn)[:, 0], series.view(2, 256, 4).mean(2))


def test_the_axis_of_a_series_has_room_for_its_reconstructions():
    x = torch.rand(3, 40)
    pictures = Pictures.of(check_examples(x))
    low, high = float(x.min()), float(x.max())
    made = pictures.with_room_for(x - 0.25)
    assert made.low[0] == pytest.approx(low - 0.25, abs=1e-6)
    assert made.high[0] == pytest.approx(high, abs=1e-6)
    far = pictures.with_room_for(torch.full_like(x, 1e6))
    assert far.high[0] == pytest.approx(2 * high - low, abs=1e-6)
    assert pictures.with_room_for(torch.full_like(x, math.nan)) == pictures
    images = Pictures.of(check_examples(torch.rand(3, 8, 8)))
    assert images.with_room_for(torch.rand(3, 8, 8) - 3) is images


@pytest.mark.parametrize(("scale", "expected"), [(1.0, (0.0, 1.0)), (255.0, (0.0, 255.0)), (3.0, None)])
def test_black_and_white_are_those_of_the_kind_of_pixels(scale, expected):
    x = torch.linspace(0.125, 1, 36).view(1, 1, 6, 6) * scale
    x = x.round() if scale == 255 else x
    found = Pictures.of(check_examples(x))
    assert (found.low[0], found.high[0]) == (expected or (float(x.min()), float(x.max())))


def codes(size: int, count: int = 40) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)


@pytest.mark.parametrize("axes", ["pca", [0, 3], [4, 1]], ids=str)
def test_the_code_at_a_place_lies_there_and_differs_only_along_the_axes(axes):
    all_codes = codes(5)
    found = code_axes(all_codes, axes)
    base = all_codes[7]
    places = torch.tensor([[0.5, -1.25], [2.0, 0.0]], dtype=torch.float64)
    made = found.codes_at(places, base)
    torch.testing.assert_close(found.place(made), places, **EXACT)
    moved = made - base
    torch.testing.assert_close(moved @ found.directions.T @ found.directions, moved, **EXACT)
    own = found.place(base[None])
    torch.testing.assert_close(found.codes_at(own, base)[0], base, **EXACT)


def test_the_plane_of_pca_is_mean_plus_a_times_one_component_plus_b_times_the_other():
    all_codes = codes(6)
    found, expected = code_axes(all_codes, "pca"), pca(all_codes, 2)
    torch.testing.assert_close(found.place(all_codes), expected.coordinates, **EXACT)
    code = found.codes_at(torch.tensor([[2.0, -3.0]], dtype=torch.float64), all_codes.mean(0))[0]
    expected_code = expected.mean + 2 * expected.components[0] - 3 * expected.components[1]
    torch.testing.assert_close(code, expected_code, **EXACT)
    torch.testing.assert_close(
        torch.tensor(found.variance_ratio, dtype=torch.float64), expected.variance_ratio, **EXACT
    )


def test_components_keep_their_side_from_one_picture_to_the_next():
    all_codes = codes(4)
    first = code_axes(all_codes, "pca")
    turned = type(first)("pca", -first.directions, first.origin)
    again = code_axes(all_codes, "pca", turned)
    torch.testing.assert_close(again.directions, -first.directions, **EXACT)


def test_codes_that_are_not_finite_do_not_spoil_the_axes():
    all_codes = codes(4)
    broken = torch.cat((all_codes, torch.full((1, 4), math.nan, dtype=torch.float64)))
    torch.testing.assert_close(code_axes(broken, "pca").directions, code_axes(all_codes, "pca").directions, **EXACT)


def test_an_ellipse_is_that_of_the_projected_covariance():
    found, std = code_axes(codes(5), "pca"), torch.rand(3, 5, dtype=torch.float64)
    matrices = found.spread(std)
    expected = torch.stack([found.directions @ torch.diag(one**2) @ found.directions.T for one in std])
    torch.testing.assert_close(matrices @ matrices.transpose(1, 2), expected, **EXACT)


@pytest.mark.parametrize(
    ("axes", "size"), [("pcs", 4), ((0,), 4), ((0, 4), 4), ((1, 1), 4), ((0, 0.5), 4), (3, 4), ((0, 1), 1)]
)
def test_axes_that_the_code_does_not_have_are_refused(axes, size):
    with pytest.raises(DlvizError, match=f"from 0 to {size - 1}"):
        check_axes(axes, size)


def test_codes_of_one_number_are_stacked_within_the_row_of_their_class():
    values, groups = torch.randn(200, generator=torch.Generator().manual_seed(0)), torch.arange(200) % 3
    heights = stacked(values, groups)
    assert torch.equal(heights.floor().long(), groups)
    assert len({(round(float(v), 9), round(float(h), 9)) for v, h in zip(values, heights, strict=True)}) == 200
    assert torch.equal(stacked(values, groups), heights)


@pytest.mark.parametrize("seed", range(5))
def test_rates_equal_a_plain_count_and_the_area_scikit_learns(seed):
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randint(0, 20, (50,), generator=generator).double() / 10
    others = torch.randint(5, 30, (30,), generator=generator).double() / 10
    for threshold in (0.0, 0.7, 1.3, 5.0):
        found = rates(normal, others, threshold)
        assert found.false_alarm == sum(error > threshold for error in normal.tolist()) / 50
        assert found.miss == pytest.approx(sum(error <= threshold for error in others.tolist()) / 30, abs=1e-15)
    scores = torch.cat((normal, others)).numpy()
    assert auc(normal, others) == pytest.approx(roc_auc_score([0] * 50 + [1] * 30, scores), abs=1e-12)


def test_an_error_that_is_not_a_number_lies_above_every_threshold():
    errors = torch.tensor([1.0, math.nan, math.inf])
    assert rates(errors, errors, 1e9) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert auc(torch.tensor([1.0]), torch.tensor([math.nan])) == 1
    assert math.isnan(rates(errors, None, 1.0).miss)


def test_the_first_threshold_leaves_five_percent_above():
    errors = torch.arange(100.0)[torch.randperm(100)]
    assert rates(errors, None, first_threshold(errors)).false_alarm == pytest.approx(0.05)
