"""Contour lines are where the values cross a level."""

import numpy as np
import pytest
import torch

from dlviz.optimizers import TEST_FUNCTIONS, LossFunction, evaluate_grid
from dlviz.optimizers.contour import contour_levels, contour_lines, height_unit, log_heights
from tests.optimizers.reference import LOSSES


@pytest.mark.parametrize("name", TEST_FUNCTIONS)
def test_evaluate_grid_equals_the_loss_at_every_point(name):
    x, y = torch.linspace(-2, 2, 7, dtype=torch.float64), torch.linspace(-1, 3, 5, dtype=torch.float64)
    values = evaluate_grid(TEST_FUNCTIONS[name], x, y)
    assert values.shape == (5, 7)
    for r in range(5):
        for c in range(7):
            assert torch.allclose(values[r, c], LOSSES[name](torch.stack([x[c], y[r]])), rtol=1e-14)


def test_the_minima_of_named_losses_are_minima():
    for loss in TEST_FUNCTIONS.values():
        for minimum in loss.minima:
            p = torch.tensor(minimum, dtype=torch.float64, requires_grad=True)
            (grad,) = torch.autograd.grad(loss.function(p), p)
            assert grad.norm() < 1e-3, loss.name


def test_a_loss_that_vmap_refuses_is_computed_point_by_point():
    def branching(p):
        return p[0] if p[0].item() > 0 else -2 * p[0]

    x = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    assert evaluate_grid(LossFunction("branching", branching), x, x).tolist() == [[2.0, 1.0], [2.0, 1.0]]


@pytest.mark.parametrize("name", TEST_FUNCTIONS)
def test_the_interpolated_value_on_every_line_is_the_level(name):
    (x0, x1), (y0, y1) = TEST_FUNCTIONS[name].limits
    axes = (torch.linspace(a, b, 41, dtype=torch.float64) for a, b in ((x0, x1), (y0, y1)))
    values = evaluate_grid(TEST_FUNCTIONS[name], *axes).numpy()
    levels = contour_levels(values.min(), values.max(), height_unit(values))
    assert len(levels) > 4
    for level in levels:
        for line in contour_lines(values, level):
            for column, row in line:
                c, r = min(int(column), 39), min(int(row), 39)
                a, b = column - c, row - r
                top = values[r, c] * (1 - a) + values[r, c + 1] * a
                below = values[r + 1, c] * (1 - a) + values[r + 1, c + 1] * a
                assert top * (1 - b) + below * b == pytest.approx(level, rel=1e-9, abs=1e-9)


def test_every_crossing_of_a_grid_edge_is_on_exactly_one_line():
    values = np.random.default_rng(0).normal(size=(12, 15))
    above = values >= 0.2
    crossings = (above[:, 1:] != above[:, :-1]).sum() + (above[1:] != above[:-1]).sum()
    points = [
        tuple(point)
        for line in contour_lines(values, 0.2)
        for point in line[: -1 if (line[0] == line[-1]).all() else None]
    ]
    assert len(points) == len(set(points)) == crossings


def test_a_circle_is_one_closed_line():
    y, x = np.mgrid[-2:2:41j, -2:2:41j]
    (circle,) = contour_lines(x**2 + y**2, 1.0)
    assert (circle[0] == circle[-1]).all()
    radius = np.hypot(circle[:, 0] - 20, circle[:, 1] - 20)
    assert np.abs(radius - 10).max() < 0.05


def test_cells_with_nan_have_no_line():
    values = np.array([[0.0, 2.0, 0.0], [0.0, np.nan, 0.0], [0.0, 2.0, 0.0]])
    assert contour_lines(values, 1.0) == []


def test_heights_run_from_0_to_1_and_keep_the_order():
    values = np.array([1.0, 1.5, 3.0, 900.0])
    heights = log_heights(values, 1.0, 900.0, 0.7)
    assert heights[0] == 0
    assert heights[-1] == pytest.approx(1)
    assert (np.diff(heights) > 0).all()
    assert height_unit(np.full((3, 3), 4.0)) > 0
