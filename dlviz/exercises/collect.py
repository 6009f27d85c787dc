"""Results of a class as a table with one row a student, read from progress files and executed notebooks.

The files are the students' own, so nothing in them is trusted: what is damaged, too large or unknown is noted in the student's
row. Where several files know an exercise, the better result counts, a right one before a wrong one with a larger share of cases;
of equal ones that of the progress file. What it lacks, such as the number of tries, comes from the others.
"""

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from dlviz.exercises.catalog import items
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.report import SIGNS
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: Columns of an exercise and of a prediction, after its id. Their order and that of the catalog never depend on the files.
EXERCISE_COLUMNS = ("right", "first", "share", "tries", "time", "version")
PREDICTION_COLUMNS = ("answer", "right", "first", "tries", "time", "version")
#: Largest files that are read, in bytes. A full progress file has about 30 kB, a lesson with all pictures a few MB.
LARGEST = {".json": 2_000_000, ".ipynb": 100_000_000}
#: Where dlviz keeps the progress file below a home folder on Linux.
IN_HOME = Path(".local", "share", "dlviz", "progress.json")
#: Spreadsheets take a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Entry:
    """What is known about one student's exercise or prediction; None is unknown.

    ``first`` is whether the first try was right, ``share`` the best share of cases passed, and ``answer`` the first answer of a
    prediction. ``time`` is that of the first right try, or else of the first try; ``version`` is dlviz's at the first right
    try, or else at the last.
    """

    right: bool
    share: float | None = None
    first: bool | None = None
    tries: int | None = None
    answer: Any = None
    time: str | None = None
    version: str | None = None


@dataclass
class Student:
    """A student's results by id, and notes about the files."""

    name: str
    entries: dict[str, Entry] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def collect(folder: str | Path) -> list[Student]:
    """Return the results of all students in a folder, sorted by name.

    Each folder in it is a student, with progress files and notebooks at any depth, and so is each such file beside them:
    ``alice/progress-dlviz.json``, ``alice/lesson/05-mlp.ipynb``, ``alice.json`` and ``alice.ipynb`` are all Alice's.

    Raises:
        DlvizError: the folder cannot be read, or it has no student.
    """
    try:
        places = sorted(Path(folder).iterdir())
    except OSError as error:
        raise DlvizError(
            message("exercises.collect.unreadable_folder", folder=folder, reason=error.strerror or str(error))
        ) from error
    students: dict[str, list[Path]] = {}
    for place in places:
        if not place.name.startswith(".") and (place.is_dir() or place.suffix in LARGEST):
            students.setdefault(place.name if place.is_dir() else place.stem, []).append(place)
    if not students:
        raise DlvizError(message("exercises.collect.empty", folder=folder))
    return [_student(name, places) for name, places in sorted(students.items())]


def write_csv(students: list[Student], stream: TextIO) -> None:
    """Write the table as CSV: 1 is yes, 0 is no, and an empty cell is unknown or not attempted."""
    writer = csv.writer(stream, lineterminator="\n")
    columns = [(id, _columns(id)) for id in items()]
    heads = [f"{id} {name}" for id, names in columns for name in names]
    writer.writerow(["student", "done", "count", *heads, "notes"])
    for student in students:
        known = {id: asdict(entry) for id, entry in student.entries.items()}
        cells = [known.get(id, {}).get(name) for id, names in columns for name in names]
        done = sum(entry.right for entry in student.entries.values())
        writer.writerow(map(cell, [student.name, done, len(columns), *cells, "; ".join(student.notes)]))


def cell(value: Any) -> Any:
    """Return a value as a cell that no spreadsheet takes for a formula.

    >>> cell("=1+1"), cell(-1), cell([2, 3]), cell(None)
    ("'=1+1", -1, '(2, 3)', '')
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, bool) else value
    text = " ".join(str(tuple(value) if isinstance(value, list) else value).split())
    return f"'{text}" if text.startswith(FORMULA) else text


def _columns(id: str) -> tuple[str, ...]:
    return EXERCISE_COLUMNS if isinstance(items()[id], Exercise) else PREDICTION_COLUMNS


def _student(name: str, places: list[Path]) -> Student:
    student = Student(name)
    found = sorted((path.suffix == ".ipynb", place, path) for place in places for path in _files(place))
    best: dict[str, list[Entry]] = {}
    for is_notebook, place, path in found:
        shown = path.relative_to(place).as_posix() if path != place else path.name
        try:
            content = _read(path)
            for id, entry in (_notebook if is_notebook else _progress)(content, student.notes, shown):
                best.setdefault(id, []).append(entry)
        except ValueError as error:  # also bytes that are not text, and JSON
            student.notes.append(message("exercises.collect.damaged", file=shown, reason=error))
        except RecursionError:
            student.notes.append(
                message("exercises.collect.damaged", file=shown, reason=message("exercises.collect.deep"))
            )
        except OSError as error:
            student.notes.append(
                message("exercises.collect.unreadable", file=shown, reason=error.strerror or str(error))
            )
    if not any(path.suffix == ".json" for _, _, path in found):
        student.notes.insert(0, message(f"exercises.collect.{'no_progress' if found else 'nothing'}"))
    student.entries = {id: _better(best[id]) for id in items() if id in best}
    unknown = sorted(best.keys() - items().keys())
    if unknown:
        student.notes.append(message("exercises.collect.unknown", count=len(unknown), ids=", ".join(unknown[:3])))
    return student


def _files(place: Path) -> Iterator[Path]:
    """Yield the progress files and notebooks of a student, outside hidden folders such as those of checkpoints."""
    if place.is_file():
        yield place
    elif (place / IN_HOME).is_file():
        yield place / IN_HOME
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in names if not name.startswith(".")):
            if path.is_file() and (path.suffix == ".ipynb" or path.match("progress*.json")):
                yield path


def _read(path: Path) -> Any:
    """Return the content of a JSON file; a file that is damaged or too large raises ValueError."""
    if path.stat().st_size > LARGEST[path.suffix]:
        raise ValueError(message("exercises.collect.large", size=f"{path.stat().st_size / 1e6:.0f}"))
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _progress(content: Any, notes: list[str], shown: str) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of a progress file."""
    exercises, predictions = _dict(content).get("exercises"), _dict(content).get("predictions")
    if not isinstance(exercises, dict) or not isinstance(predictions, dict):
        raise ValueError(message("exercises.collect.foreign"))
    for id, one in exercises.items():
        entry, prediction = _dict(one), _dict(predictions.get(id))
        right = entry.get("done") is True
        first = entry.get("first", prediction.get("right"))
        tries = entry.get("tries")
        yield (
            id,
            Entry(
                right=right,
                share=_share(entry.get("share")),
                first=first if isinstance(first, bool) else None,
                tries=tries if isinstance(tries, int) and 0 < tries < 1_000_000 else None,
                answer=_answer(prediction.get("answer")),
                time=_time(entry.get("done_time") if right else entry.get("first_time")),
                version=_version(entry.get("version")),
            ),
        )


def _notebook(content: Any, notes: list[str], shown: str) -> Iterator[tuple[str, Entry]]:
    """Yield the results in the outputs of a notebook, and note errors and where it was not executed to the end."""
    cells = _dict(content).get("cells")
    if not isinstance(cells, list):
        raise ValueError(message("exercises.collect.no_notebook"))
    code = [cell for cell in map(_dict, cells) if cell.get("cell_type") == "code" and _text(cell.get("source")).strip()]
    errors: Counter[str] = Counter()
    for one in code:
        time = _time(_dict(_dict(one.get("metadata")).get("execution")).get("shell.execute_reply"))
        for output in map(_dict, _list(one.get("outputs"))):
            result = _result(output)
            if result:
                id, known = result
                yield id, Entry(**known, time=time)
            elif output.get("output_type") == "error":
                errors[_text(output.get("ename"))[:50]] += 1
    open_cells = sum(one.get("execution_count") is None for one in code)
    if errors:
        kinds = ", ".join(sorted(errors))
        notes.append(message("exercises.collect.errors", file=shown, count=errors.total(), kinds=kinds))
    if 0 < open_cells < len(code):  # a lesson that was never run needs no note
        notes.append(message("exercises.collect.open", file=shown, count=open_cells, all=len(code)))


def _result(output: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the id and the fields of the result that an output shows, None if it shows no answer.

    Front ends that drop the metadata of an output keep its text, and so does the error of a wrong answer in strict mode.
    """
    kept = _dict(_dict(output.get("metadata")).get("dlviz"))
    if isinstance(kept.get("id"), str) and kept.get("verdict") in ("right", "wrong"):
        right = kept["verdict"] == "right"
        version, answer = _version(kept.get("version")), _answer(kept.get("answer"))
        return kept["id"], {"right": right, "share": _share(kept.get("share")), "answer": answer, "version": version}
    is_wrong = output.get("output_type") == "error" and output.get("ename") == "Wrong"
    text = output.get("evalue") if is_wrong else _dict(output.get("data")).get("text/plain")
    headline = re.match(rf"([{SIGNS['right']}{SIGNS['wrong']}]) (\d\d\.[\w-]+): ", _text(text))
    return (headline[2], {"right": headline[1] == SIGNS["right"]}) if headline else None


def _better(entries: list[Entry]) -> Entry:
    """Return the best of several entries, with what it lacks from the others."""
    best = max(entries, key=lambda entry: (entry.right, entry.share or 0.0))
    merged: dict[str, Any] = {}
    for entry in (best, *entries):
        merged = {name: value if merged.get(name) is None else merged[name] for name, value in asdict(entry).items()}
    return Entry(**merged)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Return the text of a notebook's field, which is a string or a list of lines."""
    lines = value if isinstance(value, list) else [value]
    return "".join(line for line in lines if isinstance(line, str))


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else None


def _time(value: Any) -> str | None:
    """Return a UTC time in seconds, in ISO 8601."""
    time = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)$", value) if isinstance(value, str) else None
    return f"{time[1]}Z" if time else None


def _version(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"\d[\w.+]{0,29}", value) else None


def _answer(value: Any) -> Any:
    """Return an answer as a prediction can have it: a number, one of its options, or a shape."""
    if isinstance(value, (int, float)):
        return value if not isinstance(value, bool) and abs(value) < 1e15 else None
    if isinstance(value, list) and len(value) <= 10 and all(isinstance(n, int) and abs(n) < 1e15 for n in value):
        return value
    return value[:100] if isinstance(value, str) else None
