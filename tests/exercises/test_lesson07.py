"""Lesson 07: what is said about answers that people write first."""

import pytest

from dlviz.exercises import exercise
from dlviz.exercises.catalog import items
from dlviz.exercises.lesson07.exercises import Digits
from dlviz.exercises.mistakes import changed

from .answers_07 import Remembered


def test_a_transformed_image_that_is_kept_is_not_said_to_be_made_at_the_start():
    result = exercise("07.dataset").judge(Remembered, 0)
    assert result.verdict == "wrong"
    assert "only once" in result.message
    assert "__init__" not in result.message


def test_an_item_of_three_parts_is_not_reported_as_an_error_of_the_check():
    item = {"return image, self.labels[i]": "return image, self.labels[i], i"}
    result = exercise("07.dataset").judge(changed(Digits, "three_parts", item), 0)
    assert "length" in result.message
    assert "stopped" not in result.message


@pytest.mark.parametrize("id", ["07.leakage", "07.gaps", "08.conv2d", "08.max_pool"])
def test_the_first_result_is_so_small_that_its_numbers_are_shown(id):
    result = exercise(id).judge(lambda *arguments: None, 0)
    assert "Tensor" not in result.cases[0].expected


@pytest.mark.parametrize(("answer", "is_right"), [(0.9, True), (324 / 359, True), (0.1, False), (0.8, False)])
def test_a_fraction_that_is_more_exact_than_asked_for_is_right(answer, is_right):
    item = items()["07.never"]
    assert item._is_right(item._as_json(answer)) is is_right
