"""Grids of the plane."""

import torch

from dlviz.torchkit.plane import grid


def test_the_grid_holds_cell_centers_from_the_top():
    x = grid((-1, 3, 0, 2), 4, torch.zeros(0, dtype=torch.float64))
    assert x.shape == (16, 2)
    assert x[0].tolist() == [-0.5, 1.75]
    assert x[3].tolist() == [2.5, 1.75]
    assert x[-1].tolist() == [2.5, 0.25]
