"""Every widget of the gallery on a laptop: it fits the screen, its text can be read, and its controls stand by its picture."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dlviz.export.gallery import GROUPS
from tests.benchmarks.design import WIDTHS, measure, open_widget, save_pages

NAMES = [make.__name__ for makers in GROUPS.values() for make in makers]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the page of every widget by name."""
    return dict(save_pages(tmp_path_factory.mktemp("pages")))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_widget_keeps_the_limits_of_the_design(chromium: Browser, saved, name, width):
    page = open_widget(chromium, saved[name], width)
    page.wait_for_selector(".dlviz:not(:has([aria-busy]))")  # plotly is loaded while nothing changes in the page
    faults = measure(page, name).faults()
    page.context.close()
    assert faults == []
