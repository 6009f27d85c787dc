"""Texts are split into words, counted, and turned into training examples."""

import random

import numpy as np
import pytest
import torch

from dlviz.data import sentences
from dlviz.embeddings import cbow, skip_gram, tokenize, vocabulary
from dlviz.embeddings.word2vec.corpus import context_positions, read_corpus


def random_sentences(seed):
    random.seed(seed)
    return [[random.choice("abcdef") for _ in range(random.randint(1, 9))] for _ in range(20)]


def test_words_are_ordered_by_count_and_rare_ones_are_left_out():
    known = vocabulary([["c", "b", "a"], ["b", "a"], ["b"]])
    assert known.words == ("b", "a", "c")
    assert known.counts.tolist() == [3, 2, 1]
    assert [known.ids[word] for word in known.words] == [0, 1, 2]
    assert vocabulary([["c", "b", "a"], ["b", "a"], ["b"]], min_count=2).words == ("b", "a")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("window", [1, 2, 4])
def test_skip_gram_has_every_pair_in_the_window_once_in_each_direction(seed, window):
    sentences = random_sentences(seed)
    known = vocabulary(sentences)
    result = skip_gram(sentences, known, window)
    expected = [
        (known.ids[row[i]], known.ids[row[j]])
        for row in sentences
        for i in range(len(row))
        for j in range(len(row))
        if i != j and abs(i - j) <= window
    ]
    assert list(zip(result.inputs.flatten().tolist(), result.targets.tolist(), strict=True)) == expected


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("window", [1, 3])
def test_cbow_inputs_are_the_neighbors_padded_with_minus_one(seed, window):
    sentences = random_sentences(seed)
    known = vocabulary(sentences)
    result = cbow(sentences, known, window)
    expected = []
    for row in sentences:
        for i, word in enumerate(row):
            around = [known.ids[row[j]] for j in range(len(row)) if j != i and abs(i - j) <= window]
            if around:
                expected.append((around + [-1] * (2 * window - len(around)), known.ids[word]))
    assert list(zip(result.inputs.tolist(), result.targets.tolist(), strict=True)) == expected


def test_words_outside_the_vocabulary_do_not_count_in_the_window():
    known = vocabulary([["a", "b"], ["a", "x", "b"]], min_count=2)
    assert torch.equal(skip_gram([["a", "x", "b"]], known, 1).inputs.flatten(), torch.tensor([0, 1]))


def test_text_in_any_script_is_split_at_characters_that_are_no_letters():
    assert tokenize("Ein schöner Tag, n'est-ce pas? Да! 42") == [
        "ein",
        "schöner",
        "tag",
        "n'est",
        "ce",
        "pas",
        "да",
        "42",
    ]
    assert tokenize("  ") == []


def test_the_longest_known_word_matches_first_and_an_unknown_character_is_a_word():
    assert tokenize("意大利语 好", ["意大利", "意大利语", "语"]) == ["意大利语", "好"]
    assert tokenize("意大利", ["意大利语"]) == ["意", "大", "利"]


@pytest.mark.parametrize(
    ("sentences", "words"),
    [
        (["the cat"], "sentence 0 is a str"),
        ([["a"], [1]], "sentence 1 holds 1, which is of type int"),
        ([["a", "b"], ["c", None]], "sentence 1 holds None, which is of type NoneType"),
        ([1, 2], "sentence 0 is a int"),
        ([b"ab", b"cd"], "sentence 0 is a bytes"),
        ([["a"]], "but 1 do"),
    ],
)
def test_invalid_sentences_are_named_in_the_error(sentences, words):
    with pytest.raises(ValueError, match=words):
        vocabulary(sentences)


def test_a_text_is_split_at_line_ends_and_full_stops_without_empty_sentences():
    result = read_corpus("One two. Three four! Five?\n\n  ...  \nsix seven 3.5 eight\n今天好。明天好。")
    assert list(result.lines) == ["One two.", "Three four!", "Five?", "six seven 3.5 eight", "今天好。", "明天好。"]
    assert result.tokens[3] == ["six", "seven", "3", "5", "eight"]


def test_lists_of_words_and_generated_sentences_are_used_unchanged():
    given = [["a", "b"], ["b"]]
    assert read_corpus(given).tokens is given
    generated = sentences(5)
    corpus = read_corpus(generated)
    assert (corpus.tokens, corpus.lines) == (generated.tokens, generated.lines)


def test_a_script_without_spaces_and_emoji_are_split_into_characters():
    assert tokenize("小猫和 老鼠，Cats 2 go!") == ["小", "猫", "和", "老", "鼠", "cats", "2", "go"]
    assert tokenize("ラーメンとお茶") == ["ラー", "メ", "ン", "と", "お", "茶"]
    assert tokenize("น้ำที่") == ["น้", "ำ", "ที่"]
    assert tokenize("so 😀😀👍🏽 👩‍👧 🇩🇪🇫🇷❤️ ok") == ["so", "😀", "😀", "👍🏽", "👩‍👧", "🇩🇪", "🇫🇷", "❤️", "ok"]
    assert tokenize("한국어 문장") == ["한국어", "문장"]


def test_a_corpus_says_whether_most_words_are_characters():
    assert read_corpus("小猫和老鼠。大狗追小猫。").by_character
    assert read_corpus("😀😃😀😂").by_character
    assert not read_corpus("I like it 😀. He likes 猫.").by_character
    assert not read_corpus([["小猫", "和", "老鼠"]]).by_character


@pytest.mark.parametrize("form", [list, tuple, iter, np.array, lambda lines: dict(enumerate(lines)).values()])
def test_texts_in_a_list_an_array_or_a_column_are_split_into_sentences(form):
    result = read_corpus(form(["One two. Three four!", "Five six"]))
    assert result.tokens == [["one", "two"], ["three", "four"], ["five", "six"]]
    assert list(result.lines) == ["One two.", "Three four!", "Five six"]
    assert read_corpus(form(["小猫", "大狗"])).tokens == [["小", "猫"], ["大", "狗"]]


@pytest.mark.parametrize(
    "sentences",
    [
        np.array([["a", "b"], ["b", "c"]]),
        (np.array(["a", "b"]), np.array(["b", "c"])),
        iter([["a", "b"], ("b", "c")]),
        [iter("ab"), iter("bc")],
        [["a", "b"], np.array(["b", "c"])],
    ],
)
def test_words_in_arrays_and_iterators_are_used_unchanged(sentences):
    result = read_corpus(sentences)
    assert [list(sentence) for sentence in result.tokens] == [["a", "b"], ["b", "c"]]
    assert vocabulary(result.tokens).words == ("b", "a", "c")


@pytest.mark.parametrize("window", [1, 3])
def test_every_example_has_its_positions_in_the_sentence(window):
    given = [["x", "a", "b", "a"], ["b", "x", "c", "a"], ["c"]]
    known = vocabulary(given, min_count=2)
    for make in (skip_gram, cbow):
        result = make(given, known, window)
        for inputs, target, (at, middle, place) in zip(
            result.inputs.tolist(), result.targets.tolist(), result.positions.tolist(), strict=True
        ):
            near = [known.ids[given[at][k]] for k in context_positions(given[at], known, middle, window)]
            assert known.words[target] == given[at][place]
            if make is cbow:
                assert (place, sorted(row for row in inputs if row >= 0)) == (middle, sorted(near))
            else:
                assert known.words[inputs[0]] == given[at][middle]
                assert place in context_positions(given[at], known, middle, window)
