"""Lesson 04: which mistake is named for answers that people write first, and metrics that are true of every answer."""

import pytest
import torch

from dlviz.exercises import exercise


def errors(w, b, x, y):
    return w * x + b - y


def errors_set_to_zero(w, b, x, y):
    found = errors(w, b, x, y)
    return torch.where(found.isnan(), 0, found).pow(2).mean()


def squares_set_to_zero(w, b, x, y):
    return errors(w, b, x, y).pow(2).nan_to_num().mean()


def squares_summed_without_nan(w, b, x, y):
    return errors(w, b, x, y).pow(2).nansum() / len(x)


def r2_of_squeezed(prediction, target):
    return 1 - (prediction.squeeze() - target).pow(2).mean() / (target.mean() - target).pow(2).mean()


def r2_of_squeezed_sums(prediction, target):
    return 1 - (prediction.squeeze() - target).pow(2).sum() / (target.mean() - target).pow(2).sum()


def r2_of_variances(prediction, target):
    return 1 - (prediction - target).var() / target.var()


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("04.mask", errors_set_to_zero, "errors_to_zero"),
        ("04.mask", squares_set_to_zero, "squares_to_zero"),
        ("04.mask", squares_summed_without_nan, "squares_to_zero"),
        ("04.r2", r2_of_squeezed, "pairs"),
        ("04.r2", r2_of_squeezed_sums, "total_of_all_pairs"),
        ("04.r2", r2_of_variances, "variances"),
    ],
)
def test_a_common_first_answer_is_named(id, answer, mistake):
    assert exercise(id).judge(answer, 3).misconception == mistake


def uncalled(x, y, lr):
    w, b = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = (w * x + b - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step  # noqa: B018
        log.append((loss.item(), w.item(), b.item()))
    return log


def test_a_step_that_is_not_called_is_told_about_its_parentheses():
    result = exercise("04.trace").judge(uncalled, 3)
    assert result.misconception == "shuffled"
    assert "without `()`" in result.message


def root(w, b, x, y):
    return (w * x[:, 0] + b - y).pow(2).mean().sqrt()


def absolute(w, b, x, y):
    return (w * x[:, 0] + b - y).abs().mean()


@pytest.mark.parametrize(("answer", "yours"), [(root, "[0, 2.236]"), (absolute, "[0, 2]")])
def test_the_losses_of_two_lines_are_measured_for_every_kind_of_loss(answer, yours):
    found, mine, expected = exercise("04.broadcast").judge(answer, 3).rows[-3:]
    assert (found[1], mine[1], expected[1]) == ("[10, 5]", yours, "[0, 5]")


def test_the_first_cases_of_the_parabola_show_their_numbers():
    rows = dict(exercise("04.fit-parabola").judge(lambda x, y: torch.zeros(3, 1), 3).rows)
    assert "Tensor" not in "".join(rows.values())
