"""Exported pages of `dlviz.duel`, and live ones with this process as kernel, compared with torch's numbers."""

import copy
import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from tests.browser.conftest import until, until_holds
from tests.browser.test_network import colors, number, pixel
from tests.gan.models import Pair, image_pair, images, mlp

#: Position of the plane on its canvas, and grid points along a side.
LEFT, TOP, SIZE, SIDE = 38, 6, 360, 30


def made(pair=None, **options):
    one = pair or Pair(lr=0.02)
    options = {"modes": one.centers, "mode_radius": 0.5, "samples": 40, "resolution": SIDE} | options
    return one, dlviz.duel(one.generator, one.discriminator, one.real, **options)


def trained(**options):
    torch.manual_seed(0)
    one, view = made(**options)
    for label in ("", "middle", "", ""):
        for _ in range(10):
            losses = one.step_d(), one.step_g()
        view.update(*losses, label=label)
    return view


def pictures(**options):
    generator, discriminator = image_pair()
    classifier = nn.Sequential(nn.Flatten(), mlp(36, 5))
    return dlviz.duel(generator, discriminator, images(), classifier=classifier, samples=30, **options)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    one = Pair()
    return {
        "plane": trained().to_html(),
        "selected": trained(selected=7, show_grid=True).to_html(),
        "critic": dlviz.duel(one.generator, one.discriminator, one.real, output="score", noise=2).to_html(),
        "images": pictures(selected=2).to_html(),
    }


def spot(view, x: float, y: float) -> dict[str, float]:
    """Return the pixel of a point of the plane on the canvas."""
    left, right, bottom, top = view.record.limits
    return {"x": LEFT + (x - left) / (right - left) * SIZE, "y": TOP + (top - y) / (top - bottom) * SIZE}


def numbers(text: str) -> list[float]:
    return [number(found) for found in re.findall(r"[−-]?\d+(?:\.\d+)?(?:e[−-]?\d+)?", text.replace("x₀", ""))]


def show(page: Page, step: int) -> None:
    page.evaluate("step => dlvizModel.set('step', step)", step)


@pytest.mark.parametrize(
    ("name", "theme"),
    [("plane", "light"), ("selected", "dark"), ("critic", "light"), ("images", "light"), ("images", "dark")],
)
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".duel-canvas, .duel-images").first).to_be_visible()
    expect(page.locator(".dlviz-train")).to_be_hidden()  # nobody trains in a page
    if name == "images":
        expect(page.locator(".duel-below")).to_have_text("Below each image: D, the probability that it is real.")
    else:
        expect(page.locator(".duel-legend")).to_contain_text("score: " if name == "critic" else "D: 0 fake1 real")
    if name != "critic":
        page.locator("summary").click()
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colors_of_the_plane_are_the_discriminators_probabilities(open_page, theme):
    view = trained(show_arrows=False, painted=[(99.0, 99.0)])  # a point outside covers nothing
    page = open_page(view, theme=theme)
    heat = view.heat.reshape(SIDE, SIDE)
    covered = {
        (int(y // 12), int(x // 12))
        for x, y in ((p["x"] - LEFT, p["y"] - TOP) for p in (spot(view, *f) for f in view.fakes.tolist()))
    }
    paper, real, fake = (
        torch.tensor(colors(page, name), dtype=torch.float32) for name in ("paper", "class-0", "class-1")
    )
    tried = 0
    for row in range(2, SIDE - 2, 3):
        for column in range(2, SIDE - 2, 3):
            if any((row + a, column + b) in covered for a in (-1, 0, 1) for b in (-1, 0, 1)):
                continue
            share = 0.5 * float(heat[row, column] - 0.5) / 0.5
            wanted = paper + ((real if share > 0 else fake) - paper) * abs(share)
            found = pixel(page, ".duel-canvas canvas", LEFT + (column + 0.5) * 12, TOP + (row + 0.5) * 12)
            assert max(abs(a - b) for a, b in zip(found, wanted.tolist(), strict=True)) <= 4
            tried += 1
    assert tried > 20


def test_the_pointer_and_the_arrow_keys_read_the_discriminator(open_page, pages):
    view = trained()
    page = open_page(pages["plane"], reduced_motion=True)
    canvas, readout = page.locator(".duel-canvas"), page.locator(".dlviz-readout")
    expect(readout).to_be_hidden()
    canvas.hover(position={"x": LEFT + 12 * 20.5, "y": TOP + 12 * 7.5})
    p = 7 * SIDE + 20
    expected = [view.heat[p], view.record.heat_logits[p], *view.record.heat_gradients[p]]
    assert numbers(readout.inner_text())[2:] == pytest.approx([float(value) for value in expected], rel=6e-3)
    page.keyboard.press("Tab")
    page.mouse.move(0, 0)
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    p = 12 * SIDE + 21
    expected = [view.heat[p], view.record.heat_logits[p], *view.record.heat_gradients[p]]
    assert numbers(readout.inner_text())[2:] == pytest.approx([float(value) for value in expected], rel=6e-3)
    assert page.evaluate("dlvizModel.get('step')") == view.step  # the arrows moved the cursor, not the player


def test_a_fake_is_selected_with_mouse_and_keyboard_and_shown_in_numbers(open_page, pages):
    view = trained()
    page = open_page(pages["plane"], reduced_motion=True)
    k = int((view.fakes - view.fakes.mean(0)).norm(dim=1).argmax())
    page.locator(".duel-canvas").click(position=spot(view, *view.fakes[k].tolist()))
    assert page.evaluate("dlvizModel.get('selected')") == k
    expect(page.locator(".duel-fake b")).to_have_text(f"Fake {k}")
    lines = [numbers(text) for text in page.locator(".duel-fake div").all_inner_texts()]
    record = view.record
    assert lines[0] == pytest.approx([*record.noise[k].tolist(), *record.fakes[k].tolist()], rel=6e-3)
    assert lines[1] == pytest.approx([float(record.d_fake[k]), float(record.logits_fake[k])], rel=6e-3)
    expected = [*record.gradients[k].tolist(), float(record.gradients[k].norm())]
    assert lines[2] == pytest.approx(expected, rel=6e-3)
    page.keyboard.press("Escape")
    assert page.evaluate("dlvizModel.get('selected')") == -1
    page.locator(".duel-canvas").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("dlvizModel.get('selected')") >= 0


def test_the_fakes_of_a_snapshot_are_drawn_where_torch_sends_them(open_page, pages):
    view = trained()
    page = open_page(pages["plane"], reduced_motion=True)
    page.get_by_role("switch", name="gradients").uncheck()
    for step in (0, 2, 4):
        show(page, step)
        view.step = step
        fill = colors(page, "class-1")
        inside = [f for f in view.fakes.tolist() if 60 < spot(view, *f)["x"] < 380 and 30 < spot(view, *f)["y"] < 340]
        assert len(inside) > 10
        until(page, "([x, y, fill]) => { const c = document.querySelector('.duel-canvas canvas'), r = c.width / c.clientWidth;"
              "const d = c.getContext('2d').getImageData(Math.round(x * r), Math.round(y * r), 1, 1).data;"
              "return fill.every((v, i) => Math.abs(v - d[i]) < 6); }",
              [*spot(view, *inside[-1]).values(), list(fill)])  # fmt: skip
        hits = [pixel(page, ".duel-canvas canvas", *spot(view, *f).values()) for f in inside]
        assert sum(max(abs(a - b) for a, b in zip(hit, fill, strict=True)) < 6 for hit in hits) >= 0.9 * len(hits)


def test_switches_draw_and_hide_gradients_grid_and_colors(open_page, pages):
    page = open_page(pages["plane"], reduced_motion=True)
    shot = lambda: page.eval_on_selector(".duel-canvas canvas", "node => node.toDataURL()")  # noqa: E731
    for name, trait in (("gradients", "show_arrows"), ("G’s grid", "show_grid"), ("D", "show_heat")):
        before, was = shot(), page.evaluate("name => dlvizModel.get(name)", trait)
        page.get_by_role("switch", name=name, exact=True).click()
        assert page.evaluate("name => dlvizModel.get(name)", trait) is not was
        until(page, "before => document.querySelector('.duel-canvas canvas').toDataURL() !== before", before)
    expect(page.locator(".duel-arrow")).to_have_count(0)
    expect(page.locator(".duel-bar")).to_have_count(0)


def test_the_measures_follow_the_player_and_a_click_on_a_chart_goes_there(open_page, pages):
    view = trained()
    page = open_page(pages["plane"])
    series = view.series
    values = page.locator(".duel-values")
    for step in (0, 2, 4):
        show(page, step)
        assert numbers(values.nth(1).inner_text()) == pytest.approx([float(series["energy"][step])], rel=6e-3)
        modes, count, quality = numbers(values.nth(2).inner_text())
        assert (modes, count) == (series["modes"][step], 8)
        assert quality == pytest.approx(100 * series["quality"][step], rel=6e-3)
        losses = [float(series[name][step]) for name in ("d_loss", "g_loss")] if step else []
        assert numbers(values.nth(0).inner_text()) == pytest.approx(losses, rel=6e-3)
        assert re.findall("[DG]", values.nth(0).inner_text()) == ["D", "G"]  # which line is which, also without losses
    charts = page.locator(".duel-charts .dlviz-snapshots")
    box = charts.nth(1).bounding_box()
    charts.nth(1).click(position={"x": 46 + (box["width"] - 58) / 4 + 2, "y": 40})
    assert page.evaluate("dlvizModel.get('step')") == 1
    assert "Energy distance over 5 snapshots" in charts.nth(1).get_attribute("aria-label")


def test_the_fold_marks_every_fake_on_the_curves(open_page, pages):
    view = trained()
    page = open_page(pages["plane"])
    page.locator("summary").click()
    ticks = page.locator(".duel-ticks").get_attribute("d")
    assert ticks.count("M") == 40
    d = torch.tensor([number(x) for x in re.findall(r"M([\d.]+),", ticks)])
    assert torch.allclose((d - 30) / (340 - 12 - 30), view.d_fake, atol=1e-3)
    means = numbers(page.locator(".duel-strength-text p").last.inner_text())
    expected = [float((1 - view.d_fake).mean()), float(view.d_fake.mean()), float(view.record.gradient_norms.mean())]
    assert means[0] == 40
    assert [means[1], means[2], means[4]] == pytest.approx(expected, rel=6e-3)  # means[3] is the 1 of log(1 − D)


def test_the_snapshots_play_with_the_keyboard(open_page, pages):
    page = open_page(pages["plane"])
    page.locator(".dlviz").focus()
    page.keyboard.press("Home")
    assert page.evaluate("dlvizModel.get('step')") == 0
    page.keyboard.press(" ")
    until(page, "dlvizModel.get('step') === 4 && !dlvizModel.get('playing')")
    page.keyboard.press(",")
    expect(page.locator(".dlviz-count")).to_have_text("snapshot 3 / 4")


def test_images_show_the_discriminators_answer_and_the_gradient_of_a_selected_one(open_page, pages):
    view = pictures()
    page = open_page(pages["images"])
    grids = page.locator(".duel-images")
    for k, d in enumerate((view.d_real[torch.linspace(0, 59, 25).round().long()], view.d_fake[:25])):
        texts = [number(text) for text in grids.nth(k).locator(".duel-image span").all_inner_texts()]
        assert texts == pytest.approx(d.tolist(), abs=0.0051)
    page.locator("button.duel-image").nth(4).click()
    expect(page.locator("button.duel-image").nth(4)).to_have_attribute("aria-pressed", "true")
    gradient = view.gradients[4, 0]
    paper, pos, neg = (torch.tensor(colors(page, name), dtype=torch.float32) for name in ("paper", "pos", "neg"))
    for row, column in ((0, 0), (2, 3), (5, 1)):
        value = gradient[row, column]
        wanted = paper + ((pos if value > 0 else neg) - paper) * (value.abs() / gradient.abs().max())
        at = ((column + 0.5) * 124 / 6, (row + 0.5) * 124 / 6)
        found = pixel(page, ".duel-detail figure:nth-child(2) canvas", *at)
        assert max(abs(a - b) for a, b in zip(found, wanted.tolist(), strict=True)) <= 2
    low, high = view.record.real.min(), view.record.real.max()
    shade = float((view.fakes[4, 0, 2, 3] - low) / (high - low)) * 255
    assert pixel(page, ".duel-detail figure:nth-child(1) canvas", 3.5 * 124 / 6, 2.5 * 124 / 6)[0] == pytest.approx(
        min(255, max(0, shade)), abs=2
    )
    assert numbers(page.locator(".duel-fake div").last.inner_text()) == pytest.approx(
        [float(view.record.gradient_norms[4])], rel=6e-3
    )
    page.keyboard.press("Escape")
    expect(page.locator(".duel-detail")).to_be_hidden()


def test_at_600_pixels_nothing_is_wider_than_the_page(open_page, pages):
    for name in ("selected", "images"):
        page = open_page(pages[name], width=600, height=1300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 600
        for node in page.locator(".duel-canvas, .duel-images, .duel-side, .duel-legend").all():
            box = node.bounding_box()
            assert box["x"] + box["width"] <= 600


def test_the_buttons_make_the_learners_own_steps(live):
    one, other = Pair(), Pair()
    _, view = made(one, step_d=one.step_d, step_g=one.step_g)
    page, asked = live(view)
    torch.manual_seed(3)
    page.get_by_role("button", name="One step of the discriminator").click()
    until_holds(page, lambda: len(view.snapshots) == 2)
    page.get_by_role("button", name="10 steps of each").click()
    until_holds(page, lambda: len(view.snapshots) == 12)
    until(page, "dlvizModel.get('scene').snapshots.labels.length === 12 && window.pending === 0")
    torch.manual_seed(3)
    other.step_d()
    for _ in range(10):
        other.step_d(), other.step_g()
    for mine, theirs in ((one.generator, other.generator), (one.discriminator, other.discriminator)):
        torch.testing.assert_close(mine.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    assert {message["kind"] for message in asked} - {"drawn"} <= {"train", "continue", "set"}


def test_many_steps_are_drawn_on_the_way_and_stop_on_request(live, monkeypatch):
    monkeypatch.setattr("dlviz.gan.widget.SLICE", 0.0)
    one = Pair()
    _, view = made(one, step_d=one.step_d, step_g=one.step_g)
    page, asked = live(view)
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_hidden()
    page.get_by_role("button", name="100 steps of each").click()
    until(page, "parseInt(document.querySelector('.dlviz-train .dlviz-soft').textContent) < 98")
    stop.click()
    expect(page.locator(".dlviz-train .dlviz-soft")).to_have_text("")
    assert view.scene["training"]["remaining"] == 0
    assert sum(message["kind"] == "continue" for message in asked) < 99
    before = copy.deepcopy(one.generator.state_dict())
    page.get_by_role("button", name="One step of the generator").click()
    until_holds(page, lambda: not torch.equal(before["0.weight"], one.generator.state_dict()["0.weight"]))


def test_a_step_that_raises_shows_its_message_and_the_page_goes_on(live):
    one = Pair()

    def step_d():
        raise RuntimeError("mat1 and mat2 <i>shapes</i>")

    _, view = made(one, step_d=step_d, step_g=one.step_g)
    page, _ = live(view)
    page.get_by_role("button", name="100 steps of each").click()
    expect(page.locator(".dlviz-note")).to_contain_text("RuntimeError: mat1 and mat2 <i>shapes</i>")
    page.get_by_role("button", name="One step of the generator").click()
    until_holds(page, lambda: len(view.snapshots) == 2)
    expect(page.locator(".dlviz-note")).to_have_count(0)


def test_only_the_given_steps_have_buttons(live):
    one = Pair()
    _, view = made(one, step_g=one.step_g)
    page, _ = live(view)
    buttons = page.locator(".dlviz-train button:visible")
    expect(buttons).to_have_text(["G step"])
    page, _ = live(made()[1])
    expect(page.locator(".dlviz-train")).to_be_hidden()


def test_the_brush_paints_the_real_points(live):
    one, view = made()
    page, _ = live(view)
    canvas = page.locator(".duel-canvas")
    page.get_by_role("switch", name="paint real points").check()
    canvas.click(position=spot(view, 1.0, -1.0))
    until_holds(page, lambda: len(view.painted) == 1)
    assert view.real[0].tolist() == pytest.approx([1.0, -1.0], abs=0.02)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 100, steps=20)
    page.mouse.up()
    until_holds(page, lambda: len(view.painted) >= 10)
    until(page, "window.pending === 0")
    drawn = len(view.painted)
    page.keyboard.press("Enter")  # at the cursor
    until_holds(page, lambda: len(view.painted) == drawn + 1)
    expect(page.locator(".dlviz-readout")).to_be_hidden()  # it would cover what is painted
    page.get_by_role("button", name="Clear painting").click()
    until_holds(page, lambda: torch.equal(view.real, one.real))
    expect(page.get_by_role("button", name="Clear painting")).to_be_hidden()
