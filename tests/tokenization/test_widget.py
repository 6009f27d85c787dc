"""`dlviz.bpe` from Python: every step is the encoder's own, long texts are cropped, bad arguments are named."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.tokenization import BytePairEncoder, record
from dlviz.tokenization.corpus import WORD
from dlviz.tokenization.scene import cut_text

TEXT = "low low low lower newest newest widest, naïve naïve 你好 你好"


@pytest.mark.parametrize("text", [TEXT, "aaaa aaa aa aaaaaaa a", "x", "\ud800 \x00"])
def test_the_text_is_cut_at_every_step_as_the_encoder_cuts_it(text):
    found = record(text, 30)
    for step in range(len(found.encoder.merges) + 1):
        tokens = cut_text(found, step)
        assert tokens == found.encoder.first(step).tokens(text)
        assert len(tokens) == found.sizes[step]


def test_candidates_are_the_counts_of_the_corpus_and_ties_are_counted():
    found = record(TEXT, 20)
    for step in range(len(found.encoder.merges) + 1):
        encoder = found.encoder.first(step)
        pairs: Counter = Counter()
        for word in WORD.findall(TEXT):
            ids = encoder.encode(word)
            pairs.update(pairwise(ids))
        expected = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        assert [((p.left, p.right), p.count) for p in found.candidates[step]] == expected[:8]
        if expected:
            assert found.ties[step] == sum(count == expected[0][1] for _, count in expected)
        if step < len(found.encoder.merges):
            first = found.candidates[step][0]
            assert (first.left, first.right) == found.encoder.merges[step][:2]
    assert found.is_done


def test_the_scene_holds_the_merges_and_the_bytes_of_the_text():
    view = dlviz.bpe(TEXT, 8)
    merges = np.frombuffer(view.scene["merges"], "int32").reshape(-1, 3)
    assert [tuple(row) for row in merges] == [tuple(merge) for merge in view.encoder.merges]
    assert bytes(view.scene["bytes"]).decode() == TEXT
    assert view.scene["names"][:3] == ["!", '"', "#"]
    assert len(view.scene["names"]) == 256 + 8


def test_tokens_ids_and_merges_follow_the_step():
    view = dlviz.bpe(TEXT, 8, typed="lowest é")
    assert view.ids == BytePairEncoder.train(TEXT, 0).encode("lowest é")
    assert len(view.tokens) == len(TEXT.encode())
    view.step = 8
    assert view.ids == view.encoder.encode("lowest é")
    assert b"".join(view.tokens).decode() == TEXT
    assert view.merges[0] == ("l", "o")
    view.step = 99
    assert view.ids == view.encoder.encode("lowest é")


def test_a_vocabulary_size_counts_the_bytes():
    assert dlviz.bpe(TEXT, vocab_size=260).encoder == dlviz.bpe(TEXT, 4).encoder
    assert len(dlviz.bpe(TEXT, vocab_size=256).encoder.merges) == 0


def test_a_long_text_is_cropped_with_a_note_and_counted_whole():
    text = "the newest widest tower " * 2000
    view = dlviz.bpe(text, 5)
    assert len(view.data.shown) <= 1200
    assert "of 48,000 characters" in view.scene["notes"][0]["text"]
    assert view.data.candidates[0][0].count >= 2000
    assert view.data.sizes[0] == len(text)


def test_the_repr_and_the_still_say_what_is_drawn():
    view = dlviz.bpe(TEXT, 3, step=2)
    assert repr(view) == f"dlviz.bpe({len(TEXT)} characters, 3 merges: {view.data.sizes[-1]} tokens)"
    for step in (0, 2, 99):
        view.step = step
        assert "low" in view._still()
    view.close()
    assert repr(view) == "dlviz.bpe(closed)"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: dlviz.bpe(3), "text must be a str with at least one character, but got int"),
        (lambda: dlviz.bpe(""), "but got ''"),
        (lambda: dlviz.bpe(TEXT, -1), "merges must be a whole number from 0 to 2000, but got -1"),
        (lambda: dlviz.bpe(TEXT, 2.5), "but got 2.5"),
        (lambda: dlviz.bpe(TEXT, vocab_size=100), "vocab_size must be a whole number from 256 to 2256"),
        (lambda: dlviz.bpe(TEXT, 3, vocab_size=300), "pass one of them"),
        (lambda: dlviz.bpe(TEXT, min_count=0), "min_count must be"),
        (lambda: dlviz.bpe(TEXT, typed=3), "typed must be a text"),
    ],
)
def test_a_bad_argument_is_named(call, text):
    with pytest.raises(DlvizError) as refused:
        call()
    assert text in str(refused.value)


def test_an_unknown_argument_is_told_with_those_that_there_are():
    with pytest.raises(TypeError, match=r"no such argument: size.*It takes text, merges, vocab_size, min_count"):
        dlviz.bpe(TEXT, size=300)


def test_one_is_counted_in_the_singular():
    assert repr(dlviz.bpe("a")) == "dlviz.bpe(1 character, 0 merges: 1 token)"
    assert dlviz.bpe("abab", 1).scene["signature"] == "4 characters · 1 merge"
