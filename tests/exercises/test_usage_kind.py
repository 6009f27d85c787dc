"""Exercises whose answer is used: what they report, and that one answer does not affect the next."""

import pytest
import torch

from dlviz.exercises.catalog import items
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.lesson07.exercises import Digits

DATASET, MODE = items()["07.dataset"], items()["07.mode"]


def test_the_starter_is_a_class_or_a_function():
    assert isinstance(DATASET, Exercise)
    assert DATASET.starter.startswith("class Digits(Dataset):")
    assert MODE.starter.startswith("def measure(model, images, labels):")


def test_an_unknown_mistake_is_shown_part_by_part():
    class Rolled(Digits):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image, (label + 1) % len(self.labels)

    result = DATASET.judge(Rolled, 0)
    assert (result.verdict, result.misconception) == ("wrong", None)
    labels = [label for label, _ in result.rows]
    assert labels == ["for the input", "these are", "yours", "expected"]
    assert "without a transform" in result.rows[1][1]


def test_an_exception_in_the_learners_class_is_reported_in_a_sentence():
    class Broken(Digits):
        def __getitem__(self, i):
            return self.pictures[i]

    result = DATASET.judge(Broken, 0)
    assert "AttributeError" in result.message
    assert "pictures" in result.message


def test_an_instance_or_a_number_is_not_taken_for_the_class():
    result = DATASET.judge(Digits(torch.zeros(2, 1, 2, 2), torch.zeros(2)), 0)
    assert result.verdict == "wrong"
    assert "check(Digits)" in result.message


def test_an_answer_that_leaves_its_model_in_eval_mode_does_not_spoil_the_next_one():
    assert MODE.judge(MODE.wrong_answers["left_in_eval"], 0).misconception == "left_in_eval"
    assert MODE.judge(MODE.reference, 0).passed
    assert MODE.judge(MODE.wrong_answers["left_in_eval"], 0).misconception == "left_in_eval"


def test_a_dataset_whose_transform_runs_on_a_copy_is_right_and_one_that_changes_the_learners_images_is_not():
    class InPlace(Digits):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image.mul_(1), label + 0

    class Spoiled(Digits):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            self.images.add_(1)
            return image - 1 if self.transform is None else image, label

    assert DATASET.judge(InPlace, 0).passed
    assert DATASET.judge(Spoiled, 0).verdict == "wrong"


def test_what_stops_outside_the_learners_code_is_not_called_the_learners():
    class OnlyLength(Digits):
        def __getitem__(self, i):
            return 3

    result = DATASET.judge(OnlyLength, 0)
    assert result.verdict == "wrong"
    assert "Your code stopped" not in result.message
    assert len(result.cases) == 5


def zero_where_nothing_is_found(*given):
    found = items()["07.precision"].reference(*given)
    return found if found[0] else 0


@pytest.mark.parametrize(
    ("id", "answer", "text"),
    [
        ("07.precision", lambda *_: 0.5, "Your function returned float; expected: tuple (3 × float)."),
        ("07.precision", zero_where_nothing_is_found, "Your function returned int; expected: tuple (3 × float)."),
        (
            "07.dataset",
            Digits(torch.zeros(1, 2), torch.zeros(1)),
            "check() takes the class itself, check(Digits), but got",
        ),
        ("12.cache", lambda *_: None, "Your function returned None; expected: tuple (Tensor (1, 3, 2)"),
        ("14.detach", lambda *_: 1.5, "The result at [0] is float; expected: Tensor () float32."),
        ("14.retain", lambda *_: None, "The result at [0] is None; expected: Tensor ()"),
        ("14.retain", lambda *_: torch.tensor(1.0), "First difference at [0]"),
        (
            "09.detach",
            lambda *given: print(items()["09.detach"].reference(*given)),
            "The result at [6] is None; expected: Tensor",
        ),
    ],
)
def test_what_cannot_be_used_is_named_and_no_error_of_the_check_is_told_as_the_answers(id, answer, text):
    result = items()[id].judge(answer, 0)
    assert result.message.startswith(text)


def test_an_error_of_the_answer_itself_stays_its_own():
    def train_discriminator(generator, discriminator, optimizer, real, z):
        raise ValueError("mine")

    assert "ValueError: mine" in items()["14.detach"].judge(train_discriminator, 0).message
