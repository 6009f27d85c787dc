"""The lesson notebooks, of which every learner gets copies."""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

_PACKAGE = Path(__file__).parent
#: Holds the hash of every copied file, so that an edited lesson can be distinguished from an outdated one.
_HASHES = ".shipped.json"


def shipped() -> Path:
    """Return the folder of lessons that came with this installation.

    Raises:
        DlvizError: it is missing, so the installation is broken.
    """
    for folder in (_PACKAGE / "_lessons", _PACKAGE.parent / "lessons"):
        if (folder / "00-start.ipynb").is_file():
            return folder
    raise DlvizError(message("main.no_lessons", folder=_PACKAGE))


def find_lesson(name: str) -> Path | None:
    """Return the path of the lesson with this number, name or file name, or None.

    >>> find_lesson("0").name, find_lesson("6b").name
    ('00-start.ipynb', '06b-schedules-and-tuning.ipynb')
    """
    for path in notebooks():
        subject = path.stem.partition("-")[2]
        if name in (path.stem, path.name, subject) or normalized(name) == number_of(path):
            return path
    return None


def notebooks() -> list[Path]:
    """Return the paths of all lessons, in their order."""
    return sorted(shipped().glob("*.ipynb"))


def number_of(notebook: Path) -> str:
    """Return the number of a lesson: "06", or "06b" for the second notebook of lesson 06."""
    return notebook.stem.partition("-")[0]


def normalized(number: str) -> str:
    """Return a lesson's number as its file name has it: "06b" for "6b"; what is no number stays as it is."""
    found = re.fullmatch(r"([0-9]+)(b?)", number)
    return f"{int(found[1]):02}{found[2]}" if found else number


def lesson_and_folder(places: Sequence[str]) -> tuple[str, Path | None]:
    """Return the file name of the lesson to open, by default the first, and the folder to work in, from what ``dlviz lab`` was given.

    A word that begins with a digit is a lesson if there is such a lesson; a number is never a folder.

    Raises:
        DlvizError: there is no lesson of this number, or two lessons or folders are given.
    """
    lessons, folders = [], []
    for place in places:
        lesson = find_lesson(place) if place[:1].isdigit() else None
        if lesson is not None:
            lessons.append(lesson.name)
        elif place.isdecimal():
            known = ", ".join(path.stem for path in notebooks())
            raise DlvizError(message("main.no_lesson", got=place, known=known))
        else:
            folders.append(Path(place))
    if len(lessons) > 1 or len(folders) > 1:
        raise DlvizError(message("main.places", got=" ".join(places)))
    return lessons[0] if lessons else "00-start.ipynb", folders[0] if folders else None


def lessons_for(folder: Path | None, report: Callable[[str], None]) -> Path:
    """Return the folder in which the learner works, with copies of the lessons in it.

    A lesson that the learner has edited is never overwritten: a newer one is saved beside it. The shipped folder itself is used in place.

    Args:
        folder: where to put the lessons, by default ``dlviz-lessons`` in the current directory.
        report: called with a sentence for each lesson that was kept or put beside it, and one at the end.

    Raises:
        DlvizError: the folder cannot be written.
    """
    source = shipped()
    target = (folder or Path("dlviz-lessons")).resolve()
    if target == source.resolve():
        report(message("main.in_place", folder=source))
        return source
    try:
        done = _copy_lessons(source, target, report)
    except OSError as error:
        raise DlvizError(message("main.no_folder", folder=target, error=error.strerror or error)) from None
    report(message("main.copied", folder=target, new=done["new"], renewed=done["renewed"], kept=done["kept"]))
    return target


def _copy_lessons(source: Path, target: Path, report: Callable[[str], None]) -> Counter[str]:
    target.mkdir(parents=True, exist_ok=True)
    hashes_file, done = target / _HASHES, Counter[str]()
    hashes = _read_hashes(hashes_file)
    for lesson in sorted(source.rglob("*")):
        if lesson.is_file() and ".ipynb_checkpoints" not in lesson.parts:
            name = lesson.relative_to(source).as_posix()
            done[_copy_lesson(lesson, target / name, hashes.get(name), report)] += 1
            hashes[name] = _digest(lesson)
    hashes_file.write_text(json.dumps(hashes, indent=1), encoding="utf-8")
    return done


def _read_hashes(hashes_file: Path) -> dict[str, str]:
    """Return the hash of every file copied before; without a readable file, every lesson that differs counts as edited."""
    try:
        return dict(json.loads(hashes_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def _copy_lesson(lesson: Path, mine: Path, copied_hash: str | None, report: Callable[[str], None]) -> str:
    """Copy a lesson unless the learner has edited it, and return what was done: "new", "same", "renewed" or "kept"."""
    mine.parent.mkdir(parents=True, exist_ok=True)
    if not mine.exists():
        shutil.copyfile(lesson, mine)
        return "new"
    if _digest(mine) == _digest(lesson):
        return "same"
    if _digest(mine) == copied_hash:
        shutil.copyfile(lesson, mine)
        return "renewed"
    if _digest(lesson) == copied_hash:
        report(message("main.kept", kept=mine.name))
    else:
        beside = _path_beside(lesson, mine)
        shutil.copyfile(lesson, beside)
        report(message("main.beside", kept=mine.name, new=beside.name))
    return "kept"


def _path_beside(lesson: Path, mine: Path) -> Path:
    """Return a path beside `mine` that is free or holds this very lesson: an earlier copy there may have been edited too."""
    names = (mine.with_stem(f"{mine.stem}.new{number}") for number in ("", *range(2, 1000)))
    return next(name for name in names if not name.exists() or _digest(name) == _digest(lesson))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
