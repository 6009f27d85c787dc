"""Checks of lesson 08, run by nbval after the cell of the same id."""

import torch
from torch.nn import functional as F


def _error(run):
    """Return the message of the error that `run` raises, or "" if it raises none."""
    try:
        run()
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""


def train_and_measure(train_images, train_labels, test_images, test_labels):
    assert train_images.shape == (1438, 1, 8, 8)
    assert len(train_labels) == 1438
    assert test_images.shape == (359, 1, 8, 8)
    assert len(test_labels) == 359
    assert 3 * 224 * 224 * 1000 + 1000 == 150_529_000  # as the text says


def an_mlp(accuracy, flat_net, test_images):
    assert accuracy(flat_net, test_images) > 0.94
    assert not flat_net.training  # accuracy calls eval()


def moved_digits(accuracy, flat_net, test_images, moved):
    assert torch.equal(moved, F.pad(test_images, (1, -1, 0, 0)))
    assert 0.3 < accuracy(flat_net, moved) < 0.7
    assert (test_images[..., -1].amax(dim=(1, 2)) == 0).float().mean() > 0.8  # the last column is mostly empty


def slide_a_row(line, row, kernel):
    assert line.output.flatten().round().tolist() == [3, 2, 1]
    assert F.conv1d(row, kernel.flip(-1)).flatten().round().tolist() == [1, 2, 3]  # the convolution of mathematics
    series, by_hand = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), torch.tensor([[[1.0, 0.0, -1.0]]])
    assert F.conv1d(series, by_hand).flatten().tolist() == [-2, -2]
    assert F.conv1d(series, by_hand.flip(-1)).flatten().tolist() == [2, 2]


def two_loops(x, w, y):
    assert y.tolist() == [[0, -1], [-1, 0]]
    assert torch.allclose(F.conv2d(x[None, None], w[None, None])[0, 0], y)


def edges_of_a_digit(edges, digit, across):
    window = digit[0, 0, 2:5, 3:6]
    assert torch.isclose(edges.output[0, 0, 2, 3], (window * across).sum(), atol=1e-3)
    assert edges.output.shape == (1, 1, 6, 6)  # a window of 3 fits at 6 positions of 8
    assert edges.output[0, 0, 2, 1] > 3 > -3 > edges.output[0, 0, 2, 3]  # left side: dark to bright; right side: back


def edges_of_a_photo(sobel, gray, device):
    response = sobel(gray[None]).detach()
    assert response.shape == (1, 2, 40, 62)
    flat = torch.full((1, 1, 5, 5), 0.5, device=device)
    assert F.conv2d(flat, sobel.weight).abs().max() < 1e-3  # the kernel's numbers add up to 0
    # The photo on its side: now the second kernel finds what the first one found.
    on_its_side = sobel(gray.transpose(1, 2)[None]).detach()
    assert torch.allclose(on_its_side[0, 1], response[0, 0].T, atol=1e-2)


def colors(colors, layer, patch, by_hand):
    one_by_one = [F.conv2d(patch[c : c + 1], layer.weight[:, c : c + 1]) for c in range(3)]
    assert torch.allclose(sum(one_by_one) + layer.bias.view(2, 1, 1), layer(patch), atol=1e-2)
    assert colors.output.shape == (2, 6, 6)
    assert torch.isclose(by_hand, layer(patch)[0, 0, 0], atol=1e-2)
    example = F.conv2d(torch.tensor([[[5.0]], [[4.0]]]), torch.tensor([[[[2.0]], [[3.0]]]]), torch.tensor([1.0]))
    assert example.item() == 23


def count_parameters(shared):
    assert sum(p.numel() for p in shared.parameters()) == 16 * (3 * 5 * 5) + 16 == 1216


def sliders(settings, by_five, device):
    before = settings.padding, settings.stride, settings.dilation
    settings.padding, settings.stride, settings.dilation = 1, 1, 1
    assert settings.output.shape == (1, 1, 8, 8)
    settings.stride = 2
    assert settings.output.shape == (1, 1, 4, 4)
    settings.dilation = 2  # the nine numbers now reach across 5 x 5 pixels
    assert settings.output.shape == (1, 1, 3, 3)
    settings.padding, settings.stride, settings.dilation = before
    assert settings.output.shape == (1, 1, 8, 8)
    assert by_five(torch.zeros(1, 1, 28, 28, device=device)).shape == (1, 1, 12, 12)


def padding_edge(padded, top, inside):
    assert padded.shape == (1, 2, 42, 64)
    assert top > 5 * inside  # an edge made by padding


def exercise_out_size(out_size):
    assert out_size(7, 3, 2, 0, 1) == 3  # the examples of the text
    assert out_size(7, 3, 2, 0, 2) == 2


def exercise_conv2d(conv2d, x, w):
    y = conv2d(x[None], w[None, None], torch.tensor([10.0]), 1)
    assert y.tolist() == [[[10, 9], [9, 10]]]  # the example of the text


def pool_the_edges(pooled, edge_map, device):
    negative = torch.tensor([[[-3.0, -1.0], [-4.0, -2.0]]], device=device)
    assert F.max_pool2d(negative, 2).item() == -1
    assert negative.relu().tolist() == [[[0, 0], [0, 0]]]  # max(0, x) is the ReLU: the same size, no window
    assert (pooled.output[0, 0, :, 2] < 0).all()  # the third column: windows of negative numbers
    assert pooled.output[0, 0, 1, 2] == edge_map[0, 0, 2:4, 4:6].max()  # the index stays inside the window
    example = torch.tensor([[[1.0, 5.0, 0.0, 2.0], [2.0, 3.0, 4.0, 1.0]]])
    assert F.max_pool2d(example, 2).tolist() == [[[5, 4]]]


def exercise_max_pool(max_pool):
    assert max_pool(torch.tensor([[[-3.0, -1.0, 7.0], [-4.0, -2.0, 7.0]]]), 2).tolist() == [[[-1]]]


def see_the_receptive_field(deep):
    (top, bottom), (left, right) = deep.receptive_field.box
    assert (bottom - top + 1, right - left + 1) == (8, 8)


def dense_or_shared(dense, count):
    assert count == 38_547_712
    assert (dense.in_features, dense.out_features) == (3072, 12_544)
    assert count // 1216 == 31_700


def exercise_equivariance(shift_gap, digit):
    assert shift_gap(lambda x: 2 * x, digit, 3) == 0


def borders(around, bordered, noise, rolled):
    assert torch.allclose(around(rolled), around(noise).roll(2, dims=-1), atol=1e-3)  # equivariant
    assert not torch.allclose(around(rolled), around(noise), atol=1e-3)  # not invariant
    gap = (bordered(rolled) - bordered(noise).roll(2, dims=-1)).abs().amax((0, 1, 2))
    assert gap[3:7].max() < 1e-3  # inside, the map moves along
    assert gap.max() > 1  # at the edges it does not: there the window meets zeros
    assert gap[[0, 1, 2, 7]].min() > 0.1  # both borders, and where they were before the shift


def shift_and_pool(digit, edge_row):
    by_one, by_two = digit.roll(1, dims=-1), digit.roll(2, dims=-1)
    pooled = F.max_pool2d(digit, 2)
    assert not torch.equal(F.max_pool2d(by_one, 2), pooled)
    assert not torch.equal(F.max_pool2d(by_one, 2), pooled.roll(1, dims=-1))
    assert torch.equal(F.max_pool2d(by_two, 2), pooled.roll(1, dims=-1))  # two pixels are one window
    assert F.max_pool2d(edge_row.roll(1, dims=-1), (1, 2)).flatten().tolist() == [3, 5, 4]


def which_line(features, linear, device):
    rows = linear(features.view(-1, 1600))  # no error: 25 images are now 64 rows
    own = _error(lambda: torch.zeros(64, 64, 8, 8, device=device).view(-1, 1600))
    late = _error(lambda: F.cross_entropy(rows, torch.zeros(25, dtype=torch.int64, device=device)))
    honest = _error(lambda: linear(features.flatten(1)))
    assert "shape '[-1, 1600]' is invalid for input of size 262144" in own  # the tutorial's own batch of 64
    assert rows.shape == (64, 10)
    assert "input batch_size (64) to match target batch_size (25)" in late
    assert "25x4096 and 1600x10" in honest  # at the layer that is wrong, with both sizes
    F.cross_entropy(rows, torch.zeros(64, dtype=torch.int64, device=device)).backward()  # with 64 labels it trains
    assert linear.weight.grad is not None
    linear.weight.grad = linear.bias.grad = None
