"""The still picture of a map of words: points, the labels that find room, and the neighbors of the chosen word."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, shorten

_LEFT, _TOP, _WIDE, _HIGH, _SIDE = 16.0, 44.0, 520.0, 360.0, 210.0
#: So many points are drawn, evenly chosen, and so many labels.
_DRAWN, _LABELS = 2000, 90
#: The angles from which a map in space is seen, as in the view.
_YAW, _PITCH = 0.6, 0.35


def draw(shown: Mapping[str, Any], scene: Mapping[str, Any], theme: str) -> str:
    """SVG of the map, and beside it the neighbors and the answers.

    Args:
        shown: ``word``, ``question``, ``found``, ``dimensions`` and ``step`` of the widget.
        scene: what the view draws.
        theme: "light" or "dark".
    """
    svg = Svg(_LEFT + _WIDE + _SIDE + 32, _TOP + _HIGH + 40, scene["summary"], theme)
    svg.rect(0.5, 0.5, svg.width - 1, svg.height - 1, fill="paper", stroke="line", radius=10)
    svg.text(16, 26, message("embedding.map.name"), size=14, bold=True)
    svg.text(112, 26, scene["signature"], mono=True, color="ink-2")
    svg.rect(_LEFT, _TOP, _WIDE, _HIGH, stroke="line-2")
    found, labels = shown["found"], scene["labels"]
    near = found.get("near", {}).get("rows", [])
    at, depth = _places(shown, scene)
    if found.get("targets"):
        _arithmetic(svg, at, shown["question"])
    _points(svg, labels, at[: len(labels)], depth, shown["word"], shown["question"], near)
    axes = [" · ".join(filter(None, scene["axes"][:2])), scene["axes"][2] if shown["dimensions"] == 3 else ""]
    for line, text in enumerate(axes):
        svg.text(
            _LEFT, _TOP + _HIGH + 17 + 14 * line, shorten(text, svg.width - 2 * _LEFT, 5.8), size=11, color="ink-2"
        )
    if len(scene["frames"]) > 1:
        moment = scene["frames"][min(shown["step"], len(scene["frames"]) - 1)]
        svg.text(svg.width - 16, 26, shorten(moment, _SIDE, 7), anchor="end", bold=True)
    y = _TOP + 12
    if shown["word"] >= 0:
        y = _list(svg, message("embedding.side.near", word=labels[shown["word"]]), found["near"], labels, y)
    if "answers" in found:
        _list(svg, message("embedding.side.answers"), found["answers"], labels, y)
    return svg.markup()


def _places(shown: Mapping[str, Any], scene: Mapping[str, Any]) -> tuple[list[list[float]], list[float]]:
    """Where each row lies in the picture, and at the end b − a + c, if it has a place; and how near each row is to the eye."""
    moments, rows, size = len(scene["frames"]), len(scene["labels"]), scene["components"]
    moment = min(shown["step"], moments - 1)
    where = torch.frombuffer(bytearray(scene["places"]), dtype=torch.float32).view(moments, rows, size)[moment]
    targets = shown["found"].get("targets")
    if targets:
        where = torch.cat((where, torch.tensor(targets[moment]).unsqueeze(0)))
    where = _turned(where, scene["own"]) if shown["dimensions"] == size == 3 else where[:, :2]
    low, high = where[:, :2].min(0).values, where[:, :2].max(0).values
    room = torch.tensor([_WIDE - 110, _HIGH - 32])
    unit = room / (high - low).clamp(min=1e-9)
    if not scene["own"] or where.shape[1] == 3:  # one unit is as long upwards as sideways
        unit = unit.min().expand(2)
    beside = (room - unit * (high - low)) / 2 + (where[:, :2] - low) * unit
    at = torch.stack((_LEFT + 20 + beside[:, 0], _TOP + _HIGH - 16 - beside[:, 1]), 1)
    return at.tolist(), where[:rows, 2].tolist() if where.shape[1] == 3 else []


def _turned(where: Tensor, own: bool) -> Tensor:
    """Places in space as they are seen from aside; the last coordinate points to the eye."""
    if own:  # the axis has a unit of its own
        span = (where.max(0).values - where.min(0).values).clamp(min=1e-9)
        where = where / torch.stack((span[0], span[1:].max(), span[1:].max()))
    yaw, pitch = (torch.tensor([math.cos(angle), math.sin(angle)]) for angle in (_YAW, _PITCH))
    across, up, near = where.unbind(1)
    deep = near * yaw[0] - across * yaw[1]
    return torch.stack(
        (across * yaw[0] + near * yaw[1], up * pitch[0] - deep * pitch[1], up * pitch[1] + deep * pitch[0]), 1
    )


def _arithmetic(svg: Svg, at: list[list[float]], question: Sequence[int]) -> None:
    """From a to b, and the same from c to where b − a + c lies."""
    a, b, c = (at[row] for row in question)
    for (x, y), (to_x, to_y) in ((a, b), (c, at[-1])):
        svg.path(f"M{x:.1f},{y:.1f}L{to_x:.1f},{to_y:.1f}", stroke="flow")
        angle = math.atan2(to_y - y, to_x - x)
        tips = [(to_x - 8 * math.cos(angle + side), to_y - 8 * math.sin(angle + side)) for side in (0.4, -0.4)]
        svg.path(
            f"M{tips[0][0]:.1f},{tips[0][1]:.1f}L{to_x:.1f},{to_y:.1f}L{tips[1][0]:.1f},{tips[1][1]:.1f}", stroke="flow"
        )
    svg.path(f"M{at[-1][0] - 7:.1f},{at[-1][1]:.1f}a7,7 0 1 0 14,0a7,7 0 1 0 -14,0z", stroke="flow", line=2)


def _points(
    svg: Svg,
    labels: Sequence[str],
    at: list[list[float]],
    depth: list[float],
    word: int,
    question: Sequence[int],
    near: Sequence[int],
) -> None:
    """Dots, and labels where none stands yet; what was chosen comes first, in space then what is nearest to the eye."""
    first = [*([word] if word >= 0 else []), *question, *near]
    rows: Sequence[int] = range(0, len(at), -(-len(at) // _DRAWN))
    if depth:
        rows = sorted(rows, key=lambda row: -depth[row])
    middle = depth[rows[len(rows) // 2]] if depth else 0.0
    dots = {"flow": "", "accent": "", "ink-3": "", svg.mix("ink-3", 0.45): ""}
    taken: list[tuple[float, float, float]] = []
    for row in dict.fromkeys([*first, *rows]):
        x, y = at[row]
        behind = bool(depth) and depth[row] < middle
        tone = (
            "flow"
            if row == word or row in question
            else "accent"
            if row in near
            else list(dots)[3]
            if behind
            else "ink-3"
        )
        size = 1.5 if behind else 2
        dots[tone] += (
            f"M{x - size:.1f},{y:.1f}a{size:g},{size:g} 0 1 0 {2 * size:g},0a{size:g},{size:g} 0 1 0 {-2 * size:g},0z"
        )
        text = shorten(labels[row], 80, 6)
        end = x + 6 + _wide(text)
        if len(taken) < _LABELS and not any(x < b and a < end and abs(y - at_y) < 12 for a, b, at_y in taken):
            taken.append((x, end, y))
            svg.text(x + 4, y + 4, text, size=10, color="ink" if row in first else "ink-2")
    for tone, d in dots.items():
        if d:
            svg.path(d, fill=tone)


def _wide(text: str) -> float:
    """About how wide a text of size 10 is; from some letter on scripts are wide."""
    return 6.2 * sum(1.7 if ord(letter) > 0x2E80 else 1 for letter in text)


def _list(svg: Svg, title: str, near: Mapping[str, Any], labels: Sequence[str], y: float) -> float:
    x = _LEFT + _WIDE + 16
    svg.text(x, y, shorten(title, _SIDE, 6.6), size=12, bold=True)
    for place, (row, cosine) in enumerate(zip(near["rows"], near["cosines"], strict=True)):
        line = y + 18 + 15 * place
        svg.text(x, line, shorten(labels[row], 130, 6.6), size=11)
        svg.text(
            x + _SIDE - 8, line, f"{cosine:.3f}".replace("-", "−"), size=11, mono=True, anchor="end", color="ink-2"
        )
    return y + 34 + 15 * len(near["rows"])
