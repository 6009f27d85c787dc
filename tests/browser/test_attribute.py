"""Exported pages of attribution maps, and live ones with this process as kernel, compared with the record in Python."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from dlviz.attribution import page_states
from dlviz.attribution.captions import check_scene
from tests.attribution.nets import ImageNet, RowNet, TokenNet
from tests.browser.conftest import until_holds
from tests.browser.test_network import number

FEW = {"steps": 6, "samples": 3}


def image(**options):
    net = ImageNet(1)
    return dlviz.attribute(net, net.inputs(1)[0], **FEW | options)


def images(**options):
    net = ImageNet(1)
    labels = ["<b>first</b>", "second", "third"]
    return dlviz.attribute(net, net.inputs(3), labels=labels, **FEW | options)


def large():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    )
    return dlviz.attribute(net, torch.rand(3, 80, 96), steps=3, samples=2, window=40, method="gradient_x_input")


def rows(**options):
    net = RowNet(1)
    return dlviz.attribute(net, net.inputs(2), features=[f"f{k}" for k in range(net.features)], **FEW | options)


def tokens(**options):
    net = TokenNet(1)
    words = ["the", "film", "was", "not", "bad", "at", "all"][: net.length]
    return dlviz.attribute(net, net.inputs(2), tokens=[words, words], **FEW | options)


def checked():
    view = image(method="integrated_gradients")
    for check in (view.randomization, view.deletion_insertion, view.other_class, view.input_noise):
        check()
    return view


@pytest.fixture(scope="module")
def views():
    return {
        "image": image(),
        "images": images(method="grad_cam"),
        "rows": rows(),
        "tokens": tokens(method="integrated_gradients"),
        "checked": checked(),
    }


@pytest.fixture(scope="module")
def pages(views) -> dict[str, str]:
    return {name: view.to_html() for name, view in views.items()}


def trait(page: Page, name: str):
    return page.evaluate("name => globalThis.dlvizModel.get(name)", name)


def center(page: Page, view, place) -> tuple[float, float]:
    """Return the point of the screen at a pixel of the large map."""
    box = page.locator(".attr-map canvas").bounding_box()
    shape = view.record.inputs.places
    return box["x"] + (place[1] + 0.5) / shape[1] * box["width"], box["y"] + (place[0] + 0.5) / shape[0] * box["height"]


def total(page: Page) -> float:
    """Return the number that the terms add up to."""
    return number(page.locator(".attr-term.total .attr-value").inner_text())


def adds_up_to(page: Page, value: float, rel: float = 1e-3) -> bool:
    """Return whether the terms add up to a number."""
    return total(page) == pytest.approx(value, rel=rel)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["image", "images", "rows", "tokens", "checked"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    page.get_by_role("button", name="Is it an explanation?").click()
    if name == "checked":
        page.get_by_role("button", name="Delete and insert").click()
        expect(page.locator(".attr-check .dlviz-chart")).to_be_visible()
    assert "undefined" not in page.locator(".dlviz").inner_text()
    axe(page)


@pytest.mark.parametrize("name", ["image", "images", "rows", "tokens"])
def test_every_map_opens_with_its_terms(open_page, views, pages, name):
    view, page = views[name], open_page(pages[name])
    where = ".attr-tile" if name.startswith("image") else ".attr-table-heads > span"
    for method in view.maps:
        page.locator(f'{where}[data-method="{method}"]').first.click()
        expect(page.locator(".attr-at b")).to_have_text(
            page.evaluate("key => dlvizModel.get('messages')[key]", f"method.{method}")
        )
        until_holds(page, partial(adds_up_to, page, view.terms(method, view.place, 0).value))


def test_tiles_say_the_sums(open_page, views, pages):
    view, page = views["image"], open_page(pages["image"])
    one = view.attributions["integrated_gradients"]
    text = page.locator('.attr-tile[data-method="integrated_gradients"]').inner_text()
    found = re.search(r"sum (\S+)\s+should be (\S+)", text)
    assert number(found[1]) == pytest.approx(float(one.sum[0]), rel=6e-3)
    assert number(found[2]) == pytest.approx(float(one.expected_sum[0]), rel=6e-3)


def test_orange_is_positive_and_blue_negative(open_page, views, pages):
    view, page = views["image"], open_page(pages["image"])
    values = view.maps["saliency"][0].flatten()
    script = """canvas => {
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const [rows, columns] = dlvizModel.get("scene").full;
      return Array.from({ length: rows * columns }, (_, p) => {
        const at = (k, count, size) => Math.floor(((k + 0.3) / count) * size);
        const q = 4 * (at(Math.floor(p / columns), rows, height) * width + at(p % columns, columns, width));
        return data[q] - data[q + 2];
      });
    }"""
    redder = np.array(page.locator(".attr-map canvas").evaluate(script))
    strong = (values.abs() > 0.15 * values.abs().max()).numpy()
    marked = view.place[0] * view.record.inputs.places[1] + view.place[1]
    strong[marked] = False  # a frame lies on it
    np.testing.assert_array_equal(np.sign(redder[strong]), np.sign(values.numpy()[strong]))
    assert strong.sum() > 10


def test_a_click_marks_a_pixel_arrows_move_it_and_escape_releases_it(open_page, views, pages):
    view, page = views["image"], open_page(pages["image"])
    page.mouse.click(*center(page, view, (1, 2)))
    assert trait(page, "place") == [1, 2]
    expect(page.locator(".attr-at")).to_contain_text("row 1, column 2")
    until_holds(page, lambda: total(page) == pytest.approx(float(view.maps["saliency"][0, 1, 2]), rel=1e-3))
    page.locator(".attr-map").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert trait(page, "place") == [3, 3]
    expect(page.locator(".attr-at")).to_contain_text("row 3, column 3")
    page.keyboard.press("Escape")
    assert trait(page, "place") == []
    expect(page.locator(".attr-at")).to_contain_text("Click a pixel")


def test_the_pointer_reads_the_numbers_of_a_large_map_that_travels_as_half_floats(open_page):
    view = large()
    page = open_page(view)
    values = view.maps["gradient_x_input"][0]
    for place in ((5, 7), (40, 90), (79, 0)):
        page.mouse.move(*center(page, view, place))
        expect(page.locator(".attr-frame .dlviz-readout")).to_contain_text(f"row {place[0]}, column {place[1]}")
        text = page.locator(".attr-frame .dlviz-readout").inner_text()
        expected = float(values[place])
        assert number(text.split(": ")[1]) == pytest.approx(expected, rel=2e-2, abs=1e-6 * float(values.abs().max()))


def test_the_path_plays_from_the_baseline_to_the_input(open_page, views, pages):
    view, page = views["checked"], open_page(pages["checked"])
    path = view.integration_path()
    text = page.locator(".attr-sum")
    expect(text).to_contain_text("α = 0:")
    page.get_by_role("button", name="one step on").click()
    found = re.search(r"score (\S+)\. .* add up to (\S+), of", text.inner_text())
    assert number(found[1]) == pytest.approx(float(path.scores[0]), rel=1e-3)
    assert number(found[2]) == pytest.approx(float(path.running[0]), rel=1e-3)
    page.locator(".dlviz").focus()
    page.keyboard.press("End")
    expect(text).to_contain_text("They should give")
    found = re.search(r"add up to (\S+)\. .*Error (\S+)\.", text.inner_text())
    assert number(found[1]) == pytest.approx(float(view.attributions["integrated_gradients"].sum[0]), rel=1e-3)
    error = float(view.attributions["integrated_gradients"].completeness_error[0])
    assert number(found[2]) == pytest.approx(error, rel=6e-2)
    page.locator('.attr-tile[data-method="saliency"]').click()
    expect(page.locator(".dlviz-player")).to_be_hidden()


def test_a_page_shows_another_input_and_another_layer(open_page, views, pages):
    view, page = views["images"], open_page(pages["images"])
    expect(page.locator(".attr-heading b").first).to_have_text("<b>first</b>")
    page.locator('.attr-tile[data-index="2"][data-method="occlusion"]').click()
    expect(page.locator(".attr-at b")).to_have_text("occlusion")
    until_holds(page, lambda: total(page) == pytest.approx(view.terms("occlusion", view.place, 2).value, rel=1e-2))
    page.locator('.attr-tile[data-index="0"][data-method="grad_cam"]').click()
    first = next(layer.path for layer in view.layers if layer.usable)
    page.locator(f'.attr-layers [data-path="{first}"]').click()
    assert trait(page, "layer") == first
    other = view.record.with_layer(first).attributions["grad_cam"]
    text = page.locator(".attr-relu .mono")
    expected = pytest.approx(float(other.sum[0]), rel=1e-3, abs=1e-9)
    until_holds(page, lambda: number(text.inner_text().removeprefix("sum ")) == expected)


def test_a_page_shows_the_checks_of_every_map_of_the_open_input(open_page, views, pages):
    view, page = views["checked"], open_page(pages["checked"])
    page.get_by_role("button", name="Is it an explanation?").click()
    expect(page.locator(".attr-detail")).to_be_hidden()
    page.get_by_role("button", name="Randomize the weights").click()
    expect(page.locator(".attr-verdict")).to_have_text(view.checks["randomization"]["text"])
    assert page.locator(".attr-check canvas").count() == 1 + len(view.randomization().layers)
    page.locator('.attr-tile[data-method="saliency"]').click()
    found = check_scene(view.randomization("saliency"), view.record, "saliency", 0)
    expect(page.locator(".attr-verdict")).to_have_text(found["text"])
    page.get_by_role("button", name="Is it an explanation?").click()
    expect(page.locator(".attr-detail")).to_be_visible()


def test_a_check_that_a_page_does_not_hold_is_said_to_be_missing(open_page, monkeypatch):
    monkeypatch.setattr(page_states, "_SECONDS", 0.0)
    page = open_page(image().to_html())
    page.get_by_role("button", name="Is it an explanation?").click()
    page.get_by_role("button", name="Another class").click()
    expect(page.locator(".attr-verdict")).to_contain_text("holds no result")


def test_a_page_shows_another_target_until_another_input_is_opened(open_page, views, pages):
    view, page = views["images"], open_page(pages["images"])
    targets = view.record.inputs.targets.tolist()
    other = (targets[0] + 1) % len(view.record.inputs.classes)
    page.get_by_label("target of the marked image").select_option(str(other))
    found = view.record.with_target(0, other)
    expect(page.locator(".dlviz-signature")).to_contain_text(f"target {other}")
    for method in ("occlusion", "integrated_gradients"):
        page.locator(f'.attr-tile[data-index="0"][data-method="{method}"]').click()
        expected = float(found.attributions[method].maps[(0, *trait(page, "place"))])
        until_holds(page, partial(adds_up_to, page, expected, 1e-2))
    page.get_by_role("button", name="Is it an explanation?").click()
    page.get_by_role("button", name="Another class").click()
    expect(page.locator(".attr-verdict")).to_contain_text("this target")
    page.get_by_role("button", name="Is it an explanation?").click()
    page.locator('.attr-tile[data-index="1"][data-method="occlusion"]').click()
    expect(page.locator(".dlviz-signature")).to_contain_text(f"target {targets[1]}")
    until_holds(
        page, lambda: total(page) == pytest.approx(view.terms("occlusion", trait(page, "place"), 1).value, rel=1e-3)
    )
    page.locator('.attr-tile[data-index="0"][data-method="occlusion"]').click()
    expect(page.locator(".dlviz-signature")).to_contain_text(f"target {targets[0]}")
    until_holds(
        page, lambda: total(page) == pytest.approx(view.terms("occlusion", trait(page, "place"), 0).value, rel=1e-3)
    )


@pytest.mark.parametrize("name", ["images", "rows", "tokens", "checked"])
def test_with_its_checks_open_it_stays_on_one_screen(open_page, pages, name):
    page = open_page(pages[name], width=1016)
    page.get_by_role("button", name="Is it an explanation?").click()
    for check in ("Randomize the weights", "Delete and insert", "Noise in the input"):
        page.get_by_role("button", name=check).click()
        expect(page.locator(".attr-check")).to_be_visible()
        assert page.locator(".dlviz").bounding_box()["height"] <= 700


def test_four_rows_of_fifteen_features_are_seen_whole_on_one_screen(open_page):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(15, 8), nn.ReLU(), nn.Linear(8, 3))
    page = open_page(dlviz.attribute(net, torch.randn(4, 15), method="integrated_gradients", **FEW), width=1016)
    for part in (".attr-lines", ".attr-table"):
        assert page.locator(part).evaluate("node => node.scrollHeight - node.clientHeight") <= 0, part
    assert page.locator(".dlviz").bounding_box()["height"] <= 700


def test_both_charts_of_the_path_have_one_axis_below_each_other(open_page, pages):
    page = open_page(pages["checked"], width=1016)
    page.get_by_role("button", name="one step on").click()
    places = "[...document.querySelectorAll('.attr-path .dlviz-chart-pointer')].map((node) => node.getBoundingClientRect().x)"
    until_holds(page, lambda: len(left := page.evaluate(places)) == 2 and left[0] == pytest.approx(left[1], abs=0.5))
    assert page.locator(".attr-path .dlviz-player input").bounding_box()["width"] > 100


def test_the_sum_of_the_terms_is_seen_below_many_of_them(open_page):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(512, 3)
    )
    page = open_page(dlviz.attribute(net, torch.rand(3, 1, 8, 8), method="grad_cam", **FEW), width=1016)
    for part in (".attr-terms", ".attr-layers"):
        assert page.locator(part).evaluate("node => node.scrollHeight - node.clientHeight") <= 0, part
    assert page.locator(".dlviz").bounding_box()["height"] <= 700


def test_the_table_is_moved_through_with_arrow_keys(open_page, views, pages):
    view, page = views["rows"], open_page(pages["rows"])
    page.evaluate("dlvizModel.set('place', [0])")
    page.locator(".attr-table").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert trait(page, "place") == [1]
    assert trait(page, "method") == "gradient_x_input"
    expect(page.locator(".attr-at")).to_contain_text("f1")
    until_holds(page, lambda: total(page) == pytest.approx(view.terms("gradient_x_input", (1,), 0).value, rel=1e-3))
    page.locator('.attr-line[data-index="1"] .attr-word').nth(0).click()
    assert trait(page, "index") == 1
    expect(page.locator(".attr-at")).to_contain_text("f0")
    until_holds(page, lambda: total(page) == pytest.approx(view.terms("gradient_x_input", (0,), 1).value, rel=1e-3))


def test_the_kernel_answers_a_mark_a_target_a_layer_and_a_check(live):
    view = image(method="grad_cam")
    page, asked = live(view)
    page.mouse.click(*center(page, view, (0, 1)))
    until_holds(page, lambda: view.place == [0, 1])
    usable = [layer.path for layer in view.layers if layer.usable]
    page.locator(f'.attr-layers [data-path="{usable[0]}"]').click()
    until_holds(page, lambda: view.layer == usable[0])
    page.get_by_label("target", exact=True).select_option("1")
    until_holds(page, lambda: view.record.inputs.targets.tolist() == [1])
    page.get_by_role("button", name="Is it an explanation?").click()
    page.get_by_role("button", name="Another class").click()
    until_holds(page, lambda: "other_class" in view.checks)
    expect(page.locator(".attr-verdict")).to_have_text(view.checks["other_class"]["text"])
    page.get_by_role("button", name="Is it an explanation?").click()
    before = len(asked)
    page.mouse.move(*center(page, view, (2, 2)))
    page.get_by_label("signs").uncheck()
    page.wait_for_timeout(100)
    assert [message for message in asked[before:] if "signed" not in message.get("traits", {})] == []


def test_fits_a_narrow_window(open_page, pages):
    for name in ("image", "rows", "checked"):
        page = open_page(pages[name], width=420)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
