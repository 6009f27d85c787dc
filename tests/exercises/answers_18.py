"""Lesson 18: more right answers and more wrong ones."""

import torch
from torch.nn import functional as F

from dlviz.exercises.lesson18.exercises import advantage, fuse, joules, nested_score, rates_by_group, search
from dlviz.exercises.mistakes import as_functions

# 18.search


def best_so_far(candidates, fit, score, train, validation, test):
    best, reached, model = None, float("-inf"), None
    for candidate in candidates:
        tried = fit(candidate, train)
        found = score(tried, validation)
        if found > reached:
            best, reached, model = candidate, found, tried
    return best, score(model, test)


def trained_again(candidates, fit, score, train, validation, test):
    best = max(candidates, key=lambda candidate: score(fit(candidate, train), validation))
    return [best, score(fit(best, train), test)]


def trained_on_both(candidates, fit, score, train, validation, test):
    best, _ = search(candidates, fit, score, train, validation, test)
    return best, score(fit(best, torch.cat([train, validation])), test)


def lower_of_both(candidates, fit, score, train, validation, test):
    best, found = search(candidates, fit, score, train, validation, test)
    return best, (found + score(fit(best, train), validation)) / 2


# 18.nested


def by_the_search_of_each_fold(candidates, fit, score, folds):
    def inner(rest, candidate):
        scores = []
        for j in range(len(rest)):
            others = [fold for k, fold in enumerate(rest) if k != j]
            scores.append(score(fit(candidate, torch.cat(others)), rest[j]))
        return torch.tensor(scores, dtype=torch.float64).mean().item()

    outer = []
    for i in range(len(folds)):
        rest = [fold for k, fold in enumerate(folds) if k != i]
        best = max(candidates, key=lambda candidate, rest=rest: inner(rest, candidate))
        outer.append(score(fit(best, torch.cat(rest)), folds[i]))
    return sum(outer) / len(outer)


def inner_sum(candidates, fit, score, folds):
    total = 0.0
    for i, test in enumerate(folds):
        rest = [*folds[:i], *folds[i + 1 :]]
        sums = [
            sum(score(fit(c, torch.cat([*rest[:j], *rest[j + 1 :]])), validation) for j, validation in enumerate(rest))
            for c in candidates
        ]
        total += score(fit(candidates[max(range(len(sums)), key=sums.__getitem__)], torch.cat(rest)), test)
    return total / len(folds)


# 18.fuse


def products_divided(log_p_image, log_p_word, log_prior):
    product = log_p_image.exp() * log_p_word.exp() / log_prior.exp()
    return product / product.sum(dim=1, keepdim=True)


def row_by_row(log_p_image, log_p_word, log_prior):
    rows = []
    for a, b in zip(log_p_image, log_p_word, strict=True):
        joint = a + b - log_prior
        rows.append((joint - joint.logsumexp(0)).exp())
    return torch.stack(rows)


def by_functional(log_p_image, log_p_word, log_prior):
    return F.softmax(log_p_image - log_prior + log_p_word, dim=-1)


def most_confident(log_p_image, log_p_word, log_prior):
    surer = log_p_image.amax(1, keepdim=True) > log_p_word.amax(1, keepdim=True)
    return torch.where(surer, log_p_image, log_p_word).exp()


def first_example_for_all(log_p_image, log_p_word, log_prior):
    return fuse(log_p_image, log_p_word[:1], log_prior)


# 18.membership


def counted(member_losses, other_losses, threshold):
    n, m = len(member_losses), len(other_losses)
    p = sum(loss <= threshold for loss in member_losses.tolist()) / n
    q = sum(loss <= threshold for loss in other_losses.tolist()) / m
    return p - q, 1.96 * (p * (1 - p) / n + q * (1 - q) / m) ** 0.5


def by_standard_deviations(member_losses, other_losses, threshold):
    p, q = ((losses <= threshold).double() for losses in (member_losses, other_losses))
    variance = p.var(correction=0) / len(p) + q.var(correction=0) / len(q)
    return torch.stack([p.mean() - q.mean(), 1.96 * variance.sqrt()])


def median_for_threshold(member_losses, other_losses, threshold):
    return advantage(member_losses, other_losses, torch.cat([member_losses, other_losses]).median())


# 18.rates


def from_counts(approved, repaid, group):
    table = torch.zeros(2, 3)
    for g in (0, 1):
        inside = group == g
        tp = (approved & repaid & inside).sum()
        fp = (approved & ~repaid & inside).sum()
        fn = (~approved & repaid & inside).sum()
        tn = (~approved & ~repaid & inside).sum()
        table[g] = torch.stack([fp / (fp + tn), fn / (fn + tp), tp / (tp + fp)])
    return table


def by_complements(approved, repaid, group):
    def of(question, whom):
        return [question[whom & (group == g)].float().mean() for g in (0, 1)]

    specificity, recall, value = of(~approved, ~repaid), of(approved, repaid), of(repaid, approved)
    columns = [1 - torch.stack(specificity), 1 - torch.stack(recall), torch.stack(value)]
    return torch.stack(columns, dim=1)


def first_group_twice(approved, repaid, group):
    return rates_by_group(approved, repaid, group)[:1].repeat(2, 1)


# 18.joules


def in_plain_python(seconds, watts, watts_error):
    times = [float(one) for one in seconds]
    mean = sum(times) / len(times)
    variance = sum((one - mean) ** 2 for one in times) / (len(times) - 1) / len(times)
    return mean * watts, ((variance**0.5 * watts) ** 2 + (mean * watts_error) ** 2) ** 0.5


def by_hypot(seconds, watts, watts_error):
    std, mean = torch.std_mean(seconds.double())
    relative = torch.hypot(std / len(seconds) ** 0.5 / mean, torch.tensor(watts_error / watts, dtype=torch.float64))
    return [(mean * watts).item(), (mean * watts * relative).item()]


def two_errors_wide(seconds, watts, watts_error):
    energy, error = joules(seconds, watts, watts_error)
    return energy, 2 * error


ACCEPTED = {
    "18.search": [best_so_far, trained_again],
    "18.nested": [by_the_search_of_each_fold, inner_sum],
    "18.fuse": [products_divided, row_by_row, by_functional],
    "18.membership": [counted, by_standard_deviations],
    "18.rates": [from_counts, by_complements],
    "18.joules": [in_plain_python, by_hypot],
}
REJECTED = {
    "18.search": [trained_on_both, lower_of_both],
    "18.nested": [*as_functions(nested_score, {"summed": {"sum(found) / len(found)": "sum(found)"}}).values()],
    "18.fuse": [most_confident, first_example_for_all],
    "18.membership": [
        median_for_threshold,
        *as_functions(
            advantage, {"ninety": {"1.96": "1.64"}, "others_count": {"/ len(member_losses)": "/ len(other_losses)"}}
        ).values(),
    ],
    "18.rates": [first_group_twice],
    "18.joules": [
        two_errors_wide,
        *as_functions(joules, {"median": {"seconds.mean()": "seconds.median()"}}).values(),
    ],
}
