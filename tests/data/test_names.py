"""The names are sorted, unique, spelled consistently, and split evenly."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import torch

from dlviz.data import names

FIRST = ("Najjar", "Romão", "Athanasopoulos", "Valaoritis", "Andrade")


def plain(name):
    """Return the sort key of a name: its letters without diacritics."""
    folded = name.casefold().replace("ı", "i").replace("ł", "l")
    return "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c)), name


def by_language():
    found, labels, languages = names()
    return {
        language: [name for name, label in zip(found, labels.tolist(), strict=True) if label == k]
        for k, language in enumerate(languages)
    }


def test_each_of_sixteen_languages_has_equally_many_names():
    found, labels, languages = names()
    assert len(languages) == 16
    assert list(languages) == sorted(languages)
    assert (labels.shape, labels.dtype, len(found)) == ((3600,), torch.int64, 3600)
    assert labels.bincount().tolist() == [225] * 16


def test_names_of_a_language_are_sorted_and_unique():
    for found in by_language().values():
        assert found == sorted(found, key=plain)
        assert len({name.casefold() for name in found}) == len(found)


def test_names_are_letters_in_one_spelling_and_a_language_alone_keeps_its_own():
    for language, found in by_language().items():
        for name in found:
            assert name == unicodedata.normalize("NFC", name)
            assert len(name.lower()) == len(name) >= 2
            assert all(c.isalpha() or c in " -'" for c in name)
            assert name[0].isalpha()
            if language in ("Arabic", "Chinese", "Greek", "Japanese", "Russian"):
                assert name.isascii()


def test_the_datasheet_states_the_right_counts():
    found = names().names
    sheet = Path(__file__).parents[2].joinpath("datasets", "names.md").read_text(encoding="utf-8")
    shared = [count for count in Counter(found).values() if count > 1]
    assert f"{len(shared)} spellings" in sheet
    assert f"{sum(shared)} of the 3,600 names" in sheet
    assert f"{len(set(''.join(found).lower()))} different characters" in sheet
    assert min(map(len, found)), max(map(len, found)) == (2, 15)
    assert set(shared) == {2}


def test_well_known_names_have_their_language():
    table = by_language()
    for language, some in {
        "Dutch": ["van Dijk", "de Jong"],
        "German": ["Müller", "Schmidt"],
        "Greek": ["Papadopoulos"],
        "Japanese": ["Tanaka", "Watanabe"],
        "Polish": ["Kowalski"],
        "Turkish": ["Yıldız"],
    }.items():
        assert set(some) <= set(table[language])


def test_the_test_set_is_a_fifth_of_each_language_and_the_rest_is_the_training_set():
    everything, train, test = names(), names("train"), names("test")
    assert (len(train.names), len(test.names)) == (2880, 720)
    assert train.labels.bincount().tolist() == [180] * 16
    assert test.labels.bincount().tolist() == [45] * 16

    def rows(part):
        return sorted(zip(part.names, part.labels.tolist(), strict=True))

    assert sorted(rows(train) + rows(test)) == rows(everything)
    assert test.labels[:60].unique().numel() > 12  # shuffled


def test_the_split_is_fixed_and_does_not_use_global_generators():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert names("test").names[:5] == names("test").names[:5] == FIRST
    assert torch.equal(torch.get_rng_state(), before)


def test_each_call_returns_new_labels_on_the_requested_device():
    names().labels.zero_()
    assert names().labels.any()
    data = names("test", device="meta")
    assert data.labels.device.type == "meta"
    assert repr(data).startswith("Names(720 names, labels (720,) int64: Arabic, Chinese, Czech, Dutch, ")


@pytest.mark.parametrize("split", ["valid", "", 0, True, ["train"]])
def test_an_unknown_split_is_refused(split):
    with pytest.raises(ValueError, match=r"^names: split must be .*but got"):
        names(split)


def test_a_row_of_a_language_model_predicts_each_next_character_and_then_the_end():
    data = names("test")
    inputs, targets = data.sequences()
    tokenizer = data.tokenizer
    assert tokenizer.symbols[0] == "\n"
    assert inputs.shape == targets.shape == (720, 1 + max(map(len, data.names)))
    for name, given, wanted in zip(data.names, inputs, targets, strict=True):
        length = len(name)
        assert tokenizer.decode(given[: length + 1]) == "\n" + name
        assert tokenizer.decode(wanted[: length + 1]) == name + "\n"
        assert not given[length + 1 :].any()
        assert (wanted[length + 1 :] == -100).all()


def test_training_and_test_names_share_one_tokenizer_and_a_text_ends_each_name():
    assert names("train").tokenizer.symbols == names("test").tokenizer.symbols
    assert names("test").text.split("\n") == [*names("test").names, ""]
    assert set(names().text) == set(names().tokenizer.symbols)
    assert names("test", device="meta").sequences()[0].device.type == "meta"
