"""Still pictures: a small SVG writer on the kit's own colours, and SVG to PNG."""

import re
from functools import cache
from html import escape
from pathlib import Path

import resvg_py

_THEME = Path(__file__).with_name("theme.css")


class Svg:
    """An SVG picture under construction. Texts are escaped; colours are names of tokens in ``theme.css``.

    Args:
        width: in pixels.
        height: in pixels.
        title: one sentence for who cannot see it.
        theme: "light" or "dark".

    Example:
        >>> picture = Svg(20, 10, title="a box")
        >>> picture.rect(1, 1, 18, 8, fill="raised")
        >>> picture.markup().startswith("<svg")
        True
    """

    def __init__(self, width: float, height: float, title: str, theme: str = "light") -> None:
        self.width, self.height, self.title = width, height, title
        self.colours = colours(theme)
        self.parts: list[str] = []

    def rect(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        fill: str = "",
        stroke: str = "",
        radius: float = 6,
        line: float = 1.2,
        dash: str = "",
    ) -> None:
        """A box with rounded corners."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius:g}"{self._paint(fill, stroke, line, dash)}/>'
        )

    def path(self, d: str, *, stroke: str, line: float = 1.4, dash: str = "", fill: str = "") -> None:
        """A curve, in SVG's path language."""
        self.parts.append(f'<path d="{escape(d)}"{self._paint(fill, stroke, line, dash)}/>')

    def text(
        self,
        x: float,
        y: float,
        content: str,
        *,
        size: float = 12,
        colour: str = "ink",
        mono: bool = False,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """One line of text, its baseline at `y`."""
        family = (
            "DejaVu Sans Mono, Menlo, Consolas, monospace"
            if mono
            else "DejaVu Sans, Segoe UI, Helvetica, Arial, sans-serif"
        )
        weight = ' font-weight="700"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-family="{family}" text-anchor="{anchor}"{weight} '
            f'fill="{self.colours[colour]}">{escape(content)}</text>'
        )

    def _paint(self, fill: str, stroke: str, line: float, dash: str) -> str:
        painted = f' fill="{self.colours[fill] if fill else "none"}"'
        if stroke:
            painted += f' stroke="{self.colours[stroke]}" stroke-width="{line:g}"'
        return painted + (f' stroke-dasharray="{dash}"' if dash else "")

    def markup(self) -> str:
        """The finished picture."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img"><title>{escape(self.title)}</title>'
            + "".join(self.parts)
            + "</svg>"
        )


@cache
def colours(theme: str) -> dict[str, str]:
    """The plain colours among the tokens of ``theme.css``, by name without the dashes."""
    text = _THEME.read_text(encoding="utf-8")
    light, _, dark = text.partition("/* dark */")
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,8})", light))
    return found | dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,8})", dark)) if theme == "dark" else found


def png(svg: str, scale: float = 2.0) -> bytes:
    """`svg` as a PNG, `scale` pixels to each of its own; needs no program beside Python."""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale))


def shorten(text: str, room: float, per_letter: float) -> str:
    """`text` cut with an ellipsis so that it fits `room` pixels."""
    letters = int(room / per_letter)
    return text if len(text) <= letters else text[: max(1, letters - 1)] + "…"
