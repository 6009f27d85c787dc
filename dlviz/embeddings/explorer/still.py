"""The still picture of a map of words: points, the labels that fit, and the neighbors of the selected word."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, framed, shorten

_LEFT, _TOP, _WIDTH, _HEIGHT, _SIDE_WIDTH = 16.0, 44.0, 520.0, 360.0, 210.0
#: The most points that are drawn, evenly chosen, and the most labels.
_MAX_POINTS, _MAX_LABELS = 2000, 90
#: The angles from which a map in three dimensions is seen, as in the view.
_YAW, _PITCH = 0.6, 0.35


def draw(state: Mapping[str, Any], scene: Mapping[str, Any], theme: str) -> str:
    """Return the map as SVG, with the neighbors and the answers beside it.

    Args:
        state: the widget's traits ``word``, ``analogy``, ``details``, ``dimensions`` and ``step``.
        scene: what the view draws.
        theme: "light" or "dark".
    """
    width, height, name = _LEFT + _WIDTH + _SIDE_WIDTH + 32, _TOP + _HEIGHT + 40, message("embedding.map.name")
    svg = framed(width, height, name, scene["signature"], scene["summary"], theme, signature_left=112, baseline=26)
    svg.rect(_LEFT, _TOP, _WIDTH, _HEIGHT, stroke="line-2")
    details, labels = state["details"], scene["labels"]
    neighbors = details.get("neighbors", {}).get("rows", [])
    points, depth = _positions(state, scene)
    if details.get("targets"):
        _draw_arithmetic(svg, points, state["analogy"])
    _draw_points(svg, labels, points[: len(labels)], depth, state["word"], state["analogy"], neighbors)
    axes = [" · ".join(filter(None, scene["axes"][:2])), scene["axes"][2] if state["dimensions"] == 3 else ""]
    for line, text in enumerate(axes):
        y = _TOP + _HEIGHT + 17 + 14 * line
        svg.text(_LEFT, y, shorten(text, svg.width - 2 * _LEFT, 5.8), size=11, color="ink-2")
    if len(scene["snapshots"]) > 1:
        label = scene["snapshots"][min(state["step"], len(scene["snapshots"]) - 1)]
        svg.text(svg.width - 16, 26, shorten(label, _SIDE_WIDTH, 7), anchor="end", bold=True)
    y = _TOP + 12
    if state["word"] >= 0:
        title = message("embedding.side.neighbors", word=labels[state["word"]])
        y = _draw_list(svg, title, details["neighbors"], labels, y)
    if "answers" in details:
        _draw_list(svg, message("embedding.side.answers"), details["answers"], labels, y)
    return svg.markup()


def _positions(state: Mapping[str, Any], scene: Mapping[str, Any]) -> tuple[list[list[float]], list[float]]:
    """Return the position of each row in the picture, then that of b − a + c if it has one; and the depth of each row, larger nearer."""
    count, rows, size = len(scene["snapshots"]), len(scene["labels"]), scene["components"]
    step = min(state["step"], count - 1)
    points = torch.frombuffer(bytearray(scene["coordinates"]), dtype=torch.float32).view(count, rows, size)[step]
    targets = state["details"].get("targets")
    if targets:
        points = torch.cat((points, torch.tensor(targets[step]).unsqueeze(0)))
    custom = scene["custom_axis"]
    points = _rotated(points, custom) if state["dimensions"] == size == 3 else points[:, :2]
    low, high = points[:, :2].min(0).values, points[:, :2].max(0).values
    available = torch.tensor([_WIDTH - 110, _HEIGHT - 32])
    scale = available / (high - low).clamp(min=1e-9)
    if not custom or points.shape[1] == 3:  # one unit is as long upwards as sideways
        scale = scale.min().expand(2)
    placed = (available - scale * (high - low)) / 2 + (points[:, :2] - low) * scale
    positions = torch.stack((_LEFT + 20 + placed[:, 0], _TOP + _HEIGHT - 16 - placed[:, 1]), 1)
    return positions.tolist(), points[:rows, 2].tolist() if points.shape[1] == 3 else []


def _rotated(points: Tensor, custom_axis: bool) -> Tensor:
    """Return points in three dimensions as seen from the fixed angles; the last coordinate points towards the viewer."""
    if custom_axis:  # the first axis has a unit of its own
        span = (points.max(0).values - points.min(0).values).clamp(min=1e-9)
        points = points / torch.stack((span[0], span[1:].max(), span[1:].max()))
    (cos_yaw, sin_yaw), (cos_pitch, sin_pitch) = ((math.cos(angle), math.sin(angle)) for angle in (_YAW, _PITCH))
    x, y, z = points.unbind(1)
    depth = z * cos_yaw - x * sin_yaw
    return torch.stack(
        (x * cos_yaw + z * sin_yaw, y * cos_pitch - depth * sin_pitch, y * sin_pitch + depth * cos_pitch), 1
    )


def _draw_arithmetic(svg: Svg, points: list[list[float]], question: Sequence[int]) -> None:
    """Draw an arrow from a to b, the same arrow from c, and a ring at b − a + c."""
    a, b, c = (points[row] for row in question)
    for (x, y), (to_x, to_y) in ((a, b), (c, points[-1])):
        svg.path(f"M{x:.1f},{y:.1f}L{to_x:.1f},{to_y:.1f}", stroke="class-0")
        angle = math.atan2(to_y - y, to_x - x)
        tips = [(to_x - 8 * math.cos(angle + side), to_y - 8 * math.sin(angle + side)) for side in (0.4, -0.4)]
        svg.path(
            f"M{tips[0][0]:.1f},{tips[0][1]:.1f}L{to_x:.1f},{to_y:.1f}L{tips[1][0]:.1f},{tips[1][1]:.1f}",
            stroke="class-0",
        )
    svg.path(f"M{points[-1][0] - 7:.1f},{points[-1][1]:.1f}a7,7 0 1 0 14,0a7,7 0 1 0 -14,0z", stroke="class-0", line=2)


def _draw_points(
    svg: Svg,
    labels: Sequence[str],
    points: list[list[float]],
    depth: list[float],
    word: int,
    question: Sequence[int],
    neighbors: Sequence[int],
) -> None:
    """Draw dots, and labels where they do not overlap: those of selected words first, then in 3-D those nearest to the viewer."""
    first = [*([word] if word >= 0 else []), *question, *neighbors]
    rows: Sequence[int] = range(0, len(points), -(-len(points) // _MAX_POINTS))
    if depth:
        rows = sorted(rows, key=lambda row: -depth[row])
    median_depth = depth[rows[len(rows) // 2]] if depth else 0.0
    faint = svg.mix("ink-3", 0.45)
    dots = {"class-0": "", "select": "", "ink": "", "ink-3": "", faint: ""}
    placed: list[tuple[float, float, float]] = []
    for row in dict.fromkeys([*first, *rows]):
        x, y = points[row]
        is_behind = bool(depth) and depth[row] < median_depth
        if row == word:
            color = "select"
        elif row in question:
            color = "class-0"
        elif row in neighbors:
            color = "ink"
        else:
            color = faint if is_behind else "ink-3"
        radius = 1.5 if is_behind else 2
        dots[color] += (
            f"M{x - radius:.1f},{y:.1f}a{radius:g},{radius:g} 0 1 0 {2 * radius:g},0"
            f"a{radius:g},{radius:g} 0 1 0 {-2 * radius:g},0z"
        )
        text = shorten(labels[row], 80, 6)
        end = x + 6 + _text_width(text)
        overlaps = any(x < right and left < end and abs(y - other_y) < 12 for left, right, other_y in placed)
        if len(placed) < _MAX_LABELS and not overlaps:
            placed.append((x, end, y))
            svg.text(x + 4, y + 4, text, size=10, color="ink" if row in first else "ink-2")
    for color, d in dots.items():
        if d:
            svg.path(d, fill=color)


def _text_width(text: str) -> float:
    """Return the approximate width of a text of size 10; letters from U+2E80 on, such as Chinese, are wide."""
    return 6.2 * sum(1.7 if ord(letter) > 0x2E80 else 1 for letter in text)


def _draw_list(svg: Svg, title: str, neighbors: Mapping[str, Any], labels: Sequence[str], y: float) -> float:
    """Draw words with their cosines below a title, and return the y below them."""
    x = _LEFT + _WIDTH + 16
    svg.text(x, y, shorten(title, _SIDE_WIDTH, 6.6), size=12, bold=True)
    for k, (row, cosine) in enumerate(zip(neighbors["rows"], neighbors["cosines"], strict=True)):
        line = y + 18 + 15 * k
        number = f"{cosine:.3f}".replace("-", "−")
        svg.text(x, line, shorten(labels[row], 130, 6.6), size=11)
        svg.text(x + _SIDE_WIDTH - 8, line, number, size=11, mono=True, anchor="end", color="ink-2")
    return y + 34 + 15 * len(neighbors["rows"])
