"""Widget that reports on an answer to an exercise, with its cases, hints and solution."""

from typing import TYPE_CHECKING, Any

from dlviz.exercises.cards.card_widget import HERE, CardWidget
from dlviz.kit.messages import message, table

if TYPE_CHECKING:
    from dlviz.exercises.exercise import Exercise
    from dlviz.exercises.report import Result


class ExerciseCard(CardWidget):
    """Widget of one report: the verdict and its reason, one row for each case, and buttons for hints, solution and starter."""

    _view = HERE / "exercise.js"

    def __init__(self, exercise: "Exercise", result: "Result") -> None:
        super().__init__(result, scene=_scene(exercise, result))


def _scene(exercise: "Exercise", result: "Result") -> dict[str, Any]:
    task = message(exercise.key("task"))
    sides = [message(f"exercises.row.{side}") for side in ("input", "yours", "expected")]
    attempted = result.verdict != "not attempted"
    return {
        "id": exercise.id,
        "title": message(exercise.key("title")),
        "verdict": result.verdict.replace(" ", "-"),
        "text": result.message if attempted else task,
        "task": task if attempted else "",
        "notes": list(result.notes),
        "cases": [
            {"given": case.given, "yours": case.yours, "expected": case.expected, "passed": case.passed}
            for case in result.cases
        ],
        # The table of cases holds what these three say of the first one that failed.
        "rows": [list(row) for row in result.rows if not result.cases or row[0] not in sides],
        "hints": [message(exercise.key(key)) for key in sorted(table(exercise.key())) if key.startswith("hint")],
        "solution": exercise.source(),
        "starter": exercise.starter,
    }
