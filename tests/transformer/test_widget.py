"""`dlviz.attention`: what Python sees of it, compared with torch."""

import gc
import json
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.kit.snapshots import thin
from dlviz.transformer.module_call import MAX_SNAPSHOTS
from tests.benchmarks.measured import leaves

LETTERS = torch.eye(26)


def encode(text):
    return LETTERS[["abcdefghijklmnopqrstuvwxyz".index(letter) for letter in text]][None]


def encoder(layers=2, **settings):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(26, 2, 16, batch_first=True)
    return dlviz.attention(nn.TransformerEncoder(layer, layers).eval(), "hello", encode=encode, **settings)


def multihead(heads=2):
    torch.manual_seed(0)
    return nn.MultiheadAttention(8, heads, batch_first=True), torch.randn(3, 5, 8)


def sent(view) -> int:
    return sum(len(part) for trait in (view.scene, view.tiles, view.row) for part in leaves(trait))


def test_it_is_called_like_the_module_and_returns_what_that_returns():
    mha, x = multihead()
    mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
    view = dlviz.attention(mha, x, x, x, attn_mask=mask, average_attn_weights=False)
    output, weights = mha(x, x, x, attn_mask=mask, average_attn_weights=False)
    assert torch.equal(view.output[0], output)
    assert torch.allclose(view.calls[0].weights, weights, atol=1e-6)
    assert view.scene["badge"]["kind"] == "good"


def test_keywords_named_query_and_key_are_the_modules_own():
    mha, x = multihead()
    view = dlviz.attention(mha, query=x, key=x, value=x)
    assert view.calls[0].shape == (3, 2, 5, 5)
    assert dlviz.attention(mha, x, x, x, query=2, key=4).query == 2


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list], ids=["tensors", "arrays", "lists"])
def test_tensors_arrays_and_lists_are_taken_like_scaled_dot_product_attention(kind):
    numbers = [[0.5, -1.0], [2.0, 0.0], [1.0, 1.0]]
    view = dlviz.attention(kind(numbers), kind(numbers), kind(numbers), is_causal=True, scale=2.0)
    x = torch.tensor(numbers, dtype=view.output.dtype)
    assert torch.allclose(view.output, F.scaled_dot_product_attention(x, x, x, is_causal=True, scale=2.0))
    assert repr(view) == "dlviz.attention(q, k, v: scaled_dot_product_attention; calls: 1, heads: 1, 3 × 3)"


def test_a_numpy_array_is_taken_for_a_module():
    mha, x = multihead()
    array = x.double().numpy()
    assert torch.allclose(dlviz.attention(mha, array, array, array).output[0], mha(x, x, x)[0], atol=1e-6)


def test_nested_lists_are_taken_for_a_module_and_whole_numbers_in_them_for_tensors():
    mha, x = multihead()
    lists = x.tolist()
    assert torch.allclose(dlviz.attention(mha, lists, lists, lists).output[0], mha(x, x, x)[0], atol=1e-6)
    view = dlviz.attention([[1, 0], [0, 1]])
    assert torch.equal(view.output, F.scaled_dot_product_attention(*[torch.eye(2)] * 3))


class Repeated(nn.Module):
    def __init__(self):
        super().__init__()
        self.mha, self.times = nn.MultiheadAttention(8, 2, batch_first=True), 2

    def forward(self, x):
        for _ in range(self.times):
            x = self.mha(x, x, x)[0]
        return x


def test_a_module_that_makes_other_calls_later_is_refused_and_the_picture_stays():
    module = Repeated()
    view = dlviz.attention(module, torch.randn(1, 3, 8), call=1, head=1)
    for module.times in (1, 3):
        with pytest.raises(DlvizError, match=r"of \[2, 2\] heads before, and now of \[2(, 2, 2)?\]\. Draw it again"):
            view.update()
    assert len(view.calls) == 2
    module.times = 2
    view.update()
    assert len(view.snapshots) == 2


def test_a_model_that_turns_gradients_on_by_itself_is_drawn():
    x = torch.randn(1, 3, 4, requires_grad=True)
    view = dlviz.attention(torch.enable_grad()(lambda x: (x @ x.mT).softmax(-1) @ x), x)
    assert not view.calls[0].weights.requires_grad
    mha = nn.MultiheadAttention(4, 2, batch_first=True)
    assert not dlviz.attention(torch.enable_grad()(lambda x: mha(x, x, x)[0]), x).calls[0].output.requires_grad


def test_a_text_without_encode_is_told_of_it():
    with pytest.raises(DlvizError, match=r"raised AttributeError.*Pass encode="):
        dlviz.attention(multihead()[0], "hello", "hello", "hello")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask": torch.ones(3, 4) == 1}, r"mask must .*\(…, 4, 4\), queries by keys, but got \(3, 4\)"),
        ({"mask": torch.ones(1, 1, 1, 4, 4) == 1}, r"mask must .* but got \(1, 1, 1, 4, 4\)"),
        ({"mask": [[1, 0, 0, 0]] * 4}, r"mask must hold booleans .* but got torch.int64.*mask == 1"),
        ({"mask": torch.ones(4, 4) == 1, "is_causal": True}, "mask or is_causal=True, not both"),
        ({"scale": "x"}, "scale must be a number, but got 'x'"),
        ({"dropout_p": 2.0}, "dropout_p must be a number from 0 to 1, but got 2.0"),
        ({"head": -1}, "head: there are 2, numbered from 0 to 1, but got -1"),
        ({"head": "a"}, "head: .* but got 'a'"),
        ({"sample": 1}, "sample: there are 1,"),
        ({"call": 1}, "call: there are 1,"),
        ({"query": 4}, "query: there are 4,"),
        ({"head": True}, "head: .* but got True"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(options, words):
    with pytest.raises(DlvizError, match=words):
        dlviz.attention(torch.randn(1, 2, 4, 8), **options)


def test_numbers_of_numpy_and_torch_are_taken_as_options():
    q = torch.randn(1, 2, 4, 8)
    view = dlviz.attention(q, scale=torch.tensor(2.0), dropout_p=np.float32(0), head=np.int64(1), query=np.int64(2))
    assert (view.calls[0].scale, view.head, view.opened, view.query) == (2.0, 1, 1, 2)


def test_attention_that_was_not_found_is_said_in_a_note():
    def capped(x):
        x = ((x @ x.mT / 5).tanh() * 5).softmax(-1) @ x
        return (x @ x.mT).softmax(-1) @ x

    (note,) = dlviz.attention(capped, torch.randn(1, 3, 4)).scene["notes"]
    assert "Perhaps not all attention" in note["text"]
    assert "then comes tanh" in note["text"]


def test_the_mask_may_have_torchs_name():
    x, mask = torch.randn(1, 3, 4), torch.ones(3, 3).tril() == 1
    assert torch.equal(dlviz.attention(x, attn_mask=mask).output, dlviz.attention(x, mask=mask).output)


def test_what_torch_refuses_is_said_with_torchs_words():
    with pytest.raises(DlvizError, match=r"shapes \(3, 2\), \(4, 5\), \(4, 5\)"):
        dlviz.attention(torch.ones(3, 2), torch.ones(4, 5))
    with pytest.raises(DlvizError, match="MultiheadAttention raised"):
        dlviz.attention(nn.MultiheadAttention(8, 2), torch.ones(3, 2), torch.ones(3, 2), torch.ones(3, 2))
    with pytest.raises(DlvizError, match="made no attention call"):
        dlviz.attention(nn.Linear(2, 2), torch.ones(3, 2))
    with pytest.raises(TypeError, match="Did you mean tokens"):
        dlviz.attention(nn.MultiheadAttention(8, 2), *multihead()[1][None].expand(3, -1, -1, -1), toknes="abc")


def test_call_head_and_opened_follow_each_other():
    view = encoder()
    view.call, view.head = 1, 1
    assert view.opened == 3
    assert view.scene["head"] == 1
    view.opened = 0
    assert (view.call, view.head) == (0, 0)
    assert view.scene["name"] == "layers.0.self_attn"
    assert encoder(call=1, head=1).opened == 3


@pytest.mark.parametrize("name", ["call", "head", "sample", "query", "key", "snapshot", "opened"])
def test_an_index_that_is_not_there_is_refused_and_the_picture_stays(name):
    view = encoder()
    before = view.scene
    with pytest.raises(DlvizError, match=f"{name}: there are"):
        setattr(view, name, 99)
    assert view.scene is before


def test_the_opened_picture_selects_the_last_query_and_the_key_it_weighs_most():
    view = encoder()
    weights = view.calls[0].weights[0, 0]
    assert view.query == 4
    assert view.key == int(weights[4].argmax())
    assert view.scene["stages"][view.step] == "output"


def test_each_sample_shows_its_own_numbers():
    mha, x = multihead()
    view = dlviz.attention(mha, x, x, x, sample=2, tokens=[list("abcde"), list("fghij"), list("klmno")])
    shown = np.frombuffer(view.scene["blocks"]["weights"]["numbers"], np.float32).reshape(5, 5)
    assert np.allclose(shown, view.calls[0].weights[2, 0])
    assert view.scene["query_tokens"] == list("klmno")


def test_edits_change_the_run_and_the_old_output_stays_as_a_ghost():
    mha, x = multihead()
    view = dlviz.attention(mha, x, x, x)
    view.edits = [[0, "causal", 1]]
    expected = mha(x, x, x, attn_mask=torch.ones(5, 5, dtype=torch.bool).triu(1))[0]
    assert torch.allclose(view.output[0], expected, atol=1e-6)
    before = np.frombuffer(view.scene["blocks"]["before"]["numbers"], np.float32).reshape(5, 8)
    assert np.allclose(before, mha(x, x, x)[0][0].detach(), atol=1e-6)
    change = float((expected - mha(x, x, x)[0]).detach().abs().max())
    assert view.scene["changed"]["call"] == pytest.approx(change, rel=1e-4)
    assert view.scene["changed"]["module"] == pytest.approx(change, rel=1e-4)
    view.reset()
    assert view.edits == []
    assert "changed" not in view.scene
    assert torch.allclose(view.output[0], mha(x, x, x)[0], atol=1e-6)


def test_a_head_held_at_0_and_the_scale_left_out():
    q = torch.randn(1, 2, 4, 3)
    view = dlviz.attention(q, q, q, edits=[[0, "head", 1], [0, "scale", 0]])
    assert view.output[0, 1].abs().max() == 0
    assert torch.allclose(view.output[0, 0], F.scaled_dot_product_attention(q, q, q, scale=1.0)[0, 0], atol=1e-6)


def test_update_keeps_the_earlier_weights_as_snapshots_that_can_be_scrubbed():
    mha, x = multihead()
    view = dlviz.attention(mha, x, x, x)
    before = view.calls[0].weights.clone()
    with torch.no_grad():
        mha.in_proj_weight.mul_(3)
    view.update("trained")
    after = mha(x, x, x, average_attn_weights=False)[1]
    assert view.snapshots == ["first snapshot", "trained"]
    assert torch.allclose(view.calls[0].weights, after, atol=1e-6)
    view.snapshot = 0
    assert torch.equal(view.calls[0].weights, before)
    assert view.tiles["labels"] == ["first snapshot", "trained"]
    precomputed = view._precomputed()["snapshot"]
    assert set(precomputed) == {"0", "1"}


def test_a_long_training_keeps_evenly_spaced_snapshots():
    q = torch.randn(1, 1, 3, 2)
    view = dlviz.attention(q)
    for _ in range(130):
        view.update()
    assert len(view.snapshots) <= MAX_SNAPSHOTS
    assert view.snapshots == [f"snapshot {k}" if k else "first snapshot" for k in thin(range(131), 60, index=int)]
    assert view.snapshot == len(view.snapshots) - 1


def test_another_text_is_encoded_and_a_bad_one_leaves_the_picture():
    view = encoder()
    assert view.scene["query_tokens"] == list("hello")
    view.text = "abc"
    assert view.scene["query_tokens"] == list("abc")
    assert view.calls[0].shape == (1, 2, 3, 3)
    view.text = "a?"
    assert "ValueError" in view.refusal
    assert view.scene["query_tokens"] == list("abc")
    view.reset()
    assert view.scene["query_tokens"] == list("hello")
    assert view.refusal == ""


def test_after_a_refused_text_the_last_one_that_was_read_is_updated_edited_and_saved():
    view = encoder()
    view.text = "abc"
    view.text = "a?"
    view.update()
    assert view.scene["query_tokens"] == list("abc")
    view.edits = [[0, "causal", 1]]
    assert view.calls[0].weights.shape[2:] == (3, 3)
    assert float(view.calls[0].weights[0, 0].triu(1).sum()) == 0
    assert "ValueError" in view.refusal
    view.to_html()
    view.edits, view.text = [], "hello"
    assert (view.refusal, view.calls[0].shape[2:]) == ("", (5, 5))


def test_a_text_names_positions_by_its_letters_only_where_there_are_as_many():
    def words(text):
        return LETTERS[[len(word) for word in text.split()]][None]

    mha = nn.MultiheadAttention(26, 2, batch_first=True)

    def model(x):
        return mha(x, x, x)[0]

    view = dlviz.attention(model, "attention is all you need", encode=words)
    assert view.scene["query_tokens"] == view.scene["key_tokens"] == list("01234")
    assert "25 letters and the sequence 5 positions" in view.scene["notes"][0]["text"]
    assert "tokens=" in view.scene["notes"][0]["text"]
    names = ["attention", "is", "all", "you", "need"]
    view = dlviz.attention(model, "attention is all you need", encode=words, tokens=names)
    assert (view.scene["query_tokens"], view.scene["notes"]) == (names, [])
    view.text = "to be or not"
    assert view.scene["query_tokens"] == list("0123")
    view.update()
    view.snapshot = 0
    assert view.scene["query_tokens"] == names


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list, lambda ids: [torch.tensor(row) for row in ids]])
def test_ids_name_positions_by_their_numbers(kind):
    x, ids = torch.randn(2, 3, 4), [[5, 6, 7], [8, 9, 10]]
    view = dlviz.attention(x, tokens=kind(ids), sample=1)
    assert view.scene["query_tokens"] == ["8", "9", "10"]
    assert dlviz.attention(x, tokens=torch.tensor(ids)[0]).scene["key_tokens"] == ["5", "6", "7"]
    assert dlviz.attention(x, tokens=list(torch.arange(3))).scene["key_tokens"] == ["0", "1", "2"]


def test_painted_pairs_that_a_shorter_text_lacks_are_left_out():
    view = encoder()
    view.edits = [[0, "pair", 4, 4], [0, "pair", 0, 1]]
    view.text = "abc"
    assert view.calls[0].mask.sum() == 8
    assert not view.calls[0].mask[0, 1]


def test_twelve_layers_of_twelve_heads_are_sent_in_one_megabyte():
    q = torch.randn(1, 12, 128, 64)

    def model(x):
        for _ in range(12):
            x = F.scaled_dot_product_attention(x, x, x)
        return x

    view = dlviz.attention(model, q)
    assert len(view.tiles["calls"]) == 12
    assert sent(view) < 1_000_000
    assert len(json.dumps(view.to_html())) < 4_600_000


def test_1024_tokens_and_16_heads_are_sent_in_two_megabytes_with_the_selected_row_in_full():
    q = torch.randn(1, 16, 1024, 64)
    view = dlviz.attention(q, is_causal=True, query=700)
    assert sent(view) < 2_000_000
    weights = np.frombuffer(view.row["rows"]["weights"], np.float32)
    assert np.allclose(weights, view.calls[0].weights[0, 0, 700])
    assert "1024 × 1024" in view.scene["notes"][0]["text"]
    view.query = 3
    assert np.allclose(np.frombuffer(view.row["rows"]["weights"], np.float32), view.calls[0].weights[0, 0, 3])


def test_a_page_holds_other_heads_edits_and_snapshots():
    view = encoder()
    view.update()
    state = view.page_payload(4_000_000)["state"]["precomputed"]
    assert set(state["opened"]) == {"0", "1", "2", "3"}
    assert state["opened"]["3"]["call"] == 1
    assert '[[0, "scale", 0]]' in state["edits"]
    assert set(state["snapshot"]) == {"0", "1"}


def test_the_still_picture_is_the_open_head():
    view = encoder(theme="dark")
    assert "layers.0.self_attn · 0" in view._still()
    assert view._still() == view._still()


def test_a_closed_widget_releases_the_tensors():
    q = torch.randn(1, 1, 3, 2)
    reference = weakref.ref(q)
    view = dlviz.attention(q)
    view.close()
    del q
    gc.collect()
    assert reference() is None
    with pytest.raises(DlvizError, match="closed"):
        _ = view.calls
