"""Lesson 07, data and evaluation: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does. The ones that were found in tutorials say so.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D101, D103 - a mistake's name says what it does, and what learners read stays short

from itertools import count
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from dlviz.exercises.function import Function
from dlviz.exercises.lesson07.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.usage import Used

# 07.dataset: a map-style dataset with a transform


class Digits(Dataset):
    """Item i is the image i and its label; transform, if there is one, changes the image whenever it is asked for."""

    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = self.images[i]
        if self.transform is not None:
            image = self.transform(image)
        return image, self.labels[i]


class Blank(Dataset):
    """Item i is the image i and its label; transform, if there is one, changes the image whenever it is asked for."""

    def __init__(self, images, labels, transform=None): ...

    def __len__(self): ...

    def __getitem__(self, i): ...


class AlwaysTransformed(Digits):
    def __getitem__(self, i):
        return self.transform(self.images[i]), self.labels[i]


class NeverTransformed(Digits):
    def __getitem__(self, i):
        return self.images[i], self.labels[i]


class TransformedAtTheStart(NeverTransformed):
    def __init__(self, images, labels, transform=None):
        super().__init__(images, labels)
        if transform is not None:
            self.images = torch.stack([transform(image) for image in images])


class WrittenBack(Digits):
    def __getitem__(self, i):
        if self.transform is not None:
            self.images[i] = self.transform(self.images[i])
        return self.images[i], self.labels[i]


class LabelTransformed(Digits):
    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return image, label if self.transform is None else self.transform(label)


class LabelDropped(Digits):
    def __getitem__(self, i):
        return super().__getitem__(i)[0]


class LabelFirst(Digits):
    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return label, image


class BatchOfOne(Digits):
    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return image[None], label


class OneTooFew(Digits):
    def __len__(self):
        return len(self.images) - 1


class LengthOfAnImage(Digits):
    def __len__(self):
        return len(self.images[0])


def _asked(dataset, images, labels, i):
    """The length, the batch of two epochs, and item i without a transform."""
    calls = count(1)
    changed = dataset(images, labels, lambda image: image + next(calls))  # another one each time, as a random one is
    batches = [next(iter(DataLoader(changed, batch_size=len(images)))) for _ in range(2)]
    image, label = dataset(images, labels)[i]
    return [len(changed), *batches, image, int(label)]


def _items(generator: torch.Generator, i: int) -> dict[str, Any]:
    images = torch.rand(3 + i, 1, 2, 2, generator=generator)
    return {"images": images, "labels": torch.randperm(3 + i, generator=generator), "i": 1 + i % 2}


# 07.accuracy: a share of the rows


def accuracy(scores, targets):
    """The share of rows whose largest score is at the target, a tensor (); scores (N, C), targets a column (N, 1)."""
    return (scores.argmax(1) == targets[:, 0]).float().mean()


def all_pairs(scores, targets):
    return (scores.argmax(1) == targets).float().mean()


def all_pairs_over_n(scores, targets):
    return (scores.argmax(1) == targets).sum() / len(targets)


def winners_of_the_columns(scores, targets):
    return (scores.argmax(0) == targets).float().mean()


def hits(scores, targets):
    return (scores.argmax(1) == targets[:, 0]).float().sum()


def errors(scores, targets):
    return (scores.argmax(1) != targets[:, 0]).float().mean()


def percent(scores, targets):
    return 100 * accuracy(scores, targets)


def probability(scores, targets):
    return scores.softmax(1).gather(1, targets).mean()


def above_a_half(scores, targets):
    return (scores.softmax(1).gather(1, targets) > 0.5).float().mean()


def _scored(generator: torch.Generator, i: int) -> dict[str, Any]:
    rows, classes = 6 + 2 * i, 4 + i % 2
    scores = torch.randn(rows, classes, generator=generator)
    targets = scores.argmax(1, keepdim=True)
    targets[: 2 + i % 2] = (targets[: 2 + i % 2] + 1) % classes  # two or three of them are wrong
    return {"scores": scores, "targets": targets}


# 07.leakage: repaired, copies that were made before the split


def prepare(images, labels, tests, seed):
    """Shuffled: the training digits, then a paler copy of each; their labels; the test digits as they are; their labels."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    test, train = order[:tests], order[tests:]
    x = torch.cat([images[train], 0.8 * images[train]])
    y = torch.cat([labels[train], labels[train]])
    return x, y, images[test], labels[test]


def copied_first(images, labels, tests, seed):  # the code as it was found
    """Shuffled: the training digits, then a paler copy of each; their labels; the test digits as they are; their labels."""
    x = torch.cat([images, 0.8 * images])
    y = torch.cat([labels, labels])
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    test, train = order[:tests], order[tests:]
    return x[train], y[train], x[test], y[test]


def _paler(x):
    return torch.cat([x, 0.8 * x])


def copied_in_both(images, labels, tests, seed):
    x, y, test_x, test_y = prepare(images, labels, tests, seed)
    return x, y, _paler(test_x), torch.cat([test_y, test_y])


def copies_of_all(images, labels, tests, seed):
    x, y, test_x, test_y = prepare(images, labels, tests, seed)
    kept = len(x) // 2
    return torch.cat([x[:kept], 0.8 * images]), torch.cat([y[:kept], labels]), test_x, test_y


def no_copies(images, labels, tests, seed):
    x, y, test_x, test_y = prepare(images, labels, tests, seed)
    kept = len(x) // 2
    return x[:kept], y[:kept], test_x, test_y


def only_copies(images, labels, tests, seed):
    x, y, test_x, test_y = prepare(images, labels, tests, seed)
    kept = len(x) // 2
    return x[kept:], y[kept:], test_x, test_y


def labels_once(images, labels, tests, seed):
    x, y, test_x, test_y = prepare(images, labels, tests, seed)
    return x, y[: len(y) // 2], test_x, test_y


def parts_exchanged(images, labels, tests, seed):
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    train, test = order[:tests], order[tests:]
    return _paler(images[train]), torch.cat([labels[train], labels[train]]), images[test], labels[test]


def not_shuffled(images, labels, tests, seed):
    x, y = images[tests:], labels[tests:]
    return _paler(x), torch.cat([y, y]), images[:tests], labels[:tests]


def _drawer(generator: torch.Generator, i: int) -> dict[str, Any]:
    images = torch.rand(7 + i, 1, 2, 2, generator=generator)
    labels = torch.randint(0, 10, (7 + i,), generator=generator)
    return {"images": images, "labels": labels, "tests": 3, "seed": int(torch.randint(99, (), generator=generator))}


def _met_before(function):
    _, y, _, test_y = function(torch.rand(100, 1, 2, 2), torch.arange(100), 20, 0)
    return torch.isin(test_y, y).sum().item()  # labels that name the very picture


# 07.mode: measure, and leave no trace


def measure(model, images, labels):
    """The accuracy of the model as it would be used, a number; the model is left in the mode it was in."""
    training = model.training
    model.eval()
    with torch.no_grad():
        hits = model(images).argmax(1) == labels
    model.train(training)
    return hits.float().mean().item()


def measured_as_found(model, images, labels):  # as tutorials measure
    """The accuracy of the model as it would be used, a number; the model is left in the mode it was in."""
    hits = model(images).argmax(1) == labels
    return hits.float().mean().item()


def no_grad_alone(model, images, labels):
    with torch.no_grad():
        return measured_as_found(model, images, labels)


def eval_alone(model, images, labels):
    model.eval()
    return measured_as_found(model, images, labels)


def left_in_eval(model, images, labels):
    model.eval()
    return no_grad_alone(model, images, labels)


def always_to_train(model, images, labels):
    model.eval()
    share = no_grad_alone(model, images, labels)
    model.train()
    return share


def always_to_train_with_a_graph(model, images, labels):
    model.eval()
    share = measured_as_found(model, images, labels)
    model.train()
    return share


def with_a_graph(model, images, labels):
    training = model.training
    model.eval()
    share = measured_as_found(model, images, labels)
    model.train(training)
    return share


def set_to_train(model, images, labels):
    model.train()
    return no_grad_alone(model, images, labels)


class _Noting(nn.Module):
    """A network with dropout and batch norm that notes whether it was run with a graph."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
        self.graph = 0

    def forward(self, images):
        self.graph += torch.is_grad_enabled()
        return self.layers(images)


def _measured(function, images, labels, training):
    """The accuracy, once more, the mode afterwards, how often a graph was recorded, and what batch norm remembers."""
    model = _Noting().train(training)
    shares = [float(function(model, images, labels)) for _ in range(2)]
    norm = model.layers[0]
    return [*shares, int(model.training), model.graph, norm.running_mean]


def _modes(generator: torch.Generator, i: int) -> dict[str, Any]:
    images = 1 + torch.randn(12 + i, 6, generator=generator)
    return {
        "images": images,
        "labels": torch.randint(0, 3, (12 + i,), generator=generator),
        "training": i % 2 == 0,
    }


# 07.gaps: fill a table with what the training rows tell


def fill(train, test):
    """Both tables (N, F) filled with the means of train's known numbers, and F columns more: 1 where a gap was, else 0."""
    mean = train.nanmean(0)

    def whole(x):
        gap = x.isnan()
        return torch.cat([torch.where(gap, mean, x), gap.float()], dim=1)

    return whole(train), whole(test)


def _filled(train, test, *values):
    gaps = train.isnan(), test.isnan()
    return tuple(
        torch.cat([torch.where(gap, value, x), gap.float()], dim=1)
        for x, gap, value in zip((train, test), gaps, values, strict=True)
    )


def mean_of_all_rows(train, test):
    mean = torch.cat([train, test]).nanmean(0)
    return _filled(train, test, mean, mean)


def each_its_own_mean(train, test):
    return _filled(train, test, train.nanmean(0), test.nanmean(0))


def mean_of_the_test_rows(train, test):
    return _filled(train, test, test.nanmean(0), test.nanmean(0))


def one_mean_for_all_columns(train, test):
    return _filled(train, test, train.nanmean(), train.nanmean())


def means_of_rows(train, test):
    return _filled(train, test, train.nanmean(1, keepdim=True), test.nanmean(1, keepdim=True))


def gaps_counted_as_zero(train, test):
    mean = train.nan_to_num(0.0).mean(0)
    return _filled(train, test, mean, mean)


def mean_with_its_gaps(train, test):
    mean = train.mean(0)
    return _filled(train, test, mean, mean)


def filled_with_zero(train, test):
    zero = torch.zeros(())
    return _filled(train, test, zero, zero)


def not_marked(train, test):
    return tuple(x[:, : train.shape[1]] for x in fill(train, test))


def known_marked(train, test):
    columns = train.shape[1]
    return tuple(torch.cat([x[:, :columns], 1 - x[:, columns:]], dim=1) for x in fill(train, test))


def marks_first(train, test):
    return tuple(x.roll(train.shape[1], dims=1) for x in fill(train, test))


def _holes(generator: torch.Generator, i: int) -> dict[str, Any]:
    center = torch.tensor([20.0, 5.0, 100.0])
    train = center + torch.randn(6 + i, 3, generator=generator)
    test = center + 1 + torch.randn(4, 3, generator=generator)
    for column in range(3):  # a gap in every column, never three in a row
        train[2 * column % 6, column] = torch.nan
        test[column, column] = torch.nan
    if i % 2:
        test[:, 1] = torch.nan  # nothing known of it
    return {"train": train, "test": test}


ITEMS = (
    *PREDICTIONS,
    Used(
        id="07.dataset",
        reference=Digits,
        blank=Blank,
        case=_items,
        use=_asked,
        mistakes=(
            AlwaysTransformed,
            NeverTransformed,
            TransformedAtTheStart,
            WrittenBack,
            LabelTransformed,
            LabelDropped,
            LabelFirst,
            BatchOfOne,
            OneTooFew,
            LengthOfAnImage,
        ),
    ),
    Function(
        id="07.accuracy",
        reference=accuracy,
        case=_scored,
        mistakes=(
            all_pairs,
            all_pairs_over_n,
            winners_of_the_columns,
            hits,
            errors,
            percent,
            probability,
            above_a_half,
        ),
    ),
    Repair(
        id="07.leakage",
        reference=prepare,
        case=_drawer,
        mistakes=(
            copied_first,
            copied_in_both,
            copies_of_all,
            no_copies,
            only_copies,
            labels_once,
            parts_exchanged,
            not_shuffled,
        ),
        metric=_met_before,
    ),
    Used(
        id="07.mode",
        reference=measure,
        blank=measured_as_found,
        case=_modes,
        use=_measured,
        mistakes=(
            measured_as_found,
            no_grad_alone,
            eval_alone,
            left_in_eval,
            always_to_train,
            always_to_train_with_a_graph,
            with_a_graph,
            set_to_train,
        ),
    ),
    Function(
        id="07.gaps",
        reference=fill,
        case=_holes,
        mistakes=(
            mean_of_all_rows,
            each_its_own_mean,
            mean_of_the_test_rows,
            one_mean_for_all_columns,
            means_of_rows,
            gaps_counted_as_zero,
            mean_with_its_gaps,
            filled_with_zero,
            not_marked,
            known_marked,
            marks_first,
        ),
    ),
)
