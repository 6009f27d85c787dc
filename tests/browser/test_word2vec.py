"""`dlviz.word2vec` in a browser: an exported page and a live widget that trains, against torch's numbers."""

import json

import pytest
import torch
from playwright.sync_api import Page, expect

import dlviz
from dlviz.kit.page import to_json
from tests.browser.conftest import CONNECT, await_frames, until, until_holds
from tests.browser.test_embedding import LABELED, inside, overlaps

DATA = dlviz.data.sentences(150)
#: Traits that the kernel sets, which a notebook would send to the page.
SENT = ("scene", "snapshot", "step", "full_speed", "playing", "lr")


def made(**settings):
    return dlviz.word2vec(DATA, **settings)


@pytest.fixture(scope="module")
def trained():
    view = made(lr=0.3)
    view.run(3000)
    return view


@pytest.fixture(scope="module")
def page_of_training(trained):
    return trained.to_html()


def connect(page: Page, view) -> list:
    """Answer a page as a kernel does, with all that has changed since the last answer; return the list of its messages."""
    sent, known = [], {name: getattr(view, name) for name in SENT}

    def kernel(text: str) -> str:
        message = json.loads(text)
        sent.append(message)
        if message["kind"] == "set":
            view.set_state(message["traits"])
        else:
            view._handle_custom_msg(message, [])
        changed = {name: getattr(view, name) for name in SENT if getattr(view, name) != known[name]}
        known.update(changed)
        return to_json({"_written": view._written} | changed)

    page.expose_function("kernel", kernel)
    page.evaluate(CONNECT)
    return sent


#: Opens the view again, as a notebook does.
OPEN_IN_NOTEBOOK = """async (shared) => {
  const module = await import(URL.createObjectURL(new Blob([shared.view], { type: "text/javascript" })));
  const methods = ["get", "set", "save_changes", "send", "on", "off"];
  const model = Object.fromEntries(methods.map((name) => [name, (...given) => dlvizModel[name](...given)]));
  const el = document.createElement("div");
  document.getElementById("widget").replaceChildren(el);
  await module.open({ model, el, signal: new AbortController().signal }, { get: (name) => shared[name] });
}"""

#: From here on messages to the kernel wait until `release()` is called.
HOLD_MESSAGES = """() => {
  const answer = window.kernel;
  const held = new Promise((release) => (window.release = release));
  window.kernel = async (text) => (await held, answer(text));
}"""


def number(text):
    return float(text.replace("−", "-").replace("·h", ""))


def column(page, index):
    return [number(one) for one in page.locator(f".word2vec-table tbody td:nth-child({index})").all_inner_texts()]


#: Counts requested blocks: `window.blocks` is the most at one time, `window.flying` those that are not answered yet.
COUNT = """() => {
  const send = dlvizModel.send;
  window.flying = 0;
  window.blocks = 0;
  dlvizModel.send = async (message) => {
    window.flying += 1;
    window.blocks = Math.max(window.blocks, window.flying);
    await send(message);
    window.flying -= 1;
  };
}"""


def test_the_step_table_prints_torchs_numbers_and_the_rounding_residual(open_page, page_of_training, trained):
    page = open_page(page_of_training)
    table = trained.snapshot["table"]
    expect(page.locator(".word2vec-table h4")).to_have_text("Step 3,001, about to be taken")
    assert column(page, 2) == pytest.approx(table["scores"], abs=5.1e-4)
    assert column(page, 3) == pytest.approx(table["probs"], abs=5.1e-4)
    assert column(page, 5) == pytest.approx(table["errors"], abs=5.1e-4)
    assert column(page, 7) == pytest.approx([-0.3 * error for error in table["errors"]], abs=5.1e-5)
    terms = column(page, 6)
    total = number(page.locator(".word2vec-table tfoot b").inner_text())
    assert total == pytest.approx(table["loss"], abs=5.1e-4)
    assert page.get_by_text("is left over").count() == (abs(total - sum(terms)) > 5e-4)


def test_the_sentence_and_its_window_are_shown(open_page, page_of_training, trained):
    page = open_page(page_of_training)
    shown = trained.snapshot["sentence"]
    expect(page.locator(".word2vec-raw")).to_be_hidden()  # the words say the same
    assert shown["line"] == " ".join(shown["words"])
    assert page.locator(".word2vec-chip").all_inner_texts() == shown["words"]
    target, *drawn = trained.snapshot["table"]["words"]
    expect(page.locator(".word2vec-pair")).to_contain_text(
        f"From {trained.snapshot['table']['known'][0]} guess {target}. Drawn at random: {', '.join(drawn)}."
    )
    assert page.locator(".word2vec-chip[data-role=known]").inner_text() == trained.snapshot["table"]["known"][0]
    assert page.locator(".word2vec-chip[data-role=target]").inner_text() == trained.snapshot["table"]["words"][0]


def test_a_line_that_was_cut_into_words_otherwise_is_shown_above_them(open_page):
    page = open_page(dlviz.word2vec("A cat, a dog! The cat sees a dog.", vector_size=2))
    expect(page.locator(".word2vec-raw")).to_be_visible()
    assert page.locator(".word2vec-raw").inner_text() == page.evaluate("dlvizModel.get('snapshot').sentence.line")


def test_player_sentence_matrices_and_map_are_on_one_screen_and_the_numbers_folded(open_page, page_of_training):
    page = open_page(page_of_training)
    strip, left, right = (page.locator(f".word2vec-{name}").bounding_box() for name in ("strip", "left", "right"))
    assert strip["y"] + strip["height"] <= left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert page.locator(".dlviz").bounding_box()["height"] <= 700
    for title, content in (("What does this step compute?", "table"), ("How is it written in PyTorch?", "code")):
        expect(page.locator(f".word2vec-{content}")).to_be_hidden()
        page.get_by_role("button", name=title).click()
        expect(page.locator(f".word2vec-{content}")).to_be_visible()
    assert page.locator(".word2vec-right").bounding_box() == right


def test_no_label_on_the_map_covers_another_one_and_the_words_of_the_step_are_labeled(
    open_page, page_of_training, trained
):
    page = open_page(page_of_training, reduced_motion=True)
    labels, points = page.evaluate(LABELED, ".word2vec-canvas")
    assert len(labels) > 15
    assert overlaps(labels) == []
    assert [box for box in labels if not box[4] and any(inside(point, box) for point in points)] == []
    table = trained.snapshot["table"]
    assert {table["known"][0], f"U[{table['words'][0]}]"} <= {box[5] for box in labels}


def test_a_page_plays_its_snapshots_and_moves_with_keys_and_the_loss_curve(open_page, page_of_training):
    page = open_page(page_of_training)
    numbers = page.evaluate("dlvizModel.get('snapshot').steps")
    assert (numbers[0], numbers[-1], 20 < len(numbers) <= 41) == (0, 3000, True)
    page.locator(".dlviz").first.focus()
    page.keyboard.press("Home")
    assert page.evaluate("dlvizModel.get('snapshot').step") == 0
    expect(page.locator(".word2vec-table h4")).to_have_text("Step 1, about to be taken")
    page.keyboard.press(".")
    assert page.evaluate("dlvizModel.get('snapshot').step") == numbers[1]
    expect(page.locator(".word2vec-count")).to_contain_text(f"step {numbers[1]},")
    page.keyboard.press(" ")
    until(page, "dlvizModel.get('step') >= 3")
    page.keyboard.press(" ")
    page.keyboard.press("End")
    assert page.evaluate("dlvizModel.get('snapshot').step") == 3000
    box = page.locator(".word2vec-curve").bounding_box()
    page.mouse.click(box["x"] + box["width"] * (42 + 178 / 2) / 230, box["y"] + box["height"] / 2)
    assert abs(page.evaluate("dlvizModel.get('snapshot').step") - 1500) < 60
    # Controls that need a kernel are hidden.
    expect(page.locator(".word2vec-fast")).to_be_hidden()
    expect(page.locator(".dlviz-controls")).to_be_hidden()


def test_pointer_and_arrow_keys_show_the_numbers_of_a_row(open_page, page_of_training, trained):
    page = open_page(page_of_training)
    readout, words = page.locator(".word2vec-readout"), trained.training.words
    known = trained.snapshot["table"]["known"][0]
    expect(readout).to_be_hidden()
    canvas = page.locator(".word2vec-heat").nth(1)
    box = canvas.bounding_box()
    x, y = box["x"] + 3, box["y"] + 2
    page.mouse.move(x, y)
    expect(readout).to_contain_text(f"{words[0]} · row 0")
    beside = readout.bounding_box()
    assert abs(beside["x"] - x) <= 20
    assert abs(beside["y"] - y) <= 20
    text = readout.inner_text()
    value = trained.training.outputs[0, 0].item()
    assert number(text.split("U[0, 0] = ")[1].split("\n")[0]) == pytest.approx(value, rel=1e-3)
    page.mouse.move(5, 5)
    expect(readout).to_be_hidden()
    page.locator(".word2vec-matrices").focus()
    page.keyboard.press("ArrowDown")
    expect(readout).to_contain_text(f"{known} · row {words.index(known)}")
    page.keyboard.press("ArrowDown")
    expect(readout).to_contain_text(f"{words[words.index(known) + 1]} · row {words.index(known) + 1} ")
    page.keyboard.press("ArrowLeft")
    expect(readout).to_contain_text(" · row ")
    assert page.evaluate("dlvizModel.get('snapshot').step") == 3000  # the player ignores it
    page.keyboard.press("Escape")
    expect(readout).to_be_hidden()


def test_a_word_under_the_pointer_on_the_map_is_highlighted_in_both_matrices(open_page, page_of_training, trained):
    page = open_page(page_of_training)
    coordinates = torch.frombuffer(bytearray(trained.snapshot["coordinates"]), dtype=torch.float32).view(-1, 2)
    box = page.locator(".word2vec-canvas").bounding_box()
    # The outermost word has no neighbors; move along the ray from the center to it.
    outermost = int(coordinates.norm(dim=1).argmax())
    across, up = (coordinates[outermost] / coordinates[outermost].norm()).tolist()
    named = []
    for r in range(20, 240, 4):
        x, y = box["x"] + box["width"] / 2 + r * across, box["y"] + box["height"] / 2 - r * up
        if box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"]:
            page.mouse.move(x, y)
            named.append((page.locator(".word2vec-readout b").text_content() or "").split(" · ")[0])
    assert trained.training.words[outermost] in named


def test_live_the_kernel_takes_a_step_and_returns_to_the_one_before(open_page):
    view = made()
    page = open_page(view)
    connect(page, view)
    for step in (1, 2, 3):
        page.locator(".dlviz-next").click()
        until(page, f"dlvizModel.get('snapshot').step === {step}")
    assert view.training.step == view.training.last_step == 3
    page.locator(".dlviz-back").click()
    until(page, "dlvizModel.get('snapshot').step === 2")
    expect(page.locator(".word2vec-table h4")).to_have_text("Step 3, about to be taken")
    assert view.training.step == 2


def test_live_a_step_that_waits_while_python_trains_does_not_take_the_training_back(open_page):
    view = made()
    page = open_page(view)
    sent = connect(page, view)
    shared = view._shared.get_state()
    page.evaluate(OPEN_IN_NOTEBOOK, {name: value for name, value in shared.items() if isinstance(value, (str, dict))})
    page.locator(".dlviz-next").click()
    until(page, "dlvizModel.get('snapshot').step === 1")
    page.evaluate(HOLD_MESSAGES)
    page.locator(".dlviz-next").click()
    view.run(100)
    page.evaluate("window.release()")
    until(page, "window.pending === 0")
    assert [message["traits"]["step"] for message in sent] == [1, 2]
    assert view.step == view.training.step == 101
    expect(page.locator(".word2vec-table h4")).to_have_text("Step 102, about to be taken")
    page.locator(".dlviz-next").click()
    until(page, "dlvizModel.get('snapshot').step === 102")
    page.locator(".dlviz-first").click()
    until(page, "dlvizModel.get('snapshot').step === 0")
    assert view.step == view.training.step == 0


def test_live_full_speed_requests_one_block_at_a_time_and_stops_at_once(open_page):
    view = made()
    page = open_page(view)
    sent = connect(page, view)
    page.evaluate(COUNT)
    page.get_by_role("button", name="full speed").click()
    until(page, "dlvizModel.get('snapshot').step > 200")
    page.get_by_role("button", name="stop").click()
    until(page, "dlvizModel.get('full_speed') === false")
    until(page, "window.flying === 0 && window.pending === 0")
    blocks, step = sum(one["kind"] == "train" for one in sent), view.step
    await_frames(page, 20)
    assert (sum(one["kind"] == "train" for one in sent), view.step) == (blocks, step)
    assert page.evaluate("window.blocks") == 1  # never two at the same time
    assert page.evaluate("dlvizModel.get('snapshot').step") == step == view.training.step
    # The key f starts it; off and on again requests no second block; any step of the player ends it.
    page.evaluate("window.slow = 300")
    page.locator(".word2vec-matrices").focus()
    for _ in range(3):
        page.keyboard.press("f")
        await_frames(page, 4)
    until(page, "dlvizModel.get('full_speed') === true")
    blocks = sum(one["kind"] == "train" for one in sent)
    until_holds(page, lambda: sum(one["kind"] == "train" for one in sent) >= blocks + 2)
    assert page.evaluate("window.blocks") == 1
    # The messages before are answered first, because a notebook keeps the order of messages.
    page.evaluate("window.slow = 0")
    blocks = sum(one["kind"] == "train" for one in sent)
    until_holds(page, lambda: sum(one["kind"] == "train" for one in sent) >= blocks + 2)
    page.keyboard.press("Home")
    until(page, "dlvizModel.get('snapshot').step === 0")
    assert view.full_speed is False
    page.keyboard.press("End")
    until(page, f"dlvizModel.get('snapshot').step === {view.training.last_step}")


def test_live_the_picture_stays_when_the_kernel_is_lost(open_page):
    view = made()
    page = open_page(view)
    connect(page, view)
    page.locator(".dlviz-next").click()
    until(page, "dlvizModel.get('snapshot').step === 1")
    page.evaluate("() => { dlvizModel.send = () => {}; dlvizModel.save_changes = () => {}; }")
    page.get_by_role("button", name="full speed").click()
    await_frames(page, 20)
    expect(page.locator(".word2vec-table h4")).to_have_text("Step 2, about to be taken")
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_role("button", name="full speed")).to_be_visible()


def test_live_another_objective_restarts_and_a_learning_rate_is_marked(open_page):
    view = made()
    page = open_page(view)
    connect(page, view)
    view.run(40)
    page.get_by_label("learning rate").evaluate("node => { node.value = 7; node.dispatchEvent(new Event('input')); }")
    until(page, "dlvizModel.get('snapshot').lr === 0.2")
    assert view.training.lr_schedule == {0: 0.05, 40: 0.2}
    assert page.locator(".word2vec-changes").get_attribute("d").count("M") == 1
    page.get_by_label("among").select_option("softmax")
    until(page, "dlvizModel.get('scene').loss === 'softmax'")
    expect(page.get_by_role("note")).to_have_text("Begun again from step 0 with the same seed, 0.")
    expect(page.get_by_label("drawn")).to_have_count(0)
    expect(page.locator(".word2vec-code")).to_contain_text("F.cross_entropy")
    expect(page.locator(".word2vec-table tfoot")).to_contain_text("−log softmax")
    expect(page.locator(".word2vec-pair")).to_contain_text("All other words are wrong.")
    assert (view.loss, view.step) == ("softmax", 0)


def test_snapshots_of_the_learners_module_are_played_without_training(open_page):
    words = len(made().training.words)
    net = torch.nn.Sequential(torch.nn.EmbeddingBag(words, 8), torch.nn.Linear(8, words, bias=False))
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    for _ in range(5):
        with torch.no_grad():
            net[0].weight.add_(0.1)
        view.update(1.0)
    view.vectors  # noqa: B018 — the latest snapshot is drawn
    page = open_page(view)
    sent = connect(page, view)
    expect(page.locator(".word2vec-table h4")).to_have_text("A pair, as your matrices stand after update 5")
    expect(page.locator(".word2vec-fast")).to_be_hidden()
    page.locator(".dlviz").first.focus()
    page.keyboard.press("f")
    page.keyboard.press("Home")
    until(page, "dlvizModel.get('snapshot').step === 0")
    expect(page.locator(".word2vec-count")).to_have_text("update 0")
    assert {one["kind"] for one in sent} == {"set"}


def test_words_are_inserted_as_text_not_as_markup(open_page):
    view = dlviz.word2vec([["<img src=x onerror=hurt=1>", "{known}", "&lt;b&gt;"] * 3], vector_size=2)
    page = open_page(view)
    assert set(page.locator(".word2vec-chip").all_inner_texts()) <= {
        "<img src=x onerror=hurt=1>",
        "{known}",
        "&lt;b&gt;",
    }
    assert page.evaluate("globalThis.hurt") is None


def test_reduced_motion_moves_words_at_once(open_page, page_of_training):
    still = open_page(page_of_training, reduced_motion=True)
    frames = """async () => {
      let drawn = 0;
      const plain = CanvasRenderingContext2D.prototype.arc;
      CanvasRenderingContext2D.prototype.arc = function (...given) { drawn += 1; return plain.apply(this, given); };
      const canvas = document.querySelector(".word2vec-canvas");
      dlvizModel.set("step", dlvizModel.get("step") - 1);
      await new Promise((done) => setTimeout(done, 600));
      CanvasRenderingContext2D.prototype.arc = plain;
      return drawn / dlvizModel.get("scene").labels.length;
    }"""
    assert still.evaluate(frames) < 2.5
    assert open_page(page_of_training).evaluate(frames) > 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 480])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(open_page, axe, page_of_training, theme, width):
    page = open_page(page_of_training, theme=theme, width=width, bypass_csp=True)
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_rows_of_two_hundred_words_are_large_enough_for_the_pointer(open_page):
    view = dlviz.word2vec(dlviz.data.sentences(1000))
    assert view.training.vectors.shape == (222, 16)
    page = open_page(view)
    box = page.locator(".word2vec-heat").first.bounding_box()
    rows = set()
    for y in range(2, int(box["height"]), 3):
        page.mouse.move(box["x"] + 5, box["y"] + y)
        rows.add(page.locator(".word2vec-readout b").text_content())
    assert len(rows) > 100
    assert box["width"] < 170
    assert box["height"] < 410
