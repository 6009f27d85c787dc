"""Statements that depend on numbers: torch's error becomes a kind, and what is to be written instead is exported and gives the same."""

import inspect
import linecache
import textwrap

import pytest
import torch
from torch import nn

from dlviz.model_export import Record, record
from dlviz.model_export.branches import Branch, branch_at
from dlviz.model_export.example import Example
from dlviz.model_export.program import Program, Refusal, export_program
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


def learners_model(body: str, extra: str = "") -> type[nn.Module]:
    """Return a module class with a forward of this body; its layers are a, b and w."""
    head = f"def forward(self, x{extra}):\n"
    source = head + textwrap.indent(body, "    ")
    name = f"<forward {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict = {"torch": torch}
    exec(compile(source, name, "exec"), scope)

    class Learners(nn.Module):
        forward = scope["forward"]

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.w = nn.Parameter(torch.rand(4))

    return Learners


def repaired(model: nn.Module, branch: Branch) -> nn.Module:
    """Return a model whose forward has the proposed code in place of the statement, and of all after it if it returns."""
    lines, first = inspect.getsourcelines(type(model).forward)
    start = branch.line.line - max(first, 1)
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
    for key, parameter in model.named_parameters(recurse=False):
        made.register_parameter(key, parameter)
    return made.eval()


#: Bodies of a forward, and whether the repair has a copy. In each the sign of the sum of x chooses a side.
SHAPES = {
    "returns its operand": ("if x.sum() > 0:\n    return self.a(x)\nreturn x\n", True),
    "returns a view": ("if x.sum() > 0:\n    return self.a(x).T\nelse:\n    return x.transpose(0, 1)\n", True),
    "returns a parameter": ("if x.sum() > 0:\n    return self.w * x[0]\nreturn self.w\n", True),
    "one of several values": ("if x.sum() > 0:\n    return x * 2, x\nreturn x, -x\n", True),
    "a dictionary": ("if x.sum() > 0:\n    return {'h': x}\nreturn {'h': -x}\n", True),
    "the same value twice": ("if x.sum() > 0:\n    y = x * 2\n    return y, y\nreturn -x, x + 1\n", True),
    "another name of its operand": ("if x.sum() > 0:\n    y = x\nelse:\n    y = -x\nreturn self.a(y)\n", True),
    "no else": ("if x.sum() > 0:\n    x = 1 - x\nreturn self.a(x)\n", True),
    "no else, in place": ("y = self.a(x)\nif x.sum() > 0:\n    y += 1\nreturn y * 3\n", True),
    "nothing handed on": ("if x.sum() > 0:\n    y = self.a(x)\nelse:\n    y = self.b(x)\nreturn y\n", False),
    "an operand changed first": ("if x.sum() > 0:\n    x = x * 2\n    return self.a(x)\nreturn self.b(x)\n", False),
    "two variables": (
        "y = x + 1\nz = x - 1\nif x.sum() > 0:\n    h = y * 2\n    y = h + z\nelse:\n    z = y * 3\nreturn y - z\n",
        True,
    ),
    "elif": (
        "if x.sum() > 6:\n    y = x * 2\nelif x.sum() > 0:\n    y = x\nelse:\n    y = -x\nreturn self.a(y)\n",
        True,
    ),
    "elif of returns": ("if x.sum() > 6:\n    return x * 2\nelif x.sum() > 0:\n    return x\nreturn -x\n", True),
    "one side returns": ("if x.sum() > 0:\n    return x * 2\nelse:\n    x = x + 1\nreturn x\n", False),
    "one if after the other": (
        "if x.sum() > 6:\n    return x\nif x.sum() > 0:\n    return x * 2\ny = -x\nreturn self.a(y)\n",
        True,
    ),
    "and, not": ("if x.sum() > 0 and not x.max() > 9:\n    return x * 2\nreturn -x\n", False),
    "a chain": ("if 0 < x.sum() < 100:\n    return x * 2\nreturn -x\n", False),
    "a number as condition": ("if x.sum().item() > 0:\n    return x * 2\nreturn -x\n", False),
    "truth of a tensor": ("if x.relu().sum():\n    return x * 2\nreturn -x\n", False),
    "numbers in a side": ("n = x.shape[1] // 2\nk = 3.0\nif x.sum() > 0:\n    return x * n * k\nreturn x / n\n", False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_proposed_code_is_exported_and_gives_the_same_on_every_side(shape):
    torch.manual_seed(0)
    body, has_clone = SHAPES[shape]
    model, example = learners_model(body)().eval(), torch.rand(3, 4)
    refusal = export_program(Example(model, (example,), {}))
    assert isinstance(refusal, Refusal)
    branch = branch_at(refusal.line)
    assert branch.kind == "if"
    assert branch.has_clone == has_clone, branch.repair
    program = export_program(Example(repaired(model, branch), (example,), {}))
    assert isinstance(program, Program), (program, branch.repair)
    # Sums of about 24, 3, and -6.
    for x in (torch.rand(3, 4) * 4, torch.rand(3, 4) / 2, -torch.rand(3, 4)):
        with torch.no_grad():
            torch.testing.assert_close(program.module(x.clone()), model(x.clone()))


@pytest.mark.parametrize("kind", [models.Branch, models.Assigned], ids=["return", "assign"])
def test_the_proposed_code_for_a_model_in_a_file_is_exported(kind):
    model = kind().eval()
    found = export(repaired(model, export(model, torch.rand(3, 4) + 1).branches[0]), torch.rand(3, 4) + 1)
    assert found.refusal is None, found.refusal
    assert found.parity.is_equal("exported")


@pytest.mark.parametrize("condition", ["x.sum() > 0", "x.sum().item() > 0", "0 < x.sum() < 100", "not x.sum() > 0"])
def test_a_choice_with_any_condition_is_exported(condition):
    model, example = learners_model(f"y = x if {condition} else -x\nreturn y\n")().eval(), torch.rand(3, 4)
    branch = branch_at(export_program(Example(model, (example,), {})).line)
    again = learners_model(f"y = {branch.repair}\nreturn y\n")().eval()
    program = export_program(Example(again, (example,), {}))
    assert isinstance(program, Program), (program, branch.repair)
    for x in (example, -example):
        torch.testing.assert_close(program.module(x), model(x))


def test_a_choice_becomes_where():
    branch = export(models.Choice(), torch.rand(3, 4)).branches[0]
    assert branch.repair == "torch.where(x.mean() > 0, x, -x)"


def test_a_number_stays_a_tensor():
    assert export(models.Number(), torch.rand(3, 4)).branches[0].repair == "scale = x.max()"


@pytest.mark.parametrize(
    "code",
    [
        "def forward(self, x):\n    if x.sum() > 0:\n        y = x\n        z = x\n    return x\n",
        "def forward(self, x):\n    k = 1\n    if x.sum() > 0:\n        k = 2\n    return x * k\n",
        "def forward(self, x):\n    if x.sum() > 0:\n        x.mul_(2)\n        x = x + 1\n    return x\n",
        "def forward(self, x):\n    if x.sum() > 0:\n        self.count = 3\n    return x\n",
        "def forward(self, x):\n    if x.sum() > 0:\n        x = x + 1\n    else:\n        return x\n    return x\n",
    ],
    ids=["never read", "number", "in place", "attribute", "mixed"],
)
def test_nothing_is_proposed_where_it_would_be_wrong(code):
    name = f"<code {hash(code)}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    assert branch_at(CodeLine(name, 2)).repair == ""


def test_a_line_that_cannot_be_read_is_of_no_kind():
    branch = branch_at(CodeLine("<no such file>", 3))
    assert (branch.kind, branch.code, branch.repair) == ("other", "", "")
