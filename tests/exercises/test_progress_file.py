"""Progress is one local file: written atomically, renamed when damaged, and never the reason that a lesson fails."""

import json
import os
import re

import pytest

import dlviz
from dlviz.exercises import exercise, predict, progress
from dlviz.exercises import progress_file as progress_module
from dlviz.exercises.catalog import items
from dlviz.lesson_files import notebooks, number_of


def right(x):
    return 2 * x


def exercises(file):
    return json.loads(file.read_text())["exercises"]


def test_done_stays_done_and_tries_are_counted(progress_file):
    for answer in (lambda x: x, right, lambda x: x):
        exercise("00.double").check(answer)
    entry = exercises(progress_file)["00.double"]
    assert (entry["done"], entry["tries"], entry["first"], entry["share"]) == (True, 3, False, 1.0)
    assert entry["version"] == dlviz.__version__


def test_whether_the_first_try_was_right_stays(progress_file):
    for answer in (right, lambda x: x):
        exercise("00.double").check(answer)
    assert exercises(progress_file)["00.double"]["first"] is True


def test_the_best_share_stays(progress_file):
    for share, best in ((0.25, 0.25), (0.75, 0.75), (0.5, 0.75)):
        progress_module.record("00.double", False, share)
        assert exercises(progress_file)["00.double"]["share"] == best
    progress_module.record("00.double", True)
    assert exercises(progress_file)["00.double"]["share"] == 1.0


def test_a_check_records_the_share_of_cases_passed(progress_file):
    share = float(exercise("00.double").check(lambda x: x if x.shape == () else 2 * x))
    result = exercise("00.double").check(lambda x: 2 * x.abs())
    assert exercises(progress_file)["00.double"]["share"] == max(share, float(result)) > 0


def test_the_time_and_version_are_those_of_the_first_try_and_of_the_first_right_one(progress_file, monkeypatch):
    for second, (passed, version) in enumerate([(False, "1"), (False, "2"), (True, "3"), (True, "4"), (False, "5")]):
        monkeypatch.setattr(progress_module, "_now", lambda second=second: f"2026-01-01T00:00:0{second}Z")
        monkeypatch.setattr(progress_module, "__version__", version)
        progress_module.record("00.double", passed)
        seen = exercises(progress_file)["00.double"]
        assert seen["version"] == {0: "1", 1: "2"}.get(second, "3")
    assert seen["first_time"] == "2026-01-01T00:00:00Z"
    assert seen["done_time"] == "2026-01-01T00:00:02Z"


def test_times_are_utc_in_seconds(progress_file):
    exercise("00.double").check(right)
    entry = exercises(progress_file)["00.double"]
    for key in ("first_time", "done_time"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry[key])


def test_a_prediction_keeps_its_first_answer_and_counts_the_others(progress_file):
    for answer in ("moved", "same", "same"):
        predict("03.moved", answer)
    entry = json.loads(progress_file.read_text())["predictions"]["03.moved"]
    assert entry.pop("time").endswith("Z")
    assert entry == {"answer": "moved", "right": False, "answers": 3, "version": dlviz.__version__}
    assert exercises(progress_file)["03.moved"]["done"]


def test_a_file_of_an_older_version_is_continued(progress_file):
    old = {"exercises": {"00.double": {"done": True, "tries": 2}, "00.sum": {"done": False, "tries": 1}}}
    progress_file.write_text(json.dumps(old | {"predictions": {"00.sum": {"answer": 3}}}))
    assert progress_module.committed("00.sum") == 3
    exercise("00.double").check(right)
    predict("00.sum", 10)
    entry = exercises(progress_file)["00.double"]
    assert entry == {
        "done": True,
        "tries": 3,
        "share": 1.0,
    }  # what it does not know, such as the first try, is not invented
    assert json.loads(progress_file.read_text())["predictions"] == {"00.sum": {"answer": 3, "answers": 2}}


def test_old_calls_of_record_and_commit_still_work(progress_file):
    assert progress_module.record("00.double", True) == ()
    assert progress_module.commit("00.sum", 10) == ()
    assert progress_module.commit("03.paths", 7, right=True) == ()
    state, _ = progress_module.load()
    assert state["exercises"]["00.double"]["done"]
    assert "right" not in state["predictions"]["00.sum"]
    assert state["predictions"]["03.paths"]["right"] is True


def test_the_copy_for_a_teacher_has_the_known_fields_only(progress_file, tmp_path, monkeypatch):
    exercise("00.double").check(right)
    predict("00.sum", 10)
    state = json.loads(progress_file.read_text())
    expected = json.loads(progress_file.read_text())
    state["exercises"]["00.double"]["code"] = "def double(x): ..."
    state["exercises"]["/home/alice"] = {"done": True, "tries": 1}
    state["predictions"]["00.sum"]["user"] = "alice"
    state["path"] = {"a": str(tmp_path)}
    progress_file.write_text(json.dumps(state))
    (tmp_path / "lessons").mkdir()
    monkeypatch.chdir(tmp_path / "lessons")
    copy = progress_module.export()
    assert copy.resolve() == tmp_path / "lessons" / "progress-dlviz.json"
    assert json.loads(copy.read_text()) == expected
    assert "alice" not in copy.read_text()


def test_a_copy_can_be_read_by_others_and_replaced(tmp_path):
    progress_module.export(tmp_path)
    exercise("00.double").check(right)
    copy = progress_module.export(tmp_path)
    assert exercises(copy)["00.double"]["done"]
    plain = tmp_path / "plain"
    plain.touch()
    assert copy.stat().st_mode == plain.stat().st_mode


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
    assert list(rows) == [f"lesson {number}" for number in map(number_of, notebooks())]
    assert rows["lesson 00"] == "1 of 2 done"
    assert [id for id, _ in progress("00").card().rows] == ["00.sum", "00.double"]
    assert sorted(progress(3).status) == sorted(id for id in items() if id.startswith("03."))
    assert sorted([*progress(6).status, *progress("6b").status]) == sorted(id for id in items() if id.startswith("06."))
    with pytest.raises(LookupError, match=r"no lesson '99'.*00, 01"):
        progress("99")


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
    assert '"It moved a little' in predict("03.moved", "same").notes[-1]
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
