"""Lesson 01, tensors: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does. The one that was found in a tutorial says so.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D103 - a mistake's name says what it does, and what learners read stays short

from typing import Any

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson01.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 01.left-halves: slicing images


def left_halves(images):
    """The left half of every second image, beginning with the first: (N, 1, 8, 8) to (M, 1, 8, 4)."""
    return images[::2, :, :, :4]


def right_halves(images):
    return images[::2, :, :, 4:]


def top_halves(images):
    return images[::2, :, :4, :]


def every_image(images):
    return images[..., :4]


def beginning_with_the_second(images):
    return images[1::2, :, :, :4]


def axis_dropped(images):
    return images[::2, 0, :, :4]


def one_column_more(images):
    return images[::2, :, :, :5]


def one_column_fewer(images):
    return images[::2, :, :, 0:3]


def _images(generator: torch.Generator, i: int) -> dict[str, Any]:
    return {"images": torch.rand(4 + i, 1, 8, 8, generator=generator)}


# 01.outer: every product of two vectors, by broadcasting


def outer(a, b):
    """Every product: a (M,) and b (N,) give (M, N), where entry [i, j] is a[i] * b[j]."""
    return a[:, None] * b


def transposed(a, b):
    return b[:, None] * a


def added(a, b):
    return a[:, None] + b


def summed_up(a, b):
    return (a[:, None] * b).sum()


def one_row_only(a, b):
    return a[0] * b


def _two_vectors(generator: torch.Generator, i: int) -> dict[str, Any]:
    return {"a": torch.randn(2 + i, generator=generator), "b": torch.randn(6 - i % 3, generator=generator)}


# 01.standardize: each column on its own scale


def standardize(x):
    """Every column of x (N, D) minus its mean and divided by its standard deviation: (N, D)."""
    return (x - x.mean(0)) / x.std(0)


def over_rows(x):
    return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)


def over_everything(x):
    return (x - x.mean()) / x.std()


def not_divided(x):
    return x - x.mean(0)


def not_centered(x):
    return x / x.std(0)


def without_correction(x):
    return (x - x.mean(0)) / x.std(0, correction=0)


def by_variance(x):
    return (x - x.mean(0)) / x.var(0)


def _table(generator: torch.Generator, i: int) -> dict[str, Any]:
    scale = torch.tensor([1.0, 10.0, 100.0])[: 2 + i % 2]
    return {"x": torch.randn(4 + i, 2 + i % 2, generator=generator) * scale + 3 * scale}


# 01.floats: repaired from a tutorial (C6), which says that whole numbers plus one are floats


def plus_one(rows):
    """The numbers plus one, as float32; rows is a list of equally long lists of whole numbers."""
    x = torch.tensor(rows, dtype=torch.float32)
    return x + 1


def whole_numbers(rows):  # the code as it was found
    """The numbers plus one, as float32; rows is a list of equally long lists of whole numbers."""
    x = torch.tensor(rows)
    return x + 1


def double_precision(rows):
    return torch.tensor(rows, dtype=torch.float64) + 1


def half_precision(rows):
    return torch.tensor(rows, dtype=torch.float16) + 1


def _rows(generator: torch.Generator, i: int) -> dict[str, Any]:
    return {"rows": torch.randint(-9, 10, (2 + i, 3), generator=generator).tolist()}


def _dtype_made(function):
    return str(function([[1, 2], [3, 4]]).dtype)  # the numbers are equal in every dtype


ITEMS = (
    *PREDICTIONS,
    Function(
        id="01.left-halves",
        reference=left_halves,
        case=_images,
        mistakes=(
            right_halves,
            top_halves,
            every_image,
            beginning_with_the_second,
            axis_dropped,
            one_column_more,
            one_column_fewer,
        ),
    ),
    Function(
        id="01.outer",
        reference=outer,
        case=_two_vectors,
        mistakes=(transposed, added, summed_up, one_row_only),
    ),
    Function(
        id="01.standardize",
        reference=standardize,
        case=_table,
        mistakes=(over_rows, over_everything, not_divided, not_centered, without_correction, by_variance),
    ),
    Repair(
        id="01.floats",
        reference=plus_one,
        case=_rows,
        mistakes=(whole_numbers, double_precision, half_precision),
        metric=_dtype_made,
    ),
)
