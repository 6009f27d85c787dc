"""Interactions that need a kernel, in a page whose messages this process passes to the widget."""

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.nn import functional as F

import dlviz
from tests.browser.conftest import await_frames, until_holds
from tests.browser.test_convolution import WATCH, K, X, line, numbers, sheet, unlink


def middle(cell) -> tuple[float, float]:
    box = cell.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, cell, up: float, steps: int = 4) -> None:
    x, y = middle(cell)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3, y - up, steps=steps)
    page.mouse.up()


def test_dragging_a_number_recomputes_the_output(live):
    view = dlviz.conv2d(X, K, step=1)
    page, asked = live(view)
    drag(page, sheet(page, 1).locator('.tensor-cell[data-p="8"]'), 33)  # four times 8 pixels
    expect(sheet(page, 1).locator('.tensor-cell[data-p="8"]')).to_have_text("3")
    changed = K.clone()
    changed[0, 0, 2, 2] = 3
    assert numbers(sheet(page, 3)) == F.conv2d(X, changed).reshape(-1).tolist()
    assert torch.equal(view.weight, changed)
    assert page.evaluate("dlvizModel.get('selection')") == []  # it was not a click
    assert {message["kind"] for message in asked} == {"edit"}

    drag(page, sheet(page, 0).locator('.tensor-cell[data-p="2"]'), -17)  # dragging down decreases the number
    expect(sheet(page, 0).locator('.tensor-cell[data-p="2"]')).to_have_text("0")
    assert line(page).endswith("= " + str(int(view.output[0, 0, 0, 0])))


def test_outputs_that_an_edit_changes_flash_and_others_do_not(live):
    x = X.clone()
    x[0, 0, 0, 0] = float("nan")
    view = dlviz.conv2d(x, K)
    before = view.output.flatten()
    page, _ = live(view)
    page.evaluate(WATCH)
    drag(page, sheet(page, 0).locator('.tensor-cell[data-p="24"]'), 17)
    expect(sheet(page, 0).locator('.tensor-cell[data-p="24"]')).not_to_have_text(str(int(x[0, 0].flatten()[24])))
    after = view.output.flatten()
    changed = [p for p in range(len(after)) if not (before[p] == after[p] or before[p].isnan())]
    assert 0 < len(changed) < len(after)
    assert sorted(set(page.evaluate("flashed"))) == changed


def test_another_part_of_a_large_plane_flashes_nothing_and_keeps_the_arrangement(live):
    page, _ = live(dlviz.conv2d(PHOTO.view(1, 1, 300, 400), torch.ones(1, 1, 1, 1)))
    page.evaluate(WATCH)
    page.evaluate(
        """() => {
          window.arranged = 0;
          const row = document.querySelector(".conv-row");
          new MutationObserver(() => { window.arranged += 1; }).observe(row, { attributeFilter: ["data-mode"] });
        }"""
    )
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowDown")
    until_holds(page, lambda: page.evaluate("dlvizModel.get('scene').output.block.start.join()") == "0,10,0")
    await_frames(page, 1)
    assert page.evaluate("[flashed.length, arranged]") == [0, 0]


def test_one_request_at_a_time_and_the_last_value_wins(live):
    view = dlviz.conv2d(X, K)
    page, asked = live(view)
    page.evaluate("window.slow = 60")
    drag(page, sheet(page, 1).locator('.tensor-cell[data-p="4"]'), 163, steps=40)
    expect(sheet(page, 1).locator('.tensor-cell[data-p="4"]')).to_have_text("20")
    assert view.weight[0, 0, 1, 1] == 20
    assert page.evaluate("most") == 1
    assert len(asked) < 20


def test_fractions_change_by_tenths(live):
    view = dlviz.conv2d(X, K + 0.5)
    page, _ = live(view)
    drag(page, sheet(page, 1).locator('.tensor-cell[data-p="0"]'), 26)
    expect(sheet(page, 1).locator('.tensor-cell[data-p="0"]')).to_have_text("1.8")


def test_a_click_still_selects_and_padding_and_outputs_cannot_be_dragged(live):
    view = dlviz.conv2d(X, K, padding=1)
    page, asked = live(view)
    sheet(page, 0).locator('.tensor-cell[data-p="8"]').click()
    expect(page.locator(".tensor-formula")).to_contain_text("x[0, 0, 0, 0] = 1 feeds")
    page.keyboard.press("Escape")
    drag(page, sheet(page, 0).locator('.tensor-cell[data-p="0"]'), 40)
    drag(page, sheet(page, 2).locator('.tensor-cell[data-p="0"]'), 40)
    assert [message for message in asked if message["kind"] == "edit"] == []
    assert torch.equal(view.weight, K)


def test_nothing_can_be_dragged_in_an_exported_page(open_page):
    page = open_page(dlviz.conv2d(X, K))
    expect(page.locator(".tensor-formula")).not_to_contain_text("Drag")
    page.evaluate("() => { window.sent = []; dlvizModel.send = (message) => window.sent.push(message); }")
    drag(page, sheet(page, 1).locator('.tensor-cell[data-p="4"]'), 40)
    assert page.evaluate("sent") == []


def test_a_typed_digit_changes_a_number_too(live):
    view = dlviz.conv2d(X, K)
    page, _ = live(view)
    expect(page.locator(".tensor-formula")).to_contain_text("Drag a number")
    cell = sheet(page, 1).locator('.tensor-cell[data-p="0"]')
    cell.focus()
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(cell).to_have_text("7")
    expect(cell).to_be_focused()
    assert view.weight[0, 0, 0, 0] == 7


def test_sliders_with_a_kernel_are_independent(live):
    view = dlviz.conv2d(X, K)
    page, _ = live(view)
    for name in ("padding", "stride", "dilation"):
        unlink(page, name)
    page.get_by_role("slider", name="padding ↓").fill("1")
    page.get_by_role("slider", name="stride →").fill("2")
    expect(page.locator(".dlviz-signature")).to_contain_text("stride (1, 2) · padding (1, 0)")
    assert (view.stride, view.padding) == ([1, 2], [1, 0])
    page.get_by_role("slider", name="dilation ↓").fill("4")
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_contain_text("Kernel size can't be greater")
    assert page.get_by_role("slider", name="dilation ↓").input_value() == "4"


PHOTO = torch.arange(300.0).view(-1, 1) * 0.5 + torch.arange(400.0)


def frame(page: Page) -> list[float]:
    """Return left, top, width and height of the frame as fractions of the minimap."""
    return page.evaluate(
        """() => {
          const box = (name) => document.querySelector(name).getBoundingClientRect();
          const [part, whole] = [box(".dlviz-minimap-frame"), box(".dlviz-minimap")];
          const { x, y, width, height } = whole;
          return [(part.x - x) / width, (part.y - y) / height, part.width / width, part.height / height];
        }"""
    )


def test_the_minimap_moves_the_window_by_mouse_and_by_arrow_keys(live, axe):
    view = dlviz.conv2d(PHOTO.view(1, 1, 300, 400), torch.ones(1, 1, 1, 1))
    page, _ = live(view, bypass_csp=True)
    assert frame(page) == pytest.approx([0, 0, 0.1, 40 / 300], abs=0.01)
    map_ = page.get_by_role("application")
    box = map_.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until_holds(page, lambda: view.origin)
    assert view.origin == [pytest.approx(130, abs=2), pytest.approx(180, abs=2)]
    row, column = view.origin
    assert frame(page) == pytest.approx([column / 400, row / 300, 0.1, 40 / 300], abs=0.01)
    expect(map_).to_be_focused()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    until_holds(page, lambda: view.origin == [row + 10, column + 10])
    assert view.origin == [row + 10, column + 10]
    assert page.evaluate("dlvizModel.get('step')") == 0  # the arrow keys moved the frame, not the player
    assert view.scene["output"]["block"]["start"] == [0, row + 10, column + 10]
    page.keyboard.press("ArrowUp")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 50, box["y"] + box["height"] + 50, steps=5)
    page.mouse.up()
    until_holds(page, lambda: view.origin == [260, 360])
    assert view.origin == [260, 360]
    axe(page)


def test_a_moved_window_stays_until_the_next_step(live):
    view = dlviz.conv2d(PHOTO.view(1, 1, 300, 400), torch.ones(1, 1, 1, 1), step=1)
    page, _ = live(view)
    page.get_by_role("application").focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    until_holds(page, lambda: view.origin == [50, 0])
    assert view.origin == [50, 0]
    expect(page.locator(".tensor-formula")).to_contain_text("not in the picture")
    page.get_by_role("button", name="one step on").click()
    expect(page.locator(".tensor-formula")).to_contain_text("y[0, 0, 0, 1] = 1")
    assert view.origin == [0, 0]


def test_a_long_sequence_has_a_minimap(live):
    view = dlviz.conv1d(torch.arange(900.0).view(1, 1, 900), torch.ones(1, 1, 3))
    page, _ = live(view)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    until_holds(page, lambda: view.origin == [10])
    assert view.origin == [10]
    box = page.get_by_role("application").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 5)
    until_holds(page, lambda: view.origin != [10])
    assert view.origin == [pytest.approx(429, abs=4)]


def test_the_minimap_of_an_exported_page_cannot_be_moved(open_page, axe):
    page = open_page(
        dlviz.conv2d(PHOTO.view(1, 1, 300, 400), torch.ones(1, 1, 1, 1), origin=[100, 200]),
        theme="dark",
        bypass_csp=True,
    )
    assert frame(page) == pytest.approx([0.5, 1 / 3, 0.1, 40 / 300], abs=0.01)
    page.locator(".dlviz-minimap").click()
    assert page.evaluate("dlvizModel.get('origin')") == [100, 200]
    assert page.locator(".dlviz-minimap[tabindex]").count() == 0
    pixels = "[...document.querySelector('.dlviz-minimap canvas').getContext('2d').getImageData(0, 0, 2, 1).data]"
    assert page.evaluate(pixels)[::4] == [0, 1]  # every second place of 550 grays
    axe(page)


def test_an_input_drawn_completely_has_no_minimap(open_page):
    page = open_page(dlviz.conv2d(X, K))
    expect(page.locator(".dlviz-minimap")).to_be_hidden()
