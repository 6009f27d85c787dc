"""The build that Binder would run for this repository, without Docker; and pulls with nbgitpuller that keep students' work."""

import os
import re
import runpy
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """Return the Dockerfile that repo2docker renders, without building it and without Docker."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def pinned() -> dict[str, str]:
    """Return the versions of the pinned packages by normalized name."""
    lines = (BINDER / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {plain(name): version for name, version in (line.split("==") for line in lines if line and line[0] != "#")}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_repo2docker_runs_binders_files_and_nothing_else(dockerfile):
    steps = runpy.run_path(str(ROOT / ".ci" / "binder"))["steps"]
    assert steps(dockerfile) == [
        '${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        "chmod +x binder/postBuild",
        "./binder/postBuild",
        'chmod +x "${REPO_DIR}/binder/start"',
    ]
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile
    assert "conda/environment.py-3.11" in dockerfile.replace("-2f", "/").replace("-2e", ".").replace("-2d", "-")


def test_the_python_of_the_image_is_one_that_dlviz_runs_on():
    wanted = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    least = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert tuple(map(int, wanted.split("."))) >= tuple(map(int, least.removeprefix(">=").split(".")))


def test_every_package_that_binder_or_the_readme_installs_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = project["dependencies"] + project["optional-dependencies"]["test"]
    needs += re.findall(r"^\w\S*", (BINDER / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    names = {plain(re.split(r"[<>=\[; ]", need)[0]) for need in needs}
    assert names - set(pinned()) == set()


def shims(folder: Path, **codes: int) -> dict[str, str]:
    """Create programs that only record their arguments, and return environment variables with these first on the path."""
    for name in ("python", "dlviz"):
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "$CALLS"\nexit {codes.get(name, 0)}\n', encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CALLS": str(folder / "calls")}


def test_post_build_installs_cpu_torch_then_dlviz_and_runs_the_doctor(tmp_path):
    subprocess.run([BINDER / "postBuild"], cwd=ROOT, env=shims(tmp_path), check=True, timeout=60)
    torch, dlviz, doctor = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert torch.startswith("python -m uv pip install ")
    assert "--torch-backend=cpu -c binder/constraints.txt torch" in torch
    assert dlviz == "python -m pip install --no-cache-dir -c binder/constraints.txt -e .[attribute,ship]"
    assert doctor == "dlviz doctor"


@pytest.mark.parametrize("broken", ["python", "dlviz"])
def test_a_step_that_fails_ends_the_build(tmp_path, broken):
    done = subprocess.run([BINDER / "postBuild"], cwd=ROOT, env=shims(tmp_path, **{broken: 3}), timeout=60)
    assert done.returncode == 3


def test_start_sets_one_thread_and_runs_the_given_command(tmp_path):
    command = [sys.executable, "-c", "import os, sys; print(os.environ['OMP_NUM_THREADS'], *sys.argv[1:]); sys.exit(5)"]
    done = subprocess.run([BINDER / "start", *command, "a b", "c"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (5, "1 a b c\n")


@pytest.mark.parametrize("earlier", [None, "/other"])
def test_start_lets_jupyterlab_save_the_widgets_pictures(earlier, monkeypatch):
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    if earlier:
        monkeypatch.setenv("JUPYTER_CONFIG_PATH", earlier)
    command = [BINDER / "start", sys.executable, "-c", "import os; print(os.environ['JUPYTER_CONFIG_PATH'])"]
    path = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    assert path.split(":") == [*([earlier] if earlier else []), str(ROOT / "dlviz" / "jupyter_config")]
    assert (ROOT / "dlviz" / "jupyter_config" / "labconfig" / "default_setting_overrides.json").is_file()


def test_the_class_page_names_the_folder_of_jupyterlabs_settings():
    folder = re.search(
        r'"JUPYTER_CONFIG_PATH": "/srv/dlviz/([\w/]+)"', (BINDER / "class.md").read_text(encoding="utf-8")
    )[1]
    assert (ROOT / folder / "labconfig" / "default_setting_overrides.json").is_file()


@pytest.mark.parametrize("page", ["README.md", "class.md"])
def test_links_in_the_documents_open_lessons_that_exist(page):
    links = re.findall(r"https://\S*urlpath=\S+", (BINDER / page).read_text(encoding="utf-8"))
    assert links
    for link in links:
        asked = parse_qs(urlparse(link).query)
        below = f"lab/tree/{asked['targetpath'][0]}/" if "targetpath" in asked else "lab/tree/"
        assert (ROOT / asked["urlpath"][0].removeprefix(below)).is_file(), link


def git(place: Path, *words: str) -> None:
    own = {"GIT_AUTHOR_NAME": "Teacher", "GIT_AUTHOR_EMAIL": "t@localhost", "GIT_CONFIG_GLOBAL": os.devnull}
    env = {**os.environ, **own, "GIT_COMMITTER_NAME": "Teacher", "GIT_COMMITTER_EMAIL": "t@localhost"}
    subprocess.run(["git", *words], cwd=place, env=env, check=True, timeout=60)


def test_a_pull_brings_the_teachers_changes_and_keeps_the_students(tmp_path):
    origin, mine = tmp_path / "origin", tmp_path / "mine"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    (origin / "lesson").write_text("one\n\nx = ...\n\nlast\n", encoding="utf-8")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "A lesson")

    def pull() -> None:
        puller = [sys.executable, "-m", "nbgitpuller.pull", origin.as_uri(), "main", str(mine)]
        subprocess.run(puller, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}, check=True, timeout=60)

    pull()
    (mine / "lesson").write_text("one\n\nx = 'my answer'\n\nlast\n", encoding="utf-8")
    (mine / "notes").write_text("mine\n", encoding="utf-8")
    # The teacher changes two lines, one of them the line that the student changed, and adds a file.
    (origin / "lesson").write_text("one, corrected\n\nx = ...  # clearer\n\nlast\n", encoding="utf-8")
    (origin / "homework").write_text("new\n", encoding="utf-8")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "A correction")
    pull()
    text = (mine / "lesson").read_text(encoding="utf-8")
    assert "x = 'my answer'" in text
    assert "clearer" not in text
    assert (mine / "notes").read_text(encoding="utf-8") == "mine\n"
    assert (mine / "homework").read_text(encoding="utf-8") == "new\n"
