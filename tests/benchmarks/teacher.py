"""The teacher of the benchmark's class: provides the lessons, corrects one of them, and checks each student's files at the end."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.benchmarks.hub import Hub
from tests.benchmarks.student import WIDGET, Student

LESSONS = Path(__file__).parents[2] / "lessons"
#: Path of the lesson below a student's home.
LESSON = "dlviz/lessons/08-convolution.ipynb"
CORRECTED = "After this lesson you will be able to"


def repository_in(folder: Path) -> str:
    """Create the git repository of the lessons that students pull, and return its URL."""
    place = folder / "origin"
    shutil.copytree(LESSONS, place / "lessons", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    (folder / "data").mkdir(mode=0o555)
    _git(place, "init", "-q", "-b", "main")
    _commit(place, "The lessons")
    return place.as_uri()


def correct(folder: Path) -> None:
    """Correct a sentence of the lesson that all students have run, and add a file."""
    lesson = folder / "origin" / "lessons" / Path(LESSON).name
    text = lesson.read_text(encoding="utf-8")
    assert "After this lesson you can" in text
    lesson.write_text(text.replace("After this lesson you can", CORRECTED), encoding="utf-8")
    (folder / "origin" / "lessons" / "homework.md").write_text("Train it on MNIST.\n", encoding="utf-8")
    _commit(folder / "origin", "A correction")


def _commit(place: Path, message: str) -> None:
    _git(place, "add", "-A")
    _git(place, "-c", "user.name=Teacher", "-c", "user.email=teacher@localhost", "commit", "-q", "-m", message)


def _git(place: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=place, check=True, timeout=60)


def saved(found: Hub, name: str) -> dict[str, Any]:
    return json.loads((found.homes / name / LESSON).read_text(encoding="utf-8"))


def lost_by(one: Student, other: Student) -> list[str]:
    """Return differences between a student's saved lesson and the output of the kernels, the student's own and another's."""
    book = saved(one.hub, one.name)
    faults = faults_of(book)
    for k, (kept, mine, hers) in enumerate(zip(book["cells"], one.book["cells"], other.book["cells"], strict=True)):
        if _printed(kept) != _printed(mine):
            faults.append(f"cell {k} on disk differs from the kernel's output")
        if _printed(mine) != _printed(hers):
            faults.append(f"cell {k} says {_printed(mine)[:80]!r}, and {other.name}'s {_printed(hers)[:80]!r}")
    if not (one.hub.homes / one.name / LESSON).with_name("homework.md").is_file():
        faults.append("the teacher's new file has not come")
    if CORRECTED not in "".join(line for cell in book["cells"] for line in cell["source"]):
        faults.append("the teacher's correction has not come")
    return [f"{one.name}: {fault}" for fault in faults]


def faults_of(book: dict[str, Any]) -> list[str]:
    """Return the cells of a saved notebook that did not run or failed, and whether widgets are missing."""
    found, widgets = [], 0
    for k, cell in enumerate(book["cells"]):
        if cell["cell_type"] != "code":
            continue
        if not cell["execution_count"]:
            found.append(f"cell {k} did not run")
        found += [f"cell {k}: {output['ename']}" for output in cell["outputs"] if output["output_type"] == "error"]
        widgets += any(WIDGET in output.get("data", {}) for output in cell["outputs"])
    if widgets < 8:
        found.append(f"{widgets} widgets")
    return found


def _printed(cell: dict[str, Any]) -> str:
    """Return the printed text and the plain text of the outputs of a cell; equal for all students, because the seed is the same."""
    outputs = cell.get("outputs", [])  # the kernel may send a cell's text in one or in several pieces
    return "".join("".join(one.get("text", "")) + "".join(one.get("data", {}).get("text/plain", "")) for one in outputs)
