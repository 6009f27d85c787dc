"""The recipes for grading in `binder/class.md` give an answer what it earns."""

import ast
import csv
import inspect
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest

from dlviz.exercises.collect import collect

CLASS = (Path(__file__).parents[2] / "binder" / "class.md").read_text(encoding="utf-8")
SOFTMAX = "05.softmax"

#: Answers of students, and whether they earn all points, some or none.
ANSWERS = {
    "right": ("def softmax(z):\n    return z.softmax(1)", "all"),
    "warns": ("import warnings\ndef softmax(z):\n    warnings.warn('slow')\n    return z.softmax(1)", "all"),
    "complains": ("import sys\ndef softmax(z):\n    print('here', file=sys.stderr)\n    return z.softmax(1)", "all"),
    "prints": ("def softmax(z):\n    print(z.shape)\n    return z.softmax(1)", "all"),
    "overflows": ("def softmax(z):\n    return z.exp() / z.exp().sum(1, keepdim=True)", "some"),
    "wrong": ("def softmax(z):\n    return z", "none"),
    "unanswered": ("def softmax(z):\n    ...", "none"),
    "crashes": ("def softmax(z):\n    return z.nothing()", "none"),
    "endless": ("def softmax(z):\n    while True:\n        pass", "none"),
    "exits": ("def softmax(z):\n    raise SystemExit", "none"),
    "cheats": ("def exercise(id):\n    return type('', (), {'check': lambda self, f: 1.0})()\nsoftmax = 3", "none"),
}
#: Answers that need a kernel of their own.
KERNEL_ANSWERS = {
    "deleted": ("", "none"),
    "stops": ("1 / 0", "none"),
    "typo": ("def softmax(z:\n    return z", "none"),
    "waits": ("while True:\n    pass", "none"),
    "damaged": ("open('progress.json', 'w').write('{')\ndef softmax(z):\n    return z.softmax(1)", "all"),
}


@pytest.fixture(autouse=True)
def short_time_limit(monkeypatch):
    monkeypatch.setenv("DLVIZ_TIME_LIMIT", "2")


def blocks(section, language):
    """Return the code blocks of a section of the page."""
    text = CLASS.split(f"### {section}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


CONFIG, CELL = blocks("nbgrader", "python")
(OTTER,) = blocks("otter-grader", "python")


def answer_of(code):
    """Return the names that an answer's cell defines."""
    names = {"__name__": "__main__"}
    exec(code, names)
    return names


def nbgrader_points(code, answer, capsys, points=2):
    """Run a test cell as nbgrader does; return its points and what it displayed.

    An error or text on stderr is 0, a number in the last line is partial credit, and all else is full credit: `determine_grade`
    in nbgrader 0.9.6.
    """
    shown = []
    names = answer_of(answer) | {"display": shown.append}
    *statements, last = ast.parse(code).body
    is_value = isinstance(last, ast.Expr)
    capsys.readouterr()
    try:
        exec(compile(ast.Module([*statements, *([] if is_value else [last])], []), "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if is_value else None
    except Exception:
        return 0, shown
    if capsys.readouterr().err:
        return 0, shown
    return value if isinstance(value, float) else points, shown


def earns(points, credit, most=2):
    return {"all": points == most, "some": 0 < points < most, "none": points == 0}[credit]


@pytest.mark.filterwarnings("ignore:slow")
@pytest.mark.parametrize("name", ANSWERS)
def test_the_cell_for_nbgrader_gives_what_an_answer_earns_and_shows_the_report(name, capsys):
    code, credit = ANSWERS[name]
    points, shown = nbgrader_points(CELL, code, capsys)
    assert earns(points, credit)
    assert [report.id for report in shown] == [SOFTMAX]


@pytest.mark.filterwarnings("ignore:slow")
@pytest.mark.parametrize("name", ANSWERS)
def test_the_cell_for_nbgrader_can_give_all_or_nothing(name, capsys):
    code, credit = ANSWERS[name]
    cell = CELL.replace("2 * float(report)", "assert report")
    assert cell != CELL
    assert nbgrader_points(cell, code, capsys)[0] == (2 if credit == "all" else 0)


def test_what_the_page_warns_of_is_so(capsys):
    bare = CELL.replace("2 * float(report)", "report")
    assert nbgrader_points(bare, ANSWERS["wrong"][0], capsys)[0] == 2
    open_stderr = re.sub(r"with redirect_stderr.*\n +", "", CELL)
    assert nbgrader_points(open_stderr, ANSWERS["complains"][0], capsys)[0] == 0
    own = CELL.replace("from dlviz.exercises import exercise", "")
    assert nbgrader_points(own, ANSWERS["cheats"][0], capsys)[0] == 2


def test_the_configuration_limits_the_time_and_leaves_the_teachers_progress_alone(monkeypatch):
    monkeypatch.setenv("DLVIZ_PROGRESS", "mine")
    config = types.SimpleNamespace(CourseDirectory=types.SimpleNamespace(), ExecutePreprocessor=types.SimpleNamespace())
    names = {"get_config": lambda: config}
    exec(CONFIG, names)
    assert names["os"].environ["DLVIZ_PROGRESS"] == "progress.json"
    assert 0 < config.ExecutePreprocessor.timeout < 600
    assert config.ExecutePreprocessor.interrupt_on_timeout


@pytest.mark.filterwarnings("ignore:slow")
@pytest.mark.parametrize("name", ANSWERS)
def test_the_test_file_for_otter_gives_what_an_answer_earns(name, monkeypatch):
    code, credit = ANSWERS[name]
    cases = []

    def test_case(points):
        return lambda function: cases.append((points, function))

    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", types.SimpleNamespace(test_case=test_case))
    exec(OTTER, {})
    names, points = answer_of(code), 0
    for worth, function in cases:
        try:
            function(*(names[parameter] for parameter in inspect.signature(function).parameters))
            points += worth
        except AssertionError:
            pass
    assert sum(worth for worth, _ in cases) == 2
    assert points == {"all": 2, "some": 1, "none": 0}[credit]


def submission(answer, cell=None):
    """Return a student's notebook, with the cells that nbgrader knows if a test cell is given."""
    cells = [nbformat.v4.new_code_cell("import torch"), nbformat.v4.new_code_cell(answer)]
    if cell is not None:
        cells.append(nbformat.v4.new_code_cell(cell))
        common = {"schema_version": 3, "task": False}
        cells[1].metadata.nbgrader = common | {"grade": False, "grade_id": "a", "locked": False, "solution": True}
        graded = {"grade": True, "grade_id": "b", "locked": True, "solution": False, "points": 2}
        cells[2].metadata.nbgrader = common | graded
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.mark.slow
def test_nbgrader_itself_grades_thirty_students(tmp_path):
    pytest.importorskip("nbgrader")
    kinds = ANSWERS | KERNEL_ANSWERS
    students = {f"s{number:02}-{name}": kinds[name] for number, name in enumerate([*kinds, *kinds][:30])}
    (tmp_path / "nbgrader_config.py").write_text(CONFIG.replace("timeout = 60", "timeout = 25"), encoding="utf-8")
    solution = "def softmax(z):\n    ### BEGIN SOLUTION\n    return z.softmax(1)\n    ### END SOLUTION"
    answers = {"source": solution} | {f"submitted/{name}": code for name, (code, _) in students.items()}
    for place, answer in answers.items():
        (tmp_path / place / "week5").mkdir(parents=True)
        nbformat.write(submission(answer, CELL), tmp_path / place / "week5" / "05.ipynb")
    for command in (["generate_assignment", "week5", "--create"], ["autograde", "week5"], ["export"]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    with open(tmp_path / "grades.csv", encoding="utf-8", newline="") as stream:
        points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(stream)}
    assert points.keys() == students.keys()
    assert {name for name, (_, credit) in students.items() if not earns(points[name], credit)} == set()
    collected = {student.name: student.entries.get(SOFTMAX) for student in collect(tmp_path / "autograded")}
    assert {
        name for name, entry in collected.items() if (entry is not None and entry.right) != (points[name] == 2)
    } == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ANSWERS | KERNEL_ANSWERS if name != "waits"])
def test_otter_itself_grades_an_answer(tmp_path, name):
    pytest.importorskip("otter")
    code, credit = (ANSWERS | KERNEL_ANSWERS)[name]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "05-softmax.py").write_text(OTTER, encoding="utf-8")
    (tmp_path / "results").mkdir()
    nbformat.write(submission(code), tmp_path / "submission.ipynb")
    generate, run = (line.split() for line in "\n".join(blocks("otter-grader", "bash")).strip().splitlines())
    setting, *run = run
    environment = dict([setting.split("=")])
    for words in (generate[1:], run[run.index("otter") + 1 :]):
        command = [sys.executable, "-m", "otter", *words]
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    reached = re.search(r"Total Score: ([\d.]+) / 2.000", done.stdout)
    assert float(reached[1]) == {"all": 2, "some": 1, "none": 0}[credit]
