"""The still picture: surface, lines of equal height and paths."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlviz.kit.svg import Svg, shorten
from dlviz.optimizers.contour import log_heights

_MARGIN, _LEFT, _TOP, _WIDE = 16.0, 60.0, 64.0, 440.0
_TONES, _CELLS = 6, 60


def draw(
    name: str,
    signature: str,
    about: Mapping[str, Any],
    axes: Sequence[str],
    marked: Sequence[Sequence[float]],
    runs: Sequence[Mapping[str, Any]],
    until: int,
    summary: str,
    theme: str,
) -> str:
    """SVG of a picture whose paths are drawn up to a step."""
    (x0, x1), (y0, y1) = about["x"], about["y"]
    high = _WIDE * min(1.0, max(0.6, (y1 - y0) / (x1 - x0)))
    width = _LEFT + _WIDE + 190
    svg = Svg(width, _TOP + high + 44, summary, theme)
    svg.rect(0.5, 0.5, width - 1, _TOP + high + 43, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 26, name, size=14, bold=True)
    svg.text(_MARGIN + 8.5 * len(name) + 12, 26, shorten(signature, width - 130, 7.3), mono=True, color="ink-2")
    _tones(svg, about, high)
    sx, sy = _WIDE / (about["columns"] - 1), high / (about["rows"] - 1)
    for level in about["levels"]:
        start, d = 0, ""
        for length in level["lengths"]:
            chain = level["points"][start : start + length]
            start += length
            d += "M" + "L".join(f"{_LEFT + c * sx:.1f},{_TOP + high - r * sy:.1f}" for c, r in chain)
        svg.path(d, stroke="ink-3", line=0.6)
    for place, run in enumerate(runs):
        _path(svg, run, about, high, until)
        y = _TOP + 14 + 20 * place
        if y < _TOP + high:
            svg.path(f"M{_LEFT + _WIDE + 14},{y - 4}h16", stroke=run["color"], line=2.4)
            svg.text(_LEFT + _WIDE + 36, y, shorten(run["name"], 130, 6.6), size=11.5)
    svg.rect(_LEFT, _TOP, _WIDE, high, stroke="line", radius=0)
    for at, value in ((_LEFT, x0), (_LEFT + _WIDE, x1)):
        svg.text(at, _TOP + high + 16, f"{value:.3g}", size=10.5, mono=True, color="ink-3", anchor="middle")
    for at, value in ((_TOP + high, y0), (_TOP + 8, y1)):
        svg.text(_LEFT - 6, at, f"{value:.3g}", size=10.5, mono=True, color="ink-3", anchor="end")
    svg.text(_LEFT + _WIDE / 2, _TOP + high + 30, axes[0], size=11, color="ink-2", anchor="middle")
    svg.text(_LEFT, _TOP - 8, f"↑ {axes[1]}", size=11, color="ink-2")
    for mx, my in marked:
        x, y = _LEFT + (mx - x0) / (x1 - x0) * _WIDE, _TOP + high - (my - y0) / (y1 - y0) * high
        svg.path(f"M{x - 5:.1f},{y - 5:.1f}l10,10m0,-10l-10,10", stroke="ink", line=1.6)
    return svg.markup()


def _tones(svg: Svg, about: Mapping[str, Any], high: float) -> None:
    """Cells of one tone are one path, which keeps the picture small."""
    values = np.asarray(about["values"]).reshape(about["rows"], about["columns"])
    rows = np.linspace(0, about["rows"] - 1, _CELLS).round().astype(int)
    columns = np.linspace(0, about["columns"] - 1, _CELLS).round().astype(int)
    part = values[np.ix_(rows, columns)]
    if about["high"] <= about["low"]:
        return
    tone = np.nan_to_num(log_heights(part, about["low"], about["high"], about["unit"]), nan=1.0) * _TONES
    wide, tall = _WIDE / _CELLS, high / _CELLS
    shapes: dict[int, str] = {}
    for r in range(_CELLS):
        c = 0
        while c < _CELLS:
            end, same = c, int(tone[r, c].round())
            while end < _CELLS and int(tone[r, end].round()) == same:
                end += 1
            left, top, run = _LEFT + c * wide, _TOP + high - (r + 1) * tall, (end - c) * wide
            box = f"M{left:.1f},{top:.1f}h{run:.1f}v{tall + 0.3:.1f}h-{run:.1f}z"
            shapes[same] = shapes.get(same, "") + box
            c = end
    for same, d in shapes.items():
        if same:
            svg.path(d, fill=svg.mix("ink-3", 0.55 * same / _TONES))


def _path(svg: Svg, run: Mapping[str, Any], about: Mapping[str, Any], high: float, until: int) -> None:
    (x0, x1), (y0, y1) = about["x"], about["y"]
    d, pen = "", "M"
    last = None
    for px, py in np.asarray(run["points"])[: until + 1]:
        if not (x0 <= px <= x1 and y0 <= py <= y1):
            pen = "M"
            continue
        last = (_LEFT + (px - x0) / (x1 - x0) * _WIDE, _TOP + high - (py - y0) / (y1 - y0) * high)
        d += f"{pen}{last[0]:.1f},{last[1]:.1f}"
        pen = "L"
    svg.path(d, stroke="paper", line=4)
    svg.path(d, stroke=run["color"], line=2, dash="5 3" if run["dash"] else "")
    if last is not None:
        svg.rect(last[0] - 4.5, last[1] - 4.5, 9, 9, fill=run["color"], stroke="paper", radius=4.5)
