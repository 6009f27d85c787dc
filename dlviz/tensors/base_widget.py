"""Base of this room's widgets."""

from pathlib import Path
from typing import Any, Generic, TypeVar

from dlviz.kit.widget import Widget

Data = TypeVar("Data")


class TensorDataWidget(Widget, Generic[Data]):
    """Widget that holds the tensors it shows until it is closed."""

    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"
    _tensor_attributes = ("_data",)

    def __init__(self, data: Data, **traits: Any) -> None:
        self._data = data
        super().__init__(**traits)

    @property
    def data(self) -> Data:
        """The data behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        return self._data
