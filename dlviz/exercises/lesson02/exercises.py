"""Lesson 02, views and strides: its exercises."""

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson02.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.whole_numbers import WholeNumbers

# 02.address: from an index to an address in storage


def address(index, stride, offset):
    """Return the address (an integer) of the element at index; index and stride are equally long tuples."""
    result = offset
    for i, s in zip(index, stride, strict=True):
        result = result + i * s
    return result


def _index(i):
    dims = (3, 4, 2, 0, 5)[i]  # no dimension: a scalar
    index = tuple((torch.randperm(6)[:dims] + 1).tolist())  # no two indices and no two strides are the same
    stride = tuple((torch.randperm(30)[:dims] + 2).tolist())  # not those of a contiguous tensor
    if i == 4:
        stride = (*stride[:2], 0, *stride[3:])  # a stretched dimension
    return {"index": index, "stride": stride, "offset": 7 + i}


ADDRESS = WholeNumbers(
    id="02.address",
    reference=address,
    case=_index,
    mistakes={
        "no_offset": {"result = offset": "result = 0"},
        "last_dimension_only": {"result + i * s": "offset + i * s"},
        "strides_reversed": {"stride, strict": "stride[::-1], strict"},
        "added_not_multiplied": {"i * s": "i + s"},
        "offset_multiplied": {"result = offset": "result = 0", "return result": "return offset * result"},
        "offset_added_each_time": {"result + i * s": "result + offset + i * s"},
        "offset_in_the_loop": {"result = offset": "result = 0", "result + i * s": "result + offset + i * s"},
        "floats": {"result = offset": "result = float(offset)"},
    },
)

# 02.strides: how far one step along each dimension goes


def strides(shape):
    """Return the strides of a contiguous tensor of this shape: a list with one integer for each dimension."""
    result = []
    step = 1
    for size in reversed(shape):
        result.insert(0, step)
        step = step * size
    return result


def _shape(i):
    sizes = (torch.randperm(5) + 2).tolist()  # no two sizes are the same
    return {"shape": (tuple(sizes[:3]), tuple(sizes[:4]), (*sizes[:2], 1, sizes[2]), (), (sizes[0],))[i]}


STRIDES = WholeNumbers(
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
        "sizes_added": {"step * size": "step + size"},
        "sums_of_sizes": lambda shape: [sum(shape[d + 1 :]) for d in range(len(shape))],
        "floats": {"step = 1": "step = 1.0"},
    },
)

# 02.border: repaired; a slice of a tensor is a view, unlike a slice of a list


def without_border(images):
    """Return a copy of images (N, C, H, W) with 0 in the outermost pixels; images must not change."""
    result = images.clone()
    result[:, :, 0, :] = 0
    result[:, :, -1, :] = 0
    result[:, :, :, 0] = 0
    result[:, :, :, -1] = 0
    return result


def _ink_left(function):
    """Return the sum of sixteen ones after they were passed to the function."""
    images = torch.ones(1, 1, 4, 4)
    function(images)
    return images.sum().item()


BORDER = Repair(
    id="02.border",
    reference=without_border,
    # No number is 0, so every pixel that is set to 0 by mistake is seen.
    case=lambda i: {"images": torch.rand((2, 3, 1, 4, 2)[i], 1 + i % 2, 4 + i, 8 - i) + 0.5},
    broken="argument_changed",
    mistakes={
        "argument_changed": {
            "images):": "images):  # the code as it was found",
            "images.clone()": "images[:]  # a copy",
        },
        "rows_only": {"result[:, :, :, 0] = 0": "", "result[:, :, :, -1] = 0": ""},
        "columns_only": {"result[:, :, 0, :] = 0": "", "result[:, :, -1, :] = 0": ""},
        "border_cut_off": {"return result": "return result[:, :, 1:-1, 1:-1]"},
        "nothing_set": {
            "result[:, :, 0, :] = 0": "",
            "result[:, :, -1, :] = 0": "",
            "result[:, :, :, 0] = 0": "",
            "result[:, :, :, -1] = 0": "",
        },
    },
    metric=_ink_left,
)


# 02.view: repaired from a tutorial (C2), whose -1 hides that the size is wrong


def rows(features):
    """Return one row for each example: (N, C, H, W) -> (N, C * H * W)."""
    return features.flatten(1)


def _features(i):
    # The broken code runs on all of these without an error, although its rows are not examples.
    shape = ((25, 64, 8, 8), (50, 64, 2, 2), (75, 32, 2, 2), (25, 16, 4, 4), (100, 64, 2, 1))[i]
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
        "all_in_one_row": {"flatten(1)": "flatten()"},
    },
    metric=lambda function: tuple(function(torch.zeros(25, 64, 8, 8)).shape),
)

# 02.flatten: one row for each example, whatever the strides


def flatten_batch(x):
    """Return one row for each example: (N, C, H, W) -> (N, C * H * W), for any strides."""
    return x.reshape(len(x), -1)


def _batch(i):
    x = torch.randn(((3, 2, 3, 4), (4, 2, 3, 4), (5, 3, 2, 2), (1, 2, 5, 3), (6, 1, 4, 3))[i])
    return {"x": (x, x.transpose(2, 3), x, x.transpose(1, 3), x.permute(0, 2, 3, 1))[i]}


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
        "view_refused": {"reshape": "view"},
    },
)

# 02.channels: repaired; sizes in another order are not dimensions in another order


def channels_first(photos):
    """Return the photos (N, H, W, C) with the channels in dimension 1: (N, C, H, W)."""
    return photos.permute(0, 3, 1, 2)


def _photos(i):
    return {"photos": torch.rand((2, 1, 3, 2, 4)[i], (4, 5, 3, 6, 2)[i], (5, 3, 3, 4, 7)[i], 3)}


CHANNELS = Repair(
    id="02.channels",
    reference=channels_first,
    case=_photos,
    broken="sizes_exchanged",
    mistakes={
        "sizes_exchanged": {
            "photos):": "photos):  # the code as it was found",
            "return photos.permute(0, 3, 1, 2)": "n, h, w, c = photos.shape\n    return photos.view(n, c, h, w)",
        },
        "rows_and_columns_exchanged": {"0, 3, 1, 2": "0, 3, 2, 1"},
        "channels_in_dimension_2": {"0, 3, 1, 2": "0, 1, 3, 2"},
        "channels_before_the_batch": {"0, 3, 1, 2": "3, 0, 1, 2"},
        "unchanged": {".permute(0, 3, 1, 2)": ""},
    },
    metric=lambda function: tuple(function(torch.arange(12).reshape(1, 2, 2, 3))[0, :, 0, 0].tolist()),
)

ITEMS = (*PREDICTIONS, ADDRESS, STRIDES, BORDER, VIEW, FLATTEN, CHANNELS)
