"""Every widget of the gallery on a laptop: it fits the screen, its text can be read, and its controls stand by its picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from dlviz.export.gallery import GROUPS
from tests.benchmarks.design import WIDTHS, measure, open_widget, settled_picture

NAMES = [make.__name__ for makers in GROUPS.values() for make in makers]
#: Of the widgets that measure themselves while they draw, these stand for all; the others are looked at every night.
MEASURED = {"graph", "conv2d", "parallel", "race"}
#: What JupyterLab does while it loads another theme: everything is hidden for some frames.
CHANGE_THEME = """async ([theme, frames]) => {
  document.body.style.display = "none";
  globalThis.dlvizModel.set("theme", theme);
  await new Promise((done) => setTimeout(done));  // the widget has heard of it, and draws in the next frame
  for (let k = 0; k < frames; k += 1) await new Promise(requestAnimationFrame);
  document.body.style.display = "";
}"""


def most_difference(one: bytes, other: bytes) -> int:
    """Return the largest difference of two pictures in any color of any pixel, of 255."""
    pixels = [np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int) for png in (one, other)]
    return int(abs(pixels[0] - pixels[1]).max())


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
    # After one frame the observer of its size sees no change.
    for frames in (4, 1):
        page.evaluate(CHANGE_THEME, ["dark", frames])
        assert settled_picture(page) != before
        page.evaluate(CHANGE_THEME, ["light", frames])
        assert most_difference(settled_picture(page), before) <= 1  # the card's round corners are blended anew
    page.context.close()
