"""The recurrent room: time of recording and gradients compared with torch's own call, time from typing to redraw, frames per second."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

import dlviz
from dlviz.kit.page import to_json
from dlviz.recurrent import grad_norm_by_lag, input_grad_norms, record
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.measured import leaves, one_thread
from tests.browser.conftest import CONNECT

#: Steps and pointer moves, as fast as the screen allows: frames per second, and the 96th percentile of their times in ms.
_RUN = """async (kind) => {
  const model = globalThis.dlvizModel;
  const field = document.querySelector(".rec-heatmap");
  const box = field.getBoundingClientRect();
  const work = [];
  const start = performance.now();
  for (let k = 0; k < 150; k += 1) {
    const from = performance.now();
    if (kind !== "hover") model.set("step", kind === "play" ? k : (37 * k) % 200);
    const at = { clientX: box.x + 70 + 5 * k, clientY: box.y + 80 + (k % 90), bubbles: true };
    if (kind !== "play") field.dispatchEvent(new PointerEvent("pointermove", at));
    document.body.offsetHeight;
    work.push(performance.now() - from);
    await new Promise(requestAnimationFrame);
  }
  return [(1000 * 150) / (performance.now() - start), work.sort((a, b) => a - b)[144]];
}"""
#: Time from a typed letter to the first frame that shows the new scene.
_TYPE = """async () => {
  const model = globalThis.dlvizModel;
  const field = document.querySelector(".rec-text input");
  const times = [];
  for (let k = 0; k < 20; k += 1) {
    const start = performance.now();
    field.value += "ab"[k % 2];
    field.dispatchEvent(new Event("input"));
    await new Promise((done) => model.on("change:scene", done));
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}"""
#: Time from a new scene until it is drawn: the median of nine.
_REDRAW = """async () => {
  const model = globalThis.dlvizModel;
  const times = [];
  for (let k = 0; k < 9; k += 1) {
    const start = performance.now();
    model.set("scene", { ...model.get("scene") });
    document.body.offsetHeight;
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return times.sort((a, b) => a - b)[4];
}"""

_LETTERS = torch.eye(27)


def encode(text: str) -> Tensor:
    """Encode letters as one-hot rows."""
    return _LETTERS[[(ord(letter) - 96) % 27 for letter in text]]


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    with one_thread():
        yield from lines(quick)


def lines(quick: bool) -> Iterator[str]:
    """Yield the table, computed on one thread."""
    settings = [(20, 8), (60, 32), (200, 64)][: 1 if quick else None]
    yield "recurrent: an LSTM, milliseconds (medians), one thread; torch is one call of the module, update is view.update() in a loop"
    yield row("steps", "units", "torch", "record", "lags", "input grad", "update", "bytes")
    for steps, units in settings:
        yield row(str(steps), str(units), *kernel_side(steps, units))
    yield "lags: all units of the last state; input grad: of one unit at every step by every input"
    if not quick:
        yield from in_browser()


def kernel_side(steps: int, units: int) -> tuple[str, ...]:
    """Return the row of one module: record, gradients, update, and bytes sent."""
    torch.manual_seed(0)
    module, x = nn.LSTM(27, units), torch.randn(steps, 27)
    view = dlviz.unroll(module, x)
    made = record(module, x)

    def call() -> None:
        with torch.no_grad():
            module(x)

    calls: list[Callable[[], Any]] = [call, lambda: record(module, x), lambda: grad_norm_by_lag(made, 0)]
    calls += [lambda: input_grad_norms(made, 0, [0]), view.update]
    times = [median(one) for one in calls]
    crossing = sum(len(part) for part in leaves(view.scene))
    view.close()
    return (*(f"{1e3 * time:.2f}" for time in times), str(crossing))


def median(call: Callable[[], Any], times: int = 11) -> float:
    """Return the median seconds of a call."""
    found = []
    for _ in range(times):
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return sorted(found)[times // 2]


def in_browser() -> Iterator[str]:
    """Measure first paint, playing, random steps, hovering, and typing with this process as the kernel."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for name, units, text in (("40 letters × 32 units", 32, 40), ("200 letters × 64 units", 64, 200)):
            view = dlviz.unroll(nn.LSTM(27, units), "hello there my friend " * 10, encode=encode)
            view.text = view.text[:text]
            page = opened(browser, view, Path(folder) / "unroll.html")
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            yield f"browser, {name}: first paint {paint:.0f} ms"
            for kind in ("play", "step", "hover"):
                frames, slow = page.evaluate(_RUN, kind)
                yield f"  {kind}: {frames:.0f} frames a second, 96% of frames need {slow:.1f} ms or less"
            spent: list[float] = []
            page.expose_function("kernel", lambda message, view=view, spent=spent: answer(view, message, spent))
            page.evaluate(CONNECT)
            times, redraw = page.evaluate(_TYPE), page.evaluate(_REDRAW)
            summary = f"{times[10]:.0f} ms (95%: {times[18]:.0f} ms)"
            kernel = 1e3 * sorted(spent)[len(spent) // 2]
            summary += f"; of it computing {kernel:.0f} ms, redrawing {redraw:.0f} ms, the rest to carry it"
            yield f"  a letter typed to its redraw: {summary}"
            page.close()
        browser.close()
    yield "targets: 50 frames a second at 200 × 64; a letter to its redraw within 100 ms"


def opened(browser: Any, view: Any, path: Path) -> Any:
    """Open an exported page of the widget."""
    view.to_html(path)
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_timeout(500)
    return page


def answer(view: Any, text: str, spent: list[float]) -> str:
    """Return a kernel's answer, but as text, which takes longer than a kernel's binary buffers."""
    before, start = view.scene, perf_counter()
    for name, value in json.loads(text).get("traits", {}).items():
        setattr(view, name, value)
    spent.append(perf_counter() - start)
    return to_json({"refusal": view.refusal} | ({} if view.scene is before else {"scene": view.scene}))
