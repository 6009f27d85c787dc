"""Modes covered equal a plain count."""

import math
from types import SimpleNamespace

import pytest
import torch

from dlviz.gan import high_quality, modes_covered
from dlviz.gan.modes import check_modes
from dlviz.kit.errors import DlvizError


@pytest.mark.parametrize("seed", range(5))
def test_modes_and_quality_equal_a_plain_count(seed):
    generator = torch.Generator().manual_seed(seed)
    fakes, centers = (2 * torch.randn(n, 2, generator=generator) for n in (40, 9))
    radius = 0.2 + 0.2 * seed
    near = {
        (m, k)
        for m, (x, y) in enumerate(fakes.tolist())
        for k, (a, b) in enumerate(centers.tolist())
        if math.hypot(x - a, y - b) <= radius
    }
    assert modes_covered(fakes, centers, radius) == len({k for _, k in near})
    assert high_quality(fakes, centers, radius) == pytest.approx(len({m for m, _ in near}) / 40)


def test_a_fake_that_is_nan_lies_near_no_mode():
    fakes = torch.tensor([[math.nan, 0.0], [0.0, 0.0]])
    assert modes_covered(fakes, torch.zeros(1, 2), 1.0) == 1
    assert high_quality(fakes, torch.zeros(1, 2), 1.0) == 0.5


def test_the_radius_is_three_std_or_half_the_distance_of_neighbors():
    centers = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
    assert check_modes(centers, None).radius == pytest.approx(1.0)
    assert check_modes(SimpleNamespace(centers=centers, std=0.1), None).radius == pytest.approx(0.3)
    assert check_modes(SimpleNamespace(centers=centers), 0.7).radius == 0.7
    assert check_modes([[0, 1], [1, 1]], None).centers.tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("modes", "radius", "words"),
    [
        (torch.zeros(3, 3), None, r"\(3, 3\)"),
        ("ring", None, "str"),
        ([[0.0, math.nan]], 1.0, "NaN"),
        ([[0.0, 1.0]], None, "mode_radius"),
        ([[0.0, 1.0]], -1, "-1"),
        (None, 0.5, "needs modes"),
    ],
    ids=["shape", "text", "nan", "one center", "negative", "radius alone"],
)
def test_modes_that_do_not_fit_are_refused(modes, radius, words):
    with pytest.raises(DlvizError, match=words):
        check_modes(modes, radius)
