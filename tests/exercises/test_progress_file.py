"""Progress is one local file: written atomically, renamed when damaged, and never the reason that a lesson fails."""

import json
import os

import pytest

from dlviz.exercises import exercise, predict, progress
from dlviz.exercises import progress_file as progress_module
from dlviz.exercises.catalog import items


def right(x):
    return 2 * x


def test_done_stays_done_and_tries_are_counted(progress_file):
    for answer in (lambda x: x, right, lambda x: x):
        exercise("00.double").check(answer)
    assert json.loads(progress_file.read_text())["exercises"]["00.double"] == {"done": True, "tries": 3}


def test_an_untouched_starter_is_not_recorded(progress_file):
    exercise("00.double").check(...)
    assert not progress_file.exists()


def test_the_overview_names_every_exercise_and_the_path(progress_file):
    exercise("00.double").check(right)
    exercise("03.two-paths").check(lambda h, v, t: h)
    overview = progress()
    assert overview.status["00.double"] == "done"
    assert overview.status["03.two-paths"] == "attempted"
    assert overview.status["05.mlp"] == "open"
    assert str(progress_file) in repr(overview)
    assert f"1 of {len(items())}" in repr(overview)


def test_the_overview_has_a_row_for_each_lesson_and_that_of_one_lesson_a_row_for_each_exercise():
    exercise("00.double").check(right)
    rows = dict(progress().card().rows)
    assert list(rows) == [f"lesson {number:02}" for number in range(11)]
    assert rows["lesson 00"] == "1 of 2 done"
    assert [id for id, _ in progress("00").card().rows] == ["00.double", "00.sum"]
    assert list(progress(3).status) == [id for id in items() if id.startswith("03.")]
    with pytest.raises(LookupError, match=r"no lesson '12'.*00, 01"):
        progress("12")


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"exercises": 3, "predictions": {}}', '{"exercises": {"a": 1}, "predictions": {}}']
)
def test_a_damaged_file_is_renamed_and_named(progress_file, damage):
    progress_file.write_text(damage)
    shown = repr(exercise("00.double").check(right))
    aside = progress_file.with_name("progress.json.damaged-1")
    assert aside.read_text() == damage
    assert str(aside) in shown
    assert json.loads(progress_file.read_text())["exercises"]["00.double"]["done"]


def test_two_damaged_files_are_both_kept(progress_file):
    for n in (1, 2):
        progress_file.write_text(f"damage {n}")
        progress()
        assert progress_file.with_name(f"progress.json.damaged-{n}").read_text() == f"damage {n}"


def test_a_file_that_is_not_text_counts_as_damaged(progress_file):
    progress_file.write_bytes(b"\xff\xfe\x00")
    assert "damaged" in repr(progress())


def test_a_path_that_cannot_be_written_is_reported_once_and_progress_is_remembered(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / "file" / "progress.json"))
    first, second = exercise("00.double").check(right), exercise("00.double").check(right)
    assert first.passed
    assert len(first.notes) == 1
    assert "cannot be saved" in first.notes[0]
    assert second.notes == ()
    assert predict("03.moved", "moved").verdict == "wrong"
    assert '"moved"' in predict("03.moved", "same").notes[-1]
    assert progress().status["00.double"] == "done"


def test_an_unreadable_file_is_never_overwritten(progress_file, monkeypatch):
    progress_file.mkdir()  # reading a folder fails, as reading another user's file does
    first, second = exercise("00.double").check(right), exercise("00.double").check(right)
    assert first.passed
    assert "cannot be read" in first.notes[0]
    assert (len(first.notes), len(second.notes)) == (1, 0)
    assert progress().status["00.double"] == "done"
    assert progress_file.is_dir()


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(progress_file, monkeypatch):
    exercise("00.double").check(right)
    before = progress_file.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert "No space left" in repr(exercise("00.double").check(right))
    assert progress_file.read_text() == before
    assert os.listdir(progress_file.parent) == ["progress.json"]


def test_two_notebooks_share_the_file(progress_file):
    exercise("00.double").check(right)
    other = json.loads(progress_file.read_text())
    other["exercises"]["05.mlp"] = {"done": True, "tries": 1}
    progress_file.write_text(json.dumps(other))
    exercise("03.order").check(["step"])
    assert set(json.loads(progress_file.read_text())["exercises"]) == {"00.double", "03.order", "05.mlp"}


def test_without_the_variable_the_file_is_in_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("DLVIZ_PROGRESS")
    assert progress_module.path().name == "progress.json"
    assert "dlviz" in progress_module.path().parts
