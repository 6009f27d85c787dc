"""In a real Notebook 7: a lesson runs, its widget is drawn, clicks reach the kernel, and everything survives a reload."""

from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab import LESSONS, command, open_notebook, outputs_of, page_on, run, run_until_printed, serving

LESSON = "00-start.ipynb"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start Notebook 7 with a copy of the first lesson and an additional cell that prints the kernel's state."""
    folder = tmp_path_factory.mktemp("notebook7")
    book = nbformat.read(LESSONS / LESSON, 4)
    book.cells.append(nbformat.v4.new_code_cell("print('STEP', view.step)"))
    nbformat.write(book, folder / LESSON)
    with serving(folder, "notebook") as address:
        yield address


def test_a_lesson_round_trips_in_notebook_7(chromium: Browser, server: str):
    book = nbformat.read(LESSONS / LESSON, 4)
    told = len(book.cells)
    context = chromium.new_context(viewport={"width": 1300, "height": 950}, color_scheme="light")
    with context, page_on(context, server) as page:
        open_notebook(page, server, LESSON, "notebooks")
        assert page.evaluate("() => globalThis.jupyterapp.name") == "Jupyter Notebook"
        command(page, "notebook:run-all-cells")
        assert [output for output in outputs_of(page) if output["output_type"] == "error"] == []
        view = page.locator(".dlviz:not(.exercise-card)").first
        expect(view.locator(".card")).to_have_count(4)
        expect(view.locator(".dlviz-player input")).to_have_value("2")  # the lesson set it, in Python

        # From the page to the kernel, and back from the kernel to the page.
        view.locator(".dlviz-player input").focus()
        page.keyboard.press("Home")
        expect(view.locator(".pill")).to_have_count(0)
        run_until_printed(page, told, "STEP 0")
        setting = next(k for k, cell in enumerate(book.cells) if cell.source.startswith("view.step = 2"))
        run(page, setting)
        expect(view.locator(".dlviz-player input")).to_have_value("2")
        shown = view.locator(".pill").all_text_contents()
        assert len(shown) > 0

        # After saving and reloading, the same numbers are shown, and the kernel still answers.
        command(page, "docmanager:save")
        page.reload()
        open_notebook(page, server, LESSON, "notebooks")
        expect(view.locator(".pill")).to_have_text(shown)
        view.locator(".dlviz-player input").focus()
        page.keyboard.press("ArrowRight")
        run_until_printed(page, told, "STEP 3")
