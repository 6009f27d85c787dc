"""The picture of a head, compared with torch."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.transformer import record
from dlviz.transformer.blocks import binned, block
from dlviz.transformer.options import split_options
from dlviz.transformer.scene import badge, mask_text, matrices, notes, row, scene, stages
from dlviz.transformer.tiles import tiles
from dlviz.transformer.tokens import call_tokens, check_tokens, token_lists
from dlviz.transformer.what_if import check_entries, edits_of


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def call_of(*args, **kwargs):
    return record(F.scaled_dot_product_attention, *args, **kwargs).calls[0]


def notes_of(call, head=0):
    return [one["text"] for one in notes(call, head, {"weights": block(matrices(call, 0, head)["weights"])})]


def test_a_small_block_holds_every_number_and_the_largest_size():
    x = random(3, 4).double()
    found = block(x)
    assert found["bins"] is None
    assert np.array_equal(found["numbers"], x.numpy())
    assert found["max"] == float(x.abs().max())


def test_a_large_block_holds_the_number_of_largest_size_in_each_bin():
    x = random(600, 600)
    x[:, 300:] = -torch.inf
    x[0, 0] = torch.nan
    found = block(x, most=100)
    height, width = found["bins"]
    codes = torch.from_numpy(found["numbers"]).double()
    assert codes[0, 0] == 1
    assert bool((codes[:, width // 2 + 1 :] == 0).all())
    values = (codes - 128).sign() * ((codes - 128) / 126).square() * found["max"]
    rows, columns = 600 * 7 / height, 600 * 5 / width
    area = x[math.floor(rows) : math.ceil(600 * 8 / height), math.floor(columns) : math.ceil(600 * 6 / width)]
    largest = area.flatten()[area.abs().argmax()]
    assert values[7, 5].item() == pytest.approx(largest.item(), abs=found["max"] / 100)


def test_bins_of_weights_are_maxima():
    x = random(1, 8, 8).abs()
    assert torch.equal(binned(x, 4, 4), F.max_pool2d(x, 2))


def test_the_matrices_of_a_grouped_head_are_those_of_its_own_query_and_its_groups_key():
    q, k, v = random(2, 4, 5, 3), random(2, 2, 5, 3) + 1, random(2, 2, 5, 3) - 1
    call = call_of(q, k, v, enable_gqa=True)
    found = matrices(call, 1, 3)
    assert torch.equal(found["query"], q[1, 3])
    assert torch.equal(found["key"], k[1, 1])
    assert torch.equal(found["value"], v[1, 1])
    assert torch.allclose(found["products"], q[1, 3] @ k[1, 1].T)
    assert torch.allclose(found["weights"], call.weights[1, 3])
    assert torch.equal(found["joined"], call.heads[1].transpose(0, 1).flatten(1))


def test_only_the_stages_that_a_call_has_are_played():
    q = random(1, 1, 3, 2)
    assert stages(call_of(q, q, q)) == ["project", "scores", "scale", "softmax", "values"]
    mha = nn.MultiheadAttention(4, 2, batch_first=True)
    x = random(1, 3, 4)
    assert stages(record(mha, x, x, x).calls[0])[-2:] == ["join", "output"]
    assert "mask" in stages(call_of(q, q, q, is_causal=True))


def test_both_conventions_of_a_boolean_mask_are_named_in_words():
    q, x = random(1, 1, 3, 2), random(1, 3, 4)
    keep = torch.ones(3, 3, dtype=torch.bool).tril()
    assert "True = may attend" in mask_text(call_of(q, q, q, attn_mask=keep))
    mha = nn.MultiheadAttention(4, 2, batch_first=True)
    drop = mask_text(record(mha, x, x, x, attn_mask=~keep).calls[0])
    assert "True = is left out" in drop
    assert "causal" in drop
    padding = torch.tensor([[False, False, True]])
    assert "key_padding_mask" in mask_text(record(mha, x, x, x, key_padding_mask=padding).calls[0])
    assert mask_text(call_of(q, q, q)) == ""


def test_a_query_without_any_key_is_said_with_what_torch_returns_for_it():
    q, x = random(1, 1, 3, 2), random(1, 3, 4)
    none = torch.ones(3, 3, dtype=torch.bool)
    none[1] = False
    (text,) = notes_of(call_of(q, q, q, attn_mask=none))
    assert "The row of query 1 is dead: it may attend to no key" in text
    assert "returns 0" in text
    none[2] = False
    (text,) = notes_of(call_of(q, q, q, attn_mask=none))
    assert "The rows of queries 1, 2 are dead: they may attend to no key" in text
    mha = nn.MultiheadAttention(4, 1, batch_first=True)
    (text,) = notes_of(record(mha, x, x, x, attn_mask=~none).calls[0])
    assert "NaN" in text


def test_floats_0_and_1_as_a_mask_are_said_to_take_nothing_out():
    q, ones = random(1, 1, 3, 2), torch.ones(3, 3)
    (text,) = notes_of(call_of(q, q, q, attn_mask=ones.tril()))
    assert "take no pair out" in text
    assert notes_of(call_of(q, q, q, attn_mask=ones * 0)) == []
    assert notes_of(call_of(q, q, q, attn_mask=(1 - ones.tril()) * -9)) == []


def test_dropout_in_training_is_explained():
    mha, x = nn.MultiheadAttention(4, 1, dropout=0.25, batch_first=True), random(1, 3, 4)
    (text,) = notes_of(record(mha, x, x, x).calls[0])
    assert "dropout 0.25" in text
    assert notes_of(record(mha.eval(), x, x, x).calls[0]) == []


def test_the_badge_is_good_where_the_stages_give_what_torch_returned():
    q = random(2, 2, 5, 4).double()
    assert badge(call_of(q, q, q))["kind"] == "good"


def test_a_row_holds_what_the_blocks_hold_only_binned():
    q = random(1, 2, 300, 8)
    found = matrices(call_of(q, q, q, is_causal=True), 0, 1)
    blocks = {name: block(one) for name, one in found.items()}
    sent = row(found, 70, 30, blocks)["rows"]
    assert set(sent) == {"products", "masked", "weights"}
    assert np.array_equal(sent["weights"], found["weights"][70].numpy())
    assert row(found, 70, 30, {"query": block(found["query"])}) == {}


def test_tiles_hold_the_maxima_entropy_and_distance_of_every_head():
    q = random(1, 3, 48, 4)
    made = record(F.scaled_dot_product_attention, q, q, q, is_causal=True)
    (tile,) = tiles(made, 0)
    weights = made.calls[0].weights[0]
    largest = F.max_pool2d(weights, 2)
    expected = (255 * largest / largest.amax((1, 2), keepdim=True)).round()
    assert torch.equal(torch.from_numpy(tile["pictures"]).float(), expected)
    entropy = -(weights * weights.clamp_min(1e-30).log()).sum(-1).mean(-1)
    assert np.allclose(tile["entropy"], entropy, atol=1e-5)
    places = torch.arange(48.0)
    assert np.allclose(tile["distance"], (places - weights @ places).mean(-1), atol=1e-4)


@pytest.mark.parametrize("queries", [4, 2])
def test_cross_attention_has_no_distance(queries):
    made = record(F.scaled_dot_product_attention, random(1, 1, queries, 2), random(1, 1, 3, 2), random(1, 1, 3, 2))
    assert tiles(made, 0)[0]["distance"] is None


def test_the_last_queries_of_a_cached_sequence_have_a_distance():
    keys, mask = random(1, 1, 5, 2), torch.ones(2, 5, dtype=torch.bool).tril(3)
    several = record(F.scaled_dot_product_attention, keys[:, :, 3:], keys, keys, attn_mask=mask)
    assert tiles(several, 0)[0]["distance"] is not None
    one = record(F.scaled_dot_product_attention, keys[:, :, 4:], keys, keys)
    assert tiles(one, 0)[0]["distance"] is not None


def test_the_scene_of_a_finite_mask_colors_scores_and_not_what_the_mask_writes():
    def by_hand(q):
        scores = q @ q.transpose(-2, -1) / 2
        return scores.masked_fill(torch.ones(4, 4).triu(1).bool(), -1e9).softmax(-1) @ q

    made = record(by_hand, random(1, 1, 4, 4))
    found = matrices(made.calls[0], 0, 0)
    shown = scene(made, found, (0, 0, 0), (list("abcd"), list("abcd")), "f", "f")
    assert shown["hidden"] == -1e9
    assert shown["blocks"]["masked"]["max"] < 100


@pytest.mark.parametrize(("bias", "adds"), [(0.0, False), (-0.5, True)])
def test_a_mask_that_also_adds_a_bias_is_told_from_one_that_only_takes_pairs_out(bias, adds):
    mask = torch.full((4, 4), -torch.inf).triu(1) + torch.full((4, 4), bias).tril(-1)
    made = record(F.scaled_dot_product_attention, *[random(1, 1, 4, 4)] * 3, attn_mask=mask)
    shown = scene(made, matrices(made.calls[0], 0, 0), (0, 0, 0), (list("abcd"), list("abcd")), "f", "f")
    assert shown["adds_bias"] is adds


def test_tokens_name_queries_and_keys_of_encoder_and_decoder():
    model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True).eval()
    made = record(model, random(1, 3, 8), random(1, 3, 8))
    names = [call_tokens(one, 0, [list("abc")], [list("xyz")]) for one in made.calls]
    crossing = next(k for k, one in enumerate(made.calls) if "multihead_attn" in one.name)
    assert names[crossing] == (list("abc"), list("xyz"))
    assert names[crossing - 1] == (list("abc"), list("abc"))


def test_positions_without_a_name_have_their_index():
    call = call_of(random(3, 2), random(5, 2), random(5, 2))
    assert call_tokens(call, 0, [], []) == (list("012"), list("01234"))
    assert call_tokens(call, 0, [list("abc")], [list("uvwxy")]) == (list("abc"), list("uvwxy"))
    assert call_tokens(call, 0, [list("abcd")], []) == (list("012"), list("01234"))
    assert call_tokens(call, 0, [list("ab"), list("abc")], []) == (list("ab2"), list("01234"))


def test_names_that_fit_no_sequence_are_refused():
    with pytest.raises(DlvizError, match=r"tokens names 4 positions, but the calls have sequences of 3, 5"):
        check_tokens(token_lists("abcd", "tokens"), "tokens", [3, 5], 1)
    with pytest.raises(DlvizError, match="2 lists, but the batch holds 3"):
        check_tokens([["a"], ["b"]], "tokens", [1], 3)


def test_a_keyword_that_the_module_names_is_the_modules():
    def model(ids, head=None, *, tokens=None): ...

    assert split_options(model, [1], {"head": 1, "tokens": 2, "call": 3}, ["head", "tokens", "call"]) == (
        {"head": 1, "tokens": 2},
        {"call": 3},
    )
    assert split_options(model, [1, 2], {"head": 1}, ["head"]) == ({}, {"head": 1})
    with pytest.raises(TypeError, match="Did you mean tokens"):
        split_options(model, [1], {"toknes": 1}, ["head"])


@pytest.mark.parametrize(
    "entry",
    ["text", [], [0], [0, "scale"], [1, "scale", 0], [0, "scale", 1], [0, "head", 2], [0, "pair", 0, 9], [0, "x", 0]],
    ids=str,
)
def test_an_edit_that_does_not_fit_is_refused(entry):
    with pytest.raises(DlvizError, match="edits: an entry is"):
        check_entries([entry], [(1, 2, 3, 3)])


def test_a_painted_pair_is_flipped_in_the_mask_of_the_head():
    q = random(1, 1, 3, 2)
    made = record(F.scaled_dot_product_attention, q, q, q, is_causal=True)
    edits = edits_of([[0, "pair", 0, 2], [0, "pair", 2, 0]], made, 0, 0)[0]
    expected = torch.ones(3, 3, dtype=torch.bool).tril()
    expected[0, 2], expected[2, 0] = True, False
    assert torch.equal(edits.mask, expected)
