"""Still picture of a run, with a panel for every group of metrics."""

import math

import numpy as np

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, line_path, shorten
from dlviz.kit.theme import curve_color
from dlviz.training.record import History, subsample

_WIDTH, _HEIGHT, _GAP = 380.0, 180.0, 48.0


def panels(history: History) -> dict[str, list[str]]:
    """Group the metrics into panels; "loss" and "val_loss" share one.

    Example:
        >>> history = History()
        >>> for name in ("loss", "val_loss", "acc"): history.add(name, 1, 0.0)
        >>> panels(history)
        {'loss': ['loss', 'val_loss'], 'acc': ['acc']}
    """
    groups: dict[str, list[str]] = {}
    for name in history:
        head, _, rest = name.partition("_")
        base = rest if rest and head in ("val", "valid", "validation", "test", "train") else name
        groups.setdefault(base, []).append(name)
    return groups


def draw(history: History, name: str, summary: str, theme: str) -> str:
    """Return the SVG of up to four panels, two in a row."""
    groups = list(panels(history).items())[:4]
    columns = max(1, min(2, len(groups)))
    rows = max(1, math.ceil(len(groups) / 2))
    width, height = MARGIN * 2 + columns * (_WIDTH + _GAP), 44 + rows * (_HEIGHT + 44)
    svg = framed(width, height, "live", name, summary, theme, signature_left=MARGIN + 42)
    for index, (_, names) in enumerate(groups):
        _draw_panel(svg, history, names, MARGIN + 40 + index % 2 * (_WIDTH + _GAP), 52 + index // 2 * (_HEIGHT + 44))
    return svg.markup()


def _draw_panel(svg: Svg, history: History, names: list[str], x: float, y: float) -> None:
    color = curve_color(0)  # of the run; its second metric is dashed
    curves = [subsample(*history[name].arrays(), 400) for name in names]
    finite = np.concatenate([values[np.isfinite(values)] for _, values in curves])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    first = min((int(steps[0]) for steps, _ in curves if len(steps)), default=0)
    last = max((int(steps[-1]) for steps, _ in curves if len(steps)), default=1)
    width = _WIDTH - 40
    svg.path(f"M{x:g},{y:g}v{_HEIGHT:g}h{width:g}", stroke="line")
    svg.text(x - 4, y + 10, f"{high:.3g}", size=11, anchor="end", mono=True, color="ink-3")
    svg.text(x - 4, y + _HEIGHT, f"{low:.3g}", size=11, anchor="end", mono=True, color="ink-3")
    title = f"{message('training.step')} {last}"
    svg.text(x + width, y + _HEIGHT + 14, title, size=11, anchor="end", mono=True, color="ink-3")
    for number, (name, (steps, values)) in enumerate(zip(names, curves, strict=True)):
        px = (steps - first) / max(1, last - first) * width + x
        py = y + _HEIGHT - (values - low) / max(high - low, 1e-12) * _HEIGHT
        svg.path(line_path(zip(px.tolist(), py.tolist(), strict=True)), stroke=color, dash="5 3" if number else "")
        svg.text(x + 8 + 90 * number, y - 6, shorten(name, 86, 6.6), size=11, color=color)
