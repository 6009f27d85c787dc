"""The comparison of outputs finds what was planted, says where outputs part, and finds nothing where nothing is."""

import random

import pytest
import torch
from torch import nn

from dlviz.model_export import Record, record
from dlviz.model_export.example import Example
from dlviz.model_export.parity import compare, comparison, first_difference
from dlviz.model_export.random_inputs import Case
from dlviz.model_export.scene import scene
from dlviz.torchkit.callables import untouched
from tests.model_export import models


def export(model: nn.Module, *args, **options) -> Record:
    torch.manual_seed(0)
    return record(model.eval(), args, runtimes=options.pop("runtimes", ()), **options)


def labels(found: Record, is_equal: bool) -> set[str]:
    pairs = zip(found.parity.cases, found.parity.runtimes["exported"], strict=True)
    return {case.kind for case, one in pairs if one is not None and one.is_equal == is_equal}


def test_a_program_without_differences_is_equal_on_every_input():
    found = export(models.Classifier(), torch.randint(0, 20, (4, 7)))
    assert found.parity.is_equal("exported")
    assert found.parting is None
    assert {case.kind for case in found.parity.cases} == {"example", "random", "size"}
    tokens = torch.cat([case.leaves[0].flatten() for case in found.parity.cases])
    assert int(tokens.min()) >= 0
    # Of 20 rows, more are looked up than the example has.
    assert 15 < int(tokens.max()) <= 19


def test_every_error_is_that_of_the_two_modules_themselves():
    net = models.Classifier().eval()
    found = export(net, torch.randint(0, 20, (4, 7)))
    for case, one in zip(found.parity.cases, found.parity.runtimes["exported"], strict=True):
        with torch.no_grad():
            expected, output = net(*case.leaves), found.program.module(*case.leaves)
        assert one.max_error == float((expected.double() - output.double()).abs().max())


def test_a_planted_counter_is_found():
    found = export(models.Counter(), torch.randn(3, 4))
    assert not found.parity.is_equal("exported")
    assert labels(found, True) <= {"example", "zeros"}
    assert found.changed == ("calls",)
    assert found.calls[found.parting.call].name == "mul"


def test_a_planted_random_number_of_pythons_is_found():
    found = export(models.PythonRandom(), torch.randn(3, 4))
    assert not found.parity.is_equal("exported")
    assert found.calls[found.parting.call].name == "add"
    assert found.parting.max_error > 0


def test_a_planted_operation_is_found_and_named():
    net, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).eval(), torch.randn(3, 4)
    found = export(net, x)
    graph = found.program.module.graph
    relu = next(node for node in graph.nodes if node.name == "relu")
    relu.target = torch.ops.aten.gelu.default
    found.program.module.recompile()
    example = Example(net, (x,), {})
    cases = [Case("example", (), (x,))]
    parity = compare(cases, example.runner(net), {"exported": example.runner(found.program.module)})
    assert not parity.is_equal("exported")
    with untouched([net]):
        parting = first_difference(example, found.program, found.calls, found.matched, cases)
    assert found.calls[parting.call].name == "1"
    expected = (torch.relu(net[0](x)) - nn.functional.gelu(net[0](x))).abs().max().detach()
    assert parting.max_error == pytest.approx(float(expected), rel=1e-6)


def test_a_branch_that_the_example_does_not_take_is_refused_by_the_draft():
    found = export(models.Branch(), torch.rand(3, 4))
    assert found.program.is_draft
    assert "negative" in labels(found, False)
    assert "example" in labels(found, True)
    assert (found.parting.operation, found.parting.called) == (None, "b")


@pytest.mark.parametrize("limit", [0.0, 1e9], ids=["both sides", "one side"])
def test_the_sides_of_a_cond_are_those_that_the_inputs_take(limit):
    class Cond(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > limit, lambda x: x * 2, lambda x: x.clone(), (x,))

    found = export(Cond(), torch.rand(3, 4))
    (sides,) = found.sides
    assert sides.taken == tuple(bool(case.leaves[0].sum() > limit) for case in found.parity.cases)
    (shown,) = scene(found, "net")["parity"]["sides"]
    true, count = sum(sides.taken), len(sides.taken)
    assert sides.line.text.startswith("return torch.cond(")
    if limit:
        assert f"all {count} inputs took the side of False, so the other side was not compared" in shown["text"]
    else:
        assert f"{true} of {count} inputs took the side of True, {count - true} that of False" in shown["text"]
    assert shown["good"] == (limit == 0)


def test_a_program_without_a_cond_has_no_sides():
    assert export(models.Classifier(), torch.randint(0, 20, (4, 7))).sides == ()


def test_a_model_that_draws_from_torch_is_equal_with_the_same_seed_and_is_said_to_draw():
    found = export(models.AlwaysDropout(), torch.randn(3, 4))
    assert found.is_random
    assert found.parity.is_equal("exported")
    assert not export(nn.Dropout(), torch.randn(3, 4)).is_random


def test_an_input_on_which_the_model_itself_raises_is_left_out():
    class Picky(nn.Module):
        def forward(self, x):
            if torch.compiler.is_exporting() or bool((x != 0).any()):
                return x + 1
            raise ValueError("no zeros, please")

    found = export(Picky(), torch.randn(3, 4))
    k = [case.kind for case in found.parity.cases].index("zeros")
    assert found.parity.errors[k] == "no zeros, please"
    assert found.parity.runtimes["exported"][k] is None
    assert found.parity.is_equal("exported")


def test_the_generators_stay_as_they_are_and_another_seed_draws_other_inputs():
    net, x = nn.Linear(4, 2), torch.randn(3, 4)
    before = torch.get_rng_state(), random.getstate()
    one, other = (record(net, (x,), runtimes=(), seed=seed) for seed in (0, 1))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert not torch.equal(one.parity.cases[1].leaves[0], other.parity.cases[1].leaves[0])


@pytest.mark.parametrize(
    ("expected", "output", "is_equal"),
    [
        ([torch.ones(2)], [torch.ones(2) + 1e-7], True),
        ([torch.ones(2)], [torch.ones(2) + 1e-3], False),
        ([torch.ones(2)], [torch.ones(1, 2)], False),
        ([torch.ones(2)], [], False),
        ([torch.tensor([1.0, torch.nan])], [torch.tensor([1.0, torch.nan])], True),
        ([torch.tensor([1.0, torch.nan])], [torch.tensor([1.0, 2.0])], False),
        ([torch.tensor([torch.inf])], [torch.tensor([-torch.inf])], False),
        ([torch.zeros(0)], [torch.zeros(0)], True),
        ([torch.zeros(2)], [torch.full((2,), 1e-30)], False),
        ([3, None], [3, None], True),
        ([3], [4], False),
        ([torch.tensor([1, 2])], [torch.tensor([1, 3])], False),
    ],
    ids=[
        "rounding",
        "error",
        "shape",
        "count",
        "nan",
        "no nan",
        "sign",
        "empty",
        "zero",
        "plain",
        "number",
        "integers",
    ],
)
def test_outputs_are_equal_within_rounding_only(expected, output, is_equal):
    assert comparison(expected, output).is_equal == is_equal


def test_the_worst_input_is_the_one_with_the_largest_error():
    def run(values):
        return values[0] * (1 + 0.1 * values[0])

    cases = [Case("random", (), (torch.tensor([size]),)) for size in (1.0, 5.0, 2.0)]
    parity = compare(cases, lambda values: values[0], {"other": run})
    assert parity.worst("other") == 1
    assert parity.runtimes["other"][1].max_error == pytest.approx(2.5)
    assert compare(cases, run, {"same": run}).worst("same") is None
