"""Progress of the learner in one local JSON file. Nothing leaves the machine, and no failure here stops a lesson.

The file is ``DLVIZ_PROGRESS``, or ``progress.json`` in the user's data folder for dlviz. It is read before and replaced
atomically after each change, so that two notebooks can share it and a crash leaves the old or the new file.

The table ``exercises`` has an entry for each exercise and each prediction that was answered: ``done``, ``tries``, ``first``
(whether the first try was right), ``share`` (the best share of cases passed), ``first_time``, ``done_time`` and ``version`` of
dlviz at the try that counts, the first right one or else the last. The table ``predictions`` adds the first ``answer``, whether
it was ``right``, the number of ``answers``, ``time`` and ``version``. Times are UTC. Files of older versions have fewer fields.
"""

import json
import os
import re
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from dlviz import __version__
from dlviz.kit.messages import message

#: Name of the copy for a teacher.
EXPORTED = "progress-dlviz.json"
#: All that the copy contains.
FIELDS = {
    "exercises": ("done", "tries", "first", "share", "first_time", "done_time", "version"),
    "predictions": ("answer", "right", "answers", "time", "version"),
}

State = dict[str, dict[str, dict[str, Any]]]

_unsaved: dict[Path, State] = {}  # progress that could not be written, remembered by this kernel only
_unreadable: set[Path] = set()  # files that are never written to, because they may hold all of a learner's work
_reported: set[Path] = set()


def path() -> Path:
    """Return the path of the progress file."""
    configured = os.environ.get("DLVIZ_PROGRESS", "").strip()
    home = platformdirs.user_data_dir("dlviz", appauthor=False)
    return Path(configured).expanduser() if configured else Path(home) / "progress.json"


def load() -> tuple[State, tuple[str, ...]]:
    """Read the file; return its state and notes for the learner. A damaged file is renamed, and a new one begins."""
    file = path()
    if file in _unsaved:
        return _unsaved[file], ()
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        if not _is_valid(state):
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        return _empty(), ()
    except ValueError:
        return _rename_damaged(file)
    except OSError as error:
        return _unreadable_file(file, error)
    return state, ()


def record(id: str, passed: bool, share: float = 0.0) -> tuple[str, ...]:
    """Count a try at an exercise or an answer to a prediction; what is done stays done. Return notes for the learner.

    Args:
        id: the exercise or prediction.
        passed: whether the answer is right.
        share: the share of cases passed, from 0 to 1; a right answer passes all of them.
    """
    state, notes = load()
    is_first = id not in state["exercises"]
    entry = state["exercises"].setdefault(id, {"first": passed, "first_time": _now()} if is_first else {})
    entry["tries"] = entry["tries"] + 1 if isinstance(entry.get("tries"), int) else 1
    if entry.get("done") is not True:
        entry |= {"done": passed, "version": __version__} | ({"done_time": _now()} if passed else {})
    best = entry.get("share")
    entry["share"] = 1.0 if entry["done"] else max(share, best if isinstance(best, float) else 0.0)
    prediction = state["predictions"].get(id)
    if prediction is not None:
        prediction["answers"] = entry["tries"]
        if is_first:
            prediction["right"] = passed
    return notes + _save(state)


def committed(id: str) -> Any:
    """Return the stored answer of a prediction, or None."""
    return load()[0]["predictions"].get(id, {}).get("answer")


def commit(id: str, answer: Any, right: bool | None = None) -> tuple[str, ...]:
    """Store the first answer of a prediction. Return notes for the learner.

    Args:
        id: the prediction.
        answer: a JSON value.
        right: whether the answer is right, if that is known already; otherwise the first ``record`` stores it.
    """
    state, notes = load()
    entry = {"answer": answer, "time": _now(), "version": __version__}
    state["predictions"][id] = entry if right is None else entry | {"right": right}
    return notes + _save(state)


def export(folder: str | Path = ".") -> Path:
    """Write a copy of the progress that can be handed in, and return its path: ``progress-dlviz.json`` in a folder.

    The copy has the fields of this module and nothing else: no name, no path, no code.

    Args:
        folder: by default the current one, which is the notebook's.

    Raises:
        OSError: the folder cannot be written.
    """
    file = Path(folder) / EXPORTED
    state, _ = load()
    copy = {name: _exported(state[name], fields) for name, fields in FIELDS.items()}
    file.write_text(json.dumps(copy, indent=1, ensure_ascii=False), encoding="utf-8")
    return file


def _exported(entries: dict[str, dict[str, Any]], fields: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the entries whose key is an id, with these fields only."""
    return {
        id: {name: entry[name] for name in fields if name in entry}
        for id, entry in entries.items()
        if re.fullmatch(r"\d\d\.[\w-]+", id)
    }


def _now() -> str:
    """Return the time in UTC, in seconds, in ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _empty() -> State:
    return {"exercises": {}, "predictions": {}}


def _is_valid(state: Any) -> bool:
    """Return whether the file holds both tables, each of them a table of tables."""
    return isinstance(state, dict) and all(
        isinstance(part := state.get(name), dict) and all(isinstance(entry, dict) for entry in part.values())
        for name in _empty()
    )


def _save(state: State) -> tuple[str, ...]:
    file, draft = path(), ""
    if file in _unreadable:
        _unsaved[file] = state
        return ()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".new")
        with open(handle, "w", encoding="utf-8") as stream:
            json.dump(state, stream, indent=1, ensure_ascii=False)
        os.replace(draft, file)
    except OSError as error:
        if draft:
            with suppress(OSError):
                os.unlink(draft)
        _unsaved[file] = state
        return _note_once("unwritable", file, error)
    _unsaved.pop(file, None)
    return ()


def _rename_damaged(file: Path) -> tuple[State, tuple[str, ...]]:
    names = (file.with_name(f"{file.name}.damaged-{n}") for n in range(1, 10_000))
    aside = next(name for name in names if not name.exists())
    try:
        os.replace(file, aside)
    except OSError as error:
        return _unreadable_file(file, error)
    return _empty(), (message("exercises.progress.damaged", path=file, aside=aside),)


def _unreadable_file(file: Path, error: OSError) -> tuple[State, tuple[str, ...]]:
    _unreadable.add(file)
    _unsaved[file] = _empty()
    return _unsaved[file], _note_once("unreadable", file, error)


def _note_once(key: str, file: Path, error: OSError) -> tuple[str, ...]:
    """Return a note about a file that cannot be used, only the first time."""
    if file in _reported:
        return ()
    _reported.add(file)
    return (message(f"exercises.progress.{key}", path=file, reason=error.strerror or str(error)),)
