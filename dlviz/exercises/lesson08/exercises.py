"""Lesson 08, convolutional networks: its exercises."""

import math  # noqa: F401 - a mistake uses it

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson08.predictions import PREDICTIONS
from dlviz.exercises.model import Model
from dlviz.exercises.model_checks import Fault, classifier_checks, returns_logits, same_function
from dlviz.exercises.whole_numbers import WholeNumbers

# 08.conv2d: the products of a window and a kernel, added


def conv2d(x, weight, bias, stride):
    """Convolve x (C_in, H, W) with weight (C_out, C_in, kH, kW) and bias (C_out,), without padding.

    Returns a tensor (C_out, H_out, W_out).
    """
    high, wide = weight.shape[2:]
    rows = (x.shape[1] - high) // stride + 1
    columns = (x.shape[2] - wide) // stride + 1
    out = x.new_zeros(len(weight), rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * stride : i * stride + high, j * stride : j * stride + wide]
            out[:, i, j] = (weight * window).sum(dim=(1, 2, 3)) + bias
    return out


def convolved_beyond_the_end(x, weight, bias, stride):
    missing = [-(n - k) % stride for n, k in zip(x.shape[1:], weight.shape[2:], strict=True)]
    return F.conv2d(F.pad(x, (0, missing[1], 0, missing[0])), weight, bias, stride)


def _image(i):
    if i == 0:  # so small that its numbers are shown
        x, weight = torch.randn(2, 2, 2), torch.randn(2, 2, 2, 1).requires_grad_()
        return {"x": x, "weight": weight, "bias": 1 + torch.rand(2), "stride": 1}
    into, out, kernel = 2 + i % 2, 2 + i // 3, (3, 2 + i % 2)
    # With stride 2 a row and a column are left over in one case and none in the other.
    rows, columns = {1: (6, 8), 3: (7, 7)}.get(i, (4, 5))
    return {
        "x": torch.randn(into, rows, columns),
        "weight": torch.randn(out, into, *kernel).requires_grad_(),
        "bias": 1 + torch.rand(out),
        "stride": 1 + i % 2,
    }


CONV2D = Function(
    id="08.conv2d",
    reference=conv2d,
    case=_image,
    mistakes={
        "kernel_flipped": {"weight * window": "weight.flip(2, 3) * window"},
        # as in the formula of one tutorial
        "first_channel_only": {"(weight * window)": "(weight * window)[:, :1]"},
        "channels_not_summed": {
            "zeros(len(weight)": "zeros(*weight.shape[:2]",
            "out[:, i, j] = (weight * window).sum(dim=(1, 2, 3)) + bias": (
                "out[..., i, j] = (weight * window).sum(dim=(2, 3)) + bias[:, None]"
            ),
        },
        "channels_averaged": {"(weight * window)": "(weight / len(x) * window)"},
        "no_bias": {" + bias": ""},
        "bias_for_each_channel": {"+ bias": "+ bias * len(x)"},
        "stride_ignored": {"high, wide =": "stride = 1; high, wide ="},
        "windows_too_close": {
            "i * stride : i * stride + high, j * stride : j * stride + wide": "i : i + high, j : j + wide"
        },
        "rectified": {"return out": "return out.relu()"},
        "rounded_up": convolved_beyond_the_end,
    },
)

# 08.max_pool: the largest number of each window


def max_pool(x, size):
    """Return the largest number of each window of x (C, H, W): a tensor (C, H // size, W // size)."""
    rows, columns = x.shape[1] // size, x.shape[2] // size
    out = x.new_zeros(len(x), rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
            out[:, i, j] = window.amax(dim=(1, 2))
    return out


def farthest_from_zero(x, size):
    high, low = max_pool(x, size), -max_pool(-x, size)
    return torch.where(high.abs() > low.abs(), high, low)


def _feature_map(i):
    if i == 0:  # so small that its numbers are shown
        return {"x": torch.randn(1, 2, 4), "size": 2}
    size = 2 + i % 2
    x = torch.randn(2 + i % 2, size * (2 + i // 2) + i % 2, size * 3 + i // 2 % 2)
    return {"x": -x.abs() - 0.1 if i % 2 else x, "size": size}  # every second one is all negative


MAX_POOL = Function(
    id="08.max_pool",
    reference=max_pool,
    case=_feature_map,
    mistakes={
        "rectified_not_pooled": lambda x, size: x.clamp(min=0),  # max(0, x), as one tutorial writes it
        "begun_at_zero": {"return out": "return out.clamp(min=0)"},
        # where the index runs over the image, as one tutorial leaves open
        "largest_of_the_image": {"window.amax": "x.amax"},
        "averaged": {"amax": "mean"},
        "smallest": {"amax": "amin"},
        "one_step_at_a_time": lambda x, size: F.max_pool2d(x, size, stride=1),
        "farthest_from_zero": farthest_from_zero,
        "top_left": {"window.amax(dim=(1, 2))": "window[:, 0, 0]"},
        "part_windows_too": lambda x, size: F.max_pool2d(x, size, ceil_mode=True),
        "channels_joined": {"return out": "return out.amax(dim=0, keepdim=True)"},
    },
)

# 08.out_size: how many positions a window has


def out_size(size, kernel, stride, padding, dilation):
    """Return the number of outputs along one dimension, an int; padding is added at both ends."""
    reach = dilation * (kernel - 1) + 1
    return (size + 2 * padding - reach) // stride + 1


def _sizes(i):
    kernel = 3 + int(torch.randint(3, ()))  # 2 would not tell dilation * (kernel - 1) + 1 from kernel + dilation - 1
    stride, padding, dilation = 1 + (i + 1) % 3, (0, 1, 2, 0, 1)[i], (1, 1, 2, 2, 3)[i]
    # Pixels left over after the last move: as many as possible, so that rounding matters, and none.
    left_over = (1, 1, 0, 0, 2)[i]  # with the strides 2, 3, 1, 2, 3
    moves = 8 + 2 * i + int(torch.randint(2, ()))
    size = stride * moves + left_over + dilation * (kernel - 1) + 1 - 2 * padding
    return {"size": size, "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}


OUT_SIZE = WholeNumbers(
    id="08.out_size",
    reference=out_size,
    case=_sizes,
    mistakes={
        "rounded_up": {"(size + 2 * padding - reach) // stride": "math.ceil((size + 2 * padding - reach) / stride)"},
        "not_rounded": {"//": "/"},
        "floats": {"// stride": "// float(stride)"},
        "dilation_forgotten": {"dilation * (kernel - 1) + 1": "kernel"},
        "kernel_times_dilation": {"dilation * (kernel - 1) + 1": "dilation * kernel"},
        "padded_once": {"2 * padding": "padding"},
        "padding_forgotten": {" + 2 * padding": ""},
        "stride_forgotten": {" // stride": ""},
        "one_too_few": {"stride + 1": "stride"},
    },
)

# 08.equivariance: whether a shift of the image shifts the map


def shift_gap(f, x, steps):
    """Return the largest absolute difference between f(shifted x) and the shifted f(x), a tensor ()."""
    first_shifted = f(x.roll(steps, dims=-1))
    then_shifted = f(x).roll(steps, dims=-1)
    return (first_shifted - then_shifted).abs().max()


def convolved_around(x):
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), torch.arange(9.0).view(1, 1, 3, 3))


def padded_with_zeros(x):
    return F.conv2d(x, torch.arange(9.0).view(1, 1, 3, 3), padding=1)


def weighted_by_column(x):
    return x * torch.arange(8.0)  # a different weight for every column: not shift-equivariant


def weighted_by_row(x):
    return x * torch.arange(6.0).view(6, 1)  # a different weight for every row


def _layer(i):
    f = (convolved_around, weighted_by_column, padded_with_zeros, weighted_by_row, weighted_by_column)[i]
    return {"f": f, "x": 1 + torch.rand(1, 1, 6, 8) / 4, "steps": (1, 2, 3, 2, 1)[i]}


EQUIVARIANCE = Function(
    id="08.equivariance",
    reference=shift_gap,
    case=_layer,
    mistakes={
        "not_shifted_after": {"f(x).roll(steps, dims=-1)": "f(x)"},
        "shifted_back": {"f(x).roll(steps": "f(x).roll(-steps"},
        "rows_shifted": {
            "x.roll(steps, dims=-1)": "x.roll(steps, dims=-2)",
            "f(x).roll(steps, dims=-1)": "f(x).roll(steps, dims=-2)",
        },
        "one_step_only": {"x.roll(steps": "x.roll(1", "f(x).roll(steps": "f(x).roll(1"},
        "sign_kept": {".abs()": ""},
        "mean_gap": {"max": "mean"},
        "every_gap": {".max()": ""},
    },
)

# 08.repair: a network repaired (C1, C2)


class Net(nn.Module):
    """Map color images (N, 3, 32, 32) to logits (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(64 * 8 * 8, 128)
        self.output = nn.Linear(128, 10)

    def forward(self, images):
        x = self.pool(torch.relu(self.conv1(images)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.flatten(1)
        return self.output(torch.relu(self.hidden(x)))


def rows_kept(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that batches of 25 and 64 give as many rows; the broken network turns 25 into 64 without an error."""
    with torch.no_grad():
        for count in (25, 64):
            out = model(batch[:1].expand(count, *batch.shape[1:]))
            if isinstance(out, Tensor) and out.dim() and len(out) != count:
                return "rows", {"images": count, "rows": len(out)}
    return None


REPAIR = Model(
    id="08.repair",
    reference=Net,
    starter_changes={
        "(nn.Module):": "(nn.Module):  # the sizes as they were found in the tutorial",
        "64 * 8 * 8": "64 * 5 * 5",
        "x.flatten(1)": "x.view(-1, 64 * 5 * 5)",
    },
    example_shape=(3, 32, 32),
    sizes=(25, 7),  # the broken network runs on 25
    checks=(rows_kept, *classifier_checks(parameters=545098), returns_logits, same_function(Net)),
)

# 08.count: the parameters of a network for images


def count_parameters(channels, kernel, width, classes):
    """Return the number of parameters of a CNN with biases, an int.

    channels is a list: those of the image, then those that each convolution makes, such as [1, 16, 32].
    """
    count = 0
    for i in range(len(channels) - 1):
        c_in, c_out = channels[i], channels[i + 1]
        count += c_out * (c_in * kernel * kernel + 1)
        width = width // 2
    return count + channels[-1] * width * width * classes + classes


def _shape_of_a_cnn(i):
    if i == 0:  # the network of the lesson
        return {"channels": [1, 16, 32], "kernel": 3, "width": 28, "classes": 10}
    convolutions = 2 + i % 2
    channels = [1 + 2 * (i % 2), *(int(torch.randint(4, 20, ())) for _ in range(convolutions))]
    width = 2**convolutions * int(torch.randint(3, 8, ())) + (0, 0, 1, 7, 2)[i]  # halves are rounded down
    return {"channels": channels, "kernel": (3, 5, 3, 5, 7)[i], "width": width, "classes": 3 + i}


COUNT = WholeNumbers(
    id="08.count",
    reference=count_parameters,
    case=_shape_of_a_cnn,
    mistakes={
        "no_biases": {" + 1)": ")", " + classes": ""},
        "no_biases_of_the_convolutions": {" + 1)": ")"},
        "no_biases_of_the_linear_layer": {" + classes": ""},
        "bias_for_each_input_channel": {"c_out * (c_in * kernel * kernel + 1)": "c_out * c_in * (kernel * kernel + 1)"},
        "first_channel_only": {"c_in * kernel * kernel": "kernel * kernel"},
        "kernel_not_squared": {"c_in * kernel * kernel": "c_in * kernel"},
        "not_pooled": {"width = width // 2": "pass"},
        "pooled_once": {"width = width // 2": "pass", "return": "width = width // 2; return"},
        "one_pooling_too_few": {"width = width // 2": "width = width // 2 if i < len(channels) - 2 else width"},
        "one_pooling_too_many": {"return": "width = width // 2; return"},
        "rounded_up": {"width // 2": "-(-width // 2)"},
        "one_row_of_the_maps": {"channels[-1] * width * width": "channels[-1] * width"},
        "maps_not_counted": {"channels[-1] * width * width": "width * width"},
        "weights_for_every_position": {"c_in * kernel * kernel": "width * width * c_in * kernel * kernel"},
        "floats": {"width // 2": "float(width // 2)"},
    },
)

# 08.interval: two networks, trained with the same seeds


def paired_interval(ours, others, q):
    """Return the low and the high end of the 95% interval for the mean of ours - others, a tensor (2,).

    ours and others have the shape (n,): one accuracy for each seed.
    """
    d = ours - others
    half_width = q * d.std() / len(d) ** 0.5
    return torch.stack([d.mean() - half_width, d.mean() + half_width])


def unpaired(ours, others, q):
    half_width = q * ((ours.var() + others.var()) / len(ours)).sqrt()
    mean = ours.mean() - others.mean()
    return torch.stack([mean - half_width, mean + half_width])


def intervals_compared(ours, others, q):
    (low, high), (others_low, others_high) = (paired_interval(one, 0 * one, q) for one in (ours, others))
    return torch.stack([low - others_high, high - others_low])


def _accuracies(i):
    n, q = ((3, 4.303), (5, 2.776), (10, 2.262), (4, 3.182), (7, 2.447))[i]
    others = 0.6 + 0.1 * torch.rand(n)  # shared luck: the differences vary less than the accuracies
    d = 0.01 + 0.04 * torch.rand(n)
    if i == 1:  # ours is worse with every seed
        d = -0.2 - d
    elif i == 2:  # worse with every second seed: the interval contains 0
        d[::2] *= -1
    else:
        d = 0.2 + d
    return {"ours": others + d, "others": others, "q": q}


INTERVAL = Function(
    id="08.interval",
    reference=paired_interval,
    case=_accuracies,
    mistakes={
        "unpaired": unpaired,
        "intervals_compared": intervals_compared,
        "abs": {"ours - others": "(ours - others).abs()"},
        "others_minus_ours": {"ours - others": "others - ours"},
        "interval_of_ours_alone": {"ours - others": "ours"},
        "divided_by_n": {"len(d)": "len(d) ** 2"},
        "not_divided": {" / len(d) ** 0.5": ""},
        "one_seed_less": {"len(d) ** 0.5": "(len(d) - 1) ** 0.5"},
        "biased_std": {"d.std()": "d.std(correction=0)"},
        "variance": {"d.std()": "d.var()"},
        "q_missing": {"q * ": ""},
        "always_1_96": {"q * ": "1.96 * "},
        "mean_and_half_width": {"[d.mean() - half_width, d.mean() + half_width]": "[d.mean(), half_width]"},
        "high_end_first": {
            "[d.mean() - half_width, d.mean() + half_width]": "[d.mean() + half_width, d.mean() - half_width]"
        },
        "around_zero": {"[d.mean() - half_width, d.mean() + half_width]": "[-half_width, half_width]"},
    },
)

ITEMS = (*PREDICTIONS, CONV2D, MAX_POOL, OUT_SIZE, EQUIVARIANCE, REPAIR, COUNT, INTERVAL)
