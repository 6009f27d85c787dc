"""Masks of all kinds: what they let through, how they were given, and what becomes of a row that they leave nothing."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlviz.kit.messages import message
from dlviz.transformer import record
from dlviz.transformer.attention_call import MASK_SOURCES, is_causal

LATER = torch.ones(3, 3, dtype=torch.bool).triu(1)
ADDED = torch.zeros(3, 3).masked_fill(LATER, -torch.inf)
PADDED = torch.tensor([[False, False, True], [False, False, False]])


def multihead(**kwargs):
    x = torch.randn(2, 3, 4)
    (call,) = record(nn.MultiheadAttention(4, 2, batch_first=True), x, x, x, **kwargs).calls
    return call


def sdpa(**kwargs):
    x = torch.randn(2, 2, 3, 4)
    (call,) = record(F.scaled_dot_product_attention, x, x, x, **kwargs).calls
    return call


def by_hand(masked):
    x = torch.randn(2, 2, 3, 4).double()
    (call,) = record(lambda x: masked(x @ x.transpose(-2, -1)).softmax(-1) @ x, x).calls
    return call


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    ("kwargs", "source", "dtype"),
    [
        ({"attn_mask": LATER}, "drop", torch.bool),
        ({"attn_mask": LATER, "is_causal": True}, "drop", torch.bool),
        ({"attn_mask": ADDED}, "added", torch.float),
        ({"key_padding_mask": PADDED}, "padding", torch.bool),
        ({"key_padding_mask": torch.zeros(2, 3)}, "padding_added", torch.float),
        ({"attn_mask": LATER, "key_padding_mask": PADDED}, "drop+padding", torch.bool),
    ],
    ids=["bool", "hint", "float", "padding", "float padding", "both"],
)
def test_a_mask_of_multihead_attention_is_named_as_it_was_given(kwargs, source, dtype, need_weights):
    call = multihead(**kwargs, need_weights=need_weights)
    assert call.mask_source == source
    assert call.mask.dtype == dtype  # although torch's module turns a boolean mask into a float one
    assert call.is_causal == ("attn_mask" in kwargs and "key_padding_mask" not in kwargs)
    assert call.max_error < 1e-6


def test_the_two_conventions_of_boolean_masks_are_opposite():
    dropped, kept = multihead(attn_mask=LATER), sdpa(attn_mask=LATER)
    assert (dropped.mask_source, kept.mask_source) == ("drop", "keep")
    assert torch.equal(dropped.mask, ~LATER)
    assert torch.equal(kept.mask[0, 0], LATER)
    assert (dropped.weights[..., LATER] == 0).all()
    assert (kept.weights[..., :2, :].masked_select(~LATER[:2]) == 0).all()


@pytest.mark.parametrize(
    "kwargs", [{"is_causal": True}, {"attn_mask": ~LATER}, {"attn_mask": ADDED}], ids=["flag", "bool", "float"]
)
def test_a_causal_mask_is_recognized_however_it_was_given(kwargs):
    assert sdpa(**kwargs).is_causal


@pytest.mark.parametrize(
    "masked",
    [
        lambda s: s.masked_fill(LATER, -torch.inf),
        lambda s: torch.masked_fill(input=s, mask=LATER, value=float("-inf")),
        lambda s: s.masked_fill(LATER, -1e9),
        lambda s: s + ADDED,
        lambda s: ADDED + s,
        lambda s: s + -1e9 * LATER,
        lambda s: s - 1e9 * LATER.float(),
        lambda s: torch.where(LATER, -torch.inf, s),
        lambda s: torch.where(~LATER, s, torch.tensor(-torch.inf)),
        lambda s: s.where(~LATER, -torch.inf),
        lambda s: s.clone().add(ADDED).view(4, 3, 3).view(2, 2, 3, 3),
        lambda s: (s - s.amax(-1, keepdim=True)).masked_fill(LATER, -torch.inf),
    ],
    ids=lambda _: "",
)
def test_a_mask_written_by_hand_is_recognized(masked):
    call = by_hand(masked)
    assert call.is_causal
    assert call.mask_source in ("filled", "added")
    assert (call.weights[..., LATER] == 0).all()
    assert call.max_error < 1e-6


def test_every_source_is_named_in_words():
    assert all(message(f"transformer.mask_source.{source}") for source in MASK_SOURCES)


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (lambda: multihead(attn_mask=torch.tensor([[True] * 3, [False] * 3, [False] * 3])), "nan"),
        (lambda: multihead(attn_mask=torch.tensor([[True] * 3, [False] * 3, [False] * 3]), need_weights=False), "zero"),
        (lambda: sdpa(attn_mask=torch.tensor([[False] * 3, [True] * 3, [True] * 3])), "zero"),
        (lambda: by_hand(lambda s: s.masked_fill(torch.tensor([[True], [False], [False]]), -torch.inf)), "nan"),
        (lambda: by_hand(lambda s: s.masked_fill(torch.tensor([[True], [False], [False]]), -1e9)), "average"),
        (lambda: by_hand(lambda s: s - 1e9 * torch.tensor([[1.0], [0.0], [0.0]]).expand(3, 3)), "finite"),
    ],
    ids=[
        "multihead",
        "multihead without weights",
        "sdpa",
        "by hand",
        "by hand with a finite number",
        "by hand with a finite sum",
    ],
)
def test_a_row_without_any_key_is_found_and_what_torch_returned_for_it(make, result):
    call = make()
    assert call.dead_rows.tolist() == [[[True, False, False]] * 2] * 2
    assert call.dead_result == result
    row = call.weights[:, :, 0]
    if result == "finite":
        assert torch.allclose(row, call.scores[:, :, 0].softmax(-1), atol=1e-6)
    else:
        expected = torch.full_like(row, {"nan": torch.nan, "zero": 0.0, "average": 1 / 3}[result])
        assert torch.allclose(row, expected, equal_nan=True)
    assert call.max_error < 1e-6


def test_without_a_mask_no_row_is_dead():
    call = sdpa()
    assert not call.dead_rows.any()
    assert (call.dead_result, call.mask_source) == ("", "")


def test_in_generation_with_a_cache_the_queries_are_the_last_positions():
    assert is_causal(torch.ones(2, 5, dtype=torch.bool).tril(3), 2, 5)
    assert not is_causal(torch.ones(2, 5, dtype=torch.bool).tril(), 2, 5)


@pytest.mark.parametrize("own", [True, False])
def test_boolean_masks_of_a_transformer_are_followed_to_its_attention(own):
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, enable_nested_tensor=False)
    mask = LATER if own else ADDED
    found = record(model, torch.randn(2, 3, 4), mask=mask)
    assert [call.mask_source for call in found.calls] == ["drop" if own else "added"] * 2


def test_a_causal_hint_that_contradicts_the_mask_is_what_torch_follows():
    call = multihead(attn_mask=LATER.T.contiguous(), is_causal=True, need_weights=False)
    assert call.mask_source == "causal"
    assert call.is_causal
    assert call.max_error < 1e-6


def test_masks_written_one_after_another_are_one_mask():
    call = by_hand(lambda s: s.masked_fill(LATER, -torch.inf).masked_fill(PADDED[:, None, None], -torch.inf))
    expected = ~LATER & ~PADDED[:, None, None]
    assert torch.equal(call.mask.expand(call.shape), expected.expand(call.shape))
    mixed = by_hand(lambda s: (s + ADDED).masked_fill(PADDED[:, None, None], -torch.inf))
    assert torch.equal(mixed.mask.isfinite().expand(call.shape), expected.expand(call.shape))
    assert (call.mask_source, mixed.mask_source) == ("filled", "added+filled")
    assert max(call.max_error, mixed.max_error) <= 1e-12


def test_what_fills_the_scores_is_scaled_with_them():
    call = by_hand(lambda s: s.masked_fill(LATER, -3.0) / 2)
    assert (call.scale, call.fill) == (0.5, -1.5)
    assert call.max_error <= 1e-12
    assert (call.masked_scores[..., LATER] == -1.5).all()
