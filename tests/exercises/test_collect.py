"""`dlviz collect` writes what a class did as a table, whatever the files of the students hold."""

import csv
import io
import json
import random

import nbclient
import nbformat
import pytest

from dlviz import __main__, __version__
from dlviz.exercises import collect as collect_module
from dlviz.exercises import exercise, predict, progress_file
from dlviz.exercises.catalog import items
from dlviz.exercises.collect import collect, write_csv
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.report import Result

STUDENTS = 30
SOFTMAX, SUM = "05.softmax", "00.sum"


def table(folder):
    """Return the table that the command line writes, as one dictionary for each student."""
    stream = io.StringIO()
    write_csv(collect(folder), stream)
    return {row["student"]: row for row in csv.DictReader(io.StringIO(stream.getvalue()))}


def filled(row):
    """Return the cells of a row that are not empty, without the student's name, the notes and the number of items."""
    return {name: value for name, value in row.items() if value and name not in ("student", "notes", "count", "done")}


def output_of(result, **changes):
    data, metadata = result._repr_mimebundle_()
    return nbformat.v4.new_output("execute_result", data=data, metadata=metadata, execution_count=1) | changes


def notebook(*outputs, time="2026-03-04T05:06:07.123456Z"):
    """Return an executed notebook with a cell for each output; None is a cell that was not executed."""
    cells = [
        nbformat.v4.new_code_cell("check", outputs=[output] if output else [], execution_count=1 if output else None)
        for output in outputs
    ]
    for cell in cells:
        cell.metadata.execution = {"shell.execute_reply": time}
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file of a student, and the folder of the class as its attribute."""

    def write(name, content):
        path = tmp_path / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
        return path

    write.folder = tmp_path / "class"
    return write


class Generated:
    """A student whose tries at exercises and predictions are drawn at random, and the cells that follow from them."""

    def __init__(self, rng):
        self.tries = {}
        for id in rng.sample(list(items()), rng.randrange(5, 25)):
            wrong = [k / 8 for k in rng.choices(range(8), k=rng.randrange(4))]
            self.tries[id] = wrong + [1.0] * (not wrong or rng.random() < 0.6)
        self.answers = {id: rng.choice(["same", 7, -3, [2, 3]]) for id in self.tries}
        self.clock = iter(f"2026-01-{day:02}T{hour:02}:00:00Z" for day in range(1, 29) for hour in range(24))

    def play(self, file, monkeypatch):
        """Write the progress file as dlviz does; return its cells."""
        monkeypatch.setenv("DLVIZ_PROGRESS", str(file))
        cells = {}
        for id, shares in self.tries.items():
            stamps = []
            monkeypatch.setattr(
                progress_file, "_now", lambda stamps=stamps: stamps.append(next(self.clock)) or stamps[-1]
            )
            if not isinstance(items()[id], Exercise):
                progress_file.commit(id, self.answers[id])
                cells[f"{id} answer"] = str(tuple(answer) if isinstance(answer := self.answers[id], list) else answer)
                stamps.clear()
            for share in shares:
                progress_file.record(id, share == 1.0, share)
            cells |= self.cells(id, shares, stamps[0] if 1.0 not in shares else stamps[-1])
            cells |= {f"{id} first": "01"[shares[0] == 1.0], f"{id} tries": str(len(shares))}
        return cells

    def executed(self):
        """Return an executed notebook with the last try of each, and its cells."""
        results = [
            Result(id, "right" if shares[-1] == 1.0 else "wrong", "…", share=shares[-1], answer=self.answers.get(id))
            for id, shares in self.tries.items()
        ]
        cells = {}
        for result in results:
            cells |= self.cells(result.id, [float(result)], "2026-03-04T05:06:07Z")
            if not isinstance(items()[result.id], Exercise):
                cells[f"{result.id} answer"] = str(
                    tuple(result.answer) if isinstance(result.answer, list) else result.answer
                )
        return notebook(*map(output_of, results)), cells

    def cells(self, id, shares, time):
        share = {f"{id} share": str(max(shares))} if isinstance(items()[id], Exercise) else {}
        return share | {f"{id} right": "01"[1.0 in shares], f"{id} time": time, f"{id} version": __version__}


def test_the_table_of_thirty_students_is_what_they_did(write, monkeypatch, capsys):
    rng = random.Random(30)
    expected, notes = {}, {}
    for number in range(STUDENTS):
        name, student = f"student{number:02}", Generated(rng)
        own = write.folder / name
        match number % 6:
            case 0:  # the copy that the button writes, handed in as a folder
                own.mkdir(parents=True)
                expected[name] = student.play(own.parent.parent / f"{name}.json", monkeypatch)
                progress_file.export(own)
            case 1:  # a single file
                expected[name] = student.play(write.folder / f"{name}.json", monkeypatch)
            case 2:  # the progress file was deleted
                executed, expected[name] = student.executed()
                write(f"{name}/lessons/05-mlp.ipynb", executed)
                notes[name] = "no progress file"
            case 3:  # the progress file is damaged
                executed, expected[name] = student.executed()
                write(f"{name}/05-mlp.ipynb", executed)
                write(f"{name}/progress.json", b'{"exercises": {"00.double": {"done": tr')
                notes[name] = "damaged: progress.json"
            case 4:  # both: the progress file knows at least as much
                executed, _ = student.executed()
                expected[name] = student.play(own / "progress-dlviz.json", monkeypatch)
                write(f"{name}/05-mlp.ipynb", executed)
            case 5:  # nothing was answered, and the last cells never ended
                write(f"{name}/05-mlp.ipynb", notebook(output_of(exercise(SOFTMAX).missing()), None, None))
                expected[name], notes[name] = {}, "no progress file; 05-mlp.ipynb: 2 of 3 cells were not executed"
    assert __main__.main(["collect", str(write.folder)]) == 0
    rows = {row["student"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert list(rows) == sorted(expected)
    for name, row in rows.items():
        assert filled(row) == expected[name], name
        assert row["done"] == str(sum(value == "1" for cell, value in expected[name].items() if cell.endswith("right")))
        assert row["count"] == str(len(items()))
        assert row["notes"].startswith(notes[name]) if name in notes else row["notes"] == ""


def test_answers_that_are_right_wrong_endless_and_crash_are_collected_as_they_were_checked(write, monkeypatch):
    def stable(z):
        return z.softmax(1)

    def overflows(z):
        return z.exp() / z.exp().sum(1, keepdim=True)

    def crashes(z):
        return z.nothing()

    def endless(z):
        while True:
            pass

    monkeypatch.setenv("DLVIZ_TIME_LIMIT", "1")
    for name, tries in {
        "abe": [endless],
        "ann": [stable],
        "ben": [overflows, crashes],
        "cem": [crashes, stable],
        "dora": [...],
    }.items():
        (write.folder / name).mkdir(parents=True)
        monkeypatch.setenv("DLVIZ_PROGRESS", str(write.folder / name / "progress.json"))
        for answer in tries:
            exercise(SOFTMAX).check(answer)
    (write.folder / "ben" / "progress.json").rename(write.folder / "ben" / "progress-dlviz.json")
    (write.folder / "eve").mkdir()
    damaged = write("eve/progress.json", b"{")
    monkeypatch.setenv("DLVIZ_PROGRESS", str(damaged))
    predict(SUM, 11)  # the damaged file is renamed, and a new one begun
    predict(SUM, 10)
    rows = table(write.folder)
    shown = {name: [row[f"{SOFTMAX} {column}"] for column in ("right", "first", "tries")] for name, row in rows.items()}
    assert shown == {
        "abe": ["0", "0", "1"],
        "ann": ["1", "1", "1"],
        "ben": ["0", "0", "2"],
        "cem": ["1", "0", "2"],
        "dora": ["", "", ""],
        "eve": ["", "", ""],
    }
    assert 0 < float(rows["ben"][f"{SOFTMAX} share"]) < 1
    assert [rows["eve"][f"{SUM} {column}"] for column in ("answer", "right", "first", "tries")] == ["11", "1", "0", "2"]
    assert rows["dora"]["notes"] == "no progress file and no notebook"


def test_a_notebook_with_an_endless_answer_and_a_crash_is_collected_after_a_real_run(write):
    cells = [
        "from dlviz.exercises import exercise, predict",
        'exercise("00.double").check(lambda x: 2 * x)',
        'exercise("05.softmax").check(lambda z: z.nothing())',
        "no_such_name",
        'predict("00.sum", 11)',
        "while True: pass",
        "1 + 1",
    ]
    run = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(run, allow_errors=True, timeout=240, interrupt_on_timeout=True)
    client.on_cell_execute = lambda cell, cell_index: setattr(client, "timeout", 2 if cell_index == 5 else 240)
    client.execute()
    write("fay/05-mlp.ipynb", run)
    row = table(write.folder)["fay"]
    columns = [f"{id} right" for id in ("00.double", SOFTMAX, SUM)]
    assert [row[column] for column in columns] == ["1", "0", "0"]
    assert row[f"{SUM} answer"] == "11"
    assert row["00.double version"] == __version__
    assert row["00.double time"].endswith("Z")
    assert "05-mlp.ipynb: 2 cells stopped with an error (KeyboardInterrupt, NameError)" in row["notes"]


@pytest.mark.parametrize(
    ("in_progress", "in_notebook", "right", "share"),
    [
        ((False, 0.5), ("right", 1.0), "1", "1.0"),
        ((True, 1.0), ("wrong", 0.25), "1", "1.0"),
        ((False, 0.25), ("wrong", 0.5), "0", "0.5"),
    ],
)
def test_the_better_of_two_files_counts_and_tries_come_from_the_progress_file(
    write, monkeypatch, in_progress, in_notebook, right, share
):
    monkeypatch.setenv("DLVIZ_PROGRESS", str(write.folder / "ann" / "progress.json"))
    progress_file.record(SOFTMAX, *in_progress)
    verdict, reached = in_notebook
    write("ann/05-mlp.ipynb", notebook(output_of(Result(SOFTMAX, verdict, "…", share=reached))))
    row = table(write.folder)["ann"]
    assert [row[f"{SOFTMAX} {name}"] for name in ("right", "share", "tries")] == [right, share, "1"]
    assert row[f"{SOFTMAX} first"] == "01"[in_progress[0]]


def test_a_progress_file_of_an_older_version_is_read(write):
    old = {"exercises": {SOFTMAX: {"done": True, "tries": 4}}, "predictions": {SUM: {"answer": 10}}}
    write("ann.json", old | {"exercises": old["exercises"] | {SUM: {"done": True, "tries": 1}}})
    assert filled(table(write.folder)["ann"]) == {
        f"{SOFTMAX} right": "1",
        f"{SOFTMAX} tries": "4",
        f"{SUM} right": "1",
        f"{SUM} tries": "1",
        f"{SUM} answer": "10",
    }


def test_the_columns_are_those_of_the_catalog_and_rows_are_sorted(write):
    write("zoe.json", {"exercises": {"10.bag": {"done": True}, SOFTMAX: {"done": True}}, "predictions": {}})
    write("ann.json", {"exercises": {}, "predictions": {}})
    rows = table(write.folder)
    assert list(rows) == ["ann", "zoe"]
    heads = list(rows["ann"])
    assert heads[:3] == ["student", "done", "count"]
    assert heads[-1] == "notes"
    assert list(dict.fromkeys(head.split(" ")[0] for head in heads[3:-1])) == list(items())
    assert [head for head in heads if head.startswith(f"{SOFTMAX} ")] == [
        f"{SOFTMAX} {name}" for name in ("right", "first", "share", "tries", "time", "version")
    ]
    assert [head for head in heads if head.startswith(f"{SUM} ")] == [
        f"{SUM} {name}" for name in ("answer", "right", "first", "tries", "time", "version")
    ]


def test_files_of_one_name_are_one_student_and_other_files_are_none(write):
    write("ann/progress.json", {"exercises": {SOFTMAX: {"done": True}}, "predictions": {}})
    write("ann.ipynb", notebook(output_of(Result("00.double", "right", "…"))))
    write("class.csv", b"student")
    write(".hidden/progress.json", b"{")
    (row,) = table(write.folder).values()
    assert (row["student"], row["done"], row["notes"]) == ("ann", "2", "")


def test_the_progress_file_in_a_home_folder_is_found_and_checkpoints_are_not_read(write):
    write("ann/.local/share/dlviz/progress.json", {"exercises": {SOFTMAX: {"done": True}}, "predictions": {}})
    write("ann/.ipynb_checkpoints/05.ipynb", notebook(output_of(Result("00.double", "right", "…"))))
    row = table(write.folder)["ann"]
    assert (row["done"], row["notes"]) == ("1", "")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"exercises": {"a": ' + b"9" * 10_000, "damaged"),
        (b"[]", "no progress file of dlviz"),
        (b"null", "no progress file of dlviz"),
        (b'{"name": "left-pad", "version": "1.0.0"}', "no progress file of dlviz"),
        (b'{"exercises": [], "predictions": {}}', "no progress file of dlviz"),
        (b'{"exercises": {"99.new": {"done": true}}, "predictions": {}}', "1 ids, such as 99.new"),
        (b" " * 3_000_000, "3 MB is too large"),
    ],
)
def test_a_damaged_foreign_or_huge_file_is_a_note_in_the_row_of_the_student(write, content, note):
    write("ann/progress.json", content)
    write("ben.json", {"exercises": {SOFTMAX: {"done": True}}, "predictions": {}})
    rows = table(write.folder)
    assert note in rows["ann"]["notes"]
    assert filled(rows["ann"]) == {}
    assert rows["ben"]["done"] == "1"


def test_values_of_a_wrong_kind_are_left_out(write):
    entry = {"done": "yes", "tries": "many", "share": float("nan"), "first": 1, "version": "=x", "first_time": "=now()"}
    more = {"done": True, "tries": -1, "share": 7, "first": None, "version": 3, "done_time": "yesterday"}
    predictions = {SUM: {"answer": {"a": 1}}, "03.paths": 3, "03.moved": {"answer": float("inf")}}
    exercises = {SOFTMAX: entry, "00.double": more, SUM: [], "03.moved": {}}
    write("ann.json", {"exercises": exercises, "predictions": predictions})
    expected = {f"{SOFTMAX} right": "0", "00.double right": "1", f"{SUM} right": "0", "03.moved right": "0"}
    assert filled(table(write.folder)["ann"]) == expected


def test_a_file_that_cannot_be_read_is_a_note(write, monkeypatch):
    write("ann.json", b"{}")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(collect_module, "_read", refuse)
    assert table(write.folder)["ann"]["notes"] == "cannot be read: ann.json (Permission denied)"


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"cells": 3}'])
def test_a_damaged_notebook_is_a_note(write, content):
    write("ann/a.ipynb", content)
    assert "damaged: a.ipynb" in table(write.folder)["ann"]["notes"]


def test_cells_of_a_notebook_may_hold_anything(write):
    cells = [
        3,
        {},
        {"cell_type": "code", "source": 3},
        {"cell_type": "code", "source": "x", "outputs": 7, "metadata": []},
    ]
    cells += [
        {
            "cell_type": "code",
            "source": ["x"],
            "execution_count": 1,
            "outputs": [None, {"data": 3}, {"metadata": {"dlviz": 1}}],
        }
    ]
    cells += [
        {
            "cell_type": "code",
            "source": "x",
            "execution_count": 1,
            "outputs": [{"metadata": {"dlviz": {"id": 3, "verdict": "right"}}}],
        }
    ]
    write("ann/a.ipynb", {"cells": cells})
    assert filled(table(write.folder)["ann"]) == {}


def test_a_lesson_that_was_never_run_has_no_note(write):
    write("ann/a.ipynb", notebook(None, None))
    assert table(write.folder)["ann"]["notes"] == "no progress file"


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize(("verdict", "right"), [("right", "1"), ("wrong", "0")])
def test_a_result_is_also_known_by_its_text(write, verdict, right, lines):
    text = repr(Result(SOFTMAX, verdict, "why"))
    data = {"text/plain": text.splitlines(keepends=True) if lines else text}
    write("ann/a.ipynb", notebook(output_of(Result(SOFTMAX, verdict, "…"), metadata={}, data=data)))
    row = table(write.folder)["ann"]
    assert row[f"{SOFTMAX} right"] == right
    assert row[f"{SOFTMAX} version"] == ""


def test_a_wrong_answer_in_strict_mode_is_read_from_its_error_and_printed_text_is_no_result(write):
    wrong = repr(Result(SOFTMAX, "wrong", "why"))
    error = nbformat.v4.new_output("error", ename="Wrong", evalue=wrong, traceback=[])
    printed = nbformat.v4.new_output("stream", text=repr(Result("00.double", "right", "why")))
    write("ann/a.ipynb", notebook(error, printed))
    row = table(write.folder)["ann"]
    assert (row[f"{SOFTMAX} right"], row["00.double right"]) == ("0", "")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@sum", "＝1"])
def test_no_cell_is_a_formula(write, name):
    error = nbformat.v4.new_output("error", ename="=HYPERLINK()", evalue="", traceback=[])
    write(f"{name.replace('/', '')}/{name.replace('/', '')}.ipynb", notebook(error))
    write("ann.json", {"exercises": {SUM: {"done": True}}, "predictions": {SUM: {"answer": f"\n\t{name}"}}})
    rows = table(write.folder)
    assert rows["ann"][f"{SUM} answer"] == f"'{name}"
    for row in rows.values():
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "＝"))


def test_a_negative_number_stays_a_number(write):
    write("ann.json", {"exercises": {SUM: {"done": False}}, "predictions": {SUM: {"answer": -3}}})
    assert table(write.folder)["ann"][f"{SUM} answer"] == "-3"


def test_any_name_of_a_student_can_be_written(write, capfd):
    write("王小明.json", {"exercises": {}, "predictions": {}})
    write("ann.json", {"exercises": {SUM: {}}, "predictions": {SUM: {"answer": "\ud800"}}})
    assert __main__.main(["collect", str(write.folder)]) == 0
    assert "王小明" in capfd.readouterr().out


@pytest.mark.parametrize("place", ["missing", "file", "empty", "no-students"])
def test_a_folder_without_students_is_explained_in_one_line(tmp_path, capsys, place):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-students").mkdir()
    (tmp_path / "no-students" / "class.csv").touch()
    assert __main__.main(["collect", str(tmp_path / place)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert str(tmp_path / place) in shown.err
