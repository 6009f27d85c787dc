"""Lesson 11, attention: its exercises."""

import torch
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson11.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 11.attend: scores, softmax, weighted sum


def attend(q, k, v):
    """Return the weighted sums (L, D_v) of the rows of v, for queries q (L, D), keys k (S, D) and values v (S, D_v)."""
    scores = q @ k.T
    weights = scores.softmax(dim=1)
    return weights @ v


def _queries(i):
    length, keys, d, d_v = (2, 3, 2, 2) if i == 0 else (3 + i % 2, 5 + i, 4, 2 + i % 3)
    q, k, v = torch.randn(length, d), torch.randn(keys, d), torch.randn(keys, d_v)
    return {"q": q.requires_grad_(), "k": k.requires_grad_(), "v": v.requires_grad_()}


ATTEND = Function(
    id="11.attend",
    reference=attend,
    case=_queries,
    mistakes={
        "softmax_missing": {".softmax(dim=1)": ""},
        "over_the_queries": {"dim=1": "dim=0"},
        "over_everything": {"scores.softmax(dim=1)": "scores.flatten().softmax(dim=0).view_as(scores)"},
        "divided_by_the_sum": {"scores.softmax(dim=1)": "scores / scores.sum(dim=1, keepdim=True)"},
        "weights_returned": {"return weights @ v": "return weights"},
        "best_only": lambda q, k, v: v[(q @ k.T).argmax(dim=1)],
        "scaled_already": {"q @ k.T": "q @ k.T / q.shape[1] ** 0.5"},
        "keys_mixed": {"weights @ v": "weights @ k"},
    },
)

# 11.entropy: how spread out the weights are


def entropy(scores, scale):
    """Return the entropy (L,), in nats, of each row of softmax(scores · scale); scores is (L, S)."""
    log_weights = (scores * scale).log_softmax(dim=1)
    return -(log_weights.exp() * log_weights).sum(dim=1)


def _scores(i):
    d = (4, 16, 64, 256, 4096)[i]
    return {
        "scores": torch.randn(2 + i, d) @ torch.randn(d, 6) * (5 if i == 4 else 1),
        "scale": 1.0 if i % 2 == 0 else d**-0.5,
    }


ENTROPY = Function(
    id="11.entropy",
    reference=entropy,
    case=_scores,
    mistakes={
        "sign_missing": {"-(log": "(log"},
        "scale_missing": {" * scale": ""},
        "divided_by_the_scale": {"* scale": "/ scale"},
        "logarithm_of_zero": {
            "(scores * scale).log_softmax(dim=1)": "(scores * scale).softmax(dim=1).log()",
        },
        "base_two": {"exp() * log_weights": "exp() * log_weights / torch.tensor(2.0).log()"},
        "mean_of_the_rows": {".sum(dim=1)": ".sum(dim=1).mean()"},
        "mean_over_the_keys": {".sum(dim=1)": ".mean(dim=1)"},
        "over_the_queries": {"log_softmax(dim=1)": "log_softmax(dim=0)", "sum(dim=1)": "sum(dim=0)"},
        "perplexity": {
            "-(log_weights.exp() * log_weights).sum(dim=1)": "(-(log_weights.exp() * log_weights).sum(dim=1)).exp()"
        },
        "weights_missing": {"log_weights.exp() * log_weights": "log_weights"},
    },
)

# 11.causal: nobody looks ahead


def causal_weights(scores):
    """Return the attention weights (N, L, L) of scores (N, L, L), in which position i attends to positions 0 … i only."""
    length = scores.shape[-1]
    future = torch.ones(length, length, dtype=torch.bool).triu(diagonal=1)
    return scores.masked_fill(future, -torch.inf).softmax(dim=-1)


def _squares(i):
    length = 2 + i
    scores = 3 * torch.randn(2, length, length)
    scores[0, -1, 0] = 0  # a score as any other, which a mask must not confuse with its own zeros
    return {"scores": scores.requires_grad_()}


CAUSAL = Function(
    id="11.causal",
    reference=causal_weights,
    case=_squares,
    mistakes={
        "zeroed_after_softmax": {
            "scores.masked_fill(future, -torch.inf).softmax(dim=-1)": "scores.softmax(dim=-1).masked_fill(future, 0)"
        },
        "zero_scores": {"-torch.inf": "0"},
        "only_the_future": {"masked_fill(future": "masked_fill(~future"},
        "past_hidden": {"triu(diagonal=1)": "tril(diagonal=-1)"},
        "itself_hidden": {"triu(diagonal=1)": "triu(diagonal=0)"},
        "one_too_far": {"triu(diagonal=1)": "triu(diagonal=2)"},
        "softmax_missing": {".softmax(dim=-1)": ""},
        "over_the_queries": {"softmax(dim=-1)": "softmax(dim=1)"},
        "mask_missing": {".masked_fill(future, -torch.inf)": ""},
        "zero_scores_hidden": {"masked_fill(future": "masked_fill(scores.tril() == 0"},
        "zero_times_infinity": {"scores.masked_fill(future, -torch.inf)": "(scores + future * -torch.inf)"},
    },
)

# 11.heads: several attentions on parts of the features


def multi_head(q, k, v, heads):
    """Return attention (N, L, E) with `heads` heads; q is (N, L, E), k and v are (N, S, E). Head h has features h·D to (h + 1)·D − 1."""
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
    return (scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2)


def _split(i):
    heads, n, length, keys = (2, 3, 4, 2, 3)[i], 2, 3 + i % 2, 3 + (i + 1) % 3
    features = heads * (3 + i % 2)
    if i == 0:  # few enough numbers to be shown
        n, length, keys, features = 1, 2, 2, 4
    q, k, v = torch.randn(n, length, features), torch.randn(n, keys, features), torch.randn(n, keys, features)
    return {"q": q.requires_grad_(), "k": k.requires_grad_(), "v": v.requires_grad_(), "heads": heads}


HEADS = Function(
    id="11.heads",
    reference=multi_head,
    case=_split,
    mistakes={
        "one_head": {"(heads, -1)": "(1, -1)"},
        "scrambled": {
            "x.unflatten(2, (heads, -1)).transpose(1, 2)": "x.reshape(len(x), heads, x.shape[1], -1)",
            ".transpose(1, 2).flatten(2)": ".reshape(len(q), q.shape[2], -1)",
        },
        "joined_without_transpose": {
            ".transpose(1, 2).flatten(2)": ".reshape(len(q), q.shape[2], -1)",
        },
        "heads_and_features_exchanged": {"unflatten(2, (heads, -1))": "unflatten(2, (-1, heads))"},
        "interleaved": {"unflatten(2, (heads, -1))": "unflatten(2, (-1, heads)).transpose(2, 3)"},
        "scale_of_all_features": {"q.shape[-1] ** 0.5": "(q.shape[-1] * heads) ** 0.5"},
        "scale_missing": {" / q.shape[-1] ** 0.5": ""},
        "over_the_queries": {"softmax(dim=-1)": "softmax(dim=-2)"},
        "mean_of_the_heads": {".transpose(1, 2).flatten(2)": ".mean(dim=1)"},
    },
)

# 11.positions: sines and cosines


def positional_encoding(length, d):
    """Return the sinusoidal positional encoding (length, d), d even.

    In row t, column 2i is the sine of t / 10000^(2i / d), and column 2i + 1 is its cosine.
    """
    t = torch.arange(length).unsqueeze(1)
    angles = t / 10_000 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


POSITIONS = Function(
    id="11.positions",
    reference=positional_encoding,
    case=lambda i: {"length": 2 + 3 * i, "d": (4, 8, 6, 16, 10)[i]},
    mistakes={
        "halves": {
            "torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)": "torch.cat([angles.sin(), angles.cos()], dim=1)"
        },
        "sine_and_cosine_swapped": {"[angles.sin(), angles.cos()]": "[angles.cos(), angles.sin()]"},
        "from_one": {"torch.arange(length)": "torch.arange(1, length + 1)"},
        "exponent_halved": {"torch.arange(0, d, 2) / d": "torch.arange(d // 2) / d"},
        "other_base": {"10_000": "1_000"},
        "multiplied": {"t / 10_000": "t * 10_000"},
        "every_column_its_own": {
            "angles.cos()]": "(t / 10_000 ** (torch.arange(1, d + 1, 2) / d)).cos()]",
        },
    },
)

# 11.leak: a mask in the other convention


def look_back(q, k, v):
    """Return attention (N, L, D_v) in which position i uses positions 0 … i only; q and k are (N, L, D), v is (N, L, D_v)."""
    length = q.shape[1]
    mask = torch.ones(length, length, dtype=torch.bool).triu(diagonal=1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=~mask)


def _sequences(i):
    q, k, v = torch.randn(3, 1, 4, 2) if i == 0 else torch.randn(3, 2, 4 + i, 4 + 2 * (i % 2))
    if i == 1:  # scores of exactly 0, which a mask must not confuse with its own zeros
        k[0, 0] = 0
    return {"q": q.requires_grad_(), "k": k.requires_grad_(), "v": v.requires_grad_()}


def _leak(function):
    """Return the largest change of the earlier outputs when the last position changes."""
    x = torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(0))  # the same at every check
    changed = x.clone()
    changed[:, -1] += 3
    return round((function(x, x, x) - function(changed, changed, changed))[:, :-1].abs().max().item(), 3)


LEAK = Repair(
    id="11.leak",
    reference=look_back,
    case=_sequences,
    broken="other_convention",
    metric=_leak,
    mistakes={
        "other_convention": {"attn_mask=~mask": "attn_mask=mask"},
        "no_mask": {", attn_mask=~mask": ""},
        "itself_and_the_future": {"diagonal=1": "diagonal=0", "attn_mask=~mask": "attn_mask=mask"},
        "itself_hidden": {"diagonal=1": "diagonal=0"},
        "ones_added": {"attn_mask=~mask": "attn_mask=mask.to(q.dtype)"},
        "kept_added": {"attn_mask=~mask": "attn_mask=(~mask).to(q.dtype)"},
        "one_too_far": {"diagonal=1": "diagonal=2"},
        "zero_times_infinity": {"attn_mask=~mask": "attn_mask=mask * -torch.inf"},
        "diagonal_alone": {"triu(diagonal=1)": "fill_diagonal_(False)"},
    },
)

ITEMS = (*PREDICTIONS, ATTEND, ENTROPY, CAUSAL, HEADS, POSITIONS, LEAK)
