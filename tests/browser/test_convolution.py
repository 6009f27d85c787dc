"""Exported pages of the convolution room, operated by mouse and keyboard, compared with torch."""

import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.nn import functional as F

import dlviz
from tests.browser.conftest import until

X = (
    torch.tensor([[1, 0, 2, 1, 0], [0, 1, 3, 1, 2], [2, 1, 0, 2, 1], [1, 3, 1, 0, 0], [0, 1, 2, 1, 1]])
    .float()
    .view(1, 1, 5, 5)
)
K = torch.tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]]).float().view(1, 1, 3, 3)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    torch.manual_seed(0)
    two = torch.randint(-3, 4, (1, 2, 5, 5)).float(), torch.randint(-2, 3, (3, 2, 3, 3)).float()
    views = {
        "conv": dlviz.conv2d(X, K, padding=1),
        "channels": dlviz.conv2d(*two, torch.tensor([1.0, 2.0, 3.0])),
        "series": dlviz.conv1d(torch.arange(8.0).view(1, 1, 8), torch.tensor([[[-1.0, 0, 1]]]), padding=1),
        "transposed": dlviz.conv_transpose2d(X[..., :3, :3], K, stride=2),
        "series transposed": dlviz.conv_transpose1d(
            torch.arange(1.0, 5).view(1, 1, 4), torch.tensor([[[1.0, -2, 3]]]), stride=2
        ),
        "series max": dlviz.max_pool1d(torch.tensor([[[3.0, 1, 2, 5, 5, 4]]]), 3, 1, 1),
        "series average": dlviz.avg_pool1d(torch.tensor([[[3.0, 1, 2, 5, 5, 4]]]), 2),
        "max": dlviz.max_pool2d(X, 2, step=0),
        "average": dlviz.avg_pool2d(X, 3, 2, 1),
        "large": dlviz.conv2d(torch.randn(1, 3, 32, 32), torch.randn(4, 3, 5, 5)),
    }
    return {name: view.to_html() for name, view in views.items()}


def sheet(page: Page, number: int):
    """Return one of the visible grids, from left to right: input, kernel, products, output."""
    return page.locator(".conv-row .tensor-grid:visible").nth(number)


def numbers(grid) -> list[float]:
    return [float(text.replace("−", "-")) for text in grid.locator(".tensor-cell").all_text_contents()]


def marked(grid, kind: str) -> list[int]:
    return [int(cell.get_attribute("data-p")) for cell in grid.locator(f'.tensor-cell[data-mark="{kind}"]').all()]


def line(page: Page) -> str:
    return page.locator(".tensor-formula").inner_text().replace("−", "-").replace("·", "*").replace("\xa0", " ")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["conv", "channels", "series", "transposed", "max", "average", "large", "series max"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    page.evaluate("dlvizModel.set('step', 3)")
    expect(page.locator(".tensor-formula")).to_contain_text("y[0, 0")
    axe(page)


def test_every_number_and_printed_equation_equals_torch(open_page, pages):
    page = open_page(pages["conv"])
    out = F.conv2d(X, K, padding=1)
    assert numbers(sheet(page, 0)) == F.pad(X, (1, 1, 1, 1)).reshape(-1).tolist()
    assert numbers(sheet(page, 1)) == K.reshape(-1).tolist()
    for step in range(1, 26):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        y, x = divmod(step - 1, 5)
        name, terms, result = (part.strip() for part in line(page).split(" = "))
        assert name == f"y[0, 0, {y}, {x}]"
        assert eval(terms) == float(result) == out[0, 0, y, x].item()
        patch = [7 * (y + i) + x + j for i in range(3) for j in range(3)]
        assert marked(sheet(page, 0), "lit") == patch
        assert (
            numbers(sheet(page, 2))
            == (F.pad(X, (1, 1, 1, 1))[0, 0, y : y + 3, x : x + 3] * K[0, 0]).reshape(-1).tolist()
        )
    assert numbers(sheet(page, 3)) == out.reshape(-1).tolist()


def test_an_input_marks_every_output_that_reads_it_and_a_weight_every_pair(open_page, pages):
    page = open_page(pages["conv"])
    leaf = X.clone().requires_grad_()
    out = F.conv2d(leaf, torch.rand_like(K) + 1, padding=1)
    for y, x in ((0, 0), (2, 3), (4, 4)):
        sheet(page, 0).locator(f'.tensor-cell[data-p="{7 * (y + 1) + x + 1}"]').click()
        fed = [
            i for i in range(25) if torch.autograd.grad(out.reshape(-1)[i], leaf, retain_graph=True)[0][0, 0, y, x] != 0
        ]
        assert marked(sheet(page, 2), "lit") == fed
        expect(page.locator(".tensor-formula")).to_contain_text(f"x[0, 0, {y}, {x}]")
        expect(page.locator(".tensor-formula")).to_contain_text(f"feeds {len(fed)} outputs")
    sheet(page, 1).locator('.tensor-cell[data-p="0"]').click()
    assert marked(sheet(page, 0), "lit") == [7 * y + x for y in range(5) for x in range(5)]
    assert marked(sheet(page, 2), "lit") == list(range(25))
    page.keyboard.press("Escape")
    expect(page.locator(".tensor-formula")).to_contain_text("Click a number")


def test_arrows_and_the_player_move_the_window(open_page, pages):
    page = open_page(pages["conv"])
    sheet(page, 2).locator('.tensor-cell[data-p="6"]').click()
    assert page.evaluate("dlvizModel.get('step')") == 7
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("dlvizModel.get('step')") == 13
    page.get_by_role("button", name="one step on").click()
    assert page.evaluate("dlvizModel.get('step')") == 14
    page.evaluate("dlvizModel.set('speed', 4)")
    page.keyboard.press("End")
    expect(page.locator(".dlviz-count")).to_have_text("cell 25 / 25")


def turn(page: Page, name: str) -> None:
    """Show the next channel of a pager."""
    page.get_by_role("button", name=f"{name}: next").click()


def test_channels_sum_to_the_output_and_pagers_select_them(open_page, pages):
    page = open_page(pages["channels"])
    turn(page, "output channel")
    turn(page, "output channel")
    expect(page.get_by_role("group", name="output channel")).to_contain_text("3 of 3")
    expect(page.get_by_role("button", name="output channel: next")).to_have_attribute("aria-disabled", "true")
    page.evaluate("dlvizModel.set('step', 5)")
    assert line(page).startswith("y[0, 2, 1, 1] = ")
    assert "+ bias 3 = " in line(page)
    torch.manual_seed(0)
    x, weight = torch.randint(-3, 4, (1, 2, 5, 5)).float(), torch.randint(-2, 3, (3, 2, 3, 3)).float()
    for channel in range(2):
        assert numbers(sheet(page, 0)) == x[0, channel].reshape(-1).tolist()
        assert numbers(sheet(page, 1)) == weight[2, channel].reshape(-1).tolist()
        assert numbers(sheet(page, 2)) == (x[0, channel, 1:4, 1:4] * weight[2, channel]).reshape(-1).tolist()
        assert len(marked(sheet(page, 0), "lit")) == 9
        if channel == 0:
            turn(page, "input channel")


def test_channel_sums_are_below_the_formula(open_page, pages):
    page = open_page(pages["channels"])
    page.evaluate("dlvizModel.set('channel', 2)")
    for step in range(1, 10):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        sums = page.locator(".conv-channel-sums").inner_text().replace("−", "-")
        first, second, bias, result = map(
            float, re.fullmatch(r"channel 0: (\S+), channel 1: (\S+), bias (\S+) → (\S+)", sums).groups()
        )
        assert first + second + bias == result
        assert result == numbers(sheet(page, 3))[step - 1]
    page.keyboard.press("Escape")
    page.evaluate("dlvizModel.set('step', 0)")
    expect(page.locator(".conv-channel-sums")).to_be_hidden()


def test_rounded_or_incomplete_sums_have_a_note(open_page):
    torch.manual_seed(1)
    page = open_page(dlviz.conv2d(torch.rand(1, 20, 4, 4), torch.randn(2, 20, 3, 3)))
    page.evaluate("dlvizModel.set('step', 1)")
    text = page.locator(".conv-channel-sums").inner_text().replace("−", "-")
    parts, result = text.split(" → ")
    found = [float(part) for part in re.findall(r": (\S+?)(?:,|$)", parts)]
    assert len(found) == 17
    assert "channels that are not drawn: " in parts
    assert sum(found) == pytest.approx(float(result), abs=2e-4)
    page = open_page(dlviz.conv2d(torch.rand(1, 2, 4, 4), torch.randn(2, 2, 3, 3)))
    page.evaluate("dlvizModel.set('step', 1)")
    parts, result, off = re.fullmatch(
        r"(.*) → (\S+)(?: \(printed digits are rounded: off by (\S+)\))?",
        page.locator(".conv-channel-sums").inner_text().replace("−", "-"),
    ).groups()
    printed = sum(float(part) for part in re.findall(r": (\S+?)(?:,|$)", parts))
    assert printed + float(off or 0) == pytest.approx(float(result), abs=1e-6)


WATCH = """() => {
  window.counted = [];
  const tally = document.querySelector(".conv-running-sum b");
  new MutationObserver(() => window.counted.push(tally.textContent)).observe(tally, { childList: true, characterData: true });
  window.flashed = [];
  const flash = (records) => {
    for (const { target } of records) if (target.hasAttribute("data-flash")) window.flashed.push(Number(target.dataset.p));
  };
  new MutationObserver(flash).observe(document, { attributeFilter: ["data-flash"], subtree: true });
}"""


def test_products_move_to_the_running_sum_and_the_sum_to_the_output(open_page, pages):
    page = open_page(pages["channels"])
    cell = sheet(page, 2).locator('.tensor-cell[data-p="4"]')
    page.evaluate(WATCH)
    cell.click()
    expect(page.locator(".conv-moving-product")).not_to_have_count(0)
    expect(page.locator(".conv-moving-product")).to_have_count(0)
    products = numbers(sheet(page, 2))
    sums = [sum(products[: k + 1]) for k in range(9)]
    counted = [float(text.replace("−", "-")) for text in page.evaluate("counted")]
    # Before the animation the complete sum is shown only until it is cleared; the last product brings the other channel and the bias.
    assert counted[counted.index(0.0) + 1 :] == [*sums[:-1], numbers(sheet(page, 3))[4]]
    assert page.evaluate("flashed") == [4]


def test_another_step_stops_the_animation_and_fast_steps_have_none(open_page, pages):
    page = open_page(pages["conv"])
    page.get_by_role("button", name="one step on").click()
    expect(page.locator(".conv-moving-product")).not_to_have_count(0)
    flying = "document.querySelectorAll('.conv-moving-product').length"
    assert page.evaluate(f"dlvizModel.set('step', 7); dlvizModel.set('step', 8); {flying}") == 0
    expect(page.locator(".conv-running-sum b")).to_have_text("−2")
    # Steps further apart than 300 ms would be animated, so that only the speed prevents it.
    until(page, "since => performance.now() > since + 300", page.evaluate("performance.now()"))
    page.evaluate(WATCH)
    page.evaluate("dlvizModel.set('step', 22); dlvizModel.set('speed', 2); dlvizModel.set('playing', true)")
    expect(page.locator(".dlviz-count")).to_have_text("cell 25 / 25")
    expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()
    assert page.evaluate("flashed") == []


def test_playing_at_speed_one_finishes_before_the_next_step(open_page, pages):
    page = open_page(pages["conv"])
    page.evaluate("dlvizModel.set('step', 22)")
    page.evaluate(WATCH)
    page.evaluate("dlvizModel.set('playing', true)")
    expect(page.locator(".dlviz-count")).to_have_text("cell 25 / 25")
    expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()
    until(page, "flashed.includes(24)")
    assert page.evaluate("flashed") == [22, 23, 24]


def test_with_reduced_motion_only_the_sum_is_shown(open_page, pages):
    page = open_page(pages["conv"], reduced_motion=True)
    page.get_by_role("button", name="one step on").click()
    assert page.locator(".conv-moving-product").count() == 0
    expect(page.locator(".conv-running-sum b")).to_have_text("−1")


def test_maximum_and_average_have_formulas(open_page, pages):
    page = open_page(pages["max"])
    page.evaluate("dlvizModel.set('step', 2)")
    assert line(page) == "y[0, 0, 0, 1] = max(2, 1, 3, 1) = 3"
    page.get_by_role("switch", name="flat indices").check()
    assert line(page).endswith("= 3 at flat index 7")
    assert marked(sheet(page, 0), "now") == [7]  # the 3, which alone has a gradient
    assert page.locator(".tensor-cell[data-unused]").count() == 9  # no window reaches the last row and column
    page = open_page(pages["average"])
    page.evaluate("dlvizModel.set('step', 1)")
    rounded = "(printed digits are rounded: off by -0.0022)"
    assert line(page) == f"y[0, 0, 0, 0] = (0 + 0 + 0 + 0 + 1 + 0 + 0 + 0 + 1) / 9 = 0.22 {rounded}"


TIES = torch.tensor(
    [
        [
            [[2.0, 2, 0, 1], [2, 0, 1, 1], [0, 3, 0, 0], [3, 3, 0, 0]],
            [[1.0, 0, 5, 5], [4, 4, 4, 4], [1, 2, 3, 4], [0, 0, 0, 0]],
        ]
    ]
)


def input_gradients(page: Page) -> dict[int, float]:
    """Return the gradients in the input by the position of their cell."""
    cells = sheet(page, 0).locator(".tensor-cell[data-gradient]").all()
    return {int(cell.get_attribute("data-p")): float(cell.get_attribute("data-gradient")) for cell in cells}


@pytest.mark.parametrize(
    ("ours", "torchs"), [(dlviz.max_pool2d, F.max_pool2d), (dlviz.avg_pool2d, F.avg_pool2d)], ids=["max", "average"]
)
def test_the_gradient_of_a_pooling_equals_autograd(open_page, axe, ours, torchs):
    page = open_page(ours(TIES, 2, 2, 1, step=0), bypass_csp=True)
    page.get_by_role("switch", name="gradient").check()
    leaf = TIES.clone().requires_grad_()
    out = torchs(leaf, 2, 2, 1)

    def wanted(slope, channel):
        """The gradients of the drawn channel; a cell's position counts those of the channels before it."""
        around = F.pad(slope, (1, 1, 1, 1))[0]
        cells = enumerate(around[channel].reshape(-1).tolist(), channel * around[channel].numel())
        return {p: float(f"{value:.2g}") for p, value in cells if value}

    for channel in (0, 1):
        page.evaluate("channel => dlvizModel.set('channel', channel)", channel)
        assert input_gradients(page) == wanted(torch.autograd.grad(out.sum(), leaf, retain_graph=True)[0], channel)
    for channel, step in ((0, 1), (0, 2), (0, 5), (0, 9), (1, 2), (1, 5), (1, 6)):
        page.evaluate("([c, s]) => { dlvizModel.set('channel', c); dlvizModel.set('step', s); }", [channel, step])
        slope = torch.autograd.grad(out[0, channel].reshape(-1)[step - 1], leaf, retain_graph=True)[0]
        assert input_gradients(page) == wanted(slope, channel)
        places = [tuple(index) for index in slope.nonzero().tolist()]
        value = f"{slope.max().item():g}"
        if len(places) == 1:
            assert line(page).endswith(f"* gradient {value} to x{list(places[0])}")
        else:
            assert line(page).endswith(f"* gradient {value} to each of {len(places)} inputs")
    axe(page)
    sheet(page, 0).locator('.tensor-cell[data-p="44"]').click()
    assert input_gradients(page) == {}


def test_sequences_are_pooled_and_convolved(open_page, pages):
    page = open_page(pages["series max"])
    page.evaluate("dlvizModel.set('step', 4)")
    assert line(page) == "y[0, 0, 3] = max(2, 5, 5) = 5"
    page = open_page(pages["series average"])
    page.evaluate("dlvizModel.set('step', 2)")
    assert line(page) == "y[0, 0, 1] = (2 + 5) / 2 = 3.5"
    page = open_page(pages["series transposed"])
    out = F.conv_transpose1d(torch.arange(1.0, 5).view(1, 1, 4), torch.tensor([[[1.0, -2, 3]]]), stride=2)[0, 0]
    for step in range(1, 10):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        _, terms, result = line(page).split(" = ")
        assert eval(terms) == float(result) == out[step - 1].item()


def test_a_transposed_convolution_lists_its_terms(open_page, pages):
    page = open_page(pages["transposed"])
    out = F.conv_transpose2d(X[..., :3, :3], K, stride=2)[0, 0]
    for step in range(1, 50):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        _, terms, result = line(page).split(" = ")
        assert eval(terms) == float(result) == out[divmod(step - 1, 7)].item()


def test_a_large_plane_is_drawn_in_color_and_moves(open_page, pages):
    page = open_page(pages["large"])
    assert page.locator("[data-dense]").count() == 2
    page.evaluate("dlvizModel.set('step', 100)")
    assert len(marked(sheet(page, 0), "lit")) == 25
    frames = page.evaluate(
        """async () => {
          const start = performance.now();
          for (let step = 1; step <= 60; step += 1) {
            dlvizModel.set("step", step);
            await new Promise(requestAnimationFrame);
          }
          return (performance.now() - start) / 60;
        }"""
    )
    assert frames < 500  # only that it moves; the benchmark measures how fast
    turn(page, "input channel")
    turn(page, "input channel")
    expect(sheet(page, 1).locator(".tensor-caption")).to_have_text("[0, 2, :, :]")
    expect(sheet(page, 0).locator(".tensor-caption")).to_have_text("[2, :, :]")


def test_nothing_sticks_out_of_a_narrow_card(open_page, pages):
    page = open_page(pages["channels"], width=420)
    page.evaluate("dlvizModel.set('step', 2)")
    assert page.evaluate(
        "(() => { const d = document.querySelector('.dlviz'); return d.scrollWidth <= d.clientWidth; })()"
    )


def unlink(page: Page, name: str) -> None:
    """Let the two numbers of an argument differ."""
    page.get_by_role("button", name=f"{name}: the same in both directions").click()


def set_slider(page: Page, name: str, value: int) -> None:
    page.get_by_role("slider", name=name, exact=True).fill(str(value))


def test_sliders_of_an_exported_page_show_torchs_numbers(open_page, pages):
    page = open_page(pages["conv"])
    unlink(page, "stride")
    set_slider(page, "stride ↓", 2)
    assert numbers(sheet(page, 2)) == F.conv2d(X, K, padding=1, stride=(2, 1)).reshape(-1).tolist()
    set_slider(page, "stride →", 3)
    assert numbers(sheet(page, 2)) == F.conv2d(X, K, padding=1, stride=(2, 3)).reshape(-1).tolist()
    expect(page.locator(".dlviz-signature")).to_contain_text("stride (2, 3)")
    restored = page.get_by_role("note").filter(has_text="Back to where it was saved")
    expect(restored).to_have_count(0)

    # One setting at a time: changing another one restores the first, with a note.
    page.get_by_role("combobox", name="padding mode").select_option("circular")
    circular = F.conv2d(F.pad(X, (1, 1, 1, 1), mode="circular"), K)
    assert numbers(sheet(page, 2)) == circular.reshape(-1).tolist()
    expect(restored).to_contain_text(": stride.")
    assert page.get_by_role("slider", name="stride →").input_value() == "1"

    page.get_by_role("combobox", name="padding given as", exact=True).select_option("valid")
    assert numbers(sheet(page, 2)) == F.conv2d(X, K).reshape(-1).tolist()
    set_slider(page, "padding ↓", 1)  # linked: both change
    assert page.get_by_role("slider", name="padding →").input_value() == "1"
    assert numbers(sheet(page, 2)) == F.conv2d(X, K, padding=1).reshape(-1).tolist()


def test_an_exported_page_shows_torchs_error_and_keeps_the_picture(open_page, pages):
    page = open_page(pages["conv"])
    with pytest.raises(RuntimeError) as refused:
        F.conv2d(X, K, padding=1, dilation=(4, 1))
    before = numbers(sheet(page, 2))
    unlink(page, "dilation")
    set_slider(page, "dilation ↓", 4)
    note = page.locator('.dlviz-note[data-kind="bad"]')
    expect(note).to_contain_text(str(refused.value).partition("\n")[0])
    assert numbers(sheet(page, 2)) == before
    assert page.get_by_role("slider", name="dilation ↓").input_value() == "4"
    set_slider(page, "dilation ↓", 1)
    expect(note).to_have_count(0)


def test_a_slider_that_is_dragged_stays_under_the_pointer(open_page, pages):
    page = open_page(pages["conv"])
    unlink(page, "padding")
    slider = page.get_by_role("slider", name="padding ↓")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.27, box["y"] + 8)
    page.mouse.down()
    for share in (0.5, 0.75, 1.0):
        page.mouse.move(box["x"] + box["width"] * share - 2, box["y"] + 8)
    page.mouse.up()
    assert slider.input_value() == "4"
    assert page.locator(".dlviz-signature").inner_text().endswith("→ (1, 1, 11, 5)")
    expect(slider).to_be_focused()


def test_exported_pages_include_switches_and_samples(open_page):
    page = open_page(dlviz.max_pool2d(torch.cat([X, X + 1]), 2, step=0))
    page.get_by_role("switch", name="ceil mode").check()
    assert numbers(sheet(page, 1)) == F.max_pool2d(X, 2, ceil_mode=True).reshape(-1).tolist()
    set_slider(page, "sample", 1)
    assert numbers(sheet(page, 1)) == F.max_pool2d(X + 1, 2).reshape(-1).tolist()
    page = open_page(dlviz.conv_transpose2d(X[..., :3, :3], K, stride=2))
    page.get_by_role("switch", name="as a convolution").check()
    assert numbers(sheet(page, 2)) == F.conv_transpose2d(X[..., :3, :3], K, stride=2).reshape(-1).tolist()
    assert numbers(sheet(page, 1)) == K.flip(2, 3).reshape(-1).tolist()


def test_outputs_are_empty_until_they_are_computed(open_page, pages):
    page = open_page(pages["conv"])
    empty = page.locator(".tensor-cell[data-future]")
    expect(empty).to_have_count(0)  # before the first step the whole output is shown
    page.evaluate("dlvizModel.set('step', 7)")
    expect(empty).to_have_count(25 - 7)
    assert empty.first.evaluate("node => getComputedStyle(node).color") == "rgba(0, 0, 0, 0)"
    # The number flows from the running sum into its cell, which is empty until then.
    until(page, "since => performance.now() > since + 300", page.evaluate("performance.now()"))
    page.get_by_role("button", name="one step on").click()
    seventh = sheet(page, 3).locator('.tensor-cell[data-p="7"]')
    assert seventh.get_attribute("data-future") is not None
    expect(page.locator(".conv-moving-product")).to_have_count(0)
    expect(seventh).not_to_have_attribute("data-future", "")


def test_one_outline_lies_around_the_whole_window(open_page, pages):
    page = open_page(pages["conv"], reduced_motion=True)
    outline = sheet(page, 0).locator(".tensor-outline")
    for step in (1, 9, 25):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        expect(outline).to_have_count(1)
        cells = [cell.bounding_box() for cell in sheet(page, 0).locator('[data-mark="lit"]').all()]
        box = outline.bounding_box()
        assert len(cells) == 9
        assert box["x"] == pytest.approx(min(cell["x"] for cell in cells), abs=4)
        assert box["y"] == pytest.approx(min(cell["y"] for cell in cells), abs=4)
        assert box["x"] + box["width"] == pytest.approx(max(cell["x"] + cell["width"] for cell in cells), abs=4)
        assert box["y"] + box["height"] == pytest.approx(max(cell["y"] + cell["height"] for cell in cells), abs=4)


def test_an_input_of_a_transposed_convolution_stamps_the_kernel_into_the_output(open_page, pages):
    page = open_page(pages["transposed"], reduced_motion=True)
    sheet(page, 0).locator('.tensor-cell[data-p="2"]').click()
    assert numbers(sheet(page, 2)) == (2 * K).reshape(-1).tolist()
    stamp = sheet(page, 3).locator(".tensor-outline")
    expect(stamp).to_have_count(1)
    corner, box = sheet(page, 3).locator('.tensor-cell[data-p="4"]').bounding_box(), stamp.bounding_box()
    assert (box["x"], box["y"]) == (pytest.approx(corner["x"], abs=4), pytest.approx(corner["y"], abs=4))
    page.get_by_role("button", name="one step on").click()  # the player leaves the selection
    assert page.evaluate("dlvizModel.get('selection')") == []
    expect(page.locator(".tensor-formula")).to_contain_text("y[0, 0, 0, 0] = ")


@pytest.mark.parametrize("width", [1000, 640])
def test_the_output_is_beside_the_input_and_no_sign_ends_a_line(open_page, pages, width):
    page = open_page(pages["conv"], width=width)
    x, y = sheet(page, 0).bounding_box(), sheet(page, 2).bounding_box()
    assert y["x"] > x["x"] + x["width"]
    assert y["y"] == pytest.approx(x["y"], abs=1)
    for sign in page.locator(".tensor-sign:visible").all():
        box = sign.bounding_box()
        assert any(
            grid.bounding_box()["x"] >= box["x"] + box["width"]
            for grid in page.locator(".conv-row .tensor-grid:visible").all()
        )


def test_a_number_reads_the_same_in_input_window_output_and_formula(open_page):
    torch.manual_seed(0)
    page = open_page(dlviz.max_pool2d(torch.rand(1, 1, 8, 8), 2, step=6))
    written = set(sheet(page, 0).locator('[data-mark="lit"], [data-mark="now"]').all_text_contents())
    assert set(sheet(page, 1).locator(".tensor-cell").all_text_contents()) == written
    result = sheet(page, 2).locator('[data-mark="now"]').inner_text()
    assert result in written
    assert page.locator(".conv-running-sum b").inner_text() == result
    assert set(re.findall(r"[\d.]+", page.locator(".tensor-formula").inner_text().split("max")[1])) == written


def test_the_size_formula_is_folded_and_notes_do_not_move_the_picture(open_page, pages):
    page = open_page(pages["conv"])
    formula = page.locator(".conv-size-formula")
    expect(formula).to_be_hidden()
    page.get_by_text("How large is y?").click()
    expect(formula).to_contain_text("⌊(5 + 1 + 1 − 1·(3 − 1) − 1) / 1⌋ + 1 = 5")
    before = sheet(page, 0).bounding_box()
    unlink(page, "dilation")
    set_slider(page, "dilation ↓", 4)
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_be_visible()
    assert sheet(page, 0).bounding_box() == before
