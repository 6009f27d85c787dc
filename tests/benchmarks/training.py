"""Cost of `dlviz.live` compared with the bare loop and with other tools, and cost of a million points."""

import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import numpy as np
import torch
from comm.base_comm import BaseComm
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.training import History
from dlviz.training.scene import new_series
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.training.kernels import started

TARGET_OWN, TARGET_WALL, TARGET_BYTES = 0.01, 0.03, 100_000

_DRAW = """async (count) => {
  const values = new Float64Array(count).map((_, i) => Math.sin(i / 900));
  const part = { name: "loss", first: 0, count, dtype: "float64", from: 1, values: new DataView(values.buffer) };
  const status = { ...dlvizModel.get("status"), step: count };
  const calls = () => dlvizModel.listeners.get("msg:custom");
  const send = (one) => { for (const call of calls()) call({ kind: "points", series: [one], marks: [], status }, null); };
  send(part);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const times = [];
  for (let k = 0; k < 15; k += 1) {
    const more = new Float64Array(40);
    const start = performance.now();
    send({ ...part, first: count + 40 * k, count: 40, from: count + 40 * k + 1, values: new DataView(more.buffer) });
    await new Promise((done) => requestAnimationFrame(done));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[13];
}"""


class _Counting(BaseComm):
    """Comm without a receiver that counts the bytes sent."""

    sent = 0

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        """Count JSON and buffers."""
        _Counting.sent += len(json.dumps(data or {}, default=str)) + sum(
            len(memoryview(part).cast("B")) for part in buffers or []
        )


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Give widgets created inside a comm that counts bytes."""
    before, _Counting.sent = comm.create_comm, 0
    comm.create_comm = lambda *args, **keys: _Counting(**keys)
    try:
        yield
    finally:
        comm.create_comm = before


def net() -> nn.Module:
    """Return a small CNN for images of 28 × 28."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10)
    )  # fmt: skip


def loop(steps: int, batches: Callable[[Any], Any], log: Callable[[int, dict[str, torch.Tensor]], None]) -> float:
    """Run the training loop that all tools share; return its seconds."""
    torch.manual_seed(0)
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    start = time.perf_counter()
    for step in batches(range(steps)):
        z = model(x)
        loss = F.cross_entropy(z, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            log(
                step,
                {"loss": loss, "acc": (z.argmax(1) == y).float().mean(), "z": z.abs().mean(), "p": z.softmax(1).amax()},
            )
    return time.perf_counter() - start


def bare(steps: int) -> tuple[float, str]:
    """Run the loop with metrics that are computed and discarded."""
    return loop(steps, lambda batches: batches, lambda *_: None), ""


def ours(steps: int) -> tuple[float, str]:
    """Run the loop with `dlviz.live`."""
    with counted():
        run = dlviz.live()
        seconds = loop(steps, run.steps, lambda _, metrics: run.log(**metrics))
        sent = _Counting.sent
        run.close()
    return seconds, f"{100 * run.overhead:.2f}% {sent}"


def figure_widget(steps: int) -> tuple[float, str]:
    """Run the loop with plotly's FigureWidget, all traces replaced at every tenth step (at every step it takes minutes)."""
    with counted():
        import plotly.graph_objects as go

        shown = go.FigureWidget([go.Scatter(name=name) for name in ("loss", "acc", "z", "p")])
        kept: dict[str, list[float]] = {name: [] for name in ("loss", "acc", "z", "p")}

        def log(step: int, metrics: dict[str, torch.Tensor]) -> None:
            for name, value in metrics.items():
                kept[name].append(value.item())
            if step % 10 == 0:
                with shown.batch_update():
                    for trace in shown.data:
                        trace.x, trace.y = np.arange(len(kept[trace.name])), np.array(kept[trace.name])

        seconds = loop(steps, lambda batches: batches, log)
        sent = _Counting.sent
    return seconds, f"- {sent}"


def tensorboard(steps: int) -> tuple[float, str]:
    """Run the loop with TensorBoard's writer, at every step."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        writer = SummaryWriter(folder)
        seconds = loop(
            steps,
            lambda batches: batches,
            lambda step, metrics: [writer.add_scalar(n, v, step) for n, v in metrics.items()],
        )
        writer.close()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return seconds, f"- {size}"


def livelossplot(steps: int) -> tuple[float, str]:
    """Run the loop with livelossplot, one picture every hundred steps."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    import matplotlib.pyplot as plt
    from livelossplot import PlotLosses
    from livelossplot.outputs import MatplotlibPlot

    folder = tempfile.mkdtemp()
    plots = PlotLosses(outputs=[MatplotlibPlot(figpath=os.path.join(folder, "{i}.png"))])

    def log(step: int, metrics: dict[str, torch.Tensor]) -> None:
        plots.update({name: value.item() for name, value in metrics.items()})
        if step % 100 == 99:
            with contextlib.redirect_stdout(io.StringIO()):
                plots.send()
            plt.close("all")

    seconds = loop(steps, lambda batches: batches, log)
    size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return seconds, f"- {size}"


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    torch.set_num_threads(1)
    steps, repeats = (200, 1) if quick else (2000, 3)
    rivals = [ours] if quick else [ours, figure_widget, tensorboard, livelossplot]
    yield f"training: {steps} steps with four metrics, medians of {repeats}; wall is to the bare loop of the same round"
    yield row("who", "seconds", "wall", "own", "bytes")
    times: dict[str, list[tuple[float, float, str]]] = {}
    missing: dict[str, str] = {}
    bare(20)
    for _ in range(repeats):
        base = bare(steps)[0]
        times.setdefault("bare", []).append((base, 1.0, "- 0"))
        for rival in rivals:
            try:
                seconds, about = rival(steps)
            except ImportError as error:
                missing[rival.__name__] = str(error)
                continue
            times.setdefault(rival.__name__, []).append((seconds, seconds / base, about))
    for name, found in times.items():
        seconds, wall = (statistics.median(one[place] for one in found) for place in (0, 1))
        yield row(name, f"{seconds:.2f}", f"{wall:.3f}x", *found[-1][2].split())
    for name, why in missing.items():
        yield row(name, "not there:", why)
    yield f"targets: own {TARGET_OWN:.0%} of the main thread, wall {TARGET_WALL:.0%}, {TARGET_BYTES} bytes per 2,000 steps"
    yield "bytes: of dlviz and FigureWidget what crosses, of the others what they write to disk"
    yield ""
    yield from points(1000 if quick else 1_000_000)
    yield ""
    yield from slider_delay(3 if quick else 40)
    if not quick:
        yield ""
        yield from in_browser()


def points(most: int) -> Iterator[str]:
    """Measure the cost of an update of runs that already have 1,000 to `most` points."""
    yield row("points", "update ms", "bytes")
    count = 1000
    while count <= most:
        history, counts = History(), {}
        for step in range(count):
            history.add("loss", step, float(step))
        new_series(history, counts)
        took = []
        for again in range(20):
            for step in range(40):
                history.add("loss", count + 40 * again + step, 0.5)
            start = time.perf_counter()
            (message,) = new_series(history, counts)
            took.append(1e3 * (time.perf_counter() - start))
        yield row(count, f"{statistics.median(took):.3f}", message["values"].nbytes)
        count *= 10


def slider_delay(moves: int) -> Iterator[str]:
    """Measure, in a real kernel, the delay from a page's message to its handler while a cell runs steps of 5 ms."""
    loops = {
        "dlviz": "loop(lambda: len(handled) == wanted, 30, step=0.005)",
        "ipykernel": "time.sleep(0.06 * wanted)",
    }
    yield row("slider", "median ms", "95% ms")
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), None) as kernel:
        kernel.output_of("import time\nhooks['do'] = lambda sent: delays.append(time.time() - sent)")
        for name, cell in loops.items():
            kernel.output_of("delays = []\nhandled.clear()")
            running = kernel.run(f"print('begun', flush=True)\nwanted = {moves}\n{cell}")
            kernel.wait_for_text("begun")
            for _ in range(moves):
                kernel.send_comm(time.time())
                time.sleep(0.05)
            kernel.reply(running)
            delays = sorted(1000 * delay for delay in json.loads(kernel.output_of("print(delays)")))
            yield row(name, f"{statistics.median(delays):.1f}", f"{delays[int(0.95 * moves)]:.1f}")
            kernel.iopub.clear()
    yield "slider: with ipykernel alone a message waits for the end of the cell"


def in_browser() -> Iterator[str]:
    """Measure first paint, and drawing an update of runs that already have 1,000 to 1,000,000 points."""
    executable = chromium()
    if executable is None:
        yield "browser: none found; DLVIZ_CHROMIUM names one"
        return
    from playwright.sync_api import sync_playwright

    yield row("points", "first paint", "redraw ms")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        path = Path(folder) / "page.html"
        dlviz.live().to_html(path)
        for count in (1000, 10_000, 100_000, 1_000_000):
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            paint = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()"
            )
            yield row(count, f"{paint:.0f} ms", f"{page.evaluate(_DRAW, count):.1f}")
            page.close()
        browser.close()
    yield "redraw: 40 new points until the next frame has been drawn, the slowest but one of fifteen; a frame is 16.7 ms"
