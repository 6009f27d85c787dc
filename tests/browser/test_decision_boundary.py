"""Exported and live pages of `dlviz.boundary`, used with mouse and keyboard, compared with torch's numbers."""

import re

import pytest
import torch
from playwright.sync_api import Page, expect
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import dlviz
from tests.browser.conftest import at_each_width, await_frames, until, until_holds
from tests.browser.test_network import colors, number, pixel

#: Position of the plane on its canvas.
LEFT, TOP, SIZE = 38, 6, 360
SIDE = 40
#: Distance between the maps of the units of the model below, and size of a map.
PITCH, MAP = 58, 52
CLASSES = ("class-0", "class-1", "class-2")


def model_and_points():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 3))
    x, y = dlviz.data.spirals(60)
    return net, x, y


def untrained(**settings):
    net, x, y = model_and_points()
    return dlviz.boundary(net, x, y, classes=["arm <b>0</b>", "arm 1", "arm 2"], resolution=SIDE, **settings)


def trained():
    net, x, y = model_and_points()
    view = dlviz.boundary(net, x, y, resolution=SIDE)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(4):
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        view.update()
    return view


def after_step():
    """Return a widget at the last phase of an explained step on eight points."""
    view = untrained()
    view.explain([1, 8, 15, 22, 29, 36, 43, 50], lr=2.0)
    view.phase = len(view.explanation["phases"]) - 1
    return view


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    view = untrained()
    exported = {"plain": view.to_html()}
    view.inspect("1", 4)
    exported["unit"] = view.to_html()
    view.edit("0", 4, 0, 1.5)
    exported["edited"] = view.to_html()
    x, y = dlviz.data.moons(40)
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    exported["moons"] = dlviz.boundary(net, x, y, layer=3, opened=[3, 0]).to_html()
    exported["trained"] = trained().to_html()
    view = trained()
    view.explain(7, lr=0.5)
    exported["explained"] = view.to_html()
    exported["after"] = after_step().to_html()
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Linear(2, 100), nn.BatchNorm1d(100), nn.Linear(100, 7))
    exported["wide"] = dlviz.boundary(wide, torch.randn(2500, 2), torch.arange(2500) % 7, opened=[3, 1]).to_html()
    return exported


def spot(view, x: float, y: float) -> dict[str, float]:
    """Return the pixel of a point of the plane on the canvas."""
    left, right, bottom, top = view._model.inputs.limits
    return {"x": LEFT + (x - left) / (right - left) * SIZE, "y": TOP + (top - y) / (top - bottom) * SIZE}


def settled(page: Page) -> None:
    """Wait until every request to the kernel is answered and drawn."""
    until(page, "window.pending === 0")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["plain", "unit", "edited", "moons", "trained", "wide", "explained", "after"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".boundary-canvas")).to_be_visible()
    page.locator(".boundary-code summary").click()
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colors_of_the_plane_are_torchs_probabilities(open_page, theme):
    net, x, y = model_and_points()
    view = dlviz.boundary(net, x[:0], y[:0], resolution=SIDE)  # no point covers a cell
    page = open_page(view, theme=theme)
    with torch.no_grad():
        probs = net(view.grid).softmax(1).reshape(SIDE, SIDE, 3)
    paper, *tints = (torch.tensor(colors(page, name), dtype=torch.float32) for name in ("paper", *CLASSES))
    winners = probs.argmax(-1)
    seen = set()
    for row in range(2, SIDE - 2, 5):
        for column in range(2, SIDE - 2, 5):
            near = winners[row - 2 : row + 3, column - 2 : column + 3]
            if bool((near != winners[row, column]).any()):
                continue  # the line may run over it
            color = pixel(page, ".boundary-canvas canvas", LEFT + (column + 0.5) * 9, TOP + (row + 0.5) * 9)
            share = 0.6 * (probs[row, column].max() - 1 / 3) / (2 / 3)
            wanted = paper + (tints[winners[row, column]] - paper) * share
            assert max(abs(a - b) for a, b in zip(color, wanted.tolist(), strict=True)) <= 2
            seen.add(int(winners[row, column]))
    assert len(seen) >= 2


def test_the_boundary_runs_where_the_winner_changes(open_page):
    net, x, y = model_and_points()
    view = dlviz.boundary(net, x[:0], y[:0], resolution=SIDE)
    page = open_page(view)
    winners = view.probs.argmax(1).reshape(SIDE, SIDE)
    ink = colors(page, "ink")
    crossed = [(r, c) for r in range(2, 38) for c in range(2, 37) if winners[r, c] != winners[r, c + 1]]
    assert crossed
    for row, column in crossed[::4]:
        line = [
            pixel(page, ".boundary-canvas canvas", LEFT + (column + 0.5 + k / 9) * 9, TOP + (row + 0.5) * 9)
            for k in range(-2, 12)
        ]
        assert min(max(abs(a - b) for a, b in zip(one, ink, strict=True)) for one in line) < 90


def test_correct_and_wrong_points_differ_in_shape(open_page, pages):
    view = untrained()
    page = open_page(pages["plain"])
    with torch.no_grad():
        preds = view._model.inputs.model(view.x).argmax(1)
    wrong = [k for k in range(60) if preds[k] != view.y[k]]
    alone = [k for k in range(60) if (view.x - view.x[k]).norm(dim=1).sort()[0][1] > 0.09]
    checked = set()
    for k in alone:
        at = spot(view, *view.x[k].tolist())
        around = [
            pixel(page, ".boundary-canvas canvas", at["x"] + dx, at["y"] + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)
        ]

        def distance(name: str, around=around) -> int:
            """Return how far the nearest of the colors around the point is from a token's color."""
            return min(max(abs(a - b) for a, b in zip(one, colors(page, name), strict=True)) for one in around)

        # A wrong point has a dark cross over its middle; a correct one is filled.
        assert (distance("ink") < 75) == (k in wrong)
        assert k in wrong or distance(CLASSES[view.y[k]]) < 30
        checked.add(k in wrong)
    assert checked == {True, False}


def test_the_header_shows_accuracy_and_loss(open_page, pages):
    view = untrained()
    head = open_page(pages["plain"]).locator(".dlviz-signature")
    expect(head).to_contain_text(f"accuracy {round(100 * view.accuracy, 1):g}%")
    expect(head).to_contain_text(f"loss {view.loss:.4g}")
    expect(head).to_contain_text("60 points")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_legend_shows_every_class_in_its_color(open_page, pages, theme):
    page = open_page(pages["plain"], theme=theme)
    entries = page.locator(".boundary-legend-entry")
    assert entries.all_inner_texts() == ["arm <b>0</b>", "arm 1", "arm 2", "crossed: predicted as another class"]
    for k, token in enumerate(CLASSES):
        fill = entries.nth(k).locator("path").evaluate("node => getComputedStyle(node).fill")
        assert tuple(int(part) for part in re.findall(r"\d+", fill)) == colors(page, token)


def test_network_projection_and_loss_stand_beside_the_plane_and_the_code_is_folded(open_page, pages):
    page = open_page(pages["trained"], width=1016)
    plane, network, fold, loss = (
        page.locator(name).bounding_box()
        for name in (".boundary-canvas", ".boundary-layers", ".boundary-slider", ".boundary-loss-curve")
    )
    assert plane["x"] + plane["width"] < network["x"]
    assert network["x"] + network["width"] < fold["x"] == loss["x"]
    assert loss["y"] < plane["y"] + plane["height"]
    expect(page.locator(".boundary-code pre")).to_be_hidden()
    expect(page.locator(".boundary-unit")).to_be_hidden()


def test_edges_are_as_thick_as_their_weights_and_have_the_color_of_their_sign(open_page):
    net = nn.Linear(2, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, -0.8]]))
    _, x, y = model_and_points()
    page = open_page(dlviz.boundary(net, x, y % 2, resolution=SIDE))
    # Two rows of maps of 64 pixels: two edges run straight, each at the middle of its row, and are crossed by two thin ones elsewhere.
    for name, middle, width in (("pos", 32, 5.4), ("neg", 102, 2.4)):
        column = page.locator(".boundary-edges").evaluate(
            """(canvas, middle) => {
              const column = canvas.getContext("2d").getImageData(canvas.width / 2, middle - 8, 1, 16).data;
              return Array.from({ length: 16 }, (_, k) => [...column.slice(4 * k, 4 * k + 4)]);
            }""",
            middle,
        )
        assert sum(alpha for *_, alpha in column) / 255 / 0.85 == pytest.approx(width, abs=0.3)
        assert max(abs(a - b) for a, b in zip(column[8], colors(page, name), strict=False)) <= 2


def test_the_edges_of_an_open_unit_stand_out(open_page, pages):
    alpha = """() => {
      const canvas = document.querySelector(".boundary-edges");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((sum, value, k) => (k % 4 === 3 ? sum + value : sum), 0);
    }"""
    page = open_page(pages["plain"])
    before = page.evaluate(alpha)
    page.evaluate("dlvizModel.set('opened', [2, 4])")
    during = page.evaluate(alpha)
    assert 0.05 * before < during < 0.5 * before
    page.evaluate("dlvizModel.set('opened', [])")
    assert page.evaluate(alpha) == before


def test_hovering_reads_the_nearest_computed_point(open_page, pages):
    view = untrained()
    page = open_page(pages["plain"])
    readout = page.locator(".boundary-readout")
    for row, column in ((0, 0), (17, 33), (39, 5)):
        page.locator(".boundary-canvas").hover(
            position={"x": LEFT + (column + 0.8) * 9, "y": TOP + (row + 0.3) * 9}, force=True
        )
        place, probs = view.grid[row * SIDE + column], view.probs[row * SIDE + column]
        text = readout.inner_text()
        beside, point = readout.bounding_box(), page.locator(".boundary-canvas").bounding_box()
        dx = max(
            beside["x"] - point["x"] - LEFT - column * 9, point["x"] + LEFT + column * 9 - beside["x"] - beside["width"]
        )
        dy = max(beside["y"] - point["y"] - TOP - row * 9, point["y"] + TOP + row * 9 - beside["y"] - beside["height"])
        assert max(dx, dy) < 30
        x, y = (number(part) for part in re.search(r"\((\S+), (\S+)\)", text).groups())
        assert (x, y) == pytest.approx(place.tolist(), abs=6e-3)
        assert "nearest" in text
        shown = [number(part.rsplit(" ", 1)[1]) for part in text.split(": ", 1)[1].split(" · ")]
        assert shown == pytest.approx(probs.tolist(), rel=1e-3)
    assert "p(arm <b>0</b>) " in text


def test_arrow_keys_move_the_cursor(open_page, pages):
    view = untrained()
    page = open_page(pages["plain"])
    page.locator(".boundary-canvas").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Shift+ArrowRight"):
        page.keyboard.press(key)
    x, y = view.grid[18 * SIDE + 24].tolist()
    text = page.locator(".boundary-readout").inner_text()
    assert [number(part) for part in re.search(r"\((\S+), (\S+)\)", text).groups()] == pytest.approx([x, y], abs=6e-3)
    expect(page.locator(".dlviz-player")).to_be_hidden()  # with one snapshot there is nothing to play


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colors_of_a_units_map_are_its_numbers(open_page, pages, theme):
    view = untrained()
    page = open_page(pages["plain"], theme=theme)
    assert (view.scene["map_stride"], view.scene["map_side"]) == (1, 40)
    output = view.calls[1].output.reshape(SIDE, SIDE, 6)
    most = output.abs().max()
    paper, pos, neg = (torch.tensor(colors(page, name), dtype=torch.float32) for name in ("paper", "pos", "neg"))
    for unit in range(6):
        # A screen pixel shows one of the values around it.
        row, column = 20, 20
        color = pixel(page, ".boundary-layer:nth-child(2) canvas", MAP / 2 + 0.5, unit * PITCH + MAP / 2 + 0.5)
        near = output[row - 1 : row + 2, column - 1 : column + 2, unit].flatten()
        wanted = [paper + ((pos if v > 0 else neg) - paper) * (v.abs() / most) for v in near]
        assert min(float((torch.tensor(color) - one).abs().max()) for one in wanted) <= 3


def test_a_click_opens_a_unit_with_its_equation(open_page, pages):
    view = untrained()
    page = open_page(pages["plain"])
    expect(page.locator(".boundary-unit")).to_be_hidden()
    page.locator(".boundary-layer-maps").nth(2).click(position={"x": 20, "y": 5 * PITCH + 30})
    expect(page.locator(".boundary-unit .boundary-title b")).to_have_text("1 ReLU, unit 5 of 6")
    expect(page.locator(".boundary-equation")).to_have_text(view.equation("1", 5))
    shown = [number(text) for text in page.locator(".boundary-weight code").all_inner_texts()]
    weight, bias = view.model[0].weight[5].tolist(), view.model[0].bias[5].item()
    assert shown == pytest.approx([*weight, bias], rel=1e-3)
    page.locator(".boundary-unit-map").hover(position={"x": 10.4 * 4, "y": 29.4 * 4})
    text = page.locator(".boundary-unit output").inner_text()
    assert text.startswith("1[5] at (")
    value = view.calls[2].output.reshape(SIDE, SIDE, 6)[29, 10, 5].item()
    assert number(text.split(" = ")[1]) == pytest.approx(value, rel=1e-4, abs=1e-6)
    page.locator(".dlviz").press("Escape")
    expect(page.locator(".boundary-unit")).to_be_hidden()


def test_a_unit_that_is_zero_everywhere_has_a_text_that_says_so(open_page):
    net, x, y = model_and_points()
    with torch.no_grad():
        net[0].bias[3] = -100
    page = open_page(dlviz.boundary(net, x, y, resolution=SIDE, opened=[2, 3]))
    expect(page.locator(".boundary-unit output")).to_have_text("0 everywhere on this plane")


def test_a_hidden_unit_names_its_inputs(open_page):
    view = untrained(opened=[3, 1])
    page = open_page(view)
    expect(page.locator(".boundary-equation")).to_have_text(view.equation("2", 1))
    expect(page.locator(".boundary-unit-weights")).to_contain_text("h is what 1 (ReLU) gives")


def test_arrow_keys_focus_units(open_page, pages):
    page = open_page(pages["plain"])
    page.locator(".boundary-layer-maps").nth(1).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".boundary-unit .boundary-title b")).to_have_text("1 ReLU, unit 2 of 6")
    wide = open_page(pages["wide"])  # four maps in a row
    wide.locator(".boundary-layer-maps").nth(1).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "Enter"):
        wide.keyboard.press(key)
    expect(wide.locator(".boundary-unit .boundary-title b")).to_have_text("0 Linear, unit 1 of 100")
    page.get_by_role("button", name="close").click()
    expect(page.locator(".boundary-unit")).to_be_hidden()


def test_the_player_scrubs_training_backwards_without_a_kernel(open_page, pages):
    view = trained()
    page = open_page(pages["trained"])
    head, count = page.locator(".dlviz-signature"), page.locator(".dlviz-count")
    expect(count).to_have_text("snapshot 4 / 4")
    cell = (LEFT + 10.5 * 9, TOP + 30.5 * 9)
    for step in (3, 0, 2):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        view.step = step
        expect(head).to_contain_text(f"loss {view.loss:.4g}")
        page.locator(".boundary-canvas").hover(position={"x": cell[0], "y": cell[1]})
        shown = page.locator(".boundary-readout").inner_text().split(": ", 1)[1].split(" · ")
        probs = view.probs[30 * SIDE + 10].tolist()
        assert [number(part.rsplit(" ", 1)[1]) for part in shown] == pytest.approx(probs, rel=1e-3)
        expect(page.locator(".boundary-loss-curve ~ output")).to_contain_text(f"loss {view.loss:.4g}"[:9])
        # The units' colors are relative to the largest value in this snapshot.
        most = number(page.locator(".boundary-layer-footer").nth(1).inner_text().split("± ")[1])
        values = view.calls[1].output.reshape(SIDE, SIDE, 6)[
            1::2, 1::2
        ]  # a page with many snapshots keeps every second one
        assert most == pytest.approx(values.abs().max().item(), rel=5e-3)
    page.locator(".dlviz-first").click()
    page.locator(".dlviz-play").click()
    expect(count).to_have_text("snapshot 4 / 4", timeout=8_000)
    page.locator(".boundary-loss-curve").click(position={"x": 41, "y": 40})
    expect(count).to_have_text("snapshot 0 / 4")


def test_one_snapshot_fades_into_the_next_unless_reduced_motion_is_preferred(open_page, pages):
    color = f"""(() => {{
      const canvas = document.querySelector(".boundary-canvas canvas");
      const scale = canvas.width / canvas.clientWidth;
      const {{ data }} = canvas.getContext("2d").getImageData({LEFT} * scale, {TOP} * scale, {SIZE} * scale, {SIZE} * scale);
      return data.reduce((hash, value, k) => (hash * 31 + value * (k % 97)) % 1e9, 0);
    }})()"""
    page = open_page(pages["trained"], reduced_motion=True)
    end = page.evaluate(color)
    page.evaluate("dlvizModel.set('step', 0)")
    start = page.evaluate(color)
    assert start != end
    page = open_page(pages["trained"])
    until(page, f"performance.now() > 1000 && {color} === {end}")
    page.evaluate("dlvizModel.set('step', 0)")
    until(page, f"![{start}, {end}].includes({color})")
    until(page, f"{color} === {start}")


def test_an_open_unit_stays_open_while_scrubbing(open_page):
    view = trained()
    view.inspect("1", 2)
    page = open_page(view)
    page.locator(".dlviz-first").click()
    view.step = 0
    expect(page.locator(".boundary-equation")).to_have_text(view.equation("1", 2))


def test_the_layer_slider_changes_the_projection(open_page, pages):
    page = open_page(pages["moons"], reduced_motion=True)  # without animation every picture is the final one
    slider = page.get_by_role("slider", name="layer that folds the plane")
    text = page.locator(".boundary-slider output")
    expect(text).to_have_text("2 · Linear · 1 unit")
    hashes = {pixel_hash(page)}
    folded = page.locator(".boundary-layer[data-folded] b")
    for name in ("1", "0", "x"):
        slider.press("ArrowLeft")
        hashes.add(pixel_hash(page))
        expect(folded).to_have_text(name)
    expect(text).to_have_text("the plane itself")
    assert len(hashes) == 4


#: Expression for a hash of the projection's pixels, which the animation changes.
PIXEL_HASH = """(() => {
  const canvas = document.querySelector(".dlviz-panel > canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((hash, value, k) => (hash * 31 + value * (k % 97)) % 1e9, 0);
})()"""


def pixel_hash(page: Page) -> int:
    """Return a hash of the projection's pixels."""
    return page.evaluate(PIXEL_HASH)


def test_projections_are_animated_unless_reduced_motion_is_preferred(open_page, pages):
    page = open_page(pages["moons"], reduced_motion=True)
    start = pixel_hash(page)
    page.evaluate("dlvizModel.set('layer', 1)")
    end = pixel_hash(page)
    assert end != start
    await_frames(page)
    assert pixel_hash(page) == end
    page = open_page(pages["moons"])
    page.evaluate("dlvizModel.set('layer', 1)")
    until(page, f"![{start}, {end}].includes({PIXEL_HASH})")
    until(page, f"{PIXEL_HASH} === {end}")


def test_a_page_offers_nothing_that_needs_a_kernel(open_page, pages):
    page = open_page(pages["edited"])
    expect(page.locator(".boundary-weight input")).to_have_count(0)
    expect(page.locator(".boundary-weight code")).to_have_count(3)
    expect(page.get_by_role("button", name="Reset to the model's own weights")).to_be_hidden()
    expect(page.locator(".dlviz-controls")).to_be_hidden()
    expect(page.locator(".dlviz-badge")).to_have_text("edited copy")
    page.locator(".boundary-canvas").click(position={"x": 100, "y": 100})
    assert page.evaluate("dlvizModel.get('painted').length") == 0


def test_a_slider_edits_a_weight_and_everything_follows(live):
    view = untrained(opened=[2, 4])
    own = view._model.inputs.model[0].weight.clone()
    page, _ = live(view)
    slider = page.get_by_role("slider", name="weight of x₀")
    slider.fill("1.25")
    slider.dispatch_event("input")
    settled(page)
    assert view.model[0].weight[4, 0] == 1.25
    assert torch.equal(view._model.inputs.model[0].weight, own)
    expect(page.locator(".boundary-equation")).to_contain_text("relu(1.25·x₀")
    expect(page.locator(".dlviz-badge")).to_have_text("edited copy")
    expect(page.locator(".dlviz-signature")).to_contain_text(f"loss {view.loss:.4g}")
    slider.press("ArrowRight")
    settled(page)
    assert view.model[0].weight[4, 0].item() == pytest.approx(1.35)
    page.get_by_role("button", name="Reset to the model's own weights").click()
    settled(page)
    assert not view.scene["edited"]
    expect(page.locator(".dlviz-badge")).to_have_text("= torch, bit for bit")


def test_a_weight_is_typed_and_invalid_text_is_reset(live):
    view = untrained(opened=[2, 1])
    page, asked = live(view)
    field = page.get_by_role("textbox", name="bias, typed")
    field.fill("−0.75")
    field.press("Enter")
    settled(page)
    assert view.model[0].bias[1] == -0.75
    for text, key in (("much", "Enter"), ("3", "Escape")):
        field.fill(text)
        field.press(key)
        expect(field).to_have_value("−0.75")
    field.blur()
    settled(page)
    assert len(asked) == 1
    expect(field).to_have_value("−0.75")


def test_a_dragged_slider_has_one_request_in_flight_and_the_last_value_counts(live):
    view = untrained(opened=[2, 0])
    page, asked = live(view)
    page.evaluate("window.slow = 150")
    slider = page.get_by_role("slider", name="weight of x₁")
    slider.evaluate(
        "n => { for (let k = 0; k < 20; k += 1) { n.value = k / 10; n.dispatchEvent(new Event('input')); } }"
    )
    settled(page)
    assert page.evaluate("window.most") == 1
    assert len(asked) == 2  # the first value and the last
    assert view.model[0].weight[0, 1].item() == pytest.approx(1.9)


def test_points_are_painted_with_the_mouse(live):
    view = untrained()
    page, _ = live(view)
    brush, field = page.get_by_role("combobox", name="paint points of class"), page.locator(".boundary-canvas")
    brush.select_option("2")
    below = brush.bounding_box()["y"] - field.bounding_box()["y"] - field.bounding_box()["height"]
    assert 0 < below < 170  # the brush is next to what it paints
    field.click(position=spot(view, 0.5, -0.5))
    settled(page)
    assert len(view.painted) == 1
    assert view.painted[0] == pytest.approx([0.5, -0.5, 2], abs=0.01)
    assert view.x.shape == (61, 2)
    expect(page.locator(".dlviz-signature")).to_contain_text("61 points")
    box = field.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 100, steps=20)
    page.mouse.up()
    page.mouse.move(box["x"] + 300, box["y"] + 300, steps=5)  # not pressed
    settled(page)
    assert 6 <= len(view.painted) <= 9
    page.get_by_role("button", name="Clear the painted points").click()
    settled(page)
    assert view.painted == []
    expect(page.locator(".dlviz-signature")).to_contain_text("60 points")


def test_points_are_painted_with_the_keyboard(live):
    view = untrained(brush=1)
    page, _ = live(view)
    page.locator(".boundary-canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settled(page)
    assert view.painted[0] == pytest.approx([*view.grid[21 * SIDE + 20].tolist(), 1], abs=1e-4)


def test_a_painted_point_shows_before_the_kernel_has_answered(live):
    view = untrained(brush=0)
    page, _ = live(view)
    page.evaluate("window.slow = 100000")
    at = spot(view, 0.9, 0.9)
    page.locator(".boundary-canvas").click(position=at)
    page.mouse.move(5, 5)
    color = pixel(page, ".boundary-canvas canvas", at["x"], at["y"])
    assert max(abs(a - b) for a, b in zip(color, colors(page, "paper"), strict=True)) <= 12


def test_points_painted_in_the_page_and_from_python_both_stay(live):
    view = untrained(brush=0)
    page, asked = live(view)
    field = page.locator(".boundary-canvas")
    field.click(position=spot(view, 0.5, 0.5))
    settled(page)
    view.painted = [[0.25, 0.25, 2.0]]  # the page does not know of it yet
    field.click(position=spot(view, -0.5, 0.5))
    settled(page)
    assert [point[2] for point in view.painted] == [2, 0]
    assert view.painted[1][:2] == pytest.approx([-0.5, 0.5], abs=0.01)
    assert [message["kind"] for message in asked] == ["paint", "paint"]
    # A stroke during a slow answer waits and travels as one message.
    page.evaluate("window.slow = 2000")
    for k in range(6):
        field.click(position=spot(view, -0.5 + 0.1 * k, -0.5))
    settled(page)
    assert len(view.painted) == 8
    assert len(asked) <= 2 + 4


def test_a_click_while_playing_is_one_message(live):
    page, asked = live(trained())
    page.get_by_role("button", name="play").click()
    page.get_by_role("button", name="first step").click()
    settled(page)
    assert asked[-1]["traits"] == {"playing": False, "step": 0}


def test_of_a_classifier_of_scikit_learn_no_step_is_offered(live):
    x, y = dlviz.data.moons(60)
    view = dlviz.boundary(RandomForestClassifier(3, random_state=0).fit(x, y), x, y, resolution=SIDE)
    page, asked = live(view)
    expect(page.locator(".boundary-layer-name").last).to_contain_text("RandomForestClassifier")
    expect(page.get_by_role("button", name="Explain")).to_have_count(0)
    page.locator(".boundary-canvas").click(position=spot(view, *x[0].tolist()))
    settled(page)
    assert asked == []


def test_without_a_brush_a_click_paints_nothing(live):
    view = untrained()
    page, asked = live(view)
    page.locator(".boundary-canvas").click(position={"x": 150, "y": 150})
    settled(page)
    assert asked == []


def test_hover_arrow_keys_and_layer_slider_need_no_kernel(live):
    view = trained()
    page, asked = live(view)
    page.locator(".boundary-canvas").hover(position={"x": 150, "y": 150})
    page.locator(".boundary-canvas").focus()
    page.keyboard.press("ArrowUp")
    page.locator(".boundary-layer-maps").nth(1).press("Enter")
    page.get_by_role("slider", name="layer that folds the plane").press("ArrowRight")
    settled(page)
    assert [set(one["traits"]) for one in asked] == [{"opened"}, {"layer"}]
    before = view.scene
    page.locator(".dlviz-back").click()
    settled(page)
    assert view.scene is not before


def test_the_training_code_can_be_copied(open_page, pages):
    view = untrained()
    page = open_page(pages["plain"])
    page.locator(".boundary-code summary").click()
    assert page.locator(".boundary-code code").inner_text().strip() == view.code().strip()
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator(".boundary-code button")).to_have_text(re.compile("Copied|Marked"))


@pytest.mark.parametrize("name", ["unit", "trained", "wide", "explained"])
def test_nothing_is_cut_off_at_any_width(open_page, pages, name):
    page = open_page(pages[name], width=520)
    for width in at_each_width(page, 520, 640, 760, 1000, 1300):
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        edge = page.locator(".dlviz").bounding_box()
        for box in (panel.bounding_box() for panel in page.locator(".dlviz-panel:visible").all()):
            assert box["x"] + box["width"] <= edge["x"] + edge["width"], width
        overflown = page.evaluate(
            """() => [...document.querySelectorAll(".dlviz-panel:not([hidden]) *:not(.boundary-layers *)")].filter((n) =>
              n.scrollWidth > n.clientWidth + 1 && getComputedStyle(n).overflowX === "hidden").map((n) => n.className)"""
        )
        assert overflown == [], width


def test_the_theme_repaints_the_canvases(open_page, pages):
    page = open_page(pages["plain"])
    light = pixel(page, ".boundary-canvas canvas", LEFT + 4, TOP + 4)
    page.evaluate("dlvizModel.set('theme', 'dark')")
    until(page, "document.querySelector('.dlviz').dataset.theme === 'dark'")
    assert pixel(page, ".boundary-canvas canvas", LEFT + 4, TOP + 4) != light


def nodes(page: Page, column: int) -> list[tuple[str, str]]:
    """Return value and gradient in each unit of a column of the explained step, "" for those not yet known."""
    before = page.evaluate(
        "c => dlvizModel.get('explanation').columns.slice(0, c).reduce((n, one) => n + one.drawn, 0)", column
    )
    drawn = page.evaluate("c => dlvizModel.get('explanation').columns[c].drawn", column)
    texts = page.eval_on_selector_all(
        ".boundary-node", "all => all.map((n) => [...n.querySelectorAll('text')].slice(1).map((t) => t.textContent))"
    )
    return [(one[0], one[1].removeprefix("∂ ") if len(one) > 1 else "") for one in texts[before : before + drawn]]


def test_the_phases_bring_values_then_gradients_then_weights(open_page, pages):
    view = trained()
    view.explain(7, lr=0.5)
    step, phases = view.explained, view.explanation["phases"]
    page = open_page(pages["explained"])
    expect(page.locator(".dlviz-count")).to_have_text("phase 0 / 10")
    page.locator(".dlviz").focus()
    for now, phase in enumerate(phases):
        expect(page.locator(".boundary-phase h4")).to_have_text(phase["title"])
        expect(page.locator(".boundary-phase .boundary-formula")).to_have_text(phase["formula"])
        for column in range(4):
            forward = next(n for n, one in enumerate(phases) if (one["kind"], one["column"]) == ("forward", column))
            back = [n for n, one in enumerate(phases) if (one["kind"], one["column"]) == ("backward", column)]
            for k, (value, gradient) in enumerate(nodes(page, column)):
                assert bool(value) == (now >= forward)
                assert bool(gradient) == (bool(back) and now >= back[0])
                if value:
                    assert number(value) == pytest.approx(step.calls[column].output[0, k].item(), rel=6e-2, abs=1e-7)
                if gradient:
                    assert number(gradient) == pytest.approx(step.gradients[column][0, k].item(), rel=6e-2, abs=1e-7)
        page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-count")).to_have_text("phase 10 / 10")


def test_the_numbers_on_the_edges_are_weights_then_gradients_then_new_weights(open_page, pages):
    view = trained()
    view.explain(7, lr=0.5)
    linear, phases = view.explained.weights[1], view.explanation["phases"]
    page = open_page(pages["explained"])
    numbers = page.locator(".boundary-edge-number")
    back = next(n for n, one in enumerate(phases) if (one["kind"], one["column"]) == ("backward", 1))
    unit = view.explanation["columns"][1]["selected"]
    for phase, values in ((1, linear.weight), (back, linear.gradients[0]), (len(phases) - 2, linear.after[0])):
        page.evaluate("phase => dlvizModel.set('phase', phase)", phase)
        expect(numbers).to_have_count(2)
        shown = [number(text) for text in numbers.all_text_contents()]
        assert shown == pytest.approx(values[unit].tolist(), rel=6e-2)


def test_the_flow_runs_forward_and_then_backward(open_page, pages):
    page = open_page(pages["explained"])
    flowing = page.locator(".boundary-edge[data-flow]")
    page.evaluate("dlvizModel.set('phase', 1)")
    expect(flowing).to_have_count(12)
    assert set(flowing.evaluate_all("all => all.map((n) => n.dataset.flow)")) == {"forward"}
    assert "boundary-flow" in flowing.first.evaluate("n => getComputedStyle(n).animationName")
    page.evaluate("dlvizModel.set('phase', 7)")
    expect(flowing).to_have_count(18)
    assert set(flowing.evaluate_all("all => all.map((n) => n.dataset.flow)")) == {"backward"}
    assert flowing.first.evaluate("n => getComputedStyle(n).animationDirection") == "reverse"
    page = open_page(pages["explained"], reduced_motion=True)
    page.evaluate("dlvizModel.set('phase', 1)")
    assert page.locator(".boundary-edge[data-flow]").first.evaluate("n => getComputedStyle(n).animationName") == "none"


def test_a_unit_is_selected_with_mouse_and_keyboard(open_page, pages):
    view = trained()
    view.explain(7, lr=0.5)
    page = open_page(pages["explained"])
    page.evaluate("dlvizModel.set('phase', 8)")  # back at the first layer
    page.locator(".boundary-node").nth(2 + 1).hover()
    lines = view.explanation["columns"][1]["lines"]
    expect(page.locator(".boundary-lines div")).to_have_text(lines["backward"][1])
    page.locator(".boundary-step").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".boundary-lines div")).to_have_text(lines["backward"][2])
    page.keyboard.press("ArrowRight")
    expect(page.locator(".boundary-lines div")).to_have_text(lines["update"][2])
    expect(page.locator(".dlviz-count")).to_have_text("phase 9 / 10")
    page.evaluate("dlvizModel.set('phase', 1)")
    page.locator(".boundary-node").nth(2 + 6).hover()
    expect(page.locator(".boundary-lines div")).to_have_text(["comes later"])


def test_escape_closes_the_step_and_the_snapshots_play_again(open_page, pages):
    page = open_page(pages["explained"])
    expect(page.locator(".boundary-step")).to_be_visible()
    expect(page.locator(".boundary-layers")).to_be_hidden()
    page.locator(".dlviz").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(".boundary-step")).to_be_hidden()
    expect(page.locator(".boundary-phase")).to_be_hidden()
    expect(page.locator(".boundary-layers")).to_be_visible()
    expect(page.locator(".dlviz-count")).to_have_text("snapshot 4 / 4")
    start = page.get_by_role("button", name="Explain one step of training")
    expect(start).to_be_visible()
    page.locator(".dlviz-back").click()
    expect(page.locator(".dlviz-count")).to_have_text("snapshot 3 / 4")
    expect(start).to_be_hidden()  # an exported page has only the step after the last snapshot
    page.locator(".dlviz-next").click()
    start.click()
    expect(page.locator(".dlviz-count")).to_have_text("phase 0 / 10")
    page.get_by_role("button", name="Leave (Esc)").click()
    expect(page.locator(".boundary-step")).to_be_hidden()


def test_the_space_bar_plays_the_phases(open_page, pages):
    page = open_page(pages["explained"])
    page.evaluate("dlvizModel.set('speed', 4)")
    page.locator(".dlviz").focus()
    page.keyboard.press(" ")
    expect(page.locator(".dlviz-count")).to_have_text("phase 10 / 10", timeout=12_000)
    until(page, "!dlvizModel.get('playing')")


def test_the_last_phase_shows_the_probabilities_after_the_step(open_page, pages):
    view = after_step()
    page = open_page(pages["after"])
    after = torch.frombuffer(bytearray(view.explanation["probs"]), dtype=torch.float32).reshape(3, SIDE * SIDE)
    assert (after.argmax(0) != view.probs.argmax(1)).any()
    page.locator(".boundary-canvas").hover(position={"x": LEFT + 10.5 * 9, "y": TOP + 30.5 * 9}, force=True)
    shown = page.locator(".boundary-readout").inner_text().split(": ", 1)[1].split(" · ")
    wanted = after[:, 30 * SIDE + 10].tolist()
    assert [number(part.rsplit(" ", 1)[1]) for part in shown] == pytest.approx(wanted, rel=1e-3)


def test_the_boundary_before_the_step_is_dashed(open_page):
    net, x, y = model_and_points()
    view = dlviz.boundary(net, x[:2], y[:2], resolution=SIDE)
    view.explain([0, 1], lr=2.0)
    view.phase = len(view.explanation["phases"]) - 1
    page = open_page(view)
    old = view.probs.argmax(1).reshape(SIDE, SIDE)
    new = torch.frombuffer(bytearray(view.explanation["probs"]), dtype=torch.float32).reshape(3, SIDE, SIDE).argmax(0)
    ink = colors(page, "ink")
    seen = []
    for row in range(3, 37):
        for column in range(3, 36):
            near = new[row - 2 : row + 3, column - 2 : column + 4]
            # Positions on the old boundary that are not near the new one.
            if old[row, column] == old[row, column + 1] or bool((near != near[0, 0]).any()):
                continue
            line = [
                pixel(page, ".boundary-canvas canvas", LEFT + (column + 0.5 + k / 9) * 9, TOP + (row + 0.5) * 9)
                for k in range(10)
            ]
            seen.append(min(max(abs(a - b) for a, b in zip(one, ink, strict=True)) for one in line) < 90)
    # Dashed: some parts are drawn and others are not.
    assert set(seen) == {True, False}


def test_the_explained_point_has_a_ring(open_page, pages):
    view = trained()
    page = open_page(pages["explained"])
    at = spot(view, *view.x[7].tolist())
    color = pixel(page, ".boundary-canvas canvas", at["x"] + 10, at["y"])
    assert max(abs(a - b) for a, b in zip(color, colors(page, "select"), strict=True)) < 40


def test_a_click_explains_a_point_and_enter_the_point_nearest_to_the_cursor(live):
    view = untrained()
    page, _ = live(view)
    alone = next(k for k in range(60) if (view.x - view.x[k]).norm(dim=1).sort()[0][1] > 0.09)
    field = page.locator(".boundary-canvas")
    field.click(position=spot(view, *view.x[alone].tolist()))
    settled(page)
    assert view.example == [alone]
    expect(page.locator(".boundary-step")).to_be_visible()
    page.keyboard.press("Escape")
    settled(page)
    assert view.example == []
    assert view.explanation == {}
    field.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settled(page)
    assert len(view.example) == 1
    text = page.locator(".boundary-readout").inner_text()
    cursor = torch.tensor([number(part) for part in re.search(r"\((\S+), (\S+)\)", text).groups()])
    assert (view.x[view.example[0]] - cursor).norm() <= (view.x - cursor).norm(dim=1).min() + 0.01


def test_the_button_explains_the_worst_point(live):
    view = untrained()
    page, _ = live(view)
    page.get_by_role("button", name="Explain one step of training").click()
    settled(page)
    with torch.no_grad():
        losses = nn.functional.cross_entropy(view._model.inputs.model(view.x), view.y, reduction="none")
    assert view.example == [int(losses.argmax())]
    expect(page.locator(".boundary-phase h4")).to_have_text(f"Point {view.example[0]} goes in")


def test_probabilities_show_how_they_are_made(open_page, pages):
    view = trained()
    view.explain(7, lr=0.5)
    page = open_page(pages["explained"])
    page.evaluate("dlvizModel.set('phase', 4)")
    lines = view.explanation["columns"][4]["lines"]["forward"]
    expect(page.locator(".boundary-lines div")).to_have_text(lines[int(view.y[7])])
    page.evaluate("dlvizModel.set('phase', 5)")
    expect(page.locator(".boundary-arithmetic > b")).to_be_hidden()
    assert page.locator(".boundary-node").last.locator("text").all_text_contents()[1] == f"{view.explained.loss:.3g}"


def test_a_function_that_builds_the_network_gets_controls_and_is_trained(live):
    def build(width=4, activation=nn.Tanh, lr=0.1):
        if width == 7:
            raise ValueError("seven <i>units</i>")
        net = nn.Sequential(nn.Linear(2, width), activation(), nn.Linear(width, 2))
        return net, torch.optim.Adam(net.parameters(), lr=lr)

    x, y = dlviz.data.moons(60)
    dlviz.seed(0)
    view = dlviz.boundary(build, x, y, choices={"width": range(3, 9), "activation": (nn.Tanh, nn.ReLU)})
    page, asked = live(view)
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_hidden()
    page.get_by_role("button", name="10 training steps", exact=True).click()
    until_holds(page, lambda: len(view.snapshots) == 11)
    trained = view.model.state_dict()
    page.get_by_role("slider", name="lr").press("ArrowRight")
    until_holds(page, lambda: view.settings["lr"] == 0.3)
    torch.testing.assert_close(view.model.state_dict(), trained, rtol=0, atol=0)
    page.get_by_role("combobox", name="activation").select_option(label="ReLU")
    until_holds(page, lambda: isinstance(view.model[1], nn.ReLU))
    assert view.snapshots == ["start"]
    width = page.get_by_role("slider", name="width")
    for wanted in (5, 6):
        width.press("ArrowRight")
        until_holds(page, lambda wanted=wanted: view.model[0].out_features == wanted)
    width.press("ArrowRight")
    expect(page.locator(".dlviz-note")).to_contain_text("ValueError: seven <i>units</i>")
    expect(page.locator(".dlviz-control", has_text="width").locator("output")).to_have_text("6")
    assert view.settings["width"] == 6
    page.get_by_role("button", name="One training step").click()
    until_holds(page, lambda: len(view.snapshots) == 2)
    expect(page.locator(".dlviz-note")).to_have_count(0)
    page.get_by_role("button", name="Build the network anew").click()
    until_holds(page, lambda: view.snapshots == ["start"])
    assert {message["kind"] for message in asked} <= {"train", "continue", "choose", "restart", "drawn"}


def test_many_steps_of_a_built_network_stop_on_request_and_a_page_without_a_kernel_trains_nothing(
    live, open_page, monkeypatch
):
    monkeypatch.setattr("dlviz.decision_boundary.widget.SLICE", 0.0)

    def build(lr=0.1):
        net = nn.Linear(2, 2)
        return net, torch.optim.SGD(net.parameters(), lr=lr)

    view = dlviz.boundary(build, *dlviz.data.moons(60))
    page, _ = live(view)
    page.get_by_role("button", name="100 training steps", exact=True).click()
    until(page, "parseInt(document.querySelector('.dlviz-train .dlviz-soft').textContent) < 98")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".dlviz-train .dlviz-soft")).to_have_text("")
    assert view.scene["build"]["remaining"] == 0
    expect(open_page(view).locator(".boundary-build")).to_be_hidden()
