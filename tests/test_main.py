"""The command line: `dlviz doctor` finds problems, and an edited lesson is never overwritten."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

import dlviz
from dlviz import __main__, doctor, lesson_files
from dlviz.kit.errors import DlvizError


def test_the_doctor_finds_no_problem_on_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / "progress.json"))
    lines = []
    assert doctor.doctor(lines.append) == 0
    assert [line for line in lines if not line.startswith(("ok", "note  a font for Chinese", "note  torch"))] == []
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
        doctor.shutil,
        "disk_usage",
        lambda folder: SimpleNamespace(free=10**6 if folder == tmp_path else 10**12, total=10**12),
    )
    assert doctor.doctor(lines.append) == 1
    assert lines[1].startswith(f"BAD   free disk: 1 MB in {tmp_path}")
    assert "DLVIZ_DATA" in lines[1]


def test_without_a_home_the_doctor_says_that_downloads_and_progress_have_no_place(monkeypatch, tmp_path):
    (tmp_path / "file").touch()  # no folder can be made below a file, not even by root
    for name in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file" / "home"))
    monkeypatch.delenv("DLVIZ_PROGRESS", raising=False)
    monkeypatch.delenv("DLVIZ_DATA", raising=False)
    monkeypatch.setattr(doctor, "CHECKS", {"disk": doctor._disk, "progress": doctor._progress})
    lines = []
    assert doctor.doctor(lines.append) == 1
    assert lines[0].startswith("BAD   free disk: downloads have no place: ")
    assert "HOME" in lines[0].splitlines()[1]
    assert lines[1].startswith(f"BAD   your progress is kept in: {tmp_path}")
    assert "Error" not in "".join(lines)


def test_a_file_system_of_no_size_is_no_place_for_downloads(monkeypatch, tmp_path):
    monkeypatch.delenv("DLVIZ_DATA", raising=False)
    monkeypatch.setattr(doctor, "CHECKS", {"disk": doctor._disk})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0, total=0))
    lines = []
    doctor.doctor(lines.append)
    assert "have no place" in lines[0]


def test_the_cuda_build_without_a_gpu_is_a_note_that_says_how_to_get_the_cpu_build(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"torch": doctor._torch})
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    lines = []
    assert doctor.doctor(lines.append) == 0
    assert lines[0].startswith("note  torch")
    assert "https://download.pytorch.org/whl/cpu" in lines[0]
    assert "0.2 GB" in lines[0]


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


def test_the_learner_works_on_copies_in_a_checkout_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    lines = []
    assert lesson_files.lessons_for(None, report=lines.append) == tmp_path / "dlviz-lessons"
    assert lines[0].startswith(f"Your copies of the lessons are in {tmp_path / 'dlviz-lessons'}: ")
    assert (tmp_path / "dlviz-lessons" / "00-start.ipynb").is_file()


def test_the_lessons_themselves_are_opened_only_if_their_folder_is_named():
    lines = []
    assert lesson_files.lessons_for(lesson_files.shipped(), report=lines.append) == lesson_files.shipped()
    assert lines == [f"The lessons themselves are opened, not copies: {lesson_files.shipped()}."]
    assert not (lesson_files.shipped() / ".shipped.json").exists()


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
    assert (
        summary == f"Your copies of the lessons are in {mine}: 2 files copied, 0 brought up to date, 0 of yours kept."
    )
    (mine / "01.ipynb").write_text("my notes", encoding="utf-8")
    kept, _ = bring("first", "first")
    assert kept == "You have edited 01.ipynb: it stays as it is."
    beside, summary = bring("second", "second")
    assert beside == "You have edited 01.ipynb: it stays as it is, and the new version is 01.new.ipynb."
    assert (
        summary == f"Your copies of the lessons are in {mine}: 0 files copied, 1 brought up to date, 1 of yours kept."
    )
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


@pytest.fixture
def jupyter(monkeypatch, tmp_path):
    """Run `dlviz lab` in an empty folder; return Jupyter's command and environment, without starting it."""
    monkeypatch.chdir(tmp_path)
    called = []
    monkeypatch.setattr(__main__.subprocess, "call", lambda command, env: called.append((command, env)) or 0)

    def lab(*words):
        assert __main__.main(["lab", *words]) == 0
        return called.pop()

    return lab


def test_lab_starts_jupyter_on_the_first_lesson(jupyter, tmp_path, capsys):
    command, _ = jupyter(str(tmp_path), "--no-browser", "--port", "9999")
    assert f"Your copies of the lessons are in {tmp_path}" in capsys.readouterr().out
    assert command[1:4] == ["-m", "jupyter", "lab"]
    assert command[-1].endswith("00-start.ipynb")
    assert {"--no-browser", "--port", "9999"} <= set(command)
    assert json.loads((tmp_path / ".shipped.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("words", "options", "folder", "lesson"),
    [
        ("--port 9001", "--port 9001", "dlviz-lessons", "00-start"),
        ("--port=9001 mine", "--port=9001", "mine", "00-start"),
        ("--no-browser mine", "--no-browser", "mine", "00-start"),
        ("mine --ServerApp.port 9001 --no-browser", "--ServerApp.port 9001 --no-browser", "mine", "00-start"),
        ("--port 9001 mine 3", "--port 9001", "mine", "03-autograd"),
        ("03 --ip 0.0.0.0", "--ip 0.0.0.0", "dlviz-lessons", "03-autograd"),
        ("8-cnn", "", "8-cnn", "00-start"),
        ("08-convolution", "", "dlviz-lessons", "08-convolution"),
        ("08-convolution.ipynb", "", "dlviz-lessons", "08-convolution"),
        ("6b", "", "dlviz-lessons", "06b-schedules-and-tuning"),
        ("./08", "", "08", "00-start"),
    ],
)
def test_an_option_with_its_value_goes_to_jupyter_and_a_number_opens_a_lesson(
    jupyter, tmp_path, words, options, folder, lesson
):
    command, _ = jupyter(*words.split())
    assert command[-1] == str(tmp_path / folder / f"{lesson}.ipynb")
    assert command[-1 - len(options.split()) : -1] == options.split()
    assert [path.name for path in tmp_path.iterdir()] == [folder]


@pytest.mark.parametrize("words", [["42"], ["03", "04"], ["a", "b"]])
def test_lab_refuses_what_is_no_lesson_and_copies_nothing(monkeypatch, tmp_path, capsys, words):
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["lab", *words]) == 1
    assert words[0] in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lab_lets_jupyterlab_save_the_pictures_and_ask_no_question(jupyter, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    environment = jupyter()[1]
    mine, _ = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert mine == "/mine"
    shown = "from jupyterlab_server.settings_utils import _get_overrides; import json; print(json.dumps(_get_overrides('')[0]))"
    done = subprocess.run([sys.executable, "-c", shown], env=environment, capture_output=True, text=True, check=True)
    settings = json.loads(done.stdout)
    assert settings["@jupyter-widgets/jupyterlab-manager:plugin"]["saveState"] is True
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        __main__.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"dlviz {dlviz.__version__}\n"


@pytest.mark.parametrize(
    ("typed", "meant"), [("grpah", "graph"), ("Tensor", "tensor"), ("layer", "layers"), ("conv_2d", "conv2d")]
)
def test_the_nearest_name_is_suggested(typed, meant):
    with pytest.raises(AttributeError, match=f"has no attribute '{typed}'; did you mean dlviz.{meant}[?]$"):
        getattr(dlviz, typed)


def test_a_name_like_no_other_is_refused_without_a_list():
    with pytest.raises(AttributeError, match=r"dir\(dlviz\)") as refused:
        dlviz.zzz  # noqa: B018
    assert len(str(refused.value)) < 100


COLAB = """
import sys, types
output = types.ModuleType("google.colab.output")
output.enable_custom_widget_manager = lambda: print("ENABLED")
google, colab = types.ModuleType("google"), types.ModuleType("google.colab")
google.colab, colab.output = colab, output
sys.modules |= {"google": google, "google.colab": colab, "google.colab.output": output}
"""


@pytest.mark.parametrize(
    ("before", "printed"),
    [
        ("", ""),
        (COLAB, "ENABLED\n"),
        (f"{COLAB}del output.enable_custom_widget_manager\n", ""),
    ],
)
def test_in_colab_the_import_turns_on_the_manager_of_custom_widgets(before, printed):
    done = subprocess.run([sys.executable, "-c", f"{before}import dlviz"], capture_output=True, text=True, check=True)
    assert done.stdout == printed


def test_doctor_takes_no_options(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["doctor", "--what"])
    assert "--what" in capsys.readouterr().err
