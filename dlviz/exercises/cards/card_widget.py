"""Base class of the exercises' widgets, which show a card and fall back to its text and HTML."""

from pathlib import Path
from typing import Any

from dlviz.exercises.report import Displayable
from dlviz.kit.widget import Widget

HERE = Path(__file__).parent


class CardWidget(Widget):
    """Widget for something that a notebook without widgets displays as a card."""

    _style = HERE / "style.css"
    _room = "exercise_cards"

    def __init__(self, content: Displayable, **traits: Any) -> None:
        self._content = content
        super().__init__(**traits)

    def _describe(self) -> str:
        return self._content.card().headline

    def _image(self) -> str:
        return self._content.card().html()

    def _still(self) -> str:
        raise NotImplementedError("a card is text; it has no picture")
