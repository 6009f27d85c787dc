"""Checks of lesson 10b, run by nbval after the cell of the same id."""

import random

import torch
from torch import nn
from torch.nn import functional as F


def nearest_by_dot_product(three, unit):
    assert (three @ three[0]).argmax() == 2
    assert (unit @ unit[0]).argmax() == 0
    assert torch.allclose((unit @ unit[0]).cpu(), torch.tensor([1.0, 0.9998, 0.9161]), atol=1e-3)


def neighbors(nearest, vectors, ppmi_vectors, corpus, words):
    men, women = zip(*corpus.relations["kinship"], strict=True)
    countries, cities = zip(*corpus.relations["capitals"], strict=True)
    assert len(set(men + women) & set(nearest(vectors, "king"))) >= 4
    assert len(set(cities + countries) & set(nearest(vectors, "paris"))) >= 4
    assert "queen" in nearest(ppmi_vectors, "king")
    itself = (vectors @ vectors.T).argmax(1).cpu() == torch.arange(len(words))
    assert itself.float().mean() < 0.9  # by dot product some words are nearest to another word


def analogy_table(questions, answers, rate, vectors, after_one_epoch, ppmi_vectors):
    assert len(questions) == 448
    assert rate(answers(vectors)) > 0.8
    assert rate(answers(ppmi_vectors)) > 0.98
    allowed = answers(after_one_epoch, left_out=False)
    assert rate(answers(after_one_epoch)) > rate(allowed) + 0.05
    assert (allowed[:, None] == questions[:, :3]).any(1).float().mean() > 0.4
    assert rate(answers(vectors, minus=0.0)) > 0.25
    rows = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-0.8, 0.6], [0.0, -2.0]]), dim=1)
    assert (rows @ (rows[1] - rows[0] + rows[2]))[3:].argmax() == 0  # the example of the exercise


def subsampling(fewer, pairs, subsampling_rates):
    assert len(fewer) < 0.65 * len(pairs)
    assert subsampling_rates[1] > subsampling_rates[0] + 0.05


def order_of_words(means, embedding_bag):
    assert torch.allclose(means[0], means[1], atol=1e-3)  # no bag sees the order
    assert torch.allclose(means[0], embedding_bag.weight.mean(0), atol=1e-3)


def features(counts_of, mean_rows, device):
    index = {"a": 0, "b": 1, "c": 2}
    texts = [["a", "b"], ["c", "c", "a", "a"]]
    assert counts_of(texts, index).tolist() == [[1, 1, 0], [2, 0, 2]]
    table = torch.tensor([[1.0, 0.0], [0.0, 4.0], [2.0, 2.0]], device=device)
    assert torch.allclose(mean_rows(texts, index, table).cpu(), torch.tensor([[0.5, 2.0], [1.5, 1.0]]), atol=1e-3)
    bag = nn.EmbeddingBag.from_pretrained(table, mode="mean")
    rows = torch.tensor([[2, 2, 0, 0]], device=device)
    assert torch.allclose(bag(rows)[0], mean_rows(texts, index, table)[1], atol=1e-3)


def three_seeds(results):
    found = [result for result, *_ in results]
    assert all(result["bag of words"][0] > 0.95 for result in found)  # counting is enough
    assert sum(result["bag of words"][1] for result in found) / 3 < 0.75  # it has never seen these words
    assert all(result["skip-gram"][1] > 0.9 for result in found)  # they are near words it has seen
    assert all(result["PPMI"][1] > 0.85 for result in found)


def mixed_reviews(mixed):
    assert sum(mixed) / 3 < 0.8
    assert abs((0.25 / 8) ** 0.5 - 0.18) < 0.005  # the standard deviation for eight words


def naive_bayes(naive_bayes_rates, weights, review_index, BAD, GOOD):
    assert naive_bayes_rates[0] > 0.95
    assert naive_bayes_rates[1] < 0.75
    new_words = [review_index[word] for word in BAD[4:] + GOOD[4:]]
    assert (weights[:, new_words] == weights[:, new_words[:1]]).all()  # it cannot tell one new word from another


def generate_jobs(fractions, low):
    assert sorted(fractions[6:]) == low
    assert min(fractions[:6]) > 0.5 > max(fractions[6:])
    assert len(set(random.Random(0).sample(low, 6))) == 6


def measure_jobs(d, positions, unit, along, job_index):
    assert abs(d.norm() - 1) < 1e-3
    sides = along(unit, d, job_index, ["she", "he"])
    assert sides[0] > sides[1]  # d points toward she
    assert positions.shape == (12,)


def swap_fractions(correlation, positions, swapped, yard, clinic):
    assert correlation(positions) > 0.85
    assert correlation(swapped) < -0.85
    assert yard < clinic


def after_removal(rest, d, same_side):
    assert (rest @ d).abs().max() < 1e-2  # by this measure nothing is left
    assert same_side >= 10
