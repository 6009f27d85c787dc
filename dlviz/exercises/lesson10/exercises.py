"""Lesson 10, word embeddings: its exercises."""

import torch
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson10.predictions import PREDICTIONS

# 10.lookup: which rows learn


def table_gradient(words, upstream, count):
    """The gradient of a table (count, D) whose rows words (N,) were looked up; upstream (N, D) is that of the results."""
    one_hot = F.one_hot(words, count).to(upstream.dtype)
    return one_hot.T @ upstream


def last_one_wins(words, upstream, count):
    table = upstream.new_zeros(count, upstream.shape[1])
    for word, gradient in zip(words, upstream, strict=True):
        table[word] = gradient
    return table


def _lookups(i):
    count = 5 + i
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
        "in_order": {"one_hot(words": "one_hot(torch.arange(len(words))"},
        "every_row": {"one_hot.T @ upstream": "upstream.sum(0).expand(count, -1)"},
        "counted": {"@ upstream": "@ torch.ones_like(upstream)"},
    },
)

# 10.negatives: the right word among drawn ones


def pair_loss(middle, around, drawn):
    """The mean loss of N pairs: middle (N, D), around (N, D), and K drawn vectors for each pair, drawn (N, K, D)."""
    right = (middle * around).sum(1)
    wrong = (drawn @ middle.unsqueeze(2)).squeeze(2)
    return -F.logsigmoid(right).mean() - F.logsigmoid(-wrong).sum(1).mean()


def _pairs(i):
    n, k, size = 2 + i, 2 + i % 3, 3 + i % 2
    scale = 20.0 if i == 4 else 1.0  # one case with scores in the hundreds
    shapes = {"middle": (n, size), "around": (n, size), "drawn": (n, k, size)}
    return {name: (scale * torch.randn(shape)).requires_grad_() for name, shape in shapes.items()}


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
        "summed_over_pairs": {"(right).mean()": "(right).sum()", ".sum(1).mean()": ".sum()"},
        "negated": {"-F.logsigmoid(right).mean() -": "F.logsigmoid(right).mean() +"},
    },
)

# 10.analogy: without the words of the question


def analogy(vectors, a, b, c):
    """Rows of vectors (V, D), nearest to b - a + c first, by cosine, all at length 1; without a, b and c: (V - 3,)."""
    directions = F.normalize(vectors, dim=1)
    cosines = directions @ (directions[b] - directions[a] + directions[c])
    cosines[[a, b, c]] = -torch.inf
    return cosines.argsort(descending=True)[:-3]


def _questions(i):
    count, size = 20 + i, 4 + i % 2
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
        "lengths_kept": {"directions[b] - directions[a] + directions[c]": "vectors[b] - vectors[a] + vectors[c]"},
        "dot_product": {"F.normalize(vectors, dim=1)": "vectors"},
        "farthest_first": {"[:-3]": "[:-3].flip(0)"},
    },
)

# 10.bag: a text as one vector


def bag(table, texts):
    """The mean of the rows of table (V, D) at the words of each text: (N, D); texts are N lists of word numbers."""
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

ITEMS = (*PREDICTIONS, LOOKUP, NEGATIVES, ANALOGY, BAG)
