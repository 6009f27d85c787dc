"""Lesson 08: partial repairs of its network, and wrong answers as learners write them."""

import pytest
import torch
from torch import nn

from dlviz.exercises import exercise
from dlviz.exercises.lesson08.exercises import Net, count_parameters
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


def channels_used_up(channels, kernel, width, classes):
    total, c_in = 0, channels.pop(0)
    while channels:
        c_out = channels.pop(0)
        total, c_in, width = total + c_out * (c_in * kernel**2 + 1), c_out, width // 2
    return total + c_in * width**2 * classes + classes


def classes_appended(channels, kernel, width, classes):
    right = count_parameters(channels, kernel, width, classes)
    channels.append(classes)
    return right


@pytest.mark.parametrize("answer", [channels_used_up, classes_appended])
def test_a_changed_list_is_named_and_a_right_int_is_not_called_a_float(answer):
    result = exercise("08.count").judge(answer, 0)
    assert (result.verdict, result.misconception) == ("wrong", None)
    assert "changed its input channels" in result.message


def linear_layer_before_the_last_pooling(channels, kernel, width, classes):
    features = channels[-1] * (width // 2 ** (len(channels) - 2)) ** 2
    return count_parameters(channels, kernel, 0, classes) + features * classes


def halved_for_every_entry(channels, kernel, width, classes):
    features = channels[-1] * (width // 2 ** len(channels)) ** 2
    return count_parameters(channels, kernel, 0, classes) + features * classes


def positive_differences(ours, others, q):
    d = torch.abs(others - ours)
    return torch.stack([d.mean() - q * d.std() / len(d) ** 0.5, d.mean() + q * d.std() / len(d) ** 0.5])


def spread_over_fewer_seeds(ours, others, q):
    d = ours - others
    half_width = q * d.std() / (len(d) - 1) ** 0.5
    return torch.stack([d.mean() - half_width, d.mean() + half_width])


def ends_of_two_intervals(ours, others, q):
    def ends(x):
        return x.mean() - q * x.std() / len(x) ** 0.5, x.mean() + q * x.std() / len(x) ** 0.5

    return torch.stack([ends(ours)[0] - ends(others)[1], ends(ours)[1] - ends(others)[0]])


@pytest.mark.parametrize(
    ("id", "answer", "name"),
    [
        ("08.count", linear_layer_before_the_last_pooling, "one_pooling_too_few"),
        ("08.count", halved_for_every_entry, "one_pooling_too_many"),
        ("08.interval", positive_differences, "abs"),
        ("08.interval", spread_over_fewer_seeds, "one_seed_less"),
        ("08.interval", ends_of_two_intervals, "intervals_compared"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_mistake_is_named_as_learners_write_it(id, answer, name, seed):
    assert exercise(id).judge(answer, seed).misconception == name


def test_the_interval_is_asked_for_where_ours_is_worse_and_where_it_contains_zero():
    item = exercise("08.interval")
    for seed in range(20):
        ends = torch.stack([item.reference(**case) for case in item.cases(seed)])
        assert (ends[1] < 0).all()
        assert ends[2, 0] < 0 < ends[2, 1]
        assert (ends[[0, 3, 4]] > 0).all()
