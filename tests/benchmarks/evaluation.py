"""The evaluation room: cost of a snapshot and of a split compared with scikit-learn, bytes sent, and time in the browser."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

import dlviz
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, _REDRAW, chromium
from tests.benchmarks.measured import leaves, timed

#: Move the pointer over twenty cells; milliseconds of the second slowest move.
_HOVER = """(what) => {
  const times = [...document.querySelectorAll(what)].slice(0, 20).map((node, k) => {
    const box = node.getBoundingClientRect();
    const start = performance.now();
    for (const kind of ["pointerover", "pointermove"]) {
      node.dispatchEvent(new PointerEvent(kind, { clientX: box.x + 9 + 11 * k, clientY: box.y + 5, bubbles: true }));
    }
    document.body.offsetHeight;
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[Math.max(0, times.length - 2)];
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    settings = [(1797, 10), (60_000, 10), (50_000, 1000), (1_000_000, 10)][: 1 if quick else None]
    yield "confusion: milliseconds (medians) of scikit-learn's matrix alone and of view.update(), and bytes that cross"
    yield row("examples", "classes", "matrix", "update", "cell", "bytes")
    for count, classes in settings:
        yield row(str(count), str(classes), *snapshots(count, classes))
    yield "split: milliseconds (medians) of train_test_split alone, of dlviz.split() the first time, and of another seed"
    yield row("examples", "", "sklearn", "split", "seed", "bytes")
    for count in (1797, 60_000, 1_000_000)[: 1 if quick else None]:
        yield row(str(count), "", *splits(count))
    if not quick:
        yield from in_browser()


def snapshots(count: int, classes: int) -> tuple[str, ...]:
    """Return the times of one update with thumbnails, compared with the confusion matrix alone."""
    made = torch.Generator().manual_seed(0)
    y = torch.randint(0, classes, (count,), generator=made)
    scores = torch.randn(count, classes, generator=made) + 2 * F.one_hot(y, classes)
    x = torch.rand(1, 1, 28, 28).expand(count, 1, 28, 28)
    view = dlviz.confusion(scores, y, x)
    repeats = 9 if count < 100_000 else 3

    def opened() -> None:
        view.opened = [0, 0] if view.opened != [0, 0] else [1, 1]

    bare = median(lambda: confusion_matrix(y, scores.argmax(1)), repeats)
    updated = median(lambda: view.update(scores), repeats)
    listed = median(opened, repeats)
    crossing = sum(len(part) for part in leaves({"scene": view.scene, "albums": dict(view.albums)}))
    view.close()
    return f"{bare:.1f}", f"{updated:.1f}", f"{listed:.1f}", str(crossing)


def splits(count: int) -> tuple[str, ...]:
    """Return the time of one split of points, including the search for duplicates."""
    x, y = torch.rand(count, 4), torch.arange(count) % 10
    bare = median(lambda: train_test_split(range(count), test_size=0.2, random_state=0), 3)
    first = 1e3 * timed(lambda: dlviz.split(x, y).close())
    view = dlviz.split(x, y)

    def turned() -> None:
        view.seed += 1

    seeded = median(turned, 5)
    crossing = sum(len(part) for part in leaves(view.scene))
    view.close()
    return f"{bare:.1f}", f"{first:.1f}", f"{seeded:.1f}", str(crossing)


def median(call, repeats: int) -> float:
    """Return the median time of `call` in milliseconds."""
    return 1e3 * sorted(timed(call) for _ in range(repeats))[repeats // 2]


def in_browser() -> Iterator[str]:
    """Measure first paint, a redraw and a hover of both widgets."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    x, y = dlviz.data.digits()
    scores = nn.Linear(64, 10)(x.flatten(1)).detach()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for view, hovered in ((dlviz.confusion(scores, y, x), ".confusion-cell"), (dlviz.split(x, y), ".split-bands")):
            path = Path(folder) / "page.html"
            view.to_html(path)
            page = browser.new_page(viewport={"width": 1100, "height": 900})
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            page.wait_for_timeout(500)
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            redraw, hover = page.evaluate(_REDRAW), page.evaluate(_HOVER, hovered)
            name = type(view).__name__.lower()
            size = len(view._shared.view)
            yield f"browser, {name}, in ms: first paint {paint:.0f}, a new scene {redraw:.1f}, hover {hover:.1f}; view {size:,} bytes"
            page.close()
        browser.close()
