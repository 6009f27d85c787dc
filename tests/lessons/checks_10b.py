"""Checks of lesson 10b, run by nbval after the cell of the same id."""

import random

import torch
from torch import nn
from torch.nn import functional as F

import dlviz


def corpus_and_pairs(words, index, pairs, vocabulary, pairs_of, corpus):
    assert (len(words), len(pairs), words[index["king"]]) == (222, 112212, "king")
    assert vocabulary.counts.sum() == sum(map(len, corpus.tokens)) == 26702
    known = dlviz.embeddings.vocabulary([["the", "cat", "sat"]])
    expected = [[0, 1], [1, 0], [1, 2], [2, 1]]  # as in lesson 10
    assert pairs_of([["the", "cat", "sat"]], known, window=1).tolist() == expected


def counted_tables(counts, ppmi_vectors, counts_and_ppmi, pairs, words, index):
    assert counts.sum() == len(pairs)
    rows = torch.tensor([[0, 0], [0, 0], [1, 0], [1, 0], *[[1, 1]] * 4])
    small = counts_and_ppmi(rows, 2)
    assert small[0].tolist() == [[2, 0], [2, 4]]  # the example of lesson 10
    assert torch.allclose(small[1], torch.tensor([[0.693, 0.0], [0.0, 0.288]]), atol=1e-3)
    assert {"crown", "throne"} <= {words[c] for c in ppmi_vectors[index["king"]].topk(6).indices.tolist()}


def train_again(vectors, after_one_epoch):
    assert vectors.shape == (222, 32)
    assert not torch.equal(vectors, after_one_epoch)


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
    assert (allowed == questions[:, 1]).float().mean() > 0.4  # about half of the answers are b itself …
    assert (allowed == questions[:, 2]).float().mean() < 0.05  # … and hardly any are c
    assert rate(answers(vectors, minus=0.0)) > 0.45
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
    n = counts_of(texts, index)
    assert n.tolist() == [[1, 1, 0], [2, 0, 2]]
    assert counts_of([["a", "unknown"]], index).tolist() == [[1, 0, 0]]
    table = torch.tensor([[1.0, 0.0], [0.0, 4.0], [2.0, 2.0]], device=device)
    assert torch.allclose(mean_rows(n, table).cpu(), torch.tensor([[0.5, 2.0], [1.5, 1.0]]), atol=1e-3)
    bag = nn.EmbeddingBag.from_pretrained(table, mode="mean")
    rows = torch.tensor([[2, 2, 0, 0]], device=device)
    assert torch.allclose(bag(rows)[0], mean_rows(n, table)[1], atol=1e-3)


def three_seeds(results):
    found = [result for result, *_ in results]
    assert all(result["bag of words"][0] > 0.95 for result in found)  # counting is enough
    assert sum(result["bag of words"][1] for result in found) / 3 < 0.75  # it has never seen these words
    assert all(result["skip-gram"][1] > 0.9 for result in found)  # they are near words it has seen
    assert all(result["PPMI"][1] > 0.85 for result in found)


def mixed_reviews(mixed):
    assert sum(mixed) / 3 < 0.8
    assert min(mixed) > 0.5 - 1.1 * 0.18  # at most about one standard deviation below a guess
    assert abs((0.25 / 8) ** 0.5 - 0.18) < 0.005  # the standard deviation for eight words


def naive_bayes(naive_bayes_rates, weights, review_index, BAD, GOOD):
    assert naive_bayes_rates[0] > 0.95
    assert naive_bayes_rates[1] < 0.75
    new_words = [review_index[word] for word in BAD[4:] + GOOD[4:]]
    assert (weights[:, new_words] == weights[:, new_words[:1]]).all()  # it cannot tell one new word from another


def real_sentences(texts, ratings, clear, is_good):
    assert (len(texts), len(clear), is_good[clear].sum()) == (3695, 2451, 1512)
    assert [texts[row] for row in (2900, 65)] == ["it is an extremely cool gizmo.", "their customer service sucks."]
    assert abs(ratings[3693]) < 1  # a sentence without a label


def twenty_splits(splits, review_of, clear, baseline):
    for train_rows, test_rows in splits:
        assert len(train_rows) + len(test_rows) == len(clear)
        assert not set(review_of[train_rows].tolist()) & set(review_of[test_rows].tolist())
    assert abs(sum(baseline) / 20 - 0.62) < 0.005


def learn_real_vectors(real_table, real_index, real_pairs, texts_as_words):
    assert (len(real_index), len(real_pairs)) == (1355, 436702)
    assert 55_000 < sum(map(len, texts_as_words)) < 65_000
    rows = F.normalize(real_table, dim=1)
    near = (rows @ rows[real_index["camera"]]).topk(11).indices.tolist()
    assert {real_index[word] for word in ("cameras", "digital", "canon", "photography", "slr")} & set(near[1:])


def real_accuracies(by_split, lead, baseline):
    assert abs(by_split[:, 0].mean() - 0.791) < 0.003
    assert 0.73 < by_split[:, 1].mean() < 0.77
    assert (lead > 0).all()  # in all twenty splits
    assert (by_split.mean(0) > sum(baseline) / 20 + 0.1).all()


def learning_curve(curve, baseline):
    for size in (20, 50, 100):
        assert curve[size][1] > curve[size][0] - 0.01  # few labels: the vectors are not behind
    assert abs(curve[200][0] - curve[200][1]) < 0.03
    for size in (500, 1500):
        assert curve[size][0] > curve[size][1]
    assert curve[20][0] < sum(baseline) / 20


def mistakes(for_good, real_index, test_rows, is_good, real_counts):
    for row in (2754, 2074, 686):
        assert row in test_rows.tolist()
        assert (real_counts[row] @ for_good > 0) != is_good[row]
    assert for_good[real_index["hassle"]] < 0 < for_good[real_index["great"]]


def negated(by_negation, negated, texts_as_words, clear, rates_of, device):
    good, accuracy, balanced = by_negation["with a negation"]
    others_good, others_accuracy, others_balanced = by_negation["without"]
    assert abs(good - 0.43) < 0.005
    assert abs(others_good - 0.70) < 0.005
    assert abs(accuracy - 0.74) < 0.005
    assert abs(others_accuracy - 0.81) < 0.005
    assert accuracy - (1 - good) > others_accuracy - others_good + 0.04  # farther above the baseline with a negation
    assert (round(balanced, 2), round(others_balanced, 2)) == (0.73, 0.79)
    for word in ("dont", "doesnt", "cant", "didnt", "isnt", "wont", "wasnt", "don't", "not"):
        assert negated[[word in text for text in texts_as_words]].all()
    words = torch.tensor([len(texts_as_words[row]) for row in clear.tolist()]).float()
    assert [round(words[part].mean().item()) for part in (negated[clear], ~negated[clear])] == [21, 15]
    always = rates_of(torch.ones(4, dtype=torch.long, device=device), torch.tensor([1, 1, 1, 0], device=device))
    assert always == [0.75, 0.75, 0.5]


def new_product(table_of_products):
    losses = {}
    for name, (good, known, new, balanced, balanced_new, called, called_new) in table_of_products.items():
        losses[name] = known - new
        assert abs(balanced - balanced_new) < 0.03
        assert name == "music player" or abs(called_new - good) > abs(called - good) + 0.02
    assert {name: round(loss, 2) for name, loss in losses.items()} == {
        "DVD player": 0.03,
        "cameras": 0.05,
        "phone": 0.15,
        "music player": 0.02,
    }
    good, known, new, *_, called, called_new = table_of_products["phone"]
    assert new < good < known < good + 0.05
    assert (round(good, 2), round(called, 2), round(called_new, 2)) == (0.77, 0.73, 0.49)


def phone_words(for_good, known_words, with_phone, is_good, without_phone, phone_rows, other_rows, texts_as_words):
    assert len(phone_rows) == 365
    assert -3 < for_good[known_words["phone"]] < -2 < 2 < for_good[known_words["great"]] < 3
    assert len(with_phone) == 8  # few …
    assert not is_good[with_phone].any()  # … and none of them is good
    assert sum("great" in texts_as_words[row] for row in other_rows.tolist()) == 149
    about = [row for row in phone_rows.tolist() if "phone" in texts_as_words[row]]
    assert 0.4 < len(about) / 365 < 0.42
    assert is_good[about].float().mean() > 0.8
    assert abs(without_phone[1] - 0.76) < 0.005


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
