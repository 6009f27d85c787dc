"""Markdown as HTML that needs nobody: formulas as MathML, pictures inside, links that lead somewhere."""

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

from dlviz.export.highlight import block as code_block
from dlviz.kit.messages import message

# As pandoc has it: $5 and $6 are no formula, because one does not end before a digit.
_INLINE = r"(?P<dollars>\${1,2})(?![\s$])(?P<inline_latex>(?:\\.|[^$`\\])+?)(?<!\s)(?P=dollars)(?![\d$])"
#: The converter writes the text in \text as it stands, brackets too: signs of nobody's stand for them until it has done.
_SIGNS = {"\ue000": "&lt;", "\ue001": "&gt;"}
_HELD = str.maketrans("<>", "".join(_SIGNS))
_BLOCK = r"^ {0,3}\$\$(?P<block_latex>[\s\S]+?)\$\$[ \t]*$"


def prose(text: str, folder: Path | None = None, beside: Callable[[str], str | None] = lambda name: None) -> str:
    r"""`text` as HTML.

    Args:
        text: Markdown, as notebooks have it.
        folder: where its pictures lie; those are put into the page.
        beside: of the file that a link leads to, the page that shows it; a link to what has none becomes its text.

    Example:
        >>> prose("a [lesson](01.ipynb)", beside=lambda name: name.replace("ipynb", "html"))
        '<p>a <a href="01.html">lesson</a></p>\n'
    """
    markdown = mistune.create_markdown(escape=False, renderer=_Page(folder, beside), plugins=["table", "strikethrough"])
    markdown.inline.register("inline_formula", _INLINE, _inline, before="link")
    markdown.block.register("block_formula", _BLOCK, _block, before="list")
    return str(markdown(text))


def formula(source: str, display: str = "inline") -> str:
    """LaTeX as MathML, which browsers draw themselves; what cannot be read is shown as it stands.

    >>> "<msup>" in formula("x^2")
    True
    >>> formula("x^")
    '<code>x^</code>'
    """
    try:
        made = convert(source.replace("{aligned}", "{align*}").translate(_HELD), display=display)
        for held, sign in _SIGNS.items():
            made = made.replace(f"<mi>{held}</mi>", f"<mo>{sign}</mo>").replace(held, sign)
        return re.sub(r' href="(?!https?:)[^"]*"', "", str(made))
    except Exception:  # the converter stumbles over unfinished LaTeX in many ways
        return f"<code>{escape(source)}</code>"


def slug(title: str) -> str:
    """A heading's name for links to it."""
    return re.sub(r"\W+", "-", unescape(re.sub(r"<[^>]+>", "", title))).strip("-").lower()


class _Page(mistune.HTMLRenderer):
    def __init__(self, folder: Path | None, beside: Callable[[str], str | None]) -> None:
        super().__init__(escape=False)
        self.folder, self.beside = folder, beside

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f'<h{level} id="{slug(text)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not re.match(r"[a-z]+:|#", url):
            file, _, part = unquote(url).partition("#")
            page = self.beside(file)
            if page is None:
                return text
            url = page + (f"#{part}" if part else "")
        return super().link(text, url, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("data:"):
            return super().image(text, url, title)
        # What would have to be fetched is named, and not fetched.
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
        return code_block(code, info or "text")

    def inline_formula(self, text: str) -> str:
        return formula(text)

    def block_formula(self, text: str) -> str:
        return f'<div class="formula">{formula(text, "block")}</div>\n'


def _inline(inline: Any, found: re.Match[str], state: Any) -> int:
    state.append_token({"type": "inline_formula", "raw": found["inline_latex"]})
    return found.end()


def _block(block: Any, found: re.Match[str], state: Any) -> int:
    state.append_token({"type": "block_formula", "raw": found["block_latex"].strip()})
    return found.end() + 1
