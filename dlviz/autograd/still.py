"""The still picture of a graph, drawn in Python from the same layout as the live one."""

from collections.abc import Collection

from dlviz.autograd.captions import box_texts, signature, summary, widths
from dlviz.autograd.coordinates import place
from dlviz.autograd.diagram import Picture
from dlviz.autograd.graph import Node
from dlviz.autograd.layout import arrange
from dlviz.autograd.scene import HIGH, TALL
from dlviz.autograd.tensor_summary import norms, scalar
from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, shorten

_HEAD = 40
_FACE = {
    "op": ("raised", "line"),
    "leaf": ("accent-soft", "accent"),
    "input": ("paper", "line"),
    "cut": ("bad-soft", "bad"),
}


def draw(drawn: Picture, opened: Collection[int], theme: str) -> str:
    """SVG of the graph with the groups in `opened` open; `theme` is "light" or "dark"."""
    boxes, texts = drawn.tree.boxes, box_texts(drawn)
    heights = [TALL if box.kind == "fold" else HIGH for box in boxes]
    placed = place(arrange([box.parent for box in boxes], drawn.tree.edges), widths(drawn, texts), heights, set(opened))
    svg = Svg(max(placed.width, 420), placed.height + _HEAD, summary(drawn), theme)
    svg.rect(0.5, 0.5, svg.width - 1, svg.height - 1, fill="paper", stroke="line", radius=10)
    svg.text(16, 24, message("autograd.name"), size=14, bold=True)
    svg.text(68, 24, shorten(signature(drawn), svg.width - 90, 7), mono=True, color="ink-2")
    groups = [box for box in placed.boxes if box in set(opened)]
    for box in groups:
        x, y, w, h = placed.boxes[box]
        svg.rect(x, y + _HEAD, w, h, stroke="line", dash="3 3", radius=8)
        svg.text(x + 10, y + _HEAD + 17, shorten(texts[box][0], w - 20, 6.6), size=11, color="ink-3")
    for points, carried in placed.segments:
        flows = any(drawn.tree.carries[edge] for edge in carried)
        svg.path(_curve(points), stroke="ink-3", dash="" if flows else "3 3")
    for box in placed.boxes.keys() - set(groups):
        _card(svg, drawn, box, placed.boxes[box], texts[box])
    return svg.markup()


def _card(
    svg: Svg, drawn: Picture, box: int, at: tuple[float, float, float, float], lines: tuple[str, str, str]
) -> None:
    x, y, w, h = at
    y += _HEAD
    here = drawn.tree.boxes[box]
    fill, stroke = _FACE.get(here.kind, ("raised", "ink-3"))
    if here.kind not in _FACE:
        svg.rect(x + 4, y + 4, w, h, fill="paper", stroke="line")
    svg.rect(x, y, w, h, fill=fill, stroke=stroke)
    svg.text(x + 10, y + 16, shorten(lines[0], w - 16, 7))
    node = drawn.node(here.node) if here.kind in ("op", "leaf") else None
    value = scalar(node.value) if node is not None else None
    second = lines[1] if value is None else _number(value)
    svg.text(x + 10, y + 30, shorten(second, w - 16, 6.3), size=10.5, mono=True, color="ink-2")
    if node is not None and node.gradient is not None:
        _pill(svg, x + w / 2, y + h - 5, _gradient(node))


def _pill(svg: Svg, middle: float, top: float, text: str) -> None:
    wide = 12 + 6.2 * len(text)
    svg.rect(middle - wide / 2, top, wide, 15, fill="flow-soft", stroke="flow", line=0.8, radius=7.5)
    svg.text(middle, top + 11, text, size=10, mono=True, color="flow", anchor="middle")


def _gradient(node: Node) -> str:
    exact = scalar(node.gradient)
    if exact is not None:
        return f"∂ {_number(exact)}"
    (size,) = norms([node.gradient])
    return f"‖∂‖ {_number(size or 0.0, 3)}"


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}".replace("-", "−")


def _curve(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = [(a, b + _HEAD) for a, b in points]
    d = f"M{x:.1f},{y:.1f}"
    for to_x, to_y in rest:
        middle = (x + to_x) / 2
        d += f"H{to_x:.1f}" if y == to_y else f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    return d
