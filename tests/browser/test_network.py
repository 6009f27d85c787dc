"""Exported pages of the network room by mouse and keyboard, compared with torch's numbers."""

import copy
import itertools
import json
import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from tests.browser.conftest import at_each_width, until, until_holds
from tests.network.zoo import ZOO, model_and_input


class Small(nn.Module):
    """Network with two convolutions for images of 8 × 8."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 3)
        self.fc = nn.Linear(24, 3)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        return self.fc(torch.relu(self.conv2(x)).flatten(1))


def model_and_images():
    torch.manual_seed(0)
    return Small(), torch.rand(2, 1, 8, 8)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    net, x = model_and_images()
    view = dlviz.layers(net, x, labels=["cat", "dog", "<b>owl</b>"])
    found = {"small": view.to_html()}
    view.inspect("conv2", 3, (1, 0))
    found["unit"] = view.to_html()
    view.clear()
    view.occlude(((0, 3), (0, 3)))
    found["occluded"] = view.to_html()
    before = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        net.conv1.weight.add_(0.5)
    found["compared"] = dlviz.layers(net, x, against=before).to_html()
    for name in ZOO:
        found[name] = dlviz.layers(*model_and_input(name)).to_html()
    series = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.AvgPool1d(2))
    found["series"] = dlviz.layers(series, torch.rand(1, 2, 20)).to_html()
    wide = dlviz.layers(nn.Sequential(nn.Conv2d(1, 512, 3, padding=1), nn.ReLU()), torch.rand(1, 1, 64, 64))
    wide.inspect("0", 2)
    found["wide"] = wide.to_html()
    return found


def pixel(page: Page, canvas: str, x: float, y: float) -> tuple[int, ...]:
    """Return the color of a point of a canvas, in CSS pixels from its corner."""
    return tuple(
        page.eval_on_selector(
            canvas,
            """(node, [x, y]) => {
              const ratio = node.width / node.clientWidth;
              return [...node.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data].slice(0, 3);
            }""",
            [x, y],
        )
    )


def filled(page: Page, column: int) -> bool:
    """Return whether a column's canvas shows values, not only outlines."""
    return page.eval_on_selector(
        f".net-column:nth-child({column}) canvas",
        "node => node.getContext('2d').getImageData(20, 20, 1, 1).data[3] > 0",
    )


def colors(page: Page, name: str) -> tuple[int, ...]:
    token = page.eval_on_selector(".dlviz", f"node => getComputedStyle(node).getPropertyValue('--{name}').trim()")
    return tuple(int(token[i : i + 2], 16) for i in (1, 3, 5))


def maps(page: Page, number: int):
    return page.locator(".net-maps").nth(number)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["small", "unit", "occluded", "compared", "wide", "series", *ZOO])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz").first).to_have_attribute("data-theme", theme)
    expect(page.locator(".net-maps").first).to_be_visible()
    axe(page)


def test_a_column_for_every_call_with_shape_and_parameters(open_page, pages):
    page = open_page(pages["small"])
    assert page.locator(".net-name b").all_text_contents() == [
        "x", "conv1", "relu", "max_pool2d", "conv2", "relu (2)", "flatten", "fc",
    ]  # fmt: skip
    feet = page.locator(".net-column-footer").all_inner_texts()
    assert feet[1].split("\n")[:2] == ["4×8×8", "40 params"]
    assert feet[7].split("\n")[:3] == ["3", "75 params", "→ output"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colors_of_a_map_show_its_numbers(open_page, pages, theme):
    page = open_page(pages["small"], theme=theme)
    net, x = model_and_images()
    column = net.conv1(x)[0].detach()
    most = column.abs().max()
    side = (84 - 4) / 2 / 8  # two maps side by side
    paper, pos, neg = (torch.tensor(colors(page, name), dtype=torch.float32) for name in ("paper", "pos", "neg"))
    for channel, (row, col) in ((0, (3, 4)), (3, (6, 2))):
        value = column[channel, row, col]
        left, top = (channel % 2) * 44, (channel // 2) * 44
        found = pixel(page, ".net-column:nth-child(2) canvas", left + (col + 0.5) * side, top + (row + 0.5) * side)
        wanted = paper + ((pos if value > 0 else neg) - paper) * (value.abs() / most)
        assert max(abs(a - b) for a, b in zip(found, wanted.tolist(), strict=True)) <= 2


def test_playing_fills_the_columns_one_by_one(open_page, pages):
    page = open_page(pages["small"])
    page.locator(".dlviz-first").click()
    assert not filled(page, 2)
    page.locator(".dlviz-next").click()
    page.locator(".dlviz-next").click()
    expect(page.locator(".net-column[data-current] b")).to_have_text("conv1")
    expect(page.locator(".tensor-formula")).to_contain_text("Conv2d(1, 4, kernel_size=(3, 3)")
    expect(page.locator(".tensor-formula")).to_contain_text("x (1, 8, 8) → (4, 8, 8)")
    assert filled(page, 2)
    assert not filled(page, 3)
    page.locator(".dlviz-play").click()
    expect(page.locator(".dlviz-count")).to_have_text("call 8 / 8", timeout=8_000)


def test_the_call_of_a_step_is_scrolled_into_view(open_page):
    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(30)))
    page = open_page(dlviz.layers(net, torch.rand(1, 4)))
    columns = page.locator(".net-columns")
    position = "node => [node.scrollLeft, node.scrollWidth - node.clientWidth]"
    assert columns.evaluate(position)[0] == 0
    page.locator(".dlviz-back").click()
    left, furthest = columns.evaluate(position)
    assert 0 < left <= furthest
    page.locator(".dlviz-first").click()
    assert columns.evaluate(position)[0] == 0
    page.locator(".dlviz-player input[type=range]").press("End")
    assert columns.evaluate(position)[0] > left


def test_the_scale_changes_what_colors_are_relative_to(open_page, pages):
    page = open_page(pages["small"])
    scale = page.get_by_role("combobox", name="colors per")
    layers = page.locator(".net-max").all_inner_texts()
    assert len(set(layers)) > 3
    scale.select_option("network")
    whole = set(page.locator(".net-max").all_inner_texts())
    assert len(whole) == 1
    scale.select_option("map")
    assert set(page.locator(".net-max").all_inner_texts()) == {""}
    # Now the largest value of each map has the full color.
    net, x = model_and_images()
    place = net.conv1(x)[0, 1].abs().argmax().item()
    found = pixel(page, ".net-column:nth-child(2) canvas", 44 + (place % 8 + 0.5) * 5, (place // 8 + 0.5) * 5)
    full = [colors(page, name) for name in ("pos", "neg")]
    assert min(max(abs(a - b) for a, b in zip(found, one, strict=True)) for one in full) <= 2


def test_a_click_shows_a_map_with_its_input_channels(open_page, pages):
    page = open_page(pages["small"])
    maps(page, 4).click(position={"x": 60, "y": 60})  # second row, right: channel 3
    expect(page.locator(".net-detail .dlviz-panel-title b")).to_have_text("conv2, channel 3 of 6")
    expect(page.locator(".net-from")).to_have_text("from 4 channels of max_pool2d")
    expect(page.locator(".net-input")).to_have_count(4)
    net, _ = model_and_images()
    expect(page.locator(".net-inputs")).to_contain_text("bias")
    shown = re.search(r"bias (\S+)", page.locator(".net-inputs").inner_text())[1]
    assert number(shown) == pytest.approx(net.conv2.bias[3].item(), abs=1e-4)
    page.locator(".net-input").nth(2).click()
    expect(page.locator(".net-detail .dlviz-panel-title b")).to_have_text("max_pool2d, channel 2 of 4")
    page.get_by_role("button", name="close").click()
    expect(page.locator(".net-detail")).to_be_hidden()


def test_hovering_shows_the_numbers_of_the_map(open_page, pages):
    page = open_page(pages["small"])
    maps(page, 1).click(position={"x": 10, "y": 10})
    net, x = model_and_images()
    column = net.conv1(x)[0, 0]
    big = page.locator(".net-map")
    cell = big.bounding_box()["width"] / 8
    for row, col in ((0, 0), (2, 5), (7, 7)):
        big.hover(position={"x": (col + 0.5) * cell, "y": (row + 0.5) * cell})
        readout = page.locator(".net-detail output")
        expect(readout).to_have_text(re.compile(re.escape(f"conv1[0, {row}, {col}] = ")))
        text = readout.inner_text()
        assert number(text.split(" = ")[1]) == pytest.approx(column[row, col].item(), rel=1e-4, abs=1e-6)


def test_another_map_may_open_while_the_opened_one_has_the_focus(open_page, pages):
    page = open_page(pages["small"])
    columns = page.locator(".net-maps").count()
    for a, b in itertools.permutations(range(columns), 2):
        for n in (a, b):
            page.evaluate(
                """n => {
                  dlvizModel.set("selected_map", [n, 0]);
                  document.querySelector(".net-map").focus();
                  document.querySelector(".net-map").getBoundingClientRect();
                }""",
                n,
            )
        name = page.locator(".net-name b").nth(b).inner_text()
        expect(page.locator(".net-detail .dlviz-panel-title b")).to_contain_text(name)


def test_arrow_keys_move_over_maps_and_columns_and_enter_selects(open_page, pages):
    page = open_page(pages["small"])
    maps(page, 1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(maps(page, 1)).to_have_attribute("aria-label", "conv1, channel 3 of 4")
    page.keyboard.press("ArrowRight")  # right of the last map is the next column
    expect(maps(page, 2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".net-detail .dlviz-panel-title b")).to_have_text("relu, channel 0 of 4")
    page.keyboard.press("Escape")
    expect(page.locator(".net-detail")).to_be_hidden()
    maps(page, 2).press("Enter")
    page.locator(".net-map").press("ArrowDown")
    page.locator(".net-map").press("ArrowRight")
    expect(page.locator(".net-detail output")).to_contain_text("relu[0, 1, 1] = ")


def test_an_element_shows_its_receptive_field_and_its_sliding_window(open_page, pages):
    page = open_page(pages["unit"])
    expect(page.locator(".net-image + .net-note")).to_contain_text(
        "sees 7 × 7 of the input: rows 1 to 7, columns 0 to 6"
    )
    net, x = model_and_images()
    leaf = x.clone().requires_grad_()
    h = torch.max_pool2d(torch.relu(net.conv1(leaf)), 2)
    (gradient,) = torch.autograd.grad(net.conv2(h)[0, 3, 1, 0], leaf)
    moved = int((gradient[0] != 0).sum())
    expect(page.locator(".net-image + .net-note")).to_contain_text(f"{moved} of the input's numbers move it")
    window = page.get_by_role("group", name="conv2d", exact=True)
    expect(window.locator(".tensor-formula").first).to_contain_text("y[0, 3, 1, 0] = ")
    page.locator(".net-detail").get_by_role("button", name="close").click()
    expect(page.get_by_role("group", name="conv2d", exact=True)).to_have_count(0)


def test_a_class_score_shows_the_terms_of_its_unit(open_page, pages):
    page = open_page(pages["small"])
    net, x = model_and_images()
    z = net(x)[0].detach()
    p = z.softmax(0)
    shown = [number(text) for text in page.locator(".net-p").all_inner_texts()]
    assert shown == pytest.approx(p.tolist(), abs=1e-3)
    assert page.locator(".net-label").all_inner_texts() == ["cat", "dog", "<b>owl</b>"]
    page.locator(".net-class").nth(1).click()
    line = page.locator(".tensor-formula").inner_text()
    e, total, quotient = re.search(r"(\S+) / (\S+) = (\S+)$", line).groups()
    assert number(e) / number(total) == pytest.approx(number(quotient), rel=1e-3)
    assert number(quotient) == pytest.approx(p[1].item(), abs=1e-4)
    rows = page.locator(".net-terms tr")
    expect(rows).to_have_count(10)
    for text in rows.all_inner_texts():
        value, weight, product = (
            number(part) for part in re.findall(r"−?[\d.e−]+$|−?\d[\d.e−]*", text.split("]")[1])[:3]
        )
        assert value * weight == pytest.approx(product, rel=0.02, abs=1e-3)
    balance = page.locator(".net-terms .net-note").last.inner_text().replace("−", "-")
    top, rest, bias, value = (
        float(found)
        for found in re.findall(r": (-?[\d.e-]+)|bias (-?[\d.e-]+)|= (-?[\d.e-]+)", balance)
        for found in found
        if found
    )
    assert top + rest + bias == pytest.approx(value, abs=1e-3)


def test_occlusion_shows_the_probabilities_before(open_page, pages):
    page = open_page(pages["occluded"])
    net, x = model_and_images()
    before = net(x)[0].softmax(0)
    bars = page.locator(".net-bar[data-before]")
    expect(bars).to_have_count(3)
    shown = [float(bar.evaluate("node => node.style.getPropertyValue('--before')")) for bar in bars.all()]
    assert shown == pytest.approx(before.tolist(), abs=1e-6)
    expect(page.locator(".net-image + .net-note")).to_be_empty()
    # A page has no kernel to run the model again, so it offers no brush.
    expect(page.get_by_role("button", name="Clear the paint")).to_be_hidden()


def test_an_exported_page_has_the_states_before_and_after(open_page, pages):
    page = open_page(pages["compared"])
    run = page.get_by_role("combobox", name="run")
    after = page.locator(".net-max").all_inner_texts()
    run.select_option("against")
    before = page.locator(".net-max").all_inner_texts()
    assert after[0] == before[0]
    assert after[1] != before[1]
    run.select_option("difference")
    assert page.locator(".net-max").first.inner_text() == "± 0"


def test_every_map_of_a_page_opens_without_a_kernel(open_page, pages):
    page = open_page(pages["dictionary"])
    for n in range(page.locator(".net-maps").count()):
        maps(page, n).press("Enter")
        expect(page.locator(".net-detail .dlviz-panel-title b")).to_contain_text(
            page.locator(".net-name b").nth(n).inner_text()
        )


def test_a_detail_of_64_by_64_is_small(open_page, pages):
    page = open_page(pages["wide"])
    assert page.locator("*").count() < 1500
    expect(page.locator(".dlviz-notes")).to_contain_text("16 of 512 maps are drawn")
    page.locator(".net-map").hover(position={"x": 120, "y": 90})
    expect(page.locator(".net-detail output")).to_contain_text("0[2, ")


def test_skip_connections_are_arcs_over_the_skipped_columns(open_page, pages):
    page = open_page(pages["residual"])
    far = page.locator(".net-arcs path[data-skip]")
    expect(far).to_have_count(2)
    names = page.locator(".net-name b").all_text_contents()
    first = far.first
    assert names[int(first.get_attribute("data-from"))] == "stem"
    assert names[int(first.get_attribute("data-to"))] == "add"


def test_nothing_is_cut_off_at_any_width(open_page, pages):
    page = open_page(pages["unit"], width=520)
    for width in at_each_width(page, 520, 760, 1300):
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        for box in (panel.bounding_box() for panel in page.locator(".dlviz-panel:visible").all()):
            assert box["x"] + box["width"] <= width


def test_the_theme_repaints_the_canvases(open_page, pages):
    page = open_page(pages["small"])
    light = pixel(page, ".net-column:nth-child(2) canvas", 20, 20)
    page.evaluate("dlvizModel.set('theme', 'dark')")
    until(page, "document.querySelector('.dlviz').dataset.theme === 'dark'")
    until_holds(page, lambda: pixel(page, ".net-column:nth-child(2) canvas", 20, 20) != light)


def boxes(page: Page) -> list:
    """Return the outlined part of each column: the first and last index along each dimension, empty where nothing is outlined."""
    return [json.loads(column.get_attribute("data-box")) for column in page.locator(".net-column").all()]


def test_pointing_at_a_number_outlines_its_receptive_field_without_a_kernel(open_page, pages):
    page = open_page(pages["small"])
    maps(page, 4).click(position={"x": 10, "y": 10})
    net, x = model_and_images()
    big = page.locator(".net-map")
    cell = big.bounding_box()["width"] / 2
    for row, col in ((0, 1), (1, 0)):
        big.hover(position={"x": (col + 0.5) * cell, "y": (row + 0.5) * cell})
        view = dlviz.layers(net, x)
        view.inspect("conv2", 0, (row, col))
        wanted = [[list(ends) for ends in view.receptive_field.boxes.get(n, ())] for n in range(8)]
        until_holds(page, lambda wanted=wanted: boxes(page) == wanted)
        top, bottom = wanted[0][0]
        expect(page.locator(".net-image + .net-note")).to_contain_text(f"rows {top} to {bottom}")
    page.mouse.move(1, 1)
    until_holds(page, lambda: boxes(page) == [[]] * 8)
    big.click(position={"x": 0.5 * cell, "y": 0.5 * cell})
    page.mouse.move(1, 1)
    until_holds(page, lambda: boxes(page)[4] == [[0, 0], [0, 0]])


def test_maps_move_into_the_next_column_unless_motion_is_reduced(open_page, pages):
    page = open_page(pages["small"])
    page.locator(".dlviz-first").click()
    page.locator(".dlviz-next").click()
    until(page, "since => performance.now() > since + 300", page.evaluate("performance.now()"))
    page.locator(".dlviz-next").click()
    expect(page.locator(".net-flight canvas")).to_have_count(1)
    expect(page.locator(".net-flight")).to_have_count(0)
    page = open_page(pages["small"], reduced_motion=True)
    page.locator(".dlviz-first").click()
    for _ in range(2):
        page.locator(".dlviz-next").click()
    assert page.locator(".net-flight").count() == 0


def test_a_vector_is_a_grid_and_the_opened_map_is_beside_the_columns(open_page, pages):
    page = open_page(pages["unit"])
    heights = [column.bounding_box()["height"] for column in page.locator(".net-maps canvas").all()]
    assert max(heights) < 140
    strip, detail = page.locator(".net-columns").bounding_box(), page.locator(".net-detail").bounding_box()
    assert detail["x"] >= strip["x"] + strip["width"] - 1
    assert detail["y"] == pytest.approx(strip["y"], abs=2)
