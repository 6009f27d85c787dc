"""A character tokenizer gives sorted characters their places as ids, and back."""

import numpy as np
import pytest
import torch

from dlviz.data import CharTokenizer
from dlviz.kit.errors import DlvizError


@pytest.mark.parametrize("text", ["hello", "a", "Müller\n龍 ☃\U0001f600", "".join(map(chr, range(32, 400)))])
def test_ids_are_places_among_the_sorted_characters_and_decode_to_the_text(text):
    tokenizer = CharTokenizer(text)
    ids = tokenizer.encode(text)
    assert list(tokenizer.symbols) == sorted(set(text))
    assert (len(tokenizer), ids.dtype, ids.shape) == (len(set(text)), torch.int64, (len(text),))
    assert [tokenizer.symbols[i] for i in ids.tolist()] == list(text)
    for given in (
        ids,
        ids.tolist(),
        ids.numpy(),
        tuple(ids.tolist()),
        ids.to(torch.uint8 if len(text) < 9 else torch.int32),
    ):
        assert tokenizer.decode(given) == text


def test_an_empty_text_has_no_ids_and_one_id_is_one_character():
    tokenizer = CharTokenizer("ab")
    assert tokenizer.encode("").shape == (0,)
    assert tokenizer.decode([]) == tokenizer.decode(torch.empty(0, dtype=torch.long)) == ""
    assert tokenizer.decode(1) == tokenizer.decode(torch.tensor(1)) == tokenizer.decode(np.int64(1)) == "b"
    assert repr(tokenizer) == "CharTokenizer(2 symbols: 'ab')"


def test_an_unknown_character_is_named_with_its_place():
    with pytest.raises(DlvizError, match=r"the character 'é' \(at index 1\) .*unknown are 'é' 'ö'"):
        CharTokenizer("hallo").encode("hélö")


@pytest.mark.parametrize(
    "ids", [1.5, "x", None, [[0]], [True], ["a"], [0.0], [[0], [0, 1]], torch.tensor([[0]]), [None], {}]
)
def test_ids_that_are_not_whole_numbers_in_one_dimension_are_refused(ids):
    with pytest.raises(DlvizError, match="ids must be whole numbers in one dimension"):
        CharTokenizer("ab").decode(ids)


@pytest.mark.parametrize("ids", [[2], [-1], [0, 1, 10**12]])
def test_an_id_that_no_character_has_is_refused(ids):
    with pytest.raises(DlvizError, match=rf"ids must be from 0 to 1, but got {ids[-1]}"):
        CharTokenizer("ab").decode(ids)


@pytest.mark.parametrize("text", ["", None, 3, ["a"], b"ab", torch.zeros(2)])
def test_only_a_text_makes_a_tokenizer(text):
    with pytest.raises(DlvizError, match="text must be a string"):
        CharTokenizer(text)
    if text != "":
        with pytest.raises(DlvizError, match="text must be a string"):
            CharTokenizer("ab").encode(text)
