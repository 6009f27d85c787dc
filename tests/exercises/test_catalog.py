"""Every id is found, and an unknown one names its neighbors."""

import re

import pytest

import dlviz
from dlviz.exercises import Unknown, exercise, predict
from dlviz.exercises.cards.exercise_card import ExerciseCard
from dlviz.exercises.catalog import ids_of, items
from dlviz.exercises.exercise import Exercise
from dlviz.kit.messages import message, table
from dlviz.lesson_files import notebooks, number_of


def test_the_short_names_are_the_same_functions():
    assert dlviz.exercise is exercise
    assert dlviz.predict is predict


@pytest.mark.parametrize("id", items())
def test_every_id_is_shown_without_an_answer(id):
    item = items()[id]
    assert id in repr(item)
    assert item.id == id


def test_an_unknown_id_names_near_ones():
    with pytest.raises(Unknown, match=r'"03\.two-paths"'):
        exercise("03.twopath")
    with pytest.raises(LookupError, match=r'"03\.second-backward"'):
        predict("03.second-backwards", "same")


def test_an_id_without_similar_ones_lists_all_ids():
    with pytest.raises(Unknown) as unknown:
        exercise("zzzz")
    assert all(id in str(unknown.value) for id in items())
    assert str(unknown.value).startswith("There is no exercise 'zzzz'.")


def test_an_exercise_and_a_prediction_are_not_taken_for_each_other():
    with pytest.raises(Unknown, match="predict"):
        exercise("03.paths")
    with pytest.raises(Unknown, match="check"):
        predict("05.mlp", 3)


def test_all_kinds_are_there():
    kinds = {getattr(item, "kind", "prediction") for item in items().values()}
    assert kinds == {"function", "prediction", "trace", "model", "repair", "usage"}


def test_a_lesson_lists_its_questions_in_the_order_of_its_notebook():
    assert ids_of("00") == ("00.sum", "00.double")
    asked = {number_of(notebook): ids_of(number_of(notebook)) for notebook in notebooks()}
    assert sorted(id for ids in asked.values() for id in ids) == sorted(items())
    for number, ids in asked.items():
        assert {id.partition(".")[0] for id in ids} == {number[:2]}


@pytest.mark.parametrize("id", [id for id, item in items().items() if isinstance(item, Exercise)])
def test_the_texts_of_a_card_are_as_a_learner_reads_them(id):
    item = items()[id]
    scene = ExerciseCard(item, item.missing()).scene
    assert scene["hints"] == [message(item.key(f"hint{k + 1}")) for k in range(len(scene["hints"]))]
    texts = [scene["title"], scene["text"], *scene["hints"], *table(item.key()).get("wrong", {}).values()]
    for text in texts:
        words = "".join(text.split("`")[::2])  # without the code
        assert "{{" not in text
        assert not re.search(r"(?<![\w*])\*[^\s*][^*]*\*(?![\w*])", words), text
