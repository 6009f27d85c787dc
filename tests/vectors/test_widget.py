"""The map of words: what crosses to the view is torch's, and whatever does not fit is named."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.vectors import align, analogy, axis, neighbours, pca, tsne


def drawn(count=60, size=16, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def names(count):
    return [f"word {k}" for k in range(count)]


def where(view):
    return torch.from_numpy(np.frombuffer(view.scene["places"], dtype="<f4").copy()).view(-1, 2)


def test_the_map_is_the_first_two_principal_components():
    view = dlviz.embedding(drawn(), names(60))
    found = pca(drawn())
    assert torch.equal(where(view), found.places)
    assert view.scene["labels"] == names(60)
    assert f"{100 * found.shares[0]:.0f} % of the variance" in view.scene["axes"][0]


def test_the_chosen_words_neighbours_and_every_products_terms_are_torchs():
    matrix = drawn()
    view = dlviz.embedding(matrix, names(60), word="word 7")
    for row in (7, 0, 59):
        view.word = row
        near = neighbours(view.vectors, row)
        assert view.found["near"]["rows"] == near.rows.tolist()
        assert torch.allclose(torch.tensor(view.found["near"]["cosines"]), near.cosines, atol=1e-6)
        for other, item in zip(near.rows.tolist(), view.found["products"], strict=True):
            cosine = F.cosine_similarity(matrix[row], matrix[other], dim=0).item()
            assert sum(item["terms"]) + item["rest"] == pytest.approx(cosine, abs=1e-5)
            units = F.normalize(matrix, dim=1)
            assert torch.allclose(torch.tensor(item["a"]), units[row, item["dims"]], atol=1e-6)
            assert torch.allclose(torch.tensor(item["b"]), units[other, item["dims"]], atol=1e-6)
            assert len(item["terms"]) + item["left"] == 16
    view.word = -1
    assert view.found == {}


def test_an_analogy_is_answered_and_an_axis_turns_the_map():
    view = dlviz.embedding(drawn(), names(60), analogy=("word 1", "word 2", "word 3"), axis=("word 4", "word 5"))
    expected = analogy(view.vectors, 1, 2, 3)
    assert view.found["answers"]["rows"] == expected.near.rows.tolist()
    assert view.found["raw"]["rows"] == expected.raw.rows.tolist()
    assert torch.allclose(where(view)[:, 0], axis(view.vectors, 4, 5), atol=1e-6)
    assert where(view)[4, 0] == 0
    assert where(view)[5, 0].item() == pytest.approx(1)
    view.between = []
    assert torch.equal(where(view), pca(drawn()).places)


def test_the_map_of_tsne_is_turned_to_lie_on_that_of_pca():
    view = dlviz.embedding(drawn(20), method="tsne")
    assert where(view).shape == (20, 2)
    assert view.scene["axes"][0].startswith("t-SNE")
    first = where(view)
    view.method = "pca"
    second = where(view)
    assert torch.allclose(torch.pdist(first), torch.pdist(tsne(drawn(20), perplexity=5)), rtol=1e-3)
    assert torch.allclose(align(first, second).q, torch.eye(2), atol=1e-3)  # no turn brings it nearer to the other


def test_nothing_of_the_learners_is_changed():
    embedding = nn.Embedding(9, 4)
    embedding.weight.sum().backward()
    before = (embedding.weight.detach().clone(), embedding.weight.grad.clone(), torch.get_rng_state())
    view = dlviz.embedding(embedding, word=3, method="tsne", axis=(0, 1))
    view.to_html()
    after = (embedding.weight.detach(), embedding.weight.grad, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert embedding.training


def test_of_too_many_rows_the_first_are_shown_with_a_note():
    view = dlviz.embedding(drawn(20_003, 2))
    assert len(view.scene["labels"]) == 20_000
    assert "20,000 of 20,003" in view.scene["notes"][0]["text"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_still_picture_is_svg_with_a_sentence_and_the_neighbours(theme):
    view = dlviz.embedding(drawn(), ["<b>no</b>", *names(59)], word=0, analogy=(1, 2, 3), theme=theme)
    picture = ET.fromstring(view._still())
    text = " ".join(picture.itertext())
    assert view.scene["summary"] in text
    assert "<b>no</b>" in text
    assert view.vectors.labels[view.found["near"]["rows"][0]] in text


def test_its_line_is_stable_and_a_closed_one_says_so():
    view = dlviz.embedding(drawn())
    assert repr(view) == "dlviz.embedding(60 vectors of 16 numbers, pca)"
    view.close()
    assert repr(view) == "dlviz.embedding(closed)"
    with pytest.raises(ValueError, match="has been closed"):
        _ = view.vectors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"word": "zebra"}, "There is no word 'zebra'"),
        ({"analogy": ("0", "1")}, "question must hold 3 rows or none, but got 2"),
        ({"axis": ("0", "1", "2")}, "between must hold 2 rows or none, but got 3"),
        ({"axis": ("0", "0")}, "no line between"),
        ({"method": "umap"}, "method must be"),
    ],
)
def test_what_does_not_fit_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        dlviz.embedding(drawn(), **arguments)


def test_a_single_vector_and_a_large_tsne_are_refused():
    with pytest.raises(ValueError, match="two vectors or more"):
        dlviz.embedding(drawn(1))
    with pytest.raises(ValueError, match="up to 3000 rows, but there are 3001"):
        dlviz.embedding(drawn(3001, 2), method="tsne")
