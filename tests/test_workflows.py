"""The GitHub workflows agree with README and pyproject.toml, have minimal permissions, and contain no secret."""

import importlib.util
import inspect
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from PIL import Image, ImageSequence

import dlviz
from dlviz.export.gallery import GROUPS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github"
TEXTS = {path.stem: path.read_text("utf-8") for path in sorted((FOLDER / "workflows").glob("*.yml"))}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {(name, job): about for name, workflow in WORKFLOWS.items() for job, about in workflow["jobs"].items()}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
README = (ROOT / "README.md").read_text("utf-8")
#: Write permissions by job; every other job may only read the repository.
WRITES = {
    ("release", "publish"): {"id-token": "write"},
    ("release", "attach"): {"contents": "write"},
    ("site", "deploy"): {"pages": "write", "id-token": "write"},
}
ACTIONS = {
    *("actions/checkout@v4", "actions/setup-python@v5", "actions/upload-artifact@v4", "actions/download-artifact@v4"),
    "actions/setup-node@v4",
    *("actions/upload-pages-artifact@v3", "actions/deploy-pages@v4", "pypa/gh-action-pypi-publish@release/v1"),
}


def steps(name, job):
    return JOBS[name, job].get("steps", [])


def scripts(name, job):
    return [step["run"] for step in steps(name, job) if "run" in step]


def ran(script, **environment):
    """Return the output of a step."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_all_required_files_exist():
    assert set(WORKFLOWS) == {"test", "lint", "nightly", "dependencies", "lessons", "release", "site"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_and_runs_once_per_branch(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"].startswith(name)
    # YAML reads the key `on` as true.
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[True])
    assert "secrets" not in TEXTS[name]
    assert not re.search(r"password:|https?:", TEXTS[name])


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_has_no_more_permissions_than_it_needs(name, job):
    about = JOBS[name, job]
    assert about.get("permissions") == WRITES.get((name, job))
    if "uses" in about:
        assert (FOLDER.parent / about["uses"]).is_file()
        return
    assert 0 < about["timeout-minutes"] <= 60
    for step in about["steps"]:
        assert step.get("uses", "actions/checkout@v4") in ACTIONS
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"] == {"persist-credentials": False}
        # A branch name or a title may contain shell code, so untrusted values are passed as environment variables.
        assert "${{" not in step.get("run", "")


def test_the_tests_run_on_every_system_and_python():
    matrix = JOBS["test", "test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert f">={matrix['python'][0]}" == PROJECT["requires-python"]
    assert not JOBS["test", "test"]["strategy"]["fail-fast"]


@pytest.mark.parametrize(
    ("system", "python", "folder"), [("Linux", "python3 ", ".venv/bin"), ("Windows", "python ", ".venv/Scripts")]
)
def test_ci_runs_the_test_command_of_the_readme(system, python, folder):
    written = re.search(r"<!-- test -->\n```bash\n(.*)\n```\n<!-- /test -->", README)[1]
    [script] = [script for script in scripts("test", "test") if "README" in script]
    assert 'eval "$line"' in script
    command = ran(script.replace('eval "$line"', ""), RUNNER_OS=system).stdout.removeprefix("+ ").strip()
    assert command == (
        written if system == "Linux" else written.replace("python3", "python").replace("/bin/", "/Scripts/")
    )
    assert command.startswith(python)
    assert f"{folder}/python -m pytest" in command


@pytest.mark.parametrize("system", ["Linux", "macOS", "Windows"])
def test_every_system_has_a_browser(tmp_path, system):
    (tmp_path / "google-chrome").write_text("#!/bin/sh\n")
    (tmp_path / "google-chrome").chmod(0o755)
    environment = tmp_path / "environment"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert ran('"$PWD"/.github/browser', RUNNER_OS=system, GITHUB_ENV=str(environment), PATH=path).returncode == 0
    assert re.fullmatch(r"DLVIZ_CHROMIUM=.*(google-chrome|Google Chrome|chrome\.exe)\n", environment.read_text())


def test_newest_and_oldest_dependencies_run_all_tests():
    newest, oldest = scripts("dependencies", "newest"), scripts("dependencies", "oldest")
    assert "constraints" not in "".join(newest)
    assert any("--upgrade" in script and ".[test]" in script for script in newest)
    assert any("--resolution lowest-direct" in script and ".[test]" in script for script in oldest)
    assert all(any("-m pytest" in script for script in ran) for ran in (newest, oldest))
    version = {job: steps("dependencies", job)[1]["with"]["python-version"] for job in ("newest", "oldest")}
    assert version == {"newest": JOBS["test", "test"]["strategy"]["matrix"]["python"][-1], "oldest": "3.11"}
    every = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    assert all(re.match(r"[\w.-]+>=\d", need) for need in every)


def test_the_linters_run_here_in_a_workflow_and_before_a_commit():
    assert ".ci/lint" in scripts("lint", "lint")
    assert "\n.ci/lint\n" in (ROOT / ".ci" / "run").read_text("utf-8")
    lint = (ROOT / ".ci" / "lint").read_text("utf-8")
    hooks = " ".join(
        hook["entry"]
        for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
        for hook in repository["hooks"]
    )
    for tool in ("ruff", "mypy", "tsc", "eslint"):
        assert tool in lint
        assert tool in hooks
    tools = json.loads((ROOT / ".ci" / "javascript" / "package.json").read_text("utf-8"))["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in tools.values())


def test_slow_tests_run_every_night():
    assert "schedule" in WORKFLOWS["nightly"][True]
    assert any("-m slow" in script for script in scripts("nightly", "slow"))
    late = [
        step for step in WORKFLOWS["nightly"]["jobs"]["slow"]["steps"] if "DLVIZ_LATE_FRAMES" in step.get("env", {})
    ]
    assert ["browser or lab" in step["run"] for step in late] == [True]


def test_lessons_run_on_a_cpu_always_and_on_cuda_when_asked():
    cpu, cuda = JOBS["lessons", "cpu"], JOBS["lessons", "cuda"]
    assert "pull_request" in WORKFLOWS["lessons"][True]
    assert "workflow_dispatch" in WORKFLOWS["lessons"][True]
    assert "DLVIZ_DEVICE" not in json.dumps(cpu)
    assert cuda["env"] == {"DLVIZ_DEVICE": "cuda"}
    assert cuda["runs-on"] == ["self-hosted", "gpu"]
    assert yaml.safe_load((FOLDER / "actionlint.yaml").read_text())["self-hosted-runner"]["labels"] == ["gpu"]
    # A label approves only the commits that existed when it was set; later pushes have not been reviewed.
    assert "github.event.action == 'labeled' && github.event.label.name == 'cuda'" in cuda["if"]
    for job in ("cpu", "cuda"):
        assert any("tests/lessons" in script for script in scripts("lessons", job))


def test_a_release_is_tested_built_and_published_by_trusted_publishing():
    assert JOBS["release", "test"]["uses"] == "./.github/workflows/test.yml"
    assert "workflow_call" in WORKFLOWS["test"][True]
    publish = JOBS["release", "publish"]
    assert publish["needs"] == ["test", "build"]
    assert publish["environment"] == "pypi"
    assert steps("release", "publish")[-1] == {"uses": "pypa/gh-action-pypi-publish@release/v1"}
    assert JOBS["release", "attach"]["needs"] == "publish"


@pytest.mark.parametrize(("tag", "status"), [(f"v{PROJECT['version']}", 0), ("v99.0", 1), ("$(touch hurt)", 1)])
def test_a_tag_that_differs_from_the_version_stops_the_release(tag, status):
    [script] = [step["run"] for step in steps("release", "build") if step.get("name") == "The tag names the version"]
    assert ran(script, TAG=tag).returncode == status
    assert not (ROOT / "hurt").exists()


# The site.


def builder():
    spec = importlib.util.spec_from_file_location("build", FOLDER / "site" / "build.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_site_is_built_with_the_documented_command():
    [script] = [script for script in scripts("site", "build") if "build.py" in script]
    assert script.strip() in builder().__doc__.replace("OUT", "site")
    pinned = (FOLDER / "site" / "requirements.txt").read_text().splitlines()[1:]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pinned)
    assert any(line.startswith("jupyter-book==1.") for line in pinned)


def test_the_site_has_every_lesson_with_a_link_to_its_interactive_page(tmp_path):
    builder().lay_out(tmp_path)
    lessons = sorted(path.stem for path in (ROOT / "lessons").glob("[0-9]*.ipynb"))
    contents = yaml.safe_load((tmp_path / "_toc.yml").read_text("utf-8"))
    assert [chapter["file"] for chapter in contents["chapters"]] == [
        *(f"lessons/{lesson}" for lesson in lessons),
        "lessons/glossary",
        "lessons/teaching",
        "api",
    ]
    assert "](../" not in (tmp_path / "lessons" / "teaching.md").read_text("utf-8")
    reference = (tmp_path / "api.md").read_text("utf-8")
    public = [name for name in dlviz.__all__ if inspect.isfunction(getattr(dlviz, name))]
    assert re.findall(r"^## (\w+)$", reference, re.M) == public
    for name in public:
        summary = inspect.getdoc(getattr(dlviz, name)).splitlines()[0]
        assert re.sub(r":\w+:`(\w+)`", r"`\1`", summary.replace("``", "`")) in reference
    first = (tmp_path / "index.md").read_text("utf-8")
    assert [lesson for lesson in lessons if f"(lessons/{lesson}.ipynb)" not in first] == []
    assert re.search(r"<!-- open -->\n```bash\n(.*)\n```", README)[1] in first
    assert 'href="gallery/index.html"' in first
    assert "{" not in first
    for lesson in lessons:
        cells = json.loads((tmp_path / "lessons" / f"{lesson}.ipynb").read_text("utf-8"))["cells"]
        original = json.loads((ROOT / "lessons" / f"{lesson}.ipynb").read_text("utf-8"))["cells"]
        assert f'href="../play/{lesson}.html"' in cells.pop(1)["source"]
        assert [cell["id"] for cell in cells] == [cell["id"] for cell in original]
        assert [cell for cell in cells if cell["cell_type"] == "code"] == [
            c for c in original if c["cell_type"] == "code"
        ]
        # A formula that is left would load a script from another server.
        texts = [re.sub(r"```[\s\S]*?```|`[^`\n]*`", "", c["source"]) for c in cells if c["cell_type"] == "markdown"]
        assert [text for text in texts if re.search(r"\$[^$\s][^$]*\$", text)] == []
        assert lesson == "00-start" or any("<math" in text for text in texts)


def test_the_readme_shows_every_widget_and_links_to_its_page_of_the_gallery():
    shown = re.findall(
        r'src="(\.github/pictures/(\w+)\.png)".*?\((?:https://OWNER\.github\.io/dlviz/gallery/)dlviz\.(\w+)\.html\)',
        README,
    )
    names = [make.__name__ for makers in GROUPS.values() for make in makers]
    assert sorted(name for _, name, _ in shown) == sorted(names)
    assert all((ROOT / path).is_file() and name == page for path, name, page in shown)
    assert 60 <= len(README.splitlines()) <= 90


@pytest.mark.parametrize("path", sorted((FOLDER / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_an_issue_form_has_the_required_fields(path):
    form = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", "description", "body"} <= set(form)
    assert len({field["id"] for field in form["body"]}) == len(form["body"])


def test_a_page_of_the_book_loads_no_external_script(tmp_path):
    page = tmp_path / "index.html"
    page.write_text(
        '<head>\n<script>const THEBE_JS_URL = "https://foreign.example/a.js"</script>\n<script src="_static/own.js"></script>\n'
    )
    builder().without_thebe(tmp_path)
    assert page.read_text() == '<head>\n<script src="_static/own.js"></script>\n'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_readmes_animation_moves(theme):
    with Image.open(ROOT / ".github" / "pictures" / f"graph-{theme}.gif") as picture:
        frames = [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(picture)]
    assert len(set(frames)) == len(frames) > 5
