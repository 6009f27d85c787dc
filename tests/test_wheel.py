"""The wheel holds lessons, data and messages, and works without a checkout; the source distribution builds the same wheel."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = "Scripts" if os.name == "nt" else "bin"

#: Script that uses an installed dlviz as a learner does; run in an empty folder.
USE = """
import os, sys
from pathlib import Path
import torch, dlviz
from dlviz.kit.messages import message

assert Path(dlviz.__file__).is_relative_to(sys.prefix), dlviz.__file__
assert dlviz.data.digits().images.shape == (1797, 1, 8, 8)
assert dlviz.data.fashion_mnist("test", small=True).images.shape == (1000, 1, 28, 28)
names, labels, languages = dlviz.data.names("train")
years, numbers = dlviz.data.sunspots()
texts, ratings, reviews = dlviz.data.product_reviews()
assert len(names) > 1000
assert len(texts) > 3000
assert len(years) > 300
assert list(dlviz.data.sentences())
assert message("kit.player.play") == "play"
assert dlviz.exercise("00.double").check(lambda x: 2 * x).passed
w = torch.tensor(3.0, requires_grad=True)
page = dlviz.graph(lambda: (w * 2) ** 2).save("graph.html").read_text(encoding="utf-8")
assert "payload" in page
for name in ("svg", "png"):
    assert dlviz.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2)).save(f"conv.{name}").stat().st_size > 500
print("USED")
"""


def run(*command, cwd, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def contents(wheel):
    with zipfile.ZipFile(wheel) as held:
        return {name: held.read(name) for name in held.namelist()}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build the wheel of a clean copy, and the wheel that its source distribution builds."""
    folder = tmp_path_factory.mktemp("build")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "copy" / name)
    build = (sys.executable, "-m", "hatchling", "build", "--directory")
    run(*build, folder / "sdist", "--target", "sdist", cwd=folder / "copy")
    (source,) = (folder / "sdist").iterdir()
    with tarfile.open(source) as packed:
        # Early releases of 3.11 have no filters; later Pythons warn if none is given.
        packed.extractall(folder / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = (folder / "unpacked").iterdir()
    made = []
    for name, place in (("copied", folder / "copy"), ("again", unpacked)):
        run(*build, folder / name, "--target", "wheel", cwd=place)
        made += (folder / name).iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """Install the wheel in a separate environment that shares all other packages with this one; also make an empty folder."""
    folder = tmp_path_factory.mktemp("learner")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / BIN / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, wheels[0], cwd=folder)
    # Folders on PYTHONPATH provide modules, but their .pth files are not read, so an editable dlviz there is not found.
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    borrowed = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (Path(site) / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
    (folder / "empty").mkdir()
    return python, folder / "empty"


@pytest.fixture
def learner(installed, tmp_path):
    python, empty = installed
    environment = {
        "PYTHONPATH": "",
        "DLVIZ_PROGRESS": str(tmp_path / "progress.json"),
        "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),
        "PATH": os.pathsep.join([str(python.parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "OMP_NUM_THREADS": "1",
    }
    return lambda *command: run(*command, cwd=empty, **environment), python, empty


def test_the_source_distribution_builds_the_same_wheel(wheels):
    one, other = map(contents, wheels)
    assert set(one) == set(other)
    assert [name for name in one if one[name] != other[name]] == []


def test_the_wheel_holds_lessons_data_and_messages_and_nothing_else(wheels):
    names = set(contents(wheels[0]))
    for folder, inside in (("lessons", "dlviz/_lessons"), ("datasets", "dlviz/_datasets"), ("dlviz", "dlviz")):
        files = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()]
        kept = [path for path in files if not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)]
        assert {f"{inside}/{path.as_posix()}" for path in kept} <= names
    assert {
        "dlviz/kit/messages.en.toml",
        "dlviz/_lessons/00-start.ipynb",
        "dlviz/_datasets/registry.toml",
        "dlviz/py.typed",
    } <= names
    assert all(name.startswith(("dlviz/", "dlviz-")) for name in names)
    assert [
        name for name in names if re.search(r"__pycache__|\.pyc|checkpoint|test", name.removeprefix("dlviz/"))
    ] == []


def test_an_installed_dlviz_is_used_without_a_checkout(learner):
    call, python, empty = learner
    assert call(python, "-c", USE).strip().endswith("USED")
    assert "payload" in (empty / "graph.html").read_text(encoding="utf-8")


def test_lab_copies_the_lessons_and_says_so(learner):
    call, python, empty = learner
    output = call(python, "-m", "dlviz", "lab", "--version")  # with --version jupyter lab only prints its version
    shipped = {path.name for path in (ROOT / "lessons").glob("*.ipynb")}
    assert {path.name for path in (empty / "dlviz-lessons").glob("*.ipynb")} == shipped
    count = (
        sum(path.is_file() for path in (empty / "dlviz-lessons").rglob("*")) - 1
    )  # the record of the shipped versions
    assert f"dlviz-lessons: {count} files copied" in output
    (empty / "dlviz-lessons" / "00-start.ipynb").write_text("mine", encoding="utf-8")
    assert "You have edited 00-start.ipynb: it stays as it is." in call(python, "-m", "dlviz", "lab", "--version")
    assert (empty / "dlviz-lessons" / "00-start.ipynb").read_text(encoding="utf-8") == "mine"


def test_the_installed_commands_doctor_and_export_work(learner):
    call, python, empty = learner
    command = python.parent / "dlviz"
    assert "BAD" not in call(command, "doctor")
    output = call(command, "export", "00", "pages")
    assert re.search(r"00-start\.html: \d\.\d\d MB", output)
    page = (empty / "pages" / "00-start.html").read_text(encoding="utf-8")
    assert "have the sum 10" in page
    assert 'data-widget="' in page
