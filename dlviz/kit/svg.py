"""Still pictures: a small SVG writer on the kit's own colors, and SVG to PNG."""

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import quote

import resvg_py

from dlviz.kit.sanitize import sanitize

_THEME = Path(__file__).with_name("theme.css")


_SANS = "DejaVu Sans,Segoe UI,Helvetica,Arial,sans-serif"
_MONO = "DejaVu Sans Mono,Menlo,Consolas,monospace"
#: Left to itself, a painter takes for Chinese, Japanese and Korean the first font that knows them, and that has serifs.
_HAN = "Noto Sans CJK SC,Source Han Sans SC,PingFang SC,Microsoft YaHei,WenQuanYi Micro Hei,sans-serif"
_HAN_LETTER = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


class Svg:
    """An SVG picture under construction. Texts are escaped; colors are names of tokens in ``theme.css``.

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
        self.colors = dict(colors(theme))
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
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}"'
            + (f' rx="{radius:g}"' if radius else "")
            + f"{self._paint(fill, stroke, line, dash)}/>"
        )

    def path(self, d: str, *, stroke: str = "", line: float = 1.4, dash: str = "", fill: str = "") -> None:
        """A curve, in SVG's path language."""
        self.parts.append(f'<path d="{escape(d)}"{self._paint(fill, stroke, line, dash)}/>')

    def text(
        self,
        x: float,
        y: float,
        content: str,
        *,
        size: float = 12,
        color: str = "ink",
        mono: bool = False,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """One line of text, its baseline at `y`."""
        # Family and the usual color stand once in the picture's style, not in every text.
        extra = ' class="m"' if mono else ' class="c"' if _HAN_LETTER.search(content) else ""
        extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
        extra += ' font-weight="700"' if bold else ""
        extra += f' fill="{self.colors[color]}"' if color != "ink" else ""
        self.parts.append(f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size:g}"{extra}>{_text(content)}</text>')

    def texts(
        self, items: Iterable[tuple[float, float, str]], *, size: float = 12, color: str = "ink", mono: bool = True
    ) -> None:
        """Many short texts of one look, each in the middle of its place ``(x, y, text)``; much shorter than one by one."""
        inner = "".join(f'<text x="{_n(x)}" y="{_n(y)}">{_text(content)}</text>' for x, y, content in items)
        look = f' class="m" fill="{self.colors[color]}"' if mono else f' fill="{self.colors[color]}"'
        if inner:
            self.parts.append(f'<g font-size="{size:g}" text-anchor="middle"{look}>{inner}</g>')

    def mix(self, token: str, share: float) -> str:
        """The color that is `share` of a token and the rest paper, as views mix it; usable wherever a token is."""
        name = f"{token} {share:.2f}"
        channels = (
            round(
                share * int(self.colors[token][i : i + 2], 16) + (1 - share) * int(self.colors["paper"][i : i + 2], 16)
            )
            for i in (1, 3, 5)
        )
        self.colors.setdefault(name, "#" + "".join(f"{channel:02x}" for channel in channels))
        return name

    def _paint(self, fill: str, stroke: str, line: float, dash: str) -> str:
        painted = f' fill="{self.colors[fill] if fill else "none"}"'
        if stroke:
            painted += f' stroke="{self.colors[stroke]}" stroke-width="{line:g}"'
        return painted + (f' stroke-dasharray="{dash}"' if dash else "")

    def markup(self) -> str:
        """The finished picture."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img" '
            f'font-family="{_SANS}" fill="{self.colors["ink"]}"><title>{_text(self.title)}</title>'
            f"<style>.m{{font-family:{_MONO}}}.c{{font-family:{_HAN}}}</style>" + "".join(self.parts) + "</svg>"
        )


def _text(content: str) -> str:
    return escape(sanitize(content))


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@cache
def colors(theme: str) -> dict[str, str]:
    """The plain colors among the tokens of ``theme.css``, by name without the dashes."""
    text = _THEME.read_text(encoding="utf-8")
    light, _, dark = text.partition("/* dark */")
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,8})", light))
    return found | dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,8})", dark)) if theme == "dark" else found


def data_uri(svg: str) -> str:
    """`svg` as an address for an image.

    An address may hold most of SVG as it is, which is shorter than base64; every other quote and bracket is escaped.
    """
    return "data:image/svg+xml," + quote(svg.replace('"', "'"), safe=" !$()*+,-./:;=?@_~'")


def png(svg: str, scale: float = 2.0) -> bytes:
    """`svg` as a PNG, `scale` pixels to each of its own; needs no program beside Python."""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale))


def shorten(text: str, room: float, per_letter: float) -> str:
    """`text` cut with an ellipsis so that it fits `room` pixels."""
    letters = int(room / per_letter)
    return text if len(text) <= letters else text[: max(1, letters - 1)] + "…"
