"""A notebook as a page: what it says, what it computes, what it shows."""

import re
from collections.abc import Callable, Sequence
from html import escape, unescape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlviz.export.execute import run
from dlviz.export.highlight import block
from dlviz.export.markdown import prose
from dlviz.export.outputs import shown
from dlviz.export.page import refuse_foreign, sheet, write
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.lesson_files import shipped


def export(names: Sequence[str], out: Path, tell: Callable[[str], None]) -> None:
    """Run notebooks and write a page of each.

    Args:
        names: lessons by number, name or path; any notebook by its path.
        out: a folder; of one notebook also the page itself, ending in ``.html``.
        tell: is given a sentence for what is done.

    Raises:
        DlvizError: no such lesson, two of one name, a foreign file in the way, or a cell that fails.
    """
    notebooks = list(dict.fromkeys(find(name) for name in names))
    pages = {path: out / f"{path.stem}.html" for path in notebooks}
    for path in notebooks:
        if other := next((one for one in notebooks if one != path and one.stem == path.stem), None):
            raise DlvizError(message("export.refused.same", one=path, other=other))
    if out.suffix == ".html":
        if len(notebooks) > 1:
            raise DlvizError(message("export.refused.several", out=out, count=len(notebooks)))
        pages = {notebooks[0]: out}
    for page in pages.values():
        refuse_foreign(page)
    together = {notebook.name: page.name for notebook, page in pages.items()}
    for notebook, page in pages.items():
        size = write(page, lesson(notebook, together.get, tell))
        tell(message("export.wrote", path=page, size=f"{size / 1e6:.2f}"))


def find(name: str) -> Path:
    """The notebook of this number, name or path.

    >>> find("0").name
    '00-start.ipynb'
    """
    if name.endswith(".ipynb") and Path(name).is_file():
        return Path(name)
    lessons = sorted(shipped().glob("*.ipynb"))
    for path in lessons:
        number, _, subject = path.stem.partition("-")
        if name in (path.stem, path.name, subject) or (name.isdecimal() and int(name) == int(number)):
            return path
    raise DlvizError(message("export.refused.lesson", got=name, known=", ".join(path.stem for path in lessons)))


def lesson(path: Path, beside: Callable[[str], str | None], tell: Callable[[str], None]) -> str:
    """Run the notebook at `path` and return its page.

    Args:
        path: a notebook.
        beside: of a file that it links to, the page that shows it.
        tell: is given a sentence when the run begins.
    """
    try:
        notebook = nbformat.read(path, 4)
    except Exception as error:  # nbformat and JSON have many ways to say it
        raise DlvizError(message("export.refused.notebook", path=path, error=str(error).splitlines()[0])) from None
    book, found = run(notebook, path, tell)
    cells = "\n".join(_cell(cell, path.parent, beside, found["boxes"]) for cell in book.cells)
    title = next(iter(_headings(cells, 1)), (path.stem, path.stem))[1]
    body = f"""<header class="top">{prose(message("export.about", name=path.name))}</header>
{_contents(_headings(cells, 2))}<main id="main" class="page">
{cells}
</main>"""
    return sheet(unescape(title), body, found["widgets"])


def _headings(cells: str, level: int) -> list[tuple[str, str]]:
    """Name and text of each heading, the text as HTML without tags."""
    found = re.findall(rf'<h{level} id="([^"]*)">(.*?)</h{level}>', cells)
    return [(id, re.sub(r"<[^>]+>", "", text)) for id, text in found]


def _contents(headings: list[tuple[str, str]]) -> str:
    if not headings:
        return ""
    items = "".join(f'<li><a href="#{id}">{text}</a></li>' for id, text in headings)
    return f'<details class="contents"><summary>{escape(message("export.contents"))}</summary><nav><ol>{items}</ol></nav></details>\n'


def _cell(cell: NotebookNode, folder: Path, beside: Callable[[str], str | None], boxes: dict[str, list[str]]) -> str:
    if cell.cell_type == "markdown":
        return f'<div class="prose">\n{prose(cell.source, folder, beside)}</div>'
    if cell.cell_type == "code" and cell.source.strip():
        return f'<div class="cell">\n{block(cell.source)}{shown(cell, boxes)}</div>'
    return ""
