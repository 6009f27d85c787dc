"""Exported pages of a compression, and live ones with this process as kernel, compared with the trials in Python."""

import re
from itertools import pairwise

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from tests.browser.conftest import press_at_once, until, until_holds
from tests.compression.models import classifier, points


def compression(**options):
    net, (x, labels) = classifier(), points()
    options = {
        "classes": ["<b>x</b>", "cat", "dog"],
        "student": nn.Linear(6, 3),
        "data": x,
        "distill_steps": 3,
    } | options
    view = dlviz.compress(net, lambda net: (net(x), labels), **options)
    view.sweep([0.3, 0.6, 0.9])
    view.apply(amount=0.9, quantize="int8 weights")
    return view


@pytest.fixture(scope="module")
def saved():
    """Return a widget and its page."""
    view = compression()
    return view, view.to_html()


def trait(page: Page, name: str):
    return page.evaluate("name => globalThis.dlvizModel.get(name)", name)


def costs(page: Page) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in page.locator(".cmp-costs tbody tr").all()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, saved, theme):
    page = open_page(saved[1], theme=theme, bypass_csp=True)
    expect(page.locator(".cmp-trials svg")).to_be_visible()
    assert "undefined" not in page.locator(".dlviz").inner_text()
    axe(page)


def test_a_page_shows_the_costs_and_goes_through_the_trials_with_the_keyboard(open_page, saved):
    view, html = saved
    page = open_page(html)
    assert costs(page) == view.scene["costs"]["rows"]
    page.locator(".cmp-trials").focus()
    press_at_once(page, "ArrowLeft", "ArrowLeft")
    until(page, "() => globalThis.dlvizModel.get('step') === 2")
    expect(page.locator(".cmp-point")).to_contain_text("60% of all weights pruned")
    expect(page.locator(".cmp-amount output")).to_have_text("60%")
    zipped = view.scene["points"][2]["text"][1]
    until_holds(page, lambda: any(zipped in cells[1:] for cells in costs(page)))
    rows = {name: cells for name, *cells in costs(page)}
    assert rows["zipped"][1] == zipped
    assert rows["accuracy"] == [view.scene["points"][k]["text"][2] for k in (0, 2, 5)]


def test_a_click_on_a_point_shows_its_trial_and_the_axis_changes(open_page, saved):
    page = open_page(saved[1])
    page.locator('.cmp-mark[data-trial="1"]').first.click(force=True)
    until(page, "() => globalThis.dlvizModel.get('step') === 1")
    ring = page.locator(".cmp-ring").bounding_box()
    page.get_by_role("radio", name="time").click(force=True)
    expect(page.locator(".cmp-trials")).to_contain_text("time of a call")
    assert page.locator(".cmp-ring").bounding_box() != ring
    assert page.locator(".cmp-whisker").count() == 6


def test_in_a_page_the_slider_goes_to_the_nearest_trial_of_its_kind(open_page, saved):
    page = open_page(saved[1])
    page.get_by_role("radio", name="float", exact=True).click(force=True)
    until(page, "() => globalThis.dlvizModel.get('quantize') === 'none'")
    assert trait(page, "step") == 3
    slider = page.get_by_role("slider", name="share of the weights")
    slider.fill("41")
    until(page, "() => globalThis.dlvizModel.get('step') === 1")
    expect(page.locator(".cmp-amount output")).to_have_text("30%")
    expect(page.get_by_role("radio", name="channels")).to_be_disabled()
    expect(page.get_by_role("radio", name="int8 dynamic")).to_be_disabled()


def test_a_layer_is_chosen_and_its_histogram_says_how_many_weights_are_0(open_page, saved):
    view, html = saved
    page = open_page(html)
    page.locator(".cmp-layer").nth(1).click()
    layer = view.record.layers[1]
    expect(page.locator(".cmp-keys").first).to_contain_text(f"{layer.zeros} of {layer.count} are 0")
    heights = page.locator(".cmp-columns > :nth-child(2) rect.cmp-before").evaluate_all(
        "bars => bars.map((bar) => Number(bar.getAttribute('height')))"
    )
    counts = layer.before.double()
    expected = counts / counts.max()
    drawn = torch.tensor(heights[: len(counts)]).double()
    torch.testing.assert_close(drawn / drawn.max(), expected, rtol=0, atol=1e-6)
    expect(page.locator(".cmp-layer").nth(1)).to_be_focused()


def test_rounded_weights_point_to_their_integers(open_page, saved):
    view, html = saved
    page = open_page(html)
    steps, integers = view.record.layers[0].levels
    assert page.locator(".cmp-rounding").count() == len(steps)
    ends = page.locator(".cmp-rounding").evaluate_all(
        "paths => paths.map((path) => path.getAttribute('d').match(/[\\d.]+/g).map(Number))"
    )
    (left, _, right, _) = zip(*ends, strict=True)
    centers = sorted(set(right))
    pitch = min((b - a for a, b in pairwise(centers)), default=1.0)
    found = [(start - end) / pitch for start, end in zip(left, right, strict=True)]
    assert all(abs(one) <= 0.55 for one in found)
    assert len(centers) == len(set(integers.tolist()))


def test_the_slider_of_a_live_page_makes_a_trial_when_it_is_let_go(live):
    view = compression(student=None, data=None)
    page, asked = live(view)
    slider = page.get_by_role("slider", name="share of the weights")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".cmp-amount output")).to_have_text("87%")
    until_holds(page, lambda: len(view.tried) == 6)
    assert [message for message in asked if message["kind"] == "try"] == [
        {"kind": "try", "amount": 0.87, "scope": "global", "structured": False, "quantize": "int8 weights"}
    ]
    assert (view.amount, view.step) == (0.87, 5)
    expect(page.locator(".cmp-costs tbody tr").first).to_contain_text(view.scene["costs"]["rows"][0][2])
    page.get_by_role("radio", name="channels").click(force=True)
    until_holds(page, lambda: view.structured)
    expect(page.locator(".cmp-speed")).to_contain_text("Whole channels are 0")
    expect(page.locator(".cmp-sweep [role=status]")).to_have_text("")


def test_a_picture_that_is_drawn_before_the_trial_begins_leaves_the_slider_where_it_is(live):
    view = compression(student=None, data=None)
    page, asked = live(view)
    page.get_by_role("slider", name="share of the weights").fill("41")
    page.set_viewport_size({"width": 640, "height": 800})
    until_holds(page, lambda: len(view.tried) == 6)
    assert [message["amount"] for message in asked if message["kind"] == "try"] == [0.41]


def test_a_live_page_says_why_a_trial_failed(live):
    net, (x, labels) = classifier(), points()

    def finetune(net):
        raise ValueError("<b>no data</b>")

    view = dlviz.compress(net, lambda net: (net(x), labels), finetune=finetune)
    page, _ = live(view)
    page.get_by_role("slider", name="share of the weights").fill("50")
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_contain_text("ValueError: <b>no data</b>")
    expect(page.locator(".cmp-amount output")).to_have_text("0%")
    page.get_by_role("button", name=re.compile("Try 20%")).click()
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_be_visible()
    assert len(view.tried) == 1


def test_classes_that_lost_have_bars(open_page, saved):
    view, html = saved
    page = open_page(html)
    lost = [one for one in view.scene["classes"] if one["now"] < one["before"]]
    assert lost
    assert page.locator(".cmp-class").count() == len(lost)
    assert page.locator(".cmp-class .cmp-name").all_inner_texts() == [one["name"] for one in lost]
    width = page.locator(".cmp-track").first.bounding_box()["width"]
    kept = page.locator(".cmp-kept").first.bounding_box()["width"]
    assert kept / width == pytest.approx(lost[0]["now"], abs=0.01)


@pytest.mark.parametrize("width", [1016, 600])
def test_each_time_and_its_quartiles_have_a_unit_and_fit_beside_those_of_a_student(open_page, width):
    page = open_page(compression(x=points()[0]).to_html(), width=width)
    expect(page.locator(".cmp-costs tbody tr")).to_have_count(6)
    rows = {name: cells for name, *cells in costs(page)}
    for name in ("time of a call", "quartiles"):
        assert len(rows[name]) == 3
        assert all(re.search(r"\d\s(µs|ms|s)$", cell) for cell in rows[name]), rows
    panel = page.locator(".cmp-costs").evaluate("e => [e.scrollWidth, e.parentElement.clientWidth]")
    assert panel[0] <= panel[1]
