"""Neighbors, similarities, analogies and axes equal torch's."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.embeddings import analogy, analogy_accuracy, axis, labeled, nearest, neighbors, rank, similarity


def random_vectors(seed=0, count=1000, size=16):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_neighbors_equal_torchs_topk_in_a_thousand_queries():
    matrix = random_vectors()
    vectors = labeled(matrix)
    for row in range(1000):
        cosines = F.cosine_similarity(matrix, matrix[row : row + 1])
        values, rows = cosines.topk(11)
        near = neighbors(vectors, row, 10)
        assert rows[0] == row
        assert near.rows.tolist() == rows[1:].tolist()
        assert torch.allclose(near.cosines, values[1:], atol=1e-6)
        assert near.labels == tuple(str(other) for other in rows[1:].tolist())


def test_the_terms_of_a_similarity_sum_to_the_cosine():
    matrix = random_vectors(1, 50)
    vectors = labeled(matrix)
    for one in range(50):
        result = similarity(vectors, one, (one + 7) % 50)
        assert torch.equal(result.terms, result.a * result.b)
        assert torch.allclose(
            result.terms.sum(), F.cosine_similarity(matrix[one], matrix[(one + 7) % 50], dim=0), atol=1e-6
        )


def test_an_analogy_has_answers_with_and_without_the_words_of_the_question():
    vectors = labeled(random_vectors(2, 300))
    for a, b, c in [(0, 1, 2), (5, 5, 9), (10, 200, 299)]:
        result = analogy(vectors, a, b, c, 20)
        units = F.normalize(vectors.matrix, dim=1)
        target = units[b] - units[a] + units[c]
        cosines = units @ F.normalize(target, dim=0)
        order = cosines.argsort(descending=True).tolist()
        assert result.unfiltered.rows.tolist() == order[:20]
        assert result.neighbors.rows.tolist() == [row for row in order if row not in (a, b, c)][:20]
        assert rank(result.unfiltered, result.unfiltered.labels[3]) == 4
        assert rank(result.neighbors, str(a)) is None


def test_analogy_accuracy_equals_the_fraction_of_correct_single_analogies():
    vectors = labeled(random_vectors(3, 12, 3))
    questions = [
        (str(a), str(b), str(c), str((a + b + c) % 12))
        for a in range(0, 12, 2)
        for b in range(1, 12, 3)
        for c in range(12)
        if len({a, b, c}) == 3
    ]
    right = sum(analogy(vectors, a, b, c, 1).neighbors.labels[0] == d for a, b, c, d in questions)
    assert 0 < right < len(questions)
    assert analogy_accuracy(vectors, questions) == right / len(questions)


def test_an_axis_is_0_at_one_word_and_1_at_the_other_and_projects_orthogonally():
    vectors = labeled({"low": [1.0, 1.0], "high": [3.0, 1.0], "between": [2.0, 9.0], "beyond": [5.0, -4.0]})
    assert axis(vectors, "low", "high").tolist() == [0, 1, 0.5, 2]
    with pytest.raises(ValueError, match="no line between"):
        axis(labeled({"a": [1.0], "b": [1.0]}), "a", "b")


def test_a_zero_vector_has_cosine_0_with_every_word():
    vectors = labeled({"nought": [0.0, 0.0], "a": [1.0, 0.0], "b": [-1.0, 0.0]})
    assert neighbors(vectors, "a").cosines.tolist() == [0, -1]
    assert nearest(vectors, torch.zeros(2)).cosines.tolist() == [0, 0, 0]


def test_a_matrix_an_embedding_and_a_dict_give_equal_vectors_and_are_not_changed():
    embedding = nn.Embedding(4, 3)
    labels = ["猫", "Ж", "ẽ", "😀"]
    weight = embedding.weight.detach().clone()
    embedding.weight.sum().backward()
    gradient = embedding.weight.grad.clone()
    state = torch.get_rng_state()
    kinds = [
        labeled(embedding, labels),
        labeled(embedding.weight, labels),
        labeled(weight.numpy(), labels),
        labeled(weight.tolist(), labels),
        labeled(dict(zip(labels, weight, strict=True))),
    ]
    for vectors in kinds:
        assert vectors.labels == tuple(labels)
        assert torch.equal(vectors.matrix, weight)
        assert not vectors.matrix.requires_grad
        vectors.matrix.zero_()
    assert torch.equal(embedding.weight, weight)
    assert torch.equal(embedding.weight.grad, gradient)
    assert torch.equal(torch.get_rng_state(), state)
    assert labeled(weight).labels == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("vectors", "labels", "words"),
    [
        (torch.zeros(3), None, r"a matrix \(N, D\) with a vector in each row, but got shape \(3,\)"),
        (torch.zeros(0, 3), None, r"shape \(0, 3\)"),
        ({}, None, r"shape \(0, 0\)"),
        ("abc", None, "but got str"),
        (torch.zeros(2, 2, dtype=torch.complex64), None, "complex64"),
        (torch.tensor([[0.0], [torch.nan]]), None, "row 1 holds NaN"),
        ({"a": [1.0], "b": [1.0, 2.0]}, None, r"\(1,\), \(2,\)"),
        ({"a": [1.0]}, ["a"], "keys of the dict"),
        (torch.zeros(2, 2), ["a"], "2 of them, but got 1"),
        (torch.zeros(2, 2), ["a", "a"], "'a' stands there twice"),
    ],
)
def test_invalid_vectors_or_labels_are_named_in_the_error(vectors, labels, words):
    with pytest.raises(ValueError, match=words):
        labeled(vectors, labels)


@pytest.mark.parametrize("word", ["zebra", 7, -1, True, None])
def test_an_unknown_word_is_named_in_the_error(word):
    with pytest.raises(ValueError, match="There is no word"):
        neighbors(labeled({"a": [1.0], "b": [2.0]}), word)
