"""What the widgets of this room have in common: the view's style, and letting go of the learner's tensors when closed."""

from pathlib import Path
from typing import Any, Generic, TypeVar

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget

Data = TypeVar("Data")


class TensorsWidget(Widget, Generic[Data]):
    """A widget over data that holds tensors, until it is closed."""

    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"

    def __init__(self, data: Data, **traits: Any) -> None:
        self._data: Data | None = data
        super().__init__(**traits)

    @property
    def data(self) -> Data:
        """What the picture was drawn from.

        Raises:
            DlvizError: the widget has been closed.
        """
        if self._data is None:
            raise DlvizError(message("tensors.refused.closed"))
        return self._data

    def __repr__(self) -> str:
        return message("tensors.repr_closed") if self._data is None else self._describe()

    @property
    def _colors(self) -> str:
        return "dark" if self.theme == "dark" else "light"

    def close(self) -> None:
        """Take the widget off the page and let go of the tensors."""
        self._data = None
        super().close()
