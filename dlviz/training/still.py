"""The still picture of a run: a panel for every kind of metric."""

import math

import numpy as np

from dlviz.kit.svg import Svg, shorten
from dlviz.training.record import History, decimated

_WIDE, _HIGH, _MARGIN, _GAP = 380.0, 180.0, 16.0, 48.0
_COLORS = ("pos", "neg", "flow", "good", "bad")


def panels(history: History) -> dict[str, list[str]]:
    """Metrics of one kind share a panel: "loss" and "val_loss".

    Example:
        >>> history = History()
        >>> for name in ("loss", "val_loss", "acc"): history.add(name, 1, 0.0)
        >>> panels(history)
        {'loss': ['loss', 'val_loss'], 'acc': ['acc']}
    """
    found: dict[str, list[str]] = {}
    for name in history:
        head, _, rest = name.partition("_")
        base = rest if rest and head in ("val", "valid", "validation", "test", "train") else name
        found.setdefault(base, []).append(name)
    return found


def draw(history: History, name: str, summary: str, theme: str) -> str:
    """SVG of up to four panels, two in a row."""
    groups = list(panels(history).items())[:4]
    columns = max(1, min(2, len(groups)))
    rows = max(1, math.ceil(len(groups) / 2))
    width, high = _MARGIN * 2 + columns * (_WIDE + _GAP), 44 + rows * (_HIGH + 44)
    svg = Svg(width, high, summary, theme)
    svg.rect(0.5, 0.5, width - 1, high - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, "live", size=14, bold=True)
    svg.text(_MARGIN + 42, 24, shorten(name, width - 100, 7.3), mono=True, color="ink-2")
    for place, (base, names) in enumerate(groups):
        _panel(svg, history, base, names, _MARGIN + 40 + place % 2 * (_WIDE + _GAP), 52 + place // 2 * (_HIGH + 44))
    return svg.markup()


def _panel(svg: Svg, history: History, base: str, names: list[str], x: float, y: float) -> None:
    curves = [decimated(*history[name].arrays(), 400) for name in names]
    finite = np.concatenate([values[np.isfinite(values)] for _, values in curves])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    first = min((int(steps[0]) for steps, _ in curves if len(steps)), default=0)
    last = max((int(steps[-1]) for steps, _ in curves if len(steps)), default=1)
    room = _WIDE - 40
    svg.path(f"M{x:g},{y:g}v{_HIGH:g}h{room:g}", stroke="line")
    svg.text(x - 4, y + 10, f"{high:.3g}", size=10, anchor="end", mono=True, color="ink-3")
    svg.text(x - 4, y + _HIGH, f"{low:.3g}", size=10, anchor="end", mono=True, color="ink-3")
    svg.text(x + room, y + _HIGH + 14, str(last), size=10, anchor="end", mono=True, color="ink-3")
    for number, (name, (steps, values)) in enumerate(zip(names, curves, strict=True)):
        color = _COLORS[number % len(_COLORS)]
        across = (steps - first) / max(1, last - first) * room + x
        down = y + _HIGH - (values - low) / max(high - low, 1e-12) * _HIGH
        svg.path(_line(across, down), stroke=color, dash="5 3" if number else "")
        svg.text(x + 8 + 90 * number, y - 6, shorten(name, 86, 6.6), size=11, color=color)


def _line(across: np.ndarray, down: np.ndarray) -> str:
    """A path with a gap where a value is no number."""
    parts, pen = [], "M"
    for x, y in zip(across.tolist(), down.tolist(), strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f},{y:.1f}")
        pen = "L"
    return "".join(parts)
