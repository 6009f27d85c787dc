"""Exported pages of `dlviz.live`: curves are drawn at their values; playback, smoothing, hovering and keyboard work."""

import io
import math
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

import dlviz
from dlviz.kit.page import to_json
from dlviz.kit.widget import binary
from dlviz.training import model_monitor
from tests.browser.conftest import at_each_width

LEFT, TOP, BOTTOM, HEIGHT = 52, 10, 32, 210


def trained(name="demo", **settings):
    torch.manual_seed(0)
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.5)
    run = dlviz.live(name, **settings)
    run.knobs(lr=opt, momentum=opt)
    for epoch in run.epochs(3):
        for step in run.steps(range(40)):
            t = 40 * epoch + step + 1
            run.log(loss=2.0 / t, acc=1 - 1 / t)
            if t == 60:
                run.settings = {**run.settings, "lr": 0.02}
        run.log(val_loss=3.0 / (epoch + 1))
    return run


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    run = trained()
    nonfinite = dlviz.live("nonfinite")
    for step in nonfinite.steps(range(300)):
        nonfinite.log(loss=float("nan") if 100 <= step < 103 else math.exp(step / 20))
    return {
        "run": run.to_html(),
        "empty": dlviz.live("empty").to_html(),
        "nonfinite": nonfinite.to_html(),
        "two": trained("second", beside=[run]).to_html(),
        "spike": spiked().to_html(),
        "markup": marked().to_html(),
        "restarted": restarted().to_html(),
    }


def spiked():
    run = dlviz.live("spike")
    for step in run.steps(range(30_000)):
        run.log(loss=50.0 if step == 17_171 else float(step % 3))
    return run


def marked():
    run = dlviz.live("<img src=x onerror=alert(1)>")
    for _ in run.steps(range(3)):
        run.log(**{"<b>loss</b>": 1.0})
    return run


def restarted():
    """Return a run with ten past runs, of ten learning rates, and a monitored model."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    run = dlviz.live("restarted")
    run.knobs(lr=opt)
    run.watch(net)
    run.restarts(net, opt, seed=0)
    for step in run.steps(range(40)):
        x = torch.rand(32, 2)
        loss = (net(x)[:, 0] - x.prod(1)).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        run.log(loss=loss)
        if step == 30 and len(run.past_runs) < 10:
            run.settings = {"lr": round(0.01 * (len(run.past_runs) + 2), 2)}
            run.restart()
    return run


def pixels(page: Page, panel: int = 0) -> np.ndarray:
    """Return a panel's chart as the browser shows it, (height, width, 3)."""
    picture = page.locator(".live-chart").nth(panel).screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), int)


def color(page: Page, selector: str, name: str) -> list[int]:
    """Return a computed color of an element as red, green and blue."""
    value = page.locator(selector).first.evaluate("(node, name) => getComputedStyle(node)[name]", name)
    return [int(part) for part in re.findall(r"\d+", value)[:3]]


def column(page: Page, panel: int, *positions: float) -> list[int]:
    """Return the rows of a panel's chart where a column at one of these x positions has the color of the panel's first curve."""
    curve = color(page, f".live-panel:nth-child({panel + 1}) .live-name b", "color")
    contrast = np.abs(np.subtract(color(page, ".dlviz", "backgroundColor"), curve)).sum()
    distance = np.abs(pixels(page, panel) - curve).sum(2)
    return [row for x in positions for row in np.flatnonzero(distance[:, round(x)] < 0.4 * contrast)]


def columns_around(x: float) -> list[float]:
    """Return the positions at which a spike at `x` may be drawn."""
    return [x + offset for offset in (-1.5, -1, -0.5, 0, 0.5, 1, 1.5)]


def right_of(page: Page, panel: int = 0) -> float:
    """Return the right end of a panel's x axis in pixels of its chart; beyond it stand the curves' names."""
    grid = page.locator(".live-chart").nth(panel).locator(".dlviz-chart-grid").first.get_attribute("d")
    return float(grid.split("H")[1])


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition in this process holds, while the page runs on."""
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(25)
    pytest.fail("timed out")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["run", "empty", "nonfinite", "two", "spike", "markup", "restarted"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    axe(page)


def test_a_panel_for_every_kind_of_metric_with_its_newest_numbers(open_page, pages):
    page = open_page(pages["run"])
    expect(page.locator(".live-panel")).to_have_count(2)
    assert page.locator(".live-name b").all_inner_texts() == ["loss", "val_loss", "acc"]
    shown = [number(text.split()[-1]) for text in page.locator(".live-name").all_inner_texts()]
    assert shown == pytest.approx([2 / 120, 1.0, 1 - 1 / 120], rel=1e-3)
    head = page.locator(".dlviz-signature")
    expect(head).to_contain_text("demo · finished · epoch 3 of 3 · step 120 of 120")
    expect(page.locator(".dlviz-badge")).to_have_text(re.compile(r"^[\d.]+% overhead$"))


def test_the_curve_is_drawn_at_its_values(open_page, pages):
    page = open_page(pages["run"])
    right = right_of(page)
    values = [2 / t for t in range(1, 121)]
    low, high = min(*values, 1.0), max(*values, 3.0)
    margin = (high - low) * 0.05

    def is_drawn(t: int) -> bool:
        x = LEFT + (t - 1) / 119 * (right - LEFT)
        expected = HEIGHT - BOTTOM - (2 / t - low + margin) / (high - low + 2 * margin) * (HEIGHT - BOTTOM - TOP)
        return any(abs(row - expected) <= 2 for row in column(page, 0, x))

    wait_until(page, lambda: all(is_drawn(t) for t in (20, 60, 90)))


def test_no_spike_is_lost_among_thirty_thousand_steps(open_page, pages):
    page = open_page(pages["spike"])
    x = LEFT + 17_171 / 29_999 * (right_of(page) - LEFT)
    wait_until(page, lambda: min(column(page, 0, *columns_around(x)), default=HEIGHT) < TOP + 14)


def test_nonfinite_values_leave_a_gap_and_are_noted(open_page, pages):
    page = open_page(pages["nonfinite"])
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_contain_text("3 values of loss are NaN or infinite")
    page.get_by_role("switch", name="log y").check()
    expect(page.locator(".live-chart").get_by_text("10", exact=True)).to_be_visible()
    right = right_of(page)
    # On a logarithmic axis an exponential is a straight line.
    rows = []
    for step in (30, 120, 210):
        x = LEFT + (step - 1) / 299 * (right - LEFT)
        rows.append(np.mean(column(page, 0, x)))
    assert rows[0] - rows[1] == pytest.approx(rows[1] - rows[2], abs=2.5)


def test_a_changed_hyperparameter_is_marked_on_the_curve_and_shown_on_its_slider(open_page, pages):
    page = open_page(pages["run"])
    x = LEFT + (61 - 1) / 119 * (right_of(page) - LEFT)
    around = pixels(page)[30:180, round(x) - 1 : round(x) + 2]
    marked = np.abs(around - color(page, ".live-mark.hyperparameter", "stroke")).max(2) < 12
    assert marked.sum() > 40
    slider = page.get_by_role("slider", name="lr")
    expect(slider).to_have_attribute("aria-valuetext", "0.02")
    expect(slider).to_be_disabled()  # an exported page has no loop to control


def test_hover_reads_every_curve_at_that_step_in_all_panels(open_page, pages):
    page = open_page(pages["run"])
    right = right_of(page)
    x = LEFT + (50 - 1) / 119 * (right - LEFT)
    page.locator(".live-plot").first.hover(position={"x": x, "y": 100})
    names = page.locator(".live-name").all_inner_texts()
    assert number(re.search(r"loss ([\d.]+)", names[0])[1]) == pytest.approx(2 / 50, rel=1e-3)
    assert "@ 50" in names[0]
    assert "@ 40" in names[1]
    assert number(re.search(r"acc ([\d.]+)", names[2])[1]) == pytest.approx(1 - 1 / 50, rel=1e-3)
    values = page.locator(".live-value")
    assert values.first.text_content() == "0.04"
    assert abs(values.first.bounding_box()["x"] - page.locator(".live-dot").first.bounding_box()["x"]) < 20
    page.locator(".dlviz-head").hover()
    expect(values).to_have_count(0)
    assert "@" not in page.locator(".live-name").first.inner_text()


def test_arrow_keys_move_the_crosshair(open_page, pages):
    page = open_page(pages["run"])
    page.locator(".live-plot").first.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(".live-name").first.inner_text()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    second = page.locator(".live-name").first.inner_text()
    at = [int(text.split("@ ")[1]) for text in (first, second)]
    assert at[1] > at[0]
    expect(page.locator(".dlviz-count")).to_have_text("replay 100 / 100")  # the player does not react


def test_playback_of_the_run(open_page, pages):
    page = open_page(pages["run"])
    page.locator(".dlviz-first").click()
    page.locator("input[type=range][aria-label]").first.focus()
    page.evaluate("dlvizModel.set('step', 50)")
    expect(page.locator(".live-name").first).to_contain_text(re.compile(r"loss 0\.0333"))  # step 60 of 120
    page.locator(".dlviz-play").click()
    expect(page.locator(".dlviz-count")).to_have_text("replay 100 / 100", timeout=10_000)
    expect(page.locator(".live-name").first).to_contain_text("0.01667")


def test_the_head_and_the_table_of_runs_follow_the_replay(open_page, pages):
    page = open_page(pages["two"])
    page.evaluate("dlvizModel.set('step', 50)")
    head = page.locator(".dlviz-signature")
    expect(head).to_have_text(
        "second · replay · epoch 2 of 3 · step 60 of 120 · loss 0.03333 · acc 0.9833 · val_loss 3"
    )
    now, before = (page.locator(".live-runs tbody tr").nth(k).locator("td") for k in (1, 0))
    assert now.all_inner_texts()[2:] == ["0.03333", "0.9833", "3"]
    assert before.all_inner_texts()[2:] == ["0.01667", "0.9917", "1"]
    page.evaluate("dlvizModel.set('step', 100)")
    expect(head).to_contain_text("second · finished · epoch 3 of 3 · step 120 of 120")


def test_the_axes_stand_still_while_a_run_is_replayed(open_page, pages):
    page = open_page(pages["run"])
    axes = page.locator(".dlviz-chart-axes").first
    before, curve = axes.inner_html(), page.locator(".live-line").first.get_attribute("d")
    page.evaluate("dlvizModel.set('step', 30)")
    expect(page.locator(".live-line").first).not_to_have_attribute("d", curve)
    assert curve.startswith(page.locator(".live-line").first.get_attribute("d"))
    assert axes.inner_html() == before
    expect(axes.get_by_text("step", exact=True)).to_be_visible()


def test_the_layers_follow_the_replay(open_page, monkeypatch):
    monkeypatch.setattr(model_monitor, "SAMPLE_PERIOD", 0.0)
    monkeypatch.setattr(model_monitor, "TIME_SHARE", 1e9)
    net = torch.nn.Linear(2, 1)
    run = dlviz.live("inside")
    run.watch(net)
    for step in run.steps(range(1, 6)):
        net.zero_grad()
        (step * net(torch.ones(1, 2))).sum().backward()
        run.log(loss=step)
    sampled = {sample.step: sample.layers[0].gradient for sample in run._run.monitor.samples}
    assert list(sampled) == [2, 3, 4, 5]  # the first step ends before sampling begins
    page = open_page(run)
    title, gradient = page.locator(".dlviz-side h4"), page.locator(".live-layers td").first
    expect(title).to_have_text("Inside the model at step 5")
    for step in (4, 2):
        page.evaluate("step => dlvizModel.set('step', 20 * step)", step)
        expect(title).to_have_text(f"Inside the model at step {step}")
        assert number(gradient.inner_text()) == pytest.approx(sampled[step], rel=0.05)
    page.evaluate("dlvizModel.set('step', 20)")
    expect(title).to_have_text("Inside the model first sampled at step 2")
    expect(gradient).to_be_empty()


def test_smoothing_keeps_the_raw_curve_visible(open_page, pages):
    page = open_page(pages["spike"])
    before = page.locator(".live-chart").first.screenshot()
    page.get_by_role("slider", name="smoothing").fill("90")
    expect(page.locator(".live-line.average")).to_have_count(1)
    expect(page.locator(".live-line.raw")).to_have_count(1)
    assert page.locator(".live-chart").first.screenshot() != before
    expect(page.locator(".live-name").first).to_contain_text("loss")


def test_other_runs_are_drawn_behind(open_page, pages):
    page = open_page(pages["two"])
    names = page.locator(".live-name b").all_inner_texts()
    assert names == ["demo · loss", "demo · val_loss", "loss", "val_loss", "demo · acc", "second · acc"]
    # Names stand at the curves' ends, in the colors of the runs.
    ends = page.locator(".live-chart").nth(1).locator(".live-end")
    assert sorted(ends.all_text_contents()) == ["demo", "second"]
    for name, hue in (("second", 1), ("demo", 0)):
        expect(ends.get_by_text(name, exact=True)).to_have_attribute("style", f"fill:var(--run-{hue})")


def test_other_runs_are_smoothed_as_the_run_itself(open_page):
    page = open_page(trained("second", beside=[trained()], smoothing=0.9))
    chart = page.locator(".live-chart").nth(1)
    behind, average, raw = (
        chart.locator(f".live-line.{kind}").get_attribute("d") for kind in ("behind", "average", "raw")
    )
    assert behind == average != raw


def test_runs_with_the_same_values_show_in_stripes(open_page, pages):
    page = open_page(pages["two"])
    dashes = (
        page.locator(".live-chart")
        .nth(1)
        .locator(".live-line")
        .evaluate_all("all => all.map((line) => line.style.strokeDasharray)")
    )
    assert dashes == ["none", "7, 7"]
    paper = np.array(color(page, ".dlviz", "backgroundColor"))
    past, now = (color(page, f".live-runs tr:nth-child({k}) button i", "borderTopColor") for k in (1, 2))
    for stroke in (0.6 * np.array(past) + 0.4 * paper, now):
        assert (np.abs(pixels(page, 1) - stroke).sum(2) < 40).sum() > 50


def test_a_run_keeps_its_color_when_it_restarts_and_stays_behind(open_page, pages):
    page = open_page(pages["restarted"])
    owns = page.locator(".live-runs button").evaluate_all("all => all.map((n) => n.style.getPropertyValue('--own'))")
    assert owns == [f"var(--run-{k % 6})" for k in range(11)]


def test_a_setting_that_changed_during_the_run_shows_its_first_and_last_value(open_page, pages):
    table = open_page(pages["two"]).locator(".live-runs")
    assert table.locator("tbody tr td:nth-child(2)").all_inner_texts() == ["0.1 → 0.02"] * 2
    assert table.locator("tbody tr td:nth-child(3)").all_inner_texts() == ["0.5"] * 2


@pytest.mark.parametrize("width", [600, 968])
def test_the_table_of_runs_has_one_line_for_each_run(open_page, pages, width):
    page = open_page(pages["two"], width=width + 32)
    table = page.locator(".live-runs")
    for row in table.locator("tbody tr").all():
        assert row.bounding_box()["height"] < 26
    assert table.evaluate("node => node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight")


def test_an_empty_run_says_what_to_do(open_page, pages):
    page = open_page(pages["empty"])
    expect(page.locator(".live-empty")).to_contain_text("run.log(…)")
    expect(page.locator(".live-panel")).to_have_count(0)


def test_names_with_markup_stay_text(open_page, pages):
    page = open_page(pages["markup"])
    expect(page.locator(".live-name b").first).to_have_text("<b>loss</b>")
    assert page.locator("img").count() == 0


def test_nothing_is_cut_off_at_any_width(open_page, pages):
    page = open_page(pages["two"], width=460)
    for width in at_each_width(page, 460, 760, 1300):
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        for box in (panel.bounding_box() for panel in page.locator(".live-chart").all()):
            assert box["x"] + box["width"] <= width


def test_a_million_points_are_drawn_fast(open_page):
    """Add points to the page's series in the same way as the kernel does."""
    page = open_page(dlviz.live("large").to_html())
    legend = page.evaluate(
        """async () => {
          const count = 1_000_000;
          const values = new Float64Array(count);
          for (let i = 0; i < count; i += 1) values[i] = Math.sin(i / 9000) + (i === 777_777 ? 40 : 0);
          const part = { name: "loss", first: 0, count, dtype: "float64", from: 1, values: new DataView(values.buffer) };
          const status = { ...dlvizModel.get("status"), step: count };
          for (const call of dlvizModel.listeners.get("msg:custom")) call({ kind: "points", series: [part], marks: [], status }, null);
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          return document.querySelector(".live-name").textContent;
        }"""
    )
    assert "loss" in legend
    x = LEFT + 777_777 / 999_999 * (right_of(page) - LEFT)
    wait_until(page, lambda: min(column(page, 0, *columns_around(x)), default=HEIGHT) < TOP + 14)


def test_the_monitored_layers_are_listed_beside_the_curves(open_page):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    run = dlviz.live("inside")
    run.watch(net)
    for step in run.steps(range(4)):
        loss = net(torch.full((3, 2), float("nan") if step == 3 else 1.0)).mean()
        loss.backward()
        run.log(loss=loss)
    page = open_page(run.to_html())
    rows = page.locator(".live-layers tr")
    assert rows.locator("th[scope=row]").all_inner_texts() == [layer.name for layer in run.layers]
    gradient = run.layers[0].gradient
    assert number(rows.nth(1).locator("td").first.inner_text()) == pytest.approx(gradient, rel=0.06)
    expect(page.locator('.dlviz-note[data-kind="bad"]').first).to_contain_text(
        "0 made the first NaN or infinity, at step 4"
    )


def test_runs_are_compared_and_one_of_them_is_highlighted(open_page, pages):
    page = open_page(pages["restarted"])
    table = page.get_by_role("region", name="Runs")
    assert table.locator("thead th").all_inner_texts() == ["Runs", "lr", "loss"]
    lrs = [number(text) for text in table.locator("tbody tr td:nth-child(2)").all_inner_texts()]
    assert lrs == pytest.approx([0.01 * (k + 1) for k in range(11)])
    last = table.locator("tbody tr td:last-child").last.inner_text()
    assert number(last) == pytest.approx(number(page.locator(".live-name").inner_text().split()[-1]), rel=0.01)
    before = page.locator(".live-chart").screenshot()
    button = table.get_by_role("button", name="restarted 3")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    expect(page.locator(".live-name b").first).to_have_text("restarted 3 · loss")
    assert page.locator(".live-chart").screenshot() != before
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".live-name")).to_have_count(1)


def test_the_weights_of_every_layer_are_a_histogram(open_page, pages):
    page = open_page(pages["restarted"])
    bars = page.locator(".live-bars")
    expect(bars).to_have_count(2)
    heights = bars.first.evaluate(
        "node => [...node.querySelectorAll('i')].map((bar) => bar.getBoundingClientRect().height)"
    )
    assert len(heights) == 24
    assert max(heights) == pytest.approx(20, abs=1.5)
    assert min(heights) < 10
    expect(bars.first).to_have_attribute("aria-label", re.compile(r"^weights from −[\d.]+ to [\d.]+$"))


def test_memory_after_an_hour_of_messages_equals_that_after_ten_minutes(open_page):
    """Send ten messages per second for an hour, with five steps in each."""
    page = open_page(dlviz.live("long").to_html())
    page.evaluate(
        """() => {
          let sent = 0;
          globalThis.feed = async (messages) => {
            for (let k = 0; k < messages; k += 1) {
              const part = (name, at) => {
                const values = new Float32Array(5).map((_, i) => (at + i === 70_001 ? 9 : Math.sin((at + i) / 900)));
                return { name, first: at, count: 5, from: at + 1, values: new DataView(values.buffer) };
              };
              const status = { ...dlvizModel.get("status"), step: sent + 5 };
              const content = { kind: "points", series: [part("loss", sent), part("acc", sent)], marks: [], status };
              for (const call of dlvizModel.listeners.get("msg:custom")) call(content, null);
              sent += 5;
              if (k % 200 === 0) await new Promise((done) => requestAnimationFrame(done));
            }
          };
        }"""
    )
    session = page.context.new_cdp_session(page)

    def used() -> float:
        for _ in range(3):
            session.send("HeapProfiler.collectGarbage")
        return (
            session.send("Runtime.getHeapUsage")["usedSize"]
            + session.send("Runtime.getHeapUsage")["backingStorageSize"]
        )

    sizes = []
    for _ in range(6):  # ten minutes each
        page.evaluate("() => globalThis.feed(6000)")
        sizes.append(used())
    assert max(sizes[1:]) < sizes[0] + 2e6, sizes
    # The only spike among 180,000 steps is still drawn.
    x = LEFT + 70_001 / 180_000 * (right_of(page) - LEFT)
    wait_until(page, lambda: min(column(page, 0, *columns_around(x)), default=HEIGHT) < TOP + 20)


#: Deliver a message of Python's to the page.
DELIVER = """([name, text]) => {
  const revive = (key, value) => {
    if (typeof value?.$number === "string") return Number(value.$number);
    return typeof value?.$bytes === "string" ? new DataView(Uint8Array.from(atob(value.$bytes), (c) => c.charCodeAt(0)).buffer) : value;
  };
  const content = JSON.parse(text, revive);
  if (name) return dlvizModel.assign({ [name]: content });
  for (const call of [...dlvizModel.listeners.get("msg:custom")]) call(content, []);
}"""


class Wire:
    """What Python sends to the page, in order; it arrives when :meth:`deliver` is called."""

    def __init__(self, page: Page, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.page, self.waiting = page, []
        monkeypatch.setattr(run, "_post", lambda content: self.waiting.append(("", to_json(binary(content)))))
        for name in ("settings", "paused", "controls", "status"):
            run.observe(lambda change: self.waiting.append((change["name"], to_json(change["new"]))), name)

    def deliver(self) -> None:
        while self.waiting:
            self.page.evaluate(DELIVER, list(self.waiting.pop(0)))


def test_python_and_page_change_settings_at_once_and_no_older_value_comes_back(live, monkeypatch):
    settings = {"eps": 1.0, "tau": 0.5, "clip": float("inf")}
    run, eps = dlviz.live("race"), []
    run.knobs(eps=settings, tau=settings, clip=settings)
    page, asked = live(run)
    wire = Wire(page, run, monkeypatch)
    tau, clip = (page.get_by_role("slider", name=name) for name in ("tau", "clip"))
    page.evaluate(
        "() => dlvizModel.assign({ settings: { ...dlvizModel.get('settings') } })"
    )  # the page has a kernel now
    expect(clip).to_have_attribute("aria-valuetext", "∞")
    for step in run.steps(range(30)):
        settings["eps"] *= 0.9
        eps.append(settings["eps"])
        run._run.flush()
        if step % 4 == 1:
            tau.press("ArrowRight")
            tau.press("ArrowRight")
        if step == 11:
            clip.press("ArrowLeft")
        if step % 7 == 3:
            wire.deliver()  # late, with older values of `tau` before the newest
    assert eps == [pytest.approx(0.9**k) for k in range(1, 31)]
    assert {mark.name for mark in run.history.marks} == {"tau", "clip"}
    wait_until(page, lambda: sum(message.get("name") == "tau" for message in asked) == 16)
    turned = [message["value"] for message in asked if message.get("name") == "tau"]
    assert turned == sorted(set(turned))
    assert settings["tau"] == turned[-1] == run.settings["tau"]
    assert settings["clip"] < 1
    wire.deliver()
    expect(tau).to_have_attribute("aria-valuetext", f"{turned[-1]:.3g}")
    expect(page.get_by_role("slider", name="eps")).to_have_attribute("aria-valuetext", f"{eps[-1]:.3g}")
    clip.press("End")
    wait_until(page, lambda: settings["clip"] == float("inf"))


def test_a_pause_pressed_after_the_end_does_not_hold_the_next_loop(live, monkeypatch):
    run = dlviz.live("late")
    page, asked = live(run)
    wire = Wire(page, run, monkeypatch)
    for step in run.steps(range(3)):
        if step == 1:
            run._run.flush()
            wire.deliver()
    page.get_by_role("button", name="Pause").click()  # the page has not heard of the end
    wait_until(page, lambda: asked[-1]["kind"] == "pause")
    page.get_by_role("button", name="Stop").click()
    wait_until(page, lambda: asked[-1]["kind"] == "stop")
    thread = threading.Thread(target=lambda: list(run.steps(range(3))), daemon=True)
    thread.start()
    thread.join(10)
    assert run.state == "finished"
    assert run.status["step"] == 6
    wire.deliver()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()


def test_updates_never_pile_up_in_front_of_a_slow_page(live, monkeypatch):
    run, backlog, sent = dlviz.live("slow"), [], 0
    page, asked = live(run)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 6})
    wire = Wire(page, run, monkeypatch)
    monkeypatch.setattr(run._gate, "_clock", lambda: 0.0)
    for step in run.steps(range(400)):
        for _ in range(4):  # a loop that is faster than the page
            run.log(loss=math.sin(step), acc=math.cos(step))
            run._run.flush()
        sent += sum(not name and '"update"' in text for name, text in wire.waiting)
        wire.deliver()
        page.evaluate("() => 0")  # the page's messages arrive
        drawn = [message["update"] for message in asked if message["kind"] == "drawn"]
        if drawn:
            backlog.append(run._gate._number - drawn[-1])
        if step == 100:
            page.get_by_role("button", name="Pause").click()
            wait_until(page, lambda: run.paused)
            run._handle_custom_msg({"kind": "stop"}, [])
    assert max(backlog[backlog.index(1) :]) == 1  # from the first answer on
    assert sent < 150
    assert run.status["step"] == 101
    wire.deliver()
    expect(page.locator(".dlviz-signature")).to_contain_text("slow · stopped · step 101 of 400")


def test_an_arrow_key_changes_an_integer_by_one_and_a_menu_takes_strings(live):
    design = {"width": 32, "activation": "relu"}
    run = dlviz.live("design")
    run.knobs(width=dlviz.knob(design, low=1, high=64), activation=dlviz.knob(design, choices=["relu", "tanh"]))
    page, _ = live(run)
    page.evaluate(
        "() => dlvizModel.set('settings', { ...dlvizModel.get('settings') })"
    )  # sent again, now that the view exists
    slider = page.get_by_role("slider", name="width")
    for width in (33, 34):
        slider.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", str(width))
    page.get_by_role("combobox", name="activation").select_option("tanh")
    expect(page.get_by_role("combobox", name="activation")).to_have_value("1")
    wait_until(page, lambda: design == {"width": 34, "activation": "tanh"})


def test_a_logarithmic_axis_writes_large_and_small_values_as_powers(open_page):
    run = dlviz.live()
    for step in run.steps(range(15)):
        run.log(loss=10.0 ** (7 - step))
    page = open_page(run)
    page.get_by_label("log y").check(force=True)
    texts = page.locator("svg text")
    for text in ("10⁷", "10⁵", "10000", "0.001", "10⁻⁴"):
        expect(texts.filter(has_text=re.compile(f"^{text}$"))).to_have_count(1)
