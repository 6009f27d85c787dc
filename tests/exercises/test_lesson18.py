"""Lesson 18: answers that are nearly right, and other ways to return a right result."""

import pytest
import torch

from dlviz.exercises import exercise, predict
from dlviz.exercises.lesson18.exercises import advantage, fuse, joules, nested_score, rates_by_group, search
from dlviz.exercises.mistakes import changed


def judge(id, answer):
    result = exercise(id).judge(answer, 0)
    return result.verdict, result.misconception


def test_a_loss_at_the_threshold_counts():
    members = changed(advantage, "members", {"member_losses <= threshold": "member_losses < threshold"})
    others = changed(advantage, "others", {"other_losses <= threshold": "other_losses < threshold"})
    assert judge("18.membership", members)[0] == judge("18.membership", others)[0] == "wrong"


@pytest.mark.parametrize(("id", "right"), [("18.membership", advantage), ("18.joules", joules)])
def test_two_numbers_may_be_numbers_or_tensors_but_no_text(id, right):
    assert judge(id, lambda *case: [float(one) for one in right(*case)])[0] == "right"
    assert judge(id, lambda *case: torch.stack(list(right(*case))))[0] == "right"
    text = exercise(id).judge(lambda *case: tuple(str(float(one)) for one in right(*case)), 0)
    assert text.verdict == "wrong"
    assert "is str; expected: float" in text.message


@pytest.mark.parametrize(("id", "right"), [("18.membership", advantage), ("18.joules", joules)])
def test_one_number_in_place_of_two_is_answered_with_numbers(id, right):
    alone = exercise(id).judge(lambda *case: right(*case)[0], 0)
    assert alone.verdict == "wrong"
    assert alone.message.endswith("expected: list (float, float).")


def fuse_untracked(log_p_image, log_p_word, log_prior):
    with torch.no_grad():
        return fuse(log_p_image, log_p_word, log_prior)


def fuse_in_numpy(log_p_image, log_p_word, log_prior):
    joint = log_p_image.numpy() + log_p_word.numpy() - log_prior.numpy()
    return torch.from_numpy(joint).softmax(1)


def fuse_in_place(log_p_image, log_p_word, log_prior):
    joint = (log_p_image + log_p_word - log_prior).exp_()
    joint /= joint.sum(1, keepdim=True)
    return joint


@pytest.mark.parametrize("answer", [fuse_untracked, fuse_in_numpy, fuse_in_place])
def test_late_fusion_needs_no_gradient(answer):
    assert judge("18.fuse", answer)[0] == "right"


def test_a_score_may_be_a_tensor_without_dimensions():
    def searched(*case):
        best, found = search(*case)
        return best, torch.tensor(found)

    assert judge("18.search", searched)[0] == "right"
    assert judge("18.nested", lambda *case: torch.tensor(nested_score(*case)))[0] == "right"
    assert judge("18.nested", lambda *case: torch.tensor([nested_score(*case)]))[0] == "wrong"


def test_a_wrong_order_of_the_results_of_a_search_is_not_measured():
    result = exercise("18.search").judge(lambda *case: search(*case)[::-1], 0)
    assert result.misconception == "exchanged"
    assert dict(result.rows)["mean score reported (truth: 0.50), yours"] == "cannot be measured"


def test_the_wrong_sign_of_the_advantage_is_named_for_both_reasons():
    def exchanged(*case):
        found, half = advantage(*case)
        return -found, half

    for answer in (exchanged, exercise("18.membership").wrong_answers["guessed_for_large_losses"]):
        assert judge("18.membership", answer) == ("wrong", "guessed_for_large_losses")
    assert "p − q" in exercise("18.membership").judge(exchanged, 0).message


def interval(right):
    def ends(*case):
        middle, half = right(*case)
        return middle - half, middle + half

    return ends


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("18.fuse", lambda a, b, c: a + b - c, "sum_of_logarithms"),
        ("18.membership", interval(advantage), "ends_of_the_interval"),
        ("18.membership", lambda *case: advantage(*case)[::-1], "exchanged"),
        ("18.joules", interval(joules), "ends_of_the_interval"),
        ("18.joules", lambda *case: joules(*case)[::-1], "exchanged"),
        ("18.joules", lambda *case: (joules(*case)[0], 1.96 * joules(*case)[1]), "half_of_an_interval"),
        ("18.nested", lambda *case: nested_score(*case) * len(case[3]), "summed"),
        ("18.nested", lambda *case: nested_score(*case) * len(case[3]) / 5, "always_five_folds"),
        ("18.rates", lambda a, r, g: rates_by_group(r, a, g), "approved_and_repaid_exchanged"),
    ],
)
def test_a_mistake_is_named_however_it_is_written(id, answer, mistake):
    assert judge(id, answer) == ("wrong", mistake)


@pytest.mark.parametrize(
    ("id", "given"), [("18.energy", 30), ("18.energy", "30 %"), ("18.twenty", 0.6), ("18.twenty", "0.6")]
)
def test_an_option_that_is_a_number_can_be_given_as_a_number(id, given):
    assert predict(id, given).verdict == "right"
