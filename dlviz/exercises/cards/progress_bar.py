"""Widget that shows which predictions and exercises of a lesson are done, and leads to the next one."""

import weakref
from collections.abc import Callable
from typing import Any

import traitlets

from dlviz.exercises import progress_file
from dlviz.exercises.cards.card_widget import HERE, CardWidget
from dlviz.exercises.report import Displayable

_bars: "weakref.WeakSet[ProgressBar]" = weakref.WeakSet()


class ProgressBar(CardWidget):
    """Widget of one lesson's progress.

    Attributes:
        exported: where the progress was written by the button, or why it was not.
    """

    _view = HERE / "progress.js"
    exported = traitlets.Dict(help="file or reason").tag(sync=True)

    def __init__(self, content: Displayable, scene: Callable[[], dict[str, Any]]) -> None:
        self._make_scene = scene
        super().__init__(content, scene=scene())
        _bars.add(self)

    def refresh(self) -> None:
        """Show the progress as it is now."""
        self.scene = self._make_scene()

    def _on_export(self, content: object) -> None:
        try:
            self.exported = {"file": progress_file.export().name}
        except OSError as error:
            self.exported = {"reason": error.strerror or str(error)}


def refresh_bars() -> None:
    """Show the progress as it is now in every open bar."""
    for bar in list(_bars):
        if bar.comm is not None:
            bar.refresh()
