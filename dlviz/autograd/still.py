"""The diagram as a still SVG picture, with the texts, sizes and layout that the view draws."""

from collections.abc import Collection

from dlviz.autograd.captions import signature, summary
from dlviz.autograd.diagram import GROUP_CHARACTER, SUBTITLE_CHARACTER, TITLE_CHARACTER, Diagram
from dlviz.autograd.graph import Node
from dlviz.autograd.tensor_summary import norms, scalar
from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, framed, shorten

_HEADER = 40
#: Fill and stroke of each kind of box; groups have others.
_COLORS = {
    "op": ("raised", "line"),
    "leaf": ("accent-soft", "accent"),
    "input": ("paper", "line"),
    "cut": ("bad-soft", "bad"),
}


def draw(diagram: Diagram, expanded: Collection[int], theme: str) -> str:
    """Return the diagram as SVG with the groups in `expanded` expanded; `theme` is "light" or "dark"."""
    placement = diagram.place(expanded)
    width, height, name = max(placement.width, 420), placement.height + _HEADER, message("autograd.name")
    svg = framed(width, height, name, signature(diagram), summary(diagram), theme, signature_left=68)
    groups = [box for box in placement.boxes if box in set(expanded)]
    for box in groups:
        x, y, w, h = placement.boxes[box]
        title = shorten(diagram.texts[box][0], w - 20, GROUP_CHARACTER)
        svg.rect(x, y + _HEADER, w, h, stroke="line", dash="3 3", radius=8)
        svg.text(x + 10, y + _HEADER + 16, title, size=11, color="ink-3")
    curves: dict[str, list[str]] = {}
    for points, edges in placement.segments:
        has_gradient = any(diagram.tree.graph_edges[edge] for edge in edges)
        curves.setdefault("" if has_gradient else "3 3", []).append(_curve(points))
    for (
        dash,
        paths,
    ) in curves.items():  # one path for all lines of a kind: a renderer takes much longer for thousands of paths
        svg.path("".join(paths), stroke="ink-3", dash=dash)
    for box in placement.boxes.keys() - set(groups):
        _box(svg, diagram, box, placement.boxes[box])
    return svg.markup()


def _box(svg: Svg, diagram: Diagram, number: int, rectangle: tuple[float, float, float, float]) -> None:
    x, y, w, h = rectangle
    y += _HEADER
    box, (title, subtitle, _) = diagram.tree.boxes[number], diagram.texts[number]
    fill, stroke = _COLORS.get(box.kind, ("raised", "ink-3"))
    if box.kind not in _COLORS:
        svg.rect(x + 4, y + 4, w, h, fill="paper", stroke="line")
    svg.rect(x, y, w, h, fill=fill, stroke=stroke)
    svg.text(x + 10, y + 16, shorten(title, w - 16, TITLE_CHARACTER))
    node = diagram.node(box.node) if box.kind in ("op", "leaf") else None
    value = scalar(node.value) if node is not None else None
    second = shorten(subtitle if value is None else _number(value), w - 16, SUBTITLE_CHARACTER)
    svg.text(x + 10, y + 30, second, size=10.5, mono=True, color="ink-2")
    if node is not None and node.gradient is not None:
        _pill(svg, x + w / 2, y + h - 6, _gradient(node))


def _pill(svg: Svg, middle: float, top: float, text: str) -> None:
    width = 12 + 6.2 * len(text)
    svg.rect(middle - width / 2, top, width, 15, fill="flow-soft", stroke="flow", line=0.8, radius=7.5)
    svg.text(middle, top + 11, text, size=10, mono=True, color="flow", anchor="middle")


def _gradient(node: Node) -> str:
    gradient = scalar(node.gradient)
    if gradient is not None:
        return f"∂ {_number(gradient)}"
    (norm,) = norms([node.gradient])
    return f"‖∂‖ {_number(norm or 0.0, 3)}"


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}".replace("-", "−")


def _curve(points: list[tuple[float, float]]) -> str:
    """Return a smooth path through waypoints, horizontal at each of them."""
    (x, y), *rest = [(a, b + _HEADER) for a, b in points]
    d = f"M{x:.1f},{y:.1f}"
    for to_x, to_y in rest:
        middle = (x + to_x) / 2
        d += f"H{to_x:.1f}" if y == to_y else f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    return d
