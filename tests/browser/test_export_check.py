"""Pages of `dlviz.export_check`: both columns as the record has them, details of a row, and the answers, with pointer and keyboard."""

import pytest
import torch
from playwright.sync_api import expect

import dlviz
from tests.model_export import models


@pytest.fixture(scope="module")
def view():
    torch.manual_seed(0)
    net = models.Nested().eval()
    return dlviz.export_check(net, torch.randn(3, 5, 8), runtimes=["compile"])


@pytest.fixture(scope="module")
def html(view) -> str:
    return view.to_html()


@pytest.fixture(scope="module")
def refused() -> str:
    torch.manual_seed(0)
    return dlviz.export_check(models.Branch().eval(), torch.rand(3, 4), runtimes=["compile"]).to_html()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["html", "refused"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, request, name, theme):
    page = open_page(request.getfixturevalue(name), theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    axe(page)


def test_both_columns_are_those_of_the_record(open_page, view, html):
    page = open_page(html)
    names = page.eval_on_selector_all(".exp-column .exp-name", "nodes => nodes.map((node) => node.textContent)")
    operations = [one.name for one in view.data.program.operations if one.kind != "size"]
    assert names == [*(call.name for call in view.data.calls), *operations]
    links = sum(
        call >= 0 and one.kind != "size"
        for call, one in zip(view.data.matched, view.data.program.operations, strict=True)
    )
    expect(page.locator(".exp-lines path")).to_have_count(links)


def test_a_row_that_is_pointed_at_shows_its_details_and_its_partners(open_page, html):
    page = open_page(html)
    page.locator('[data-key^="eager"]', has_text="multi_head").hover()
    details = page.locator(".exp-details")
    expect(details).to_contain_text("operations of the program: torch writes this call out")
    expect(details.locator("pre")).to_have_text("h, weights = self.attention(x, x, x)")
    assert page.locator('[data-key^="program"][data-marked]').count() > 10
    page.locator(".exp-verdict").hover()
    expect(page.locator(".exp-row[data-marked]")).to_have_count(0)


def test_a_click_pins_a_row_and_escape_lets_it_go(open_page, html):
    page = open_page(html)
    row = page.locator('[data-key="eager 0"]')
    row.click()
    page.locator(".exp-verdict").hover()
    expect(row).to_have_attribute("data-pinned", "")
    assert page.evaluate("dlvizModel.get('pinned')") == "eager 0"
    page.keyboard.press("Escape")
    expect(page.locator("[data-pinned]")).to_have_count(0)


def test_the_arrow_keys_go_from_row_to_row_and_to_the_other_column(open_page, html):
    page = open_page(html)
    page.locator(".exp-scroll").focus()
    for key, expected in (
        ("ArrowDown", "eager 0"),
        ("ArrowDown", "eager 1"),
        ("ArrowRight", "program "),
        ("ArrowLeft", "eager 1"),
    ):
        page.keyboard.press(key)
        page.keyboard.press("Enter")
        assert page.evaluate("dlvizModel.get('pinned')").startswith(expected)
        page.keyboard.press("Enter")
    assert page.evaluate("dlvizModel.get('pinned')") == ""


def test_every_question_has_its_answer(open_page, view, html):
    page = open_page(html)
    answer = page.locator(".exp-answer")
    expect(answer.locator("tbody tr")).to_have_count(len(view.data.parity.cases))
    for name, words in {
        "What depends on numbers?": "Nothing",
        "May the batch vary?": "any size",
        "Where would compile break?": "Nowhere: one graph",
        "Can it be saved and loaded?": "the output is the same",
    }.items():
        page.get_by_label(name).click(force=True)
        expect(answer).to_contain_text(words)


def test_a_refused_model_shows_its_line_and_what_to_write(open_page, refused):
    page = open_page(refused)
    expect(page.locator(".exp-answer pre").first).to_contain_text("if x.sum() > 0:")
    expect(page.locator(".exp-answer pre").nth(1)).to_contain_text("torch.cond(x.sum() > 0, if_true, if_false, (x,))")
    expect(page.locator(".exp-verdict")).to_contain_text("torch.export refuses “if x.sum() > 0:”")
    expect(page.locator('.exp-row[data-kind="decides"] .exp-name')).to_have_text(["gt", "gt"])
    words = page.locator(".exp-answer").get_by_text("Could not guard on data-dependent expression")
    expect(words).to_be_hidden()
    page.get_by_text("torch's words").click()
    expect(words).to_be_visible()
    expect(page.locator(".exp-titles")).to_contain_text("draft")
    page.get_by_label("Are the outputs equal?").click(force=True)
    expect(page.locator('td[data-kind="bad"]').first).to_have_text("refuses")
    expect(page.locator(".exp-answer thead")).to_contain_text("largest difference from the model's output")
    page.get_by_role("radio", name="Where would compile break?").click(force=True)
    expect(page.locator(".exp-answer").get_by_text("generic_jump")).to_be_hidden()


@pytest.mark.parametrize("width", [968, 600])
def test_everything_fits_its_width(open_page, html, width):
    page = open_page(html)
    page.set_viewport_size({"width": width, "height": 900})
    box = page.locator(".dlviz").bounding_box()
    assert width > 700 or box["width"] <= width
    assert width < 900 or box["height"] <= 700
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
