"""The still picture of an unrolled module: its tokens, its states as heat, and the gradient against lag."""

import math
from collections.abc import Sequence

from torch import Tensor

from dlviz.kit.svg import Svg, shorten
from dlviz.recurrent.layer import Lane

_MARGIN, _LEFT, _WIDE, _ROWS = 16.0, 44.0, 560.0, 32


def draw(lane: Lane, tokens: Sequence[str], curve: Tensor, name: str, signature: str, summary: str, theme: str) -> str:
    """SVG with up to 80 columns and 32 rows of each state."""
    states = [("h", lane.h), *([("c", lane.c)] if lane.c is not None else [])]
    every = math.ceil(lane.steps / 80)
    columns = len(range(0, lane.steps, every))
    cell = min(26.0, _WIDE / columns)
    rows = [min(_ROWS, state.shape[1]) for _, state in states]
    high = [max(3.0, min(12.0, 110 / count)) * count for count in rows]
    svg = Svg(_MARGIN * 2 + _LEFT + _WIDE, 64 + sum(high) + 14 * len(high) + 128, summary, theme)
    svg.rect(0.5, 0.5, svg.width - 1, svg.height - 1, fill="paper", stroke="line", radius=10)
    svg.text(_MARGIN, 24, "unroll", size=14, bold=True)
    svg.text(_MARGIN + 58, 24, shorten(f"{signature} · {name}", svg.width - 90, 7.3), mono=True, color="ink-2")
    x, y = _MARGIN + _LEFT, 60.0
    shown = tokens[: lane.steps : every]
    apart = max(1, math.ceil(9 * max(map(len, (one[:4] for one in shown)), default=1) / cell))
    svg.texts([(x + (k + 0.5) * cell, y - 6, shorten(shown[k], 34, 7.5)) for k in range(0, columns, apart)], size=11)
    for (label, state), count, height in zip(states, rows, high, strict=True):
        svg.text(_MARGIN, y + height / 2 + 4, label, mono=True, bold=True)
        _heat(svg, state[::every, :count].T, x, y, cell, height / count, float(state.nan_to_num().abs().max()))
        y += height + 14
    _curve(svg, curve, x, y + 8)
    return svg.markup()


def _heat(svg: Svg, values: Tensor, x: float, y: float, wide: float, high: float, most: float) -> None:
    """Cells of one color are one path, which keeps the picture small."""
    shapes: dict[str, str] = {}
    for r, row in enumerate(values.double().tolist()):
        for c, value in enumerate(row):
            strength = round(5 * min(1.0, abs(value) / most)) if most and math.isfinite(value) else 0
            if strength:
                color = svg.mix("pos" if value > 0 else "neg", strength / 5)
                shape = f"M{x + c * wide:.1f},{y + r * high:.1f}h{wide:.1f}v{high:.1f}h-{wide:.1f}z"
                shapes[color] = shapes.get(color, "") + shape
    for color, d in shapes.items():
        svg.path(d, fill=color)
    svg.rect(x, y, values.shape[1] * wide, values.shape[0] * high, stroke="line", radius=0, line=0.8)


def _curve(svg: Svg, curve: Tensor, x: float, y: float) -> None:
    """‖∂h/∂x‖ against lag, on a logarithmic scale."""
    logs = [math.log10(v) if v > 0 and math.isfinite(v) else math.nan for v in curve.double().tolist()]
    real = [v for v in logs if v == v]
    svg.text(x, y + 4, "‖∂h/∂x‖", size=11, mono=True, color="ink-2")
    if not real:
        return
    low, top = math.floor(min(real)), max(math.ceil(max(real)), math.floor(min(real)) + 1)
    step = 250 / max(1, len(logs) - 1)
    points = [(x + k * step, y + 90 - (v - low) / (top - low) * 78) for k, v in enumerate(logs) if v == v]
    svg.path(f"M{x:.1f},{y + 12:.1f}v78h250", stroke="line")
    svg.path("M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in points), stroke="accent", line=2)
    svg.text(x - 6, y + 18, f"1e{top}", size=10, mono=True, color="ink-3", anchor="end")
    svg.text(x - 6, y + 92, f"1e{low}", size=10, mono=True, color="ink-3", anchor="end")
    svg.text(x + 250, y + 106, f"lag {len(logs) - 1}", size=10, mono=True, color="ink-3", anchor="end")
    svg.text(x, y + 106, "0", size=10, mono=True, color="ink-3")
