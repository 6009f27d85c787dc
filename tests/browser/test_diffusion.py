"""Exported pages of the diffusion room, and live ones with this process as kernel, compared with torch's numbers."""

import re
from dataclasses import replace

import pytest
import torch
from playwright.sync_api import Page, expect

import dlviz
from dlviz.diffusion import linear_schedule
from tests.browser.conftest import at_each_width, until_holds
from tests.diffusion.models import Net

T = 20
SCHEDULE = linear_schedule(T, 0.005, 0.6)


def points_view(**options):
    torch.manual_seed(0)
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    return dlviz.denoise(Net(), x, options.pop("schedule", SCHEDULE), **{"samples": 12, "step": 6} | options)


def classes_view(**options):
    torch.manual_seed(0)
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    labels = ["<b>left</b>" if k % 2 else "right" for k in range(40)]
    return dlviz.denoise(
        Net(classes=3), x, SCHEDULE, labels=labels, null=2, samples=12, direction="denoise", step=9, **options
    )


def images_view(**options):
    torch.manual_seed(0)
    x = torch.rand(10, 1, 6, 6)
    return dlviz.denoise(Net((1, 6, 6)), x, SCHEDULE, samples=9, clip=(0, 1), **{"step": 6} | options)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    view = points_view()
    view.compute_steps()
    return {"points": view.to_html(), "classes": classes_view().to_html(), "images": images_view().to_html()}


def set_trait(page: Page, name: str, value: object) -> None:
    page.evaluate("([name, value]) => dlvizModel.set(name, value)", [name, value])


def get_trait(page: Page, name: str):
    return page.evaluate("name => dlvizModel.get(name)", name)


def numbers(text: str) -> list[float]:
    return [float(part.replace("−", "-")) for part in re.findall(r"−?\d+\.?\d*(?:e−?\d+)?", text)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["points", "classes", "images"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".diff-canvas")).to_be_visible()
    axe(page)


def test_the_equation_has_the_factors_of_the_step_and_the_index_that_the_model_gets(open_page, pages):
    page = open_page(pages["points"])
    for k, subscript in ((6, "₆"), (20, "₂₀"), (1, "₁")):
        set_trait(page, "step", k)
        bold = page.locator(".diff-equation b")
        expect(bold).to_contain_text(f"x{subscript} =")
        signal, noise = numbers(bold.inner_text())
        assert signal == pytest.approx(float(SCHEDULE.signal[k - 1]), rel=6e-3)
        assert noise == pytest.approx(float(SCHEDULE.noise[k - 1]), rel=6e-3)
        expect(page.locator(".diff-equation span")).to_contain_text(f"gets t = {k - 1},")
    set_trait(page, "step", 0)
    expect(page.locator(".diff-equation b")).to_have_text("x₀: the data")
    expect(page.locator(".dlviz-count")).to_have_text("step 0 / 20")


def test_the_cursor_reads_the_prediction_that_torch_made_there(open_page, pages):
    view = points_view()
    page = open_page(pages["points"])
    canvas = page.locator(".diff-canvas")
    box = page.locator(".diff-canvas canvas").bounding_box()
    size = box["width"] - 38 - 8
    side, row, column = 16, 3, 11
    page.mouse.move(box["x"] + 38 + (column + 0.5) * size / side, box["y"] + 6 + (row + 0.5) * size / side)
    lines = page.locator(".diff-plane .dlviz-readout div")
    expect(lines).to_have_count(5)

    def check(cell: int) -> None:
        place = view.grid[cell : cell + 1]
        eps, score = view.predict(place, 5)[0], view.score(place, 5)[0]
        x0 = (place[0] - SCHEDULE.noise[5] * eps) / SCHEDULE.signal[5]
        for line, expected in zip(lines.all_inner_texts(), (place[0], eps, score, x0), strict=False):
            assert numbers(line.split("=")[1]) == pytest.approx(expected.tolist(), rel=1e-2, abs=1e-4)

    check(row * side + column)
    page.mouse.move(0, 0)
    page.locator(".dlviz-segments input").first.focus()
    page.keyboard.press("Tab")
    expect(canvas).to_be_focused()
    before = lines.first.inner_text()
    page.keyboard.press("ArrowRight")
    expect(lines.first).not_to_have_text(before)
    check(row * side + column + 1)


def test_a_click_chooses_a_point_and_its_numbers_are_torchs(open_page, pages):
    view = points_view()
    page = open_page(pages["points"])
    x = view.noised(5)
    left, right, bottom, top = view.scene["limits"]
    box = page.locator(".diff-canvas canvas").bounding_box()
    size = box["width"] - 38 - 8
    chosen = int(x[:, 0].argmax())
    across, down = (x[chosen, 0] - left) / (right - left) * size, (top - x[chosen, 1]) / (top - bottom) * size
    page.mouse.click(box["x"] + 38 + float(across), box["y"] + 6 + float(down))
    assert get_trait(page, "point") == chosen
    readout = page.locator(".diff-readout div").filter(has_text="chosen")
    eps = view.predict(x, 5)[chosen]
    x0 = (x[chosen] - SCHEDULE.noise[5] * eps) / SCHEDULE.signal[5]
    pairs = re.findall(r"\(([^)]*)\)", readout.inner_text())
    assert numbers(pairs[0]) == pytest.approx(x[chosen].tolist(), rel=1e-2)
    assert numbers(pairs[1]) == pytest.approx(x0.tolist(), rel=1e-2)


def test_turning_around_keeps_the_amount_of_noise_and_the_player_goes_the_other_way(open_page, pages):
    page = open_page(pages["points"])
    page.get_by_role("radio", name="walk back").check(force=True)
    assert get_trait(page, "direction") == "denoise"
    assert get_trait(page, "step") == T - 6
    expect(page.locator(".diff-equation b")).to_have_text("x₆ → x₅")
    expect(page.locator(".diff-equation span")).to_contain_text("gets t = 5 ")
    page.locator(".dlviz").focus()
    page.keyboard.press("End")
    expect(page.locator(".diff-equation b")).to_have_text("x₀: the samples")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".diff-equation b")).to_have_text("x₁₉ → x₁₈")


def test_it_plays_without_a_kernel(open_page, pages):
    page = open_page(pages["points"])
    set_trait(page, "step", 17)
    set_trait(page, "speed", 4)
    page.locator(".dlviz-play").click()
    expect(page.locator(".diff-equation b")).to_contain_text("x₂₀ =")
    assert get_trait(page, "step") == T


def test_the_points_move_with_the_step(open_page, pages):
    page = open_page(pages["points"], reduced_motion=True)
    picture = "() => document.querySelector('.diff-canvas canvas').toDataURL()"
    seen = []
    for step in (0, 10, 20):
        set_trait(page, "step", step)
        page.wait_for_timeout(80)
        seen.append(page.evaluate(picture))
    assert len(set(seen)) == 3
    set_trait(page, "arrow_kind", "off")
    page.wait_for_timeout(80)
    assert page.evaluate(picture) not in seen


def test_another_schedule_is_tried_in_a_page_and_says_whether_noise_is_left(open_page, pages):
    page = open_page(pages["points"])
    expect(page.locator(".diff-verdict")).to_have_attribute("data-kind", "good")
    set_trait(page, "forward_steps", 10)
    expect(page.locator(".diff-verdict")).to_have_attribute("data-kind", "bad")
    left = float(linear_schedule(10, 0.005, 0.6).signal[-1])
    expect(page.locator(".diff-verdict")).to_contain_text(f"{100 * left:.2g}% of the data is left")
    expect(page.locator(".diff-readout")).to_contain_text("T = 20: no arrows here")
    page.get_by_role("button", name="back to the model's schedule").click()
    expect(page.locator(".diff-verdict")).to_have_attribute("data-kind", "good")


def test_a_page_has_the_curve_and_a_click_walks_in_so_many_steps(open_page, pages):
    view = points_view()
    curve = view.compute_steps()
    page = open_page(pages["points"])
    page.get_by_text("How many sampling steps are enough?").click()
    plot = page.locator(".diff-fold .diff-plot")
    expect(plot).to_be_visible()
    plot.focus()
    page.keyboard.press("ArrowLeft")
    assert get_trait(page, "walk_steps") == 10
    assert get_trait(page, "drawn_walk")["times"] == [19, 17, 15, 13, 11, 9, 7, 5, 3, 1, -1]
    # The numbers belong to the model in the page.
    set_trait(page, "walk_steps", 20)
    expect(page.locator(".diff-fold .diff-read")).to_contain_text("n = 20")
    _, ddim, ddpm, floor = numbers(page.locator(".diff-fold .diff-read").inner_text())[:4]
    assert (ddim, ddpm) == pytest.approx((curve.ddim[-1], curve.ddpm[-1]), rel=1e-2)
    assert floor == pytest.approx(curve.floor, rel=6e-2)


def numbers_at(guidance: float, condition: int) -> float:
    """Return the predicted noise at the first grid point and step."""
    view = classes_view(guidance=guidance, condition=condition)
    return float(view.predict(view.grid, 0)[0, 0])


def test_names_of_classes_are_text_and_guidance_is_precomputed(open_page, pages):
    page = open_page(pages["classes"])
    legend = page.locator(".diff-left .diff-legend")
    expect(legend).to_contain_text("<b>left</b>")
    assert page.locator(".diff-legend b, .dlviz-controls b").count() == 0
    noise = "() => dlvizModel.get('drawn_predictions').grid_noise.getFloat32(0, true)"
    assert page.evaluate(noise) == pytest.approx(numbers_at(1.0, -1), rel=1e-4)
    page.get_by_label("guidance w").focus()
    page.keyboard.press("ArrowRight")
    assert get_trait(page, "guidance") == 1.5
    page.get_by_label("class", exact=True).select_option("<b>left</b>")
    assert get_trait(page, "condition") == 0
    assert page.evaluate(noise) == pytest.approx(numbers_at(1.0, 0), rel=1e-4)
    expect(page.locator(".dlviz-note")).to_contain_text("guidance")


def test_images_show_the_chosen_one_large_and_arrow_keys_choose(open_page, pages):
    page = open_page(pages["images"])
    expect(page.locator(".diff-large figcaption").first).to_have_text("x₆")
    page.locator(".diff-sheet").focus()
    before = page.evaluate("() => document.querySelector('.diff-large canvas').toDataURL()")
    page.keyboard.press("ArrowRight")
    assert get_trait(page, "point") == 1
    page.wait_for_timeout(80)
    assert page.evaluate("() => document.querySelector('.diff-large canvas').toDataURL()") != before
    page.keyboard.press("ArrowDown")
    assert get_trait(page, "point") == 9
    page.keyboard.press("ArrowDown")
    assert get_trait(page, "point") == 9


def test_pixels_are_those_of_the_data(open_page, pages):
    view = images_view()
    x = view.noised(5)[0, 0]
    low, high = view.scene["image"]["low"], view.scene["image"]["high"]
    expected = ((x - low) / (high - low) * 255).round().clamp(0, 255)
    page = open_page(pages["images"])
    read = """() => {
      const canvas = document.querySelector(".diff-large canvas");
      const side = canvas.width / 6;
      const context = canvas.getContext("2d");
      return Array.from({ length: 36 }, (_, p) =>
        context.getImageData((p % 6 + 0.5) * side, (Math.floor(p / 6) + 0.5) * side, 1, 1).data[0]);
    }"""
    found = torch.tensor(page.evaluate(read), dtype=torch.float32).view(6, 6)
    assert (found - expected).abs().max() <= 1


def test_the_page_asks_for_the_curve_portion_by_portion(live, monkeypatch):
    monkeypatch.setattr("dlviz.diffusion.widget._PORTION", 0.0)
    view = points_view(schedule=linear_schedule(6, 0.05, 0.6), step=0)
    page, asked = live(view)
    page.get_by_text("How many sampling steps are enough?").click()
    page.get_by_role("button", name="compute it").click()
    until_holds(page, lambda: view.steps_curve is not None)
    expect(page.locator(".diff-fold .diff-plot")).to_be_visible()
    assert len([one for one in asked if one["kind"] == "curve"]) > 3


def test_samples_walk_again_on_request_after_an_update(live):
    torch.manual_seed(0)
    net, x = Net(), torch.randn(40, 2)
    view = dlviz.denoise(net, x, SCHEDULE, samples=12, direction="denoise", step=3)
    with torch.no_grad():
        net.last.bias.add_(1)
    view.update("trained")
    walk, predictions = view.drawn_walk, view.drawn_predictions
    page, asked = live(view)
    # The page is written with everything; the state of a loop that goes on lacks the walk.
    view.drawn_walk, view.drawn_predictions = walk, predictions
    view._state.forget_walk()
    page.evaluate("() => dlvizModel.set('drawn_walk', { ...dlvizModel.get('drawn_walk'), path: null, x0: null })")
    expect(page.locator(".diff-caption")).to_contain_text("has changed since")
    page.get_by_role("button", name="walk back with this model").click()
    until_holds(page, lambda: view.drawn_walk["path"] is not None)
    expect(page.locator(".diff-again")).to_be_hidden()
    assert {"kind": "walk"} in asked


def test_sliders_ask_the_kernel(live):
    view = classes_view()
    page, _ = live(view)
    page.get_by_label("sampling steps").focus()
    page.keyboard.press("ArrowLeft")
    until_holds(page, lambda: view.walk_steps == 10)
    page.get_by_label("guidance w").focus()
    page.keyboard.press("End")
    until_holds(page, lambda: view.guidance == 8.0)
    expect(page.get_by_role("slider", name="sampling steps").locator("xpath=following-sibling::output")).to_have_text(
        "10"
    )


@pytest.mark.parametrize("name", ["points", "images"])
def test_nothing_is_wider_than_the_page(open_page, pages, name):
    page = open_page(pages[name], width=360)
    for width in at_each_width(page, 360, 600, 1000):
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), width


def test_of_a_long_schedule_some_steps_are_drawn_and_the_player_counts_the_models_steps(open_page):
    page = open_page(points_view(schedule="linear", step=21, direction="noise").to_html())
    expect(page.locator(".dlviz-count")).to_have_text("step 500 / 1000")
    expect(page.locator(".diff-equation b")).to_contain_text("x₅₀₀ =")
    expect(page.locator(".diff-equation span")).to_contain_text("gets t = 499,")
    page.get_by_role("radio", name="walk back").check(force=True)
    page.locator(".dlviz").focus()
    page.keyboard.press("Home")
    expect(page.locator(".dlviz-count")).to_have_text("step 1000 / 1000")
    page.keyboard.press("End")
    expect(page.locator(".dlviz-count")).to_have_text("step 0 / 1000")


def test_a_page_tries_another_last_beta(open_page, pages):
    page = open_page(pages["points"])
    set_trait(page, "beta_end", 0.05)
    left = float(linear_schedule(T, 0.005, 0.05).signal[-1])
    expect(page.locator(".diff-verdict")).to_contain_text(f"{100 * left:.2g}% of the data is left")
    slider = page.get_by_label("last β")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert get_trait(page, "beta_end") > 0.05


def test_a_page_of_a_guided_model_plays_with_each_strength_of_guidance(open_page, pages):
    page = open_page(pages["classes"], reduced_motion=True)
    offered = page.evaluate("() => Object.keys(dlvizModel.get('precomputed').guidance).map(Number)")
    assert {0, 1, 3, 8} <= set(offered)
    last = "() => { const { path } = dlvizModel.get('drawn_walk'); return path.getFloat32(path.byteLength - 4, true); }"
    for w in (0, 3, 8):
        set_trait(page, "guidance", w)
        assert page.evaluate(last) == pytest.approx(float(classes_view(guidance=float(w)).samples[-1, 1]), rel=1e-4)
        page.locator(".dlviz").focus()
        page.keyboard.press("Home")
        page.keyboard.press("End")
        expect(page.locator(".diff-equation b")).to_have_text("x₀: the samples")


def test_a_distance_below_zero_stands_on_a_line_of_its_own(open_page):
    view = points_view(schedule=linear_schedule(3, 0.2, 0.6), step=0)
    curve = view.compute_steps()
    view._state.curve = replace(curve, ddim=(1.0, 0.01, -0.02))
    view._show_curve()
    page = open_page(view.to_html())
    page.get_by_text("How many sampling steps are enough?").click()
    plot = page.locator(".diff-fold .diff-plot")
    tick = plot.locator(".dlviz-chart-axes text", has_text="≤ 0")
    dots = plot.locator("circle.diff-ddim")
    expect(dots).to_have_count(3)
    heights = [float(dot.get_attribute("cy")) for dot in dots.all()]
    assert heights[0] < heights[1] < heights[2]
    assert heights[2] == pytest.approx(float(tick.get_attribute("y")) - 4, abs=0.5)
    assert heights[2] - heights[1] > 10


def test_the_class_of_a_large_image_is_said(open_page):
    view = dlviz.denoise(
        Net((6, 6), classes=2), torch.rand(6, 6, 6), SCHEDULE, labels=["<i>a</i>", "b"] * 3, samples=4, point=1
    )
    page = open_page(view.to_html())
    expect(page.locator(".diff-large figcaption").first).to_have_text("x₀, class b")
    page.locator(".diff-sheet").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".diff-large figcaption").first).to_have_text("x₀, class <i>a</i>")


def test_images_keep_their_proportions_and_a_click_finds_them(open_page):
    view = dlviz.denoise(Net((6, 18)), torch.rand(12, 6, 18), SCHEDULE, samples=4)
    page = open_page(view.to_html())
    large = page.locator(".diff-large canvas").first.bounding_box()
    assert large["width"] == pytest.approx(3 * large["height"], rel=0.03)
    sheet = page.locator(".diff-sheet canvas").bounding_box()
    page.mouse.click(sheet["x"] + 2 + 48 + 20, sheet["y"] + sheet["height"] - 9)
    assert get_trait(page, "point") == 9


def test_predictions_that_are_not_finite_are_said(open_page):
    view = dlviz.denoise(lambda x, t: x * torch.nan, torch.randn(20, 2), SCHEDULE, samples=4, step=5)
    page = open_page(view.to_html())
    expect(page.locator(".diff-readout")).to_contain_text("no finite numbers here")
    page.get_by_role("radio", name="walk back").check(force=True)
    expect(page.locator(".diff-readout")).to_contain_text("4 of 4 lie outside this frame or are not finite")


def test_a_legend_of_many_classes_scrolls(open_page):
    view = dlviz.denoise(
        Net(classes=25), torch.randn(50, 2), SCHEDULE, labels=[f"a long class name {k % 25}" for k in range(50)]
    )
    page = open_page(view.to_html())
    legend = page.locator(".diff-left .diff-legend")
    assert legend.bounding_box()["height"] <= 70
    assert legend.evaluate("node => node.scrollHeight > node.clientHeight && node.tabIndex === 0")
