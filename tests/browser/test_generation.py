"""Exported pages of the generation room, and live ones with this process as kernel, compared with torch's numbers."""

import re

import pytest
import torch
from playwright.sync_api import Page, expect

import dlviz
from tests.browser.conftest import until_holds
from tests.browser.test_network import number
from tests.generation.models import LETTERS, decode, encode, gpt

FALLEN = re.compile(r"u = (\S+) falls on (.)")


def visible(token: str) -> str:
    return token.replace(" ", "␣").replace("\n", "⏎")


def generated(**options):
    model = gpt()
    options = {"steps": 20, "continuations": 3, "temperature": 0.7, "top_k": 8, "top_p": 0.9, "step": 4} | options
    return dlviz.generate(model, "the ", encode=encode, decode=decode, cached=model.step, **options)


def words(**options):
    names = ["<b>x</b>", *(f"w{k}" for k in range(99))]
    logits = torch.randn(100, generator=torch.Generator().manual_seed(0))
    model = lambda ids: logits.roll(int(ids[0, -1]))  # noqa: E731
    return dlviz.generate(model, [0, 5], decode=lambda ids: " ".join(names[i] for i in ids), steps=8, **options)


def ended():
    logits = torch.tensor([0.0, 1.0, 2.0])
    return dlviz.generate(lambda ids: logits * (torch.nan if ids.shape[1] > 3 else 1), [0], steps=9, step=8)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {"gpt": generated().to_html(), "words": words().to_html(), "ended": ended().to_html()}


def rows(page: Page):
    return page.locator("button.gen-row")


def text(page: Page) -> str:
    return "".join(page.locator(".gen-tokens span").all_text_contents())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["gpt", "words", "ended"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".gen-tokens")).to_be_visible()
    axe(page)


def test_the_rows_show_every_stage_with_the_numbers_of_torch(open_page, pages):
    view = generated()
    page = open_page(pages["gpt"])
    for t in (4, 0, 19):
        page.evaluate("t => dlvizModel.set('step', t)", t)
        step = view.continuations[0].steps[t]
        found = step.stages
        assert rows(page).count() == 20
        for k in (0, 1, 5, 19):
            token = int(step.rows.ids[k])
            row = rows(page).nth(k)
            expect(row.locator(".gen-col-token")).to_have_text(visible(LETTERS[token]))
            shown = [row.locator(f".gen-col-{name}") for name in ("logit", "scaled", "softmax", "prob")]
            stages = (found.logits, found.scaled, found.softmax, found.probs)
            for cell, values in zip(shown, stages, strict=True):
                assert number(cell.inner_text()) == pytest.approx(values[token].item(), rel=6e-3, abs=1e-12)
            is_cut = bool(found.probs[token] == 0)
            assert row.get_attribute("data-cut") == ("true" if is_cut else None)
            kind = "top-k" if found.after_top_k[token] == -torch.inf else "top-p" if is_cut else ""
            expect(row.locator(".gen-col-kept")).to_have_text(kind)
        expect(page.locator(".gen-row[data-taken] .gen-col-token")).to_have_text(visible(LETTERS[step.token]))
    expect(page.locator(".gen-others")).to_contain_text("9 others")


def test_the_mark_of_u_lies_on_the_part_of_the_drawn_token(open_page, pages):
    view = generated()
    page = open_page(pages["gpt"])
    for t in (4, 7, 12):
        page.evaluate("t => dlvizModel.set('step', t)", t)
        step = view.continuations[0].steps[t]
        u, token = FALLEN.search(page.locator(".gen-caption").inner_text()).groups()
        assert (u, token) == (f"{step.u:.4f}", visible(LETTERS[step.draw.token]))
        row, part, mark = (page.locator(f".gen-{name}").bounding_box() for name in ("cumulative", "drawn", "mark"))
        assert (mark["x"] + 1 - row["x"]) / row["width"] == pytest.approx(step.u, abs=0.01)
        assert (part["x"] - row["x"]) / row["width"] == pytest.approx(step.draw.low, abs=0.01)
        first = page.locator(".gen-parts span").first.bounding_box()
        assert first["width"] / row["width"] == pytest.approx(step.rows.probs[0].item(), abs=0.01)
        assert part["width"] / row["width"] == pytest.approx(step.draw.high - step.draw.low, abs=0.01)


def test_the_text_is_played_token_by_token_with_mouse_and_keyboard(open_page, pages):
    view = generated()
    page = open_page(pages["gpt"])
    assert text(page) == view.text.replace("\n", "⏎")
    page.locator(".gen-tokens [data-step]").nth(9).click()
    assert page.evaluate("dlvizModel.get('step')") == 9
    expect(page.locator("[data-current]")).to_have_text(view.text[13].replace("\n", "⏎"))
    page.locator(".dlviz").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("dlvizModel.get('step')") == 8
    page.keyboard.press("End")
    assert page.evaluate("dlvizModel.get('step')") == 19
    page.keyboard.press("Escape")
    assert page.evaluate("dlvizModel.get('step')") == 0


def test_the_continuations_stand_side_by_side(open_page, pages):
    view = generated()
    page = open_page(pages["gpt"])
    items = page.locator(".gen-item")
    assert items.count() == 3
    for k, one in enumerate(view.continuations):
        expect(items.nth(k)).to_contain_text(decode(one.generated).replace("\n", "⏎").strip())
        assert number(re.search(r"perplexity (\S+)", items.nth(k).inner_text())[1]) == pytest.approx(
            one.perplexity, rel=6e-3
        )
    items.nth(2).focus()
    page.keyboard.press("Enter")
    expect(items.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(items.nth(2)).to_be_focused()
    assert text(page) == view.texts[2].replace("\n", "⏎")


def test_the_work_is_that_of_torchs_counter_and_the_cache_grows(open_page, pages):
    cost = generated().cost
    page = open_page(pages["gpt"])
    compact = "n => new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(n)"
    widths = []
    for t in (0, 4, 19):
        page.evaluate("t => dlvizModel.set('step', t)", t)
        shown = page.locator(".gen-work-row b").all_inner_texts()
        assert shown == [page.evaluate(compact, counts[t]) for counts in (cost.uncached, cost.cached)]
        expect(page.locator(".gen-cost")).to_contain_text(f"2 layers × {4 + t} tokens, {cost.bytes[t] / 1000:.3g} kB")
        widths.append(page.locator(".gen-strip > div").first.bounding_box()["width"])
    assert widths[1] / widths[2] == pytest.approx(8 / 23, abs=0.01)
    expect(page.locator(".dlviz-badge")).to_contain_text("with cache")


def test_a_page_redraws_for_the_settings_that_torch_computed_before(open_page, pages):
    page = open_page(pages["gpt"])
    expected = generated()
    expected.temperature = 2.0
    slider = page.get_by_role("slider", name="temperature")
    slider.focus()
    page.keyboard.press("End")
    assert page.evaluate("dlvizModel.get('temperature')") == 2
    assert text(page) == expected.text.replace("\n", "⏎")
    expect(page.locator(".gen-heads")).to_contain_text("÷ 2")
    assert rows(page).first.get_attribute("aria-disabled") == "true"


def test_a_token_written_from_right_to_left_leaves_the_numbers_beside_it_in_order(open_page):
    letters = "שלאבםן"
    view = dlviz.generate(lambda ids: torch.arange(6.0) / 9, [0], decode=lambda ids: "".join(letters[i] for i in ids))
    page = open_page(view.to_html())
    name = page.locator(".gen-caption bdi")
    words = page.locator(".gen-caption").evaluate(
        """caption => [...caption.childNodes].filter(node => node.textContent).map(node => {
          const range = document.createRange();
          range.selectNodeContents(node);
          return range.getBoundingClientRect().x;
        })"""
    )
    assert name.nth(1).inner_text() == letters[view.ids[1]]
    assert words == sorted(words)


def test_the_logits_of_a_row_are_not_cut_off_and_no_bar_stands_for_0(open_page):
    logits = torch.tensor([-0.07846123, -0.0098765, -123.456, *torch.linspace(-0.9, -0.01, 40)])
    view = dlviz.generate(lambda ids: logits, [0], steps=3, top_k=3)
    for width in (1000, 632, 480):
        page = open_page(view.to_html(), width=width)
        cut = "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent)"
        assert page.eval_on_selector_all(".gen-col-logit, .gen-col-scaled", cut) == []
    assert page.locator(".gen-others .gen-col-prob i").is_hidden()
    # A page cannot draw anew.
    expect(page.locator("button.gen-row").first).not_to_have_attribute("aria-label", re.compile("Enter takes it"))


def test_words_are_separated_and_are_never_read_as_html(open_page, pages):
    page = open_page(pages["words"])
    expect(page.locator(".gen-prompt").first).to_have_text("<b>x</b>")
    assert page.locator(".gen-tokens b").count() == 0
    assert page.locator(".gen-tokens").inner_text().startswith("<b>x</b> w4 ")


def test_logits_without_a_distribution_are_said_and_nothing_is_drawn(open_page, pages):
    page = open_page(pages["ended"])
    expect(page.locator(".dlviz-note[data-kind=bad]")).to_contain_text("3 of 3 logits of the next one are NaN")
    expect(page.locator(".gen-none")).to_be_visible()
    expect(page.locator(".gen-table")).to_be_hidden()
    page.evaluate("dlvizModel.set('step', 1)")
    expect(page.locator(".gen-table")).to_be_visible()
    assert "undefined" not in page.locator(".dlviz").inner_text()


def test_a_slider_redraws_at_once_and_the_rest_is_generated_after_it_rests(live):
    view = generated()
    page, asked = live(view)
    before = view.ids
    page.get_by_role("slider", name="temperature").fill("19")  # 2.0
    expect(page.locator(".gen-heads")).to_contain_text("÷ 2")
    until_holds(page, lambda: not view.scene["pending"])
    assert view.temperature == 2
    assert view.ids[:8] == before[:8]
    assert [message["kind"] for message in asked][:2] == ["set", "continue"]
    until_holds(page, lambda: text(page) == view.text.replace("\n", "⏎"))
    page.evaluate("dlvizModel.set('step', 1)")
    expect(page.locator(".gen-other")).to_contain_text("drawn with temperature 0.7, top-k 8, top-p 0.9")


def test_enter_on_a_row_takes_that_token_and_reset_undoes_it(live):
    view = generated()
    page, _ = live(view)
    before = view.ids
    rows(page).first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(rows(page).nth(3)).to_be_focused()
    token = int(rows(page).nth(3).get_attribute("data-id"))
    page.keyboard.press("Enter")
    until_holds(page, lambda: view.ids[8] == token and not view.scene["pending"])
    assert view.ids[:8] == before[:8]
    expect(page.locator(".gen-caption")).to_contain_text(f"you chose {visible(LETTERS[token])}")
    expect(page.locator(".gen-chosen")).to_have_count(1)
    page.get_by_role("button", name="Reset").click()
    until_holds(page, lambda: view.ids == before)
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()


def test_greedy_and_seed_act_from_the_shown_token_on(live):
    view = generated()
    page, _ = live(view)
    page.get_by_role("switch", name="greedy").check()
    until_holds(page, lambda: view.greedy and not view.scene["pending"])
    expect(page.locator(".gen-caption")).to_contain_text("greedy")
    kept = page.locator(".gen-row:not([data-cut])[data-id]")
    expect(kept).to_have_count(1)
    assert all(step.prob == 1 for step in view.continuations[0].steps[4:])
    page.get_by_role("slider", name="seed").fill("7")
    until_holds(page, lambda: view.seed == 7 and not view.scene["pending"])
