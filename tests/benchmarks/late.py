"""How late a slow page is: lesson 05's long run in a real JupyterLab whose processor is slowed, with a decision boundary that follows."""

import itertools
import json
import re
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.browser.lab import open_notebook, page_on, serving, start, write_notebook
from tests.browser.lab import run as run_cell

#: How much slower than this machine the page runs.
SLOWER = 6
#: Seconds that the training runs before the controls are used.
WARM_UP = 15

_CELLS = (
    """
import json, time
import torch, dlviz
from torch import nn
from IPython.display import display

x, y = dlviz.data.moons(300)
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
run = dlviz.live("long run")
run.watch(net)
lr = run.knobs(lr=optimizer)
field = dlviz.boundary(net, x, y)
display(run, field)
""",
    """
times, rates, paused_at = [], [], []
for step in run.steps(range(10**6)):
    loss = nn.functional.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    run.log(loss=loss)
    if step % 20 == 0:
        field.update()
    times.append(time.time())
    rates.append(optimizer.param_groups[0]["lr"])
""",
    'open("log.json", "w").write(json.dumps({"times": times, "rates": rates}))',
)

#: Note when the slider moves and a button is clicked: the browser tool needs some time before that.
_WATCH = """() => {
  [globalThis.moved, globalThis.clicked] = [[], []];
  document.addEventListener("input", () => moved.push(Date.now() / 1000), { capture: true });
  document.addEventListener("click", () => clicked.push(Date.now() / 1000), { capture: true });
}"""
_SHOWN = """() => {
  const text = document.querySelector('[aria-label="live"] .dlviz-signature').textContent;
  return [Date.now() / 1000, text];
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield a table of delays: a dragged slider, Pause, and how far the page's step is behind the kernel's."""
    yield f"late: JupyterLab with its page {SLOWER}x slower, a boundary updated every 20 steps, {2 if quick else WARM_UP} s into the run"
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_notebook(folder / "late.ipynb", _CELLS)
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        with (
            serving(folder) as server,
            page_on(browser.new_context(viewport={"width": 1400, "height": 900}), server) as page,
        ):
            moves, behind, clicked = _use(page, server, 2 if quick else WARM_UP)
        browser.close()
        log = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    times, rates = log["times"], log["rates"]
    durations = sorted(1e3 * (b - a) for a, b in itertools.pairwise(times))
    slow = durations[int(0.97 * len(durations))]
    yield f"{len(times)} steps, {statistics.median(durations):.1f} ms each (median); of those that draw half take {slow:.0f} ms or more"
    yield row("", "median ms", "worst ms", "target ms")
    delays = [1e3 * (_first_change(times, rates, at) - at) for at in moves]
    lags = [1e3 * (at - times[min(step, len(times)) - 1]) for at, step in behind]
    yield row("slider", f"{statistics.median(delays):.0f}", f"{max(delays):.0f}", "80 + a step")
    yield row("Pause", f"{1e3 * (times[-1] - clicked):.0f}", "", "1000")
    yield row("page behind", f"{statistics.median(lags):.0f}", f"{max(lags):.0f}", "1000")


def _use(page: Page, server: str, warm_up: float) -> tuple[list[float], list[tuple[float, int]], float]:
    """Run the notebook; return when the slider moved, the steps that the page showed and when, and when Pause was clicked."""
    open_notebook(page, server, "late.ipynb")
    run_cell(page, 0)
    view = page.get_by_role("group", name="live", exact=True)
    view.wait_for()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    start(page, 1)
    page.wait_for_timeout(1e3 * warm_up)
    slider, behind = view.get_by_role("slider", name="lr"), []
    page.evaluate(_WATCH)
    for k in range(5):
        slider.fill(str(100 + 30 * k))
        page.wait_for_timeout(1500)
        at, text = page.evaluate(_SHOWN)
        behind.append((at, int(re.search(r"step ([\d,]+)", text)[1].replace(",", ""))))
    view.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(4000)
    moves, (clicked, *_) = page.evaluate("[globalThis.moved, globalThis.clicked]")
    view.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(2000)
    run_cell(page, 2)
    return moves, behind, clicked


def _first_change(times: list[float], rates: list[float], moved: float) -> float:
    """Return the time of the first step after `moved` whose learning rate is another one than the step's before."""
    for k in range(1, len(times)):
        if times[k] > moved and rates[k] != rates[k - 1]:
            return times[k]
    raise ValueError("the slider never arrived")
