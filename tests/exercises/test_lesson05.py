"""The broken network of lesson 05: Python's error, what a check reports, and partial repairs."""

import pytest
import torch
from torch import nn

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
