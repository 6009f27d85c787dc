"""Lesson 01, tensors: its exercises."""

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson01.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.whole_numbers import WholeNumbers

# 01.floats: repaired from a tutorial (C6), which says that integers plus one are floats


def plus_one(rows):
    """Return a float32 tensor of every number in rows plus one; rows is a list of lists of integers."""
    x = torch.tensor(rows, dtype=torch.float32)
    return x + 1


FLOATS = Repair(
    id="01.floats",
    reference=plus_one,
    # Numbers above 2048 are not all exact in float16, and negative ones not in an unsigned dtype.
    case=lambda i: {"rows": torch.randint(-9999, 10000, (1 + i, 3 - i % 2)).tolist()},
    strict_dtype=True,
    broken="integers",
    mistakes={
        "integers": {"rows):": "rows):  # the code as it was found", ", dtype=torch.float32": ""},
        "double_precision": {"float32": "float64"},
        "half_precision": {"float32": "float16"},
        "nothing_added": {"x + 1": "x"},
    },
    metric=lambda function: str(function([[1, 2], [3, 4]]).dtype),  # the numbers are equal in every dtype
)

# 01.left-halves: slicing images


def left_halves(images):
    """Return the left half of images 0, 2, 4, and so on: (N, 1, 8, 8) -> (M, 1, 8, 4)."""
    return images[::2, :, :, :4]


LEFT_HALVES = Function(
    id="01.left-halves",
    reference=left_halves,
    case=lambda i: {"images": torch.rand((5, 4, 12, 1, 7)[i], 1, 8, 8)},
    mistakes={
        "right_halves": {":4]": "4:]"},
        "top_halves": {":, :4]": ":4, :]"},
        "every_image": {"::2, :, :, :4": "..., :4"},
        "beginning_with_the_second": {"::2": "1::2"},
        "first_half_of_the_images": {"::2": ": (len(images) + 1) // 2"},
        "axis_dropped": {"::2, :": "::2, 0"},
        "one_column_more": {":4": ":5"},
        "one_column_fewer": {":4": ":3"},
        "every_second_column": {":4": "::2"},
    },
)

# 01.shape: the broadcasting rule in plain Python


def broadcast_shape(a, b):
    """Return the shape of the sum of tensors with the shapes a and b; all three are tuples of integers."""
    dims = max(len(a), len(b))
    a = (1,) * (dims - len(a)) + a  # a missing dimension counts as 1
    b = (1,) * (dims - len(b)) + b
    return tuple(max(a[d], b[d]) for d in range(dims))


def _two_shapes(i):
    p, q, r = (torch.randperm(8)[:3] + 2).tolist()  # three different sizes, so that no wrong rule is right by chance
    a = ((p, 1), (q,), (p, 1, r), (), (1, 1, q))[i]
    b = ((q,), (p, q), (q, 1), (p, q), (r, 1))[i]
    return {"a": a, "b": b}


def _longer_shape(a, b):
    return a if len(a) >= len(b) else b


def _joined_shapes(a, b):
    return a + b


BROADCAST_SHAPE = WholeNumbers(
    id="01.shape",
    reference=broadcast_shape,
    case=_two_shapes,
    mistakes={
        "aligned_from_the_left": {
            "(1,) * (dims - len(a)) + a": "a + (1,) * (dims - len(a))",
            "(1,) * (dims - len(b)) + b": "b + (1,) * (dims - len(b))",
        },
        "missing_dimensions_cut": {
            "dims = max": "dims = min",
            "(1,) * (dims - len(a)) + a": "a[len(a) - dims :]",
            "(1,) * (dims - len(b)) + b": "b[len(b) - dims :]",
        },
        "smaller_size": {"max(a[d], b[d])": "min(a[d], b[d])"},
        "longer_shape": _longer_shape,
        "joined": _joined_shapes,
        "floats": {"max(a[d], b[d])": "float(max(a[d], b[d]))"},
    },
)

# 01.outer: every product of two vectors, by broadcasting


def outer(a, b):
    """Return every product of an element of a (M,) and an element of b (N,): (M, N)."""
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
    """Return x with every column minus its mean and divided by its standard deviation: (N, D) -> (N, D)."""
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
        "sign_flipped": {"x - x.mean(0)": "x.mean(0) - x"},
        "without_parentheses": {"(x - x.mean(0))": "x - x.mean(0)"},
        "without_correction": {"std(0)": "std(0, correction=0)"},
        "by_variance": {"x.std": "x.var"},
    },
)

# 01.distances: from every row to every mean


def squared_distances(x, means):
    """Return the squared distance from each row of x (N, D) to each row of means (C, D): (N, C)."""
    differences = x[:, None, :] - means
    return (differences**2).sum(2)


def _rows_and_means(i):
    n, c, d = ((5, 3, 4), (3, 2, 3), (4, 4, 4), (2, 5, 1), (6, 3, 2))[i]
    return {"x": torch.randn(n, d), "means": torch.randn(c, d)}


DISTANCES = Function(
    id="01.distances",
    reference=squared_distances,
    case=_rows_and_means,
    mistakes={
        "transposed": {".sum(2)": ".sum(2).T"},
        "not_squared": {"differences**2": "differences"},
        "absolute": {"differences**2": "abs(differences)"},
        "rooted": {".sum(2)": ".sum(2).sqrt()"},
        "averaged": {".sum(2)": ".mean(2)"},
        "squared_after_the_sum": {"(differences**2).sum(2)": "differences.sum(2) ** 2"},
        "summed_over_the_means": {".sum(2)": ".sum(1)"},
        "not_summed": {".sum(2)": ""},
    },
)

ITEMS = (*PREDICTIONS, FLOATS, LEFT_HALVES, BROADCAST_SHAPE, OUTER, STANDARDIZE, DISTANCES)
