"""Markdown and code as self-contained HTML: formulas as MathML, images embedded, links between exported pages."""

import base64
import mimetypes
import re
from collections.abc import Callable
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mistune
from latex2mathml.converter import convert
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from dlviz.kit.messages import message

# Pandoc's rule: "$5 and $6" is not a formula, because a formula does not end before a digit.
_INLINE = r"(?P<dollars>\${1,2})(?![\s$])(?P<inline_latex>(?:\\.|[^$`\\])+?)(?<!\s)(?P=dollars)(?![\d$])"
#: The converter does not escape < and > inside \text, so private-use characters replace them during the conversion.
_PRIVATE_CHARS = {"\ue000": "&lt;", "\ue001": "&gt;"}
_TO_PRIVATE_CHARS = str.maketrans("<>", "".join(_PRIVATE_CHARS))
_BLOCK = r"^ {0,3}\$\$(?P<block_latex>[\s\S]+?)\$\$[ \t]*$"


def markdown_to_html(
    text: str, folder: Path | None = None, page_for: Callable[[str], str | None] = lambda name: None
) -> str:
    r"""Return `text` as HTML.

    Args:
        text: Markdown of a notebook's cell.
        folder: folder of its images, which are embedded in the page.
        page_for: returns the exported page of a linked file, or ``None``: the link is then replaced by its text.

    Example:
        >>> markdown_to_html("a [lesson](01.ipynb)", page_for=lambda name: name.replace("ipynb", "html"))
        '<p>a <a href="01.html">lesson</a></p>\n'
    """
    markdown = mistune.create_markdown(
        escape=False, renderer=_Renderer(folder, page_for), plugins=["table", "strikethrough"]
    )
    markdown.inline.register("inline_formula", _INLINE, _inline, before="link")
    markdown.block.register("block_formula", _BLOCK, _block, before="list")
    return str(markdown(text))


def latex_to_mathml(source: str, display: str = "inline") -> str:
    """Return LaTeX as MathML, which browsers render without a library; invalid LaTeX is returned as code.

    >>> "<msup>" in latex_to_mathml("x^2")
    True
    >>> latex_to_mathml("x^")
    '<code>x^</code>'
    """
    try:
        made = convert(source.replace("{aligned}", "{align*}").translate(_TO_PRIVATE_CHARS), display=display)
        for char, escaped in _PRIVATE_CHARS.items():
            made = made.replace(f"<mi>{char}</mi>", f"<mo>{escaped}</mo>").replace(char, escaped)
        return re.sub(r' href="(?!https?:)[^"]*"', "", str(made))
    except Exception:  # the converter raises many kinds of error on invalid LaTeX
        return f"<code>{escape(source)}</code>"


def formulas_as_mathml(text: str) -> str:
    r"""Return Markdown whose formulas are MathML, which is HTML, for a renderer of Markdown that would load a script for them.

    >>> formulas_as_mathml("`$x$` and $x$")
    '`$x$` and <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>x</mi></mrow></math>'
    """
    parts = re.split(r"(```[\s\S]*?```|`[^`\n]*`)", text)
    for i in range(0, len(parts), 2):
        blocks = re.sub(
            _BLOCK,
            lambda match: f'<div class="formula">{latex_to_mathml(match["block_latex"].strip(), "block")}</div>',
            parts[i],
            flags=re.M,
        )
        parts[i] = re.sub(_INLINE, lambda match: latex_to_mathml(match["inline_latex"]), blocks)
    return "".join(parts)


def highlight_code(source: str, language: str = "python") -> str:
    """Return `source` as a highlighted block of HTML; ``page.css`` colors its classes for light and dark.

    >>> highlight_code("x = 1")
    '<pre class="code"><code><span class="n">x</span>...
    """
    try:
        lexer = get_lexer_by_name(language.split()[0], stripnl=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text", stripnl=False)
    return f'<pre class="code"><code>{highlight(source, lexer, HtmlFormatter(nowrap=True)).rstrip()}</code></pre>\n'


def slug(title: str) -> str:
    """Return the id of a heading, for links to it."""
    return re.sub(r"\W+", "-", unescape(re.sub(r"<[^>]+>", "", title))).strip("-").lower()


class _Renderer(mistune.HTMLRenderer):
    def __init__(self, folder: Path | None, page_for: Callable[[str], str | None]) -> None:
        super().__init__(escape=False)
        self.folder, self.page_for = folder, page_for

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f'<h{level} id="{slug(text)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not re.match(r"[a-z]+:|#", url):
            file, _, part = unquote(url).partition("#")
            page = self.page_for(file)
            if page is None:
                return text
            url = page + (f"#{part}" if part else "")
        return super().link(text, url, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("data:"):
            return super().image(text, url, title)
        # A remote image is linked, not fetched.
        if re.match(r"[a-z]+:", url):
            return self.link(text or message("export.picture"), url, title)
        file = (self.folder or Path()) / unquote(url)
        if not file.is_file():
            return escape(text)
        kind = mimetypes.guess_type(file.name)[0] or "image/png"
        data = base64.b64encode(file.read_bytes()).decode()
        return f'<img alt="{escape(text)}" src="data:{kind};base64,{data}">'

    def table(self, text: str) -> str:
        return f'<div class="wide">\n<table>\n{text}</table>\n</div>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        return highlight_code(code, info or "text")

    def inline_formula(self, text: str) -> str:
        return latex_to_mathml(text)

    def block_formula(self, text: str) -> str:
        return f'<div class="formula">{latex_to_mathml(text, "block")}</div>\n'


def _inline(inline: Any, match: re.Match[str], state: Any) -> int:
    state.append_token({"type": "inline_formula", "raw": match["inline_latex"]})
    return match.end()


def _block(block: Any, match: re.Match[str], state: Any) -> int:
    state.append_token({"type": "block_formula", "raw": match["block_latex"].strip()})
    return match.end() + 1
