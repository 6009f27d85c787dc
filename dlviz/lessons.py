"""Where the lessons are: in place in a checkout, copied to a folder of the learner's from an installed package."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from dlviz.kit.problem import Problem
from dlviz.kit.words import say

_PACKAGE = Path(__file__).parent
#: Remembers what was shipped, so that an edited lesson is told from an old one.
_SHIPPED = ".shipped.json"


def shipped() -> Path:
    """The folder of lessons that came with this installation.

    Raises:
        Problem: there is none, so the installation is broken.
    """
    for folder in (_PACKAGE / "_lessons", _PACKAGE.parent / "lessons"):
        if (folder / "00-start.ipynb").is_file():
            return folder
    raise Problem(say("main.no_lessons", folder=_PACKAGE))


def lessons_for(folder: Path | None, tell: Callable[[str], None]) -> Path:
    """The folder in which the learner works.

    A checkout is used in place unless a `folder` is named. An installed package copies its lessons to `folder`, by default
    ``dlviz-lessons`` in the current directory. A lesson that the learner has edited is never overwritten: a newer one is put beside it.

    Args:
        folder: where to put the lessons.
        tell: is given a sentence for each lesson that was kept or put beside.
    """
    source = shipped()
    if folder is None and source.parent == _PACKAGE.parent:
        return source
    target = (folder or Path("dlviz-lessons")).resolve()
    target.mkdir(parents=True, exist_ok=True)
    notes = target / _SHIPPED
    before: dict[str, str] = json.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else {}
    for lesson in sorted(source.rglob("*")):
        if lesson.is_file() and ".ipynb_checkpoints" not in lesson.parts:
            name = lesson.relative_to(source).as_posix()
            _bring(lesson, target / name, before.get(name), tell)
            before[name] = _digest(lesson)
    notes.write_text(json.dumps(before, indent=1), encoding="utf-8")
    return target


def _bring(lesson: Path, mine: Path, shipped_before: str | None, tell: Callable[[str], None]) -> None:
    mine.parent.mkdir(parents=True, exist_ok=True)
    if not mine.exists() or _digest(mine) == shipped_before:
        shutil.copyfile(lesson, mine)
    elif _digest(mine) != _digest(lesson) and _digest(lesson) != shipped_before:
        beside = mine.with_stem(f"{mine.stem}.new")
        shutil.copyfile(lesson, beside)
        tell(say("main.beside", kept=mine.name, new=beside.name))
    elif _digest(mine) != _digest(lesson):
        tell(say("main.kept", kept=mine.name))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
