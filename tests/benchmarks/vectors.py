"""The room of vectors: updates a second of the four objectives beside autograd's, the map's bytes, and frames while it is dragged."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.vectors import Training
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.measured import leaves, timed
from tests.browser.test_embedding import PAN

#: Frames a second while the map is dragged, as many as the screen takes.
_FRAMES = """async () => {
  const canvas = document.querySelector(".vec-canvas");
  canvas.setPointerCapture = () => {};
  const send = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: 200, bubbles: true, pointerId: 1 }));
  send("pointerdown", 200);
  const start = performance.now();
  for (let k = 0; k < 120; k += 1) {
    send("pointermove", 200 + k);
    await new Promise(requestAnimationFrame);
  }
  return 120000 / (performance.now() - start);
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "word2vec, 222 words of 16 numbers, one example an update: updates a second, and those of autograd with SGD"
    yield row("model", "loss", "dlviz", "autograd", "ratio", "")
    steps = 200 if quick else 1000
    for kind in ("skip-gram", "cbow"):
        for loss in ("softmax", "negative"):
            mine, other = updates(kind, loss, steps)
            yield row(kind, loss, f"{mine:.0f}", f"{other:.0f}", f"{mine / other:.1f}", "")
    yield "embedding: milliseconds of dlviz.embedding() and of another word, and bytes that cross"
    yield row("vectors", "size", "first", "word", "bytes", "")
    for count in (200, 10_000)[: 1 if quick else None]:
        yield row(str(count), "100", *mapped(count), "")
    if not quick:
        yield from in_browser()


def updates(kind: str, loss: str, steps: int) -> tuple[float, float]:
    """The best of three runs of each."""
    run = Training(dlviz.data.sentences(1000).tokens, kind=kind, loss=loss)
    run.run(20)
    words = len(run.words)
    known, scored = nn.EmbeddingBag(words, 16, mode="mean"), nn.Linear(16, words, bias=False)
    optimiser = torch.optim.SGD([*known.parameters(), *scored.parameters()], lr=0.05)
    seen = [run.next() for _ in range(50)]

    def autograd() -> None:
        for one in seen:
            hidden = known(one.inputs[one.inputs >= 0].unsqueeze(0))
            scores = (
                scored(hidden) if loss == "softmax" else (scored.weight[one.candidates[0]] @ hidden[0]).unsqueeze(0)
            )
            lost = F.cross_entropy if loss == "softmax" else F.binary_cross_entropy_with_logits
            optimiser.zero_grad()
            lost(scores, one.truth).backward()
            optimiser.step()

    mine = min(timed(lambda: run.run(steps)) for _ in range(3))
    return steps / mine, 50 / min(timed(autograd) for _ in range(3))


def mapped(count: int) -> tuple[str, ...]:
    """The map of random vectors."""
    matrix = torch.randn(count, 100)
    start = perf_counter()
    view = dlviz.embedding(matrix)
    first = 1e3 * (perf_counter() - start)

    def turned() -> None:
        view.word += 1

    chosen = 1e3 * sorted(timed(turned) for _ in range(9))[4]
    crossing = sum(len(part) for part in leaves({"scene": view.scene}))
    view.close()
    return f"{first:.0f}", f"{chosen:.1f}", str(crossing)


def in_browser() -> Iterator[str]:
    """Frames a second and the work of a frame while 10,000 points are dragged."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        path = Path(folder) / "page.html"
        dlviz.embedding(torch.randn(10_000, 100)).to_html(path)
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_timeout(500)
        frames, work = page.evaluate(_FRAMES), page.evaluate(PAN)
        yield f"browser, 10,000 points: {frames:.0f} frames a second while dragged, {work:.1f} ms of work a frame"
        browser.close()
