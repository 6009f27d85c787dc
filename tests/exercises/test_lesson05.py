"""Lesson 05: its broken network, and which mistake is named for answers that people write first."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises import exercise
from dlviz.exercises.lesson05.exercises import Net
from dlviz.exercises.mistakes import changed

REPAIR = exercise("05.net")
FoundMLP = changed(Net, "FoundMLP", REPAIR.starter_changes)


class SoftmaxAtTheEnd(Net):
    def forward(self, x):
        return torch.softmax(super().forward(x), dim=1)


class NoActivation(Net):
    def forward(self, x):
        return self.output(self.hidden2(self.hidden1(x.flatten(1))))


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)]

    def forward(self, x):
        x = torch.relu(self.layers[0](x.flatten(1)))
        return self.layers[2](torch.relu(self.layers[1](x)))


def cell(*lines):
    """Return the class after running the starter with the lesson's imports and the given lines."""
    names = {"torch": torch, "nn": nn}
    exec("\n".join((*lines, REPAIR.starter)), names)
    return names["Net"]


def test_the_broken_class_can_be_instantiated_until_it_is_called():
    net = FoundMLP()
    assert sum(p.numel() for p in net.parameters()) == 109_386
    with pytest.raises(NameError, match="name 'F' is not defined"):
        net(torch.zeros(1, 1, 28, 28))


def test_the_starter_is_the_broken_code_and_counts_as_untouched():
    assert "F.relu(self.hidden1(x))" in REPAIR.starter
    assert REPAIR.check(cell()).verdict == "not attempted"


def test_the_remaining_error_is_named():
    class Touched(FoundMLP):
        """The broken code, in another class."""

    result = REPAIR.judge(Touched, 3)
    assert result.verdict == "wrong"
    assert "NameError: name 'F' is not defined" in result.message


@pytest.mark.parametrize(
    ("network", "fault"), [(SoftmaxAtTheEnd, "probabilities"), (NoActivation, "straight"), (Listed, "hidden")]
)
def test_a_partial_repair_names_the_remaining_fault(network, fault):
    result = REPAIR.judge(network, 3)
    assert (result.verdict, result.misconception) == ("wrong", fault)


def test_the_tutorials_label_runs_about_once_in_eighty_times():
    torch.manual_seed(0)
    places = torch.randn(10_000, 784).argmax(1)
    assert 90 < (places < 10).sum() < 170


def formula(z):
    return z.exp() / z.exp().sum(1, keepdim=True)


def of_probabilities(keep, probabilities=lambda z: z.softmax(1)):
    def cross_entropy(z, y):
        return -keep(probabilities(z)).log()[torch.arange(len(y)), y].mean()

    return cross_entropy


def picked_before_the_logarithm(z, y):
    return -torch.log(formula(z)[torch.arange(len(y)), y]).mean()


def logits_clamped(z, y):
    return F.cross_entropy(z.clamp(-60, 60), y)


def divided_by_the_sum_of_all(z):
    powers = torch.exp(z - z.amax(1, keepdim=True))
    return powers / powers.sum()


def clamped(z):
    return formula(z.clamp(-50, 50))


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("05.cross_entropy", picked_before_the_logarithm, "exponentials_divided"),
        ("05.cross_entropy", of_probabilities(lambda p: p, formula), "exponentials_divided"),
        ("05.cross_entropy", of_probabilities(lambda p: p + 1e-9), "limited"),
        ("05.cross_entropy", of_probabilities(lambda p: p + 1e-7), "limited"),
        ("05.cross_entropy", of_probabilities(lambda p: p.clamp(1e-7, 1 - 1e-7)), "limited"),
        ("05.cross_entropy", of_probabilities(lambda p: p + 1e-12, formula), "limited_and_overflowing"),
        ("05.cross_entropy", of_probabilities(lambda p: p.clamp(min=1e-7), formula), "limited_and_overflowing"),
        ("05.cross_entropy", logits_clamped, "logits_clamped"),
        ("05.softmax", divided_by_the_sum_of_all, "divided_by_everything"),
        ("05.softmax", lambda z: z.exp() / z.exp().sum(), "over_everything_overflowing"),
        ("05.softmax", lambda z: z.exp() / z.exp().sum(0), "over_the_batch_overflowing"),
        ("05.softmax", clamped, "clamped"),
        ("05.softmax", lambda z: formula(z.clamp(max=70)), "clamped_above"),
    ],
)
def test_a_common_first_answer_is_named(id, answer, mistake):
    assert exercise(id).judge(answer, 3).misconception == mistake


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("05.double", lambda x, y, w, b: F.cross_entropy(torch.softmax(x @ w.T + b, 1).log_softmax(1), y)),
        ("05.labels", lambda scores, images, labels: F.cross_entropy(scores, images.argmax(dim=1))),
    ],
)
def test_an_answer_is_not_called_the_code_as_it_was_found_if_only_its_result_is(id, answer):
    result = exercise(id).judge(answer, 3)
    assert result.misconception == exercise(id).broken
    assert "This is the code" not in result.message


def test_the_loss_of_the_tutorials_labels_can_be_measured():
    found, mine, expected = exercise("05.labels").judge(lambda scores, images, labels: scores.sum() * 0, 3).rows[-3:]
    assert (found[1], mine[1], expected[1]) == ("100", "0", "25")


@pytest.mark.parametrize("id", ["05.softmax", "05.cross_entropy", "05.double"])
def test_the_first_cases_show_their_numbers(id):
    for case in exercise(id).cases(3)[:2]:
        assert max(values.numel() for values in case.values()) <= 8
