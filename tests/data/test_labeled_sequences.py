"""Reversals, named entities and sentiment follow their rules, their grammar and their seed."""

import re
from collections import defaultdict

import numpy as np
import pytest
import torch

from dlviz.data import named_entities, reversal, sentiment
from dlviz.kit.errors import DlvizError

CALLS = pytest.mark.parametrize("call", [reversal, named_entities, sentiment])
GOOD = {"great", "lovely", "strong", "superb"}
BAD = {"awful", "dull", "weak", "poor"}


@pytest.mark.parametrize(("n", "length", "symbols"), [(1, 1, 2), (50, 8, 10), (3, 30, 2)])
def test_a_reversal_reads_from_the_end_and_symbols_are_uniform(n, length, symbols):
    x, y = reversal(n, length=length, symbols=symbols)
    assert (x.shape, y.shape, x.dtype, y.dtype) == ((n, length), (n, length), torch.int64, torch.int64)
    assert torch.equal(y, torch.stack([x[:, length - 1 - t] for t in range(length)], 1))
    many = reversal(4000, length=5, symbols=symbols).x
    counts = torch.stack([(many == k).float().mean(0) for k in range(symbols)])
    assert torch.allclose(counts, torch.tensor(1 / symbols), atol=0.03)


def test_an_entity_begins_with_b_and_goes_on_with_i_of_the_same_kind():
    data = named_entities(3000)
    assert data.classes == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
    for tags in data.tags:
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert not tag.startswith("I") or before[1:] == tag[1:]
    assert {tag for tags in data.tags for tag in tags} == set(data.classes)


def test_ids_and_labels_are_the_words_and_tags_and_padding_is_ignored():
    data = named_entities(300)
    ids, labels = data
    for words, tags, row, given in zip(data.tokens, data.tags, ids, labels, strict=True):
        n = len(words)
        assert [data.words[i] for i in row.tolist()] == [*words, *["<pad>"] * (ids.shape[1] - n)]
        assert [data.classes[i] for i in given[:n].tolist()] == tags
        assert (given[n:] == -100).all()
    assert torch.equal(labels == -100, ids == 0)
    assert ids[:, -1].any()  # as long as the longest sentence


def test_every_second_entity_is_ambiguous_and_ambiguous_words_have_two_kinds():
    data = named_entities(5000)
    kinds = defaultdict(set)
    entities = 0
    for words, tags in zip(data.tokens, data.tags, strict=True):
        for word, tag in zip(words, tags, strict=True):
            entities += tag.startswith("B")
            kinds[word].add(tag)
    ambiguous = [word for word, found in kinds.items() if len(found) > 1]
    assert sorted(ambiguous) == list(data.ambiguous)
    count = sum(word in data.ambiguous for words in data.tokens for word in words)
    assert count / entities == pytest.approx(0.5, abs=0.03)


def test_the_same_words_in_another_order_have_other_tags():
    data = named_entities(20_000)
    found = {tuple(words): tags for words, tags in zip(data.tokens, data.tags, strict=True)}
    visits = [words for words in found if words[1:] == ("visited", words[2], "last", "year")]
    swapped = [(c, b, a, *rest) for a, b, c, *rest in visits if a != c and (c, b, a, *rest) in found]
    assert len(swapped) > 10
    assert all(found[words] == ["B-PER", "O", "B-LOC", "O", "O"] for words in swapped)


def decides(text):
    """Return the label by rules of its own: the last word of feeling, or the first before "although", turned by a negation."""
    words = text.partition(" although ")[0].split()
    feeling = next(word for word in reversed(words) if word in GOOD | BAD)
    return int((feeling in GOOD) != bool(re.search(r"\b(not|nobody)\b", text)))


def test_the_label_is_what_the_sentence_says():
    data = sentiment(3000)
    assert [decides(" ".join(words)) for words in data.tokens] == data.labels.tolist()
    assert data.labels.float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert {kind: round(data.kinds.count(kind) / 3000, 1) for kind in set(data.kinds)} == dict.fromkeys(
        ("plain", "negated", "contrast"), 0.3
    )


def test_a_contrast_has_a_word_of_each_feeling_and_other_reviews_only_one_word():
    data = sentiment(1000)
    for words, kind in zip(data.tokens, data.kinds, strict=True):
        counts = len(GOOD & set(words)), len(BAD & set(words))
        assert sorted(counts) == ([1, 1] if kind == "contrast" else [0, 1])


def test_contrasts_with_the_same_words_come_with_both_labels():
    data = sentiment(20_000)
    labels = defaultdict(set)
    for words, label, kind in zip(data.tokens, data.labels.tolist(), data.kinds, strict=True):
        if kind == "contrast" and "but" in words:
            labels[tuple(sorted(words))].add(label)
    both = sum(len(found) == 2 for found in labels.values())
    assert both / len(labels) > 0.5  # the others were drawn once only


def test_the_ids_of_a_review_are_its_words():
    data = sentiment(200)
    for words, row in zip(data.tokens, data.ids.tolist(), strict=True):
        assert [data.words[i] for i in row] == [*words, *["<pad>"] * (len(row) - len(words))]
    assert {word for words in sentiment(3000).tokens for word in words} == set(data.words) - {"<pad>"}


@CALLS
def test_a_seed_is_reproducible_and_no_global_generator_is_used(call):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = call(40, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, call(np.int64(40), seed=np.int64(5)), strict=True))
    assert not torch.equal(next(iter(call(40, seed=6)))[:, :3], next(iter(first))[:, :3])


@CALLS
def test_tensors_are_on_the_requested_device_and_the_repr_shows_shapes(call):
    data = call(9, device="meta")
    assert {part.device.type for part in data} == {"meta"}
    shape = tuple(next(iter(data)).shape)
    assert f"{shape} int64" in repr(data)


@CALLS
@pytest.mark.parametrize(
    ("kw", "words"), [({"n": 0}, "n must be a whole"), ({"n": 2.5}, "n must be"), ({"seed": 1.5}, "seed")]
)
def test_an_invalid_argument_is_named(call, kw, words):
    with pytest.raises(DlvizError, match=rf"^{call.__name__}: {words}"):
        call(**{"n": 4, **kw})


@pytest.mark.parametrize(
    ("kw", "words"), [({"length": 0}, "length"), ({"symbols": 1}, "symbols"), ({"symbols": "3"}, "symbols")]
)
def test_an_invalid_size_of_a_reversal_is_named(kw, words):
    with pytest.raises(DlvizError, match=f"^reversal: {words} must be a whole number"):
        reversal(4, **kw)
