"""What `dlviz.race` and `dlviz.surface` share: a surface as a contour map or in 3-D, and trajectories on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.plotly import plotly_gzip, serve
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget
from dlviz.optimizers.loss_functions import Box
from dlviz.optimizers.still import draw

#: Number of grid points along each side of a surface of two numbers.
GRID_SIZE = 101


class LossSurfaceWidget(Widget):
    """Widget that shows a surface with trajectories on it.

    Attributes:
        view: "2d" for a contour map, or "3d" for a surface that can be rotated; 3-D loads plotly.js (1.5 MB) into the page, once.
        paths_data: the trajectories, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "optimizers"

    view = traitlets.Enum(("2d", "3d"), "2d", help="a contour map, or a surface in 3-D").tag(sync=True)
    paths_data = traitlets.Dict(help="the trajectories, for the view").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        serve(self)

    def to_html(self, path: str | Path | None = None) -> str:
        """Export the widget as one self-contained page that opens from a file and still plays, steps and hovers.

        A page written with ``view="3d"`` contains plotly.js, once, and is 2 MB larger for it; one written with "2d" shows the map alone.

        Args:
            path: where to write it; nothing is written without one.

        Returns:
            The page.
        """
        return super().to_html(path)

    def _page_state(self) -> dict[str, Any]:
        return super()._page_state() | ({"plotly": plotly_gzip()} if self.view == "3d" else {})

    @staticmethod
    def _axis_names(axes: Sequence[str], pair: bool = True) -> dict[str, Any]:
        """Return the names of the two numbers for the scene: one for each axis, and both together in front of a pair of values."""
        return {"axes": list(axes), "pair": f"({', '.join(axes)})" if pair else ""}

    def _draw_still(self, surface: dict[str, Any], paths: list[dict[str, Any]]) -> str:
        return draw(self.scene, surface, paths, self.step, self._still_theme)


def axis(low: float, high: float, count: int = GRID_SIZE) -> Tensor:
    """Return `count` evenly spaced numbers from `low` to `high`."""
    # torch.linspace would give 1e-16 instead of 0 in the middle of a symmetric interval.
    return low + (high - low) * torch.arange(count, dtype=torch.float64) / (count - 1)


def check_limits(caller: str, limits: Any) -> Box:
    """Return ((x low, x high), (y low, y high)) from that, or from one (low, high) for both axes.

    Raises:
        DlvizError: it is neither, or a low end is not below its high end.

    Example:
        >>> check_limits("surface", (-1, 1))
        ((-1.0, 1.0), (-1.0, 1.0))
    """
    try:
        numbers = torch.as_tensor(limits, dtype=torch.float64)
        pairs = numbers.expand(2, 2) if numbers.shape == (2,) else numbers
        (a, b), (c, d) = pairs.tolist()
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("optimizers.refused.limits", caller=caller, got=repr(limits)[:80])) from None
    if not (a < b and c < d and bool(pairs.isfinite().all())):
        raise DlvizError(message("optimizers.refused.limits", caller=caller, got=repr(limits)[:80]))
    return (a, b), (c, d)


def check_seed(caller: str, seed: Any) -> None:
    """Raise a DlvizError unless `seed` is an integer that torch takes."""
    if not is_integer(seed) or not -(2**63) <= seed < 2**64:
        raise DlvizError(message("optimizers.refused.seed", caller=caller, got=repr(seed)[:80]))


def check_axes(caller: str, axes: Any) -> tuple[str, str]:
    """Return the names of the two axes.

    Raises:
        DlvizError: these are not two names, each of one line.

    Example:
        >>> check_axes("race", ("w", "b"))
        ('w', 'b')
    """
    is_pair = isinstance(axes, (Sequence, np.ndarray)) and not isinstance(axes, str) and len(axes) == 2
    names = tuple(axes) if is_pair else ("", "")
    if not all(isinstance(name, str) and name.strip() and name.isprintable() for name in names):
        raise DlvizError(message("optimizers.refused.axes", caller=caller, got=repr(axes)[:80]))
    return names
