"""Lesson 08: more right answers and more wrong ones."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises.lesson08.exercises import (
    Net,
    conv2d,
    count_parameters,
    max_pool,
    out_size,
    paired_interval,
    shift_gap,
)
from dlviz.exercises.mistakes import as_functions

# 08.conv2d


def channel_by_channel(x, weight, bias, stride):
    out = torch.stack([F.conv2d(x[None, c : c + 1], weight[:, c : c + 1], stride=stride)[0] for c in range(len(x))])
    return out.sum(dim=0) + bias.view(-1, 1, 1)


def number_by_number(x, weight, bias, stride):
    (into, height, width), (out, _, rows, columns) = x.shape, weight.shape
    maps = []
    for o in range(out):
        for i in range(0, height - rows + 1, stride):
            for j in range(0, width - columns + 1, stride):
                total = bias[o]
                for c in range(into):
                    for u in range(rows):
                        for v in range(columns):
                            total = total + weight[o, c, u, v] * x[c, i + u, j + v]
                maps.append(total)
    return torch.stack(maps).reshape(out, (height - rows) // stride + 1, -1)


def strided_afterwards(x, weight, bias, stride):
    return F.conv2d(x, weight, bias)[:, ::stride, ::stride]


def padded_to_keep_the_size(x, weight, bias, stride):
    return F.conv2d(x, weight, bias, stride, padding=1)


def stride_along_rows_only(x, weight, bias, stride):
    return F.conv2d(x, weight, bias, (stride, 1))


def stride_along_columns_only(x, weight, bias, stride):
    return F.conv2d(x, weight, bias, (1, stride))


def flipped_along_the_columns(x, weight, bias, stride):
    return F.conv2d(x, weight.flip(-1), bias, stride)


def with_a_batch(x, weight, bias, stride):
    return F.conv2d(x[None], weight, bias, stride)


def bias_of_the_first_channel(x, weight, bias, stride):
    return F.conv2d(x, weight, bias[:1].expand_as(bias), stride)


def last_channel_missing(x, weight, bias, stride):
    return F.conv2d(x[:-1], weight[:, :-1], bias, stride)


def dilated_by_the_stride(x, weight, bias, stride):
    return F.conv2d(x, weight, bias, 1, 0, stride)


def bias_subtracted(x, weight, bias, stride):
    return F.conv2d(x, weight, -bias, stride)


# 08.max_pool


def pooled_by_unfold(x, size):
    return x.unfold(1, size, size).unfold(2, size, size).amax(dim=(-2, -1))


def pooled_in_lists(x, size):
    rows, columns = x.shape[1] // size, x.shape[2] // size
    return torch.tensor(
        [
            [
                [
                    max(x[c, i * size + u, j * size + v].item() for u in range(size) for v in range(size))
                    for j in range(columns)
                ]
                for i in range(rows)
            ]
            for c in range(len(x))
        ]
    )


def rows_then_columns(x, size):
    return F.max_pool2d(F.max_pool2d(x, (size, 1)), (1, size))


def part_columns_too(x, size):
    spare = -x.shape[2] % size
    return F.max_pool2d(F.pad(x, (0, spare), value=-math.inf), size)


def part_rows_too(x, size):
    spare = -x.shape[1] % size
    return F.max_pool2d(F.pad(x, (0, 0, 0, spare), value=-math.inf), size)


def filled_with_zeros(x, size):
    return F.max_pool2d(F.pad(x, (0, -x.shape[2] % size, 0, -x.shape[1] % size)), size)


def windows_of_two(x, size):
    return F.max_pool2d(x, 2)


def pooled_along_columns(x, size):
    return F.max_pool2d(x, (1, size))


def pooled_and_rectified(x, size):
    return F.max_pool2d(x, size).relu()


def sizes_of_the_maxima(x, size):
    return F.max_pool2d(x.abs(), size)


def windows_at_the_end(x, size):
    return F.max_pool2d(x[:, x.shape[1] % size :, x.shape[2] % size :], size)


# 08.out_size


def as_torch_writes_it(size, kernel, stride, padding, dilation):
    return math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1)


def one_move_at_a_time(size, kernel, stride, padding, dilation):
    count, start = 0, -padding
    while start + dilation * (kernel - 1) < size + padding:
        count, start = count + 1, start + stride
    return count


def by_dividing_first(size, kernel, stride, padding, dilation):
    return int((size + 2 * padding - dilation * (kernel - 1) - 1 + stride) / stride)


def rounded_to_nearest(size, kernel, stride, padding, dilation):
    return round((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def dilation_added(size, kernel, stride, padding, dilation):
    return (size + 2 * padding - (kernel + dilation - 1)) // stride + 1


def stride_divides_the_size_alone(size, kernel, stride, padding, dilation):
    return (size + 2 * padding) // stride - dilation * (kernel - 1)


def as_a_tensor(size, kernel, stride, padding, dilation):
    return torch.tensor(out_size(size, kernel, stride, padding, dilation))


def dilation_of_every_number(size, kernel, stride, padding, dilation):
    return (size + 2 * padding - (dilation + 1) * (kernel - 1) - 1) // stride + 1


def padding_dilated(size, kernel, stride, padding, dilation):
    return (size + 2 * padding * dilation - dilation * (kernel - 1) - 1) // stride + 1


def kernel_reaches_too_far_and_start_is_left_out(size, kernel, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel - 1)) // stride


def as_a_float(size, kernel, stride, padding, dilation):
    return float(out_size(size, kernel, stride, padding, dilation))


def as_numpy_rounds(size, kernel, stride, padding, dilation):
    return np.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def off_by_the_one_of_the_kernel(size, kernel, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel - 1)) // stride + 1


# 08.equivariance


def by_index(f, x, steps):
    columns = (torch.arange(x.shape[-1]) - steps) % x.shape[-1]
    return (f(x[..., columns]) - f(x)[..., columns]).abs().amax()


def of_extremes(f, x, steps):
    gap = f(x.roll(steps, dims=3)) - f(x).roll(steps, dims=3)
    return torch.maximum(gap.max(), -gap.min())


def shifted_with_zeros(f, x, steps):
    return (f(F.pad(x, (steps, -steps))) - F.pad(f(x), (steps, -steps))).abs().max()


def as_a_number(f, x, steps):
    return shift_gap(f, x, steps).item()


def whether_it_is_equal(f, x, steps):
    return torch.tensor(torch.allclose(f(x.roll(steps, dims=-1)), f(x).roll(steps, dims=-1)))


def moved_twice(f, x, steps):
    return (f(x.roll(2 * steps, dims=-1)) - f(x).roll(2 * steps, dims=-1)).abs().max()


def flattened(f, x, steps):
    return (f(x.roll(steps)) - f(x).roll(steps)).abs().max()


def squared(f, x, steps):
    return (f(x.roll(steps, dims=-1)) - f(x).roll(steps, dims=-1)).square().max()


def of_the_maxima(f, x, steps):
    return (f(x.roll(steps, dims=-1)).max() - f(x).roll(steps, dims=-1).max()).abs()


def smallest_gap(f, x, steps):
    return (f(x.roll(steps, dims=-1)) - f(x).roll(steps, dims=-1)).abs().min()


def relative(f, x, steps):
    return shift_gap(f, x, steps) / f(x).abs().max()


# 08.repair

repaired = as_functions(
    Net,
    {
        "by_reshape": {"x.flatten(1)": "x.reshape(len(x), -1)"},
        "counted_view": {"x.flatten(1)": "x.view(-1, 64 * 8 * 8)"},
    },
)
unrepaired = as_functions(
    Net,
    {
        "softmax_at_the_end": {"self.hidden(x)))": "self.hidden(x))).softmax(1)"},
        "size_alone": {"x.flatten(1)": "x.view(-1, 64 * 5 * 5)"},
        "batch_alone": {"64 * 8 * 8": "64 * 5 * 5"},
        "batch_of_25": {"x.flatten(1)": "x.view(25, -1)"},
        "everything_flattened": {"x.flatten(1)": "x.flatten()"},
        "cropped": {"x.flatten(1)": "x[..., :5, :5].flatten(1)", "64 * 8 * 8": "64 * 5 * 5"},
        "detached": {"x.flatten(1)": "x.flatten(1).detach()"},
        "without_a_bias": {"nn.Linear(128, 10)": "nn.Linear(128, 10, bias=False)"},
        "eleven_classes": {"nn.Linear(128, 10)": "nn.Linear(128, 11)"},
        "classes_chosen": {"self.hidden(x)))": "self.hidden(x))).argmax(1)"},
    },
)  # fmt: skip


class Padded(Net):
    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.output(F.relu(self.hidden(nn.Flatten()(x))))


# 08.count


def by_building_it(channels, kernel, width, classes):
    layers = []
    for i in range(1, len(channels)):
        layers += [nn.Conv2d(channels[i - 1], channels[i], kernel, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten())
    features = net(torch.zeros(1, channels[0], width, width)).shape[1]
    return sum(p.numel() for p in [*net.parameters(), *nn.Linear(features, classes).parameters()])


def by_two_sums(channels, kernel, width, classes):
    weights = sum(a * b * kernel**2 for a, b in pairwise(channels))
    return weights + sum(channels[1:]) + (channels[-1] * (width >> (len(channels) - 1)) ** 2 + 1) * classes


def without_padding(channels, kernel, width, classes):
    for _ in channels[1:]:
        width = (width - kernel + 1) // 2
    return count_parameters(channels, kernel, width * 2 ** (len(channels) - 1), classes)


def weights_of_the_linear_layer_alone(channels, kernel, width, classes):
    return channels[-1] * (width // 2 ** (len(channels) - 1)) ** 2 * classes + classes


# 08.interval


def by_the_formula(ours, others, q):
    n = len(ours)
    d = [a - b for a, b in zip(ours, others, strict=True)]
    mean = sum(d) / n
    s = torch.sqrt(sum((one - mean) ** 2 for one in d) / (n - 1))
    return torch.stack((mean - q * s / math.sqrt(n), mean + q * s / math.sqrt(n)))


def as_a_sum(ours, others, q):
    d = ours - others
    return d.mean() + torch.tensor([-1.0, 1.0]) * q * torch.std(d, correction=0) / (len(d) - 1) ** 0.5


def interval_of_the_others(ours, others, q):
    return paired_interval(others, torch.zeros(len(others)), q)


def intervals_subtracted(ours, others, q):
    none = torch.zeros(len(ours))
    return paired_interval(ours, none, q) - paired_interval(others, none, q)


def of_absolute_differences(ours, others, q):
    d = (others - ours).abs() - 0.01
    return paired_interval(d, torch.zeros(len(d)), q)


def extremes(ours, others, q):
    return torch.stack([(ours - others).min(), (ours - others).max()])


def low_end_from_zero(ours, others, q):
    low, high = paired_interval(ours, others, q)
    return torch.stack([low.clamp(min=0), high])


def between_zero_and_one(ours, others, q):
    return paired_interval(ours, others, q).clamp(0, 1)


def absolute_ends_sorted(ours, others, q):
    return paired_interval(others, ours, q).abs().sort().values


def larger_minus_smaller(ours, others, q):
    return paired_interval(torch.maximum(ours, others), torch.minimum(ours, others), q)


def around_the_absolute_mean(ours, others, q):
    d = ours - others
    half_width = q * d.std() / len(d) ** 0.5
    return torch.stack([d.mean().abs() - half_width, d.mean().abs() + half_width])


def whole_width(ours, others, q):
    low, high = paired_interval(ours, others, q)
    return high - low


def in_percent(ours, others, q):
    return 100 * paired_interval(ours, others, q)


ACCEPTED = {
    "08.conv2d": [channel_by_channel, number_by_number, strided_afterwards],
    "08.max_pool": [pooled_by_unfold, pooled_in_lists, rows_then_columns],
    "08.out_size": [as_torch_writes_it, one_move_at_a_time, by_dividing_first],
    "08.equivariance": [by_index, of_extremes],
    "08.repair": [*repaired.values(), Padded],
    "08.count": [by_building_it, by_two_sums],
    "08.interval": [by_the_formula, as_a_sum],
}
REJECTED = {
    "08.conv2d": [
        padded_to_keep_the_size,
        stride_along_rows_only,
        stride_along_columns_only,
        flipped_along_the_columns,
        with_a_batch,
        bias_of_the_first_channel,
        last_channel_missing,
        dilated_by_the_stride,
        bias_subtracted,
        *as_functions(
            conv2d,
            {
                "rows_rounded_up": {"(x.shape[1] - high) // stride": "-((high - x.shape[1]) // stride)"},
                "one_row_too_few": {"(x.shape[1] - high) // stride + 1": "(x.shape[1] - high + 1) // stride"},
                "square_kernel": {"high, wide = weight.shape[2:]": "high = wide = weight.shape[2]"},
                "mean_of_products": {".sum(": ".mean("},
            },
        ).values(),
    ],
    "08.max_pool": [
        part_columns_too,
        part_rows_too,
        filled_with_zeros,
        windows_of_two,
        pooled_along_columns,
        pooled_and_rectified,
        sizes_of_the_maxima,
        windows_at_the_end,
        *as_functions(
            max_pool,
            {
                "median": {"window.amax(dim=(1, 2))": "window.flatten(1).median(dim=1).values"},
                "rows_and_columns_swapped": {"out[:, i, j]": "out[:, j % rows, i % columns]"},
            },
        ).values(),
    ],
    "08.out_size": [
        rounded_to_nearest,
        dilation_added,
        stride_divides_the_size_alone,
        as_a_tensor,
        dilation_of_every_number,
        padding_dilated,
        off_by_the_one_of_the_kernel,
        kernel_reaches_too_far_and_start_is_left_out,
        as_a_float,
        as_numpy_rounds,
    ],
    "08.equivariance": [
        shifted_with_zeros,
        as_a_number,
        whether_it_is_equal,
        moved_twice,
        flattened,
        squared,
        of_the_maxima,
        smallest_gap,
        relative,
    ],
    "08.repair": list(unrepaired.values()),
    "08.count": [
        without_padding,
        weights_of_the_linear_layer_alone,
        *as_functions(
            count_parameters,
            {
                "bias_of_the_image": {"count = 0": "count = channels[0]"},
                "as_many_biases_as_inputs": {"kernel * kernel + 1)": "kernel * kernel) + c_in"},
                "last_convolution_forgotten": {"range(len(channels) - 1)": "range(len(channels) - 2)"},
                "as_a_tensor": {"return count": "return torch.tensor(count)"},
                "weights_of_kernels_doubled": {"count += c_out": "count += 2 * c_out"},
            },
        ).values(),
    ],
    "08.interval": [
        interval_of_the_others,
        intervals_subtracted,
        of_absolute_differences,
        extremes,
        low_end_from_zero,
        between_zero_and_one,
        absolute_ends_sorted,
        larger_minus_smaller,
        around_the_absolute_mean,
        whole_width,
        in_percent,
        *as_functions(
            paired_interval,
            {
                "median": {"d.mean() - half_width, d.mean()": "d.median() - half_width, d.median()"},
                "divided_twice": {"q * d.std()": "q * d.std() / 2"},
                "same_end_twice": {"d.mean() + half_width": "d.mean() - half_width"},
            },
        ).values(),
    ],
}
