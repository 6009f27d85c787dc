"""A real Jupyter server for the tests, JupyterLab or Notebook 7, and user actions in its notebooks."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Watch

#: Whether a notebook is the current one, with an idle kernel.
IS_READY = """(name) => {
  const current = globalThis.jupyterapp?.shell.currentWidget;
  return current?.context?.path === name && current.sessionContext.session?.kernel?.status === "idle";
}"""
LESSONS = Path(__file__).parents[2] / "lessons"
#: Options of each application: expose the app to scripts in the page, and disable news and update checks, which send requests.
OPTIONS = {
    "lab": (
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ),
    "notebook": ("--JupyterNotebookApp.expose_app_in_browser=True",),
}


def jupyter_env(folder: Path) -> dict[str, str]:
    """Return environment variables that put Jupyter's settings, data and runtime files, and dlviz's progress file, below `folder`."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    return {name: str(folder / name) for name in names} | {"DLVIZ_PROGRESS": str(folder / "progress.json")}


def write_notebook(path: Path, cells: Sequence[str], kernel: str = "python3") -> None:
    """Write a notebook with these cells."""
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel}})
    book.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(book, path)


@contextmanager
def serving(folder: Path, application: str = "lab", **environment: str) -> Iterator[str]:
    """Start JupyterLab, or another Jupyter application, in that folder; yield its address. The token is ``t``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", application, "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--ServerApp.port_retries=0", "--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"]
    log = folder / "server.log"
    with log.open("w") as out:
        running = subprocess.Popen(
            [*command, *options, *OPTIONS[application]],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **jupyter_env(folder), **environment},
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/api?token=t", running, log)
            yield address
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait_for(address: str, running: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        if running.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    pytest.fail(f"Jupyter did not start: {log.read_text(encoding='utf-8')[-2000:]}")


@contextmanager
def page_on(context: BrowserContext, server: str) -> Iterator[Page]:
    """Open a page of the server. A request to another host fails the test, and so does an error in a view.

    A context that several tests share keeps JupyterLab's compiled scripts in its cache.
    """
    page = context.new_page()
    page.set_default_timeout(60_000)
    with watched(page, server):
        yield page
        page.close()


@contextmanager
def watched(page: Page, server: str) -> Iterator[None]:
    """Fail after a request to another host or an error in a view."""
    host = server.removeprefix("http://")
    errors: list[str] = []
    watch = Watch(lambda url: url.startswith((f"http://{host}", f"ws://{host}")))
    # JupyterLab itself logs errors when a kernel restarts; a view runs from a blob URL, which tells its errors apart.
    listeners: dict[str, Callable[[Any], object]] = {
        "request": lambda request: watch.asked(request.url),
        "websocket": lambda socket: watch.asked(socket.url),
        "pageerror": lambda error: "blob:" in (error.stack or "") and errors.append(f"{error} {error.stack}"),
    }
    for name, listener in listeners.items():
        page.on(name, listener)
    yield
    for name, listener in listeners.items():
        page.remove_listener(name, listener)
    assert watch.found == [], watch.found
    assert errors == [], errors


def open_notebook(page: Page, server: str, name: str, below: str = "lab/tree") -> None:
    """Open a notebook, and none of those that were open before, and wait until its kernel is idle."""
    page.goto(f"{server}/{below}/{name}?reset&token=t")
    page.wait_for_function(IS_READY, arg=name)


def open_instead(page: Page, server: str, name: str) -> None:
    """Open a notebook in place of all that a page of JupyterLab shows, which takes less than to load JupyterLab again."""
    if not page.url.startswith(f"{server}/lab/"):
        open_notebook(page, server, name)
        return
    page.evaluate(
        """async (name) => {
          const { commands, shell } = globalThis.jupyterapp;
          const opened = () => [...shell.widgets("main")].filter(({ context }) => context);
          for (const { context } of opened()) context.model.dirty = false;  // nobody is asked to save
          await commands.execute("application:close-all");
          while (opened().length) await new Promise(requestAnimationFrame);
          await commands.execute("docmanager:open", { path: name });
        }""",
        name,
    )
    page.wait_for_function(IS_READY, arg=name)


def command(page: Page, name: str, **arguments) -> None:
    """Run a menu command and wait until it has finished."""
    page.evaluate(
        "([name, given]) => globalThis.jupyterapp.commands.execute(name, given).then(() => null)", [name, arguments]
    )


def run(page: Page, number: int) -> None:
    """Run the cell with this index, regardless of the focus, and scroll to it: JupyterLab removes the outputs of cells far away."""
    page.evaluate("number => { globalThis.jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", number)
    command(page, "notebook:run-cell")
    page.evaluate("number => globalThis.jupyterapp.shell.currentWidget.content.scrollToItem(number)", number)


def start(page: Page, number: int) -> None:
    """Start a long-running cell without waiting for its end."""
    page.evaluate("number => { globalThis.jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", number)
    page.evaluate("() => { globalThis.jupyterapp.commands.execute('notebook:run-cell'); }")


def text_of(page: Page, number: int) -> str:
    """Return the printed output of a cell."""
    outputs = page.evaluate(
        "number => globalThis.jupyterapp.shell.currentWidget.content.widgets[number].model.outputs.toJSON()", number
    )
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream").strip()


def run_until_printed(page: Page, number: int, wanted: str) -> None:
    """Run a cell repeatedly until it prints `wanted`, because a click may reach the kernel with a delay."""
    for _ in range(20):
        run(page, number)
        if text_of(page, number) == wanted:
            break
    assert text_of(page, number) == wanted


def outputs_of(page: Page) -> list[dict]:
    """Return all outputs of all code cells."""
    return page.evaluate(
        """() => [...globalThis.jupyterapp.shell.currentWidget.content.model.cells]
          .flatMap((cell) => cell.type === "code" ? cell.outputs.toJSON() : [])"""
    )
