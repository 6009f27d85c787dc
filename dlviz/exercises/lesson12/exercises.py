"""Lesson 12, a small GPT: its exercises."""

import torch
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson12.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.usage import Usage

# 12.shift: the target of a token is the next one


def next_token_loss(logits, ids):
    """Return the mean cross-entropy () of predicting each token from those before it.

    logits (N, T, V) are what the model returned for ids (N, T).
    """
    predicted, targets = logits[:, :-1], ids[:, 1:]
    return F.cross_entropy(predicted.flatten(0, 1), targets.flatten())


def _windows(i):
    n, steps, vocabulary = 2 + i % 2, 4 + i, 5 + i % 3
    logits = 2 * torch.randn(n, steps, vocabulary)
    return {"logits": logits.requires_grad_(), "ids": torch.randint(vocabulary, (n, steps))}


SHIFT = Function(
    id="12.shift",
    reference=next_token_loss,
    case=_windows,
    mistakes={
        "not_shifted": {"[:, :-1]": "", "[:, 1:]": ""},
        "shifted_back": {"[:, :-1]": "[:, 1:]", "[:, 1:]": "[:, :-1]"},
        "around_the_end": {"[:, :-1]": "", "ids[:, 1:]": "ids.roll(-1, dims=1)"},
        "two_ahead": {"[:, :-1]": "[:, :-2]", "[:, 1:]": "[:, 2:]"},
        "next_row": {"[:, :-1]": "[:-1]", "[:, 1:]": "[1:]"},
        "across_rows": {
            "logits[:, :-1], ids[:, 1:]": "logits.flatten(0, 1)[:-1], ids.flatten()[1:]",
            "predicted.flatten(0, 1), targets.flatten()": "predicted, targets",
        },
        "last_token_only": {"[:, :-1]": "[:, -2:-1]", "[:, 1:]": "[:, -1:]"},
        "sign_missing": {"return F": "return -F"},
        "divided_by_all_tokens": {"targets.flatten())": "targets.flatten(), reduction='sum') / ids.numel()"},
        "summed": {"targets.flatten())": "targets.flatten(), reduction='sum')"},
        "in_bits": {"targets.flatten())": "targets.flatten()) / torch.log(torch.tensor(2.0))"},
        "softmax_before": {"predicted.flatten(0, 1)": "predicted.flatten(0, 1).softmax(dim=1)"},
        "not_flattened": {"predicted.flatten(0, 1), targets.flatten()": "predicted, targets"},
    },
)

# 12.block: two sublayers, each added to what came in


def block(x, norm1, attention, norm2, mlp):
    """Return the output (T, E) of a transformer block for x (T, E).

    norm1, attention, norm2 and mlp are functions from (T, E) to (T, E).
    """
    x = x + attention(norm1(x))
    return x + mlp(norm2(x))


def _parts(i):
    steps, width = 2 + i, 3 + i % 2
    scale, shift = 1 + torch.rand(2, width), torch.randn(2, width)
    mixing = torch.ones(steps, steps).tril().softmax(dim=1)
    values, hidden = torch.randn(width, width), torch.randn(width, 2 * width)

    def norm1(x):
        return F.layer_norm(x, (width,)) * scale[0] + shift[0]

    def norm2(x):
        return F.layer_norm(x, (width,)) * scale[1] + shift[1]

    def attention(x):
        return mixing @ x @ values

    def mlp(x):
        return F.gelu(x @ hidden) @ hidden.T

    x = torch.randn(steps, width).requires_grad_()
    return {"x": x, "norm1": norm1, "attention": attention, "norm2": norm2, "mlp": mlp}


BLOCK = Function(
    id="12.block",
    reference=block,
    case=_parts,
    mistakes={
        "in_place": {"x = x + attention": "x += attention"},
        "nothing_added": {"x = x + attention": "x = attention", "return x + mlp": "return mlp"},
        "attention_alone": {"x = x + attention": "x = attention"},
        "mlp_alone": {"return x + mlp": "return mlp"},
        "norms_missing": {"norm1(x))": "x)", "norm2(x))": "x)"},
        "norms_after": {"x + attention(norm1(x))": "norm1(x + attention(x))", "x + mlp(norm2(x))": "norm2(x + mlp(x))"},
        "norms_of_the_outputs": {"attention(norm1(x))": "norm1(attention(x))", "mlp(norm2(x))": "norm2(mlp(x))"},
        "normalized_stream": {
            "x = x + attention(norm1(x))": "x = norm1(x); x = x + attention(x)",
            "return x + mlp(norm2(x))": "x = norm2(x); return x + mlp(x)",
        },
        "both_read_the_input": {"x = x + attention": "a = attention", "return x + mlp": "return x + a + mlp"},
        "second_adds_the_input": {"x = x + attention": "y = x + attention", "mlp(norm2(x))": "mlp(norm2(y))"},
        "norms_exchanged": {"norm1(x))": "norm2(x))", "norm2(x))": "norm1(x))"},
        "mlp_first": {"attention(norm1(x))": "mlp(norm2(x))", "mlp(norm2(x))": "attention(norm1(x))"},
    },
)

# 12.costs: what a model stores, and what a pass computes


def costs(vocabulary, width, blocks, tokens):
    """Return the number of parameters, and of multiplications in one pass over so many tokens (T).

    vocabulary (V), width (E) and blocks (B) are sizes of the model.
    """
    weights = 12 * width * width
    parameters = vocabulary * width + blocks * (weights + 13 * width) + 2 * width + width * vocabulary
    each_token = blocks * weights + width * vocabulary
    pairs = 2 * blocks * tokens * tokens * width
    return parameters, tokens * each_token + pairs


def _sizes(i):
    random = [int(torch.randint(low, 2 * low, ())) for low in (20, 4, 2, 5)]
    return dict(zip(("vocabulary", "width", "blocks", "tokens"), [20, 4, 2, 5] if i == 0 else random, strict=True))


COSTS = Function(
    id="12.costs",
    reference=costs,
    case=_sizes,
    mistakes={
        "biases_and_norms_forgotten": {" + 13 * width": "", " + 2 * width +": " +"},
        "biases_forgotten": {"13 * width": "4 * width"},
        "norms_forgotten": {"13 * width": "9 * width", " + 2 * width +": " +"},
        "last_norm_forgotten": {" + 2 * width +": " +"},
        "head_forgotten": {
            " + 2 * width + width * vocabulary": " + 2 * width",
            "weights + width * vocabulary": "weights",
        },
        "head_not_multiplied": {"weights + width * vocabulary": "weights"},
        "biases_multiplied": {"blocks * weights +": "blocks * (weights + 9 * width) +"},
        "pair_exchanged": {
            "return parameters, tokens * each_token + pairs": "return tokens * each_token + pairs, parameters"
        },
        "head_shares_the_table": {"parameters = vocabulary * width +": "parameters ="},
        "one_block": {"parameters =": "blocks = 1; parameters ="},
        "pairs_forgotten": {" + pairs": ""},
        "scores_only": {"2 * blocks": "blocks"},
        "one_token": {"tokens * each_token": "each_token", "tokens * tokens": "tokens"},
        "lookup_multiplied": {"weights + width * vocabulary": "weights + 2 * width * vocabulary"},
        "one_product_a_parameter": {"each_token + pairs": "parameters"},
    },
)

# 12.top-k: only the most probable tokens may be drawn


def top_k_probs(logits, k, temperature):
    """Return the probabilities (N, V) with which the next tokens are drawn, from logits (N, V).

    The logits are divided by temperature, and only the k most probable tokens of each row can be drawn.
    """
    logits = logits / temperature
    least = logits.topk(k, dim=1).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf).softmax(dim=1)


def cut_after_softmax(logits, k, temperature):
    probs = (logits / temperature).softmax(dim=1)
    return probs * (probs >= probs.topk(k, dim=1).values[:, -1:])


def _next_logits(i):
    logits = 2 * torch.randn(2 + i % 3, 4 + i)
    if i == 1:  # a logit of exactly 0 is kept, which must not be confused with what was cut
        logits -= logits.amax(dim=1, keepdim=True)
    return {"logits": logits, "k": 2 + i % 2, "temperature": (0.5, 2.0, 0.7, 1.5, 0.8)[i]}


TOP_K = Function(
    id="12.top-k",
    reference=top_k_probs,
    case=_next_logits,
    mistakes={
        "sum_below_one": cut_after_softmax,
        "zero_logits": {"-torch.inf": "0.0"},
        "multiplied": {"logits / temperature": "logits * temperature"},
        "temperature_ignored": {"logits = logits / temperature": ""},
        "temperature_after_softmax": {
            "logits = logits / temperature": "",
            ".softmax(dim=1)": ".softmax(dim=1) / temperature",
        },
        "nothing_cut": {".masked_fill(logits < least, -torch.inf)": ""},
        "most_probable_cut": {"logits < least": "logits >= least"},
        "one_too_few": {"logits < least": "logits <= least"},
        "only_k_returned": lambda logits, k, temperature: (logits / temperature).topk(k, dim=1).values.softmax(dim=1),
        "equally_probable": {".softmax(dim=1)": ".isfinite() / k"},
        "over_the_rows": {".softmax(dim=1)": ".softmax(dim=0)"},
        "one_limit_for_all": {".values[:, -1:]": ".values[0, -1]"},
        "logits_returned": {".softmax(dim=1)": ""},
    },
)

# 12.cache: keys and values of earlier tokens are kept


def attend(q, k, v, cache):
    """Return the causal attention (H, new, D) of the new tokens, and the cache for the next call.

    q, k and v (H, new, D) are those of the new tokens. The cache is None at first, then a pair: the keys and the values
    (H, seen, D) of all tokens so far.
    """
    if cache is not None:
        k = torch.cat([cache[0], k], dim=1)
        v = torch.cat([cache[1], v], dim=1)
    new, total = q.shape[1], k.shape[1]
    allowed = torch.ones(new, total, dtype=torch.bool).tril(total - new)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed), (k, v)


def new_tokens_only(q, k, v, cache):
    out, _ = attend(q, k, v, cache)
    return out, (k, v)


def first_cache_kept(q, k, v, cache):
    out, new = attend(q, k, v, cache)
    return out, cache or new


def first_token_reads_nothing(q, k, v, cache):
    _, (k, v) = attend(q, k, v, cache)
    new, total = q.shape[1], k.shape[1]
    allowed = torch.ones(new, total, dtype=torch.bool).tril(total - new - 1)
    scores = q @ k.transpose(1, 2) / q.shape[2] ** 0.5
    return scores.masked_fill(~allowed, -torch.inf).softmax(dim=2) @ v, (k, v)


def joined_in_the_given_list(q, k, v, cache):
    if cache is None:
        cache = [k, v]
    else:
        cache[0], cache[1] = torch.cat([cache[0], k], dim=1), torch.cat([cache[1], v], dim=1)
    return attend(q, k[:, :0], v[:, :0], cache)[0], cache


def _use_attend(function, q, k, v, pieces):
    """Return the outputs for all tokens, which arrive in pieces, the cached keys and values, and whether no cache was written into."""
    cache, outputs, kept = None, [], True
    for new in zip(*(tensor.split(pieces, dim=1) for tensor in (q, k, v)), strict=True):
        given, before = cache, None if cache is None else [part.clone() for part in cache]
        out, cache = function(*new, given)
        outputs.append(out)
        kept = kept and (given is None or _same_tensors(given, before))
        if not isinstance(cache, (tuple, list, torch.Tensor)) or len(cache) != 2:
            raise TypeError("the cache is no pair")
    return [torch.cat(outputs, dim=1), *cache, kept]


def _same_tensors(one, other):
    return len(one) == len(other) and all(map(torch.equal, one, other))


def _heads(i):
    pieces = ([3, 1], [2, 1, 2], [4, 2], [2, 3, 1], [3, 1, 2])[i]
    q, k, v = 1.5 * torch.randn(3, 1 + i % 3, sum(pieces), 2 + i % 2)
    if i == 1:  # scores of exactly 0, which a mask must not confuse with its own zeros
        k[0, 0] = 0
    return {"q": q, "k": k, "v": v, "pieces": pieces}


CACHE = Usage(
    id="12.cache",
    reference=attend,
    case=_heads,
    use=_use_attend,
    mistakes={
        "mask_begins_at_the_left": {".tril(total - new)": ".tril()"},
        "future_visible": {"attn_mask=allowed": "attn_mask=None"},
        "one_ahead": {".tril(total - new)": ".tril(total - new + 1)"},
        "without_itself": {".tril(total - new)": ".tril(total - new - 1)"},
        "first_token_reads_nothing": first_token_reads_nothing,
        "mask_at_first_only": {"attn_mask=allowed": "attn_mask=allowed if cache is None else None"},
        "no_mask_for_one": {"tril(total - new)": "tril(0 if new > 1 else total)"},
        "scale_missing": {"attn_mask=allowed": "attn_mask=allowed, scale=1.0"},
        "joined_in_the_given_list": joined_in_the_given_list,
        "cache_not_read": {"if cache is not None": "if False"},
        "new_tokens_only": new_tokens_only,
        "first_cache_kept": first_cache_kept,
        "new_in_front": {"[cache[0], k]": "[k, cache[0]]", "[cache[1], v]": "[v, cache[1]]"},
        "keys_for_values": {"[cache[1], v]": "[cache[0], v]"},
        "pair_exchanged": {"(k, v)": "(v, k)"},
        "queries_kept": {"(k, v)": "(q if cache is None else torch.cat([cache[0], q], dim=1), v)"},
    },
)

# 12.leak: no token may read what it has to predict


def attend_causally(q, k, v):
    """Return causal attention (H, T, D): each token reads itself and the tokens before it."""
    scores = q @ k.transpose(1, 2) / q.shape[2] ** 0.5
    allowed = torch.ones(scores.shape[1:], dtype=torch.bool).tril()
    weights = scores.masked_fill(~allowed, -torch.inf).softmax(dim=2)
    return weights @ v


def _sequences(i):
    q, k, v = 1.5 * torch.randn(3, 1 + i % 2, 4 + i, 2 + i % 3)
    if i == 1:  # scores of exactly 0, which a mask must not confuse with its own zeros
        k[0, 0] = 0
    return {"q": q.requires_grad_(), "k": k.requires_grad_(), "v": v.requires_grad_()}


def _leak(function):
    """Return the largest change of the earlier outputs when the last token is replaced."""
    q, k, v = torch.randn(3, 2, 6, 4, generator=torch.Generator().manual_seed(0))  # the same at every check
    before = function(q, k, v)[:, :-1]
    k[:, -1] += 1
    v[:, -1] += 1
    return round((function(q, k, v)[:, :-1] - before).abs().max().item(), 3)


LEAK = Repair(
    id="12.leak",
    reference=attend_causally,
    case=_sequences,
    broken="one_ahead",
    metric=_leak,
    mistakes={
        "one_ahead": {".tril()": ".tril(1)"},
        "not_masked": {".masked_fill(~allowed, -torch.inf)": ""},
        "mask_reversed": {"~allowed": "allowed"},
        "without_itself": {".tril()": ".tril(-1)"},
        "zero_scores": {"-torch.inf": "0.0"},
        "zeroed_after_softmax": {".masked_fill(~allowed, -torch.inf).softmax(dim=2)": ".softmax(dim=2) * allowed"},
        "zero_times_infinity": {"scores.masked_fill(~allowed, -torch.inf)": "(scores + ~allowed * -torch.inf)"},
        "over_the_queries": {"softmax(dim=2)": "softmax(dim=1)"},
        "keys_and_queries_exchanged": {"q @ k.transpose(1, 2)": "k @ q.transpose(1, 2)"},
    },
)

ITEMS = (*PREDICTIONS, SHIFT, BLOCK, COSTS, TOP_K, CACHE, LEAK)
