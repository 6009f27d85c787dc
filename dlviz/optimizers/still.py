"""The still picture: surface, contour lines and trajectories."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlviz.kit.svg import MARGIN, Svg, framed, line_path, shorten
from dlviz.optimizers.contour import log_heights

_LEFT, _TOP, _WIDTH = 60.0, 64.0, 440.0
#: Shades between two of the five colors of heights.
_SHADES = 4


def draw(
    scene: Mapping[str, Any], surface: Mapping[str, Any], paths: Sequence[Mapping[str, Any]], step: int, theme: str
) -> str:
    """Return the SVG of a picture whose paths are drawn up to a step."""
    name, axes = scene["kind"], scene["axes"]
    (x0, x1), (y0, y1) = surface["x"], surface["y"]
    height = _WIDTH * min(1.0, max(0.6, (y1 - y0) / (x1 - x0)))
    width = _LEFT + _WIDTH + 190
    left = MARGIN + 8.5 * len(name) + 12
    svg = framed(
        width, _TOP + height + 44, name, scene["signature"], scene["summary"], theme, signature_left=left, baseline=26
    )
    _draw_shades(svg, surface, height)
    _draw_contours(svg, surface, height)
    for row, path in enumerate(paths):
        _draw_path(svg, path, surface, height, step)
        y = _TOP + 14 + 20 * row
        if y < _TOP + height:
            svg.path(f"M{_LEFT + _WIDTH + 14},{y - 4}h16", stroke=path["color"], line=2.4)
            svg.text(_LEFT + _WIDTH + 36, y, shorten(path["name"], 130, 6.6), size=11.5)
    svg.rect(_LEFT, _TOP, _WIDTH, height, stroke="line", radius=0)
    for x, value in ((_LEFT, x0), (_LEFT + _WIDTH, x1)):
        svg.text(x, _TOP + height + 16, f"{value:.3g}", size=10.5, mono=True, color="ink-3", anchor="middle")
    for y, value in ((_TOP + height, y0), (_TOP + 8, y1)):
        svg.text(_LEFT - 6, y, f"{value:.3g}", size=10.5, mono=True, color="ink-3", anchor="end")
    svg.text(_LEFT + _WIDTH / 2, _TOP + height + 30, axes[0], size=11, color="ink-2", anchor="middle")
    svg.text(_LEFT, _TOP - 8, f"↑ {axes[1]}", size=11, color="ink-2")
    for px, py in [*scene["minima"], *scene["marked"]]:
        x, y = _pixel(surface, height, px, py)
        svg.path(f"M{x - 5:.1f},{y - 5:.1f}l10,10m0,-10l-10,10", stroke="ink", line=1.6)
    return svg.markup()


def _pixel(surface: Mapping[str, Any], height: float, x: float, y: float) -> tuple[float, float]:
    (x0, x1), (y0, y1) = surface["x"], surface["y"]
    return _LEFT + (x - x0) / (x1 - x0) * _WIDTH, _TOP + height - (y - y0) / (y1 - y0) * height


def _draw_contours(svg: Svg, surface: Mapping[str, Any], height: float) -> None:
    sx, sy = _WIDTH / (surface["columns"] - 1), height / (surface["rows"] - 1)
    for level in surface["levels"]:
        lines = np.split(level["points"], np.cumsum(level["lengths"])[:-1]) if level["lengths"] else []
        d = "".join(
            "M" + "L".join(f"{_LEFT + c * sx:.1f},{_TOP + height - r * sy:.1f}" for c, r in line) for line in lines
        )
        svg.path(d, stroke="ink-3", line=0.6)


def _draw_shades(svg: Svg, surface: Mapping[str, Any], height: float) -> None:
    """Draw the surface as cells in the colors of their heights, the first row at the bottom."""
    if surface["high"] <= surface["low"]:
        return
    values = np.asarray(surface["values"]).reshape(surface["rows"], surface["columns"])
    heights = log_heights(values, surface["low"], surface["high"], surface["unit"])
    shades = (np.nan_to_num(heights, nan=1.0, posinf=1.0) * 4 * _SHADES).round().astype(int)
    steps = [(k, shade / _SHADES) for k in range(4) for shade in range(_SHADES)] + [(3, 1.0)]
    palette = [svg.mix(f"height-{k + 1}", share, f"height-{k}") for k, share in steps]
    svg.image(_LEFT, _TOP, _WIDTH, height, shades[::-1], palette)


def _draw_path(svg: Svg, path: Mapping[str, Any], surface: Mapping[str, Any], height: float, step: int) -> None:
    (x0, x1), (y0, y1) = surface["x"], surface["y"]
    points = [
        _pixel(surface, height, x, y) if x0 <= x <= x1 and y0 <= y <= y1 else (math.nan, math.nan)
        for x, y in np.asarray(path["points"])[: step + 1]
    ]
    d, visible = line_path(points), [point for point in points if math.isfinite(point[0])]
    svg.path(d, stroke="paper", line=4)
    svg.path(d, stroke=path["color"], line=2, dash="5 3" if path["dash"] else "")
    if visible:
        svg.rect(visible[-1][0] - 4.5, visible[-1][1] - 4.5, 9, 9, fill=path["color"], stroke="paper", radius=4.5)
