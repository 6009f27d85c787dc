"""Statements that depend on numbers: torch's error becomes a kind, and what is to be written instead is exported and gives the same."""

import inspect
import linecache
import textwrap

import pytest
import torch
from torch import nn

from dlviz.model_export import Record, record
from dlviz.model_export.branches import branch_at
from dlviz.model_export.source import CodeLine
from tests.model_export import models


def export(model: nn.Module, *args) -> Record:
    return record(model.eval(), args, runtimes=())


@pytest.mark.parametrize(
    ("model", "kind", "first"),
    [
        (models.Branch(), "if", "if x.sum() > 0:"),
        (models.Assigned(), "if", "if y.max() > 2:"),
        (models.Choice(), "choice", "return x if x.mean() > 0 else -x"),
        (models.Loop(), "loop", "while x.norm() > 1:"),
        (models.Number(), "number", "scale = float(x.max())"),
        (models.Numpy(), "numpy", "return torch.from_numpy(x.detach().numpy() * 2)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_what_torch_refuses_is_named_with_its_line(model, kind, first):
    found = export(model, torch.rand(3, 4) + 1)
    assert found.refusal is not None
    branch = found.branches[0]
    assert branch.kind == kind
    assert branch.code.splitlines()[0] == first == branch.line.text


@pytest.mark.parametrize("sign", [1, -1])
def test_the_side_of_the_example_is_the_one_that_is_kept(sign):
    found = export(models.Branch(), sign * torch.rand(3, 4))
    assert found.branches[0].taken == (sign > 0)
    kept = {one.module for one in found.program.operations if one.name == "linear"}
    assert kept == {"a" if sign > 0 else "b"}


def repaired(model: nn.Module) -> nn.Module:
    """Return a copy of a model whose forward has the proposed code in place of the statement, and of all after it if it returns."""
    branch = export(model, torch.rand(3, 4) + 1).branches[0]
    lines, first = inspect.getsourcelines(type(model).forward)
    start = branch.line.line - first
    indent = len(lines[start]) - len(lines[start].lstrip())
    # A return with torch.cond stands for the rest of the function.
    rest = [] if "\nreturn torch.cond" in branch.repair else lines[start + len(branch.code.splitlines()) :]
    source = "".join([*lines[:start], textwrap.indent(branch.repair, " " * indent) + "\n", *rest])
    name = f"<repaired {type(model).__name__}>"
    source = textwrap.dedent(source)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict = {"torch": torch}
    exec(compile(source, name, "exec"), scope)
    made = type("Repaired", (nn.Module,), {"forward": scope["forward"]})()
    for key, child in model.named_children():
        made.add_module(key, child)
    return made


@pytest.mark.parametrize("kind", [models.Branch, models.Assigned], ids=["return", "assign"])
def test_the_proposed_code_is_exported_and_gives_the_same_on_both_sides(kind):
    model = kind().eval()
    again = repaired(model)
    found = export(again, torch.rand(3, 4) + 1)
    assert found.refusal is None, found.refusal
    assert found.parity.is_equal("exported")
    for x in (torch.rand(3, 4) + 1, -torch.rand(3, 4) - 1):
        with torch.no_grad():
            torch.testing.assert_close(found.program.module(x), model(x))


def test_a_choice_becomes_where():
    branch = export(models.Choice(), torch.rand(3, 4)).branches[0]
    assert branch.repair == "torch.where(x.mean() > 0, x, -x)"


def test_a_number_stays_a_tensor():
    assert export(models.Number(), torch.rand(3, 4)).branches[0].repair == "scale = x.max()"


@pytest.mark.parametrize(
    "code",
    [
        "def forward(self, x):\n    if x.sum() > 0:\n        y = x\n        z = x\n    return x\n",
        "def forward(self, x):\n    if x.sum() > 0:\n        self.count = 3\n    return x\n",
        "def forward(self, x):\n    if x.sum() > 0:\n        return x\n    else:\n        x = x + 1\n    return x\n",
    ],
    ids=["two names", "attribute", "mixed"],
)
def test_nothing_is_proposed_where_it_would_be_wrong(code):
    name = f"<code {hash(code)}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    assert branch_at(CodeLine(name, 2)).repair == ""


def test_a_line_that_cannot_be_read_is_of_no_kind():
    branch = branch_at(CodeLine("<no such file>", 3))
    assert (branch.kind, branch.code, branch.repair) == ("other", "", "")
