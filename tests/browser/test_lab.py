"""In a real JupyterLab: widgets work, their changes reach the kernel, lessons run, and no request leaves the machine."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import torch
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dlviz.__main__ import JUPYTER_CONFIG
from tests.browser.lab import (
    LESSONS,
    command,
    open_instead,
    open_notebook,
    outputs_of,
    page_on,
    run,
    run_until_printed,
    serving,
    start,
    text_of,
    watched,
    write_notebook,
)

CELLS = (
    "import torch, dlviz\nw = torch.tensor(3.0, requires_grad=True)\n"
    "with dlviz.autograd.recording() as tape:\n    loss = (w * 2 - 1) ** 2\nview = dlviz.graph(loss, tape=tape)\nview",
    "loss.backward()",
    "print('STEP', view.step)",
    "def chain(x):\n    for f in (torch.sin, torch.cos, torch.tanh) * 20:\n        x = f(x) + x\n    return x\n"
    "dlviz.graph(lambda: chain(torch.ones(2, requires_grad=True)).sum(), expanded=[])",
    "u = torch.ones(2, requires_grad=True)\nasked = dlviz.graph((u * 3).sum())\nasked",
    "print('GRAD', u.grad)",
    "import gc\nfrom ipywidgets.widgets import widget\ngc.collect()\n"
    "print('LIVE', sum(type(one).__name__ == 'AutogradGraph' for one in widget._instances.values()))",
)
TENSOR_CELLS = (
    "import torch, dlviz\nx = torch.arange(4096.0).view(64, 64)\nview = dlviz.tensor(x)\nview",
    "dlviz.tensor(x.T)",
    "print('ORIGIN', list(view.origin), view.index)",
)
CONVOLUTION_CELLS = (
    "import torch, dlviz\nx = torch.arange(25.0).view(1, 1, 5, 5)\n"
    "view = dlviz.conv2d(x, torch.ones(1, 1, 3, 3), step=1)\nview",
    "print('STATE', view.stride, view.padding, tuple(view.output.shape), int(view.output[0, 0, 0, 0]), view.refusal[:20])",
)
NETWORK_CELLS = (
    "import torch, dlviz\nfrom torch import nn\n_ = torch.manual_seed(0)\n"
    "net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4))\n"
    "view = dlviz.layers(net, torch.rand(2, 1, 8, 8))\nview",
    "print('STATE', view.selected_map, view.selected_position, view.receptive_field and view.receptive_field.box,"
    " view.window and view.window.step, view.occluded)",
    "with torch.no_grad():\n    net[0].bias.fill_(7)\nview.inspect('0', 1, (0, 0))\nprint(round(view.columns[1].output.mean().item()))",
)
DECISION_BOUNDARY_CELLS = (
    "import torch, dlviz\nfrom torch import nn\n_ = torch.manual_seed(0)\nx, y = dlviz.data.moons(100)\n"
    "net = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 2))\nown = net[0].weight.clone()\n"
    "view = dlviz.boundary(net, x, y)\nview",
    "print('STATE', view.opened, round(view.model[0].weight[1, 0].item(), 3), torch.equal(net[0].weight, own),"
    " tuple(view.x.shape), view.step, len(view.snapshots))",
    "opt = torch.optim.Adam(net.parameters(), lr=0.02)\nfor step in range(1, 101):\n"
    "    loss = nn.functional.cross_entropy(net(x), y)\n    opt.zero_grad()\n    loss.backward()\n    opt.step()\n"
    "    if step % 10 == 0:\n        view.update()\nown = net[0].weight.clone()\nprint(f'{view.loss:.4g}')",
)
LIVE_CELLS = (
    "import time, torch, dlviz\nw = torch.zeros(1, requires_grad=True)\n"
    "opt = torch.optim.SGD([w], lr=0.01)\nrun = dlviz.live('demo')\nrun.knobs(lr=opt)\nrun",
    "for step in run.steps(range(100_000)):\n    loss = (w - 3).pow(2).sum()\n    opt.zero_grad()\n    loss.backward()\n"
    "    opt.step()\n    run.log(loss=loss)\n    time.sleep(0.004)\nprint('ENDED', run.state)",
    "print('STATE', run.state, run.step > 0, len(run.history['loss']) > 50, opt.param_groups[0]['lr'],"
    " [(m.name, m.new) for m in run.history.marks])",
    "for step in run.steps(range(1000)):\n    run.log(loss=1.0)\n    if step == 5:\n        raise ValueError('oh')",
    "for step in run.steps(range(3)):\n    run.log(loss=float(step))",
)

SHARED_CELLS = (
    "import time, torch, dlviz, ipywidgets\nnet = torch.nn.Linear(1, 1)\n"
    "opt = torch.optim.SGD(net.parameters(), lr=0.001)\nrun = dlviz.live('shared')\nrun.knobs(lr=opt)\n"
    "run.restarts(net, opt, seed=0)\nrun",
    "run",
    "for step in run.steps(range(100_000)):\n    loss = (net(torch.rand(8, 1)) - 3).pow(2).mean()\n    opt.zero_grad()\n"
    "    loss.backward()\n    opt.step()\n    run.log(loss=loss)\n    time.sleep(0.004)",
    "before = run.past_runs[0].history['loss'].values\nsame = run.history['loss'].values[0] == before[0]\n"
    "print('STATE', run.state, len(run.past_runs), len(before) > 20, same, len(run.history['loss']) == run.status['step'])",
    "again = dlviz.live('again')\nfor step in again.steps(range(300)):\n    again.log(loss=step)\n    time.sleep(0.004)\nagain",
    "boxed = dlviz.live('boxed')\ndisplay(ipywidgets.HBox([boxed]))\n"
    "for step in boxed.steps(range(3)):\n    boxed.log(loss=step)",
)

#: Widgets that a saved notebook shows the next morning.
MORNING_CELLS = (
    *CELLS[:2],
    "x = torch.arange(4096.0).view(64, 64)\ndlviz.tensor(x)",
    "dlviz.conv2d(torch.arange(25.0).view(1, 1, 5, 5), torch.ones(1, 1, 3, 3), step=1)",
    "run = dlviz.live('saved')\nfor step in run.steps(range(50)):\n    run.log(loss=step)",
)

#: A widget of each other room, a user action in the page, and the kernel's output afterwards.
OTHERS = (
    (
        "import torch, dlviz\nfrom torch import nn\nview = dlviz.unroll(nn.LSTM(3, 4), torch.rand(5, 3))\nview",
        lambda view: view.locator(".dlviz-player input[type=range]").fill("3"),
        "print(view.step)",
        "3",
    ),
    (
        "view = dlviz.race({'SGD': (torch.optim.SGD, {'lr': 0.05})}, 'ravine', steps=20)\nview",
        lambda view: view.locator(".dlviz-player input[type=range]").fill("7"),
        "print(view.step)",
        "7",
    ),
    (
        "view = dlviz.confusion(torch.eye(3)[[0, 1, 2, 1]], torch.tensor([0, 1, 2, 2]))\nview",
        lambda view: view.locator("[data-at='2,1']").click(),
        "print(view.opened)",
        "[2, 1]",
    ),
    (
        "view = dlviz.split(torch.rand(40, 2), torch.arange(40) % 2)\nview",
        lambda view: view.get_by_label("how to split", exact=True).select_option("stratified"),
        "print(view.how)",
        "stratified",
    ),
    (
        "view = dlviz.word2vec([['a', 'b', 'c'], ['c', 'a', 'd']], vector_size=4)\nloss = view.run(60)\nview",
        lambda view: view.locator(".dlviz-player input[type=range]").fill("20"),
        "print(view.step, view.training.step)",
        "20 20",
    ),
    (
        "view = dlviz.embedding({'king': [1.0, 2.0], 'queen': [1.0, 2.5], 'cat': [-1.0, 0.0]})\nview",
        lambda view: view.get_by_label("look for a word").press_sequentially("que\n"),
        "print(view.vectors.labels[view.word])",
        "queen",
    ),
    (
        "view = dlviz.attention(torch.rand(5, 4), query=4)\nview",
        lambda view: view.locator(".att-map").press("ArrowUp"),
        "print(view.query)",
        "3",
    ),
    (
        "net = nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 9))\nview = dlviz.generate(net, [1, 2], steps=4)\nview",
        lambda view: view.get_by_label("greedy", exact=True).check(),
        "print(view.greedy, view.probs.argmax().item() == view.ids[2])",
        "True True",
    ),
    (
        "net, critic = nn.Linear(2, 2), nn.Linear(2, 1)\n"
        "step = lambda: net.bias.data.add_(0.01).mean()\n"
        "view = dlviz.duel(net, critic, torch.rand(20, 2), step_d=step, step_g=step)\nview",
        lambda view: view.get_by_role("button", name="100 steps of each").click(),
        "print(view.scene['training']['remaining'], len(view.snapshots))",
        "0 26",
    ),
    (
        "view = dlviz.latent(nn.Linear(5, 3), nn.Linear(3, 5), torch.rand(12, 5))\nview",
        lambda view: view.locator(".lat-map").press("ArrowRight"),
        "print(len(view.probe), view.axes)",
        "2 pca",
    ),
    (
        "net, x = nn.Linear(5, 3), torch.rand(9, 5)\nview = dlviz.compress(net, lambda net: net(x).sum())\nview",
        lambda view: view.get_by_role("slider", name="share of the weights").press("End"),
        "print(view.amount, len(view.tried), view.step)",
        "0.99 2 1",
    ),
    (
        "net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))\n"
        "view = dlviz.attribute(net, torch.rand(1, 8, 8), place=(0, 0))\nview",
        lambda view: view.locator(".attr-map").press("ArrowDown"),
        "print(view.place, view.details['place'])",
        "[1, 0] [1, 0]",
    ),
    (
        "view = dlviz.positions('alibi', length=8, heads=4)\nview",
        lambda view: view.get_by_label("head", exact=True).fill("2"),
        "print(view.head)",
        "2",
    ),
    (
        "view = dlviz.denoise(lambda x, t: x, torch.rand(20, 2), steps=9)\nview",
        lambda view: view.get_by_label("schedule", exact=True).select_option("cosine"),
        "print(view.forward_schedule, view.scene['own'])",
        "cosine False",
    ),
    (
        "net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())\n"
        "with dlviz.profile(label='a call') as view:\n    net(torch.ones(2, 4))",
        lambda view: view.get_by_role("radio", name="line", exact=True).click(force=True),
        "print(view.table_by, view.record.lines[0].where[:4], view.record.lines[0].number, len(view.rows))",
        "line cell 3 4",
    ),
    (
        "view = dlviz.bpe('low lower lowest', merges=3)\nview",
        lambda view: view.get_by_role("textbox").fill("slow"),
        "print(view.typed)",
        "slow",
    ),
)
OTHER_CELLS = tuple(cell for made, _, asked, _ in OTHERS for cell in (made, asked))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on a free port with separate settings; yield its address with the token."""
    folder = tmp_path_factory.mktemp("lab")
    for name, cells in (
        ("test", CELLS),
        ("tensors", TENSOR_CELLS),
        ("convolution", CONVOLUTION_CELLS),
        ("network", NETWORK_CELLS),
        ("decision_boundary", DECISION_BOUNDARY_CELLS),
        ("live", LIVE_CELLS),
        ("shared", SHARED_CELLS),
        ("others", OTHER_CELLS),
    ):
        write_notebook(folder / f"{name}.ipynb", cells)
    for lesson in LESSONS.glob("*.ipynb"):
        shutil.copyfile(lesson, folder / lesson.name)
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1300, "height": 950}, color_scheme="light")
    yield context
    context.close()


@pytest.fixture(scope="module")
def page(context: BrowserContext, server: str) -> Iterator[Page]:
    """Page of JupyterLab that all tests of this server share."""
    with page_on(context, server) as page:
        yield page


@pytest.fixture
def lab(page: Page, server: str) -> Iterator[Page]:
    with watched(page, server):
        yield page


def chain_result() -> float:
    """Return the result of the fourth cell's long chain, computed by torch without a widget."""
    x = torch.ones(2)
    for f in (torch.sin, torch.cos, torch.tanh) * 20:
        x = f(x) + x
    return x.sum().item()


def test_the_widget_lives_in_jupyterlab(lab, server):
    open_instead(lab, server, "test.ipynb")

    run(lab, 0)
    view = lab.locator(".dlviz").first
    expect(view.locator(".card")).to_have_count(4, timeout=60_000)
    expect(view.locator(".pill")).to_have_count(0)
    expect(view.locator(".graph-preview")).to_be_visible()

    run(lab, 1)  # loss.backward() in another cell
    expect(view.locator(".pill")).to_have_text([re.compile("∂ ")] * 4)
    assert sorted(view.locator(".pill").all_text_contents()) == ["∂ 1", "∂ 10", "∂ 10", "∂ 20"]
    expect(view.locator(".graph-preview")).to_be_hidden()

    scrubber = view.locator("input[type=range]")
    scrubber.focus()
    lab.keyboard.press("Home")
    expect(view.locator(".pill")).to_have_count(0)
    for _ in range(2):
        lab.keyboard.press("ArrowRight")
    expect(view.locator(".pill")).to_have_text(["∂ 10", "∂ 1"])
    # a drag is sent to the kernel a few times per second
    run_until_printed(lab, 2, "STEP 2")

    command(lab, "apputils:change-theme", theme="JupyterLab Dark")
    expect(view).to_have_attribute("data-theme", "dark")
    command(lab, "apputils:change-theme", theme="JupyterLab Light")
    expect(view).to_have_attribute("data-theme", "light")

    run(lab, 3)  # with more than forty nodes, details come from the kernel after a click
    large = lab.locator(".dlviz", has=lab.locator(".card.loop")).last
    large.scroll_into_view_if_needed()
    large.locator(".card.op").last.click()
    expect(large.locator(".dlviz-side h4")).to_have_text("SumBackward0")
    shown = large.locator('.dlviz-side dt:text-is("value") + dd').inner_text()
    assert float(shown) == pytest.approx(chain_result(), rel=1e-5)

    run(lab, 4)  # no backward yet: gradients only for the picture
    asked = lab.locator(".dlviz").last
    asked.locator(".graph-preview-button").click()
    expect(asked.locator(".pill").first).to_be_visible()
    run(lab, 5)
    assert text_of(lab, 5) == "GRAD None"


def test_rerunning_a_cell_leaves_one_widget(lab, server):
    open_instead(lab, server, "test.ipynb")
    lab.evaluate("() => globalThis.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    for _ in range(4):
        run(lab, 0)
    run(lab, len(CELLS) - 1)
    assert text_of(lab, len(CELLS) - 1) == "LIVE 1"


def numbers_of(view) -> list[str]:
    """Return the numbers in a grid, row by row."""
    return view.locator(".tensor-cell").all_text_contents()


def test_the_window_of_a_large_tensor_moves_and_survives_a_reload(lab, server):
    open_notebook(lab, server, "tensors.ipynb")
    run(lab, 0)
    run(lab, 1)
    views = lab.locator(".dlviz")
    expect(views).to_have_count(2)
    first = views.first
    assert numbers_of(first)[:3] == ["0", "1", "2"]
    # One style element of the kit and one of the room, because both widgets load them from the same shared-assets widget.
    expect(lab.locator("style[data-dlviz]")).to_have_count(2)

    first.get_by_role("slider", name="rows from").focus()
    lab.keyboard.press("End")  # elements that were not sent have to come from the kernel
    expect(first.locator(".tensor-cell").first).to_have_text("3072")
    first.locator(".tensor-cell").first.click()
    run_until_printed(lab, 2, "ORIGIN [48, 0] (48, 0)")

    command(lab, "docmanager:save")
    lab.reload()
    open_notebook(lab, server, "tensors.ipynb")
    expect(lab.locator(".dlviz")).to_have_count(2, timeout=60_000)
    expect(lab.locator(".dlviz").first.locator(".tensor-cell").first).to_have_text("3072")


def test_sliders_edits_and_errors_of_a_convolution_go_through_the_kernel(lab, server):
    open_instead(lab, server, "convolution.ipynb")
    run(lab, 0)
    view = lab.get_by_role("group", name="conv2d", exact=True)  # JupyterLab may have other notebooks open too
    line = view.locator(".tensor-formula")
    expect(line).to_contain_text("= 54")  # 0 + 1 + 2 + 5 + 6 + 7 + 10 + 11 + 12

    for name in ("stride", "dilation"):
        view.get_by_role("button", name=f"{name}: the same in both directions").click()
    view.get_by_role("slider", name="stride ↓").fill("2")
    expect(view.locator(".dlviz-count")).to_have_text("cell 1 / 6")

    cell = view.locator(".conv-row .tensor-grid").first.locator(".tensor-cell").nth(1)
    cell.dblclick()
    view.locator("input.conv-edit").fill("11")
    view.locator("input.conv-edit").press("Enter")
    expect(line).to_contain_text("= 11 feeds")
    cell.press("Escape")  # clears the selected element, and keeps its position
    expect(line).to_contain_text("= 64")

    dilation = view.get_by_role("slider", name="dilation ↓")
    dilation.press("ArrowRight")
    expect(line).to_contain_text("= 109")  # every second row: 0 + 11 + 2 + 10 + 11 + 12 + 20 + 21 + 22
    expect(dilation).to_be_focused()  # although all sliders were recreated
    dilation.press("ArrowRight")
    expect(view.locator('.dlviz-note[data-kind="bad"]')).to_contain_text(
        "Kernel size can't be greater than actual input size"
    )
    expect(line).to_contain_text("= 109")  # the last valid picture remains

    # All changes reach the kernel, perhaps with a delay, so the cell may run several times.
    run_until_printed(lab, 1, "STATE [2, 1] 0 (1, 1, 1, 3) 109 Calculated padded in")


def test_a_pixel_of_a_feature_map_opens_the_convolution_picture(lab, server):
    open_instead(lab, server, "network.ipynb")
    run(lab, 0)
    view = lab.get_by_role("group", name="layers", exact=True)
    maps = view.locator(".net-maps")
    expect(maps).to_have_count(6)

    maps.nth(1).press("ArrowRight")  # from channel 0 to channel 1
    maps.nth(1).press("Enter")
    expect(view.locator(".net-detail .dlviz-panel-title b")).to_have_text("0, channel 1 of 3")
    big = view.locator(".net-map")
    for _ in range(2):
        big.press("ArrowRight")
    big.press("Enter")
    window = view.get_by_role("group", name="conv2d", exact=True)
    expect(window.locator(".tensor-formula")).to_contain_text("y[0, 1, 0, 2] = ")
    expect(view.locator(".net-image + .net-note")).to_contain_text(
        "sees 3 × 3 of the input: rows 0 to 2, columns 2 to 4"
    )
    run_until_printed(lab, 1, "STATE [1, 1] [0, 2] ((0, 2), (2, 4)) 3 []")

    # A click on another pixel updates the same picture.
    big.click(position={"x": 3, "y": 3})
    expect(window.locator(".tensor-formula")).to_contain_text("y[0, 1, 0, 0] = ")
    run_until_printed(lab, 1, "STATE [1, 1] [0, 0] ((0, 2), (0, 2)) 1 []")

    # The painted occlusion goes through the model.
    scores = view.locator(".net-p").all_text_contents()
    view.locator(".net-image").press("Enter")
    expect(view.locator(".net-bar[data-before]")).to_have_count(4)
    assert view.locator(".net-p").all_text_contents() != scores
    run_until_printed(lab, 1, "STATE [1, 1] [0, 0] ((0, 2), (0, 2)) 1 [[4, 4, 1, 1]]")

    # Escape deselects the pixel, then the map.
    big.press("Escape")
    expect(view.get_by_role("group", name="conv2d", exact=True)).to_have_count(0)
    big.press("Escape")
    expect(view.locator(".net-detail")).to_be_hidden()

    run(lab, 2)  # the picture follows the model's new parameters
    assert text_of(lab, 2) == "7"


def test_a_decision_boundary_is_edited_painted_trained_and_scrubbed(lab, server):
    open_instead(lab, server, "decision_boundary.ipynb")
    run(lab, 0)
    view = lab.get_by_role("group", name="boundary", exact=True)
    head = view.locator(".dlviz-signature")
    expect(head).to_contain_text("100 points")

    view.locator(".boundary-layer-maps").nth(2).press("ArrowDown")
    view.locator(".boundary-layer-maps").nth(2).press("Enter")
    expect(view.locator(".boundary-unit .boundary-title b")).to_have_text("1 ReLU, unit 1 of 6")
    run(lab, 1)
    own = text_of(lab, 1).split()[3]
    field = view.get_by_role("textbox", name="weight of x₀, typed")
    field.fill("1.5")
    field.press("Enter")
    expect(view.locator(".boundary-equation")).to_contain_text("relu(1.5·x₀")
    expect(view.locator(".dlviz-badge")).to_have_text("edited copy")
    run_until_printed(lab, 1, "STATE [2, 1] 1.5 True (100, 2) 0 1")

    view.get_by_role("combobox", name="paint points of class").select_option("1")
    plane = view.locator(".boundary-canvas")
    for _ in range(2):
        plane.press("ArrowUp")
        plane.press("Enter")
    expect(head).to_contain_text("102 points")
    run_until_printed(lab, 1, "STATE [2, 1] 1.5 True (102, 2) 0 1")

    # Training is drawn while the cell runs, and the player can go back to earlier snapshots.
    run(lab, 2)
    expect(view.locator(".dlviz-count")).to_have_text("snapshot 10 / 10")
    expect(head).to_contain_text(f"loss {text_of(lab, 2)}")
    trained = head.inner_text()
    view.locator(".dlviz-first").click()
    expect(head).not_to_have_text(trained)
    run_until_printed(lab, 1, f"STATE [2, 1] {own} True (102, 2) 0 11")
    view.locator(".dlviz-player input").press("End")
    view.locator(".dlviz-player input").fill("10")
    expect(head).to_have_text(trained)


def test_a_slider_acts_while_the_cell_runs_and_stop_ends_it(lab, server):
    open_instead(lab, server, "live.ipynb")
    run(lab, 0)
    view = lab.get_by_role("group", name="live", exact=True)
    expect(view.locator(".live-empty")).to_be_visible()
    start(lab, 1)
    expect(view.locator(".dlviz-signature")).to_contain_text("running", timeout=20_000)
    expect(view.locator(".live-name")).to_have_count(1)

    slider = view.get_by_role("slider", name="lr")
    slider.fill("300")
    expect(view.locator(".dlviz-signature")).to_contain_text("running")
    expect(slider).to_have_js_property("value", "300")

    view.get_by_role("button", name="Pause").click()
    expect(view.locator(".dlviz-signature")).to_contain_text("paused")
    before = view.locator(".dlviz-signature").inner_text()
    view.get_by_role("button", name="One step", exact=True).click()
    expect(view.locator(".dlviz-signature")).not_to_have_text(before)
    view.get_by_role("button", name="Resume").click()
    expect(view.locator(".dlviz-signature")).to_contain_text("running")

    # A page reloaded during training has the complete curve.
    command(lab, "docmanager:save")
    lab.reload()
    lab.wait_for_function("() => globalThis.jupyterapp?.shell.currentWidget?.context?.path === 'live.ipynb'")
    view = lab.get_by_role("group", name="live", exact=True)
    expect(view.locator(".live-name")).to_have_count(1, timeout=30_000)
    expect(view.locator(".dlviz-signature")).to_contain_text("running", timeout=30_000)
    view.get_by_role("button", name="Stop").click()
    expect(view.locator(".dlviz-signature")).to_contain_text("stopped", timeout=20_000)
    run(lab, 2)
    told = text_of(lab, 2)
    assert re.fullmatch(r"STATE stopped True True ([\d.]+) \[\('lr', \1\)\]", told), told

    run(lab, 3)  # if the loop raises, the widget shows the error and keeps the logged values
    expect(view.locator('.dlviz-note[data-kind="bad"]')).to_contain_text("ValueError: oh")

    # The notebook's file contains the final picture, which is shown without a kernel.
    run(lab, 0)
    run(lab, 4)
    stills = lab.evaluate(
        """() => globalThis.jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON()
          .map((output) => output.data?.["text/html"]).filter(Boolean)"""
    )
    assert len(stills) == 1
    assert "dlviz.live(demo: finished at step 3, loss)" in "".join(stills[0])
    expect(lab.get_by_role("group", name="live", exact=True).locator(".live-name")).to_contain_text("loss 2")


def test_two_views_of_one_run_survive_a_restart_a_closed_tab_and_a_rerun_cell(lab, server):
    open_instead(lab, server, "shared.ipynb")
    run(lab, 0)
    run(lab, 1)
    views = lab.get_by_role("group", name="live", exact=True)
    heads = views.locator(".dlviz-signature")
    expect(views).to_have_count(2)
    start(lab, 2)
    for k in range(2):
        expect(heads.nth(k)).to_contain_text("running", timeout=20_000)
        expect(views.nth(k).locator(".live-name")).to_have_count(1)
    expect(heads.nth(0)).to_contain_text(re.compile(r"step ([4-9]\d|\d,?\d{3}|\d{3})"), timeout=30_000)

    # After a restart from the second view, both views show the new curve and the old one behind it.
    views.nth(1).get_by_role("button", name="Restart").click()
    for k in range(2):
        expect(views.nth(k).get_by_role("region", name="Runs").locator("tbody tr")).to_have_count(2, timeout=20_000)
    # A slider moved in one view moves in the other.
    views.nth(0).get_by_role("slider", name="lr").fill("100")
    expect(views.nth(1).get_by_role("slider", name="lr")).to_have_js_property("value", "100")
    expect(heads.nth(0)).to_contain_text(re.compile(r"step ([7-9]\d|\d,?\d{3}|\d{3})"), timeout=30_000)

    # The tab is closed during training and reopened: nothing is lost.
    command(lab, "docmanager:save")
    lab.goto("about:blank")
    lab.goto(f"{server}/lab/tree/shared.ipynb?token=t")
    expect(views).to_have_count(2, timeout=60_000)
    expect(heads.nth(0)).to_contain_text("running", timeout=30_000)
    expect(views.nth(0).get_by_role("region", name="Runs").locator("tbody tr")).to_have_count(2, timeout=20_000)
    views.nth(0).get_by_role("button", name="Stop").click()
    for k in range(2):
        expect(heads.nth(k)).to_contain_text("stopped", timeout=20_000)
    run_until_printed(lab, 3, "STATE stopped 1 True True True")

    # A cell that creates and trains a run is run again while the previous run is shown: there is one view, of the new run.
    for _ in range(2):
        run(lab, 4)
        expect(views).to_have_count(3)
        expect(heads.nth(2)).to_contain_text("again · finished · step 300 of 300", timeout=20_000)
    # If the run is displayed in a box, it is not displayed again where its loop starts.
    run(lab, 5)
    expect(views).to_have_count(4)
    expect(heads.nth(3)).to_contain_text("boxed · finished · step 3 of 3", timeout=20_000)

    # Restarting the kernel during a loop ends the loop; the curve remains visible.
    start(lab, 2)
    expect(heads.nth(0)).to_contain_text("running", timeout=20_000)
    lab.evaluate("() => globalThis.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    lab.wait_for_timeout(500)
    reading = views.nth(0).locator(".live-name").last
    before = reading.inner_text()
    assert float(before.split()[-1].replace("−", "-")) > 0
    views.nth(0).locator(".dlviz-player input").fill("50")
    expect(reading).not_to_have_text(before)  # the player works without a kernel


def test_user_actions_in_the_other_rooms_widgets_reach_the_kernel(lab, server):
    open_instead(lab, server, "others.ipynb")
    views = lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .dlviz")
    for place, (_, act, _, answer) in enumerate(OTHERS):
        run(lab, 2 * place)
        expect(views).to_have_count(place + 1)
        act(views.nth(place))
        run_until_printed(lab, 2 * place + 1, answer)


@pytest.fixture(params=["dlviz lab", "jupyter lab"])
def own_lab(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """Start JupyterLab, with the settings that `dlviz lab` brings or without; yield its address and folder."""
    settings = {"JUPYTER_CONFIG_PATH": str(JUPYTER_CONFIG)} if request.param == "dlviz lab" else {}
    with serving(tmp_path, **settings) as address:
        yield address, tmp_path


def next_morning(page: Page, server: str, name: str) -> None:
    """Save, shut the kernel down, and open the notebook again; JupyterLab starts a new kernel, which knows nothing."""
    command(page, "docmanager:save")
    page.evaluate("() => globalThis.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.goto("about:blank")
    open_notebook(page, server, name)


def test_the_next_morning_the_pictures_are_there_and_play_without_their_kernel(chromium, own_lab):
    server, folder = own_lab
    write_notebook(folder / "morning.ipynb", MORNING_CELLS)
    # JupyterLab removes cells from the page that are scrolled out of view.
    tall = chromium.new_context(viewport={"width": 1300, "height": 4000}, color_scheme="light")
    with tall, page_on(tall, server) as page:
        open_notebook(page, server, "morning.ipynb")
        command(page, "notebook:run-all-cells")
        assert [output["evalue"] for output in outputs_of(page) if output["output_type"] == "error"] == []
        views = page.locator(".dlviz")
        expect(views).to_have_count(4, timeout=60_000)
        for _ in range(2):  # the second time, the notebook is saved without having been run
            next_morning(page, server, "morning.ipynb")
            expect(views).to_have_count(4, timeout=60_000)
            expect(page.get_by_text("Error displaying widget")).to_have_count(0)
            graph = views.first
            graph.locator("input[type=range]").fill("0")
            expect(graph.locator(".pill")).to_have_count(0)
            graph.locator(".dlviz-play").click()
            expect(graph.locator(".pill")).to_have_count(4)
            expect(views.nth(1).locator(".tensor-cell").first).to_have_text("0")
            expect(views.nth(2).locator(".tensor-formula")).to_contain_text("= 54")
            expect(views.nth(3).locator(".live-name")).to_contain_text("loss 49")
        # One cell is run again: its picture replaces the saved one, whose state is dropped; the others stay.
        run(page, 0)
        expect(views).to_have_count(4)
        next_morning(page, server, "morning.ipynb")
        expect(views).to_have_count(4, timeout=60_000)
        book = nbformat.read(folder / "morning.ipynb", 4)
        states = book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
        assert len([one for one in states.values() if "scene" in one["state"]]) == 4


@pytest.mark.parametrize(
    "name",
    ["03-autograd", *(pytest.param(name, marks=pytest.mark.slow) for name in ("01-tensors", "02-views-and-strides"))],
)
def test_a_lesson_runs_completely(name, lab, server):
    open_instead(lab, server, f"{name}.ipynb")
    command(lab, "notebook:run-all-cells")
    outputs = outputs_of(lab)
    assert [output for output in outputs if output["output_type"] == "error"] == []
    shown = [output for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
    assert len(shown) >= 8
    # JupyterLab removes cells from the page that are scrolled out of view.
    lab.evaluate("() => globalThis.jupyterapp.shell.currentWidget.content.scrollToItem(3).then(() => null)")
    expect(lab.locator(".dlviz").locator(".card, .tensor-cell").locator("visible=true").first).to_be_visible()
