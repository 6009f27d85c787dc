"""Lesson 10, word embeddings: its exercises.

The functions here are what learners read and write, so they are plain PyTorch without annotations: a solution first,
then mistakes people make in its place, each named after what it does.
"""
# mypy: no-check-untyped-defs
# ruff: noqa: D103 - a mistake's name says what it does

from typing import Any

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


def averaged(words, upstream, count):
    times = F.one_hot(words, count).sum(0).clamp(min=1)
    return table_gradient(words, upstream, count) / times.unsqueeze(1)


def in_order(words, upstream, count):
    return table_gradient(torch.arange(len(words)), upstream, count)


def every_row(words, upstream, count):
    return upstream.sum(0).expand(count, -1)


def counted(words, upstream, count):
    return table_gradient(words, torch.ones_like(upstream), count)


def _lookups(generator: torch.Generator, i: int) -> dict[str, Any]:
    count = 5 + i
    words = torch.randint(count, (3,), generator=generator)
    return {
        "words": torch.cat([words, words[:1]]),  # one of them a second time at least
        "upstream": torch.randn(4, 2 + i % 2, generator=generator),
        "count": count,
    }


# 10.negatives: the right word among drawn ones


def pair_loss(middle, around, drawn):
    """The mean loss of N pairs: middle (N, D), around (N, D), and K drawn vectors for each pair, drawn (N, K, D)."""
    right = (middle * around).sum(1)
    wrong = (drawn @ middle.unsqueeze(2)).squeeze(2)
    return -F.logsigmoid(right).mean() - F.logsigmoid(-wrong).sum(1).mean()


def _scores(middle, around, drawn):
    return (middle * around).sum(1), (drawn @ middle.unsqueeze(2)).squeeze(2)


def pulled_alike(middle, around, drawn):
    right, wrong = _scores(middle, around, drawn)
    return -F.logsigmoid(right).mean() - F.logsigmoid(wrong).sum(1).mean()


def negatives_averaged(middle, around, drawn):
    right, wrong = _scores(middle, around, drawn)
    return -F.logsigmoid(right).mean() - F.logsigmoid(-wrong).mean()


def negatives_left_out(middle, around, drawn):
    right, _ = _scores(middle, around, drawn)
    return -F.logsigmoid(right).mean()


def logarithm_missing(middle, around, drawn):
    right, wrong = _scores(middle, around, drawn)
    return -right.sigmoid().mean() - (-wrong).sigmoid().sum(1).mean()


def overflowing(middle, around, drawn):
    right, wrong = _scores(middle, around, drawn)
    return -right.sigmoid().log().mean() - (-wrong).sigmoid().log().sum(1).mean()


def summed_over_pairs(middle, around, drawn):
    return len(middle) * pair_loss(middle, around, drawn)


def negated(middle, around, drawn):
    return -pair_loss(middle, around, drawn)


def _pairs(generator: torch.Generator, i: int) -> dict[str, Any]:
    n, k, size = 2 + i, 2 + i % 3, 3 + i % 2
    scale = 20.0 if i == 4 else 1.0  # scores of hundreds, once
    shapes = {"middle": (n, size), "around": (n, size), "drawn": (n, k, size)}
    return {name: (scale * torch.randn(shape, generator=generator)).requires_grad_() for name, shape in shapes.items()}


# 10.analogy: without the words of the question


def analogy(vectors, a, b, c):
    """Rows of vectors (V, D), nearest to b - a + c first, by cosine, all at length 1; without a, b and c: (V - 3,)."""
    directions = F.normalize(vectors, dim=1)
    cosines = directions @ (directions[b] - directions[a] + directions[c])
    cosines[[a, b, c]] = -torch.inf
    return cosines.argsort(descending=True)[:-3]


def _ranked(vectors, target, left_out):
    """Rows of vectors by their product with target, the largest first, as many as there are right answers."""
    scores = vectors @ target
    scores[left_out] = -torch.inf
    return scores.argsort(descending=True)[:-3]


def question_among_answers(vectors, a, b, c):
    directions = F.normalize(vectors, dim=1)
    return _ranked(directions, directions[b] - directions[a] + directions[c], [])


def nothing_left_out(vectors, a, b, c):
    directions = F.normalize(vectors, dim=1)
    return (directions @ (directions[b] - directions[a] + directions[c])).argsort(descending=True)


def question_at_the_end(vectors, a, b, c):
    directions = F.normalize(vectors, dim=1)
    cosines = directions @ (directions[b] - directions[a] + directions[c])
    cosines[[a, b, c]] = -torch.inf
    return cosines.argsort(descending=True)


def only_c_left_out(vectors, a, b, c):
    directions = F.normalize(vectors, dim=1)
    return _ranked(directions, directions[b] - directions[a] + directions[c], [c])


def turned_around(vectors, a, b, c):
    return analogy(vectors, b, a, c)


def all_added(vectors, a, b, c):
    directions = F.normalize(vectors, dim=1)
    return _ranked(directions, directions[b] + directions[a] + directions[c], [a, b, c])


def lengths_kept(vectors, a, b, c):
    return _ranked(F.normalize(vectors, dim=1), vectors[b] - vectors[a] + vectors[c], [a, b, c])


def dot_product(vectors, a, b, c):
    return _ranked(vectors, vectors[b] - vectors[a] + vectors[c], [a, b, c])


def farthest_first(vectors, a, b, c):
    return analogy(vectors, a, b, c).flip(0)


def _questions(generator: torch.Generator, i: int) -> dict[str, Any]:
    count, size = 20 + i, 4 + i % 2
    # In float64 no two ways to add up the same products rank two rows differently.
    vectors = torch.randn(count, size, generator=generator, dtype=torch.float64)
    lengths = torch.rand(count, 1, generator=generator, dtype=torch.float64) * 4 + 0.2
    a, b, c = torch.randperm(count, generator=generator)[:3].tolist()
    return {"vectors": vectors * lengths, "a": a, "b": b, "c": c}


# 10.bag: a text as one vector


def bag(table, texts):
    """The mean of the rows of table (V, D) at the words of each text: (N, D); texts are N lists of word numbers."""
    counts = torch.stack([torch.bincount(torch.tensor(text), minlength=len(table)) for text in texts])
    return counts.to(table.dtype) @ table / counts.sum(1, keepdim=True)


def summed(table, texts):
    return torch.stack([table[text].sum(0) for text in texts])


def each_word_once(table, texts):
    return torch.stack([table[sorted(set(text))].mean(0) for text in texts])


def divided_by_vocabulary(table, texts):
    return summed(table, texts) / len(table)


def padding_counted(table, texts):
    longest = max(map(len, texts))
    return torch.stack([table[text + [0] * (longest - len(text))].mean(0) for text in texts])


def divided_by_the_longest(table, texts):
    return summed(table, texts) / max(map(len, texts))


def largest_kept(table, texts):
    return torch.stack([table[text].amax(0) for text in texts])


def _texts(generator: torch.Generator, i: int) -> dict[str, Any]:
    count = 8 + i
    lengths = [4, 1 + i, 7]
    texts = [torch.randint(1, count, (length,), generator=generator).tolist() for length in lengths]
    texts[0][1] = texts[0][0]  # a word that stands there twice
    table = torch.randn(count, 2 + i % 2, generator=generator)
    return {"table": table.requires_grad_(), "texts": texts}


ITEMS = (
    *PREDICTIONS,
    Function(
        id="10.lookup",
        reference=table_gradient,
        case=_lookups,
        mistakes=(last_one_wins, averaged, in_order, every_row, counted),
    ),
    Function(
        id="10.negatives",
        reference=pair_loss,
        case=_pairs,
        mistakes=(
            pulled_alike,
            negatives_averaged,
            negatives_left_out,
            logarithm_missing,
            overflowing,
            summed_over_pairs,
            negated,
        ),
    ),
    Function(
        id="10.analogy",
        reference=analogy,
        case=_questions,
        mistakes=(
            question_among_answers,
            nothing_left_out,
            question_at_the_end,
            only_c_left_out,
            turned_around,
            all_added,
            lengths_kept,
            dot_product,
            farthest_first,
        ),
    ),
    Function(
        id="10.bag",
        reference=bag,
        case=_texts,
        mistakes=(
            summed,
            each_word_once,
            divided_by_vocabulary,
            padding_counted,
            divided_by_the_longest,
            largest_kept,
        ),
    ),
)
