"""Data in every form in which users hold it: arrays, lists, columns and tables, names as labels, classifiers, and images with masks."""

import inspect

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError

NAMES = ["cat", "dog", "ant"]


class Column:
    """A column of a table as pandas has it: read by position as an array, by `[]` with an index of its own."""

    def __init__(self, values, start=100):
        self.values, self.start = np.asarray(values), start

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype) if dtype else self.values

    def __getitem__(self, label):
        if not self.start <= label < self.start + len(self.values):
            raise KeyError(label)
        return self.values[label - self.start]

    def tolist(self):
        return self.values.tolist()


class Table(Column):
    """A table as pandas has it: iteration goes over the names of its columns."""

    def __iter__(self):
        return iter(range(self.values.shape[1]))

    def __getitem__(self, label):
        raise KeyError(label)

    def itertuples(self, index=True):
        return (tuple(row) for row in self.values)


def scored(count=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, 3, (count,), generator=generator)
    return torch.randn(count, 3, generator=generator) + F.one_hot(targets, 3), targets


FORMS = {
    "arrays": lambda values: values.numpy(),
    "lists": lambda values: values.tolist(),
    "tuples": lambda values: tuple(values.tolist()),
    "columns": lambda values: (Column if values.dim() == 1 else Table)(values.numpy()),
    "lists of tensors": list,
    "reversed arrays": lambda values: values.flip(0).numpy()[::-1],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_confusion_matrix_is_the_same_in_every_form(form):
    (scores, targets), convert = scored(), FORMS[form]
    view = dlviz.confusion(scores, targets, torch.rand(60, 4))
    other = dlviz.confusion(convert(scores), convert(targets), convert(torch.rand(60, 4)))
    assert torch.equal(other.matrix, view.matrix)
    assert other.loss == pytest.approx(view.loss, rel=1e-6)
    labels = dlviz.confusion(convert(scores.argmax(1)), convert(targets))
    assert torch.equal(labels.matrix, view.matrix)
    other.update(convert(scores * 2))
    assert len(other.scene["history"]["captions"]) == 2


@pytest.mark.parametrize("form", [list, np.array, Column, tuple])
def test_labels_may_be_names(form):
    scores, targets = scored()
    view = dlviz.confusion(scores, form([NAMES[label] for label in targets]), names=NAMES)
    assert torch.equal(view.matrix, dlviz.confusion(scores, targets).matrix)
    # Without names the classes are sorted, as scikit-learn sorts them.
    truth, predicted = [NAMES[label] for label in targets], [NAMES[label] for label in scores.argmax(1)]
    view = dlviz.confusion(form(predicted), form(truth))
    assert view.scene["names"] == sorted(NAMES)
    assert view.matrix.tolist() == metrics.confusion_matrix(truth, predicted).tolist()
    view.update(form(truth))
    assert view.accuracy == 1
    with pytest.raises(DlvizError, match="scores: the label 'cow' is none of the names: ant, cat, dog"):
        view.update(form(["cow"] * 60))


def test_a_column_of_whole_numbers_may_be_of_floats_or_of_objects():
    scores, targets = scored()
    wanted = dlviz.confusion(scores, targets).matrix
    for kind in (float, object, np.uint8):
        assert torch.equal(dlviz.confusion(scores, targets.numpy().astype(kind)).matrix, wanted)


@pytest.mark.parametrize("labels", [np.array(NAMES), np.array([5, 6, 9]), np.array([True, False, False])])
def test_a_classifier_is_asked_for_its_probabilities(labels):
    rng = np.random.default_rng(0)
    x, y = rng.random((90, 4)), labels[rng.integers(0, 3, 90)]
    classifier = LogisticRegression().fit(x, y)
    view = dlviz.confusion(classifier, y, x)
    assert view.matrix.tolist() == metrics.confusion_matrix(y, classifier.predict(x)).tolist()
    assert view.loss == pytest.approx(metrics.log_loss(y, classifier.predict_proba(x)), rel=1e-5)
    assert view.scene["names"] == [str(label) for label in classifier.classes_]
    view.update(LogisticRegression(C=0.01).fit(x, y))
    assert len(view.scene["history"]["captions"]) == 2
    without = LinearSVC().fit(x, y)  # it predicts classes without probabilities
    assert dlviz.confusion(without, y, x).matrix.tolist() == metrics.confusion_matrix(y, without.predict(x)).tolist()


def test_a_classifier_that_cannot_be_asked_is_refused():
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 4)), np.arange(30) % 3
    with pytest.raises(DlvizError, match="pass the examples too"):
        dlviz.confusion(LogisticRegression().fit(x, y), y)
    with pytest.raises(DlvizError, match="the classifier LogisticRegression is not fitted yet"):
        dlviz.confusion(LogisticRegression(), y, x)
    with pytest.raises(DlvizError, match="the classifier Pipeline is not fitted yet"):
        dlviz.confusion(make_pipeline(StandardScaler(), LogisticRegression()), y, x)
    for other in (LinearRegression().fit(x, y), KMeans(2), type("Rule", (), {"predict": lambda self, x: y})()):
        with pytest.raises(DlvizError, match=rf"scores: {type(other).__name__} is no classifier"):
            dlviz.confusion(other, y, x)
    with pytest.raises(DlvizError, match="could not predict the classes of inputs: ValueError"):
        dlviz.confusion(LogisticRegression().fit(x, y), y, x[:, :2])


@pytest.mark.parametrize("channel", [False, True])
def test_of_images_with_masks_every_pixel_counts(channel):
    generator = torch.Generator().manual_seed(0)
    logits, masks = torch.randn(4, 3, 8, 6, generator=generator), torch.randint(0, 3, (4, 8, 6), generator=generator)
    masks[0, :3] = 255
    images = torch.rand(4, 3, 16, 12, generator=generator)
    view = dlviz.confusion(logits, masks.unsqueeze(1) if channel else masks, images, ignore_index=255)
    counted = masks != 255
    assert view.loss == pytest.approx(F.cross_entropy(logits, masks, ignore_index=255).item(), rel=1e-6)
    assert view.accuracy == pytest.approx((logits.argmax(1) == masks)[counted].double().mean().item())
    wanted = metrics.confusion_matrix(masks[counted], logits.argmax(1)[counted])
    assert view.matrix.tolist() == wanted.tolist()
    assert torch.equal(view.predictions, logits.argmax(1))
    worst = view.worst[0]
    assert masks.flatten()[worst] != logits.argmax(1).flatten()[worst]
    assert view.scene["variable"].endswith("masks.flatten()") or channel
    assert any("255 (ignore_index) do not count: 18" in note["text"] for note in view.scene["notes"])
    # A pixel's picture is its image.
    view.example = int(view.cell(1, 1)[0])
    assert view.albums["0"]["height"] == 16
    view.update(logits * 2)
    assert torch.equal(view.matrix, torch.tensor(wanted))
    labels = dlviz.confusion(logits.argmax(1), masks, ignore_index=255)
    assert torch.equal(labels.matrix, view.matrix)
    binary = dlviz.confusion(logits[:, :1], (masks == 1).long())
    assert binary.accuracy == pytest.approx(((logits[:, 0] > 0) == (masks == 1)).double().mean().item())


def test_labels_that_torch_ignores_do_not_count():
    scores, targets = scored()
    targets[::3] = -100  # the default of cross_entropy
    scores[0] = torch.nan
    view = dlviz.confusion(scores, targets)
    kept = targets >= 0
    assert view.matrix.tolist() == metrics.confusion_matrix(targets[kept], scores.argmax(1)[kept]).tolist()
    assert view.loss == pytest.approx(F.cross_entropy(scores, targets).item(), rel=1e-6)
    assert f"of {int(kept.sum())})" in view.scene["signature"]
    assert view.scene["unclassified"] == bytes(12)
    assert set(view.worst.tolist()) == set((kept & (scores.argmax(1) != targets)).nonzero().flatten().tolist())
    view.example = 3  # an example that does not count is in no list
    assert "selected" not in view.scene["lists"]
    with pytest.raises(DlvizError, match="from 0 on are needed, but got -100"):
        dlviz.confusion(scores, targets, ignore_index=None)


def test_the_same_examples_in_any_form_are_sent_once():
    scores, targets = scored()
    images = np.random.default_rng(0).random((60, 1, 8, 8))
    view = dlviz.confusion(scores, targets, images)
    view.update(scores * 2, targets, images)
    assert view.scene["group"] == "0"
    view.update(scores * 2, targets, images.copy())
    assert view.scene["group"] == "1"


@pytest.mark.parametrize("form", FORMS)
def test_a_split_is_the_same_in_every_form(form):
    convert = FORMS[form]
    x, (_, y) = torch.rand(60, 4), scored()
    view = dlviz.split(x, y, how="stratified", groups=torch.arange(60) // 6)
    other = dlviz.split(convert(x), convert(y), how="stratified", groups=convert(torch.arange(60) // 6))
    assert [part.tolist() for part in other.parts.values()] == [part.tolist() for part in view.parts.values()]
    assert [finding.text for finding in other.warnings] == [finding.text for finding in view.warnings]


@pytest.mark.parametrize("form", [list, np.array, Column, tuple])
def test_a_split_of_names_is_scikit_learns(form):
    _, targets = scored()
    y = [NAMES[label] for label in targets]
    view = dlviz.split(form(range(60)), form(y), how="stratified", groups=form([name.upper() for name in y]))
    train, test = train_test_split(range(60), test_size=0.2, random_state=0, stratify=y)
    assert set(view.parts["test"].tolist()) == set(test)
    assert set(view.parts["train"].tolist()) == set(train)
    assert view.scene["classes"] == sorted(NAMES)
    assert view.warnings[0].kind == "groups"
    assert "ANT, CAT, DOG" in view.warnings[0].text
    first = dlviz.split(form(range(60)), form(sorted(y)), how="order")
    assert "train holds no example of" not in str(first.warnings)
    assert "test holds no example of 2 classes: ant, cat" in str(first.warnings)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_matrix, sparse.dok_array])
def test_a_sparse_matrix_of_scipy_holds_examples(form):
    x = torch.randint(0, 3, (40, 6)) / 2
    x[30:] = x[:10]
    y = torch.arange(40) % 2
    dense, view = dlviz.split(x, y), dlviz.split(form(x.numpy()), y)
    assert [finding.text for finding in view.warnings] == [finding.text for finding in dense.warnings]
    classifier = LogisticRegression().fit(x, y)
    asked = dlviz.confusion(classifier, y, form(x.numpy()))
    assert torch.equal(asked.matrix, dlviz.confusion(classifier, y, x).matrix)
    pool = asked.scene["pool"]
    first = x[np.frombuffer(pool["number"], "<i4")[0]].tolist()
    assert pool["texts"][0] == str({column: value for column, value in enumerate(first) if value})


def test_a_sparse_matrix_of_scipy_is_neither_scores_nor_labels():
    matrix, y = sparse.csr_array(np.eye(4)), torch.tensor([0, 1, 0, 1])
    with pytest.raises(DlvizError, match=r"scores: .* but got csr_array"):
        dlviz.confusion(matrix, y)
    with pytest.raises(DlvizError, match=r"scores: .* but got csr_array"):
        dlviz.confusion(torch.eye(4), y).update(matrix)
    with pytest.raises(DlvizError, match=r"groups: .* but got csr_array"):
        dlviz.split(torch.eye(4), y, groups=matrix)
    with pytest.raises(DlvizError, match="y: labels"):
        dlviz.split(torch.eye(4), matrix)
    with pytest.raises(DlvizError, match="one example for each of the 3 labels in y is needed, but got 4"):
        dlviz.split(matrix, y[:3])


def test_copies_are_found_in_tables_and_among_objects():
    rows = np.arange(40).reshape(20, 2)
    rows[19] = rows[3]
    y = np.arange(20) % 2
    numbers = dlviz.split(Table(rows), y, how="order")
    mixed = dlviz.split(Table(np.array([[f"name {a}", b] for a, b in rows], dtype=object)), y, how="order")
    arrays = dlviz.split([np.zeros(5000 + row[0]) for row in rows], y, how="order")
    for view in (numbers, mixed, arrays):
        assert [finding.text for finding in view.warnings if finding.kind == "duplicates"] == [
            "1 example of test is an exact copy of one in train: 19 = 3. A model that remembers train knows it already."
        ]
    # They differ in the middle, which the text of a long array leaves out.
    almost = [np.zeros(5000) for _ in range(20)]
    for k, row in enumerate(almost):
        row[2500] = k
    assert not [
        one
        for one in dlviz.split(Column(np.array([None, *almost], dtype=object)[1:]), y).warnings
        if one.kind == "duplicates"
    ]


@pytest.mark.parametrize("function", [dlviz.confusion, dlviz.split])
def test_options_stand_in_the_signature(function):
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    options = function.__doc__.split("Args:")[1].split("Returns:")[0]
    assert [name for name in inspect.signature(function).parameters if f"{name}" not in options] == []
