"""Every lesson runs through nbval, as published and with every exercise solved and checked."""

import ast
import inspect
import re
from itertools import pairwise

import nbformat
import pytest

from dlviz.exercises import catalog
from dlviz.exercises.cards.gate import gated_by
from dlviz.export.markdown import formulas_as_mathml, markdown_to_html
from dlviz.kit.messages import message
from dlviz.lesson_files import number_of

from .runs import LESSONS, answered_and_checked, cells_that_use_answers, checks_module, count_asserts, run

#: Number of asserts in each notebook before they moved out of the learner's sight; it must not fall.
ASSERTS_BEFORE = {
    "00": 5,
    "01": 39,
    "02": 31,
    "03": 39,
    "04": 46,
    "05": 42,
    "06": 38,
    "07": 44,
    "08": 51,
    "09": 36,
    "10": 43,
}
#: Lessons written since then have at least so many.
ASSERTS_OF_A_NEW_LESSON = 30


def as_published(lesson):
    """Return the parameter of a run without answers: every night only, if it would run the same cells in the same way."""
    return pytest.param(lesson, id=lesson.stem, marks=() if cells_that_use_answers(lesson) else pytest.mark.slow)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_cell_by_cell_as_published_and_then_answered_and_checked(lesson, tmp_path):
    run(answered_and_checked(lesson, tmp_path), tmp_path)


@pytest.mark.parametrize("lesson", [as_published(lesson) for lesson in LESSONS])
def test_a_lesson_runs_with_nothing_answered(lesson, tmp_path):
    run(lesson, tmp_path)


def test_cells_that_use_answers_are_found(tmp_path):
    book = nbformat.read(next(path for path in LESSONS if path.stem == "00-start"), 4)
    later = {"in-a-function": "lambda: double", "now": "double", "binds": "double = 2; double", "uses-that": "double"}
    book.cells += [nbformat.v4.new_code_cell(source, id=id) for id, source in later.items()]
    nbformat.write(book, tmp_path / "lesson.ipynb")
    assert cells_that_use_answers(tmp_path / "lesson.ipynb") == ["in-a-function", "now"]


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


@pytest.mark.parametrize("number", sorted({number_of(lesson)[:2] for lesson in LESSONS}))
def test_a_lesson_has_its_checks_and_they_stand_outside_its_notebooks(number):
    notebooks = [lesson for lesson in LESSONS if number_of(lesson)[:2] == number]
    cells = [cell.source for lesson in notebooks for cell in nbformat.read(lesson, 4).cells if cell.cell_type == "code"]
    in_notebook = sum(count_asserts(re.sub(r"^\s*%.*", "", source, flags=re.M)) for source in cells)
    moved = sum(count_asserts(inspect.getsource(checks_module(lesson))) for lesson in notebooks)
    least = ASSERTS_BEFORE.get(number, ASSERTS_OF_A_NEW_LESSON)
    print(f"lesson {number}: at least {least} asserts, now {in_notebook} in the notebook and {moved} in its checks")
    assert in_notebook + moved >= least
    assert in_notebook <= 6


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_question_and_its_options_stand_in_the_cell_above(lesson):
    cells = nbformat.read(lesson, 4).cells
    for above, cell in pairwise(cells):
        id = cell.metadata.get("dlviz", {}).get("predict")
        if id:
            question = catalog.items()[id]
            shown = [
                message(question.key("question")),
                *(message(question.key("options", o)) for o in question.options),
            ]
            assert above.cell_type == "markdown", id
            assert [text for text in shown if text not in above.source] == [], id


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_formula_is_rendered_and_none_is_cut_by_markdown(lesson):
    """A line of a formula that begins with "+ " or "- " would become a list."""
    for cell in nbformat.read(lesson, 4).cells:
        if cell.cell_type == "markdown":
            page = markdown_to_html(cell.source)
            assert page.count("<math") == formulas_as_mathml(cell.source).count("<math"), cell.id
            assert not re.search(r"(?<![$\\])\$[^$\s][^$<]*\$", re.sub(r"<(code|math)[\s\S]*?</\1>", "", page)), cell.id
            formulas = re.findall(r"\$+[^$]+\$+", re.sub(r"```[\s\S]*?```|`[^`\n]*`", "", cell.source))
            assert [formula for formula in formulas if "<code>" in formulas_as_mathml(formula)] == [], cell.id


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_what_follows_a_prediction_waits_for_it(lesson):
    """The next cell that runs in the same section is folded; a cell is folded only after a prediction of this lesson."""
    cells = nbformat.read(lesson, 4).cells
    asked = []
    for i, cell in enumerate(cells):
        mark = cell.metadata.get("dlviz", {}).get("predict")
        gate = gated_by(cell.source) if cell.cell_type == "code" else None
        assert gate is None or gate in asked, f"{cell.id} waits for {gate}, which is not asked above"
        if mark:
            asked.append(mark)
            below = next((one for one in cells[i + 1 :] if shows(one) or is_heading(one)), None)
            is_plain = below is not None and below.cell_type == "code" and not below.metadata.get("dlviz")
            assert not is_plain or gated_by(below.source) == mark, f"the cell {below.id} may answer {mark}"


def shows(cell):
    """Return whether a code cell does more than define names."""
    silent = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)
    return cell.cell_type == "code" and any(not isinstance(node, silent) for node in ast.parse(cell.source).body)


def is_heading(cell):
    return cell.cell_type == "markdown" and any(line.startswith("##") for line in cell.source.splitlines())


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
        ("06-optimizers", r"dlviz\.(race|surface)\(", 5, 4),
        ("06b-schedules-and-tuning", r"dlviz\.(race|surface|live)\(", 3, 2),
        ("07-data", r"dlviz\.(split|live)\(", 6, 4),
        ("07b-evaluation", r"dlviz\.(split|live|confusion)\(", 3, 2),
        ("08-convolution", r"dlviz\.(conv1d|conv2d|max_pool2d|layers)\(", 7, 5),
        ("08b-cnn", r"dlviz\.(conv2d|layers|live|confusion)\(", 2, 2),
        ("09-rnn", r"dlviz\.(unroll|live)\(", 4, 3),
        ("09b-lstm", r"dlviz\.(unroll|live)\(", 4, 3),
        ("10-word-embeddings", r"dlviz\.(word2vec|embedding|matmul)\(", 3, 3),
        ("10b-using-embeddings", r"dlviz\.(word2vec|embedding|matmul)\(", 4, 3),
        ("11-attention", r"dlviz\.(attention|positions)\(", 8, 6),
        ("12-a-small-gpt", r"dlviz\.(bpe|positions|live|generate|attention|layers|graph)\(", 9, 6),
        ("13-autoencoders", r"dlviz\.(latent|graph)\(", 7, 6),
        ("14-gans", r"dlviz\.(duel|graph)\(", 7, 5),
        ("15-diffusion", r"dlviz\.denoise\(", 7, 5),
        ("16-what-did-it-look-at", r"dlviz\.attribute\(", 7, 5),
        ("17-faster-smaller-shipped", r"dlviz\.(profile|compress|export_check|parallel)\(", 8, 6),
        ("18-read-critically", r"dlviz\.(live|split|confusion|boundary)\(", 5, 6),
    ],
)
def test_a_lesson_has_the_parts_that_the_curriculum_requires(stem, widget, widgets, exercises):
    book = nbformat.read(next(path for path in LESSONS if path.stem == stem), 4)
    marks = [cell.metadata.get("dlviz", {}) for cell in book.cells]
    assert sum("predict" in mark for mark in marks) >= 2
    assert sum("exercise" in mark for mark in marks) >= exercises
    assert sum(bool(re.search(widget, cell.source)) for cell in book.cells if cell.cell_type == "code") >= widgets
    words = sum(len(cell.source.split()) for cell in book.cells if cell.cell_type == "markdown")
    assert 1500 <= words <= 4500


def test_every_exercise_and_prediction_is_asked_once():
    cells = [cell for lesson in LESSONS for cell in nbformat.read(lesson, 4).cells]
    marks = [cell.metadata.get("dlviz", {}) for cell in cells]
    assert sorted(id for mark in marks for id in mark.values()) == sorted(catalog.items())
