"""Lesson 02, views and strides: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does. The one that was found in a tutorial says so.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D103 - a mistake's name says what it does, and what learners read stays short

from typing import Any

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson02.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 02.strides: how far one step along each dimension goes


def strides(shape):
    """The strides of a contiguous tensor of this shape: a list of whole numbers, one for each dimension."""
    found = []
    step = 1
    for size in reversed(shape):
        found.insert(0, step)
        step = step * size
    return found


def column_major(shape):
    found = []
    step = 1
    for size in shape:
        found.append(step)
        step = step * size
    return found


def backwards(shape):
    return strides(shape)[::-1]


def sizes_themselves(shape):
    return list(shape)


def all_ones(shape):
    return [1] * len(shape)


def one_size_too_many(shape):
    return [step * size for step, size in zip(strides(shape), shape, strict=True)]


def next_size_only(shape):
    return [*shape[1:], 1]


def _shape(generator: torch.Generator, i: int) -> dict[str, Any]:
    sizes = torch.randperm(5, generator=generator)[: 3 + i % 2] + 2  # no two sizes are the same
    return {"shape": tuple(sizes.tolist())}


# 02.address: from an index to a place in storage


def address(index, stride, offset):
    """The place in storage of the element at this index; index and stride are tuples of one length, offset is a number."""
    place = offset
    for i, step in zip(index, stride, strict=True):
        place = place + i * step
    return place


def no_offset(index, stride, offset):
    return address(index, stride, 0)


def last_dimension_only(index, stride, offset):
    return offset + index[-1] * stride[-1]


def strides_reversed(index, stride, offset):
    return address(index, stride[::-1], offset)


def added_not_multiplied(index, stride, offset):
    return offset + sum(index) + sum(stride)


def offset_multiplied(index, stride, offset):
    return offset * address(index, stride, 0)


def _index(generator: torch.Generator, i: int) -> dict[str, Any]:
    shape = _shape(generator, i)["shape"]
    index = tuple(1 + torch.randint(size - 1, (), generator=generator).item() for size in shape)
    return {"index": index, "stride": tuple(strides(shape)), "offset": 2 + i}


# 02.flatten: one row for each example, whatever the layout


def flatten_batch(x):
    """One row for each example, without flatten: (N, C, H, W) to (N, C * H * W), for any layout in storage."""
    return x.reshape(len(x), -1)


def all_in_one_row(x):
    return x.flatten()


def one_column_each(x):
    return x.flatten(1).T


def examples_mixed(x):
    return x.permute(1, 2, 3, 0).reshape(len(x), -1)


def channels_last(x):
    return x.permute(0, 2, 3, 1).reshape(len(x), -1)


def channels_kept(x):
    return x.flatten(2)


def _batch(generator: torch.Generator, i: int) -> dict[str, Any]:
    x = torch.randn(3 + i, 2, 3, 4, generator=generator)
    return {"x": x if i % 2 else x.transpose(2, 3)}  # every second one is not contiguous


# 02.view: repaired from a tutorial (C2), whose -1 hides that the size is wrong


def rows(features):
    """One row for each image, ready for a linear layer: features (N, C, H, W) to (N, C * H * W)."""
    return features.flatten(1)


def guessed_size(features):  # the code as it was found
    """One row for each image, ready for a linear layer: features (N, C, H, W) to (N, C * H * W)."""
    return features.view(-1, 1600)


def another_fixed_size(features):
    return features.view(-1, 4096)


def fixed_batch(features):
    return features.view(25, -1)


def images_mixed(features):
    return features.permute(1, 2, 3, 0).reshape(len(features), -1)


def _features(generator: torch.Generator, i: int) -> dict[str, Any]:
    # The found code runs on all of these, and none of them tells it that its rows are no images.
    shape = ((25, 64, 8, 8), (50, 64, 4, 4), (75, 64, 4, 4), (25, 64, 8, 8), (100, 64, 4, 4))[i]
    return {"features": torch.rand(shape, generator=generator)}


def _rows_made(function):
    return tuple(function(torch.zeros(25, 64, 8, 8)).shape)


ITEMS = (
    *PREDICTIONS,
    Function(
        id="02.strides",
        reference=strides,
        case=_shape,
        mistakes=(column_major, backwards, sizes_themselves, all_ones, one_size_too_many, next_size_only),
    ),
    Function(
        id="02.address",
        reference=address,
        case=_index,
        mistakes=(no_offset, last_dimension_only, strides_reversed, added_not_multiplied, offset_multiplied),
    ),
    Function(
        id="02.flatten",
        reference=flatten_batch,
        case=_batch,
        mistakes=(all_in_one_row, one_column_each, examples_mixed, channels_last, channels_kept),
    ),
    Repair(
        id="02.view",
        reference=rows,
        case=_features,
        mistakes=(guessed_size, another_fixed_size, fixed_batch, images_mixed),
        metric=_rows_made,
    ),
)
