"""The still picture of a training: the sentence, the map, the first rows of both matrices, and the candidates of the step."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlviz.embeddings.word2vec.record import Training
from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, shorten

_WIDE, _HIGH, _MAP = 880.0, 460.0, (300.0, 96.0, 280.0, 290.0)
#: So many rows of a matrix are drawn, in so many tones, and so many labels on the map.
_ROWS, _TONES, _LABELS = 40, 6, 40
_ROLES = {"known": "accent", "target": "good", "near": "ink", "out": "ink-3", "": "ink-2"}


def draw(run: Training, frame: Mapping[str, Any], scene: Mapping[str, Any], theme: str) -> str:
    """SVG of the moment that is drawn."""
    svg = Svg(_WIDE, _HIGH, f"{scene['summary']} {told(frame)}", theme)
    svg.rect(0.5, 0.5, _WIDE - 1, _HIGH - 1, fill="paper", stroke="line", radius=10)
    svg.text(16, 26, message("word2vec.name"), size=14, bold=True)
    svg.text(96, 26, scene["signature"], mono=True, color="ink-2")
    _sentence(svg, frame["sentence"])
    for k, (name, lit) in enumerate((("w", frame["card"]["inputs"]), ("u", frame["card"]["rows"]))):
        _matrix(svg, frame, scene, name, lit, 16 + 138.0 * k)
    _map(svg, frame, scene)
    _card(svg, frame["card"])
    svg.text(16, _HIGH - 16, told(frame), size=11.5, color="ink-2")
    return svg.markup()


def told(frame: Mapping[str, Any]) -> str:
    """The step in one sentence."""
    one = frame["card"]
    return message(
        "word2vec.told",
        next=frame["at"] + 1,
        known=", ".join(one["known"]),
        target=one["words"][0],
        loss=f"{float(one['loss']):.4g}",
    )


def _sentence(svg: Svg, sentence: Mapping[str, Any]) -> None:
    x = 16.0
    for word, role in zip(sentence["words"], sentence["roles"], strict=True):
        text = shorten(word, 120, 7)
        wide = 12 + 7.2 * sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
        if x + wide > _WIDE - 16:
            break
        svg.rect(
            x, 42, wide, 22, stroke=_ROLES[role] if role else "line-2", fill="accent-soft" if role == "known" else ""
        )
        svg.text(x + 6, 57, text, color=_ROLES[role], bold=role in ("known", "target"))
        if role == "out":
            svg.path(f"M{x + 4:.1f},53h{wide - 8:.1f}", stroke="ink-3", line=1)
        x += wide + 4


def _matrix(svg: Svg, frame: Mapping[str, Any], scene: Mapping[str, Any], name: str, lit: list[int], x: float) -> None:
    """Cells of one tone are one path, which keeps the picture small."""
    columns, top = scene["columns"], 96.0
    values = np.frombuffer(frame[name], dtype="<f4").reshape(-1, columns)[:_ROWS]
    wide, high = min(16.0, 120 / columns), min(16.0, 290 / len(values))
    cut = f"[:{len(values)}]" if scene["words"] > len(values) else ""
    svg.text(x, 86, f"{name.upper()}{cut} {(len(values), columns)}", size=11.5, mono=True)
    tones = np.rint(_TONES * np.nan_to_num(values / (frame["most"] or 1))).clip(-_TONES, _TONES).astype(int)
    for tone in sorted(set(tones.flatten().tolist()) - {0}):
        cells = np.argwhere(tones == tone).tolist()
        path = "".join(f"M{x + c * wide:.1f},{top + r * high:.1f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z" for r, c in cells)
        svg.path(path, fill=svg.mix("pos" if tone > 0 else "neg", abs(tone) / _TONES))
    svg.rect(x, top, columns * wide, len(values) * high, stroke="line", radius=0)
    for row in lit:
        if row < len(values):
            svg.rect(x - 1, top + row * high - 1, columns * wide + 2, high + 2, stroke=_lit(name, row, frame), radius=1)


def _lit(name: str, row: int, frame: Mapping[str, Any]) -> str:
    return "accent" if name == "w" else "good" if row == frame["card"]["rows"][0] else "flow"


def _map(svg: Svg, frame: Mapping[str, Any], scene: Mapping[str, Any]) -> None:
    left, top, wide, high = _MAP
    svg.rect(left, top, wide, high, stroke="line")
    svg.text(left, 86, message("word2vec.still_map", share=round(100 * frame["share"])), size=11.5, color="ink-2")
    places = np.nan_to_num(np.frombuffer(frame["places"], dtype="<f4").reshape(-1, 2))
    unit = (min(wide, high) / 2 - 22) / max(float(np.abs(places).max()), 1e-9)
    at = np.stack((left + wide / 2 + places[:, 0] * unit, top + high / 2 - places[:, 1] * unit), 1).tolist()
    svg.path("".join(f"M{x - 1.6:.1f},{y:.1f}a1.6,1.6 0 1 0 3.2,0a1.6,1.6 0 1 0 -3.2,0z" for x, y in at), fill="ink-3")
    known = [row for row in frame["card"]["inputs"] if row < len(at)]
    taken: list[tuple[float, float, float]] = []
    for row in dict.fromkeys([*known, *range(len(at))]):
        x, y = at[row]
        text = shorten(scene["labels"][row], 70, 6)
        end = x + 6 + 6.2 * sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
        if end < left + wide and all(end < a or b < x or abs(y - c) > 11 for a, b, c in taken) and len(taken) < _LABELS:
            taken.append((x, end, y))
            svg.text(x + 5, y + 4, text, size=10.5, color="accent" if row in known else "ink-2", bold=row in known)


def _card(svg: Svg, card: Mapping[str, Any]) -> None:
    """Candidates with score, probability and error."""
    x, y = 600.0, 86.0
    names = [message(f"word2vec.head.{name}") for name in ("score", "chance", "truth", "error")]
    for k, name in enumerate(names):
        svg.text(x + 130 + 44 * k, y, name, size=10.5, color="ink-2", anchor="end")
    for k, word in enumerate(card["words"]):
        y += 20
        svg.text(x, y, shorten(word, 84, 6.6), size=11.5, color="good" if card["truth"][k] else "flow")
        for n, name in enumerate(("scores", "chances", "truth", "errors")):
            text = str(card[name][k]) if name == "truth" else f"{float(card[name][k]):z.3f}".replace("-", "−")
            svg.text(x + 130 + 44 * n, y, text, size=11, mono=True, anchor="end")
