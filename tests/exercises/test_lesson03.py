"""Lesson 03: what its checks say of answers that are written in other ways than the stored mistakes."""

from itertools import permutations

import pytest
import torch

from dlviz.exercises.catalog import items
from dlviz.exercises.mistakes import changed

EXERCISES = items()


@pytest.mark.parametrize("seed", range(25))
def test_a_step_that_is_added_and_taken_back_in_place_restores_x(seed):
    """Rounding in the last digit must not decide whether x counts as changed, whatever the order of the steps."""

    def stepped(f, x, h):
        numbers, found = x.view(-1), []
        for i in range(len(numbers)):
            numbers[i] += h
            up = f(x)
            numbers[i] -= h
            numbers[i] -= h
            found.append((up - f(x)) / (2 * h))
            numbers[i] += h
        return torch.stack(found).view_as(x)

    assert EXERCISES["03.finite-difference"].judge(stepped, seed).passed


def test_the_functions_of_the_cases_are_shown_as_code_that_can_be_typed():
    for case in EXERCISES["03.finite-difference"].cases(3):
        name, x = case["f"].__name__, case["x"]
        assert torch.equal(eval(name, {"torch": torch})(x), case["f"](x))
    result = EXERCISES["03.finite-difference"].judge(lambda f, x, h: x, 3)
    assert "f = lambda x: (x**3).sum() + x.prod(), x = [" in repr(result)


@pytest.mark.parametrize(
    ("id", "name", "changes"),
    [
        ("03.untracked", "no_gradient", {"y.mm(y.T)": "y.mm(y.T).detach().requires_grad_()"}),
        ("03.untracked", "no_gradient", {"y = x + 2": "y = (x + 2).detach().requires_grad_()"}),
        ("03.finite-difference", "multiplied_by_h", {" / (2 * h)": " * h / 2"}),
        ("03.hand-gradient", "error_squared", {"= w * x + b - y": "= (w * x + b - y) ** 2"}),
        ("03.accumulated", "averaged_so_far", {"w.grad = None": "", "w.grad.item())": "w.grad.div(i + 1).item())"}),
    ],
)
def test_a_mistake_is_named_in_whatever_way_it_is_written(id, name, changes):
    exercise = EXERCISES[id]
    assert exercise.judge(changed(exercise.reference, "another_way", changes), 3).misconception == name


def test_a_missing_backward_is_named():
    result = EXERCISES["03.untracked"].judge(EXERCISES["03.untracked"].wrong_answers["no_gradient"], 3)
    assert "was never called" in result.message


@pytest.mark.parametrize("more", ["zero_grad", "forward"])
def test_an_order_that_trains_with_more_than_four_steps_is_refused(more):
    order = ["zero_grad", "forward", "backward", "step"]
    assert EXERCISES["03.order"].judge(order, 3).passed
    result = EXERCISES["03.order"].judge([*order, more], 3)
    assert not result.passed
    assert "it has 5 steps" in result.message


def test_every_order_of_the_four_steps_that_does_not_train_is_explained():
    """Either Python stops, because there is no loss yet, or the mistake is named."""
    for order in permutations(EXERCISES["03.order"].loop.steps):
        result = EXERCISES["03.order"].judge(list(order), 3)
        assert result.passed or result.misconception or "there is no loss yet" in result.message, order
    for first in (["step", "zero_grad", "forward", "backward"], ["step", "forward", "zero_grad", "backward"]):
        assert "before there are any gradients" in EXERCISES["03.order"].judge(first, 3).message
