"""Lesson 05, multilayer perceptrons: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does. The ones that were found in tutorials say so.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D102, D103, F821 - a mistake's name says what it does, what learners read stays short, and one class lacks an import

from typing import Any

import torch
from torch import Tensor, nn

from dlviz.exercises.function import Function
from dlviz.exercises.lesson05.predictions import PREDICTIONS
from dlviz.exercises.model import Model
from dlviz.exercises.model_checks import bends, gives, gradients, holds, keeps_input, logits, registered, rows_apart
from dlviz.exercises.repair import Repair

# 05.parameters: how many numbers a fully connected network learns


def parameters(sizes):
    """How many parameters linear layers of these sizes have: [64, 32, 10] is Linear(64, 32) and Linear(32, 10)."""
    total = 0
    for i in range(len(sizes) - 1):
        weights = sizes[i] * sizes[i + 1]
        total = total + weights + sizes[i + 1]  # and a bias for each unit that comes out
    return total


def biases_forgotten(sizes):
    return sum(sizes[i] * sizes[i + 1] for i in range(len(sizes) - 1))


def bias_for_each_input(sizes):
    return biases_forgotten(sizes) + sum(sizes[:-1])


def bias_for_the_input_too(sizes):
    return biases_forgotten(sizes) + sum(sizes)


def one_bias_a_layer(sizes):
    return biases_forgotten(sizes) + len(sizes) - 1


def biases_only(sizes):
    return sum(sizes[1:])


def units_counted(sizes):
    return sum(sizes)


def first_layer_only(sizes):
    return parameters(sizes[:2])


def _sizes(generator: torch.Generator, i: int) -> dict[str, Any]:
    return {"sizes": (torch.randperm(30, generator=generator)[: 3 + i % 3] + 3).tolist()}  # no two are the same


# 05.softmax: from logits to probabilities, however large they are


def softmax(z):
    """Probabilities of logits: z (N, C), whose rows may be as large as 1000, to (N, C); every row adds up to 1."""
    powers = torch.exp(z - z.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def overflowing(z):
    return z.exp() / z.exp().sum(dim=1, keepdim=True)


def largest_of_all_taken_off(z):
    powers = torch.exp(z - z.max())
    return powers / powers.sum(dim=1, keepdim=True)


def over_the_batch(z):
    return z.softmax(dim=0)


def over_everything(z):
    return z.flatten().softmax(dim=0).view_as(z)


def not_divided(z):
    return torch.exp(z - z.amax(dim=1, keepdim=True))


def no_powers(z):
    return z / z.sum(dim=1, keepdim=True)


def sigmoids(z):
    return z.sigmoid()


def logarithms(z):
    return z.log_softmax(dim=1)


def _logits(generator: torch.Generator, i: int) -> dict[str, Any]:
    z = 2 * torch.randn(4 + i, 3 + i % 2, generator=generator)
    if i > 1:  # the first two stay small: what is shown beside a wrong answer can then be read
        z[0] += 1000
        z[1] -= 1000
    return {"z": z.requires_grad_()}


# 05.cross_entropy: what the right class was given


def cross_entropy(z, y):
    """The mean cross-entropy of logits z (N, C), possibly as large as 1000, and labels y (N,): a tensor ()."""
    right = z[torch.arange(len(y)), y]
    return (z.logsumexp(dim=1) - right).mean()


def softmax_before(z, y):
    return cross_entropy(z.softmax(dim=1), y)


def powers_overflow(z, y):
    return (z.exp().sum(dim=1).log() - z[torch.arange(len(y)), y]).mean()


def log_of_zero(z, y):
    return -z.softmax(dim=1)[torch.arange(len(y)), y].log().mean()


def probability_itself(z, y):
    return -z.softmax(dim=1)[torch.arange(len(y)), y].mean()


def sign_missing(z, y):
    return -cross_entropy(z, y)


def every_pair(z, y):
    return -z.log_softmax(dim=1)[:, y].mean()


def every_class(z, y):
    return -z.log_softmax(dim=1).mean()


def across_the_batch(z, y):
    return -z.log_softmax(dim=0)[torch.arange(len(y)), y].mean()


def own_guess(z, y):
    return cross_entropy(z, z.argmax(dim=1))


def total(z, y):
    return cross_entropy(z, y) * len(y)


def one_for_each(z, y):
    return z.logsumexp(dim=1) - z[torch.arange(len(y)), y]


def _labeled(generator: torch.Generator, i: int) -> dict[str, Any]:
    z = 2 * torch.randn(4 + i, 3 + i % 3, generator=generator)
    y = torch.randint(z.shape[1], (len(z),), generator=generator)
    y[0] = z[0].argmin()  # one of them at least is guessed wrong
    if i == 2:
        z[1] += 1000
    if i == 3:
        z[0, y[0]] -= 1000  # sure, and wrong
    return {"z": z.requires_grad_(), "y": y}


# 05.double: repaired, the softmax that the loss takes as well


def class_loss(x, y, w, b):
    """The mean cross-entropy of the linear layer x @ w.T + b: x (N, F), labels y (N,), w (C, F), b (C,); a tensor ()."""
    return nn.functional.cross_entropy(x @ w.T + b, y)


def softmax_twice(x, y, w, b):  # the code as it was found
    """The mean cross-entropy of the linear layer x @ w.T + b: x (N, F), labels y (N,), w (C, F), b (C,); a tensor ()."""
    scores = torch.softmax(x @ w.T + b, dim=1)
    return nn.functional.cross_entropy(scores, y)


def softmax_of_columns(x, y, w, b):
    return nn.functional.cross_entropy(torch.softmax(x @ w.T + b, dim=0), y)


def sigmoid_before(x, y, w, b):
    return nn.functional.cross_entropy(torch.sigmoid(x @ w.T + b), y)


def no_logarithm(x, y, w, b):
    return nn.functional.nll_loss(torch.softmax(x @ w.T + b, dim=1), y)


def nll_of_logits(x, y, w, b):  # as one tutorial's network and loss go together
    return nn.functional.nll_loss(x @ w.T + b, y)


def bias_left_out(x, y, w, b):
    return nn.functional.cross_entropy(x @ w.T, y)


def _layer(generator: torch.Generator, i: int) -> dict[str, Any]:
    rows, features, classes = 5 + i, 4, 3 + i % 2
    return {
        "x": torch.randn(rows, features, generator=generator),
        "y": torch.randint(classes, (rows,), generator=generator),
        "w": torch.randn(classes, features, generator=generator).requires_grad_(),
        "b": torch.randn(classes, generator=generator).requires_grad_(),
    }


def _sure(function):
    return function(torch.eye(10), torch.arange(10), 100 * torch.eye(10), torch.zeros(10))


# 05.labels: repaired from a tutorial (C8), whose labels are places of pixels


def digit_loss(scores, images, labels):
    """The mean cross-entropy of scores (N, 10) given to images (N, 784) whose digits are labels (N,): a tensor ()."""
    return nn.functional.cross_entropy(scores, labels)


def places_of_pixels(scores, images, labels):  # the code as it was found
    """The mean cross-entropy of scores (N, 10) given to images (N, 784) whose digits are labels (N,): a tensor ()."""
    return nn.functional.cross_entropy(scores, torch.max(images, 1)[1])


def taken_modulo_ten(scores, images, labels):
    return nn.functional.cross_entropy(scores, torch.max(images, 1)[1] % 10)


def clamped_to_nine(scores, images, labels):
    return nn.functional.cross_entropy(scores, torch.max(images, 1)[1].clamp(max=9))


def of_ten_pixels(scores, images, labels):
    return nn.functional.cross_entropy(scores, torch.max(images[:, :10], 1)[1])


def own_guesses(scores, images, labels):
    return nn.functional.cross_entropy(scores, torch.max(scores, 1)[1])


def _scored(generator: torch.Generator, i: int) -> dict[str, Any]:
    rows = 4 + i
    return {
        "scores": torch.randn(rows, 10, generator=generator).requires_grad_(),
        "images": torch.rand(rows, 784, generator=generator),
        "labels": torch.randint(10, (rows,), generator=generator),
    }


def _on_the_page(function):
    return function(*_scored(torch.Generator().manual_seed(0), 0).values())


# 05.net: a network repaired (C1)


class Net(nn.Module):
    """Digits (N, 1, 28, 28) to logits (N, 10): 784 pixels, 128 and 64 hidden units with ReLU, 10 outputs."""

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


class Found(nn.Module):  # as it was found: nothing here imports F
    """Digits (N, 1, 28, 28) to logits (N, 10): 784 pixels, 128 and 64 hidden units with ReLU, 10 outputs."""

    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        x = x.flatten(1)
        x = F.relu(self.hidden1(x))
        x = F.relu(self.hidden2(x))
        return self.output(x)


def _pictures(generator: torch.Generator, n: int) -> Tensor:
    return torch.rand(n, 1, 28, 28, generator=generator)


ITEMS = (
    *PREDICTIONS,
    Function(
        id="05.parameters",
        reference=parameters,
        case=_sizes,
        mistakes=(
            biases_forgotten,
            bias_for_each_input,
            bias_for_the_input_too,
            one_bias_a_layer,
            biases_only,
            units_counted,
            first_layer_only,
        ),
    ),
    Function(
        id="05.softmax",
        reference=softmax,
        case=_logits,
        mistakes=(
            overflowing,
            largest_of_all_taken_off,
            over_the_batch,
            over_everything,
            not_divided,
            no_powers,
            sigmoids,
            logarithms,
        ),
    ),
    Function(
        id="05.cross_entropy",
        reference=cross_entropy,
        case=_labeled,
        mistakes=(
            softmax_before,
            powers_overflow,
            log_of_zero,
            probability_itself,
            sign_missing,
            every_pair,
            every_class,
            across_the_batch,
            own_guess,
            total,
            one_for_each,
        ),
    ),
    Repair(
        id="05.double",
        reference=class_loss,
        case=_layer,
        mistakes=(softmax_twice, softmax_of_columns, sigmoid_before, no_logarithm, nll_of_logits, bias_left_out),
        metric=_sure,
    ),
    Repair(
        id="05.labels",
        reference=digit_loss,
        case=_scored,
        mistakes=(places_of_pixels, taken_modulo_ten, clamped_to_nine, of_ten_pixels, own_guesses),
        metric=_on_the_page,
    ),
    Model(
        id="05.net",
        reference=Net,
        blank=Found,
        batch=_pictures,
        probes=(gives(10), keeps_input, registered, holds(109386), gradients, rows_apart, logits, bends),
    ),
)
