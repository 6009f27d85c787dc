"""The attention widget: seconds and bytes to open compared with the module's own call and with BertViz, and time in the browser."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dlviz
from dlviz.transformer import record
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.measured import leaves, one_thread
from tests.benchmarks.recurrent import median, opened

#: Pointer moves over the map, each until the frame in which it is drawn: the median of 150 and the 96th percentile, in ms.
_HOVER = """async () => {
  const field = document.querySelector(".att-map");
  const box = field.getBoundingClientRect();
  const times = [];
  for (let k = 0; k < 150; k += 1) {
    const at = { clientX: box.x + box.width * (0.2 + (k % 50) / 100), clientY: box.y + box.height * (0.3 + (k % 37) / 70), bubbles: true };
    const start = performance.now();
    field.dispatchEvent(new PointerEvent("pointermove", at));
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return [times[75], times[144]];
}"""
#: Time until another head is drawn in a page: the median of seven.
_OPEN = """async () => {
  const model = globalThis.dlvizModel;
  const heads = Object.keys(model.get("precomputed").opened).map(Number);
  const times = [];
  for (let k = 0; k < 7; k += 1) {
    const start = performance.now();
    model.set("opened", heads[k % heads.length]);
    await new Promise(requestAnimationFrame);
    document.body.offsetHeight;
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[3];
}"""


def encoder(layers: int, heads: int, length: int) -> tuple[Callable[..., Any], Tensor]:
    """Return a transformer encoder as wide as GPT-2 and its input."""
    layer = nn.TransformerEncoderLayer(64 * heads, heads, 64, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).eval(), torch.randn(1, length, 64 * heads)


def causal(heads: int, length: int) -> tuple[Callable[..., Any], Tensor]:
    """Return one causal call of ``F.scaled_dot_product_attention`` and its queries."""
    return lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True), torch.randn(1, heads, length, 64)


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table, computed on one thread."""
    with one_thread():
        yield from lines(quick)


def lines(quick: bool) -> Iterator[str]:
    """Yield the table."""
    torch.manual_seed(0)
    cases = {"2 × 4 × 16": encoder(2, 4, 16)}
    if not quick:
        cases |= {"12 × 12 × 128": encoder(12, 12, 128), "1 × 16 × 1024": causal(16, 1024)}
    yield "attention: calls × heads × tokens; milliseconds (medians) and bytes sent, one thread; torch is one call"
    yield row("case", "torch", "record", "open", "of it CPU", "update", "bytes", "page", "BertViz", "its bytes")
    for name, (module, x) in cases.items():
        yield row(name, *measure(module, x, rival=not quick and "1024" not in name))
    yield "page: bytes with as many other heads as it has room for; BertViz: model_view of the same weights, as html"
    yield "targets: 12 × 12 × 128 opens in 1 s and 1 MB, 1 × 16 × 1024 in 2 s and 2 MB"
    if not quick:
        yield from in_browser(cases)


def measure(module: Callable[..., Any], x: Tensor, *, rival: bool) -> tuple[str, ...]:
    """Return the cells of one case."""

    def call() -> None:
        with torch.no_grad():
            module(x)

    view = dlviz.attention(module, x)
    makers: list[Callable[[], Any]] = [call, lambda: record(module, x), lambda: dlviz.attention(module, x).close()]
    times = [median(one, 3) for one in (*makers, view.update)]
    start = process_time()
    dlviz.attention(module, x).close()
    times.insert(3, process_time() - start)
    sent = sum(len(part) for trait in (view.scene, view.tiles, view.row) for part in leaves(trait))
    page = len(view.to_html())
    theirs = bertviz([one.weights for one in view.calls]) if rival else None
    view.close()
    compared = ("-", "-") if theirs is None else (f"{1e3 * theirs[0]:.0f}", str(theirs[1]))
    return (*(f"{1e3 * time:.1f}" for time in times), str(sent), str(page), *compared)


def bertviz(weights: list[Tensor]) -> tuple[float, int] | None:
    """Return seconds and bytes of BertViz's view of the same weights; ``None`` if it is not installed."""
    try:
        from bertviz import model_view
    except ImportError:
        return None
    tokens = [str(k) for k in range(weights[0].shape[-1])]
    made: list[Any] = []
    time = median(lambda: made.append(model_view(weights, tokens, html_action="return")), 3)
    return time, len(made[-1].data)


def in_browser(cases: dict[str, Any]) -> Iterator[str]:
    """Yield first paint, hovering, and opening another head in exported pages."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for name, (module, x) in cases.items():
            page = opened(browser, dlviz.attention(module, x), Path(folder) / "attention.html")
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            middle, slow = page.evaluate(_HOVER)
            other = page.evaluate(_OPEN)
            hover = f"hover to its frame {middle:.1f} ms, 96% {slow:.1f} ms or less"
            yield f"browser, {name}: first paint {paint:.0f} ms; {hover}; another head {other:.0f} ms"
            page.close()
        browser.close()
    yield "targets: hover 16 ms, which is one frame, and no kernel"
