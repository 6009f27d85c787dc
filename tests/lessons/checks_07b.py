"""Checks of lesson 07b, run by nbval after the cell of the same id."""

import math

import torch


def baselines(never, is_eight, nearest_right):
    assert round((never == is_eight).float().mean().item(), 1) == 0.9
    assert (never & is_eight).sum() == 0  # it finds none of them: recall 0
    assert 350 <= nearest_right.sum() <= 354


def keep_the_best(growing, final, best_loss, evaluate, val_x, val_y, epochs):
    assert growing.accuracy > 0.94
    assert abs(evaluate(final, val_x, val_y)[1] - best_loss) < 1e-4  # the best parameters are loaded
    assert epochs < 60  # it stopped early


def test_matrix(matrix, right):
    assert math.isclose(matrix.accuracy, right.sum().item() / 359)
    assert matrix.matrix.sum() == 359
    assert len(matrix.worst) == (~right).sum()
    assert matrix.accuracy > 0.94


def per_class(matrix, recall_by_hand, precision_by_hand):
    assert torch.allclose(recall_by_hand.cpu().float(), matrix.recall.cpu().float(), atol=1e-4)
    assert torch.allclose(precision_by_hand.cpu().float(), matrix.precision.cpu().float(), atol=1e-4)
    assert recall_by_hand[8] > 0.8
    assert recall_by_hand[1] > precision_by_hand[1]
    assert round(precision_by_hand[1].item() * 39) == 36
    assert precision_by_hand[8] > recall_by_hand[8]
    assert (
        2 * 3 / (2 * 3 + 1 + 3) == 2 * 0.75 * 0.5 / (0.75 + 0.5) == 0.6
    )  # both formulas of F1, for the example in the text


def detector(p_eight, is_eight):
    alarms = [(p_eight > t).sum().item() for t in (0.1, 0.5, 0.9)]
    assert alarms[0] > alarms[1] > alarms[2]
    found = [((p_eight > t) & is_eight).sum().item() for t in (0.1, 0.5, 0.9)]
    assert found[0] > found[2]
    assert found[2] / alarms[2] > found[0] / alarms[0]  # fewer false alarms among the alarms
    assert is_eight.sum() == 35


def roc_curve(auc, margins, recalls, false_positive_rates):
    assert 0.85 < auc < 0.99
    assert recalls[0] == false_positive_rates[0] == 0  # no alarm
    up, across = torch.tensor(recalls), torch.tensor(false_positive_rates)
    assert abs(torch.trapezoid(up, across).item() - auc) < 1e-3  # the area is the fraction of ordered pairs
    assert recalls[-1] == false_positive_rates[-1] == 1
    assert margins.shape == (35, 359 - 35)
    positive, negative = torch.tensor([3.0, 1.0]), torch.tensor([2.0, 0.0])
    assert (positive[:, None] > negative).float().mean() == 0.75


def costs(costs, p_val, val_eight):
    assert min(costs, key=costs.get) == 0.1
    mistakes = {t: ((p_val > t) != val_eight).sum().item() for t in costs}
    assert min(mistakes, key=mistakes.get) == 0.5  # if both mistakes cost the same


def prevalence(precisions):
    assert precisions[0.5] > precisions[0.1] > precisions[0.01] > precisions[0.001]
    assert precisions[0.001] < 0.1
    assert round(0.9 * 0.01 / (0.9 * 0.01 + 0.05 * 0.99), 2) == 0.15


def one_interval(low, high, half):
    assert abs((high - low) / 2 - half) < 0.004
    assert 0.01 < half < 0.025
    assert math.isclose(1.96 * math.sqrt(0.9 * 0.1 / 100), 0.06, abs_tol=0.002)
    hits = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0])  # the two samples of the text
    assert [round(hits[torch.tensor(rows)].mean().item(), 1) for rows in ([0, 1, 1, 3, 4], [0, 2, 2, 3, 4])] == [1, 0.6]


def paired(mcnemar, right, linear_right):
    first, second = torch.ones(24).bool(), torch.ones(24).bool()
    second[:7] = False
    assert mcnemar(first, second) == (7, 0, 2 / 2**7)
    assert mcnemar(second, first)[2] == mcnemar(first, second)[2]
    assert mcnemar(first, first) == (0, 0, 1)
    for only_first, only_second, expected in ((0, 3, 0.25), (1, 4, 0.375)):  # the two cases of the text
        first, second = torch.zeros(8).bool(), torch.zeros(8).bool()
        first[:only_first] = True
        second[only_first : only_first + only_second] = True
        assert mcnemar(first, second)[2] == expected
    for only_first, only_second, expected in ((16, 12, 0.57), (8, 24, 0.007)):  # four times the counts of the test set
        first = torch.arange(32) < only_first
        second = (torch.arange(32) >= only_first) & (torch.arange(32) < only_first + only_second)
        assert round(mcnemar(first, second)[2], 3 if expected < 0.01 else 2) == expected
    b, c, p_value = mcnemar(right, linear_right)
    assert b - c == (right.sum() - linear_right.sum()).item()
    assert p_value > 0.05  # the test set is too small


def paired_interval(difference, d_low, d_high):
    assert d_low <= difference.mean() <= d_high
    assert d_low < 0.005  # an advantage is not shown


def paired_folds(mcnemar, correct, folds):
    assert sum(len(fold) for fold in folds) == len(torch.cat(folds).unique()) == 1438
    assert correct["network"].float().mean() > 0.94
    b, c, p_value = mcnemar(correct["network"], correct["linear"])
    assert b > c
    assert p_value < 0.05
    b, c, p_value = mcnemar(correct["network"], correct["nearest"])
    assert b < c
    assert p_value < 0.05


def see_the_folds(fold_view):
    assert fold_view.how == "folds"
    assert len(fold_view.parts["test"]) in (287, 288)
