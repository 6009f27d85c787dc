"""A real browser for the tests. An error in a page, or a request from it, fails the test that opened the page."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import traitlets
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dlviz.export import gallery as gallery_module
from dlviz.kit.page import to_json
from dlviz.kit.sanitize import from_json
from dlviz.kit.widget import Widget

#: Debian's headless shell is the same browser without a window; it starts three times as fast.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Uncaught errors and ResizeObserver loops are reported only to the window; this forwards them to the console, which is watched.
REPORT_ERRORS = 'addEventListener("error", (event) => console.error(`window: ${event.message}`));'
#: Makes every frame and every observed size late, as a busy machine does: a test that reads before what it waits for then fails always.
LATE_FRAMES = """(() => {
  const late = %d;
  const { requestAnimationFrame: request, cancelAnimationFrame: cancel, ResizeObserver: Observer } = window;
  const cancels = new Map();
  let last = 0;
  window.requestAnimationFrame = (callback) => {
    const id = (last += 1);
    const timer = setTimeout(() => {
      const frame = request((time) => { cancels.delete(id); callback(time); });
      cancels.set(id, () => cancel(frame));
    }, late);
    cancels.set(id, () => clearTimeout(timer));
    return id;
  };
  window.cancelAnimationFrame = (id) => { cancels.get(id)?.(); cancels.delete(id); };
  window.ResizeObserver = class extends Observer {
    constructor(callback) { super((entries, observer) => setTimeout(() => callback(entries, observer), late)); }
  };
})();"""

OpenPage = Callable[..., Page]

#: What a training run sends while it goes on; a test of it decides when that arrives.
SENT_BY_A_RUN = {"status", "settings", "record"}
#: Turns the kernel-less model of an exported page into one with this process as its kernel.
CONNECT = """() => {
  const model = globalThis.dlvizModel;
  const revive = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (typeof value.$number === "string") return Number(value.$number);
    if (typeof value.$bytes === "string") return new DataView(Uint8Array.from(atob(value.$bytes), (c) => c.charCodeAt(0)).buffer);
    const items = Object.entries(value).map(([key, item]) => [key, revive(item)]);
    return Array.isArray(value) ? items.map(([, item]) => item) : Object.fromEntries(items);
  };
  let dirty = {};
  let flying = 0;
  window.most = 0;
  window.pending = 0;
  const ask = async (message) => {
    flying += 1;
    window.pending += 1;
    if (message.kind !== "set") window.most = Math.max(window.most, flying);
    await new Promise((done) => setTimeout(done, window.slow ?? 0));
    const answer = revive(JSON.parse(await window.kernel(JSON.stringify(message))));
    flying -= 1;
    for (const [name, value] of Object.entries(answer)) plain(name, value);
    window.pending -= 1;
  };
  model.precomputed = {};
  const plain = model.set.bind(model);
  model.set = (name, value) => {
    dirty[name] = value;
    plain(name, value);
  };
  model.save_changes = () => {
    const traits = dirty;
    dirty = {};
    ask({ kind: "set", traits });
  };
  model.send = ask;
  plain("live", true);
  plain("scene", { ...model.get("scene") });
}"""


def _installed() -> str | None:
    named = os.environ.get("DLVIZ_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


# Scope `package`, not `session`: while Playwright runs it occupies this thread's event loop, which later tests may need.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Start this machine's browser or Playwright's; without one, tests fail on CI and are skipped elsewhere."""
    with sync_playwright() as playwright:
        path = _installed()
        if path is None and not Path(playwright.chromium.executable_path).exists():
            reason = f"no browser: none of {', '.join(NAMES)} is on the path; DLVIZ_CHROMIUM can name one"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the complete gallery; in its folder ``widgets`` each widget is also a page of its own, made by the same run of its example."""
    folder = tmp_path_factory.mktemp("site") / "gallery"
    widgets = tmp_path_factory.mktemp("widgets")
    run_example = gallery_module.run_example

    def run_and_save(name: str, code: str) -> Widget:
        view = run_example(name, code)
        assert repr(view).startswith(f"dlviz.{name}(")  # the code on a page is what made its widget
        view.save(widgets / f"{name}.html")
        return view

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery_module, "run_example", run_and_save)
        gallery_module.export_gallery(folder, print)
    widgets.rename(folder / "widgets")
    return folder


def until(page: Page, script: str, arg: object = None) -> None:
    """Wait until a script returns a true value. Playwright's `wait_for_function` uses `eval`, which exported pages forbid."""
    for _ in range(200):
        if page.evaluate(script, arg):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"timed out waiting for: {script}")


def until_holds(page: Page, condition: Callable[[], object]) -> None:
    """Let the page and this process exchange messages until `condition()` returns a true value."""
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("timed out waiting for a condition")


def press_at_once(page: Page, *keys: str) -> None:
    """Press keys on the focused element before the page draws a frame, as a quick hand or a slow page does: each must count."""
    page.evaluate(
        """keys => {
          const pressed = (key) => new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
          for (const key of keys) document.activeElement.dispatchEvent(pressed(key));
        }""",
        keys,
    )


def await_frames(page: Page, frames: int = 2) -> None:
    """Wait until the views of a page have drawn what was asked for so far."""
    page.evaluate("async (n) => { for (let k = 0; k < n; k += 1) await new Promise(requestAnimationFrame); }", frames)


def at_each_width(page: Page, *widths: int) -> Iterator[int]:
    """Resize an open page to each width, and yield it once the views have drawn themselves for it."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        await_frames(page, 3)
        yield width


class Watch:
    """Recorder of errors in pages, and of requests that `allowed` rejects."""

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        self.allowed = allowed
        self.found: list[str] = []

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_ERRORS)
        if milliseconds := int(os.environ.get("DLVIZ_LATE_FRAMES", "0")):
            context.add_init_script(LATE_FRAMES % milliseconds)
        context.on("request", lambda request: self.asked(request.url))
        context.on("page", self._page)

    def asked(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")) and not self.allowed(url):
            self.found.append(f"request: {url}")

    def _page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.found.append(f"page error: {error.stack or error}"))
        page.on("console", lambda message: message.type == "error" and self.found.append(f"console: {message.text}"))
        page.on("websocket", lambda socket: self.asked(socket.url))


@pytest.fixture
def open_page(chromium: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Open a widget's exported page, or html, from a file: ``open_page(widget, theme="dark", width=500)``.

    An error in the page fails the test.
    """
    pages: dict[str, Path] = {}
    errors: list[str] = []
    watch = Watch(lambda url: url in pages)
    contexts = []

    def open_it(what, *, theme="light", reduced_motion=False, width=1000, height=800, bypass_csp=False) -> Page:
        path = tmp_path / f"page{len(pages)}.html"
        path.write_text(what if isinstance(what, str) else what.to_html(), encoding="utf-8")
        pages[path.as_uri()] = path
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            bypass_csp=bypass_csp,
        )
        contexts.append(context)
        watch.over(context)
        context.on("weberror", lambda error: errors.append(f"{error.error} {error.error.stack}"))
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        await_frames(page)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert watch.found == []
    assert errors == []


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Assert that axe finds nothing serious; the page has to be opened with ``bypass_csp=True``, so that axe can run in it."""

    def check(page: Page) -> None:
        await_frames(page)
        # Of what passes axe would return each element, which takes it longer than to check them.
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [
            f"{found['id']} ({found['impact']}): {node['html'][:160]} {node['failureSummary']}"
            for found in violations
            if found["impact"] in ("serious", "critical")
            for node in found["nodes"]
        ]
        assert serious == []

    return check


@pytest.fixture
def live(open_page):
    """Open a widget's page with this process as its kernel: ``page, asked = live(widget)``; `asked` collects the view's messages."""

    def open_it(view, **how) -> tuple[Page, list]:
        page, asked = open_page(view, **how), []

        def kernel(text: str) -> str:
            message = from_json(json.loads(text))
            asked.append(message)
            # What the kernel computes for a view travels in dictionaries.
            dictionaries = [name for name, trait in view.traits(sync=True).items() if isinstance(trait, traitlets.Dict)]
            sent_by_itself = SENT_BY_A_RUN if view._room == "training" else set()
            answers = [name for name in dictionaries if name not in sent_by_itself]
            before = {
                name: getattr(view, name)
                for name in ("example", *answers)
                if hasattr(view, name) and not name.startswith("_")
            }
            if message["kind"] == "set":
                for name, value in message["traits"].items():
                    setattr(view, name, value)
            else:
                getattr(view, f"_on_{message['kind']}")(message)
            changed = {name: getattr(view, name) for name, value in before.items() if getattr(view, name) is not value}
            if hasattr(view, "refusal"):
                changed["refusal"] = view.refusal
            return to_json(changed)

        page.expose_function("kernel", kernel)
        page.evaluate(CONNECT)
        return page, asked

    return open_it
