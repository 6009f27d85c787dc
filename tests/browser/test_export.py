"""The gallery and a lesson, opened from files: no requests, no errors, and every widget works."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dlviz.export import lesson
from dlviz.export.gallery import GROUPS
from tests.browser.conftest import Watch, until

NAMES = [make.__name__ for makers in GROUPS.values() for make in makers]
STEP = "[...dlvizModels.values()][0].get('step')"

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def site(gallery: Path) -> Path:
    """Return a folder with the complete gallery and the first lesson."""
    lesson.export_notebooks(["00"], gallery.parent, print)
    return gallery.parent


@pytest.fixture
def visit(chromium: Browser, site: Path) -> Iterator[Open]:
    """Open a page of the site; a request for anything but a page, or an error, fails the test."""
    pages = {path.as_uri() for path in site.rglob("*.html")}
    watch = Watch(lambda url: url.split("#")[0] in pages)
    contexts = []

    def open_it(name: str, *, theme="light", width=1200, bypass_csp=False) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=bypass_csp, offline=True
        )
        contexts.append(context)
        watch.over(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto((site / name).as_uri())
        if name != "gallery/index.html":
            page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert watch.found == []


def switch_to_2d(page: Page) -> None:
    """Switch a surface from 3-D to 2-D; the 3-D view needs plotly.js in the page."""
    page.locator(".dlviz .js-plotly-plot").wait_for(timeout=60_000)
    page.get_by_text("2-D", exact=True).click()
    until(page, "[...dlvizModels.values()][0].get('view') === '2d'")


def resplit(page: Page) -> None:
    counts = page.locator(".dlviz").inner_text()
    page.get_by_label("seed", exact=True).press("ArrowRight")
    until(page, "[...dlvizModels.values()][0].get('seed') === 1")
    assert page.locator(".dlviz").inner_text() != counts


def search_word(page: Page) -> None:
    page.get_by_label("look for a word").fill("queen")
    page.get_by_label("look for a word").press("Enter")
    expect(page.locator(".embedding-neighbors h4").first).to_contain_text("queen")


def play(page: Page) -> None:
    page.locator(".dlviz").get_by_role("slider", name="step", exact=True).press("Home")
    until(page, f"{STEP} === 0")
    page.locator(".dlviz-play").click()
    until(page, f"{STEP} > 0")


def pin_operation(page: Page) -> None:
    page.locator(".pro-lanes canvas").first.press("Enter")
    until(page, "[...dlvizModels.values()][0].get('selected').length === 2")
    expect(page.locator(".pro-details dt").first).to_have_text("time")


def pin_call(page: Page) -> None:
    page.locator(".exp-scroll").press("ArrowDown")
    page.keyboard.press("Enter")
    until(page, "[...dlvizModels.values()][0].get('pinned') === 'eager 0'")
    expect(page.locator('[data-key="eager 0"]')).to_have_attribute("data-pinned", "")


#: Widgets without steps react to other input.
ANSWERS = {
    "surface": switch_to_2d,
    "split": resplit,
    "embedding": search_word,
    "profile": pin_operation,
    "export_check": pin_call,
}


@pytest.mark.parametrize("name", NAMES)
def test_every_widget_of_the_gallery_works_from_a_file(visit, name):
    page = visit(f"gallery/dlviz.{name}.html", theme="dark")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"dlviz.{name}")
    expect(page.locator("pre.code")).to_contain_text(f"dlviz.{name}(")
    assert page.locator(".dlviz").first.get_attribute("data-theme") == "dark"
    ANSWERS.get(name, play)(page)


def test_the_index_shows_every_widget_and_leads_to_it(visit):
    page = visit("gallery/index.html")
    cards = page.locator(".card")
    expect(cards).to_have_count(len(NAMES))
    drawn = (
        "() => [...document.querySelectorAll('.card img')].every((image) => image.complete && image.naturalWidth > 100)"
    )
    assert page.evaluate(drawn)
    for key in ("Tab", "Tab", "Enter"):  # skip the link to the content
        page.keyboard.press(key)
    page.wait_for_url(f"**/dlviz.{NAMES[0]}.html")
    page.get_by_role("link", name=f"{NAMES[1]} →").click()
    page.wait_for_url(f"**/dlviz.{NAMES[1]}.html")
    page.get_by_role("link", name="dlviz gallery").click()
    expect(page.locator(".card")).to_have_count(len(NAMES))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["gallery/index.html", "gallery/dlviz.broadcast.html", "00-start.html"])
def test_pages_are_accessible_and_fit_a_phone(visit, axe, name, theme):
    page = visit(name, theme=theme, width=390, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    axe(page)


def test_a_lesson_works_and_notes_what_needs_a_notebook(visit):
    page = visit("00-start.html")
    expect(page.get_by_role("heading", level=1)).to_have_text("Start here")
    # The bar, the graph, the question and the report.
    expect(page.locator(".dlviz")).to_have_count(4)
    # The state after the last cell: two steps of backward.
    expect(page.locator(".pill")).to_have_text(["∂ 10", "∂ 1"])
    page.locator(".dlviz-play").click()
    expect(page.locator(".pill")).to_have_count(4)
    expect(page.get_by_text("Write your answer in the notebook")).to_be_visible()
    expect(page.get_by_text("have the sum 10")).to_be_hidden()
    question = page.locator('[data-item="00.sum"]')
    question.get_by_role("textbox").fill("15")
    question.get_by_role("button", name="Lock in").click()
    expect(question).to_contain_text("not as you predicted")
    expect(page.get_by_text("have the sum 10")).to_be_visible()
    page.get_by_text("Contents").click()
    page.get_by_role("link", name="An exercise checks itself").click()
    assert page.url.endswith("#4-an-exercise-checks-itself")


def test_a_page_runs_no_script_that_came_with_an_output(chromium, site, tmp_path):
    text = (site / "00-start.html").read_text(encoding="utf-8")
    evil = '<img src="data:," onerror="window.evil = 1"><script>window.evil = 1</script>'
    (tmp_path / "evil.html").write_text(text.replace("<main", f"{evil}<main"), encoding="utf-8")
    page = chromium.new_page()
    console = []
    page.on("console", lambda message: console.append(message.text))
    page.goto((tmp_path / "evil.html").as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.evaluate("window.evil") is None
    assert sum("Content Security Policy" in line for line in console) == 2
    page.close()
