"""The still picture of a training: the sentence, the map, the first rows of both matrices, and the candidates of the step."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, framed, shorten
from dlviz.kit.svg_grid import draw_heatmap

_WIDTH, _HEIGHT = 880.0, 460.0
#: Left, top, width and height of the map.
_MAP = (300.0, 96.0, 280.0, 290.0)
#: How many rows of a matrix are drawn, with how many shades of a color, and the most labels on the map.
_ROWS, _SHADES, _MAX_LABELS = 40, 6, 40
_ROLE_COLORS = {"known": "class-2", "target": "class-3", "near": "ink", "out": "ink-3", "": "ink-2"}


def draw(snapshot: Mapping[str, Any], scene: Mapping[str, Any], theme: str) -> str:
    """Return a snapshot as SVG."""
    description = describe_step(snapshot)
    name, summary = message("word2vec.name"), f"{scene['summary']} {description}"
    svg = framed(_WIDTH, _HEIGHT, name, scene["signature"], summary, theme, signature_left=96, baseline=26)
    _draw_sentence(svg, snapshot["sentence"])
    for k, (name, rows) in enumerate((("w", snapshot["table"]["inputs"]), ("u", snapshot["table"]["rows"]))):
        _draw_matrix(svg, snapshot, scene, name, rows, 16 + 138.0 * k)
    _draw_map(svg, snapshot, scene)
    _draw_table(svg, snapshot["table"])
    svg.text(16, _HEIGHT - 16, description, size=11.5, color="ink-2")
    return svg.markup()


def describe_step(snapshot: Mapping[str, Any]) -> str:
    """Return the next step in one sentence."""
    table = snapshot["table"]
    return message(
        "word2vec.announcement",
        next=snapshot["step"] + 1,
        known=", ".join(table["known"]),
        target=table["words"][0],
        loss=f"{float(table['loss']):.4g}",
    )


def _draw_sentence(svg: Svg, sentence: Mapping[str, Any]) -> None:
    x = 16.0
    for word, role in zip(sentence["words"], sentence["roles"], strict=True):
        text = shorten(word, 120, 7)
        width = 12 + 7.2 * sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
        if x + width > _WIDTH - 16:
            break
        color = _ROLE_COLORS[role]
        svg.rect(x, 42, width, 22, stroke=color if role else "line-2", fill="raised" if role == "known" else "")
        svg.text(x + 6, 57, text, color=color, bold=role in ("known", "target"))
        if role == "out":
            svg.path(f"M{x + 4:.1f},53h{width - 8:.1f}", stroke="ink-3", line=1)
        x += width + 4


def _draw_matrix(
    svg: Svg, snapshot: Mapping[str, Any], scene: Mapping[str, Any], name: str, framed_rows: list[int], x: float
) -> None:
    """Draw a heat map and frame some rows."""
    columns, top = scene["columns"], 96.0
    values = np.frombuffer(snapshot[name], dtype="<f4").reshape(-1, columns)[:_ROWS]
    width, height = min(16.0, 120 / columns), min(16.0, 290 / len(values))
    sliced = f"[:{len(values)}]" if scene["words"] > len(values) else ""
    svg.text(x, 86, f"{name.upper()}{sliced} {(len(values), columns)}", size=11.5, mono=True)
    draw_heatmap(svg, x, top, values, (width, height), snapshot["max_abs"], steps=_SHADES)
    target = snapshot["table"]["rows"][0]
    for row in framed_rows:
        if row < len(values):
            color = "class-2" if name == "w" else "class-3" if row == target else "class-4"
            svg.rect(x - 1, top + row * height - 1, columns * width + 2, height + 2, stroke=color, radius=1)


def _draw_map(svg: Svg, snapshot: Mapping[str, Any], scene: Mapping[str, Any]) -> None:
    left, top, width, height = _MAP
    svg.rect(left, top, width, height, stroke="line")
    title = message("word2vec.still_map", share=round(100 * snapshot["variance_ratio"]))
    svg.text(left, 86, title, size=11.5, color="ink-2")
    coordinates = np.nan_to_num(np.frombuffer(snapshot["coordinates"], dtype="<f4").reshape(-1, 2))
    scale = (min(width, height) / 2 - 22) / max(float(np.abs(coordinates).max()), 1e-9)
    x, y = left + width / 2 + coordinates[:, 0] * scale, top + height / 2 - coordinates[:, 1] * scale
    points = np.stack((x, y), 1).tolist()
    dots = (f"M{x - 1.6:.1f},{y:.1f}a1.6,1.6 0 1 0 3.2,0a1.6,1.6 0 1 0 -3.2,0z" for x, y in points)
    svg.path("".join(dots), fill="ink-3")
    known = [row for row in snapshot["table"]["inputs"] if row < len(points)]
    placed: list[tuple[float, float, float]] = []
    for row in dict.fromkeys([*known, *range(len(points))]):
        x, y = points[row]
        text = shorten(scene["labels"][row], 70, 6)
        end = x + 6 + 6.2 * sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
        is_free = end < left + width and all(end < a or b < x or abs(y - c) > 11 for a, b, c in placed)
        if is_free and len(placed) < _MAX_LABELS:
            placed.append((x, end, y))
            svg.text(x + 5, y + 4, text, size=10.5, color="class-2" if row in known else "ink-2", bold=row in known)


def _draw_table(svg: Svg, table: Mapping[str, Any]) -> None:
    """Draw the candidates with score, probability and error."""
    x, y = 600.0, 86.0
    heads = [message(f"word2vec.head.{name}") for name in ("score", "prob", "truth", "error")]
    for k, head in enumerate(heads):
        svg.text(x + 130 + 44 * k, y, head, size=10.5, color="ink-2", anchor="end")
    for k, word in enumerate(table["words"]):
        y += 20
        svg.text(x, y, shorten(word, 84, 6.6), size=11.5, color="class-3" if table["truth"][k] else "class-4")
        for column, name in enumerate(("scores", "probs", "truth", "errors")):
            value = table[name][k]
            text = str(value) if name == "truth" else f"{float(value):z.3f}".replace("-", "−")
            svg.text(x + 130 + 44 * column, y, text, size=11, mono=True, anchor="end")
