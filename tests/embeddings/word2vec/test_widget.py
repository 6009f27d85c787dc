"""`dlviz.word2vec`: the numbers shown for a step are torch's, the player returns to any step, and controls explain their effect."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import dlviz
from dlviz.embeddings import Training, Vectors, labeled, neighbors, pca

OBJECTIVES = [(kind, loss) for kind in ("skip-gram", "cbow") for loss in ("softmax", "negative")]
DATA = dlviz.data.sentences(60)
TEXT = "The cat sat on the mat. The dog, too, sat!\nA rare word: okapi."


def made(**settings):
    return dlviz.word2vec(DATA, **settings)


def array(view, name):
    """A matrix of the snapshot, as the page reads it."""
    columns = 2 if name == "coordinates" else view.scene["columns"]
    return torch.from_numpy(np.frombuffer(view.snapshot[name], dtype="<f4").copy()).view(-1, columns)


def test_every_step_equals_that_of_a_separate_training():
    view, other = made(), Training(DATA.tokens)
    for step in (7, 250, 3, 0, 120):
        view.step = step
        other.go_to(step)
        assert view.snapshot["step"] == step
        assert torch.equal(array(view, "w"), other.vectors)
        assert torch.equal(array(view, "u"), other.outputs)
        assert torch.equal(view.vectors.matrix, other.vectors)
    assert view.snapshot["last_step"] == view.training.last_step == 250


def test_run_returns_the_mean_loss_and_moves_the_player_to_the_last_step():
    view, other = made(batch_size=4), Training(DATA.tokens, batch_size=4)
    assert view.run(50) == pytest.approx(other.run(50))
    assert view.step == 50
    assert view.training.losses.mean().item() == pytest.approx(other.losses.mean().item())


@pytest.mark.parametrize(("kind", "loss"), OBJECTIVES)
def test_the_step_table_has_torchs_scores_probabilities_errors_and_loss(kind, loss):
    view = made(kind=kind, loss=loss, lr=0.3)
    view.run(300)
    run, table = view.training, view.snapshot["table"]
    w, u = run.vectors.clone().requires_grad_(), run.outputs.clone().requires_grad_()
    hidden = w[table["inputs"]].mean(0)
    rows = torch.tensor(table["rows"])
    assert torch.allclose(torch.tensor(table["hidden"]), hidden, atol=1e-6)
    assert torch.allclose(torch.tensor(table["scores"]), u[rows] @ hidden, atol=1e-5)
    if loss == "softmax":
        lost, probs = F.cross_entropy(u @ hidden, rows[0]), (u @ hidden).softmax(0)[rows]
        assert sum(table["probs"]) + table["rest"]["prob"] == pytest.approx(1, abs=1e-5)
        assert table["rest"]["count"] == len(u) - len(rows)
        assert sum(table["errors"]) + table["rest"]["error"] == pytest.approx(0, abs=1e-5)
    else:
        truth = torch.tensor([1.0] + [0.0] * 5)
        lost = F.binary_cross_entropy_with_logits(u[rows] @ hidden, truth, reduction="sum")
        probs = (u[rows] @ hidden).sigmoid()
        assert sum(table["terms"]) == pytest.approx(table["loss"], abs=1e-5)
        assert table["truth"] == truth.tolist()
    assert table["loss"] == pytest.approx(lost.item(), abs=1e-5)
    assert torch.allclose(torch.tensor(table["probs"]), probs, atol=1e-5)
    lost.backward()
    assert torch.allclose(
        torch.tensor(table["hidden_grad"]) * table["inputs"].count(table["inputs"][0]),
        w.grad[table["inputs"][0]],
        atol=1e-5,
    )
    for row, error in zip(table["rows"], table["errors"], strict=True):
        if table["rows"].count(row) == 1:
            assert torch.allclose(u.grad[row], error * hidden, atol=1e-5)
    assert re.fullmatch(r"gradients = autograd( ± \d+e-\d+)?", view.scene["badge"]["text"])
    assert view.scene["badge"]["kind"] == "good"


@pytest.mark.parametrize("axes", ["aligned", "fixed"])
@pytest.mark.parametrize("kind", ["skip-gram", "cbow"])
def test_arrows_are_the_updates_of_the_step_projected_on_the_map(kind, axes):
    view = made(kind=kind, lr=0.5)
    view.run(200)
    view.axes = axes
    view.run(200)
    arrows, directions, before = view.snapshot["arrows"], view._map_axes, view.training.vectors.clone()
    outputs = view.training.outputs.clone()
    assert torch.allclose(array(view, "coordinates"), directions.project(before), atol=1e-5)
    view.training.take_step()
    moved = {"w": view.training.vectors - before, "u": view.training.outputs - outputs}
    for name, row, word, x, y, dx, dy in arrows:
        matrix = before if name == "w" else outputs
        assert word == view.training.words[row]
        assert torch.allclose(torch.tensor([x, y]), directions.project(matrix[row]), atol=1e-5)
        assert torch.allclose(torch.tensor([dx, dy]), directions.project_displacements(moved[name][row]), atol=1e-5)
    assert {row for name, row, *_ in arrows if name == "w"} == set(moved["w"].abs().sum(1).nonzero().flatten().tolist())
    assert {row for name, row, *_ in arrows if name == "u"} == set(moved["u"].abs().sum(1).nonzero().flatten().tolist())


def test_an_aligned_map_is_pca_rotated_to_the_previous_map_and_a_fixed_one_keeps_its_directions():
    view = made(lr=0.5)
    for step in (300, 320, 500):
        before = array(view, "coordinates")
        view.step = step
        here, best = array(view, "coordinates"), pca(view.training.vectors)
        assert torch.allclose(torch.pdist(here), torch.pdist(best.coordinates), atol=1e-4)
        assert torch.allclose(dlviz.embeddings.align(here, before).rotation, torch.eye(2), atol=1e-3)
        assert view.snapshot["variance_ratio"] == pytest.approx(best.variance_ratio.sum().item(), abs=1e-4)
    view.axes = "fixed"
    first, places = view.training.vectors.clone(), array(view, "coordinates")
    directions = view._map_axes.directions.clone()
    view.step = 700
    moved = (view.training.vectors - first) @ directions.T
    assert torch.allclose(array(view, "coordinates") - places, moved, atol=1e-4)


@pytest.mark.parametrize("kind", ["skip-gram", "cbow"])
def test_the_sentence_shows_the_window_and_the_target(kind):
    view = made(kind=kind, window=2)
    for step in range(0, 60, 7):
        view.step = step
        shown, table = view.snapshot["sentence"], view.snapshot["table"]
        words, roles = shown["words"], shown["roles"]
        assert words == DATA.tokens[shown["index"]]
        assert shown["line"] == DATA.lines[shown["index"]]
        known = [word for word, role in zip(words, roles, strict=True) if role == "known"]
        assert sorted(known) == sorted(table["known"])
        assert [word for word, role in zip(words, roles, strict=True) if role == "target"] == table["words"][:1]
        middle = shown["center"]
        assert roles[middle] == ("target" if kind == "cbow" else "known")
        inside = [k for k, role in enumerate(roles) if role and k != middle]
        assert inside == [k for k in range(max(0, middle - 2), min(len(words), middle + 3)) if k != middle]


def test_a_text_is_shown_as_written_and_as_words_with_rare_words_struck_through():
    view = dlviz.word2vec(TEXT, min_count=2, vector_size=2)
    seen = {}
    for step in range(view.training.steps_per_epoch):
        view.step = step
        seen[view.snapshot["sentence"]["line"]] = view.snapshot["sentence"]
    assert set(seen) == {"The cat sat on the mat.", "The dog, too, sat!"}
    first = seen["The cat sat on the mat."]
    assert first["words"] == ["the", "cat", "sat", "on", "the", "mat"]
    assert [word for word, role in zip(first["words"], first["roles"], strict=True) if role == "out"] == [
        "cat",
        "on",
        "mat",
    ]
    assert view.training.words == ("the", "sat")
    assert "9 words occur fewer than 2 times" in view.scene["notes"][0]["text"]
    assert "2 words; 14 in 3 sentences" in view.scene["signature"]


def test_a_long_sentence_is_truncated_far_from_the_center_word():
    view = dlviz.word2vec([[f"word{k}" for k in range(200)]], window=2)
    shown = view.snapshot["sentence"]
    assert len(shown["words"]) < 40
    assert any(shown["truncated"])
    assert shown["words"][shown["center"]] == view.snapshot["table"]["known"][0]


def test_a_learning_rate_holds_from_its_step_on_and_steps_before_and_after_it_can_be_restored():
    view = made()
    view.run(130)
    view.lr = 0.4
    view.run(90)
    last = view.training.vectors.clone()
    view.step = 50
    assert view.lr == 0.05
    view.step = 220
    assert view.lr == 0.4
    assert torch.equal(view.training.vectors, last)
    assert view.snapshot["curve"]["lr_changes"] == [[0, 0.05], [130, 0.4]]
    plain = made()
    plain.run(220)
    assert not torch.equal(plain.training.vectors, last)


def test_another_learning_rate_at_an_earlier_step_discards_later_steps_with_a_note():
    view = made()
    view.run(300)
    view.step = 120
    view.lr = 0.2
    assert view.training.last_step == view.snapshot["last_step"] == 120
    assert "180 steps that were taken with another learning rate are forgotten" in view.scene["notes"][0]["text"]
    view.step = 300
    other = Training(DATA.tokens)
    other.run(120)
    other.lr = 0.2
    other.run(180)
    assert torch.equal(view.training.vectors, other.vectors)
    assert torch.equal(view.training.losses, other.losses)


@pytest.mark.parametrize(
    "setting", [{"kind": "cbow"}, {"loss": "softmax"}, {"window": 1}, {"negatives": 2}, {"vector_size": 5}]
)
def test_another_objective_restarts_from_the_same_seed_with_a_note(setting):
    view = made(seed=3, lr=0.1, batch_size=2)
    view.run(40)
    ((name, value),) = setting.items()
    setattr(view, name, value)
    assert view.step == view.snapshot["step"] == view.snapshot["last_step"] == 0
    assert "Begun again from step 0 with the same seed, 3" in view.scene["notes"][0]["text"]
    view.run(30)
    other = Training(DATA.tokens, seed=3, lr=0.1, batch_size=2, **setting)
    other.run(30)
    assert torch.equal(array(view, "w"), other.vectors)


def test_vectors_are_accepted_by_embedding_and_neighbors():
    view = made()
    view.run(20)
    assert isinstance(view.vectors, Vectors)
    assert labeled(view.vectors).labels == view.training.words
    assert len(neighbors(view.vectors, "the", 3).labels) == 3
    assert repr(dlviz.embedding(view.vectors)).startswith(f"dlviz.embedding({len(view.training.words)} vectors of 16")
    held = view.vectors.matrix
    before = held.clone()
    view.run(50)
    assert torch.equal(held, before)
    with pytest.raises(ValueError, match="Vectors have theirs"):
        labeled(view.vectors, ["a"])


def test_full_speed_trains_one_short_block_per_message_and_keeps_torchs_random_state():
    before = torch.get_rng_state()
    view = made()
    view._handle_custom_msg({"kind": "train", "from": 0}, [])
    first = view.step
    assert 0 < first == view.snapshot["step"]
    view._handle_custom_msg({"kind": "other", "from": first}, [])
    view._handle_custom_msg({"kind": "train", "from": 0}, [])  # sent before the page received the first block
    assert view.step == first
    assert torch.equal(torch.get_rng_state(), before)
    other = Training(DATA.tokens)
    other.run(first)
    assert torch.equal(view.training.vectors, other.vectors)


def test_a_step_that_waited_in_the_page_while_python_trained_does_not_take_the_training_back():
    view = made()
    view.set_state({"step": 6})
    view.run(100)
    vectors = view.training.vectors.clone()
    view.set_state({"step": 7})
    assert view.step == view.training.step == view.snapshot["step"] == 106
    assert torch.equal(view.training.vectors, vectors)
    view.run(4)
    other = Training(DATA.tokens)
    other.run(110)
    assert torch.equal(view.training.vectors, other.vectors)
    seen = view.get_state("step")["_written"]
    for step in (111, 50):  # the page has received Python's step, and then goes on and back
        view.set_state({"step": step, "_seen": seen})
        assert view.step == view.training.step == step


@pytest.mark.parametrize(
    ("name", "page", "python"),
    [
        ("lr", (0.1, 0.2), 0.7),
        ("kind", ("cbow", "skip-gram"), "cbow"),
        ("window", (1, 2), 5),
        ("axes", ("fixed", "aligned"), "fixed"),
    ],
)
def test_a_setting_that_waited_in_the_page_does_not_overwrite_a_later_one_of_pythons(name, page, python):
    view = made()
    view.set_state({name: page[0]})
    view.run(20)
    setattr(view, name, page[1])
    setattr(view, name, python)
    step = view.step
    view.set_state({name: page[1]})
    assert (getattr(view, name), view.step) == (python, step)


def test_a_step_that_waited_in_the_page_while_python_began_again_is_ignored():
    view = made()
    view.set_state({"step": 6})
    view.window = 2
    view.set_state({"step": 7})
    assert view.step == view.training.step == 0


def test_one_message_of_a_page_is_answered_by_one(monkeypatch):
    view, sent = made(), []
    monkeypatch.setattr(view, "_send", lambda content, buffers=None: sent.append(content))
    for change in ({"step": 3}, {"lr": 0.2}, {"kind": "cbow"}):
        sent.clear()
        view.set_state(change)
        (state,) = [message["state"] for message in sent if message["method"] == "update"]
        assert "snapshot" in state


def test_pictures_of_a_long_run_wait_until_the_page_has_drawn_the_last_one(monkeypatch):
    monkeypatch.setattr("dlviz.kit.update_gate.PATIENCE", 1e9)
    monkeypatch.setattr("dlviz.embeddings.word2vec.widget.RUN_INTERVAL", 0)
    view, pictures = made(), []
    view.run(1)
    view.run(2)
    view._handle_custom_msg({"kind": "drawn", "from": "page", "update": view._update_number}, [])
    view.observe(lambda change: pictures.append(change.new["step"]), "snapshot")
    view.run(50)
    assert pictures == [4, 53]
    view._handle_custom_msg({"kind": "drawn", "from": "page", "update": view._update_number}, [])
    assert (view.step, view.snapshot["step"]) == (53, 53)


def test_values_set_by_a_page_are_bounded():
    view = made()
    view.set_state({"step": 10**9})
    assert view.step == 50
    view.set_state({"window": 10**9})
    assert view.window == 50
    assert view.step == 0


def test_a_large_vocabulary_is_trained_completely_and_shown_in_part_with_a_note():
    words = [f"w{k}" for k in range(500)]
    view = dlviz.word2vec([words], vector_size=60, window=1)
    view.run(200)
    assert array(view, "w").shape == (400, 48)
    assert [note["text"] for note in view.scene["notes"]] == [
        "The 400 most frequent of 500 words are drawn; all of them learn.",
        "The first 48 of 60 numbers of a vector are drawn.",
    ]
    assert view.training.outputs[400:].abs().sum() > 0


def test_the_loss_curve_averages_blocks_of_a_round_size():
    view = made()
    view.run(950)
    curve = view.snapshot["curve"]
    means = torch.from_numpy(np.frombuffer(curve["means"], dtype="<f4").copy())
    assert curve["block_size"] == 5
    assert torch.allclose(means, view.training.losses.view(-1, 5).mean(1))


def test_snapshots_of_a_page_equal_live_ones_and_the_page_is_small():
    view = dlviz.word2vec(dlviz.data.sentences(400))
    assert len(view.training.words) >= 200
    view.run(6000)
    view.step = 1234
    state = view.training.vectors.clone()
    page, frames, full = view.to_html(), view._precomputed()["step"], view._page_state()
    assert len(page) < 2_500_000
    assert 20 < len(frames) <= 41
    assert full["snapshot"]["step"] == 1234
    assert frames[str(full["step"])]["snapshot"] == view.snapshot | {
        name: full["snapshot"][name] for name in ("last_position", "steps")
    }
    assert (view.step, view.training.step, torch.equal(view.training.vectors, state)) == (1234, 1234, True)
    for frame in (one["snapshot"] for one in frames.values()):
        view.step = frame["step"]
        assert frame["w"] == view.snapshot["w"]
        assert frame["table"] == view.snapshot["table"]


def test_diverged_matrices_are_shown_with_a_note():
    view = made(lr=1e30)
    view.run(100)
    view.lr = 0.1
    assert view.scene["notes"][0]["text"].startswith("The matrices hold NaN")
    assert "NaN" in view.to_html()
    assert view._still().startswith("<svg")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_still_picture_is_svg_with_a_description_of_the_step(theme):
    view = dlviz.word2vec("<b>bold</b> & brave cats sit. Bold cats run.", theme=theme)
    view.run(5)
    picture = ET.fromstring(view._still())
    text = " ".join(picture.itertext())
    table = view.snapshot["table"]
    assert f"Before step 6: from {table['known'][0]} guess {table['words'][0]}" in text
    assert view.scene["summary"] in text


def test_the_still_picture_strikes_rare_words_through_and_cuts_a_long_sentence():
    view = dlviz.word2vec([["rare", *(["common", "usual"] * 40)]], min_count=2, window=40)
    while view.snapshot["sentence"]["words"][0] != "rare":
        view.step += 1
    text = [one.text for one in ET.fromstring(view._still()).iter("{http://www.w3.org/2000/svg}text")]
    assert "rare" in text
    assert view._still().count("53h") == 1  # the line that strikes it through
    assert 5 < text.count("common") < 20


def test_the_repr_is_stable_and_says_when_the_widget_is_closed():
    view = made()
    view.run(3)
    assert repr(view) == f"dlviz.word2vec({len(view.training.words)} words of 16 numbers, skip-gram, negative, step 3)"
    view.close()
    assert repr(view) == "dlviz.word2vec(closed)"
    view.step = 2
    view.kind, view.lr, view.axes = "cbow", 0.1, "fixed"
    view._handle_custom_msg({"kind": "train", "from": 3}, [])
    for look in (lambda: view.training, lambda: view.vectors, lambda: view.run(1)):
        with pytest.raises(ValueError, match="has been closed"):
            look()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"corpus": 3},
            "corpus must be lists of words, a text or several, or what dlviz.data.sentences\\(\\) gives, but got int",
        ),
        ({"corpus": ["cat", "dog"]}, "sentence 0 is a str"),
        ({"corpus": b"a cat"}, r"must be a text, but got bytes. Decode it: corpus.decode\("),
        ({"corpus": ["a cat sat", float("nan")]}, r"item 1 is nan.*corpus\.dropna\(\)"),
        ({"corpus": {"a cat": 1}}, "but got dict"),
        ({"corpus": {"a", "b"}}, "but got set"),
        ({"corpus": None}, "but got NoneType"),
        ({"corpus": torch.rand(3)}, "but got Tensor"),
        ({"corpus": [[1, 2], [3, 4]]}, "sentence 0 holds 1, which is of type int"),
        ({"corpus": np.eye(3)}, "sentence 0 holds .*, which is of type float64"),
        ({"corpus": []}, "two different words"),
        ({"corpus": ""}, "two different words"),
        ({"corpus": [[]]}, "two different words"),
        ({"corpus": "cat"}, "two different words"),
        ({"kind": "glove"}, "kind must be one of"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"vector_size": 0}, "vector_size must be a whole number"),
        ({"lr": 0}, "lr must be a number above 0"),
        ({"min_count": 99999}, "99999 times or more"),
        ({"model": 3}, "model must be an nn.Module"),
        ({"theme": "pink"}, 'theme must be "auto"'),
    ],
)
def test_invalid_arguments_are_named_in_the_error(arguments, words):
    with pytest.raises(ValueError, match=words):
        dlviz.word2vec(**{"corpus": DATA} | arguments)


@pytest.mark.parametrize(
    "corpus", ["小猫和老鼠。大狗追小猫。", "😀😃😀😂 👍🏽👍🏽", ["小猫和老鼠", "大狗追小猫"], "น้ำที่นี่"]
)
def test_a_text_without_spaces_is_learned_by_character_with_a_note(corpus):
    view = dlviz.word2vec(corpus, vector_size=2)
    view.run(20)
    assert "every character counts as a word" in view.scene["notes"][0]["text"]
    view._still()
    view.to_html()


def test_texts_in_a_list_or_an_array_are_learned_and_a_note_on_characters_is_for_scripts_without_spaces():
    for corpus in (["a cat", "a dog runs"], np.array(["a cat", "a dog runs"])):
        view = dlviz.word2vec(corpus, vector_size=2)
        assert view.training.words == ("a", "cat", "dog", "runs")
        assert view.scene["notes"] == []


def test_invalid_steps_learning_rates_and_updates_are_refused():
    view = made()
    for steps in (0, 1.5, True):
        with pytest.raises(ValueError, match="steps must be a whole number"):
            view.run(steps)
    with pytest.raises(ValueError, match="lr must be a number above 0"):
        view.lr = -1
    with pytest.raises(ValueError, match="nothing of yours is watched"):
        view.update(0.3)
