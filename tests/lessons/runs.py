"""Run a lesson through nbval: as it is, or with solutions, predictions and checks added.

The checks of a notebook stand in ``checks_NN.py`` beside this file, out of the learner's sight. Each is a function with the name of
the cell after which it runs (``-`` in a cell's id is ``_`` in its name); its parameters are names in the notebook:

    def fit_a_line(accuracy, net, x, y):  # runs after the cell with the id "fit-a-line"
        assert accuracy(net, x, y) > 0.8
"""

import ast
import dis
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from xml.etree import ElementTree

import nbformat

import dlviz
from dlviz.lesson_files import number_of
from tests.exercises.test_prediction import ANSWERS

HERE = Path(__file__).parent
LESSONS = sorted((HERE.parent.parent / "lessons").glob("*.ipynb"))


def run(notebook: Path, folder: Path, **environment: str) -> None:
    """Run `notebook` through nbval in a separate process; every code cell must pass and none may be skipped."""
    report = folder / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-p",
        "nbval.plugin",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(notebook.parent),
    ]
    env = {
        **os.environ,
        "DLVIZ_PROGRESS": str(folder / "progress.json"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # Loading the plugins that these runs do not use takes two seconds each time.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH")))),
        **environment,
    }
    done = subprocess.run(
        [*command, f"--junit-xml={report}", str(notebook)],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    suite = ElementTree.parse(report).getroot().find("testsuite")
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code" and cell.source.strip()]
    assert counts == {"tests": len(cells), "failures": 0, "errors": 0, "skipped": 0}


def checks_module(notebook: Path) -> ModuleType:
    """Return the module with the checks of a lesson."""
    return import_module(f"tests.lessons.checks_{number_of(notebook)}")


def checks_of(notebook: Path) -> dict[str, Callable[..., None]]:
    """Return the checks of a lesson by function name."""
    module = checks_module(notebook)
    functions = inspect.getmembers(module, inspect.isfunction)
    return {name: check for name, check in functions if check.__module__ == module.__name__ and name[0] != "_"}


def count_asserts(code: str) -> int:
    """Return the number of assert statements in Python code."""
    return sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code)))


def call_of(check: Callable[..., None]) -> str:
    """Return the source of a cell that runs a check on the notebook's variables."""
    arguments = ", ".join(inspect.signature(check).parameters)
    return f"{aside(check.__module__.rpartition('.')[2])}.{check.__name__}({arguments})"


def aside(module: str = "aside") -> str:
    """Return the expression for a module of this folder that leaves no name in the notebook, which could hide that one is missing."""
    return f'__import__("{module}")'


def answer_of(cell: Any) -> str | None:
    """Return the source of a cell with its exercise or prediction answered, or None if it asks nothing."""
    marks = cell.metadata.get("dlviz", {})
    if "exercise" in marks:
        solution = dlviz.exercise(marks["exercise"]).solution().source
        *_, check = cell.source.rstrip().splitlines()
        assert ".check(" in check, cell.source
        return f"{solution.rstrip()}\n\n{check}"
    if "predict" in marks:
        answer = repr(ANSWERS[marks["predict"]])
        source, count = re.subn(r"(predict\(\s*\"[\w.-]+\")\)", lambda call: f"{call[1]}, {answer})", cell.source)
        assert count == 1, cell.source
        return source
    return None


def answered_and_checked(notebook: Path, folder: Path) -> Path:
    """Write a copy in which each cell is followed by its answer, if it is an exercise or a prediction, and by its check."""
    book = nbformat.read(notebook, 4)
    checks: dict[str, Any] = checks_of(notebook)
    cells = []
    for cell in book.cells:
        cells.append(cell)
        check = checks.pop(cell.id.replace("-", "_"), None)
        assert not check or cell.cell_type == "code", f"{check.__name__} is the name of a Markdown cell"
        added = [source for source in (answer_of(cell), check and call_of(check)) if source]
        if added:
            cells += map(nbformat.v4.new_code_cell, (f"{aside()}.begin()", *added, f"{aside()}.end()"))
    assert not checks, f"no cells with these ids: {list(checks)}"
    book.cells = cells
    copy = folder / notebook.name
    nbformat.write(book, copy)
    return copy


def reads_and_binds(source: str) -> tuple[set[str], set[str]]:
    """Return the names that a cell reads before it binds them itself, and those that it binds."""

    def steps(code: CodeType, is_cell: bool = False) -> Iterator[tuple[str, str]]:
        for step in dis.get_instructions(code):
            if isinstance(step.argval, CodeType):
                yield from steps(step.argval)
            elif step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
                yield "read", step.argval
            elif step.opname == "STORE_NAME" and is_cell:
                yield "bind", step.argval

    reads: set[str] = set()
    binds: set[str] = set()
    for kind, name in steps(compile(source, "cell", "exec"), is_cell=True):
        if kind == "bind":
            binds.add(name)
        elif name not in binds:
            reads.add(name)
    return reads, binds


def cells_that_use_answers(notebook: Path) -> list[str]:
    """Return the ids of the cells that read what the cell of an exercise defined, as published or solved, or what one of these defined.

    All others run the same way in both cases, because the cell of an exercise does no more than define names and check them.
    """
    found = []
    defined: set[str] = set()
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type != "code":
            continue
        answer = answer_of(cell) if "exercise" in cell.metadata.get("dlviz", {}) else None
        forms = [re.sub(r"^\s*%.*", "", source, flags=re.M) for source in (cell.source, answer) if source]
        reads, binds = (set().union(*names) for names in zip(*map(reads_and_binds, forms), strict=True))
        if answer:
            kinds = [type(node) for source in forms for node in ast.parse(source).body[:-1]]
            assert set(kinds) <= {ast.FunctionDef, ast.ClassDef, ast.Assign}, f"{cell.id} does more than define names"
            defined |= binds
        elif reads & defined:
            found.append(cell.id)
            defined |= binds
        else:
            defined -= binds
    return found
