"""Base of this room's widgets."""

from pathlib import Path
from typing import Any, Generic, TypeVar

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget

Data = TypeVar("Data")


class TensorDataWidget(Widget, Generic[Data]):
    """Widget that holds the tensors it shows until it is closed."""

    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"

    def __init__(self, data: Data, **traits: Any) -> None:
        self._data: Data | None = data
        super().__init__(**traits)

    @property
    def data(self) -> Data:
        """The data behind the picture.

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
        """Remove the widget from the page and release its tensors."""
        self._data = None
        super().close()
