"""Lesson 12: which mistake is named for answers that people write first, and what the reports show."""

import pytest
import torch
from torch.nn import functional as F

from dlviz.exercises import exercise, predict
from dlviz.exercises.compare import ELEMENTS
from dlviz.exercises.lesson12.exercises import costs


def joined_in_the_given_list(q, k, v, cache):
    if cache is None:
        cache = [k, v]
    else:
        cache[0] = torch.cat([cache[0], k], 1)
        cache[1] = torch.cat([cache[1], v], 1)
    new, total = q.shape[1], cache[0].shape[1]
    allowed = torch.ones(new, total, dtype=torch.bool).tril(total - new)
    return F.scaled_dot_product_attention(q, *cache, attn_mask=allowed), cache


def joined(k, v, cache):
    return (k, v) if cache is None else (torch.cat([cache[0], k], 1), torch.cat([cache[1], v], 1))


def in_a_dictionary(q, k, v, cache):
    k, v = joined(k, v, cache and (cache["k"], cache["v"]))
    new, total = q.shape[1], k.shape[1]
    allowed = torch.ones(new, total, dtype=torch.bool).tril(total - new)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed), {"k": k, "v": v}


def causal_at_first(q, k, v, cache):
    kept = joined(k, v, cache)
    return F.scaled_dot_product_attention(q, *kept, is_causal=cache is None), kept


def causal_for_several(q, k, v, cache):
    kept = joined(k, v, cache)
    return F.scaled_dot_product_attention(q, *kept, is_causal=q.shape[1] > 1), kept


def one_place_to_the_left(q, k, v, cache):
    kept = joined(k, v, cache)
    new, total = q.shape[1], kept[0].shape[1]
    allowed = torch.ones(new, total, dtype=torch.bool).tril(total - new - 1)
    return F.scaled_dot_product_attention(q, *kept, attn_mask=allowed), kept


def first_token_reads_nothing(q, k, v, cache):
    k, v = joined(k, v, cache)
    new, total = q.shape[1], k.shape[1]
    read = torch.arange(total) < torch.arange(total - new, total)[:, None]
    return torch.where(read, q @ k.mT / q.shape[2] ** 0.5, -torch.inf).softmax(-1) @ v, (k, v)


def without_scale(q, k, v, cache):
    k, v = joined(k, v, cache)
    new, total = q.shape[1], k.shape[1]
    later = ~torch.ones(new, total, dtype=torch.bool).tril(total - new)
    return (q @ k.mT).masked_fill(later, -torch.inf).softmax(-1) @ v, (k, v)


def second_adds_the_input(x, norm1, attention, norm2, mlp):
    y = x + attention(norm1(x))
    return x + mlp(norm2(y))


def head_not_multiplied(vocabulary, width, blocks, tokens):
    parameters, products = costs(vocabulary, width, blocks, tokens)
    return parameters, products - tokens * width * vocabulary


def biases_multiplied(vocabulary, width, blocks, tokens):
    parameters, products = costs(vocabulary, width, blocks, tokens)
    return parameters, products + tokens * blocks * 9 * width


def pair_exchanged(vocabulary, width, blocks, tokens):
    return costs(vocabulary, width, blocks, tokens)[::-1]


def sign_missing(logits, ids):
    return logits[:, :-1].log_softmax(2).gather(2, ids[:, 1:, None]).mean()


def divided_by_all_tokens(logits, ids):
    return -logits[:, :-1].log_softmax(2).gather(2, ids[:, 1:, None]).sum() / ids.numel()


def powers_of_probabilities(logits, k, temperature):
    probs = logits.softmax(1) ** temperature
    probs = probs * (probs >= probs.topk(k).values[:, -1:])
    return probs / probs.sum(1, keepdim=True)


def mask_times_infinity(q, k, v):
    scores = q @ k.mT / q.shape[2] ** 0.5
    return (scores + torch.ones(scores.shape[1:]).triu(1) * -torch.inf).softmax(2) @ v


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("12.cache", joined_in_the_given_list, "joined_in_the_given_list"),
        ("12.cache", causal_at_first, "mask_at_first_only"),
        ("12.cache", causal_for_several, "no_mask_for_one"),
        ("12.cache", one_place_to_the_left, "without_itself"),
        ("12.cache", first_token_reads_nothing, "first_token_reads_nothing"),
        ("12.cache", without_scale, "scale_missing"),
        ("12.block", second_adds_the_input, "second_adds_the_input"),
        ("12.costs", head_not_multiplied, "head_not_multiplied"),
        ("12.costs", biases_multiplied, "biases_multiplied"),
        ("12.costs", pair_exchanged, "pair_exchanged"),
        ("12.shift", sign_missing, "sign_missing"),
        ("12.shift", divided_by_all_tokens, "divided_by_all_tokens"),
        ("12.top-k", powers_of_probabilities, "multiplied"),
        ("12.leak", mask_times_infinity, "zero_times_infinity"),
    ],
)
def test_a_mistake_of_a_small_gpt_is_named(id, answer, mistake):
    result = exercise(id).judge(answer, 0)
    assert (result.verdict, result.misconception) == ("wrong", mistake), result


def test_a_cache_of_another_type_is_told_as_what_was_returned():
    result = exercise("12.cache").judge(in_a_dictionary, 0)
    assert result.message.startswith("Your function returned tuple (Tensor (1, 3, 2) float32, dict); expected: tuple (")


@pytest.mark.parametrize("answer", [4, "4", "four times", "Four times"])
def test_a_factor_may_be_given_as_a_number_or_in_words(answer):
    assert predict("12.width", answer).passed


def test_the_metric_of_the_leak_is_the_same_at_every_check():
    item = exercise("12.leak")
    rows = [item.judge(item.wrong_answers["one_ahead"], seed).rows for seed in range(2)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("id", ["12.block", "12.top-k", "12.cache", "12.leak"])
def test_the_first_case_shows_numbers(id):
    case = exercise(id).case(0)
    assert all(x.numel() <= ELEMENTS for x in case.values() if isinstance(x, torch.Tensor))
