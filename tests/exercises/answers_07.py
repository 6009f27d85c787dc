"""Lesson 07: more right answers and more wrong ones."""

import copy

import torch
from torch import nn
from torch.utils.data import Dataset, StackDataset

from dlviz.exercises.lesson07.exercises import Digits, accuracy, fill, measure, precision_recall_f1, prepare
from dlviz.exercises.mistakes import as_functions

# Datasets


class NotInherited:
    """A dataset needs a length and items, and no base class."""

    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = list(images), labels.tolist(), transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i].clone()
        return [self.transform(image) if self.transform else image, self.labels[i]]


class Stacked(Dataset):
    def __init__(self, images, labels, transform=None):
        self.pairs = StackDataset(images, labels)
        self.transform = (lambda image: image) if transform is None else transform

    def __len__(self):
        return self.pairs.__len__()

    def __getitem__(self, index):
        image, label = self.pairs[index]
        return self.transform(image), label


class Remembered(Digits):
    """Transforms each image once and gives the same result in every epoch."""

    def __init__(self, images, labels, transform=None):
        super().__init__(images, labels, transform)
        self.seen = {}

    def __getitem__(self, i):
        if i not in self.seen:
            self.seen[i] = super().__getitem__(i)
        return self.seen[i]


DATASETS = as_functions(
    Digits,
    {
        "transformed_twice": {"image = self.transform(image)": "image = self.transform(self.transform(image))"},
        "next_label": {"image, self.labels[i]": "image, self.labels[i - 1]"},
        "from_the_end": {"image = self.images[i]": "image = self.images[-1 - i]"},
        "float_labels": {"image, self.labels[i]": "image, self.labels[i].float()"},
        "label_column": {"image, self.labels[i]": "image, self.labels[i : i + 1]"},
        "flat": {"return image": "return image.flatten()"},
        "whole_batch": {"image = self.images[i]": "image = self.images"},
        "every_other_transformed": {"is not None": "is not None and i % 2"},
        "three_parts": {"return image, self.labels[i]": "return image, self.labels[i], i"},
        "only_with_a_transform": {"        return image": "            return image"},
        "one_too_many": {"len(self.images)": "len(self.images) + 1"},
        "scaled": {"image = self.images[i]": "image = self.images[i] / 255"},
        "number_of_pixels": {"len(self.images)": "self.images.numel()"},
    },
)

# Accuracy


def accuracy_by_gather(scores, targets):
    return (scores.gather(1, targets) == scores.amax(dim=1, keepdim=True)).float().mean()


def accuracy_by_topk(scores, targets):
    return (scores.topk(1, dim=1).indices == targets).to(torch.float32).mean()


def accuracy_without_the_wrong(scores, targets):
    wrong = torch.count_nonzero(scores.argmax(dim=-1) - targets.flatten())
    return 1 - wrong / len(targets)


def accuracy_row_by_row(scores, targets):
    return torch.tensor([float(row.argmax() == target) for row, target in zip(scores, targets, strict=True)]).mean()


def balanced(scores, targets):
    found = scores.argmax(1)
    recalls = [(found[targets[:, 0] == c] == c).float().mean() for c in targets.unique()]
    return torch.stack(recalls).mean()


ACCURACIES = [
    *as_functions(
        accuracy,
        {
            "smallest": {"argmax": "argmin"},
            "absolute": {"scores.argmax": "scores.abs().argmax"},
            "first_half": {".float()": ".float()[: len(scores) // 2]"},
            "two_decimals": {".float().mean()": ".float().mean().round(decimals=2)"},
            "percent_as_int": {".float().mean()": ".float().mean().mul(100).long()"},
            "one_for_each": {".float().mean()": ".float()"},
            "kept": {".mean()": ".mean(0, keepdim=True)"},
            "of_the_classes": {".float().mean()": ".sum() / scores.shape[1]"},
            "bool": {".float().mean()": ".all()"},
            "error_rate": {"return ": "return 1 - "},
        },
    ).values(),
    lambda scores, targets: (scores.topk(2, dim=1).indices == targets).any(dim=1).float().mean(),
    lambda scores, targets: (scores.argmax(1) == targets[:, 0]).float().mean().item(),
    balanced,
]

# Leakage


def split_with_slices(images, labels, tests, seed):
    generator = torch.Generator()
    generator.manual_seed(seed)
    order = torch.randperm(labels.shape[0], generator=generator).tolist()
    x, y = images[order[tests:]], labels[order[tests:]]
    return [torch.vstack((x, x * 0.8)), torch.hstack((y, y)), images[order[:tests]], labels[order[:tests]]]


def split_then_scaled_by_broadcasting(images, labels, tests, seed):
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    test, train = order.tensor_split([tests])
    scale = torch.tensor([1.0, 0.8]).reshape(2, 1, 1, 1, 1)
    return (scale * images[train]).flatten(0, 1), labels[train].repeat(2), images[test], labels[test]


LEAKS = as_functions(
    prepare,
    {
        "test_from_the_end": {"order[:tests], order[tests:]": "order[-tests:], order[:-tests]"},
        "one_copy_too_few": {
            "0.8 * images[train]": "0.8 * images[train[1:]]",
            "labels[train]])": "labels[train[1:]]])",
        },
        "original_paler": {"[images[train], 0.8 *": "[0.8 * images[train],"},
        "copies_first": {"[images[train], 0.8 * images[train]]": "[0.8 * images[train], images[train]]"},
        "three_times": {
            "0.8 * images[train]": "0.8 * images[train], 0.8 * images[train]",
            "labels[train]])": "labels[train], labels[train]])",
        },
        "too_pale": {"0.8 *": "0.5 *"},
        "seed_ignored": {"manual_seed(seed)": "manual_seed(0)"},
        "copies_of_the_test": {"0.8 * images[train]": "0.8 * images[order]", "labels[train]])": "labels[order]])"},
        "labels_of_the_file": {"labels[train], labels[train]": "labels[tests:], labels[tests:]"},
        "pale_test": {"return x, y, images[test]": "return x, y, 0.8 * images[test]"},
        "test_first": {"return x, y, images[test], labels[test]": "return images[test], labels[test], x, y"},
        "interleaved": {
            "torch.cat([images[train], 0.8 * images[train]])": (
                "torch.stack([images[train], 0.8 * images[train]], 1).flatten(0, 1)"
            ),
            "torch.cat([labels[train], labels[train]])": "labels[train].repeat_interleave(2)",
        },
    },
)

# Mode


def measured_on_a_copy(model, images, labels):
    with torch.no_grad():
        return (copy.deepcopy(model).eval()(images).argmax(1) == labels).float().mean().item()


def measured_with_flags(model, images, labels):
    mode = model.training
    model.train(False)
    with torch.set_grad_enabled(False):
        found = model(images).argmax(dim=1)
    model.train(mode)
    return torch.sum(found == labels).item() / labels.numel()


def measured_in_batches(model, images, labels):
    mode, right = model.training, 0
    model.eval()
    with torch.no_grad():
        for x, y in zip(images.split(5), labels.split(5), strict=True):
            right += (model(x).argmax(1) == y).sum()
    model.train(mode)
    return right / len(labels)


def mean_of_batch_means(model, images, labels):
    mode = model.training
    model.eval()
    with torch.no_grad():
        parts = [
            (model(x).argmax(1) == y).float().mean() for x, y in zip(images.split(5), labels.split(5), strict=True)
        ]
    model.train(mode)
    return torch.stack(parts).mean().item()


def dropout_alone_switched_off(model, images, labels):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


def gradients_off_and_forgotten(model, images, labels):
    mode = model.training
    torch.set_grad_enabled(False)
    share = (model.eval()(images).argmax(1) == labels).float().mean().item()
    model.train(mode)
    return share


def frozen(model, images, labels):
    mode = model.training
    for parameter in model.parameters():
        parameter.requires_grad = False
    with torch.no_grad():
        share = (model.eval()(images).argmax(1) == labels).float().mean().item()
    model.train(mode)
    return share


MODES = [
    *as_functions(
        measure,
        {
            "as_text": {"return hits.float().mean().item()": "return str(hits.float().mean().item())"},
            "opposite": {"model.train(training)": "model.train(not training)"},
            "percent": {"return hits": "return 100 * hits"},
            "hits": {"hits.float().mean()": "hits.float().sum()"},
            "errors": {"==": "!="},
            "columns": {"argmax(1) == labels": "argmax(0)[:1] == labels"},
            "children_stay": {"model.train(training)": "model.training = training"},
            "eval_late": {"model.eval()": "", "hits = model": "hits = model.train()"},
            "detached_only": {
                "with torch.no_grad():": "if True:",
                "model(images)": "model(images).detach()",
            },
        },
    ).values(),
    mean_of_batch_means,
    dropout_alone_switched_off,
    gradients_off_and_forgotten,
    frozen,
]

# Gaps


def filled_by_nan_to_num(train, test):
    means = torch.nanmean(train, dim=0, keepdim=True)
    return tuple(
        torch.cat([x.nan_to_num(0.0) + x.isnan() * means, x.isnan().to(torch.float32)], dim=-1) for x in (train, test)
    )


def filled_with_counts(train, test):
    known = ~train.isnan()
    means = torch.where(known, train, 0.0).sum(0) / known.sum(0)
    both = torch.cat([train, test])
    filled = torch.cat([both.where(~both.isnan(), means), both.isnan().float()], dim=1)
    return filled[: len(train)], filled[len(train) :]


def filled_in_place(train, test):
    mean = train.nanmean(0)
    tables = []
    for x in (train, test):
        gap = x.isnan()
        x[gap] = mean.expand_as(x)[gap]
        tables.append(torch.cat([x, gap.float()], dim=1))
    return tables


def marked_after_filling(train, test):
    mean = train.nanmean(0)
    filled = [torch.where(x.isnan(), mean, x) for x in (train, test)]
    return tuple(torch.cat([x, x.isnan().float()], dim=1) for x in filled)


GAPS = [
    *as_functions(
        fill,
        {
            "median": {"train.nanmean(0)": "train.nanmedian(0).values"},
            "test_not_filled": {"whole(test)": "torch.cat([test, test.isnan().float()], dim=1)"},
            "test_left_alone": {"whole(test)": "test"},
            "bool_marks": {"torch.where(gap, mean, x), gap.float()": "torch.where(gap, mean, x).bool(), gap"},
            "one_mark": {"gap.float()": "gap.any(dim=1, keepdim=True).float()"},
            "rows_below": {"dim=1": "dim=0"},
            "scaled": {"torch.where(gap, mean, x)": "torch.where(gap, mean, x) - mean"},
            "only_train": {"whole(train), whole(test)": "whole(train)"},
            "exchanged": {"whole(train), whole(test)": "whole(test), whole(train)"},
            "largest": {"train.nanmean(0)": "train.nan_to_num(-1e9).amax(0)"},
            "rounded": {"train.nanmean(0)": "train.nanmean(0).round()"},
            "all_replaced": {"torch.where(gap, mean, x)": "mean.expand_as(x)"},
        },
    ).values(),
    filled_in_place,
    marked_after_filling,
]

# Precision, recall and F1


def scores_as_tensors(predicted, actual):
    hits = (predicted & actual).sum()
    return tuple(hits / n.clamp(min=1) for n in (predicted.sum(), actual.sum(), (predicted.sum() + actual.sum()) / 2))


def scores_by_counts(predicted, actual):
    tp = fp = fn = 0
    for says, true in zip(predicted.tolist(), actual.tolist(), strict=True):
        tp, fp, fn = tp + (says and true), fp + (says and not true), fn + (true and not says)
    precision = tp / (tp + fp) if tp + fp else 0
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return [precision, recall, f1]


def scores_by_nan_to_num(predicted, actual):
    hits = (predicted * actual).sum()
    precision, recall = hits / predicted.sum(), hits / actual.sum()
    f1 = 2 * precision * recall / (precision + recall)
    return torch.stack([precision, recall, f1]).nan_to_num(0.0)


PRECISIONS = [
    *as_functions(
        precision_recall_f1,
        {
            "either": {"predicted & actual": "predicted | actual"},
            "agreement": {"predicted & actual": "predicted == actual"},
            "geometric": {
                "2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)": "(precision * recall) ** 0.5",
            },
            "smaller": {
                "2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)": "min(precision, recall)",
            },
            "jaccard": {
                "2 * hits / max(predicted.sum().item() + actual.sum().item(), 1)": (
                    "hits / max((predicted | actual).sum().item(), 1)"
                ),
            },
            "percent": {"return precision": "return 100 * precision"},
            "rounded": {"return precision, recall, f1": "return round(precision, 1), round(recall, 1), round(f1, 1)"},
            "never_below": {"max(predicted.sum().item(), 1)": "(predicted.sum().item() + 1)"},
            "one_for_no_positives": {
                "hits / max(actual.sum().item(), 1)": "hits / actual.sum().item() if actual.any() else 1.0",
            },
            "f1_first": {"return precision, recall, f1": "return f1, precision, recall"},
            "as_texts": {"return precision, recall, f1": "return str(precision), str(recall), str(f1)"},
            "no_f1": {"return precision, recall, f1": "return precision, recall"},
        },
    ).values(),
    lambda predicted, actual: (0.0, 0.0, 0.0),
]

ACCEPTED = {
    "07.dataset": [NotInherited, Stacked],
    "07.accuracy": [accuracy_by_gather, accuracy_by_topk, accuracy_without_the_wrong, accuracy_row_by_row],
    "07.leakage": [split_with_slices, split_then_scaled_by_broadcasting],
    "07.mode": [measured_on_a_copy, measured_with_flags, measured_in_batches],
    "07.gaps": [filled_by_nan_to_num, filled_with_counts],
    "07.precision": [scores_as_tensors, scores_by_counts, scores_by_nan_to_num],
}
REJECTED = {
    "07.dataset": [*DATASETS.values(), Remembered],
    "07.accuracy": ACCURACIES,
    "07.leakage": [*LEAKS.values()],
    "07.mode": MODES,
    "07.gaps": GAPS,
    "07.precision": PRECISIONS,
}
