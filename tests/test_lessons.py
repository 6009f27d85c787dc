"""Every lesson runs through nbval twice: as published, and solved with strict checks."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

import dlviz
from dlviz.exercises import catalog
from dlviz.exercises.run_answer import isolated_rng

LESSONS = sorted((Path(__file__).parent.parent / "lessons").glob("*.ipynb"))


def run(notebook: Path, folder: Path, **environment: str) -> None:
    """Run `notebook` through nbval in a separate process; every code cell must pass and none may be skipped."""
    report = folder / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
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


def solved(notebook: Path, folder: Path) -> Path:
    """Write a copy in which every exercise and every prediction is answered."""
    book = nbformat.read(notebook, 4)
    for cell in book.cells:
        marks = cell.metadata.get("dlviz", {})
        if "exercise" in marks:
            exercise = dlviz.exercise(marks["exercise"])
            check = cell.source.rstrip().splitlines()[-1]
            assert ".check(" in check, cell.source
            cell.source = f"{exercise.solution().source.rstrip()}\n\n{check}"
        elif "predict" in marks:
            question = catalog.items()[marks["predict"]]
            with isolated_rng(0):  # as `predict` itself computes the truth
                answer = question._as_json(question.truth())
            cell.source, count = re.subn(
                r"(predict\(\s*\"[\w.-]+\",\s*)\.\.\.", lambda m, answer=answer: m[1] + repr(answer), cell.source
            )
            assert count == 1, cell.source
    copy = folder / notebook.name
    nbformat.write(book, copy)
    return copy


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_as_published(lesson, tmp_path):
    run(lesson, tmp_path)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_solved_and_every_check_passes(lesson, tmp_path):
    run(solved(lesson, tmp_path), tmp_path, DLVIZ_STRICT="1")


def test_a_wrong_answer_fails_when_checks_are_strict(tmp_path):
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    book.cells = [
        nbformat.v4.new_code_cell(
            "import dlviz\ndef double(x):\n    return x + 3\ndlviz.exercise('00.double').check(double)"
        )
    ]
    path = tmp_path / "wrong.ipynb"
    nbformat.write(book, path)
    run(path, tmp_path)
    with pytest.raises(AssertionError, match="Wrong"):
        run(path, tmp_path, DLVIZ_STRICT="1")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_committed_with_no_outputs_but_checked_ones(lesson):
    book = nbformat.read(lesson, 4)
    nbformat.validate(book)
    text = lesson.read_text(encoding="utf-8")
    assert "widgets" not in book.metadata
    assert "widget-view" not in text
    assert not re.search(r"/(?:home|root|Users|work|tmp)/\w", text)
    titles = [
        line
        for cell in book.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    assert len(titles) == 1
    assert all(cell.id for cell in book.cells)
    for cell in book.cells:
        if cell.cell_type == "code" and cell.outputs:
            assert cell.source.startswith("# NBVAL_CHECK_OUTPUT"), cell.source
        assert "NBVAL_" + "SKIP" not in cell.source


@pytest.mark.parametrize(
    ("stem", "widget", "widgets", "exercises"),
    [
        ("01-tensors", r"dlviz\.(tensor|index|broadcast|matmul|einsum)\(", 10, 4),
        ("02-views-and-strides", r"dlviz\.(tensor|views)\(", 7, 4),
        ("03-autograd", r"dlviz\.graph\(", 5, 3),
        ("04-linear-regression", r"dlviz\.(surface|race|live|broadcast|graph)\(", 8, 4),
        ("05-mlp", r"dlviz\.(boundary|live|layers)\(", 8, 6),
        ("06-optimizers", r"dlviz\.(race|surface|live)\(", 7, 5),
        ("07-data-and-evaluation", r"dlviz\.(split|live|confusion)\(", 7, 5),
        ("08-cnn", r"dlviz\.(conv1d|conv2d|max_pool2d|layers)\(", 8, 5),
        ("09-rnn", r"dlviz\.(unroll|live)\(", 7, 4),
        ("10-word-embeddings", r"dlviz\.(word2vec|embedding|matmul)\(", 7, 4),
    ],
)
def test_a_lesson_has_the_parts_that_the_curriculum_requires(stem, widget, widgets, exercises):
    book = nbformat.read(next(path for path in LESSONS if path.stem == stem), 4)
    marks = [cell.metadata.get("dlviz", {}) for cell in book.cells]
    assert sum("predict" in mark for mark in marks) >= 2
    assert sum("exercise" in mark for mark in marks) >= exercises
    assert sum(bool(re.search(widget, cell.source)) for cell in book.cells if cell.cell_type == "code") >= widgets
    words = sum(len(cell.source.split()) for cell in book.cells if cell.cell_type == "markdown")
    assert 600 <= words <= 1600
    asked = {id for id in catalog.items() if id.startswith(stem[:2])}
    assert {mark.get("exercise", mark.get("predict")) for mark in marks} - {None} == asked
