"""The card of an exercise in an exported page."""

from playwright.sync_api import expect

from dlviz.exercises.cards.exercise_card import ExerciseCard
from dlviz.exercises.catalog import exercise


def test_hints_appear_one_by_one_and_the_focus_stays_after_the_last(open_page):
    item = exercise("05.softmax")
    shown_card = ExerciseCard(item, item.check(lambda x: x))
    page = open_page(shown_card)
    page.get_by_role("button", name="Hint").focus()
    for shown in range(1, len(shown_card.scene["hints"]) + 1):
        page.keyboard.press("Enter")
        expect(page.locator(".exercise-hints li")).to_have_count(shown)
    expect(page.get_by_role("button", name="Hint")).to_have_count(0)
    expect(page.locator(".exercise-hints li").last).to_be_focused()
