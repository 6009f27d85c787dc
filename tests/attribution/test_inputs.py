"""Images, rows and tokens in every form that learners hold them, and their targets."""

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.attribution import record, score_function
from dlviz.attribution.inputs import check_inputs
from dlviz.kit.errors import DlvizError

CONV = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
DEEP = nn.Sequential(nn.Flatten(), nn.Linear(4 * 36, 3))
ROWS = nn.Linear(3, 2)
TOKENS = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))


class Table:
    """What pandas gives: columns, and the numbers by ``__array__``."""

    def __init__(self, numbers, columns=None, index=None):
        self._numbers = np.asarray(numbers)
        self.ndim = self._numbers.ndim
        if columns is not None:
            self.columns = columns
        if index is not None:
            self.index = index

    def __array__(self, dtype=None, copy=None):
        return self._numbers if dtype is None else self._numbers.astype(dtype)


@pytest.mark.parametrize(
    ("net", "x", "kind", "shape"),
    [
        (CONV, torch.rand(1, 8, 8), "image", (1, 1, 8, 8)),
        (CONV, np.random.rand(4, 1, 8, 8), "image", (4, 1, 8, 8)),
        (CONV, np.zeros((1, 8, 8), dtype=np.uint8), "image", (1, 1, 8, 8)),
        (DEEP, torch.rand(4, 6, 6), "image", (1, 4, 6, 6)),
        (ROWS, [1.0, 2.0, 3.0], "row", (1, 3)),
        (ROWS, [[1, 2, 3], [4, 5, 6]], "row", (2, 3)),
        (ROWS, np.arange(3), "row", (1, 3)),
        (TOKENS, [1, 2, 3], "tokens", (1, 3)),
        (TOKENS, torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.int32), "tokens", (2, 3)),
    ],
    ids=["image", "images of NumPy", "bytes", "4 channels", "list", "lists", "whole numbers", "ids", "int32"],
)
def test_the_kind_follows_from_shape_dtype_and_net(net, x, kind, shape):
    inputs = check_inputs(net, x)
    assert (inputs.kind, tuple(inputs.x.shape)) == (kind, shape)
    assert inputs.x.dtype == (torch.int64 if kind == "tokens" else torch.float32)
    made = record(net, x, steps=2, samples=2)
    assert made.attributions["saliency"].maps.shape == (shape[0], *inputs.places)


def test_tables_bring_the_names_of_their_columns():
    assert check_inputs(ROWS, Table([[1, 2, 3]], columns=["age", "bmi", "sex"])).features == ("age", "bmi", "sex")
    assert check_inputs(ROWS, Table([1, 2, 3], index=["age", "bmi", "sex"])).features == ("age", "bmi", "sex")
    assert check_inputs(ROWS, torch.rand(2, 3)).features == ("x0", "x1", "x2")


def test_bytes_are_not_scaled_and_that_is_said():
    x = np.full((1, 8, 8), 200, dtype=np.uint8)
    inputs = check_inputs(CONV, x)
    assert inputs.x.max() == 200
    assert "not divided by 255" in inputs.notes[0]


def test_inputs_without_names_say_what_they_are():
    assert check_inputs(nn.Linear(2, 2), torch.rand(2, 1, 8, 8)).labels == ("image 0", "image 1")
    assert check_inputs(nn.Linear(2, 2), torch.rand(1, 2)).labels == ("row 0",)
    assert check_inputs(nn.Embedding(9, 2), torch.tensor([[1, 2]])).labels == ("text 0",)


def test_one_input_with_several_targets_stands_several_times():
    made = score_function(ROWS, [1.0, 2.0, 3.0], [0, 1, 0], labels=["patient 7"]).inputs
    assert made.x.tolist() == [[1, 2, 3]] * 3
    assert made.targets.tolist() == [0, 1, 0]
    assert made.source.tolist() == [0, 0, 0]
    assert made.labels == ("patient 7",) * 3


def test_targets_are_predicted_named_or_shared():
    x = torch.randn(4, 3)
    scores = ROWS(x)
    assert torch.equal(score_function(ROWS, x).inputs.targets, scores.argmax(1))
    assert score_function(ROWS, x, 1).inputs.targets.tolist() == [1] * 4
    assert score_function(ROWS, x, "dog", classes=("cat", "dog")).inputs.targets.tolist() == [1] * 4
    assert score_function(ROWS, x, ["dog", "cat", "cat", "dog"], classes=("cat", "dog")).inputs.targets.tolist() == [
        1,
        0,
        0,
        1,
    ]
    assert score_function(ROWS, x, torch.tensor(1)).inputs.targets.tolist() == [1] * 4
    assert score_function(ROWS, x, np.array([1, 0, 1, 0])).inputs.targets.tolist() == [1, 0, 1, 0]
    assert score_function(nn.Linear(3, 1), x).inputs.targets.tolist() == [0] * 4


class Tokenizer:
    def convert_ids_to_tokens(self, ids):
        return [f"word {k}" for k in ids]


def test_tokens_have_texts():
    ids = [[1, 2, 3], [4, 5, 6]]
    assert check_inputs(TOKENS, ids).tokens == (("1", "2", "3"), ("4", "5", "6"))
    assert check_inputs(TOKENS, ids, tokens=Tokenizer()).tokens[1] == ("word 4", "word 5", "word 6")
    assert check_inputs(TOKENS, ids[0], tokens=["a", "b", "c"]).tokens == (("a", "b", "c"),)
    assert check_inputs(TOKENS, ids, tokens=[["a", "b", "c"], ["d", "e", "f"]]).tokens[1] == ("d", "e", "f")


@pytest.mark.parametrize(
    ("net", "x", "options", "text"),
    [
        (CONV, "cat.png", {}, "x must hold numbers, .* but got str"),
        (CONV, torch.rand(1, 8, 8) * 1j, {}, "complex64"),
        (CONV, torch.zeros(0, 1, 8, 8), {}, r"shape \(0, 1, 8, 8\)"),
        (CONV, torch.tensor(1.0), {}, r"shape \(\)"),
        (CONV, torch.rand(8, 8), {}, r"images must have the shape .* but got \(8, 8\).*x\[None\]"),
        (CONV, torch.rand(8, 8), {"kind": "image"}, r"images must have the shape .* but got \(8, 8\).*x\[None\]"),
        (CONV, torch.rand(5, 8, 8), {}, r"one image with 5 channels, but .* takes 1.*x\[:, None\]"),
        (CONV, torch.rand(8, 8, 1), {}, r"\(8, 8, 1\) has its channels last.*takes 1\. Pass x\.permute"),
        (CONV, torch.rand(2, 8, 8, 1), {}, "has its channels last"),
        (CONV, torch.rand(1, 1, 1, 8, 8), {}, "images must have the shape"),
        (CONV, torch.full((1, 8, 8), float("nan")), {}, "x must be finite, but 64"),
        (CONV, torch.rand(1, 8, 8), {"kind": "picture"}, "kind must be auto, image, row or tokens, but got 'picture'"),
        (CONV, torch.rand(1, 8, 8), {"features": ["a"]}, "features is for inputs of the kind row"),
        (ROWS, torch.rand(2, 3), {"tokens": ["a"]}, "tokens is for inputs of the kind tokens"),
        (ROWS, torch.rand(2, 3), {"features": ["a"]}, "features must name 3 features.* got 1"),
        (ROWS, torch.rand(2, 3), {"features": 3}, "features must be a list of names, but got int"),
        (ROWS, torch.rand(2, 3), {"labels": ["a"]}, "labels must name 2 inputs, but got 1"),
        (ROWS, torch.rand(2, 3), {"kind": "image"}, "images must have the shape"),
        (TOKENS, torch.rand(1, 3), {"kind": "tokens"}, "tokens must be whole numbers.*float32"),
        (TOKENS, [1, 2, 3], {"tokens": ["a", "b"]}, "1 lists of 3 texts.*lists of 2"),
        (TOKENS, [1, 2, 3], {"tokens": 5}, "tokens must be lists of texts.*but got int"),
        (TOKENS, [1, 2, 3], {"tokens": "a b c"}, "tokens must be lists of texts.*but got str"),
    ],
    ids=range(22),
)
def test_inputs_that_do_not_fit_are_refused(net, x, options, text):
    with pytest.raises(DlvizError, match=text):
        check_inputs(net, x, **options)


@pytest.mark.parametrize(
    ("target", "classes", "text"),
    [
        (2, None, "target must be the index of an output, from 0 to 1, but got 2"),
        (-1, None, "from 0 to 1, but got -1"),
        (1.5, None, "target"),
        ([0.5, 1], None, "target: whole labels or names are needed"),
        ("dog", None, r"target 'dog' is a name\. Pass classes"),
        ("bird", ("cat", "dog"), "the label 'bird' is none of the names: cat, dog"),
        ([0, 1], None, "one for all inputs, or a list of 3.*got 2"),
        ([[0, 1]], None, "target"),
        ([], None, "target"),
        (0, ("cat",), "classes must name the net’s 2 outputs, but got 1"),
        (0, 7, "classes must be a list of names, but got int"),
    ],
    ids=range(11),
)
def test_targets_that_do_not_fit_are_refused(target, classes, text):
    with pytest.raises(DlvizError, match=text):
        score_function(ROWS, torch.rand(3, 3), target, classes=classes)
