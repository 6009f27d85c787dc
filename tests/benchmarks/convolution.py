"""Convolution room: bytes of a picture, and time in the kernel and in the browser."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import dlviz
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.tensors import shown

_SWEEP = """async () => {
  let frames = 0;
  const start = performance.now();
  await new Promise((done) => {
    const next = () => {
      if (frames === 120) return done();
      frames += 1;
      dlvizModel.set("step", frames);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  return (1000 * frames) / (performance.now() - start);
}"""
_PIN = """async () => {
  const times = [];
  for (let k = 4; k < 24; k += 1) {
    const start = performance.now();
    dlvizModel.set("selection", ["input", 0, k, k]);
    document.body.offsetHeight;
    times.push(performance.now() - start);
  }
  dlvizModel.set("selection", []);
  return times.sort((a, b) => a - b)[18];
}"""
_REDRAW = """async () => {
  const times = [];
  for (let k = 0; k < 10; k += 1) {
    const start = performance.now();
    dlvizModel.set("scene", { ...dlvizModel.get("scene") });
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[9];
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    torch.manual_seed(0)
    pictures: dict[str, Callable[[], Any]] = {
        "5x5 by 3x3": lambda: dlviz.conv2d(torch.randn(1, 1, 5, 5), torch.randn(1, 1, 3, 3), padding=1),
        "32x32 by 3x5x5": lambda: dlviz.conv2d(torch.randn(1, 3, 32, 32), torch.randn(4, 3, 5, 5)),
        "max 28x28": lambda: dlviz.max_pool2d(torch.randn(1, 1, 28, 28), 2),
        "photo 427x640": lambda: dlviz.conv2d(torch.rand(1, 3, 427, 640), torch.randn(3, 3, 3, 3), padding=1),
        "512 channels": lambda: dlviz.conv2d(torch.rand(1, 512, 14, 14), torch.randn(512, 512, 3, 3), padding=1),
    }
    if quick:
        pictures = dict(list(pictures.items())[:1])
    yield "convolution: bytes that cross, and the kernel's time in ms (medians)"
    yield row("picture", "bytes", "open", "slider", "edit")
    for name, make in pictures.items():
        yield row(name, *kernel_side(make))
    yield "slider: a trait is set, and the new scene is ready; edit: one number of the input changes. Targets: 100 and 50 ms"
    if not quick:
        yield ""
        yield from in_browser(pictures)


def kernel_side(make: Callable[[], Any]) -> tuple[str, ...]:
    """Return bytes, and milliseconds to open, to move a slider and to edit a cell."""
    opened = median(make)
    view = make()
    total = sum(shown(view))

    def slide() -> None:
        view.padding = 0 if view.padding else 1

    edits = iter(range(1000))
    times = [f"{opened:.1f}", f"{median(slide):.1f}"]
    times.append(f"{median(lambda: view.edit('input', (0, 0, 0), float(next(edits)))):.1f}")
    return (str(total), *times)


def median(call: Callable[[], Any], repeats: int = 7) -> float:
    """Return the median time of `call` in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def in_browser(pictures: dict[str, Callable[[], Any]]) -> Iterator[str]:
    """Measure exported pages in a browser."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    yield "browser: exported pages"
    yield row("picture", "first paint", "frames/s", "pinned ms", "redraw ms", "nodes")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for name, make in pictures.items():
            path = Path(folder) / "page.html"
            make().to_html(path)
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            paint = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()"
            )
            cells = [
                f"{paint:.0f} ms",
                f"{page.evaluate(_SWEEP):.0f}",
                f"{page.evaluate(_PIN):.1f}",
                f"{page.evaluate(_REDRAW):.0f}",
            ]
            yield row(name, *cells, page.evaluate("document.querySelectorAll('.dlviz *').length"))
            page.close()
        browser.close()
    yield "targets: 55 frames a second while the window sweeps, 16 ms pinned (95th percentile), redraw: slowest of 10, to the next paint"
