"""`dlviz.positions` from Python: what it draws is torch's, other kinds, what is cropped, what is refused."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.positional_encoding import alibi, apply_rotary, by_distance, sinusoidal
from tests.kit.test_page import payload


def array(values, *shape):
    return torch.from_numpy(np.frombuffer(values, "float32").copy()).reshape(shape)


def test_the_scene_holds_the_sinusoidal_matrix_and_all_products():
    view = dlviz.positions("sinusoidal", length=20, dim=12)
    expected = sinusoidal(20, 12, dtype=torch.float64)
    assert torch.equal(view.matrix, expected)
    assert torch.equal(view.scores, expected @ expected.T)
    assert torch.equal(array(view.scene["matrix"], 20, 12), expected.float())
    assert torch.equal(array(view.scene["scores"], 20, 20), view.scores.float())
    assert torch.equal(array(view.scene["angles"], 20, 6), view.angles.float())


@pytest.mark.parametrize("pairing", ["interleaved", "half"])
def test_the_rotary_scene_holds_the_learners_query_and_key_turned(pairing):
    torch.manual_seed(0)
    q, k = torch.randn(2, 8, dtype=torch.float64)
    view = dlviz.positions("rotary", 10, 8, q=q, k=k.numpy(), pairing=pairing)
    queries, keys = (apply_rotary(one.expand(10, -1), pairing=pairing) for one in (q, k))
    assert torch.equal(view.scores, queries @ keys.T)
    assert torch.equal(array(view.scene["queries"], 10, 8), queries.float())
    for i, (a, b) in enumerate(view.scene["pairs"]):
        assert torch.allclose(view.matrix[:, a], view.angles[:, i].cos())
        assert torch.allclose(view.matrix[:, b], view.angles[:, i].sin())


def test_the_badge_says_whether_scores_depend_on_the_distance_only():
    for kind in ("sinusoidal", "rotary"):
        view = dlviz.positions(kind)
        assert view.scene["badge"]["kind"] == "good"
        assert view.record.by_distance.spread < 1e-12
    torch.manual_seed(0)
    learned = dlviz.positions(torch.randn(20, 8))
    assert learned.scene["badge"]["kind"] == ""
    assert "differs by up to" in learned.scene["badge"]["text"]


def test_scores_by_distance_are_means_of_diagonals():
    scores = torch.randn(5, 5, dtype=torch.float64)
    found, before = by_distance(scores), by_distance(scores, earlier=True)
    for distance in range(-4, 5):
        line = [scores[m, m + distance].item() for m in range(5) if 0 <= m + distance < 5]
        k = distance - found.first
        assert found.mean[k].item() == pytest.approx(sum(line) / len(line))
        assert (found.low[k].item(), found.high[k].item()) == (min(line), max(line))
        if distance <= 0:
            assert before.mean[-distance].item() == found.mean[k].item()


def test_the_bias_of_every_head_of_alibi_is_in_the_scene():
    view = dlviz.positions("alibi", length=12, heads=6, head=3)
    expected = alibi(6, 12, dtype=torch.float64)
    assert torch.equal(view.matrix, expected)
    assert torch.equal(view.scores, expected[3])
    table = array(view.scene["bias"], 6, 12)
    for distance in range(12):
        assert torch.equal(table[:, distance], expected[:, 11, 11 - distance].float())


@pytest.mark.parametrize("kind", ["embedding", "parameter", "array", "list", "batch of one"])
def test_a_learned_encoding_is_read_from_whatever_holds_it(kind):
    module = nn.Embedding(9, 4)
    table = module.weight.detach()
    given = {
        "embedding": module,
        "parameter": module.weight,
        "array": table.numpy(),
        "list": table.tolist(),
        "batch of one": table[None],
    }[kind]
    view = dlviz.positions(given)
    assert view.kind == "learned"
    assert torch.equal(view.matrix, table.double())
    assert torch.allclose(view.scores, table.double() @ table.double().T)
    assert view.scene["kinds"] == ["sinusoidal", "rotary", "alibi", "learned"]


def test_an_update_reads_the_weight_again_and_changes_nothing_of_it():
    module = nn.Embedding(9, 4)
    view = dlviz.positions(module)
    before = view.matrix.clone()
    with torch.no_grad():
        module.weight.mul_(2)
    assert torch.equal(view.matrix, before)
    view.update()
    assert torch.equal(view.matrix, module.weight.detach().double())
    assert module.weight.grad is None


def test_another_kind_base_or_pairing_is_computed_again():
    view = dlviz.positions(length=10, dim=8)
    view.kind = "rotary"
    assert view.scene["kind"] == "rotary"
    view.base = 100.0
    assert torch.equal(view.angles[:, 1], torch.arange(10, dtype=torch.float64) / 100.0 ** (2 / 8))
    view.pairing = "half"
    assert view.scene["pairs"][0] == [0, 4]
    view.kind = "alibi"
    assert view.angles is None


def test_large_encodings_are_cropped_with_a_note_and_scores_use_all_dimensions():
    view = dlviz.positions(length=1000, dim=512)
    assert (view.scene["positions"], view.scene["columns"]) == (256, 256)
    assert view.matrix.shape == (1000, 512)
    assert view.scores[0, 0].item() == pytest.approx(256)
    notes = [note["text"] for note in view.scene["notes"]]
    # One note: two would push the picture off one screen.
    assert len(notes) == 1
    assert "256 of 1000 positions and 256 of 512 dimensions" in notes[0]
    assert len(view.to_html()) < 4_200_000


def test_a_page_holds_the_other_kinds_bases_and_pairings():
    state = payload(dlviz.positions("rotary", 16, 8).to_html())["state"]
    held = state["precomputed"]
    assert {json.loads(kind) for kind in held["kind"]} == {"sinusoidal", "rotary", "alibi"}
    assert {json.loads(one) for one in held["pairing"]} == {"interleaved", "half"}
    assert len(held["base"]) == len(state["bases"])


def test_a_tiny_encoding_is_drawn():
    for kind in ("sinusoidal", "rotary", "alibi"):
        assert "<svg" in dlviz.positions(kind, length=1, dim=2, heads=1)._still()
    odd = dlviz.positions(torch.ones(1, 1))
    assert odd.scene["kinds"] == ["alibi", "learned"]
    with pytest.raises(DlvizError, match="There are: alibi, learned"):
        odd.kind = "rotary"


def test_the_repr_and_the_still_say_what_is_drawn():
    table = torch.zeros(3, 4)
    view = dlviz.positions(table)
    assert repr(view) == "dlviz.positions(table · learned, 3 positions × 4 dimensions)"
    assert "table · learned" in view._still()
    view.close()
    assert repr(view) == "dlviz.positions(closed)"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: dlviz.positions("learned"), "needs its matrix"),
        (lambda: dlviz.positions("rope"), "encoding must be"),
        (lambda: dlviz.positions(nn.Linear(2, 2)), "but got Linear"),
        (lambda: dlviz.positions(torch.ones(2, 3, 4)), "shape (2, 3, 4)"),
        (lambda: dlviz.positions(torch.full((2, 3), torch.inf)), "NaN or infinite"),
        (lambda: dlviz.positions(torch.full((2, 3), 1e30)), "too large for a product in float32"),
        (lambda: dlviz.positions(torch.ones(2, 3, dtype=torch.complex64)), "complex64"),
        (lambda: dlviz.positions("rotary", 4, 2, q=[torch.nan, 1.0]), "q holds NaN"),
        (lambda: dlviz.positions(torch.ones(2, 4), length=3), "leave out length=3"),
        (lambda: dlviz.positions(dim=7), "dim must be even"),
        (lambda: dlviz.positions(base=-1.0), "base must be"),
        (lambda: dlviz.positions(length=100_000, dim=1024), "too large"),
        (lambda: dlviz.positions("alibi", heads=1000), "heads must be at most 128"),
        (lambda: dlviz.positions("rotary", q=torch.ones(3)), "q must be one vector of 32 numbers (dim,), but got (3,)"),
        (lambda: dlviz.positions("rotary", k="abc"), "k must be one vector"),
        (
            lambda: dlviz.positions("alibi", 8, 4, q=torch.ones(4)),
            'q is turned by "rotary" alone, but the encoding is alibi',
        ),
        (lambda: dlviz.positions(k=torch.ones(32)), 'k is turned by "rotary" alone, but the encoding is sinusoidal'),
        (lambda: dlviz.positions(torch.ones(3, 4), q=torch.ones(4)), "but the encoding is learned"),
        (lambda: dlviz.positions(head=9), "head must be from 0 to 7, but got 9"),
        (lambda: dlviz.positions("rotary", pairing="split"), "pairing"),
        (lambda: dlviz.positions(column="a"), "column must be a whole number"),
    ],
)
def test_a_bad_argument_is_named(call, text):
    with pytest.raises(DlvizError) as refused:
        call()
    assert text in str(refused.value)


def test_an_unknown_argument_is_told_with_those_that_there_are():
    with pytest.raises(TypeError, match=r"no such argument: d_model.*It takes encoding, length, dim, heads, base"):
        dlviz.positions("rotary", d_model=8)


def test_one_is_counted_in_the_singular():
    assert "1 position × 2 dimensions" in repr(dlviz.positions(length=1, dim=2))
    view = dlviz.positions("alibi", 1, heads=1)
    assert "1 head, 1 position)" in repr(view)
    assert "1 dimension" in repr(dlviz.positions(torch.ones(3, 1)))
    assert "of 1 position in 2 dimensions" in dlviz.positions(length=1, dim=2).scene["summary"]
