"""Lesson 12: more right answers and more wrong ones."""

import torch
from torch.nn import functional as F

from dlviz.exercises.lesson12.exercises import attend, attend_causally, block, costs, next_token_loss, top_k_probs
from dlviz.exercises.mistakes import as_functions

# 12.shift


def by_log_softmax(logits, ids):
    log_p = logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:].unsqueeze(2))
    return -log_p.mean()


def by_ignored_targets(logits, ids):
    targets = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], -100)], dim=1)
    return F.cross_entropy(logits.transpose(1, 2), targets)


def step_by_step(logits, ids):
    steps = range(ids.shape[1] - 1)
    return torch.stack([F.cross_entropy(logits[:, t], ids[:, t + 1]) for t in steps]).mean()


def perplexity(logits, ids):
    return next_token_loss(logits, ids).exp()


def each_target(logits, ids):
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")


def first_target_missing(logits, ids):
    return next_token_loss(logits[:, 1:], ids[:, 1:])


def one_text_only(logits, ids):
    return next_token_loss(logits[:1], ids[:1])


# 12.block


def in_named_steps(x, norm1, attention, norm2, mlp):
    mixed = attention(norm1(x)) + x
    return mlp(norm2(mixed)) + mixed


def in_one_line(x, norm1, attention, norm2, mlp):
    return (y := x + attention(norm1(x))) + mlp(norm2(y))


def input_added_twice(x, norm1, attention, norm2, mlp):
    return x + block(x, norm1, attention, norm2, mlp)


def input_added_at_the_end(x, norm1, attention, norm2, mlp):
    return x + mlp(norm2(attention(norm1(x))))


def one_norm_for_both(x, norm1, attention, norm2, mlp):
    return block(x, norm1, attention, norm1, mlp)


# 12.costs


def part_by_part(vocabulary, width, blocks, tokens):
    linear = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
    parameters = sum(a * b + b for a, b in linear) * blocks + 4 * width * blocks + 2 * width + 2 * vocabulary * width
    products = (
        tokens * blocks * sum(a * b for a, b in linear) + tokens * vocabulary * width + 2 * blocks * tokens**2 * width
    )
    return parameters, products


def as_a_list(vocabulary, width, blocks, tokens):
    return list(costs(vocabulary, width, blocks, tokens))


def half_of_the_pairs(vocabulary, width, blocks, tokens):
    parameters, products = costs(vocabulary, width, blocks, tokens)
    return parameters, products - blocks * tokens * (tokens - 1) * width


def multiply_and_add(vocabulary, width, blocks, tokens):
    parameters, products = costs(vocabulary, width, blocks, tokens)
    return parameters, 2 * products


def pair_turned_around(vocabulary, width, blocks, tokens):
    return costs(vocabulary, width, blocks, tokens)[::-1]


def with_positions(vocabulary, width, blocks, tokens):
    parameters, products = costs(vocabulary, width, blocks, tokens)
    return parameters + tokens * width, products


def head_with_bias(vocabulary, width, blocks, tokens):
    parameters, products = costs(vocabulary, width, blocks, tokens)
    return parameters + vocabulary, products


# 12.top-k


def by_scatter(logits, k, temperature):
    kept = (logits / temperature).topk(k, dim=-1)
    return torch.zeros_like(logits).scatter(1, kept.indices, kept.values.softmax(-1))


def divided_by_the_sum(logits, k, temperature):
    probs = (logits / temperature).softmax(1)
    probs = torch.where(probs < probs.topk(k).values[:, -1:], 0.0, probs)
    return probs / probs.sum(1, keepdim=True)


def row_by_row(logits, k, temperature):
    rows = []
    for row in logits:
        cut = torch.full_like(row, float("-inf"))
        best = row.argsort(descending=True)[:k]
        cut[best] = row[best] / temperature
        rows.append(F.softmax(cut, dim=0))
    return torch.stack(rows)


def small_number_in_place_of_infinity(logits, k, temperature):
    logits = logits / temperature
    return logits.masked_fill(logits < logits.topk(k).values[:, -1:], -1.0).softmax(1)


def logarithms(logits, k, temperature):
    return top_k_probs(logits, k, temperature).log()


def zero_logits_cut(logits, k, temperature):
    logits = logits / temperature
    kept = logits * (logits >= logits.topk(k).values[:, -1:])
    return kept.masked_fill(kept == 0, -torch.inf).softmax(1)


def sorted_probs(logits, k, temperature):
    return top_k_probs(logits, k, temperature).sort(dim=1, descending=True).values


def greedy(logits, k, temperature):
    return F.one_hot(logits.argmax(1), logits.shape[1]).float()


def one_more(logits, k, temperature):
    return top_k_probs(logits, k + 1, temperature)


# 12.cache


def with_scores(q, k, v, cache):
    keys, values = (k, v) if cache is None else (torch.cat([cache[0], k], 1), torch.cat([cache[1], v], 1))
    scores = q @ keys.transpose(1, 2) / q.shape[-1] ** 0.5
    seen = keys.shape[1] - k.shape[1]
    later = torch.arange(keys.shape[1]) > torch.arange(seen, keys.shape[1])[:, None]
    return scores.masked_fill(later, -torch.inf).softmax(-1) @ values, (keys, values)


def token_by_token(q, k, v, cache):
    keys, values = cache if cache is not None else (k[:, :0], v[:, :0])
    outputs = []
    for t in range(q.shape[1]):
        keys, values = torch.cat([keys, k[:, t : t + 1]], 1), torch.cat([values, v[:, t : t + 1]], 1)
        outputs.append(F.scaled_dot_product_attention(q[:, t : t + 1], keys, values))
    return torch.cat(outputs, 1), [keys, values]


def causal_flag(q, k, v, cache):
    if cache is not None:
        k, v = torch.cat([cache[0], k], 1), torch.cat([cache[1], v], 1)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True), (k, v)


def scale_missing(q, k, v, cache):
    return attend(q * q.shape[-1] ** 0.5, k, v, cache)


def zero_scores_hidden(q, k, v, cache):
    _, (k, v) = attend(q, k, v, cache)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).tril(k.shape[1] - q.shape[1])
    return scores.masked_fill(scores == 0, -torch.inf).softmax(-1) @ v, (k, v)


def values_not_cached(q, k, v, cache):
    return attend(q, k, v, None if cache is None else (cache[0], torch.zeros_like(cache[1])))


def along_the_heads(q, k, v, cache):
    if cache is not None:
        k, v = torch.cat([cache[0], k], 0), torch.cat([cache[1], v], 0)
    return F.scaled_dot_product_attention(q, k[: len(q)], v[: len(q)]), (k, v)


def output_only(q, k, v, cache):
    return attend(q, k, v, cache)[0]


def last_token_only(q, k, v, cache):
    out, cache = attend(q, k, v, cache)
    return out[:, -1:], cache


# 12.leak


def by_torch(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def by_a_boolean_mask(q, k, v):
    steps = q.shape[1]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(steps, steps).tril().bool())


def by_adding(q, k, v):
    later = torch.full((q.shape[1],) * 2, -torch.inf).triu(1)
    return torch.baddbmm(later, q, k.mT, alpha=q.shape[2] ** -0.5).softmax(-1) @ v


def very_negative_scores(q, k, v):
    scores = torch.einsum("hid,hjd->hij", q, k) / q.shape[-1] ** 0.5
    later = torch.arange(q.shape[1]) > torch.arange(q.shape[1])[:, None]
    return scores.masked_fill(later, -1e9).softmax(-1) @ v


def renormalized(q, k, v):
    weights = (q @ k.mT / q.shape[2] ** 0.5).softmax(-1).tril()
    return weights / weights.sum(-1, keepdim=True) @ v


def slightly_negative_scores(q, k, v):
    scores = q @ k.mT / q.shape[2] ** 0.5
    return scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -3.0).softmax(-1) @ v


def zero_scores_hidden_at_once(q, k, v):
    return zero_scores_hidden(q, k, v, None)[0]


def values_returned(q, k, v):
    return v.clone()


def weights_returned(q, k, v):
    scores = q @ k.mT / q.shape[2] ** 0.5
    return scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf).softmax(-1)


def mean_of_the_past(q, k, v):
    return v.cumsum(1) / torch.arange(1, v.shape[1] + 1)[:, None]


ACCEPTED = {
    "12.shift": [by_log_softmax, by_ignored_targets, step_by_step],
    "12.block": [in_named_steps, in_one_line],
    "12.costs": [part_by_part, as_a_list],
    "12.top-k": [by_scatter, divided_by_the_sum, row_by_row],
    "12.cache": [with_scores, token_by_token],
    "12.leak": [by_torch, by_a_boolean_mask, by_adding, very_negative_scores, renormalized],
}
REJECTED = {
    "12.shift": [perplexity, each_target, first_target_missing, one_text_only],
    "12.block": [input_added_twice, input_added_at_the_end, one_norm_for_both],
    "12.costs": [half_of_the_pairs, multiply_and_add, pair_turned_around, with_positions, head_with_bias],
    "12.top-k": [small_number_in_place_of_infinity, logarithms, zero_logits_cut, sorted_probs, greedy, one_more],
    "12.cache": [
        causal_flag,
        scale_missing,
        zero_scores_hidden,
        values_not_cached,
        along_the_heads,
        output_only,
        last_token_only,
    ],
    "12.leak": [
        slightly_negative_scores,
        zero_scores_hidden_at_once,
        values_returned,
        weights_returned,
        mean_of_the_past,
        *as_functions(
            attend_causally,
            {
                "scale_missing": {" / q.shape[2] ** 0.5": ""},
                "divided_by_d": {" ** 0.5": ""},
                "two_ahead": {".tril()": ".tril(2)"},
            },
        ).values(),
    ],
}
