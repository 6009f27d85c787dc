"""Lesson 07, data and evaluation: its exercises."""

from itertools import count
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from dlviz.exercises.function import Function
from dlviz.exercises.lesson07.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.usage import Usage


def _number(value: Any) -> Any:
    """Return a number, or a tensor or array that holds a single one, as a float; anything else, such as text, as it is."""
    return float(value) if isinstance(value, (Real, Tensor, np.ndarray, np.generic)) else value


# 07.dataset: a map-style dataset with a transform


class Digits(Dataset):
    """Dataset whose item i is the pair (image i, label i); transform changes the image at every access."""

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
    """Return the length, item i without a transform and with one, and the batches of two epochs."""
    items = [_item(dataset(images, labels)[i]), _item(dataset(images.clone(), labels, lambda image: image + 1)[i])]
    if not all(isinstance(item, (tuple, list)) for item in items):  # no batch can be made, or none that is of use
        return [len(dataset(images, labels)), *items, None, None]
    calls = count(1)
    changed = dataset(
        images, labels, lambda image: image + next(calls)
    )  # differs at every call, like a random transform
    batches = [next(iter(DataLoader(changed, batch_size=len(images)))) for _ in range(2)]
    return [len(changed), *items, *batches]


def _item(item):
    """Return an item with its label as a number, whether that is a tensor or not; in place of a dict, only what it is."""
    if isinstance(item, dict):
        return "dict"  # two dicts of tensors cannot be compared
    return (item[0], _number(item[1])) if _is_labeled(item) else item


def _is_labeled(item):
    """Return whether an item is a pair whose second part holds a single number."""
    is_pair = isinstance(item, (tuple, list)) and len(item) == 2
    return is_pair and (not isinstance(item[1], Tensor) or item[1].numel() == 1)


def _images_and_index(i):
    images = torch.rand(3 + i, 1, 2 if i else 1, 2)  # the first are so small that their numbers are shown
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
        "TransformedTogether": {
            "= images, labels, transform": "= transform(images) if transform else images, labels, None"
        },
        "WrittenBack": {"image = self.transform(image)": "image = self.images[i] = self.transform(image)"},
        "LabelTransformed": {
            "image, self.labels[i]": "image, self.transform(self.labels[i]) if self.transform else self.labels[i]"
        },
        "LabelDropped": {"return image, self.labels[i]": "return image"},
        "LabelFirst": {"return image, self.labels[i]": "return self.labels[i], image"},
        "NothingReturned": {"return image, self.labels[i]": "image, self.labels[i]"},
        "ItemIsADict": {"return image, self.labels[i]": 'return {"image": image, "label": self.labels[i]}'},
        "BatchOfOne": {"return image": "return image[None]"},
        "OneTooFew": {"len(self.images)": "len(self.images) - 1"},
        "LengthOfAnImage": {"len(self.images)": "len(self.images[0])"},
    },
)

# 07.accuracy: a fraction of the rows


def accuracy(scores, targets):
    """Return the fraction of correct rows, a tensor (); scores (N, C), targets (N, 1)."""
    return (scores.argmax(1) == targets[:, 0]).float().mean()


def _scores(i):
    rows, classes = 6 + 2 * i, 4 + i % 2
    scores = torch.randn(rows, classes)
    targets = scores.argmax(1, keepdim=True)
    targets[: 2 + i % 2] = (targets[: 2 + i % 2] + 1) % classes  # two or three of them are wrong
    targets[0] = scores[0].topk(2).indices[1]  # one of these is the second best: top-2 accuracy differs
    return {"scores": scores, "targets": targets}


ACCURACY = Function(
    id="07.accuracy",
    reference=accuracy,
    case=_scores,
    mistakes={
        "all_pairs": {"targets[:, 0]": "targets"},
        "all_pairs_over_n": {"targets[:, 0]).float().mean()": "targets).sum() / len(targets)"},
        "first_target": {"targets[:, 0]": "targets[0]"},
        "as_number": {".mean()": ".mean().item()"},
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
    """Return training images and their paler copies, their labels, test images, their labels."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    test, train = order[:tests], order[tests:]
    x = torch.cat([images[train], 0.8 * images[train]])
    y = torch.cat([labels[train], labels[train]])
    return x, y, images[test], labels[test]


def copied_first(images, labels, tests, seed):  # the code as it was found
    """Return training images and their paler copies, their labels, test images, their labels."""
    x = torch.cat([images, 0.8 * images])
    y = torch.cat([labels, labels])
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    test, train = order[:tests], order[tests:]
    return x[train], y[train], x[test], y[test]


def _labeled_images(i):
    if i == 0:  # so small that its numbers are shown
        return {"images": torch.rand(4, 1, 1, 2), "labels": torch.randint(0, 10, (4,)), "tests": 2, "seed": 3}
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
        "last_are_the_test": {"order[:tests], order[tests:]": "order[-tests:], order[:-tests]"},
        "not_shuffled": {
            "torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))": "torch.arange(len(images))"
        },
    },
    metric=_labels_in_both_parts,
)

# 07.mode: measure, and leave no trace


def measure(model, images, labels):
    """Return the accuracy in eval mode, a number; build no graph and leave the model in its mode."""
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
    """Return the accuracy twice, the mode afterwards, the number of runs with a graph, and what else may have changed."""
    model = _RecordingNet().train(training)
    first = _number(function(model, images, labels))
    modes = [model.training, all(module.training == model.training for module in model.modules())]
    again = _number(function(model, images, labels))
    trainable = sum(p.requires_grad for p in model.parameters())
    norm = model.layers[0]
    return [
        first,
        again,
        *map(int, modes),
        model.graph,
        int(torch.is_grad_enabled()),
        trainable,
        norm.running_mean,
        norm.running_var,
    ]


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
            "labels):": "labels):  # the code as it was found",
            "    training = model.training\n    model.eval()\n    with torch.no_grad():\n        hits": "    hits",
            "    model.train(training)\n": "",
        },
        "no_grad_alone": {"model.eval()": ""},
        "eval_alone": {"no_grad": "enable_grad", "model.train(training)": ""},
        "left_in_eval": {"model.train(training)": ""},
        "always_to_train": {"model.train(training)": "model.train()"},
        "always_to_train_with_a_graph": {"no_grad": "enable_grad", "model.train(training)": "model.train()"},
        "with_a_graph": {"no_grad": "enable_grad"},
        "flag_alone": {"model.train(training)": "model.training = training"},
        "hits_counted": {"hits.float().mean()": "hits.float().sum()"},
        "set_to_train": {"model.eval()": "model.train()", "model.train(training)": ""},
        "gradients_left_off": {
            "    with torch.no_grad():\n        hits": "    torch.set_grad_enabled(False)\n    hits",
        },
        "parameters_frozen": {
            "with torch.no_grad()": "with model.requires_grad_(False) and torch.no_grad()",
        },
    },
)

# 07.gaps: fill a table with what the training rows tell


def fill(train, test):
    """Return both tables (N, 2F): gaps filled with train's column means, then 1 for a gap, else 0."""
    mean = train.nanmean(0)

    def whole(x):
        gap = x.isnan()
        return torch.cat([torch.where(gap, mean, x), gap.float()], dim=1)

    return whole(train), whole(test)


def _tables_with_gaps(i):
    if i == 0:  # so small that its numbers are shown
        train, test = 5 + torch.randn(2, 2), 6 + torch.randn(2, 2)
        train[0, 1] = train[1, 0] = test[1, 1] = torch.nan
        return {"train": train, "test": test}
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
        "filled_with_the_median": {"train.nanmean(0)": "train.nanmedian(0).values"},
        "where_exchanged": {"gap, mean, x": "gap, x, mean"},
        "compared_with_nan": {"x.isnan()": "x == torch.nan"},
        "marked_after_filling": {"gap.float()": "torch.zeros_like(x)"},
        "not_marked": {", gap.float()": ""},
        "known_marked": {"gap.float()": "1 - gap.float()"},
        "marks_first": {"torch.where(gap, mean, x), gap.float()": "gap.float(), torch.where(gap, mean, x)"},
    },
)

# 07.precision: three scores of a yes-or-no question


def precision_recall_f1(predicted, actual):
    """Return precision, recall and F1, three numbers; predicted and actual are boolean (N,)."""
    hits = (predicted & actual).sum().item()
    precision = hits / max(predicted.sum().item(), 1)
    recall = hits / max(actual.sum().item(), 1)
    f1 = 2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)
    return precision, recall, f1


def _use_precision(function, predicted, actual):
    """Return the three scores as floats if they are numbers, whether they came as numbers or as tensors."""
    return [_number(score) for score in function(predicted, actual)]


def _as_nan(predicted, actual):
    hits = (predicted & actual).sum()
    precision, recall = hits / predicted.sum(), hits / actual.sum()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _as_nan_except_for_f1(predicted, actual):
    hits = (predicted & actual).sum()
    return hits / predicted.sum(), hits / actual.sum(), 2 * hits / (predicted.sum() + actual.sum())


def _answers_and_truth(i):
    # True positives, false positives, false negatives, true negatives.
    counts = ((4, 1, 3, 6), (2, 5, 1, 9), (6, 2, 4, 5), (0, 0, 3, 8), (0, 4, 0, 7))[i]
    kinds = torch.repeat_interleave(torch.arange(4), torch.tensor(counts))[torch.randperm(sum(counts))]
    return {"predicted": kinds < 2, "actual": kinds % 2 == 0}


PRECISION = Usage(
    id="07.precision",
    reference=precision_recall_f1,
    case=_answers_and_truth,
    use=_use_precision,
    mistakes={
        "exchanged": {"return precision, recall, f1": "return recall, precision, f1"},
        "plain_mean": {
            "2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)": "(precision + recall) / 2",
        },
        "f1_without_the_two": {"2 * hits": "hits"},
        "product": {
            "2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)": "precision * recall",
        },
        "f1_denominator_below_one": {
            "2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)": (
                "2 * precision * recall / max(precision + recall, 1)"
            ),
        },
        "agreement_counted": {"predicted & actual": "predicted == actual"},
        "accuracy_for_precision": {
            "hits / max(predicted.sum().item(), 1)": "(predicted == actual).float().mean().item()",
        },
        "divided_by_all": {
            "max(predicted.sum().item(), 1)": "len(predicted)",
            "max(actual.sum().item(), 1)": "len(actual)",
        },
        "recall_of_the_negatives": {
            "hits / max(actual.sum().item(), 1)": "(~predicted & ~actual).sum().item() / max((~actual).sum().item(), 1)",
        },
        "negative_class": {
            "hits = (predicted & actual)": "predicted, actual = ~predicted, ~actual\n    hits = (predicted & actual)",
        },
        "nan": _as_nan,
        "nan_except_for_f1": _as_nan_except_for_f1,
        "divided_by_zero": {
            "max(predicted.sum().item(), 1)": "predicted.sum().item()",
            "max(actual.sum().item(), 1)": "actual.sum().item()",
        },
        "one_for_nothing": {
            "hits / max(predicted.sum().item(), 1)": "hits / predicted.sum().item() if predicted.any() else 1.0",
        },
    },
)

ITEMS = (*PREDICTIONS, DATASET, LEAKAGE, GAPS, MODE, ACCURACY, PRECISION)
