"""Which sizes may vary: what is said in words is what torch's own guards and the model do."""

import pytest
import torch
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.model_export import Record, record
from dlviz.model_export.scene import range_text, scene
from tests.model_export import models


def export(model: nn.Module, *args, **options) -> Record:
    return record(model.eval(), args, runtimes=(), **options)


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (nn.Linear(3, 2), (4, 3), {"N": "any size"}),
        (models.Multiple(), (4, 12), {"N": "any size", "x1": "a multiple of 4, from 8"}),
        (models.Limited(), (4, 5, 3), {"N": "any size", "x1": "from 0 to 6"}),
        (nn.Conv2d(1, 1, 3), (2, 1, 8, 8), {"N": "any size", "input2": "4 or more", "input3": "4 or more"}),
    ],
    ids=["linear", "multiple", "limited", "convolution"],
)
def test_sizes_in_words_hold_for_the_model_itself(model, shape, expected):
    found = export(model, torch.randn(shape))
    assert {one.name: range_text(one) for one in found.shapes.ranges} == expected
    for one in found.shapes.ranges:
        for size in one.allowed[1:40]:
            changed = list(shape)
            changed[one.places[0].dim] = size
            model(torch.randn(changed))
            found.program.module(torch.randn(changed))


def test_sizes_that_the_model_refuses_are_not_among_the_allowed():
    found = export(models.Multiple(), torch.randn(4, 12))
    width = found.shapes.ranges[1]
    refused = [size for size in range(1, 40) if size not in width.allowed]
    for size in (size for size in refused if size % 4):
        with pytest.raises(RuntimeError):
            models.Multiple()(torch.randn(4, size))


def test_a_fixed_size_says_whether_the_model_needs_it():
    found = export(nn.Linear(3, 2), torch.randn(1, 3))
    assert found.shapes.ranges == ()
    texts = {one["name"]: one["text"] for one in scene(found, "net")["sizes"]["fixed"]}
    assert "Pass an example with 2 or more" in texts["input.shape[0]"]
    assert "with 4 your model itself raises RuntimeError: mat1" in texts["input.shape[1]"]


def test_one_size_of_two_inputs_is_one_range():
    class Add(nn.Module):
        def forward(self, x, y):
            return x + y

    found = export(Add(), torch.randn(3, 4), torch.randn(3, 4))
    assert [[place.tensor for place in one.places] for one in found.shapes.ranges] == [["x", "y"], ["x", "y"]]


def test_named_sizes_vary_and_the_others_are_fixed():
    found = export(models.Multiple(), torch.randn(4, 12), dynamic={"x": {0: "batch"}})
    assert [one.name for one in found.shapes.ranges] == ["batch"]
    assert [one.dim for one in found.shapes.fixed] == [1]
    same = export(models.Multiple(), torch.randn(4, 12), dynamic={0: "batch"})
    assert [one.name for one in same.shapes.ranges] == ["batch"]
    assert export(models.Multiple(), torch.randn(4, 12), dynamic={}).shapes.ranges == ()


def test_named_sizes_that_torch_refuses_are_said_in_its_words():
    found = export(nn.Linear(3, 2), torch.randn(4, 3), dynamic={1: "features"})
    assert found.refusal is not None
    assert "features" in found.refusal.text
    assert found.program is not None
    assert not found.program.is_draft
    assert "refuses the sizes that you named" in scene(found, "net")["verdict"]


@pytest.mark.parametrize(
    ("dynamic", "words"),
    [
        ("batch", "must be a dictionary"),
        ({"y": {0: "batch"}}, "names the input 'y', but the tensors that net gets are x"),
        ({"x": "batch"}, "must be a dictionary"),
        ({2: "batch"}, "dimensions 0 to 1, but got 2"),
        ({0: "my batch"}, "needs a name such as 'batch', but got 'my batch'"),
    ],
    ids=["text", "input", "dimension", "number", "name"],
)
def test_other_names_of_sizes_are_refused(dynamic, words):
    with pytest.raises(DlvizError, match=words):
        export(models.Multiple(), torch.randn(4, 12), dynamic=dynamic)
