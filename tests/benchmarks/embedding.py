"""Word vectors: updates per second compared with autograd, words per second compared with gensim, bytes sent, time in the browser."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.embeddings import Training
from dlviz.kit.widget import Widget
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.measured import leaves, timed
from tests.browser.test_embedding import PAN
from tests.browser.test_word2vec import connect

#: Duration of the full-speed training in the browser, in seconds.
_LONG = 6

#: Frames per second while the map is dragged, as fast as the screen allows.
_FRAMES = """async () => {
  const canvas = document.querySelector(".embedding-canvas");
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


#: Counts the snapshots that were painted.
_COUNTED = """() => {
  window.pictures = 0;
  dlvizModel.on("change:snapshot", () => requestAnimationFrame(() => (window.pictures += 1)));
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "word2vec, 222 words of 16 numbers, one example an update: updates a second, and those of autograd with SGD"
    yield row("model", "loss", "dlviz", "autograd", "ratio", "")
    steps = 50 if quick else 1000
    for kind in ("skip-gram", "cbow"):
        for loss in ("softmax", "negative"):
            mine, other = updates(kind, loss, steps)
            yield row(kind, loss, f"{mine:.0f}", f"{other:.0f}", f"{mine / other:.1f}", "")
    yield from beside_gensim(400 if quick else 4000, 20 if quick else 500)
    yield "embedding: milliseconds of dlviz.embedding() and of another word, and bytes that cross"
    yield row("vectors", "size", "first", "word", "bytes", "")
    for count in (200, 10_000)[: 1 if quick else None]:
        yield row(str(count), "100", *mapped(count), "")
    if not quick:
        yield from in_browsers()


def updates(kind: str, loss: str, steps: int) -> tuple[float, float]:
    """Return updates per second, the best of three runs of each."""
    run = Training(dlviz.data.sentences(1000).tokens, kind=kind, loss=loss)
    run.run(20)
    words = len(run.words)
    known, scored = nn.EmbeddingBag(words, 16, mode="mean"), nn.Linear(16, words, bias=False)
    optimizer = torch.optim.SGD([*known.parameters(), *scored.parameters()], lr=0.05)
    seen = [run.take_step() for _ in range(50)]

    def autograd() -> None:
        for one in seen:
            hidden = known(one.inputs[one.inputs >= 0].unsqueeze(0))
            scores = (
                scored(hidden) if loss == "softmax" else (scored.weight[one.candidates[0]] @ hidden[0]).unsqueeze(0)
            )
            lost = F.cross_entropy if loss == "softmax" else F.binary_cross_entropy_with_logits
            optimizer.zero_grad()
            lost(scores, one.truth).backward()
            optimizer.step()

    mine = min(timed(lambda: run.run(steps)) for _ in range(3))
    return steps / mine, 50 / min(timed(autograd) for _ in range(3))


def mapped(count: int) -> tuple[str, ...]:
    """Measure the map of random vectors."""
    matrix = torch.randn(count, 100)
    start = perf_counter()
    view = dlviz.embedding(matrix)
    first = 1e3 * (perf_counter() - start)

    def turned() -> None:
        view.word += 1

    later = 1e3 * sorted(timed(turned) for _ in range(9))[4]
    crossing = sum(len(part) for part in leaves({"scene": view.scene}))
    view.close()
    return f"{first:.0f}", f"{later:.1f}", str(crossing)


def beside_gensim(count: int, most: int) -> Iterator[str]:
    """Compare corpus words trained per second, in repeated passes on one thread; gensim's loop is compiled C."""
    tokens = dlviz.data.sentences(count).tokens
    words = sum(map(len, tokens))
    yield f"words of the corpus a second, {words} words, 16 numbers, window 3, 5 drawn words, one thread"
    yield row("model", "batch", "dlviz", "gensim", "ratio", "")
    for kind, batch in (("skip-gram", 1), ("skip-gram", 100), ("cbow", 100)):
        mine, other = training_words(tokens, kind, batch, most), gensim_words(tokens, kind)
        ratio = f"{other / mine:.0f}" if other else "-"
        yield row(kind, str(batch), f"{mine:.0f}", f"{other:.0f}" if other else "not installed", ratio, "")


def training_words(tokens: list[list[str]], kind: str, batch: int, most: int) -> float:
    """Return words per second of dlviz's training, the best of three runs of up to `most` steps."""
    training = Training(tokens, kind=kind, batch_size=batch)
    steps = min(most, training.steps_per_epoch)
    training.run(10)
    spent = min(timed(lambda: training.run(steps)) for _ in range(3))
    return sum(map(len, tokens)) * steps / training.steps_per_epoch / spent


def gensim_words(tokens: list[list[str]], kind: str) -> float | None:
    """Return words per second of gensim's Word2Vec with the same settings, the best of three; ``None`` if it is not installed."""
    try:
        from gensim.models import Word2Vec
    except ImportError:
        return None
    model = Word2Vec(
        vector_size=16,
        window=3,
        negative=5,
        sg=int(kind == "skip-gram"),
        sample=0,
        min_count=1,
        workers=1,
        shrink_windows=False,
    )
    model.build_vocab(tokens)
    passes = 5
    fit = min(timed(lambda: model.train(tokens, total_examples=len(tokens), epochs=passes)) for _ in range(3))
    return passes * sum(map(len, tokens)) / fit


def in_browsers() -> Iterator[str]:
    """Measure both widgets in a real browser."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        for dimensions, moved in ((2, "dragged"), (3, "turned")):
            page = opened(browser, dlviz.embedding(torch.randn(10_000, 100), dimensions=dimensions), Path(folder))
            frames, work = page.evaluate(_FRAMES), page.evaluate(PAN)
            yield f"browser, 10,000 points: {frames:.0f} frames a second while {moved}, {work:.1f} ms of work a frame"
            page.close()
        yield from at_full_speed(browser, Path(folder))
        browser.close()


def at_full_speed(browser: Any, folder: Path) -> Iterator[str]:
    """Measure word2vec's training with redraws; the widget answers the page with messages of the same size as in a notebook."""
    yield f"browser, dlviz.word2vec at full speed for {_LONG} s, 222 words of 16 numbers: updates and pictures a second"
    yield row("model", "loss", "updates", "pictures", "kB a picture", "")
    for kind, loss in (("skip-gram", "negative"), ("cbow", "softmax")):
        view = dlviz.word2vec(dlviz.data.sentences(1000), kind=kind, loss=loss)
        page = opened(browser, view, folder)
        connect(page, view)
        page.evaluate(_COUNTED)
        start = perf_counter()
        page.get_by_role("button", name="full speed").click()
        page.wait_for_timeout(1000 * _LONG)
        page.get_by_role("button", name="stop").click()
        spent = perf_counter() - start
        pictures = page.evaluate("window.pictures")
        crossing = sum(len(part) for part in leaves({"frame": view.snapshot})) / 1000
        yield row(
            kind, loss, f"{view.training.last_step / spent:.0f}", f"{pictures / spent:.0f}", f"{crossing:.0f}", ""
        )
        page.close()
    yield "target: 200 updates a second with redraws, at up to 30 pictures a second"


def opened(browser: Any, view: Widget, folder: Path) -> Any:
    """Open the exported page of a widget."""
    path = folder / "page.html"
    view.to_html(path)
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_timeout(500)
    return page
