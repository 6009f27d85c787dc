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
    losses = losses_on_new_products().values()
    if max(losses) - min(losses) > 0.05:
        return "below"
    return "lower" if min(losses) > 0.03 else "same"


def losses_on_new_products():
    """Return for each product how much accuracy naive Bayes loses if no review of it was in the training set."""
    texts, ratings, reviews = product_reviews()
    bags = [re.findall("[a-z0-9']+", text) for text in texts]
    labels = [rating > 0 if abs(rating) >= 1 else None for rating in ratings.tolist()]
    rows = list(zip(bags, labels, reviews.tolist(), strict=True))
    fold = (torch.randperm(310, generator=torch.Generator().manual_seed(0)) % 5).tolist()
    known = {}  # how many sentences of each review are judged right, with others of its product in the training set
    for k in range(5):
        known |= _judged_right(rows, {review for *_, review in rows if fold[review] == k})
    losses = {}
    products = {"DVD player": (1, 98), "cameras": (99, 175), "phone": (176, 215), "music player": (216, 309)}
    for name, (first, last) in products.items():
        product = {review for *_, review in rows if first <= review <= last}
        tested = sum(label is not None and review in product for _, label, review in rows)
        right = sum(_judged_right(rows, product).values())
        losses[name] = (sum(known[review] for review in product) - right) / tested
    return losses


def _judged_right(rows, held_out):
    """Return for each review held out, how many of its sentences naive Bayes judges right after training on the others."""
    others = [(bag, label) for bag, label, review in rows if review not in held_out]
    known = {word for word, count in Counter(word for bag, _ in others for word in bag).items() if count >= 5}
    counts = {y: Counter(w for bag, label in others if label is y for w in bag if w in known) for y in (False, True)}
    logs = {
        y: {word: math.log((found[word] + 1) / (found.total() + len(known))) for word in known}
        for y, found in counts.items()
    }
    right = dict.fromkeys(held_out, 0)
    for bag, label, review in rows:
        if review in held_out and label is not None:
            right[review] += (sum(logs[True][w] - logs[False][w] for w in bag if w in known) > 0) == label
    return right


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
