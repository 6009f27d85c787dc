"""For every seed: right answers pass, each stored mistake is named, and no mutant passes. Most seeds are slow tests."""

import pytest

from dlviz.exercises.catalog import items
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.function import Function
from dlviz.exercises.trace import TrainingLoop
from dlviz.kit.messages import message, table

from . import mutants
from .answers import ACCEPTED, FAULTY, REJECTED


def every_seed(count=50):
    """Parametrize a test by its seeds: the first, and the rest of ``count`` as a slow test."""
    rest = pytest.param(range(1, count), id=f"1-{count}", marks=pytest.mark.slow)
    return pytest.mark.parametrize("seeds", [pytest.param(range(1), id="0"), rest])


EXERCISES = {id: item for id, item in items().items() if isinstance(item, Exercise)}
FUNCTIONS = {id: item for id, item in EXERCISES.items() if isinstance(item, Function)}
MODEL, TRACE = EXERCISES["05.mlp"], EXERCISES["03.order"]


def stored_mistakes(exercise):
    """Return the stored mistakes of an exercise, by name."""
    return getattr(exercise, "wrong_answers", None) or getattr(exercise, "mistakes", {})


def cases(exercise, seed):
    return [list(case.values()) for case in exercise.cases(seed)]


@every_seed()
@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_the_solution_passes_for_every_seed(exercise, seeds):
    assert all(exercise.judge(exercise.reference, seed).passed for seed in seeds)


@every_seed()
@pytest.mark.parametrize(("id", "answer"), [(id, answer) for id, group in ACCEPTED.items() for answer in group])
def test_other_right_answers_pass_for_every_seed(id, answer, seeds):
    for seed in seeds:
        result = EXERCISES[id].judge(answer, seed)
        assert result.passed, result


@every_seed()
@pytest.mark.parametrize(("id", "answer"), [(id, answer) for id, group in REJECTED.items() for answer in group])
def test_other_wrong_answers_fail_for_every_seed(id, answer, seeds):
    for seed in seeds:
        result = EXERCISES[id].judge(answer, seed)
        assert result.verdict == "wrong", result


def test_every_exercise_has_other_right_answers_to_accept():
    assert set(ACCEPTED) == set(EXERCISES)


@every_seed()
@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_each_stored_mistake_gets_its_own_message_for_every_seed(exercise, seeds):
    for name, mistake in stored_mistakes(exercise).items():
        for seed in seeds:
            result = exercise.judge(mistake, seed)
            assert (result.verdict, result.misconception) == ("wrong", name)
            assert result.message == message(exercise.key("wrong", name))


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_every_mistake_in_the_messages_is_stored_and_no_two_messages_are_the_same(exercise):
    words = {
        key.removeprefix("wrong."): text for key, text in table(exercise.key()).items() if key.startswith("wrong.")
    }
    assert set(words) == set(stored_mistakes(exercise))
    assert len(set(words.values())) == len(words)


def test_a_repair_of_several_mistakes_names_none_of_those_that_are_left():
    exercise = EXERCISES["16.repair"]
    for name in ("all_three", "train_mode_and_gradients", "train_mode_and_probability", "gradients_and_probability"):
        words = message(exercise.key("wrong", name))
        assert ("three things" if name == "all_three" else "Two mistakes are left") in words
        left = {"train_mode": "Dropout", "gradients": "radients", "probability": "score"}
        assert not any(word in words for kind, word in left.items() if kind in name or name == "all_three")


@every_seed()
@pytest.mark.parametrize("fault", FAULTY)
def test_each_faulty_model_gets_its_own_message_for_every_seed(fault, seeds):
    for seed in seeds:
        result = MODEL.judge(FAULTY[fault], seed)
        assert (result.verdict, result.misconception) == ("wrong", fault), result


@every_seed(10)
@pytest.mark.parametrize("exercise", FUNCTIONS.values(), ids=FUNCTIONS)
def test_general_mutants_of_a_function_are_rejected(exercise, seeds):
    applicable = mutants.of_function(exercise.reference, cases(exercise, seed=7))
    assert len(applicable) >= 4, f"only {list(applicable)} apply"
    for name, mutant in applicable.items():
        for seed in seeds:
            assert exercise.judge(mutant, seed).verdict == "wrong", name


def test_every_kind_of_mutant_applies_somewhere():
    applied = {name for item in FUNCTIONS.values() for name in mutants.of_function(item.reference, cases(item, seed=7))}
    general = {"transpose", "keepdim", "detach", "in_place", "other_dtype", "constant", "hard_coded"}
    assert general <= applied


def test_mutants_of_the_model_are_rejected():
    for name, mutant in mutants.of_model(MODEL.reference).items():
        assert MODEL.judge(mutant, 3).verdict == "wrong", name


def test_every_order_that_does_not_train_is_rejected():
    wrong = mutants.of_order(TrainingLoop.steps, {TRACE.reference, *map(tuple, ACCEPTED["03.order"])})
    assert len(wrong) == 64 - 3
    for order in wrong:
        assert TRACE.judge(order, 3).verdict == "wrong", order


def test_an_order_is_named_only_where_it_uses_the_same_steps():
    result = TRACE.judge(["zero_grad", "forward", "zero_grad", "backward"], 3)
    assert result.verdict == "wrong"
    assert result.misconception is None
