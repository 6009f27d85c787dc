"""A mistake stored as its difference from the solution becomes a function or a class like the solution."""

import inspect
import re

import pytest

from dlviz.exercises.catalog import items
from dlviz.exercises.lesson00.exercises import double
from dlviz.exercises.lesson07.exercises import Digits
from dlviz.exercises.mistakes import as_functions, changed
from dlviz.exercises.run_answer import run_answer


def test_each_piece_is_replaced_and_the_solution_stays_as_it_is():
    squared = changed(double, "squared", {"2 * x": "x * x"})
    assert (squared(5), squared.__name__) == (25, "squared")
    assert double(5) == 10


def test_two_pieces_can_be_exchanged():
    assert changed(double, "two", {"2": "x", "* x": "** 2"})(3) == 9


def test_a_class_can_be_changed_too():
    one_less = changed(Digits, "OneTooFew", {"len(self.images)": "len(self.images) - 1"})
    assert len(one_less([1, 2, 3], [0, 0, 0])) == 2


@pytest.mark.parametrize("piece", ["3 * x", "x"])
def test_a_piece_that_is_not_there_or_there_twice_is_refused(piece):
    with pytest.raises(ValueError, match=re.escape(f"not exactly once in double: ['{piece}']")):
        changed(double, "wrong", {piece: "x"})


def test_the_docstring_is_not_searched():
    with pytest.raises(ValueError, match="exactly once"):
        changed(double, "wrong", {"Twice": "Thrice"})


def test_pieces_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        changed(double, "wrong", {"2 * x": "x", "return 2": "return 3"})


def test_every_stored_mistake_fits_its_solution():
    found = [item for item in items().values() if hasattr(item, "wrong_answers")]
    assert len(found) > 40
    for item in found:
        assert all(map(callable, item.wrong_answers.values())), item.id


def test_a_mistake_that_is_a_function_is_used_as_it_is():
    assert as_functions(double, {"negated": abs})["negated"] is abs


def test_the_code_of_a_changed_solution_can_be_read():
    assert "return x + 2" in inspect.getsource(changed(double, "added_two", {"2 * x": "x + 2"}))


def test_a_line_of_a_mistake_is_not_taken_for_the_learners():
    failure = run_answer(changed(double, "broken", {"2 * x": "x.twice()"}), {"x": 1}).failure
    assert (failure.kind, failure.line) == ("AttributeError", None)


def test_mistakes_of_one_name_in_two_exercises_keep_their_own_source():
    made = {f: changed(f, "squared", {"* x": "* x ** 2"}) for f in (twice, thrice)}
    assert [inspect.getsource(made[f]).splitlines()[-1].strip() for f in made] == [
        "return 2 * x ** 2",
        "return 3 * x ** 2",
    ]
    assert made[twice](3) == 18


def twice(x):
    return 2 * x


def thrice(x):
    return 3 * x
