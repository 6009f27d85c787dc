"""Exported pages of the attention widget, and live ones with this process as kernel, compared with torch's numbers."""

import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from tests.browser.conftest import until, until_holds
from tests.browser.test_network import colors, number, pixel

LETTERS = torch.eye(26)


def encode(text):
    return LETTERS[["abcdefghijklmnopqrstuvwxyz".index(letter) for letter in text]][None]


def encoder(**settings):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(26, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    return dlviz.attention(model, "attention", encode=encode, **settings)


def multihead(**settings):
    torch.manual_seed(0)
    mha, x = nn.MultiheadAttention(16, 4, batch_first=True), torch.randn(2, 6, 16)
    mask = torch.ones(6, 6, dtype=torch.bool).triu(1)
    return dlviz.attention(mha, x, x, x, attn_mask=mask, tokens=["<b>x</b>", *"bcdef"], **settings)


def cross(**settings):
    torch.manual_seed(0)
    mask = torch.ones(4, 7, dtype=torch.bool)
    mask[2] = False
    q, k = torch.randn(4, 6).double(), torch.randn(7, 6).double()
    return dlviz.attention(
        q,
        k,
        torch.randn(7, 3).double(),
        mask=mask,
        key_tokens=["a", "very", "old", "cat", "is", "black", "."],
        **settings,
    )


def large(**settings):
    torch.manual_seed(0)
    q = torch.randn(1, 2, 300, 16)
    return dlviz.attention(q, is_causal=True, query=200, **settings)


def trained(**settings):
    torch.manual_seed(0)
    mha, x = nn.MultiheadAttention(8, 2, batch_first=True).train(), torch.randn(1, 5, 8)
    mha.dropout = 0.2
    view = dlviz.attention(mha, x, x, x, **settings)
    for label in ("", "<i>mid</i>", "<i>mid</i>"):
        with torch.no_grad():
            mha.in_proj_weight.mul_(1.5)
        view.update(label)
    return view


MADE = {"encoder": encoder, "multihead": multihead, "cross": cross, "large": large, "trained": trained}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: make().to_html() for name, make in MADE.items()}


def hover(page: Page, x: float, y: float) -> str:
    """Point at a place of the picture and return what is said there."""
    page.locator(".att-map").hover(position={"x": x, "y": y})
    readout = page.locator(".att-picture .dlviz-readout")
    return readout.inner_text() if readout.is_visible() else ""


def places(page: Page) -> list[tuple[float, float, int, int, float]]:
    """Return some places on the map, with query, key and the printed number there."""
    box = page.locator(".att-map canvas").bounding_box()
    found = []
    for across in (0.25, 0.35, 0.45, 0.55):
        for down in (0.3, 0.5, 0.7, 0.85):
            x, y = box["width"] * across, box["height"] * down
            match = re.match(r"(\d+)\b.* → (\d+)\b.*: .* (\S+)$", hover(page, x, y))
            if match:
                found.append((x, y, int(match[1]), int(match[2]), number(match[3].replace("∞", "inf"))))
    return found


def panel(page: Page, k: int) -> list[float]:
    return [number(text) for text in page.locator(".att-terms").nth(k).locator(".att-value").all_text_contents()]


def go(page: Page, stage: str) -> None:
    page.evaluate("stage => dlvizModel.set('step', dlvizModel.get('scene').stages.indexOf(stage))", stage)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", list(MADE))
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".att-map")).to_be_visible()
    page.get_by_role("button", name="What if").click()
    axe(page)


@pytest.mark.parametrize("name", ["multihead", "cross"])
def test_the_weights_under_the_pointer_are_those_of_torch(open_page, pages, name):
    page = open_page(pages[name])
    weights = MADE[name]().calls[0].weights[0, 0]
    found = places(page)
    assert len(found) >= 6
    for _, _, i, j, value in found:
        assert value == pytest.approx(weights[i, j].item(), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_read_at_a_place_is_what_is_painted_there(open_page, pages, theme):
    page = open_page(pages["cross"], theme=theme)
    weights = cross().calls[0].weights[0, 0]
    paper, pos = (torch.tensor(colors(page, one), dtype=torch.float64) for one in ("paper", "pos"))
    off = []
    for x, y, i, j, _ in places(page):
        expected = paper + (pos - paper) * (weights[i, j] / weights.nan_to_num().max())
        painted = torch.tensor(pixel(page, ".att-map canvas", x, y), dtype=torch.float64)
        off.append(float((painted - expected).abs().max()) if i != 2 else 0.0)
    # Some of the places lie below a number or an outline.
    assert len(off) >= 6
    assert sum(one <= 3 for one in off) > 0.6 * len(off)


def test_the_scores_before_the_mask_are_those_of_torch_and_what_the_mask_takes_out_is_gray(open_page, pages):
    page = open_page(pages["multihead"], reduced_motion=True)
    call = multihead().calls[0]
    for stage, values in (("scores", call.products), ("scale", call.scores)):
        go(page, stage)
        for _, _, i, j, value in places(page):
            assert value == pytest.approx(values[0, 0, i, j].item(), rel=1e-3)
    go(page, "mask")
    found = places(page)
    taken = [one for one in found if one[3] > one[2]]
    assert {value for *_, value in taken} == {-float("inf")}
    gray = colors(page, "line")
    off = [
        max(abs(a - b) for a, b in zip(pixel(page, ".att-map canvas", x, y), gray, strict=True)) for x, y, *_ in taken
    ]
    # One of the places may lie below an outline.
    assert sum(one <= 3 for one in off) >= len(off) - 1


def test_the_numbers_of_the_selected_pair_balance_and_are_torchs(open_page, pages):
    page = open_page(pages["cross"])
    call = cross().calls[0]
    i, j = page.evaluate("[dlvizModel.get('query'), dlvizModel.get('key')]")
    terms = panel(page, 0)
    products = call.query[0, 0, i] * call.key[0, 0, j]
    largest = products[products.abs().argsort(descending=True)].tolist()
    assert terms[: len(largest)] == pytest.approx(largest, abs=6e-4)
    assert terms[-1] == pytest.approx(call.products[0, 0, i, j].item(), abs=6e-4)
    assert sum(terms[:-1]) == pytest.approx(terms[-1], abs=1e-9)
    assert panel(page, 1)[-1] == pytest.approx(call.weights[0, 0, i, j].item(), abs=6e-5)
    added = panel(page, 2)
    assert sum(added[:-1]) == pytest.approx(added[-1], abs=1e-9)
    own = call.weights[0, 0, i, j] * call.value[0, 0, j]
    d = int(own.abs().argmax())
    assert added[0] == pytest.approx(own[d].item(), abs=6e-4)
    assert added[-1] == pytest.approx(call.heads[0, 0, i, d].item(), abs=6e-4)


def test_a_query_without_a_key_is_said_and_has_no_weight_left(open_page, pages):
    page = open_page(pages["cross"])
    expect(page.locator(".att-verdicts")).to_contain_text("The row of query 2 is dead: it may attend to no key at all.")
    page.evaluate("dlvizModel.set('query', 2)")
    expect(page.locator(".att-terms").nth(1)).to_contain_text("no key is left")
    expect(page.locator(".att-terms").nth(2)).to_contain_text("this head[2, 0]")


def test_a_dead_row_of_nan_is_drawn_when_it_is_the_selected_one(open_page):
    attention = nn.MultiheadAttention(4, 1, batch_first=True)
    x = torch.rand(1, 3, 4)
    dead = torch.tensor([[False] * 3, [False] * 3, [True] * 3])
    view = dlviz.attention(attention, x, x, x, attn_mask=dead)
    assert view.output[0].isnan().any()
    page = open_page(view)
    expect(page.locator(".att-terms").nth(2)).to_contain_text("NaN")
    expect(page.get_by_role("button", name="What if")).to_be_visible()


def test_a_query_without_a_key_whose_weights_are_nan_is_drawn_to_its_end(open_page):
    mha, x = nn.MultiheadAttention(8, 2, batch_first=True), torch.randn(1, 3, 8)
    view = dlviz.attention(mha, x, x, x, key_padding_mask=torch.ones(1, 3, dtype=torch.bool))
    page = open_page(view.to_html())
    expect(page.locator(".dlviz-note").first).to_contain_text("returns NaN there")
    expect(page.locator(".att-terms").nth(2)).to_contain_text("NaN")
    expect(page.locator(".att-tiles canvas")).to_be_visible()
    expect(page.get_by_text("What if …?")).to_be_visible()


def test_the_largest_score_is_subtracted_with_one_sign(open_page):
    q = torch.tensor([[1.0, 0.0]])
    page = open_page(dlviz.attention(q, -q).to_html())
    expect(page.locator(".att-terms").nth(1)).to_contain_text("exp(score + 0.7071)")
    page = open_page(dlviz.attention(q, q).to_html())
    expect(page.locator(".att-terms").nth(1)).to_contain_text("exp(score − 0.7071)")


@pytest.mark.parametrize("width", [1000, 632])
def test_the_factors_of_a_far_key_are_read_in_full(open_page, width):
    torch.manual_seed(0)
    q = torch.randn(1, 2, 128, 16)
    page = open_page(dlviz.attention(q, is_causal=True, query=127).to_html(), width=width)
    cut = "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent)"
    assert page.eval_on_selector_all(".att-term span", cut) == []


def test_the_late_rows_of_a_long_causal_map_are_not_pale(open_page):
    page = open_page(dlviz.attention(torch.zeros(128, 4), is_causal=True).to_html())
    box = page.locator(".att-map canvas").bounding_box()
    paper, pos = (torch.tensor(colors(page, name), dtype=torch.float64) for name in ("paper", "pos"))
    shares = []
    for x in range(100, int(box["width"]) - 200, 7):
        color = torch.tensor(pixel(page, ".att-map canvas", x, 300), dtype=torch.float64)
        shares.append(float(((color - paper) @ (pos - paper)) / ((pos - paper) @ (pos - paper))))
    assert sorted(shares)[len(shares) // 2] > 0.12


def test_long_names_of_keys_leave_the_picture_on_one_screen(open_page):
    x = torch.randn(1, 12, 32)
    mha = nn.MultiheadAttention(32, 4, batch_first=True)
    tokens = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "while", "everybody", "sleeps"]
    mask = torch.ones(12, 12, dtype=torch.bool).triu(1)
    page = open_page(dlviz.attention(mha, x, x, x, attn_mask=mask, tokens=tokens).to_html())
    assert page.locator(".dlviz").bounding_box()["height"] <= 700


def test_what_remains_is_rounding_only_if_the_picture_is_torchs(open_page):
    q, k, v = torch.randn(3, 1, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    page = open_page(dlviz.attention(lambda q, k, v: (q @ k.mT).bfloat16().softmax(-1).float() @ v, q, k, v).to_html())
    expect(page.locator(".att-terms").nth(1)).to_contain_text("not explained by these numbers")
    page = open_page(dlviz.attention(lambda q, k, v: (q @ k.mT).softmax(-1) @ v, q, k, v).to_html())
    expect(page.locator(".att-terms").nth(1)).to_contain_text("weight")
    expect(page.locator(".att-terms").nth(1)).not_to_contain_text("not explained")


def test_a_mask_that_adds_a_bias_is_said_to_add(open_page):
    x = torch.rand(1, 1, 3, 4)
    page = open_page(dlviz.attention(x, x, x, mask=-torch.arange(9.0).view(3, 3)))
    go(page, "mask")
    expect(page.locator(".att-stage")).to_contain_text("The mask adds a number to each score")


def test_arrow_keys_move_the_pair_and_space_plays(open_page, pages):
    page = open_page(pages["multihead"])
    page.locator(".att-map").focus()
    assert page.evaluate("[dlvizModel.get('query'), dlvizModel.get('key')]")[0] == 5
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("dlvizModel.get('query')") == 3
    before = page.evaluate("dlvizModel.get('key')")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("dlvizModel.get('key')") == min(5, before + 1)
    page.locator(".dlviz").focus()
    page.keyboard.press("Home")
    assert page.evaluate("dlvizModel.get('step')") == 0
    expect(page.locator(".att-stage")).to_contain_text("a query q, a key k and a value v")
    page.keyboard.press("Space")
    until(page, "() => dlvizModel.get('step') >= 1")


def test_a_click_on_the_map_selects_the_pair_under_the_pointer(open_page, pages):
    page = open_page(pages["multihead"])
    x, y, i, j, _ = next(one for one in places(page) if one[3] <= one[2] and one[2] < 5)
    page.locator(".att-map").click(position={"x": x, "y": y})
    assert page.evaluate("[dlvizModel.get('query'), dlvizModel.get('key')]") == [i, j]
    expect(page.locator(".att-pair b").first).to_have_text(f"How query {i} and key {j} match")


def test_tiles_open_another_head_of_another_call_in_a_page(open_page, pages):
    page = open_page(pages["encoder"])
    page.locator(".att-tiles").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".att-about b")).to_have_text("layers.1.self_attn, head 1")
    weights = encoder().calls[1].weights[0, 1]
    for _, _, i, j, value in places(page):
        assert value == pytest.approx(weights[i, j].item(), rel=1e-3)
    page.locator(".att-tiles canvas").hover(position={"x": 40, "y": 35})
    expect(page.locator(".att-chooser .dlviz-readout")).to_contain_text("layers.0.self_attn, head 0")
    expect(page.locator(".att-chooser .dlviz-readout")).to_contain_text("of at most 2.2 nats")
    page.locator(".att-tiles").click(position={"x": 40, "y": 35})
    expect(page.locator(".att-about b")).to_have_text("layers.0.self_attn, head 0")


def test_an_edit_in_a_page_moves_the_output_and_leaves_the_old_one_dashed(open_page, pages):
    page = open_page(pages["multihead"])
    page.get_by_role("button", name="What if").click()
    expect(page.locator(".att-before")).to_have_count(0)
    page.get_by_label("scale the scores").uncheck()
    edited = multihead(edits=[[0, "scale", 0]])
    expect(page.locator(".att-before")).to_have_count(1)
    expect(page.locator(".dlviz-badge")).to_have_text("edited copy")
    assert page.locator(".att-before").get_attribute("d") != page.locator(".att-now").get_attribute("d")
    for _, _, i, j, value in places(page):
        if j <= i:
            assert value == pytest.approx(edited.calls[0].weights[0, 0, i, j].item(), rel=1e-3)
    page.get_by_role("button", name="Reset").press("Enter")
    expect(page.locator(".att-before")).to_have_count(0)
    expect(page.get_by_role("button", name="Reset")).to_be_focused()


def test_snapshots_are_scrubbed_in_a_page(open_page, pages):
    page = open_page(pages["trained"])
    view = trained()
    slider = page.get_by_label("snapshot", exact=True)
    expect(page.locator(".att-side output").last).to_have_text("<i>mid</i>")
    slider.fill("1")
    expect(page.locator(".att-side output").last).to_have_text("1")
    slider.fill("0")
    view.snapshot = 0
    expect(page.locator(".att-side output").last).to_have_text("0")
    for _, _, i, j, value in places(page):
        assert value == pytest.approx(view.calls[0].weights[0, 0, i, j].item(), rel=1e-3)
    expect(page.locator(".dlviz-note").first).to_contain_text("dropout 0.2")


def test_a_live_picture_asks_the_kernel_for_a_head_a_painted_pair_and_a_text(live):
    view = encoder()
    page, _ = live(view)
    page.locator(".att-tiles").focus()
    page.keyboard.press("ArrowRight")
    until_holds(page, lambda: view.head == 1)
    page.get_by_role("button", name="What if").click()
    page.get_by_label("paint the mask").check()
    x, y, i, j, _ = next(one for one in places(page) if one[2] != one[3])
    page.locator(".att-map").click(position={"x": x, "y": y})
    until_holds(page, lambda: view.edits == [[0, "pair", i, j]])
    assert view.calls[0].weights[0, 1, i, j] == 0
    until(page, "() => dlvizModel.get('scene').changed")
    page.get_by_label("replace the text").fill("abc")
    until_holds(page, lambda: view.text == "abc" or view.refusal)
    page.get_by_role("button", name="Reset").click()
    until_holds(page, lambda: view.edits == [] and view.text == "attention")


def test_hovering_asks_the_kernel_for_nothing(live):
    view = multihead()
    page, asked = live(view)
    count = len(asked)
    assert len(places(page)) > 6
    assert len(asked) == count


def test_a_large_map_says_that_it_is_binned_and_shows_the_selected_row_in_full(open_page, pages):
    page = open_page(pages["large"])
    view = large()
    expect(page.locator(".dlviz-note").first).to_contain_text("300 × 300 weights are drawn as")
    weight = view.calls[0].weights[0, 0, 200, view.key].item()
    assert panel(page, 1)[-1] == pytest.approx(weight, abs=1e-4)


def test_nothing_moves_under_reduced_motion(open_page, pages):
    page = open_page(pages["multihead"], reduced_motion=True)
    go(page, "project")
    page.wait_for_timeout(400)
    go(page, "scores")
    assert page.locator(".att-flight").count() == 0
    page = open_page(pages["multihead"])
    go(page, "project")
    page.wait_for_timeout(400)
    go(page, "scores")
    assert page.locator(".att-flight").count() == 2
    until(page, "() => !document.querySelector('.att-flight')")


@pytest.mark.parametrize("width", [1000, 632])
def test_nothing_is_cut_off(open_page, pages, width):
    page = open_page(pages["encoder"], width=width)
    overflow = """() => [...document.querySelectorAll(".att-map canvas, .att-tiles canvas, .att-value, .att-about")].filter((node) => {
      const card = document.querySelector(".dlviz").getBoundingClientRect();
      const box = node.getBoundingClientRect();
      return box.right > card.right + 1 || box.left < card.left - 1;
    }).length"""
    assert page.evaluate(overflow) == 0
    if width == 1000:
        assert page.locator(".dlviz").bounding_box()["height"] <= 700


def by_hand(**settings):
    q, k = torch.tensor([[1.0, 1.0], [-1.0, 2.0]]), torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return dlviz.attention(q, k, torch.tensor([[10.0, 0.0], [0.0, 10.0], [0.0, 20.0]]), scale=1.0, **settings)


def dead(**settings):
    """The last of four queries may attend to no key: its weights are NaN."""
    torch.manual_seed(0)
    mha, x = nn.MultiheadAttention(8, 1, batch_first=True), torch.randn(1, 4, 8)
    return dlviz.attention(mha, x, x, x, attn_mask=torch.ones(4, 4, dtype=torch.bool).tril(), **settings)


#: What is written on the picture from now on: text, its color, and the color of the canvas below it.
WRITTEN = """() => {
  window.written = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const at = this.getTransform().transformPoint({ x, y });
    window.written.push([text, this.fillStyle, [...this.getImageData(at.x, at.y, 1, 1).data.slice(0, 3)]]);
    write.call(this, text, x, y);
  };
  dlvizModel.set("scene", { ...dlvizModel.get("scene") });
}"""


def written(page: Page) -> list[tuple[str, str, list[int]]]:
    page.evaluate(WRITTEN)
    until(page, "() => window.written.length > 3")
    return page.evaluate("window.written")


def luminance(rgb: list[int]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (one / 255 for one in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("make", [cross, by_hand, dead])
def test_every_number_on_a_color_can_be_read(open_page, make, theme):
    page = open_page(make(), theme=theme)
    numbers = [
        one for one in written(page) if re.fullmatch(r"−?[\d.]+|NaN", one[0]) and one[1] in ("#000000", "#ffffff")
    ]
    assert len(numbers) >= 10
    for text, color, below in numbers:
        dark, light = sorted([luminance(below), 0.0 if color == "#000000" else 1.0])
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, color, below)


def test_small_matrices_print_their_numbers_and_an_only_head_has_no_tiles(open_page, pages):
    view = by_hand()
    page = open_page(view.to_html())
    texts = [text for text, *_ in written(page)]
    assert {"10", "20", "19.2", "−1"} <= set(texts)
    expect(page.locator(".att-chooser")).to_be_hidden()
    page = open_page(pages["multihead"])
    expect(page.locator(".att-chooser")).to_be_visible()


def test_the_ledger_holds_nothing_that_a_later_stage_computes(open_page):
    page = open_page(by_hand().to_html())
    shown = []
    for step in range(5):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        shown.append(
            page.evaluate("""() => [...document.querySelectorAll(".att-value")]
          .filter((node) => getComputedStyle(node).visibility === "visible").length""")
        )
    assert shown[0] == 0
    assert 0 < shown[1] < shown[2] < shown[3] < shown[4]


def test_a_number_of_the_output_has_the_same_name_at_the_pointer_and_below(open_page):
    page = open_page(by_hand().to_html())
    box = page.locator(".att-map canvas").bounding_box()
    found = {}
    for x in range(100, int(box["width"]) // 2, 9):
        match = re.match(r"this head\[1, 0\]", hover(page, x, box["height"] - 30))
        found |= {match[0]: x} if match else {}
    expect(page.locator(".att-pair b").nth(2)).to_have_text("Key 2 in this head[1, 1]")
    page.locator(".att-map").click(position={"x": found["this head[1, 0]"], "y": box["height"] - 30})
    expect(page.locator(".att-pair b").nth(2)).to_have_text("Key 2 in this head[1, 0]")


def test_one_change_is_told_once(open_page):
    x = torch.randn(4, 4)
    page = open_page(dlviz.attention(x, x, x, edits=[[0, "scale", 0]]))
    assert re.fullmatch(r"Largest change of what the call returns: [\d.]+\.", page.locator(".att-moved").text_content())


def test_a_switch_is_seen_together_with_the_map_and_the_output(open_page, pages):
    page = open_page(pages["multihead"], width=1000, height=645)
    page.get_by_role("button", name="What if").click()
    tops = [page.locator(one).bounding_box() for one in (".att-stage", ".att-edits", ".att-about", ".att-moved")]
    assert max(box["y"] + box["height"] for box in tops) - min(box["y"] for box in tops) <= 645
    assert page.locator(".dlviz").bounding_box()["height"] <= 700


@pytest.mark.parametrize("width", [1000, 632])
def test_a_painted_pair_is_selected_and_a_row_that_dies_moves_nothing(live, width):
    torch.manual_seed(0)
    x = torch.randn(3, 4)
    view = dlviz.attention(x, x, x)
    page, _ = live(view, width=width)
    page.get_by_role("button", name="What if").click()
    page.get_by_label("paint the mask").check()
    places_by_pair = {}
    for across in range(20, 320, 20):
        for down in (130, 150, 170):
            match = re.match(r"0 → (\d): weight", hover(page, across, down))
            places_by_pair |= {int(match[1]): (across, down)} if match else {}
    assert set(places_by_pair) == {0, 1, 2}
    before = page.locator(".att-map").bounding_box()
    for count, (key, (across, down)) in enumerate(sorted(places_by_pair.items()), 1):
        page.locator(".att-map").click(position={"x": across, "y": down})
        until_holds(page, lambda count=count: len(view.edits) == count)
        assert (view.query, view.key) == (0, key)
        expect(page.locator(".att-picture .dlviz-readout")).to_have_text(f"0 → {key}: weight 0")
        expect(page.locator(".att-effect")).to_contain_text("output of query 0")
    expect(page.locator(".att-verdicts")).to_contain_text("The row of query 0 is dead")
    assert page.locator(".att-map").bounding_box() == before


def test_keys_move_a_dashed_cursor_and_enter_paints_it(live):
    x = torch.eye(4)
    view = dlviz.attention(x, x, x, query=1)
    page, _ = live(view)
    page.get_by_role("button", name="What if").click()
    dashes = "() => { window.dashed = 0; const set = CanvasRenderingContext2D.prototype.setLineDash; "
    dashes += "CanvasRenderingContext2D.prototype.setLineDash = function (dash) { window.dashed += dash.length; set.call(this, dash); }; }"
    page.evaluate(dashes)
    page.locator(".att-map").focus()
    page.keyboard.press("ArrowDown")
    until_holds(page, lambda: view.query == 2)
    assert page.evaluate("window.dashed") == 0
    page.get_by_label("paint the mask").check()
    page.locator(".att-map").focus()
    page.keyboard.press("ArrowDown")
    until_holds(page, lambda: view.query == 3)
    until(page, "() => window.dashed > 0")
    assert view.edits == []
    page.keyboard.press("Enter")
    until_holds(page, lambda: view.edits == [[0, "pair", 3, view.key]])


def test_long_names_are_not_cut_where_there_is_room(open_page):
    torch.manual_seed(0)
    mha, x = nn.MultiheadAttention(32, 4, batch_first=True), torch.randn(1, 4, 32)
    page = open_page(dlviz.attention(mha, x, x, x, tokens=["yesterday", "Paris", "visited", "Jordan"]))
    assert [text for text, *_ in written(page)].count("yesterday") >= 2
