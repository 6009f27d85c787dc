"""The energy distance agrees with its definition and is near 0 for two samples of one distribution."""

import itertools

import pytest
import torch

from dlviz.torchkit.energy_distance import MAX_ROWS, energy_distance


def test_it_equals_a_loop_over_all_pairs():
    x, y = torch.randn(7, 2, 3, dtype=torch.float64), torch.randn(5, 2, 3, dtype=torch.float64)

    def mean(pairs):
        lengths = [float((a - b).square().sum().sqrt()) for a, b in pairs]
        return sum(lengths) / len(lengths)

    wanted = 2 * mean(itertools.product(x, y)) - mean(itertools.permutations(x, 2)) - mean(itertools.permutations(y, 2))
    assert energy_distance(x, y) == pytest.approx(wanted, abs=1e-12)


def test_it_is_near_0_for_one_distribution_and_grows_with_the_distance():
    torch.manual_seed(0)
    x = torch.randn(1000, 2)
    near, shifted, far = (energy_distance(x, torch.randn(1000, 2) + shift) for shift in (0, 0.5, 2))
    assert abs(near) < 0.01
    assert near < 0.1 < shifted < 1 < far


def test_of_large_samples_evenly_spaced_rows_are_compared():
    x = torch.arange(4.0 * MAX_ROWS)[:, None]
    # Two uniform samples side by side, each 8000 wide: the means are 8000 between and 8000 / 3 within.
    assert energy_distance(x, x + 8000) == pytest.approx(2 * 8000 - 2 * 8000 / 3, rel=1e-3)
