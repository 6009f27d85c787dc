"""The exported pages of the convolution room, driven by mouse and keyboard, against torch's own numbers."""

import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.nn import functional as F

import dlviz

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
        "max": dlviz.max_pool2d(X, 2),
        "average": dlviz.avg_pool2d(X, 3, 2, 1),
        "large": dlviz.conv2d(torch.randn(1, 3, 32, 32), torch.randn(4, 3, 5, 5)),
    }
    return {name: view.to_html() for name, view in views.items()}


def sheet(page: Page, number: int):
    """The grids from left to right: input, kernel, products, output (those that there are)."""
    return page.locator(".slide-row .tensor-grid:visible").nth(number)


def numbers(grid) -> list[float]:
    return [float(text.replace("−", "-")) for text in grid.locator(".tensor-cell").all_text_contents()]


def marked(grid, kind: str) -> list[int]:
    return [int(cell.get_attribute("data-p")) for cell in grid.locator(f'.tensor-cell[data-mark="{kind}"]').all()]


def line(page: Page) -> str:
    return page.locator(".tensor-formula").inner_text().replace("−", "-").replace("·", "*").replace("\xa0", " ")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["conv", "channels", "series", "transposed", "max", "average", "large"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    page.evaluate("dlvizModel.set('step', 3)")
    expect(page.locator(".tensor-formula")).to_contain_text("y[0, 0")
    axe(page)


def test_every_number_and_every_printed_equation_is_torchs(open_page, pages):
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


def test_an_input_lights_every_output_it_feeds_and_a_weight_every_pair(open_page, pages):
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
    expect(page.locator(".dlviz-count")).to_have_text("25 / 25")


def test_channels_add_up_and_the_slider_chooses_one(open_page, pages):
    page = open_page(pages["channels"])
    slider = page.get_by_role("slider", name="output channel")
    slider.focus()
    page.keyboard.press("End")
    page.evaluate("dlvizModel.set('step', 5)")
    assert line(page).startswith("y[0, 2, 1, 1] = ")
    assert "+ bias 3 = " in line(page)
    assert len(marked(sheet(page, 0), "lit")) == 18


def test_a_maximum_and_an_average_say_what_they_are_of(open_page, pages):
    page = open_page(pages["max"])
    page.evaluate("dlvizModel.set('step', 2)")
    assert line(page) == "y[0, 0, 0, 1] = max(2, 1, 3, 1) = 3"
    assert marked(sheet(page, 0), "now") == [7]  # the 3, which alone is fed by the gradient
    assert page.locator(".tensor-cell[data-beyond]").count() == 9  # the floor leaves over a row and a column
    page = open_page(pages["average"])
    page.evaluate("dlvizModel.set('step', 1)")
    assert line(page) == "y[0, 0, 0, 0] = (0 + 0 + 0 + 0 + 1 + 0 + 0 + 0 + 1) / 9 = 0.22222"


def test_a_transposed_convolution_lists_its_stamps(open_page, pages):
    page = open_page(pages["transposed"])
    out = F.conv_transpose2d(X[..., :3, :3], K, stride=2)[0, 0]
    for step in range(1, 50):
        page.evaluate("step => dlvizModel.set('step', step)", step)
        _, terms, result = line(page).split(" = ")
        assert eval(terms) == float(result) == out[divmod(step - 1, 7)].item()


def test_a_large_plane_is_drawn_in_colour_and_moves(open_page, pages):
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
    assert frames < 500  # it moves at all; the benchmark says how fast
    page.get_by_role("slider", name="input channel").focus()
    page.keyboard.press("End")
    expect(sheet(page, 1).locator(".tensor-caption")).to_have_text(re.compile(r"\[0, 2, :, :\]"))


def test_nothing_sticks_out_of_a_narrow_card(open_page, pages):
    page = open_page(pages["channels"], width=420)
    page.evaluate("dlvizModel.set('step', 2)")
    assert page.evaluate(
        "(() => { const d = document.querySelector('.dlviz'); return d.scrollWidth <= d.clientWidth; })()"
    )
