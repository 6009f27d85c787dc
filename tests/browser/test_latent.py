"""Exported pages of the latent space, and live ones with this process as kernel, compared with torch's numbers."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from tests.browser.conftest import await_frames, until, until_holds
from tests.browser.test_network import number
from tests.latent_space.models import Coder, images


def labels(count: int = 30) -> torch.Tensor:
    return torch.arange(count) % 3


def variational(size: int = 2, **options):
    net = Coder(size)
    options = {"labels": labels(), "classes": ["<b>x</b>", "cat", "dog"], "anomalies": images(9, seed=7)} | options
    return dlviz.latent(net, images(), **options)


def series(**options):
    torch.manual_seed(0)
    return dlviz.latent(nn.Linear(20, 3), nn.Linear(3, 20), torch.rand(15, 20), **options)


def rows(**options):
    torch.manual_seed(0)
    return dlviz.latent(nn.Linear(5, 1), nn.Linear(1, 5), torch.rand(15, 5), features=list("abcde"), **options)


def trained():
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(36, 2), nn.Linear(2, 36)
    view = dlviz.latent(encoder, decoder, torch.rand(12, 36), image_shape=(6, 6))
    for _ in range(3):
        with torch.no_grad():
            encoder.weight += 0.3
            decoder.bias += 0.5
        view.update()
    return view


def many():
    """Return a picture with all that takes room: ten classes, eight dimensions, snapshots."""
    view = variational(8, labels=[k % 10 for k in range(len(images()))], classes=[str(k) for k in range(10)])
    view.update("once more")
    return view


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {
        "variational": variational(decoded_grid=True).to_html(),
        "pca": variational(5).to_html(),
        "strip": variational(1).to_html(),
        "series": series().to_html(),
        "rows": rows().to_html(),
        "trained": trained().to_html(),
        "many": many().to_html(),
    }


def trait(page: Page, name: str):
    return page.evaluate("name => globalThis.dlvizModel.get(name)", name)


def pixels(page: Page, selector: str) -> np.ndarray:
    """Return the gray levels of a canvas with an image of 6 by 6, one for each of its pixels."""
    script = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const at = (k) => Math.floor(((k + 0.5) / 6) * canvas.width);
      return Array.from({ length: 36 }, (_, p) => data[4 * (at(Math.floor(p / 6)) * canvas.width + at(p % 6))]);
    }"""
    return np.array(page.locator(selector).first.evaluate(script))


def gray(values: torch.Tensor) -> np.ndarray:
    return values.detach().double().flatten().mul(255).clamp(0, 255).numpy()


def spot(page: Page, view, place) -> tuple[float, float]:
    """Return the point of the screen at a place of the map."""
    box = page.locator(".lat-map canvas").bounding_box()
    left, right, bottom, top = view.scene["limits"]
    size = box["width"] - 42
    x, y = place
    return box["x"] + 40 + (x - left) / (right - left) * size, box["y"] + 4 + (top - y) / (top - bottom) * size


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["variational", "pca", "strip", "series", "rows", "trained"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".lat-map")).to_be_visible()
    for title in page.locator(".dlviz-fold-title:visible").all():
        title.click()
    assert "undefined" not in page.locator(".dlviz").inner_text()
    axe(page)


def test_input_and_reconstruction_are_drawn_as_torch_computes_them(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    figure = ".lat-figures figure:nth-child({} of :not([hidden])) canvas"
    np.testing.assert_allclose(pixels(page, figure.format(1)), gray(images()[0]), atol=1)
    np.testing.assert_allclose(pixels(page, figure.format(2)), gray(view.reconstructions[0]), atol=1)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.reconstructions[0]), atol=1)
    text = page.locator(".lat-error").first.inner_text()
    assert number(re.search(r"error (\S+)", text)[1]) == pytest.approx(float(view.errors[0]), rel=1e-3)
    assert number(re.search(r"divergence (\S+)", text)[1]) == pytest.approx(
        float(view.kl_per_example[0].sum()), rel=6e-3, abs=6e-4
    )


def luminance(color: np.ndarray) -> np.ndarray:
    """Return the relative luminance of sRGB colors (…, 3) from 0 to 255, as WCAG defines it."""
    share = np.asarray(color) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, b = luminance(one) + 0.05, luminance(other) + 0.05
    return np.maximum(a, b) / np.minimum(a, b)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("gray", [None, 0.0, 0.4, 0.6, 1.0])
def test_the_markers_of_all_classes_stand_out_from_paper_and_from_decoded_pictures(open_page, theme, gray):
    # One example of each class, none at the edge of one of the 4 × 4 pictures, and two that make the map wider.
    codes = torch.tensor(
        [[x, y] for y in (0.2, 0.8) for x in (0.05, 0.2, 0.35, 0.65, 0.85)] + [[-0.5, -0.5], [1.5, 1.5]]
    )
    view = dlviz.latent(
        lambda x: x[:, :2],
        lambda code: torch.full((len(code), 4), 2 * (gray or 0.0) - 0.5),
        torch.cat((codes, codes), 1),
        labels=[*range(10), 0, 0],
        example=-1,
        probe=(-0.4, 1.2),
        image_shape=(2, 2),
        resolution=4,
        decoded_grid=gray is not None,
        theme=theme,
    )
    page = open_page(view)
    await_frames(page)
    paper = np.array([255, 255, 255] if theme == "light" else [13, 17, 23])
    background = paper if gray is None else np.full(3, round(255 * gray))
    box = page.locator(".lat-map canvas").bounding_box()
    corners = [
        [round(at - box[side]) - 6 for at, side in zip(spot(page, view, code), "xy", strict=True)]
        for code in codes[:10].tolist()
    ]
    script = "(canvas, corners) => corners.map((at) => [...canvas.getContext('2d').getImageData(...at, 13, 13).data])"
    for data in page.locator(".lat-map canvas").evaluate(script, corners):
        pixels_around = np.array(data).reshape(13, 13, 4)
        opacity = pixels_around[..., 3:] / 255
        around = opacity * pixels_around[..., :3] + (1 - opacity) * paper
        assert np.abs(around[0, 0] - background).max() <= 1
        assert (contrast(around, background) >= 3).sum() >= 14
    for mark in page.locator(".lat-legend path").all():
        ink = mark.evaluate("(path) => getComputedStyle(path).stroke")
        assert contrast(np.array(re.findall(r"\d+", ink), float), paper) > 7


def test_a_click_on_a_point_selects_it_in_a_page(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    page.mouse.click(*spot(page, view, view._latent.start(11)))
    assert trait(page, "example") == 11
    expect(page.locator(".lat-right")).to_contain_text("Example 11 · dog")
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.reconstructions[11]), atol=1)


def test_a_page_shows_the_nearest_decoded_code_under_the_probe_and_says_so(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    left, right, bottom, top = view.scene["limits"]
    place = [left + 2.4 / 12 * (right - left), top - 8.7 / 12 * (top - bottom)]
    x, y = spot(page, view, view._latent.start(0))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*spot(page, view, place), steps=4)
    page.mouse.up()
    expect(page.locator(".lat-top .lat-words")).to_contain_text("Nearest of the codes")
    nearest = [left + 2.5 / 12 * (right - left), top - 8.5 / 12 * (top - bottom)]
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.decode(nearest)), atol=1)


def test_the_path_of_a_page_is_played_step_by_step(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    page.get_by_text("Path to another example").click()
    target = trait(page, "target")
    assert target >= 0
    expect(page.locator(".lat-strip canvas")).to_have_count(13)
    path = view.path(0, target)
    page.locator(".dlviz").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert trait(page, "path_step") == 5
    expect(page.locator(".dlviz-count")).to_have_text("step 5 / 12")
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(path[5]), atol=1)
    page.locator(".lat-strip button").nth(12).click()
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(path[12]), atol=1)
    page.keyboard.press("Escape")
    assert trait(page, "target") == -1
    expect(page.locator(".lat-strip")).to_be_hidden()


def test_the_keyboard_moves_the_probe_and_selects(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    page.locator(".lat-map").focus()
    before = view._latent.start(0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    probe = trait(page, "probe")
    left, right, bottom, top = view.scene["limits"]
    assert probe[0] - before[0] == pytest.approx((right - left) / 40, rel=1e-3)
    assert probe[1] - before[1] == pytest.approx((top - bottom) / 8, rel=1e-3)
    distances = (view._latent.places - torch.tensor(probe, dtype=torch.float64)).norm(dim=1)
    page.keyboard.press("Enter")
    assert trait(page, "example") == int(distances.argmin())


def test_the_threshold_counts_in_the_browser_what_python_counts(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    page.get_by_text("Which ones does it reconstruct badly?").click()
    slider = page.get_by_label("threshold")
    for position in (100, 500, 700, 950):
        slider.fill(str(position))
        await_frames(page)
        found = view.rates(trait(page, "threshold"))
        text = page.locator(".lat-rates").inner_text()
        alarm, miss, area = (
            number(one) for one in re.search(r"alarms: (\S+)% .*Missed: (\S+)% .*AUC (\S+?)\.?$", text).groups()
        )
        assert alarm == pytest.approx(100 * found.false_alarm, abs=0.06)
        assert miss == pytest.approx(100 * found.miss, abs=0.06)
        assert area == pytest.approx(view.auc, abs=6e-4)
    worst = [int(item.get_attribute("data-row")) for item in page.locator(".lat-worst").first.locator("button").all()]
    assert worst == view.errors.argsort(descending=True)[:4].tolist()
    page.locator(".lat-worst-item").nth(1).click()
    assert trait(page, "example") == worst[1]


def anomaly_inside(view) -> int:
    """Return the anomaly on the map that is farthest from all examples."""
    left, right, bottom, top = view.scene["limits"]
    places = view._latent.place(view.record.anomalies.codes)
    is_inside = ((places > torch.tensor([left, bottom])) & (places < torch.tensor([right, top]))).all(1)
    return int((torch.cdist(places, view._latent.places).amin(1) * is_inside).argmax())


def test_an_anomaly_tells_its_error_and_a_click_selects_it(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    found, k = view.record.anomalies, anomaly_inside(view)
    page.mouse.move(*spot(page, view, view._latent.start(30 + k)))
    await_frames(page)
    expect(page.locator(".lat-readout")).not_to_contain_text("anomaly")
    page.get_by_text("Which ones does it reconstruct badly?").click()
    await_frames(page)
    at = spot(page, view, view._latent.start(30 + k))
    page.mouse.move(*at)
    expect(page.locator(".lat-readout")).to_contain_text(f"anomaly {k} · error {float(found.errors[k]):.3g}")
    page.mouse.click(*at)
    assert trait(page, "example") == 30 + k
    expect(page.locator(".lat-right")).to_contain_text(f"Anomaly {k}")
    expect(page.locator(".lat-path-button")).to_be_hidden()
    await_frames(page)
    figure = ".lat-figures figure:nth-child({} of :not([hidden])) canvas"
    np.testing.assert_allclose(pixels(page, figure.format(1)), gray(images(9, seed=7)[k]), atol=1)
    np.testing.assert_allclose(pixels(page, figure.format(2)), gray(found.reconstructions[k]), atol=1)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(found.reconstructions[k]), atol=1)
    # The list begins with the anomaly that is missed most easily.
    first = page.get_by_role("group", name="Anomalies, smallest errors").locator("button").first
    assert first.get_attribute("aria-label").startswith(f"Anomaly {int(found.errors.argmin())}, error")
    first.click()
    assert trait(page, "example") == 30 + int(found.errors.argmin())


def test_the_kernel_selects_an_anomaly_and_no_path_ends_at_one(live):
    view = variational()
    page, _ = live(view)
    page.get_by_text("Which ones does it reconstruct badly?").click()
    await_frames(page)
    k = anomaly_inside(view)
    page.keyboard.down("Shift")
    page.mouse.click(*spot(page, view, view._latent.start(30 + k)))
    page.keyboard.up("Shift")
    until_holds(page, lambda: view.example == 30 + k)
    assert view.target == -1
    until(page, "() => window.pending === 0")
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.record.anomalies.reconstructions[k]), atol=1)


def test_the_kl_divergence_of_each_dimension_is_torchs(open_page, pages):
    view, page = variational(5), open_page(pages["pca"])
    page.get_by_text("Which dimensions are used?").click()
    bars = page.locator(".lat-bar")
    assert bars.count() == 5
    for k, dimension in enumerate(view.kl.argsort(descending=True).tolist()):
        expect(bars.nth(k).locator("span").first).to_have_text(f"code {dimension}")
        assert number(bars.nth(k).locator(".mono").inner_text().split()[0]) == pytest.approx(
            float(view.kl[dimension]), rel=6e-3, abs=6e-4
        )
    page.get_by_text("What do samples look like?").click()
    samples = view.samples(12, seed=0)
    np.testing.assert_allclose(pixels(page, ".lat-samples canvas:nth-child(3)"), gray(samples[2]), atol=1)


def test_a_page_shows_the_map_along_other_axes(open_page, pages):
    view, page = variational(5), open_page(pages["pca"], reduced_motion=True)
    menu = page.get_by_label("axes", exact=True)
    assert menu.locator("option").count() == 7
    a, b = sorted(view.kl.argsort(descending=True)[:2].tolist())
    menu.select_option(f"[{a},{b}]")
    view.axes = [a, b]
    await_frames(page)
    page.mouse.click(*spot(page, view, view._latent.start(11)))
    assert trait(page, "example") == 11
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.reconstructions[11]), atol=1)
    page.get_by_text("Path to another example").click()
    target = trait(page, "target")
    page.locator(".lat-strip button").nth(12).click()
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.reconstructions[target]), atol=1)


def test_snapshots_are_scrubbed_in_a_page(open_page, pages):
    view, page = trained(), open_page(pages["trained"])
    expect(page.locator(".dlviz-count")).to_have_text("snapshot 3 / 3")
    page.locator(".dlviz").focus()
    page.keyboard.press("Home")
    view.step = 0
    error = page.locator(".dlviz-badge").inner_text().split()[-1]
    assert number(error) == pytest.approx(float(view.errors.mean()), rel=6e-3)
    await_frames(page)
    text = page.locator(".lat-error").first.inner_text()
    assert number(re.search(r"error (\S+)", text)[1]) == pytest.approx(float(view.errors[0]), rel=1e-3)
    page.keyboard.press("End")
    expect(page.locator(".dlviz-count")).to_have_text("snapshot 3 / 3")


def test_the_rows_of_a_table_stand_as_numbers(open_page, pages):
    view, page = rows(), open_page(pages["rows"])
    lines = page.locator(".lat-table [role=row]")
    assert lines.count() == 6
    for k in range(5):
        cells = lines.nth(1 + k).locator("span").all_inner_texts()
        assert cells[0] == "abcde"[k]
        expected = [view.reconstructions[0, k], view.record.examples.x[0, k], view.reconstructions[0, k]]
        for text, value in zip(cells[1:4], expected, strict=True):
            assert number(text) == pytest.approx(float(value), rel=6e-3)
        assert number(cells[4]) == pytest.approx(float(expected[0] - expected[1]), rel=6e-3)


def test_a_drag_asks_the_decoder_once_a_frame_and_never_queues(live):
    view = variational(5)
    page, asked = live(view)
    page.evaluate("window.slow = 60")
    until(page, "() => window.pending === 0")
    asked.clear()
    calls = []
    decode = view._latent.decode
    view._latent.decode = lambda codes: (calls.append(codes), decode(codes))[1]
    x, y = spot(page, view, view._latent.start(0))
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(40):
        page.mouse.move(x + 2 * k, y - k)
    page.mouse.up()
    until(page, "() => window.pending === 0")
    probes = [message for message in asked if message["kind"] == "probe"]
    assert page.evaluate("window.most") == 1
    assert 1 <= len(probes) < 40
    assert len(calls) == len(probes)
    left, right, *_ = view.scene["limits"]
    size = page.locator(".lat-map canvas").bounding_box()["width"] - 42
    start = view._latent.start(0)
    assert view.probe[0] == pytest.approx(min(right, start[0] + 78 * (right - left) / size), rel=0.02, abs=0.02)
    await_frames(page)
    code = view._latent.codes_at(torch.tensor([view.probe], dtype=torch.float64), 0)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(decode(code)), atol=1)


def test_a_path_is_opened_between_two_points_that_are_clicked(live):
    view = variational()
    page, _ = live(view)
    page.mouse.click(*spot(page, view, view._latent.start(4)))
    until_holds(page, lambda: view.example == 4)
    until(page, "() => window.pending === 0")
    page.get_by_text("Path to another example").click()
    page.mouse.click(*spot(page, view, view._latent.start(17)))
    until_holds(page, lambda: view.target == 17)
    until(page, "() => window.pending === 0")
    expect(page.locator(".lat-strip canvas")).to_have_count(13)
    page.locator(".lat-strip button").nth(12).click()
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-probe"), gray(view.reconstructions[17]), atol=1)
    page.keyboard.press("Escape")
    until_holds(page, lambda: view.target == -1)


def test_a_drawing_is_reconstructed(live):
    view = variational()
    page, asked = live(view)
    page.get_by_text("And your drawing?").click()
    await_frames(page)
    assert page.locator(".dlviz").bounding_box()["height"] <= 700
    box = page.locator(".lat-pad canvas").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 90, steps=5)
    page.mouse.up()
    until(page, "() => window.pending === 0")
    values = [message for message in asked if message["kind"] == "paint"][-1]["values"]
    assert max(values) == 1
    x = torch.tensor(values, dtype=torch.float64).view(1, 1, 6, 6)
    np.testing.assert_allclose(pixels(page, ".lat-pad canvas"), gray(x), atol=1)
    output = view.decode(view.encode(x))
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".dlviz-panel figure:nth-child(2) canvas"), gray(output), atol=1)
    page.get_by_role("button", name="Clear").click()
    page.locator(".lat-pad").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    until(page, "() => window.pending === 0")
    values = [message for message in asked if message["kind"] == "paint"][-1]["values"]
    assert [k for k, value in enumerate(values) if value == 1] == [3 * 6 + 2]


def test_axes_grid_and_samples_are_asked_of_the_kernel(live):
    view = variational(5)
    page, _ = live(view)
    page.get_by_label("across").select_option("2")
    until_holds(page, lambda: view.axes == [2, 0])
    page.get_by_label("up").select_option("4")
    until_holds(page, lambda: view.axes == [2, 4])
    page.get_by_label("grid", exact=True).fill("6")
    until_holds(page, lambda: view.background.get("side") == 6)
    expect(page.get_by_label("decoded grid")).to_be_checked()
    page.get_by_text("What do samples look like?").click()
    page.get_by_text("Draw 12 samples").click()
    until_holds(page, lambda: view.sample_seed == 1)
    until(page, "() => window.pending === 0")
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-samples canvas"), gray(view.samples(12, seed=1)[0]), atol=1)


def test_a_narrow_page_stands_in_one_column_and_is_not_clipped(open_page, pages):
    for name in ("variational", "rows", "series"):
        page = open_page(pages[name], width=420)
        assert page.evaluate(
            "document.querySelector('.dlviz').scrollWidth <= document.querySelector('.dlviz').clientWidth + 1"
        )
        assert page.locator(".lat-right").bounding_box()["y"] > page.locator(".lat-map").bounding_box()["y"] + 200


def test_anomalies_with_far_larger_errors_leave_room_for_the_threshold(open_page):
    view = variational(anomalies=8 * images(9, seed=7))
    page = open_page(view.to_html())
    page.get_by_text("Which ones does it reconstruct badly?").click()
    await_frames(page)
    plot, bars = page.locator(".dlviz-chart"), page.locator(".dlviz-chart rect[style*='run-0']")
    heights = bars.evaluate_all("bars => bars.map((bar) => Number(bar.getAttribute('height')))")
    assert sum(height > 0 for height in heights) > 3
    assert "logarithmic" in plot.inner_html()
    slider = page.get_by_label("threshold")
    within = []
    for position in range(0, 501, 20):
        slider.fill(str(position))
        found = view.rates(trait(page, "threshold"))
        within.append(0 < found.false_alarm < 1)
        await_frames(page)
        alarm = re.search(r"alarms: (\S+)% ", page.locator(".lat-rates").inner_text())[1]
        assert number(alarm) == pytest.approx(100 * found.false_alarm, abs=0.06)
    assert sum(within) >= 3


def test_an_error_of_zero_has_its_bar_on_a_logarithmic_axis(open_page):
    x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([0.0, 0.01, 0.01, 0.02]).repeat(5)[:, None]

    def decode(code):
        return code + (shift if len(code) == 20 else 5)

    page = open_page(dlviz.latent(lambda x: x, decode, x, anomalies=x[:4]).to_html())
    page.get_by_text("Which ones does it reconstruct badly?").click()
    heights = page.locator(".dlviz-chart rect[style*='run-0']").evaluate_all(
        "bars => bars.map((bar) => Number(bar.getAttribute('height')))"
    )
    assert heights[0] > 0
    assert all(np.isfinite(heights))


@pytest.mark.parametrize("name", ["variational", "pca", "many"])
def test_a_section_opens_alone_and_stays_on_one_screen(open_page, pages, name):
    page = open_page(pages[name], width=1016)
    for title in ("Which ones does it", "Which dimensions", "What do samples"):
        page.get_by_text(title).click()
        await_frames(page)
        assert page.locator(".dlviz-fold-title[aria-expanded=true]").count() == 1
        assert page.locator(".dlviz").bounding_box()["height"] <= 700
    page.get_by_text("What do samples").click()
    assert page.locator(".dlviz-fold-title[aria-expanded=true]").count() == 0


def test_the_target_of_a_denoiser_stands_beside_its_input(open_page):
    clean = images()
    view = dlviz.latent(Coder(), clean + 0.5, compare_with=clean, example=2)
    page = open_page(view.to_html(), width=968)
    figures = page.locator(".lat-figures figure:visible")
    assert [text.split(" ")[0] for text in figures.all_inner_texts()] == ["input", "target"] + 2 * ["reconstruction"]
    assert len({figure.bounding_box()["y"] for figure in figures.all()}) == 1
    np.testing.assert_allclose(pixels(page, ".lat-figures figure:nth-child(2) canvas"), gray(clean[2]), atol=1)
    page.mouse.click(*spot(page, view, view._latent.start(11)))
    await_frames(page)
    np.testing.assert_allclose(pixels(page, ".lat-figures figure:nth-child(2) canvas"), gray(clean[11]), atol=1)


def test_with_all_ellipses_the_frame_is_wide_enough_for_them(open_page):
    x = images()
    view = dlviz.latent(
        lambda x: (x.flatten(1)[:, :2], torch.zeros(len(x), 2)),
        lambda code: code[:, :1, None, None].expand(-1, 1, 6, 6),
        x,
    )
    page = open_page(view.to_html(), reduced_motion=True)
    before = page.locator(".lat-map canvas").evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("all ellipses").check()
    await_frames(page)
    assert page.locator(".lat-map canvas").evaluate("canvas => canvas.toDataURL()") != before
    left, right, bottom, top = view.scene["wide_limits"]
    reach = view.codes.double().abs().max() + 2
    assert -1.5 * reach < left < -2 < 2 < right < 1.5 * reach
    box = page.locator(".lat-map canvas").bounding_box()
    size = box["width"] - 42
    x, y = view._latent.start(11)
    page.mouse.click(
        box["x"] + 40 + (x - left) / (right - left) * size, box["y"] + 4 + (top - y) / (top - bottom) * size
    )
    assert trait(page, "example") == 11


def test_keys_that_come_within_one_frame_are_all_counted(open_page, pages):
    view, page = variational(), open_page(pages["variational"])
    page.locator(".lat-map").evaluate(
        """map => {
          const press = () => map.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
          for (let k = 0; k < 3; k += 1) press();
        }"""
    )
    left, right, *_ = view.scene["limits"]
    moved = trait(page, "probe")[0] - view._latent.start(0)[0]
    assert moved == pytest.approx(3 * (right - left) / 40, rel=1e-3)
