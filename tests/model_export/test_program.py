"""The eager calls and the program's operations: every operation is found, and stands with the call it comes from."""

import pytest
import torch
from torch import nn

from dlviz.model_export import Record, record
from tests.model_export import models


def export(model: nn.Module, *args, **options) -> Record:
    torch.manual_seed(0)
    return record(model, args, runtimes=(), **options)


@pytest.fixture(scope="module")
def classifier() -> Record:
    torch.manual_seed(0)
    return export(models.Classifier(), torch.randint(0, 20, (4, 7)))


@pytest.fixture(scope="module")
def nested() -> Record:
    return export(models.Nested().eval(), torch.randn(3, 5, 8), kwargs={"scale": 2.0, "other": torch.randn(5, 8)})


def pairs(found: Record) -> list[tuple[str, str]]:
    """Return the name of each operation on tensors with that of its call; "" if it has none."""
    assert found.program is not None
    return [
        (one.name, found.calls[call].name if call >= 0 else "")
        for one, call in zip(found.program.operations, found.matched, strict=True)
        if one.kind == "tensor"
    ]


def test_every_operation_of_a_classifier_comes_from_its_call(classifier):
    assert pairs(classifier) == [
        ("embedding", "embed"),
        ("transpose", "transpose"),
        ("conv1d", "conv"),
        ("batch_norm", "norm"),
        ("relu", "relu"),
        ("dropout", "drop"),
        ("mean", "mean"),
        ("linear", "head.0"),
        ("relu", "head.1"),
        ("linear", "head.2"),
    ]
    assert classifier.dropped == classifier.added == []


def test_the_operations_are_those_of_torchs_own_export(classifier):
    own = torch.export.export(models.Classifier().eval(), (torch.zeros(4, 7, dtype=torch.long),))
    targets = [str(node.target) for node in own.graph.nodes if node.op == "call_function"]
    assert [one.target for one in classifier.program.operations] == targets


def test_dropout_does_nothing_in_evaluation_mode(classifier):
    assert [one.name for one in classifier.program.operations if one.is_idle] == ["dropout"]


def test_a_call_may_be_many_operations_and_a_layer_that_is_used_twice_two(nested):
    found = pairs(nested)
    of_attention = [name for name, call in found if call == "multi_head_attention_forward"]
    assert len(of_attention) > 10
    assert "softmax" in of_attention
    assert [name for name, call in found if call == "twice"] == ["linear", "linear"]
    indices = [call for call in nested.matched if call >= 0]
    assert indices == sorted(indices)
    assert [nested.calls[k].name for k in nested.dropped] == ["same"]


def test_every_line_is_the_learners(classifier):
    operation = next(one for one in classifier.program.operations if one.name == "mean")
    assert operation.lines[-1].text == "return self.head(self.drop(h).mean(-1))"
    assert operation.lines[-1].where == "models.py"
    assert {call.lines[-1].where for call in classifier.calls} == {"models.py"}


def test_the_shapes_of_the_calls_are_those_of_the_forward_pass(classifier):
    assert [call.shapes for call in classifier.calls][:3] == [((4, 7, 6),), ((4, 6, 7),), ((4, 5, 7),)]
    assert classifier.shapes.text(classifier.program.operations[2].shapes[0]) == "(N, 5, tokens1)"


def test_operations_on_one_line_belong_to_the_calls_in_order():
    class Line(nn.Module):
        def forward(self, x):
            return (x[:, :2] + x[:, 1:3]).relu().sum(1) * torch.arange(4.0)[:2].sum()

    found = pairs(export(Line(), torch.randn(3, 4)))
    assert [call for name, call in found if name == "slice"][:4] == ["getitem", "getitem", "getitem (2)", "getitem (2)"]
    assert {name: call for name, call in found if name in ("add", "relu", "mul")} == {
        "add": "add",
        "relu": "relu",
        "mul": "mul",
    }
    assert ("arange", "") in found


def test_a_model_that_raises_says_so():
    from dlviz.kit.errors import DlvizError

    with pytest.raises(DlvizError, match=r"your model raised RuntimeError on this input: mat1"):
        export(nn.Linear(3, 2), torch.randn(2, 4))
