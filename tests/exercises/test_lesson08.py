"""The repaired network of lesson 08: partial repairs, and what a check reports."""

import pytest
import torch
from torch import nn

from dlviz.exercises import exercise
from dlviz.exercises.lesson08.exercises import Net
from dlviz.exercises.mistakes import changed
from dlviz.kit.messages import message

REPAIR = exercise("08.repair")
FoundCNN = changed(Net, "FoundCNN", REPAIR.starter_changes)


class Touched(FoundCNN):
    """The broken code, in another class."""


size_alone = changed(Net, "SizeAlone", {"x.flatten(1)": "x.view(-1, 64 * 5 * 5)"})
batch_alone = changed(Net, "BatchAlone", {"64 * 8 * 8": "64 * 5 * 5"})
fixed_batch = changed(Net, "FixedBatch", {"x.flatten(1)": "x.view(25, -1)"})
one_layer_unused = changed(Net, "OneLayerUnused", {"x.flatten(1)": "x.flatten(1).detach()"})


class PooledToFit(FoundCNN):
    def forward(self, pictures):
        x = self.pool(torch.relu(self.conv1(pictures)))
        x = nn.functional.adaptive_avg_pool2d(torch.relu(self.conv2(x)), 5)
        return self.output(torch.relu(self.hidden(x.flatten(1))))


class PicturesMixed(Net):
    def forward(self, pictures):
        return super().forward(pictures) - super().forward(pictures).mean(0)


def test_the_broken_network_trains_on_cut_up_pictures_without_an_error():
    torch.manual_seed(0)
    net, labels = FoundCNN(), torch.zeros(64, dtype=torch.int64)
    nn.functional.cross_entropy(net(torch.rand(25, 3, 32, 32)), labels).backward()
    assert net.conv1.weight.grad.any()


def test_the_starter_is_the_broken_code_and_counts_as_untouched():
    assert "x.view(-1, 64 * 5 * 5)" in REPAIR.starter
    cell = {"torch": torch, "nn": nn}
    exec(REPAIR.starter, cell)
    assert REPAIR.check(cell["Net"]).verdict == "not attempted"


@pytest.mark.parametrize("seed", range(5))
def test_rows_that_are_not_pictures_are_reported(seed):
    result = REPAIR.judge(Touched, seed)
    assert (result.verdict, result.misconception) == ("wrong", "rows")
    assert result.message == message("exercises.model.rows", images=25, rows=64)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (size_alone, "mat1 and mat2 shapes cannot be multiplied (64x1600 and 4096x128)"),
        (batch_alone, "mat1 and mat2 shapes cannot be multiplied (25x4096 and 1600x128)"),
        (fixed_batch, "shape '[25, -1]' is invalid"),
        (PooledToFit, "225610 numbers, expected 545098"),
        (one_layer_unused, "conv1.weight"),
        (PicturesMixed, "mixes its examples"),
    ],
)
def test_a_partial_repair_names_the_remaining_fault(network, words):
    result = REPAIR.judge(network, 3)
    assert result.verdict == "wrong"
    assert words in result.message
