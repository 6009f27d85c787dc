"""The command line: the doctor finds what is wrong, and an edited lesson is never overwritten."""

import json

import pytest

from dlviz import __main__, doctor, lessons
from dlviz.kit.problem import Problem


def test_the_doctor_is_content_with_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / "progress.json"))
    lines = []
    assert doctor.doctor(lines.append) == 0
    assert [line for line in lines if not line.startswith("ok")] == []
    assert len(lines) == len(doctor.CHECKS)


def test_the_doctor_names_what_is_wrong_and_what_to_do(monkeypatch):
    def broken():
        raise RuntimeError("no such thing")

    monkeypatch.setitem(doctor.CHECKS, "digits", broken)
    lines = []
    assert doctor.doctor(lines.append) == 1
    (bad,) = [line for line in lines if line.startswith("BAD")]
    assert "no such thing" in bad
    assert "scikit-learn" in bad


def test_a_checkout_is_used_in_place():
    assert lessons.lessons_for(None, tell=pytest.fail) == lessons.shipped()


def test_an_edited_lesson_stays_and_a_newer_one_is_put_beside(monkeypatch, tmp_path):
    source, mine, told = tmp_path / "shipped", tmp_path / "mine", []
    source.mkdir()
    for name in ("00-start.ipynb", "01.ipynb"):
        (source / name).write_text("first", encoding="utf-8")
    monkeypatch.setattr(lessons, "shipped", lambda: source)
    lessons.lessons_for(mine, told.append)
    (mine / "01.ipynb").write_text("my notes", encoding="utf-8")
    lessons.lessons_for(mine, told.append)
    assert (mine / "01.ipynb").read_text(encoding="utf-8") == "my notes"
    for name in ("00-start.ipynb", "01.ipynb"):
        (source / name).write_text("second", encoding="utf-8")
    lessons.lessons_for(mine, told.append)
    assert (mine / "00-start.ipynb").read_text(encoding="utf-8") == "second"
    assert (mine / "01.ipynb").read_text(encoding="utf-8") == "my notes"
    assert (mine / "01.new.ipynb").read_text(encoding="utf-8") == "second"
    assert ["01.new.ipynb" in line for line in told] == [False, True]


def test_a_broken_installation_is_said_plainly(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "_PACKAGE", tmp_path / "nowhere")
    with pytest.raises(Problem, match="install dlviz again"):
        lessons.shipped()


def test_lab_starts_jupyter_on_the_first_lesson(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(__main__.subprocess, "call", lambda command: called.append(command) or 0)
    assert __main__.main(["lab", str(tmp_path), "--no-browser", "--port", "9999"]) == 0
    (command,) = called
    assert command[1:4] == ["-m", "jupyter", "lab"]
    assert command[-1].endswith("00-start.ipynb")
    assert {"--no-browser", "--port", "9999"} <= set(command)
    assert json.loads((tmp_path / ".shipped.json").read_text(encoding="utf-8"))


def test_doctor_takes_no_options(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["doctor", "--what"])
    assert "--what" in capsys.readouterr().err
