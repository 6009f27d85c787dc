"""Still picture of an unrolled module: its tokens, its states as heat maps, and the gradient norm by lag."""

import math
from collections.abc import Sequence

from torch import Tensor

from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.kit.svg_grid import draw_heatmap
from dlviz.recurrent.layer_trace import LayerTrace

_LABEL_WIDTH, _WIDTH, _MAX_ROWS, _MAX_COLUMNS = 44.0, 560.0, 32, 560


def draw(
    trace: LayerTrace, tokens: Sequence[str], curve: Tensor, name: str, signature: str, summary: str, theme: str
) -> str:
    """Return an SVG with up to 560 columns and 32 rows of each state."""
    states = [("h", trace.h), *([("c", trace.c)] if trace.c is not None else [])]
    stride = math.ceil(trace.steps / _MAX_COLUMNS)
    columns = len(range(0, trace.steps, stride))
    cell = min(26.0, _WIDTH / columns)
    rows = [min(_MAX_ROWS, state.shape[1]) for _, state in states]
    heights = [max(3.0, min(12.0, 110 / count)) * count for count in rows]
    width, height = MARGIN * 2 + _LABEL_WIDTH + _WIDTH, 64 + sum(heights) + 14 * len(heights) + 128
    svg = framed(width, height, "unroll", f"{signature} · {name}", summary, theme, signature_left=MARGIN + 58)
    x, y = MARGIN + _LABEL_WIDTH, 60.0
    shown = tokens[: trace.steps : stride]
    longest = max((len(token[:4]) for token in shown), default=1)
    spacing = max(1, math.ceil(9 * max(1, longest) / cell))
    svg.texts([(x + (k + 0.5) * cell, y - 6, shorten(shown[k], 34, 7.5)) for k in range(0, columns, spacing)], size=11)
    for (label, state), count, height in zip(states, rows, heights, strict=True):
        svg.text(MARGIN, y + height / 2 + 4, label, mono=True, bold=True)
        scale = float(state.nan_to_num().abs().max())
        draw_heatmap(svg, x, y, state[::stride, :count].T.double().numpy(), (cell, height / count), scale)
        y += height + 14
    _draw_curve(svg, curve, x, y + 8)
    return svg.markup()


def _draw_curve(svg: Svg, curve: Tensor, x: float, y: float) -> None:
    """Draw ‖∂h/∂x‖ against lag, on a logarithmic scale."""
    logs = [math.log10(v) if v > 0 and math.isfinite(v) else math.nan for v in curve.double().tolist()]
    finite = [v for v in logs if not math.isnan(v)]
    svg.text(x, y + 4, "‖∂h/∂x‖", size=11, mono=True, color="ink-2")
    if not finite:
        return
    low = math.floor(min(finite))
    high = max(math.ceil(max(finite)), low + 1)
    step = 250 / max(1, len(logs) - 1)
    points = [(x + k * step, y + 90 - (v - low) / (high - low) * 78) for k, v in enumerate(logs) if not math.isnan(v)]
    svg.path(f"M{x:.1f},{y + 12:.1f}v78h250", stroke="line")
    svg.path("M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in points), stroke="flow", line=2)
    svg.text(x - 6, y + 18, _power_of_ten(high), size=11, mono=True, color="ink-3", anchor="end")
    svg.text(x - 6, y + 92, _power_of_ten(low), size=11, mono=True, color="ink-3", anchor="end")
    svg.text(x + 250, y + 106, f"lag {len(logs) - 1}", size=11, mono=True, color="ink-3", anchor="end")
    svg.text(x, y + 106, "0", size=11, mono=True, color="ink-3")


def _power_of_ten(power: int) -> str:
    """Return a power of ten as a label: 100, 0.01, or 10⁻⁶."""
    if abs(power) <= 3:
        return f"{10.0**power:.{max(0, -power)}f}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
