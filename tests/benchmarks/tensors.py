"""Tensors room: bytes and time to show a tensor, compared with treescope; a large tensor; time in the browser."""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from ipywidgets import Widget
from ipywidgets.widgets.widget import _remove_buffers

import dlviz
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, _STEP, chromium

TARGET_BYTES = 10_000
TARGET_MS = 300
#: What treescope 0.1.10 wrote for an 8 × 8 float tensor where it ran; with torch 2.13 it stops with an error.
RECORDED = 24_000

_MOVE = """async () => {
  const model = globalThis.dlvizModel;
  const times = [];
  for (let k = 1; k <= 20; k += 1) {
    const start = performance.now();
    model.set("origin", [k, k]);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[19];
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    torch.manual_seed(0)
    yield "tensors: bytes to show one, everything that crosses: display message, models, buffers"
    yield row("tensor", "bytes", "message", "state", "buffers", "rival", "ratio")
    rival, source = treescope(torch.randn(8, 8))
    for name, x in (
        ("8x8 float", torch.randn(8, 8)),
        ("8x8 int", torch.arange(64).view(8, 8)),
        ("64x64 float", torch.randn(64, 64)),
    ):
        view = dlviz.tensor(x)
        message, state, buffers = shown(view)
        total = message + state + buffers
        compared = (rival, f"{total / rival:.2f}x") if name == "8x8 float" else ("-", "-")
        yield row(name, total, message, state, buffers, *compared)
    code = len(json.dumps(view._shared.get_state(["view", "style", "messages"])))
    yield f"target {TARGET_BYTES} for 8 × 8. rival: treescope, {source}. The view's code, style and messages, {code} bytes, are sent"
    yield "once for all tensors of a notebook and not counted here, nor are treescope's."
    yield ""
    yield from large(1024 if quick else 4096)
    if not quick:
        yield ""
        yield from in_browser()


def shown(view: Widget) -> tuple[int, int, int]:
    """Return the bytes of the display message, of the models' JSON, and of their buffers."""
    bundle = view._repr_mimebundle_()[0]
    state = buffers = 0
    for model in (view, view.layout):
        plain, _, data = _remove_buffers(model.get_state())
        state += len(json.dumps(plain))
        buffers += sum(len(part) for part in data)
    return len(json.dumps(bundle)), state, buffers


def treescope(x: torch.Tensor) -> tuple[int, str]:
    """Return the size of treescope's output for the same tensor, or a recorded size if it does not run."""
    try:
        import treescope
        from treescope import external  # noqa: F401 - registers torch's tensors

        return len(treescope.render_to_html(x)), f"version {treescope.__version__}, measured"
    except Exception as error:
        return RECORDED, f"recorded, because it does not run here ({type(error).__name__})"


def large(side: int) -> Iterator[str]:
    """Measure a tensor far larger than any picture."""
    x = torch.randn(side, side)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        view = dlviz.tensor(x)
        bundle = view._repr_mimebundle_()
        times.append(1e3 * (time.perf_counter() - start))
    assert bundle
    sent = sum(shown(view))
    start = time.perf_counter()
    view.origin = [side // 2, side // 2]
    moved = 1e3 * (time.perf_counter() - start)
    opened = statistics.median(times)
    yield f"{side} × {side} float32 ({x.nbytes:,} bytes): opened in {opened:.0f} ms (target {TARGET_MS}), {sent:,} bytes sent;"
    yield f"its window moved in {moved:.1f} ms of the kernel's time"


def in_browser() -> Iterator[str]:
    """Measure exported pages in a browser."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    x, a = torch.randn(16, 16), torch.randn(16, 16)
    pages: dict[str, Any] = {
        "tensor 16x16": dlviz.tensor(x),
        "tensor 4096²": dlviz.tensor(torch.randn(4096, 4096)),
        "views 16x16": dlviz.views(x, "x.T", "x.T.contiguous()"),
        "broadcast": dlviz.broadcast(x, a[:1]),
        "index": dlviz.index(x, "x[x > 0]", revealed=True),
        "matmul 16x16": dlviz.matmul(x, a),
        "einsum": dlviz.einsum("ij,kj->ik", x, a),
    }
    yield "browser: exported pages"
    yield row("picture", "first paint", "frames/s", "nodes", "window ms")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for name, view in pages.items():
            path = Path(folder) / "page.html"
            view.to_html(path)
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            paint = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()"
            )
            frames = page.evaluate(_STEP)
            nodes = page.evaluate("document.querySelectorAll('.dlviz *').length")
            moved = f"{page.evaluate(_MOVE):.0f}" if name == "tensor 4096²" else "-"
            yield row(name, f"{paint:.0f} ms", f"{frames:.0f}", nodes, moved)
            page.close()
        browser.close()
    yield "targets: first paint 300 ms, 55 frames a second while stepping; window: slowest of 20 moves, to the next paint"
