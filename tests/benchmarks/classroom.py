"""A class on one real JupyterHub on this machine: all students start at once, run a lesson, and train at the same time.

Each student pulls the lessons as an nbgitpuller link does, opens the lesson, and runs every cell over the kernel's websocket; the
students wait for each other before the training. One kernel is restarted in the middle. A few more students use real tabs of
Chromium. Then the teacher corrects a lesson, all students pull again, and the files on disk are compared with the kernels' output.

Everything runs on loopback and in a temporary folder, and stops at the end.
"""

import asyncio
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlencode

from playwright.async_api import Browser, async_playwright
from tornado.httpclient import AsyncHTTPClient

from tests.benchmarks.autograd import row
from tests.benchmarks.browser import _FLAGS, chromium
from tests.benchmarks.hub import Hub, hub, proxy_of
from tests.benchmarks.meter import Meter
from tests.benchmarks.student import Student
from tests.benchmarks.teacher import LESSON, LESSONS, correct, faults_of, lost_by, repository_in, saved

TRAINS = "train(net, enlarged(images))"
#: The larger class of the estimate: number of students, and seconds within which all run the complete lesson.
LARGE, WITHIN = 200, 600
#: Seconds after which the class is stopped in any case.
LIMIT = 2400

_RUN = """number => {
  const { shell, commands } = globalThis.jupyterapp;
  shell.currentWidget.content.activeCellIndex = number;
  return commands.execute("notebook:run-cell").then(() => null);
}"""
_REST = """() => {
  const { commands } = globalThis.jupyterapp;
  return commands.execute("notebook:run-all-cells").then(() => commands.execute("docmanager:save")).then(() => null);
}"""


def run(*, quick: bool = False, students: int = 20, tabs: int = 2, proxy: str | None = None) -> Iterator[str]:
    """Yield the lines of the table."""
    if quick:
        students, tabs = 2, 0
    AsyncHTTPClient.configure(None, max_clients=1000)
    load, begun = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="class-") as name:
        folder = Path(name)
        command = proxy_of(proxy, folder / "proxy")
        people, times, meter, lost = asyncio.run(_class(folder, command, students, tabs))
    yield (
        f"class: {students} students, and {len(times)} more in Chromium, in JupyterHub {metadata.version('jupyterhub')};"
        f" {Path(LESSON).stem}, {os.cpu_count()} cores, load {load:.1f} before and {meter.load:.1f} at most"
    )
    yield row("", "median", "most")
    for title, key in (("server s", "server"), ("widget s", "widget"), ("lesson s", "lesson"), ("answer s", "answer")):
        values = [one.times[key] for one in people if key in one.times]
        yield row(title, *(f"{value:.1f}" for value in (statistics.median(values), max(values))))
    mine = [one.name for one in people]
    for title, kept, unit in (("PSS MB", meter.most, 1e6), ("USS MB", meter.alone, 1e6), ("CPU s", meter.seconds, 1)):
        values = [kept[name] / unit for name in mine]
        yield row(title, *(f"{value:.0f}" for value in (statistics.median(values), max(values))))
    for tab, events in times.items():
        yield f"{tab} in Chromium: " + ", ".join(f"{name} after {seconds:.1f} s" for name, seconds in events.items())
    yield (
        f"together at most {meter.together / 1e9:.2f} GB, {meter.base / 1e9:.2f} GB of them hub and proxy;"
        f" at least {meter.least_available / 1e9:.1f} GB stayed free; {time.perf_counter() - begun:.0f} s in all"
    )
    yield f"kernels reached at a second try or later: {sum(one.tries > 0 for one in people)} of {students}"
    yield f"lost: {'; '.join(lost) or 'nothing'}"
    each = statistics.mean(meter.most[name] for name in mine)
    seconds = statistics.mean(meter.seconds[name] for name in mine)
    yield (
        f"computed, not measured, for {LARGE} students: {meter.base / 1e9:.2f} + {LARGE} × {each / 1e9:.3f} ="
        f" {(meter.base + LARGE * each) / 1e9:.0f} GB; {LARGE} × {seconds:.0f} CPU s within {WITHIN} s ="
        f" {LARGE * seconds / WITHIN:.1f} cores"
    )
    yield "server: until it answers; widget: from the wish for a server to the first picture's message; lesson: open to saved;"
    yield "answer: a knob turned at the end, until the new picture; PSS and USS: the most of server and kernel together"


async def _class(
    folder: Path, proxy: list[str], students: int, tabs: int
) -> tuple[list[Student], dict[str, dict[str, float]], Meter, list[str]]:
    """Run the class; return the students, the times of each tab, the meter, and descriptions of lost work."""
    repository = repository_in(folder)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # clean up after SIGTERM too
    async with asyncio.timeout(LIMIT), hub(folder, proxy) as found:
        people = [Student(found, f"student{k:02}", LESSON) for k in range(students)]
        gate = asyncio.Barrier(students)
        times: dict[str, dict[str, float]] = {}
        with Meter(found.process) as meter:
            async with asyncio.TaskGroup() as group:
                for k, one in enumerate(people):
                    group.create_task(_attend(one, repository, gate, restarts=k == 0))
                group.create_task(_tabs(found, repository, times, tabs))
        correct(folder)
        for one in people:
            await one.pull(repository)
        lost = [fault for one in people for fault in lost_by(one, people[0])]
        lost += [f"{name}: {fault}" for name in times for fault in faults_of(saved(found, name))]
        return people, times, meter, lost


async def _attend(one: Student, repository: str, gate: asyncio.Barrier, *, restarts: bool) -> None:
    """Run the whole lesson as one student."""
    await one.arrive()
    await one.pull(repository)
    begun = time.perf_counter()
    await one.open()
    cells = [cell for cell in one.book["cells"] if cell["cell_type"] == "code"]
    middle = next(k for k, cell in enumerate(cells) if TRAINS in cell["source"])
    for cell in cells[:middle]:
        await one.run(cell)
    await gate.wait()
    await one.run(cells[middle])
    await one.save()
    if restarts:
        await one.restart()
        for cell in cells[: middle + 1]:
            await one.run(cell)
    for cell in cells[middle + 1 :]:
        await one.run(cell)
    one.times["answer"] = await one.turn("stride", 2)
    await one.save()
    one.times["lesson"] = time.perf_counter() - begun


async def _tabs(found: Hub, repository: str, times: dict[str, dict[str, float]], count: int) -> None:
    executable = chromium()
    if not count or executable is None:
        return
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=executable, args=list(_FLAGS))
        await asyncio.gather(*(_sit(found, browser, repository, f"tab{k}", times) for k in range(count)))
        await browser.close()


async def _sit(found: Hub, browser: Browser, repository: str, name: str, times: dict[str, dict[str, float]]) -> None:
    """Follow the link in a browser tab, sign in, run the cells up to the first widget, then all cells."""
    page = await browser.new_page()
    page.set_default_timeout(1000 * LIMIT)
    link = {"repo": repository, "branch": "main", "targetpath": "dlviz", "urlpath": f"lab/tree/{LESSON}"}
    await page.goto(f"{found.address}/hub/user-redirect/git-pull?{urlencode(link)}")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill(found.token)
    begun = time.perf_counter()
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_function(
        "name => globalThis.jupyterapp?.shell.currentWidget?.context?.path === name"
        " && globalThis.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'",
        arg=LESSON,
    )
    seconds_by_event = {"the lesson was open": time.perf_counter() - begun}
    book = json.loads((LESSONS / Path(LESSON).name).read_text(encoding="utf-8"))
    code = [k for k, cell in enumerate(book["cells"]) if cell["cell_type"] == "code"]
    for number in code[:3]:  # imports, a prediction, the first widget
        await page.evaluate(_RUN, number)
    await page.locator(".dlviz").first.wait_for()
    seconds_by_event["its first widget was there"] = time.perf_counter() - begun
    await page.evaluate(_REST)
    seconds_by_event["all had run"] = time.perf_counter() - begun
    times[name] = seconds_by_event
    await page.close()
