"""Syntax highlighting; ``page.css`` colors the classes for light and dark."""

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound


def highlight_code(source: str, language: str = "python") -> str:
    """Return `source` as a highlighted block of HTML.

    >>> highlight_code("x = 1")
    '<pre class="code"><code><span class="n">x</span>...
    """
    try:
        lexer = get_lexer_by_name(language.split()[0], stripnl=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text", stripnl=False)
    return f'<pre class="code"><code>{highlight(source, lexer, HtmlFormatter(nowrap=True)).rstrip()}</code></pre>\n'
