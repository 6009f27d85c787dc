"""Exported pages of the recurrent room, and live ones with this process as kernel, compared with torch's numbers."""

import math
import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn

import dlviz
from tests.browser.conftest import until, until_holds
from tests.browser.test_network import colors, number, pixel

#: On the timeline's canvas: left edge of the first step, top of h, and the margin at both sides.
LEFT, TOP, SIDES = 64, 70, 78
LETTERS = torch.eye(27)


def encode(text):
    return LETTERS[["abcdefghijklmnopqrstuvwxyz ".index(letter) for letter in text]]


def lstm(**settings):
    torch.manual_seed(0)
    module = nn.LSTM(27, 8, num_layers=2)
    return dlviz.unroll(module, "hello you", encode=encode, **settings)


def gru(**settings):
    torch.manual_seed(0)
    return dlviz.unroll(nn.GRU(5, 6, bidirectional=True), torch.randn(12, 5), tokens="abcdefghijkl", **settings)


def rnn(**settings):
    torch.manual_seed(0)
    tokens = ["<b>x</b>", *"bcdefg"]
    return dlviz.unroll(nn.RNN(3, 5).double(), torch.randn(7, 3).double(), tokens=tokens, **settings)


def large(**settings):
    torch.manual_seed(0)
    return dlviz.unroll(nn.LSTM(8, 64), torch.randn(200, 8), unit=33, step=120, **settings)


def trained(**settings):
    torch.manual_seed(0)
    module, x = nn.LSTM(4, 6), torch.randn(20, 4)
    view = dlviz.unroll(module, x, step=19, **settings)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for step in range(4):
        optimizer.zero_grad()
        (20 * (module(x)[0][-1] - 1).square().mean()).backward()
        view.update("<i>mid</i>" if step == 1 else "")
        optimizer.step()
    return view


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    projected = dlviz.unroll(nn.LSTM(4, 6, proj_size=2).double(), torch.randn(5, 4).double(), unit=4)
    found = {"lstm": lstm(step=6, unit=3), "gru": gru(step=4, unit=2, layer=1, gate=2), "rnn": rnn(step=3)}
    found |= {"large": large(), "trained": trained(), "projected": projected}
    found["zeroed"] = trained(threshold=0.2, span=[3, 6])
    found["zeroed"].zero("f", 2)
    return {name: view.to_html() for name, view in found.items()}


def column(page: Page, steps: int) -> float:
    return min(60, (page.eval_on_selector(".rec-heatmap canvas", "n => n.clientWidth") - SIDES) / steps)


def place(page: Page, steps: int, units: int, t: int, u: int) -> dict[str, float]:
    """Return where h_t[u] is drawn, in pixels."""
    height = 165 if page.evaluate("dlvizModel.get('scene').kind") == "LSTM" else 240
    row = max(2, 84 / units) if steps > 40 else min(28, height / units)
    return {"x": LEFT + (t + 0.5) * column(page, steps), "y": TOP + (u + 0.5) * row}


def open_fold(page: Page, title: str) -> None:
    page.get_by_role("button", name=title).click()


WHAT_IF, GRADIENTS, CLIPPING = "What if …?", "How far back do gradients reach?", "What does clipping change?"


def values(page: Page, kind: str) -> list[float]:
    return [number(text) for text in page.locator(f".rec-picture {kind}").all_text_contents()]


def gate(page: Page, name: str):
    return page.get_by_role("button", name=re.compile(f"^gate {name} ="))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "large", "trained", "projected", "zeroed"])
def test_opens_from_a_file_and_axe_finds_nothing_serious(open_page, axe, pages, name, theme):
    page = open_page(pages[name], theme=theme, bypass_csp=True)
    expect(page.locator(".dlviz")).to_have_attribute("data-theme", theme)
    expect(page.locator(".rec-heatmap")).to_be_visible()
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("name", "make"), [("lstm", lstm), ("gru", gru), ("rnn", rnn)])
def test_the_colors_of_the_states_show_the_numbers_of_torch(open_page, pages, name, make, theme):
    view = make(layer=1) if name == "gru" else make()
    page = open_page(pages[name], theme=theme)
    h = view.states["h"].double()
    paper, pos, neg = (torch.tensor(colors(page, one), dtype=torch.float64) for one in ("paper", "pos", "neg"))
    for t, u in ((0, 0), (1, 1), (2, 4), (5, 1), (0, 4)):
        at = place(page, *h.shape, t, u)
        found = pixel(page, ".rec-heatmap canvas", at["x"] + 4, at["y"])
        value = h[t, u]
        expected = paper + ((pos if value > 0 else neg) - paper) * (value.abs() / h.abs().max())
        assert max(abs(a - b) for a, b in zip(found, expected.tolist(), strict=True)) <= 3


def test_a_step_of_an_lstm_shows_the_gates_and_states_of_torch(open_page, pages):
    view = lstm()
    page = open_page(pages["lstm"])
    for t, u in ((6, 3), (0, 3), (8, 3)):
        page.evaluate("t => dlvizModel.set('step', t)", t)
        trace = view.record.layers[0]
        for k, name in enumerate("ifgo"):
            value = trace.gates[t, k, u].item()
            assert number(gate(page, name).get_attribute("aria-label").split("= ")[1]) == pytest.approx(value, rel=6e-3)
        numbers = [trace.from_x, trace.from_h, trace.preactivations]
        expected = [one[t, k, u].item() for k in (1, 0, 2, 3) for one in numbers]
        assert values(page, ".rec-number") == pytest.approx(expected, rel=6e-3)
        shown = values(page, "tspan.rec-value")
        parts = [trace.c_prev[t, u], trace.intermediates["keep"][t, u], trace.intermediates["add"][t, u], trace.c[t, u]]
        parts += [trace.intermediates["tanh_c"][t, u], trace.h[t, u]]
        assert shown == pytest.approx([part.item() for part in parts], rel=6e-3)
        expect(page.locator(".rec-cell .tensor-formula")).to_contain_text(f"h[{u}] = o·tanh(c)")


def test_a_valve_is_open_in_proportion_to_its_gate(open_page, pages):
    view = lstm()
    page = open_page(pages["lstm"])
    shut = [float(n.get_attribute("height")) for n in page.locator(".rec-shutter").all()]
    gates = view.record.layers[0].gates[6, [1, 0, 3], 3].tolist()
    assert shut == pytest.approx([17 * (1 - value) for value in gates for _ in range(2)], rel=1e-4)


def test_a_grus_formula_stands_beside_the_papers(open_page, pages):
    view = gru(layer=1)
    page = open_page(pages["gru"])
    open_fold(page, "Is it the paper's GRU?")
    trace, t, u = view.record.layers[1], 7, 2
    torchs, papers, gap = page.locator(".rec-compare").all_inner_texts()
    assert "r·(W_hn·h + b_hn)" in torchs
    assert "W_hn·(r·h)" in papers
    ends = [number(re.search(r"h = (\S+)", text).group(1)) for text in (torchs, papers)]
    assert ends == pytest.approx([trace.h[t, u].item(), trace.intermediates["paper_h"][t, u].item()], rel=1e-3)
    shown = number(re.search(r"difference in h: (\S+)\. ", gap).group(1))
    assert shown == pytest.approx((trace.h - trace.intermediates["paper_h"])[t, u].item(), rel=1e-3)
    assert page.locator(".rec-cell .tensor-formula").inner_text().startswith("h[2] = (1 − z)·n + z·h₋₁")


def test_a_plain_rnn_has_no_gate_to_hold_at_zero(open_page, pages):
    page = open_page(pages["rnn"])
    expect(page.get_by_role("button", name=GRADIENTS)).to_be_visible()
    expect(page.get_by_role("button", name=WHAT_IF)).to_be_hidden()
    expect(page.locator(".rec-gate")).to_have_count(1)
    text = page.locator(".rec-cell .tensor-formula").inner_text()
    assert number(text.rsplit("= ", 1)[1]) == pytest.approx(rnn().states["h"][3, 0].item(), rel=1e-3)


@pytest.mark.parametrize(("name", "make"), [("lstm", lstm), ("gru", gru), ("rnn", rnn), ("large", large)])
def test_the_terms_of_a_sum_add_up_as_printed(open_page, pages, name, make):
    view = make(layer=1) if name == "gru" else make()
    page = open_page(pages[name])
    trace = view.record.layers[view.layer]
    t, u = {"lstm": (6, 3), "gru": (7, 2), "rnn": (3, 0), "large": (120, 33)}[name]
    for k in range(trace.gates.shape[1]):
        page.evaluate("k => dlvizModel.set('gate', k)", k)
        sums, totals, products = [0.0], [], []
        for row in page.locator(".rec-term").all():
            value, kind = number(row.locator(".rec-term-value").inner_text()), row.get_attribute("class")
            if "subtotal" in kind:
                assert sums.pop() == pytest.approx(value, abs=1e-9)
                totals.append(value)
                sums.append(0.0)
            elif "total" not in kind:
                sums[-1] += value
            how = row.locator(".rec-factors").inner_text()
            if how:
                products.append((row.locator("span").first.inner_text(), how, value))
        expected = [trace.from_x[t, k, u].item(), trace.from_h[t, k, u].item()]
        assert totals == pytest.approx(expected, abs=6e-4)
        for label, _, value in products:
            matrix, at = label[:4], int(re.search(r"\[(\d+)\]", label).group(1))
            rows = trace.weights.ih if matrix == "W_ih" else trace.weights.hh
            vector = trace.x if matrix == "W_ih" else trace.h_prev
            product = rows[k * trace.gates.shape[2] + u, at] * vector[t, at]
            assert value == pytest.approx(product.item(), abs=6e-4)
        assert products


def test_a_gate_is_selected_by_mouse_and_keyboard(open_page, pages):
    page = open_page(pages["lstm"])
    title = page.locator(".rec-sum .dlviz-panel-title")
    expect(title).to_have_text("What i[3] is made of")
    gate(page, "o").click()
    expect(title).to_have_text("What o[3] is made of")
    expect(gate(page, "o")).to_have_attribute("aria-pressed", "true")
    gate(page, "f").focus()
    page.keyboard.press("Enter")
    expect(title).to_have_text("What f[3] is made of")
    expect(page.locator(".dlviz-count")).to_have_text("step 6 / 8")


def test_a_click_pins_a_step_and_a_unit(open_page, pages):
    view = lstm()
    page = open_page(pages["lstm"])
    page.locator(".rec-heatmap").click(position=place(page, 9, 8, 2, 5))
    expect(page.locator(".rec-cell .dlviz-panel-title b").first).to_have_text("Unit 5 at step 2 (l)")
    expect(page.locator(".dlviz-count")).to_have_text("step 2 / 8")
    text = page.locator(".rec-timeline .rec-readout").inner_text()
    assert number(re.search(r"= (\S+)\.\s", text).group(1)) == pytest.approx(view.states["h"][2, 5].item(), rel=1e-3)


def test_arrow_keys_move_through_time_and_units(open_page, pages):
    page = open_page(pages["lstm"])
    page.locator(".rec-heatmap").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator(".rec-cell .dlviz-panel-title b").first).to_have_text("Unit 4 at step 5 (␣)")
    page.keyboard.press("Home")
    expect(page.locator(".dlviz-count")).to_have_text("step 0 / 8")
    page.keyboard.press(" ")  # the space bar does not start the player while the heatmap has the focus
    page.keyboard.press("End")
    expect(page.locator(".dlviz-count")).to_have_text("step 8 / 8")


def test_a_backward_layer_plays_from_the_end(open_page, pages):
    page = open_page(pages["gru"])
    expect(page.locator(".rec-cell .dlviz-panel-title b").first).to_have_text("Unit 2 at step 7 (h)")
    page.locator(".dlviz-first").click()
    expect(page.locator(".rec-cell .dlviz-panel-title b").first).to_have_text("Unit 2 at step 11 (l)")
    page.locator(".rec-heatmap").focus()
    page.keyboard.press("ArrowLeft")  # left on the screen is forward in its reading order
    expect(page.locator(".dlviz-count")).to_have_text("step 1 / 11")


def test_playing_goes_to_the_last_step(open_page, pages):
    page = open_page(pages["rnn"])
    page.locator(".dlviz-first").click()
    page.evaluate("dlvizModel.set('speed', 4)")
    page.locator(".dlviz-play").click()
    expect(page.locator(".dlviz-count")).to_have_text("step 6 / 6")


@pytest.mark.parametrize(("name", "make"), [("lstm", lstm), ("gru", gru), ("large", large)])
def test_hovering_shows_value_and_input_gradient(open_page, pages, name, make):
    view = {"lstm": lambda: lstm(step=6, unit=3), "gru": lambda: gru(step=4, unit=2, layer=1)}.get(name, make)()
    page = open_page(pages[name])
    steps, units = view.states["h"].shape
    norms = view.input_gradient.norm(dim=1)
    for t in (0, view.position, steps - 2):
        page.locator(".rec-heatmap").hover(position=place(page, steps, units, t, 1))
        text = page.locator(".rec-pointed").inner_text()
        value, influence = (number(one) for one in re.findall(r"= (\S+)\.(?:\s|$)", text))
        assert value == pytest.approx(view.states["h"][t, 1].item(), rel=1e-3)
        assert influence == pytest.approx(norms[t].item(), rel=6e-3, abs=1e-30)


def test_a_large_page_holds_the_input_gradient_of_one_unit_with_a_note(open_page, pages):
    page = open_page(pages["large"])
    page.locator(".rec-heatmap").click(position=place(page, 200, 64, 100, 20))
    expect(page.locator(".rec-timeline .rec-readout")).to_contain_text("holds the input gradient of one unit only")
    expect(page.locator(".rec-cell .dlviz-panel-title b").first).to_have_text("Unit 20 at step 100")


def test_the_gradient_against_lag_is_read_by_mouse_and_keyboard(open_page, pages):
    view = trained()
    page = open_page(pages["trained"])
    open_fold(page, GRADIENTS)
    plot, readout = page.locator(".rec-plot"), page.locator(".rec-plot ~ output")
    plot.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    text = readout.inner_text()
    lags = view.grad_norm_by_lag
    assert number(re.search(r"lag 5: (\S+)", text).group(1)) == pytest.approx(lags[5].item(), rel=6e-3)
    own = view.input_gradient.norm(dim=1)[view.position - 5].item()
    assert number(re.search(r"h\[0\] from step 19: (\S+)", text).group(1)) == pytest.approx(own, rel=6e-3)
    first = view._unrolled.snapshots[0].curves[0][5].item()
    assert number(re.search(r"first snapshot: (\S+)", text).group(1)) == pytest.approx(first, rel=6e-3)
    box = plot.locator("svg").bounding_box()
    page.mouse.move(box["x"] + 52 + (470 - 64) * 10 / 19, box["y"] + 80)
    expect(readout).to_contain_text("lag 10: ")


def test_the_curve_passes_through_its_numbers(open_page, pages):
    view = trained()
    page = open_page(pages["trained"])
    d = page.locator(".rec-chart path.rec-gradient").first.get_attribute("d")
    points = [tuple(map(float, one.split(","))) for one in re.findall(r"[ML]([\d.]+,[\d.]+)", d)]
    logs = view.grad_norm_by_lag.log10().double()
    assert len(points) == 20
    x, y = torch.tensor(points, dtype=torch.float64).unbind(1)
    assert torch.allclose(x, 52 + torch.arange(20).double() * (470 - 64) / 19, atol=0.06)
    slope = (y[-1] - y[0]) / (logs[-1] - logs[0])
    assert torch.allclose(y, y[0] + slope * (logs - logs[0]), atol=0.2)


def test_earlier_snapshots_are_drawn_with_their_labels(open_page, pages):
    page = open_page(pages["trained"])
    expect(page.locator(".rec-chart path.rec-reference")).to_have_count(4)
    open_fold(page, GRADIENTS)
    text = page.locator(".rec-legend").first.inner_text()
    assert "<i>mid</i>" in text
    assert "first snapshot" in text


def test_clipping_shows_the_norm_before_and_after(open_page, pages):
    view = trained()
    page = open_page(pages["trained"])
    open_fold(page, CLIPPING)
    readout = page.locator(".rec-grad-norm output")
    norm = view._unrolled.snapshots[-1].norm.item()
    for clip in ("0.5", "0.1", "10"):
        page.get_by_role("combobox", name="clip at").select_option(clip)
        text = readout.inner_text()
        before, after = (
            number(re.search(rf"{word} (\S+?)[.;]?(?:;|\.?$)", text).group(1)) for word in ("norm", "leaves")
        )
        assert before == pytest.approx(norm, rel=1e-3)
        assert after == pytest.approx(min(norm, float(clip)), rel=1e-3)


def test_without_gradients_a_text_explains_how_to_see_them(open_page, pages):
    expect(open_page(pages["lstm"]).locator(".rec-grad-norm output")).to_contain_text("view.update()")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_a_page_with_numbers_that_are_not_finite_has_no_attribute_without_a_place(open_page, kind, value):
    torch.manual_seed(0)
    x = torch.randn(6, 3)
    x[3, 1] = value
    options = {"nonlinearity": "relu"} if kind == "RNN" else {}
    view = dlviz.unroll(getattr(nn, kind)(3, 4, **options), x, step=2)
    page = open_page(view.to_html())
    for _ in range(4):
        found = page.evaluate(
            """() => [...document.querySelectorAll("*")].flatMap((node) =>
            [...node.attributes].filter((one) => !one.name.startsWith("aria") && /NaN|Infinity|undefined/.test(one.value))
              .map((one) => `${node.tagName} ${one.name}=${one.value}`))"""
        )
        assert found == []
        assert "Infinity" not in page.inner_text("main")
        page.keyboard.press("ArrowRight")


def test_similar_spans_are_the_ones_python_finds(open_page):
    view = trained(threshold=0.3)
    page = open_page(view)
    open_fold(page, "At which steps is the state similar?")
    field = page.locator(".rec-heatmap")
    expect(page.locator(".rec-found")).to_contain_text("drag with Shift")
    box = field.bounding_box()
    wide = column(page, 20)
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + LEFT + 4.5 * wide, box["y"] + TOP + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + LEFT + 6.5 * wide, box["y"] + TOP + 10, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.evaluate("dlvizModel.get('span')") == [4, 6]
    for threshold in (0.1, 0.3, 0.6, 0.95):
        page.evaluate("value => dlvizModel.set('threshold', value)", threshold)
        view.span, view.threshold = [4, 6], threshold
        text = page.locator(".rec-found").inner_text()
        found = re.search(r"again at: (.*)\.$", text)
        spans = (
            [tuple(map(int, (one.split("–") * 2)[:2])) for one in re.findall(r"\d+(?:–\d+)?", found.group(1))]
            if found
            else []
        )
        assert [(a, b) for a, b in spans] == view.similar_spans()
    field.focus()
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("dlvizModel.get('span')") == [4, 7]
    page.keyboard.press("Shift+ArrowLeft")
    assert page.evaluate("dlvizModel.get('span')") == [4, 6]
    page.keyboard.press("Escape")
    assert page.evaluate("dlvizModel.get('span')") == []


def test_a_saved_page_holds_a_gate_at_zero_and_shows_the_unedited_states(open_page, pages):
    view = lstm(step=6, unit=3)
    page = open_page(pages["lstm"])
    open_fold(page, WHAT_IF)
    page.get_by_role("button", name="hold gate f at 0").click()
    view.zero("f")
    expect(gate(page, "f")).to_have_attribute("aria-label", "gate f = 0")
    text = page.locator(".rec-cell .tensor-formula").inner_text()
    assert number(text.rsplit("= ", 1)[1]) == pytest.approx(view.states["h"][6, 3].item(), rel=1e-3)
    expect(page.locator(".dlviz-badge")).to_have_text("edited copy")
    expect(page.locator(".rec-legend").first).to_contain_text("without edits")
    page.get_by_role("button", name="hold gate f at 0").click()
    expect(page.locator(".dlviz-badge")).to_contain_text("max |drawn − torch|")


def test_a_saved_page_changes_layer_and_bias_and_names_the_restored_setting(open_page, pages):
    view = lstm(step=6, unit=3, layer=1)
    page = open_page(pages["lstm"])
    page.get_by_role("combobox", name="layer").select_option("1")
    text = page.locator(".rec-cell .tensor-formula").inner_text()
    assert number(text.rsplit("= ", 1)[1]) == pytest.approx(view.states["h"][6, 3].item(), rel=1e-3)
    open_fold(page, WHAT_IF)
    page.get_by_role("slider", name="added to forget bias").press("ArrowRight")
    expect(page.locator(".rec-edits .dlviz-control output")).to_have_text("+1")
    expect(page.locator(".dlviz-notes")).to_contain_text("Back to where it was saved: layer.")
    expect(page.locator(".rec-text")).to_be_hidden()


def test_a_typed_text_updates_widget_and_page(live):
    view = lstm()
    page, _ = live(view)
    open_fold(page, WHAT_IF)
    field = page.get_by_role("textbox", name="type a text")
    expect(field).to_have_value("hello you")
    field.press("End")
    field.press_sequentially("rs", delay=60)
    until_holds(page, lambda: view.text == "hello yours")
    expect(page.locator(".dlviz-count")).to_have_text("step 0 / 10")
    expect(page.locator(".dlviz-signature")).to_contain_text("11 steps")
    expect(page.locator(".rec-legend").first).to_contain_text("without edits")
    scene = page.evaluate("dlvizModel.get('scene').tokens.join('')")
    assert scene == "hello yours"
    field.fill("hellö")
    expect(page.get_by_role("alert")).to_contain_text('encode("hellö") raised ValueError')
    assert page.evaluate("dlvizModel.get('scene').tokens.join('')") == "hello yours"
    field.fill("hell")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.locator(".dlviz-play").focus()
    page.get_by_role("button", name="Reset").click()
    until_holds(page, lambda: view.text == "hello you")


def test_a_typed_initial_state_is_used(live):
    view = lstm(unit=3)
    page, _ = live(view)
    open_fold(page, WHAT_IF)
    field = page.get_by_role("textbox", name="h of this unit before the first step")
    field.fill("−0.75")
    field.press("Enter")
    until_holds(page, lambda: view.initial_state == [["h", 0, 3, -0.75]])
    assert view.record.layers[0].h0[3] == -0.75
    for text, key in (("much", "Enter"), ("3", "Escape")):
        field.fill(text)
        field.press(key)
        expect(field).to_have_value("−0.75")
    cell = page.get_by_role("textbox", name="c of this unit before the first step")
    cell.fill("2")
    cell.press("Enter")
    until_holds(page, lambda: view.record.layers[0].c0[3] == 2)
    until_holds(page, lambda: values(page, "tspan.rec-value")[0] == 2)
    page.get_by_role("button", name="Reset").click()
    until_holds(page, lambda: view.initial_state == [])
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()


def test_a_gate_is_held_at_zero_and_released(live):
    view = gru(unit=2)
    page, _ = live(view)
    open_fold(page, WHAT_IF)
    page.get_by_role("button", name="hold gate z at 0").click()
    until_holds(page, lambda: view.zeroed == [[0, "z", -1]])
    expect(page.get_by_role("button", name="hold gate z at 0")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="hold gate z at 0").press("Enter")
    until_holds(page, lambda: view.zeroed == [])


def test_stepping_hovering_and_arrow_keys_send_no_requests(live):
    view = lstm()
    page, asked = live(view)
    open_fold(page, GRADIENTS)
    before = view.scene
    page.locator(".dlviz-next").click()
    page.locator(".rec-heatmap").hover(position={"x": 300, "y": 100})
    page.locator(".rec-heatmap").focus()
    page.keyboard.press("ArrowDown")
    page.locator(".rec-plot").hover(position={"x": 200, "y": 60})
    gate(page, "o").click()
    until_holds(page, lambda: view.gate == 3)
    assert {name for one in asked for name in one["traits"]} <= {"step", "unit", "gate", "playing"}
    assert view.scene is before


@pytest.mark.parametrize("width", [480, 700, 1000, 1300])
@pytest.mark.parametrize("name", ["lstm", "gru", "large", "trained"])
def test_nothing_is_cut_off_at_any_width(open_page, pages, width, name):
    page = open_page(pages[name], width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    for title in page.locator(".dlviz-fold-title:visible").all():
        title.click()
    edge = page.locator(".dlviz").bounding_box()
    for selector in (".dlviz-fold-panels > *", ".rec-heatmap canvas", ".rec-term", ".rec-cell .tensor-formula"):
        for box in (node.bounding_box() for node in page.locator(f"{selector}:visible").all()):
            assert box["x"] + box["width"] <= edge["x"] + edge["width"] + 0.5


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "trained"])
def test_timeline_cell_and_player_are_on_one_screen(open_page, pages, name):
    page = open_page(pages[name], width=1000)
    timeline, cell = (page.locator(one).bounding_box() for one in (".rec-timeline", ".rec-cell"))
    assert timeline["x"] + timeline["width"] <= cell["x"]
    assert timeline["y"] == cell["y"]
    assert page.locator(".dlviz").bounding_box()["height"] <= 740  # with a row of menus


def test_secondary_panels_are_folded_and_open_below_the_picture(open_page, pages):
    page = open_page(pages["trained"], width=1000)
    titles = page.locator(".dlviz-fold-title:visible")
    before = [title.bounding_box() for title in titles.all()]
    assert len(before) == 4
    assert {title.get_attribute("aria-expanded") for title in titles.all()} == {"false"}
    expect(page.locator(".dlviz-fold-panels")).to_be_hidden()
    for title in titles.all():
        title.click()
    assert [title.bounding_box() for title in titles.all()] == before
    for panel in (".rec-edits", ".rec-by-lag", ".rec-grad-norm", ".rec-similar"):
        expect(page.locator(panel)).to_be_visible()


def test_the_readout_stands_beside_the_pointer(open_page, pages):
    page = open_page(pages["lstm"])
    for t, u in ((1, 1), (8, 7)):
        at = place(page, 9, 8, t, u)
        page.locator(".rec-heatmap").hover(position=at)
        canvas, box = (page.locator(one).bounding_box() for one in (".rec-heatmap canvas", ".rec-pointed"))
        x, y = canvas["x"] + at["x"], canvas["y"] + at["y"]
        assert box["x"] - 20 <= x <= box["x"] + box["width"] + 20
        assert min(abs(box["y"] - y), abs(box["y"] + box["height"] - y)) <= 20
    page.mouse.move(5, 5)
    expect(page.locator(".rec-pointed")).to_be_hidden()


#: How many marks run through the pipes.
FLOWING = """document.querySelector('.rec-picture').getAnimations({ subtree: true })
  .filter((one) => one.effect.target.matches('.rec-pulse')).length"""


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("reduced", [True, False])
def test_values_run_through_the_pipes_in_a_step_unless_reduced_motion_is_preferred(open_page, pages, name, reduced):
    page = open_page(pages[name], reduced_motion=reduced)
    assert page.evaluate(FLOWING) == 0
    moving = page.evaluate(f"() => {{ dlvizModel.set('step', 2); return {FLOWING}; }}")
    assert moving == (0 if reduced else page.locator(".rec-pulse").count())
    # A step that comes before they have arrived does not wait for them.
    assert page.evaluate(f"() => {{ dlvizModel.set('step', 3); return {FLOWING}; }}") == 0


def test_tick_labels_of_the_gradient_norm_are_plain_numbers(open_page, pages):
    for name, expected in (("lstm", ["1", "0.1", "0.01", "0.001"]), ("large", None)):
        page = open_page(pages[name])
        open_fold(page, GRADIENTS)
        labels = page.locator(".rec-by-lag .dlviz-chart-axes text[text-anchor=end]").all_text_contents()
        assert labels == (expected or [label for label in labels if re.fullmatch(r"1|0\.0*1|10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+", label)])
        assert len(labels) > 2


def test_the_picture_follows_the_width(open_page, pages):
    page = open_page(pages["large"], width=1000)
    page.set_viewport_size({"width": 600, "height": 800})
    until(page, "document.querySelector('.rec-heatmap canvas').clientWidth < 540")


def test_the_theme_repaints_the_canvas(open_page, pages):
    page = open_page(pages["large"])
    inside = place(page, 200, 64, 10, 10)

    def color():
        return pixel(page, ".rec-heatmap canvas", inside["x"], inside["y"])

    light = color()
    page.evaluate("dlvizModel.set('theme', 'dark')")
    until_holds(page, lambda: color() != light)
    assert sum(color()) < 3 * 160
