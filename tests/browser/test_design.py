"""Every widget of the gallery on a laptop: it fits the screen, its text can be read, and its controls stand by its picture."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dlviz.export.gallery import GROUPS
from tests.benchmarks.design import WIDTHS, measure, open_widget, settled_picture

NAMES = [make.__name__ for makers in GROUPS.values() for make in makers]
#: Of the widgets that measure themselves while they draw, these stand for all; the others are looked at every night.
MEASURED = {"graph", "conv2d", "parallel", "race"}
#: What JupyterLab does while it loads another theme: everything is hidden for some frames.
CHANGE_THEME = """async (theme) => {
  document.body.style.display = "none";
  globalThis.dlvizModel.set("theme", theme);
  for (let k = 0; k < 4; k += 1) await new Promise(requestAnimationFrame);
  document.body.style.display = "";
}"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_widget_keeps_the_limits_of_the_design(chromium: Browser, gallery: Path, name, width):
    page = open_widget(chromium, gallery / "widgets" / f"{name}.html", width)
    # Plotly is loaded while nothing changes in the page, and without a GPU it draws slowly.
    page.wait_for_selector(".dlviz:not(:has([aria-busy]))", timeout=60_000)
    faults = measure(page, name).faults()
    page.context.close()
    assert faults == []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in MEASURED else pytest.mark.slow) for name in NAMES]
)
def test_a_widget_looks_the_same_after_another_theme_while_it_was_hidden(chromium: Browser, gallery: Path, name):
    page = open_widget(chromium, gallery / "widgets" / f"{name}.html", 968)
    page.wait_for_selector(".dlviz:not(:has([aria-busy]))", timeout=60_000)
    page.emulate_media(reduced_motion="reduce")
    before = settled_picture(page)
    page.evaluate(CHANGE_THEME, "dark")
    assert settled_picture(page) != before
    page.evaluate(CHANGE_THEME, "light")
    assert settled_picture(page) == before
    page.context.close()
