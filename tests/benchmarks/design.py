"""How every gallery widget looks on a laptop: height, unused area, smallest text, player and picture on one screen, contrast.

``--pictures FOLDER`` also takes a picture of each widget, light and dark, at each of the widths.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Browser, Page, sync_playwright

from dlviz.export.gallery import GROUPS, example_code, run_example
from dlviz.kit.widget import Widget
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium

#: Width of a cell's output in JupyterLab on a laptop, and that of half a screen.
WIDTHS = (968, 600)
#: Widths of the pictures.
PICTURE_WIDTHS = (968, 760, 600)
#: A widget's height at 968 px, in pixels: what JupyterLab shows of a notebook on a laptop, less a line of code.
MAX_HEIGHT = 700
#: Smallest displayed text in pixels.
MIN_TEXT = 11.0
#: Largest share of unused area.
MAX_EMPTY = 0.40
#: Area farther than this many pixels from anything drawn is unused.
MARGIN = 24

#: Text on a canvas leaves no trace in the document, so its displayed size is noted while it is drawn.
_WATCH_CANVAS = """() => {
  const fillText = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (...args) {
    const { a, b } = this.getTransform();
    const pixels = Number(/([\\d.]+)px/.exec(this.font)[1]) * Math.hypot(a, b);
    if (String(args[0]).trim()) this.canvas.smallestText = Math.min(this.canvas.smallestText ?? Infinity, pixels);
    return fillText.apply(this, args);
  };
}"""

_MEASURE = """() => {
  const root = document.querySelector(".dlviz");
  const box = root.getBoundingClientRect();
  const shown = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const texts = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !shown(parent) || parent.closest(".dlviz-visually-hidden, option, title, desc, style")) continue;
    const matrix = parent instanceof SVGElement ? parent.getScreenCTM() : null;
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    texts.push([Number.parseFloat(getComputedStyle(parent).fontSize) * scale, text.slice(0, 24)]);
  }
  for (const canvas of root.querySelectorAll("canvas")) {
    if (canvas.smallestText && shown(canvas)) texts.push([canvas.smallestText * canvas.clientHeight / canvas.height, "on a canvas"]);
  }
  texts.sort(([a], [b]) => a - b);
  const player = root.querySelector(".dlviz-player");
  const drawings = [...root.querySelectorAll("svg, canvas, .dlviz-grid")];
  const pictures = drawings.filter((node) => shown(node) && !node.closest(".dlviz-player"));
  const area = (node) => node.getBoundingClientRect().width * node.getBoundingClientRect().height;
  const picture = pictures.sort((a, b) => area(b) - area(a))[0];
  const rects = [player, picture].filter((node) => node && shown(node)).map((node) => node.getBoundingClientRect());
  const reach = rects.length === 2 ? Math.max(...rects.map((r) => r.bottom)) - Math.min(...rects.map((r) => r.top)) : 0;
  return { height: box.height, width: box.width, clipped: root.scrollWidth > root.clientWidth + 1, text: texts[0], reach };
}"""

#: Waits until nothing of the page has changed for eight frames.
_SETTLED = """async () => {
  await document.fonts.ready;
  const seen = () => {
    const boxes = [...document.querySelectorAll("body *")].map((node) => Object.values(node.getBoundingClientRect().toJSON()));
    return document.body.innerHTML + boxes.join();
  };
  let [last, same] = ["", 0];
  for (let frame = 0; frame < 200 && same < 8; frame += 1) {
    await new Promise(requestAnimationFrame);
    const now = seen();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}"""


@dataclass(frozen=True)
class Design:
    """What was measured of one widget.

    Attributes:
        name: name of the function that makes it.
        width: its width in pixels.
        height: its height in pixels.
        empty: share of its area that is farther than :data:`MARGIN` from anything drawn.
        text: displayed size of its smallest text in pixels.
        sample: the beginning of that text.
        reach: distance from the upper edge of player and largest picture to the lower edge of both; 0 without a player.
        contrast: number of texts that axe finds too pale.
        clipped: whether something is wider than the widget.
    """

    name: str
    width: int
    height: float
    empty: float
    text: float
    sample: str
    reach: float
    contrast: int
    clipped: bool

    def faults(self) -> list[str]:
        """Return what lies beyond the limits, each as a sentence; a narrow widget may be higher and emptier."""
        checks = {
            f"{self.height:.0f} px high": self.width >= WIDTHS[0] and self.height > MAX_HEIGHT,
            f"{self.empty:.0%} unused": self.width >= WIDTHS[0] and self.empty > MAX_EMPTY,
            f"text of {self.text:.1f} px: {self.sample!r}": self.text < MIN_TEXT - 0.05,
            f"player and picture need {self.reach:.0f} px": self.reach > MAX_HEIGHT,
            f"{self.contrast} texts too pale": self.contrast > 0,
            "wider than its box": self.clipped,
        }
        return [f"{self.name} at {self.width} px: {fault}" for fault, found in checks.items() if found]


def open_widget(browser: Browser, page_path: Path, width: int, theme: str = "light") -> Page:
    """Open an exported page whose widget is `width` pixels wide, and wait until it is drawn."""
    context = browser.new_context(
        viewport={"width": width + 48, "height": MAX_HEIGHT + 48},
        color_scheme="dark" if theme == "dark" else "light",
        bypass_csp=True,
    )
    context.add_init_script(f"({_WATCH_CANVAS})()")
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.evaluate(_SETTLED)
    return page


def settled_picture(page: Page) -> bytes:
    """Return a screenshot of the widget of an open page, once nothing changes any more."""
    page.evaluate(_SETTLED)
    return page.locator(".dlviz").first.screenshot()


def measure(page: Page, name: str) -> Design:
    """Measure the widget of an open page."""
    seen = page.evaluate(_MEASURE)
    picture = page.locator(".dlviz").first.screenshot()
    axe = Axe().run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
    pale = sum(len(found["nodes"]) for found in axe)
    size, sample = seen["text"]
    return Design(
        name, round(seen["width"]), seen["height"], unused(picture), size, sample, seen["reach"], pale, seen["clipped"]
    )


def unused(picture: bytes) -> float:
    """Return the share of a screenshot that is farther than :data:`MARGIN` from anything drawn.

    Drawn is what is not of the background's color, taken from a pixel inside the frame; a bar of a slightly other gray is background.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    paper = Image.new("RGB", image.size, image.getpixel((12, 6)))
    drawn = ImageChops.difference(image, paper).convert("L").point(lambda level: 255 if level > 12 else 0)
    near = drawn.filter(ImageFilter.BoxBlur(MARGIN))
    return float((np.asarray(near) == 0).mean())


def save_pages(folder: Path, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Path]]:
    """Make every widget of the gallery, or those named, and save each as a page."""
    makers: list[Callable[[], Widget]] = [make for group in GROUPS.values() for make in group]
    for make in makers:
        if names and make.__name__ not in names:
            continue
        view = run_example(make.__name__, example_code(make))
        path = folder / f"{make.__name__}.html"
        view.save(path)
        view.close()
        yield make.__name__, path


def run(*, quick: bool = False, pictures: Path | None = None, names: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a row for each widget and width, then the faults."""
    names = ("broadcast",) if quick else names
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        yield row("widget", "width", "height", "unused", "text px", "reach", "pale texts", "too wide")
        for name, path in save_pages(Path(folder), names):
            for width in WIDTHS:
                page = open_widget(browser, path, width)
                found = measure(page, name)
                page.context.close()
                faults += found.faults()
                yield row(
                    name, width, f"{found.height:.0f}", f"{found.empty:.0%}", f"{found.text:.1f}", f"{found.reach:.0f}",
                    found.contrast, "yes" if found.clipped else "",
                )  # fmt: skip
            if pictures is not None:
                take_pictures(browser, path, name, pictures)
        browser.close()
    yield ""
    yield f"limits: {MAX_HEIGHT} px and {MAX_EMPTY:.0%} at {WIDTHS[0]} px, text {MIN_TEXT:g} px; {len(faults)} beyond"
    yield from faults


def take_pictures(browser: Browser, path: Path, name: str, folder: Path) -> None:
    """Save pictures of a page's widget, light and dark, at each of :data:`PICTURE_WIDTHS`."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in PICTURE_WIDTHS:
        for theme in ("light", "dark"):
            page = open_widget(browser, path, width, theme)
            page.locator(".dlviz").first.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            page.context.close()
