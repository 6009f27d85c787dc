"""Exported pages of the positional encodings, and live ones with this process as kernel, compared with torch's numbers."""

import pytest
import torch
from playwright.sync_api import expect

import dlviz
from dlviz.positional_encoding import alibi, sinusoidal
from tests.browser.conftest import until, until_holds
from tests.browser.test_network import colors, number, pixel

#: Margins of a heat map on its canvas.
LEFT, TOP, RIGHT, BOTTOM = 34, 18, 8, 34


def learned(**settings):
    torch.manual_seed(0)
    return dlviz.positions(torch.nn.Embedding(20, 8), **settings)


VIEWS = {
    "sinusoidal": lambda: dlviz.positions(length=32, dim=16, column=4, step=5),
    "rotary": lambda: dlviz.positions("rotary", 32, 16, q=torch.arange(16.0), column=4, step=5, pairing="half"),
    "alibi": lambda: dlviz.positions("alibi", 24, head=2, step=20, column=12),
    "learned": lambda: learned(step=5),
}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: make().to_html() for name, make in VIEWS.items()}


def line(page):
    return page.locator(".tensor-formula")


def place(page, rows, columns, row, column):
    """Return where an element of the matrix is drawn."""
    width, height = page.eval_on_selector(".pos-matrix canvas", "n => [n.clientWidth, n.clientHeight]")
    x = LEFT + (width - LEFT - RIGHT) * (column + 0.5) / columns
    return {"x": x, "y": TOP + (height - TOP - BOTTOM) * (row + 0.5) / rows}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", VIEWS)
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".pos-matrix canvas")).to_be_visible()
    axe(page)


def test_the_colors_of_the_matrix_show_the_numbers_of_torch(open_page, pages):
    page = open_page(pages["sinusoidal"])
    matrix = sinusoidal(32, 16, dtype=torch.float64)
    paper, pos, neg = (torch.tensor(colors(page, one), dtype=torch.float64) for one in ("paper", "pos", "neg"))
    for p, c in ((0, 1), (3, 0), (10, 2), (31, 9), (20, 15)):
        at = place(page, 32, 16, p, c)
        found = pixel(page, ".pos-matrix canvas", at["x"], at["y"])
        expected = paper + ((pos if matrix[p, c] > 0 else neg) - paper) * matrix[p, c].abs()
        assert max(abs(a - b) for a, b in zip(found, expected.tolist(), strict=True)) <= 3


def test_the_pointer_reads_a_number_with_its_formula(open_page, pages):
    page = open_page(pages["sinusoidal"])
    page.locator(".pos-matrix .pos-heat").hover(position=place(page, 32, 16, 3, 5))
    text = page.locator(".pos-matrix .dlviz-readout").inner_text()
    assert text.startswith("PE[3, 5] = cos(3 / 10000^(4/16)) = cos(3 / 10) = cos(0.3) = ")
    assert number(text.rsplit(" ", 1)[1]) == pytest.approx(sinusoidal(32, 16)[3, 5].item(), abs=5e-5)


def test_a_click_selects_and_arrow_keys_move_position_and_dimension(open_page, pages):
    page = open_page(pages["sinusoidal"])
    page.locator(".pos-matrix .pos-heat").click(position=place(page, 32, 16, 7, 2))
    expect(line(page)).to_contain_text("PE[7, 2] = sin(7 / 10000^(2/16))")
    for key, text in (("ArrowDown", "PE[8, 2]"), ("ArrowRight", "PE[8, 3]"), ("ArrowUp", "PE[7, 3]")):
        page.keyboard.press(key)
        expect(line(page)).to_contain_text(text)
    page.locator(".dlviz").focus()
    page.keyboard.press("ArrowRight")
    expect(line(page)).to_contain_text("PE[8, 3]")


def test_while_rotary_plays_both_arrows_turn_and_the_score_stays(open_page, pages):
    view = VIEWS["rotary"]()
    page = open_page(pages["rotary"])
    queries = view.record.queries
    arrows = set()
    for step in (5, 6, 7):
        expect(page.locator(".pos-arithmetic")).to_contain_text(f"query at {step}")
        shown = [number(text) for text in page.locator(".pos-total").inner_text().split(" = ")[1:]]
        assert shown[0] == pytest.approx(view.scores[step, step + 4].item(), rel=1e-3)
        text = page.locator(".pos-arithmetic > div").first.inner_text()
        first = number(text.split("(")[1].split(",")[0])
        assert first == pytest.approx(queries[step, 4].item(), rel=1e-2)
        arrows.add(page.locator(".pos-arrow path").first.get_attribute("d"))
        page.get_by_role("button", name="one step on").click()
    assert len(arrows) == 3
    page.evaluate("dlvizModel.set('step', 30)")
    expect(page.locator(".pos-arithmetic")).to_contain_text("no key at that distance any more: here it is 1")


def test_the_chart_of_distances_reads_torchs_mean(open_page, pages):
    view = VIEWS["sinusoidal"]()
    page = open_page(pages["sinusoidal"])
    plot = page.locator(".pos-plot").last
    plot.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".pos-readout").last).to_contain_text("n − m = 7: ")
    shown = number(page.locator(".pos-readout").last.inner_text().split(": ")[1])
    assert shown == pytest.approx(view.scores[3, 10].item(), rel=1e-3)


def test_alibi_reads_the_bias_of_a_head_and_later_keys_have_none(open_page, pages):
    page = open_page(pages["alibi"])
    bias = alibi(8, 24)
    expect(line(page)).to_have_text("head 2, query 20, key 12: −0.125 · (20 − 12) = −0.125 · 8 = −1")
    assert bias[2, 20, 12] == -1
    page.get_by_label("head", exact=True).fill("4")
    expect(line(page)).to_contain_text("head 4, query 20, key 12: −0.03125")
    page.locator(".pos-matrix .pos-heat").hover(position=place(page, 24, 24, 3, 9))
    expect(page.locator(".pos-matrix .dlviz-readout")).to_contain_text("−∞")


def test_a_page_without_a_kernel_shows_the_other_encodings_and_bases(open_page, pages):
    page = open_page(pages["sinusoidal"])
    for kind, title in (("rotary", "q·k against distance"), ("alibi", "Bias against distance")):
        page.get_by_label("encoding", exact=True).select_option(kind)
        expect(page.get_by_text(title, exact=True)).to_be_visible()
    page.get_by_label("encoding", exact=True).select_option("sinusoidal")
    page.get_by_label("base", exact=True).fill("2")
    expect(line(page)).to_contain_text("PE[5, 4] = sin(5 / 100^(4/16)) = sin(5 / 3.162)")


def test_with_a_kernel_another_base_is_computed_and_an_update_is_drawn(live):
    view = dlviz.positions("rotary", 16, 8)
    page, _ = live(view)
    page.get_by_label("base", exact=True).fill("0")
    until_holds(page, lambda: view.base == 10.0)
    until(page, "() => window.pending === 0")
    expect(page.locator(".dlviz-signature")).to_contain_text("base 10")
    page.get_by_label("pairs", exact=True).select_option("half")
    until_holds(page, lambda: view.pairing == "half")


@pytest.mark.parametrize("name", VIEWS)
def test_it_fits_one_screen_and_a_narrow_column(open_page, pages, name):
    page = open_page(pages[name], width=984)
    assert page.locator(".dlviz").bounding_box()["height"] <= 700
    narrow = open_page(pages[name], width=600)
    assert narrow.evaluate(
        "() => document.querySelector('.dlviz').scrollWidth <= document.querySelector('.dlviz').clientWidth + 1"
    )
