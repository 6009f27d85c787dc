"""Exported pages of byte-pair encoding: every step in the browser is the encoder's own, and so are the ids of a typed text."""

import pytest
from playwright.sync_api import expect

import dlviz
from dlviz.tokenization import token_name
from dlviz.tokenization.scene import cut_text
from tests.browser.conftest import until_holds

TEXT = "low low low lower newest newest widest, naïve naïve 你好 你好\nthe newest <b>low</b> it's"
TYPED = (
    "lowest newest",
    "naïve 你好 ½ ² 3.14 __init__",
    "  two  spaces\u3000and\u00a0more\t",
    "it's we'll they've 'tis",
    "🙂 👩‍👩‍👧 é\u0301 \u2028",
    "",
)


def make(**settings):
    return dlviz.bpe(TEXT, 40, typed="lowest newest", **settings)


@pytest.fixture(scope="module")
def view():
    return make(step=6)


@pytest.fixture(scope="module")
def html(view) -> str:
    return view.to_html()


def names(page, box):
    """Return the visible tokens of a box."""
    return page.eval_on_selector_all(f"{box} .tok-token", "nodes => nodes.map((node) => node.textContent)")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, html, theme):
    page = open_page(html, theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    axe(page)


def test_every_step_cuts_the_text_as_the_encoder_does(open_page, view, html):
    page = open_page(html)
    for step in (0, 1, 6, 20, len(view.encoder.merges)):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        assert names(page, ".tok-text") == [token_name(token) for token in cut_text(view.data, step)]
        assert f"{view.data.sizes[step]} tokens" in page.locator(".tok-size").inner_text()
        counts = page.locator(".tok-count").all_inner_texts()
        assert counts == [str(pair.count) for pair in view.data.candidates[step]]


def test_the_last_merge_and_the_next_one_are_marked(open_page, view, html):
    page = open_page(html)
    merges, vocab = view.encoder.merges, view.encoder.vocab
    new = page.locator(".tok-text [data-new]").all_inner_texts()
    assert set(new) == {token_name(vocab[merges[5].new])}
    pair = {token_name(vocab[merges[6].left]), token_name(vocab[merges[6].right])}
    assert set(page.locator(".tok-text [data-next]").all_inner_texts()) == pair
    expect(page.locator(".tok-winner")).to_contain_text(f"becomes {token_name(vocab[merges[6].new])}")
    listed = [token_name(vocab[merge.new]) for merge in merges[:6]]
    assert names(page, ".tok-vocabulary") == listed


def test_a_typed_text_is_encoded_in_the_page_as_in_python(open_page, view, html):
    page = open_page(html)
    field = page.get_by_label("Type a text", exact=True)
    for typed in TYPED:
        field.fill(typed)
        for step in (0, 9, len(view.encoder.merges)):
            page.evaluate("step => dlvizModel.set('step', step)", step)
            ids = [int(text) for text in page.locator(".tok-encoded .tok-id").all_inner_texts()]
            assert ids == view.encoder.first(step).encode(typed), (typed, step)


def test_keys_step_through_the_merges_and_reach_the_field_as_letters(open_page, html):
    page = open_page(html)
    page.locator(".dlviz").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-count")).to_contain_text("merge 7")
    page.locator(".tok-plot").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".dlviz-count")).to_contain_text("merge 8")
    page.get_by_label("Type a text", exact=True).focus()
    page.keyboard.press("End")
    page.keyboard.type(" x")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".dlviz-count")).to_contain_text("merge 8")
    expect(page.get_by_label("Type a text", exact=True)).to_have_value("lowest newest x")


def test_after_the_last_merge_it_says_that_nothing_is_left(open_page, view):
    page = open_page(make(step=99))
    assert view.data.is_done
    expect(page.locator(".tok-winner")).to_contain_text("No pair occurs 2 times")
    assert page.locator("[data-next].tok-pair").count() == 0


def test_tokens_written_from_right_to_left_keep_their_places_beside_others(open_page):
    view = dlviz.bpe("שלום שלום שלום", 12)
    joins = [k for k, pair in enumerate(view.merges) if all(name.isalpha() and not name.isascii() for name in pair)]
    assert joins
    page = open_page(view.to_html())
    page.evaluate("step => dlvizModel.set('step', step)", joins[0])
    boxes = [box.bounding_box() for box in page.locator(".tok-winner bdi").all()]
    assert page.locator(".tok-winner bdi").all_inner_texts()[:2] == list(view.merges[joins[0]])
    assert boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]


def test_both_tokens_of_a_long_pair_are_seen(open_page):
    page = open_page(dlviz.bpe("lowlowlowlow" * 40 + "x" * 90, 20, step=20).to_html())
    tokens = page.locator(".tok-pair").first.locator(".tok-token")
    edge = page.locator(".tok-pair").first.locator(".tok-bar").bounding_box()["x"]
    assert all(box["width"] > 0 and box["x"] + box["width"] <= edge for box in (t.bounding_box() for t in tokens.all()))
    listed = page.locator(".tok-vocabulary .tok-token").last
    assert listed.evaluate(
        "node => node.scrollWidth <= node.clientWidth || getComputedStyle(node).textOverflow === 'ellipsis'"
    )


def test_with_a_kernel_python_sees_the_typed_text(live):
    view = make(step=3)
    page, _ = live(view)
    page.get_by_label("Type a text", exact=True).fill("widest low")
    until_holds(page, lambda: view.typed == "widest low")
    ids = [int(text) for text in page.locator(".tok-encoded .tok-id").all_inner_texts()]
    assert ids == view.ids


def test_markup_in_the_text_stays_text_and_it_fits_one_screen(open_page, html):
    page = open_page(html, width=984)
    assert page.locator(".tok-text b").count() == 0
    assert page.locator(".dlviz").bounding_box()["height"] <= 700
    narrow = open_page(html, width=600)
    assert narrow.evaluate("() => document.querySelector('.dlviz').scrollWidth <= 600")
