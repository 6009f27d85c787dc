"""`dlviz.embedding`: the data sent to the view equals torch's, and invalid arguments are named."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.embeddings import align, analogy, axis, neighbors, pca, tsne


def random_matrix(count=60, size=16, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def names(count):
    return [f"word {k}" for k in range(count)]


def coordinates_of(view):
    places = torch.from_numpy(np.frombuffer(view.scene["coordinates"], dtype="<f4").copy())
    return places.view(-1, view.scene["components"])[-len(view.scene["labels"]) :, : view.dimensions]


def test_the_map_is_the_first_two_principal_components():
    view = dlviz.embedding(random_matrix(), names(60))
    result = pca(random_matrix())
    assert torch.equal(coordinates_of(view), result.coordinates)
    assert view.scene["labels"] == names(60)
    assert f"{100 * result.variance_ratio[0]:.0f} % of the variance" in view.scene["axes"][0]


def test_neighbors_and_similarity_terms_of_the_selected_word_equal_torch():
    matrix = random_matrix()
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


def test_analogy_and_custom_axis_are_computed():
    view = dlviz.embedding(
        random_matrix(), names(60), analogy=("word 1", "word 2", "word 3"), axis=("word 4", "word 5")
    )
    expected = analogy(view.vectors, 1, 2, 3)
    assert view.details["answers"]["rows"] == expected.neighbors.rows.tolist()
    assert view.details["unfiltered"]["rows"] == expected.unfiltered.rows.tolist()
    assert torch.allclose(coordinates_of(view)[:, 0], axis(view.vectors, 4, 5), atol=1e-6)
    assert coordinates_of(view)[4, 0] == 0
    assert coordinates_of(view)[5, 0].item() == pytest.approx(1)
    view.axis = []
    assert torch.equal(coordinates_of(view), pca(random_matrix()).coordinates)


def test_the_tsne_map_is_aligned_with_the_pca_map():
    view = dlviz.embedding(random_matrix(20), method="tsne")
    assert coordinates_of(view).shape == (20, 2)
    assert view.scene["axes"][0].startswith("t-SNE")
    first = coordinates_of(view)
    view.method = "pca"
    second = coordinates_of(view)
    assert torch.allclose(torch.pdist(first), torch.pdist(tsne(random_matrix(20), perplexity=5)), rtol=1e-3)
    assert torch.allclose(
        align(first, second).rotation, torch.eye(2), atol=1e-3
    )  # no rotation brings it closer to the other


def test_the_learners_vectors_are_not_changed():
    embedding = nn.Embedding(9, 4)
    embedding.weight.sum().backward()
    before = (embedding.weight.detach().clone(), embedding.weight.grad.clone(), torch.get_rng_state())
    view = dlviz.embedding(embedding, word=3, method="tsne", axis=(0, 1))
    view.to_html()
    after = (embedding.weight.detach(), embedding.weight.grad, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert embedding.training


def test_only_the_first_rows_of_a_large_matrix_are_shown_with_a_note():
    view = dlviz.embedding(random_matrix(20_003, 2))
    assert len(view.scene["labels"]) == 20_000
    assert "20,000 of 20,003" in view.scene["notes"][0]["text"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_still_picture_is_svg_with_a_summary_and_the_neighbors(theme):
    view = dlviz.embedding(random_matrix(), ["<b>no</b>", *names(59)], word=0, analogy=(1, 2, 3), theme=theme)
    picture = ET.fromstring(view._still())
    text = " ".join(picture.itertext())
    assert view.scene["summary"] in text
    assert "<b>no</b>" in text
    assert view.vectors.labels[view.details["neighbors"]["rows"][0]] in text


def test_the_repr_is_stable_and_says_when_the_widget_is_closed():
    view = dlviz.embedding(random_matrix())
    assert repr(view) == "dlviz.embedding(60 vectors of 16 numbers, pca)"
    view.close()
    assert repr(view) == "dlviz.embedding(closed)"
    view.word, view.analogy, view.axis, view.step = 3, [1, 2, 3], [1, 2], 5
    view.method, view.dimensions, view.normalize, view.expected = "tsne", 3, True, 4
    view.set_state({"word": 7, "step": 1})
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
def test_invalid_arguments_are_named_in_the_error(arguments, words):
    with pytest.raises(ValueError, match=words):
        dlviz.embedding(random_matrix(), **arguments)


def test_a_single_vector_and_a_large_tsne_are_refused():
    with pytest.raises(ValueError, match="two vectors or more"):
        dlviz.embedding(random_matrix(1))
    with pytest.raises(ValueError, match="up to 3000 rows, but there are 3001"):
        dlviz.embedding(random_matrix(3001, 2), method="tsne")


def test_a_3d_map_has_three_components_and_a_2d_map_the_first_two():
    view = dlviz.embedding(random_matrix(), names(60), dimensions=3)
    result = pca(random_matrix(), 3)
    assert torch.equal(coordinates_of(view), result.coordinates)
    assert f"{100 * result.variance_ratio[2]:.0f} % of the variance" in view.scene["axes"][2]
    view.dimensions = 2
    assert torch.equal(coordinates_of(view), result.coordinates[:, :2])
    view = dlviz.embedding(random_matrix(20), method="tsne", dimensions=3)
    assert torch.allclose(
        torch.pdist(coordinates_of(view)), torch.pdist(tsne(random_matrix(20), 3, perplexity=5)), rtol=1e-3
    )


@pytest.mark.parametrize("settings", [{}, {"axis": ("word 4", "word 5")}, {"dimensions": 3}])
@pytest.mark.parametrize("normalize", [False, True])
def test_b_minus_a_plus_c_has_a_position_on_the_map(settings, normalize):
    view = dlviz.embedding(random_matrix(), names(60), analogy=("word 1", "word 2", "word 3"), **settings)
    view.normalize = normalize
    a, b, c = coordinates_of(view)[1:4]
    assert torch.allclose(torch.tensor(view.details["targets"][0])[: view.dimensions], b - a + c, atol=1e-4)
    matrix = random_matrix() if not normalize else F.normalize(random_matrix(), dim=1)
    assert torch.allclose(
        coordinates_of(view)[7] - coordinates_of(view)[8],
        coordinates_of(dlviz.embedding(matrix, names(60), **settings))[7]
        - coordinates_of(dlviz.embedding(matrix, names(60), **settings))[8],
        atol=1e-5,
    )


def test_b_minus_a_plus_c_has_no_position_on_a_tsne_map():
    view = dlviz.embedding(random_matrix(20), method="tsne", analogy=(1, 2, 3))
    assert "targets" not in view.details
    assert view.details["answers"]["rows"] == analogy(view.vectors, 1, 2, 3).neighbors.rows.tolist()


def test_the_rank_of_the_expected_word_is_given_with_and_without_the_words_of_the_question():
    view = dlviz.embedding(random_matrix(), names(60), analogy=(1, 2, 3), expected="word 9")
    units = F.normalize(random_matrix(), dim=1)
    cosines = units @ F.normalize(units[2] - units[1] + units[3], dim=0)
    for row in (9, 20, 59):
        view.expected = row
        above = (cosines > cosines[row]).nonzero().flatten().tolist()
        assert view.details["ranks"] == [1 + len(set(above) - {1, 2, 3}), 1 + len(above)]
    view.expected = 2
    assert view.details["ranks"][0] is None
    assert len(view.details["answers"]["rows"]) == len(view.details["unfiltered"]["rows"]) == 10


def test_a_step_is_a_snapshot_and_neighbors_belong_to_it():
    weights = nn.Embedding(60, 16)
    view = dlviz.embedding(weights, names(60), word=7, analogy=(1, 2, 3))
    matrices = [weights.weight.detach().clone()]
    for k in range(1, 4):
        with torch.no_grad():
            weights.weight.copy_(random_matrix(seed=k))
        view.update(weights, f"epoch {k}")
        matrices.append(random_matrix(seed=k))
        assert view.step == k
    assert view.snapshots == view.scene["snapshots"] == ["start", "epoch 1", "epoch 2", "epoch 3"]
    assert torch.equal(coordinates_of(view), pca(matrices[-1]).coordinates)
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


def test_update_accepts_a_dict_and_refuses_other_labels():
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


def test_a_page_with_many_snapshots_of_many_words_is_small():
    view = dlviz.embedding(random_matrix(20_000, 2))
    for k in range(12):
        view.update(random_matrix(20_000, 2, seed=k))
    assert len(view.snapshots) <= 10
    assert len(view.to_html()) < 5_000_000


def test_the_still_picture_of_a_3d_map_shows_the_analogy_and_the_snapshot():
    pictures = {}
    for dimensions in (2, 3):
        view = dlviz.embedding(random_matrix(), names(60), analogy=(1, 2, 3), dimensions=dimensions)
        ET.fromstring(view._still())
        pictures[dimensions] = view._still()
        view.analogy = []
        assert view._still().count("a7,7") == 0
        assert pictures[dimensions].count("a7,7") == 2
        view.update(random_matrix(seed=1))
        last = view._still()
        view.step = 0
        assert view._still() != last
    assert pictures[2] != pictures[3]
    own = dlviz.embedding(random_matrix(), axis=(1, 2), dimensions=3)._still()
    assert "principal component" not in own


def test_chinese_words_have_a_sans_serif_font():
    words = ["国王", "queen", "サクラ", "한국"]
    picture = dlviz.embedding(random_matrix(4), words, word=0)._still()
    assert picture.count('class="c"') == 2 * 3  # on the map; in the title and in the list of neighbors
    assert ".c{font-family:Noto Sans CJK" in picture


@pytest.mark.parametrize(
    ("name", "early", "python", "late"),
    [
        ("word", 3, 8, 4),
        ("analogy", [1, 2, 3], [4, 5, 6], []),
        ("axis", [1, 2], [], [3, 4]),
        ("dimensions", 3, 2, 3),
        ("method", "pca", "tsne", "pca"),
        ("expected", 2, 9, 3),
    ],
)
def test_a_choice_that_waited_in_the_page_does_not_overwrite_a_later_one_of_pythons(name, early, python, late):
    view = dlviz.embedding(random_matrix(), names(60))
    view.set_state({name: early})
    setattr(view, name, python)
    details, scene = view.details, view.scene
    view.set_state({name: late})
    assert getattr(view, name) == python
    assert view.details is details
    assert view.scene is scene
    view.set_state({name: late, "_seen": view.get_state(name)["_written"]})
    assert getattr(view, name) == late


def test_a_step_that_waited_in_the_page_does_not_hide_a_new_snapshot_but_a_selected_word_is_kept():
    view = dlviz.embedding(random_matrix(), names(60))
    view.update(random_matrix(seed=1))
    view.set_state({"step": 0})
    view.update(random_matrix(seed=2))
    view.set_state({"step": 1, "word": 5})
    assert (view.step, view.word) == (2, 5)
    assert view.details["snapshot"] == view.snapshots[2]


def test_one_message_of_a_page_is_answered_by_one(monkeypatch):
    view, sent = dlviz.embedding(random_matrix(), names(60)), []
    monkeypatch.setattr(view, "_send", lambda content, buffers=None: sent.append(content))
    for change in (
        {"word": 3, "neighbor": 0},
        {"analogy": [1, 2, 3], "expected": 4},
        {"axis": [1, 2]},
        {"normalize": True},
    ):
        sent.clear()
        view.set_state(change)
        assert [message["method"] for message in sent if message["method"] == "update"] == ["update"]


def test_updates_wait_until_the_page_has_drawn_the_last_one_and_are_merged(monkeypatch):
    monkeypatch.setattr("dlviz.kit.update_gate.PATIENCE", 1e9)
    view = dlviz.embedding(random_matrix(), names(60), analogy=(1, 2, 3))
    drawn = []
    view.observe(lambda change: drawn.append(len(change.new["snapshots"])), "scene")

    def answer():
        view._handle_custom_msg({"kind": "drawn", "from": "page", "update": view._update_number}, [])

    view.update(random_matrix(seed=1))
    answer()
    for seed in range(2, 6):
        view.update(random_matrix(seed=seed))
    assert drawn == [2, 3]
    answer()
    assert drawn == [2, 3, 6]
    assert (view.step, view.details["snapshot"]) == (5, "update 5")
    view.update(random_matrix(seed=6))
    assert torch.equal(view.vectors.matrix, random_matrix(seed=6))
    view.update(random_matrix(seed=7))
    view.set_state({"word": 4})  # a click is answered for what the page shows next
    assert view.details["snapshot"] == "update 7"
    view.update(random_matrix(seed=8))
    view._still()
    assert view.step == 8
    view.update(random_matrix(seed=9))
    assert view.page_payload(10**6)["state"]["step"] == 9
