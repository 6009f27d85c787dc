"""The command line: `dlviz doctor` finds problems, and an edited lesson is never overwritten."""

import json
from types import SimpleNamespace

import pytest

from dlviz import __main__, doctor, lesson_files
from dlviz.kit.errors import DlvizError


def test_the_doctor_finds_no_problem_on_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / "progress.json"))
    lines = []
    assert doctor.doctor(lines.append) == 0
    assert [line for line in lines if not line.startswith(("ok", "note  a font for Chinese"))] == []
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


def test_the_doctor_runs_every_check_whatever_is_wrong(monkeypatch):
    def broken():
        raise RuntimeError("no such thing")

    for name in doctor.CHECKS:
        monkeypatch.setitem(doctor.CHECKS, name, broken)
    monkeypatch.delitem(doctor.CHECKS, "python")  # older versions of Python cannot install dlviz
    lines = []
    assert doctor.doctor(lines.append) == 1
    assert len(lines) == len(doctor.CHECKS)
    assert all(len(line.splitlines()[1].strip()) > 10 for line in lines)  # each with its remedy


def test_a_missing_font_for_chinese_is_not_an_error(monkeypatch):
    monkeypatch.setattr(doctor, "chinese_font", lambda: "")
    monkeypatch.setattr(doctor, "CHECKS", {"chinese": doctor._chinese})
    lines = []
    assert doctor.doctor(lines.append) == 0
    assert lines[0].startswith("note  a font for Chinese: none found")
    assert "fonts-noto-cjk" in lines[0]


def test_a_full_disk_is_an_error(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "CHECKS", {"disk": doctor._disk})
    lines = []
    assert doctor.doctor(lines.append) == 0
    monkeypatch.setattr(
        doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**6 if folder == tmp_path else 10**12)
    )
    assert doctor.doctor(lines.append) == 1
    assert lines[1].startswith("BAD   free disk: OSError: 1 MB")
    assert "DLVIZ_DATA" in lines[1]


def test_the_device_in_the_environment_variable_is_tested(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"device": doctor._device})
    monkeypatch.setenv("DLVIZ_DEVICE", "cuda:77")
    lines = []
    assert doctor.doctor(lines.append) == 1
    assert "DLVIZ_DEVICE" in lines[0].splitlines()[1]


@pytest.mark.parametrize(
    "name", ["NotoSansCJK-Regular.ttc", "msyh.ttc", "PingFang.ttc", "wqy-zenhei.ttc", "simsun.ttc"]
)
def test_a_font_is_found_by_its_file_without_fontconfig(monkeypatch, tmp_path, name):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "DejaVuSans.ttf").touch()
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor, "FONT_FOLDERS", (tmp_path / "none", tmp_path))
    assert doctor.chinese_font() == ""
    (tmp_path / "a" / name).touch()
    assert doctor.chinese_font() == name


def test_fontconfig_is_used_if_it_is_installed(monkeypatch):
    def run(command, **_):
        assert command == ["fc-list", ":lang=zh-cn", "family"]
        return SimpleNamespace(stdout="WenQuanYi Zen Hei,文泉驛正黑\nNoto Sans CJK SC\n")

    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name)
    monkeypatch.setattr(doctor.subprocess, "run", run)
    assert doctor.chinese_font() == "Noto Sans CJK SC"


def test_a_checkout_is_used_in_place():
    lines = []
    assert lesson_files.lessons_for(None, report=lines.append) == lesson_files.shipped()
    assert lines == [f"The lessons are opened where they are, in {lesson_files.shipped()}."]


@pytest.fixture
def course(monkeypatch, tmp_path):
    """Two shipped lessons, and a function that copies them to the learner's folder and returns the reported lines."""
    source, mine = tmp_path / "shipped", tmp_path / "mine"
    source.mkdir()
    monkeypatch.setattr(lesson_files, "shipped", lambda: source)

    def bring(*versions):
        lines = []
        for name, text in zip(("00-start.ipynb", "01.ipynb"), versions, strict=True):
            (source / name).write_text(text, encoding="utf-8")
        lesson_files.lessons_for(mine, lines.append)
        return lines

    return mine, bring


def held(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.ipynb"))}


def test_an_edited_lesson_stays_and_a_newer_one_is_saved_beside_it(course):
    mine, bring = course
    (summary,) = bring("first", "first")
    assert summary == f"The lessons are in {mine}: 2 files copied, 0 brought up to date, 0 of yours kept."
    (mine / "01.ipynb").write_text("my notes", encoding="utf-8")
    kept, _ = bring("first", "first")
    assert kept == "You have edited 01.ipynb: it stays as it is."
    beside, summary = bring("second", "second")
    assert beside == "You have edited 01.ipynb: it stays as it is, and the new version is 01.new.ipynb."
    assert summary == f"The lessons are in {mine}: 0 files copied, 1 brought up to date, 1 of yours kept."
    assert held(mine) == {"00-start.ipynb": "second", "01.ipynb": "my notes", "01.new.ipynb": "second"}


def test_a_version_saved_beside_it_is_not_overwritten_either(course):
    mine, bring = course
    bring("first", "first")
    (mine / "01.ipynb").write_text("my notes", encoding="utf-8")
    bring("first", "second")
    (mine / "01.new.ipynb").write_text("more notes", encoding="utf-8")
    bring("first", "third")
    bring("first", "third")
    assert held(mine) == {
        "00-start.ipynb": "first",
        "01.ipynb": "my notes",
        "01.new.ipynb": "more notes",
        "01.new2.ipynb": "third",
    }


@pytest.mark.parametrize("note", ["", "{", "[1]", "3"])
def test_without_a_readable_hash_file_every_lesson_that_differs_counts_as_edited(course, note):
    mine, bring = course
    bring("first", "first")
    (mine / "01.ipynb").write_text("my notes", encoding="utf-8")
    (mine / ".shipped.json").write_text(note, encoding="utf-8")
    bring("second", "second")
    assert held(mine)["01.ipynb"] == "my notes"
    assert held(mine)["00-start.ipynb"] == "first"
    assert held(mine)["00-start.new.ipynb"] == "second"


def test_a_folder_that_cannot_be_made_is_reported(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert __main__.main(["lab", str(tmp_path / "file")]) == 1
    assert "dlviz lab: the lessons cannot be put into" in capsys.readouterr().err


def test_a_broken_installation_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(lesson_files, "_PACKAGE", tmp_path / "nowhere")
    with pytest.raises(DlvizError, match="install dlviz again"):
        lesson_files.shipped()


def test_lab_starts_jupyter_on_the_first_lesson(monkeypatch, tmp_path, capsys):
    called = []
    monkeypatch.setattr(__main__.subprocess, "call", lambda command: called.append(command) or 0)
    assert __main__.main(["lab", str(tmp_path), "--no-browser", "--port", "9999"]) == 0
    assert f"The lessons are in {tmp_path}" in capsys.readouterr().out
    (command,) = called
    assert command[1:4] == ["-m", "jupyter", "lab"]
    assert command[-1].endswith("00-start.ipynb")
    assert {"--no-browser", "--port", "9999"} <= set(command)
    assert json.loads((tmp_path / ".shipped.json").read_text(encoding="utf-8"))


def test_doctor_takes_no_options(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["doctor", "--what"])
    assert "--what" in capsys.readouterr().err
