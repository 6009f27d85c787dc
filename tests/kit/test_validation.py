"""Argument checks that several rooms share."""

import math

import numpy as np
import pytest

from dlviz.kit.errors import DlvizError
from dlviz.kit.validation import check_length, check_type, class_names, is_finite, is_integer

KEY = "decision_boundary.refused.classes"


def test_integers_are_those_of_python_and_numpy_but_no_bools():
    assert [is_integer(value) for value in (3, np.int64(3), True, 3.0, "3", None)] == [True, True, *[False] * 4]


def test_finite_numbers_are_neither_bools_nor_text():
    assert all(map(is_finite, (3, 2.5, np.float32(1.5), np.int64(2))))
    assert not any(map(is_finite, (math.nan, math.inf, -math.inf, True, "3", None, 1j)))


def test_a_wrong_type_is_named_in_the_message():
    check_type("text", str, "kit.refused.unfit", name="title")
    with pytest.raises(DlvizError, match="title cannot be list"):
        check_type([], str, "kit.refused.unfit", name="title")


def test_a_wrong_number_of_class_names_is_refused_with_both_numbers():
    check_length("ab", 2, KEY)
    assert class_names(["cat", 7], 2, KEY) == ["cat", "7"]
    assert class_names(None, 2, KEY) == ["0", "1"]
    with pytest.raises(DlvizError, match="each of the 3 classes, but got 2"):
        class_names(["cat", "dog"], 3, KEY)
