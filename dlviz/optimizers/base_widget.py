"""What the pictures of this room share: a surface from above or turning in space, and paths on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.plotly import plotly_gzip, serve
from dlviz.kit.widget import Widget
from dlviz.optimizers.still import draw
from dlviz.optimizers.test_functions import Box

#: How many places a surface is computed at, along each side.
SIDE = 101


class Relief(Widget):
    """A surface with paths on it.

    Attributes:
        view: "2d", a map with lines of equal height, or "3d", which turns; 3-D brings plotly.js (1.5 MB) to the page, once.
        paths_shown: the paths, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "optimizers"
    _name = ""

    view = traitlets.Enum(("2d", "3d"), "2d", help="a map, or a surface that turns").tag(sync=True)
    paths_shown = traitlets.Dict(help="the paths, for the view").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._open = True
        super().__init__(**traits)
        serve(self)

    def close(self) -> None:
        """Take the widget off the page and let go of its functions and tensors."""
        self._open = False
        super().close()

    def to_html(self, path: str | Path | None = None) -> str:
        """The widget as one self-contained page that opens from a file and still plays, steps and hovers.

        A page written with ``view="3d"`` holds plotly.js, once, and is 2 MB larger for it; one written with "2d" shows the map alone.

        Args:
            path: where to write it; nothing is written without one.

        Returns:
            The page.
        """
        return super().to_html(path)

    def _page_state(self) -> dict[str, Any]:
        return super()._page_state() | ({"plotly": plotly_gzip()} if self.view == "3d" else {})

    def _held(self) -> None:
        if not self._open:
            raise DlvizError(message("optimizers.refused.closed"))

    @staticmethod
    def _named(axes: Sequence[str], pair: bool = True) -> dict[str, Any]:
        """What the two numbers are called, as the scene holds it: beside the axes, and together before a pair of values."""
        return {"axes": list(axes), "pair": f"({', '.join(axes)})" if pair else ""}

    def _picture(self, about: dict[str, Any], runs: list[dict[str, Any]]) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        scene = self.scene
        return draw(
            self._name,
            scene["signature"],
            about,
            scene["axes"],
            [*scene["minima"], *scene["marked"]],
            runs,
            self.step,
            scene["summary"],
            theme,
        )


def axis(low: float, high: float, count: int = SIDE) -> Tensor:
    """Evenly spaced places along one side."""
    # So written, the middle of a symmetric side is 0 and not 1e-16.
    return low + (high - low) * torch.arange(count, dtype=torch.float64) / (count - 1)


def checked_limits(caller: str, given: Any) -> Box:
    """((x low, x high), (y low, y high)) from that, or from (low, high) for both.

    Raises:
        DlvizError: it is neither, or a low end is not below its high end.

    Example:
        >>> checked_limits("surface", (-1, 1))
        ((-1.0, 1.0), (-1.0, 1.0))
    """
    try:
        table = torch.as_tensor(given, dtype=torch.float64)
        pair = table.expand(2, 2) if table.shape == (2,) else table
        (a, b), (c, d) = pair.tolist()
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("optimizers.refused.limits", caller=caller, got=repr(given)[:80])) from None
    if not (a < b and c < d and bool(pair.isfinite().all())):
        raise DlvizError(message("optimizers.refused.limits", caller=caller, got=repr(given)[:80]))
    return (a, b), (c, d)


def checked_axes(caller: str, given: Any) -> tuple[str, str]:
    """The names of the two numbers.

    Raises:
        DlvizError: these are not two names, each of one line.

    Example:
        >>> checked_axes("race", ("w", "b"))
        ('w', 'b')
    """
    names = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2 else ("", "")
    if not all(isinstance(name, str) and name.strip() and name.isprintable() for name in names):
        raise DlvizError(message("optimizers.refused.axes", caller=caller, got=repr(given)[:80]))
    return names
