"""`dlviz.embedding` in a browser: an exported page and a live widget, used with mouse and keyboard, against torch's numbers."""

import itertools
import re

import pytest
import torch
from playwright.sync_api import expect

import dlviz
from dlviz.embeddings import analogy, neighbors, pca
from tests.browser.conftest import until
from tests.browser.test_network import number

LABELS = ["king", "queen", "猫", "<b>Ж</b>", *(f"word {k}" for k in range(56))]


def made(**settings):
    matrix = torch.randn(60, 16, generator=torch.Generator().manual_seed(0))
    return dlviz.embedding(matrix, LABELS, **settings)


@pytest.fixture(scope="module")
def page_of_sixty():
    return made(word="king", analogy=("king", "queen", "猫")).to_html()


def listed(page, where=".embedding-neighbors .embedding-list"):
    return [one.inner_text() for one in page.locator(f"{where} .embedding-word > span:first-child").all()]


def test_the_neighbors_of_the_selected_word_are_listed_with_their_cosines(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    near = neighbors(made().vectors, "king")
    assert listed(page) == list(near.labels)
    shown = [
        float(one.inner_text().replace("−", "-"))
        for one in page.locator(".embedding-neighbors .embedding-list code").all()
    ]
    assert shown == pytest.approx(near.cosines.tolist(), abs=5.1e-4)


def test_search_selects_a_word_in_a_page_without_a_kernel(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    field = page.get_by_label("look for a word")
    for text, word in (("猫", "猫"), ("<b>", "<b>Ж</b>"), ("word 5", "word 5")):
        field.fill(text)
        field.press("Enter")
        expect(page.locator(".embedding-neighbors h4").first).to_have_text(f"Nearest to {word}, by cosine")
        assert listed(page) == list(neighbors(made().vectors, word).labels)
    field.fill("nobody")
    expect(page.locator(".embedding-results")).to_have_text("no such word")


def test_a_click_on_a_neighbor_shows_the_terms_of_its_cosine(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    view = made(word="king")
    for place in (0, 3):
        page.locator(".embedding-neighbors .embedding-list button").nth(place).click()
        terms = [
            float(one.inner_text().replace("−", "-"))
            for one in page.locator(".embedding-terms tbody td:last-child").all()
        ]
        item = view.details["similarities"][place]
        assert terms == pytest.approx([*item["terms"], item["rest"]], abs=5.1e-4)
        total = page.locator(".embedding-terms tfoot b").inner_text().replace("−", "-")
        assert float(total) == pytest.approx(view.details["neighbors"]["cosines"][place], abs=5.1e-4)
        residual = float(total) - sum(terms)
        assert page.get_by_text("is left over").count() == (abs(residual) > 5e-4)


def test_arrow_keys_select_words_and_escape_deselects(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    canvas = page.locator(".embedding-canvas")
    canvas.focus()
    seen = {page.evaluate("dlvizModel.get('word')")}
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
        seen.add(page.evaluate("dlvizModel.get('word')"))
    assert len(seen) >= 3
    page.keyboard.press("Escape")
    assert page.evaluate("dlvizModel.get('word')") == -1
    expect(page.locator(".embedding-neighbors .embedding-list")).to_have_count(0)


def test_a_click_on_the_map_selects_the_word_under_it_also_after_panning_and_zooming(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    canvas = page.locator(".embedding-canvas")
    box = canvas.bounding_box()

    def under():
        """Move the pointer over the map until a word is under it; return word and position."""
        for y in range(40, 400, 12):
            for x in range(40, int(box["width"]) - 40, 12):
                page.mouse.move(box["x"] + x, box["y"] + y)
                text = page.locator(".embedding-hovered").inner_text()
                if text in LABELS:
                    return text, box["x"] + x, box["y"] + y
        return pytest.fail("no word under the pointer")

    word, x, y = under()
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".embedding-neighbors h4").first).to_have_text(f"Nearest to {word}, by cosine")
    page.mouse.down()
    page.mouse.move(x + 90, y + 50)
    page.mouse.up()
    page.mouse.move(x + 91, y + 50)
    expect(page.locator(".embedding-hovered")).to_have_text(word)  # the map moved with the pointer
    page.get_by_role("button", name="nearer").click()
    word, *_ = under()
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".embedding-neighbors h4").first).to_have_text(f"Nearest to {word}, by cosine")


def test_live_analogy_and_custom_axis(live):
    view = made()
    page, _ = live(view)
    for name, word in (("a", "king"), ("b", "queen"), ("c", "猫")):
        page.get_by_label(name, exact=True).fill(word)
    page.get_by_role("button", name="b − a + c").click()
    until(page, "document.querySelectorAll('.embedding-answers .embedding-list').length === 2")
    expected = analogy(view.vectors, "king", "queen", "猫")
    lists = page.locator(".embedding-answers .embedding-list")
    for k, near in enumerate((expected.neighbors, expected.unfiltered)):
        shown = [one.inner_text() for one in lists.nth(k).locator(".embedding-word > span:first-child").all()]
        assert shown == list(near.labels[:5])
    page.get_by_label("from", exact=True).fill("king")
    page.get_by_label("to", exact=True).fill("nobody")
    page.get_by_role("button", name="turn the map").click()
    expect(page.get_by_role("alert").nth(1)).to_have_text("There is no word nobody.")
    page.get_by_label("to", exact=True).fill("queen")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.embedding-axes').textContent.includes('from king (0) to queen (1)')")
    assert view.axis == [0, 1]


def test_a_message_names_a_word_that_is_not_in_the_page(open_page):
    count = 800
    view = dlviz.embedding(torch.randn(count, 4, generator=torch.Generator().manual_seed(1)))
    page = open_page(view)
    field = page.get_by_label("look for a word")
    field.fill("799")
    field.press("Enter")
    expect(page.locator(".embedding-axes")).to_contain_text("This page holds no answer for 799")


def test_ten_thousand_points_can_be_panned(open_page):
    page = open_page(dlviz.embedding(torch.randn(10_000, 8, generator=torch.Generator().manual_seed(1))))
    work = page.evaluate(PAN)
    assert work < 60  # generous, for a busy machine; tests/benchmarks measures it


#: Median time in ms of 40 animation frames while the map is dragged.
PAN = """async () => {
  const canvas = document.querySelector(".embedding-canvas");
  canvas.setPointerCapture = () => {};
  const send = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: 200, bubbles: true, pointerId: 1 }));
  const times = [];
  send("pointerdown", 200);
  for (let k = 0; k < 40; k += 1) {
    send("pointermove", 200 + 2 * k);
    times.push(await new Promise((done) => requestAnimationFrame((start) => done(performance.now() - start))));
  }
  send("pointerup", 280);
  return times.sort((a, b) => a - b)[20];
}"""


#: Number of pixels around a position on the map, or on all of it, with a color of the theme; antialiased ones may differ a little.
COLORED = """([x, y, token]) => {
  const canvas = document.querySelector(".embedding-canvas");
  const hex = getComputedStyle(document.querySelector(".dlviz")).getPropertyValue(`--${token}`).trim();
  const wanted = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const size = x === null ? [0, 0, canvas.width, canvas.height] : [x - 10, y - 10, 20, 20];
  const { data } = canvas.getContext("2d").getImageData(...size);
  let count = 0;
  for (let k = 0; k < data.length; k += 4) count += wanted.every((part, c) => Math.abs(data[k + c] - part) < 12);
  return count;
}"""
#: Boxes of the labels (left, top, right, bottom, whether bold) and centers of the points of a map, as they are drawn next.
LABELED = """async (selector) => {
  const canvas = document.querySelector(selector);
  // A drawing that a resize has asked for would be mixed with the one that is looked at.
  let [picture, unchanged] = ["", 0];
  for (let frame = 0; frame < 600 && unchanged < 6; frame += 1) {
    await new Promise(requestAnimationFrame);
    const next = canvas.toDataURL();
    unchanged = next === picture ? unchanged + 1 : 0;
    picture = next;
  }
  const { fillText, arc } = CanvasRenderingContext2D.prototype;
  let [labels, points] = [[], []];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const right = x + this.measureText(text).width;
    if (this.canvas === canvas && this.textBaseline === "middle") labels.push([x, y - 6, right, y + 6, this.font.includes("600"), text]);
    return fillText.call(this, text, x, y);
  };
  CanvasRenderingContext2D.prototype.arc = function (x, y, ...rest) {
    if (this.canvas === canvas) points.push([x, y]);
    return arc.call(this, x, y, ...rest);
  };
  dlvizModel.set("theme", "dark");
  for (let frame = 0; frame < 600 && !points.length; frame += 1) await new Promise(requestAnimationFrame);
  Object.assign(CanvasRenderingContext2D.prototype, { fillText, arc });
  return [labels, points];
}"""
PICTURE = "document.querySelector('.embedding-canvas').toDataURL()"


#: Resolves with the picture once it has stayed the same for twelve animation frames, null if it never does.
SETTLED = """async () => {
  const canvas = document.querySelector(".embedding-canvas");
  let [picture, unchanged] = ["", 0];
  for (let frame = 0; frame < 600 && unchanged < 12; frame += 1) {
    await new Promise(requestAnimationFrame);
    const next = canvas.toDataURL();
    unchanged = next === picture ? unchanged + 1 : 0;
    picture = next;
  }
  return unchanged < 12 ? null : picture;
}"""


def overlaps(boxes):
    """Return the pairs of texts whose boxes overlap."""
    pairs = itertools.combinations(boxes, 2)
    return [(a[5], b[5]) for a, b in pairs if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]


def inside(point, box):
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


def settled_picture(page):
    """Return the picture of the map once nothing moves any more."""
    picture = page.evaluate(SETTLED)
    assert picture is not None, "the map does not come to rest"
    return picture


#: Moves the pointer over the map until a selector matches; returns the position.
SEARCH = """(wanted) => {
  const canvas = document.querySelector(".embedding-canvas");
  const home = canvas.getBoundingClientRect();
  for (let y = 60; y < 400; y += 6) {
    for (let x = 40; x < home.width - 40; x += 6) {
      // The browser's own events come at whole pixels.
      const [clientX, clientY] = [Math.round(home.x + x), Math.round(home.y + y)];
      canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
      if (document.querySelector(wanted)) return [clientX, clientY];
    }
  }
}"""


def under(page, wanted=".embedding-status code:not(:empty)"):
    """Move the pointer to a word on the map; return the word, its printed coordinates, and the position."""
    x, y = page.evaluate(SEARCH, wanted)
    page.mouse.move(x, y)
    printed = page.locator(".embedding-status code").inner_text().strip("()").replace("−", "-")
    return page.locator(".embedding-hovered").inner_text(), [float(one) for one in printed.split(", ")], (x, y)


def test_a_3d_map_shows_three_coordinates_and_rotates_by_mouse_keys_and_buttons(open_page):
    page = open_page(made(dimensions=3))
    coordinates = pca(made().vectors.matrix, 3).coordinates
    settled_picture(page)
    word, where, _ = under(page)
    assert where == pytest.approx(coordinates[LABELS.index(word)].tolist(), rel=6e-3, abs=1e-3)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".embedding-neighbors h4").first).to_have_text(f"Nearest to {word}, by cosine")
    page.keyboard.press("Escape")
    page.mouse.move(5, 5)
    first = settled_picture(page)
    assert settled_picture(page) == first  # it does not rotate by itself
    canvas = page.locator(".embedding-canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 230)
    page.mouse.up()
    page.mouse.move(5, 5)
    dragged = settled_picture(page)
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    keyed = settled_picture(page)
    page.get_by_role("button", name="tilt up").click()
    tilted = settled_picture(page)
    assert len({first, dragged, keyed, tilted}) == 4
    word, where, _ = under(page)
    assert where == pytest.approx(coordinates[LABELS.index(word)].tolist(), rel=6e-3, abs=1e-3)
    seen = set()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft"):
        canvas.focus()
        page.keyboard.press(key)
        seen.add(page.evaluate("dlvizModel.get('word')"))
    assert len(seen) >= 2


def test_a_page_switches_between_2d_and_3d_without_a_kernel(open_page, page_of_sixty):
    page = open_page(page_of_sixty, reduced_motion=True)
    flat = settled_picture(page)
    page.get_by_role("radio", name="3-D").check()
    rotated = settled_picture(page)
    expect(page.locator(".embedding-axes")).to_contain_text("3: principal component 3")
    page.get_by_role("radio", name="2-D").check()
    assert settled_picture(page) == flat != rotated
    assert page.get_by_role("button", name="turn left").count() == 0


def test_bars_of_cosines_cover_the_range_that_their_axis_names(open_page):
    # With much in common, all words are alike.
    view = dlviz.embedding(made().vectors.matrix + 3, LABELS, word="king")
    page = open_page(view)
    low, high = (
        number(text) for text in page.locator(".embedding-neighbors .embedding-scale span").all_text_contents()
    )
    cosines = neighbors(view.vectors, "king").cosines
    least, most = cosines.min().item(), cosines.max().item()
    assert 0 <= least - low <= most - least  # differences are visible
    assert 0 <= high - most <= most - least
    axis = page.locator(".embedding-neighbors .embedding-scale").bounding_box()["width"] - 4
    bars = [one.bounding_box()["width"] for one in page.locator(".embedding-neighbors .embedding-bar").all()]
    assert bars == pytest.approx([axis * (cosine - low) / (high - low) for cosine in cosines.tolist()], abs=0.6)


def test_the_readout_stands_beside_the_word_under_the_pointer(open_page, page_of_sixty):
    page = open_page(page_of_sixty, reduced_motion=True)
    settled_picture(page)
    _, _, (x, y) = under(page)
    box = page.locator(".embedding-status").bounding_box()
    assert box["x"] - 20 <= x <= box["x"] + box["width"] + 20
    assert min(abs(box["y"] - y), abs(box["y"] + box["height"] - y)) <= 20
    page.mouse.move(5, 5)
    expect(page.locator(".embedding-hovered")).to_have_text(re.compile("^Click a word"))
    assert (
        page.locator(".embedding-status").bounding_box()["x"] < page.locator(".embedding-map").bounding_box()["x"] + 20
    )


@pytest.mark.parametrize("dimensions", [2, 3])
def test_no_label_on_the_map_covers_another_one_or_a_point(open_page, dimensions):
    page = open_page(made(word="king", dimensions=dimensions), reduced_motion=True)
    settled_picture(page)
    labels, points = page.evaluate(LABELED, ".embedding-canvas")
    assert len(labels) > 20
    assert len(points) >= 60
    assert overlaps(labels) == []
    plain = [box for box in labels if not box[4]]
    assert [box for box in plain if any(inside(point, box) for point in points)] == []


@pytest.mark.parametrize("reduced", [True, False])
def test_points_move_to_another_map_unless_reduced_motion_is_preferred(open_page, page_of_sixty, reduced):
    page = open_page(page_of_sixty, reduced_motion=reduced)
    settled_picture(page)
    pictures = page.evaluate(
        """async () => {
          const canvas = document.querySelector(".embedding-canvas");
          const seen = new Set();
          dlvizModel.set("dimensions", 3);
          const start = performance.now();
          while (performance.now() - start < 1200) {
            await new Promise(requestAnimationFrame);
            seen.add(canvas.toDataURL());
          }
          return seen.size;
        }"""
    )
    assert pictures <= 2 if reduced else pictures > 3


def pixel(page, points, point):
    """Return the pixel of a point on a 2-D map that shows all `points`."""
    low, high = points.min(0).values, points.max(0).values
    wide = page.evaluate("document.querySelector('.embedding-canvas').clientWidth")
    unit = min((wide - 72) / (high - low)[0].item(), 408 / (high - low)[1].item())
    off = (point - (low + high) / 2) * unit
    return round(wide / 2 + off[0].item()), round(240 - off[1].item())


def test_a_ring_marks_b_minus_a_plus_c(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    settled_picture(page)
    coordinates = pca(made().vectors.matrix).coordinates
    target = coordinates[1] - coordinates[0] + coordinates[2]
    x, y = pixel(page, torch.cat((coordinates, target.unsqueeze(0))), target)
    assert page.evaluate(COLORED, [x, y, "class-0"]) > 25
    expect(page.locator(".embedding-axes")).to_contain_text("The ring is b − a + c")
    flat = open_page(made(method="tsne", analogy=("king", "queen", "猫")))
    expect(flat.locator(".embedding-axes")).to_contain_text("t-SNE has no place for b − a + c")


def test_a_word_selected_by_search_becomes_visible_on_a_zoomed_map(open_page):
    page = open_page(made())
    for _ in range(6):
        page.get_by_role("button", name="nearer").click()
    settled_picture(page)
    coordinates = pca(made().vectors.matrix).coordinates
    farthest = int((coordinates - coordinates.mean(0)).norm(dim=1).argmax())
    for word in (LABELS[farthest], "word 20"):
        page.get_by_label("look for a word").fill(word)
        page.get_by_label("look for a word").press("Enter")
        settled_picture(page)
        assert page.evaluate(COLORED, [None, None, "select"]) > 60  # its dot


def test_words_that_match_while_typing_have_rings_on_the_map(open_page):
    page = open_page(made())
    assert page.evaluate(COLORED, [None, None, "select"]) == 0
    page.get_by_label("look for a word").fill("word 1")
    settled_picture(page)
    assert page.evaluate(COLORED, [None, None, "select"]) > 11 * 10  # word 1 and word 10 to word 19
    page.get_by_label("look for a word").fill("")
    settled_picture(page)
    assert page.evaluate(COLORED, [None, None, "select"]) == 0


def test_dot_product_norms_and_distance_are_shown_below_the_cosine(open_page, page_of_sixty):
    page = open_page(page_of_sixty)
    matrix = made().vectors.matrix
    other = LABELS.index(listed(page)[0])
    text = page.locator(".embedding-neighbors p").last.inner_text()
    for value in (
        matrix[0] @ matrix[other],
        matrix[0].norm(),
        matrix[other].norm(),
        (matrix[0] - matrix[other]).norm(),
    ):
        assert f"{value.item():.4g}".rstrip("0") in text


def test_words_are_dragged_from_list_search_and_map_to_the_inputs(live):
    view = made(word="king")
    page, _ = live(view)
    settled_picture(page)
    slots = page.locator("[data-slot]")
    near = page.locator(".embedding-neighbors .embedding-list button")
    first = near.nth(2).locator("span").first.inner_text()
    drag(page, near.nth(2), slots.nth(0))
    page.get_by_label("look for a word").fill("queen")
    drag(page, page.locator(".embedding-results button"), slots.nth(1))
    assert page.get_by_label("b", exact=True).input_value() == first
    assert page.get_by_label("a", exact=True).input_value() == "queen"
    assert view.analogy == []
    page.get_by_label("look for a word").fill("")
    word, _, (x, y) = under(page, ".embedding-canvas[data-word]")
    drop(page, slots.nth(2))
    until(page, "document.querySelectorAll('.embedding-answers .embedding-list').length === 2")
    assert view.analogy == [LABELS.index(one) for one in ("queen", first, word)]
    assert view.word == 0  # dragging a word does not select it
    drag(page, near.nth(0), slots.nth(3))
    until(page, "document.querySelector('.embedding-rank') !== null")
    near_rank, raw_rank = view.details["ranks"]
    expect(page.locator(".embedding-rank")).to_contain_text(f"place {raw_rank} among all")
    assert near_rank is None or f"place {near_rank} without" in page.locator(".embedding-rank").inner_text()
    # A word released without being dragged is selected; one dropped outside the inputs changes nothing.
    question = view.analogy
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.up()
    until(
        page,
        "document.querySelector('.embedding-neighbors h4').textContent.startsWith('Nearest to ' + " + repr(word) + ")",
    )
    expect(near.first.locator("span").first).to_have_text(neighbors(view.vectors, word).labels[0])
    drag(page, near.nth(1), page.locator(".dlviz-head"))
    assert view.analogy == question


def drag(page, what, where):
    box = what.bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
    drop(page, where)


def drop(page, where):
    page.mouse.down()
    box = where.bounding_box()
    for share in (0.3, 1):
        page.mouse.move(box["x"] + share * box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".embedding")).to_have_attribute("data-dragging", "")
    page.mouse.up()
    expect(page.locator(".embedding[data-dragging]")).to_have_count(0)


def test_the_keyboard_inserts_the_selected_word_and_keeps_the_focus(live):
    view = made(word="king")
    page, _ = live(view)
    for word, slot in (("king", "a"), ("queen", "b"), ("猫", "c")):
        page.get_by_label("look for a word").fill(word)
        page.keyboard.press("Enter")
        button = page.get_by_role("button", name=f"put {word} in {slot}", exact=True)
        button.focus()
        page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.embedding-answers .embedding-list').length === 2")
    assert view.analogy == [0, 1, 2]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "put 猫 in c"
    expect(page.locator(".embedding-answers code").first).to_have_text("queen − king + 猫")


def test_a_page_plays_its_snapshots(open_page):
    view = made(word="king")
    matrices = [made().vectors.matrix]
    for k in (1, 2):
        matrices.append(torch.randn(60, 16, generator=torch.Generator().manual_seed(k)))
        view.update(matrices[-1], f"epoch {k}")
    page = open_page(view)
    last = pca(matrices[-1])
    everywhere = (torch.cat(matrices) - last.mean) @ last.components.T
    expect(page.locator(".embedding-snapshot")).to_have_text("epoch 2")
    for step in (2, 0):
        if step == 0:
            page.get_by_role("button", name="first").click()
        settled_picture(page)
        expected = everywhere[60 * step : 60 * step + 60]
        assert page.evaluate(COLORED, [*pixel(page, everywhere, expected[0]), "select"]) > 60  # the dot of king
        word, where, _ = under(page)
        assert where == pytest.approx(expected[LABELS.index(word)].tolist(), rel=6e-3, abs=1e-3)
    expect(page.locator(".embedding-snapshot")).to_have_text("start")
    expect(page.locator(".embedding-neighbors p").first).to_have_text(
        "At epoch 2."
    )  # the lists belong to the snapshot that was shown when the page was saved
    page.get_by_role("button", name="play").click()
    expect(page.locator(".embedding-snapshot")).to_have_text("epoch 2")


def test_ten_thousand_points_can_be_rotated(open_page):
    page = open_page(dlviz.embedding(torch.randn(10_000, 8, generator=torch.Generator().manual_seed(1)), dimensions=3))
    first = page.evaluate(PICTURE)
    assert page.evaluate(PAN) < 60
    assert page.evaluate(PICTURE) != first


def test_axe_finds_nothing_serious_in_a_live_widget(live, axe):
    page, _ = live(made(word="king", analogy=("king", "queen", "猫"), expected="word 3", dimensions=3), bypass_csp=True)
    until(page, "document.querySelector('.embedding-insert') !== null")
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 480])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(open_page, axe, page_of_sixty, theme, width):
    page = open_page(page_of_sixty, theme=theme, width=width, bypass_csp=True)
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_page_of_large_numbers_shows_the_same_neighbors_and_words_on_the_map(open_page, dimensions):
    matrix = torch.randn(60, 16, generator=torch.Generator().manual_seed(0))
    view = dlviz.embedding(matrix * 1e30, LABELS, word="king", analogy=("king", "queen", "猫"), dimensions=dimensions)
    page = open_page(view)
    assert listed(page) == list(neighbors(made().vectors, "king").labels)
    assert not {"NaN", "Infinity"} & set(page.locator(".embedding-side").inner_text().split())
    canvas = page.locator(".embedding-canvas")
    canvas.focus()
    seen = set()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
        seen.add(page.evaluate("dlvizModel.get('word')"))
    assert len(seen) >= 3
