"""Colors and marker shapes by number, from ``theme.toml``: still pictures use them, and scenes hand them to the views."""

import tomllib
from pathlib import Path
from typing import Any

_TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("theme.toml").read_text(encoding="utf-8"))

#: How many classes, and how many curves, have a color of their own.
CLASS_COLORS, CURVE_COLORS = len(_TABLE["class_colors"]), len(_TABLE["curve_colors"])

#: SVG path, within radius 1 around the origin, of the cross that marks a wrong prediction.
CROSS: str = _TABLE["cross"]


def class_color(k: int) -> str:
    """Return the color token of class `k`; the colors repeat from the sixth class on.

    Example:
        >>> class_color(0), class_color(5)
        ('class-0', 'class-0')
    """
    return str(_TABLE["class_colors"][k % CLASS_COLORS])


def class_tint(k: int) -> tuple[str, float]:
    """Return the color token of class `k` and its share beside the color of the paper: classes beyond the colors are paler.

    Example:
        >>> class_tint(0), class_tint(5)
        (('class-0', 1.0), ('class-0', 0.5))
    """
    return class_color(k), 0.5 if k // CLASS_COLORS % 2 else 1.0


def curve_color(k: int) -> str:
    """Return the color token of curve or path `k`; the colors repeat from the seventh on.

    Example:
        >>> curve_color(0), curve_color(7)
        ('run-0', 'run-1')
    """
    return str(_TABLE["curve_colors"][k % CURVE_COLORS])


def marker(k: int) -> str:
    """Return the marker of class `k`, as an SVG path of radius 1 around the origin.

    Where the colors repeat, the shapes are shifted by one, so that 25 classes differ in color or shape.

    Example:
        >>> len({(class_color(k), marker(k)) for k in range(25)})
        25
    """
    return str(_TABLE["markers"][(k + k // CLASS_COLORS) % len(_TABLE["markers"])])
