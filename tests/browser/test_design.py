"""Every widget of the gallery on a laptop: it fits the screen, its text can be read, and its controls stand by its picture."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dlviz.export.gallery import GROUPS
from tests.benchmarks.design import WIDTHS, measure, open_widget

NAMES = [make.__name__ for makers in GROUPS.values() for make in makers]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_widget_keeps_the_limits_of_the_design(chromium: Browser, gallery: Path, name, width):
    page = open_widget(chromium, gallery / "widgets" / f"{name}.html", width)
    # Plotly is loaded while nothing changes in the page, and without a GPU it draws slowly.
    page.wait_for_selector(".dlviz:not(:has([aria-busy]))", timeout=60_000)
    faults = measure(page, name).faults()
    page.context.close()
    assert faults == []
