"""`dlviz.split` from Python: its parts, settings, warnings, scores and errors, and that the learner's objects stay as they are."""

import gc
import weakref

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

import dlviz
from dlviz.evaluation.split_widget import Split
from dlviz.kit.errors import DlvizError
from dlviz.kit.page import to_json


def data(count=120, classes=3):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 2, generator=generator), torch.randint(0, classes, (count,), generator=generator)


def integers(bytes_):
    return np.frombuffer(bytes_, "<i4")


def test_the_digits_split_as_scikit_learn_splits_them():
    x, y = dlviz.data.digits()
    view = dlviz.split(x, y)
    train, test = train_test_split(np.arange(1797), test_size=0.2, random_state=0)
    assert view.parts["train"].tolist() == train.tolist()
    assert view.parts["test"].tolist() == test.tolist()
    assert view.parts["test"].dtype is torch.int64
    assert x[view.parts["test"]].shape == (360, 1, 8, 8)


def test_changed_settings_split_again():
    x, y = data()
    view = dlviz.split(x, y, seed=3)
    before = view.parts["test"]
    view.seed = 4
    assert view.parts["test"].tolist() != before.tolist()
    view.seed = 3
    assert torch.equal(view.parts["test"], before)
    view.shares = [0.5, 0.5]
    assert len(view.parts["test"]) == 60
    view.how = "folds"
    assert len(view.parts["test"]) == 24
    first = view.parts["test"]
    view.step = 4
    assert not set(first.tolist()) & set(view.parts["test"].tolist())
    view.folds = 3
    assert len(view.parts["test"]) == 40
    view.how = "order"
    assert view.parts["test"].tolist() == list(range(60, 120))


def test_the_strip_holds_the_part_and_the_class_of_every_example():
    x, y = data(120)
    view = dlviz.split(x, y, {"train": 0.6, "validation": 0.2, "test": 0.2})
    scene = view.scene
    assert scene["stride"] == 1
    part = integers(scene["part_columns"]).reshape(120, 3).argmax(1)
    for k, numbers in enumerate(view.parts.values()):
        assert sorted(np.flatnonzero(part == k).tolist()) == sorted(numbers.tolist())
    assert integers(scene["class_columns"]).reshape(120, 3).argmax(1).tolist() == y.tolist()
    for counts, numbers in zip(scene["counts"], view.parts.values(), strict=True):
        assert integers(counts).tolist() == torch.bincount(y[numbers], minlength=3).tolist()


def test_many_examples_and_classes_are_binned_with_a_note():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 200, (10_000,), generator=generator)
    view = dlviz.split(torch.arange(10_000), y)
    scene = view.scene
    assert scene["stride"] == 21
    assert len(scene["classes"]) == 20
    table = integers(scene["class_columns"]).reshape(-1, 20)
    assert len(table) <= 480
    assert table.sum() == 10_000
    assert table.sum(1)[:-1].tolist() == [21] * (len(table) - 1)
    largest = [int(name) for name in scene["classes"][:-1]]
    counts = torch.bincount(y)
    assert min(counts[largest]) >= sorted(counts.tolist())[-19]
    assert table.sum(0)[:-1].tolist() == torch.bincount(y)[largest].tolist()
    assert [("21 consecutive" in one["text"], "19 largest" in one["text"]) for one in scene["notes"]] == [
        (True, False),
        (False, True),
    ]
    assert len(to_json(scene)) < 120_000


def test_measuring_calls_the_learners_function_with_the_parts_of_every_seed():
    x, y = data()
    calls = []

    def score(train, test):
        calls.append((train.tolist(), test.tolist()))
        return torch.tensor(len(calls) / 10)

    view = dlviz.split(x, y, score=score)
    scores = view.measure(seeds=3)
    for seed, (train, test) in enumerate(calls):
        wanted = train_test_split(np.arange(120), test_size=0.2, random_state=seed)
        assert [train, test] == [part.tolist() for part in wanted]
    assert [(one.how, one.seed) for one in scores] == [("shuffled", 0), ("shuffled", 1), ("shuffled", 2)]
    assert view.scores == scores
    assert scores[2].score == pytest.approx(0.3)
    view.how = "order"
    assert len(view.measure()) == 1
    view.how = "folds"
    assert len(view.measure()) == 5
    assert len({tuple(test) for _, test in calls[-5:]}) == 5
    assert [one["how"] for one in view.scene["scores"]] == ["order", "shuffled", "folds"]
    assert len(view.scores) == 9


def test_scores_with_other_fractions_have_a_row_of_their_own():
    x, y = data()
    view = dlviz.split(x, y, score=lambda a, b: len(b) / 100)
    view.measure(2)
    view.shares = [0.5, 0.5]
    view.measure(3)
    assert [(row["title"], row["mean"]) for row in view.scene["scores"]] == [
        ("shuffled, 20%", 0.24),
        ("shuffled, 50%", 0.6),
    ]
    assert len(view.scores) == 5
    assert "shuffled, 50%" in view._still()


def test_of_three_parts_the_test_part_is_not_measured():
    x, y = data()
    calls = []
    view = dlviz.split(
        x, y, {"train": 0.6, "validation": 0.2, "test": 0.2}, score=lambda a, b: calls.append((a, b)) or 1.0
    )
    view.measure(1)
    assert torch.equal(calls[0][0], view.parts["train"])
    assert torch.equal(calls[0][1], view.parts["validation"])


def test_a_score_of_nan_is_kept_and_drawn():
    x, y = data()
    values = iter([0.5, float("nan"), float("inf")])
    view = dlviz.split(x, y, score=lambda a, b: next(values))
    view.measure(3)
    assert view.scene["scores"][0]["mean"] == "NaN"
    assert view.scene["scores"][0]["high"] in ("NaN", "Infinity")
    view._still()
    view.to_html()


def test_an_error_in_the_learners_function_is_passed_on_and_becomes_a_note_for_the_button():
    x, y = data()
    view = dlviz.split(x, y, score=lambda a, b: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        view.measure()
    assert not view.scene["measuring"]
    view._on_measure({"kind": "measure"})  # the button
    assert any("ZeroDivisionError: division by zero" in note["text"] for note in view.scene["notes"])
    with pytest.raises(DlvizError, match="must return a number, but it returned str"):
        dlviz.split(x, y, score=lambda a, b: "good").measure()


def test_dots_appear_one_by_one_while_it_measures():
    x, y = data()
    scenes = []
    view = dlviz.split(x, y, score=lambda a, b: 0.5)
    view.observe(lambda change: scenes.append((len(view.scores), change["new"]["measuring"])), "scene")
    view._on_measure({"kind": "measure"})
    assert scenes == [(1, True), (2, True), (3, True), (4, True), (5, True), (5, False)]


def test_where_scikit_learn_raises_the_last_picture_stays_with_its_message():
    x = torch.rand(10, 1)
    y = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 2])
    view = dlviz.split(x, y)
    before = view.scene["part_columns"]
    view.how = "stratified"
    assert view.scene["part_columns"] == before
    assert "least populated class" in view.scene["notes"][0]["text"]
    with pytest.raises(DlvizError, match="least populated class"):
        _ = view.parts
    view.how = "shuffled"
    assert len(view.parts["test"]) == 2
    with pytest.raises(DlvizError, match="least populated class"):
        dlviz.split(x, y, how="stratified")


def test_warnings_follow_the_split():
    x, y = data()
    x[100] = x[5]
    view = dlviz.split(x, y, how="order", groups=["a"] * 60 + ["b"] * 60)
    assert [one.kind for one in view.warnings] == ["duplicates", "groups"]
    assert view.scene["badge"] == {"kind": "bad", "text": "2 warnings"}
    view.how = "grouped"
    assert [one.kind for one in view.warnings] == ["duplicates"]
    assert any("Whole groups" in note["text"] for note in view.scene["notes"])


def test_groups_of_names_or_numbers_split_as_scikit_learns():
    from sklearn.model_selection import GroupShuffleSplit

    x, y = data()
    names = [f"writer {k // 10:02d}" for k in range(120)]
    shuffled = [names[k] for k in torch.randperm(120, generator=torch.Generator().manual_seed(0)).tolist()]
    _, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=2).split(x, y, shuffled))
    for groups in (shuffled, tuple(shuffled), torch.tensor([int(name[-2:]) for name in shuffled])):
        assert dlviz.split(x, y, how="grouped", groups=groups, seed=2).parts["test"].tolist() == test.tolist()


def test_the_learners_data_and_random_number_generators_stay_as_they_are():
    x, y = data()
    copies, random, numpys = (x.clone(), y.clone()), torch.get_rng_state(), np.random.get_state()[1].copy()
    view = dlviz.split(x, y, groups=torch.arange(120) // 10)
    for how in view.scene["methods"]:
        view.how = how
    view.to_html()
    view._still()
    view.parts["train"].zero_()
    assert torch.equal(x, copies[0])
    assert torch.equal(y, copies[1])
    assert torch.equal(torch.get_rng_state(), random)
    assert (np.random.get_state()[1] == numpys).all()
    fractions = view.scene["overall_fractions"]
    y.zero_()
    view.how, view.seed = "stratified", 3
    assert view.scene["overall_fractions"] == fractions
    _, test = train_test_split(np.arange(120), test_size=0.2, random_state=3, stratify=copies[1])
    assert view.parts["test"].tolist() == test.tolist()


def test_closing_releases_the_data_and_the_learners_function():
    x, y = data()

    class Function:
        def __call__(self, train, test):
            return 1.0

    score = Function()
    watched, tensor = weakref.ref(score), weakref.ref(x)
    view = dlviz.split(x, y, score=score)
    view.close()
    assert repr(view) == "dlviz.split(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.parts
    del score, x, view
    gc.collect()
    assert watched() is None
    assert tensor() is None


def test_the_page_holds_the_other_settings():
    x, y = data()
    view = dlviz.split(x, y, groups=torch.arange(120) // 10)
    frames = view._precomputed()
    assert set(frames["how"]) == {'"order"', '"shuffled"', '"stratified"', '"grouped"', '"folds"'}
    assert len(frames["seed"]) == 10
    assert "[0.5, 0.5]" in frames["shares"]
    assert "step" not in {name for name, values in frames.items() if values}
    for seed in (1, 7):
        fresh = dlviz.split(x, y, groups=torch.arange(120) // 10, seed=seed)
        assert frames["seed"][str(seed)]["scene"]["part_columns"] == fresh.scene["part_columns"]
    folded = dlviz.split(x, y, how="folds", step=1)
    assert set(folded._precomputed()["step"]) == {"0", "1", "2", "3", "4"}
    assert folded.scene["signature"].endswith("fold 2 of 5, seed 0")
    assert len(view.to_html()) < 200_000


def test_the_still_shows_parts_warnings_and_scores():
    x, y = data()
    x[7] = x[3]
    view = dlviz.split(x, y, {"train": 0.5, "<b>": 0.5}, score=lambda a, b: 0.25)
    view.measure(2)
    text = view._still()
    for words in ("train 60", "&lt;b&gt; 60", "0.25 ± 0 (2 splits"):
        assert words in text
    assert "<b>" not in text


X, Y = data(20)


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ((X, Y[:19]), {}, "each of the 19 labels in y is needed, but got 20"),
        ((X, Y.float()), {}, r"y: whole labels are needed, but got torch.float32. Pass y.long\(\)"),
        ((X, [0, 1]), {}, "each of the 2 labels in y"),
        ((X, 5), {}, "y: labels"),
        ((X, {"a": 0}), {}, "y: labels .* but got dict"),
        ((dict.fromkeys(range(20)), Y), {}, "x: .* but got dict"),
        ((set(range(20)), Y), {}, "x: .* but got set"),
        ((X, Y[:0]), {}, "no labels"),
        ((5, Y), {}, "x: a tensor"),
        (("letters", Y), {}, "x: a tensor .* but got str"),
        ((X, Y, {"train": 0.9}), {}, "two to five"),
        ((X, Y), {"how": "random"}, "how: one of order, shuffled, stratified, grouped, folds is needed"),
        ((X, Y), {"how": "grouped"}, "needs groups"),
        ((X, Y), {"groups": [1, 2]}, "each of the 20 examples is needed, but got 2"),
        ((X, Y), {"groups": 5}, "groups"),
        ((X, Y), {"groups": [1, "a"] * 10}, "can be sorted"),
        ((X, Y), {"how": "folds", "folds": 21}, "from 2 to the 20 examples"),
        ((X, Y), {"how": "folds", "folds": 4, "step": 4}, "step: a fold from 0 to 3 is needed, but got 4"),
        ((X, Y, {"a": 0.5, "b": 0.3, "c": 0.2}), {"how": "folds"}, "needs two parts, but there are a, b, c"),
        ((X, Y), {"score": 3}, "score: a function"),
    ],
)
def test_invalid_arguments_are_named(arguments, settings, words):
    with pytest.raises(DlvizError, match=words):
        dlviz.split(*arguments, **settings)


@pytest.mark.parametrize("count", [2, 4, 5, 6])
def test_few_examples_can_be_split(count):
    x, y = X[:count], Y[:count]
    assert sum(map(len, dlviz.split(x, y).parts.values())) == count
    view = dlviz.split(x, y, how="folds")
    assert view.folds == min(5, count)
    assert len(view.parts["test"]) >= 1
    with pytest.raises(DlvizError, match=f"folds: a whole number from 2 to the {count} examples"):
        dlviz.split(x, y, folds=count + 1)


def test_a_fold_that_there_is_not_cannot_be_shown():
    view = dlviz.split(X, Y, how="folds", step=4)
    with pytest.raises(DlvizError, match="step: a fold from 0 to 4 is needed, but got 5"):
        view.step = 5
    assert view.step == 4


def test_invalid_settings_are_refused_and_the_split_stays():
    view = dlviz.split(X, Y)
    with pytest.raises(DlvizError, match="needs groups"):
        view.how = "grouped"
    with pytest.raises(DlvizError, match="each of the 2 parts"):
        view.shares = [0.4, 0.3, 0.3]
    with pytest.raises(DlvizError, match="add up to 1"):
        view.shares = [0.4, 0.3]
    with pytest.raises(DlvizError, match="nothing to measure with"):
        view.measure()
    with pytest.raises(DlvizError, match="seeds must be"):
        dlviz.split(X, Y, score=lambda a, b: 1.0).measure(0)
    with pytest.raises(TypeError, match=r"no such argument: hwo. Did you mean how"):
        dlviz.split(X, Y, hwo="order")
    with pytest.raises(TypeError, match="no such argument: shares"):
        dlviz.split(X, Y, shares=[0.5, 0.5])
    assert view.how == "shuffled"
    assert isinstance(view, Split)
    assert len(view.parts["test"]) == 4
