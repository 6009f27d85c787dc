"""Lesson 02: what its checks say of answers that are written in other ways than the stored mistakes."""

import math

import pytest

from dlviz.exercises.catalog import items

EXERCISES = items()


def strides_divided(shape):
    left, found = math.prod(shape), []
    for size in shape:
        left = left / size
        found.append(left)
    return found


def address_in_floats(index, stride, offset):
    return float(offset + sum(i * s for i, s in zip(index, stride, strict=True)))


@pytest.mark.parametrize(("id", "answer"), [("02.strides", strides_divided), ("02.address", address_in_floats)])
def test_floats_are_refused_where_integers_are_asked(id, answer):
    result = EXERCISES[id].judge(answer, 3)
    assert result.misconception == "floats"
    assert "but" in result.message


def unassigned(x):
    x.contiguous()
    return x.view(len(x), -1)


@pytest.mark.parametrize("answer", [lambda x: x.clone().view(len(x), -1), unassigned])
def test_a_view_of_a_clone_is_told_that_it_has_the_same_strides(answer):
    result = EXERCISES["02.flatten"].judge(answer, 3)
    assert "`clone()` does not help" in result.message
    assert "use its result" in result.message
