"""Every prediction of the lessons in an exported page, and some in JupyterLab: no answer is seen before one is locked in."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dlviz.exercises.cards.prediction_card import PredictionCard
from dlviz.exercises.catalog import items
from dlviz.exercises.prediction import Prediction
from dlviz.export.outputs import fold_until_predicted, widget_placeholder
from dlviz.export.page import html_page
from dlviz.kit.messages import message
from tests.browser.conftest import await_frames
from tests.browser.lab import command, open_notebook, page_on, run, serving, text_of, write_notebook
from tests.exercises.test_prediction import ANSWERS, TRAINED

PREDICTIONS = {id: item for id, item in items().items() if isinstance(item, Prediction)}
#: In JupyterLab the card is the same as in a page, so there a few of each lesson stand for all, whose truths the kernel computes quickly.
SAMPLE = dict([(id, question) for id, question in PREDICTIONS.items() if id not in TRAINED][::6])
BADGES = {True: "✓ as you predicted", False: "✗ not as you predicted"}


def truth(question: Prediction) -> Any:
    """Return the right answer as the page stores it."""
    return question.revealed()["truth"]


def card(page: Page, id: str):
    return page.locator(f'.exercise-card[data-item="{id}"]')


def waiting(id: str) -> str:
    """Return the output that waits for a prediction; in a notebook its source does not contain it."""
    return f"output of {id}"


def answer_by_keyboard(page: Page, question: Prediction, given: Any) -> None:
    """Lock in an answer without the mouse."""
    if question.options:
        card(page, question.id).focus()
        page.keyboard.press(str(question.options.index(given) + 1))
    else:
        card(page, question.id).get_by_role("textbox").focus()
        page.keyboard.type(str(given))
    page.keyboard.press("Enter")


def is_seen(page: Page, id: str) -> bool:
    """Return whether the page shows anything of the answer: a mark, the reason, or the output that waits."""
    question = card(page, id)
    marks = question.locator('[data-verdict="right"], [data-verdict="wrong"], .exercise-why').count()
    return bool(marks) or page.locator(f'.waiting[data-id="{id}"]:visible').count() > 0


@pytest.fixture(scope="module", autouse=True)
def _known_truths() -> Iterator[None]:
    """Take the truths from the table that tests/exercises and the runs of the lessons compare with torch, instead of training again."""
    with pytest.MonkeyPatch.context() as patch:
        for id, question in PREDICTIONS.items():
            patch.setitem(vars(question), "_truth", question._as_json(ANSWERS[id]))
        yield


@pytest.fixture(scope="module")
def every_prediction() -> str:
    """Return a page with every prediction, each with an output that waits for it."""
    cards = {id: PredictionCard(question) for id, question in PREDICTIONS.items()}
    body = "".join(
        f'<div class="cell">{widget_placeholder(id, "")}'
        f"{fold_until_predicted(f'<p class=waiting data-id={id}>{waiting(id)}</p>', id, id)}</div>"
        for id in cards
    )
    return html_page("predictions", body, {id: one.page_payload(10**6) for id, one in cards.items()})


def test_every_prediction_of_an_exported_page_by_keyboard_shows_nothing_before(open_page, every_prediction):
    page = open_page(every_prediction, height=1200)
    assert [id for id in PREDICTIONS if is_seen(page, id)] == []
    for id, question in PREDICTIONS.items():
        expect(card(page, id).locator(".exercise-question")).to_have_text(
            message(question.key("question")).replace("`", "")
        )
        wrong = next((option for option in question.options if option != truth(question)), None)
        given = wrong or truth(question)
        answer_by_keyboard(page, question, tuple(given) if isinstance(given, list) else given)
        expect(card(page, id).locator(".dlviz-badge")).to_have_text(BADGES[wrong is None])
        expect(card(page, id).locator(".exercise-why")).to_have_text(message(question.key("why")).replace("`", ""))
        expect(page.locator(f'.waiting[data-id="{id}"]')).to_be_visible()


def test_every_prediction_of_an_exported_page_by_mouse_and_show_me(open_page, every_prediction):
    page = open_page(every_prediction, height=1200)
    for number, (id, question) in enumerate(PREDICTIONS.items()):
        if number % 2:
            card(page, id).get_by_role("button", name="Show me").click()
            expect(card(page, id).locator(".dlviz-badge")).to_have_text("shown")
        else:
            right = truth(question)
            if question.options:
                card(page, id).locator(f'[data-value="{right}"]').click()
            else:
                shown = str(tuple(right)) if isinstance(right, list) else str(right)
                card(page, id).get_by_role("textbox").fill(shown)
            card(page, id).get_by_role("button", name="Lock in").click()
            expect(card(page, id).locator(".dlviz-badge")).to_have_text(BADGES[True])
        expect(page.locator(f'.waiting[data-id="{id}"]')).to_be_visible()


@pytest.mark.parametrize(
    ("id", "typed", "read"),
    [
        ("12.reads", "20,100", "Read as the number 20,100."),
        ("12.reads", "20100", "Read as the number 20,100."),
        ("12.reads", "-1,234.5", "Read as the number -1234.5."),
        ("12.reads", "3/4", "Read as the number 0.75."),
        ("12.reads", "75 %", "Read as the number 0.75."),
        ("12.reads", ".5%", "Read as the number 0.005."),
        ("12.reads", "3/1.5", "Read as the number 2."),
        ("12.reads", "–3", "Read as the number -3."),
        ("12.reads", "− 5", "Read as the number -5."),
        ("12.reads", "1/0", message("exercise_cards.unreadable_number")),
        ("12.reads", "1e999", message("exercise_cards.unreadable_number")),
        ("12.reads", "0,75", message("exercise_cards.unreadable_number")),
        ("12.reads", "(20,100)", message("exercise_cards.unreadable_number")),
        ("12.reads", "about 3", message("exercise_cards.unreadable_number")),
        ("12.reads", "", ""),
        ("11.shape", "(20,100)", "Read as (20, 100)."),
        ("11.shape", "3,4", "Read as (3, 4)."),
        ("11.shape", "64, 100", "Read as (64, 100)."),
        ("11.shape", "1,2345", "Read as (1, 2345)."),
        ("11.shape", "4,", "Read as (4,)."),
        ("11.shape", "torch.Size([3, 4])", "Read as (3, 4)."),
        ("11.shape", "3x4 × 5", "Read as (3, 4, 5)."),
        ("11.shape", "4", message("exercise_cards.unreadable_shape")),
    ],
)
def test_a_typed_answer_says_how_it_is_read_and_groups_of_three_digits_are_a_number(open_page, id, typed, read):
    page = open_page(PredictionCard(PREDICTIONS[id]))
    field = card(page, id).get_by_role("textbox")
    field.fill(typed)
    expect(card(page, id).locator(".exercise-row .dlviz-soft")).to_have_text(read)
    if typed == "20,100":
        page.keyboard.press("Enter")
        expect(card(page, "12.reads").locator(".dlviz-badge")).to_have_text(BADGES[True])


@pytest.mark.parametrize("id", ["12.reads", "11.peaked"])
@pytest.mark.parametrize("way", ["Lock in", "Show me", "Enter"])
def test_the_focus_stays_in_the_card_after_the_answer(open_page, id, way):
    page = open_page(PredictionCard(PREDICTIONS[id]))
    question, right = PREDICTIONS[id], truth(PREDICTIONS[id])
    if way == "Enter":
        answer_by_keyboard(page, question, right)
    else:
        if question.options:
            page.keyboard.press("Tab")
            card(page, id).locator(f'[data-value="{right}"]').click()
        else:
            card(page, id).get_by_role("textbox").fill(str(right))
        card(page, id).get_by_role("button", name=way).click()
    expect(card(page, id).locator(".exercise-why")).to_be_visible()
    await_frames(page, 3)
    assert page.evaluate("document.activeElement.closest('.exercise-card')?.dataset.item") == id


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_questions_before_and_after_are_accessible(open_page, axe, every_prediction, theme):
    page = open_page(every_prediction, theme=theme, bypass_csp=True)
    for question in list(PREDICTIONS.values())[:12]:
        given = question.options[0] if question.options else 4
        answer_by_keyboard(page, question, given)
    axe(page)


@pytest.fixture(scope="module")
def notebook(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open a notebook with the sample of predictions in JupyterLab, after "Run All"."""
    folder = tmp_path_factory.mktemp("predictions")
    cells = ["from dlviz.exercises import predict"]
    for id in SAMPLE:
        start, end = waiting(id).rsplit(" ", 1)
        cells += [f"predict({id!r})", f"# after {id}\nprint({start!r}, {end!r})"]
    write_notebook(folder / "all.ipynb", [*cells, "print('ALL', 'DONE')"])
    with serving(folder) as server:
        context = chromium.new_context(viewport={"width": 1280, "height": 1400})
        with page_on(context, server) as page:
            open_notebook(page, server, "all.ipynb")
            command(page, "notebook:run-all-cells")
            yield page
        context.close()


def test_predictions_in_a_notebook_after_run_all(notebook):
    """Every second one is answered by keyboard, the others by mouse."""
    page = notebook
    for number, (id, question) in enumerate(SAMPLE.items()):
        page.evaluate(
            "number => globalThis.jupyterapp.shell.currentWidget.content.scrollToItem(number)", 2 * number + 1
        )
        own = card(page, id)
        expect(own).to_be_visible()
        output = page.get_by_text(waiting(id), exact=True)
        assert not is_seen(page, id)
        expect(output).to_have_count(0)
        right = truth(question)
        if number % 2 or not question.options:
            answer_by_keyboard(page, question, tuple(right) if isinstance(right, list) else right)
        else:
            own.locator(f'[data-value="{right}"]').click()
            own.get_by_role("button", name="Lock in").click()
        expect(own.locator(".dlviz-badge")).to_have_text(BADGES[True], timeout=60_000)
        expect(output).to_be_visible()


#: Loses the first of each of these: an answer on its way to Python, and the result on its way to the page.
LOSES = """
from dlviz.exercises.cards.prediction_card import PredictionCard
answered, sent, lost = PredictionCard._on_commit, PredictionCard._send, []
def lose(kind, call):
    if kind in lost: return call()
    lost.append(kind)
def send(card, *given, **named):
    call = lambda: sent(card, *given, **named)
    return lose("result", call) if card.result else call()
PredictionCard._on_commit = lambda card, content: lose("commit", lambda: answered(card, content))
PredictionCard._send = send
"""


def test_an_answer_or_its_result_that_is_lost_on_the_way_is_asked_for_again(notebook):
    page = notebook
    id = next(id for id, question in PREDICTIONS.items() if question.options and id not in SAMPLE and id not in TRAINED)
    page.evaluate(
        """async (cells) => {
          const { content, context } = globalThis.jupyterapp.shell.currentWidget;
          context.model.sharedModel.insertCells(0, cells.map((source) => ({ cell_type: "code", source, metadata: {} })));
        }""",
        [LOSES, f"predict({id!r})", "print(lost)"],
    )
    run(page, 0)
    run(page, 1)
    card(page, id).locator(f'[data-value="{truth(PREDICTIONS[id])}"]').click()
    card(page, id).get_by_role("button", name="Lock in").click()
    expect(card(page, id).locator(".dlviz-badge")).to_have_text(BADGES[True], timeout=60_000)
    run(page, 2)
    assert text_of(page, 2) == "['commit', 'result']"
