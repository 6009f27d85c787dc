"""Checks of lesson 07, run by nbval after the cell of the same id."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


def memorize(noise_loss, seen, unseen, net, device):
    assert sum(p.numel() for p in net.parameters()) == 2410
    assert noise_loss < 0.1
    assert seen == 1
    assert unseen < 0.15  # guessing
    first, last = _ten_steps_on_noise(device)  # what the tutorial shows
    assert abs(first - 2.335) < 0.005
    assert abs(last - 2.292) < 0.005


def _ten_steps_on_noise(device):
    """Return the first and the last loss of the tutorial's network on one batch of noise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 8 * 8, 128), nn.ReLU(), nn.Linear(128, 10),
        ).to(device)  # fmt: skip
        images, labels = torch.randn(64, 3, 32, 32).to(device), torch.randint(0, 10, (64,)).to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    losses = []
    for _ in range(10):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


def five_pairs(pairs):
    batches = [(x.tolist(), y.tolist()) for x, y in DataLoader(pairs, batch_size=2)]
    assert batches == [([10, 20], [0, 1]), ([30, 40], [0, 1]), ([50], [0])]


def loader(sizes, loader, images):
    assert len(sizes) == len(loader) == 23
    assert sizes[-1] == 30
    assert sum(sizes) == len(images) == 1438
    first, second = (next(iter(loader))[1] for epoch in range(2))
    assert not torch.equal(first, second)  # shuffled anew in each epoch
    assert len(DataLoader(images, batch_size=64, drop_last=True)) == 22
    assert not issubclass(Dataset, nn.Module)
    assert not issubclass(DataLoader, nn.Module)


def mean_of_means(mean_of_means, weighted, losses):
    assert mean_of_means == 2.5
    assert weighted == losses.mean() == 2


def measured_splits(split):
    scores = {how: [one.score for one in split.scores if one.how == how] for how in ("shuffled", "order")}
    assert len(scores["order"]) == 1
    assert min(scores["shuffled"]) > 0.92
    assert sum(scores["shuffled"]) / 3 - scores["order"][0] > 0.03
    assert split.how == "order"


def find_forms(starts, same_form, forms):
    assert torch.arange(5).unfold(0, 3, 1).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert (torch.bucketize(torch.tensor([3, 12]), torch.tensor([0, 10]), right=True) - 1).tolist() == [0, 1]
    assert len(starts) == 14
    assert forms.unique().tolist() == list(range(14))
    assert 0.5 < same_form < 0.57


def measured_people(people, forms):
    scores = {
        how: torch.tensor([one.score for one in people.scores if one.how == how]) for how in ("grouped", "shuffled")
    }
    assert scores["shuffled"].mean() - scores["grouped"].mean() > 0.03
    assert scores["grouped"].std() > scores["shuffled"].std()  # much depends on who is left out
    assert people.how == "grouped"
    assert not set(forms[people.parts["train"]].tolist()) & set(forms[people.parts["test"]].tolist())


def duplicates(doubled):
    (warning,) = doubled.warnings
    assert warning.kind == "duplicates"
    assert len(warning.indices) > 0.7 * len(doubled.parts["test"])


def leak_test(leaky, nearest_accuracy, all_images, random_labels):
    assert leaky > 0.6
    honest = nearest_accuracy(all_images[359:], random_labels[359:], all_images[:359], random_labels[:359])
    assert honest < 0.2


def normalize(mean, std, prepared):
    assert round(mean.item(), 3) == 0.306
    assert round(std.item(), 3) == 0.377
    assert prepared["normalized"] > 0.9
    assert prepared["0 to 1"] < prepared["normalized"] - 0.03
    assert prepared["0 to 255"] < 0.3


def gaps(whole, rows_x, few_rows, all_rows, lazy):
    assert whole.float().mean() < 0.15
    assert len(rows_x) == 354
    assert all_rows < 60
    assert few_rows > 65  # hardly better than the mean
    assert few_rows > lazy - 8


def dropout_twice(dropout, h):
    assert torch.equal(dropout(h), h)
    mask, p = torch.tensor([0.0, 1.0, 1.0, 0.0]), 0.5
    assert (mask * h / (1 - p)).tolist() == [0, 4, 6, 0]
    kept = nn.Dropout(0.5)(torch.ones(10000))
    assert set(kept.tolist()) == {0, 2}
    assert abs(kept.mean().item() - 1) < 0.1


def two_modes(mode_losses, dropped):
    assert mode_losses[False] < 0.8 * mode_losses[True]
    assert not dropped.training


def negative_loss(low, unsound, dropped, accuracy_of, train_x, train_y):
    assert low < -100
    assert F.nll_loss(torch.tensor([[-0.1, -2.4]]), torch.tensor([1])) == torch.tensor(2.4)
    assert accuracy_of(unsound, train_x, train_y) < 0.4
    assert accuracy_of(dropped, train_x, train_y) > 0.9
    with torch.no_grad():
        logits = dropped(train_x)
    assert torch.isclose(F.cross_entropy(logits, train_y), F.nll_loss(logits.log_softmax(1), train_y), atol=1e-3)
    at_target = logits.gather(1, train_y[:, None])
    assert torch.isclose(F.nll_loss(logits, train_y), -at_target.mean(), rtol=1e-3)  # that is all it does


def overfit_loop(run, plain, best, net):
    assert sum(p.numel() for p in net.parameters()) == 26122
    assert len(plain) == 60
    assert run.history["train_loss"].values[-1] < 0.01  # all 60 are memorized
    assert best < 25
    assert plain[-1] > 1.2 * plain[best]
    accuracies = run.history["val_accuracy"].values
    assert accuracies[-1] > accuracies[best] - 0.05  # no fewer are right


def regularized(regularized, plain):
    assert regularized[-1] < 0.8 * plain[-1]


def augmented(lowest):
    assert lowest["noisy"] < lowest["plain"]
    assert lowest["mirrored"] > 1.1 * lowest["plain"]
