"""Still pictures: an SVG writer that uses the colors of ``theme.css``, and conversion to PNG."""

import base64
import io
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
import resvg_py
from PIL import Image

from dlviz.kit.sanitize import sanitize
from dlviz.kit.theme import class_color, marker

_THEME = Path(__file__).with_name("theme.css")

#: Pixels of a PNG: many viewers refuse larger pictures, and writing one takes seconds.
MAX_PIXELS = 2**24

#: Space at the left and right of a still picture.
MARGIN = 16.0

_SANS = "DejaVu Sans,Segoe UI,Helvetica,Arial,sans-serif"
_MONO = "DejaVu Sans Mono,Menlo,Consolas,monospace"
#: Named for Chinese, Japanese and Korean text, because renderers fall back to the first font with such glyphs, often a serif one.
_CJK = "Noto Sans CJK SC,Source Han Sans SC,PingFang SC,Microsoft YaHei,WenQuanYi Micro Hei,sans-serif"
_CJK_CHARACTER = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


class Svg:
    """SVG picture that is built element by element. Texts are escaped; colors are names of tokens in ``theme.css``.

    Args:
        width: in pixels.
        height: in pixels.
        title: one sentence for screen readers.
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
        """Draw a box with rounded corners."""
        self.parts.append(
            f'<rect x="{_coordinate(x)}" y="{_coordinate(y)}" width="{_coordinate(w)}" height="{_coordinate(h)}"'
            + (f' rx="{radius:g}"' if radius else "")
            + f"{self._paint(fill, stroke, line, dash)}/>"
        )

    def path(self, d: str, *, stroke: str = "", line: float = 1.4, dash: str = "", fill: str = "") -> None:
        """Draw a path given in SVG path syntax."""
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
        """Draw one line of text with its baseline at `y`."""
        # The font family and the usual color stand once in the picture's style, not in every text.
        extra = ' class="m"' if mono else ' class="c"' if _CJK_CHARACTER.search(content) else ""
        extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
        extra += ' font-weight="700"' if bold else ""
        extra += f' fill="{self.colors[color]}"' if color != "ink" else ""
        self.parts.append(
            f'<text x="{_coordinate(x)}" y="{_coordinate(y)}" font-size="{size:g}"{extra}>{_text(content)}</text>'
        )

    def texts(
        self, items: Iterable[tuple[float, float, str]], *, size: float = 12, color: str = "ink", mono: bool = True
    ) -> None:
        """Draw many short texts of one style, each centered at its ``(x, y, text)``, in less markup than one by one."""
        inner = "".join(
            f'<text x="{_coordinate(x)}" y="{_coordinate(y)}">{_text(content)}</text>' for x, y, content in items
        )
        style = f' class="m" fill="{self.colors[color]}"' if mono else f' fill="{self.colors[color]}"'
        if inner:
            self.parts.append(f'<g font-size="{size:g}" text-anchor="middle"{style}>{inner}</g>')

    def image(self, x: float, y: float, w: float, h: float, cells: np.ndarray, palette: Sequence[str]) -> None:
        """Draw a grid of equal cells without text as an embedded PNG of one pixel a cell.

        Args:
            x, y, w, h: the rectangle that the grid fills.
            cells: (rows, columns), for each cell the index of its color.
            palette: up to 256 colors.
        """
        if not cells.size:
            return
        image = Image.fromarray(cells.astype(np.uint8))
        image.putpalette(bytes.fromhex("".join(self.colors[color][1:] for color in palette)))
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        # Renderers such as resvg read the property in the style attribute only.
        self.parts.append(
            f'<image x="{_coordinate(x)}" y="{_coordinate(y)}" width="{_coordinate(w)}" height="{_coordinate(h)}" '
            'preserveAspectRatio="none" style="image-rendering:pixelated" '
            f'href="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"/>'
        )

    def marker(self, x: float, y: float, k: int, radius: float) -> None:
        """Draw the marker of class `k` in the color of that class, with an edge in the color of the paper."""
        paint = self._paint(class_color(k), "paper", 1.2 / radius, "")
        place = f"translate({_coordinate(x)} {_coordinate(y)}) scale({radius:g})"
        self.parts.append(f'<path transform="{place}" d="{marker(k)}"{paint}/>')

    def mix(self, token: str, share: float, base: str = "paper") -> str:
        """Return the name of the color that is `share` of a token and the rest `base`, for use wherever a token is."""
        name = f"{token} {share:.2f}" if base == "paper" else f"{token} {share:.2f} {base}"
        channels = (
            round(share * int(self.colors[token][i : i + 2], 16) + (1 - share) * int(self.colors[base][i : i + 2], 16))
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
        """Return the picture as SVG markup."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img" '
            f'font-family="{_SANS}" fill="{self.colors["ink"]}"><title>{_text(self.title)}</title>'
            f"<style>.m{{font-family:{_MONO}}}.c{{font-family:{_CJK}}}</style>" + "".join(self.parts) + "</svg>"
        )


def framed(
    width: float,
    height: float,
    name: str,
    signature: str,
    summary: str,
    theme: str,
    *,
    signature_left: float | None = None,
    baseline: float = 24,
) -> Svg:
    """Return a picture with the frame of a card and a head line: the widget's name and its signature.

    Args:
        width, height: in pixels.
        name: name of the widget, such as "layers".
        signature: one line that describes the call; cut if it is too long.
        summary: one sentence for screen readers.
        theme: "light" or "dark".
        signature_left: where the signature begins; by default behind the name.
        baseline: y of the head line.
    """
    svg = Svg(width, height, summary, theme)
    svg.rect(0.5, 0.5, width - 1, height - 1, fill="paper", stroke="line", radius=10)
    svg.text(MARGIN, baseline, name, size=14, bold=True)
    left = MARGIN + 9.5 * len(name) + 8 if signature_left is None else signature_left
    svg.text(left, baseline, shorten(signature, width - left - MARGIN, 7.3), mono=True, color="ink-2")
    return svg


def _text(content: str) -> str:
    return escape(sanitize(content))


def _coordinate(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@cache
def colors(theme: str) -> dict[str, str]:
    """Return the colors defined in ``theme.css`` for a theme, by name without the dashes."""
    text = _THEME.read_text(encoding="utf-8")
    light, _, dark = text.partition("/* dark */")
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,8})", light))
    return found | dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,8})", dark)) if theme == "dark" else found


def data_uri(svg: str) -> str:
    """Return `svg` as a data URI for an image.

    Most SVG characters may stand in a URI as they are, which is shorter than base64; quotes and brackets are escaped.
    """
    return "data:image/svg+xml," + quote(svg.replace('"', "'"), safe=" !$()*+,-./:;=?@_~'")


def png(svg: str, scale: float = 2.0) -> bytes:
    """Return `svg` as a PNG with `scale` pixels for each pixel of the picture, or fewer so that it has :data:`MAX_PIXELS` at most."""
    size = re.match(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"', svg)
    area = float(size[1]) * float(size[2]) if size else 0.0
    zoom = min(scale, math.sqrt(MAX_PIXELS / area)) if area else scale
    # Smooth edges of thousands of long lines take minutes.
    shapes: Literal["geometric_precision", "optimize_speed"] = (
        "geometric_precision" if zoom == scale else "optimize_speed"
    )
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, shape_rendering=shapes))


def line_path(points: Iterable[tuple[float, float]]) -> str:
    """Return the path data of a line; a point with a coordinate that is not finite breaks it.

    Example:
        >>> line_path([(0, 1), (2, 3), (4, float("nan")), (6, 7)])
        'M0.0,1.0L2.0,3.0M6.0,7.0'
    """
    parts, command = [], "M"
    for x, y in points:
        finite = math.isfinite(x) and math.isfinite(y)
        if finite:
            parts.append(f"{command}{x:.1f},{y:.1f}")
        command = "L" if finite else "M"
    return "".join(parts)


def shorten(text: str, width: float, character_width: float) -> str:
    """Return `text` cut with an ellipsis so that it fits `width` pixels."""
    characters = int(width / character_width)
    return text if len(text) <= characters else text[: max(1, characters - 1)] + "…"
