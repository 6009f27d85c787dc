"""Text becomes words, numbers and examples, none lost and none invented."""

import random

import pytest
import torch

from dlviz.data import sentences
from dlviz.embeddings import cbow, skip_gram, tokenize, vocabulary
from dlviz.embeddings.word2vec.corpus import context_positions, read_corpus


def drawn(seed):
    random.seed(seed)
    return [[random.choice("abcdef") for _ in range(random.randint(1, 9))] for _ in range(20)]


def test_words_come_by_how_often_they_occur_and_rare_ones_go():
    known = vocabulary([["c", "b", "a"], ["b", "a"], ["b"]])
    assert known.words == ("b", "a", "c")
    assert known.counts.tolist() == [3, 2, 1]
    assert [known.ids[word] for word in known.words] == [0, 1, 2]
    assert vocabulary([["c", "b", "a"], ["b", "a"], ["b"]], min_count=2).words == ("b", "a")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("window", [1, 2, 4])
def test_skip_gram_has_every_pair_within_the_window_once_in_each_direction(seed, window):
    sentences = drawn(seed)
    known = vocabulary(sentences)
    found = skip_gram(sentences, known, window)
    expected = [
        (known.ids[row[i]], known.ids[row[j]])
        for row in sentences
        for i in range(len(row))
        for j in range(len(row))
        if i != j and abs(i - j) <= window
    ]
    assert list(zip(found.inputs.flatten().tolist(), found.targets.tolist(), strict=True)) == expected


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("window", [1, 3])
def test_cbow_knows_the_neighbors_of_each_word_and_pads_with_minus_one(seed, window):
    sentences = drawn(seed)
    known = vocabulary(sentences)
    found = cbow(sentences, known, window)
    expected = []
    for row in sentences:
        for i, word in enumerate(row):
            around = [known.ids[row[j]] for j in range(len(row)) if j != i and abs(i - j) <= window]
            if around:
                expected.append((around + [-1] * (2 * window - len(around)), known.ids[word]))
    assert list(zip(found.inputs.tolist(), found.targets.tolist(), strict=True)) == expected


def test_words_left_out_of_the_vocabulary_leave_no_hole():
    known = vocabulary([["a", "b"], ["a", "x", "b"]], min_count=2)
    assert torch.equal(skip_gram([["a", "x", "b"]], known, 1).inputs.flatten(), torch.tensor([0, 1]))


def test_any_script_is_cut_at_what_is_no_letter():
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


def test_the_longest_known_word_is_taken_first_and_an_unknown_character_is_a_word():
    assert tokenize("意大利语 好", ["意大利", "意大利语", "语"]) == ["意大利语", "好"]
    assert tokenize("意大利", ["意大利语"]) == ["意", "大", "利"]


@pytest.mark.parametrize(
    ("sentences", "words"), [(["the cat"], "sentence 0 is a str"), ([["a"], [1]], "sentence 1"), ([["a"]], "but 1 do")]
)
def test_what_is_no_list_of_words_is_named(sentences, words):
    with pytest.raises(ValueError, match=words):
        vocabulary(sentences)


def test_a_text_is_cut_at_line_ends_and_full_stops_and_empty_lines_are_no_sentences():
    found = read_corpus("One two. Three four! Five?\n\n  ...  \nsix seven 3.5 eight\n今天好。明天好。")
    assert list(found.lines) == ["One two.", "Three four!", "Five?", "six seven 3.5 eight", "今天好。", "明天好。"]
    assert found.tokens[3] == ["six", "seven", "3", "5", "eight"]


def test_words_and_drawn_sentences_are_taken_as_they_are():
    given = [["a", "b"], ["b"]]
    assert read_corpus(given).tokens is given
    drawn = sentences(5)
    assert (read_corpus(drawn).tokens, read_corpus(drawn).lines) == (drawn.tokens, drawn.lines)


@pytest.mark.parametrize("window", [1, 3])
def test_every_example_knows_where_it_stands(window):
    given = [["x", "a", "b", "a"], ["b", "x", "c", "a"], ["c"]]
    known = vocabulary(given, min_count=2)
    for make in (skip_gram, cbow):
        found = make(given, known, window)
        for inputs, target, (at, middle, place) in zip(
            found.inputs.tolist(), found.targets.tolist(), found.positions.tolist(), strict=True
        ):
            near = [known.ids[given[at][k]] for k in context_positions(given[at], known, middle, window)]
            assert known.words[target] == given[at][place]
            if make is cbow:
                assert (place, sorted(row for row in inputs if row >= 0)) == (middle, sorted(near))
            else:
                assert known.words[inputs[0]] == given[at][middle]
                assert place in context_positions(given[at], known, middle, window)
