"""The network room: time of recording compared with a plain forward pass and TorchLens, bytes sent, and time in the browser."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

import dlviz
from dlviz.network import record
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, _STEP, chromium
from tests.benchmarks.convolution import median
from tests.benchmarks.tensors import shown
from tests.network.zoo import Plain, Residual

#: Move the pointer over the selected map; milliseconds of the second slowest of twenty moves, including drawing.
_HOVER = """() => {
  const map = document.querySelector(".net-map");
  const box = map.getBoundingClientRect();
  const times = [];
  for (let k = 0; k < 20; k += 1) {
    const start = performance.now();
    map.dispatchEvent(new PointerEvent("pointermove", { clientX: box.x + 4 + 9 * k, clientY: box.y + 4 + 7 * k, bubbles: true }));
    document.body.offsetHeight;
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[18];
}"""


class Wide(nn.Sequential):
    """Network with many channels for 64 × 64 images."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 512, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
        )  # fmt: skip


class Deep(nn.Module):
    """Network of thirty residual blocks: 123 calls."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        blocks = (nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()) for _ in range(30))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run every block with a skip connection."""
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return x.mean((2, 3))


class Patches(nn.Sequential):
    """A vision transformer's patch embedding: 768 products a number, 14 × 14 numbers a map, 192 maps."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 192, 16, stride=16), nn.Flatten(2), nn.LayerNorm(196))


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    torch.manual_seed(0)
    models: dict[str, tuple[nn.Module, torch.Tensor]] = {
        "plain 14": (Plain(), torch.randn(8, 1, 14, 14)),
        "residual 8": (Residual(), torch.randn(8, 3, 8, 8)),
        "wide 64": (Wide(), torch.randn(8, 3, 64, 64)),
        "deep 32": (Deep(), torch.randn(8, 3, 32, 32)),
        "patches 224": (Patches(), torch.randn(1, 3, 224, 224)),
    }
    if quick:
        models = dict(list(models.items())[:1])
    yield "network: milliseconds (medians) and bytes that cross; ratios are to a bare forward of the same model"
    yield row("model", "calls", "bare", "record", "ratio", "TorchLens", "ratio", "open", "unit", "bytes")
    for name, (model, x) in models.items():
        yield kernel_side(name, model.eval(), x, rival=not quick)
    yield "record: every call kept; open: the whole widget; unit: parts, receptive field, gradient and window of one element"
    if not quick:
        yield ""
        yield from in_browser(models)


def kernel_side(name: str, model: nn.Module, x: torch.Tensor, *, rival: bool) -> str:
    """Return the row of one model: plain forward, record, and widget."""
    with torch.no_grad():
        bare = median(lambda: model(x))
    ours = median(lambda: record(model, (x,)))
    theirs = torchlens(model, x) if rival else None
    opened = median(lambda: dlviz.layers(model, x))
    view = dlviz.layers(model, x)
    spots = iter(range(1000))
    unit = median(lambda: view.inspect(1, 0, (next(spots) % 6, 3)))
    compared = ("-", "-") if theirs is None else (f"{theirs:.1f}", f"{theirs / bare:.1f}x")
    cells = (f"{bare:.2f}", f"{ours:.2f}", f"{ours / bare:.1f}x", *compared, f"{opened:.1f}", f"{unit:.1f}")
    view.clear()
    return row(name, len(view.columns), *cells, sum(shown(view)))


def torchlens(model: nn.Module, x: torch.Tensor) -> float | None:
    """Return the milliseconds of TorchLens on the same forward pass; ``None`` if it is not installed."""
    try:
        import torchlens as rival
    except ImportError:
        return None
    return median(lambda: rival.trace(model, x), 3)


def in_browser(models: dict[str, Any]) -> Iterator[str]:
    """Yield rows of exported pages in a browser, with a map selected."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    yield "browser: exported pages with one map opened"
    yield row("model", "first paint", "steps/s", "hover ms", "nodes")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for name, (model, x) in models.items():
            path = Path(folder) / "page.html"
            view = dlviz.layers(model, x)
            view.inspect(1, 0)
            view.to_html(path)
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            paint = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()"
            )
            cells = [f"{paint:.0f} ms", f"{page.evaluate(_STEP):.0f}", f"{page.evaluate(_HOVER):.1f}"]
            yield row(name, *cells, page.evaluate("document.querySelectorAll('.dlviz *').length"))
            page.close()
        browser.close()
    yield "targets: hover within 16 ms (CNN Explainer: 88), a 64 × 64 detail within 1,500 nodes (CNN Explainer: 8,160)"
