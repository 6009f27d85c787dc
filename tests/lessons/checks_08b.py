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
    """Make the tutorial's network with dropout, for gray images."""
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


def a_small_cnn(cnn, device):
    assert sum(p.numel() for p in cnn().parameters()) == 20_490
    assert [sum(p.numel() for p in layer.parameters()) for layer in cnn()] == [160, 0, 0, 4640, 0, 0, 0, 15_690]
    assert _widths(cnn(), torch.zeros(1, 1, 28, 28, device=device)) == [28, 14, 14, 7]
    dense = nn.Linear(16 * 14 * 14, 32 * 14 * 14, device="meta")
    assert sum(p.numel() for p in dense.parameters()) == 19_675_264  # the 19.7 million of the text


def exercise_count(count_parameters):
    assert count_parameters([1, 16, 32], 3, 28, 10) == 20_490  # the example of the text


def load_the_images(train_images, train_labels, test_images, test_labels, names, sheet):
    assert train_images.shape == (2000, 1, 28, 28)
    assert test_images.shape == (1000, 1, 28, 28)
    assert (len(train_labels), len(test_labels), len(names)) == (2000, 1000, 10)
    assert (names[1], names[2], names[6]) == ("Trouser", "Pullover", "Shirt")
    assert test_labels.bincount().max() < 120  # guessing one class gets about 10 of 100
    assert sheet.size == (548, 560)
    assert [sheet.getpixel((x, 1)) for x in (0, 101)] == [255, 0]  # white behind the names, black behind the articles
    assert sheet.crop((100, 0, 548, 560)).getextrema()[1] > 235  # the articles are bright


def baselines(by_mean, by_neighbor, test_labels):
    assert 0.66 < (by_mean == test_labels).float().mean() < 0.68
    assert 0.78 < (by_neighbor == test_labels).float().mean() < 0.81
    counts = torch.bincount(10 * test_labels + by_neighbor, minlength=100).view(10, 10)
    both = (counts + counts.T).fill_diagonal_(0)
    assert {2, 4, 6}.issuperset(divmod(both.argmax().item(), 10))  # pullover, coat, shirt: as the CNN does


def train_and_measure(mlp, linear):
    assert sum(p.numel() for p in mlp().parameters()) == 20_680
    assert sum(p.numel() for p in linear().parameters()) == 7_850
    assert 28 * 28 * 16 * 9 + 14 * 14 * 32 * 16 * 9 + 1568 * 10 == 1_031_744  # multiplications of the CNN
    assert 784 * 26 + 26 * 10 == 20_644  # and of the MLP


def train_the_rivals(scores, right, nets):
    assert [len(five) for five in nets.values()] == [5, 5, 5]
    assert all(each.shape == (5, 1000) for each in right.values())
    assert scores["cnn"].min() > 0.77
    assert scores["cnn"].mean() > max(scores["mlp"].mean(), scores["linear"].mean())
    assert abs(scores["mlp"].mean() - scores["linear"].mean()) < 0.03  # the hidden layer brings little here


def exercise_interval(paired_interval):
    ours, others = torch.tensor([0.84, 0.82, 0.86]), torch.full((3,), 0.8)
    low, high = paired_interval(ours, others, 4.303).tolist()  # the example of the text
    assert abs(low + 0.0097) < 1e-4
    assert abs(high - 0.0897) < 1e-4


def compare_the_rivals(scores, interval, low, high):
    d = (scores["cnn"] - scores["mlp"]).cpu()
    half_width = (2.776 * d.std() / len(d) ** 0.5).item()  # the formula of the text
    assert abs(float(low) - (d.mean().item() - half_width)) < 1e-4
    assert abs(float(high) - (d.mean().item() + half_width)) < 1e-4
    assert 0 < d.mean() < 0.08
    assert abs(1.96 * (0.83 * 0.17 / 1000) ** 0.5 - 0.023) < 5e-4


def other_test_images(d, low, high, right):
    assert d.shape == (1000,)
    assert low < d.mean() < high
    assert 0.01 < high - low < 0.05
    pairs = right["cnn"].float() - right["mlp"].float()  # for each seed one CNN minus one MLP
    alone = [1.96 * one.std() / len(one) ** 0.5 for one in right["cnn"].float()]
    single = [1.96 * one.std() / len(one) ** 0.5 for one in pairs]
    assert all(0.017 < half < 0.025 for half in single)
    assert (high - low) / 2 < 0.8 * min(single)  # the mean of five seeds for each image makes it narrower
    assert sum(single) > 0.75 * sum(alone)  # but one CNN minus one MLP is hardly narrower than one CNN


def move_the_clothes(moved, shifted, test_images, moved_scores, low):
    assert torch.equal(moved[..., 2:], test_images[..., :-2])
    assert moved[..., :2].abs().max() == 0
    assert torch.equal(shifted(test_images, -1, 3)[..., 3:, :-1], test_images[..., :-3, 1:])
    assert 0.4 < moved_scores["mlp"].mean() < moved_scores["cnn"].mean() < 0.78
    assert low > 0  # on moved images the interval does not contain 0


def train_on_moved(robust, nets, is_right, moved, test_images, jitter):
    def score(net, images):
        return is_right(net, images).float().mean()

    assert score(robust, moved) > score(nets["cnn"][0], moved) + 0.05
    assert score(robust, test_images) > 0.77
    assert jitter(test_images[:3]).shape == (3, 1, 28, 28)


def confusions(matrix, test_labels):
    counts = matrix.matrix
    assert counts.sum() == len(test_labels)
    tops = [0, 2, 4, 6]  # T-shirt, pullover, coat, shirt
    mistakes = counts.sum() - counts.diagonal().sum()
    among_tops = counts[tops][:, tops].sum() - counts.diagonal()[tops].sum()
    assert among_tops > mistakes / 2
    assert counts[2, 6] + counts[6, 2] > counts[7, 9] + counts[9, 7]  # pullover and shirt, sneaker and boot


def follow_the_shapes(lenet, device):
    net = lenet()
    batch = torch.rand(16, 1, 28, 28, device=device)
    assert _widths(net, batch) == [24, 12, 8, 4]
    assert "16x400 and 256x120" in _error(lambda: net(F.pad(batch, (2, 2, 2, 2))))  # 32 x 32
    assert "Kernel size can't be greater than actual input size" in _error(lambda: net(batch[..., :8, :8]))
    assert sum(p.numel() for p in net.parameters()) == 44_426
    assert sum(p.numel() for p in net.linear1.parameters()) == 30_840  # two thirds of them in one linear layer


def train_lenet(trained, is_right, test_images, initial, lenet, device):
    assert is_right(trained, test_images).float().mean() > 0.73
    assert not torch.equal(initial["conv1.weight"], trained.conv1.weight)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert torch.equal(initial["conv1.weight"].cpu(), lenet().conv1.weight.detach().cpu())  # as they begin
    batch = torch.rand(16, 1, 28, 28, device=device)
    dropping = _with_dropout(64 * 12 * 12, device)
    assert _widths(dropping, batch) == [26, 24, 12]
    assert _widths(_with_dropout(64 * 2 * 2, device), test_images[:1, :, :8, :8]) == [6, 4, 2]
    dropping.train()
    assert not torch.allclose(dropping(batch), dropping(batch))
    dropping.eval()
    with torch.no_grad():
        assert torch.allclose(dropping(batch), dropping(batch), atol=1e-3)


def open_lenet(view, trained, test_images):
    net = trained
    names = [column.name for column in view.columns[1:]]
    assert names == [name for name, _ in net.named_children()]

    maps = net.relu1(net.conv1(test_images[view.sample : view.sample + 1]))[0]
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
