"""Exported and live pages of `dlviz.confusion` and `dlviz.split`, used with mouse and keyboard, compared with torch and scikit-learn."""

import re
from itertools import pairwise

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.messages import message
from tests.browser.conftest import at_each_width, until
from tests.browser.test_network import number


def trained(epochs=6, **settings):
    """Return a confusion matrix with a snapshot after each epoch, the small network, and the digits with their labels."""
    x, y = dlviz.data.digits()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    with torch.no_grad():
        view = dlviz.confusion(net(x), y, x, **settings)
    for _ in range(epochs):
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        view.update(net(x))
    return view, net, x, y


def hostile():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (90,), generator=generator)
    scores = torch.randn(90, 3, generator=generator) + F.one_hot(y, 3)
    scores[4:9] = torch.nan
    texts = [f"text {k} <img src=x onerror=alert(1)>" for k in range(90)]
    return dlviz.confusion(scores, y, texts, names=["<b>no</b>", "yes", "perhaps & more"])


def hundred():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 100, (800,), generator=generator)
    scores = torch.randn(800, 100, generator=generator) + 3 * F.one_hot(y, 100)
    names = [f"a class with the number {k}" for k in range(100)]
    return dlviz.confusion(scores, y, torch.rand(800, 3, 40, 60, generator=generator), names=names)


def parts(**settings):
    x, y = dlviz.data.digits()
    x, y = torch.cat((x, x[:7])), torch.cat((y, y[:7]))
    values = iter(range(1000))
    view = dlviz.split(x, y, groups=torch.arange(1804) // 40, score=lambda a, b: 0.9 + next(values) * 1e-3, **settings)
    view.measure(3)
    return view


@pytest.fixture(scope="module")
def digits():
    return trained()


@pytest.fixture(scope="module")
def pages(digits) -> dict[str, str]:
    view = digits[0]
    exported = {"digits": view.to_html(), "hostile": hostile().to_html(), "hundred": hundred().to_html()}
    exported["plain"] = dlviz.confusion(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 0, 0])).to_html()
    exported["split"] = parts().to_html()
    exported["three"] = parts(parts={"train": 0.7, "validation": 0.15, "test": 0.15}).to_html()
    exported["folds"] = parts(how="folds", step=1).to_html()
    return exported


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["digits", "hostile", "hundred", "plain", "split", "three", "folds"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    if page.locator(".confusion-card").count():
        page.locator(".confusion-card").first.click()
    axe(page)


@pytest.mark.parametrize("name", ["digits", "hostile", "hundred", "split", "three"])
def test_nothing_is_cut_off_at_any_width(open_page, pages, name):
    page = open_page(pages[name], width=480)
    for width in at_each_width(page, 480, 640, 900, 1200):
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        edge = page.locator(".dlviz").bounding_box()
        for box in (one.bounding_box() for one in page.locator(".dlviz-panel").all() if one.is_visible()):
            assert box["x"] + box["width"] <= edge["x"] + edge["width"], width
        overflown = page.evaluate(
            """() => [...document.querySelectorAll(".confusion-p, .confusion-figure, .confusion-precision, .confusion-cell")]
              .filter((n) => n.scrollWidth > n.clientWidth + 1).map((n) => n.textContent)"""
        )
        assert overflown == [], width


def test_thirty_classes_fit_beside_their_figures_and_their_names_do_not_touch(open_page):
    page = open_page(dlviz.confusion(torch.eye(1000)[:5].flip(0), torch.arange(5) + 700), width=1000)
    for width in at_each_width(page, 968, 1000, 1400):
        scroll = page.locator(".confusion-scroll")
        assert scroll.evaluate("node => node.scrollWidth <= node.clientWidth"), width
        names = [one.bounding_box() for one in page.locator(".confusion-head > span").all()]
        gaps = [right["x"] - left["x"] - left["width"] for left, right in pairwise(names)]
        assert len(gaps) == 29
        assert min(gaps) >= 2, width


def canvas_pixel(page: Page, canvas: str, x: int, y: int) -> tuple[int, ...]:
    """Return the color of one of a canvas's own pixels, whatever its size on the screen."""
    script = "(node, [x, y]) => [...node.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    return tuple(page.eval_on_selector(canvas, script, [x, y]))


def cell(page: Page, true: int, predicted: int):
    return page.locator(f"[data-at='{true},{predicted}']")


def test_cells_and_margins_are_the_matrix(open_page, digits, pages):
    view = digits[0]
    page = open_page(pages["digits"])
    for true, row in enumerate(view.matrix.tolist()):
        texts = [cell(page, true, pred).inner_text() for pred in range(10)]
        assert [int(text or 0) for text in texts] == row
        figures = page.locator(
            f".confusion-table > [role=row]:nth-child({true + 2}) .confusion-figure"
        ).all_inner_texts()
        assert figures == [f"{view.recall[true]:.2f}", f"{view.f1[true]:.2f}", str(sum(row))]
    assert page.locator(".confusion-precision").all_inner_texts() == [f"{one:.2f}" for one in view.precision]
    right = int(view.matrix.diag().sum())
    expect(page.locator(".dlviz-signature")).to_contain_text(f"({right:,} of 1,797) · loss {view.loss:.4g}")


def test_cells_can_show_fractions_of_the_row_or_column(open_page, digits, pages):
    view = digits[0]
    page = open_page(pages["digits"])
    matrix = view.matrix.double()
    for value, shares in (("recall", matrix / matrix.sum(1, keepdim=True)), ("precision", matrix / matrix.sum(0))):
        page.get_by_label("cells show").select_option(value)
        for true in range(10):
            for pred in range(10):
                text = cell(page, true, pred).inner_text()
                assert bool(text) == bool(matrix[true, pred])
                assert float(text or 0) == pytest.approx(shares[true, pred].item(), abs=0.0051)


def test_a_class_never_predicted_has_a_dash(open_page):
    page = open_page(dlviz.confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), names=["a", "b", "c"]))
    assert page.locator(".confusion-precision").all_inner_texts() == ["0.50", "1.00", "–"]
    assert page.locator(".confusion-table > [role=row]:nth-child(4) .confusion-figure").all_inner_texts() == [
        "–",
        "–",
        "0",
    ]


def card_numbers(page: Page) -> list[int]:
    labels = [card.get_attribute("aria-label") for card in page.locator(".confusion-card").all()]
    return [int(re.match(r"Example (\d+)", label)[1]) for label in labels]


def test_a_click_on_a_cell_lists_its_examples_by_confidence(open_page, digits, pages):
    view = digits[0]
    page = open_page(pages["digits"])
    assert card_numbers(page) == view.worst[:12].tolist()
    matrix = view.matrix - view.matrix.diag().diag()
    true, pred = divmod(int(matrix.argmax()), 10)
    cell(page, true, pred).click()
    assert card_numbers(page) == view.cell(true, pred)[:12].tolist()
    expect(page.locator(".confusion-examples .evaluation-title b")).to_have_text(f"True {true}, predicted {pred}")
    cell(page, 3, 3).click()
    assert card_numbers(page) == view.cell(3, 3)[:12].tolist()
    page.get_by_role("button", name="later examples").click()
    assert card_numbers(page) == view.cell(3, 3)[12:24].tolist()
    expect(page.locator(".confusion-pager")).to_contain_text(f"of {len(view.cell(3, 3))}; this page holds the first 24")
    page.get_by_role("button", name="Show the worst mistakes").click()
    assert card_numbers(page) == view.worst[:12].tolist()


def test_arrow_keys_enter_and_escape_work_in_table_and_list(open_page, digits, pages):
    view = digits[0]
    page = open_page(pages["digits"])
    cell(page, 0, 0).focus()
    step = page.evaluate("dlvizModel.get('step')")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    expect(cell(page, 1, 0)).to_be_focused()
    expect(page.locator(".confusion-readout")).to_contain_text("true 1, predicted 0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert card_numbers(page) == view.cell(1, 1)[:12].tolist()
    page.locator(".confusion-card").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".confusion-facts b")).to_have_text(f"Example {view.cell(1, 1)[1]}")
    page.keyboard.press("Escape")
    expect(page.locator(".confusion-facts")).to_have_count(0)
    assert card_numbers(page) == view.cell(1, 1)[:12].tolist()
    page.keyboard.press("Escape")
    assert card_numbers(page) == view.worst[:12].tolist()
    assert page.evaluate("dlvizModel.get('step')") == step  # the arrow keys moved in the table and not the player
    # The tab key stops once in the table and once in the list.
    assert page.locator(".confusion-cell[tabindex='0']").count() == 1
    assert page.locator(".confusion-card[tabindex='0']").count() == 1


def test_an_example_shows_torchs_probabilities_and_its_loss(open_page, digits, pages):
    view, net, x, y = digits
    page = open_page(pages["digits"])
    with torch.no_grad():
        scores = net(x)
    for place in (0, 5):
        page.locator(".confusion-card").nth(place).click()
        index = int(view.worst[place])
        expect(page.locator(".confusion-facts code").first).to_have_text(f"x[{index}]")
        probs = scores[index].softmax(0)
        texts = page.locator(".confusion-prob .confusion-p").all_inner_texts()
        for text, p in zip(texts, probs.tolist(), strict=True):
            assert (p < 0.001) if text == "<0.1%" else number(text.strip("%>")) == pytest.approx(100 * p, rel=0.06)
        shares = page.locator(".confusion-bar").evaluate_all(
            "all => all.map((one) => one.style.getPropertyValue('--share'))"
        )
        assert [float(one) for one in shares] == pytest.approx(probs.tolist(), rel=1e-5)
        kinds = page.locator(".confusion-prob").evaluate_all("all => all.map((one) => one.dataset.kind ?? '')")
        assert kinds.index("right") == int(y[index])
        assert kinds.index("wrong") == int(scores[index].argmax())
        # − log of the printed probability is the printed loss.
        text = page.locator(".confusion-loss").inner_text().replace("\n", " ")
        p, loss = (number(part) for part in re.search(r"−log (\S+) = (\S+)$", text).groups())
        assert loss == pytest.approx(F.cross_entropy(scores[index], y[index]).item(), rel=1e-3)
        assert -torch.tensor(p).log().item() == pytest.approx(loss, rel=1e-3)


def test_the_caption_of_a_cell_follows_the_player(open_page, digits, pages):
    page = open_page(pages["digits"])
    cell(page, 4, 4).hover()
    for step in (0, 6):
        page.evaluate("step => { dlvizModel.set('step', step); }", step)
        count = int(digits[0]._history.snapshots[step].counts[4, 4])
        readout = page.locator(".confusion-readout")
        expect(readout).to_contain_text(f"true 4, predicted 4: {count} of 181")
        box, at = readout.bounding_box(), cell(page, 4, 4).bounding_box()
        assert 0 <= box["y"] - at["y"] < 40
        beside = max(box["x"] - at["x"] - at["width"], at["x"] - box["x"] - box["width"])
        assert beside < 20
    page.mouse.move(0, 0)
    expect(readout).to_be_hidden()


def test_the_pixels_of_a_picture_are_the_examples(open_page, digits, pages):
    view, _, x, _ = digits
    page = open_page(pages["digits"])
    page.locator(".confusion-card").first.click()
    image = x[view.worst[0], 0]
    for row in range(8):
        for column in range(0, 8, 3):
            color = canvas_pixel(page, ".confusion-detail canvas", column, row)
            assert color[0] == color[1] == color[2] == round(float(image[row, column]) * 255)


def test_the_player_goes_back_to_the_first_snapshot(open_page, digits, pages):
    view = digits[0]
    page = open_page(pages["digits"])
    mistakes = view.scene["history"]["mistakes"]
    expect(page.locator(".dlviz-count")).to_have_text("snapshot 6 / 6")
    page.locator(".confusion-card").first.click()
    index = int(view.worst[0])
    page.get_by_role("button", name="first step").click()
    first = view._history.snapshots[0]
    expect(page.locator(".dlviz-signature")).to_contain_text(f"({first.correct:,} of 1,797)")
    assert card_numbers(page) == first.worst[:12].tolist()
    assert mistakes[0] > mistakes[-1]
    expect(page.locator(".confusion-snapshots output")).to_have_text(
        f"snapshot 0: {mistakes[0]:,} mistakes among 1,797"
    )
    expect(page.locator(".confusion-detail")).to_contain_text(re.compile(f"Example {index}|does not hold"))
    pred = int(first.counts[2].argmax())
    cell(page, 2, pred).click()
    assert card_numbers(page) == dlviz.evaluation.members(first.scored, 2, pred)[:6].tolist()


def test_a_page_saved_with_a_selected_example_shows_it_at_every_snapshot(open_page, digits):
    view = digits[0]
    view.example = int(view.worst[3])
    try:
        page = open_page(view)
    finally:
        index, view.example = view.example, -1
    for step in range(6, -1, -2):
        page.evaluate("step => { dlvizModel.set('step', step); }", step)
        scored = view._history.snapshots[step].scored
        expect(page.locator(".confusion-facts b")).to_have_text(f"Example {index}")
        expect(page.locator(".confusion-facts span").first).to_have_text(
            f"true {scored.targets[index]}, predicted {scored.predictions[index]}"
        )


def test_names_and_texts_stay_text(open_page, pages):
    page = open_page(pages["hostile"])
    assert page.locator(".confusion img, .confusion-table b").count() == 0
    expect(page.locator(".confusion-name").nth(1)).to_have_text("<b>no</b>")
    expect(page.locator(".confusion-text").first).to_contain_text("<img src=x")


def test_examples_with_a_nan_have_their_own_column_and_come_first(open_page, pages):
    view = hostile()
    page = open_page(pages["hostile"])
    expect(page.locator(".dlviz-note[data-kind=bad]")).to_contain_text("NaN among their scores: 5")
    unclassified = [int(cell(page, true, 3).inner_text() or 0) for true in range(3)]
    assert unclassified == [len(view.cell(true, -1)) for true in range(3)]
    assert sum(unclassified) == 5
    assert set(card_numbers(page)[:5]) == {4, 5, 6, 7, 8}
    true = next(true for true in range(3) if unclassified[true])
    cell(page, true, 3).click()
    assert card_numbers(page) == view.cell(true, -1).tolist()
    page.locator(".confusion-card").first.click()
    assert set(page.locator(".confusion-prob .confusion-p").all_inner_texts()) == {"NaN"}


def test_of_many_classes_those_with_the_most_mistakes_are_drawn(open_page, pages):
    page = open_page(pages["hundred"])
    expect(page.locator(".dlviz-note").first).to_contain_text("30 of 100 classes")
    assert page.locator(".confusion-cell").count() == 900
    page.locator(".confusion-card").first.click()
    assert page.locator(".confusion-prob").count() in (10, 11)
    expect(page.locator(".confusion-prob[data-kind=right]")).to_have_count(1)
    assert page.locator(".confusion-card canvas").count() == 12


def test_live_a_cell_and_later_pages_come_from_the_kernel(live):
    view, *_ = trained(0)
    page, asked = live(view)
    matrix = view.matrix
    true, pred = divmod(int(matrix.argmax()), 10)
    cell(page, true, pred).click()
    until(page, "document.querySelectorAll('.confusion-card').length === 12")
    assert view.opened == [true, pred]
    everything = view.cell(true, pred).tolist()
    assert card_numbers(page) == everything[:12]
    for k in range(1, 4):
        page.get_by_role("button", name="later examples").click()
        until(page, f"document.querySelector('.confusion-pager').textContent.includes('{12 * k + 1}–')")
        until(page, "document.querySelectorAll('.confusion-card').length > 0")
        assert card_numbers(page) == everything[12 * k : 12 * k + 12]
    before = len(asked)
    page.locator(".confusion-card").nth(2).click()
    expect(page.locator(".confusion-facts b")).to_be_visible()
    cell(page, 0, 0).hover()
    assert [set(one["traits"]) for one in asked[before:]] == [{"example"}]


def test_live_a_new_snapshot_is_drawn(live):
    view, net, x, _ = trained(0)
    page, _ = live(view)
    expect(page.locator(".dlviz-player")).to_be_hidden()
    expect(page.locator(".confusion-snapshots")).to_be_hidden()
    view.update(net(x) * -1)
    page.get_by_label("cells show").select_option("recall")  # the answer to any message brings the new scene
    page.evaluate("dlvizModel.set('step', 0); dlvizModel.save_changes()")
    expect(page.locator(".dlviz-player")).to_be_visible()
    expect(page.locator(".confusion-snapshots output")).to_contain_text("snapshot 0:")


def strip_text(page: Page, column: int) -> str:
    """Return the caption of the strip with the pointer over a column."""
    box = page.locator(".split-bands").bounding_box()
    width = box["width"] / 451
    page.mouse.move(box["x"] + (column + 0.5) * width, box["y"] + 10)
    return page.locator(".split .evaluation-caption").first.inner_text()


def test_pointing_at_the_strip_shows_classes_and_parts(open_page, pages):
    view = parts()
    page = open_page(pages["split"])
    test = set(view.parts["test"].tolist())
    _, y = dlviz.data.digits()
    for column in (0, 17, 230, 450):
        first = 4 * column
        text = strip_text(page, column)
        assert text.startswith(f"examples {first} to {first + 3}: class ")
        inside = sum(k in test for k in range(first, first + 4))
        parts_text = text.split("; in ")[1]
        assert ("test" in parts_text) == (inside > 0)
        assert (f"test ({inside}×)" in parts_text) == (inside > 1)
        if first < 1790:
            for label in set(y[first : first + 4].tolist()):
                assert re.search(rf"\b{label}\b", text.split("class ")[1])


def test_the_strip_has_the_colors_of_the_parts(open_page, pages):
    view = parts()
    page = open_page(pages["split"])
    test = set(view.parts["test"].tolist())
    chips = page.locator(".split-chip")
    colors = [
        chips.nth(k).evaluate("one => getComputedStyle(one).backgroundColor.match(/[\\d.]+/g).map(Number)")
        for k in range(2)
    ]
    colors = [[255 * value if max(one) <= 1 else value for value in one[:3]] for one in colors]
    band = ".split-band:nth-child(3) canvas"
    for column in range(0, 451, 37):
        inside = sum(k in test for k in range(4 * column, 4 * column + 4))
        top, bottom = canvas_pixel(page, band, column, 1), canvas_pixel(page, band, column, 22)
        assert max(abs(a - b) for a, b in zip(top, colors[int(inside == 4)], strict=True)) <= 2
        assert max(abs(a - b) for a, b in zip(bottom, colors[int(inside > 0)], strict=True)) <= 2


def test_arrow_keys_move_along_the_strip(open_page, pages):
    page = open_page(pages["split"])
    page.locator(".split-bands").focus()
    for key in ("ArrowRight", "ArrowRight", "PageDown", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".split .evaluation-caption").first).to_contain_text("examples 40 to 43:")


def test_a_saved_page_holds_other_settings(open_page, pages):
    view = parts()
    page = open_page(pages["split"])
    for how in ("order", "stratified", "grouped", "folds"):
        view.how = how
        page.get_by_label("how to split").select_option(how)
        expect(page.locator(".dlviz-signature")).to_have_text(view.scene["signature"])
        texts = page.locator(".split-warnings li").all_inner_texts()
        assert texts == ([one.text for one in view.warnings] or [message("evaluation.split.nothing")])
    view.how, view.seed = "shuffled", 6
    page.get_by_label("how to split").select_option("shuffled")
    slider = page.get_by_role("slider", name="seed")
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-signature")).to_have_text(view.scene["signature"])
    view.seed = 0
    view.shares = [0.7, 0.3]
    slider = page.get_by_role("slider", name="test")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-note").first).to_contain_text("one changed setting at a time")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-signature")).to_have_text(view.scene["signature"])


def test_bars_are_the_fractions_of_the_classes(open_page, pages):
    view = parts()
    _, y = dlviz.data.digits()
    y = torch.cat((y, y[:7]))
    page = open_page(pages["split"])
    for k, numbers in enumerate(view.parts.values()):
        bars = page.locator(".split-histogram").nth(k).locator("rect:not(.split-column)")
        tall = torch.tensor([float(bar.get_attribute("height")) for bar in bars.all()])
        shares = torch.bincount(y[numbers]) / len(numbers)
        assert torch.allclose(tall / tall.sum(), shares, atol=1e-4)
        expect(page.locator(".split-title").nth(k)).to_contain_text(f"{len(numbers):,} examples")
    page.locator(".split-histogram").nth(1).locator(".split-column").nth(4).hover()
    count = int((y[view.parts["test"]] == 4).sum())
    expect(page.locator(".split .evaluation-caption").nth(1)).to_contain_text(f"test, class 4: {count} of 361")


def test_every_score_is_a_dot(open_page, pages):
    page = open_page(pages["split"])
    dots = page.locator(".split-dot")
    assert dots.count() == 3
    positions = [float(dot.get_attribute("cx")) for dot in dots.all()]
    assert positions[1] - positions[0] == pytest.approx(positions[2] - positions[1], abs=0.2)
    assert page.locator(".split-dot title").all_text_contents() == [
        "shuffled, seed 0: 0.9",
        "shuffled, seed 1: 0.901",
        "shuffled, seed 2: 0.902",
    ]
    expect(page.locator(".split-spreads")).to_contain_text("0.901 ± 0.001 (3 splits, from 0.9 to 0.902)")
    expect(page.get_by_role("button", name="Measure")).to_have_count(0)  # without a kernel nothing can be measured


def test_live_the_button_measures(live):
    view = parts(how="order")
    page, asked = live(view)
    page.get_by_role("button", name="Measure this split").click()
    until(page, "document.querySelectorAll('.split-dot').length === 2")
    assert [one["kind"] for one in asked] == ["measure"]
    assert [one.how for one in view.scores] == ["order", "order"]
    expect(page.get_by_role("button", name="Measure this split")).not_to_have_attribute("aria-disabled", "true")
    page.get_by_label("how to split").select_option("folds")
    page.get_by_role("button", name="Measure every fold").click()
    until(page, "document.querySelectorAll('.split-dot').length === 7")


def test_live_a_slider_splits_again_and_equal_scores_do_not_hide_each_other(live):
    x, y = dlviz.data.digits()
    view = dlviz.split(x, y, score=lambda a, b: 0.5)
    view.measure(4)
    page, asked = live(view)
    heights = {dot.get_attribute("cy") for dot in page.locator(".split-dot").all()}
    assert len(heights) == 4
    slider = page.get_by_role("slider", name="test")
    slider.focus()
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.dlviz-signature').textContent.includes('test 378')")
    assert len(view.parts["test"]) == 378
    assert [set(one["traits"]) for one in asked] == [{"shares"}]


def test_of_three_parts_the_second_and_third_have_a_slider(live):
    view = parts(parts={"train": 0.7, "validation": 0.15, "test": 0.15})
    page, _ = live(view)
    slider = page.get_by_role("slider", name="validation")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.dlviz-signature').textContent.includes('validation 361')")
    assert view.shares == pytest.approx([0.65, 0.2, 0.15])
    assert [option.get_attribute("value") for option in page.locator(".dlviz-choice option").all()] == [
        "order",
        "shuffled",
        "stratified",
        "grouped",
    ]


def test_the_player_steps_through_the_folds(open_page, pages):
    view = parts(how="folds", step=1)
    page = open_page(pages["folds"])
    expect(page.locator(".dlviz-count")).to_have_text("fold 1 / 4")
    for fold in (2, 3, 4):
        page.get_by_role("button", name="one step on").click()
        view.step = fold
        expect(page.locator(".dlviz-signature")).to_have_text(view.scene["signature"])
    expect(open_page(pages["split"]).locator(".dlviz-player")).to_be_hidden()
