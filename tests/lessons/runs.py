"""Run a lesson through nbval: as it is, or with solutions, predictions and checks put in.

The checks of a lesson stand in ``checks_NN.py`` beside this file, out of the learner's sight. Each is a function with the name of
the cell after which it runs (``-`` in a cell's id is ``_`` in its name); its parameters are names in the notebook:

    def fit_a_line(accuracy, net, x, y):  # runs after the cell with the id "fit-a-line"
        assert accuracy(net, x, y) > 0.8
"""

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import nbformat

import dlviz
from dlviz.exercises import catalog

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
        **environment,
    }
    done = subprocess.run(
        [*command, f"--junit-xml={report}", str(notebook)],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    suite = ElementTree.parse(report).getroot().find("testsuite")
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code" and cell.source.strip()]
    assert counts == {"tests": len(cells), "failures": 0, "errors": 0, "skipped": 0}


def checks_module(notebook: Path) -> ModuleType:
    """Return the module with the checks of a lesson."""
    return import_module(f"tests.lessons.checks_{notebook.stem[:2]}")


def checks_of(notebook: Path) -> dict[str, Callable[..., None]]:
    """Return the checks of a lesson by function name."""
    module = checks_module(notebook)
    functions = inspect.getmembers(module, inspect.isfunction)
    return {name: check for name, check in functions if check.__module__ == module.__name__ and name[0] != "_"}


def count_asserts(code: str) -> int:
    """Return the number of assert statements in Python code."""
    return sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code)))


def call_of(check: Callable[..., None]) -> str:
    """Return the code of a cell that runs a check on the notebook's variables."""
    module = check.__module__.rpartition(".")[2]
    arguments = ", ".join(inspect.signature(check).parameters)
    return f"import sys\nsys.path.insert(0, {str(HERE)!r})\nimport {module}\n{module}.{check.__name__}({arguments})"


def solved(notebook: Path, folder: Path) -> Path:
    """Write a copy in which every exercise and every prediction is answered, and every check follows its cell."""
    book = nbformat.read(notebook, 4)
    checks: dict[str, Any] = checks_of(notebook)
    for cell in book.cells:
        marks = cell.metadata.get("dlviz", {})
        if "exercise" in marks:
            exercise = dlviz.exercise(marks["exercise"])
            check = cell.source.rstrip().splitlines()[-1]
            assert ".check(" in check, cell.source
            cell.source = f"{exercise.solution().source.rstrip()}\n\n{check}"
        elif "predict" in marks:
            question = catalog.items()[marks["predict"]]
            answer = question.revealed()["truth"]
            cell.source, count = re.subn(
                r"(predict\(\s*\"[\w.-]+\")\)", lambda m, answer=answer: f"{m[1]}, {answer!r})", cell.source
            )
            assert count == 1, cell.source
    cells = []
    for cell in book.cells:
        cells.append(cell)
        check = checks.pop(cell.id.replace("-", "_"), None)
        if check:
            assert cell.cell_type == "code", f"{check.__name__} is the name of a Markdown cell"
            cells.append(nbformat.v4.new_code_cell(call_of(check)))
    assert not checks, f"no cells with these ids: {list(checks)}"
    book.cells = cells
    copy = folder / notebook.name
    nbformat.write(book, copy)
    return copy
