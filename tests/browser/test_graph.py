"""The exported page of `dlviz.graph`, used with mouse and keyboard, compared with torch's numbers."""

import json
import random
import re
import shutil
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

import dlviz
from dlviz.autograd.coordinates import SPACING, place
from dlviz.autograd.layout import arrange, pack
from dlviz.kit.linker import link
from dlviz.kit.page import page as standalone
from tests.autograd.zoo import build

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><b>w"


def tiny(**traits):
    w, b = torch.tensor(3.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
    return dlviz.graph(lambda: (w * 2 + b) ** 2, **traits)


def graph_of(name: str, **traits):
    net, loss = build(name)
    return dlviz.graph(loss, model=net, **traits)


@pytest.fixture(scope="module")
def exported() -> dict[str, str]:
    """Export pages that several tests open; no test modifies them."""
    return {name: graph_of(name).to_html() for name in ("mlp", "gpt", "rnn")} | {"tiny": tiny().to_html()}


def card(page: Page, title: str) -> Locator:
    return page.locator(f'.card:has(> text:text-is("{title}"))')


def titles(cards: Locator) -> list[str]:
    return cards.evaluate_all("(all) => all.map((card) => card.querySelector('text').textContent)")


def pills(page: Page) -> dict[str, str]:
    script = "(all) => all.map((c) => [c.querySelector('text').textContent, c.querySelector('.pill text')?.textContent ?? ''])"
    return {title: text for title, text in page.locator(".card").evaluate_all(script) if text}


def expect_step(page: Page, step: int, last: int, current: str | None) -> None:
    """Assert that player, scrubber, model and diagram show the same step."""
    expect(page.locator(".dlviz-count")).to_have_text(f"step {step} / {last}")
    expect(page.get_by_role("slider", name="step")).to_have_value(str(step))
    assert page.evaluate("dlvizModel.get('step')") == step
    assert titles(page.locator(".card.current")) == ([current] if current else [])


def press(page: Page, name: str) -> None:
    # Forced, because a disabled step button must ignore the click.
    page.get_by_role("button", name=name, exact=True).click(force=True)


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def side_row(page: Page, name: str) -> Locator:
    return page.locator(f'.dlviz-side dt:text-is("{name}") + dd').first


# The page as it opens


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tiny", "mlp"])
def test_opens_from_a_file_without_a_request_or_an_error(open_page, exported, name, theme):
    page = open_page(exported[name], theme=theme)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".card.op").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The autograd graph of loss"))).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page, axe, exported, theme):
    page = open_page(exported["mlp"], theme=theme, bypass_csp=True)
    axe(page)
    card(page, "addmm").first.click()
    expect(page.locator(".dlviz-side .dlviz-grid, .dlviz-side .dlviz-histogram").first).to_be_visible()
    axe(page)
    keys(page, "Escape", "Home", "ArrowRight")
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_a_graph_with_faults(open_page, axe, theme):
    axe(open_page(faulty(), theme=theme, bypass_csp=True))
    page = open_page(not_a_number(), theme=theme, bypass_csp=True)
    card(page, "log").click()
    axe(page)


def test_the_theme_trait_wins_over_the_browser(open_page):
    page = open_page(tiny(theme="dark"), theme="light")
    card_root = page.locator(".dlviz")
    expect(card_root).to_have_css("background-color", "rgb(13, 17, 23)")
    page.evaluate("dlvizModel.set('theme', 'light')")
    expect(card_root).to_have_css("background-color", "rgb(255, 255, 255)")
    page.evaluate("dlvizModel.set('theme', 'auto')")
    page.emulate_media(color_scheme="dark")
    expect(card_root).to_have_css("background-color", "rgb(13, 17, 23)")


def test_a_page_without_backward_offers_no_preview(open_page):
    w = torch.tensor(3.0, requires_grad=True)
    page = open_page(dlviz.graph((w * 2) ** 2))
    expect(page.locator(".graph-preview")).to_be_hidden()
    expect(page.locator(".dlviz-badge")).to_have_text("forward only")
    expect(page.locator(".dlviz-player")).to_be_hidden()
    assert pills(page) == {}
    card(page, "mul").click()
    expect(side_row(page, "shape")).to_have_text("() float32")
    keys(page, "Escape", " ", "End")
    assert page.evaluate("[dlvizModel.get('step'), dlvizModel.get('playing')]") == [0, False]


# The player

ORDER = ["pow", "add", "mul", "w", "b"]


def test_the_order_equals_the_engine_s():
    seen = []
    graph = tiny().graph
    for node in graph.nodes:
        node.grad_fn.register_prehook(lambda _, node=node: seen.append(node.label or node.op))
    graph.root.backward()
    assert seen == [graph.nodes[node].label or graph.nodes[node].op for node in graph.order]
    assert sorted(seen) == sorted(ORDER)


def order_of(widget) -> list[str]:
    return [widget.graph.nodes[node].label or widget.graph.nodes[node].op for node in widget.graph.order]


def test_play_runs_backward_to_its_end_by_itself(open_page):
    widget = tiny(speed=4.0)
    page = open_page(widget)
    press(page, "first step")
    expect_step(page, 0, 5, None)
    assert pills(page) == {}
    page.evaluate("""() => {
      globalThis.seen = [];
      const now = () => document.querySelector(".card.current text")?.textContent;
      dlvizModel.on("change:step", () => seen.push(now()));
    }""")
    press(page, "play")
    expect(page.get_by_role("button", name="pause")).to_be_visible()
    expect(page.locator(".dlviz-count")).to_have_text("step 5 / 5")
    expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()
    assert page.evaluate("seen") == order_of(widget)
    expect_step(page, 5, 5, None)


def test_pause_stops_and_the_speed_menu_changes_the_pace(open_page):
    page = open_page(tiny(speed=0.25))
    press(page, "first step")
    press(page, "play")
    press(page, "pause")
    expect_step(page, 0, 5, None)
    page.get_by_label("speed").select_option("4")
    assert page.evaluate("dlvizModel.get('speed')") == 4
    press(page, "play")
    expect(page.locator(".dlviz-count")).to_have_text("step 5 / 5", timeout=3000)


def test_the_buttons_step_both_ways(open_page):
    widget = tiny()
    order, page = order_of(widget), open_page(widget)
    press(page, "first step")
    for step in (1, 2, 3):
        press(page, "one step on")
        expect_step(page, step, 5, order[step - 1])
        assert set(pills(page)) == set(order[:step])
    press(page, "one step back")
    expect_step(page, 2, 5, order[1])
    assert set(pills(page)) == set(order[:2])
    press(page, "first step")
    press(page, "one step back")
    expect_step(page, 0, 5, None)


def test_the_scrubber_moves_by_mouse_and_by_keyboard(open_page):
    widget = tiny()
    order, page = order_of(widget), open_page(widget)
    scrubber = page.get_by_role("slider", name="step")
    box = scrubber.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect_step(page, 2, 5, order[1])
    scrubber.focus()
    keys(page, "ArrowRight")
    expect_step(page, 3, 5, order[2])
    expect(scrubber).to_have_attribute("aria-valuetext", re.compile(f"backward step 3 of 5: {order[2]}, gradient"))
    keys(page, "Home")
    expect_step(page, 0, 5, None)
    keys(page, "End", "ArrowLeft")
    expect_step(page, 4, 5, order[3])


def test_keys_play_and_step(open_page):
    widget = tiny(speed=4.0)
    order, page = order_of(widget), open_page(widget)
    page.locator(".dlviz").focus()
    keys(page, "Home")
    expect_step(page, 0, 5, None)
    keys(page, "ArrowRight", "ArrowRight")
    expect_step(page, 2, 5, order[1])
    keys(page, "ArrowLeft")
    expect_step(page, 1, 5, order[0])
    keys(page, " ")
    expect(page.locator(".dlviz-count")).to_have_text("step 5 / 5")
    keys(page, "Home", " ", " ")
    expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()
    keys(page, "End")
    expect_step(page, 5, 5, None)


def test_edges_are_highlighted_where_the_gradient_flows(open_page):
    page = open_page(tiny())
    press(page, "first step")
    expect(page.locator(".edge.done, .edge.current")).to_have_count(0)
    press(page, "one step on")
    expect(page.locator(".edge.current")).to_have_count(1)
    press(page, "one step on")  # add sends to both its inputs
    expect(page.locator(".edge.current")).to_have_count(2)
    expect(page.locator(".edge.done")).to_have_count(1)
    keys(page, "End")
    expect(page.locator(".edge.done")).to_have_count(4)
    expect(page.locator(".edge.current")).to_have_count(0)


def test_nothing_is_animated_under_reduced_motion(open_page, exported):
    page = open_page(exported["mlp"], reduced_motion=True)
    press(page, "one step back")
    page.locator(".open-group .toggle").first.dispatch_event("click")
    assert page.evaluate("document.getAnimations().length") == 0
    moving = "(all) => all.filter((node) => parseFloat(getComputedStyle(node).transitionDuration) > 0).length"
    assert page.locator(".dlviz *").evaluate_all(moving) == 0


# The numbers


def test_every_pill_and_edge_shows_torch_s_number(open_page):
    w, b = torch.tensor(3.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
    twice = w * 2
    inner = twice + b
    loss = inner**2
    for tensor in (twice, inner, loss):
        tensor.retain_grad()
    loss.backward()
    tensors = {"w": w, "b": b, "mul": twice, "add": inner, "pow": loss}
    page = open_page(tiny())
    assert pills(page) == {title: f"∂ {tensor.grad.item():g}" for title, tensor in tensors.items()}
    values = {title: f"{tensor.item():g}".replace("-", "−") for title, tensor in tensors.items()}
    assert {title: card(page, title).locator(".subtitle").text_content() for title in tensors} == values
    sent = [inner.grad, twice.grad, b.grad, w.grad]
    assert sorted(page.locator(".edge-gradient").all_text_contents()) == sorted(
        f"{gradient.item():g}" for gradient in sent
    )


def test_a_tensor_s_pill_is_the_norm_of_its_gradient(open_page, exported):
    net, loss = build("mlp")
    loss().backward()
    page = open_page(exported["mlp"])
    shown = page.locator(".card.leaf .pill text").all_text_contents()
    assert sorted(shown) == sorted(f"‖∂‖ {p.grad.norm().item():.3g}" for p in net.parameters())


def test_a_click_shows_the_details_of_a_node_and_escape_deselects(open_page):
    page = open_page(tiny())
    expect(page.locator(".dlviz-side")).to_be_hidden()
    card(page, "add").click()
    expect(page.locator(".dlviz-side h4")).to_have_text("AddBackward0")
    expect(side_row(page, "value")).to_have_text("5")
    expect(side_row(page, "arriving")).to_have_text("10")
    expect(side_row(page, "made at")).to_contain_text("w * 2 + b")
    expect(card(page, "add")).to_have_class(re.compile("selected"))
    keys(page, "Escape")
    expect(page.locator(".dlviz-side")).to_be_hidden()
    expect(page.locator(".card.selected")).to_have_count(0)


def test_fast_steps_change_the_panel_less_often_and_it_ends_at_the_last(open_page, exported):
    page = open_page(exported["gpt"])
    page.evaluate("dlvizModel.set('step', 40)")
    expected = page.locator(".dlviz-side h4").inner_text()
    changes, took = page.evaluate(
        """async () => {
          let changes = 0;
          const start = performance.now();
          new MutationObserver(() => { changes += 1; }).observe(document.querySelector(".dlviz-side"), { childList: true, subtree: true });
          for (let step = 1; step <= 40; step += 1) {
            dlvizModel.set("step", step);
            await new Promise(requestAnimationFrame);
          }
          return [changes, performance.now() - start];
        }"""
    )
    assert 1 <= changes <= took / 100 + 2
    expect(page.locator(".dlviz-side h4")).to_have_text(expected)


def test_the_legend_opens_and_closes_and_the_diagram_stays_in_place(open_page):
    page = open_page(tiny())
    before = card(page, "mul").bounding_box()
    page.get_by_role("button", name="How to read it").click()
    expect(page.locator(".dlviz-side")).to_contain_text("a leaf: backward fills its .grad")
    assert card(page, "mul").bounding_box() == before
    keys(page, "Escape")
    expect(page.locator(".dlviz-side")).to_be_hidden()


def test_texts_have_their_true_size_and_a_minimap_shows_what_does_not_fit(open_page, exported):
    page = open_page(exported["gpt"])
    sizes = page.locator(".graph-pane text").evaluate_all(
        "(all) => all.map((node) => parseFloat(getComputedStyle(node).fontSize) * node.getScreenCTM().a)"
    )
    assert min(sizes) >= 11
    minimap, root = page.locator(".graph-minimap"), page.locator(".pan-zoom")
    expect(minimap).to_be_visible()
    before = root.get_attribute("transform")
    minimap.click(position={"x": 3, "y": 3})
    assert root.get_attribute("transform") != before
    page = open_page(tiny())
    expect(page.locator(".graph-minimap")).to_be_hidden()


def reparameterized():
    """Return two compared graphs with marked operations below nodes that have a gradient."""
    mean, log_var = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    eps, std = torch.ones(3), lambda: torch.exp(log_var / 2)
    inside = lambda: torch.normal(mean, std()).square().sum()  # noqa: E731
    return dlviz.graph(lambda: (mean + std() * eps).square().sum(), against=inside, names={"mean": mean, "eps": eps})


def boxes(found: Locator) -> list[tuple[float, float, float, float]]:
    """Return left, top, right and bottom of each element on the screen."""
    script = "(all) => all.map((n) => n.getBoundingClientRect()).map((b) => [b.left, b.top, b.right, b.bottom])"
    return [tuple(box) for box in found.evaluate_all(script)]


def overlaps(some: list, others: list) -> list:
    return [(a, b) for a in some for b in others if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]


@pytest.mark.parametrize("width", [600, 905])
def test_no_gradient_covers_a_mark_or_a_title_or_leaves_its_group(open_page, width):
    page = open_page(reparameterized(), width=width)
    pill, marks, groups = (
        boxes(page.locator(f".graph-pane {name}")) for name in (".pill", ".mark", ".open-group > rect")
    )
    assert (len(pill), len(marks), len(groups)) == (15, 3, 2)
    assert overlaps(pill, marks + boxes(page.locator(".open-group > text"))) == []
    assert overlaps(marks, boxes(page.locator(".open-group > text"))) == []
    for _, _, _, bottom in pill:
        assert min(abs(bottom - edge) for *_, edge in groups) > 5


@pytest.mark.parametrize("width", [600, 905])
def test_the_buttons_cover_nothing_of_a_diagram_that_is_shown_as_a_whole(open_page, width):
    torch.manual_seed(0)
    forger, expert, x = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1), torch.ones(4, 2)
    run = lambda fake: -expert(x).sigmoid().mean() - (1 - expert(fake).sigmoid()).mean()  # noqa: E731
    page = open_page(dlviz.graph(lambda: run(forger(x)), against=lambda: run(forger(x).detach())), width=width)
    press(page, "show everything")
    shown = boxes(page.locator(".graph-pane :is(.card, .open-group)"))
    assert len(shown) > 30
    assert overlaps(boxes(page.locator(".graph-tools")), shown) == []


def test_on_a_narrow_page_the_minimap_lies_below_the_diagram(open_page):
    page = open_page(reparameterized(), width=600)
    minimap, pane = page.locator(".graph-minimap").bounding_box(), page.locator(".graph-pane").bounding_box()
    assert minimap["y"] >= pane["y"] + pane["height"]
    card_box = page.locator(".dlviz").bounding_box()
    assert minimap["y"] + minimap["height"] < card_box["y"] + card_box["height"]


def test_the_minimap_lies_over_no_node_where_a_corner_is_free(open_page):
    page = open_page(reparameterized(), width=905)
    press(page, "zoom in")
    press(page, "zoom in")
    minimap = page.locator(".graph-minimap")
    expect(minimap).to_be_visible()
    pane = page.locator(".graph-pane").bounding_box()
    for dx, dy in ((0, 0), (-90, 0), (120, 0), (60, -60)):
        page.mouse.move(pane["x"] + 200, pane["y"] + pane["height"] - 15)
        page.mouse.down()
        page.mouse.move(pane["x"] + 200 + dx, pane["y"] + pane["height"] - 15 + dy, steps=3)
        page.mouse.up()
        assert overlaps(boxes(minimap), boxes(page.locator(".card"))) == []
        assert overlaps(boxes(minimap), boxes(page.locator(".graph-tools"))) == []
    # While it is dragged, it stays under the pointer.
    before = minimap.bounding_box()
    page.mouse.move(before["x"] + 20, before["y"] + 20)
    page.mouse.down()
    page.mouse.move(before["x"] + 90, before["y"] + 50, steps=5)
    assert minimap.bounding_box() == before
    page.mouse.up()
    assert overlaps(boxes(minimap), boxes(page.locator(".card"))) == []


def test_a_small_tensor_is_a_grid_of_torch_s_numbers(open_page):
    w = torch.tensor([[1.0, -2.0], [0.0, 4.0]], requires_grad=True)
    page = open_page(dlviz.graph(lambda: (w * w).sum()))
    card(page, "w").click()
    cells = side_row(page, "value").locator(".dlviz-cell")
    assert cells.all_text_contents() == ["1", "−2", "0", "4"]
    arriving = side_row(page, "arriving").locator(".dlviz-cell")
    assert arriving.all_text_contents() == ["2", "−4", "0", "8"]


def test_contributions_add_up_where_paths_meet(open_page):
    w = torch.tensor(2.0, requires_grad=True)
    page = open_page(dlviz.graph(lambda: 3 * w + 4 * w))
    card(page, "w").first.click()
    expect(page.locator(".graph-sum")).to_have_text(re.compile(r"^(3 \+ 4|4 \+ 3) = 7$"))


def test_arrows_select_neighbors(open_page):
    page = open_page(tiny())
    card(page, "mul").click()
    for key, title in (("ArrowRight", "add"), ("ArrowRight", "pow"), ("ArrowRight", "pow"), ("ArrowLeft", "add")):
        keys(page, key)
        assert titles(page.locator(".card.selected")) == [title]
    expect_step(page, 5, 5, None)


def test_a_link_in_the_side_panel_selects_a_node(open_page):
    page = open_page(tiny())
    card(page, "pow").click()
    page.locator(".graph-link", has_text="add").click()
    expect(page.locator(".dlviz-side h4")).to_have_text("AddBackward0")


# Groups


def nodes_in(page: Page) -> int:
    return page.locator("*").count()


def visible_element(page: Page, located: Locator) -> Locator:
    """Return the last located element that is inside the visible area."""
    pane = page.locator(".graph-pane").bounding_box()
    for element in reversed(located.all()):
        box = element.bounding_box()
        within_x = pane["x"] < box["x"] and box["x"] + box["width"] < pane["x"] + pane["width"]
        if within_x and pane["y"] < box["y"] and box["y"] + box["height"] < pane["y"] + pane["height"]:
            return element
    raise AssertionError(f"none of {located.count()} is visible")


def test_enter_toggles_the_group_around_the_selected_node(open_page, exported):
    page = open_page(exported["mlp"])
    expect(page.locator(".open-group")).to_have_count(3)
    card(page, "addmm").first.click()
    keys(page, "Enter")
    expect(page.locator(".open-group")).to_have_count(2)
    expect(page.locator(".card.group.selected")).to_have_count(1)
    keys(page, "Enter")
    expect(page.locator(".open-group")).to_have_count(3)
    assert titles(page.locator(".card.selected")) == ["addmm"]


def test_enter_on_a_focused_button_presses_that_button(open_page, exported):
    page = open_page(exported["mlp"])
    page.get_by_role("button", name="close all groups").focus()
    keys(page, "Enter")
    expect(page.locator(".open-group")).to_have_count(0)
    assert page.evaluate("dlvizModel.get('selected')") == -1


@pytest.mark.parametrize("name", ["gpt", "rnn"])
def test_groups_of_a_large_graph_open_and_close(open_page, exported, name):
    page = open_page(exported[name])
    press(page, "close all groups")
    expect(page.locator(".open-group")).to_have_count(0)
    at_first = nodes_in(page)
    for frames in (1, 2, 3):
        press(page, "show everything")
        button = visible_element(page, page.locator(".card.group .toggle"))
        opened = button.get_attribute("data-toggle")
        button.click()
        expect(page.locator(".open-group")).to_have_count(frames)
        assert nodes_in(page) < 3000
        # The expanded group is visible, with the button that collapses it.
        visible_element(page, page.locator(f'.open-group .toggle[data-toggle="{opened}"]'))
    for left in (2, 1, 0):
        press(page, "show everything")
        visible_element(page, page.locator(".open-group .toggle")).click()
        expect(page.locator(".open-group")).to_have_count(left)
    assert nodes_in(page) == at_first


def test_a_toggled_group_stays_under_the_pointer(open_page, exported):
    page = open_page(exported["mlp"])
    press(page, "zoom in")
    button = visible_element(page, page.locator(".open-group .toggle"))
    box = button.get_attribute("data-toggle")
    before = button.bounding_box()
    for frames in (2, 3):
        page.mouse.click(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
        expect(page.locator(".open-group")).to_have_count(frames)
        after = page.locator(f'.toggle[data-toggle="{box}"]').bounding_box()
        assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=6)


@pytest.mark.parametrize("name", ["gpt", "rnn"])
def test_expanding_everything_keeps_the_page_small(open_page, exported, name):
    page = open_page(exported[name])
    for _ in range(8):
        press(page, "open more groups")
        assert nodes_in(page) < 12_000
    expect(page.locator(".card").first).to_be_attached()
    press(page, "close all groups")
    expect(page.locator(".open-group")).to_have_count(0)


def test_a_folded_loop_shows_the_gradient_of_every_iteration(open_page, exported):
    page = open_page(exported["rnn"])
    loop = page.locator(".card.loop")
    expect(loop.locator("text").first).to_have_text("cell × 200")
    assert loop.locator(".sparkline").get_attribute("d").count("M") == 200


def test_a_step_inside_a_collapsed_group_highlights_the_group(open_page, exported):
    page = open_page(exported["rnn"])
    page.evaluate("dlvizModel.set('step', 700)")
    assert titles(page.locator(".card.current")) == ["cell × 200"]


# Faults, cuts, and compared graphs


def faulty():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with dlviz.autograd.recording() as tape:
        a = x * 3
        loss = a.exp().sum() + (a**2).sum()
        a.add_(1)
    return dlviz.graph(loss, tape=tape)


def not_a_number():
    x = torch.tensor([1.0, -1.0], requires_grad=True)
    return dlviz.graph(lambda: x.log().sum())


def test_an_overwritten_tensor_is_marked_before_backward(open_page):
    page = open_page(faulty())
    expect(page.locator('.card[data-mark="stale"]')).to_have_count(1)
    assert titles(page.locator('.card[data-mark="stale"]')) == ["pow"]
    expect(page.locator('.dlviz-note[data-kind="bad"]')).to_contain_text("a.add_(1)")
    expect(page.locator(".dlviz-badge")).to_have_text("backward() will fail")


def test_the_first_nan_is_marked(open_page):
    page = open_page(not_a_number())
    assert titles(page.locator('.card[data-mark="nan"]')) == ["log"]
    expect(card(page, "log").locator(".mark")).to_have_text("first NaN")
    expect(page.locator(".dlviz-note").first).to_contain_text("First NaN of the forward pass: log")
    card(page, "log").click()
    expect(side_row(page, "value").locator(".dlviz-cell[data-nonfinite]")).to_have_text("NaN")


def test_a_cut_is_drawn(open_page):
    w = torch.tensor(2.0, requires_grad=True)
    page = open_page(dlviz.graph(lambda: w * 3 + (w * w).detach()))
    expect(page.locator(".card.cut")).to_have_count(1)
    expect(page.locator(".card.cut .cut-icon")).to_have_count(1)


def test_compared_graphs_mark_what_only_one_has(open_page):
    w = torch.tensor(2.0, requires_grad=True)

    def run(deep: bool):
        h = w * 3
        if deep:
            h = torch.tanh(h)
        return h.square()

    page = open_page(dlviz.graph(lambda: run(True), against=lambda: run(False)))
    expect(page.locator(".open-group.graph")).to_have_count(2)
    assert titles(page.locator('.card[data-mark="changed"]')) == ["tanh"]
    expect(card(page, "mul")).to_have_count(2)
    press(page, "close all groups")
    expect(page.locator(".open-group.graph")).to_have_count(2)


# Names from the user's code


def test_names_and_source_lines_never_become_html(open_page):
    net = torch.nn.Module()
    net.register_module(HOSTILE.replace(".", ""), torch.nn.Linear(1, 1))
    w = torch.tensor(2.0, requires_grad=True)
    layer = next(net.children())
    net.forward = lambda x: layer(x)
    loss = lambda: (net(torch.ones(1, 1)) * w).sum() + len("</script><img src=x>") * 0  # noqa: E731
    page = open_page(dlviz.graph(loss, model=net, names={HOSTILE: w}))
    assert page.locator("img, main b").count() == 0
    assert HOSTILE in page.evaluate("JSON.stringify(dlvizModel.get('scene').strings)").replace('\\"', '"')
    card(page, "mul").click()
    expect(side_row(page, "made at")).to_contain_text("</script><img src=x>")
    page.locator(".card.leaf").last.click()
    assert page.locator("img, main b").count() == 0
    assert "owned" not in page.title()


# Pan and zoom


def scale(page: Page) -> float:
    return float(re.search(r"scale\(([\d.]+)\)", page.locator(".pan-zoom").get_attribute("transform"))[1])


def test_zoom_by_button_key_and_wheel(open_page):
    page = open_page(tiny())
    first = scale(page)
    press(page, "zoom in")
    assert scale(page) == pytest.approx(1.25 * first, rel=1e-3)
    press(page, "zoom out")
    assert scale(page) == pytest.approx(first, rel=1e-3)
    page.locator(".dlviz").focus()
    keys(page, "+", "+")
    assert scale(page) > 1.5 * first
    press(page, "show everything")
    assert scale(page) == pytest.approx(first, rel=1e-3)
    page.locator(".graph-pane").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_selector('.pan-zoom:not([transform*="scale(1.0000)"])', state="attached")
    assert scale(page) > first


def test_a_drag_moves_the_diagram_and_selects_nothing(open_page):
    page = open_page(tiny())
    before = card(page, "mul").bounding_box()
    page.mouse.move(before["x"] + 20, before["y"] + 10)
    page.mouse.down()
    page.mouse.move(before["x"] + 80, before["y"] + 40, steps=6)
    page.mouse.up()
    after = card(page, "mul").bounding_box()
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((60, 30), abs=2)
    assert page.evaluate("dlvizModel.get('selected')") == -1


def test_a_narrow_page_stacks_the_side_panel_and_clips_nothing(open_page, exported):
    page = open_page(exported["mlp"], width=500)
    card(page, "nll_loss").click()
    stage, side = page.locator(".dlviz-main").bounding_box(), page.locator(".dlviz-side").bounding_box()
    assert side["y"] >= stage["y"] + stage["height"] - 1
    wider = """(root) => [...root.querySelectorAll("*")].filter((node) => !node.closest("svg, .dlviz-visually-hidden, .dlviz-signature"))
      .filter((node) => node.getBoundingClientRect().right > root.getBoundingClientRect().right + 0.5)
      .map((node) => node.outerHTML.slice(0, 80))"""
    assert page.locator(".dlviz").evaluate(wider) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_resizing_the_window_raises_no_error_and_keeps_the_diagram_in_view(open_page, exported):
    page = open_page(exported["mlp"])
    for width in (900, 520, 1200, 700):
        page.set_viewport_size({"width": width, "height": 800})
        frame = page.locator(".dlviz-main").bounding_box()
        expect(page.locator(".graph-pane")).to_be_visible()
        assert page.locator(".graph-pane").bounding_box()["width"] == pytest.approx(frame["width"], abs=1)
        expect(card(page, "nll_loss")).to_be_in_viewport()


# The layout in the browser equals the layout in Python

PROBE = """
import { typedArray } from "./kit/js/typed_arrays.js";
import { place } from "./autograd/coordinates.js";

function render({ model, el }) {
  const placements = model.get("cases").map(({ packed, widths, heights, spacing, expanded }) => {
    const scene = { widths, heights, spacing, graphEdges: (edge) => [edge] };
    const placement = place(typedArray(packed, "int32"), scene, new Set(expanded));
    return { ...placement, boxes: [...placement.boxes].map(([box, { x, y, w, h }]) => [box, [x, y, w, h]]) };
  });
  el.textContent = JSON.stringify(placements);
}

export default { render };
"""


def nested(seed: int) -> tuple[list[int], list[tuple[int, int]], list[int], list[int], list[int]]:
    """Return random boxes in groups: parents, edges between boxes that hold no others, widths, heights, and the expanded groups."""
    rng = random.Random(seed)
    parents = [-1]
    for box in range(1, rng.randint(6, 60)):
        parents.append(rng.choice([-1, *range(max(0, box - 8), box)]) if rng.random() < 0.8 else parents[-1])
    groups = sorted(set(parents) - {-1})
    plain = [box for box in range(len(parents)) if box not in groups]
    edges = {tuple(sorted(rng.sample(plain, 2))) for _ in range(3 * len(plain))} if len(plain) > 1 else set()
    widths = [rng.randint(64, 220) for _ in parents]
    heights = [rng.choice([40, 64]) for _ in parents]
    return parents, sorted(edges), widths, heights, [group for group in groups if rng.random() < 0.6]


def test_the_browser_places_boxes_exactly_as_python_does(open_page, tmp_path):
    room, kit = Path(dlviz.autograd.__file__).parent, Path(dlviz.kit.__file__).parent
    for source, target in (
        (room / "view/coordinates.js", "autograd/coordinates.js"),
        (kit / "js/typed_arrays.js", "kit/js/typed_arrays.js"),
    ):
        (tmp_path / target).parent.mkdir(parents=True)
        shutil.copy(source, tmp_path / target)
    (tmp_path / "probe.js").write_text(PROBE, encoding="utf-8")
    cases, expected = [], []
    for seed in range(30):
        parents, edges, widths, heights, expanded = nested(seed)
        groups = arrange(parents, edges)
        expected.append(place(groups, widths, heights, expanded))
        case = {"packed": pack(groups).tobytes(), "widths": widths, "heights": heights}
        cases.append(case | {"spacing": SPACING, "expanded": expanded})
    page = open_page(standalone("probe", link(tmp_path / "probe.js"), "", {"cases": cases}))
    placements = json.loads(page.locator("#widget").text_content())
    assert sum(len(placement.boxes) for placement in expected) > 300
    for actual, placement in zip(placements, expected, strict=True):
        assert (actual["width"], actual["height"]) == pytest.approx((placement.width, placement.height))
        boxes = {box: tuple(at) for box, at in actual["boxes"]}
        assert boxes.keys() == placement.boxes.keys()
        for box, at in placement.boxes.items():
            assert boxes[box] == pytest.approx(at)
        assert [segment["edges"] for segment in actual["segments"]] == [edges for _, edges in placement.segments]
        for segment, (points, _) in zip(actual["segments"], placement.segments, strict=True):
            assert [tuple(point) for point in segment["points"]] == [pytest.approx(point) for point in points]


def test_a_page_of_leaves_opens_and_a_large_histogram_says_that_it_is_a_sample(open_page):
    weights = [torch.tensor([float(i)], requires_grad=True) for i in range(120)]
    large = torch.ones(300_000, requires_grad=True)
    page = open_page(dlviz.graph(lambda: torch.cat([*weights, large]).sum()))
    expect(page.locator(".card.leaf")).to_have_count(0)
    card(page, "cat").click()
    expect(page.locator(".dlviz-side").get_by_text(re.compile("histogram of [0-9]+ of them")).first).to_be_visible()
    card(page, "leaves 51–100").locator(".toggle").click()
    expect(page.locator(".card.leaf")).to_have_count(50)


def test_a_diagram_that_is_a_little_too_wide_opens_whole(open_page):
    w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    loss = ((w * x + b - y) ** 2).mean()
    page = open_page(dlviz.graph(loss, names={"loss": loss, "w": w, "b": b, "x": x, "y": y}).to_html(), width=545)
    pane, picture = (page.locator(name).bounding_box() for name in (".graph-pane", ".pan-zoom"))
    assert "scale(0.9" in page.locator(".pan-zoom").get_attribute("transform")
    assert pane["x"] <= picture["x"]
    assert picture["x"] + picture["width"] <= pane["x"] + pane["width"]
