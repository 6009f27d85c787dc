"""Still picture of generated text: the text with one token marked, and the distribution that it was drawn from."""

from collections.abc import Mapping, Sequence

from dlviz.generation.record import Continuation
from dlviz.kit.svg import MARGIN, Svg, framed, shorten

_WIDTH, _BARS, _ROW, _LETTER = 620.0, 12, 17.0, 7.3


def draw(
    one: Continuation, step: int, names: Mapping[int, str], titles: Mapping[str, str], summary: str, theme: str
) -> str:
    """Return an SVG with the text around a step and the most probable tokens of that step.

    Args:
        one: the continuation.
        step: index of the generated token.
        names: text of the ids.
        titles: texts of the picture: signature, probability, others, none, and the separator of two tokens.
        summary: one sentence for screen readers.
        theme: "light" or "dark".
    """
    svg = framed(_WIDTH, 118 + _ROW * (_BARS + 1) + 50, "generate", titles["signature"], summary, theme)
    _draw_text(svg, one, step, names, titles["separator"])
    found = one.steps[step]
    if found.rows is None:
        svg.text(MARGIN, 110, titles["none"], color="bad")
        return svg.markup()
    svg.text(MARGIN, 104, titles["probability"], size=12, bold=True)
    rows, y = found.rows, 114.0
    probs = rows.probs.tolist()
    chance = rows.others_prob + sum(probs[_BARS:])
    top = max([*probs, chance, 1e-12])
    for token, prob in list(zip(rows.ids.tolist(), probs, strict=True))[:_BARS]:
        _draw_bar(svg, y, visible(names[token]), prob, prob / top, "select" if token == found.token else "ink-3")
        y += _ROW
    rest = rows.others + max(0, len(probs) - _BARS)
    if rest:
        _draw_bar(svg, y, titles["others"].format(count=f"{rest:,}"), chance, chance / top, "line")
    drawn = -1 if found.draw is None else found.draw.token
    colors = [
        "select" if token == drawn else "line-2" if k % 2 else "line" for k, token in enumerate(rows.ids.tolist())
    ]
    parts = list(zip([*probs, rows.others_prob], [*colors, "raised"], strict=True))
    _draw_cumulative(svg, y + _ROW + 12, found.u, parts)
    return svg.markup()


def visible(token: str) -> str:
    """Return a token with its white space visible.

    Example:
        >>> visible(" the"), visible(chr(10))
        ('␣the', '⏎')
    """
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥") or "∅"


def _draw_text(svg: Svg, one: Continuation, step: int, names: Mapping[int, str], separator: str) -> None:
    """Draw as much of the text as fits two lines before the marked token, and one line after it."""
    width = _WIDTH - 2 * MARGIN
    shown = [visible(names.get(token, "…")) for token in one.ids]
    marked = len(one.prompt) + step
    room, first = int(width / _LETTER), marked
    while first > 0 and len(separator.join(shown[first - 1 : marked + 1])) <= room:
        first -= 1
    x, y = MARGIN, 56.0
    for k, text in enumerate(shown[first:], first):
        if x + len(text) * _LETTER > MARGIN + width:
            x, y = MARGIN, y + 18
            if y > 80:
                break
        if k == marked:
            svg.rect(x - 1, y - 12, len(text) * _LETTER + 2, 16, fill="select-soft", stroke="select", radius=3)
        text = shorten(text, MARGIN + width - x, _LETTER)
        svg.text(x, y, text, mono=True, color="ink-3" if k > marked else "ink-2" if k < len(one.prompt) else "ink")
        x += (len(text) + len(separator)) * _LETTER


def _draw_bar(svg: Svg, y: float, name: str, prob: float, share: float, color: str) -> None:
    svg.text(MARGIN + 96, y + 12, shorten(name, 96, _LETTER), mono=True, anchor="end")
    svg.rect(MARGIN + 104, y + 2, max(0.5, share * 400), _ROW - 5, fill=color, radius=2)
    svg.text(MARGIN + 110 + max(0.5, share * 400), y + 12, f"{prob:.3g}", size=11, mono=True, color="ink-2")


def _draw_cumulative(svg: Svg, y: float, u: float, parts: Sequence[tuple[float, str]]) -> None:
    """Draw the probabilities, each with its color, one after another, and where the uniform number fell."""
    width, x = _WIDTH - 2 * MARGIN, MARGIN
    for prob, color in parts:
        if prob * width >= 0.5:
            svg.rect(x, y, prob * width, 14, fill=color, radius=0)
        x += prob * width
    at = MARGIN + u * width
    svg.path(f"M{at:.1f},{y - 4:.1f}V{y + 18:.1f}", stroke="ink", line=2)
    svg.text(
        min(max(at, MARGIN + 34), _WIDTH - MARGIN - 34), y + 30, f"u = {u:.4f}", size=11, mono=True, anchor="middle"
    )
