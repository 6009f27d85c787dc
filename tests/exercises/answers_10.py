"""Lesson 10: more right answers and more wrong ones."""

import torch
from torch.nn import functional as F

from dlviz.exercises.lesson10.exercises import analogy, bag, pair_loss, ppmi, table_gradient, take_out
from dlviz.exercises.mistakes import as_functions

# 10.lookup


def in_a_loop(words, upstream, count):
    gradient = torch.zeros(count, upstream.shape[1])
    for word, row in zip(words.tolist(), upstream, strict=True):
        gradient[word] += row
    return gradient


def by_index_put(words, upstream, count):
    return torch.zeros(count, upstream.shape[1]).index_put((words,), upstream, accumulate=True)


def by_comparing(words, upstream, count):
    return (torch.arange(count).unsqueeze(1) == words).float() @ upstream


def added_at_once(words, upstream, count):
    gradient = torch.zeros(count, upstream.shape[1])
    gradient[words] += upstream
    return gradient


def one_row_short(words, upstream, count):
    return table_gradient(words, upstream, count)[: int(words.max()) + 1]


def sorted_words(words, upstream, count):
    return table_gradient(words.sort().values, upstream, count)


def unique_rows(words, upstream, count):
    return torch.zeros(count, upstream.shape[1]).index_add(0, words[:-1], upstream[:-1])


def all_columns_alike(words, upstream, count):
    return table_gradient(words, upstream.mean(1, keepdim=True).expand_as(upstream), count)


# 10.ppmi


def by_probabilities(counts):
    p = counts / counts.sum()
    return torch.log(p / (p.sum(1)[:, None] * p.sum(0)[None])).clamp_min(0)


def by_outer_product(counts):
    chance = torch.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    return F.relu(torch.log(counts / chance))


def ratio_clipped_first(counts):
    return torch.log((counts / (torch.outer(counts.sum(1), counts.sum(0)) / counts.sum())).clamp(min=1))


def by_differences_of_logarithms(counts):
    rows, columns = counts.sum(1, keepdim=True), counts.sum(0, keepdim=True)
    return (counts.log() + counts.sum().log() - rows.log() - columns.log()).clamp(min=0)


def number_by_number(counts):
    total = counts.sum()
    result = torch.zeros_like(counts)
    for w in range(len(counts)):
        for c in range(len(counts)):
            if counts[w, c] > 0:
                result[w, c] = max(0.0, torch.log(counts[w, c] * total / (counts[w].sum() * counts[:, c].sum())).item())
    return result


def minus_a_logarithm(counts):
    return (ppmi(counts) - 0.5).clamp(min=0)


def means_instead_of_sums(counts):
    return (counts / (counts.mean(1, keepdim=True) * counts.mean(0))).log().clamp(min=0)


def rows_sum_to_one(counts):
    return F.normalize(ppmi(counts), p=1, dim=1)


def largest_as_total(counts):
    return (counts * counts.max() / (counts.sum(1, keepdim=True) * counts.sum(0))).log().clamp(min=0)


# 10.negatives


def in_lists(center, context, negatives):
    total = 0
    for h, u, rest in zip(center, context, negatives, strict=True):
        total = total - F.logsigmoid(h @ u) - sum(F.logsigmoid(-(h @ other)) for other in rest)
    return total / len(center)


def by_binary_cross_entropy(center, context, negatives):
    right = (center * context).sum(-1)
    wrong = torch.einsum("nkd,nd->nk", negatives, center)
    yes = F.binary_cross_entropy_with_logits(right, torch.ones_like(right))
    no = F.binary_cross_entropy_with_logits(wrong, torch.zeros_like(wrong), reduction="none").sum(1).mean()
    return yes + no


def signs_of_the_vectors(center, context, negatives):
    scores = (torch.cat([context.unsqueeze(1), -negatives], dim=1) * center.unsqueeze(1)).sum(2)
    return -F.logsigmoid(scores).sum(1).mean()


def first_negative_only(center, context, negatives):
    return pair_loss(center, context, negatives[:, :1])


def softmax_over_candidates(center, context, negatives):
    scores = (torch.cat([context.unsqueeze(1), negatives], dim=1) * center.unsqueeze(1)).sum(2)
    return F.cross_entropy(scores, torch.zeros(len(center), dtype=torch.long))


def plus_small_number(center, context, negatives):
    right = (center * context).sum(1).sigmoid()
    wrong = (negatives @ center.unsqueeze(2)).squeeze(2).sigmoid()
    return -(right + 1e-7).log().mean() - (1 - wrong + 1e-7).log().sum(1).mean()


def each_pair(center, context, negatives):
    right = (center * context).sum(1)
    wrong = (negatives @ center.unsqueeze(2)).squeeze(2)
    return -F.logsigmoid(right) - F.logsigmoid(-wrong).sum(1)


def cosines(center, context, negatives):
    return pair_loss(F.normalize(center, dim=1), F.normalize(context, dim=1), F.normalize(negatives, dim=2))


def everything_averaged(center, context, negatives):
    return pair_loss(center, context, negatives) / (1 + negatives.shape[1])


# 10.analogy


def by_sorting_in_python(vectors, a, b, c):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    scores = (unit @ (unit[b] - unit[a] + unit[c])).tolist()
    rows = [row for row in range(len(vectors)) if row not in (a, b, c)]
    return torch.tensor(sorted(rows, key=lambda row: -scores[row]))


def by_topk(vectors, a, b, c):
    unit = F.normalize(vectors, dim=1)
    scores = unit @ F.normalize(unit[b] - unit[a] + unit[c], dim=0)
    scores[torch.tensor([a, b, c])] = -2
    return scores.topk(len(vectors) - 3).indices


def by_distance(vectors, a, b, c):  # among vectors of length 1, the same ranking
    unit = F.normalize(vectors, dim=1)
    return _without((unit - (unit[b] - unit[a] + unit[c])).norm(dim=1).argsort(), a, b, c)


def by_distance_of_the_vectors(vectors, a, b, c):
    return _without((vectors - (vectors[b] - vectors[a] + vectors[c])).norm(dim=1).argsort(), a, b, c)


def _without(rows, *left_out):
    return torch.tensor([row for row in rows.tolist() if row not in left_out])


def columns_normalized(vectors, a, b, c):
    return analogy(F.normalize(vectors, dim=0), a, b, c)


def c_and_a_swapped(vectors, a, b, c):
    return analogy(vectors, c, b, a)


def near_c(vectors, a, b, c):
    unit = F.normalize(vectors, dim=1)
    return _without((unit @ unit[c]).argsort(descending=True), a, b, c)


def answer_only(vectors, a, b, c):
    return analogy(vectors, a, b, c)[:1]


def by_absolute_cosine(vectors, a, b, c):
    unit = F.normalize(vectors, dim=1)
    return _without((unit @ (unit[b] - unit[a] + unit[c])).abs().argsort(descending=True), a, b, c)


# 10.bag


def by_padding_and_masks(table, texts):
    longest = max(map(len, texts))
    words = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    mask = torch.tensor([[1.0] * len(text) + [0.0] * (longest - len(text)) for text in texts])
    return (table[words] * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)


def by_one_hot(table, texts):
    return torch.stack(
        [(F.one_hot(torch.tensor(t), len(table)).to(table.dtype) @ table).sum(0) / len(t) for t in texts]
    )


def normalized(table, texts):
    return F.normalize(bag(table, texts), dim=1)


def last_word_missing(table, texts):
    return bag(table, [text[:-1] or text for text in texts])


def last_word_only(table, texts):
    return torch.stack([table[text[-1]] for text in texts])


def median_kept(table, texts):
    return torch.stack([table[text].median(0).values for text in texts])


def mean_of_the_first_text(table, texts):
    return bag(table, [texts[0]] * len(texts))


def over_the_wrong_dimension(table, texts):
    return torch.stack([table[text].mean(1).mean().expand(table.shape[1]) for text in texts])


def square_root_of_the_length(table, texts):
    return torch.stack([table[text].sum(0) / len(text) ** 0.5 for text in texts])


# 10.take-out


def without_normalizing(vectors, d):
    return vectors - ((vectors @ d) / (d @ d)).unsqueeze(1) * d


def by_a_projection_matrix(vectors, d):
    u = d / d.norm()
    return vectors @ (torch.eye(len(d)) - torch.outer(u, u))


def row_by_row(vectors, d):
    u = F.normalize(d, dim=0)
    return torch.stack([v - (v @ u) * u for v in vectors])


def divided_by_the_length_once(vectors, d):
    return vectors - ((vectors @ d) / d.norm()).unsqueeze(1) * d


def divided_by_the_sum(vectors, d):
    u = d / d.sum()
    return vectors - (vectors @ u).unsqueeze(1) * u


def parts_clipped(vectors, d):
    u = d / d.norm()
    return vectors - (vectors @ u).clamp(min=0).unsqueeze(1) * u


def largest_coordinate_zeroed(vectors, d):
    result = vectors.clone()
    result[:, d.abs().argmax()] = 0
    return result


def cosine_taken(vectors, d):
    u = d / d.norm()
    return vectors - F.cosine_similarity(vectors, u[None]).unsqueeze(1) * u


def dots_returned(vectors, d):
    return vectors @ (d / d.norm())


def centered(vectors, d):
    return take_out(vectors - vectors.mean(0), d)


ACCEPTED = {
    "10.lookup": [in_a_loop, by_index_put, by_comparing],
    "10.ppmi": [
        by_probabilities,
        by_outer_product,
        ratio_clipped_first,
        by_differences_of_logarithms,
        number_by_number,
    ],
    "10.negatives": [in_lists, by_binary_cross_entropy, signs_of_the_vectors],
    "10.analogy": [by_sorting_in_python, by_topk, by_distance],
    "10.bag": [by_padding_and_masks, by_one_hot],
    "10.take-out": [without_normalizing, by_a_projection_matrix, row_by_row],
}
REJECTED = {
    "10.lookup": [
        added_at_once,
        one_row_short,
        sorted_words,
        unique_rows,
        all_columns_alike,
        *as_functions(table_gradient, {"not_transposed": {"one_hot.T": "one_hot"}}).values(),
    ],
    "10.ppmi": [
        minus_a_logarithm,
        means_instead_of_sums,
        rows_sum_to_one,
        largest_as_total,
        *as_functions(
            ppmi,
            {
                "above_one": {"clamp(min=0)": "clamp(min=0, max=1)"},
                "not_a_number": {".log().clamp(min=0)": ".log() * (counts > 0)"},
                "columns_twice": {"counts.sum(1, keepdim=True)": "counts.sum(0).unsqueeze(1)"},
                "rows_twice": {"counts.sum(0, keepdim=True)": "counts.sum(1)"},
                "without_keepdim": {"counts.sum(1, keepdim=True)": "counts.sum(1)"},
            },
        ).values(),
    ],
    "10.negatives": [
        first_negative_only,
        softmax_over_candidates,
        plus_small_number,
        each_pair,
        cosines,
        everything_averaged,
        *as_functions(
            pair_loss,
            {
                "true_pair_left_out": {"-F.logsigmoid(right).mean() -": "-"},
                "true_pair_pushed": {"logsigmoid(right)": "logsigmoid(-right)"},
                "weighted": {"-F.logsigmoid(right)": "-negatives.shape[1] * F.logsigmoid(right)"},
            },
        ).values(),
    ],
    "10.analogy": [
        by_distance_of_the_vectors,
        columns_normalized,
        c_and_a_swapped,
        near_c,
        answer_only,
        by_absolute_cosine,
        *as_functions(
            analogy,
            {
                "a_and_b_left_out": {"[[a, b, c]]": "[[a, b]]"},
                "zero_instead": {"-torch.inf": "0"},
                "too_few": {"[:-3]": "[:-4]"},
            },
        ).values(),
    ],
    "10.bag": [
        normalized,
        last_word_missing,
        last_word_only,
        median_kept,
        mean_of_the_first_text,
        over_the_wrong_dimension,
        square_root_of_the_length,
    ],
    "10.take-out": [
        divided_by_the_length_once,
        divided_by_the_sum,
        parts_clipped,
        largest_coordinate_zeroed,
        cosine_taken,
        dots_returned,
        centered,
    ],
}
