"""Lesson 02, views and strides: its exercises."""

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson02.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 02.strides: how far one step along each dimension goes


def strides(shape):
    """The strides of a contiguous tensor of this shape: a list of whole numbers, one for each dimension."""
    result = []
    step = 1
    for size in reversed(shape):
        result.insert(0, step)
        step = step * size
    return result


def _shape(i):
    sizes = torch.randperm(5)[: 3 + i % 2] + 2  # no two sizes are the same
    return {"shape": tuple(sizes.tolist())}


STRIDES = Function(
    id="02.strides",
    reference=strides,
    case=_shape,
    mistakes={
        "column_major": {"reversed(shape)": "shape", "result.insert(0, step)": "result.append(step)"},
        "backwards": {"return result": "return result[::-1]"},
        "sizes_themselves": lambda shape: list(shape),
        "all_ones": {"step * size": "1"},
        "one_size_too_many": {
            "result.insert(0, step)": "step = step * size",
            "step = step * size": "result.insert(0, step)",
        },
        "next_size_only": {"step * size": "size"},
    },
)

# 02.address: from an index to a place in storage


def address(index, stride, offset):
    """The place in storage of the element at this index; index and stride are tuples of one length, offset is a number."""
    place = offset
    for i, step in zip(index, stride, strict=True):
        place = place + i * step
    return place


def _index(i):
    shape = _shape(i)["shape"]
    index = tuple(1 + torch.randint(size - 1, ()).item() for size in shape)
    return {"index": index, "stride": tuple(strides(shape)), "offset": 2 + i}


ADDRESS = Function(
    id="02.address",
    reference=address,
    case=_index,
    mistakes={
        "no_offset": {"place = offset": "place = 0"},
        "last_dimension_only": {"place + i * step": "offset + i * step"},
        "strides_reversed": {"stride, strict": "stride[::-1], strict"},
        "added_not_multiplied": {"i * step": "i + step"},
        "offset_multiplied": {"place = offset": "place = 0", "return place": "return offset * place"},
    },
)

# 02.flatten: one row for each example, whatever the layout


def flatten_batch(x):
    """One row for each example, without flatten: (N, C, H, W) to (N, C * H * W), for any layout in storage."""
    return x.reshape(len(x), -1)


def _batch(i):
    x = torch.randn(3 + i, 2, 3, 4)
    return {"x": x if i % 2 else x.transpose(2, 3)}  # every second one is not contiguous


FLATTEN = Function(
    id="02.flatten",
    reference=flatten_batch,
    case=_batch,
    mistakes={
        "all_in_one_row": {"reshape(len(x), -1)": "flatten()"},
        "one_column_each": {"reshape(len(x), -1)": "reshape(len(x), -1).T"},
        "examples_mixed": {"x.reshape": "x.permute(1, 2, 3, 0).reshape"},
        "channels_last": {"x.reshape": "x.permute(0, 2, 3, 1).reshape"},
        "channels_kept": {"reshape(len(x), -1)": "flatten(2)"},
    },
)

# 02.view: repaired from a tutorial (C2), whose -1 hides that the size is wrong


def rows(features):
    """One row for each image, ready for a linear layer: features (N, C, H, W) to (N, C * H * W)."""
    return features.flatten(1)


def _features(i):
    # The broken code runs on all of these without an error, although its rows are not images.
    shape = ((25, 64, 8, 8), (50, 64, 4, 4), (75, 64, 4, 4), (25, 64, 8, 8), (100, 64, 4, 4))[i]
    return {"features": torch.rand(shape)}


VIEW = Repair(
    id="02.view",
    reference=rows,
    case=_features,
    broken="guessed_size",
    mistakes={
        "guessed_size": {"features):": "features):  # the code as it was found", "flatten(1)": "view(-1, 1600)"},
        "another_fixed_size": {"flatten(1)": "view(-1, 4096)"},
        "fixed_batch": {"flatten(1)": "view(25, -1)"},
        "images_mixed": {"flatten(1)": "permute(1, 2, 3, 0).reshape(len(features), -1)"},
    },
    metric=lambda function: tuple(function(torch.zeros(25, 64, 8, 8)).shape),
)

ITEMS = (*PREDICTIONS, STRIDES, ADDRESS, FLATTEN, VIEW)
