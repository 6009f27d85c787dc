"""Time in the browser: first paint, opening and closing a group, frames per second while stepping through backward."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlviz.autograd.widget import graph
from tests.autograd import zoo

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

#: Wait two frames, after which a change has been painted.
_PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_TOGGLE = f"""async () => {{
  const model = globalThis.dlvizModel;
  const first = model.get("expanded");
  const box = [...document.querySelectorAll(".card.group")].map((node) => Number(node.dataset.box))[0];
  const times = {{}};
  for (const [name, boxes] of [["expand", [...first, box]], ["collapse", first]]) {{
    const start = performance.now();
    model.set("expanded", boxes);
    times[name] = performance.now() - start;
    await {_PAINTED};
    times[name + "_painted"] = performance.now() - start;
  }}
  return times;
}}"""
_STEP = """async () => {
  const model = globalThis.dlvizModel;
  let frames = 0;
  const start = performance.now();
  await new Promise((done) => {
    const next = () => {
      if (frames === 120) return done();
      model.set("step", frames);
      frames += 1;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  return (1000 * frames) / (performance.now() - start);
}"""

#: Time from a new scene until it is drawn: the median of thirty.
_REDRAW = """async () => {
  const model = globalThis.dlvizModel;
  const times = [];
  for (let k = 0; k < 30; k += 1) {
    const start = performance.now();
    model.set("scene", { ...model.get("scene") });
    document.body.offsetHeight;
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return times.sort((a, b) => a - b)[15];
}"""


def chromium() -> str | None:
    """Return the path of a browser for the measurements, or ``None``."""
    return os.environ.get("DLVIZ_CHROMIUM") or next((found for name in _NAMES if (found := shutil.which(name))), None)


def evaluate_page(html: str, script: str) -> str:
    """Return the number that a script returns in an exported page, "–" without a browser."""
    executable = chromium()
    if executable is None:
        return "–"
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        page = browser.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        found = page.evaluate(script)
        browser.close()
    return f"{found:.1f}"


def run() -> Iterator[str]:
    """Yield the lines of the browser's table, measured on exported pages of the five graphs."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    yield "browser: exported pages, in ms"
    yield "  ".join(
        f"{cell:>18}" for cell in ("graph", "first paint", "expand", "to next paint", "collapse", "frames/s stepping")
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page_of = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for name in ("mlp", "cnn", "resnet", "gpt", "rnn"):
            yield "  ".join(f"{cell:>18}" for cell in (name, *measure(page_of, name, Path(folder))))
        page_of.close()
    yield "targets: first paint 300 ms (after the kernel has answered), expand and collapse 100 ms, 55 frames a second"


def measure(page_of: Any, name: str, folder: Path) -> tuple[str, ...]:
    """Measure one graph in a fresh page."""
    net, loss_of = zoo.build(name)
    view = graph(loss_of, model=net)
    path = folder / f"{name}.html"
    view.to_html(path)
    view.close()
    page = page_of.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()")
    frames = page.evaluate(_STEP)
    toggled = page.evaluate(_TOGGLE) if page.locator(".card.group").count() else None
    page.close()
    times = [f"{toggled[key]:.0f}" for key in ("expand", "expand_painted", "collapse")] if toggled else ["-"] * 3
    return (f"{paint:.0f}", *times, f"{frames:.0f}")
