"""Checks of lesson 10, run by nbval after the cell of the same id."""

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
    for word, seen, column, ratio in (("the", 77, 14_931, 2.3), ("crown", 12, 135, 39.0)):  # the table in the text
        assert (counts[king, index[word]], counts[:, index[word]].sum(), counts[king].sum()) == (seen, column, 255)
        assert abs(seen / (255 * column / len(pairs)) - ratio) < 0.2
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


def train(loss, vectors, V):
    assert loss < 2
    assert vectors.shape == (V, 32)
    assert vectors.abs().max() > 0.5 / 32  # they began between -0.5 / 32 and 0.5 / 32


def without_negatives(pairs_only, pairs_only_loss, loss, net, mean_product):
    assert pairs_only_loss < 0.01 < loss  # the lower loss …
    assert mean_product(pairs_only.W.weight) > 0.8 > 0.5 > mean_product(net.W.weight)  # … and all words alike


def scores_and_counts(both, agreement_with_counts, scores, formula, counts):
    often, seldom = counts >= 20, (counts > 0) & (counts < 20)
    assert often.sum() == 991
    assert 0.65 < counts[often].sum() / counts.sum() < 0.72
    assert abs(torch.corrcoef(torch.stack([scores[seldom], formula[seldom]]))[0, 1] - 0.72) < 0.06
    assert agreement_with_counts > 0.8
    assert abs(both[0].mean() - both[1].mean()) < 0.3
