"""Progress of the learner in one local JSON file. Nothing leaves the machine, and no failure here stops a lesson.

The file is ``DLVIZ_PROGRESS``, or ``progress.json`` in the user's data folder for dlviz. It is read before and replaced
atomically after each change, so that two notebooks can share it and a crash leaves the old or the new file.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from dlviz.kit.messages import message

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


def record(id: str, passed: bool) -> tuple[str, ...]:
    """Count a try at an exercise; a done exercise stays done. Return notes for the learner."""
    state, notes = load()
    entry = state["exercises"].get(id, {})
    done = passed or entry.get("done") is True
    tries = entry["tries"] + 1 if isinstance(entry.get("tries"), int) else 1
    state["exercises"][id] = {"done": done, "tries": tries}
    return notes + _save(state)


def committed(id: str) -> Any:
    """Return the stored answer of a prediction, or None."""
    return load()[0]["predictions"].get(id, {}).get("answer")


def commit(id: str, answer: Any) -> tuple[str, ...]:
    """Store the answer of a prediction, a JSON value. Return notes for the learner."""
    state, notes = load()
    state["predictions"][id] = {"answer": answer}
    return notes + _save(state)


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
