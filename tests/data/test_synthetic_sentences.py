"""Sentences follow the grammar: relations, words, lines of text."""

import pytest
import torch

from dlviz.data import sentences
from dlviz.embeddings import tokenize

LANGUAGES = ("en", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_has_one_word_of_one_pair_and_only_words_of_the_grammar(language):
    drawn = sentences(2000, language=language)
    paired = {word for pairs in drawn.relations.values() for pair in pairs for word in pair}
    for sentence in drawn.tokens:
        assert len(paired & set(sentence)) == 1
        assert set(sentence) <= set(drawn.words)
    assert set(drawn.words) == {word for sentence in drawn.tokens for word in sentence}
    assert 200 <= len(drawn.words) <= 250


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_relations_are_kinship_capitals_animals_and_food_with_eight_pairs_each(language):
    drawn = sentences(1, language=language)
    assert list(drawn.relations) == ["kinship", "capitals", "animals", "food"]
    words = [word for pairs in drawn.relations.values() for pair in pairs for word in pair]
    assert {len(pairs) for pairs in drawn.relations.values()} == {8}
    assert len(set(words)) == len(words) == 64


def test_an_analogy_is_two_pairs_of_one_relation_in_every_order():
    drawn = sentences(1)
    assert (
        "man",
        "king",
        "woman",
        "queen",
    ) not in drawn.analogies  # the relation is the pair's, from first to second word
    assert ("man", "woman", "king", "queen") in drawn.analogies
    assert ("woman", "man", "queen", "king") in drawn.analogies
    assert ("france", "paris", "italy", "rome") in drawn.analogies
    assert len(set(drawn.analogies)) == len(drawn.analogies) == 4 * 8 * 7 * 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_split_into_words_are_the_tokens(language):
    drawn = sentences(2000, language=language)
    known = drawn.words if language == "zh" else None
    assert [tokenize(line, known) for line in drawn.lines] == drawn.tokens
    assert any(" " in line for line in drawn.lines) == (language == "en")


def test_words_of_a_pair_share_their_things_and_differ_in_their_patterns():
    drawn = sentences(20_000)
    around = {word: set() for word in ("king", "queen", "father", "mother")}
    for sentence in drawn.tokens:
        for word in around.keys() & set(sentence):
            around[word] |= set(sentence)
    assert {"crown", "throne", "palace"} <= around["king"] & around["queen"]
    assert not {"crown", "throne", "palace"} & (around["father"] | around["mother"])
    assert {"his", "beard"} <= around["king"] & around["father"]
    assert not {"his", "beard"} & (around["queen"] | around["mother"])


def test_pairs_words_and_sides_come_about_equally_often():
    drawn = sentences(20_000)
    for pairs in drawn.relations.values():
        for pair in pairs:
            for word in pair:
                count = sum(word in sentence for sentence in drawn.tokens)
                assert abs(count - 20_000 / 64) < 5 * (20_000 / 64) ** 0.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_seed_is_reproducible_and_does_not_use_torchs_global_generator(language):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = sentences(50, language=language, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    torch.set_default_dtype(torch.float64)
    try:
        assert sentences(50, language=language, seed=5).tokens == first.tokens
    finally:
        torch.set_default_dtype(torch.float32)
    assert sentences(50, language=language, seed=6).tokens != first.tokens


def test_the_repr_shows_the_counts_and_sentences_unpack():
    drawn = sentences(30)
    tokens, relations = drawn
    assert tokens is drawn.tokens
    assert relations is drawn.relations
    assert repr(drawn) == "Sentences(30 sentences of 222 words: kinship, capitals, animals, food)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n must be a whole number"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"n": 5, "language": "fr"}, "language must be one of 'en', 'zh', but got 'fr'"),
        ({"n": 5, "language": None}, "but got None"),
        ({"n": 5, "seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_an_invalid_argument_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        sentences(**arguments)
