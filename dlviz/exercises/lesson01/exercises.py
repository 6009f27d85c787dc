"""Lesson 01, tensors: its exercises."""

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson01.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 01.left-halves: slicing images


def left_halves(images):
    """The left half of every second image, beginning with the first: (N, 1, 8, 8) to (M, 1, 8, 4)."""
    return images[::2, :, :, :4]


LEFT_HALVES = Function(
    id="01.left-halves",
    reference=left_halves,
    case=lambda i: {"images": torch.rand(4 + i, 1, 8, 8)},
    mistakes={
        "right_halves": {":4]": "4:]"},
        "top_halves": {":, :4]": ":4, :]"},
        "every_image": {"::2, :, :, :4": "..., :4"},
        "beginning_with_the_second": {"::2": "1::2"},
        "axis_dropped": {"::2, :": "::2, 0"},
        "one_column_more": {":4": ":5"},
        "one_column_fewer": {":4": ":3"},
    },
)

# 01.outer: every product of two vectors, by broadcasting


def outer(a, b):
    """Every product: a (M,) and b (N,) give (M, N), where entry [i, j] is a[i] * b[j]."""
    return a[:, None] * b


OUTER = Function(
    id="01.outer",
    reference=outer,
    case=lambda i: {"a": torch.randn(2 + i), "b": torch.randn(6 - i % 3)},
    mistakes={
        "transposed": {"a[:, None] * b": "b[:, None] * a"},
        "added": {"*": "+"},
        "summed_up": {"a[:, None] * b": "(a[:, None] * b).sum()"},
        "one_row_only": {"a[:, None]": "a[0]"},
    },
)

# 01.standardize: each column on its own scale


def standardize(x):
    """Every column of x (N, D) minus its mean and divided by its standard deviation: (N, D)."""
    return (x - x.mean(0)) / x.std(0)


def _table(i):
    scale = torch.tensor([1.0, 10.0, 100.0])[: 2 + i % 2]
    return {"x": torch.randn(4 + i, 2 + i % 2) * scale + 3 * scale}


STANDARDIZE = Function(
    id="01.standardize",
    reference=standardize,
    case=_table,
    mistakes={
        "over_rows": {"mean(0)": "mean(1, keepdim=True)", "std(0)": "std(1, keepdim=True)"},
        "over_everything": {"mean(0)": "mean()", "std(0)": "std()"},
        "not_divided": {" / x.std(0)": ""},
        "not_centered": {"(x - x.mean(0))": "x"},
        "without_correction": {"std(0)": "std(0, correction=0)"},
        "by_variance": {"x.std": "x.var"},
    },
)

# 01.floats: repaired from a tutorial (C6), which says that whole numbers plus one are floats


def plus_one(rows):
    """The numbers plus one, as float32; rows is a list of equally long lists of whole numbers."""
    x = torch.tensor(rows, dtype=torch.float32)
    return x + 1


FLOATS = Repair(
    id="01.floats",
    reference=plus_one,
    case=lambda i: {"rows": torch.randint(-9, 10, (2 + i, 3)).tolist()},
    broken="whole_numbers",
    mistakes={
        "whole_numbers": {"rows):": "rows):  # the code as it was found", ", dtype=torch.float32": ""},
        "double_precision": {"float32": "float64"},
        "half_precision": {"float32": "float16"},
    },
    metric=lambda function: str(function([[1, 2], [3, 4]]).dtype),  # the numbers are equal in every dtype
)

ITEMS = (*PREDICTIONS, LEFT_HALVES, OUTER, STANDARDIZE, FLOATS)
