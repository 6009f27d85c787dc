"""Checks of lesson 10, run by nbval after the cell of the same id."""

import random

import torch
from torch import nn
from torch.nn import functional as F

import dlviz


def one_hot_products(one_hot_words):
    assert torch.equal(one_hot_words @ one_hot_words.T, torch.eye(4, dtype=torch.long))


def one_hot_times_table(one_hot, table):
    assert (one_hot @ table).tolist() == [[6, 7, 8], [0, 1, 2], [6, 7, 8]]


def lookup(embedding, lookups, one_hot, table):
    assert torch.equal(embedding(lookups), one_hot @ table)  # nn.Embedding is this product, without the zeros
    assert torch.equal(embedding(lookups), table[lookups])
    assert embedding.weight.requires_grad


def rows_of_the_gradient(embedding):
    # Words 1 and 3 get no gradient; word 2 was looked up twice.
    assert embedding.weight.grad[:, 0].tolist() == [1, 0, 2, 0]
    words, upstream = torch.tensor([2, 0, 2]), torch.tensor([[1.0, 1.0], [5.0, 0.0], [2.0, 3.0]])
    gradient = torch.zeros(4, 2).index_add(0, words, upstream)
    assert gradient.tolist() == [[5, 0], [0, 0], [3, 4], [0, 0]]


def corpus(king, queen, kitten, corpus):
    assert {"crown", "throne"} <= king & queen
    assert len(king & queen) > 2 * len(king & kitten)
    assert not {"crown", "throne", "palace"} & kitten
    assert len(corpus.lines) == 4000


def chinese_tokens(chinese, line, tokens):
    assert len(line.split()) == 1
    assert tokens == ["年幼", "的", "小猫", "和", "老鼠"]  # the five words of the prediction
    first = chinese.lines[0]
    assert dlviz.embeddings.tokenize(first, chinese.words) == chinese.tokens[0]
    asked = "The king's crown, isn't it?"
    assert dlviz.embeddings.tokenize(asked) == ["the", "king's", "crown", "isn't", "it"]


def make_pairs(pairs_of):
    index = {"the": 0, "cat": 1, "sat": 2}
    assert pairs_of([["the", "cat", "sat"]], index, window=1).tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]


def pairs_of_the_corpus(sentences, corpus, words, pairs, frequency, V):
    assert sentences == corpus.tokens
    assert words[0] == "the"
    assert (frequency.sum().item(), V, len(pairs)) == (26702, 222, 112212)
    assert 0.14 < frequency[0] / frequency.sum() < 0.16  # about every seventh token


def count_and_compare(counts, ppmi_vectors, positive_pmi, words, index, pairs):
    assert counts.sum() == len(pairs)
    small = positive_pmi(torch.tensor([[2.0, 0.0], [2.0, 4.0]], device=counts.device))
    assert torch.allclose(small.cpu(), torch.tensor([[0.693, 0.0], [0.0, 0.288]]), atol=1e-3)
    king = index["king"]
    assert words[counts[king].argmax()] == "the"
    top = {words[c] for c in ppmi_vectors[king].topk(6).indices.tolist()}
    assert {"crown", "throne", "palace"} <= top
    assert "the" not in top


def count_touched_rows(U):
    assert (U.weight.grad != 0).any(1).sum() == 6
    outer = nn.Embedding(50_000, 16)
    F.cross_entropy(torch.ones(1, 16) @ outer.weight.T, torch.tensor([7])).backward()
    assert (outer.weight.grad != 0).any(1).all()  # the full softmax: all 50,000 rows


def step_by_step(few, steps):
    steps = dlviz.word2vec(few, vector_size=16, window=3, negatives=5, lr=0.2)  # not the learner's
    assert (steps.kind, steps.loss) == ("skip-gram", "negative")
    steps.step = 1000
    seen, before = steps.training.preview(), steps.training.vectors.clone()
    outputs = steps.training.outputs.clone()
    steps.run(1)
    assert seen.candidates.shape == (1, 6)  # the context word and five negatives
    assert (steps.training.vectors != before).any(1).nonzero().tolist() == seen.inputs.tolist()  # one row of W moved
    moved = (steps.training.outputs != outputs).any(1).nonzero().flatten().tolist()
    assert set(moved) <= set(seen.candidates.flatten().tolist())

    def cosine(one, other):
        return dlviz.embeddings.similarity(steps.vectors, one, other).cosine.item()

    assert cosine("paris", "cat") > 0.8
    steps.run(1999)
    assert cosine("paris", "rome") > 0.8 > 0.4 > cosine("paris", "cat")


def skip_gram_module(SkipGram):
    net = SkipGram(3, 2)
    words = torch.tensor([0]), torch.tensor([1]), torch.tensor([[2]])
    assert abs(net(*words).item() - 2 * 0.693) < 0.01  # two scores of 0
    with torch.no_grad():
        net.W.weight[0] = torch.tensor([1.0, 2.0])
        net.U.weight[1] = torch.tensor([3.0, 0.0])
        net.U.weight[2] = torch.tensor([0.0, 1.0])
    assert abs(net(*words).item() - 2.176) < 1e-3


def train(loss, vectors, after_one_epoch):
    assert loss < 2
    assert not torch.equal(vectors, after_one_epoch)


def without_negatives(pairs_only, pairs_only_loss, loss, net, mean_product):
    assert pairs_only_loss < 0.01 < loss  # the lower loss …
    assert mean_product(pairs_only.W.weight) > 0.8 > 0.5 > mean_product(net.W.weight)  # … and all words alike


def scores_and_counts(both, agreement_with_counts):
    assert agreement_with_counts > 0.8
    assert abs(both[0].mean() - both[1].mean()) < 0.3


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
