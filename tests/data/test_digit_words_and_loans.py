"""Typed words for digits, and applicants of two groups: both follow their rules and their seed."""

import pytest
import torch

from dlviz.data import digit_words, digits, loans
from dlviz.kit.errors import DlvizError

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize("split", [None, "train", "test"])
def test_every_image_keeps_its_digit_and_its_word_in_every_split(split):
    made, (images, labels) = digit_words(split), digits(split)
    assert torch.equal(made.images, images)
    assert torch.equal(made.labels, labels)
    whole = digit_words()
    places = {image.numpy().tobytes(): word for image, word in zip(whole.images, whole.words, strict=True)}
    assert [places[image.numpy().tobytes()] for image in images] == list(made.words)


def test_ids_spell_the_words_and_end_with_zeros():
    made = digit_words("test")
    assert made.ids.shape == (359, 10)
    for word, row in zip(made.words, made.ids.tolist(), strict=True):
        assert [made.characters[i] for i in row] == [*word, *["<pad>"] * (10 - len(word))]


def test_without_typos_the_words_are_right_and_with_typos_each_letter_is_wrong_as_often_as_asked():
    clean = digit_words(typos=0)
    assert list(clean.words) == [WORDS[y] for y in clean.labels.tolist()]
    made = digit_words(typos=0.3)
    ones = [word for word, y in zip(made.words, made.labels.tolist(), strict=True) if len(WORDS[y]) == 3]
    kept = sum(word in WORDS for word in ones) / len(ones)
    assert kept == pytest.approx(
        (1 - 0.3 * (1 - 1 / 78)) ** 3, abs=0.05
    )  # one letter in 78 errors is replaced by itself
    lengths = [len(word) for word in digit_words(typos=1).words]
    assert sum(lengths) / len(lengths) == pytest.approx(4.0, abs=0.1)  # as many left out as doubled
    assert digit_words(seed=1).words != made.words == digit_words(seed=0, typos=0.3).words


def test_groups_have_their_base_rates_and_features_say_the_same_about_both():
    data = loans(40_000, base_rates=(0.8, 0.3), separation=1.5)
    assert data.group.bincount().tolist() == [20_000, 20_000]
    for g, rate in enumerate((0.8, 0.3)):
        assert data.repaid[data.group == g].float().mean().item() == pytest.approx(rate, abs=0.02)
        for y in (0, 1):
            x = data.x[(data.group == g) & (data.repaid == y)]
            assert torch.allclose(x.mean(0), torch.tensor(0.75 if y else -0.75), atol=0.05)
            assert torch.allclose(x.std(0), torch.ones(2), atol=0.03)


def test_the_probability_is_calibrated_in_each_group():
    data = loans(100_000)
    for g in (0, 1):
        for low in (0.2, 0.5, 0.7):
            rows = (data.group == g) & (data.probability > low) & (data.probability < low + 0.1)
            assert data.repaid[rows].float().mean().item() == pytest.approx(
                data.probability[rows].mean().item(), abs=0.03
            )


def test_the_seed_decides():
    assert torch.equal(loans(50).x, loans(50).x)
    assert not torch.equal(loans(50).x, loans(50, seed=1).x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: digit_words("all"), "digit_words: split must be"),
        (lambda: digit_words(typos=1.5), "digit_words: typos must be a probability from 0 to 1, but got 1.5"),
        (lambda: loans(1), "loans: n must be a whole number, 2 or more"),
        (lambda: loans(9, base_rates=(0.5, 1)), r"loans: base_rates must be two probabilities .* but got \(0.5, 1\)"),
        (lambda: loans(9, base_rates=0.5), "loans: base_rates must be two probabilities"),
        (lambda: loans(9, separation=-1), "loans: separation must be a number, 0 or more, but got -1"),
    ],
    ids=["split", "typos", "n", "certain", "one rate", "separation"],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(DlvizError, match=words):
        call()
