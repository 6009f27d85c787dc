"""Lesson 01: what its checks say of answers that are written in other ways than the stored mistakes."""

import numpy as np
import pytest
import torch

from dlviz.exercises.catalog import items

SHAPE = items()["01.shape"]


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_a_shape_of_floats_is_refused(kind):
    result = SHAPE.judge(lambda a, b: tuple(map(kind, torch.broadcast_shapes(a, b))), 3)
    assert result.misconception == "floats"


@pytest.mark.parametrize("kind", [int, np.int64, np.array])
def test_a_shape_of_integers_of_any_kind_is_right(kind):
    assert SHAPE.judge(lambda a, b: tuple(map(kind, torch.broadcast_shapes(a, b))), 3).passed
