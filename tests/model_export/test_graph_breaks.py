"""Graph breaks are dynamo's own, and what dynamo keeps for the learner's model stays."""

import pytest
import torch
from torch import nn

from dlviz.model_export import Record, record
from tests.model_export import models


def export(model: nn.Module, *args) -> Record:
    return record(model.eval(), args, runtimes=["compile"])


@pytest.mark.parametrize(
    ("model", "kind", "line"),
    [
        (models.Branch(), "branch", "if x.sum() > 0:"),
        (models.Number(), "number", "scale = float(x.max())"),
        (models.Printing(), "print", 'print("forward")'),
    ],
    ids=["branch", "number", "print"],
)
def test_every_break_has_its_line_and_a_reason(model, kind, line, capsys):
    found = export(model, torch.rand(3, 4))
    assert [(one.kind, one.line.text) for one in found.compiled.breaks] == [(kind, line)]
    assert found.compiled.graphs == 2
    assert found.parity.is_equal("compiled")
    assert capsys.readouterr() == ("", "")


def test_a_model_without_breaks_is_one_graph():
    found = export(models.Classifier(), torch.randint(0, 20, (4, 7)))
    assert (found.compiled.graphs, found.compiled.breaks) == (1, ())
    assert found.parity.is_equal("compiled")


def test_a_model_that_the_learner_has_compiled_is_not_compiled_again():
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    net, x = models.Branch().eval(), torch.rand(3, 4)
    compiled = torch.compile(net, backend=backend)
    with torch.no_grad():
        compiled(x)
        count = len(graphs)
        assert count
        for one in (net, compiled):
            record(getattr(one, "_orig_mod", one), (x,), runtimes=["compile"])
        compiled(x)
    assert len(graphs) == count


def test_nothing_is_entered_into_the_global_variables_of_the_models_code():
    before = set(vars(models))
    record(models.Branch().eval(), (torch.rand(3, 4),), runtimes=["compile"])
    assert set(vars(models)) == before
