"""Exported pages of the optimizers room, used with mouse and keyboard, compared with torch's numbers."""

import math
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from torch.optim import SGD

import dlviz
from tests.browser.conftest import await_frames, until
from tests.optimizers.reference import LOSSES, OPTIMIZERS, plain_loop

MARKUP = "<b>bold</b> & a very long name of an optimizer"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    view = dlviz.race(OPTIMIZERS, "ravine", steps=60)
    result = {"race": view.to_html()}
    view.step = 0
    result["start"] = view.to_html()
    result["opened"] = dlviz.race(OPTIMIZERS, "ravine", steps=60, opened="Adam", step=7).to_html()
    result["3d"] = dlviz.race(OPTIMIZERS, "ravine", steps=60, view="3d", step=20).to_html()
    result["rosenbrock"] = dlviz.race({MARKUP: (SGD, {"lr": 5e-4}), "fast": (SGD, {"lr": 0.1})}, "rosenbrock").to_html()
    result["surface"] = dlviz.surface("himmelblau").to_html()
    result["path"] = dlviz.surface("bowl", path=[(2.0, 1.0), (1.0, 0.0), (0.0, 0.5)]).to_html()
    net, x = torch.nn.Linear(3, 2), torch.rand(9, 3)
    line = lambda p: (2 * p[0] + p[1] - 3) ** 2 + p[0] ** 2  # noqa: E731
    named = {"axes": ("w", MARKUP), "limits": (-2, 3), "start": (1, 2), "opened": "SGD"}
    result["named"] = dlviz.race([(SGD, {"lr": 0.05})], line, **named).to_html()
    result["named 3d"] = dlviz.race([(SGD, {"lr": 0.05})], line, view="3d", **named).to_html()
    result["net"] = dlviz.surface(net, loss=lambda m: m(x).pow(2).mean()).to_html()
    return result


NAMES = ("race", "start", "opened", "rosenbrock", "surface", "path", "named", "net")


def pixel(page: Page, x: float, y: float) -> tuple[int, ...]:
    """Return the color of a point of the map, given in CSS pixels from the corner of its frame."""
    return tuple(
        page.eval_on_selector(
            ".optim-map canvas",
            """(node, [x, y]) => {
              const ratio = node.width / node.clientWidth;
              const at = [(x + 50) * ratio, (y + 8) * ratio].map(Math.round);
              return [...node.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
            }""",
            [x, y],
        )
    )


def frame(page: Page) -> tuple[float, float]:
    """Return the width and height of the map without its margins."""
    box = page.locator(".optim-map canvas").bounding_box()
    return box["width"] - 64, box["height"] - 44


def position(page: Page, p, limits=((-3, 3), (-2, 2))) -> tuple[float, float]:
    """Return the position of two parameter values on the map."""
    wide, high = frame(page)
    (x0, x1), (y0, y1) = limits
    return (float(p[0]) - x0) / (x1 - x0) * wide, (1 - (float(p[1]) - y0) / (y1 - y0)) * high


def token(page: Page, name: str) -> tuple[int, ...]:
    text = page.eval_on_selector(".dlviz", f"node => getComputedStyle(node).getPropertyValue('--{name}').trim()")
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def row(page: Page, name: str) -> list[str]:
    result = page.locator(".optim-table tbody tr").filter(has=page.get_by_role("button", name=name, exact=True))
    return result.locator("td").all_inner_texts()


def set_slider(page: Page, slider: str, value: int) -> None:
    page.locator(slider).evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input', { bubbles: true })); }", value
    )
    await_frames(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".optim-map canvas")).to_be_visible()
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_maps_colors_are_the_losses(open_page, pages, theme):
    page = open_page(pages["surface"], theme=theme)
    await_frames(page)
    view = dlviz.surface("himmelblau")
    about = view.scene["surface"]
    stops = np.array([token(page, f"height-{k}") for k in range(5)])
    checked = 0
    for p in ((-4.5, 4.5), (3.0, 2.0), (0.1, 0.1), (4.7, -4.6), (-2.0, -1.0), (1.7, 4.2), (-4.3, 0.8), (0.5, -3.0)):
        c, r = round((p[0] + 5) / 0.1), round((p[1] + 5) / 0.1)
        loss = float(view.values[r, c])
        if min(abs(loss - level) / (level + 1) for level in view.levels) < 0.08:
            continue  # a contour line or its label is here
        share = math.log1p((loss - about["low"]) / about["unit"]) / math.log1p(
            (about["high"] - about["low"]) / about["unit"]
        )
        wanted = [float(np.interp(4 * share, range(5), channel)) for channel in stops.T]
        x, y = position(page, (view.x[c], view.y[r]), ((-5, 5), (-5, 5)))
        # In the corner of its cell, away from contour lines and the cross of a minimum.
        result = pixel(page, x, y)
        assert max(abs(a - b) for a, b in zip(result, wanted, strict=True)) <= 3, p
        checked += 1
    assert checked >= 4


def test_the_crosshair_shows_the_loss_at_its_position(open_page, pages):
    page = open_page(pages["surface"])
    await_frames(page)
    expect(page.locator(".optim-levels").first).to_have_text(re.compile(r"^Contour lines at a loss of [\d.]+, [\d.]+"))
    expect(page.locator(".optim-readout").first).to_be_hidden()
    x, y = position(page, (2.0, -1.0), ((-5, 5), (-5, 5)))
    page.locator(".optim-map").hover(position={"x": x + 50, "y": y + 8})
    readout = page.locator(".optim-readout").first
    expect(readout).to_have_text("(x, y) = (2, −1): loss 80")
    box, map_box = readout.bounding_box(), page.locator(".optim-map").bounding_box()
    at = map_box["x"] + x + 50
    assert min(abs(box["x"] - at), abs(box["x"] + box["width"] - at)) < 20
    page.locator(".optim-map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    text = page.locator(".optim-readout").first.inner_text()
    a, b, loss = map(number, re.fullmatch(r"\(x, y\) = \((.+), (.+)\): loss (.+)", text).groups())
    assert (a, b) == pytest.approx((2.1, -0.9))
    assert loss == pytest.approx(float(LOSSES["himmelblau"](torch.tensor([a, b]))), rel=1e-3)


def test_the_two_parameters_have_their_names_everywhere(open_page, pages):
    page = open_page(pages["named"])
    await_frames(page)
    expect(page.locator(".dlviz")).to_contain_text(f"from (w, {MARKUP}) = (1, 2)")
    expect(page.locator(".optim-details dt").first).to_have_text(f"p = (w, {MARKUP})")
    x, y = position(page, (0.0, 0.5), ((-2, 3), (-2, 3)))
    page.locator(".optim-map").hover(position={"x": x + 50, "y": y + 8})
    expect(page.locator(".optim-readout").first).to_have_text(f"(w, {MARKUP}) = (0, 0.5): loss 6.25")
    page = open_page(pages["named 3d"])
    surface = page.locator(".optim-surface3d")
    expect(surface.locator("canvas").first).to_be_visible(timeout=20_000)
    titles = surface.evaluate("node => ['xaxis', 'yaxis'].map((name) => node.layout.scene[name].title.text)")
    # plotly would interpret <b> as markup.
    assert [title.replace("\u200b", "") for title in titles] == ["w", MARKUP]
    assert titles[1].startswith("<\u200bb>")
    assert surface.evaluate("node => node.data[0].meta").replace("\u200b", "") == f"(w, {MARKUP}) = "
    page = open_page(pages["net"])
    await_frames(page)
    page.locator(".optim-map").focus()
    page.keyboard.press("ArrowRight")
    # Directions through a network have descriptions, not names.
    expect(page.locator(".optim-readout").first).to_have_text(re.compile(r"^\([^x]+, [^y]+\): loss "))


def test_markers_and_table_show_torchs_parameters(open_page, pages):
    page = open_page(pages["race"])
    page.locator(".dlviz-first").click()
    for _ in range(6):
        page.locator(".dlviz-next").click()
    await_frames(page)
    expect(page.locator(".dlviz-count")).to_have_text("step 6 / 60")
    inks = {name: f"run-{k % 6}" for k, name in enumerate(OPTIMIZERS)}
    for name, (kind, arguments) in OPTIMIZERS.items():
        points, losses, _ = plain_loop(kind, arguments, LOSSES["ravine"], (-2.5, 1.0), 7)
        lr, loss, stride, away = map(number, row(page, name))
        assert lr == arguments["lr"]
        assert loss == pytest.approx(float(losses[6]), rel=1e-3)
        assert stride == pytest.approx(float((points[6] - points[5]).norm()), rel=1e-2)
        assert away == pytest.approx(float(points[6].norm()), rel=1e-2)
        if name in ("SGD", "momentum", "Adagrad"):  # no other marker covers them
            assert pixel(page, *position(page, points[6])) == token(page, inks[name])


def test_momentum_is_an_arrow_along_the_momentum_buffer(open_page, pages):
    page = open_page(pages["race"])
    page.locator(".dlviz-first").click()
    for _ in range(3):
        page.locator(".dlviz-next").click()
    await_frames(page)
    kind, arguments = OPTIMIZERS["momentum"]
    p = torch.tensor([-2.5, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = kind([p], **arguments)
    for _ in range(3):
        optimizer.zero_grad()
        LOSSES["ravine"](p).backward()
        optimizer.step()
    buffer = optimizer.state[p]["momentum_buffer"]
    gradient = torch.tensor([p[0].item(), 20 * p[1].item()])
    longest = max(float(buffer.norm()), float(gradient.norm()))
    x, y = position(page, p.detach())
    share = 30 / float(buffer.norm()) * min(1.0, float(buffer.norm()) / longest)
    at = x - share * float(buffer[0]), y + share * float(buffer[1])
    near = [pixel(page, at[0] + dx, at[1] + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    assert token(page, f"run-{list(OPTIMIZERS).index('momentum')}") in near


def test_playing_moves_all_optimizers_to_the_end(open_page, pages):
    page = open_page(pages["start"])
    before = {name: row(page, name) for name in OPTIMIZERS}
    page.locator(".dlviz-play").click()
    expect(page.locator(".dlviz-count")).to_have_text("step 60 / 60", timeout=9_900)
    after = {name: row(page, name) for name in OPTIMIZERS}
    assert all(before[name][1] != after[name][1] for name in OPTIMIZERS)


def test_keys_step_and_escape_closes_the_open_optimizer(open_page, pages):
    page = open_page(pages["opened"])
    page.locator(".dlviz").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-count")).to_have_text("step 8 / 60")
    page.keyboard.press("Home")
    expect(page.locator(".optim-details")).to_contain_text("At the start nothing has been kept yet")
    page.keyboard.press("Escape")
    expect(page.locator(".optim-title")).to_have_count(0)


def test_an_opened_optimizer_shows_its_state_and_its_formula_in_numbers(open_page, pages):
    page = open_page(pages["race"])
    page.get_by_role("button", name="Adam", exact=True).click()
    page.locator(".dlviz-first").click()
    for _ in range(4):
        page.locator(".dlviz-next").click()
    await_frames(page)
    kind, arguments = OPTIMIZERS["Adam"]
    p = torch.tensor([-2.5, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = kind([p], **arguments)
    for _ in range(4):
        optimizer.zero_grad()
        LOSSES["ravine"](p).backward()
        optimizer.step()
    texts = page.locator(".optim-details dd").all_inner_texts()
    pairs = [tuple(map(number, text.strip("()").split(", "))) for text in texts]
    state = optimizer.state[p]
    wanted = [p.detach(), torch.tensor([p[0].item(), 20 * p[1].item()]), state["exp_avg"], state["exp_avg_sq"]]
    for result, value in zip(pairs, wanted, strict=True):
        assert result == pytest.approx(tuple(value.tolist()), rel=1e-3)
    lines = page.locator(".optim-formula").all_inner_texts()
    assert [line.split(" ← ")[0] for line in lines] == ["m", "v", "m̂", "v̂", "p"]
    assert lines[0].endswith(f"= {texts[2]}")
    assert lines[4].endswith(f"= {texts[0]}")
    expect(page.locator(".optim-table tr[data-open] b")).to_have_text("Adam")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".optim-formula")).to_have_count(0)


def test_a_click_on_a_path_opens_it(open_page, pages):
    page = open_page(pages["race"])
    await_frames(page)
    points, _, _ = plain_loop(*OPTIMIZERS["momentum"], LOSSES["ravine"], (-2.5, 1.0), 5)
    x, y = position(page, points[3])
    page.locator(".optim-map").click(position={"x": x + 50, "y": y + 8})
    expect(page.locator(".optim-title b")).to_contain_text("momentum=0.9")


def test_the_slider_works_without_a_kernel_and_passes_the_divergence_limit(open_page, pages):
    page = open_page(pages["race"])
    slider = ".optim-slider input"
    expect(page.locator(".optim-threshold")).to_contain_text("SGD diverges above lr = 2 / λmax = 0.1")
    expect(page.locator(".optim-slider output")).to_have_text("×1")
    for value, scale, diverges in ((10, 1.47, False), (11, 2.15, True)):
        set_slider(page, slider, value)
        expect(page.locator(".optim-slider output")).to_have_text(f"×{scale}")
        _, losses, _ = plain_loop(SGD, {"lr": 0.05 * scale}, LOSSES["ravine"], (-2.5, 1.0), 61)
        assert number(row(page, "SGD")[1]) == pytest.approx(float(losses[60]), rel=1e-2)
        assert (page.locator(".optim-ended:visible").count() > 0) is diverges
    expect(page.locator(".optim-ended:visible").first).to_have_text(re.compile(r"^diverged at step \d+$"))
    track = page.locator(slider).bounding_box()
    marks = [one.bounding_box()["x"] + 1 for one in page.locator(".optim-mark i").all()]
    shares = [
        math.log(over / 0.0316) / math.log(31.6 / 0.0316)
        for over in (0.1 / 0.05, 2 * 1.9 / (20 * 2.8) / 0.02, 0.19 / 0.02)
    ]
    assert marks == pytest.approx([track["x"] + 7 + share * (track["width"] - 14) for share in shares], abs=1.5)


def test_a_path_that_becomes_nan_shows_the_step(open_page, pages):
    page = open_page(pages["rosenbrock"])
    expect(page.locator(".optim-ended:visible")).to_have_text(re.compile(r"^diverged at step 1 \(NaN\)$"))
    assert row(page, "fast")[1] == "NaN"
    expect(page.locator(".optim-threshold")).to_contain_text("This is local")


def test_a_learners_name_is_text_and_no_markup(open_page, pages):
    page = open_page(pages["rosenbrock"])
    expect(page.locator(".optim-name b").first).to_have_text(MARKUP)
    assert page.locator(".optim-name b b").count() == 0


def test_only_a_surface_with_a_path_has_a_player(open_page, pages):
    page = open_page(pages["surface"])
    expect(page.locator(".dlviz-player")).to_be_hidden()
    page = open_page(pages["path"])
    expect(page.locator(".dlviz-count")).to_have_text("step 2 / 2")
    page.locator(".dlviz-back").click()
    await_frames(page)
    assert [number(text) for text in page.locator(".optim-table tbody td:visible").all_inner_texts()[:2]] == [0.5, 1.41]


@pytest.mark.parametrize("name", ["race", "opened", "rosenbrock", "net"])
@pytest.mark.parametrize("width", [520, 700, 860, 1000, 1300])
def test_nothing_is_cut_off(open_page, pages, name, width):
    page = open_page(pages[name], width=width)
    await_frames(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    card = page.locator(".dlviz").bounding_box()
    for part in (
        ".optim-map canvas",
        ".optim-table",
        ".optim-lr",
        ".optim-mark span",
        ".optim-formula",
        ".optim-threshold",
        ".dlviz-player",
    ):
        for one in page.locator(part).all():
            if one.is_visible():
                box = one.bounding_box()
                assert box["x"] >= card["x"], part
                assert box["x"] + box["width"] <= card["x"] + card["width"] + 0.5, part
    scrolls = page.eval_on_selector_all(".optim-side", "nodes => nodes.map((n) => n.scrollWidth - n.clientWidth)")
    assert all(one <= 0 for one in scrolls)
    marks = [one.bounding_box() for one in page.locator(".optim-mark span").all()]
    for i, a in enumerate(marks):
        for b in marks[:i]:
            apart = a["x"] >= b["x"] + b["width"] or b["x"] >= a["x"] + a["width"]
            assert apart or abs(a["y"] - b["y"]) > 10


def test_a_page_without_a_3d_view_does_not_contain_plotly(open_page, pages):
    page = open_page(pages["race"])
    expect(page.locator(".optim-views")).to_be_hidden()
    assert page.evaluate("[typeof globalThis.dlvizPlotly, typeof globalThis.Plotly]") == ["undefined", "undefined"]
    assert len(pages["race"]) < len(pages["3d"]) - 1_900_000


def settled_camera(page: Page, plot, eye: str) -> list[float]:
    """Return the camera once plotly's animation of it has ended: the same at ten animation frames in a row."""
    seen: list[list[float]] = []
    while len(seen) < 10 or any(one != seen[-1] for one in seen[-10:]):
        assert len(seen) < 600, "the camera does not come to rest"
        await_frames(page)
        seen.append(plot.evaluate(eye))
    return seen[-1]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_3d_view_rotates_and_steps_without_requests(open_page, pages, theme):
    page = open_page(pages["3d"], theme=theme)
    plot = page.locator(".optim-surface3d")
    expect(plot.locator("canvas").first).to_be_visible(timeout=20_000)
    expect(page.locator(".optim-levels:visible")).to_contain_text("arrow keys to rotate")
    data = "node => node.data.map((one) => [one.type, one.mode, one.x && one.x.length])"
    traces = plot.evaluate(data)
    assert traces[0][0] == "surface"
    assert [one[2] for one in traces if one[1] == "lines"][1:] == [21] * len(OPTIMIZERS)
    about = dlviz.surface("ravine").scene["surface"]
    heights = plot.evaluate("node => [node.data[0].z[0][0], node.data[0].z[50][50], node.data[0].customdata[0][0]]")
    assert heights == pytest.approx([1, 0, about["high"]], abs=1e-9)
    eye = "node => { const { x, y, z } = node._fullLayout.scene._scene.getCamera().eye; return [x, y, z]; }"
    before = plot.evaluate(eye)
    plot.focus()
    page.keyboard.press("ArrowRight")
    until(
        page,
        f"(before) => Math.abs(({eye})(document.querySelector('.optim-surface3d'))[0] - before) > 0.05",
        arg=before[0],
    )
    after = plot.evaluate(eye)
    assert math.hypot(*after) == pytest.approx(math.hypot(*before), rel=1e-3)
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    until(
        page,
        f"(before) => Math.abs(({eye})(document.querySelector('.optim-surface3d'))[0] - before) > 0.05",
        arg=after[0],
    )
    after = settled_camera(page, plot, eye)
    page.locator(".dlviz-next").click()
    until(page, "document.querySelector('.optim-surface3d').data.at(-2).x.length === 22")
    assert plot.evaluate(eye) == pytest.approx(after, abs=1e-3)
    assert page.evaluate("[typeof globalThis.Plotly, typeof globalThis.moduleName]") == ["undefined", "undefined"]
    page.get_by_role("button", name="2-D").click()
    expect(page.locator(".optim-map canvas")).to_be_visible()
    page.get_by_role("button", name="3-D").click()
    expect(plot).to_be_visible()


def test_axe_finds_nothing_serious_in_the_3d_view(open_page, axe, pages):
    page = open_page(pages["3d"], bypass_csp=True)
    expect(page.locator(".optim-surface3d canvas").first).to_be_visible(timeout=20_000)
    axe(page)
