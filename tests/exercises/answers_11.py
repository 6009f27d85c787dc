"""Lesson 11: more right answers and more wrong ones."""

import math

import torch
from torch.nn import functional as F

from dlviz.exercises.lesson11.exercises import (
    attend,
    causal_weights,
    entropy,
    look_back,
    multi_head,
    positional_encoding,
)
from dlviz.exercises.mistakes import as_functions

# 11.attend


def by_loops(q, k, v):
    rows = []
    for one in q:
        weights = F.softmax(torch.stack([one @ key for key in k]), dim=0)
        rows.append(sum(w * value for w, value in zip(weights, v, strict=True)))
    return torch.stack(rows)


def by_einsum(q, k, v):
    return torch.einsum("ls,sd->ld", torch.softmax(torch.einsum("ld,sd->ls", q, k), -1), v)


def by_torchs_own(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None], scale=1.0)[0]


def by_exponentials(q, k, v):
    exps = (q @ k.T - (q @ k.T).amax(1, keepdim=True)).exp()
    return exps / exps.sum(1, keepdim=True) @ v


def cosine_scores(q, k, v):
    return (F.normalize(q, dim=1) @ F.normalize(k, dim=1).T).softmax(1) @ v


def nearest_key(q, k, v):
    return (-torch.cdist(q, k)).softmax(1) @ v


def sigmoid_weights(q, k, v):
    return (q @ k.T).sigmoid() @ v


def scaled_by_the_keys(q, k, v):
    return (q @ k.T / len(k) ** 0.5).softmax(1) @ v


# 11.entropy


def by_cross_entropy(scores, scale):
    z = scores * scale
    return F.cross_entropy(z, z.softmax(1), reduction="none")


def with_where(scores, scale):
    w = (scale * scores).softmax(-1)
    return -torch.where(w > 0, w * w.clamp(min=1e-38).log(), 0).sum(-1)


def by_torch_special(scores, scale):
    return torch.special.entr((scores * scale).softmax(1)).sum(1)


def by_distributions(scores, scale):
    return torch.distributions.Categorical(logits=scores * scale).entropy()


def small_number_added(scores, scale):
    w = (scores * scale).softmax(1)
    return -(w * (w + 1e-3).log()).sum(1)


def largest_weight(scores, scale):
    return 1 - (scores * scale).softmax(1).amax(1)


def standardized(scores, scale):
    return entropy((scores - scores.mean(1, keepdim=True)) / scores.std(1, keepdim=True), scale)


# 11.causal


def with_where_and_tril(scores):
    keep = torch.tril(torch.ones_like(scores, dtype=torch.bool))
    return torch.where(keep, scores, -torch.inf).softmax(-1)


def by_adding(scores):
    length = scores.shape[-1]
    return F.softmax(scores + torch.full((length, length), -torch.inf).triu(1), -1)


def row_by_row(scores):
    rows = [F.pad(scores[:, i, : i + 1].softmax(-1), (0, scores.shape[-1] - i - 1)) for i in range(scores.shape[1])]
    return torch.stack(rows, 1)


def renormalized(scores):
    w = scores.softmax(-1).tril()
    return w / w.sum(-1, keepdim=True)


def almost_hidden(scores):
    return scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -5.0).softmax(-1)


def scaled_first(scores):
    return causal_weights(scores / scores.shape[-1] ** 0.5)


def first_sequence_only(scores):
    return causal_weights(scores[:1]).expand_as(scores)


# 11.heads


def by_chunks(q, k, v, heads):
    parts = zip(*(x.chunk(heads, 2) for x in (q, k, v)), strict=True)
    return torch.cat([(a @ b.mT / a.shape[2] ** 0.5).softmax(2) @ c for a, b, c in parts], 2)


def by_sdpa(q, k, v, heads):
    def split(x):
        return x.view(*x.shape[:2], heads, -1).transpose(1, 2)

    out = F.scaled_dot_product_attention(split(q), split(k), split(v))
    return out.transpose(1, 2).reshape(q.shape[0], q.shape[1], -1)


def by_einsum_of_heads(q, k, v, heads):
    q, k, v = (x.unflatten(2, (heads, -1)) for x in (q, k, v))
    weights = (torch.einsum("nlhd,nshd->nhls", q, k) / math.sqrt(q.shape[3])).softmax(-1)
    return torch.einsum("nhls,nshd->nlhd", weights, v).flatten(2)


def causal_as_well(q, k, v, heads):
    def split(x):
        return x.unflatten(2, (heads, -1)).transpose(1, 2)

    return F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=True).transpose(1, 2).flatten(2)


def heads_in_reverse(q, k, v, heads):
    return multi_head(q, k, v, heads).unflatten(2, (heads, -1)).flip(2).flatten(2)


def residual_added(q, k, v, heads):
    return q + multi_head(q, k, v, heads)


# 11.positions


def written_into(length, d):
    p, t = torch.zeros(length, d), torch.arange(length).float()[:, None]
    rates = torch.exp(torch.arange(0, d, 2) * (-math.log(10_000.0) / d))
    p[:, 0::2], p[:, 1::2] = torch.sin(t * rates), torch.cos(t * rates)
    return p


def number_by_number(length, d):
    rows = [
        [(math.cos if c % 2 else math.sin)(t / 10_000 ** ((c - c % 2) / d)) for c in range(d)] for t in range(length)
    ]
    return torch.tensor(rows)


def by_complex_numbers(length, d):
    angles = torch.outer(torch.arange(length).float(), 10_000.0 ** (-torch.arange(0, d, 2) / d))
    turned = torch.polar(torch.ones_like(angles), angles)
    return torch.stack([turned.imag, turned.real], -1).reshape(length, d)


def sines_only(length, d):
    return positional_encoding(length, d) * torch.tensor([1.0, 0.0]).repeat(d // 2)


def positions_divided_by_length(length, d):
    return torch.stack([positional_encoding(length, d)[t // 2] for t in range(length)])


def scaled_by_d(length, d):
    return positional_encoding(length, d) / d**0.5


def transposed_table(length, d):
    return positional_encoding(d, length + length % 2).T[:length]


# 11.leak


def by_is_causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def lower_triangle(q, k, v):
    keep = torch.ones(q.shape[1], q.shape[1]).tril().bool()
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


def infinities_added(q, k, v):
    mask = torch.full((q.shape[1], q.shape[1]), -torch.inf).triu(1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def by_hand(q, k, v):
    return causal_weights(q @ k.mT / q.shape[-1] ** 0.5) @ v


def by_hand_without_scale(q, k, v):
    return causal_weights(q @ k.mT) @ v


def weights_zeroed(q, k, v):
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1).tril() @ v


def zero_scores_hidden(q, k, v):
    scores = (q @ k.mT / q.shape[-1] ** 0.5).tril()
    return scores.masked_fill(scores == 0, -torch.inf).softmax(-1) @ v


def transposed_mask(q, k, v):
    mask = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).tril().T
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def one_step_only(q, k, v):
    mask = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).tril().triu(-1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


ACCEPTED = {
    "11.attend": [by_loops, by_einsum, by_torchs_own, by_exponentials],
    "11.entropy": [by_cross_entropy, with_where, by_torch_special, by_distributions],
    "11.causal": [with_where_and_tril, by_adding, row_by_row, renormalized],
    "11.heads": [by_chunks, by_sdpa, by_einsum_of_heads],
    "11.positions": [written_into, number_by_number, by_complex_numbers],
    "11.leak": [by_is_causal, lower_triangle, infinities_added, by_hand],
}
REJECTED = {
    "11.attend": [
        cosine_scores,
        nearest_key,
        sigmoid_weights,
        scaled_by_the_keys,
        *as_functions(attend, {"negated": {"q @ k.T": "-(q @ k.T)"}, "log": {"softmax": "log_softmax"}}).values(),
    ],
    "11.entropy": [small_number_added, largest_weight, standardized],
    "11.causal": [
        almost_hidden,
        scaled_first,
        first_sequence_only,
        *as_functions(causal_weights, {"small_number": {"-torch.inf": "1e-9"}}).values(),
    ],
    "11.heads": [causal_as_well, heads_in_reverse, residual_added],
    "11.positions": [sines_only, positions_divided_by_length, scaled_by_d, transposed_table],
    "11.leak": [
        by_hand_without_scale,
        weights_zeroed,
        zero_scores_hidden,
        transposed_mask,
        one_step_only,
        *as_functions(look_back, {"keys_reversed": {"(q, k, v, attn": "(q, k.flip(1), v, attn"}}).values(),
    ],
}
