#!/usr/bin/env python3
"""Make the README's pictures: an animation of `dlviz.graph` and a thumbnail of every widget of the gallery.

    .venv/bin/python .github/pictures.py

Every picture is taken of a real page in Chromium; run this again whenever a widget looks different.
"""

import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.design import open_widget, save_pages

OUT = Path(__file__).resolve().parent / "pictures"
#: Pixels of a thumbnail; the picture is fitted into it and centered.
SIZE = (360, 240)
#: Width of a widget on the page.
WIDTH = 968
#: Milliseconds between two steps of the animation, and until a step is drawn.
STEP, DRAWN = 700, 500


def shot(page: Page) -> Image.Image:
    """Return a picture of the page's widget."""
    return Image.open(BytesIO(page.locator(".dlviz").first.screenshot())).convert("RGB")


def animate(browser: Browser, path: Path, theme: str) -> None:
    """Write the backward pass of a small network, one step a frame."""
    page = open_widget(browser, path, WIDTH, theme)
    last = page.evaluate("dlvizModel.get('step')")
    frames = []
    for step in range(last + 1):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        page.wait_for_timeout(DRAWN)
        frames.append(shot(page))
    page.context.close()
    first, *rest = (frame.quantize(128) for frame in frames)
    pauses = [STEP] * last + [3 * STEP]
    first.save(OUT / f"graph-{theme}.gif", save_all=True, append_images=rest, duration=pauses, loop=0, optimize=True)


def thumbnail(browser: Browser, path: Path, name: str) -> None:
    """Write one widget's thumbnail."""
    page = open_widget(browser, path, WIDTH)
    drawn = shot(page)
    page.context.close()
    drawn.thumbnail(SIZE, Image.Resampling.LANCZOS)
    card = Image.new("RGB", SIZE, "#ffffff")
    card.paste(drawn, ((SIZE[0] - drawn.width) // 2, (SIZE[1] - drawn.height) // 2))
    card.quantize(128).save(OUT / f"{name}.png", optimize=True)


def main() -> None:
    """Write every picture."""
    OUT.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        for name, path in save_pages(Path(folder)):
            thumbnail(browser, path, name)
            if name == "graph":
                for theme in ("light", "dark"):
                    animate(browser, path, theme)
        browser.close()


if __name__ == "__main__":
    main()
