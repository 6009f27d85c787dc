"""In a real JupyterLab: predictions, outputs that wait for them also after "Run All", reports, and the progress bar."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from dlviz.exercises.catalog import items
from tests.browser.lab import command, open_notebook, page_on, run, serving, start

VANISHING = items()["05.first-layer"]
CELLS = (
    ("code", "import torch, dlviz\nfrom dlviz.exercises import exercise, predict, progress\nprogress('05')"),
    ("markdown", "# Text\n\nSome lines."),
    ("code", "predict('05.first-layer')"),
    ("code", "# after 05.first-layer\nprint('IT IS', 'TINY')\nview = dlviz.tensor(torch.ones(2, 2))\nview"),
    ("markdown", "<details><summary>After your prediction</summary>\n\nTiny indeed.\n\n</details>"),
    ("code", "predict('05.start')"),
    ("code", "# after 05.start\nprint('IT IS', 2.303)"),
    ("code", "def softmax(z):\n    return z.softmax(dim=0)\n\n\nexercise('05.softmax').check(softmax)"),
    ("code", "# after 05.shift\nraise ValueError('never' + ' hidden')"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercises")
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "python3"}})
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    book.cells = [make[kind](source) for kind, source in CELLS]
    for name in ("answers.ipynb", "again.ipynb"):
        nbformat.write(book, folder / name)
    with serving(folder) as address:
        yield address, folder


@pytest.fixture(scope="module")
def page(chromium, server):
    context = chromium.new_context(viewport={"width": 1280, "height": 2600})
    with page_on(context, server[0]) as page:
        open_notebook(page, server[0], "answers.ipynb")
        command(page, "notebook:run-all-cells")
        expect(page.locator(".jp-RenderedText", has_text="never hidden")).to_be_visible()
        yield page
    context.close()


def card(page: Page, id: str):
    return page.locator(f'.exercise-card[data-item="{id}"]')


def test_run_all_shows_no_answer(page):
    expect(card(page, "05.first-layer")).to_be_visible()
    expect(page.get_by_text("IT IS TINY")).to_have_count(0)
    expect(page.get_by_text("IT IS 2.303")).to_have_count(0)
    expect(page.locator(".jp-MarkdownOutput p", has_text="Tiny indeed.")).to_be_hidden()
    expect(page.locator(".exercise-gate")).to_have_count(2)
    assert "what torch computes" not in page.locator(".jp-Notebook").inner_text()


def test_an_error_is_never_hidden(page):
    expect(page.get_by_text("never hidden").last).to_be_visible()


def test_a_prediction_by_keyboard_opens_what_waited_for_it(page):
    question = card(page, "05.first-layer")
    wrong = next(i for i, option in enumerate(VANISHING.options) if option != VANISHING.truth())
    question.focus()
    page.keyboard.press(str(wrong + 1))
    expect(question.locator(".exercise-option").nth(wrong)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(question.locator(".dlviz-badge")).to_have_text("✗ not as you predicted")
    expect(question.locator('[data-verdict="right"]')).to_have_attribute("data-value", VANISHING.truth())
    expect(question).to_contain_text("It counts as done")
    expect(page.get_by_text("IT IS TINY")).to_be_visible()
    expect(page.locator(".dlviz", has_text="view").last).to_be_visible()
    expect(page.locator(".jp-MarkdownOutput p", has_text="Tiny indeed.")).to_be_visible()
    expect(page.locator(".exercise-gate")).to_have_count(1)


def test_the_bar_counts_a_wrong_prediction_as_done_and_leads_to_the_next(page):
    bar = page.locator(".exercise-progress")
    expect(bar.get_by_role("button", name="05.first-layer: done")).to_be_visible()
    bar.get_by_role("button", name="05.start: open").click()
    expect(card(page, "05.start")).to_be_focused()


def test_a_number_by_mouse(page):
    question = card(page, "05.start")
    field = question.get_by_role("textbox")
    field.fill("two")
    expect(question).to_contain_text("That is no number")
    field.fill("2.3")
    question.get_by_role("button", name="Lock in").click()
    expect(question.locator(".dlviz-badge")).to_have_text("✓ as you predicted")
    expect(page.get_by_text("IT IS 2.303")).to_be_visible()


def test_a_report_offers_hints_the_solution_and_the_starter(page):
    report = card(page, "05.softmax")
    expect(report.locator(".dlviz-badge")).to_have_text("✗ not right yet")
    report.get_by_role("button", name="Stuck? Hint 1 of 3").click()
    expect(report.locator(".exercise-hints li")).to_have_count(1)
    report.get_by_role("button", name="Hint 2 of 3").click()
    expect(report.locator(".exercise-hints li")).to_have_count(2)
    report.get_by_role("button", name="Solution").click()
    expect(report.get_by_text("keepdim=True").last).to_be_visible()


def test_progress_is_exported_beside_the_notebook(page, server):
    page.locator(".exercise-progress").get_by_role("button", name="Export progress").click()
    expect(page.locator(".exercise-progress")).to_contain_text("beside the notebook")
    assert list(Path(server[1]).glob("*progress*.json"))


def test_a_notebook_opened_later_shows_the_stored_prediction_and_hides_nothing(chromium, server):
    context = chromium.new_context(viewport={"width": 1280, "height": 2600})
    with page_on(context, server[0]) as page:
        open_notebook(page, server[0], "again.ipynb")
        for number in (0, 2, 3):
            run(page, number)
        expect(card(page, "05.first-layer").locator(".dlviz-badge")).to_have_text("✗ not as you predicted")
        expect(page.get_by_text("IT IS TINY")).to_be_visible()
        start(page, 6)
        expect(page.locator(".exercise-gate")).to_have_count(0)
    context.close()
