"""The still picture of a map of words: points, the labels that find room, and the neighbours of the chosen word."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from dlviz.kit.still import Svg, shorten
from dlviz.kit.words import say
from dlviz.vectors.labelled import Vectors

_LEFT, _TOP, _WIDE, _HIGH, _SIDE = 16.0, 44.0, 520.0, 360.0, 210.0
#: So many points are drawn, evenly chosen, and so many labels.
_DRAWN, _LABELS = 2000, 90


def draw(
    vectors: Vectors,
    word: int,
    found: Mapping[str, Any],
    scene: Mapping[str, Any],
    theme: str,
) -> str:
    """SVG of the map, and beside it the neighbours and the answers."""
    svg = Svg(_LEFT + _WIDE + _SIDE + 32, _TOP + _HIGH + 40, scene["summary"], theme)
    svg.rect(0.5, 0.5, svg.width - 1, svg.height - 1, fill="paper", stroke="line", radius=10)
    svg.text(16, 26, say("vectors.map.name"), size=14, bold=True)
    svg.text(112, 26, scene["signature"], mono=True, colour="ink-2")
    svg.rect(_LEFT, _TOP, _WIDE, _HIGH, stroke="line-2")
    near = found.get("near", {}).get("rows", [])
    _points(
        svg,
        vectors,
        torch.frombuffer(bytearray(scene["places"]), dtype=torch.float32).view(-1, 2),
        word,
        near,
        scene["own"],
    )
    svg.text(_LEFT, _TOP + _HIGH + 18, " · ".join(filter(None, scene["axes"])), size=11, colour="ink-2")
    y = _TOP + 12
    if word >= 0:
        y = _list(svg, say("vectors.side.near", word=vectors.labels[word]), found["near"], vectors, y)
    if "answers" in found:
        _list(svg, say("vectors.side.answers"), found["answers"], vectors, y)
    return svg.markup()


def _points(svg: Svg, vectors: Vectors, where: torch.Tensor, word: int, near: Sequence[int], own: bool) -> None:
    """Dots, and labels where none stands yet; the chosen word and its neighbours come first."""
    low, high = where.min(0).values, where.max(0).values
    room = torch.tensor([_WIDE - 110, _HIGH - 32])
    unit = room / (high - low).clamp(min=1e-9)
    if not own:  # one unit is as long upwards as sideways
        unit = unit.min().expand(2)
    beside = (room - unit * (high - low)) / 2 + (where - low) * unit
    at = torch.stack((_LEFT + 20 + beside[:, 0], _TOP + _HIGH - 16 - beside[:, 1]), 1).tolist()
    step = -(-len(at) // _DRAWN)
    rows = dict.fromkeys([*([word] if word >= 0 else []), *near, *range(0, len(at), step)])
    dots = {"flow": "", "accent": "", "ink-3": ""}
    taken: list[tuple[float, float, float]] = []
    for row in rows:
        x, y = at[row]
        tone = "flow" if row == word else "accent" if row in near else "ink-3"
        dots[tone] += f"M{x - 2:.1f},{y:.1f}a2,2 0 1 0 4,0a2,2 0 1 0 -4,0z"
        text = shorten(vectors.labels[row], 80, 6)
        end = x + 6 + 6.2 * sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)  # from there on scripts are wide
        if len(taken) < _LABELS and not any(x < b and a < end and abs(y - at_y) < 12 for a, b, at_y in taken):
            taken.append((x, end, y))
            svg.text(x + 4, y + 4, text, size=10, colour="ink" if tone != "ink-3" else "ink-2")
    for tone, d in dots.items():
        if d:
            svg.path(d, fill=tone)


def _list(svg: Svg, title: str, near: Mapping[str, Any], vectors: Vectors, y: float) -> float:
    x = _LEFT + _WIDE + 16
    svg.text(x, y, shorten(title, _SIDE, 6.6), size=12, bold=True)
    for place, (row, cosine) in enumerate(zip(near["rows"], near["cosines"], strict=True)):
        line = y + 18 + 15 * place
        svg.text(x, line, shorten(vectors.labels[row], 130, 6.6), size=11)
        svg.text(
            x + _SIDE - 8, line, f"{cosine:.3f}".replace("-", "−"), size=11, mono=True, anchor="end", colour="ink-2"
        )
    return y + 34 + 15 * len(near["rows"])
