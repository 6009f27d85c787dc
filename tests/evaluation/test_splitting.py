"""Splits are the same as scikit-learn's, and leakage between the parts is found."""

import random

import numpy as np
import pytest
import torch
from sklearn.model_selection import GroupShuffleSplit, KFold, ShuffleSplit, StratifiedShuffleSplit, train_test_split

import dlviz
from dlviz.evaluation import cut, findings, first_copies
from dlviz.evaluation.splitting import check_parts, part_sizes
from dlviz.kit.errors import DlvizError

HALF = {"train": 0.8, "test": 0.2}
THREE = {"train": 0.7, "validation": 0.2, "test": 0.1}


def labels(count=97, classes=4, seed=0):
    return torch.randint(0, classes, (count,), generator=torch.Generator().manual_seed(seed))


def test_shuffled_is_train_test_split_for_any_size_share_and_seed():
    for seed in range(60):
        count, share = 5 + 13 * seed, (0.1, 0.2, 0.25, 0.5)[seed % 4]
        parts = cut(labels(count), {"train": 1 - share, "test": share}, "shuffled", seed)
        train, test = train_test_split(np.arange(count), test_size=share, random_state=seed)
        assert parts["train"].tolist() == train.tolist()
        assert parts["test"].tolist() == test.tolist()


def test_stratified_is_train_test_split_with_stratify():
    for seed in range(30):
        y = labels(60 + seed, 5, seed)
        parts = cut(y, HALF, "stratified", seed)
        train, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed, stratify=y)
        assert parts["train"].tolist() == train.tolist()
        assert parts["test"].tolist() == test.tolist()
        shares = [torch.bincount(y[parts[name]], minlength=5) / len(parts[name]) for name in HALF]
        assert (shares[0] - shares[1]).abs().max() < 0.08


def test_three_parts_are_two_calls_of_train_test_split():
    for how in ("shuffled", "stratified"):
        y = labels(203)
        parts = cut(y, THREE, how, 7)
        stratify = y if how == "stratified" else None
        rest, test = train_test_split(np.arange(203), test_size=0.1, random_state=7, stratify=stratify)
        stratify = y[rest] if how == "stratified" else None
        train, validation = train_test_split(
            rest, test_size=len(parts["validation"]), random_state=7, stratify=stratify
        )
        assert [part.tolist() for part in parts.values()] == [train.tolist(), validation.tolist(), test.tolist()]
        assert len(validation) == 41


def test_grouped_is_group_shuffle_split_and_keeps_groups_whole():
    for seed in range(30):
        y, groups = labels(120), torch.randint(0, 12, (120,), generator=torch.Generator().manual_seed(seed))
        parts = cut(y, HALF, "grouped", seed, groups=groups)
        split = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=seed)
        train, test = next(split.split(np.zeros(120), y, groups))
        assert parts["train"].tolist() == train.tolist()
        assert parts["test"].tolist() == test.tolist()
        assert not set(groups[parts["train"]].tolist()) & set(groups[parts["test"]].tolist())
        three = cut(y, THREE, "grouped", seed, groups=groups)
        rest, test = next(GroupShuffleSplit(1, test_size=0.1, random_state=seed).split(y, y, groups))
        inner = GroupShuffleSplit(1, test_size=0.2 / 0.9, random_state=seed)
        assert three["test"].tolist() == test.tolist()
        assert three["validation"].tolist() == rest[next(inner.split(rest, rest, groups[rest]))[1]].tolist()
        whole = [groups[numbers].unique().tolist() for numbers in three.values()]
        assert sorted(code for some in whole for code in some) == groups.unique().tolist()


def test_folds_are_kfold_and_every_example_is_tested_once():
    y = labels(53)
    every = list(KFold(5, shuffle=True, random_state=3).split(np.zeros(53)))
    tests = []
    for fold in range(5):
        parts = cut(y, HALF, "folds", 3, folds=5, fold=fold)
        assert parts["train"].tolist() == every[fold][0].tolist()
        assert parts["test"].tolist() == every[fold][1].tolist()
        tests += parts["test"].tolist()
    assert sorted(tests) == list(range(53))


def test_order_keeps_the_order_of_the_data():
    parts = cut(labels(103), THREE, "order", 9)
    assert torch.equal(torch.cat(list(parts.values())), torch.arange(103))
    assert [len(numbers) for numbers in parts.values()] == part_sizes(THREE, 103) == [71, 21, 11]


@pytest.mark.parametrize("how", ["order", "shuffled", "stratified", "grouped"])
@pytest.mark.parametrize("requested", [HALF, THREE, {"a": 150, "b": 30, "c": 20}])
def test_every_example_goes_to_one_part(how, requested):
    y = labels(200)
    parts = cut(y, requested, how, 5, groups=torch.arange(200) // 7)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(200))
    if how != "grouped":
        assert [len(numbers) for numbers in parts.values()] == part_sizes(requested, 200)


def test_an_error_of_scikit_learn_keeps_its_message():
    with pytest.raises(DlvizError, match="least populated class"):
        cut(torch.tensor([0, 0, 0, 0, 1]), HALF, "stratified")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"train": 1.0}, "two to five names"),
        ([0.8, 0.2], "two to five names"),
        ({"train": 0.8, "test": 20}, "not a mixture"),
        ({"train": True, "test": 0.5}, "not a mixture"),
        ({"train": 0.8, "test": 0.3}, "add up to 1.1"),
        ({"train": 80, "test": 30}, "add up to the 100 examples, but they add up to 110"),
        ({"train": 1.2, "test": -0.2}, "empty"),
        ({"train": 0.001, "test": 0.999}, "empty"),
    ],
)
def test_invalid_parts_are_refused(parts, words):
    with pytest.raises(DlvizError, match=words):
        check_parts(parts, 100)


def test_first_copies_finds_exact_copies_only():
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randint(-1, 2, (60, 3), generator=generator).to(
            (torch.float32, torch.int64, torch.bfloat16)[seed % 3]
        )
        wanted = [next(k for k in range(n + 1) if torch.equal(x[k], x[n])) for n in range(60)]
        assert first_copies(x).tolist() == wanted
    close = torch.tensor([[1.0], [1.0 + 2**-23], [-0.0], [0.0]])
    assert first_copies(close).tolist() == [0, 1, 2, 2]
    assert first_copies(["a", "b", "a"]).tolist() == [0, 1, 0]
    assert first_copies(torch.rand(3, 0)).tolist() == [0, 1, 2]
    assert first_copies(torch.rand(4, 6).T[:, :2]).tolist() == list(range(6))  # not contiguous
    assert first_copies(torch.tensor([True, False, True])).tolist() == [0, 1, 0]


def test_copies_across_parts_are_found_counted_and_named():
    x = torch.rand(50, 4)
    x[40], x[41], x[42], x[30], x[20] = x[3], x[3], x[5], x[7], x[3]
    parts = {"train": torch.arange(40), "test": torch.arange(40, 50)}
    (finding,) = findings(parts, torch.zeros(50), first_copies(x))
    assert finding.kind == "duplicates"
    assert finding.indices.tolist() == [40, 41, 42]
    assert "3 examples of test" in finding.text
    assert "40 = 3, 41 = 3, 42 = 5." in finding.text
    assert findings({"train": torch.arange(20), "test": torch.arange(21, 30)}, torch.zeros(50), first_copies(x)) == []


def test_a_group_in_two_parts_is_found():
    parts = {"train": torch.arange(6), "validation": torch.arange(6, 8), "test": torch.arange(8, 12)}
    groups = torch.tensor([0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 1])
    warnings = findings(parts, torch.zeros(12), torch.arange(12), groups, ["ann", "bob", "eve", "joe", "sue"])
    assert [one.kind for one in warnings] == ["groups"] * 3
    assert [one.indices.tolist() for one in warnings] == [[6], [11], [8]]
    assert "eve" in warnings[0].text
    assert "train and in test" in warnings[1].text
    assert "bob" in warnings[1].text


def test_a_missing_class_is_found():
    parts = {"train": torch.arange(4), "test": torch.arange(4, 6)}
    warnings = findings(parts, torch.tensor([0, 1, 2, 5, 0, 1]), torch.arange(6))
    assert [one.kind for one in warnings] == ["missing"]
    assert warnings[0].indices.tolist() == [2, 3]
    assert "test holds no example of 2 classes: 2, 5." in warnings[0].text
    assert "2 indices" in repr(warnings[0])


def test_a_shuffled_split_of_the_digits_scores_higher_than_one_by_order():
    """The lesson's claim: a shuffled split overestimates the accuracy on new writers."""
    from sklearn.neighbors import KNeighborsClassifier

    x, y = dlviz.data.digits()
    flat, classes = x.flatten(1).numpy(), y.numpy()

    def score(train, test):
        return KNeighborsClassifier(1).fit(flat[train], classes[train]).score(flat[test], classes[test])

    view = dlviz.split(x, y, score=score)
    shuffled = view.measure(5)
    view.how = "order"
    (order,) = view.measure()
    assert order.score < min(one.score for one in shuffled)
    rows = {row["how"]: row for row in view.scene["scores"]}
    assert rows["shuffled"]["mean"] == pytest.approx(np.mean([one.score for one in shuffled]))
    assert rows["shuffled"]["sd"] == pytest.approx(np.std([one.score for one in shuffled], ddof=1))


@pytest.mark.parametrize("how", ["shuffled", "stratified", "folds"])
def test_global_random_generators_stay_whatever_scikit_learn_draws(monkeypatch, how):
    splitter = {"shuffled": ShuffleSplit, "stratified": StratifiedShuffleSplit, "folds": KFold}[how]
    own, before = splitter.split, (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())

    def split(*arguments):
        random.random()
        np.random.rand()
        return own(*arguments)

    monkeypatch.setattr(splitter, "split", split)
    cut(torch.arange(20) % 2, HALF, how)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
