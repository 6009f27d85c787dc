"""Still picture of a byte-pair encoding: the text as tokens after a merge, and the most frequent pairs."""

from collections.abc import Mapping
from typing import Any

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, shorten
from dlviz.tokenization.record import Record
from dlviz.tokenization.scene import cut_text
from dlviz.tokenization.token_names import token_name

_TEXT, _TOP, _HEIGHT, _ROW, _LETTER = 400.0, 72.0, 216.0, 22.0, 7.0


def draw(record: Record, scene: Mapping[str, Any], step: int, theme: str) -> str:
    """Return an SVG with as much of the text as has room."""
    width = MARGIN + _TEXT + 24 + 220 + MARGIN
    svg = framed(width, _TOP + _HEIGHT + 16, "bpe", scene["signature"], scene["summary"], theme)
    svg.text(
        MARGIN,
        _TOP - 14,
        f"{message('tokenization.text')}, {message('tokenization.player', step=step)}",
        size=12,
        bold=True,
    )
    _draw_tokens(svg, record, step)
    left = MARGIN + _TEXT + 24
    svg.text(left, _TOP - 14, message("tokenization.pairs"), size=12, bold=True)
    names = [token_name(token) for token in record.encoder.vocab]
    pairs = record.candidates[step]
    for row, pair in enumerate(pairs):
        y, color = _TOP + 14 + row * _ROW, "select" if row == 0 else "ink"
        svg.text(
            left, y, shorten(f"{names[pair.left]} + {names[pair.right]}", 110, 6.7), size=11, mono=True, color=color
        )
        svg.rect(left + 116, y - 9, 66 * pair.count / pairs[0].count, 10, fill="line", radius=1)
        svg.text(left + 220, y, f"{pair.count:,}", size=11, mono=True, color="ink-2", anchor="end")
    return svg.markup()


def _draw_tokens(svg: Svg, record: Record, step: int) -> None:
    """Draw tokens in boxes, line by line, those of the last merge in color."""
    newest = record.encoder.vocab[record.encoder.merges[step - 1].new] if step else None
    x, y = MARGIN, _TOP
    for token in cut_text(record, step):
        name = shorten(token_name(token), _TEXT - 12, _LETTER)
        width = 5 + _LETTER * len(name)
        if x + width > MARGIN + _TEXT:
            x, y = MARGIN, y + _ROW
        if y + _ROW > _TOP + _HEIGHT + 4:
            return
        is_new = token == newest
        svg.rect(
            x,
            y,
            width,
            18,
            fill="select-soft" if is_new else "raised",
            stroke="select" if is_new else "line",
            radius=3,
            line=0.8,
        )
        svg.text(x + width / 2, y + 13, name, size=11, mono=True, anchor="middle")
        x += width + 2
        if b"\n" in token:
            x, y = MARGIN, y + _ROW
