"""Exported pages of a profile: what is drawn, read, pinned, marked and zoomed is what torch's profiler recorded."""

import pytest
import torch
from playwright.sync_api import Page, expect

import dlviz
from dlviz.kit.units import time_text
from dlviz.profiling.layout import row_spans
from tests.browser.conftest import until, until_holds
from tests.profiling.models import Net, Training


@pytest.fixture(scope="module")
def epoch():
    return dlviz.profile(Training().epoch, repeats=1, label="an epoch")


@pytest.fixture(scope="module")
def two():
    net = Net()
    x = torch.randn(8, 1, 4, 4)
    small = dlviz.profile(net, x[:1], repeats=1, label="batch 1")
    return dlviz.profile(net, x, repeats=1, label="batch 8", against=small)


@pytest.fixture(scope="module")
def pages(epoch, two) -> dict[str, str]:
    return {"one": epoch.to_html(), "two": two.to_html()}


def get_trait(page: Page, name: str):
    return page.evaluate("name => dlvizModel.get(name)", name)


def set_trait(page: Page, name: str, value: object) -> None:
    page.evaluate("([name, value]) => dlvizModel.set(name, value)", [name, value])


def event_named(view, name: str, number: int = 0) -> int:
    """Return the index of the longest event of a name."""
    events = view.records[number].events
    return max((i for i, one in enumerate(events.names) if one == name), key=lambda i: events.duration[i])


def zoom_to(page: Page, view, event: int, number: int = 0) -> None:
    """Show an event over the middle half of the timeline."""
    events = view.records[number].events
    start, duration = float(events.start[event]), max(1.0, float(events.duration[event]))
    set_trait(page, "time_range", [max(0.0, start - duration / 2), start + 1.5 * duration])


def lane_of(view, event: int, number: int = 0) -> int:
    profile = view.records[number]
    depth, outer = 0, int(profile.events.parent[event])
    while outer >= 0:
        depth += not profile.attribution.is_module[outer]
        outer = int(profile.events.parent[outer])
    return depth


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["one", "two"])
def test_opens_from_a_file_fits_the_screen_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".pro-profile:visible")).to_have_count(1 if name == "one" else 2)
    expect(page.locator(".dlviz-player")).to_be_hidden()
    assert page.locator(".dlviz").bounding_box()["height"] <= 700
    axe(page)


def test_the_rows_are_the_modules_with_their_times_and_close_and_open(open_page, pages, epoch):
    page = open_page(pages["one"])
    labels = page.locator(".pro-rows .pro-label")
    expect(labels).to_have_count(len(epoch.rows))
    for label, row in zip(labels.all(), epoch.rows, strict=True):
        expect(label).to_have_attribute(
            "title", {"data": "waiting for data", "outside": "outside of modules"}.get(row.path, row.path)
        )
        shown = label.locator(".pro-time").inner_text()
        number, unit = shown.split()
        assert float(number) * {"µs": 1, "ms": 1000}[unit] == pytest.approx(row.time, rel=6e-3)
    features = page.get_by_role("button", name="features Sequential")
    features.press("Enter")
    expect(labels).to_have_count(len(epoch.rows) - 3)
    expect(features).to_have_attribute("aria-expanded", "false")
    expect(features).to_be_focused()
    page.keyboard.press("Enter")
    expect(labels).to_have_count(len(epoch.rows))


def test_the_pointer_reads_an_event_and_a_click_pins_it(open_page, pages, epoch):
    page = open_page(pages["one"])
    event = event_named(epoch, "aten::convolution_backward")
    zoom_to(page, epoch, event)
    canvas = page.locator(".pro-lanes canvas").first
    box, y = canvas.bounding_box(), 16 * lane_of(epoch, event) + 8
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + y)
    readout = page.locator(".dlviz-readout")
    expect(readout.locator("b")).to_have_text("aten::convolution_backward")
    expect(readout).to_contain_text("backward")
    expect(readout).to_contain_text("Net.features.0" if "Net.features.0" in readout.inner_text() else ".features.0")
    expect(readout).to_contain_text("x = self.features(x)")
    page.mouse.down()
    page.mouse.up()
    until_holds(page, lambda: get_trait(page, "selected") == [0, event])
    details = page.locator(".pro-details")
    for text in (
        "aten::convolution_backward",
        "(Conv2d)",
        "x = self.features(x)",
        epoch.record.events.shapes[event].split(") ")[0],
    ):
        expect(details).to_contain_text(text)
    expect(page.locator(".pro-rows .pro-label[data-selected]")).to_have_count(1)
    page.keyboard.press("Escape")
    until_holds(page, lambda: get_trait(page, "selected") == [])
    expect(details).to_contain_text("click an operation to pin it")


def test_the_pointer_reads_a_module_in_its_row(open_page, pages, epoch):
    page = open_page(pages["one"])
    k, row = next((k, row) for k, row in enumerate(epoch.rows) if row.kind == "Conv2d")
    start, end, _ = row_spans(epoch.record)[k][0]
    set_trait(page, "time_range", [start, end])
    box = page.locator(".pro-rows canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 18 * k + 9)
    readout = page.locator(".dlviz-readout")
    expect(readout.locator("b")).to_have_text(row.path)
    expect(readout).to_contain_text(f"forward: {time_text(end - start)}, from {time_text(start)}")
    expect(readout).to_contain_text(f"own {time_text(row.own_time)}, backward {time_text(row.backward_time)} of it")


def test_with_the_keyboard_events_are_pinned_one_after_another(open_page, pages, epoch):
    page = open_page(pages["one"])
    canvas = page.locator(".pro-lanes canvas").first
    canvas.focus()
    page.keyboard.press("Enter")
    until_holds(page, lambda: get_trait(page, "selected"))
    events, is_module = epoch.record.events, epoch.record.attribution.is_module
    _, first = get_trait(page, "selected")
    assert events.duration[first] == max(events.duration[~is_module])
    same = [i for i in range(len(events)) if not is_module[i] and lane_of(epoch, i) == lane_of(epoch, first)]
    page.keyboard.press("ArrowRight")
    until_holds(page, lambda: get_trait(page, "selected") == [0, same[same.index(first) + 1]])
    page.keyboard.press("ArrowLeft")
    until_holds(page, lambda: get_trait(page, "selected") == [0, first])
    page.keyboard.press("ArrowDown")
    until_holds(page, lambda: get_trait(page, "selected") != [0, first])
    _, below = get_trait(page, "selected")
    assert events.start[first] <= events.start[below] < events.start[first] + events.duration[first]
    assert lane_of(epoch, below) == lane_of(epoch, first) + 1


def test_zoom_and_pan_by_buttons_keys_wheel_and_drag_reach_python(open_page, pages, epoch):
    page = open_page(pages["one"])
    span = epoch.scene["span"]

    def shown() -> list[float]:
        return get_trait(page, "time_range") or [0.0, span]

    def length() -> float:
        return shown()[1] - shown()[0]

    page.get_by_role("button", name="zoom in").click()
    until_holds(page, lambda: length() == pytest.approx(span / 2))
    canvas = page.locator(".pro-lanes canvas").first
    canvas.focus()
    before = shown()
    page.keyboard.press("ArrowRight")
    until_holds(page, lambda: shown()[0] > before[0])
    assert length() == pytest.approx(span / 2)
    page.keyboard.press("+")
    until_holds(page, lambda: length() == pytest.approx(span / 3))
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 8)
    page.mouse.wheel(0, -100)
    until_holds(page, lambda: length() < 0.9 * span / 3)
    start = shown()[0]
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 8, steps=4)
    page.mouse.up()
    until_holds(page, lambda: shown()[0] < start)
    assert get_trait(page, "selected") == []  # a drag is no click
    page.keyboard.press("0")
    until_holds(page, lambda: get_trait(page, "time_range") == [])


def test_the_wheel_scrolls_the_page_until_the_timeline_has_the_focus(open_page, pages):
    page = open_page(pages["one"])
    box = page.locator(".pro-lanes canvas").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 8)
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(400)  # longer than the pause after which Python would hear of it
    assert get_trait(page, "time_range") == []


def test_a_row_of_the_table_marks_its_events(open_page, pages, epoch):
    page = open_page(pages["one"])
    rows = page.locator(".pro-table tbody tr")
    expect(rows).to_have_count(10)
    for row, operation in zip(rows.all(), epoch.operations, strict=False):
        expect(row.locator("button")).to_have_text(operation.name or "Python code of modules")
        expect(row).to_contain_text(f"{operation.calls}×")
    wanted = next(
        k
        for k, one in enumerate(epoch.operations[:10])
        if one.name.startswith("aten::") and lane_of(epoch, event_named(epoch, one.name)) < 5
    )
    event = event_named(epoch, epoch.operations[wanted].name)
    zoom_to(page, epoch, event)
    color = "([canvas, y]) => [...canvas.getContext('2d').getImageData(canvas.width / 2, y * devicePixelRatio, 1, 1).data].join()"
    canvas = page.locator(".pro-lanes canvas").first.element_handle()
    y = 16 * lane_of(epoch, event) + 2  # above the name, which reaches the middle if it is long
    page.wait_for_timeout(100)
    plain = page.evaluate(color, [canvas, y])
    rows.nth(wanted).locator("button").press("Enter")
    until(page, f"given => ({color})(given) === '194,24,107,255'", [canvas, y])  # the color of what is selected
    expect(rows.nth(wanted).locator("button")).to_have_attribute("aria-pressed", "true")
    assert get_trait(page, "highlighted") == wanted
    expect(page.locator(".pro-details")).to_contain_text(f"The longest of the {epoch.operations[wanted].calls} marked:")
    expect(page.locator(".pro-details h4")).to_have_text(epoch.operations[wanted].name)
    page.keyboard.press("Escape")
    until(page, f"given => ({color})(given) === '{plain}'", [canvas, y])


def test_the_table_sums_up_by_line_and_by_module(open_page, pages, epoch):
    page = open_page(pages["one"])
    page.get_by_role("radio", name="line", exact=True).click(force=True)
    first = page.locator(".pro-table tbody tr").first
    expect(first).to_contain_text(epoch.scene["tables"]["line"][0]["name"])
    page.get_by_role("radio", name="module", exact=True).click(force=True)
    expect(first).to_contain_text(epoch.scene["tables"]["module"][0]["name"])
    assert get_trait(page, "table_by") == "module"


def test_two_profiles_have_one_time_axis_and_their_differences(open_page, pages, two):
    page = open_page(pages["two"])
    titles = page.locator(".pro-title:visible b")
    expect(titles).to_have_text(["batch 8", "batch 1"])
    heads = page.locator(".pro-table th").all_inner_texts()
    assert heads[1:4] == ["batch 8", "batch 1", "difference"]
    event = event_named(two, "aten::conv2d", number=1)
    zoom_to(page, two, event, number=1)
    second = page.locator(".pro-lanes canvas").nth(1)
    box = second.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8)
    until_holds(page, lambda: get_trait(page, "selected") == [1, event])
    expect(page.locator(".pro-details")).to_contain_text("(1, 1, 4, 4)")


def test_memory_is_read_at_the_pointer(open_page, pages, epoch):
    page = open_page(pages["one"])
    memory = epoch.record.memory[0]
    at = int(memory.bytes.argmax())
    start = float(memory.times[at])
    until_next = float(memory.times[at + 1] - start)
    set_trait(page, "time_range", [start - until_next, start + 2 * until_next])
    box = page.locator(".pro-memory canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    peak = page.locator(".pro-memory .pro-time").first.inner_text().removeprefix("peak ")
    expect(page.locator(".dlviz-readout")).to_contain_text(f"memory, cpu: {peak} more than at the start")
    assert float(peak.split()[0]) * 1000 == pytest.approx(memory.peak, rel=6e-3)


def test_a_change_in_python_reaches_the_page(live, epoch):
    page, asked = live(epoch)
    page.get_by_role("radio", name="line", exact=True).click(force=True)
    until_holds(page, lambda: epoch.table_by == "line")
    page.locator(".pro-table tbody button").nth(1).click()
    until_holds(page, lambda: epoch.highlighted == 1)
    assert all(message["kind"] == "set" for message in asked)
    epoch.table_by, epoch.highlighted = "operation", -1
