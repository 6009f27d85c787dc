"""Outputs that give away the answer to a prediction stay folded until it is committed.

In a notebook, a cell whose first line is the comment ``# after 05.stacked`` runs as usual, but its outputs are folded as long as
the prediction 05.stacked has no answer, also when all cells are run at once. ``DLVIZ_GATE=open`` in the environment leaves every
output open, for a projector.
"""

import os
import re
import weakref
from typing import Any

import ipywidgets
from IPython.display import display

from dlviz.exercises import progress_file
from dlviz.exercises.cards.card_widget import HERE, CardWidget
from dlviz.exercises.report import Card, Displayable
from dlviz.kit.messages import message
from dlviz.kit.notebook_output import in_notebook, ipython_shell

_COMMENT = re.compile(r"#\s*after\s+([\w.-]+)\s*(?:\n|$)")

_folded: "weakref.WeakSet[FoldedOutput]" = weakref.WeakSet()


def gated_by(source: str) -> str | None:
    """Return the id of the prediction that a cell's first line names, or None.

    >>> gated_by("# after 05.stacked\\nprint(1)")
    '05.stacked'
    >>> gated_by("print(1)  # after all")
    """
    match = _COMMENT.match(source.lstrip())
    return match[1] if match else None


def open_gates(id: str) -> None:
    """Open every output that waits for the prediction `id`."""
    for folded in [one for one in _folded if one.id == id]:
        folded.open()


def watch_cells() -> None:
    """From now on fold the outputs of cells that name a prediction without an answer; outside a notebook nothing happens."""
    shell = ipython_shell()
    if in_notebook() and not hasattr(shell, "_dlviz_gates"):
        shell._dlviz_gates = _CellGates()
        shell.events.register("pre_run_cell", shell._dlviz_gates.before)
        shell.events.register("post_run_cell", shell._dlviz_gates.after)


class _CellGates:
    """Folds the output of the cell that is running."""

    def __init__(self) -> None:
        self._running: FoldedOutput | None = None

    def before(self, info: Any) -> None:
        id = gated_by(info.raw_cell or "")
        if id is None or not _is_interactive() or progress_file.committed(id) is not None:
            return
        self._running = FoldedOutput(id)
        display(self._running.box)
        self._running.output.__enter__()

    def after(self, result: Any) -> None:
        folded, self._running = self._running, None
        if folded is not None:
            folded.output.__exit__(None, None, None)
            if not result.success:  # an error is never hidden
                folded.open()


def _is_interactive() -> bool:
    """Return whether the running cell was sent by a front end with a person: tools that execute notebooks allow no input.

    In nbclient, which nbgrader and papermill use, an output of ipywidgets can hang: its answer may consume the reply to the cell.
    """
    kernel: Any = getattr(ipython_shell(), "kernel", None)
    request = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    return os.environ.get("DLVIZ_GATE") != "open" and bool(request.get("content", {}).get("allow_stdin"))


class FoldedOutput:
    """Output of a cell, folded below a card with the button "Show me".

    Attributes:
        id: the prediction that it waits for.
        box: what the notebook displays.
        output: receives the outputs of the cell; it is drawn only when it opens, at its real width.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self.output = ipywidgets.Output()
        self._card = GateCard(self)
        self.box = ipywidgets.VBox([self._card])
        _folded.add(self)

    def open(self) -> None:
        """Show the output in place of the card."""
        _folded.discard(self)
        self.box.children = [self.output]
        self._card.close()


class _Waiting(Displayable):
    def __init__(self, id: str) -> None:
        self.id = id

    def card(self) -> Card:
        return Card(message("exercise_cards.gated", id=self.id))


class GateCard(CardWidget):
    """Card that stands for a folded output until the prediction is committed or the learner asks to see it."""

    _view = HERE / "gate.js"

    def __init__(self, folded: FoldedOutput) -> None:
        self._folded = folded
        super().__init__(_Waiting(folded.id), scene={"id": folded.id})

    def _on_show(self, content: object) -> None:
        self._folded.open()
