"""Lesson 18, read critically: its exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dlviz.exercises.function import Function
from dlviz.exercises.lesson18.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.run_answer import Outcome
from dlviz.exercises.usage import Usage


def _as_number(value: Any) -> Any:
    """Return a tensor without dimensions as a number; anything else as it is, for the comparison to name."""
    return value.item() if isinstance(value, Tensor) and value.dim() == 0 else value


class _Search(Repair):
    """Repair whose second result, a score, may also be a tensor without dimensions."""

    def _run(self, function: Callable[..., Any], case: dict[str, Any], seed: int) -> Outcome:
        outcome = super()._run(function, case, seed)
        value = outcome.value
        if type(value) in (tuple, list) and len(value) == 2:
            outcome = replace(outcome, value=type(value)((value[0], _as_number(value[1]))))
        return outcome


# 18.search: the maximum of many validation scores is no test score


def search(candidates, fit, score, train, validation, test):
    """Return the best candidate, and what it scores on examples that had no part in its choice.

    fit(candidate, data) returns a model, and score(model, data) a number, the higher the better.
    """
    models = [fit(candidate, train) for candidate in candidates]
    scores = [score(model, validation) for model in models]
    best = scores.index(max(scores))
    return candidates[best], score(models[best], test)


def _fit_shifted_mean(candidate, data):
    return data.mean().item() + candidate


def _score_by_distance(model, data):
    return -abs(model - data.mean().item())


def _splits(i):
    train, validation, test = torch.randn(8), 0.7 + torch.randn(5), torch.randn(6) - 0.7
    candidates = (torch.linspace(-2, 2, 6 + i) + torch.randn(6 + i) / 10)[torch.randperm(6 + i)].tolist()
    sets = {"train": train, "validation": validation, "test": test}
    return {"candidates": candidates, "fit": _fit_shifted_mean, "score": _score_by_distance, **sets}


def _reported(function):
    """Return the mean score that is reported of the best of 20 models that guess, on 100 questions with two answers; the truth is 0.5."""

    def guess(model, data):
        answers = torch.Generator().manual_seed(1000 * model + len(data))
        return (torch.randint(2, (len(data),), generator=answers) == data).double().mean().item()

    reported = []
    for repetition in range(20):
        train, validation, test = (torch.randint(2, (100 + k,)) for k in range(3))
        candidates = list(range(20 * repetition, 20 * repetition + 20))
        found = float(function(candidates, lambda candidate, _: candidate, guess, train, validation, test)[1])
        if not 0 <= found <= 1:
            raise ValueError("no score")  # such as a candidate: the mean would mean nothing
        reported.append(found)
    return round(sum(reported) / len(reported), 2)


SEARCH = _Search(
    id="18.search",
    reference=search,
    case=_splits,
    broken="validation_maximum",
    metric=_reported,
    mistakes={
        "validation_maximum": {"score(models[best], test)": "scores[best]"},
        "chosen_on_test": {"score(model, validation)": "score(model, test)"},
        "chosen_on_training": {"score(model, validation)": "score(model, train)"},
        "measured_on_training": {"score(models[best], test)": "score(models[best], train)"},
        "worst_chosen": {"max(scores)": "min(scores)"},
        "position_returned": {"return candidates[best]": "return best"},
        "exchanged": {"candidates[best], score(models[best], test)": "score(models[best], test), candidates[best]"},
        "mean_of_the_scores": {"score(models[best], test)": "sum(scores) / len(scores)"},
        "best_test_score": {"score(models[best], test)": "max(score(model, test) for model in models)"},
    },
)

# 18.nested: the choice is repeated inside each fold


def nested_score(candidates, fit, score, folds):
    """Return the mean score of a search over `candidates`, each time on a fold that the search has not seen.

    folds is a list of K tensors of examples, and torch.cat joins them. fit(candidate, data) returns a model, and
    score(model, data) a number, the higher the better; it may be below 0.
    """
    found = []
    for i, test in enumerate(folds):
        rest = folds[:i] + folds[i + 1 :]
        means = []
        for candidate in candidates:
            scores = [score(fit(candidate, torch.cat(rest[:j] + rest[j + 1 :])), rest[j]) for j in range(len(rest))]
            means.append(sum(scores) / len(scores))
        best = candidates[means.index(max(means))]
        found.append(score(fit(best, torch.cat(rest)), test))
    return sum(found) / len(found)


def _chosen_once(candidates, fit, score, folds):
    means = []
    for candidate in candidates:
        scores = [score(fit(candidate, torch.cat(folds[:i] + folds[i + 1 :])), folds[i]) for i in range(len(folds))]
        means.append(sum(scores) / len(scores))
    return max(means)


def _fit_stretched_mean(candidate, data):
    return candidate * data.mean().item() + candidate**2 * data.std().item()


def _folds(i):
    folds = [torch.randn(4) + 2 * torch.randn(()) for _ in range(3 + i % 3)]
    candidates = (torch.linspace(-1, 1.5, 7) + torch.randn(7) / 20).tolist()
    return {"candidates": candidates, "fit": _fit_stretched_mean, "score": _score_by_distance, "folds": folds}


def _use_nested(function, candidates, fit, score, folds):
    return _as_number(function(candidates, fit, score, folds))


NESTED = Usage(
    id="18.nested",
    reference=nested_score,
    case=_folds,
    use=_use_nested,
    mistakes={
        "chosen_once": _chosen_once,
        "inner_score_reported": {"score(fit(best, torch.cat(rest)), test)": "max(means)"},
        "chosen_on_the_outer_fold": {
            "[score(fit(candidate, torch.cat(rest[:j] + rest[j + 1 :])), rest[j]) for j in range(len(rest))]": (
                "[score(fit(candidate, torch.cat(rest)), test)]"
            )
        },
        "validated_on_its_training_data": {"torch.cat(rest[:j] + rest[j + 1 :])": "torch.cat(rest)"},
        "one_inner_fold": {"for j in range(len(rest))]": "for j in [0]]"},
        "outer_fold_in_the_search": {
            "torch.cat(rest[:j] + rest[j + 1 :])": "torch.cat([*rest[:j], *rest[j + 1 :], test])"
        },
        "outer_fold_in_the_training": {"fit(best, torch.cat(rest))": "fit(best, torch.cat(folds))"},
        "one_fold_missing": {"fit(best, torch.cat(rest))": "fit(best, torch.cat(rest[1:]))"},
        "worst_chosen": {"max(means)": "min(means)"},
        "best_fold": {"sum(found) / len(found)": "max(found)"},
        "summed": {"sum(found) / len(found)": "sum(found)"},
        "always_five_folds": {"sum(found) / len(found)": "sum(found) / 5"},
        "last_fold": {"sum(found) / len(found)": "found[-1]"},
    },
)

# 18.fuse: two opinions that share one prior


def fuse(log_p_image, log_p_word, log_prior):
    """Return the probabilities (N, C) of the classes, given both the image and the word.

    log_p_image and log_p_word (N, C) are the log-probabilities of two models, and log_prior (C,)
    those of the classes alone.
    """
    return (log_p_image + log_p_word - log_prior).softmax(dim=1)


def _opinions(i):
    n, c = 4 + i, 3 + i % 3
    one, other = (2 * torch.randn(2, n, c)).log_softmax(dim=2)
    return {"log_p_image": one, "log_p_word": other, "log_prior": torch.randn(c).log_softmax(dim=0)}


FUSE = Function(
    id="18.fuse",
    reference=fuse,
    case=_opinions,
    mistakes={
        "prior_forgotten": {" - log_prior": ""},
        "prior_added": {"- log_prior": "+ log_prior"},
        "prior_taken_twice": {"- log_prior": "- 2 * log_prior"},
        "prior_not_a_logarithm": {"- log_prior": "- log_prior.exp()"},
        "averaged": {
            "(log_p_image + log_p_word - log_prior).softmax(dim=1)": "(log_p_image.exp() + log_p_word.exp()) / 2"
        },
        "logarithms_averaged": {"(log_p_image + log_p_word - log_prior)": "((log_p_image + log_p_word) / 2)"},
        "not_normalized": {".softmax(dim=1)": ".exp()"},
        "sum_of_logarithms": {".softmax(dim=1)": ""},
        "left_as_logarithms": {".softmax(dim=1)": ".log_softmax(dim=1)"},
        "over_the_examples": {".softmax(dim=1)": ".softmax(dim=0)"},
        "probabilities_summed": {
            "(log_p_image + log_p_word - log_prior)": "(log_p_image.exp() + log_p_word.exp() - log_prior.exp())"
        },
        "image_alone": {" + log_p_word - log_prior": ""},
    },
)

# 18.membership: what a threshold on the loss tells about who was in the training set


def advantage(member_losses, other_losses, threshold):
    """Return the advantage of guessing "member" up to the threshold, and half the width of its 95 % interval.

    member_losses (N,) are losses of training examples, other_losses (M,) of examples that were not trained on.
    """
    hits = (member_losses <= threshold).float().mean()
    false_alarms = (other_losses <= threshold).float().mean()
    variance = hits * (1 - hits) / len(member_losses) + false_alarms * (1 - false_alarms) / len(other_losses)
    return hits - false_alarms, 1.96 * variance.sqrt()


def _use_pair(function, *arguments):
    """Return both results as floats, whether they came as numbers, as tensors or in one tensor; anything else as it is."""
    pair = function(*arguments)
    if isinstance(pair, Tensor) and pair.dim() == 1:
        return pair.tolist()
    return [_as_number(one) for one in pair] if isinstance(pair, (tuple, list)) else pair


def _use_advantage(function, member_losses, other_losses, threshold):
    return _use_pair(function, member_losses, other_losses, threshold)


def _losses(i):
    members, others = torch.rand(12 + i), 0.2 + torch.rand(9 + 3 * i)
    threshold = (0.625, 0.5, 0.75, 0.4375, 0.6875)[i]  # exact in float32, too
    # The smallest losses of one group lie at the threshold: "at most" is not "below".
    equal = others if i % 2 else members
    equal[equal.argmin()] = threshold
    return {"member_losses": members, "other_losses": others, "threshold": threshold}


MEMBERSHIP = Usage(
    id="18.membership",
    reference=advantage,
    case=_losses,
    use=_use_advantage,
    mistakes={
        "guessed_for_large_losses": {
            "member_losses <= threshold": "member_losses > threshold",
            "other_losses <= threshold": "other_losses > threshold",
        },
        "below_the_threshold": {
            "member_losses <= threshold": "member_losses < threshold",
            "other_losses <= threshold": "other_losses < threshold",
        },
        "exchanged": {
            "return hits - false_alarms, 1.96 * variance.sqrt()": "return 1.96 * variance.sqrt(), hits - false_alarms"
        },
        "ends_of_the_interval": {
            "return hits - false_alarms, 1.96 * variance.sqrt()": (
                "difference, half = hits - false_alarms, 1.96 * variance.sqrt()\n"
                "    return difference - half, difference + half"
            )
        },
        "false_alarms_ignored": {"return hits - false_alarms": "return hits"},
        "accuracy": {"return hits - false_alarms": "return (hits + 1 - false_alarms) / 2"},
        "standard_deviation": {"1.96 * ": ""},
        "whole_width": {"1.96 * ": "2 * 1.96 * "},
        "variance": {"variance.sqrt()": "variance"},
        "variances_subtracted": {
            "len(member_losses) + false": "len(member_losses) - false",
            "variance.sqrt()": "variance.abs().sqrt()",
        },
        "members_variance_only": {" + false_alarms * (1 - false_alarms) / len(other_losses)": ""},
        "not_divided": {" / len(member_losses)": "", " / len(other_losses)": ""},
        "widths_added": {
            "hits * (1 - hits) / len(member_losses) + false_alarms * (1 - false_alarms) / len(other_losses)": (
                "((hits * (1 - hits) / len(member_losses)).sqrt()"
                " + (false_alarms * (1 - false_alarms) / len(other_losses)).sqrt()) ** 2"
            )
        },
    },
)

# 18.rates: three rates for each group, each with a denominator of its own


def rates_by_group(approved, repaid, group):
    """Return (2, 3): false positive rate, false negative rate and positive predictive value of group 0 and of group 1.

    approved and repaid are boolean (N,), group (N,) has 0 and 1. A positive decision is an approved loan.
    """
    rows = []
    for g in (0, 1):
        yes, good = approved[group == g], repaid[group == g]
        false_positive_rate = yes[~good].float().mean()
        false_negative_rate = (~yes)[good].float().mean()
        predictive_value = good[yes].float().mean()
        rows.append(torch.stack([false_positive_rate, false_negative_rate, predictive_value]))
    return torch.stack(rows)


def _decisions(i):
    n = 12 + 2 * i
    group = torch.arange(2).repeat_interleave(n)
    repaid = torch.rand(2 * n) < torch.tensor([0.7, 0.4])[group]
    approved = torch.rand(2 * n) < 0.3 + 0.4 * repaid
    for g in (0, 1):
        # Each of the four outcomes occurs at least once, and one of them a second time, so that no two counts agree.
        first = g * n
        repaid[first : first + 6] = torch.tensor([True, True, False, False, True, True])
        approved[first : first + 6] = torch.tensor([True, False, True, False, True, g == 0])
    order = torch.randperm(2 * n)
    return {"approved": approved[order], "repaid": repaid[order], "group": group[order]}


RATES = Function(
    id="18.rates",
    reference=rates_by_group,
    case=_decisions,
    mistakes={
        "of_all_in_the_group": {
            "yes[~good].float()": "(yes & ~good).float()",
            "(~yes)[good].float()": "(~yes & good).float()",
            "good[yes].float()": "(good & yes).float()",
        },
        "of_the_approved": {"yes[~good]": "(~good)[yes]", "(~yes)[good]": "good[~yes]"},
        "negatives_of_the_rejected": {"(~yes)[good]": "good[~yes]"},
        "positives_of_the_approved": {"yes[~good]": "(~good)[yes]"},
        "approved_and_repaid_exchanged": {
            "approved[group == g], repaid[group == g]": "repaid[group == g], approved[group == g]"
        },
        "recall": {"(~yes)[good]": "yes[good]"},
        "recall_for_predictive_value": {"good[yes]": "yes[good]"},
        "exchanged": {
            "[false_positive_rate, false_negative_rate,": "[false_negative_rate, false_positive_rate,",
        },
        "specificity": {"yes[~good]": "(~yes)[~good]"},
        "groups_exchanged": {"(0, 1)": "(1, 0)"},
        "groups_ignored": {"approved[group == g], repaid[group == g]": "approved, repaid"},
    },
)

# 18.joules: a product of two uncertain numbers


def joules(seconds, watts, watts_error):
    """Return the energy in joules and its standard error.

    seconds (R,) are repeated measurements of the time, watts is the power, and watts_error its standard error.
    """
    mean, error = seconds.mean(), seconds.std() / len(seconds) ** 0.5
    energy = mean * watts
    return energy, energy * ((error / mean) ** 2 + (watts_error / watts) ** 2) ** 0.5


def _use_joules(function, seconds, watts, watts_error):
    return _use_pair(function, seconds, watts, watts_error)


def _times(i):
    seconds = 3 + torch.rand(4 + i)
    return {
        "seconds": seconds,
        "watts": (15.0, 60.0, 250.0, 40.0, 700.0)[i],
        "watts_error": (3.0, 2.0, 5.0, 4.0, 30.0)[i],
    }


JOULES = Usage(
    id="18.joules",
    reference=joules,
    case=_times,
    use=_use_joules,
    mistakes={
        "errors_added": {
            "((error / mean) ** 2 + (watts_error / watts) ** 2) ** 0.5": "(error / mean + watts_error / watts)"
        },
        "spread_for_error": {" / len(seconds) ** 0.5": ""},
        "biased_deviation": {"seconds.std()": "seconds.std(correction=0)"},
        "divided_by_the_count": {"len(seconds) ** 0.5": "len(seconds)"},
        "all_summed": {"mean * watts": "seconds.sum() * watts"},
        "time_without_error": {"(error / mean) ** 2 + ": ""},
        "power_without_error": {" + (watts_error / watts) ** 2": ""},
        "relative": {"energy * ((error": "((error"},
        "absolute_errors": {
            "energy * ((error / mean) ** 2 + (watts_error / watts) ** 2)": "(error**2 + watts_error**2)"
        },
        "root_missing": {"(watts_error / watts) ** 2) ** 0.5": "(watts_error / watts) ** 2)"},
        "half_of_an_interval": {"return energy, energy *": "return energy, 1.96 * energy *"},
        "always_two": {"len(seconds) ** 0.5": "2"},
        "exchanged": {
            "return energy, energy * ((error / mean) ** 2 + (watts_error / watts) ** 2) ** 0.5": (
                "return energy * ((error / mean) ** 2 + (watts_error / watts) ** 2) ** 0.5, energy"
            )
        },
        "ends_of_the_interval": {
            "return energy, energy * ((error / mean) ** 2 + (watts_error / watts) ** 2) ** 0.5": (
                "relative = ((error / mean) ** 2 + (watts_error / watts) ** 2) ** 0.5\n"
                "    return energy * (1 - relative), energy * (1 + relative)"
            )
        },
        "divided": {"mean * watts": "watts / mean"},
        "kilowatt_hours": {"mean * watts": "mean * watts / 3.6e6"},
        "best_time": {"mean * watts": "seconds.min() * watts"},
    },
)

ITEMS = (*PREDICTIONS, SEARCH, NESTED, FUSE, MEMBERSHIP, RATES, JOULES)
