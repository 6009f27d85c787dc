"""Receptive fields by index arithmetic are exactly where autograd's gradient is nonzero, in random stacks of layers."""

import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.network import receptive_field, receptive_field_masks, record
from dlviz.network.receptive_field import bounding_box
from dlviz.network.receptive_field_rules import source_ranges
from dlviz.network.record import Source
from tests.network.zoo import model_and_input


class Skip(nn.Module):
    """x + f(x)"""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class Concatenated(nn.Module):
    """Two branches concatenated along the channels, the second one flipped."""

    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x):
        return torch.cat([self.a(x), self.b(x).flip(-1)], 1)


def layer(rng, dims, channels, size):
    """Return a random layer and its number of output channels."""
    conv, transposed = (nn.Conv1d, nn.ConvTranspose1d) if dims == 1 else (nn.Conv2d, nn.ConvTranspose2d)
    biggest, average = (nn.MaxPool1d, nn.AvgPool1d) if dims == 1 else (nn.MaxPool2d, nn.AvgPool2d)
    kind = rng.choice(
        ["conv"] * 4 + ["same", "up", "max", "average", "skip", "concatenated", "adaptive", "relu", "pad"]
    )
    groups = rng.choice([1, 1, 2]) if channels % 2 == 0 else 1
    if kind == "conv":
        kernel, dilation = rng.choice([1, 2, 3]), rng.choice([1, 1, 2])
        mode = rng.choice(["zeros", "zeros", "reflect", "replicate", "circular"])
        return conv(
            channels, 4, kernel, rng.choice([1, 1, 2]), rng.choice([0, 1]), dilation, groups, padding_mode=mode
        ), 4
    if kind in ("same", "skip"):
        same = conv(channels, channels, 3, padding="same", dilation=rng.choice([1, 2]), groups=groups)
        return (same if kind == "same" else Skip(same)), channels
    if kind == "concatenated":
        return Concatenated(conv(channels, 2, 1), conv(channels, 2, 3, padding=1)), 4
    if kind == "up":
        stride = rng.choice([1, 2])
        return transposed(channels, 2, rng.choice([2, 3]), stride, output_padding=rng.choice([0, stride - 1])), 2
    if kind in ("max", "average"):
        kernel = rng.choice([2, 3])
        options = {"stride": rng.choice([1, 2]), "padding": rng.choice([0, 1]), "ceil_mode": rng.choice([False, True])}
        return (biggest if kind == "max" else average)(kernel, **options), channels
    if kind == "adaptive":
        return (nn.AdaptiveAvgPool1d if dims == 1 else nn.AdaptiveAvgPool2d)(
            max(1, size - rng.choice([0, 1, 2]))
        ), channels
    if kind == "pad":
        return (nn.ZeroPad1d((1, 2)) if dims == 1 else nn.ZeroPad2d((1, 0, 2, 1))), channels
    return nn.ReLU(), channels


def stack(rng, dims):
    """Return a random model, the same with average for max pooling, and its input; weights are positive, so that nothing cancels."""
    size, channels = rng.choice([7, 9, 12]), rng.choice([1, 2, 4])
    x = torch.rand(2, channels, *[size + d for d in range(dims)], dtype=torch.float64) + 0.1
    layers, here = [], x
    for _ in range(rng.randint(2, 6)):
        one, made_ = layer(rng, dims, here.shape[1], here.shape[-1])
        for p in one.parameters():
            p.data = p.data.double().abs() + 0.1 if p.dim() > 1 else torch.zeros_like(p.data).double()
        try:
            with torch.no_grad():
                after = one(here)
        except (RuntimeError, ValueError):
            continue
        if after.numel() and after.shape[1] == made_:
            layers.append(one)
            here = after
    averages = {nn.MaxPool1d: nn.AvgPool1d, nn.MaxPool2d: nn.AvgPool2d}
    smooth = [
        averages[type(one)](one.kernel_size, one.stride, one.padding, one.ceil_mode) if type(one) in averages else one
        for one in layers
    ]
    return nn.Sequential(*layers), nn.Sequential(*smooth), x


@pytest.mark.parametrize("seed", range(300))
def test_the_mask_of_a_random_stack_is_where_autograds_gradient_is_nonzero(seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    model, smooth, x = stack(rng, 1 + seed % 2)
    network = record(model, (x,), sample=1)
    last = network.columns[-1]
    index = tuple(rng.randrange(n) for n in last.shape)
    masks = receptive_field_masks(network, Source(len(network.columns) - 1), index)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(smooth(leaf)[(1, *index)], leaf)
    assert torch.equal(masks[0], gradient != 0)


def grid(size, *places):
    mask = torch.zeros(size, dtype=torch.bool)
    for place in places:
        mask[place] = True
    return mask


def test_dilation_leaves_holes_in_the_mask_and_none_in_the_box():
    model, x = nn.Conv1d(1, 1, 3, dilation=2), torch.zeros(1, 1, 9)
    field = receptive_field(model, record(model, (x,)), (x,), {}, 1, (0, 1))
    assert torch.equal(field.mask, grid((1, 9), (0, 1), (0, 3), (0, 5)))
    assert field.box == ((1, 5),)


def test_groups_keep_channels_apart():
    model, x = nn.Conv2d(4, 4, 1, groups=2), torch.zeros(1, 4, 2, 2)
    mask = receptive_field_masks(record(model, (x,)), Source(1), (3, 0, 0))[0][0]
    assert mask.nonzero().tolist() == [[2, 0, 0], [3, 0, 0]]


def test_a_maximum_depends_on_four_inputs_and_has_a_gradient_at_one():
    torch.manual_seed(0)
    model, x = nn.MaxPool2d(2), torch.randn(1, 1, 4, 4)
    field = receptive_field(model, record(model, (x,)), (x,), {}, 1, (0, 1, 1))
    assert field.mask.sum() == 4
    assert field.gradient.count_nonzero() == 1
    assert field.box == ((2, 3), (2, 3))


def test_the_mask_of_every_kind_of_call_covers_the_gradient():
    class Many(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.group, self.instance = nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4)
            self.layer, self.up = nn.LayerNorm((8, 8)), nn.Upsample(scale_factor=2, mode="bilinear")
            self.shuffle, self.fc = nn.PixelShuffle(2), nn.Linear(16, 3)

        def forward(self, x):
            x = self.instance(self.group(self.norm(x))) * 0.5 + x.permute(0, 1, 3, 2)
            x = F.pad(self.layer(x), (1, 1, 1, 1), mode="reflect")[:, :, 1:-1, 1:-1].contiguous()
            x = F.interpolate(self.up(x), scale_factor=0.5)
            x = self.shuffle(x)
            x = torch.stack([x, -2 * x]).sum(0).reshape(2, 16, 16)
            return F.softmax(self.fc(x), dim=-1).amax(1)

    torch.manual_seed(0)
    model, x = Many(), torch.randn(2, 4, 8, 8)
    network = record(model, (x,))
    for number, column in enumerate(network.columns[1:], start=1):
        index = tuple(n // 2 for n in column.shape)
        field = receptive_field(model, network, (x,), {}, number, index)
        assert field.mask is not None, column
        assert not (field.gradient != 0)[~field.mask].any(), column
        assert field.gradient.any(), column


def test_a_call_without_a_rule_has_a_gradient_but_no_mask():
    model, x = model_and_input("attending")
    network = record(model, (x,))
    field = receptive_field(model, network, (x,), {}, len(network.columns) - 1, (2, 3))
    assert field.mask is None
    assert field.box is None
    assert field.gradient.abs().sum() > 0


def test_an_integer_input_has_a_receptive_field_but_no_gradient():
    model, x = model_and_input("sentences")
    network = record(model, (x,))
    field = receptive_field(model, network, (x,), {}, 1, (4, 2))
    assert field.gradient is None


@pytest.mark.parametrize(
    "name", ["plain", "residual", "depthwise", "dilated", "transposed", "concatenating", "functional"]
)
def test_the_gradient_equals_autograd_on_every_model(name):
    model, x = model_and_input(name)
    network = record(model, (x,), sample=1)
    for number in (1, len(network.columns) - 1):
        column = network.columns[number]
        index = tuple(n // 2 for n in column.shape)
        field = receptive_field(model, network, (x,), {}, number, index)
        assert field.gradient.shape == x.shape[1:]
        if column.returned:
            leaf = x.clone().requires_grad_()
            (expected,) = torch.autograd.grad(model(leaf)[(1, *index)], leaf)
            assert torch.allclose(field.gradient, expected[1], atol=1e-7)
        if field.mask is not None:
            assert not (field.gradient != 0)[~field.mask].any()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 2, 3, stride=2, padding=1),
        nn.Conv2d(2, 2, (2, 3), dilation=2, padding=(1, 2), groups=2),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(2, 2, 2, stride=3, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.ReLU(),
        nn.BatchNorm2d(2).eval(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_the_ranges_of_a_call_are_the_boxes_of_its_masks(layer):
    network = record(nn.Sequential(layer), (torch.rand(1, 2, 7, 6),))
    rows, columns = source_ranges(network, 1)[0]
    height, width = network.columns[1].shape[-2:]
    for r in range(height):
        for c in range(width):
            box = bounding_box(receptive_field_masks(network, Source(1), (0, r, c))[0][0])
            ends = rows[2 * r : 2 * r + 2] or [r, r], columns[2 * c : 2 * c + 2] or [c, c]
            found = tuple(tuple(pair) for pair in ends)
            assert box == (None if (-1, -2) in found else found)


def test_a_call_that_is_no_window_has_no_ranges():
    for layer in (nn.Flatten(), nn.GroupNorm(1, 2), nn.Softmax(1), nn.BatchNorm2d(2).train()):
        network = record(nn.Sequential(layer), (torch.rand(2, 2, 4, 4),))
        assert source_ranges(network, 1) == {}
