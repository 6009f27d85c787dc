"""Lesson 10, word embeddings: its exercises."""

import torch
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson10.predictions import PREDICTIONS

# 10.lookup: which rows a gradient reaches


def table_gradient(words, upstream, count):
    """Return the gradient (count, D) of a table whose rows words (N,) were looked up.

    upstream (N, D) holds the gradient of the loss with respect to each of the N results.
    """
    one_hot = F.one_hot(words, count).to(upstream.dtype)
    return one_hot.T @ upstream


def last_one_wins(words, upstream, count):
    table = upstream.new_zeros(count, upstream.shape[1])
    for word, gradient in zip(words, upstream, strict=True):
        table[word] = gradient
    return table


def _lookups(i):
    count = 4 + i
    words = torch.randint(count, (3,))
    return {
        "words": torch.cat([words, words[:1]]),  # at least one word twice
        "upstream": torch.randn(4, 2 + i % 2),
        "count": count,
    }


LOOKUP = Function(
    id="10.lookup",
    reference=table_gradient,
    case=_lookups,
    mistakes={
        "last_one_wins": last_one_wins,
        "averaged": {"one_hot.T @ upstream": "one_hot.T @ upstream / one_hot.sum(0).clamp(min=1).unsqueeze(1)"},
        "averaged_with_nan": {"one_hot.T @ upstream": "one_hot.T @ upstream / one_hot.sum(0).unsqueeze(1)"},
        "in_order": {"one_hot(words": "one_hot(torch.arange(len(words))"},
        "every_row": {"one_hot.T @ upstream": "upstream.sum(0).expand(count, -1)"},
        "counted": {"@ upstream": "@ torch.ones_like(upstream)"},
        "results_returned": {"one_hot.T @ upstream": "upstream"},
    },
)

# 10.ppmi: counts against chance


def ppmi(counts):
    """Return the positive PMI (V, V) of counts (V, V): row = center word, column = context word."""
    total = counts.sum()
    by_chance = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / total
    return (counts / by_chance).log().clamp(min=0)


def _counts(i):
    if i == 0:  # so small that its numbers are shown
        counts = torch.randint(1, 7, (2, 2)).float()
        counts[0, 1] = 0
        return {"counts": counts}
    size = 3 + i
    counts = torch.randint(0, 7, (size, size)).float()
    counts[torch.arange(size), torch.arange(size).roll(1)] += 9  # no row and no column is empty
    counts[torch.arange(size), torch.arange(size).roll(2)] = 0
    return {"counts": counts}


PPMI = Function(
    id="10.ppmi",
    reference=ppmi,
    case=_counts,
    mistakes={
        "not_clipped": {".clamp(min=0)": ""},
        "logarithm_missing": {".log().clamp(min=0)": ""},
        "base_two": {".log()": ".log2()"},
        "base_ten": {".log()": ".log10()"},
        "all_zero": {" / total": ""},
        "rows_only": {
            "counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / total": "counts.sum(1, keepdim=True) / len(counts)"
        },
        "columns_only": {
            "counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / total": "counts.sum(0, keepdim=True) / len(counts)"
        },
        "rows_and_columns_swapped": {
            "counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True)": "counts.sum(1) * counts.sum(0).unsqueeze(1)"
        },
        "one_added": {"(counts / by_chance).log()": "(counts / by_chance).log1p()"},
        "smoothed": {"total = counts.sum()": "counts = counts + 1; total = counts.sum()"},
        "absolute_value": {".log().clamp(min=0)": ".log().abs().nan_to_num(posinf=0.0)"},
    },
)

# 10.negatives: the true context word among sampled ones


def pair_loss(center, context, negatives):
    """Return the mean loss () of N pairs.

    center (N, D) and context (N, D) are the vectors of the pairs, negatives (N, K, D) those of sampled words.
    """
    right = (center * context).sum(1)
    wrong = (negatives @ center.unsqueeze(2)).squeeze(2)
    return -F.logsigmoid(right).mean() - F.logsigmoid(-wrong).sum(1).mean()


def _pairs(i):
    n, k, size = 2 + i, 2 + i % 3, 3 + i % 2
    scale = 20.0 if i == 4 else 1.0  # one case with scores in the hundreds
    shapes = {"center": (n, size), "context": (n, size), "negatives": (n, k, size)}
    vectors = {name: scale * torch.randn(shape) for name, shape in shapes.items()}
    if i == 3:  # a score of 30: 1 - sigmoid(30) is 0 in float32, but sigmoid(-30) is not
        center = vectors["center"][0]
        vectors["negatives"][0, 0] = 30 * center / center.square().sum()
    return {name: vector.requires_grad_() for name, vector in vectors.items()}


NEGATIVES = Function(
    id="10.negatives",
    reference=pair_loss,
    case=_pairs,
    mistakes={
        "pulled_alike": {"-wrong": "wrong"},
        "negatives_averaged": {".sum(1).mean()": ".mean()"},
        "negatives_left_out": {" - F.logsigmoid(-wrong).sum(1).mean()": ""},
        "logarithm_missing": {"F.logsigmoid(right)": "right.sigmoid()", "F.logsigmoid(-wrong)": "(-wrong).sigmoid()"},
        "overflowing": {
            "F.logsigmoid(right)": "right.sigmoid().log()",
            "F.logsigmoid(-wrong)": "(-wrong).sigmoid().log()",
        },
        "overflowing_one_minus": {
            "F.logsigmoid(right)": "right.sigmoid().log()",
            "F.logsigmoid(-wrong)": "(1 - wrong.sigmoid()).log()",
        },
        "small_number_added": {
            "F.logsigmoid(right)": "(right.sigmoid() + 1e-10).log()",
            "F.logsigmoid(-wrong)": "((-wrong).sigmoid() + 1e-10).log()",
        },
        "larger_number_added": {
            "F.logsigmoid(right)": "(right.sigmoid() + 1e-8).log()",
            "F.logsigmoid(-wrong)": "((-wrong).sigmoid() + 1e-8).log()",
        },
        "summed_over_pairs": {"(right).mean()": "(right).sum()", ".sum(1).mean()": ".sum()"},
        "negated": {"-F.logsigmoid(right).mean() -": "F.logsigmoid(right).mean() +"},
        "context_against_negatives": {"center.unsqueeze(2)": "context.unsqueeze(2)"},
    },
)

# 10.analogy: without the words of the question


def analogy(vectors, a, b, c):
    """Return all row indices but a, b and c, (V - 3,), ranked by cosine with b - a + c, the largest first.

    vectors is (V, D); a, b and c are row indices. All vectors are scaled to length 1 before they are added.
    """
    directions = F.normalize(vectors, dim=1)
    cosines = directions @ (directions[b] - directions[a] + directions[c])
    cosines[[a, b, c]] = -torch.inf
    return cosines.argsort(descending=True)[:-3]


def _questions(i):
    count, size = (20 + i if i else 8), 4 + i % 2  # the first result is so short that it is shown
    # In float64 the ranking does not depend on the order of summation.
    vectors = torch.randn(count, size, dtype=torch.float64)
    lengths = torch.rand(count, 1, dtype=torch.float64) * 4 + 0.2
    a, b, c = torch.randperm(count)[:3].tolist()
    return {"vectors": vectors * lengths, "a": a, "b": b, "c": c}


ANALOGY = Function(
    id="10.analogy",
    reference=analogy,
    case=_questions,
    mistakes={
        "question_among_answers": {"cosines[[a, b, c]] = -torch.inf": ""},
        "nothing_left_out": {"cosines[[a, b, c]] = -torch.inf": "", "[:-3]": ""},
        "question_at_the_end": {"[:-3]": ""},
        "only_c_left_out": {"[[a, b, c]]": "[c]"},
        "turned_around": {"directions[b] - directions[a]": "directions[a] - directions[b]"},
        "all_added": {"- directions[a]": "+ directions[a]"},
        "nothing_subtracted": {" - directions[a]": ""},
        "lengths_kept": {"directions[b] - directions[a] + directions[c]": "vectors[b] - vectors[a] + vectors[c]"},
        "dot_product": {"F.normalize(vectors, dim=1)": "vectors"},
        "farthest_first": {"[:-3]": "[:-3].flip(0)"},
    },
)

# 10.bag: a text as one vector


def bag(table, texts):
    """Return the mean word vector of each text: (N, D).

    table is (V, D); texts is a list of N lists of word indices, of different lengths. A gradient reaches table.
    """
    counts = torch.stack([torch.bincount(torch.tensor(text), minlength=len(table)) for text in texts])
    return counts.to(table.dtype) @ table / counts.sum(1, keepdim=True)


def _texts(i):
    count = 8 + i
    lengths = [4, 1 + i, 7]
    texts = [torch.randint(1, count, (length,)).tolist() for length in lengths]
    texts[0][1] = texts[0][0]  # a word that occurs twice
    table = torch.randn(count, 2 + i % 2)
    return {"table": table.requires_grad_(), "texts": texts}


BAG = Function(
    id="10.bag",
    reference=bag,
    case=_texts,
    mistakes={
        "summed": {" / counts.sum(1, keepdim=True)": ""},
        "each_word_once": {"torch.tensor(text)": "torch.tensor(text).unique()"},
        "divided_by_vocabulary": {"counts.sum(1, keepdim=True)": "len(table)"},
        "padding_counted": {"torch.tensor(text)": "torch.tensor(text + [0] * (max(map(len, texts)) - len(text)))"},
        "divided_by_the_longest": {"counts.sum(1, keepdim=True)": "max(map(len, texts))"},
        "largest_kept": lambda table, texts: torch.stack([table[text].amax(0) for text in texts]),
    },
)

# 10.take-out: a direction removed from every vector


def take_out(vectors, d):
    """Return vectors (N, D) without their parts along d (D,); d may have any length except 0."""
    u = d / d.norm()
    return vectors - (vectors @ u).unsqueeze(1) * u


def _directions(i):
    size = 3 + i
    d = torch.randn(size)
    return {"vectors": 2 * torch.randn(4 + i % 2 if i else 2, size), "d": d / d.norm() * (0.4 if i % 2 else 2.5)}


TAKE_OUT = Function(
    id="10.take-out",
    reference=take_out,
    case=_directions,
    mistakes={
        "length_kept": {"d / d.norm()": "d"},
        "divided_once": {"@ u": "@ d"},
        "part_returned": {"vectors - (": "("},
        "part_added": {"vectors - (": "vectors + ("},
        "subtracted_from_all": {"(vectors @ u).unsqueeze(1) * u": "u"},
        "reflected": {"vectors - (": "vectors - 2 * ("},
        "results_normalized": lambda vectors, d: F.normalize(take_out(vectors, d), dim=1),
        "vectors_normalized": lambda vectors, d: take_out(F.normalize(vectors, dim=1), d),
        "mean_part": {"(vectors @ u).unsqueeze(1) * u": "(vectors @ u).mean() * u"},
    },
)

ITEMS = (*PREDICTIONS, LOOKUP, PPMI, NEGATIVES, ANALOGY, BAG, TAKE_OUT)
