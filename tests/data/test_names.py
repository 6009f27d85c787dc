"""The names are sorted, without doubles, spelled in one way, and shared out evenly."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import torch

from dlviz.data import names

FIRST = ("Najjar", "Romão", "Athanasopoulos", "Valaoritis", "Andrade")


def plain(name):
    """What a name is sorted by: its letters without their marks."""
    folded = name.casefold().replace("ı", "i").replace("ł", "l")
    return "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c)), name


def by_language():
    found, labels, languages = names()
    return {
        language: [name for name, label in zip(found, labels.tolist(), strict=True) if label == k]
        for k, language in enumerate(languages)
    }


def test_sixteen_languages_have_as_many_names_each():
    found, labels, languages = names()
    assert len(languages) == 16
    assert list(languages) == sorted(languages)
    assert (labels.shape, labels.dtype, len(found)) == ((3600,), torch.int64, 3600)
    assert labels.bincount().tolist() == [225] * 16


def test_within_a_language_names_are_sorted_and_no_name_stands_twice():
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


def test_the_datasheet_counts_right():
    found = names().names
    sheet = Path(__file__).parents[2].joinpath("datasets", "names.md").read_text(encoding="utf-8")
    shared = [count for count in Counter(found).values() if count > 1]
    assert f"{len(shared)} spellings" in sheet
    assert f"{sum(shared)} of the 3,600 names" in sheet
    assert f"{len(set(''.join(found).lower()))} different characters" in sheet
    assert min(map(len, found)), max(map(len, found)) == (2, 15)
    assert set(shared) == {2}


def test_well_known_names_are_where_they_belong():
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


def test_train_and_test_share_out_the_whole_list_a_fifth_of_each_language():
    whole, train, test = names(), names("train"), names("test")
    assert (len(train.names), len(test.names)) == (2880, 720)
    assert train.labels.bincount().tolist() == [180] * 16
    assert test.labels.bincount().tolist() == [45] * 16

    def rows(part):
        return sorted(zip(part.names, part.labels.tolist(), strict=True))

    assert sorted(rows(train) + rows(test)) == rows(whole)
    assert test.labels[:60].unique().numel() > 12  # shuffled


def test_the_split_is_the_same_for_everyone_and_leaves_the_learners_stream_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert names("test").names[:5] == names("test").names[:5] == FIRST
    assert torch.equal(torch.get_rng_state(), before)


def test_each_call_gives_labels_of_its_own_on_the_device_asked_for():
    names().labels.zero_()
    assert names().labels.any()
    data = names("test", device="meta")
    assert data.labels.device.type == "meta"
    assert repr(data).startswith("Names(720 names, labels (720,) int64: Arabic, Chinese, Czech, Dutch, ")


@pytest.mark.parametrize("split", ["valid", "", 0, True, ["train"]])
def test_another_split_is_refused_by_name(split):
    with pytest.raises(ValueError, match=r"^names: split must be .*but got"):
        names(split)
