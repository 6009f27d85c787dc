"""Exported pages of `dlviz.parallel`: blocks where they were, waits, gradients that meet, and all of it with the keyboard."""

import re
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dlviz.kit.units import time_text
from dlviz.multiprocess import layout
from dlviz.multiprocess.record import Span
from dlviz.multiprocess.widget import Parallel
from tests.browser.conftest import until, until_holds
from tests.multiprocess import invented

RUN = invented.run(2, 4)
#: Color of a canvas's pixel, as "red,green,blue,alpha".
PIXEL = "([canvas, x, y]) => [...canvas.getContext('2d').getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data].join()"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    bad = replace(RUN.gradients[0][0], averaged=[float("nan"), float("inf"), *[0.5] * 6], difference=float("inf"))
    runs = {
        "two": {1: invented.alone(), 2: RUN},
        "eight": {8: invented.run(8, 20)},
        "pipeline": {2: invented.pipeline()},
        "sharded": {1: invented.alone(), 2: invented.sharded()},
        "without": {2: invented.without_optimizer()},
        "nonfinite": {2: replace(RUN, gradients=[[bad]])},
    }
    return {name: Parallel(records).to_html() for name, records in runs.items()}


def get_trait(page: Page, name: str):
    return page.evaluate("name => dlvizModel.get(name)", name)


def set_trait(page: Page, name: str, value: object) -> None:
    page.evaluate("([name, value]) => dlvizModel.set(name, value)", [name, value])


def place_of(page: Page, time: float, step: int | None = 0) -> float:
    """Return where on the canvas a time of the record is drawn, in pixels, while a step or the whole run is shown."""
    low, high = layout.step_intervals(RUN)[step] if step is not None else (0.0, layout.step_intervals(RUN)[-1][1])
    low, high = (low - 0.02 * (high - low), high + 0.02 * (high - low))
    span = layout.step_intervals(RUN)[-1][1]
    length = min(span, high - low)
    low = max(0.0, min(span - length, low))
    return page.locator(".par-lanes canvas").bounding_box()["width"] * (time - low) / length


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["two", "eight", "without"])
def test_opens_from_a_file_fits_the_screen_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, width=1016, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".par-label")).to_have_count(8 if name == "eight" else 2)
    assert page.locator(".dlviz").bounding_box()["height"] <= 700
    axe(page)


def test_a_step_shows_its_own_gradients_and_says_what_they_show(open_page, pages):
    page = open_page(pages["two"])
    page.locator(".dlviz-next").click()
    until(page, "dlvizModel.get('step') === 1")
    one = RUN.gradients[1][0]
    expected = [*one.local, np.mean(one.local, axis=0).tolist(), one.averaged, one.single]
    rows = page.locator(".par-scroll [data-row]")
    expect(rows).to_have_count(5)
    for row, numbers in zip(rows.all(), expected, strict=True):
        texts = row.locator("td").all_inner_texts()
        assert [float(text.replace("−", "-")) for text in texts] == pytest.approx(numbers, abs=5.1e-4)
    verdicts = page.locator(".par-verdicts li")
    expect(verdicts).to_have_count(2)
    expect(verdicts.first).to_have_text(
        ".grad is the mean of the 2 local gradients, and exactly the same on all ranks."
    )
    assert [one.get_attribute("data-kind") for one in verdicts.all()] == ["good", "good"]
    page.get_by_label("parameter", exact=True).select_option("bias")
    expect(page.locator(".par-scroll thead th")).to_have_count(1)
    assert get_trait(page, "parameter") == 1
    set_trait(page, "step", 3)
    expect(verdicts).to_have_text(["Gradients are kept of the first 3 steps, not of this one."])


@pytest.mark.parametrize("width", [1016, 900, 760])
def test_a_gradient_for_each_of_ten_classes_is_seen_without_scrolling(open_page, width):
    bias = invented.gradient("2.bias", (10,), 2, np.random.default_rng(0))
    small = replace(
        bias,
        local=tuple([-abs(v) / 50 for v in row] for row in bias.local),
        averaged=[-abs(v) / 50 for v in bias.averaged],
        single=[-abs(v) / 50 for v in bias.single],
    )
    page = open_page(Parallel({1: invented.alone(), 2: replace(RUN, gradients=[[small]])}), width=width)
    expect(page.locator(".par-scroll thead th")).to_have_count(10)
    expect(page.locator(".par-scroll td").last).to_have_text(re.compile(r"−0\.0\d{3}"))
    seen, whole = page.locator(".par-scroll").evaluate("e => [e.clientWidth, e.scrollWidth]")
    assert whole <= seen
    assert page.locator(".dlviz").bounding_box()["height"] <= 700


def test_the_table_of_times_says_which_steps_were_timed(open_page):
    ranks = tuple(replace(rank, step_seconds=rank.step_seconds + [1e-3] * 6) for rank in RUN.ranks)
    page = open_page(Parallel({1: invented.alone(), 2: replace(RUN, ranks=ranks)}))
    page.get_by_role("button", name="How much faster").click()
    expect(page.locator(".par-speed p").last).to_contain_text("the first 4 of 10 steps")


def test_ticks_of_a_short_step_late_in_a_run_read_differently(open_page):
    # The first Adam of a process loads a part of torch for seconds, before the first step.
    first = replace(RUN.ranks[0], spans=(*RUN.ranks[0].spans, Span("other", "load", -2.7, -0.1, -1, 0, "", -1)))
    page = open_page(Parallel({2: replace(RUN, ranks=(first, RUN.ranks[1]))}))
    page.evaluate("""() => {
      window.written = [];
      const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        if (text.endsWith(" s")) window.written.push(text);
        return write.call(this, text, ...place);
      };
    }""")
    page.locator(".dlviz-next").click()
    until(page, "written.length > 3")
    texts = page.evaluate("written")
    assert len(set(texts)) > 3
    assert all(2.7 <= float(text.removesuffix(" s")) < 2.71 for text in texts)


def test_local_gradients_fly_into_their_mean_unless_motion_is_reduced(open_page, pages):
    for reduced in (False, True):
        page = open_page(pages["two"], reduced_motion=reduced, width=1016)
        page.evaluate("""() => {
          window.flown = 0;
          new MutationObserver((all) => {
            for (const one of all) for (const node of one.addedNodes) window.flown += node.className === "par-flight" ? 1 : 0;
          }).observe(document.querySelector(".par-gradients"), { childList: true });
        }""")
        page.locator(".dlviz-next").click()
        until(page, "dlvizModel.get('step') === 1")
        expect(page.locator(".par-flight")).to_have_count(0)
        assert page.evaluate("flown") == (0 if reduced else 16)


def test_a_block_is_where_it_was_and_its_wait_is_hatched(open_page, pages):
    page = open_page(pages["two"])
    canvas = page.locator(".par-lanes canvas").element_handle()
    early = int(RUN.ranks[0].spans[3].start > RUN.ranks[1].spans[3].start)
    waiting, last = RUN.ranks[early].spans[3], RUN.ranks[1 - early].spans[3]
    # Of each rank the middles of the lanes: what it computes, and what it sends and receives.
    lanes = [(56 * rank + 6 + 12, 56 * rank + 6 + 24 + 10) for rank in range(2)]
    start, ready, end = (place_of(page, time) for time in (waiting.start, last.start, waiting.end))

    def colors(low: float, high: float, y: float) -> set[str]:
        return {page.evaluate(PIXEL, [canvas, x, y + 6]) for x in np.linspace(low + 4, high - 4, 24)}

    until_holds(page, lambda: len(colors(ready, end, lanes[early][1])) == 1)
    assert len(colors(start, ready, lanes[early][1])) > 1
    backward = RUN.ranks[early].spans[2]
    drawn = colors(place_of(page, backward.start), place_of(page, backward.end), lanes[early][0])
    assert drawn == {"199,176,241,255"}, "the color of backward"
    # Blocks of the next step, at the right edge, are paler than the same ones of this step.
    this, following = (next(s for s in RUN.ranks[0].spans if s.step == step) for step in (0, 1))
    places = [[canvas, place_of(page, span.start) + 5, lanes[0][0] - 8] for span in (this, following)]
    sums = [sum(map(int, page.evaluate(PIXEL, place).split(","))) for place in places]
    assert sums[0] < sums[1] < 4 * 255


def test_the_pointer_reads_a_block_and_the_keyboard_goes_from_one_to_the_next(open_page, pages):
    page = open_page(pages["two"])
    early = int(RUN.ranks[0].spans[3].start > RUN.ranks[1].spans[3].start)
    span, last = RUN.ranks[early].spans[3], RUN.ranks[1 - early].spans[3]
    box = page.locator(".par-lanes canvas").bounding_box()
    page.mouse.move(box["x"] + place_of(page, (last.start + span.end) / 2), box["y"] + 56 * early + 40)
    readout = page.locator(".dlviz-readout")
    wait, transfer = (time_text(1e6 * time) for time in (last.start - span.start, span.end - last.start))
    expect(readout.locator("b")).to_have_text(f"rank {early}: all_reduce")
    expect(readout).to_contain_text(f"waited {wait} for rank {1 - early}, then {transfer}")
    expect(readout).to_contain_text("72 B (9,)")
    page.mouse.move(0, 0)
    expect(readout).to_be_hidden()
    canvas = page.locator(".par-lanes canvas")
    canvas.focus()
    page.keyboard.press("Enter")
    expect(readout.locator("b")).to_have_text("rank 0: zero_grad")
    for key, name in (
        ("ArrowRight", "rank 0: Linear"),
        ("ArrowRight", "rank 0: backward"),
        ("ArrowDown", "rank 0: all_reduce"),
        ("ArrowDown", "rank 1: SGD.step"),
        ("ArrowLeft", "rank 1: backward"),
    ):
        page.keyboard.press(key)
        expect(readout.locator("b")).to_have_text(name)
    assert get_trait(page, "step") == 0
    page.keyboard.press("Escape")
    expect(readout).to_be_hidden()


def test_the_whole_run_and_zooming_change_the_part_that_is_shown(open_page, pages):
    page = open_page(pages["two"])
    frame = """() => {
      const { left, width } = document.querySelector(".dlviz-minimap-frame").style;
      return [parseFloat(left), parseFloat(width)];
    }"""
    caption = page.locator(".par-caption")
    expect(caption).to_contain_text("Step 0 took")
    until_holds(page, lambda: page.evaluate(frame)[1] < 40)
    narrow = page.evaluate(frame)[1]
    page.locator(".par-lanes canvas").focus()
    page.keyboard.press("+")
    until_holds(page, lambda: page.evaluate(frame)[1] == pytest.approx(narrow / 1.5, rel=0.01))
    page.keyboard.press("0")
    until_holds(page, lambda: page.evaluate(frame)[1] == pytest.approx(narrow))
    page.get_by_role("radio", name="whole run").click(force=True)
    until_holds(page, lambda: page.evaluate(frame) == [0, 100])
    expect(caption).to_contain_text("Everything recorded")
    assert get_trait(page, "shown") == "run"
    page.get_by_role("radio", name="this step").click(force=True)
    page.locator(".dlviz-next").click()
    until_holds(page, lambda: page.evaluate(frame)[0] > 10)
    expect(caption).to_contain_text("Step 1 took")


def test_the_share_of_computing_stands_beside_each_rank(open_page, pages):
    page = open_page(pages["two"])
    ready, interval = layout.ready_times(RUN), layout.step_intervals(RUN)[0]
    for rank, label in zip(RUN.ranks, page.locator(".par-label").all(), strict=True):
        computing, _, waiting = layout.time_use(rank, ready[rank.rank], interval)
        share = 100 * computing / (interval[1] - interval[0])
        expect(label).to_have_text(f"rank {rank.rank}computes {share:.0f} %")
        assert time_text(1e6 * waiting) in label.get_attribute("title")


def test_what_a_process_holds_and_how_much_faster_it_is_can_be_read(open_page, pages):
    page = open_page(pages["sharded"])
    bars = page.locator(".par-bar")
    expect(bars).to_have_count(3)
    expect(bars.first).to_have_attribute(
        "aria-label", "rank 0 holds 36 B of parameters, 36 B of gradients and 72 B of optimizer state"
    )
    widths = [bar.locator("i").first.bounding_box()["width"] for bar in bars.all()]
    assert widths[0] == pytest.approx(widths[2] / 2, abs=1)
    expect(page.locator(".par-verdicts li").first).to_contain_text("holds only a shard")
    page.get_by_role("button", name="How much faster").click()
    rows = page.locator(".par-speed tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("100 %")
    expect(page.locator(".par-dot")).to_have_count(2)
    page.get_by_role("button", name="What did each process").click()
    expect(page.locator(".par-speed")).to_be_hidden()
    expect(page.locator(".par-output pre:visible")).to_have_text("rank 1 begins\n")


def test_a_run_without_steps_shows_what_each_process_returned(open_page, pages):
    page = open_page(pages["without"])
    expect(page.locator(".dlviz-player")).to_be_hidden()
    expect(page.get_by_role("radio", name="this step")).to_be_hidden()
    expect(page.locator(".par-missing")).to_contain_text("No optimizer has stepped")
    expect(page.locator(".par-output:visible p")).to_have_text(["rank 0 returned 0.25", "rank 1 returned 1.25"])


def test_gradients_that_are_not_finite_are_shown(open_page, pages):
    page = open_page(pages["nonfinite"])
    expect(page.locator('[data-row="grad"] td[data-nonfinite]')).to_have_text(["NaN", "∞"])
    expect(page.locator(".dlviz-badge")).to_have_attribute("data-kind", "bad")


def test_a_pipeline_says_which_rank_waits_and_which_holds_a_parameter(open_page, pages):
    page = open_page(pages["pipeline"])
    expect(page.locator(".par-caption")).to_contain_text("Rank 0 waited 2.70 ms (47 %) in recv for rank 1")
    expect(page.locator(".par-scroll [data-row]")).to_have_count(2)
    expect(page.locator(".par-verdicts li")).to_have_text(
        ["Only rank 0 has this parameter, so there is nothing to average."]
    )
    assert len(pages["eight"]) < 1_000_000
