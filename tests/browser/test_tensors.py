"""Exported pages of the tensors room, operated by mouse and keyboard, compared with torch."""

import math
import re
from itertools import product

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

import dlviz
from tests.browser.conftest import await_frames

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><b>w"


def numbers(seed: int, *shape: int, low: int = -9, high: int = 10) -> Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(seed))


# A view with an offset, not contiguous, that skips part of its storage.
BASE = numbers(0, 4, 6, low=-99, high=100)
SLANTED = BASE[:, 1:].T
FLOATS = torch.randn(4, 5, generator=torch.Generator().manual_seed(1)) * torch.tensor([1e-6, 1e-2, 1, 1e3, 1e9])
CUBE = numbers(2, 2, 3, 4)
LARGE = numbers(3, 512, 300, low=-999, high=1000)
X = numbers(4, 3, 4)
MASK = torch.tensor([True, False, True])
COLUMN, ROW = numbers(5, 3, 1), numbers(6, 4)
A, B = numbers(7, 4, 5), numbers(8, 5, 3)
VIEWS = ("x.T", "x[:, 1:]", "x.T.contiguous()", "x.T.view(12)")


@pytest.fixture(scope="module")
def exported() -> dict[str, str]:
    """Export pages that several tests open."""
    x = X
    mask = MASK
    widgets = {
        "slanted": dlviz.tensor(SLANTED, name="x", speed=4.0),
        "floats": dlviz.tensor(FLOATS, name="x"),
        "cube": dlviz.tensor(CUBE, name="x"),
        "large": dlviz.tensor(LARGE, name="x"),
        "views": dlviz.views(x, *VIEWS),
        "broadcast": dlviz.broadcast(COLUMN, ROW, names=["a", "b"]),
        "clash": dlviz.broadcast(torch.ones(3, 2), torch.ones(4), names=["a", "b"]),
        "hidden": dlviz.index(x, "x[mask, ::2]"),
        "refused": dlviz.index(x, "x[5]"),
        "matmul": dlviz.matmul(A, B, names=["a", "b"]),
        "einsum": dlviz.einsum("ij,jk->ik", A, B, names=["a", "b"]),
    }
    assert mask is MASK
    return {name: widget.to_html() for name, widget in widgets.items()}


# Reading what the page shows


def sheet(page: Page, name: str) -> Locator:
    return page.locator(f'.tensor-grid:has(> .tensor-head > b:text-is("{name}"))')


def cell(grid: Locator, p: int) -> Locator:
    return grid.locator(f'.tensor-cell[data-p="{p}"]')


def texts(grid: Locator) -> dict[int, str]:
    """Return the text at each position of the block that the grid draws."""
    found = grid.locator(".tensor-cell").evaluate_all("(all) => all.map((cell) => [cell.dataset.p, cell.textContent])")
    assert len({p for p, _ in found}) == len(found)
    return {int(p): text for p, text in found}


def marked(grid: Locator, *kinds: str) -> list[int]:
    """Return the positions with one of these marks."""
    found = grid.locator(".tensor-cell[data-mark]").evaluate_all(
        "(all) => all.map((cell) => [cell.dataset.p, cell.dataset.mark])"
    )
    return sorted(int(p) for p, mark in found if mark in kinds)


def in_storage(strip: Locator, mark: str) -> list[int]:
    found = strip.locator(f'.storage-row-cell[data-mark="{mark}"]').evaluate_all(
        "(all) => all.map((c) => c.dataset.address)"
    )
    return [int(place) for place in found]


def by_header(grid: Locator) -> dict[tuple[int, int], str]:
    """Return the text at each (row, column), as numbered at the grid's edges."""
    found = grid.locator(".tensor-cells").evaluate("""(cells) => {
      const [head, ...rows] = [...cells.children].map((row) => [...row.children].map((one) => one.textContent));
      const index = (label) => Number(label.replace(/[…⋮]/g, ""));
      return rows.flatMap(([name, ...row]) => row.map((text, c) => [index(name), index(head[c + 1]), text]));
    }""")
    return {(row, column): text for row, column, text in found}


def test_an_ellipsis_stands_where_more_rows_and_columns_are_not_drawn(open_page, exported):
    large, whole = sheet(open_page(exported["large"]), "x"), sheet(open_page(exported["slanted"]), "x")
    ends = '(all) => [all[0], all.at(-1)].map((one) => one.textContent).join(" ")'
    columns, rows = '[role="columnheader"]:not(:first-child)', '[role="rowheader"]'
    assert re.fullmatch(r"0 \d+…", large.locator(columns).evaluate_all(ends))
    assert re.fullmatch(r"0 15⋮", large.locator(rows).evaluate_all(ends))
    assert [whole.locator(where).evaluate_all(ends) for where in (columns, rows)] == ["0 3", "0 4"]


def plain(text: str) -> str:
    return text.replace("−", "-")


def written(value: float) -> str:
    """Return an integer as the page formats it."""
    return str(value).replace("-", "−")


def shows(grid: Locator, x: Tensor) -> bool:
    """Check that every element of `x` is shown once: integers exactly, others to the printed digits."""
    found = texts(grid)
    assert sorted(found) == list(range(x.numel()))
    for p, value in enumerate(x.flatten().tolist()):
        if isinstance(value, int):
            assert found[p] == written(value)
        else:
            # Three digits, two with an exponent.
            last = math.floor(math.log10(abs(value))) - (1 if "e" in found[p] else 2)
            assert float(plain(found[p])) == pytest.approx(value, rel=0, abs=0.5001 * 10.0**last)
    return True


def unravel(p: int, shape) -> tuple[int, ...]:
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(p), tuple(shape)))


def ravel(index, shape) -> int:
    return sum(i * math.prod(shape[d + 1 :]) for d, i in enumerate(index))


def place(x: Tensor, index) -> int:
    return x.storage_offset() + sum(i * step for i, step in zip(index, x.stride(), strict=True))


def walk(name: str, x: Tensor, index) -> str:
    """Return the formula from an index to an address in storage, and the value there."""
    terms = "".join(f" + {i}·{step}" for i, step in zip(index, x.stride(), strict=True))
    at = ", ".join(map(str, index))
    return f"{name}[{at}] lies at {x.storage_offset()}{terms} = {place(x, index)} and holds {written(x[index].item())}"


def line(page: Page) -> Locator:
    return page.locator(".tensor-formula")


def state(page: Page, name: str):
    return page.evaluate(f"dlvizModel.get('{name}')")


def step_to(page: Page, step: int) -> None:
    page.evaluate(f"dlvizModel.set('step', {step})")


def expect_step(page: Page, step: int, of: int, unit: str = "element") -> None:
    """Check that player and slider show this step."""
    expect(page.locator(".dlviz-count")).to_have_text(f"{unit} {step} / {of}")
    expect(page.locator(".dlviz-player input")).to_have_value(str(step))
    assert state(page, "step") == step


def compute_all(page: Page, result: Tensor) -> None:
    """Go to the last step, at which every element of the result is computed."""
    step_to(page, result.numel())
    expect(page.locator(".dlviz-count")).to_contain_text(f" {result.numel()} / ")


def press(page: Page, name: str) -> None:
    # Forced, because a disabled step button must ignore the click.
    page.get_by_role("button", name=name, exact=True).click(force=True)


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def slide(page: Page, name: str, value: int) -> None:
    page.get_by_role("slider", name=name, exact=True).fill(str(value))


def refusal(run) -> str:
    """Return the first line of torch's error message."""
    with pytest.raises((RuntimeError, IndexError, TypeError, ValueError)) as caught:
        run()
    return str(caught.value).partition("\n")[0]


# The pages as they open

WIDGETS = ("slanted", "large", "views", "broadcast", "clash", "hidden", "refused", "matmul", "einsum")


def pick(page: Page, name: str) -> None:
    """Select an element of the last tensor, if the page has one."""
    if name in ("hidden", "refused"):
        page.get_by_role("textbox").fill("(1, 2)")
        press(page, "reveal")
    if name not in ("clash", "refused"):
        page.locator(".tensor-grid").last.locator(".tensor-cell").nth(1).click()
        expect(page.locator('.tensor-cell[data-mark="now"]').first).to_be_visible()
        expect(line(page)).to_be_visible()


@pytest.mark.parametrize("name", WIDGETS)
def test_axe_finds_nothing_serious_in_either_theme_and_a_narrow_page_clips_nothing(open_page, axe, exported, name):
    page = open_page(exported[name], bypass_csp=True)
    expect(page.locator(".tensor-cell").first).to_be_visible()

    def check() -> None:
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
            # A number that is just appearing is still pale.
            page.wait_for_function("document.getAnimations().every((one) => one.playState === 'finished')")
            axe(page)

    if name in ("slanted", "views", "hidden"):  # the others start with the same elements
        check()
    pick(page, name)
    check()
    page.set_viewport_size({"width": 420, "height": 800})
    expect(page.locator(".dlviz")).to_have_css("width", "372px")
    fits = "(all) => all.every((one) => one.scrollWidth <= one.clientWidth)"
    assert page.locator(".dlviz, .dlviz-side").evaluate_all(fits)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_follows_a_dark_browser(open_page, exported):
    page = open_page(exported["slanted"], theme="dark")
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", "dark")
    expect(page.locator(".dlviz")).to_have_css("background-color", "rgb(13, 17, 23)")


# One tensor


def test_the_grid_shows_torch_s_numbers(open_page, exported):
    for name, x in (("slanted", SLANTED), ("floats", FLOATS), ("cube", CUBE)):
        grid = sheet(open_page(exported[name]), "x")
        assert shows(grid, x)
        if x is SLANTED:  # and indices of rows and columns at the edges
            assert by_header(grid) == {at: written(x[at].item()) for at in product(range(5), range(4))}


def test_the_storage_row_shows_the_storage_and_grays_unreached_elements(open_page, exported):
    page = open_page(exported["slanted"])
    found = page.locator(".storage-row-cell").evaluate_all(
        "(all) => all.map((c) => [c.textContent, 'unreached' in c.dataset])"
    )
    assert [text for text, _ in found] == [written(value) for value in BASE.flatten().tolist()]
    reached = {place(SLANTED, index) for index in product(range(5), range(4))}
    assert [off for _, off in found] == [at not in reached for at in range(24)]


@pytest.mark.parametrize(("name", "x"), [("slanted", SLANTED), ("cube", CUBE)])
def test_a_click_shows_the_path_along_the_strides(open_page, exported, name, x):
    page = open_page(exported[name])
    grid = sheet(page, "x")
    for p in (x.numel() - 1, 0, 7, 14):
        index = unravel(p, x.shape)
        cell(grid, p).click()
        assert marked(grid, "now") == [p]
        expect(line(page)).to_have_text(walk("x", x, index))
        assert in_storage(page, "now") == [place(x, index)]
        expect_step(page, p + 1, x.numel())


def test_more_digits_of_a_float_are_at_the_side_and_choosing_one_moves_nothing(open_page, exported):
    page = open_page(exported["floats"])
    digits, height = page.locator(".tensor-element dd"), page.locator(".dlviz").bounding_box()["height"]
    expect(digits).to_have_text("–")
    for p in (0, 7):
        cell(sheet(page, "x"), p).click()
        assert float(plain(digits.text_content())) == FLOATS.flatten()[p].item()
    assert page.locator(".dlviz").bounding_box()["height"] == height
    expect(open_page(exported["slanted"]).locator(".tensor-element dd")).to_have_count(0)


def test_hops_lead_from_the_offset_to_the_element(open_page, exported):
    page = open_page(exported["slanted"])
    cells = page.locator(".storage-row-cell").evaluate_all(
        "(all) => all.map((c) => [Number(c.dataset.address), c.offsetLeft])"
    )
    edges = [left for _, left in cells]
    wide, first = edges[1] - edges[0], edges[0]
    for index in ((2, 3), (4, 0), (0, 0), (1, 1)):
        step_to(page, 1 + ravel(index, SLANTED.shape))
        hops = page.locator(".storage-row-hop").evaluate_all(
            "(all) => all.map((a) => [a.getAttribute('d'), a.dataset.dim])"
        )
        led = [
            [round((float(x) - wide / 2) / wide) for x in re.findall(r"[M ]([\d.]+),", path)] + [int(dim)]
            for path, dim in hops
        ]
        expected, at = [], SLANTED.storage_offset()
        for dim, (count, step) in enumerate(zip(index, SLANTED.stride(), strict=True)):
            for _ in range(count):
                expected.append([at, at + step, dim])
                at += step
        assert led == expected
    assert first >= 0
    step_to(page, 20)
    assert "+6" in page.locator(".storage-row-hop-label").all_text_contents()


def test_a_click_in_the_storage_row_selects_the_element_at_that_address(open_page, exported):
    page = open_page(exported["slanted"])
    for index in ((0, 0), (4, 3), (2, 1)):
        page.locator(f'.storage-row-cell[data-address="{place(SLANTED, index)}"]').click()
        assert marked(sheet(page, "x"), "now") == [ravel(index, SLANTED.shape)]
        expect(line(page)).to_have_text(walk("x", SLANTED, index))
    before = state(page, "step")
    page.locator('.storage-row-cell[data-address="0"]').click()
    assert state(page, "step") == before


def test_arrow_keys_move_the_selection_and_escape_clears_it(open_page, exported):
    page = open_page(exported["slanted"])
    grid, shape = sheet(page, "x"), SLANTED.shape
    cell(grid, 0).focus()
    at = [0, 0]
    for key, dim, by in (
        ("ArrowDown", 0, 1),
        ("ArrowRight", 1, 1),
        ("ArrowRight", 1, 1),
        ("ArrowLeft", 1, -1),
        ("ArrowDown", 0, 1),
        ("ArrowUp", 0, -1),
    ):
        keys(page, key)
        at[dim] += by
        assert marked(grid, "now") == [ravel(at, shape)]
        expect(cell(grid, ravel(at, shape))).to_be_focused()
        expect(line(page)).to_have_text(walk("x", SLANTED, tuple(at)))
    keys(page, "Escape")
    expect_step(page, 0, 20)
    expect(grid.locator("[data-mark]")).to_have_count(0)
    keys(page, "Enter")
    assert marked(grid, "now") == [ravel(at, shape)]


def test_an_arrow_at_the_edge_of_a_tile_leads_into_the_next(open_page):
    x = numbers(15, 2, 2, 2, 3)
    page = open_page(dlviz.tensor(x, name="x"))
    grid = sheet(page, "x")
    assert shows(grid, x)
    # The third dimension from the end lies across, the fourth downwards.
    cell(grid, ravel((0, 0, 1, 2), x.shape)).click()
    for key, lands in (
        ("ArrowRight", (0, 1, 1, 0)),
        ("ArrowDown", (1, 1, 0, 0)),
        ("ArrowDown", (1, 1, 1, 0)),
        ("ArrowDown", (1, 1, 1, 0)),
        ("ArrowLeft", (1, 0, 1, 2)),
        ("ArrowUp", (1, 0, 0, 2)),
        ("ArrowUp", (0, 0, 1, 2)),
    ):
        keys(page, key)
        assert marked(grid, "now") == [ravel(lands, x.shape)], key
        expect(cell(grid, ravel(lands, x.shape))).to_be_focused()


def test_space_plays_to_the_end(open_page, exported):
    page = open_page(exported["slanted"])
    for focus in (page.locator(".dlviz"), cell(sheet(page, "x"), 0)):
        step_to(page, 18)
        focus.focus()
        keys(page, " ")
        expect(page.locator(".dlviz-count")).to_have_text("element 20 / 20")
        expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()
        assert marked(sheet(page, "x"), "now") == [19]


def test_buttons_and_scrubber_agree(open_page, exported):
    page = open_page(exported["slanted"])
    grid = sheet(page, "x")
    for step in (1, 2, 3):
        press(page, "one step on")
        expect_step(page, step, 20)
        assert marked(grid, "now") == [step - 1]
    press(page, "one step back")
    expect_step(page, 2, 20)
    slide(page, "step", 13)
    expect_step(page, 13, 20)
    assert marked(grid, "now") == [12]
    index = unravel(12, SLANTED.shape)
    said = f"x[{index[0]}, {index[1]}] = {written(SLANTED[index].item())}"
    expect(page.get_by_role("slider", name="step", exact=True)).to_have_attribute("aria-valuetext", said)
    press(page, "first step")
    press(page, "one step back")
    expect_step(page, 0, 20)
    assert marked(grid, "now") == []


# Several over one storage


def views_of(x: Tensor) -> dict[str, Tensor]:
    return {"x": x, "x.T": x.T, "x[:, 1:]": x[:, 1:], "x.T.contiguous()": x.T.contiguous()}


def test_views_show_torch_s_numbers_and_shared_storage(open_page, exported):
    page = open_page(exported["views"])
    for name, view in views_of(X).items():
        assert shows(sheet(page, name), view)
        shared = view.untyped_storage().data_ptr() == X.untyped_storage().data_ptr()
        tag = sheet(page, name).locator(".tensor-tag")
        expect(tag).to_have_text([] if name == "x" else ["same storage" if shared else "a copy"])
    heads = page.locator(".tensor-storage .tensor-head b").all_text_contents()
    assert heads == ["storage of x", "storage of x.T.contiguous()"]
    stored = page.locator(".tensor-storage").last.locator(".storage-row-cell").all_text_contents()
    assert stored == [written(value) for value in X.T.flatten().tolist()]


def test_an_address_is_highlighted_in_every_tensor_that_shares_it(open_page, exported):
    page = open_page(exported["views"])
    first, own = page.locator(".tensor-storage").all()
    made = views_of(X)
    # The source address of each element of the copy.
    places = torch.arange(12).view(3, 4).T.contiguous()
    for name, index in (
        ("x", (1, 2)),
        ("x.T", (3, 0)),
        ("x[:, 1:]", (2, 0)),
        ("x", (0, 0)),
        ("x.T.contiguous()", (2, 1)),
    ):
        cell(sheet(page, name), ravel(index, made[name].shape)).click()
        copied = name == "x.T.contiguous()"
        at = places[index].item() if copied else place(made[name], index)
        for other, view in made.items():
            lies = {p: place(view, unravel(p, view.shape)) for p in range(view.numel())}
            if other == "x.T.contiguous()":
                lies = dict(enumerate(places.flatten().tolist()))
            expected = [p for p, where in lies.items() if where == at]
            assert marked(sheet(page, other), "lit", "now") == expected, (name, index, other)
            assert marked(sheet(page, other), "now") == (expected if other == name else [])
        came = f" (copied from address {at})" if copied else ""
        expect(line(page)).to_have_text(walk(name, made[name], index) + came)
        assert in_storage(first, "lit" if copied else "now") == [at]
        assert in_storage(own, "now") == ([place(made[name], index)] if copied else [])


def test_a_click_in_the_storage_of_views_selects_in_the_active_tensor_first(open_page, exported):
    page = open_page(exported["views"])
    cell(sheet(page, "x.T"), 0).click()
    page.locator('.tensor-storage:has-text("storage of x") .storage-row-cell[data-address="6"]').first.click()
    assert marked(sheet(page, "x.T"), "now") == [ravel((2, 1), (4, 3))]
    page.locator(".tensor-storage").last.locator('.storage-row-cell[data-address="5"]').click()
    assert marked(sheet(page, "x.T.contiguous()"), "now") == [5]
    assert state(page, "active") == 3


def ends_of_links(page: Page) -> list[tuple[float, float, float, float]]:
    """Return the first and last point of every line between elements and storage, in the page's pixels."""
    found = page.locator(".dlviz-links path").evaluate_all("""(all) => all.map((path) => {
      const { left, top } = path.ownerSVGElement.getBoundingClientRect();
      const [a, b] = [path.getPointAtLength(0), path.getPointAtLength(path.getTotalLength())];
      return [a.x + left, a.y + top, b.x + left, b.y + top];
    })""")
    return sorted(tuple(points) for points in found)


def expected_link(element: Locator, place: Locator) -> tuple[float, float, float, float]:
    a, b = element.bounding_box(), place.bounding_box()
    return (a["x"] + a["width"] / 2, a["y"] + a["height"], b["x"] + b["width"] / 2, b["y"])


def test_lines_lead_from_every_sharing_view_to_the_place_in_storage(open_page, exported):
    page = open_page(exported["views"])
    made = {name: view for name, view in views_of(X).items() if name != "x.T.contiguous()"}

    def expected(at: int) -> list:
        target = page.locator(f'.storage-row-cell[data-address="{at}"]').first
        places = {
            name: [place(view, unravel(p, view.shape)) for p in range(view.numel())] for name, view in made.items()
        }
        links = [
            expected_link(cell(sheet(page, name), all_.index(at)), target)
            for name, all_ in places.items()
            if at in all_
        ]
        return [pytest.approx(link, abs=0.6) for link in sorted(links)]

    def leads_to(at: int) -> None:
        links = expected(at)
        expect(page.locator(".dlviz-links path")).to_have_count(len(links))
        assert ends_of_links(page) == links

    cell(sheet(page, "x"), 6).click()
    leads_to(6)
    cell(sheet(page, "x.T"), 3).hover()
    leads_to(1)
    cell(sheet(page, "x"), 0).hover()  # x[:, 1:] does not reach it
    leads_to(0)
    assert len(expected(0)) == 2
    page.locator(".dlviz-head").hover()
    leads_to(6)
    page.set_viewport_size({"width": 640, "height": 900})
    expect(page.locator(".dlviz")).to_have_css("width", "592px")
    # The lines are measured again in the next frame.
    await_frames(page)
    leads_to(6)


def test_a_copy_has_a_dashed_line_to_where_it_was_copied_from(open_page, exported):
    page = open_page(exported["views"])
    own = cell(sheet(page, "x.T.contiguous()"), 1)
    own.click()
    expect(page.locator(".dlviz-links path")).to_have_count(2)
    expect(page.locator(".dlviz-links path[data-dashed]")).to_have_count(1)
    first, second = (page.locator(f'.storage-row-cell[data-address="{at}"]').nth(k) for at, k in ((4, 0), (1, 1)))
    links = sorted([expected_link(own, first), expected_link(own, second)])
    assert ends_of_links(page) == [pytest.approx(link, abs=0.6) for link in links]


def test_a_refused_view_shows_torch_s_message_and_the_strides(open_page, exported):
    page = open_page(exported["views"])
    box = page.locator(".tensor-refusal")
    expect(box.locator("b").first).to_have_text("x.T.view(12)")
    expect(box.locator(".tensor-torch")).to_have_text(refusal(lambda: X.T.view(12)))
    expect(box).to_contain_text(f"stride ({', '.join(map(str, X.T.stride()))})")
    # Folded, with a title that asks the question.
    expect(box.locator(".tensor-torch")).to_be_hidden()
    box.get_by_text("Why?").click()
    expect(box.locator(".tensor-torch")).to_be_visible()


# Broadcasting


def stretched_positions(x: Tensor, shape) -> list[int]:
    """Return the positions of the expanded tensor whose address an earlier position already has."""
    wide = x.expand(shape)
    seen, found = set(), []
    for p in range(wide.numel()):
        at = place(wide, unravel(p, shape))
        if at in seen:
            found.append(p)
        seen.add(at)
    return found


@pytest.mark.parametrize(("a", "b"), [(COLUMN, ROW), (numbers(9, 2, 1, 4), numbers(10, 3, 1)), (X, torch.tensor(7))])
def test_stretched_cells_are_hatched(open_page, a, b):
    page = open_page(dlviz.broadcast(a, b, op="*", names=["a", "b"]))
    shape = (a * b).shape
    compute_all(page, a * b)
    for name, x in (("a", a), ("b", b)):
        assert shows(sheet(page, name), x.expand(shape))
        found = (
            sheet(page, name)
            .locator(".tensor-cell[data-stretched]")
            .evaluate_all("(all) => all.map((c) => c.dataset.p)")
        )
        assert sorted(map(int, found)) == stretched_positions(x, shape)
    assert shows(sheet(page, "result"), a * b)
    expect(sheet(page, "result").locator("[data-stretched]")).to_have_count(0)


def braced(value: int) -> str:
    return f"({written(value)})" if value < 0 else written(value)


def test_a_step_shows_the_operands_of_an_element(open_page, exported):
    page = open_page(exported["broadcast"])
    result = COLUMN + ROW
    for p in (0, 5, 11):
        i, j = unravel(p, result.shape)
        cell(sheet(page, "result"), p).click()
        values = f"{braced(COLUMN[i, 0].item())} + {braced(ROW[j].item())} = {written(result[i, j].item())}"
        expect(line(page)).to_have_text(f"result[{i}, {j}] = a[{i}, 0] + b[{j}] = {values}")
        for name, home in (("a", (i, 0)), ("b", (0, j)), ("result", (i, j))):
            assert marked(sheet(page, name), "now") == [p]
            lit = ravel(home, result.shape)
            assert marked(sheet(page, name), "lit") == ([] if lit == p else [lit])
        expect_step(page, p + 1, 12)
    # A click on an operand selects the same element of the result.
    cell(sheet(page, "a"), 6).click()
    assert marked(sheet(page, "result"), "now") == [6]


def test_aligned_shapes_show_what_is_stretched(open_page, exported):
    page = open_page(exported["broadcast"])
    rows = page.locator('.tensor-align [role="row"]').evaluate_all(
        "(all) => all.map((row) => [...row.children].map((one) => one.textContent))"
    )
    assert rows == [["a", "3", "1 → 4"], ["b", "· → 3", "4"], ["result", "3", "4"]]


def test_mismatched_sizes_are_marked_beside_torch_s_message(open_page, exported):
    page = open_page(exported["clash"])
    torch_s = refusal(lambda: torch.ones(3, 2) + torch.ones(4))
    expect(page.locator('.dlviz-note[data-kind="bad"]').first).to_contain_text(torch_s)
    assert page.locator('.tensor-align [data-kind="bad"]').all_text_contents() == ["2", "4", "✗"]
    expect_step(page, 0, 0)
    cell(sheet(page, "a"), 0).click()
    keys(page, " ", "End", "ArrowRight")
    expect_step(page, 0, 0)
    assert marked(page.locator(".dlviz"), "now", "lit") == []


# Indexing


def test_the_result_is_hidden_until_revealed(open_page, exported):
    page = open_page(exported["hidden"])
    expect(page.locator(".tensor-grid")).to_have_count(1)
    shape = tuple(X[MASK, ::2].shape)
    assert str(shape) not in page.locator(".dlviz").inner_text()
    expect_step(page, 0, 0)
    page.get_by_role("textbox").fill("(2, 2)")
    keys(page, "Enter")
    expect(page.get_by_role("status")).to_have_text("(2, 2): right")
    expect(page.get_by_role("status")).to_have_attribute("data-kind", "good")
    assert shows(sheet(page, "x[mask, ::2]"), X[MASK, ::2])
    expect_step(page, 0, 4)


@pytest.mark.parametrize(
    ("name", "predictions"),
    [
        (
            "hidden",
            {
                "(3, 2)": ("you said (3, 2); torch says (2, 2)", "warn"),
                "error": ("you said error; torch says (2, 2)", "warn"),
                "2 x 2": ("2 x 2: right", "good"),
                "": ("(2, 2)", ""),
            },
        ),
        ("refused", {"error": ("error: right", "good"), "(4,)": (re.compile(r"you said \(4,\); .*refuses"), "warn")}),
    ],
)
def test_a_prediction_is_compared_with_torch(open_page, exported, name, predictions):
    page = open_page(exported[name])
    for prediction, (says, kind) in predictions.items():
        page.evaluate("dlvizModel.set('revealed', false)")
        page.get_by_role("textbox").fill(prediction)
        press(page, "reveal")
        expect(page.get_by_role("status")).to_have_text(says)
        expect(page.get_by_role("status")).to_have_attribute("data-kind", kind)
        expect(page.get_by_role("textbox")).to_have_count(0)
        assert state(page, "prediction") == prediction
        if name == "refused":
            expect(page.locator(".tensor-torch")).to_have_text(refusal(lambda: X[5]))


EXPRESSIONS = {
    "x[mask, ::2]": lambda x: x[MASK, ::2],
    "x[1:, [0, 3]]": lambda x: x[1:, [0, 3]],
    "x[[2, 0, 2]]": lambda x: x[[2, 0, 2]],
    "x[..., None, 1]": lambda x: x[..., None, 1],
    "x[1, 2]": lambda x: x[1, 2],
    "x[x > 0]": lambda x: x[x > 0],
    "x[:0]": lambda x: x[:0],
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_selected_elements_are_highlighted_and_traced_to_their_source(open_page, text):
    x, mask = X, MASK
    page = open_page(dlviz.index(x, text, revealed=True))
    assert mask is MASK
    picked = EXPRESSIONS[text](X)
    # The values of `counting` are positions; a condition on x has to use x.
    counting = torch.arange(12).view(3, 4)
    origin = counting[X > 0] if "> 0" in text else EXPRESSIONS[text](counting)
    source, result = sheet(page, "x"), sheet(page, text)
    if picked.numel():
        assert shows(result, picked)
    chosen = set(origin.flatten().tolist())
    assert marked(source, "lit", "now") == sorted(chosen)
    assert marked(source, "dim") == sorted(set(range(12)) - chosen)
    for q in {0, picked.numel() // 2, picked.numel() - 1} if picked.numel() else ():
        cell(result, q).click()
        from_there = origin.flatten()[q].item()
        assert marked(result, "now") == [q]
        assert marked(source, "now") == [from_there]
        at = ", ".join(map(str, unravel(q, picked.shape))) if picked.dim() else "()"
        i, j = unravel(from_there, (3, 4))
        value = written(X[i, j].item())
        expect(line(page)).to_have_text(f"({text})[{at}] = x[{i}, {j}] = {value}")
    for p in sorted(chosen)[:2]:
        cell(source, p).click()
        assert marked(source, "now") == [p]
        assert marked(result, "now") == [origin.flatten().tolist().index(p)]
    if missed := sorted(set(range(12)) - chosen)[:1]:
        before = state(page, "step")
        cell(source, missed[0]).click()
        assert state(page, "step") == before


def test_one_outline_surrounds_each_region_of_selected_elements(open_page):
    x = torch.arange(24).view(4, 6)
    page = open_page(dlviz.index(x, "x[1:, ::2]", revealed=True))
    outlines = [box.bounding_box() for box in sheet(page, "x").locator(".tensor-outline").all()]
    assert len(outlines) == 3
    for outline, column in zip(outlines, (0, 2, 4), strict=True):
        first, last = (cell(sheet(page, "x"), row * 6 + column).bounding_box() for row in (1, 3))
        assert outline["x"] < first["x"] < first["x"] + first["width"] < outline["x"] + outline["width"]
        assert outline["y"] < first["y"] < last["y"] + last["height"] < outline["y"] + outline["height"]
        # Nothing covers its right edge.
        layers = (
            sheet(page, "x")
            .locator('.tensor-cell[data-mark="dim"]')
            .evaluate_all("(all) => all.map((cell) => getComputedStyle(cell).zIndex)")
        )
        assert set(layers) == {"0"}


# matmul and einsum


def filling_widgets() -> dict:
    return {
        "matmul": (dlviz.matmul(A, B, names=["a", "b"]), A @ B),
        "einsum": (dlviz.einsum("ij,kj->ik", A, B.T, names=["a", "b"]), A @ B),
        "broadcast": (dlviz.broadcast(COLUMN, ROW, names=["a", "b"]), COLUMN + ROW),
    }


@pytest.mark.parametrize("name", ["matmul", "einsum", "broadcast"])
def test_the_result_fills_element_by_element(open_page, name):
    widget, result = filling_widgets()[name]
    page = open_page(widget)
    numbers_of = [written(value) for value in result.flatten().tolist()]
    # It opens halfway: an element is selected and those before it are computed.
    assert 1 < widget.step < result.numel()
    for step in (widget.step, 0, 1, 5, result.numel()):
        step_to(page, step)
        computed = numbers_of[:step] + [""] * (result.numel() - step)
        assert texts(sheet(page, "result")) == dict(enumerate(computed))
        assert marked(sheet(page, "result"), "now") == ([step - 1] if step else [])
    cell(sheet(page, "result"), 3).click()
    assert texts(sheet(page, "result")) == dict(enumerate(numbers_of[:4] + [""] * (result.numel() - 4)))


@pytest.mark.parametrize(("name", "moving"), [("matmul", 10), ("einsum", 10), ("broadcast", 2)])
def test_the_operands_numbers_move_into_a_new_element(open_page, name, moving):
    widget, result = filling_widgets()[name]
    page = open_page(widget)
    page.evaluate("""() => {
      window.moved = 0;
      new MutationObserver((records) => {
        for (const { addedNodes } of records) window.moved += [...addedNodes].filter((node) => node.className === "tensor-moving").length;
      }).observe(document.querySelector(".dlviz-main"), { childList: true });
    }""")
    assert page.evaluate("moved") == 0
    press(page, "one step on")
    assert page.evaluate("moved") == moving
    assert sheet(page, "result").locator('[data-mark="now"]').evaluate("(cell) => cell.getAnimations().length") == 1
    # Then the copies are gone and the number is there.
    expect(page.locator(".tensor-moving")).to_have_count(0)
    assert texts(sheet(page, "result"))[widget.step] == written(result.flatten()[widget.step].item())


def test_steps_in_fast_succession_and_reduced_motion_move_nothing(open_page, exported):
    page = open_page(exported["matmul"])
    page.evaluate("for (const step of [1, 2, 3, 4]) dlvizModel.set('step', step)")
    expect(page.locator(".tensor-moving")).to_have_count(0)
    assert texts(sheet(page, "result"))[3] == written((A @ B).flatten()[3].item())
    page = open_page(exported["matmul"], reduced_motion=True)
    press(page, "one step on")
    assert page.locator(".tensor-moving").count() == 0
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_letter_has_one_color_in_titles_shapes_and_the_formula(open_page, exported):
    page = open_page(exported["einsum"])

    def color(found: Locator) -> str:
        return found.evaluate("(node) => getComputedStyle(node).color")

    letters = {name: color(page.locator(f'.tensor-legend b:text-is("{name}")')) for name in "ijk"}
    assert len(set(letters.values())) == 3
    for name, labels in (("a", "ij"), ("b", "jk"), ("result", "ik")):
        head = sheet(page, name).locator(".tensor-head")
        for d, label in enumerate(labels):
            assert color(head.locator(".tensor-letters b").nth(d)) == letters[label]
            assert color(head.locator("code span").nth(d)) == letters[label]
    assert [color(span) for span in line(page).locator("[data-dim]").all()] == [letters["i"], letters["k"]]


def balanced(text: str) -> tuple[str, int]:
    """Check the printed sum, and return its left side and its result."""
    left, between, right = plain(text).split(" = ")
    assert re.fullmatch(r"[\d\s()+·-]+", between)
    assert eval(between.replace("·", "*")) == int(right)
    return left, int(right)


@pytest.mark.parametrize("seed", range(2))
def test_matmul_marks_row_i_and_column_j(open_page, seed):
    m, k, n = numbers(20 + seed, 3, low=2, high=7).tolist()
    a, b = numbers(30 + seed, m, k), numbers(40 + seed, k, n)
    page = open_page(dlviz.matmul(a, b, names=["a", "b"]))
    c = a @ b
    assert shows(sheet(page, "a"), a)
    assert shows(sheet(page, "b"), b)
    compute_all(page, c)
    assert shows(sheet(page, "result"), c)
    for i, j in {(0, 0), (m - 1, n - 1), (m // 2, 0), (0, n // 2)}:
        cell(sheet(page, "result"), i * n + j).click()
        assert marked(sheet(page, "a"), "lit") == [i * k + t for t in range(k)]
        assert marked(sheet(page, "b"), "lit") == [t * n + j for t in range(k)]
        assert marked(sheet(page, "result"), "now") == [i * n + j]
        assert balanced(line(page).text_content()) == (f"result[{i}, {j}]", c[i, j].item())
        terms = " + ".join(f"{braced(p)}·{braced(q)}" for p, q in zip(a[i].tolist(), b[:, j].tolist(), strict=True))
        expect(line(page)).to_contain_text(f" = {terms} = ")
        expect_step(page, 1 + i * n + j, m * n)


def test_outer_products_add_up_as_torch_adds_them(open_page, exported):
    page = open_page(exported["matmul"])
    page.get_by_label("order").select_option("outer")
    result = sheet(page, "result")
    expect_step(page, 0, 5, "product")
    assert set(texts(result).values()) == {""}
    sums = (A.T.unsqueeze(2) * B.unsqueeze(1)).cumsum(0)
    for k in range(5):
        press(page, "one step on")
        assert texts(result) == {p: written(value) for p, value in enumerate(sums[k].flatten().tolist())}
        assert marked(sheet(page, "a"), "lit") == [i * 5 + k for i in range(4)]
        assert marked(sheet(page, "b"), "lit") == [k * 3 + j for j in range(3)]
        expect(line(page)).to_have_text(f"sum of {k + 1} of 5 outer products, the last: + a[:, {k}] ⊗ b[{k}, :]")
    expect_step(page, 5, 5, "product")
    assert shows(result, A @ B)
    press(page, "one step back")
    assert texts(result)[0] == written(sums[3, 0, 0].item())
    page.get_by_label("order").select_option("dot")
    expect_step(page, 0, 12)
    assert set(texts(result).values()) == {""}


def test_columns_are_sums_of_columns(open_page, exported):
    page = open_page(exported["matmul"])
    page.get_by_label("order").select_option("columns")
    expect_step(page, 0, 3, "column")
    for j in range(3):
        press(page, "one step on")
        computed = {i * 3 + c: written((A @ B)[i, c].item()) if c <= j else "" for i in range(4) for c in range(3)}
        assert texts(sheet(page, "result")) == computed
        assert marked(sheet(page, "a"), "lit") == list(range(20))
        assert marked(sheet(page, "b"), "lit") == [k * 3 + j for k in range(5)]
        assert marked(sheet(page, "result"), "now") == [i * 3 + j for i in range(4)]
        terms = " + ".join(f"{braced(value)}·a[:, {k}]" for k, value in enumerate(B[:, j].tolist()))
        expect(line(page)).to_have_text(f"result[:, {j}] = {terms}")
    cell(sheet(page, "result"), 7).click()
    expect_step(page, 2, 3, "column")


@pytest.mark.parametrize(("left", "right"), [((2, 3, 4), (2, 4, 2)), ((3, 4), (2, 4, 2)), ((2, 3, 4), (1, 4, 2))])
def test_the_slider_shows_another_matrix_of_a_batch(open_page, left, right):
    a, b = numbers(11, *left), numbers(12, *right)
    page = open_page(dlviz.matmul(a, b, names=["a", "b"]))
    c = a @ b
    step_to(page, c[0].numel())
    for batch in (1, 0):
        slide(page, "batch dim 0", batch)
        for name, x in (("a", a), ("b", b), ("result", c)):
            here = batch if x.dim() == 3 and x.shape[0] > 1 else 0
            first = here * x.shape[-2] * x.shape[-1]
            wanted = x.flatten()[first : first + x.shape[-2] * x.shape[-1]].tolist()
            assert texts(sheet(page, name)) == {first + p: written(value) for p, value in enumerate(wanted)}
        cell(sheet(page, "result"), batch * 6 + 3).click()
        assert balanced(line(page).text_content()) == (f"result[{batch}, 1, 1]", c[batch, 1, 1].item())
        expect_step(page, 4, 6)
        row = (batch if a.dim() == 3 else 0) * 12 + 4
        assert marked(sheet(page, "a"), "lit") == list(range(row, row + 4))
        step_to(page, 6)


@pytest.mark.parametrize(("left", "right"), [((4,), (4, 3)), ((3, 4), (4,)), ((4,), (4,)), ((4,), (2, 4, 3))])
def test_vectors_are_rows_on_the_left_and_columns_on_the_right(open_page, left, right):
    a, b = numbers(13, *left), numbers(14, *right)
    page = open_page(dlviz.matmul(a, b, names=["a", "b"]))
    c = a @ b
    for name, x in (("a", a), ("b", b)):
        boxes = [box.bounding_box() for box in sheet(page, name).locator(".tensor-cell").all()[:2]]
        if x.dim() == 1:
            assert boxes[0]["x" if name == "b" else "y"] == boxes[1]["x" if name == "b" else "y"]
    for p in range(min(3, c.numel())):
        index = unravel(p, c.shape)
        cell(sheet(page, "result"), p).click()
        at = ", ".join(map(str, index)) if index else "()"
        assert balanced(line(page).text_content()) == (f"result[{at}]", c[index].item())


EQUATIONS = {
    "ii": ((4, 4),),
    "iij,jk->ki": ((3, 3, 2), (2, 4)),
    "i,j->ij": ((3,), (4,)),
    "...ij,...jk->...ik": ((2, 2, 3), (1, 3, 2)),
    "...i,i->...": ((2, 2, 3), (3,)),
    "ij,jk,kl->il": ((2, 3), (3, 2), (2, 2)),
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_marks_the_elements_with_a_gradient(open_page, equation):
    operands = [numbers(50 + i, *shape, low=1, high=9) for i, shape in enumerate(EQUATIONS[equation])]
    names = ["a", "b", "c"][: len(operands)]
    page = open_page(dlviz.einsum(equation, *operands, names=names))
    result = torch.einsum(equation, *operands)
    compute_all(page, result)
    assert shows(sheet(page, "result"), result)
    for p in sorted({0, result.numel() // 2, result.numel() - 1}):
        index = unravel(p, result.shape)
        leaves = [x.double().requires_grad_() for x in operands]
        torch.einsum(equation, *leaves)[index].backward()
        cell(sheet(page, "result"), p).click()
        for name, leaf in zip(names, leaves, strict=True):
            assert marked(sheet(page, name), "lit") == leaf.grad.flatten().nonzero().flatten().tolist(), (name, index)
        at = ", ".join(map(str, index)) if index else "()"
        assert balanced(line(page).text_content()) == (f"result[{at}]", result[index].item())


def test_complex_terms_are_in_parentheses(open_page):
    a, b = torch.tensor([[1 + 2j, -3j], [2 - 1j, 1j]]), torch.tensor([[-1 - 1j, 2], [4j, 1 + 1j]])
    page = open_page(dlviz.matmul(a, b, names=["a", "b"]))
    for p in range(4):
        cell(sheet(page, "result"), p).click()
        _, between, right = plain(line(page).text_content()).split(" = ")
        assert eval(between.replace("·", "*")) == complex(right) == (a @ b).flatten()[p].item()
    page = open_page(dlviz.broadcast(a, b, op="*", names=["a", "b"]))
    cell(sheet(page, "result"), 1).click()
    _, _, between, right = plain(line(page).text_content()).split(" = ")
    assert eval(between) == complex(right) == (a * b)[0, 1].item()


def test_a_sum_of_no_terms_is_zero(open_page):
    page = open_page(dlviz.matmul(torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, 3, dtype=torch.int64)))
    cell(sheet(page, "result"), 4).click()
    expect(line(page)).to_have_text("result[1, 1] = 0 = 0")


# Large tensors


def window(first_row: int, first_column: int, found: dict) -> bool:
    """Check that the drawn part of the large tensor begins there."""
    rows, columns = {r for r, _ in found}, {c for _, c in found}
    assert (min(rows), min(columns)) == (first_row, first_column)
    assert found == {at: written(LARGE[at].item()) for at in product(rows, columns)}
    return True


def test_the_window_moves_by_its_sliders(open_page, exported):
    page = open_page(exported["large"])
    grid = sheet(page, "x")
    found = by_header(grid)
    assert window(0, 0, found)
    assert len(found) <= 256
    slide(page, "rows from", 20)
    assert window(20, 0, by_header(grid))
    slide(page, "columns from", 33)
    assert window(20, 33, by_header(grid))
    grid.locator(".tensor-cell").first.click()
    expect(line(page)).to_have_text(walk("x", LARGE, (20, 33)))
    assert in_storage(page, "now") == [place(LARGE, (20, 33))]


def test_a_step_beyond_the_edge_moves_the_window(open_page, exported):
    page = open_page(exported["large"])
    grid = sheet(page, "x")
    columns = len({column for _, column in by_header(grid)})
    grid.locator(".tensor-cell").nth(columns - 1).click()
    keys(page, "ArrowRight")
    assert window(0, 1, by_header(grid))
    expect(line(page)).to_have_text(walk("x", LARGE, (0, columns)))
    expect(grid.locator('[data-mark="now"]')).to_be_focused()
    step_to(page, 1 + ravel((40, 2), LARGE.shape))
    assert window(25, 1, by_header(grid))
    expect(line(page)).to_have_text(walk("x", LARGE, (40, 2)))
    step_to(page, 1 + ravel((7, 0), LARGE.shape))
    assert window(7, 0, by_header(grid))


def test_an_exported_page_shows_only_the_part_that_it_holds(open_page, exported):
    page = open_page(exported["large"])
    grid = sheet(page, "x")
    for name, first in (("rows from", 64 - 16), ("columns from", 64 - len({c for _, c in by_header(grid)}))):
        slider = page.get_by_role("slider", name=name, exact=True)
        expect(slider).to_have_attribute("max", str(first))
        slide(page, name, first)
    assert window(48, first, by_header(grid))
    step_to(page, LARGE.numel())
    expect_step(page, LARGE.numel(), LARGE.numel())
    assert marked(grid, "now") == []
    assert window(48, first, by_header(grid))
    for name in ("rows from", "columns from"):
        slider = page.get_by_role("slider", name=name, exact=True)
        assert slider.input_value() == slider.get_attribute("max")


def test_a_large_tensor_has_no_player_and_keys_move_its_selection(open_page, exported):
    page = open_page(exported["large"])
    expect(page.locator(".dlviz-player")).to_be_hidden()
    grid = sheet(page, "x")
    cell(grid, 0).click()
    keys(page, "ArrowDown", "ArrowRight", ".")
    expect(line(page)).to_have_text(walk("x", LARGE, (1, 2)))
    expect(open_page(exported["slanted"]).locator(".dlviz-player")).to_be_visible()


def test_a_drag_on_the_minimap_moves_the_window(open_page, exported):
    page = open_page(exported["large"])
    grid = sheet(page, "x")
    box = page.locator(".dlviz-minimap").bounding_box()
    for row, column in ((30, 40), (12, 20), (400, 200)):
        page.mouse.move(box["x"] + box["width"] * (column + 0.5) / 300, box["y"] + box["height"] * (row + 0.5) / 512)
        page.mouse.down()
        page.mouse.up()
        # The window is centered at the pointer, as far as the page holds the tensor.
        found = by_header(grid)
        last = 64 - len({c for _, c in found})
        assert window(min(row - 8, 48), min(column - 8, last), found)
        assert state(page, "origin") == [min(row - 8, 48), min(column - 8, last)]


def test_the_window_may_be_moved_away_from_the_selection(open_page, exported):
    page = open_page(exported["large"])
    grid = sheet(page, "x")
    cell(grid, 2).click()
    slide(page, "rows from", 20)
    assert window(20, 0, by_header(grid))
    assert marked(grid, "now") == []
    expect_step(page, 3, LARGE.numel())
    keys(page, ".")
    assert window(0, 0, by_header(grid))
    expect(line(page)).to_have_text(walk("x", LARGE, (0, 3)))


def two_large_factors():
    a, b = numbers(16, 20, 20, 20), numbers(17, 20, 20)
    return {
        "result": a * b,
        "widget": dlviz.broadcast(a, b, op="*", names=["a", "b"]),
        "slider": "dim 0",
    }


def a_large_batch():
    a, b = numbers(18, 30, 20, 3), numbers(19, 30, 3, 4)
    return {"result": a @ b, "widget": dlviz.matmul(a, b, names=["a", "b"]), "slider": "batch dim 0"}


def a_large_einsum():
    a = numbers(16, 20, 10, 20)
    return {"result": a.permute(2, 1, 0), "widget": dlviz.einsum("ijk->kji", a, names=["a"]), "slider": "k"}


@pytest.mark.parametrize("make", [two_large_factors, a_large_batch, a_large_einsum])
def test_a_slider_ends_where_the_drawn_part_ends(open_page, make):
    made = make()
    page = open_page(made["widget"])
    grid, result, slider = sheet(page, "result"), made["result"], page.get_by_role("slider", name=made["slider"])
    cell(grid, 1).click()
    steps = int(page.get_by_role("slider", name="step", exact=True).get_attribute("max"))
    # The last step computes everything; it selects an element that is not drawn.
    step_to(page, steps)
    last = int(slider.get_attribute("max"))
    assert 0 < last < result.shape[0]

    def shows_slice(at: int) -> bool:
        expect(grid.locator(".tensor-caption")).to_contain_text(f"[{at}, :, :]")
        found = by_header(grid)
        return len(found) > 0 and found == {index: written(result[(at, *index)].item()) for index in found}

    for at in (last, 1):
        slide(page, made["slider"], at)
        expect(slider).to_have_value(str(at))
        assert shows_slice(at)
    # The player reaches elements that are not drawn, and shows nothing for them.
    expect_step(page, steps, steps)
    assert shows_slice(1)
    assert marked(grid, "now") == []


def test_a_step_beyond_the_drawn_part_shows_the_nearest_elements(open_page):
    a, b = numbers(18, 30, 20, 3), numbers(19, 30, 3, 4)
    page = open_page(dlviz.matmul(a, b, names=["a", "b"], batch=[29], step=20 * 4))
    last = int(page.get_by_role("slider", name="batch dim 0").get_attribute("max"))
    for name, x in (("a", a), ("b", b), ("result", a @ b)):
        at = int(sheet(page, name).locator(".tensor-caption").text_content().strip("[").split(",")[0])
        assert last <= at < 29
        found = by_header(sheet(page, name))
        assert found == {index: written(x[(at, *index)].item()) for index in found}


def test_a_page_holds_the_window_and_no_more(exported):
    # Its 153,600 numbers of four bytes would be 820 kB of text.
    assert len(exported["large"]) - len(exported["slanted"]) < 50_000


# Other kinds of tensors


def test_a_tensor_without_dimensions_is_one_cell(open_page):
    page = open_page(dlviz.tensor(torch.tensor(42), name="x"))
    cell(sheet(page, "x"), 0).click()
    expect(line(page)).to_have_text("x[()] lies at 0 = 0 and holds 42")
    keys(page, "ArrowDown", "Escape")
    expect_step(page, 0, 1)


def test_an_empty_tensor_has_nothing_to_step_through(open_page):
    page = open_page(dlviz.tensor(torch.empty(2, 0, 3), name="x"))
    expect(page.locator(".tensor-empty")).to_contain_text("(2, 0, 3)")
    expect(page.locator(".tensor-cell")).to_have_count(0)
    keys(page, "End", " ")
    expect_step(page, 0, 0)


def test_booleans_and_complex_numbers(open_page):
    page = open_page(dlviz.tensor(torch.tensor([[True, False]]), name="x"))
    assert texts(sheet(page, "x")) == {0: "True", 1: "False"}
    z = torch.tensor([1 + 2j, -0.5 - 1j, 3j])
    page = open_page(dlviz.tensor(z, name="z"))
    found = texts(sheet(page, "z"))
    assert [complex(plain(found[p])) for p in range(3)] == z.tolist()


def test_nonfinite_numbers_are_marked(open_page):
    x = torch.tensor([[1.0, math.nan], [math.inf, -math.inf]])
    page = open_page(dlviz.tensor(x, name="x"))
    assert texts(sheet(page, "x")) == {0: "1", 1: "NaN", 2: "∞", 3: "−∞"}
    odd = (
        sheet(page, "x")
        .locator(".tensor-cell[data-nonfinite]")
        .evaluate_all("(all) => all.map((c) => Number(c.dataset.p))")
    )
    assert odd == (~x.isfinite()).flatten().nonzero().flatten().tolist()
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_contain_text("3 of 4")
    cell(sheet(page, "x"), 1).click()
    expect(line(page)).to_have_text("x[0, 1] lies at 0 + 0·2 + 1·1 = 1 and holds NaN")


def test_a_meta_tensor_has_addresses_and_no_numbers(open_page):
    x = torch.empty(2, 3, device="meta").T
    page = open_page(dlviz.tensor(x, name="x"))
    assert set(texts(sheet(page, "x")).values()) == {"?"}
    cell(sheet(page, "x"), 3).click()
    expect(line(page)).to_contain_text(f"x[1, 1] lies at 0 + 1·1 + 1·3 = {place(x, (1, 1))}")


def test_a_sparse_tensor_has_dots_where_it_stores_nothing(open_page):
    dense = torch.tensor([[0, 5, 0], [-7, 0, 0]])
    page = open_page(dlviz.tensor(dense.to_sparse(), name="x"))
    assert texts(sheet(page, "x")) == {0: "·", 1: "5", 2: "·", 3: "−7", 4: "·", 5: "·"}
    expect(page.locator(".storage-row-cell")).to_have_count(0)
    cell(sheet(page, "x"), 1).click()
    assert marked(sheet(page, "x"), "now") == [1]
    expect(page.locator(".dlviz-note")).to_contain_text("2 of 6")


# Hostile names


@pytest.mark.parametrize(
    "make",
    [
        lambda x: dlviz.tensor(x, name=HOSTILE),
        lambda x: dlviz.views(x, x.T, names={HOSTILE: x}),
        lambda x: dlviz.broadcast(x, x, names=[HOSTILE, HOSTILE]),
        lambda x: dlviz.matmul(x, x.T, names=[HOSTILE, HOSTILE]),
        lambda x: dlviz.einsum("ij->i", x, names=[HOSTILE]),
    ],
    ids=["tensor", "views", "broadcast", "matmul", "einsum"],
)
def test_a_learner_s_names_never_become_html(open_page, make):
    page = open_page(make(X))
    expect(page.locator(".tensor-head b").filter(has_text=HOSTILE).first).to_be_visible()
    page.locator(".tensor-grid").last.locator(".tensor-cell").last.click()
    expect(line(page)).to_be_visible()
    assert page.locator("img, b b").count() == 0
    assert page.title() != "owned"


# Motion and focus


def test_nothing_is_animated_with_reduced_motion(open_page, exported):
    page = open_page(exported["slanted"], reduced_motion=True)
    cell(sheet(page, "x"), 19).click()
    expect(page.locator(".storage-row-hop").first).to_have_css("stroke-dashoffset", "0px")
    assert page.locator(".storage-row-hop").count() == sum(unravel(19, SLANTED.shape))
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_selected_cell_keeps_its_ring_under_the_pointer(open_page, exported):
    page = open_page(exported["slanted"])
    picked = cell(sheet(page, "x"), 6)
    picked.click()
    under = picked.evaluate("(cell) => getComputedStyle(cell).boxShadow")
    page.mouse.move(0, 0)
    assert picked.evaluate("(cell) => getComputedStyle(cell).boxShadow") == under
