"""Lesson 11: which mistake is named for answers that people write first, and what the reports show."""

import pytest
import torch
from torch.nn import functional as F

from dlviz.exercises import exercise
from dlviz.exercises.compare import ELEMENTS


def zero_scores_hidden(scores):
    t = scores.tril()
    return t.masked_fill(t == 0, -torch.inf).softmax(-1)


def ones_times_infinity(scores):
    length = scores.shape[-1]
    return (scores + torch.ones(length, length).triu(1) * -torch.inf).softmax(-1)


def heads_and_features_exchanged(q, k, v, heads):
    q, k, v = (x.unflatten(2, (-1, heads)).transpose(1, 2) for x in (q, k, v))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def upper_triangle(q, k, v):
    mask = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).triu(0)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def mask_times_infinity(q, k, v):
    mask = torch.ones(q.shape[1], q.shape[1]).triu(1) * -torch.inf
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def one_ahead(q, k, v):
    mask = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).tril(1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("11.causal", zero_scores_hidden, "zero_scores_hidden"),
        ("11.causal", ones_times_infinity, "zero_times_infinity"),
        ("11.heads", heads_and_features_exchanged, "heads_and_features_exchanged"),
        ("11.leak", upper_triangle, "itself_and_the_future"),
        ("11.leak", mask_times_infinity, "zero_times_infinity"),
        ("11.leak", one_ahead, "one_too_far"),
    ],
)
def test_a_mistake_of_attention_is_named(id, answer, mistake):
    result = exercise(id).judge(answer, 0)
    assert (result.verdict, result.misconception) == ("wrong", mistake)


def test_a_leak_of_one_position_shows_in_the_metric_which_is_the_same_at_every_check():
    rows = [dict(exercise("11.leak").judge(one_ahead, seed).rows) for seed in range(2)]
    found, yours, expected = rows[0].values()
    assert rows[0] == rows[1]
    assert float(found) > 0.1
    assert float(yours) > 0.1
    assert float(expected) == 0


@pytest.mark.parametrize("id", ["11.attend", "11.causal", "11.heads", "11.positions", "11.leak"])
def test_the_first_case_shows_numbers(id):
    item = exercise(id)
    case = item.cases(0)[0]
    tensors = [*case.values(), item.reference(*case.values())]
    assert all(x.numel() <= ELEMENTS for x in tensors if isinstance(x, torch.Tensor))
