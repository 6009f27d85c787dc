"""Lesson 05, multilayer perceptrons: its exercises."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.exercises.function import Function
from dlviz.exercises.lesson05.predictions import PREDICTIONS
from dlviz.exercises.model import Model
from dlviz.exercises.model_checks import classifier_checks, returns_logits, same_function
from dlviz.exercises.repair import Repair
from dlviz.exercises.report import Result

# 05.parameters: how many numbers a fully connected network learns


def parameters(sizes):
    """Return the number of parameters; sizes [64, 32, 10] mean Linear(64, 32) and Linear(32, 10)."""
    total = 0
    for i in range(len(sizes) - 1):
        weights = sizes[i] * sizes[i + 1]
        total = total + weights + sizes[i + 1]  # and a bias for each unit that comes out
    return total


def _sizes(i):
    return {"sizes": (torch.randperm(30)[: 3 + i % 3] + 3).tolist()}  # all different


PARAMETERS = Function(
    id="05.parameters",
    reference=parameters,
    case=_sizes,
    mistakes={
        "biases_forgotten": {"weights + sizes[i + 1]": "weights"},
        "bias_for_each_input": {"weights + sizes[i + 1]": "weights + sizes[i]"},
        "bias_for_the_input_too": {"total = 0": "total = sizes[0]"},
        "one_bias_a_layer": {"weights + sizes[i + 1]": "weights + 1"},
        "biases_only": {"total + weights": "total"},
        "units_counted": lambda sizes: sum(sizes),
        "first_layer_only": {"range(len(sizes) - 1)": "range(1)"},
    },
)

# 05.softmax: from logits to probabilities, however large they are


def softmax(z):
    """Return the probabilities (N, C) of logits z (N, C), as large as 1000; each row adds up to 1."""
    powers = torch.exp(z - z.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def _logits(i):
    # The first two stay small, so that the values in a report are readable: it shows the numbers of up to eight.
    z = 2 * torch.randn(4 + i if i > 1 else 2, 3 + i % 2)
    if i > 1:
        z[0] += 1000
        z[1] -= 1000
        z[2, -1] += 1000  # subtracting anything but the row's largest logit overflows in one of these three rows
        z[3, 0] += 1000
        z[4, 1] += 104
    return {"z": z.requires_grad_()}


SOFTMAX = Function(
    id="05.softmax",
    reference=softmax,
    case=_logits,
    mistakes={
        "overflowing": {" - z.amax(dim=1, keepdim=True)": ""},
        "largest_of_all_taken_off": {"z.amax(dim=1, keepdim=True)": "z.max()"},
        "mean_taken_off": {"z.amax(dim=1, keepdim=True)": "z.mean(dim=1, keepdim=True)"},
        "first_taken_off": {"z.amax(dim=1, keepdim=True)": "z[:, :1]"},
        "smallest_taken_off": {"z.amax(dim=1, keepdim=True)": "z.amin(dim=1, keepdim=True)"},
        "over_the_batch": {"amax(dim=1": "amax(dim=0", "sum(dim=1": "sum(dim=0"},
        "over_everything": {"amax(dim=1, keepdim=True)": "max()", "sum(dim=1, keepdim=True)": "sum()"},
        "over_the_batch_overflowing": {" - z.amax(dim=1, keepdim=True)": "", "sum(dim=1": "sum(dim=0"},
        "over_everything_overflowing": {" - z.amax(dim=1, keepdim=True)": "", "sum(dim=1, keepdim=True)": "sum()"},
        "divided_over_the_batch": {"sum(dim=1": "sum(dim=0"},
        "divided_by_everything": {"sum(dim=1, keepdim=True)": "sum()"},
        "clamped": {"z - z.amax(dim=1, keepdim=True)": "z.clamp(-80, 80)"},
        "clamped_above": {"z - z.amax(dim=1, keepdim=True)": "z.clamp(max=80)"},
        "not_divided": {" / powers.sum(dim=1, keepdim=True)": ""},
        "no_powers": {"torch.exp(z - z.amax(dim=1, keepdim=True))": "z"},
        "sigmoids": lambda z: z.sigmoid(),
        "logarithms": lambda z: z.log_softmax(dim=1),
    },
)

# 05.cross_entropy: what the right class was given


def cross_entropy(z, y):
    """Return the mean cross-entropy () of logits z (N, C), as large as 1000, and labels y (N,)."""
    right = z[torch.arange(len(y)), y]
    return (z.logsumexp(dim=1) - right).mean()


def _logits_and_labels(i):
    z = 2 * torch.randn(4 + i if i > 1 else 2, 3 + i % 3)
    y = torch.randint(z.shape[1], (len(z),))
    y[0] = z[0].argmin()  # at least one prediction is wrong
    if i == 2:
        z[1] += 1000
    if i == 3:
        z[0, y[0]] -= 1000  # certain, and wrong
    if i == 4:  # logsumexp by hand overflows if anything but the row's largest logit is subtracted
        z[2, 0] -= 1000
        z[3, -1] -= 1000
        z[4, 1] += 1000
    return {"z": z.requires_grad_(), "y": y}


def overflowing_softmax(z: Tensor) -> Tensor:
    """Return the probabilities (N, C) as the formula gives them, NaN where an exponential is inf."""
    return z.exp() / z.exp().sum(dim=1, keepdim=True)


def _of_probabilities(p: Tensor, y: Tensor) -> Tensor:
    return -p[torch.arange(len(y)), y].log().mean()


#: Mistakes that limit the loss of one example to a number of the answer's own, by name: functions of z, y and this limit.
LIMITED: dict[str, Callable[..., Tensor]] = {
    "limited": lambda z, y, limit: _of_probabilities(z.softmax(dim=1) + math.exp(-limit), y),
    "limited_and_overflowing": lambda z, y, limit: _of_probabilities(overflowing_softmax(z) + math.exp(-limit), y),
    "logits_clamped": lambda z, y, limit: nn.functional.cross_entropy(z.clamp(-limit, limit), y),
}


def _with_limit(limit: float) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    return {name: partial(mistake, limit=limit) for name, mistake in LIMITED.items()}


@dataclass(frozen=True, kw_only=True, repr=False)
class LimitedLoss(Function):
    """Exercise that also names an answer whose loss cannot exceed a limit, whatever the limit is."""

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge as a function; where no mistake is named, measure the answer's limit and compare again."""
        result = super().judge(answer, seed)
        if result.verdict != "wrong" or result.misconception or not callable(answer):
            return result
        certain = {"z": torch.tensor([[0.0, -1000.0, -1000.0]]), "y": torch.tensor([1])}
        limit = self._run(answer, certain, seed).value
        if not isinstance(limit, Tensor) or limit.numel() != 1 or not 1 < limit.item() < 500:
            return result
        again = replace(self, mistakes={**self.mistakes, **_with_limit(limit.item())})
        return Function.judge(again, answer, seed)


CROSS_ENTROPY = LimitedLoss(
    id="05.cross_entropy",
    reference=cross_entropy,
    case=_logits_and_labels,
    mistakes={
        "softmax_before": {"right = z": "z = z.softmax(dim=1); right = z"},
        "powers_overflow": {"z.logsumexp(dim=1)": "z.exp().sum(dim=1).log()"},
        "exponentials_divided": lambda z, y: _of_probabilities(overflowing_softmax(z), y),
        **_with_limit(20.72),  # -log(1e-9)
        "log_of_zero": {"z[torch": "z.softmax(dim=1)[torch", "(z.logsumexp(dim=1) - right)": "-right.log()"},
        "probability_itself": {"z[torch": "z.softmax(dim=1)[torch", "(z.logsumexp(dim=1) - right)": "-right"},
        "sign_missing": {"(z.logsumexp": "-(z.logsumexp"},
        "every_pair": lambda z, y: -z.log_softmax(dim=1)[:, y].mean(),
        "every_class": lambda z, y: -z.log_softmax(dim=1).mean(),
        "across_the_batch": lambda z, y: -z.log_softmax(dim=0)[torch.arange(len(y)), y].mean(),
        "own_guess": {"z[torch.arange(len(y)), y]": "z.amax(dim=1)"},
        "total": {"mean": "sum"},
        "one_for_each": {".mean()": ""},
    },
)

# 05.double: repaired, the softmax that the loss takes as well


def class_loss(x, y, w, b):
    """Return the mean cross-entropy () of logits x @ w.T + b; x (N, F), w (C, F), b (C,), labels y (N,)."""
    return nn.functional.cross_entropy(x @ w.T + b, y)


def _layer(i):
    rows, features, classes = 4 + max(0, i - 1), 2, 3 + i % 2  # a report shows the numbers of up to eight
    return {
        "x": torch.randn(rows, features),
        "y": torch.randint(classes, (rows,)),
        "w": torch.randn(classes, features).requires_grad_(),
        "b": torch.randn(classes).requires_grad_(),
    }


DOUBLE = Repair(
    id="05.double",
    reference=class_loss,
    case=_layer,
    broken="softmax_twice",
    mistakes={
        "softmax_twice": {
            "x, y, w, b):": "x, y, w, b):  # the code as it was found",
            "    return": "    scores = torch.softmax(x @ w.T + b, dim=1)\n    return",
            "cross_entropy(x @ w.T + b": "cross_entropy(scores",
        },
        "softmax_of_columns": {"x @ w.T + b": "torch.softmax(x @ w.T + b, dim=0)"},
        "sigmoid_before": {"x @ w.T + b": "torch.sigmoid(x @ w.T + b)"},
        "no_logarithm": {"cross_entropy(x @ w.T + b": "nll_loss(torch.softmax(x @ w.T + b, dim=1)"},
        "nll_of_logits": {"cross_entropy": "nll_loss"},  # as one tutorial's network and loss go together
        "bias_left_out": {" + b": ""},
    },
    metric=lambda function: function(torch.eye(10), torch.arange(10), 100 * torch.eye(10), torch.zeros(10)),
)

# 05.labels: repaired from a tutorial (C8), whose labels are indices of pixels


def digit_loss(scores, images, labels):
    """Return the mean cross-entropy () of scores (N, 10) of images (N, 784) with labels (N,)."""
    return nn.functional.cross_entropy(scores, labels)


def _scores(i):
    rows = 4 + i
    return {
        "scores": torch.randn(rows, 10).requires_grad_(),
        "images": torch.rand(rows, 784),
        "labels": torch.randint(10, (rows,)),
    }


def _confident(function):
    labels, answers, brightest = torch.tensor([[3, 1, 4, 1], [3, 1, 4, 0], [5, 9, 2, 6]])
    # The brightest pixel is one of the first ten, so that the code runs as it was found.
    return function(100.0 * torch.eye(10)[answers], torch.eye(784)[brightest], labels)


LABELS = Repair(
    id="05.labels",
    reference=digit_loss,
    case=_scores,
    broken="index_of_pixel",
    mistakes={
        "index_of_pixel": {
            "images, labels):": "images, labels):  # the code as it was found",
            "(scores, labels)": "(scores, torch.max(images, 1)[1])",
        },
        "taken_modulo_ten": {"scores, labels": "scores, torch.max(images, 1)[1] % 10"},
        "clamped_to_nine": {"scores, labels": "scores, torch.max(images, 1)[1].clamp(max=9)"},
        "of_ten_pixels": {"scores, labels": "scores, torch.max(images[:, :10], 1)[1]"},
        "own_guesses": {"scores, labels": "scores, torch.max(scores, 1)[1]"},
    },
    metric=_confident,
)

# 05.mlp: a first class derived from nn.Module


class MLP(nn.Module):
    """Map digits (N, 1, 8, 8) to logits (N, 10), with 32 hidden units and ReLU."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 32)
        self.output = nn.Linear(32, 10)

    def forward(self, images):
        return self.output(torch.relu(self.hidden(images.flatten(1))))


MLP_MODEL = Model(
    id="05.mlp",
    reference=MLP,
    starter_changes={
        "        self.hidden = nn.Linear(64, 32)\n        self.output = nn.Linear(32, 10)\n": "        ...\n",
        "self.output(torch.relu(self.hidden(images.flatten(1))))": "...",
    },
    example_shape=(1, 8, 8),
    checks=(*classifier_checks(parameters=2410), returns_logits, same_function(MLP)),
)

# 05.net: a network repaired (C1)


class Net(nn.Module):
    """Map digits (N, 1, 28, 28) to logits (N, 10), with 128 and 64 hidden units and ReLU."""

    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        x = x.flatten(1)
        x = nn.functional.relu(self.hidden1(x))
        x = nn.functional.relu(self.hidden2(x))
        return self.output(x)


NET = Model(
    id="05.net",
    reference=Net,
    starter_changes={
        "(nn.Module):": "(nn.Module):  # as it was found: nothing here imports F",
        "nn.functional.relu(self.hidden1": "F.relu(self.hidden1",
        "nn.functional.relu(self.hidden2": "F.relu(self.hidden2",
    },
    example_shape=(1, 28, 28),
    checks=(*classifier_checks(parameters=109386), returns_logits, same_function(Net)),
)

ITEMS = (*PREDICTIONS, SOFTMAX, CROSS_ENTROPY, MLP_MODEL, PARAMETERS, NET, DOUBLE, LABELS)
