"""Lesson 10: which mistake is named for answers that people write first."""

import re

import pytest
import torch
from torch.nn import functional as F

from dlviz.exercises import exercise
from dlviz.exercises.lesson10.predictions import losses_on_new_products
from dlviz.kit.messages import message


def all_zero(counts):
    return torch.zeros_like(counts)


def compared_with_the_row_sum(counts):
    return (counts / counts.sum(1, keepdim=True)).log().clamp(min=0)


def mean_of_the_rows(words, upstream, count):
    return torch.stack([upstream[words == word].mean(0) for word in range(count)])


def scores(center, context, negatives):
    return (center * context).sum(1), (negatives @ center.unsqueeze(2)).squeeze(2)


def one_minus_sigmoid(center, context, negatives):
    right, wrong = scores(center, context, negatives)
    return -F.logsigmoid(right).mean() - torch.log(1 - torch.sigmoid(wrong)).sum(1).mean()


def with_a_small_number(center, context, negatives):
    right, wrong = scores(center, context, negatives)
    right, wrong = torch.log(torch.sigmoid(right) + 1e-10), torch.log(1 - torch.sigmoid(wrong) + 1e-10)
    return -right.mean() - wrong.sum(1).mean()


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("10.ppmi", all_zero, "all_zero"),
        ("10.ppmi", compared_with_the_row_sum, "all_zero"),
        ("10.lookup", mean_of_the_rows, "averaged_with_nan"),
        ("10.negatives", one_minus_sigmoid, "overflowing_one_minus"),
        ("10.negatives", with_a_small_number, "small_number_added"),
    ],
)
def test_a_mistake_is_named_and_what_is_said_is_true_of_the_answer(id, answer, mistake):
    for seed in range(3):
        result = exercise(id).judge(answer, seed)
        assert (result.verdict, result.misconception) == ("wrong", mistake)
    assert "were divided by row sum times column sum" not in result.message


@pytest.mark.parametrize("id", ["10.lookup", "10.ppmi", "10.analogy", "10.bag", "10.take-out"])
def test_the_first_result_is_so_small_that_its_numbers_are_shown(id):
    result = exercise(id).judge(lambda *arguments: None, 0)
    assert "Tensor" not in result.cases[0].expected


def test_the_reason_of_the_new_product_states_the_losses_that_are_computed():
    expected = {"DVD player": 0.03, "cameras": 0.05, "phone": 0.15, "music player": 0.02}
    assert {name: round(loss, 2) for name, loss in losses_on_new_products().items()} == expected
    why = message("exercises.10.new-product.why")
    assert [name for name, loss in expected.items() if not re.search(rf"{loss} for the {name}\b", why)] == []
