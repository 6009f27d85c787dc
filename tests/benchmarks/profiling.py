"""The room of profiles: bytes of its events beside torch's own trace, time to draw them, and what recording costs."""

import gc
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from dlviz.kit.page import to_json
from dlviz.profiling.record import from_recording
from dlviz.profiling.recording import Recorder
from dlviz.profiling.scene import scene
from dlviz.profiling.widget import Profile
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import evaluate_page
from tests.benchmarks.measured import leaves, one_thread, timed

#: Median milliseconds from frame to frame while the picture is zoomed and panned; 16.7 is as fast as the screen.
_FRAMES = """async () => {
  const model = globalThis.dlvizModel;
  const span = model.get("scene").span;
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  let last = await frame();
  for (let k = 0; k < 120; k += 1) {
    const length = span / (1 + (k % 40));
    const from = ((k * 7919) % 1000) / 1000 * (span - length);
    model.set("time_range", k % 40 ? [from, from + length] : []);
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}"""


class Workload:
    """Steps of training of a small network, whose operations are short: the costs of recording weigh most."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
        self.optimizer = torch.optim.Adam(self.net.parameters())
        self.x, self.y = torch.randn(64, 20), torch.randint(0, 3, (64,))

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(self.x), self.y)
        loss.backward()
        self.optimizer.step()

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.step()


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of both tables."""
    with one_thread():
        yield from size_lines(quick)
        yield from cost_lines(quick)


def size_lines(quick: bool) -> Iterator[str]:
    """Yield the bytes of a profile and the time until it can be drawn, beside torch's trace for Chrome and its list of events."""
    yield "profile: bytes sent and of a page (without the view) beside torch's trace, time to read the events beside prof.events()"
    yield row("steps", "events", "sent kB", "page kB", "trace kB", "read ms", "scene ms", "torch ms", "frame ms")
    work = Workload()
    work.steps(3)
    for count in (2,) if quick else (10, 60):
        recorder = Recorder({"cpu"}, [])
        recorder.start()
        work.steps(count)
        recording = recorder.stop()
        start = perf_counter()
        record = from_recording(recording, "steps", {"net": work.net})
        read = perf_counter()
        scene([record])
        drawn = perf_counter()
        view = Profile([record])
        sent = sum(map(len, leaves(view.scene)))
        page = len(to_json(view._page_state()))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            recording.profiler.export_chrome_trace(str(path))
            trace = path.stat().st_size
        listed = perf_counter()
        recording.profiler.events()
        torchs = perf_counter() - listed
        shown = "–" if quick else evaluate_page(view.to_html(), _FRAMES)
        sizes = (f"{size / 1000:.0f}" for size in (sent, page, trace))
        times = (f"{1000 * seconds:.0f}" for seconds in (read - start, drawn - read, torchs))
        yield row(str(count), str(len(record.events)), *sizes, *times, shown)
        view.close()


def cost_lines(quick: bool) -> Iterator[str]:
    """Yield the time of a step without the profiler, with torch's profiler, and with everything that dlviz adds."""
    yield "profile: µs of a training step with 130 short operations, least and median"
    yield row("recorded by", "least", "median")
    work, count = Workload(), 20 if quick else 300

    def off() -> tuple[Callable[[], object], Callable[[], object]]:
        return (lambda: None), (lambda: None)

    def torchs() -> tuple[Callable[[], object], Callable[[], object]]:
        profiler = profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True, with_flops=True)
        return profiler.__enter__, lambda: profiler.__exit__(None, None, None)

    def ours() -> tuple[Callable[[], object], Callable[[], object]]:
        recorder = Recorder({"cpu"}, [])
        return recorder.start, recorder.stop

    for name, make in (("nothing", off), ("torch", torchs), ("dlviz", ours), ("off again", off)):
        begin, end = make()
        work.steps(30)
        gc.collect()
        begin()
        times = sorted(timed(work.step) for _ in range(count))
        end()
        yield row(name, f"{1e6 * times[0]:.0f}", f"{1e6 * times[len(times) // 2]:.0f}")
