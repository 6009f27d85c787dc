"""Catalog of exercises and predictions by id, and the overview of progress."""

import difflib
import json
import pkgutil
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from itertools import groupby
from typing import Any

import dlviz.exercises
from dlviz.exercises import progress_file
from dlviz.exercises.cards.progress_bar import ProgressBar
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.prediction import Prediction, ask_or_commit
from dlviz.exercises.report import Card, Displayable
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.lesson_files import normalized, notebooks, number_of


class Unknown(DlvizError, LookupError):  # noqa: N818
    """Raised for an id that is no exercise or prediction; the message names similar ids."""


@cache
def items() -> dict[str, Exercise | Prediction]:
    """Return all exercises and predictions by id, in the order of the lessons."""
    lessons = sorted(m.name for m in pkgutil.iter_modules(dlviz.exercises.__path__) if m.name.startswith("lesson"))
    modules = [import_module(f"dlviz.exercises.{name}.exercises") for name in lessons]
    return {item.id: item for module in modules for item in module.ITEMS}


def exercise(id: str) -> Exercise:
    """Return an exercise by id, such as "03.two-paths": ``.check(answer)``, ``.hint()``, ``.solution()``, ``.starter``.

    An unknown id raises ``Unknown``, a ``LookupError`` that names similar ids.

    >>> exercise("00.double").check(lambda x: x + x).verdict
    'right'
    """
    item = _find(id)
    if isinstance(item, Prediction):
        raise Unknown(message("exercises.unknown.prediction", id=id))
    return item


def predict(id: str, answer: Any = ...) -> Displayable:
    """Commit an answer to a question, then compare it with what torch computes.

    ``answer`` is one of the options, a number, or a shape as a tuple; ``...`` shows the question. The first answer is
    stored as your prediction and stays; a later right one completes the question. What is returned is true only if the
    answer is right. With ``DLVIZ_STRICT=1`` a missing answer raises ``NotAttempted`` and a wrong one ``Wrong``.

    >>> predict("00.sum", 10).verdict
    'right'
    """
    item = _find(id)
    if isinstance(item, Exercise):
        raise Unknown(message("exercises.unknown.exercise", id=id))
    return ask_or_commit(item, answer)


def progress(lesson: str | int | None = None) -> Displayable:
    """Show how much of each lesson is done, and the path of the progress file; or every exercise and prediction of one lesson.

    Args:
        lesson: the number of a lesson, such as "03" or 3; "06b" for the second notebook of lesson 06.

    Raises:
        Unknown: there is no such lesson.
    """
    state, notes = progress_file.load()
    lessons = list(dict.fromkeys(_places().values()))
    chosen = lessons if lesson is None else [one for one in lessons if one == normalized(str(lesson))]
    if not chosen:
        raise Unknown(message("exercises.unknown.lesson", lesson=repr(lesson), lessons=", ".join(lessons)))
    return Overview({id: _status(state, id) for one in chosen for id in ids_of(one)}, notes)


@dataclass(frozen=True, repr=False)
class Overview(Displayable):
    """Overview of progress; ``status`` maps each id to "done", "attempted" or "open"."""

    status: dict[str, str]
    notes: tuple[str, ...] = ()

    def widget(self) -> ProgressBar | None:
        """Return the bar of a single lesson."""
        lessons = set(map(_lesson, self.status))
        return ProgressBar(self, partial(_scene, *lessons)) if len(lessons) == 1 else None

    def card(self) -> Card:
        """Return a card with one row for each lesson, or for each id of a single lesson."""
        lessons = [list(ids) for _, ids in groupby(self.status, _lesson)]
        if len(lessons) == 1:
            rows = [(id, message(f"exercises.progress.{how}")) for id, how in self.status.items()]
            more: tuple[str, ...] = ()
        else:
            rows = [(message("exercises.progress.lesson", lesson=_lesson(ids[0])), self._count(ids)) for ids in lessons]
            more = (message("exercises.progress.more"),)
        headline = self._count(list(self.status))
        place = message("exercises.progress.place", path=progress_file.path())
        return Card(headline, (place, *more, *self.notes), tuple(rows))

    def _count(self, ids: list[str]) -> str:
        done = sum(self.status[id] == "done" for id in ids)
        return message("exercises.progress.title", done=done, count=len(ids))


@cache
def ids_of(lesson: str) -> tuple[str, ...]:
    """Return the ids of a lesson, such as "05" or "06b", in the order in which its notebook asks them."""
    return tuple(id for id, place in _places().items() if place == lesson)


@cache
def _places() -> dict[str, str]:
    """Return the number of the notebook that asks each id, in the order in which the notebooks ask."""
    places: dict[str, str] = {}
    for notebook in notebooks():
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            places |= dict.fromkeys(cell["metadata"].get("dlviz", {}).values(), number_of(notebook))
    return {id: places[id] for id in places if id in items()}


def _scene(lesson: str) -> dict[str, Any]:
    """Return what the bar of a lesson shows."""
    state, _ = progress_file.load()
    status = {id: _status(state, id) for id in ids_of(lesson)}
    kinds = {id: "predictions" if isinstance(items()[id], Prediction) else "exercises" for id in status}
    return {
        "lesson": lesson,
        "items": [{"id": id, "kind": kinds[id], "status": how} for id, how in status.items()],
        "next": next((id for id, how in status.items() if how != "done"), None),
    }


def _lesson(id: str) -> str:
    return _places()[id]


def _status(state: progress_file.State, id: str) -> str:
    if id in state["predictions"]:
        return "done"  # a prediction that turned out wrong has done its work
    entry = state["exercises"].get(id)
    return "open" if entry is None else "done" if entry.get("done") is True else "attempted"


def _find(id: str) -> Exercise | Prediction:
    if isinstance(id, str) and id in items():
        return items()[id]
    near = difflib.get_close_matches(str(id), items(), n=3, cutoff=0.5)
    shown = ", ".join(f'"{name}"' for name in near or items())
    raise Unknown(message("exercises.unknown.near" if near else "exercises.unknown.all", id=repr(id), ids=shown))
