"""Checks of lesson 08b, run by nbval after the cell of the same id."""

import torch
from torch import nn
from torch.nn import functional as F


def _error(run):
    """Return the message of the error that `run` raises, or "" if it raises none."""
    try:
        run()
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""


def _widths(net, x):
    """Return how wide the maps are after each convolution and each pooling."""
    found = []
    for layer in net:
        if isinstance(layer, nn.Flatten):
            break
        x = layer(x)
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            found.append(x.shape[-1])
    return found


def _with_dropout(features, device):
    """Make the tutorial's network with dropout, for digits."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(features, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    ).to(device)


def a_small_cnn(mlp, cnn, test_images):
    assert sum(p.numel() for p in mlp().parameters()) == 1885
    assert sum(p.numel() for p in cnn().parameters()) == 1898
    assert _widths(cnn(), test_images[:1]) == [8, 4, 4, 2]


def train_the_rivals(scores):
    assert [len(values) for rivals in scores.values() for values in rivals.values()] == [5] * 4
    assert min(scores["test"]["cnn"]) > 0.93
    assert min(scores["moved"]["cnn"]) > max(scores["moved"]["mlp"])


def compare_the_rivals(differences, half_widths):
    assert abs(differences["test"]) < 0.04  # on centered digits the two are close
    assert differences["moved"] - half_widths["moved"] > 0  # on moved digits the interval does not contain 0


def follow_the_shapes(net, lenet, enlarged, test_images, device):
    batch = torch.rand(16, 1, 28, 28, device=device)
    assert _widths(net, batch) == [24, 12, 8, 4]
    assert "16x400 and 256x120" in _error(lambda: net(F.pad(batch, (2, 2, 2, 2))))  # 32 x 32
    assert "Kernel size can't be greater than actual input size" in _error(lambda: net(test_images))
    assert sum(p.numel() for p in net.parameters()) == 44_426
    assert sum(p.numel() for p in net.linear1.parameters()) == 30_840  # two thirds of them in one linear layer
    assert enlarged(test_images).shape == (359, 1, 28, 28)


def train_lenet(net, accuracy, enlarged, test_images, before, device):
    assert accuracy(net, enlarged(test_images)) > 0.94
    assert not torch.equal(before["conv1.weight"], net.conv1.weight)
    batch = torch.rand(16, 1, 28, 28, device=device)
    dropping = _with_dropout(64 * 12 * 12, device)
    assert _widths(dropping, batch) == [26, 24, 12]
    assert _widths(_with_dropout(64 * 2 * 2, device), test_images[:1]) == [6, 4, 2]
    dropping.train()
    assert not torch.allclose(dropping(batch), dropping(batch))
    dropping.eval()
    with torch.no_grad():
        assert torch.allclose(dropping(batch), dropping(batch), atol=1e-3)


def open_lenet(view, net, enlarged, test_images):
    names = [column.name for column in view.columns[1:]]
    assert names == [name for name, _ in net.named_children()]

    maps = net.relu1(net.conv1(enlarged(test_images[view.sample : view.sample + 1])))[0]
    column = view.columns[1 + names.index("relu1")]
    assert torch.allclose(column.output.to(maps.device), maps, atol=1e-2)

    scores = view.output[view.sample].clone()
    view.inspect("conv2", 3, (0, 0))
    assert view.receptive_field.box == ((0, 13), (0, 13))  # 5 wide in pool1, 10 in conv1, and 4 more in the image
    view.inspect("conv2", 3, (0, 1))
    assert view.receptive_field.box == ((0, 13), (2, 15))  # one step in conv2 is two pixels

    view.occlude(((7, 20), (7, 20)))  # the middle: rows and columns 7 to 20
    assert not torch.allclose(view.output[view.sample], scores, atol=1e-2)
    view.clear()
    assert torch.allclose(view.output[view.sample], scores, atol=1e-2)
