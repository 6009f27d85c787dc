"""The comm pump in a real JupyterLab: a slider moves while a cell runs, on three ipykernel releases, with and without subshells."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.lab import command, jupyter_env, serving, text_of, write_notebook
from tests.training.kernels import write_spec

MOVES = 20
#: Each release with both ways in which JupyterLab sends widget messages; ipykernel 6 has no subshells. Each way
#: once, the rest every night; how the pump takes its messages is tested without a page in tests/training, on every release.
CASES = (
    pytest.param(("6.31.0", "disabled"), id="6.31.0-disabled"),
    *(pytest.param(("7.3.0", way), id=f"7.3.0-{way}", marks=pytest.mark.slow) for way in ("disabled", "perCommTarget")),
    pytest.param(("7.4.0", "disabled"), id="7.4.0-disabled", marks=pytest.mark.slow),
    pytest.param(("7.4.0", "perCommTarget"), id="7.4.0-perCommTarget"),
)
#: The loops end by themselves if a test fails, so that the next cell can run.
CELLS = (
    "import time, ipywidgets, ipykernel\nfrom dlviz.training.comm_pump import CommPump\npump = CommPump.here()\n"
    "slider = ipywidgets.IntSlider(0, 0, 1000)\n"
    "def train(until):\n"
    "    seen, end = slider.value, time.time() + 90\n"
    "    print('begun', flush=True)\n"
    "    while slider.value != until and time.time() < end:\n"
    "        pump()\n"
    "        if slider.value != seen:  # as a training loop reads its knobs: at the step boundary\n"
    "            seen = slider.value\n"
    "            print('seen', seen, flush=True)\n"
    "        time.sleep(0.005)\n"
    "print(ipykernel.__version__, pump.works, '.')\nslider",
    f"train({MOVES})\nprint('ended', slider.value)",
    "print('QUEUED', slider.value)",
    "print('LAST', slider.value)",
    "train(500)\nraise ValueError('planted')",
    "train(-1)",
    "train(700)\nprint('HEARD', slider.value, pump.works)",
)
LOOP, QUEUED, LAST, FAILING, ENDLESS, AGAIN = range(1, 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("pump-lab")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """Start a JupyterLab; yield its address."""
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """Browser context shared by all cases, so that JupyterLab's scripts are cached."""
    context = chromium.new_context(viewport={"width": 1300, "height": 950})
    yield context
    context.close()


@pytest.fixture(scope="module", params=CASES)
def lab(
    request: pytest.FixtureRequest,
    context: BrowserContext,
    server: str,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    """Open the notebook of the case, with an idle kernel and a visible slider. The tests of a case share it, in order."""
    release, way = request.param
    shared = tmp_path_factory.getbasetemp() / "overlays"  # cached like the environments of tests/training
    kernel = write_spec(shared, release, Path(jupyter_env(folder)["JUPYTER_DATA_DIR"]) / "kernels")
    write_notebook(folder / f"{release}-{way}.ipynb", CELLS, kernel)
    settings = f"{server}/lab/api/settings/@jupyterlab/apputils-extension:kernels-settings?token=t"
    body = json.dumps({"raw": json.dumps({"commsOverSubshells": way})}).encode()
    urllib.request.urlopen(urllib.request.Request(settings, body, method="PUT"), timeout=10).close()
    page = context.new_page()
    page.set_default_timeout(60_000)  # the first cell imports torch, at the same time as kernels of other tests
    # Without the reset JupyterLab would also open the notebooks of the other cases, each with its kernel.
    page.goto(f"{server}/lab/tree/{release}-{way}.ipynb?reset&token=t")
    page.wait_for_function(
        "() => globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    page.wait_for_function("way => globalThis.jupyterapp.serviceManager.kernels.commsOverSubshells === way", arg=way)
    press(page, 0)
    wait_for_output(page, 0, f"{release} True .")
    expect(page.locator(".widget-slider")).to_be_visible()
    yield page
    page.evaluate("() => globalThis.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


def press(page: Page, number: int) -> None:
    """Start or queue a cell without waiting for its end."""
    page.evaluate(
        """number => {
          globalThis.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
          globalThis.jupyterapp.commands.execute("notebook:run-cell");
        }""",
        number,
    )


def wait_for_output(page: Page, number: int, text: str) -> None:
    """Wait until a cell's output contains the text: printed, or as the name of an error."""
    outputs = "globalThis.jupyterapp.shell.currentWidget.content.widgets[number].model.outputs.toJSON()"
    try:
        page.wait_for_function(
            f"([number, text]) => {outputs}.some((output) => `${{output.text}} ${{output.ename}}`.includes(text))",
            arg=[number, text],
        )
    except PlaywrightTimeout:
        pytest.fail(f"cell {number} did not print {text!r}: {page.evaluate(f'number => {outputs}', number)}")


def wait_until_finished(page: Page, number: int) -> None:
    """Wait until a cell is neither running nor queued. The kernel's status cannot be used, because slider messages change it too."""
    page.wait_for_function(
        """number => !globalThis.jupyterapp.shell.currentWidget.content.widgets[number].promptNode.textContent.includes("*")""",
        arg=number,
    )


def move(page: Page, value: int) -> None:
    """Move the slider's handle."""
    page.evaluate("value => document.querySelector('.widget-slider .slider').noUiSlider.set(value, true)", value)


def test_a_slider_reaches_the_running_loop_and_queued_cells_follow_in_order(lab):
    press(lab, LOOP)
    wait_for_output(lab, LOOP, "begun")
    press(lab, QUEUED)
    press(lab, LAST)
    for value in range(1, MOVES + 1):
        move(lab, value)
        wait_for_output(lab, LOOP, f"seen {value}" if value < MOVES else "ended")
    wait_for_output(lab, LAST, "LAST")
    seen = "".join(f"seen {value}\n" for value in range(1, MOVES))
    assert text_of(lab, LOOP) in {f"begun\n{seen}{end}" for end in (f"ended {MOVES}", f"seen {MOVES}\nended {MOVES}")}
    assert text_of(lab, QUEUED) == f"QUEUED {MOVES}"
    assert text_of(lab, LAST) == f"LAST {MOVES}"
    wait_until_finished(lab, LAST)  # its number can come after its output
    counts = [count_of(lab, number) for number in (LOOP, QUEUED, LAST)]
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


def count_of(page: Page, number: int) -> int | None:
    return page.evaluate(
        "number => globalThis.jupyterapp.shell.currentWidget.content.widgets[number].model.executionCount", number
    )


def test_a_loop_that_fails_aborts_the_queued_cell(lab):
    press(lab, FAILING)
    wait_for_output(lab, FAILING, "begun")
    press(lab, QUEUED)
    move(lab, 500)
    wait_for_output(lab, FAILING, "ValueError")
    wait_until_finished(lab, QUEUED)
    assert (text_of(lab, QUEUED), count_of(lab, QUEUED)) == ("", None)


def test_the_interrupt_button_ends_the_loop_and_the_slider_still_works(lab):
    press(lab, ENDLESS)
    wait_for_output(lab, ENDLESS, "begun")
    move(lab, 600)
    wait_for_output(lab, ENDLESS, "seen 600")
    command(lab, "notebook:interrupt-kernel")
    wait_for_output(lab, ENDLESS, "KeyboardInterrupt")
    wait_until_finished(lab, ENDLESS)  # until then the kernel aborts new requests
    press(lab, AGAIN)
    wait_for_output(lab, AGAIN, "begun")
    move(lab, 700)
    wait_for_output(lab, AGAIN, "HEARD 700 True")


def test_a_page_reloaded_during_training_is_restored(lab):
    move(lab, 1)
    press(lab, AGAIN)
    wait_for_output(lab, AGAIN, "begun")
    command(lab, "docmanager:save")
    lab.reload()
    expect(lab.locator(".widget-slider")).to_be_visible(timeout=60_000)
    # A slow page shows the slider before the notebook is the current one, and before its kernel hears it.
    lab.wait_for_function(
        "() => globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"
    )
    move(lab, 700)
    press(lab, QUEUED)
    wait_for_output(lab, QUEUED, "QUEUED 700")
