"""Notebooks as self-contained pages: text, code, outputs and live widgets."""

import re
from collections.abc import Callable, Sequence
from html import escape, unescape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlviz.export.execute import execute_notebook
from dlviz.export.markdown import highlight_code, markdown_to_html
from dlviz.export.outputs import outputs_html
from dlviz.export.page import check_overwrite, html_page, write_page
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.lesson_files import find_lesson, notebooks

#: The id of a prediction in the code that asks it.
_PREDICT = re.compile(r"""\bpredict\(\s*["']([\w.-]+)["']""")


def export_notebooks(names: Sequence[str], out: Path, report: Callable[[str], None]) -> None:
    """Execute notebooks and write a page for each.

    Args:
        names: lessons by number, name or path; other notebooks by path.
        out: a folder, or for a single notebook a file that ends in ``.html``.
        report: called with a sentence for each step.

    Raises:
        DlvizError: there is no such lesson, two notebooks have one name, another file is in the way, or a cell fails.
    """
    notebooks = list(dict.fromkeys(find_notebook(name) for name in names))
    pages = {path: out / f"{path.stem}.html" for path in notebooks}
    for path in notebooks:
        if other := next((one for one in notebooks if one != path and one.stem == path.stem), None):
            raise DlvizError(message("export.refused.same", one=path, other=other))
    if out.suffix == ".html":
        if len(notebooks) > 1:
            raise DlvizError(message("export.refused.several", out=out, count=len(notebooks)))
        pages = {notebooks[0]: out}
    for page in pages.values():
        check_overwrite(page)
    together = {notebook.name: page.name for notebook, page in pages.items()}
    for notebook, page in pages.items():
        size = write_page(page, lesson_page(notebook, together.get, report))
        report(message("export.wrote", path=page, size=f"{size / 1e6:.2f}"))


def find_notebook(name: str) -> Path:
    """Return the path of the notebook with this number, name or path.

    >>> find_notebook("0").name
    '00-start.ipynb'
    """
    if name.endswith(".ipynb") and Path(name).is_file():
        return Path(name)
    lesson = find_lesson(name)
    if lesson is None:
        known = ", ".join(path.stem for path in notebooks())
        raise DlvizError(message("export.refused.lesson", got=name, known=known))
    return lesson


def lesson_page(path: Path, page_for: Callable[[str], str | None], report: Callable[[str], None]) -> str:
    """Execute the notebook at `path` and return its page as HTML.

    Args:
        path: a notebook.
        page_for: returns the page of a linked notebook, or ``None``.
        report: called with a sentence when the run begins.
    """
    try:
        notebook = nbformat.read(path, 4)
    except Exception as error:  # nbformat and json raise many different errors
        raise DlvizError(message("export.refused.notebook", path=path, error=str(error).splitlines()[0])) from None
    book, saved = execute_notebook(notebook, path, report)
    predictions = _predictions_above(book.cells)
    cells = "\n".join(
        _cell(cell, path.parent, page_for, saved["boxes"], id) for cell, id in zip(book.cells, predictions, strict=True)
    )
    title = next(iter(_headings(cells, 1)), (path.stem, path.stem))[1]
    body = f"""<header class="top">{markdown_to_html(message("export.about", name=path.name))}</header>
{_contents(_headings(cells, 2))}<main id="main" class="page">
{cells}
</main>"""
    return html_page(unescape(title), body, saved["widgets"])


def _headings(cells: str, level: int) -> list[tuple[str, str]]:
    """Return id and text of each heading of a level; the text is HTML without tags."""
    headings = re.findall(rf'<h{level} id="([^"]*)">(.*?)</h{level}>', cells)
    return [(id, re.sub(r"<[^>]+>", "", text)) for id, text in headings]


def _contents(headings: list[tuple[str, str]]) -> str:
    if not headings:
        return ""
    items = "".join(f'<li><a href="#{id}">{text}</a></li>' for id, text in headings)
    return f'<details class="contents"><summary>{escape(message("export.contents"))}</summary><nav><ol>{items}</ol></nav></details>\n'


def _predictions_above(cells: Sequence[NotebookNode]) -> list[str | None]:
    """Return for each cell the id of the last prediction above it, or None."""
    ids: list[str | None] = []
    last = None
    for cell in cells:
        asked = _PREDICT.search(cell.source) if cell.cell_type == "code" else None
        last = asked[1] if asked else last
        ids.append(last)
    return ids


def _cell(
    cell: NotebookNode,
    folder: Path,
    page_for: Callable[[str], str | None],
    boxes: dict[str, list[str]],
    prediction: str | None,
) -> str:
    """Return a cell as HTML; a text folded with ``<details>`` opens when the prediction above it is locked in."""
    if cell.cell_type == "markdown":
        text = markdown_to_html(cell.source, folder, page_for)
        if prediction:
            text = text.replace("<details>", f'<details data-after="{escape(prediction)}">')
        return f'<div class="prose">\n{text}</div>'
    if cell.cell_type == "code" and cell.source.strip():
        return f'<div class="cell">\n{highlight_code(cell.source)}{outputs_html(cell, boxes)}</div>'
    return ""
