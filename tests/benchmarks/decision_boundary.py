"""Decision boundary: time of a redraw in the training loop, bytes sent, and time in the browser."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.page import to_json
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, _REDRAW, chromium
from tests.benchmarks.measured import leaves, timed

#: Median time between two phases of an explained step.
_PHASE = """async () => {
  const model = globalThis.dlvizModel;
  const times = [];
  for (let k = 0; k < 30; k += 1) {
    const start = performance.now();
    model.set("phase", k % model.get("explanation").phases.length);
    document.body.offsetHeight;
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return times.sort((a, b) => a - b)[15];
}"""
_HOVER = """() => {
  const field = document.querySelector(".boundary-canvas");
  const box = field.getBoundingClientRect();
  const times = [];
  for (let k = 0; k < 20; k += 1) {
    const start = performance.now();
    field.dispatchEvent(new PointerEvent("pointermove", { clientX: box.x + 50 + 9 * k, clientY: box.y + 20 + 7 * k, bubbles: true }));
    document.body.offsetHeight;
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[18];
}"""


def net_of(units: int, classes: int = 3) -> nn.Sequential:
    """Return a network with two hidden layers of `units` units."""
    return nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, classes))


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    settings = [(8, 50), (16, 80), (16, 120), (64, 80)][: 1 if quick else None]
    yield "decision_boundary: milliseconds (medians) of a training step and of view.update(), redraws a second, and bytes sent"
    yield row("units", "side", "step", "update", "a second", "bytes")
    for units, side in settings:
        yield row(str(units), str(side), *kernel_side(units, side))
    yield "target: 20 redraws a second beside 100 steps of training"
    yield explained()
    if not quick:
        yield from in_browser()


def kernel_side(units: int, side: int) -> tuple[str, ...]:
    """Return the medians of training steps and redraws of one network, and the bytes sent."""
    torch.manual_seed(0)
    x, y = dlviz.data.spirals(300)
    net = net_of(units)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    view = dlviz.boundary(net, x, y, resolution=side)

    def step() -> None:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    pairs = sorted((timed(step), timed(view.update)) for _ in range(30))
    trained, drawn = pairs[15][0], sorted(update for _, update in pairs)[15]
    crossing = sum(len(part) for part in leaves(view.scene))
    view.close()
    return f"{1e3 * trained:.2f}", f"{1e3 * drawn:.2f}", f"{1 / drawn:.0f}", str(crossing)


def explained() -> str:
    """Return the time of an explained step compared with the step itself, and the characters sent."""
    torch.manual_seed(0)
    x, y = dlviz.data.spirals(300)
    net = net_of(16)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    view = dlviz.boundary(net, x, y)

    def step() -> None:
        loss = F.cross_entropy(net(x[:1]), y[:1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    times = sorted((timed(lambda: view.explain(0, optimizer=optimizer)), timed(step)) for _ in range(20))
    asked, trained = times[10][0], sorted(one for _, one in times)[10]
    size = len(to_json(view.explanation))
    view.close()
    return f"explain: {1e3 * asked:.1f} ms beside {1e3 * trained:.2f} ms of the step itself, {size} characters sent"


def in_browser() -> Iterator[str]:
    """Measure first paint, a redraw, a hover and a phase in a browser."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    x, y = dlviz.data.spirals(300)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        path = Path(folder) / "decision_boundary.html"
        view = dlviz.boundary(net_of(16), x, y, opened=[2, 3])
        view.to_html(path)
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_timeout(500)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        redraw, hover = page.evaluate(_REDRAW), page.evaluate(_HOVER)
        view.explain(0)
        view.to_html(path)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        phase = page.evaluate(_PHASE)
        yield f"browser, in ms: first paint {paint:.0f}, a new scene {redraw:.1f}, hover {hover:.1f}, a phase of a step {phase:.1f}"
        browser.close()
