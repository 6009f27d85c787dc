"""The map of words: what crosses to the view is torch's, and whatever does not fit is named."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.embeddings import align, analogy, axis, neighbors, pca, tsne


def drawn(count=60, size=16, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def names(count):
    return [f"word {k}" for k in range(count)]


def where(view):
    places = torch.from_numpy(np.frombuffer(view.scene["coordinates"], dtype="<f4").copy())
    return places.view(-1, view.scene["components"])[-len(view.scene["labels"]) :, : view.dimensions]


def test_the_map_is_the_first_two_principal_components():
    view = dlviz.embedding(drawn(), names(60))
    found = pca(drawn())
    assert torch.equal(where(view), found.coordinates)
    assert view.scene["labels"] == names(60)
    assert f"{100 * found.variance_ratio[0]:.0f} % of the variance" in view.scene["axes"][0]


def test_the_chosen_words_neighbors_and_every_products_terms_are_torchs():
    matrix = drawn()
    view = dlviz.embedding(matrix, names(60), word="word 7")
    for row in (7, 0, 59):
        view.word = row
        near = neighbors(view.vectors, row)
        assert view.details["neighbors"]["rows"] == near.rows.tolist()
        assert torch.allclose(torch.tensor(view.details["neighbors"]["cosines"]), near.cosines, atol=1e-6)
        for other, item in zip(near.rows.tolist(), view.details["similarities"], strict=True):
            cosine = F.cosine_similarity(matrix[row], matrix[other], dim=0).item()
            assert sum(item["terms"]) + item["rest"] == pytest.approx(cosine, abs=1e-5)
            units = F.normalize(matrix, dim=1)
            assert torch.allclose(torch.tensor(item["a"]), units[row, item["dims"]], atol=1e-6)
            assert torch.allclose(torch.tensor(item["b"]), units[other, item["dims"]], atol=1e-6)
            assert len(item["terms"]) + item["rest_count"] == 16
    view.word = -1
    assert view.details == {}


def test_an_analogy_is_answered_and_an_axis_turns_the_map():
    view = dlviz.embedding(drawn(), names(60), analogy=("word 1", "word 2", "word 3"), axis=("word 4", "word 5"))
    expected = analogy(view.vectors, 1, 2, 3)
    assert view.details["answers"]["rows"] == expected.neighbors.rows.tolist()
    assert view.details["unfiltered"]["rows"] == expected.unfiltered.rows.tolist()
    assert torch.allclose(where(view)[:, 0], axis(view.vectors, 4, 5), atol=1e-6)
    assert where(view)[4, 0] == 0
    assert where(view)[5, 0].item() == pytest.approx(1)
    view.axis = []
    assert torch.equal(where(view), pca(drawn()).coordinates)


def test_the_map_of_tsne_is_turned_to_lie_on_that_of_pca():
    view = dlviz.embedding(drawn(20), method="tsne")
    assert where(view).shape == (20, 2)
    assert view.scene["axes"][0].startswith("t-SNE")
    first = where(view)
    view.method = "pca"
    second = where(view)
    assert torch.allclose(torch.pdist(first), torch.pdist(tsne(drawn(20), perplexity=5)), rtol=1e-3)
    assert torch.allclose(
        align(first, second).rotation, torch.eye(2), atol=1e-3
    )  # no turn brings it nearer to the other


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
def test_the_still_picture_is_svg_with_a_sentence_and_the_neighbors(theme):
    view = dlviz.embedding(drawn(), ["<b>no</b>", *names(59)], word=0, analogy=(1, 2, 3), theme=theme)
    picture = ET.fromstring(view._still())
    text = " ".join(picture.itertext())
    assert view.scene["summary"] in text
    assert "<b>no</b>" in text
    assert view.vectors.labels[view.details["neighbors"]["rows"][0]] in text


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
        ({"analogy": ("0", "1")}, "analogy must hold 3 rows or none, but got 2"),
        ({"axis": ("0", "1", "2")}, "axis must hold 2 rows or none, but got 3"),
        ({"axis": ("0", "0")}, "no line between"),
        ({"method": "umap"}, "method must be"),
        ({"dimensions": 4}, "dimensions must be 2 or 3, but got 4"),
        ({"expected": "zebra"}, "There is no word .zebra."),
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


def test_a_map_in_space_is_three_components_and_flat_it_is_the_first_two_of_them():
    view = dlviz.embedding(drawn(), names(60), dimensions=3)
    found = pca(drawn(), 3)
    assert torch.equal(where(view), found.coordinates)
    assert f"{100 * found.variance_ratio[2]:.0f} % of the variance" in view.scene["axes"][2]
    view.dimensions = 2
    assert torch.equal(where(view), found.coordinates[:, :2])
    view = dlviz.embedding(drawn(20), method="tsne", dimensions=3)
    assert torch.allclose(torch.pdist(where(view)), torch.pdist(tsne(drawn(20), 3, perplexity=5)), rtol=1e-3)


@pytest.mark.parametrize("settings", [{}, {"axis": ("word 4", "word 5")}, {"dimensions": 3}])
@pytest.mark.parametrize("normalize", [False, True])
def test_b_minus_a_plus_c_has_its_place_on_the_map(settings, normalize):
    view = dlviz.embedding(drawn(), names(60), analogy=("word 1", "word 2", "word 3"), **settings)
    view.normalize = normalize
    a, b, c = where(view)[1:4]
    assert torch.allclose(torch.tensor(view.details["targets"][0])[: view.dimensions], b - a + c, atol=1e-4)
    matrix = drawn() if not normalize else F.normalize(drawn(), dim=1)
    assert torch.allclose(
        where(view)[7] - where(view)[8],
        where(dlviz.embedding(matrix, names(60), **settings))[7]
        - where(dlviz.embedding(matrix, names(60), **settings))[8],
        atol=1e-5,
    )


def test_tsne_has_no_place_for_it():
    view = dlviz.embedding(drawn(20), method="tsne", analogy=(1, 2, 3))
    assert "targets" not in view.details
    assert view.details["answers"]["rows"] == analogy(view.vectors, 1, 2, 3).neighbors.rows.tolist()


def test_the_expected_words_rank_is_counted_with_and_without_the_words_of_the_question():
    view = dlviz.embedding(drawn(), names(60), analogy=(1, 2, 3), expected="word 9")
    units = F.normalize(drawn(), dim=1)
    cosines = units @ F.normalize(units[2] - units[1] + units[3], dim=0)
    for row in (9, 20, 59):
        view.expected = row
        above = (cosines > cosines[row]).nonzero().flatten().tolist()
        assert view.details["ranks"] == [1 + len(set(above) - {1, 2, 3}), 1 + len(above)]
    view.expected = 2
    assert view.details["ranks"][0] is None
    assert len(view.details["answers"]["rows"]) == len(view.details["unfiltered"]["rows"]) == 10


def test_a_step_is_a_moment_and_neighbors_are_of_that_moment():
    weights = nn.Embedding(60, 16)
    view = dlviz.embedding(weights, names(60), word=7, analogy=(1, 2, 3))
    matrices = [weights.weight.detach().clone()]
    for k in range(1, 4):
        with torch.no_grad():
            weights.weight.copy_(drawn(seed=k))
        view.update(weights, f"epoch {k}")
        matrices.append(drawn(seed=k))
        assert view.step == k
    assert view.snapshots == view.scene["snapshots"] == ["start", "epoch 1", "epoch 2", "epoch 3"]
    assert torch.equal(where(view), pca(matrices[-1]).coordinates)
    for step in (0, 2, 3):
        view.step = step
        cosines = F.cosine_similarity(matrices[step], matrices[step][7:8]).index_fill(0, torch.tensor([7]), -2)
        assert view.details["neighbors"]["rows"] == cosines.topk(10).indices.tolist()
        assert view.details["snapshot"] == view.snapshots[step]
        assert torch.equal(view.vectors.matrix, matrices[step])
    assert len(view.details["targets"]) == 4
    view.step = 9
    assert view.step == 3
    view.axes = "aligned"
    assert "turned onto the snapshot before" in view.scene["axes"][0]
    view.method = "tsne"
    assert view.scene["snapshots"] == ["epoch 3"]
    assert "of the last snapshot alone, epoch 3" in view.scene["notes"][0]["text"]
    view.step = 0
    assert torch.equal(view.vectors.matrix, matrices[-1])


def test_newer_vectors_may_come_as_a_dict_and_others_are_refused():
    vectors = {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [1.0, 1.0]}
    view = dlviz.embedding(vectors)
    view.update({name: [2.0, 0.5] for name in vectors})
    assert view.snapshots == ["start", "update 1"]
    for other in (torch.zeros(3, 4), {"a": [1.0, 0.0], "b": [0.0, 1.0], "z": [1.0, 1.0]}):
        with pytest.raises(ValueError, match="same labels and of the same size"):
            view.update(other)
    with pytest.raises(ValueError, match="one for each row, 4 of them, but got 3"):
        view.update(torch.zeros(4, 2))
    view.close()
    with pytest.raises(ValueError, match="has been closed"):
        view.update(vectors)


def test_a_page_of_many_moments_of_many_words_stays_small():
    view = dlviz.embedding(drawn(20_000, 2))
    for k in range(12):
        view.update(drawn(20_000, 2, seed=k))
    assert len(view.snapshots) <= 10
    assert len(view.to_html()) < 5_000_000


def test_the_still_picture_shows_the_arithmetic_and_the_moment_in_space():
    pictures = {}
    for dimensions in (2, 3):
        view = dlviz.embedding(drawn(), names(60), analogy=(1, 2, 3), dimensions=dimensions)
        ET.fromstring(view._still())
        pictures[dimensions] = view._still()
        view.analogy = []
        assert view._still().count("a7,7") == 0
        assert pictures[dimensions].count("a7,7") == 2
        view.update(drawn(seed=1))
        last = view._still()
        view.step = 0
        assert view._still() != last
    assert pictures[2] != pictures[3]
    own = dlviz.embedding(drawn(), axis=(1, 2), dimensions=3)._still()
    assert "principal component" not in own


def test_chinese_words_are_written_in_a_font_without_serifs():
    words = ["国王", "queen", "サクラ", "한국"]
    picture = dlviz.embedding(drawn(4), words, word=0)._still()
    assert picture.count('class="c"') == 2 * 3  # on the map; in the title and in the list of neighbors
    assert ".c{font-family:Noto Sans CJK" in picture
