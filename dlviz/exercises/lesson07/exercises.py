"""Lesson 07, data and evaluation: its exercises."""

from itertools import count

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from dlviz.exercises.function import Function
from dlviz.exercises.lesson07.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.usage import Usage

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


def _use_dataset(dataset, images, labels, i):
    """Return the length, the batches of two epochs, and item i without a transform."""
    calls = count(1)
    changed = dataset(
        images, labels, lambda image: image + next(calls)
    )  # differs at every call, like a random transform
    batches = [next(iter(DataLoader(changed, batch_size=len(images)))) for _ in range(2)]
    image, label = dataset(images, labels)[i]
    return [len(changed), *batches, image, int(label)]


def _images_and_index(i):
    images = torch.rand(3 + i, 1, 2, 2)
    return {"images": images, "labels": torch.randperm(3 + i), "i": 1 + i % 2}


DATASET = Usage(
    id="07.dataset",
    reference=Digits,
    case=_images_and_index,
    use=_use_dataset,
    mistakes={
        "AlwaysTransformed": {"if self.transform is not None": "if True"},
        "NeverTransformed": {"if self.transform is not None": "if False"},
        "TransformedAtTheStart": {
            "= images, labels, transform": "= torch.stack([transform(x) for x in images]) if transform else images, labels, None"
        },
        "WrittenBack": {"image = self.transform(image)": "image = self.images[i] = self.transform(image)"},
        "LabelTransformed": {
            "image, self.labels[i]": "image, self.transform(self.labels[i]) if self.transform else self.labels[i]"
        },
        "LabelDropped": {"return image, self.labels[i]": "return image"},
        "LabelFirst": {"return image, self.labels[i]": "return self.labels[i], image"},
        "BatchOfOne": {"return image": "return image[None]"},
        "OneTooFew": {"len(self.images)": "len(self.images) - 1"},
        "LengthOfAnImage": {"len(self.images)": "len(self.images[0])"},
    },
)

# 07.accuracy: a share of the rows


def accuracy(scores, targets):
    """The share of rows whose largest score is at the target, a tensor (); scores (N, C), targets a column (N, 1)."""
    return (scores.argmax(1) == targets[:, 0]).float().mean()


def _scores(i):
    rows, classes = 6 + 2 * i, 4 + i % 2
    scores = torch.randn(rows, classes)
    targets = scores.argmax(1, keepdim=True)
    targets[: 2 + i % 2] = (targets[: 2 + i % 2] + 1) % classes  # two or three of them are wrong
    return {"scores": scores, "targets": targets}


ACCURACY = Function(
    id="07.accuracy",
    reference=accuracy,
    case=_scores,
    mistakes={
        "all_pairs": {"targets[:, 0]": "targets"},
        "all_pairs_over_n": {"targets[:, 0]).float().mean()": "targets).sum() / len(targets)"},
        "winners_of_the_columns": {"argmax(1) == targets[:, 0]": "argmax(0) == targets"},
        "hits": {"mean": "sum"},
        "errors": {"==": "!="},
        "percent": {"return": "return 100 *"},
        "probability": lambda scores, targets: scores.softmax(1).gather(1, targets).mean(),
        "above_a_half": {"scores.argmax(1) == targets[:, 0]": "scores.softmax(1).gather(1, targets) > 0.5"},
    },
)

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


def _labeled_images(i):
    images = torch.rand(7 + i, 1, 2, 2)
    labels = torch.randint(0, 10, (7 + i,))
    return {"images": images, "labels": labels, "tests": 3, "seed": int(torch.randint(99, ()))}


def _labels_in_both_parts(function):
    _, y, _, test_y = function(torch.rand(100, 1, 2, 2), torch.arange(100), 20, 0)
    return torch.isin(test_y, y).sum().item()  # every image has a label of its own


LEAKAGE = Repair(
    id="07.leakage",
    reference=prepare,
    case=_labeled_images,
    broken="copied_first",
    mistakes={
        "copied_first": copied_first,
        "copied_in_both": {
            "images[test]": "torch.cat([images[test], 0.8 * images[test]])",
            "labels[test]": "torch.cat([labels[test], labels[test]])",
        },
        "copies_of_all": {
            "0.8 * images[train]": "0.8 * images",
            "labels[train], labels[train]": "labels[train], labels",
        },
        "no_copies": {", 0.8 * images[train]": "", ", labels[train]": ""},
        "only_copies": {"images[train], ": "", "labels[train], ": ""},
        "labels_once": {", labels[train]": ""},
        "parts_exchanged": {"test, train =": "train, test ="},
        "not_shuffled": {
            "torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))": "torch.arange(len(images))"
        },
    },
    metric=_labels_in_both_parts,
)

# 07.mode: measure, and leave no trace


def measure(model, images, labels):
    """The accuracy of the model as it would be used, a number; the model is left in the mode it was in."""
    training = model.training
    model.eval()
    with torch.no_grad():
        hits = model(images).argmax(1) == labels
    model.train(training)
    return hits.float().mean().item()


class _RecordingNet(nn.Module):
    """Network with dropout and batch norm that counts how often it runs with gradients enabled."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
        self.graph = 0

    def forward(self, images):
        self.graph += torch.is_grad_enabled()
        return self.layers(images)


def _use_measure(function, images, labels, training):
    """Return the accuracy twice, the mode afterwards, the number of runs with a graph, and batch norm's running mean."""
    model = _RecordingNet().train(training)
    shares = [float(function(model, images, labels)) for _ in range(2)]
    norm = model.layers[0]
    return [*shares, int(model.training), model.graph, norm.running_mean]


def _batch_and_mode(i):
    images = 1 + torch.randn(12 + i, 6)
    return {
        "images": images,
        "labels": torch.randint(0, 3, (12 + i,)),
        "training": i % 2 == 0,
    }


MODE = Usage(
    id="07.mode",
    reference=measure,
    broken="measured_as_found",
    case=_batch_and_mode,
    use=_use_measure,
    mistakes={
        "measured_as_found": {
            "labels):": "labels):  # as tutorials measure",
            "    training = model.training\n    model.eval()\n    with torch.no_grad():\n        hits": "    hits",
            "    model.train(training)\n": "",
        },
        "no_grad_alone": {"model.eval()": ""},
        "eval_alone": {"no_grad": "enable_grad", "model.train(training)": ""},
        "left_in_eval": {"model.train(training)": ""},
        "always_to_train": {"model.train(training)": "model.train()"},
        "always_to_train_with_a_graph": {"no_grad": "enable_grad", "model.train(training)": "model.train()"},
        "with_a_graph": {"no_grad": "enable_grad"},
        "set_to_train": {"model.eval()": "model.train()", "model.train(training)": ""},
    },
)

# 07.gaps: fill a table with what the training rows tell


def fill(train, test):
    """Both tables (N, F) filled with the means of train's known numbers, and F columns more: 1 where a gap was, else 0."""
    mean = train.nanmean(0)

    def whole(x):
        gap = x.isnan()
        return torch.cat([torch.where(gap, mean, x), gap.float()], dim=1)

    return whole(train), whole(test)


def _tables_with_gaps(i):
    center = torch.tensor([20.0, 5.0, 100.0])
    train = center + torch.randn(6 + i, 3)
    test = center + 1 + torch.randn(4, 3)
    for column in range(3):  # a gap in every column, never three in a row
        train[2 * column % 6, column] = torch.nan
        test[column, column] = torch.nan
    if i % 2:
        test[:, 1] = torch.nan  # a column without a known number
    return {"train": train, "test": test}


GAPS = Function(
    id="07.gaps",
    reference=fill,
    case=_tables_with_gaps,
    mistakes={
        "mean_of_all_rows": {"train.nanmean": "torch.cat([train, test]).nanmean"},
        "each_its_own_mean": {"gap, mean, x": "gap, x.nanmean(0), x"},
        "mean_of_the_test_rows": {"train.nanmean": "test.nanmean"},
        "one_mean_for_all_columns": {"nanmean(0)": "nanmean()"},
        "means_of_rows": {"gap, mean, x": "gap, x.nanmean(1, keepdim=True), x"},
        "gaps_counted_as_zero": {"train.nanmean": "train.nan_to_num(0.0).mean"},
        "mean_with_its_gaps": {"nanmean": "mean"},
        "filled_with_zero": {"gap, mean, x": "gap, 0.0, x"},
        "not_marked": {", gap.float()": ""},
        "known_marked": {"gap.float()": "1 - gap.float()"},
        "marks_first": {"torch.where(gap, mean, x), gap.float()": "gap.float(), torch.where(gap, mean, x)"},
    },
)

ITEMS = (*PREDICTIONS, DATASET, ACCURACY, LEAKAGE, MODE, GAPS)
