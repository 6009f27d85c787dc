"""What the learner has done, in one local JSON file; nothing leaves the machine, and no fault here stops a lesson.

The file is ``DLVIZ_PROGRESS``, or ``progress.json`` in the user's data folder for dlviz. It is read before and replaced
whole after each change, so that two notebooks can share it and a crash leaves the old file or the new one.
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

_unsaved: dict[Path, State] = {}  # what could not be written, so that this kernel at least remembers
_unreadable: set[Path] = set()  # never written to: what lies there may be all of a learner's work
_told: set[Path] = set()


def path() -> Path:
    """Return where progress is kept."""
    chosen = os.environ.get("DLVIZ_PROGRESS", "").strip()
    home = platformdirs.user_data_dir("dlviz", appauthor=False)
    return Path(chosen).expanduser() if chosen else Path(home) / "progress.json"


def load() -> tuple[State, tuple[str, ...]]:
    """Read the file; also return what the learner should be told. A damaged file is set aside under a new name."""
    place = path()
    if place in _unsaved:
        return _unsaved[place], ()
    try:
        state = json.loads(place.read_text(encoding="utf-8"))
        if not _sound(state):
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        return _empty(), ()
    except ValueError:
        return _set_aside(place)
    except OSError as error:
        return _out_of_reach(place, error)
    return state, ()


def record(id: str, passed: bool) -> tuple[str, ...]:
    """Count one try at an exercise; once done stays done."""
    state, notes = load()
    entry = state["exercises"].get(id, {})
    done = passed or entry.get("done") is True
    tries = entry["tries"] + 1 if isinstance(entry.get("tries"), int) else 1
    state["exercises"][id] = {"done": done, "tries": tries}
    return notes + _save(state)


def committed(id: str) -> Any:
    """Return the answer stored for a prediction, or None."""
    return load()[0]["predictions"].get(id, {}).get("answer")


def commit(id: str, answer: Any) -> tuple[str, ...]:
    """Store a prediction's answer, which must be JSON's kind of value."""
    state, notes = load()
    state["predictions"][id] = {"answer": answer}
    return notes + _save(state)


def _empty() -> State:
    return {"exercises": {}, "predictions": {}}


def _sound(state: Any) -> bool:
    """Whether the file holds both tables, each of them a table of tables."""
    return isinstance(state, dict) and all(
        isinstance(part := state.get(name), dict) and all(isinstance(entry, dict) for entry in part.values())
        for name in _empty()
    )


def _save(state: State) -> tuple[str, ...]:
    place, draft = path(), ""
    if place in _unreadable:
        _unsaved[place] = state
        return ()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=place.parent, prefix=place.name, suffix=".new")
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(state, file, indent=1, ensure_ascii=False)
        os.replace(draft, place)
    except OSError as error:
        if draft:
            with suppress(OSError):
                os.unlink(draft)
        _unsaved[place] = state
        return _once("unwritable", place, error)
    _unsaved.pop(place, None)
    return ()


def _set_aside(place: Path) -> tuple[State, tuple[str, ...]]:
    names = (place.with_name(f"{place.name}.damaged-{n}") for n in range(1, 10_000))
    aside = next(name for name in names if not name.exists())
    try:
        os.replace(place, aside)
    except OSError as error:
        return _out_of_reach(place, error)
    return _empty(), (message("exercises.progress.damaged", path=place, aside=aside),)


def _out_of_reach(place: Path, error: OSError) -> tuple[State, tuple[str, ...]]:
    _unreadable.add(place)
    _unsaved[place] = _empty()
    return _unsaved[place], _once("unreadable", place, error)


def _once(key: str, place: Path, error: OSError) -> tuple[str, ...]:
    """A note about a place that cannot be used, the first time only."""
    if place in _told:
        return ()
    _told.add(place)
    return (message(f"exercises.progress.{key}", path=place, reason=error.strerror or str(error)),)
