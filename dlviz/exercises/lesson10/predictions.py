"""Lesson 10, word embeddings: its predictions."""

import math
import re
from collections import Counter

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.data import product_reviews, sentences
from dlviz.exercises.prediction import Prediction


def _rows():
    table = nn.Embedding(1000, 16)
    table(torch.tensor([3, 7, 3])).sum().backward()
    return _touched_rows(table)


def _gaps():
    line = "年幼的小猫和老鼠"
    return len(line.split())


def _touched():
    outer, center = nn.Embedding(50_000, 16), torch.randn(16)
    words = torch.randperm(50_000)[:6]  # one context word and five negative samples
    F.logsigmoid(outer(words) @ center * torch.tensor([1, -1, -1, -1, -1, -1])).sum().backward()
    return _touched_rows(outer)


def _touched_rows(table):
    return int((table.weight.grad != 0).any(1).sum())


def _pairs_only():
    tokens = sentences(300).tokens
    numbers = {word: k for k, word in enumerate(dict.fromkeys(word for sentence in tokens for word in sentence))}
    near = [(s, i, j) for s in tokens for i in range(len(s)) for j in range(max(0, i - 3), i)]
    pairs = torch.tensor([[numbers[s[i]], numbers[s[j]]] for s, i, j in near])
    center, context = torch.cat([pairs, pairs.flip(1)]).T
    inner, outer = nn.Embedding(len(numbers), 16), nn.Embedding(len(numbers), 16)
    nn.init.uniform_(inner.weight, -0.03, 0.03)  # small, as word2vec begins
    nn.init.zeros_(outer.weight)
    optimizer = torch.optim.Adam([inner.weight, outer.weight], lr=0.02)
    for _ in range(100):
        loss = -F.logsigmoid((inner(center) * outer(context)).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    directions = F.normalize(inner.weight.detach(), dim=1)
    return "alike" if (directions @ directions.T).mean() > 0.65 else "apart"


def _nearest():
    table = {"cat": torch.tensor([1.0, 2.0]), "dog": torch.tensor([1.0, 1.9]), "the": torch.tensor([6.0, 5.0])}
    return max(table, key=lambda word: float(table[word] @ table["cat"]))


def _order():
    dog, bites, man = torch.randn(3, 8)
    one, other = torch.stack([dog, bites, man]).mean(0), torch.stack([man, bites, dog]).mean(0)
    return "none" if torch.allclose(one, other, atol=1e-5) else "large"


def _one_hot():
    good, excellent = F.one_hot(torch.tensor([0, 1]), 2).float()
    return good @ excellent


def _new_product():
    texts, ratings, reviews = product_reviews()
    bags = [re.findall("[a-z0-9']+", text) for text in texts]
    is_phone = ((reviews >= 176) & (reviews <= 215)).tolist()
    labels = [rating > 0 if abs(rating) >= 1 else None for rating in ratings.tolist()]
    rows = list(zip(bags, labels, is_phone, strict=True))
    counts = {
        y: Counter(word for bag, label, phone in rows if label is y and not phone for word in bag)
        for y in (False, True)
    }
    known = {word for bag in bags for word in bag}
    logs = {
        y: {word: math.log((found[word] + 1) / (found.total() + len(known))) for word in known}
        for y, found in counts.items()
    }
    tested = [(bag, label) for bag, label, phone in rows if phone and label is not None]
    right = sum((sum(logs[True][w] - logs[False][w] for w in bag) > 0) == label for bag, label in tested)
    good = sum(label for _, label in tested)
    return "below" if right < good else "lower" if right < 0.78 * len(tested) else "same"


def _projected():
    share = torch.linspace(0, 1, 12)
    jobs = torch.stack([share, share, torch.randn(12)], dim=1)  # the share is visible in two directions
    d = torch.tensor([1.0, 0.0, 0.0])
    rest = jobs - (jobs @ d)[:, None] * d
    return "left" if torch.corrcoef(torch.stack([rest[:, 1], share]))[0, 1] > 0.9 else "gone"


PREDICTIONS = (
    Prediction(id="10.one-hot", truth=_one_hot),
    Prediction(id="10.rows", truth=_rows),
    Prediction(id="10.gaps", truth=_gaps),
    Prediction(id="10.touched", truth=_touched),
    Prediction(id="10.pairs-only", truth=_pairs_only, options=("alike", "apart")),
    Prediction(id="10.nearest", truth=_nearest, options=("cat", "dog", "the")),
    Prediction(id="10.order", truth=_order, options=("large", "none")),
    Prediction(id="10.new-product", truth=_new_product, options=("same", "lower", "below")),
    Prediction(id="10.projected", truth=_projected, options=("gone", "left")),
)
